//! What vendors told lately.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Answers that are remembered; further ones are asked again. About as many rooms as one server holds.
const MOST: usize = 20_000;

/// One kind of answer, by what was asked.
pub(crate) struct Cache<K, V> {
    /// How long an answer is good for.
    fresh: Duration,
    entries: Mutex<HashMap<K, Entry<V>>>,
}

struct Entry<V> {
    /// The newest answer, if there ever was one.
    value: Option<V>,
    /// When the newest question was asked, on the monotonic clock.
    asked: Duration,
}

/// What is known, and whether to ask.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Known<V> {
    /// The newest answer.
    pub value: Option<V>,
    /// The caller is to ask: nobody did for long enough, and nobody else will meanwhile.
    pub ask: bool,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    pub(crate) fn new(fresh: Duration) -> Self {
        Self { fresh, entries: Mutex::default() }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, Entry<V>>> {
        // A panic elsewhere leaves whole entries only.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks, and takes the turn to ask when it is time: a failure is not asked again before then either.
    pub(crate) fn look(&self, key: &K, now: Duration) -> Known<V> {
        let mut entries = self.entries();
        if let Some(entry) = entries.get_mut(key) {
            let ask = now.saturating_sub(entry.asked) >= self.fresh;
            if ask {
                entry.asked = now;
            }
            return Known { value: entry.value.clone(), ask };
        }
        if entries.len() >= MOST {
            entries.retain(|_, e| now.saturating_sub(e.asked) < self.fresh);
        }
        // Full of fresh answers: not asked at all rather than asked each time.
        let ask = entries.len() < MOST;
        if ask {
            entries.insert(key.clone(), Entry { value: None, asked: now });
        }
        Known { value: None, ask }
    }

    /// The newest answer.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.entries().get(key).and_then(|e| e.value.clone())
    }

    /// Remembers an answer.
    pub(crate) fn put(&self, key: &K, value: V) {
        if let Some(entry) = self.entries().get_mut(key) {
            entry.value = Some(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: Duration = Duration::from_secs(10);

    #[test]
    fn one_asks_at_a_time_and_a_failure_is_left_alone_for_as_long_as_an_answer() {
        let cache = Cache::new(TEN);
        let at = Duration::from_secs;
        assert_eq!(cache.look(&"a", at(0)), Known { value: None, ask: true });
        assert_eq!(cache.look(&"a", at(9)), Known { value: None, ask: false }, "no answer came");
        assert_eq!(cache.look(&"a", at(10)), Known { value: None, ask: true });
        cache.put(&"a", 7);
        assert_eq!(cache.look(&"a", at(11)), Known { value: Some(7), ask: false });
        assert_eq!(cache.look(&"a", at(20)), Known { value: Some(7), ask: true }, "the old answer meanwhile");
        assert_eq!(cache.look(&"b", at(20)), Known { value: None, ask: true });
        cache.put(&"c", 1);
        assert_eq!(cache.look(&"c", at(20)).value, None, "nobody asked");
    }

    #[test]
    fn it_does_not_grow_beyond_its_bound() {
        let cache = Cache::<usize, ()>::new(TEN);
        assert!((0..MOST).all(|n| cache.look(&n, Duration::ZERO).ask));
        assert_eq!(cache.look(&MOST, Duration::ZERO), Known { value: None, ask: false });
        assert!(cache.look(&MOST, TEN).ask, "old answers make room");
        assert!(cache.entries().len() <= MOST);
    }
}
