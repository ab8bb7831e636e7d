//! What waits for one reader. Bounded: who reads too slowly is closed, and can come back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::board::{Limits, Outgoing};
use crate::wire::{self, PresenceEntry};

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Arc<[u8]>>,
    bytes: usize,
    /// The newest state of each client: a cursor's path does not pile up.
    presence: BTreeMap<u64, PresenceEntry>,
    closed: bool,
}

/// The queue of one session.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues something. False = too much waits already; the session must end.
    pub(crate) fn push(&self, outgoing: Outgoing, limits: &Limits) -> bool {
        let mut queue = self.lock();
        match outgoing {
            Outgoing::Message(message) => {
                if queue.messages.len() >= limits.queue || queue.bytes > limits.queue_bytes {
                    return false;
                }
                queue.bytes += message.len();
                queue.messages.push_back(message);
            }
            Outgoing::Presence(entries) => {
                queue.presence.extend(entries.iter().map(|e| (e.client, e.clone())));
            }
        }
        drop(queue);
        self.filled.notify_one();
        true
    }

    /// Ends the session; what waits is not sent any more.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        *queue = Queue { closed: true, ..Queue::default() };
        drop(queue);
        self.filled.notify_one();
    }

    /// The next message; `None` = closed.
    pub(crate) async fn next(&self) -> Option<Vec<u8>> {
        loop {
            let filled = self.filled.notified();
            {
                let mut queue = self.lock();
                if queue.closed {
                    return None;
                }
                if let Some(message) = queue.messages.pop_front() {
                    queue.bytes -= message.len();
                    return Some(message.to_vec());
                }
                if !queue.presence.is_empty() {
                    let entries = std::mem::take(&mut queue.presence);
                    drop(queue);
                    return Some(wire::awareness(entries.values()));
                }
            }
            filled.await;
        }
    }
}
