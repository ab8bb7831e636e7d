//! Brings the media engine's facts to the director, in order, and wakes it when something is due.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stoa_core::channel::Boot;
use stoa_core::class::Classes;
use stoa_core::director::{Director, Noted};
use stoa_core::error::{Error, Kind, Result};
use stoa_core::media::MediaEvent;
use stoa_core::ports::{Clock, Store};
use stoa_core::time::UnixMs;
use stoa_core::world::Facts;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::spawner::Spawner;

/// Longest sleep without looking at the agenda. Other tasks add to it without waking this one, so
/// a dismissal's step or a seat's grace may be late by this much.
const LOOK: Duration = Duration::from_millis(200);
/// Purge of what ended long ago: how often.
const PURGE_EVERY: Duration = Duration::from_secs(3600);
/// Space of courseware that is gone is taken back: how often, besides at every upload.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// How long a revocation mark is kept: longer than the longest life of a media token it may have to refuse.
const PURGE_AFTER_SECS: i64 = 30 * 86_400;
/// Facts taken in at once, so that a crowd that joins together shares one transaction. More would delay the seats of
/// those who came first.
const BATCH: usize = 256;
/// Longest wait for facts to be taken in before a command is answered as unconfirmed.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

enum Item {
    Fact(Box<Noted>),
    Settle(oneshot::Sender<()>),
}

/// The sending end. The engine must not block and presence must not be lost, so the queue has no
/// bound of its own: it is bounded by the engine's participants, whose joins are.
pub struct Sink(mpsc::UnboundedSender<Item>);

#[async_trait]
impl Facts for Sink {
    fn push(&self, noted: Noted) {
        if self.0.send(Item::Fact(Box::new(noted))).is_err() {
            tracing::debug!("a media event after the end of the director");
        }
    }

    async fn settled(&self) -> Result<()> {
        let unavailable = || Error::new(Kind::Unavailable, "the server is busy, try again");
        let (done, wait) = oneshot::channel();
        self.0.send(Item::Settle(done)).map_err(|_| unavailable())?;
        match tokio::time::timeout(SETTLE_TIMEOUT, wait).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(unavailable().with_internal("facts were not taken in within 5 s")),
        }
    }
}

/// The receiving end.
pub struct Source(mpsc::UnboundedReceiver<Item>);

/// Both ends.
#[must_use]
pub fn channel() -> (Arc<Sink>, Source) {
    let (tx, rx) = mpsc::unbounded_channel();
    (Arc::new(Sink(tx)), Source(rx))
}

/// Whoever else wants to hear every fact (webhooks).
pub type Listener = Arc<dyn Fn(&MediaEvent) + Send + Sync>;

/// Facts and timers, one after the other.
struct Runner {
    source: Source,
    director: Arc<Director>,
    clock: Arc<dyn Clock>,
    listeners: Vec<Listener>,
}

impl Runner {
    async fn run(mut self, ending: CancellationToken) {
        loop {
            let sleep =
                self.director.next_deadline().map_or(LOOK, |at| at.saturating_sub(self.clock.now().mono)).min(LOOK);
            tokio::select! {
                biased;
                item = self.source.0.recv() => match item {
                    Some(item) => self.take(item).await,
                    None => return,
                },
                // Nothing is begun by itself while the process ends.
                () = tokio::time::sleep(sleep), if !ending.is_cancelled() => self.director.tick().await,
            }
        }
    }

    /// Takes an item and what waits behind it.
    async fn take(&mut self, first: Item) {
        let (mut facts, mut waiting) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        while let Some(item) = next {
            match item {
                Item::Fact(noted) => {
                    self.listeners.iter().for_each(|l| l(&noted.event));
                    facts.push(*noted);
                }
                Item::Settle(done) => waiting.push(done),
            }
            next = if facts.len() < BATCH { self.source.0.try_recv().ok() } else { None };
        }
        self.director.events(&facts).await;
        for done in waiting {
            // Whoever waited may have given up.
            let _given_up = done.send(());
        }
    }
}

/// Runs until the process drops everything: facts of the drain still count.
pub fn start(
    spawner: &Spawner,
    source: Source,
    director: Arc<Director>,
    clock: Arc<dyn Clock>,
    listeners: Vec<Listener>,
) {
    let runner = Runner { source, director, clock, listeners };
    spawner.spawn_last("media events", runner.run(spawner.soft.clone()));
}

/// What is kept, and how the run shows that it lives.
#[derive(Debug, Clone, Copy)]
pub struct Upkeep {
    /// The run.
    pub boot: Boot,
    /// How often its heartbeat is stored.
    pub heartbeat: Duration,
    /// Call records are kept so long after their end; zero = for ever.
    pub calls: Duration,
    /// So are entries of the log of commands; zero = for ever.
    pub audit: Duration,
}

/// Stores the heartbeat and forgets what ended long ago.
pub fn start_upkeep(spawner: &Spawner, clock: Arc<dyn Clock>, store: Arc<dyn Store>, upkeep: Upkeep) {
    let (beats, now, ended) = (Arc::clone(&store), Arc::clone(&clock), spawner.soft.clone());
    spawner.spawn("heartbeat", async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(upkeep.heartbeat) => {}
                () = ended.cancelled() => return,
            }
            if let Err(e) = beats.heartbeat(upkeep.boot, now.now().wall).await {
                tracing::warn!(error = e.internal(), "cannot store the heartbeat");
            }
        }
    });
    let soft = spawner.soft.clone();
    spawner.spawn("purge", async move {
        loop {
            purge(&*store, clock.now().wall, &upkeep).await;
            tokio::select! {
                () = tokio::time::sleep(PURGE_EVERY) => {}
                () = soft.cancelled() => return,
            }
        }
    });
}

/// Takes back the space of courseware that is gone.
pub fn sweep_files(spawner: &Spawner, classes: Classes) {
    let soft = spawner.soft.clone();
    spawner.spawn("sweep files", async move {
        loop {
            if let Err(e) = classes.sweep_files().await {
                tracing::warn!(error = e.internal(), "cannot sweep files");
            }
            tokio::select! {
                () = tokio::time::sleep(SWEEP_EVERY) => {}
                () = soft.cancelled() => return,
            }
        }
    });
}

async fn purge(store: &dyn Store, now: UnixMs, upkeep: &Upkeep) {
    match store.purge_sanctions(now, PURGE_AFTER_SECS).await {
        Ok(0) => {}
        Ok(n) => tracing::info!(sanctions.purged = n, "forgot sanctions that ended"),
        Err(e) => tracing::warn!(error = e.internal(), "cannot purge sanctions"),
    }
    let before = |age: Duration| {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        (age > 0).then(|| UnixMs(now.0.saturating_sub(age)))
    };
    if let Some(before) = before(upkeep.calls) {
        match store.purge_calls(before).await {
            Ok(0) => {}
            Ok(n) => tracing::info!(calls.purged = n, "forgot old call records"),
            Err(e) => tracing::warn!(error = e.internal(), "cannot purge call records"),
        }
    }
    if let Some(before) = before(upkeep.audit) {
        match store.purge_audit(before).await {
            Ok(0) => {}
            Ok(n) => tracing::info!(audit.purged = n, "forgot old commands"),
            Err(e) => tracing::warn!(error = e.internal(), "cannot purge the log of commands"),
        }
    }
}
