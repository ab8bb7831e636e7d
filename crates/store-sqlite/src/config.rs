//! Sizes and bounds of the store, each with what moving it costs.

use std::path::PathBuf;
use std::time::Duration;

/// Where the database is and how much memory it may use.
#[derive(Debug, Clone)]
pub struct Config {
    /// The database file; made when missing, its folder must exist.
    pub path: PathBuf,
    /// Jobs waiting for the writer. More absorbs longer bursts, fewer answers "unavailable" sooner;
    /// a batch drains 64 in about a millisecond.
    pub queue: usize,
    /// Read-only connections. More serves more lists at once, each costs up to 2 MB of page cache.
    pub readers: usize,
    /// Bytes of rooms kept in memory (estimated). A room takes about a kilobyte. A quarter of this comes on top for what
    /// was decided about users in channels, of which every room's decision needs an entry, and another for classes.
    pub room_cache_bytes: usize,
    /// Bytes of accounts, of sanctions, of what names of classes' channels stand for, and of call records, each, kept in
    /// memory (estimated). That somebody has no account or no sanction takes an entry too, of about 300 bytes: with less
    /// than there are people here, each of them who comes back is read from the file.
    pub side_cache_bytes: usize,
}

impl Config {
    /// Defaults for one server. Nothing of it is taken in advance: an idle process stays at its 60 MB, and some 30,000
    /// people fill a side cache.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), queue: 8192, readers: 4, room_cache_bytes: 32 << 20, side_cache_bytes: 16 << 20 }
    }
}

/// How long a request waits for its turn to be written, or for a read connection, before it is
/// told "unavailable" (voice-room.md 5.4, S8).
pub(crate) const QUEUE_WAIT: Duration = Duration::from_secs(5);

/// Jobs that share one fsync at most. More raises throughput under load, and the wait of the first.
pub(crate) const BATCH_JOBS: usize = 64;

/// A batch stops taking jobs after this long, so that slow jobs do not hold up quick ones.
pub(crate) const BATCH_TIME: Duration = Duration::from_millis(2);

/// An idle server looks this often whether a tool beside it (`stoa user add`) has written to the
/// file; a busy one looks at every batch. Until then reads may show what was before the tool.
pub(crate) const FOREIGN_WRITES: Duration = Duration::from_secs(1);
