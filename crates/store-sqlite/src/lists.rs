//! Names of the channels that exist, by app, in memory: a page of a long list is then no walk along the file, and
//! nothing is counted. As current as the last commit, by the rules of the [cache](crate::cache).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stoa_core::id::{AppId, ChannelKey, ChannelName};

/// What makes a channel exist. One name may be there for two reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// A live voice room.
    Room,
    /// A running class.
    Class,
    /// A record of its own.
    Record,
}

impl Why {
    /// As the file's lists say it.
    pub(crate) fn of_number(n: i64) -> Option<Self> {
        [Self::Room, Self::Class, Self::Record].into_iter().find(|w| *w as i64 == n)
    }
}

/// Names by their bytes.
pub(crate) type List = Vec<(ChannelName, Why)>;

/// The right to put in a list read from the file.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(u64);

#[derive(Default)]
struct Inner {
    /// Grows with every change, so that no list read before it is put in after it.
    generation: u64,
    known: HashMap<AppId, Known>,
}

struct Known {
    /// The generation that made it so.
    edition: u64,
    list: Arc<List>,
}

/// See the module. An app's list is kept from the first time it is asked for, some 60 bytes per name.
#[derive(Default)]
pub(crate) struct Lists(Mutex<Inner>);

impl Lists {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The list as of the last commit, if it is here.
    pub(crate) fn get(&self, app: AppId) -> Option<Arc<List>> {
        self.lock().known.get(&app).map(|k| k.list.clone())
    }

    /// Which edition of the list that is. Each is another number, also of a list that was forgotten and read again.
    pub(crate) fn edition(&self, app: AppId) -> Option<u64> {
        self.lock().known.get(&app).map(|k| k.edition)
    }

    /// Draw before reading the file.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket(self.lock().generation)
    }

    /// Keeps what was read from the file, unless a commit came in between.
    pub(crate) fn fill(&self, ticket: Ticket, app: AppId, list: Arc<List>) {
        let mut inner = self.lock();
        // Two may have read it: the first one's edition stays, for the lists are the same.
        if inner.generation == ticket.0 && !inner.known.contains_key(&app) {
            inner.generation += 1;
            let edition = inner.generation;
            inner.known.insert(app, Known { edition, list });
        }
    }

    /// Whether the channel exists for this reason, as just committed. The writer only.
    pub(crate) fn note(&self, key: &ChannelKey, why: Why, exists: bool) {
        let mut inner = self.lock();
        inner.generation += 1;
        let generation = inner.generation;
        let Some(Known { edition, list }) = inner.known.get_mut(&key.app) else { return };
        let at = list.binary_search_by(|(name, w)| (name, *w).cmp(&(&key.name, why)));
        match (at, exists) {
            // Copied only while somebody reads it.
            (Err(at), true) => Arc::make_mut(list).insert(at, (key.name.clone(), why)),
            (Ok(at), false) => drop(Arc::make_mut(list).remove(at)),
            (Ok(_), true) | (Err(_), false) => return,
        }
        *edition = generation;
    }

    /// Forgets everything: somebody else wrote to the file.
    pub(crate) fn clear(&self) {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: AppId = AppId(1);

    fn key(name: &str) -> ChannelKey {
        ChannelKey { app: APP, name: ChannelName::new(name).unwrap() }
    }

    fn names(lists: &Lists) -> Vec<String> {
        lists.get(APP).unwrap().iter().map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn a_list_follows_what_is_committed_and_keeps_the_order_of_bytes() {
        let lists = Lists::default();
        lists.note(&key("b"), Why::Record, true);
        assert!(lists.get(APP).is_none(), "nobody asked for it yet");
        lists.fill(lists.ticket(), APP, Arc::new(vec![(key("b").name, Why::Record)]));
        for name in ["中", "a", "B", "b"] {
            lists.note(&key(name), Why::Record, true);
        }
        assert_eq!(names(&lists), ["B", "a", "b", "中"]);
        lists.note(&key("a"), Why::Room, false);
        assert_eq!(names(&lists).len(), 4, "it never was a room");
        lists.note(&key("a"), Why::Record, false);
        assert_eq!(names(&lists), ["B", "b", "中"]);
    }

    #[test]
    fn an_edition_is_of_one_list_only() {
        let lists = Lists::default();
        assert_eq!(lists.edition(APP), None, "nobody asked for it yet");
        lists.fill(lists.ticket(), APP, Arc::default());
        let mut seen = vec![lists.edition(APP).unwrap()];
        let unchanged = |seen: &[u64]| assert_eq!(lists.edition(APP), seen.last().copied());
        lists.note(&ChannelKey { app: AppId(2), ..key("a") }, Why::Record, true);
        lists.note(&key("a"), Why::Record, false);
        lists.fill(lists.ticket(), APP, Arc::default());
        unchanged(&seen);
        for exists in [true, false, true] {
            lists.note(&key("a"), Why::Record, exists);
            seen.push(lists.edition(APP).unwrap());
            lists.note(&key("a"), Why::Record, exists);
            unchanged(&seen);
        }
        lists.clear();
        assert_eq!(lists.edition(APP), None);
        lists.fill(lists.ticket(), APP, Arc::default());
        seen.push(lists.edition(APP).unwrap());
        assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    }

    #[test]
    fn what_was_read_before_a_commit_is_not_kept_after_it() {
        let lists = Lists::default();
        let ticket = lists.ticket();
        lists.note(&key("new"), Why::Record, true);
        lists.fill(ticket, APP, Arc::default());
        assert!(lists.get(APP).is_none());
        lists.fill(lists.ticket(), APP, Arc::default());
        lists.clear();
        assert!(lists.get(APP).is_none());
    }
}
