//! Doubles for the tests of this crate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stoa_core::ports::Clock;
use stoa_core::time::{Now, UnixMs};

/// A clock that moves when told.
#[derive(Default)]
pub struct TestClock(AtomicU64);

impl TestClock {
    pub fn forward(&self, d: Duration) {
        self.0.fetch_add(u64::try_from(d.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Now {
        let ms = self.0.load(Ordering::SeqCst);
        Now { wall: UnixMs(1_710_420_180_000 + i64::try_from(ms).unwrap()), mono: Duration::from_millis(ms) }
    }
}
