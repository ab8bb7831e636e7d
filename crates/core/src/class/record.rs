//! The record of a class and who may publish in it.

use super::meeting::MeetingInfo;
use super::permit::Permit;
use super::stage::Stage;
use crate::channel::Place;
use crate::cloud::Outside;
use crate::id::{AppId, ChannelKey, ClassId, MeetingId, UserId};
use crate::media::Muted;
use crate::time::UnixMs;

/// Longest notice, bytes (classroom.md 2.4).
pub const NOTICE_BYTES: usize = 4096;

/// Where a class is in its life (classroom.md 5.1). There is no value of its own for paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClassStatus {
    /// Preparing, or paused.
    Idle = 0,
    /// In class.
    Running = 1,
    /// Ended; may be started again.
    Ended = 2,
}

impl ClassStatus {
    /// From the wire's number.
    #[must_use]
    pub fn from_number(n: i64) -> Option<Self> {
        [Self::Idle, Self::Running, Self::Ended].into_iter().find(|s| i64::from(s.number()) == n)
    }

    /// The wire's number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// What kind of class it is; the server treats all alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ClassMode {
    /// Public class.
    #[default]
    Open = 0,
    /// Big class: the teacher's client publishes twice.
    Big = 1,
    /// Small class.
    Small = 2,
}

impl ClassMode {
    /// From the wire's number.
    #[must_use]
    pub fn from_number(n: i64) -> Option<Self> {
        [Self::Open, Self::Big, Self::Small].into_iter().find(|m| i64::from(m.number()) == n)
    }

    /// The wire's number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// A class as of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Never reused; also the name of the hub group and of the whiteboard.
    pub id: ClassId,
    /// Tenant.
    pub app: AppId,
    /// Name of the media channel.
    pub meeting: MeetingId,
    /// Made at.
    pub created: UnixMs,
    /// Moves with every change of the record.
    pub updated: UnixMs,
    /// When the status last became running.
    pub started: Option<UnixMs>,
    /// When it last became ended; may be older than `started`.
    pub stopped: Option<UnixMs>,
    /// 1–256 scalar values.
    pub title: String,
    /// Announcement, up to 4,096 bytes.
    pub notice: String,
    /// The owner.
    pub teacher: UserId,
    /// The owner's nick, may be empty.
    pub teacher_nick: String,
    /// Opaque text of the app.
    pub extends: String,
    /// Kind.
    pub mode: ClassMode,
    /// Where in its life.
    pub status: ClassStatus,
    /// Title at creation: what the whiteboard is called.
    pub board_title: String,
    /// What it has at vendors.
    pub outside: Outside,
    /// Opens the assistant's slot.
    pub permit: Option<Permit>,
    /// What clients share about who speaks.
    pub info: MeetingInfo,
    /// Who may publish besides the teacher.
    pub stage: Stage,
    /// Rises with every committed change that can change somebody's rights in the channel.
    pub version: u64,
}

/// What a class is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClass {
    /// Random.
    pub id: ClassId,
    /// Tenant.
    pub app: AppId,
    /// Random.
    pub meeting: MeetingId,
    /// Made at.
    pub created: UnixMs,
    /// See [`Class`].
    pub title: String,
    /// See [`Class`].
    pub notice: String,
    /// See [`Class`].
    pub teacher: UserId,
    /// See [`Class`].
    pub teacher_nick: String,
    /// See [`Class`].
    pub extends: String,
    /// See [`Class`].
    pub mode: ClassMode,
    /// See [`Class`].
    pub outside: Outside,
}

impl NewClass {
    /// The class as it is right after creation.
    #[must_use]
    pub fn into_class(self) -> Class {
        Class {
            id: self.id,
            app: self.app,
            meeting: self.meeting,
            created: self.created,
            updated: self.created,
            started: None,
            stopped: None,
            board_title: self.title.clone(),
            outside: self.outside,
            title: self.title,
            notice: self.notice,
            teacher: self.teacher,
            teacher_nick: self.teacher_nick,
            extends: self.extends,
            mode: self.mode,
            status: ClassStatus::Idle,
            permit: None,
            info: MeetingInfo::default(),
            stage: Stage::default(),
            version: 1,
        }
    }
}

impl Class {
    /// The class's media channel.
    #[must_use]
    pub fn channel(&self) -> ChannelKey {
        ChannelKey::of_meeting(self.app, self.meeting)
    }

    /// Not ended.
    #[must_use]
    pub fn open(&self) -> bool {
        self.status != ClassStatus::Ended
    }

    /// What the user is in this class's channel at `now`. `present` = the user is a member with status 1, which counts
    /// only where the operator lets everybody speak.
    #[must_use]
    pub fn place(&self, user: &UserId, everybody: bool, present: bool, now: UnixMs) -> Place {
        let teacher = self.teacher == *user;
        let stage = self.stage.holds(user, now) || (everybody && present);
        let muted = if teacher { Muted::default() } else { self.stage.muted(user) };
        Place::Class { open: self.open(), teacher, stage, muted }
    }
}
