//! Whether a failed try is worth another, and when: a plain function, randomness passed in.

use std::time::Duration;

/// May a call arrive twice?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// A second one changes nothing.
    Repeatable,
    /// A second one would do something a second time.
    Once,
}

/// What went wrong with a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing was sent.
    NotConnected,
    /// The vendor said that it did not do it because of too many calls.
    Throttled,
    /// It may have arrived, and may have been done.
    Unclear,
}

/// How patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Most tries of one call.
    pub tries: u32,
    /// Longest pause after the first try; doubles with each.
    pub first: Duration,
    /// Longest pause there is.
    pub longest: Duration,
}

impl Default for Policy {
    /// Two tries: what both specifications ask of RongCloud, and what fits into the time of one call.
    fn default() -> Self {
        Self { tries: 2, first: Duration::from_millis(200), longest: Duration::from_secs(1) }
    }
}

/// The pause before the next try, or `None` for no further one. Full jitter: anything from nothing to the longest pause of
/// that try is as likely, so that callers that failed together do not come back together.
#[must_use]
pub fn pause(policy: Policy, safety: Safety, trouble: Trouble, tried: u32, random: u64) -> Option<Duration> {
    if tried >= policy.tries || (safety == Safety::Once && trouble == Trouble::Unclear) {
        return None;
    }
    let most = policy.first.saturating_mul(1 << tried.saturating_sub(1).min(16)).min(policy.longest);
    let nanos = (most.as_nanos() * u128::from(random)) >> 64;
    Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { tries: 5, first: Duration::from_millis(100), longest: Duration::from_millis(300) };

    #[test]
    fn only_what_is_safe_is_tried_again() {
        let again = |safety, trouble| pause(POLICY, safety, trouble, 1, 0).is_some();
        for trouble in [Trouble::NotConnected, Trouble::Throttled, Trouble::Unclear] {
            assert!(again(Safety::Repeatable, trouble));
        }
        assert!(again(Safety::Once, Trouble::NotConnected) && again(Safety::Once, Trouble::Throttled));
        assert!(!again(Safety::Once, Trouble::Unclear));
        assert_eq!(pause(POLICY, Safety::Repeatable, Trouble::NotConnected, 5, 0), None);
    }

    #[test]
    fn pauses_are_full_jitter_under_a_doubling_ceiling() {
        for (tried, most) in [(1, 100), (2, 200), (3, 300), (4, 300)] {
            let with = |random| pause(POLICY, Safety::Repeatable, Trouble::Unclear, tried, random).unwrap();
            assert_eq!(with(0), Duration::ZERO);
            assert_eq!(with(1 << 63), Duration::from_millis(most / 2));
            assert!(with(u64::MAX) < Duration::from_millis(most));
            assert!(with(u64::MAX) > Duration::from_millis(most - 1));
        }
    }
}
