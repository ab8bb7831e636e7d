//! Brings the media engine's facts to the director, in order, and wakes it when something is due.

use std::sync::Arc;
use std::time::Duration;

use stoa_core::director::Director;
use stoa_core::door::EventSink;
use stoa_core::media::MediaEvent;
use stoa_core::ports::Clock;
use tokio::sync::mpsc;

use crate::spawner::Spawner;

/// Longest sleep without looking at the agenda. Other tasks add to it without waking this one, so
/// a dismissal's step or a seat's grace may be late by this much.
const LOOK: Duration = Duration::from_millis(200);
/// Purge of sanctions that ended: how often.
const PURGE_EVERY: Duration = Duration::from_secs(3600);
/// How long a revocation mark is kept: longer than the longest life of a media token it may have to refuse.
const PURGE_AFTER_SECS: i64 = 30 * 86_400;

/// The sending end. The engine must not block and presence must not be lost, so the queue has no
/// bound of its own: it is bounded by the engine's participants, whose joins are.
pub struct Sink(mpsc::UnboundedSender<MediaEvent>);

impl EventSink for Sink {
    fn push(&self, event: MediaEvent) {
        if self.0.send(event).is_err() {
            tracing::debug!("a media event after the end of the director");
        }
    }
}

/// The receiving end.
pub struct Source(mpsc::UnboundedReceiver<MediaEvent>);

/// Both ends.
#[must_use]
pub fn channel() -> (Arc<Sink>, Source) {
    let (tx, rx) = mpsc::unbounded_channel();
    (Arc::new(Sink(tx)), Source(rx))
}

/// Whoever else wants to hear every fact (webhooks).
pub type Listener = Arc<dyn Fn(&MediaEvent) + Send + Sync>;

/// Runs until the process drops everything: facts of the drain still count.
pub fn start(
    spawner: &Spawner,
    mut source: Source,
    director: Arc<Director>,
    clock: Arc<dyn Clock>,
    store: Arc<dyn stoa_core::ports::Store>,
    listeners: Vec<Listener>,
) {
    let timers = Arc::clone(&director);
    let soft = spawner.soft.clone();
    spawner.spawn_last("media events", async move {
        while let Some(event) = source.0.recv().await {
            listeners.iter().for_each(|l| l(&event));
            director.event(&event).await;
        }
    });
    let now = Arc::clone(&clock);
    let ended = soft.clone();
    spawner.spawn("director", async move {
        loop {
            let until = timers.next_deadline().map_or(LOOK, |at| at.saturating_sub(now.now().mono)).min(LOOK);
            tokio::select! {
                () = tokio::time::sleep(until) => timers.tick().await,
                () = ended.cancelled() => return,
            }
        }
    });
    spawner.spawn("purge of sanctions", async move {
        loop {
            match store.purge_sanctions(clock.now().wall, PURGE_AFTER_SECS).await {
                Ok(0) => {}
                Ok(n) => tracing::info!(sanctions.purged = n, "forgot sanctions that ended"),
                Err(e) => tracing::warn!(error = e.internal(), "cannot purge sanctions"),
            }
            tokio::select! {
                () = tokio::time::sleep(PURGE_EVERY) => {}
                () = soft.cancelled() => return,
            }
        }
    });
}
