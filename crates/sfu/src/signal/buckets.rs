//! Token buckets: so many at once, so many per second.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Keys remembered at a time. Beyond it those that are full again go, then all.
const MAX_KEYS: usize = 65_536;

/// One bucket. A rate of 0 means no limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    per_sec: u32,
    burst: u32,
    /// When the bucket would be full again.
    full_at: Duration,
}

impl Bucket {
    pub(crate) fn new((per_sec, burst): (u32, u32)) -> Self {
        Self { per_sec, burst: burst.max(1), full_at: Duration::ZERO }
    }

    /// Takes one; otherwise says how long until there is one.
    pub(crate) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        if self.per_sec == 0 {
            return Ok(());
        }
        let each = Duration::from_secs(1) / self.per_sec;
        let full_at = self.full_at.max(now) + each;
        let latest = now + each * self.burst;
        if full_at > latest {
            return Err(full_at - latest);
        }
        self.full_at = full_at;
        Ok(())
    }
}

/// A bucket per key.
pub(crate) struct Buckets<K> {
    rate: (u32, u32),
    by_key: Mutex<HashMap<K, Bucket>>,
}

impl<K: Hash + Eq> Buckets<K> {
    pub(crate) fn new(rate: (u32, u32)) -> Self {
        Self { rate, by_key: Mutex::new(HashMap::new()) }
    }

    /// Takes one for this key; false = none left.
    pub(crate) fn take(&self, key: K, now: Duration) -> bool {
        let mut map = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() >= MAX_KEYS {
            map.retain(|_, b| b.full_at > now);
            if map.len() >= MAX_KEYS {
                map.clear();
            }
        }
        map.entry(key).or_insert_with(|| Bucket::new(self.rate)).take(now).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let mut b = Bucket::new((10, 3));
        let t = Duration::from_secs(5);
        assert!((0..3).all(|_| b.take(t).is_ok()));
        assert_eq!(b.take(t), Err(Duration::from_millis(100)));
        assert!(b.take(t + Duration::from_millis(100)).is_ok());
        assert!(b.take(t + Duration::from_millis(150)).is_err());
        assert!((0..1000).all(|_| Bucket::new((0, 0)).take(t).is_ok()));
    }
}
