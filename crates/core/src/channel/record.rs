//! The record of an adhoc channel.

use crate::id::ChannelKey;
use crate::time::UnixMs;

/// An adhoc channel, from its first admitted join to its end (talk.md 1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRecord {
    /// App and name.
    pub key: ChannelKey,
    /// When it came to life.
    pub created: UnixMs,
    /// Grows with every committed change of a member: the revision of standings.
    pub version: u64,
}

impl ChannelRecord {
    /// A channel that comes to life now, with nobody present yet.
    #[must_use]
    pub fn new(key: ChannelKey, now: UnixMs) -> Self {
        Self { key, created: now, version: 1 }
    }
}
