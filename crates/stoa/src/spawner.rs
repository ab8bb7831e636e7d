//! The only place that starts tasks: each has a name, is waited for at shutdown, and a panic in it is seen.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Starts tasks and knows when the process ends.
#[derive(Debug, Clone, Default)]
pub struct Spawner {
    /// Waits for background tasks; they end by themselves after the soft end.
    pub tracker: TaskTracker,
    /// Waits for what the others need to the last: the media engine and whoever hears its facts.
    pub last: TaskTracker,
    /// Waits for open connections.
    pub connections: TaskTracker,
    /// Set at the first signal: finish what runs, take nothing new.
    pub soft: CancellationToken,
    /// Set when the patience is over: drop everything.
    pub hard: CancellationToken,
}

impl Spawner {
    /// Runs `task` until it ends or the process drops everything.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.watched(&self.tracker, name, task);
    }

    /// As [`Spawner::spawn`], for tasks that end at the hard end only.
    pub fn spawn_last(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.watched(&self.last, name, task);
    }

    fn watched(&self, tracker: &TaskTracker, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let hard = self.hard.clone();
        let inner = tracker.spawn(async move {
            tokio::select! {
                () = task => {}
                () = hard.cancelled() => {}
            }
        });
        // A panicking background task would otherwise vanish without a word.
        tracker.spawn(async move {
            if let Err(e) = inner.await
                && e.is_panic()
            {
                metrics::counter!("stoa_task_panics_total", "task" => name).increment(1);
                tracing::error!(task.name = name, "a background task panicked");
            }
        });
    }

    /// As [`Spawner::spawn`] for the many short tasks of connections: a panic there costs that
    /// connection only and is counted by the panic hook.
    pub fn spawn_connection(&self, task: impl Future<Output = ()> + Send + 'static) {
        let hard = self.hard.clone();
        self.connections.spawn(async move {
            tokio::select! {
                () = task => {}
                () = hard.cancelled() => {}
            }
        });
    }
}
