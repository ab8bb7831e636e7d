//! Media events to the outbox, and the outbox to the operator's receivers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stoa_core::app::Apps;
use stoa_core::media::MediaEvent;
use stoa_core::ports::{Clock, Entropy, OutboxItem, OutboxStore};
use stoa_sfu::webhook::{Deliverer, Pace, client, items};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::events::Listener;
use crate::spawner::Spawner;

/// Pause before the outbox is written again after a fault of the store. Events wait in memory
/// meanwhile, in order.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// Events put into the outbox with one write.
const BATCH: usize = 64;

/// Webhooks of this process.
pub struct Webhooks {
    store: Arc<dyn OutboxStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    http: reqwest::Client,
    spawner: Spawner,
    current: Mutex<(Arc<Deliverer>, CancellationToken)>,
}

impl Webhooks {
    /// Starts delivery, also of what an earlier process left in the outbox.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn start(
        store: Arc<dyn OutboxStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        apps: Apps,
        spawner: &Spawner,
    ) -> anyhow::Result<Arc<Self>> {
        let http = client()?;
        let first = begin(&store, &clock, &entropy, &http, apps, spawner);
        let spawner = spawner.clone();
        Ok(Arc::new(Self { store, clock, entropy, http, spawner, current: Mutex::new(first) }))
    }

    /// Signs with these apps' secrets from now on. Requests under way end first; the rest is taken
    /// from the outbox again.
    pub fn set_apps(&self, apps: Apps) {
        let next = begin(&self.store, &self.clock, &self.entropy, &self.http, apps, &self.spawner);
        let old = std::mem::replace(&mut *self.current.lock().unwrap_or_else(PoisonError::into_inner), next);
        old.1.cancel();
    }

    fn wake(&self) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).0.wake();
    }

    /// Hears media events and puts them into the outbox, in order.
    pub fn listener(self: &Arc<Self>, urls: Vec<String>) -> Listener {
        // Bounded like the director's queue: by the participants whose joins and leaves these are.
        let (tx, mut rx) = mpsc::unbounded_channel::<OutboxItem>();
        let me = Arc::clone(self);
        self.spawner.spawn_last("webhook outbox", async move {
            let mut batch = Vec::new();
            while rx.recv_many(&mut batch, BATCH).await > 0 {
                while let Err(e) = me.store.outbox_push(batch.clone()).await {
                    tracing::warn!(error = e.internal(), "cannot keep webhooks, trying again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
                batch.clear();
                me.wake();
            }
        });
        Arc::new(move |event: &MediaEvent| {
            for item in items(event, &urls) {
                if tx.send(item).is_err() {
                    tracing::warn!("a webhook after the end of the outbox");
                }
            }
        })
    }
}

fn begin(
    store: &Arc<dyn OutboxStore>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    http: &reqwest::Client,
    apps: Apps,
    spawner: &Spawner,
) -> (Arc<Deliverer>, CancellationToken) {
    let deliverer = Arc::new(Deliverer::new(
        Arc::clone(store),
        apps,
        http.clone(),
        Arc::clone(clock),
        Arc::clone(entropy),
        Pace::default(),
    ));
    let stop = spawner.soft.child_token();
    let (worker, until) = (Arc::clone(&deliverer), stop.clone());
    spawner.spawn("webhook delivery", async move { worker.run(until).await });
    (deliverer, stop)
}
