//! A hub on a free port with hooks that a test can bend.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use stoa_core::hub::{HubAdmitted, HubClient, HubHooks, HubLeft, HubRefusal, HubSubscribed, SingleLogin};
use stoa_core::ports::{Clock, Entropy};
use stoa_core::time::{Now, UnixMs};
use stoa_hub::{Config, Hub, Rate, Settings, Taken, Verifier};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub const KEY: &str = "hub-demo-secret-32-bytes-long!!!";

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Now {
        #[expect(clippy::disallowed_methods, reason = "sockets have real time")]
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Now { wall: UnixMs(wall.as_millis().try_into().unwrap()), mono: self.0.elapsed() }
    }
}

struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).unwrap();
    }
}

pub struct Hooks {
    pub policy: SingleLogin,
    pub slow_ms: AtomicU64,
    /// Lets the function `slow` end.
    pub go_on: tokio::sync::Notify,
    /// How often it did.
    pub finished: AtomicU64,
    pub presence: Mutex<Vec<(String, bool, HubLeft)>>,
    /// Users whose subscribes are refused.
    pub banned: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl HubHooks for Hooks {
    async fn connect(&self, client: &HubClient) -> Result<HubAdmitted, HubRefusal> {
        Ok(HubAdmitted { personal: format!("user:#{}", client.user), policy: self.policy })
    }

    async fn subscribe(&self, client: &HubClient, channel: &str) -> Result<HubSubscribed, HubRefusal> {
        let allowed = !self.banned.lock().unwrap().contains(&client.user);
        let ms = self.slow_ms.load(Ordering::Relaxed);
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        if allowed {
            Ok(HubSubscribed { data: None, presence: channel.starts_with("room:") })
        } else {
            Err(HubRefusal::DENIED)
        }
    }

    async fn rpc(&self, _client: &HubClient, method: &str, data: &str) -> Result<String, HubRefusal> {
        assert_ne!(method, "panic", "as the test asked for");
        if method == "slow" {
            self.go_on.notified().await;
            self.finished.fetch_add(1, Ordering::Relaxed);
        }
        Ok(data.to_owned())
    }

    fn presence(&self, channel: &str, _client: &HubClient, came: bool, left: HubLeft) {
        self.presence.lock().unwrap().push((channel.to_owned(), came, left));
    }

    fn closed(&self, _client: &HubClient, _code: u32) {}
}

pub struct Server {
    pub hub: Hub,
    pub hooks: Arc<Hooks>,
    pub at: SocketAddr,
    hard: CancellationToken,
    tasks: TaskTracker,
}

pub fn settings() -> Settings {
    let mut config = Config::new(Verifier::new(&[KEY], None));
    config.limits.connections_per_user = 10_000;
    config.limits.connects_user = Rate { per_sec: 0, burst: 0 };
    config.limits.commands = Rate { per_sec: 0, burst: 0 };
    let mut settings = Settings::new(config, Arc::new(Taken::of_axum));
    settings.connects = Rate { per_sec: 0, burst: 0 };
    settings
}

impl Server {
    pub async fn start() -> Self {
        Self::with(settings(), SingleLogin::Cap).await
    }

    pub async fn with(settings: Settings, policy: SingleLogin) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        #[expect(clippy::disallowed_methods, reason = "sockets have real time")]
        let clock = Arc::new(RealClock(Instant::now()));
        let hub = Hub::new(settings, clock, Arc::new(OsEntropy));
        let hooks = Arc::new(Hooks {
            policy,
            slow_ms: AtomicU64::new(0),
            go_on: tokio::sync::Notify::new(),
            finished: AtomicU64::new(0),
            presence: Mutex::default(),
            banned: Mutex::default(),
        });
        let (tasks, hard) = (TaskTracker::new(), CancellationToken::new());
        hub.start(hooks.clone(), &tasks, hard.clone());
        let router = hub.router().into_make_service_with_connect_info::<SocketAddr>();
        let stop = hard.clone();
        tasks.spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await.unwrap();
        });
        Self { hub, hooks, at, hard, tasks }
    }

    /// As a crash would: nothing is written, nobody is told.
    pub async fn kill(self) {
        self.hard.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub async fn publish(&self, channel: &str, data: &str) -> stoa_core::hub::Position {
        use stoa_core::hub::Hub as _;
        self.hub.publish(channel, data, Default::default()).await.unwrap()
    }
}

pub fn token(user: &str) -> String {
    token_of(user, "dev")
}

pub fn token_of(user: &str, dev: &str) -> String {
    let part = |v: serde_json::Value| URL_SAFE_NO_PAD.encode(v.to_string());
    let claims = json!({"sub": user, "aud": "hub", "exp": 4_000_000_000i64, "meta": {"dev": dev, "face": "class"}});
    let signed = format!("{}.{}", part(json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// Asks until it is true.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let asked = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(crate::client::PATIENCE, asked).await.is_ok(), "not in time: {what}");
}
