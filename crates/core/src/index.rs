//! A map whose order nobody sees.

#![expect(clippy::disallowed_types, reason = "its order is never seen")]

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

/// A map that is looked into; whoever walks it gets its keys in any order. A walk of 100,000 users in a tree compares 30 names that lie anywhere in memory, which
/// takes longer than the rest of a short answer. The order of a hash map is left to chance: nothing here shows it.
#[derive(Debug)]
pub(crate) struct Index<K, V>(HashMap<K, V>);

impl<K, V> Default for Index<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq, V> Index<K, V> {
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.get_mut(key)
    }

    pub(crate) fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        self.0.entry(key)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.0.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }

    /// Keys of those that are wanted, in no order that means anything.
    pub(crate) fn keys_where(&self, wanted: impl Fn(&V) -> bool) -> Vec<K>
    where
        K: Clone,
    {
        self.0.iter().filter(|(_, v)| wanted(v)).map(|(k, _)| k.clone()).collect()
    }
}
