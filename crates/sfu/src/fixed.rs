//! For tests: time and entropy without a world.

use std::time::Duration;

use stoa_core::ports::{Clock, Entropy};
use stoa_core::time::{Now, UnixMs};

/// A clock that stands still, and the entropy of the machine.
pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Now {
        Now { wall: UnixMs::from_secs(1_000_000), mono: Duration::from_secs(100) }
    }
}

impl Entropy for Fixed {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).unwrap();
    }
}
