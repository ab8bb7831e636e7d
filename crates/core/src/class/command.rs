//! What somebody wants of a class, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use super::meeting::MeetingPatch;
use super::member::{ClassIdentity, ClassMember};
use super::record::{Class, ClassStatus};
use super::stage::StageOp;
use crate::caller::Caller;
use crate::id::UserId;
use crate::sanction::{Sanction, Source};
use crate::time::UnixMs;

/// Fields of `update`; `None` leaves a field alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassPatch {
    /// New title.
    pub title: Option<String>,
    /// New announcement.
    pub notice: Option<String>,
    /// New extends.
    pub extends: Option<String>,
}

/// Every change of a class and its members is one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassCommand {
    /// `joinClass`, classroom.md 4.6 and 5.2.
    Join {
        /// Who.
        user: UserId,
        /// Shown name.
        name: String,
        /// Shown picture; `None` leaves a known one.
        avatar: Option<String>,
        /// Student or assistant, when the request says so.
        wish: Option<ClassIdentity>,
    },
    /// `leaveClass`, classroom.md 5.2 rule 4.
    Leave {
        /// Who.
        user: UserId,
        /// Has a live connection now.
        online: bool,
        /// A join this young may be the page that comes back.
        grace: Duration,
    },
    /// The absence of a member counts from now on.
    Depart {
        /// Who.
        user: UserId,
    },
    /// A live connection of the user appeared.
    Connect {
        /// Who.
        user: UserId,
        /// It had left when that was noticed, and is back. Otherwise who has left meanwhile stays out.
        returns: bool,
    },
    /// `start`, `pause`, `stop`.
    SetStatus {
        /// Who asks; must teach.
        caller: Caller,
        /// To what.
        to: ClassStatus,
    },
    /// A stream of the class came or went at a vendor's live service (classroom.md 6.9).
    Streamed {
        /// It came.
        on: bool,
    },
    /// `update`, classroom.md 4.11.
    Update {
        /// Who asks.
        caller: Caller,
        /// The change.
        patch: ClassPatch,
    },
    /// `delete`, classroom.md 4.12.
    Delete {
        /// Who asks; must teach.
        caller: Caller,
    },
    /// A kick through any door (classroom.md 5.5, talk.md 5).
    Kick {
        /// Who asks, where roles count; `None` = a door that knows no protected roles.
        caller: Option<Caller>,
        /// Whom.
        user: UserId,
        /// Door.
        source: Source,
        /// Acting account.
        by: String,
        /// End of the ban; 0 = none.
        until: UnixMs,
    },
    /// `cancelKick`.
    Lift {
        /// Who asks.
        caller: Caller,
        /// Whose ban.
        user: UserId,
    },
    /// `setAssistantPermit`.
    SetPermit {
        /// Who asks; must teach.
        caller: Caller,
        /// The permit.
        text: String,
        /// Only this user may take the slot.
        only: Option<UserId>,
    },
    /// `deleteAssistantPermit`.
    DropPermit {
        /// Who asks; must teach.
        caller: Caller,
    },
    /// `updateMeetingInfo`, classroom.md 5.7.
    Meeting {
        /// Who asks; must teach.
        caller: Caller,
        /// The change.
        patch: MeetingPatch,
        /// Users on stage at most, the teacher not counted.
        stage_max: usize,
    },
    /// A message that changes the stage, judged before (classroom.md 7.5).
    Stage {
        /// The change.
        op: StageOp,
        /// Users on stage at most, the teacher not counted.
        stage_max: usize,
    },
}

impl ClassCommand {
    /// Whose row and sanction decide what the caller may do.
    #[must_use]
    pub fn caller(&self) -> Option<&Caller> {
        match self {
            Self::SetStatus { caller, .. }
            | Self::Update { caller, .. }
            | Self::Delete { caller }
            | Self::Lift { caller, .. }
            | Self::SetPermit { caller, .. }
            | Self::DropPermit { caller }
            | Self::Meeting { caller, .. } => Some(caller),
            Self::Kick { caller, .. } => caller.as_ref(),
            Self::Join { .. }
            | Self::Leave { .. }
            | Self::Depart { .. }
            | Self::Connect { .. }
            | Self::Streamed { .. }
            | Self::Stage { .. } => None,
        }
    }

    /// Whom the command is about: the user whose row and sanction count.
    #[must_use]
    pub fn subject(&self) -> Option<&UserId> {
        match self {
            Self::Join { user, .. }
            | Self::Leave { user, .. }
            | Self::Depart { user }
            | Self::Connect { user, .. }
            | Self::Kick { user, .. }
            | Self::Lift { user, .. } => Some(user),
            Self::SetStatus { .. }
            | Self::Streamed { .. }
            | Self::Update { .. }
            | Self::Delete { .. }
            | Self::SetPermit { .. }
            | Self::DropPermit { .. }
            | Self::Meeting { .. }
            | Self::Stage { .. } => None,
        }
    }
}

/// Why a join or leave is refused; the reasons of classroom.md 4.6 and 4.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassRefusal {
    /// A running ban.
    Banned,
    /// There is no permit, or it is for somebody else.
    NoPermit,
    /// Somebody else holds the slot.
    SlotTaken,
    /// No member in class.
    NotInClass,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClassOutcome {
    /// Done. The record or a row may have changed.
    Done,
    /// Nothing to do.
    Unchanged,
    /// The caller's role does not allow it, or the target's protects it.
    NotAllowed,
    /// Nobody else comes on stage.
    StageFull,
    /// A join or leave was refused.
    Refused(ClassRefusal),
    /// A leave that takes effect later, or never: the last join was at this instant.
    Pending(UnixMs),
    /// The assistant lost the slot while in class: its connections end.
    Unseated(UserId),
    /// The class is gone; this is what it was.
    Deleted,
}

/// What is stored of a user, as far as the decision needs it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Member row.
    pub row: Option<&'a ClassMember>,
    /// Sanction, running or not.
    pub sanction: Option<&'a Sanction>,
}

/// What is stored beside the record.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClassFacts<'a> {
    /// Of [`ClassCommand::caller`].
    pub caller: Known<'a>,
    /// Of [`ClassCommand::subject`].
    pub subject: Known<'a>,
    /// The row with the slot, in class or not.
    pub assistant: Option<&'a ClassMember>,
    /// Users an administrator made listeners in the channel (talk.md 3.10): they do not come on stage.
    pub listeners: &'a [UserId],
}

/// A decision, to be made durable as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassDecision {
    /// The record's new state, if it changed.
    pub class: Option<Class>,
    /// Rows to write.
    pub rows: Vec<ClassMember>,
    /// Sanction to write.
    pub sanction: Option<Sanction>,
    /// Users whose right to publish may have changed.
    pub rights: Vec<UserId>,
    /// Who came, went or is shown differently.
    pub news: Vec<News>,
    /// What came of it.
    pub outcome: ClassOutcome,
}

/// Something that everybody in class is told of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberNews {
    /// In class from now on, or shown differently.
    Joined,
    /// Out of class.
    Left,
    /// Kicked.
    Kicked,
}

impl MemberNews {
    /// The message's number (classroom.md 7.5).
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Joined => 11001,
            Self::Left => 11002,
            Self::Kicked => 11003,
        }
    }
}

/// What is told, and the row as it is then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What.
    pub what: MemberNews,
    /// Of whom.
    pub member: ClassMember,
}

/// A command carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassApplied {
    /// The record as of this commit; for a deletion as it was.
    pub class: Arc<Class>,
    /// As in [`ClassDecision`].
    pub rights: Vec<UserId>,
    /// As in [`ClassDecision`].
    pub news: Vec<News>,
    /// What came of it.
    pub outcome: ClassOutcome,
}
