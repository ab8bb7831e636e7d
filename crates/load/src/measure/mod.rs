//! The measurements. Each runs a baseline in the same minute where there is one, A and B in turns.

pub mod classes;
pub mod http;
pub mod hub;
pub mod join;
pub mod media;
pub mod process;
pub mod relay;
pub mod seats;
pub mod talk;

use std::time::Duration;

/// A figure with its spread over the runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

impl Spread {
    /// Of at least one value.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut v = values.to_vec();
        v.sort_by(f64::total_cmp);
        let median = match v.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => v[n / 2],
            n => f64::midpoint(v[n / 2 - 1], v[n / 2]),
        };
        Self { median, low: v.first().copied().unwrap_or(f64::NAN), high: v.last().copied().unwrap_or(f64::NAN) }
    }
}

/// Milliseconds with fraction.
#[must_use]
pub fn ms(d: Duration) -> f64 {
    d.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_takes_the_middle() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Spread { median: 2.0, low: 1.0, high: 3.0 });
        assert_eq!(Spread::of(&[4.0, 1.0]).median, 2.5);
    }
}
