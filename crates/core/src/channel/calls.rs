//! Call records: one stay of one user in one channel, merged over devices (talk.md 4.3).
//!
//! [`CallBook`] decides, with time passed in; what it wants written comes out as [`CallOp`]s.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{ChannelKey, UserId};
use crate::media::LeftReason;
use crate::time::{Now, UnixMs};

/// Why a record was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The last device left.
    Left,
    /// Removed by command.
    Removed,
    /// The channel ended.
    Ended,
    /// The connection was lost and nobody came back in time.
    Lost,
}

impl CloseReason {
    /// The word stored for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Ended => "ended",
            Self::Lost => "lost",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        [Self::Left, Self::Removed, Self::Ended, Self::Lost].into_iter().find(|r| r.as_str() == s)
    }
}

/// One run of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot {
    /// Rising number of the run.
    pub id: i64,
    /// When it began.
    pub started: UnixMs,
}

/// A change of the records. There is at most one open record per channel and user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOp {
    /// A record begins; nothing happens if one is open.
    Open {
        /// Where.
        channel: ChannelKey,
        /// Whose.
        user: UserId,
        /// When the user became present.
        join: UnixMs,
    },
    /// The open record's connection is lost since then, or (`None`) back.
    Lost {
        /// Where.
        channel: ChannelKey,
        /// Whose.
        user: UserId,
        /// Last sign of life.
        lost: Option<UnixMs>,
    },
    /// The open record ends, not before it began.
    Close {
        /// Where.
        channel: ChannelKey,
        /// Whose.
        user: UserId,
        /// When.
        leave: UnixMs,
        /// Why.
        reason: CloseReason,
    },
}

impl CallOp {
    /// Whose record it is about, and where.
    #[must_use]
    pub fn of(&self) -> (&ChannelKey, &UserId) {
        match self {
            Self::Open { channel, user, .. } | Self::Lost { channel, user, .. } | Self::Close { channel, user, .. } => {
                (channel, user)
            }
        }
    }
}

/// An open record as a restart finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRow {
    /// Where.
    pub channel: ChannelKey,
    /// Whose.
    pub user: UserId,
    /// Its beginning.
    pub join: UnixMs,
    /// Last sign of life, if its connection was known to be lost.
    pub lost: Option<UnixMs>,
    /// When the run that wrote it was last known to run.
    pub heartbeat: UnixMs,
}

/// A record as queries show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Where.
    pub channel: ChannelKey,
    /// Whose.
    pub user: UserId,
    /// Its beginning.
    pub join: UnixMs,
    /// Its end; `None` = still open.
    pub leave: Option<UnixMs>,
}

/// Times of talk.md 4.3.
#[derive(Debug, Clone, Copy)]
pub struct CallConfig {
    /// How long after the last sign of life a return continues the record.
    pub grace: Duration,
}

/// Something happened to a user's presence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallInput {
    /// The first device is present.
    Came {
        /// Where.
        channel: ChannelKey,
        /// Who.
        user: UserId,
        /// When.
        at: UnixMs,
    },
    /// The last device is gone.
    Gone {
        /// Where.
        channel: ChannelKey,
        /// Who.
        user: UserId,
        /// When.
        at: UnixMs,
        /// Why.
        reason: LeftReason,
        /// Last sign of life, when its connection had been lost.
        lost: Option<UnixMs>,
    },
    /// What an earlier run left open.
    Restored(Vec<CallRow>),
}

type Key = (ChannelKey, UserId);

/// Which records are open, and which of them wait for a return.
#[derive(Debug)]
pub struct CallBook {
    config: CallConfig,
    /// Records whose connection is lost: last sign of life, end of the wait on the monotonic clock.
    waiting: BTreeMap<Key, (UnixMs, Duration)>,
    by_end: BTreeMap<(Duration, u64), Key>,
    numbers: u64,
}

impl CallBook {
    /// Nothing open.
    #[must_use]
    pub fn new(config: CallConfig) -> Self {
        Self { config, waiting: BTreeMap::new(), by_end: BTreeMap::new(), numbers: 0 }
    }

    fn wait(&mut self, now: Now, key: Key, lost: UnixMs) {
        let passed = u64::try_from(now.wall.0.saturating_sub(lost.0)).unwrap_or(0);
        let end = now.mono + self.config.grace.saturating_sub(Duration::from_millis(passed));
        self.numbers += 1;
        self.waiting.insert(key.clone(), (lost, end));
        self.by_end.insert((end, self.numbers), key);
    }

    /// Takes an input; answers what is to be written, in order.
    pub fn handle(&mut self, now: Now, input: CallInput) -> Vec<CallOp> {
        match input {
            CallInput::Came { channel, user, at } => match self.waiting.remove(&(channel.clone(), user.clone())) {
                Some(_) => vec![CallOp::Lost { channel, user, lost: None }],
                None => vec![CallOp::Open { channel, user, join: at }],
            },
            CallInput::Gone { channel, user, at, reason, lost } => match closed_by(reason) {
                // A loss that was noticed before the command counts from the loss on.
                Some(reason) => vec![CallOp::Close { channel, user, leave: lost.unwrap_or(at), reason }],
                None => {
                    let lost = lost.unwrap_or(at);
                    self.wait(now, (channel.clone(), user.clone()), lost);
                    vec![CallOp::Lost { channel, user, lost: Some(lost) }]
                }
            },
            CallInput::Restored(rows) => rows.into_iter().map(|row| self.restore(now, row)).collect(),
        }
    }

    fn restore(&mut self, now: Now, row: CallRow) -> CallOp {
        let lost = row.lost.unwrap_or(row.heartbeat).max(row.join);
        self.wait(now, (row.channel.clone(), row.user.clone()), lost);
        CallOp::Lost { channel: row.channel, user: row.user, lost: Some(lost) }
    }

    /// The records whose user did not come back in time.
    pub fn take_due(&mut self, now: Now) -> Vec<CallOp> {
        let later = self.by_end.split_off(&(now.mono + Duration::from_nanos(1), 0));
        let mut out = Vec::new();
        for ((end, _), key) in std::mem::replace(&mut self.by_end, later) {
            // A return, or another loss after it, made this end meaningless.
            if let Some((lost, _)) = self.waiting.get(&key).copied().filter(|(_, e)| *e == end) {
                self.waiting.remove(&key);
                let (channel, user) = key;
                out.push(CallOp::Close { channel, user, leave: lost, reason: CloseReason::Lost });
            }
        }
        out
    }

    /// When a wait ends next, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.by_end.first_key_value().map(|((end, _), _)| *end)
    }
}

/// Whether leaving for this reason ends the record at once, and how; `None` = the user may come back.
fn closed_by(reason: LeftReason) -> Option<CloseReason> {
    match reason {
        LeftReason::ClientInitiated => Some(CloseReason::Left),
        LeftReason::Removed => Some(CloseReason::Removed),
        LeftReason::RoomDeleted | LeftReason::RoomClosed => Some(CloseReason::Ended),
        LeftReason::DuplicateIdentity
        | LeftReason::ServerShutdown
        | LeftReason::JoinFailure
        | LeftReason::SignalClose
        | LeftReason::ConnectionTimeout
        | LeftReason::MediaFailure => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AppId, ChannelName};

    const START: i64 = 1_700_000_000_000;

    fn at(secs: i64) -> Now {
        Now { wall: UnixMs(START + secs * 1000), mono: Duration::from_secs(secs.unsigned_abs() + 1000) }
    }

    fn place() -> (ChannelKey, UserId) {
        (ChannelKey { app: AppId(1), name: ChannelName::new("raid").unwrap() }, UserId::new("u").unwrap())
    }

    fn book() -> CallBook {
        CallBook::new(CallConfig { grace: Duration::from_secs(60) })
    }

    fn came(secs: i64) -> CallInput {
        let (channel, user) = place();
        CallInput::Came { channel, user, at: at(secs).wall }
    }

    fn gone(secs: i64, reason: LeftReason, lost: Option<i64>) -> CallInput {
        let (channel, user) = place();
        CallInput::Gone { channel, user, at: at(secs).wall, reason, lost: lost.map(|s| at(s).wall) }
    }

    fn closed(secs: i64, reason: CloseReason) -> Vec<CallOp> {
        let (channel, user) = place();
        vec![CallOp::Close { channel, user, leave: at(secs).wall, reason }]
    }

    fn lost(secs: Option<i64>) -> Vec<CallOp> {
        let (channel, user) = place();
        vec![CallOp::Lost { channel, user, lost: secs.map(|s| at(s).wall) }]
    }

    fn opened(secs: i64) -> Vec<CallOp> {
        let (channel, user) = place();
        vec![CallOp::Open { channel, user, join: at(secs).wall }]
    }

    #[test]
    fn a_clean_leave_closes_at_once_and_a_return_is_a_new_record() {
        let mut b = book();
        assert_eq!(b.handle(at(0), came(0)), opened(0));
        assert_eq!(b.handle(at(432), gone(432, LeftReason::ClientInitiated, None)), closed(432, CloseReason::Left));
        assert_eq!(b.handle(at(433), came(433)), opened(433));
    }

    #[test]
    fn a_return_within_the_grace_continues_the_record() {
        let mut b = book();
        b.handle(at(0), came(0));
        assert_eq!(b.handle(at(25), gone(25, LeftReason::SignalClose, Some(10))), lost(Some(10)));
        assert_eq!(b.next_deadline(), Some(at(70).mono), "the grace counts from the last sign of life");
        assert_eq!(b.handle(at(69), came(69)), lost(None));
        assert!(b.take_due(at(500)).is_empty());
    }

    #[test]
    fn without_a_return_it_ends_at_the_last_sign_of_life() {
        let mut b = book();
        b.handle(at(0), came(0));
        b.handle(at(25), gone(25, LeftReason::ConnectionTimeout, Some(10)));
        assert!(b.take_due(at(69)).is_empty());
        assert_eq!(b.take_due(at(70)), closed(10, CloseReason::Lost));
        assert_eq!(b.handle(at(71), came(71)), opened(71));
    }

    #[test]
    fn a_second_loss_starts_the_grace_anew() {
        let mut b = book();
        b.handle(at(0), came(0));
        b.handle(at(10), gone(10, LeftReason::SignalClose, Some(10)));
        b.handle(at(20), came(20));
        b.handle(at(65), gone(65, LeftReason::SignalClose, Some(65)));
        assert!(b.take_due(at(124)).is_empty());
        assert_eq!(b.take_due(at(125)), closed(65, CloseReason::Lost));
    }

    #[test]
    fn a_kick_while_the_connection_is_lost_ends_it_at_the_loss() {
        let mut b = book();
        b.handle(at(0), came(0));
        assert_eq!(b.handle(at(12), gone(12, LeftReason::Removed, Some(5))), closed(5, CloseReason::Removed));
        assert_eq!(b.handle(at(13), came(13)), opened(13));
    }

    #[test]
    fn an_old_run_ends_at_its_last_heartbeat_but_not_before_the_join() {
        let (channel, user) = place();
        let row = |join, lost: Option<i64>, heartbeat| CallRow {
            channel: channel.clone(),
            user: user.clone(),
            join: at(join).wall,
            lost: lost.map(|s| at(s).wall),
            heartbeat: at(heartbeat).wall,
        };
        let mut b = book();
        assert_eq!(b.handle(at(300), CallInput::Restored(vec![row(0, None, 95)])), lost(Some(95)));
        assert_eq!(b.take_due(at(300)), closed(95, CloseReason::Lost), "long ago: no wait is left");
        assert_eq!(b.handle(at(300), CallInput::Restored(vec![row(99, None, 95)])), lost(Some(99)));
        assert_eq!(b.handle(at(300), CallInput::Restored(vec![row(0, Some(290), 299)])), lost(Some(290)));
        assert_eq!(b.handle(at(310), came(310)), lost(None), "a quick restart continues the call");
    }

    #[test]
    fn a_shutdown_leaves_the_record_open_for_a_return() {
        let mut b = book();
        b.handle(at(0), came(0));
        assert_eq!(b.handle(at(10), gone(10, LeftReason::ServerShutdown, None)), lost(Some(10)));
    }
}
