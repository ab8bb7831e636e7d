//! Work in the background that keeps its order: a few lanes, each with a bounded queue.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::task::TaskTracker;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Lanes: one slow class holds up an eighth of the others, and as many calls run at once as one vendor part takes.
const LANES: usize = 8;
/// Waiting in one lane. What does not fit is dropped: with a vendor that stays down, memory must not grow.
const WAITING: usize = 256;

/// See the module.
pub(crate) struct Lanes {
    tracker: TaskTracker,
    lanes: Vec<Arc<Mutex<Lane>>>,
}

#[derive(Default)]
struct Lane {
    /// A task works on it.
    busy: bool,
    waiting: VecDeque<Work>,
}

fn locked(lane: &Mutex<Lane>) -> MutexGuard<'_, Lane> {
    // A panic elsewhere leaves a whole queue.
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next piece of work; with none left the lane is idle.
fn next(lane: &Mutex<Lane>) -> Option<Work> {
    let mut lane = locked(lane);
    let work = lane.waiting.pop_front();
    lane.busy = work.is_some();
    work
}

/// Frees the lane when work in it panics: what waits then goes on with the next push, instead of never.
struct Turn(Arc<Mutex<Lane>>);

impl Drop for Turn {
    fn drop(&mut self) {
        if std::thread::panicking() {
            locked(&self.0).busy = false;
        }
    }
}

impl Lanes {
    /// A stop waits for what `tracker` knows of.
    pub(crate) fn new(tracker: TaskTracker) -> Self {
        Self { tracker, lanes: (0..LANES).map(|_| Arc::default()).collect() }
    }

    /// Puts work behind all earlier work of the same key. False = there was no room.
    pub(crate) fn push(&self, key: u8, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let Some(lane) = self.lanes.get(usize::from(key) % LANES) else { return false };
        let mut queue = locked(lane);
        if queue.waiting.len() >= WAITING {
            return false;
        }
        queue.waiting.push_back(Box::pin(work));
        if !std::mem::replace(&mut queue.busy, true) {
            let turn = Turn(Arc::clone(lane));
            self.tracker.spawn(async move {
                while let Some(work) = next(&turn.0) {
                    work.await;
                }
            });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;
    use tokio::sync::oneshot;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn each_lane_keeps_its_order_and_none_waits_for_another() {
        let tracker = TaskTracker::new();
        let lanes = Lanes::new(tracker.clone());
        let (said, mut heard) = mpsc::unbounded_channel();
        let (go, gate) = oneshot::channel::<()>();
        assert!(lanes.push(1, async move {
            let _opened = gate.await;
        }));
        for n in 0..WAITING {
            // The task may not have taken the first one yet.
            let said = said.clone();
            let pushed = lanes.push(1, async move { said.send((1, n)).unwrap_or_default() });
            assert!(pushed || n + 1 >= WAITING);
        }
        assert!(lanes.push(2, async move { said.send((2, 0)).unwrap_or_default() }));
        assert_eq!(heard.recv().await, Some((2, 0)), "lane 1 is held up");
        while lanes.push(1, async {}) {}
        go.send(()).expect("the lane waits");
        tracker.close();
        tracker.wait().await;
        let mut told = Vec::new();
        while let Some((_, n)) = heard.recv().await {
            told.push(n);
        }
        assert!(told.len() >= WAITING - 1 && told.is_sorted());
        assert!(lanes.push(1, async {}), "there is room again");
    }

    #[tokio::test]
    async fn a_panic_costs_one_piece_of_work_and_not_the_lane() {
        let tracker = TaskTracker::new();
        let lanes = Lanes::new(tracker.clone());
        let (said, mut heard) = mpsc::unbounded_channel();
        assert!(lanes.push(1, async { panic!("on purpose") }));
        tracker.close();
        tracker.wait().await;
        assert!(lanes.push(1, async move { said.send(()).unwrap_or_default() }));
        assert_eq!(heard.recv().await, Some(()));
    }
}
