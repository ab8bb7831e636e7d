//! Webhooks: LiveKit's events for an app's own servers, signed with the app's secret (media.md 3.4).
//!
//! [`items`] turns a fact into rows of the store's outbox; the [`Deliverer`] brings these to the receivers.
//! A row goes only after the receiver took it, so nothing is lost by a restart; a crash between the two
//! repeats an event with the same id.

mod body;
mod lanes;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use stoa_core::app::Apps;
use stoa_core::ports::{Clock, Entropy, OutboxItem, OutboxStore};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::token;

pub use body::{body, disconnect_reason, items};

use lanes::{LaneKey, Lanes};

/// Rows taken from the outbox at once, beyond those that wait already.
const BATCH: usize = 512;
/// Most events held in memory, about a kilobyte each. Beyond it a long outage of one receiver also delays
/// the others; until then it does not.
const MOST_LOADED: usize = 8192;

/// Least time between two looks at the outbox for each [`BATCH`] of events that wait. Longer costs freshness
/// while a receiver is down, shorter costs the store reads.
const LOOK_SPACING: Duration = Duration::from_millis(100);

/// How patient delivery is.
#[derive(Debug, Clone)]
pub struct Pace {
    /// Pause after the first failure; doubles with each further one.
    pub first_pause: Duration,
    /// Longest pause. Longer spares a receiver that is down, shorter finds it sooner when it is back.
    pub longest_pause: Duration,
    /// Time limit of one request, connecting included.
    pub timeout: Duration,
    /// An event older than this is dropped after its next failure.
    pub give_up: Duration,
    /// How often the outbox is looked at without being woken.
    pub idle: Duration,
    /// How long requests under way may go on at shutdown.
    pub linger: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(300),
            timeout: Duration::from_secs(10),
            give_up: Duration::from_secs(24 * 3600),
            idle: Duration::from_secs(5),
            linger: Duration::from_secs(3),
        }
    }
}

/// The HTTP client for webhooks: it follows no redirect, because a receiver must not send our signed bodies
/// to places the operator did not name, and no proxy of the environment, for the same reason.
///
/// # Errors
/// When the TLS stack cannot be set up.
pub fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("stoa/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Brings the outbox to its receivers: in order per channel, again until taken, each with the same id.
pub struct Deliverer {
    store: Arc<dyn OutboxStore>,
    apps: Apps,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    pace: Pace,
    wake: Notify,
}

/// When to look at the outbox.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    next: Duration,
    earliest: Duration,
    /// There was more than there was room for.
    more: bool,
}

impl Look {
    fn hasten(&mut self) {
        self.next = self.next.min(self.earliest);
    }
}

/// How a try ended.
enum Outcome {
    /// Taken, or given up, and out of the store.
    Gone,
    /// To be tried again.
    Failed,
}

impl Deliverer {
    /// A deliverer; [`Self::run`] makes it work.
    #[must_use]
    pub fn new(
        store: Arc<dyn OutboxStore>,
        apps: Apps,
        client: reqwest::Client,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        pace: Pace,
    ) -> Self {
        Self { store, apps, client, clock, entropy, pace, wake: Notify::new() }
    }

    /// Something was pushed to the outbox.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Works until told to stop; requests under way then get a moment to end.
    pub async fn run(&self, stop: CancellationToken) {
        let mut lanes = Lanes::default();
        let mut under_way = FuturesUnordered::new();
        let mut look = Look::default();
        while !stop.is_cancelled() {
            if look.next <= self.clock.now().mono {
                look = self.look(&mut lanes).await;
            }
            let now = self.clock.now().mono;
            while let Some(item) = lanes.start(now) {
                under_way.push(self.deliver(item));
            }
            // A lane that is due but has no place waits for the end of a request, not for the clock.
            let due = lanes.deadline_after(now).map_or(look.next, |at| at.min(look.next));
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => look.hasten(),
                () = tokio::time::sleep(due.saturating_sub(now)) => {}
                Some((key, outcome)) = under_way.next() => {
                    self.settle(&mut lanes, &key, outcome);
                    if look.more && lanes.loaded() <= MOST_LOADED / 4 * 3 {
                        look.hasten();
                    }
                }
            }
        }
        let rest = async { while under_way.next().await.is_some() {} };
        if tokio::time::timeout(self.pace.linger, rest).await.is_err() {
            tracing::info!("webhooks under way are left for the next start");
        }
    }

    /// Takes more events in, as many as there is room for, and says when to look again.
    async fn look(&self, lanes: &mut Lanes) -> Look {
        loop {
            let limit = (lanes.loaded() + BATCH).min(MOST_LOADED);
            let more = match self.store.outbox_peek(u32::try_from(limit).unwrap_or(u32::MAX)).await {
                Ok(items) => {
                    let full = items.len() >= limit;
                    lanes.load(items);
                    full
                }
                Err(e) => {
                    tracing::warn!(error = e.internal().unwrap_or(e.public()), "the webhook outbox cannot be read");
                    false
                }
            };
            if !more || lanes.loaded() >= MOST_LOADED {
                let now = self.clock.now().mono;
                // Each look reads the whole backlog: the longer it is, the rarer.
                let earliest = now + LOOK_SPACING * u32::try_from(lanes.loaded() / BATCH).unwrap_or(u32::MAX);
                return Look { next: now + self.pace.idle, earliest, more };
            }
        }
    }

    fn settle(&self, lanes: &mut Lanes, key: &LaneKey, outcome: Outcome) {
        match outcome {
            Outcome::Gone => lanes.finish(key),
            Outcome::Failed => lanes.fail(key, self.clock.now().mono, |tries| self.back_off(tries)),
        }
    }

    /// Doubles with each failure, up to the longest; shortened by up to a quarter at random, so that the lanes
    /// of a receiver that was down do not all come back in the same moment.
    fn back_off(&self, tries: u32) -> Duration {
        let doubled = self.pace.first_pause.saturating_mul(1 << tries.saturating_sub(1).min(20));
        let mut byte = [0u8; 1];
        self.entropy.fill(&mut byte);
        let pause = doubled.min(self.pace.longest_pause);
        pause - pause * u32::from(byte[0]) / 1024
    }

    /// One try, and what follows from it in the store.
    async fn deliver(&self, item: OutboxItem) -> (LaneKey, Outcome) {
        let key = LaneKey::of(&item);
        match self.send(&item).await {
            Ok(()) => metrics::counter!("stoa_webhooks_delivered_total").increment(1),
            Err(why) if self.is_too_old(&item) => {
                metrics::counter!("stoa_webhooks_given_up_total").increment(1);
                tracing::error!(webhook.id = item.id, why, "a webhook was not taken in time and is dropped");
            }
            Err(why) => {
                metrics::counter!("stoa_webhooks_failed_total").increment(1);
                tracing::debug!(webhook.id = item.id, why, "a webhook was not taken");
                return (key, Outcome::Failed);
            }
        }
        self.remove(&item).await;
        (key, Outcome::Gone)
    }

    async fn send(&self, item: &OutboxItem) -> Result<(), &'static str> {
        let app = self.apps.by_id(item.app).ok_or("its app is not configured")?;
        let sha256 = B64.encode(Sha256::digest(item.body.as_bytes()));
        // Signed at each try: a signature lives for minutes, a backlog for hours.
        let signature = token::mint_webhook(app, sha256, self.clock.now().wall.secs());
        let response = self
            .client
            .post(&item.url)
            .header(http::header::AUTHORIZATION, signature)
            .header(http::header::CONTENT_TYPE, "application/webhook+json")
            .timeout(self.pace.timeout)
            .body(item.body.clone())
            .send()
            .await
            .map_err(|e| if e.is_timeout() { "time limit" } else { "no connection" })?;
        if response.status().is_success() { Ok(()) } else { Err("refused by the receiver") }
    }

    /// Taken by the receiver: must not be sent again while this process lives, however the store is doing.
    async fn remove(&self, item: &OutboxItem) {
        let mut tries = 0;
        while let Err(e) = self.store.outbox_done(item.seq).await {
            tries += 1;
            tracing::warn!(error = e.internal().unwrap_or(e.public()), "a delivered webhook cannot be removed");
            tokio::time::sleep(self.back_off(tries)).await;
        }
    }

    fn is_too_old(&self, item: &OutboxItem) -> bool {
        let age = created_secs(&item.body).map(|at| self.clock.now().wall.secs().saturating_sub(at));
        // A body without an instant is not one of ours; it would never become too old.
        age.is_none_or(|age| u64::try_from(age).is_ok_and(|age| age >= self.pace.give_up.as_secs()))
    }
}

/// When the event happened, as its body says.
fn created_secs(body: &str) -> Option<i64> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Created {
        created_at: String,
    }
    serde_json::from_str::<Created>(body).ok()?.created_at.parse().ok()
}
