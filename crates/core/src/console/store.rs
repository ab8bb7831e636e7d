//! What is asked of the store for an administrator: lists and totals over everything.

use async_trait::async_trait;

use crate::audit::AuditEntry;
use crate::channel::{Call, CloseReason};
use crate::error::Result;
use crate::id::{AppId, ChannelName, UserId};
use crate::time::UnixMs;

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Voice rooms that are not dismissed.
    pub rooms: u64,
    /// Classes in progress.
    pub classes: u64,
    /// Channels with a record of their own.
    pub adhoc: u64,
    /// Bans that run.
    pub bans: u64,
    /// Accounts.
    pub accounts: u64,
}

/// Which commands of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Of this app only.
    pub app: Option<AppId>,
    /// Part of the account, the command or the target. ASCII letters in any case.
    pub text: Option<String>,
}

/// Which call records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSearch {
    /// Of this app only.
    pub app: Option<AppId>,
    /// Of this user only.
    pub user: Option<UserId>,
    /// In this channel only.
    pub channel: Option<ChannelName>,
    /// Begun at this instant or later.
    pub from: UnixMs,
    /// Begun before this instant.
    pub until: UnixMs,
}

/// A call record with the reason of its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSeen {
    /// The record.
    pub call: Call,
    /// Why it ended; `None` while it goes on.
    pub reason: Option<CloseReason>,
}

/// Stretches of one offset that a span of days may have: clocks change twice a year, and once more around some feasts.
pub const SEGMENTS: usize = 4;

/// Which days are added up, by the calendar of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSpan {
    /// Of this app only.
    pub app: Option<AppId>,
    /// Begun at this instant or later.
    pub from: UnixMs,
    /// Begun before this instant.
    pub until: UnixMs,
    /// Calls that go on count until then.
    pub now: UnixMs,
    /// What the place's clocks are ahead of UTC in milliseconds, each from an instant on, the earliest first. The first
    /// one holds before its instant too.
    pub offsets: [(UnixMs, i64); SEGMENTS],
}

/// Totals of the calls that began on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallDay {
    /// Days since 1970-01-01 by the place's calendar.
    pub day: i64,
    /// How many.
    pub calls: u64,
    /// Together so long.
    pub ms: u64,
    /// Distinct users; the same name in two apps is two.
    pub users: u64,
}

/// The promises of [`crate::ports::Store`] hold.
#[async_trait]
pub trait ConsoleStore: Send + Sync {
    /// Counts of what there is at `now`, from one snapshot.
    async fn census(&self, now: UnixMs) -> Result<Census>;

    /// Logged commands, the newest first: how many match, and those from `offset` on.
    async fn audit_page(&self, filter: &AuditFilter, offset: u64, limit: u32) -> Result<(u64, Vec<AuditEntry>)>;

    /// Call records, the last begun first, of those begun at once the last written: how many match, and those from
    /// `offset` on.
    async fn search_calls(&self, search: &CallSearch, offset: u64, limit: u32) -> Result<(u64, Vec<CallSeen>)>;

    /// Totals by day, the earliest first; days without calls are left out. One query.
    async fn call_days(&self, span: &CallSpan) -> Result<Vec<CallDay>>;
}
