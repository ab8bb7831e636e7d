//! Who may send what in a voice room, and what it does (voice-room.md 7.3).

use super::message::{Incoming, Refusal};
use crate::id::UserId;
use crate::voice::{Room, SeatIndex};

/// Numbers of the official clients.
mod kind {
    pub const DISMISSED: i64 = 21001;
    pub const MUTE_MIC: i64 = 21002;
    pub const MUTE_ALL_MICS: i64 = 21003;
    pub const KICK: i64 = 21004;
    pub const SEAT_TAKEN: i64 = 21101;
    pub const SEAT_LEFT: i64 = 21102;
    pub const OFF_SEAT: i64 = 21103;
    pub const CAMERA: i64 = 21201;
    pub const MICROPHONE: i64 = 21202;
    pub const COMMENT: i64 = 21301;
}

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSender {
    /// The user.
    pub user: UserId,
    /// Account with the admin flag.
    pub admin: bool,
    /// May not comment: alone, or with all others.
    pub muted: bool,
}

/// What is to be done with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomEffect {
    /// Everybody gets it; a comment is stored too.
    Relay {
        /// It is a comment.
        comment: bool,
    },
    /// Success, and nobody gets it.
    Swallow,
    /// The room is dismissed; this is its announcement.
    Dismiss,
    /// Everybody's microphone but the owner's is off, or not any more; everybody gets it.
    MuteMics(bool),
    /// The receiver's microphone is off, or not any more.
    MuteMic(UserId, bool),
    /// The receiver is kicked.
    Kick(UserId),
    /// The receiver gets it.
    Direct,
}

/// Judges a message to the whole group.
///
/// # Errors
/// `NOT_ALLOWED`, `MUTED`, `BAD`.
pub fn judge_room(room: &Room, sender: &RoomSender, m: &Incoming) -> Result<RoomEffect, Refusal> {
    let owner = room.anchor == sender.user;
    let rules = owner || sender.admin;
    let relay = Ok(RoomEffect::Relay { comment: false });
    let only = |may: bool| if may { relay.clone() } else { Err(Refusal::NOT_ALLOWED) };
    match m.kind {
        kind::DISMISSED if owner => Ok(RoomEffect::Dismiss),
        kind::MUTE_ALL_MICS if rules => m.flag("mute").map(RoomEffect::MuteMics).ok_or(Refusal::BAD),
        kind::SEAT_TAKEN => only(took(room, sender, owner, m)?),
        kind::SEAT_LEFT => left(room, sender, owner, m),
        kind::OFF_SEAT => only(rules),
        kind::CAMERA | kind::MICROPHONE => {
            let own = m.data.get("userId").is_none_or(|u| u.as_str() == Some(sender.user.as_str()));
            only(own && (owner || room.seat_of(&sender.user).is_some()))
        }
        kind::COMMENT => {
            m.comment()?;
            if sender.muted { Err(Refusal::MUTED) } else { Ok(RoomEffect::Relay { comment: true }) }
        }
        other => only(free(other)),
    }
}

/// Judges a message to one receiver, who is a member; `data` is what the wrapper held.
///
/// # Errors
/// `NOT_ALLOWED`, `BAD`.
pub fn judge_room_direct(
    room: &Room,
    sender: &RoomSender,
    receiver: &UserId,
    m: &Incoming,
) -> Result<RoomEffect, Refusal> {
    let rules = room.anchor == sender.user || sender.admin;
    let target = m.text_of("userId") == receiver.as_str() && *receiver != room.anchor;
    match m.kind {
        kind::MUTE_MIC | kind::KICK if !(rules && target) => Err(Refusal::NOT_ALLOWED),
        kind::MUTE_MIC => m.flag("mute").map(|on| RoomEffect::MuteMic(receiver.clone(), on)).ok_or(Refusal::BAD),
        kind::KICK => Ok(RoomEffect::Kick(receiver.clone())),
        other if free(other) => Ok(RoomEffect::Direct),
        _ => Err(Refusal::NOT_ALLOWED),
    }
}

/// Numbers without a meaning of their own: the app's. Local events of the apps' libraries and server notices are not.
fn free(kind: i64) -> bool {
    !matches!(kind, i64::MIN..=0 | 1000..=1999 | 10000..=19999 | 21000..=21399 | 61001..=61099)
}

/// A seat was taken: the sender says so of itself, and it is true.
fn took(room: &Room, sender: &RoomSender, owner: bool, m: &Incoming) -> Result<bool, Refusal> {
    let index = m.number("seatIndex").ok_or(Refusal::BAD)?;
    if m.text_of("userId") != sender.user.as_str() {
        return Ok(false);
    }
    Ok(match index {
        0 => owner,
        n => room.seat_of(&sender.user).is_some_and(|(i, _)| i64::from(i.get()) == n),
    })
}

/// A seat was left. Where somebody else sits by now nobody is told: one client would empty the new holder's seat.
fn left(room: &Room, sender: &RoomSender, owner: bool, m: &Incoming) -> Result<RoomEffect, Refusal> {
    let relay = RoomEffect::Relay { comment: false };
    let index = m.number("seatIndex").ok_or(Refusal::BAD)?;
    if m.text_of("userId") != sender.user.as_str() {
        return Err(Refusal::NOT_ALLOWED);
    }
    if index == 0 {
        return if owner { Ok(relay) } else { Err(Refusal::NOT_ALLOWED) };
    }
    let seat = SeatIndex::new(index).map_err(|_| Refusal::BAD)?;
    Ok(match &room.seat(seat).taken {
        Some(t) if t.user != sender.user => RoomEffect::Swallow,
        _ => relay,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::id::{AppId, RoomId};
    use crate::time::UnixMs;
    use crate::voice::{NewRoom, Taken};

    fn user(s: &str) -> UserId {
        UserId::new(s).unwrap()
    }

    fn room() -> Room {
        let mut room = NewRoom {
            id: RoomId([7; 16]),
            app: AppId(1),
            created: UnixMs(0),
            title: "t".into(),
            notice: String::new(),
            extends: String::new(),
            anchor: user("owner"),
            anchor_nick: String::new(),
        }
        .into_room(10_000_000);
        let seat = |n: i64| SeatIndex::new(n).unwrap().slot();
        let taken = |u: &str| Some(Taken { user: user(u), since: UnixMs(0), stay: 1, attended: false });
        room.seats[seat(3)].taken = taken("seated");
        room.seats[seat(4)].taken = taken("other");
        room
    }

    fn sender(name: &str) -> RoomSender {
        RoomSender { user: user(name), admin: name == "admin", muted: false }
    }

    fn say(who: &str, kind: i64, data: Value) -> Result<RoomEffect, Refusal> {
        judge_room(&room(), &sender(who), &Incoming::read(kind, data.to_string()).unwrap())
    }

    const RELAYED: Result<RoomEffect, Refusal> = Ok(RoomEffect::Relay { comment: false });
    const REFUSED: Result<RoomEffect, Refusal> = Err(Refusal::NOT_ALLOWED);

    #[test]
    fn h4_management_belongs_to_the_owner() {
        for who in ["seated", "member"] {
            for kind in [21001, 21003, 21103] {
                assert_eq!(say(who, kind, json!({"mute": true})), REFUSED, "{who} {kind}");
            }
        }
        assert_eq!(say("owner", 21001, json!({})), Ok(RoomEffect::Dismiss));
        assert_eq!(say("admin", 21001, json!({})), REFUSED, "the apps obey the owner only");
        assert_eq!(say("admin", 21003, json!({"mute": false})), Ok(RoomEffect::MuteMics(false)));
        assert_eq!(say("owner", 21003, json!({})), Err(Refusal::BAD));
        assert_eq!(say("owner", 21103, json!({})), RELAYED);
        for kind in [21002, 21004] {
            assert_eq!(say("owner", kind, json!({"userId": "seated"})), REFUSED, "to one receiver only");
        }
    }

    #[test]
    fn h5_a_seat_is_told_by_its_holder() {
        let took = |who: &str, of: &str, n: i64| say(who, 21101, json!({"userId": of, "seatIndex": n}));
        assert_eq!(took("member", "member", 1), REFUSED);
        assert_eq!(took("seated", "seated", 2), REFUSED);
        assert_eq!(took("seated", "seated", 3), RELAYED);
        assert_eq!(took("seated", "other", 4), REFUSED);
        assert_eq!(took("owner", "owner", 0), RELAYED);
        assert_eq!(took("member", "member", 0), REFUSED);
        assert_eq!(say("seated", 21101, json!({"userId": "seated"})), Err(Refusal::BAD));
    }

    #[test]
    fn h6_a_left_seat_that_somebody_else_took_is_not_told() {
        let left = |who: &str, n: i64| say(who, 21102, json!({"userId": who, "seatIndex": n}));
        assert_eq!(left("seated", 3), RELAYED);
        assert_eq!(left("member", 1), RELAYED);
        assert_eq!(left("member", 4), Ok(RoomEffect::Swallow));
        assert_eq!(left("member", 0), REFUSED);
        assert_eq!(left("owner", 0), RELAYED);
        assert_eq!(left("member", 9), Err(Refusal::BAD));
    }

    #[test]
    fn h7_reserved_numbers_are_nobodys() {
        for who in ["owner", "admin", "member"] {
            for kind in [1002, 10001, 10004, 12345, 21000, 21099, 21399, 61001, 0, -5] {
                assert_eq!(say(who, kind, json!({})), REFUSED, "{who} {kind}");
            }
            for kind in [30001, 5, 22000, 61000, 61100] {
                assert_eq!(say(who, kind, json!({})), RELAYED, "{who} {kind}");
            }
        }
    }

    #[test]
    fn cameras_and_microphones_are_told_by_those_who_may_speak() {
        for kind in [21201, 21202] {
            assert_eq!(say("seated", kind, json!({})), RELAYED);
            assert_eq!(say("owner", kind, json!({"userId": "owner"})), RELAYED);
            assert_eq!(say("seated", kind, json!({"userId": "other"})), REFUSED);
            assert_eq!(say("member", kind, json!({})), REFUSED);
        }
    }

    #[test]
    fn h11_comments_stop_with_a_mute_and_nothing_else_does() {
        let muted = RoomSender { muted: true, ..sender("member") };
        let m = Incoming::read(21301, json!({"content": "hi"}).to_string()).unwrap();
        assert_eq!(judge_room(&room(), &muted, &m), Err(Refusal::MUTED));
        assert_eq!(judge_room(&room(), &sender("member"), &m), Ok(RoomEffect::Relay { comment: true }));
        let signal = Incoming::read(30001, "{}".into()).unwrap();
        assert_eq!(judge_room(&room(), &muted, &signal), RELAYED);
        assert_eq!(say("member", 21301, json!({"content": " "})), Err(Refusal::BAD));
    }

    #[test]
    fn direct_orders_name_their_receiver_and_spare_the_owner() {
        let direct = |who: &str, to: &str, kind: i64, data: Value| {
            let m = Incoming::read(kind, data.to_string()).unwrap();
            judge_room_direct(&room(), &sender(who), &user(to), &m)
        };
        let mute = |u: &str| json!({"userId": u, "mute": true});
        assert_eq!(direct("owner", "seated", 21002, mute("seated")), Ok(RoomEffect::MuteMic(user("seated"), true)));
        assert_eq!(direct("owner", "seated", 21002, mute("other")), REFUSED);
        assert_eq!(direct("admin", "owner", 21002, mute("owner")), REFUSED);
        assert_eq!(direct("member", "seated", 21004, mute("seated")), REFUSED);
        assert_eq!(direct("owner", "seated", 21004, mute("seated")), Ok(RoomEffect::Kick(user("seated"))));
        assert_eq!(direct("member", "seated", 30001, json!({})), Ok(RoomEffect::Direct));
        assert_eq!(direct("member", "seated", 21301, json!({"content": "x"})), REFUSED);
    }
}
