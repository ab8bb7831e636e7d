//! The message hub alone, for trying clients against it: every good token may connect, subscribe and call. Key
//! `hub-demo-secret-32-bytes-long!!!`. Prints its address as one JSON line. Loopback only; not a server to run.
//!
//! Settings are arguments: `port=`, `snapshot=<file>`, `origin=<origin>`, `policy=user|device|cap`, `ping_ms=`,
//! `pong_ms=`, `stale_ms=`, `grace_ms=`, `connects=<burst>`, `open` (rates of users and commands off).
//!
//! `POST /dev/publish?channel=…[&live=1][&key=…]` with JSON sends; `GET /dev/<command>?channel=…&user=…&client=…` with
//! `subscribe`, `unsubscribe`, `disconnect` (`code`), `presence`, `stats`, `history`, `events`, `hooks` (`slow_ms`,
//! `fail`), `stop`. Functions: `echo` answers its argument, `publish {channel, data}` publishes it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::routing::{get, post};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use stoa_core::hub::{
    Hub as _, HubAdmitted, HubClient, HubHooks, HubLeft, HubRefusal, HubSubscribed, PublishOptions, SingleLogin,
};
use stoa_core::ports::{Clock, Entropy};
use stoa_core::time::{Now, UnixMs};
use stoa_hub::{Config, Hub, Namespace, Rate, Settings, Taken, Verifier};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Now {
        #[expect(clippy::disallowed_methods, reason = "an example's own clock")]
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { wall: UnixMs(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)), mono: self.0.elapsed() }
    }
}

struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("the system has entropy");
    }
}

/// Hooks that allow everything, as slow or as broken as they are told to be.
struct AllowAll {
    policy: SingleLogin,
    slow_ms: AtomicU64,
    /// Questions that still fail.
    fail: AtomicU32,
    hub: Mutex<Option<Hub>>,
    events: Mutex<Vec<String>>,
}

impl AllowAll {
    async fn think(&self) -> Result<(), HubRefusal> {
        let ms = self.slow_ms.load(Ordering::Relaxed);
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        let fails = self.fail.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok();
        if fails { Err(HubRefusal::INTERNAL) } else { Ok(()) }
    }
}

#[async_trait::async_trait]
impl HubHooks for AllowAll {
    async fn connect(&self, client: &HubClient) -> Result<HubAdmitted, HubRefusal> {
        Ok(HubAdmitted { personal: format!("user:#{}", client.user), policy: self.policy })
    }

    async fn subscribe(&self, _client: &HubClient, channel: &str) -> Result<HubSubscribed, HubRefusal> {
        self.think().await?;
        if channel.ends_with(":denied") {
            return Err(HubRefusal::DENIED);
        }
        Ok(HubSubscribed { data: Some("{\"role\":\"member\"}".to_owned()), presence: channel.starts_with("room:") })
    }

    async fn rpc(&self, _client: &HubClient, method: &str, data: &str) -> Result<String, HubRefusal> {
        self.think().await?;
        if method == "publish" {
            #[derive(serde::Deserialize)]
            struct Publish {
                channel: String,
                data: Box<serde_json::value::RawValue>,
            }
            let p: Publish = serde_json::from_str(data).map_err(|_| HubRefusal::DENIED)?;
            let hub = self.hub.lock().expect("no panics").clone().ok_or(HubRefusal::INTERNAL)?;
            let position = hub.publish(&p.channel, p.data.get(), PublishOptions::default()).await;
            return position.map(|p| format!("{{\"offset\":{}}}", p.offset)).map_err(|_| HubRefusal::INTERNAL);
        }
        if method == "echo" {
            return Ok(data.to_owned());
        }
        Err(HubRefusal::Error { code: 104, message: "method not found", temporary: false })
    }

    fn presence(&self, channel: &str, client: &HubClient, came: bool, left: HubLeft) {
        let what = if came { "Came".to_owned() } else { format!("{left:?}") };
        self.events.lock().expect("no panics").push(format!("{channel} {} {what}", client.user));
    }

    fn closed(&self, client: &HubClient, code: u32) {
        self.events.lock().expect("no panics").push(format!("closed {} {code}", client.user));
    }
}

#[derive(Clone)]
struct Dev {
    hub: Hub,
    hooks: Arc<AllowAll>,
}

async fn publish(State(dev): State<Dev>, Query(q): Query<HashMap<String, String>>, body: String) -> String {
    let options = PublishOptions { skip_history: q.contains_key("live"), idempotency_key: q.get("key").cloned() };
    let channel = q.get("channel").cloned().unwrap_or_default();
    match dev.hub.publish(&channel, &body, options).await {
        Ok(p) => format!("{{\"offset\":{},\"epoch\":\"{}\"}}", p.offset, p.epoch),
        Err(e) => format!("{{\"error\":\"{e}\"}}"),
    }
}

async fn dev(State(dev): State<Dev>, Path(command): Path<String>, Query(q): Query<HashMap<String, String>>) -> String {
    let arg = |name: &str| q.get(name).map_or("", String::as_str);
    let number = |name: &str| arg(name).parse::<u32>().unwrap_or(0);
    let (hub, channel, user, client) = (&dev.hub, arg("channel"), arg("user"), q.get("client").map(String::as_str));
    match command.as_str() {
        "subscribe" => format!("{:?}", hub.subscribe(user, channel).await),
        "unsubscribe" => format!("{:?}", hub.unsubscribe(user, channel, client).await),
        "disconnect" => format!("{:?}", hub.disconnect(user, client, number("code"), "asked for").await),
        "presence" => format!("{:?}", hub.presence(channel).await.map(|p| p.len())),
        "stats" => hub.presence_stats(channel).await.map_or_else(|e| e.to_string(), |(c, u)| format!("[{c},{u}]")),
        "history" => {
            format!("{:?}", hub.history(channel, None, number("limit")).await.map(|(p, top)| (p.len(), top.offset)))
        }
        "events" => dev.hooks.events.lock().expect("no panics").join("\n"),
        "hooks" => {
            dev.hooks.slow_ms.store(number("slow_ms").into(), Ordering::Relaxed);
            dev.hooks.fail.store(number("fail"), Ordering::Relaxed);
            "ok".to_owned()
        }
        "connections" => hub.connections().to_string(),
        "stop" => format!("{:?}", hub.stop(Duration::from_secs(10)).await),
        _ => "unknown".to_owned(),
    }
}

fn settings(args: &HashMap<String, String>) -> Settings {
    let number = |name: &str| args.get(name).and_then(|v| v.parse::<u32>().ok());
    let mut config = Config::new(Verifier::new(&["hub-demo-secret-32-bytes-long!!!"], None));
    let test = Namespace {
        name: "test".to_owned(),
        history_size: 400,
        history_ttl: Duration::from_secs(60),
        recover: true,
        presence: false,
    };
    config.namespaces.push(test);
    let timing = &mut config.timing;
    for (name, field) in [
        ("ping_ms", &mut timing.ping),
        ("pong_ms", &mut timing.pong),
        ("stale_ms", &mut timing.stale),
        ("grace_ms", &mut timing.grace),
    ] {
        if let Some(ms) = number(name) {
            *field = Duration::from_millis(ms.into());
        }
    }
    if args.contains_key("open") {
        config.limits.connects_user = Rate { per_sec: 0, burst: 0 };
        config.limits.commands = Rate { per_sec: 0, burst: 0 };
        config.limits.connections_per_user = 100_000;
    }
    let mut settings = Settings::new(config, Arc::new(Taken::of_axum));
    let burst = number("connects").unwrap_or(0);
    settings.connects = Rate { per_sec: burst.min(1), burst };
    settings.snapshot = args.get("snapshot").map(Into::into);
    if let Some(allowed) = args.get("origin").cloned() {
        settings.origin = Arc::new(move |origin| origin == allowed);
    }
    settings
}

#[tokio::main]
async fn main() {
    let args: HashMap<String, String> = std::env::args()
        .skip(1)
        .map(|a| a.split_once('=').map_or_else(|| (a.clone(), String::new()), |(k, v)| (k.to_owned(), v.to_owned())))
        .collect();
    let port: u16 = args.get("port").and_then(|p| p.parse().ok()).unwrap_or(0);
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    #[expect(clippy::disallowed_methods, reason = "an example's own clock")]
    let clock = Arc::new(RealClock(Instant::now()));
    let policy = match args.get("policy").map(String::as_str) {
        Some("user") => SingleLogin::User,
        Some("device") => SingleLogin::Device,
        _ => SingleLogin::Cap,
    };
    let hooks = Arc::new(AllowAll {
        policy,
        slow_ms: AtomicU64::new(0),
        fail: AtomicU32::new(0),
        hub: Mutex::new(None),
        events: Mutex::new(Vec::new()),
    });
    let hub = Hub::new(settings(&args), clock, Arc::new(OsEntropy));
    *hooks.hub.lock().expect("no panics") = Some(hub.clone());
    let tasks = TaskTracker::new();
    hub.start(hooks.clone(), &tasks, CancellationToken::new());
    let router = axum::Router::new()
        .route("/dev/publish", post(publish))
        .route("/dev/{command}", get(dev))
        .with_state(Dev { hub: hub.clone(), hooks })
        .merge(hub.router());
    println!("{{\"http\":{},\"pid\":{}}}", address.port(), std::process::id());
    loop {
        let Ok((stream, peer)) = listener.accept().await else { continue };
        tasks.spawn(serve(router.clone(), stream, peer));
    }
}

async fn serve(router: axum::Router, stream: TcpStream, peer: SocketAddr) {
    let _undelayed = stream.set_nodelay(true);
    let service = router.map_request(move |mut r: axum::http::Request<hyper::body::Incoming>| {
        r.extensions_mut().insert(ConnectInfo(peer));
        r.map(axum::body::Body::new)
    });
    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    let _closed = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service)).await;
}
