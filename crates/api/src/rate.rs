//! Request rates per subject.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use stoa_core::id::UserId;
use stoa_core::ports::Clock;
use stoa_core::{Error, Kind, Result};

/// One entry of the section `limits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests per second in the long run; 0 = no limit.
    pub per_sec: u32,
    /// Requests at once after a pause; at least `per_sec` is sensible.
    pub burst: u32,
}

/// Checks between two sweeps of subjects that have long been idle. Lower costs time on the hot path,
/// higher keeps more names in memory (about 100 bytes each).
const SWEEP_EVERY: u64 = 1 << 16;

/// Limits each user to a rate.
pub type UserRate = KeyedRate<UserId>;

/// Limits each of many subjects to a rate. Those idle long enough to have a full bucket are forgotten.
pub struct KeyedRate<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, Wall, NoOpMiddleware<Instant>>,
    clock: Wall,
    checks: AtomicU64,
}

impl<K: Hash + Eq + Clone> KeyedRate<K> {
    /// `None` when the rate is off.
    #[must_use]
    pub fn new(rate: Rate, clock: Arc<dyn Clock>) -> Option<Self> {
        let per_sec = NonZeroU32::new(rate.per_sec)?;
        let quota = Quota::per_second(per_sec).allow_burst(NonZeroU32::new(rate.burst).unwrap_or(per_sec));
        let clock = Wall(clock);
        let limiter = RateLimiter::new(quota, DashMapStateStore::default(), clock.clone());
        Some(Self { limiter, clock, checks: AtomicU64::new(0) })
    }

    /// Counts one request.
    ///
    /// # Errors
    /// `Throttled`.
    pub fn check(&self, subject: &K) -> Result<()> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(subject).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            let retry_after_secs = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
            Error::new(Kind::Throttled { retry_after_secs }, "too many requests, try again later")
        })
    }
}

/// The monotonic side of the injected clock, as the limiter wants to see it.
#[derive(Clone)]
struct Wall(Arc<dyn Clock>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Instant(u64);

impl Add<Nanos> for Instant {
    type Output = Self;
    fn add(self, d: Nanos) -> Self {
        Self(self.0.saturating_add(d.as_u64()))
    }
}

impl Reference for Instant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }
    fn saturating_sub(&self, d: Nanos) -> Self {
        Self(self.0.checked_sub(d.as_u64()).unwrap_or(self.0))
    }
}

impl GovernorClock for Wall {
    type Instant = Instant;
    fn now(&self) -> Instant {
        // 584 years of uptime fit.
        Instant(u64::try_from(self.0.now().mono.as_nanos()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::TestClock;

    #[test]
    fn a_burst_passes_then_the_rate_holds_for_each_user_alone() {
        let clock = Arc::new(TestClock::default());
        let rate = UserRate::new(Rate { per_sec: 10, burst: 3 }, clock.clone()).unwrap();
        let (a, b) = (UserId::new("a").unwrap(), UserId::new("b").unwrap());
        for _ in 0..3 {
            rate.check(&a).unwrap();
        }
        assert_eq!(rate.check(&a).unwrap_err().kind(), &Kind::Throttled { retry_after_secs: 1 });
        rate.check(&b).unwrap();
        clock.forward(Duration::from_millis(100));
        rate.check(&a).unwrap();
        assert!(rate.check(&a).is_err());
    }

    #[test]
    fn zero_is_off() {
        assert!(UserRate::new(Rate { per_sec: 0, burst: 5 }, Arc::new(TestClock::default())).is_none());
    }
}
