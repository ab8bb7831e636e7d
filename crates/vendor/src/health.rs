//! How each vendor part is doing, for `/readyz` and metrics.

use stoa_core::time::UnixMs;

use crate::breaker::State;
use crate::error::Kind;

/// What is watched by itself: the interface of one vendor for one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Aliyun's messages: tokens, groups, statistics.
    AliyunMessages,
    /// Aliyun's real-time media: who is in a channel.
    AliyunMedia,
    /// Aliyun's video on demand: recordings.
    AliyunRecordings,
    /// RongCloud's messages: tokens, chat rooms, mutes.
    RongCloudMessages,
    /// NetEase's whiteboard.
    NetEaseBoard,
}

impl Part {
    /// A word for a label or a page.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AliyunMessages => "aliyun_messages",
            Self::AliyunMedia => "aliyun_media",
            Self::AliyunRecordings => "aliyun_recordings",
            Self::RongCloudMessages => "rongcloud_messages",
            Self::NetEaseBoard => "netease_board",
        }
    }
}

/// The newest failure of a call that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastError {
    /// What kind.
    pub kind: Kind,
    /// When it ended.
    pub at: UnixMs,
}

/// Calls since the start. `ok + refused + unavailable + malformed + turned_away + abandoned` and those under way make
/// `calls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All that were asked for.
    pub calls: u64,
    /// Answered as asked.
    pub ok: u64,
    /// Refused by the vendor.
    pub refused: u64,
    /// Without answer, or with a status of 500 or more.
    pub unavailable: u64,
    /// Answered with what the vendor does not document.
    pub malformed: u64,
    /// Not made: breaker open, or too many at once.
    pub turned_away: u64,
    /// Given up by the caller before the end.
    pub abandoned: u64,
    /// Tries beyond the first.
    pub retries: u64,
}

/// A part's state at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Which.
    pub part: Part,
    /// Whether calls pass.
    pub state: State,
    /// Since when in this state.
    pub since: UnixMs,
    /// The newest failure, also one that was since made good.
    pub last_error: Option<LastError>,
    /// Calls since the start.
    pub counts: Counts,
    /// Calls at the vendor now.
    pub in_flight: usize,
}
