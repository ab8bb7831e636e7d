//! Work in the background that keeps its order: a few lanes, each with a bounded queue.

use std::future::Future;
use std::pin::Pin;

use tokio::sync::mpsc;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Lanes: one slow class holds up an eighth of the others, and as many calls run at once as one vendor part takes.
const LANES: usize = 8;
/// Waiting in one lane. What does not fit is dropped: with a vendor that stays down, memory must not grow.
const WAITING: usize = 256;

/// See the module.
#[derive(Debug)]
pub(crate) struct Lanes(Vec<mpsc::Sender<Work>>);

impl Lanes {
    /// Starts them; they end when this is dropped and their queues are empty. Needs a runtime.
    pub(crate) fn start() -> Self {
        let lane = |_| {
            let (sender, mut queue) = mpsc::channel::<Work>(WAITING);
            tokio::spawn(async move {
                while let Some(work) = queue.recv().await {
                    work.await;
                }
            });
            sender
        };
        Self((0..LANES).map(lane).collect())
    }

    /// Puts work behind all earlier work of the same key. False = there was no room.
    pub(crate) fn push(&self, key: u8, work: impl Future<Output = ()> + Send + 'static) -> bool {
        self.0.get(usize::from(key) % LANES).is_some_and(|lane| lane.try_send(Box::pin(work)).is_ok())
    }
}
