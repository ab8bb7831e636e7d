//! The only place that asks what time it is.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stoa_core::ports::Clock;
use stoa_core::time::{Now, UnixMs};

/// The machine's clocks.
#[derive(Debug, Clone, Copy)]
pub struct RealClock {
    start: Instant,
}

impl RealClock {
    /// A clock whose monotonic part starts at zero now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file is the clock")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since this clock was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "this file is the clock")]
    fn now(&self) -> Now {
        // A clock before 1970 is a broken machine; `stoa doctor` says so. Saturate instead of failing here.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { wall: UnixMs(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)), mono: self.start.elapsed() }
    }
}
