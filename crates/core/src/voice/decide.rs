//! Every change of a voice room is one of these commands, decided here and made durable by the
//! store under the room's write lock. No IO, no clock: the same inputs give the same decision.

use std::sync::Arc;

use super::room::{Room, RoomPatch, Seat, SeatIndex, Taken};
use crate::caller::Caller;
use crate::channel::{IdentityType, Member};
use crate::id::UserId;
use crate::sanction::{Sanction, Source};
use crate::time::UnixMs;

/// What somebody wants of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `joinMic`, voice-room.md 5.2.
    TakeSeat {
        /// Who will sit.
        user: UserId,
        /// That seat if free, else the lowest free one.
        wish: Option<SeatIndex>,
        /// Opaque text of the app.
        extends: String,
        /// The user has a live session now.
        attended: bool,
    },
    /// `leaveMic`, voice-room.md 5.3.
    LeaveSeat {
        /// Who asks.
        caller: Caller,
        /// Whose seat.
        target: UserId,
        /// The seat believed to be held.
        index: Option<SeatIndex>,
    },
    /// `dismiss`, voice-room.md 5.7.
    Dismiss {
        /// Who asks; must be the owner or an administrator.
        caller: Caller,
    },
    /// `update`, voice-room.md 4.10.
    Update {
        /// Who asks; must be the owner or an administrator.
        caller: Caller,
        /// The change.
        patch: RoomPatch,
    },
    /// A live session of the user appeared: its seat, if any, counts as attended from here on.
    Attend {
        /// Whose.
        user: UserId,
    },
    /// The grace of an absent holder ended: frees the seat if it is still the same stay.
    Release {
        /// Which seat.
        index: SeatIndex,
        /// Which stay on it ([`Taken::stay`]).
        stay: u64,
    },
    /// The owner switches everybody else's microphone off, or on again (21003, voice-room.md 7.3); the role was judged
    /// before.
    MuteMics {
        /// Off, or not any more.
        off: bool,
    },
    /// A kick through any door (talk.md 5): revokes tokens, perhaps bans, frees the seat.
    Kick {
        /// Whom.
        user: UserId,
        /// Door.
        source: Source,
        /// Acting account.
        by: String,
        /// End of the ban; 0 = none.
        until: UnixMs,
    },
}

/// A seat that a command emptied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freed {
    /// Which.
    pub index: SeatIndex,
    /// Who sat there.
    pub holder: UserId,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The user sits at this seat now.
    Seated(SeatIndex),
    /// The user sat already, at this seat; nothing changed.
    AlreadySeated(SeatIndex),
    /// No seat is free.
    Full,
    /// The user may not sit: banned until then.
    Banned(UnixMs),
    /// The user may not sit: an administrator made it a listener (talk.md 3.10).
    Listener,
    /// These seats were emptied (also by `Dismiss` and `Kick`, perhaps none).
    Freed(Vec<Freed>),
    /// Nothing to change, and that is fine.
    Unchanged,
    /// The caller may not do this.
    NotAllowed,
    /// The room is dismissed (for `Dismiss`: it already was, nothing changed).
    Ended,
    /// `Dismiss` worked: these seats were emptied.
    Dismissed(Vec<Freed>),
    /// `Update`, `Attend` or `MuteMics` changed the record.
    Changed,
}

/// The decision: what to store (nothing when `None`) and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The room after the command; `None` = unchanged.
    pub room: Option<Room>,
    /// The sanction to write in the same transaction.
    pub sanction: Option<Sanction>,
    /// What came of it.
    pub outcome: Outcome,
}

/// A decision that is on disk: the room as of that commit (or of that snapshot when nothing changed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The room, seats included.
    pub room: Arc<Room>,
    /// What came of the command.
    pub outcome: Outcome,
}

impl Command {
    /// The user of whom [`decide`] wants to know sanction and member row, if any.
    #[must_use]
    pub fn subject(&self) -> Option<&UserId> {
        match self {
            Self::TakeSeat { user, .. } => Some(user),
            _ => None,
        }
    }
}

/// What else is stored of [`Command::subject`] in this room's channel.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// Its sanction.
    pub sanction: Option<&'a Sanction>,
    /// What an administrator decided.
    pub member: Option<&'a Member>,
}

/// Decides one command.
///
/// Checks are in the order of voice-room.md 2.6: status, sanction, business rule.
#[must_use]
pub fn decide(room: &Room, about: About<'_>, command: &Command, now: UnixMs) -> Decision {
    match command {
        Command::TakeSeat { user, wish, extends, attended } => {
            take_seat(room, about, user, *wish, extends, *attended, now)
        }
        Command::LeaveSeat { caller, target, index } => leave_seat(room, caller, target, *index),
        Command::Dismiss { caller } => dismiss(room, caller, now),
        Command::Update { caller, patch } => update(room, caller, patch, now),
        Command::Attend { user } => attend(room, user),
        Command::Release { index, stay } => match &room.seat(*index).taken {
            Some(t) if t.stay == *stay => free(room, &[*index]),
            _ => unchanged(Outcome::Unchanged),
        },
        Command::MuteMics { .. } if !room.live() => unchanged(Outcome::Ended),
        Command::MuteMics { off } if room.mics_off == *off => unchanged(Outcome::Unchanged),
        Command::MuteMics { off } => changed(Room { mics_off: *off, ..room.clone() }, Outcome::Changed),
        Command::Kick { user, source, by, until } => kick(room, user, *source, by, *until, now),
    }
}

fn unchanged(outcome: Outcome) -> Decision {
    Decision { room: None, sanction: None, outcome }
}

fn changed(mut room: Room, outcome: Outcome) -> Decision {
    room.version += 1;
    Decision { room: Some(room), sanction: None, outcome }
}

fn take_seat(
    room: &Room,
    about: About<'_>,
    user: &UserId,
    wish: Option<SeatIndex>,
    extends: &str,
    attended: bool,
    now: UnixMs,
) -> Decision {
    if !room.live() {
        return unchanged(Outcome::Ended);
    }
    if let Some(s) = about.sanction.filter(|s| s.bans(now)) {
        return unchanged(Outcome::Banned(s.until));
    }
    if about.member.is_some_and(|m| m.identity == Some(IdentityType::Listener)) {
        return unchanged(Outcome::Listener);
    }
    if let Some((held, _)) = room.seat_of(user) {
        return unchanged(Outcome::AlreadySeated(held));
    }
    let is_free = |i: &SeatIndex| room.seat(*i).taken.is_none();
    let Some(index) = wish.filter(is_free).or_else(|| SeatIndex::all().find(is_free)) else {
        return unchanged(Outcome::Full);
    };
    let mut next = room.clone();
    next.seats[index.slot()] = Seat {
        extends: Some(extends.to_owned()),
        taken: Some(Taken { user: user.clone(), since: now, stay: room.version + 1, attended }),
    };
    changed(next, Outcome::Seated(index))
}

fn leave_seat(room: &Room, caller: &Caller, target: &UserId, index: Option<SeatIndex>) -> Decision {
    let moderator = caller.admin || caller.unbound || caller.user == room.anchor;
    if caller.user != *target && !moderator {
        return unchanged(Outcome::NotAllowed);
    }
    if !room.live() {
        return unchanged(Outcome::Ended);
    }
    if let Some((held, _)) = room.seat_of(target) {
        return free(room, &[held]);
    }
    // Moderation by number: an owner or administrator names itself and the seat to empty.
    let by_number = index.filter(|i| caller.user == *target && moderator && room.seat(*i).taken.is_some());
    match by_number {
        Some(i) => free(room, &[i]),
        None => unchanged(Outcome::Unchanged),
    }
}

/// The room without `user` on a seat, one version on; `None` = it held none.
#[must_use]
pub fn vacate(room: &Room, user: &UserId) -> Option<(Room, Freed)> {
    let (held, _) = room.seat_of(user)?;
    let mut next = room.clone();
    let freed = empty(&mut next, &[held]).pop()?;
    next.version += 1;
    Some((next, freed))
}

/// Empties seats: holder gone, `extends` becomes `""`, version rises.
fn free(room: &Room, which: &[SeatIndex]) -> Decision {
    let mut next = room.clone();
    let freed = empty(&mut next, which);
    if freed.is_empty() {
        return unchanged(Outcome::Unchanged);
    }
    changed(next, Outcome::Freed(freed))
}

fn empty(room: &mut Room, which: &[SeatIndex]) -> Vec<Freed> {
    which
        .iter()
        .filter_map(|i| {
            let seat = &mut room.seats[i.slot()];
            let taken = seat.taken.take()?;
            seat.extends = Some(String::new());
            Some(Freed { index: *i, holder: taken.user })
        })
        .collect()
}

fn dismiss(room: &Room, caller: &Caller, now: UnixMs) -> Decision {
    if !(caller.admin || caller.user == room.anchor) {
        return unchanged(Outcome::NotAllowed);
    }
    if !room.live() {
        return unchanged(Outcome::Ended);
    }
    let mut next = room.clone();
    next.stopped = Some(now);
    next.updated = now;
    let freed = empty(&mut next, &SeatIndex::all().collect::<Vec<_>>());
    changed(next, Outcome::Dismissed(freed))
}

fn update(room: &Room, caller: &Caller, patch: &RoomPatch, now: UnixMs) -> Decision {
    if !room.live() {
        return unchanged(Outcome::Ended);
    }
    if !(caller.admin || caller.user == room.anchor) {
        return unchanged(Outcome::NotAllowed);
    }
    let mut next = room.clone();
    for (field, new) in [
        (&mut next.title, &patch.title),
        (&mut next.notice, &patch.notice),
        (&mut next.extends, &patch.extends),
        (&mut next.anchor_nick, &patch.anchor_nick),
        (&mut next.cover_url, &patch.cover_url),
    ] {
        if let Some(new) = new {
            field.clone_from(new);
        }
    }
    if next == *room {
        return unchanged(Outcome::Unchanged);
    }
    next.updated = now;
    changed(next, Outcome::Changed)
}

fn attend(room: &Room, user: &UserId) -> Decision {
    match room.seat_of(user) {
        Some((i, t)) if !t.attended => {
            let mut next = room.clone();
            if let Some(t) = &mut next.seats[i.slot()].taken {
                t.attended = true;
            }
            changed(next, Outcome::Changed)
        }
        _ => unchanged(Outcome::Unchanged),
    }
}

fn kick(room: &Room, user: &UserId, source: Source, by: &str, until: UnixMs, now: UnixMs) -> Decision {
    let mut next = room.clone();
    let held = room.seat_of(user).map(|(i, _)| i);
    let freed = empty(&mut next, held.as_slice());
    // The version rises even without a seat: it is the revision that beats an admission under way.
    let mut d = changed(next, Outcome::Freed(freed));
    d.sanction = Some(Sanction {
        channel: room.channel(),
        user: user.clone(),
        source,
        by: by.to_owned(),
        created: now,
        until,
        not_before_secs: now.secs() + 1,
    });
    d
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AppId, RoomId};
    use crate::voice::NewRoom;

    fn user(s: &str) -> UserId {
        UserId::new(s).unwrap()
    }

    fn room() -> Room {
        NewRoom {
            id: RoomId([7; 16]),
            app: AppId(1000),
            created: UnixMs(1000),
            title: "t".into(),
            notice: String::new(),
            extends: String::new(),
            anchor: user("owner"),
            anchor_nick: String::new(),
        }
        .into_room(10_000_000)
    }

    fn take(u: &str, wish: Option<i64>) -> Command {
        Command::TakeSeat {
            user: user(u),
            wish: wish.and_then(|w| SeatIndex::wish(w).unwrap()),
            extends: "{}".into(),
            attended: false,
        }
    }

    fn run(room: &mut Room, c: &Command) -> Outcome {
        let d = decide(room, About::default(), c, UnixMs(5000));
        if let Some(next) = d.room {
            assert!(next.version > room.version);
            *room = next;
        }
        d.outcome
    }

    #[test]
    fn a_wish_is_met_when_free_else_the_lowest_free_seat_is_given() {
        let mut r = room();
        let at = |n| Outcome::Seated(SeatIndex::new(n).unwrap());
        assert_eq!(run(&mut r, &take("a", Some(5))), at(5));
        assert_eq!(run(&mut r, &take("b", Some(5))), at(1));
        assert_eq!(run(&mut r, &take("c", None)), at(2));
        assert_eq!(run(&mut r, &take("d", Some(-1))), at(3));
        assert_eq!(run(&mut r, &take("a", Some(8))), Outcome::AlreadySeated(SeatIndex::new(5).unwrap()));
        for u in ["e", "f", "g", "h"] {
            assert!(matches!(run(&mut r, &take(u, None)), Outcome::Seated(_)));
        }
        assert_eq!(run(&mut r, &take("i", None)), Outcome::Full);
        assert_eq!(run(&mut r, &take("h", None)), Outcome::AlreadySeated(SeatIndex::new(8).unwrap()));
    }

    #[test]
    fn leaving_follows_the_table_of_5_3() {
        let mut r = room();
        run(&mut r, &take("bob", Some(2)));
        run(&mut r, &take("carol", Some(4)));
        let leave = |c: &str, t: &str, i| Command::LeaveSeat {
            caller: Caller::user(user(c)),
            target: user(t),
            index: SeatIndex::wish(i).unwrap(),
        };
        assert_eq!(run(&mut r, &leave("bob", "carol", 4)), Outcome::NotAllowed);
        assert!(matches!(run(&mut r, &leave("bob", "bob", 4)), Outcome::Freed(f) if f[0].index.get() == 2));
        assert_eq!(run(&mut r, &leave("bob", "bob", 4)), Outcome::Unchanged, "carol keeps her seat");
        assert!(matches!(run(&mut r, &leave("owner", "owner", 4)), Outcome::Freed(f) if f[0].holder == user("carol")));
        assert_eq!(r.seat(SeatIndex::new(4).unwrap()).extends.as_deref(), Some(""));
        run(&mut r, &take("owner", Some(2)));
        run(&mut r, &take("dave", Some(5)));
        assert!(matches!(run(&mut r, &leave("owner", "owner", 5)), Outcome::Freed(f) if f[0].index.get() == 2));
        assert!(r.seat_of(&user("dave")).is_some());
    }

    #[test]
    fn a_release_frees_only_the_stay_it_was_armed_for() {
        let mut r = room();
        run(&mut r, &take("bob", Some(1)));
        let stay = r.seat_of(&user("bob")).unwrap().1.stay;
        run(&mut r, &Command::LeaveSeat { caller: Caller::user(user("bob")), target: user("bob"), index: None });
        run(&mut r, &take("bob", Some(1)));
        let release = Command::Release { index: SeatIndex::new(1).unwrap(), stay };
        assert_eq!(run(&mut r, &release), Outcome::Unchanged);
        assert!(r.seat_of(&user("bob")).is_some());
    }

    #[test]
    fn dismissal_frees_all_seats_once_and_keeps_its_instants() {
        let mut r = room();
        run(&mut r, &take("bob", None));
        let by = |c: &str| Command::Dismiss { caller: Caller::user(user(c)) };
        assert_eq!(run(&mut r, &by("bob")), Outcome::NotAllowed);
        assert!(matches!(run(&mut r, &by("owner")), Outcome::Dismissed(f) if f.len() == 1));
        assert_eq!(r.stopped, Some(UnixMs(5000)));
        assert_eq!(run(&mut r, &by("owner")), Outcome::Ended);
        assert_eq!(run(&mut r, &take("bob", None)), Outcome::Ended);
        assert!(!r.may_publish(&user("owner")));
    }

    #[test]
    fn a_kick_frees_the_seat_and_revokes_tokens_of_its_second() {
        let mut r = room();
        run(&mut r, &take("bob", None));
        let k = Command::Kick { user: user("bob"), source: Source::Console, by: "ops".into(), until: UnixMs(9000) };
        let d = decide(&r, About::default(), &k, UnixMs(5999));
        let s = d.sanction.clone().unwrap();
        assert!(s.revokes(5) && !s.revokes(6));
        assert!(s.bans(UnixMs(8999)) && !s.bans(UnixMs(9000)));
        let r2 = d.room.unwrap();
        assert!(r2.seat_of(&user("bob")).is_none());
        let again = decide(&r2, About { sanction: Some(&s), member: None }, &take("bob", None), UnixMs(6000));
        assert_eq!(again.outcome, Outcome::Banned(UnixMs(9000)));
    }

    #[test]
    fn only_owner_and_seated_members_publish() {
        let mut r = room();
        run(&mut r, &take("bob", Some(3)));
        assert!(r.may_publish(&user("owner")) && r.may_publish(&user("bob")) && !r.may_publish(&user("eve")));
        let standing = |who: &str| {
            let place = r.place(&user(who));
            Rights::new(&user(who), place, None, Policy::default(), r.version, UnixMs(0)).standing(&Claims::default())
        };
        assert_eq!(standing("bob").attributes["stoa.seat"], "3");
        assert!(!standing("bob").permission.allows(TrackSource::ScreenShareAudio));
        assert!(standing("owner").permission.allows(TrackSource::ScreenShareAudio));
    }

    #[test]
    fn a_listener_by_order_takes_no_seat_and_a_promoted_one_needs_none() {
        let r = room();
        let listener = Member { identity: Some(IdentityType::Listener), ..Member::blank(r.channel(), user("bob")) };
        let about = About { sanction: None, member: Some(&listener) };
        assert_eq!(decide(&r, about, &take("bob", None), UnixMs(1)).outcome, Outcome::Listener);
    }

    use crate::channel::{Policy, Rights};
    use crate::media::{Claims, Judge as _, TrackSource};
}
