//! The only clock of the load tools. One process measures, so send and receive times share it.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static START: OnceLock<Instant> = OnceLock::new();

/// The monotonic clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the clock of this crate; tools measure real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Nanoseconds since this process first asked. Written into media packets as their send time.
#[must_use]
pub fn nanos() -> u64 {
    nanos_of(now())
}

/// The same scale as [`nanos`] for an instant already read.
#[must_use]
pub fn nanos_of(at: Instant) -> u64 {
    let start = *START.get_or_init(now);
    u64::try_from(at.saturating_duration_since(start).as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds since 1970, for token lifetimes.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the clock of this crate; tokens carry wall time")]
pub fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// Seconds since 1970 with fraction, to be compared with what other processes of this machine measured.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the clock of this crate; other processes know wall time only")]
pub fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// The same for an instant already read.
#[must_use]
pub fn unix_of(at: Instant) -> f64 {
    unix_now() - now().saturating_duration_since(at).as_secs_f64()
}
