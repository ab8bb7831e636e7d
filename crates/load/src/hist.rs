//! A histogram of durations with about 3 % resolution and a fixed 3.5 KB of memory, so every bot can own one.

use std::time::Duration;

/// Sub-buckets per power of two. 32 keeps the error of a quantile under 3.2 %; doubling it doubles the memory.
const SUB: u64 = 32;
const SUB_BITS: u32 = 5;
/// Values above 2^32 µs (71 minutes) land in the last bucket.
const BUCKETS: usize = (SUB as usize) * 28;

/// Counts of microseconds.
#[derive(Debug, Clone)]
pub struct Hist {
    counts: Vec<u32>,
    total: u64,
    max_us: u64,
}

impl Default for Hist {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, max_us: 0 }
    }
}

impl Hist {
    /// Adds one measurement.
    pub fn add(&mut self, d: Duration) {
        let us = u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        self.max_us = self.max_us.max(us);
        self.total += 1;
        let slot = &mut self.counts[index(us)];
        *slot = slot.saturating_add(1);
    }

    /// Adds everything another histogram holds.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
        self.total += other.total;
        self.max_us = self.max_us.max(other.max_us);
    }

    /// How many measurements there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.total
    }

    /// True without any measurement.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The value that a share `q` (0 to 1) of all measurements does not exceed; zero when empty.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Duration {
        let want = ((self.total as f64) * q).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (i, n) in self.counts.iter().enumerate() {
            seen += u64::from(*n);
            if seen >= want {
                return Duration::from_micros(upper(i).min(self.max_us));
            }
        }
        Duration::from_micros(self.max_us)
    }

    /// The largest measurement.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.max_us)
    }
}

fn index(us: u64) -> usize {
    if us < SUB {
        return us as usize;
    }
    let exp = us.ilog2();
    let sub = (us >> (exp - SUB_BITS)) - SUB;
    ((u64::from(exp - SUB_BITS) + 1) * SUB + sub).min(BUCKETS as u64 - 1) as usize
}

/// The largest value that falls into bucket `i`.
fn upper(i: usize) -> u64 {
    let i = i as u64;
    if i < SUB {
        return i;
    }
    let shift = i / SUB - 1;
    ((SUB + i % SUB + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_the_stated_resolution() {
        let mut h = Hist::default();
        for us in 1..=100_000 {
            h.add(Duration::from_micros(us));
        }
        for (q, want) in [(0.5, 50_000.0), (0.99, 99_000.0), (1.0, 100_000.0)] {
            let got = h.quantile(q).as_micros() as f64;
            assert!((got - want).abs() / want < 0.033, "q{q}: {got} against {want}");
        }
        assert_eq!(h.max(), Duration::from_micros(100_000));
    }

    #[test]
    fn every_value_lies_in_its_bucket() {
        for us in (0..2_000).chain([4_095, 4_096, 1 << 20, (1 << 31) + 7]) {
            let i = index(us);
            assert!(us <= upper(i), "{us} above its bucket");
            assert!(i == 0 || us > upper(i - 1), "{us} below its bucket");
        }
    }

    #[test]
    fn merging_equals_adding_to_one() {
        let (mut a, mut b, mut both) = (Hist::default(), Hist::default(), Hist::default());
        for us in 0..1000 {
            let d = Duration::from_micros(us * 37);
            let one = if us % 3 == 0 { &mut a } else { &mut b };
            one.add(d);
            both.add(d);
        }
        a.merge(&b);
        assert_eq!(a.len(), both.len());
        assert_eq!(a.quantile(0.9), both.quantile(0.9));
    }
}
