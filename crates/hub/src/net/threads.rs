//! Threads that serve sockets (hub.md 7.3). A connection stays on one for its life: a message wakes that thread and no
//! other, whereas threads that share their work wake each other to look for more of it.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

/// The threads. They end when this is dropped, and what runs on them with them.
pub(super) struct Threads {
    all: Vec<Handle>,
    next: AtomicUsize,
    end: CancellationToken,
}

impl Threads {
    /// As many as the system gives, `count` at most. Without any, sockets are served where HTTP is.
    pub(super) fn start(count: usize) -> Self {
        let mut threads = Self { all: Vec::new(), next: AtomicUsize::new(0), end: CancellationToken::new() };
        for n in 0..count {
            match threads.one(n) {
                Ok(handle) => threads.all.push(handle),
                Err(error) => {
                    tracing::error!(%error, hub.threads = n, "the hub has fewer threads than it should");
                    break;
                }
            }
        }
        threads
    }

    fn one(&self, n: usize) -> io::Result<Handle> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, end) = (runtime.handle().clone(), self.end.clone());
        let body = move || runtime.block_on(end.cancelled_owned());
        std::thread::Builder::new().name(format!("hub-{n}")).spawn(body)?;
        Ok(handle)
    }

    /// The thread of the next socket.
    pub(super) fn next(&self) -> Option<&Handle> {
        self.all.get(self.next.fetch_add(1, Ordering::Relaxed) % self.all.len().max(1))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.end.cancel();
    }
}
