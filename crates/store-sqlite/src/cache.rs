//! Memory that is exactly as current as the last commit.
//!
//! Two things put values in: the writer after a commit ([`Cache::publish`]), and whoever had to
//! read the file ([`Cache::fill`]). A fill may carry a value that a commit has just replaced, so it
//! needs a ticket drawn before the file was read; a publish voids the tickets of its shard.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shards of a cache: enough that the server's threads seldom meet on one lock.
const SHARDS: usize = 16;

/// Two ages of entries. When the young ones weigh half the bound, the old ones are forgotten and
/// the young become old; a hit makes an entry young again. Approximates least-recently-used at the
/// price of two maps.
struct Shard<K, V> {
    generation: u64,
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    weight: usize,
}

/// The right to put a value read from the file into the cache.
#[derive(Clone, Copy)]
pub(crate) struct Ticket {
    shard: usize,
    generation: u64,
}

/// See the module.
pub(crate) struct Cache<K, V> {
    shards: Vec<Mutex<Shard<K, V>>>,
    hasher: RandomState,
    half: usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// A cache of about `bytes`, by the weights given with the values.
    pub(crate) fn new(bytes: usize) -> Self {
        let shard = || Mutex::new(Shard { generation: 0, young: HashMap::new(), old: HashMap::new(), weight: 0 });
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            hasher: RandomState::new(),
            half: (bytes / SHARDS / 2).max(1),
        }
    }

    fn index(&self, key: &K) -> usize {
        // The high half: the maps inside use the low bits of the same kind of hash.
        usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or(0) % SHARDS
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard<K, V>> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value as of the last commit, if it is here.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let mut s = self.lock(self.index(key));
        if let Some((v, _)) = s.young.get(key) {
            return Some(v.clone());
        }
        let (v, weight) = s.old.remove(key)?;
        s.put(key.clone(), v.clone(), weight, self.half);
        Some(v)
    }

    /// Draw before reading the file.
    pub(crate) fn ticket(&self, key: &K) -> Ticket {
        let shard = self.index(key);
        Ticket { shard, generation: self.lock(shard).generation }
    }

    /// Keeps what was read from the file, unless a commit came in between.
    pub(crate) fn fill(&self, ticket: Ticket, key: K, value: V, weight: usize) {
        let mut s = self.lock(ticket.shard);
        if s.generation == ticket.generation {
            s.put(key, value, weight, self.half);
        }
    }

    /// Keeps what was just committed. The writer only.
    pub(crate) fn publish(&self, key: K, value: V, weight: usize) {
        let mut s = self.lock(self.index(&key));
        s.generation += 1;
        s.put(key, value, weight, self.half);
    }

    /// Forgets what a commit has just made old. The writer only.
    pub(crate) fn forget(&self, key: &K) {
        let mut s = self.lock(self.index(key));
        s.generation += 1;
        s.old.remove(key);
        if let Some((_, was)) = s.young.remove(key) {
            s.weight -= was;
        }
    }

    /// Forgets everything: somebody else wrote to the file.
    pub(crate) fn clear(&self) {
        for shard in 0..SHARDS {
            let mut s = self.lock(shard);
            s.generation += 1;
            s.young.clear();
            s.old.clear();
            s.weight = 0;
        }
    }
}

impl<K: Hash + Eq, V> Shard<K, V> {
    fn put(&mut self, key: K, value: V, weight: usize, half: usize) {
        self.old.remove(&key);
        self.weight += weight;
        if let Some((_, was)) = self.young.insert(key, (value, weight)) {
            self.weight -= was;
        }
        if self.weight > half {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_that_read_before_a_commit_is_refused() {
        let c = Cache::new(1 << 20);
        let ticket = c.ticket(&1);
        c.publish(1, "new", 1);
        c.fill(ticket, 1, "old", 1);
        assert_eq!(c.get(&1), Some("new"));
    }

    #[test]
    fn what_is_forgotten_is_gone_and_no_fill_brings_it_back() {
        let c = Cache::new(SHARDS * 2 * 10);
        for i in 0..40u32 {
            c.publish(i, "old", 1);
        }
        let ticket = c.ticket(&1);
        (0..40).for_each(|i| c.forget(&i));
        c.fill(ticket, 1, "old", 1);
        assert!((0..40).all(|i| c.get(&i).is_none()));
        for shard in &c.shards {
            assert_eq!(shard.lock().unwrap().weight, 0);
        }
    }

    #[test]
    fn a_commit_of_another_key_never_lets_an_old_value_in() {
        let c = Cache::new(1 << 20);
        let ticket = c.ticket(&1);
        c.clear();
        c.fill(ticket, 1, "old", 1);
        assert_eq!(c.get(&1), None);
    }

    #[test]
    fn the_cache_stays_within_its_bound_and_keeps_what_is_used() {
        let bytes = 64 << 10;
        let c = Cache::new(bytes);
        for i in 0..10_000u32 {
            c.publish(i, i, 100);
            assert!(i < 1 || c.get(&0).is_some(), "the entry in use was dropped at {i}");
        }
        let kept = (0..10_000u32).filter(|i| c.get(i).is_some()).count();
        assert!(kept * 100 <= bytes + SHARDS * 100, "{kept} entries kept");
        assert!(kept > 100, "{kept} entries kept");
    }
}
