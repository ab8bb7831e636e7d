//! The dialect with doubles for the rest of the world. Every answer is checked for what all answers must have.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use secrecy::SecretString;
use serde_json::{Value, json};
use stoa_api::{ApiConfig, ApiState, Cors, LoginKeys, Rate};
use stoa_api_console::body::logs::{Dialect, RequestLine};
use stoa_api_console::{About, ConsoleState, Health, Machine, StoreKind, router};
use stoa_core::Result;
use stoa_core::account::Account;
use stoa_core::app::{App, Apps};
use stoa_core::console::{Accounts, Console, Farewell, Hashes, Ring, Row, Sample, Series};
use stoa_core::id::{AppId, UserId};
use stoa_core::login::{AuthMode, Login, LoginConfig, Passwords};
use stoa_core::ports::{Clock, Store};
use stoa_core::time::UnixMs;
use stoa_testkit::{Bench, Counting, bench, user};
use tower::ServiceExt;

const KEY: &[u8] = b"demo-jwt-secret-32-bytes-long!!!";
pub const APP_SECRET: &str = "app-secret-that-nobody-may-see-00";

/// Hashes that tests can read.
struct Plain;

#[async_trait]
impl Passwords for Plain {
    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        Ok(hash == Some(&format!("hashed {password}")))
    }
}

#[async_trait]
impl Hashes for Plain {
    async fn hash(&self, password: &str) -> Result<String> {
        Ok(format!("hashed {password}"))
    }
}

/// Whose sessions ended.
#[derive(Default)]
pub struct Ended(pub Mutex<Vec<(String, bool)>>);

#[async_trait]
impl Farewell for Ended {
    async fn signed_out(&self, user: &UserId, banned: bool) {
        self.0.lock().unwrap().push((user.to_string(), banned));
    }
}

/// A machine that is what a test says.
#[derive(Default)]
pub struct Desk {
    pub ring: Mutex<Ring>,
    pub lines: Mutex<Vec<RequestLine>>,
}

pub fn line(path: &str, status: u16) -> RequestLine {
    let (method, request_id) = ("POST".to_owned(), format!("id-{status}"));
    RequestLine { at: 1, method, path: path.to_owned(), status, ms: 1.5, request_id, dialect: Dialect::Voice }
}

impl Machine for Desk {
    fn newest(&self) -> Option<Sample> {
        self.ring.lock().unwrap().newest()
    }
    fn series(&self, minutes: u32, now: UnixMs) -> Series {
        self.ring.lock().unwrap().last(minutes, now)
    }
    fn requests(&self) -> Vec<RequestLine> {
        self.lines.lock().unwrap().iter().rev().cloned().collect()
    }
    fn clouds(&self) -> Vec<Health> {
        let state = stoa_api_console::body::overview::CloudState::Down;
        vec![Health { part: "aliyun_media", state, last_error: Some("timeout") }]
    }
    fn publications(&self) -> u64 {
        3
    }
    fn participants(&self) -> u64 {
        2
    }
    fn connections(&self) -> u64 {
        1
    }
    fn load(&self) -> Option<f64> {
        Some(0.5)
    }
    fn files(&self) -> (Option<u64>, Option<u64>) {
        (Some(95), Some(100))
    }
}

pub fn sample(cpu: f64) -> Sample {
    let mut s = Sample::default();
    s.set(Row::CpuPercent, Some(cpu));
    s.set(Row::MemoryBytes, Some(4096.0));
    s.set(Row::BitsIn, Some(1234.5678));
    s
}

fn app(id: u64, key: &str) -> App {
    App {
        id: AppId(id),
        name: "test".into(),
        key: key.into(),
        secret: SecretString::from(APP_SECRET),
        previous_secrets: vec![SecretString::from(APP_SECRET)],
        enabled: id == 1000,
        admin_identifiers: vec!["admin".into()],
    }
}

/// A dialect that answers.
pub struct Server {
    pub routes: Router,
    pub b: Bench,
    pub desk: Arc<Desk>,
    pub ended: Arc<Ended>,
    keys: LoginKeys,
}

/// An answer.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The body of a success.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.body()
    }

    /// Done, and nothing to say.
    pub fn done(&self) {
        assert_eq!((self.status, self.text.as_str()), (204, ""));
    }

    /// Refused like that.
    pub fn refused(&self, status: u16, code: &str) {
        let v = self.body();
        assert_eq!((self.status, v["error"]["code"].as_str()), (status, Some(code)), "{}", self.text);
    }
}

impl Server {
    /// With the administrators `root` (account) and `boss` (configuration), the account `ann`, and `old`, an administrator
    /// who is disabled.
    pub async fn new() -> Self {
        Self::with_rate(Rate { per_sec: 0, burst: 0 }).await
    }

    pub async fn with_rate(user_rate: Rate) -> Self {
        let b = bench().await;
        for (name, admin, disabled) in [("root", true, false), ("ann", false, false), ("old", true, true)] {
            let password_hash = format!("hashed {name}");
            let account = Account { user: user(name), password_hash, admin, disabled, revoked_at_secs: 0 };
            b.store.put_account(account).await.unwrap();
        }
        let config = LoginConfig {
            mode: AuthMode::Accounts,
            admins: BTreeSet::from([user("boss")]),
            failures: 10,
            failures_address: 100,
            window: Duration::from_secs(300),
            bind_subject: true,
        };
        let login = Login::new(b.store.clone(), b.clock.clone(), Arc::new(Plain), None, config);
        let zone: stoa_api::Zone = "+08:00".parse().unwrap();
        let config = ApiConfig {
            body_limit: 2 << 20,
            cors: Cors::Any,
            token_ttl: Duration::from_secs(86_400),
            user_rate,
            zone: zone.clone(),
            max_in_flight: 1000,
        };
        let keys = LoginKeys::new([KEY]).unwrap();
        let entropy = Arc::new(Counting::default());
        let api = ApiState::new(Arc::new(login), b.clock.clone(), entropy, LoginKeys::new([KEY]).unwrap(), config);
        let (desk, ended) = (Arc::<Desk>::default(), Arc::<Ended>::default());
        let console = Console::new(b.talk.clone(), b.director.clone(), Apps::new([app(1000, "one"), app(2000, "two")]));
        let accounts = Accounts::new(b.store.clone(), b.clock.clone(), Arc::new(Plain), ended.clone(), [user("boss")]);
        let about = About {
            version: "1.2.3",
            started: b.clock.now_wall(),
            zone,
            zone_name: "+08:00".to_owned(),
            store: StoreKind::Sqlite,
            udp_ports: vec![7882],
            demo: false,
            bare: true,
        };
        let routes = router(ConsoleState::new(api, console, accounts, desk.clone(), about));
        Self { routes, b, desk, ended, keys }
    }

    pub fn token(&self, name: &str) -> String {
        let now = self.b.clock.now().wall.secs();
        self.keys.mint(&user(name), now, now + 3600, None)
    }

    pub async fn send(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("/api/console/v1{path}"));
        request = request.header("origin", "https://elsewhere.example");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = self.routes.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        let text = String::from_utf8(to_bytes(body, 4 << 20).await.unwrap().to_vec()).unwrap();
        let reply = Reply { status: parts.status.as_u16(), headers: parts.headers, text };
        reply_holds(&reply);
        reply
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, Some(&self.token("root")), "").await
    }

    pub async fn order(&self, method: &str, path: &str, body: Value) -> Reply {
        self.send(method, path, Some(&self.token("root")), &body.to_string()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.order("POST", path, body).await
    }
}

/// What every answer must have.
fn reply_holds(reply: &Reply) {
    let id = reply.headers["x-request-id"].to_str().unwrap();
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    assert!(reply.headers.keys().all(|k| !k.as_str().starts_with("access-control-")), "{:?}", reply.headers);
    assert!(!reply.text.contains(APP_SECRET) && !reply.text.contains("hashed"), "{}", reply.text);
    if reply.status >= 400 {
        let v = reply.body();
        let error = v["error"].as_object().unwrap();
        assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message", "request_id"]);
        assert_eq!(error["request_id"], json!(id));
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert!(reply.status != 401 || reply.headers["www-authenticate"] == "Bearer");
        assert!(!matches!(reply.status, 429 | 503) || reply.headers.contains_key("retry-after"));
    } else if !reply.text.is_empty() {
        assert_eq!(reply.headers["content-type"], "application/json; charset=utf-8");
    }
}
