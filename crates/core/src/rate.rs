//! Limits of rates.

/// So many per second, and so many at once. 0 per second = no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Refill.
    pub per_sec: u32,
    /// Capacity.
    pub burst: u32,
}

/// A tank of [`Rate`].
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    tokens: f32,
    at: u64,
}

impl Bucket {
    /// As full as it gets. `at` in milliseconds of a monotonic clock.
    #[must_use]
    pub fn full(rate: Rate, at: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "bursts are small numbers")]
        Self { tokens: rate.burst as f32, at }
    }

    /// Takes one; false = empty. `now` in milliseconds.
    pub fn take(&mut self, rate: Rate, now: u64) -> bool {
        if rate.per_sec == 0 {
            return true;
        }
        self.fill(rate, now);
        let some = self.tokens >= 1.0;
        if some {
            self.tokens -= 1.0;
        }
        some
    }

    /// True = as full as it gets, so that forgetting it changes nothing.
    pub fn is_full(&mut self, rate: Rate, now: u64) -> bool {
        self.fill(rate, now);
        self.tokens + 1.0 > Self::full(rate, now).tokens
    }

    fn fill(&mut self, rate: Rate, now: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a refill is capped by the burst")]
        let more = now.saturating_sub(self.at) as f32 * rate.per_sec as f32 / 1000.0;
        self.tokens = (self.tokens + more).min(Self::full(rate, now).tokens);
        self.at = now;
    }
}
