//! Instants as values. The crate never asks what time it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. Everything stored is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// The last instant there is; stands for "for ever" where an end is stored.
    pub const MAX: Self = Self(i64::MAX);

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// From whole seconds since the epoch; saturates.
    #[must_use]
    pub fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// This instant moved later by `d`; saturates at [`UnixMs::MAX`].
    #[must_use]
    pub fn plus(self, d: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// One reading of both clocks.
///
/// `wall` is for what is stored or shown, `mono` for timeouts: a jump of the wall clock fires nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Wall clock, milliseconds since the Unix epoch.
    pub wall: UnixMs,
    /// Monotonic clock, time since an arbitrary start.
    pub mono: Duration,
}
