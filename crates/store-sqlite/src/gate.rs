//! Keeps reads of the file from being seen before the memory beside it is current.
//!
//! A commit is visible in the file a moment before its rooms are in the cache. A reader of the file
//! that answered within that moment would show a state which the next read, from the cache, takes
//! back. So whoever read the file waits, before it answers, for the commit that was under way.

use std::sync::{Condvar, Mutex, PoisonError};

#[derive(Default)]
struct Commits {
    begun: u64,
    published: u64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Gate {
    commits: Mutex<Commits>,
    published: Condvar,
}

impl Gate {
    /// The writer is about to commit.
    pub(crate) fn begin(&self) {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner).begun += 1;
    }

    /// The commit's rows are in the cache, or it failed.
    pub(crate) fn publish(&self) {
        let mut c = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        c.published = c.begun;
        drop(c);
        self.published.notify_all();
    }

    /// Waits for the commit under way now, if any: one fsync at most.
    pub(crate) fn settle(&self) {
        let mut c = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = c.begun;
        while c.published < seen {
            c = self.published.wait(c).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
