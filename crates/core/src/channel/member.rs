//! What lasts of a user in a channel: identity, mic grant, mutes (talk.md 8.1). Decided here, made durable by the
//! store under the channel's write lock.

use super::identity::IdentityType;
use super::record::ChannelRecord;
use crate::class::Class;
use crate::id::{ChannelKey, UserId};
use crate::time::UnixMs;
use crate::voice::{Freed, Room, vacate};

/// What an administrator decided about a user of a channel. There is no row for a user about whom nothing was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where.
    pub channel: ChannelKey,
    /// Who.
    pub user: UserId,
    /// Set by `change_user_Identity`: beats every token until the channel ends.
    pub identity: Option<IdentityType>,
    /// Highest processed `RequstId`.
    pub last_request: Option<i64>,
    /// May speak though on demand; adhoc channels only.
    pub mic_grant: bool,
    /// Audio is silenced until then; 0 = it is not, [`UnixMs::MAX`] = until lifted.
    pub mute_audio_until: UnixMs,
    /// The same for video.
    pub mute_video_until: UnixMs,
    /// Last change.
    pub updated: UnixMs,
}

impl Member {
    /// Nothing decided.
    #[must_use]
    pub fn blank(channel: ChannelKey, user: UserId) -> Self {
        Self {
            channel,
            user,
            identity: None,
            last_request: None,
            mic_grant: false,
            mute_audio_until: UnixMs(0),
            mute_video_until: UnixMs(0),
            updated: UnixMs(0),
        }
    }
}

/// A change of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberCommand {
    /// `change_user_Identity`, talk.md 3.10.
    SetIdentity {
        /// New type.
        to: IdentityType,
        /// Orders concurrent requests; `None` = always applied, mark untouched.
        request: Option<i64>,
    },
    /// `set_talk_mic`, talk.md 7.6.
    SetMic {
        /// Grant or withdraw.
        granted: bool,
    },
    /// `mute_talk_user`, talk.md 7.5. `None` leaves a kind alone; 0 lifts; [`UnixMs::MAX`] = until lifted.
    Mute {
        /// Audio.
        audio: Option<UnixMs>,
        /// Video.
        video: Option<UnixMs>,
    },
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberOutcome {
    /// Done, or it was so already and only the mark moved. `rights` = something a participant could notice changed.
    Done {
        /// Whether the standing may have changed.
        rights: bool,
        /// Seats that were emptied by it.
        freed: Vec<Freed>,
    },
    /// The request was processed before: nothing applied, and that is fine.
    Replay,
    /// A later request was processed already.
    Stale {
        /// The mark.
        last: i64,
    },
}

/// The channel a member belongs to, as of one commit.
#[derive(Debug, Clone)]
pub enum Subject<'a> {
    /// A live voice room.
    Room(&'a Room),
    /// A class that runs, or whose channel has a record.
    Class(&'a Class),
    /// An adhoc channel.
    Adhoc(&'a ChannelRecord),
}

/// What to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDecision {
    /// The member row; `None` = unchanged.
    pub member: Option<Member>,
    /// The room with its seats, one version on; only for rooms whose rights changed.
    pub room: Option<Room>,
    /// The same of a class, with its stage and list.
    pub class: Option<Class>,
    /// Whether an adhoc channel's version grows by one.
    pub bump: bool,
    /// What came of it.
    pub outcome: MemberOutcome,
}

/// A decision that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberApplied {
    /// The member before the command.
    pub before: Member,
    /// The member after it.
    pub after: Member,
    /// What came of it.
    pub outcome: MemberOutcome,
}

/// Decides a command. The channel exists (a dismissed room does not); `member` is blank when there is no row.
#[must_use]
pub fn decide_member(subject: &Subject<'_>, member: &Member, command: &MemberCommand, now: UnixMs) -> MemberDecision {
    match command {
        MemberCommand::SetIdentity { to, request } => set_identity(subject, member, *to, *request, now),
        MemberCommand::SetMic { granted } => {
            let next = Member { mic_grant: *granted, updated: now, ..member.clone() };
            stored(subject, member, next, member.mic_grant != *granted)
        }
        MemberCommand::Mute { audio, video } => {
            let next = Member {
                mute_audio_until: audio.unwrap_or(member.mute_audio_until),
                mute_video_until: video.unwrap_or(member.mute_video_until),
                updated: now,
                ..member.clone()
            };
            let ends = |m: &Member| (m.mute_audio_until, m.mute_video_until);
            stored(subject, member, next.clone(), ends(member) != ends(&next))
        }
    }
}

fn nothing(outcome: MemberOutcome) -> MemberDecision {
    MemberDecision { member: None, room: None, class: None, bump: false, outcome }
}

/// Stores `next`; with `rights` the channel's version grows, so that the standing told for it is the newest.
fn stored(subject: &Subject<'_>, before: &Member, next: Member, rights: bool) -> MemberDecision {
    let outcome = MemberOutcome::Done { rights, freed: Vec::new() };
    let same = Member { updated: before.updated, ..next.clone() } == *before;
    let mut out = MemberDecision { member: (!same).then_some(next), ..nothing(outcome) };
    match subject {
        Subject::Room(room) if rights => out.room = Some(Room { version: room.version + 1, ..(*room).clone() }),
        Subject::Class(class) if rights => out.class = Some(Class { version: class.version + 1, ..(*class).clone() }),
        Subject::Adhoc(_) => out.bump = rights,
        Subject::Room(_) | Subject::Class(_) => {}
    }
    out
}

fn set_identity(
    subject: &Subject<'_>,
    member: &Member,
    to: IdentityType,
    request: Option<i64>,
    now: UnixMs,
) -> MemberDecision {
    if let (Some(asked), Some(last)) = (request, member.last_request) {
        if asked < last {
            return nothing(MemberOutcome::Stale { last });
        }
        if asked == last {
            return nothing(MemberOutcome::Replay);
        }
    }
    let mut next = Member { identity: Some(to), updated: now, ..member.clone() };
    next.last_request = request.or(member.last_request);
    // Setting "on demand" withdraws a grant, also where the type was that already.
    if to == IdentityType::OnDemand {
        next.mic_grant = false;
    }
    let steps_down = matches!(to, IdentityType::OnDemand | IdentityType::Listener);
    let freed = match subject {
        Subject::Room(room) if steps_down => vacate(room, &member.user),
        _ => None,
    };
    let off_stage = match subject {
        Subject::Class(class) if steps_down => class.without(&member.user),
        _ => None,
    };
    let changes = member.identity != Some(to) || member.mic_grant != next.mic_grant;
    let rights = changes || freed.is_some() || off_stage.is_some();
    let mut decision = stored(subject, member, next, rights);
    if let Some((room, freed)) = freed {
        decision.room = Some(room);
        decision.outcome = MemberOutcome::Done { rights, freed: vec![freed] };
    }
    if let Some(class) = off_stage {
        decision.class = Some(Class { version: class.version + 1, updated: now, ..class });
    }
    decision
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AppId, ChannelName};

    fn adhoc() -> ChannelRecord {
        let name = ChannelName::new("raid-7").unwrap();
        ChannelRecord::new(ChannelKey { app: AppId(1), name }, UnixMs(1))
    }

    fn blank() -> Member {
        Member::blank(adhoc().key, UserId::new("leef").unwrap())
    }

    fn set(member: &Member, to: IdentityType, request: Option<i64>) -> MemberDecision {
        let command = MemberCommand::SetIdentity { to, request };
        decide_member(&Subject::Adhoc(&adhoc()), member, &command, UnixMs(5))
    }

    #[test]
    fn requests_are_ordered_by_their_number() {
        let first = set(&blank(), IdentityType::Listener, Some(10));
        let member = first.member.unwrap();
        assert_eq!((member.last_request, member.identity), (Some(10), Some(IdentityType::Listener)));
        let lower = set(&member, IdentityType::Host, Some(9));
        assert_eq!((lower.member, lower.outcome), (None, MemberOutcome::Stale { last: 10 }));
        let equal = set(&member, IdentityType::Host, Some(10));
        assert_eq!((equal.member, equal.outcome), (None, MemberOutcome::Replay));
        let higher = set(&member, IdentityType::Listener, Some(i64::MAX)).member.unwrap();
        assert_eq!(higher.last_request, Some(i64::MAX));
    }

    #[test]
    fn without_a_number_it_applies_below_the_mark_and_leaves_it() {
        let member = set(&blank(), IdentityType::Listener, Some(10)).member.unwrap();
        let next = set(&member, IdentityType::Host, None).member.unwrap();
        assert_eq!((next.last_request, next.identity), (Some(10), Some(IdentityType::Host)));
    }

    #[test]
    fn the_same_type_again_changes_no_right_and_moves_the_mark() {
        let member = set(&blank(), IdentityType::Listener, Some(10)).member.unwrap();
        let again = set(&member, IdentityType::Listener, Some(11));
        assert_eq!(again.outcome, MemberOutcome::Done { rights: false, freed: vec![] });
        assert!(!again.bump);
        assert_eq!(again.member.unwrap().last_request, Some(11));
    }

    #[test]
    fn on_demand_withdraws_the_grant_even_when_it_was_that_already() {
        let on_demand = Member { identity: Some(IdentityType::OnDemand), ..blank() };
        let mic =
            decide_member(&Subject::Adhoc(&adhoc()), &on_demand, &MemberCommand::SetMic { granted: true }, UnixMs(2));
        let granted = mic.member.unwrap();
        assert!(granted.mic_grant && mic.bump);
        let again = set(&granted, IdentityType::OnDemand, None);
        assert!(again.bump);
        assert!(!again.member.unwrap().mic_grant);
    }

    #[test]
    fn a_mute_leaves_the_other_kind_alone() {
        let command = |audio, video| MemberCommand::Mute { audio, video };
        let subject = adhoc();
        let subject = Subject::Adhoc(&subject);
        let a = decide_member(&subject, &blank(), &command(Some(UnixMs::MAX), None), UnixMs(1)).member.unwrap();
        assert_eq!((a.mute_audio_until, a.mute_video_until), (UnixMs::MAX, UnixMs(0)));
        let v = decide_member(&subject, &a, &command(None, Some(UnixMs(9))), UnixMs(1)).member.unwrap();
        assert_eq!((v.mute_audio_until, v.mute_video_until), (UnixMs::MAX, UnixMs(9)));
        assert_eq!(decide_member(&subject, &v, &command(None, None), UnixMs(7)).member, None);
    }
}
