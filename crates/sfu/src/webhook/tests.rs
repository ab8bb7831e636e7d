use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use secrecy::SecretString;
use serde_json::Value;
use stoa_core::Result;
use stoa_core::app::App;
use stoa_core::id::{AppId, ChannelKey, ChannelName};
use stoa_core::media::{MediaEvent, MediaFact};
use stoa_core::time::{Now, UnixMs};

use super::*;

/// An outbox in memory.
#[derive(Default)]
struct Outbox {
    rows: Mutex<BTreeMap<i64, OutboxItem>>,
    last_seq: Mutex<i64>,
    fail_done: Mutex<u32>,
}

#[async_trait]
impl OutboxStore for Outbox {
    async fn outbox_push(&self, items: Vec<OutboxItem>) -> Result<()> {
        for item in items {
            let seq = {
                let mut last = self.last_seq.lock().unwrap();
                *last += 1;
                *last
            };
            self.rows.lock().unwrap().insert(seq, OutboxItem { seq, ..item });
        }
        Ok(())
    }
    async fn outbox_peek(&self, limit: u32) -> Result<Vec<OutboxItem>> {
        Ok(self.rows.lock().unwrap().values().take(limit as usize).cloned().collect())
    }
    async fn outbox_done(&self, seq: i64) -> Result<()> {
        let mut fail = self.fail_done.lock().unwrap();
        if *fail > 0 {
            *fail -= 1;
            return Err(stoa_core::Error::internal_error("disk"));
        }
        self.rows.lock().unwrap().remove(&seq);
        Ok(())
    }
}

/// Wall clock as set, monotonic clock of the runtime.
struct TestClock {
    start: tokio::time::Instant,
    wall: Mutex<UnixMs>,
}

impl Clock for TestClock {
    fn now(&self) -> Now {
        Now { wall: *self.wall.lock().unwrap(), mono: self.start.elapsed() }
    }
}

impl Entropy for TestClock {
    fn fill(&self, out: &mut [u8]) {
        out.fill(128);
    }
}

/// What the receiver answers next.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Fine,
    Broken,
    Redirects,
    Hangs,
}

/// An app's server: keeps what came.
struct Receiver {
    moods: Mutex<Vec<Mood>>,
    tries: Mutex<Vec<(String, String, Mood)>>,
    taken: Mutex<Vec<(String, Value)>>,
    changed: Notify,
    apps: Apps,
}

fn apps() -> Apps {
    let secret = SecretString::from("a-secret-that-signs-the-webhooks");
    let app = |id, key: &str| App {
        id: AppId(id),
        name: String::new(),
        key: key.to_owned(),
        secret: secret.clone(),
        previous_secrets: vec![],
        enabled: true,
        admin_identifiers: Vec::new(),
    };
    Apps::new([app(1, "one"), app(2, "two")])
}

const NOW_SECS: i64 = 1_767_225_600;

async fn receive(
    State(r): State<Arc<Receiver>>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let mood = r.moods.lock().unwrap().pop().unwrap_or(Mood::Fine);
    let json: Value = serde_json::from_str(&body).unwrap();
    let id = json["id"].as_str().unwrap().to_owned();
    r.tries.lock().unwrap().push((uri.path().to_owned(), id.clone(), mood));
    let status = match mood {
        Mood::Fine => {
            check_signature(&headers, &body, &r.apps);
            r.taken.lock().unwrap().push((uri.path().to_owned(), json));
            StatusCode::OK
        }
        Mood::Broken => StatusCode::SERVICE_UNAVAILABLE,
        Mood::Redirects => StatusCode::TEMPORARY_REDIRECT,
        Mood::Hangs => {
            r.changed.notify_waiters();
            std::future::pending().await
        }
    };
    r.changed.notify_waiters();
    (status, [("location", "/elsewhere")])
}

fn check_signature(headers: &HeaderMap, body: &str, apps: &Apps) {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    assert_eq!(headers["content-type"], "application/webhook+json");
    let jwt = headers["authorization"].to_str().unwrap();
    let verified = token::verify(jwt, apps, UnixMs::from_secs(NOW_SECS)).unwrap();
    assert!(verified.joining().is_err() && !verified.room_admin);
    assert_eq!(verified.exp_secs, NOW_SECS + 300);
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(claims["sha256"], B64.encode(Sha256::digest(body)));
}

struct Bench {
    store: Arc<Outbox>,
    receiver: Arc<Receiver>,
    clock: Arc<TestClock>,
    deliverer: Arc<Deliverer>,
    stop: CancellationToken,
    base: String,
}

impl Bench {
    async fn new(moods: &[Mood]) -> Self {
        _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let receiver = Arc::new(Receiver {
            moods: Mutex::new(moods.iter().rev().copied().collect()),
            tries: Mutex::default(),
            taken: Mutex::default(),
            changed: Notify::new(),
            apps: apps(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        let serve = async move { axum::serve(listener, router).await.unwrap() };
        spawn(serve);
        let clock =
            Arc::new(TestClock { start: tokio::time::Instant::now(), wall: Mutex::new(UnixMs::from_secs(NOW_SECS)) });
        let store = Arc::new(Outbox::default());
        let pace = Pace {
            first_pause: Duration::from_millis(5),
            longest_pause: Duration::from_millis(20),
            timeout: Duration::from_millis(300),
            ..Pace::default()
        };
        let deliverer = Deliverer::new(store.clone(), apps(), client().unwrap(), clock.clone(), clock.clone(), pace);
        let bench =
            Self { store, receiver, clock, deliverer: Arc::new(deliverer), stop: CancellationToken::new(), base };
        let (deliverer, stop) = (bench.deliverer.clone(), bench.stop.clone());
        spawn(async move { deliverer.run(stop).await });
        bench
    }

    /// Event number `n` of a channel.
    async fn push(&self, path: &str, app: u64, channel: &str, n: usize) {
        let event = MediaEvent {
            channel: ChannelKey { app: AppId(app), name: ChannelName::new(channel).unwrap() },
            channel_sid: "RM_1".into(),
            seq: n as u64,
            id: format!("EV_{channel}_{n}"),
            at: UnixMs::from_secs(NOW_SECS),
            fact: MediaFact::ChannelStarted,
        };
        self.store.outbox_push(items(&event, &[format!("{}{path}", self.base)])).await.unwrap();
        self.deliverer.wake();
    }

    /// Waits until `done` says so.
    async fn until(&self, done: impl Fn(&Self) -> bool) {
        let wait = async {
            loop {
                let changed = self.receiver.changed.notified();
                if done(self) {
                    return;
                }
                _ = tokio::time::timeout(Duration::from_millis(20), changed).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("in time");
    }

    fn is_empty(&self) -> bool {
        self.store.rows.lock().unwrap().is_empty()
    }

    fn taken(&self) -> Vec<String> {
        self.receiver.taken.lock().unwrap().iter().map(|(_, b)| b["id"].as_str().unwrap().to_owned()).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test needs no shutdown")]
fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}

#[tokio::test]
async fn after_an_outage_everything_arrives_once_and_in_order() {
    let outage = [Mood::Broken, Mood::Redirects, Mood::Broken, Mood::Hangs, Mood::Broken, Mood::Redirects].repeat(3);
    let b = Bench::new(&outage).await;
    for n in 0..40 {
        for channel in ["red", "blue", "green"] {
            b.push("/hook", 1, channel, n).await;
        }
    }
    b.until(Bench::is_empty).await;
    let taken = b.taken();
    assert_eq!(taken.len(), 120);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 120, "each once");
    for channel in ["red", "blue", "green"] {
        let of_channel: Vec<_> = taken.iter().filter(|id| id.contains(channel)).cloned().collect();
        assert_eq!(of_channel, (0..40).map(|n| format!("EV_{channel}_{n}")).collect::<Vec<_>>());
    }
    let tries = b.receiver.tries.lock().unwrap().clone();
    assert_eq!(tries.len(), 120 + outage.len(), "a try for each failure and one for each event");
    assert!(tries.iter().all(|(path, ..)| path == "/hook"), "no redirect was followed");
}

#[tokio::test]
async fn a_receiver_that_is_down_does_not_hold_up_another_and_an_event_refused_holds_up_its_channel_only() {
    let b = Bench::new(&[]).await;
    // Nobody listens on this one.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let dead = OutboxItem {
        seq: 0,
        id: "EV_dead".into(),
        url: format!("http://{closed}/"),
        app: AppId(1),
        channel: "red".into(),
        body: format!(r#"{{"id":"EV_dead","createdAt":"{NOW_SECS}"}}"#),
    };
    let no_app = OutboxItem { app: AppId(99), url: b.base.clone(), ..dead.clone() };
    b.store.outbox_push(vec![dead; 600]).await.unwrap();
    b.store.outbox_push(vec![no_app]).await.unwrap();
    for n in 0..5 {
        b.push("/hook", 2, "red", n).await;
    }
    b.until(|b| b.taken().len() == 5).await;
    // What was not taken is kept.
    b.until(|b| b.store.rows.lock().unwrap().len() == 601).await;
}

#[tokio::test]
async fn an_event_that_nobody_takes_for_a_day_is_given_up() {
    let b = Bench::new(&[Mood::Broken; 200]).await;
    b.push("/hook", 1, "red", 0).await;
    b.until(|b| b.receiver.tries.lock().unwrap().len() >= 3).await;
    *b.clock.wall.lock().unwrap() = UnixMs::from_secs(NOW_SECS + 24 * 3600);
    b.until(Bench::is_empty).await;
    assert_eq!(b.taken(), Vec::<String>::new());
}

#[tokio::test]
async fn a_delivered_event_is_not_sent_again_while_the_store_cannot_forget_it() {
    let b = Bench::new(&[]).await;
    *b.store.fail_done.lock().unwrap() = 3;
    b.push("/hook", 1, "red", 0).await;
    b.push("/hook", 1, "red", 1).await;
    b.until(Bench::is_empty).await;
    assert_eq!(b.taken(), ["EV_red_0", "EV_red_1"]);
    assert_eq!(b.receiver.tries.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_stop_ends_the_work_and_keeps_what_is_left() {
    let b = Bench::new(&[Mood::Broken; 1000]).await;
    b.push("/hook", 1, "red", 0).await;
    b.until(|b| !b.receiver.tries.lock().unwrap().is_empty()).await;
    b.stop.cancel();
    // The worker held the other reference.
    b.until(|b| Arc::strong_count(&b.deliverer) == 1).await;
    assert!(!b.is_empty());
}
