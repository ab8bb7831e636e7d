//! What a caller sees of a class: everything that one answer needs, as of one snapshot.

use std::sync::Arc;

use super::file::ClassFile;
use super::member::{ClassIdentity, ClassMember, MemberStatus, Role};
use super::record::Class;
use crate::caller::Caller;
use crate::id::{CheckInId, ClassId, UserId};
use crate::sanction::Sanction;
use crate::time::UnixMs;

/// What a class shows of its message group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupFacts {
    /// Nobody but teacher and assistant may comment.
    pub mute_all: bool,
    /// Likes, ever.
    pub likes: u64,
    /// Joins of the group, ever.
    pub pv: u64,
    /// Distinct users that joined the group, ever.
    pub uv: u64,
}

/// A class, with what is stored about one user in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassView {
    /// The record.
    pub class: Arc<Class>,
    /// The row with the slot, in class or not.
    pub assistant: Option<ClassMember>,
    /// The group's state.
    pub group: GroupFacts,
    /// The user's row.
    pub row: Option<ClassMember>,
    /// The user's sanction, running or not.
    pub sanction: Option<Sanction>,
    /// The user may not comment before this instant; 0 = may.
    pub muted_until: UnixMs,
}

/// Why a user may not comment (classroom.md 5.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChatMute {
    /// Muted alone.
    pub user: bool,
    /// With everybody else.
    pub group: bool,
}

impl ClassView {
    /// What the caller, whose view this is, is in the class.
    #[must_use]
    pub fn role(&self, caller: &Caller, now: UnixMs) -> Role {
        Role::of(&self.class, caller, self.row.as_ref(), self.sanction.as_ref(), now)
    }

    /// Whether the user has a running ban.
    #[must_use]
    pub fn banned(&self, now: UnixMs) -> bool {
        self.sanction.as_ref().is_some_and(|s| s.bans(now))
    }

    /// Whether the user may comment, and why not.
    #[must_use]
    pub fn chat_mute(&self, user: &UserId, now: UnixMs) -> ChatMute {
        let assists = self.row.as_ref().is_some_and(|r| r.identity == ClassIdentity::Assistant && r.present());
        let exempt = assists || self.class.teacher == *user;
        ChatMute { user: now < self.muted_until, group: self.group.mute_all && !exempt }
    }
}

/// What there is under a media channel's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meeting {
    /// A class, also an ended one.
    Class(Arc<Class>),
    /// A class that was deleted: the name is never used again.
    Deleted,
    /// Nothing, ever.
    Unknown,
}

/// Which members; `None` = all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemberFilter {
    /// Of this identity.
    pub identity: Option<ClassIdentity>,
    /// In this state.
    pub status: Option<MemberStatus>,
}

/// A piece of courseware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc {
    /// Chosen by the client, unique in the class.
    pub id: String,
    /// Whiteboard provider, as sent; `None` = not sent.
    pub server: Option<String>,
    /// Opaque JSON text.
    pub data: String,
    /// Added at.
    pub created: UnixMs,
    /// What was uploaded for it; `None` = it is somewhere else. Nothing that callers send decides it.
    pub file: Option<ClassFile>,
}

/// A call of the roll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckIn {
    /// Random.
    pub id: CheckInId,
    /// Where.
    pub class: ClassId,
    /// Who began it.
    pub by: UserId,
    /// Begun at.
    pub start: UnixMs,
    /// Seconds it runs.
    pub secs: u32,
}

impl CheckIn {
    /// End of it, not included.
    #[must_use]
    pub fn end(&self) -> UnixMs {
        self.start.plus(std::time::Duration::from_secs(self.secs.into()))
    }

    /// Whether it runs at `now`.
    #[must_use]
    pub fn running(&self, now: UnixMs) -> bool {
        self.start <= now && now < self.end()
    }
}

/// One user's answer to a roll call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckInRecord {
    /// Who.
    pub user: UserId,
    /// When.
    pub at: UnixMs,
}
