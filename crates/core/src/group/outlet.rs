//! What use-cases tell the groups of.

use std::sync::Arc;

use async_trait::async_trait;

use super::names::GroupKey;
use crate::class::{CheckIn, Class, ClassApplied, ClassStatus};
use crate::id::{ChannelKey, UserId};
use crate::media::To;
use crate::notice::Notice;
use crate::time::UnixMs;
use crate::voice::{Freed, Room};

/// Something that the people in a group should see. It is stored already.
#[derive(Debug, Clone)]
pub enum Happening {
    /// Seats of a room changed.
    Seats {
        /// The room as of that commit.
        room: Arc<Room>,
        /// Seats that were freed by somebody else than their holders.
        freed: Vec<Freed>,
    },
    /// Title, announcement or cover of a room changed.
    Room(Arc<Room>),
    /// A room was dismissed just now.
    Dismissed(Arc<Room>),
    /// A user was kicked out of a channel.
    Kicked {
        /// Where.
        channel: ChannelKey,
        /// Whom.
        user: UserId,
        /// End of the ban; 0 = none.
        until: UnixMs,
    },
    /// A command changed a class or its members.
    Class {
        /// What came of it.
        applied: ClassApplied,
        /// What it was about.
        change: ClassChange,
        /// Who asked for it, if somebody did.
        by: Option<UserId>,
    },
    /// A roll call began.
    CheckIn(Arc<Class>, CheckIn),
    /// Courseware of a class changed: these documents came or went.
    Docs(Arc<Class>, Vec<String>),
    /// Everybody, or these users, may comment or not.
    ChatMute {
        /// Where.
        group: GroupKey,
        /// Everybody, if that changed.
        all: Option<bool>,
        /// Single users with the end of it; 0 = may again.
        users: Vec<(UserId, UnixMs)>,
    },
    /// Likes were given.
    Likes(GroupKey, u64),
    /// An administrator's notice.
    Notice(Notice, To),
    /// A user has no media session in an adhoc channel any more.
    Left(ChannelKey, UserId),
    /// An adhoc channel ended.
    Ended(ChannelKey),
}

/// What a class's command was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassChange {
    /// Its status.
    Status(ClassStatus),
    /// Title, announcement, extends.
    Fields,
    /// The shared object: which of its keys were sent.
    Meeting {
        /// `members`.
        members: bool,
        /// `all_mute`.
        all_mute: bool,
        /// `interaction_allowed`.
        interaction: bool,
    },
    /// The assistant's permit.
    Permit,
    /// It is gone.
    Deleted,
    /// Only who is there, or who is on stage.
    People,
}

/// The groups, as use-cases see them.
#[async_trait]
pub trait Outlet: Send + Sync {
    /// Tells the group. When this returns, it is on its way to everybody; what could not be told is in the log.
    async fn tell(&self, what: Happening);
}
