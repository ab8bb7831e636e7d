//! The dialect over a world in memory.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use stoa_api::hub_token::HubMint;
use stoa_api::jwt::Key;
use stoa_api::{ApiConfig, ApiState, Cors, LoginKeys, Rate};
use stoa_api_class::{
    BoardKeys, BoardProvider, ClassApiConfig, ClassState, FileLinks, ImProvider, LinkKey, MediaProvider, router,
};
use stoa_core::account::Account;
use stoa_core::app::App;
use stoa_core::class::{ClassConfig, ClassIdentity, Classes, Creators, FileLimits, Joined};
use stoa_core::group::Names;
use stoa_core::id::ClassId;
use stoa_core::login::{AuthMode, Login, LoginConfig};
use stoa_core::ports::Clock as _;
use stoa_core::stream::Streams;
use stoa_core::time::UnixMs;
use stoa_testkit::{APP, Bench, TestClock, user};
use tower::ServiceExt;

use crate::doubles::{Draws, FakeBoards, FakeStreams, PlainPasswords, TestTokens};

pub const LOGIN_KEY: &[u8] = b"demo-jwt-secret-32-bytes-long!!!";
pub const HUB_KEY: &[u8] = b"hub-demo-secret-32-bytes-long!!!";
pub const JUMP_KEY: &[u8] = b"jump-demo-secret-32-bytes-long!!";
pub const LIMIT: usize = 2 * 1024 * 1024;
/// 2023/11/24 11:47:54 at +08:00: the clock of the contract's examples.
pub const NOW: UnixMs = UnixMs(1_700_797_674_000);

/// What a test may want different.
pub struct Options {
    pub cors: Cors,
    pub rate: Rate,
    pub bind_subject: bool,
    pub creators: Creators,
    pub streams: bool,
}

impl Default for Options {
    fn default() -> Self {
        let rate = Rate { per_sec: 0, burst: 0 };
        Self { cors: Cors::Any, rate, bind_subject: true, creators: Creators::Any, streams: true }
    }
}

/// A dialect that answers.
pub struct Server {
    pub routes: Router,
    pub api: ApiState,
    pub bench: Bench,
    pub streams: Arc<FakeStreams>,
    pub boards: Arc<FakeBoards>,
    keys: LoginKeys,
}

impl Server {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(o: Options) -> Self {
        Self::build(Bench::over(Arc::default(), Arc::new(TestClock::at(NOW))).await, o)
    }

    /// Over a world that was there before.
    pub fn over(bench: Bench) -> Self {
        Self::build(bench, Options::default())
    }

    fn build(bench: Bench, o: Options) -> Self {
        let boards = Arc::new(FakeBoards::default());
        bench.world.set_boards(boards.clone());
        let login = LoginConfig {
            mode: AuthMode::Demo,
            admins: BTreeSet::from([user("root1")]),
            failures: 10,
            failures_address: 100,
            window: Duration::from_secs(300),
            bind_subject: o.bind_subject,
        };
        let clock = bench.clock.clone();
        let login = Login::new(bench.store.clone(), clock.clone(), Arc::new(PlainPasswords), None, login);
        let keys = LoginKeys::new([LOGIN_KEY]).unwrap();
        let config = ApiConfig {
            body_limit: LIMIT,
            cors: o.cors,
            token_ttl: Duration::from_secs(7 * 86_400),
            user_rate: o.rate,
            zone: "+08:00".parse().unwrap(),
            max_in_flight: 1000,
        };
        let entropy = Arc::new(Draws::default());
        let api = ApiState::new(Arc::new(login), clock, entropy.clone(), keys.clone(), config);
        let class_config = ClassConfig {
            app: APP,
            creators: o.creators,
            kick_ban: Duration::from_secs(31_536_000),
            leave_grace: Duration::from_secs(10),
            stage_max: 9,
        };
        let classes = Classes::new(bench.world.clone(), bench.director.clone(), class_config)
            .with_files(FileLimits { max: 1 << 20, total: 3 << 20 });
        let streams = Arc::new(FakeStreams::default());
        let engine: Option<Arc<dyn Streams>> = o.streams.then(|| streams.clone() as Arc<dyn Streams>);
        let state =
            ClassState::new(api.clone(), classes, Arc::new(app()), Arc::new(TestTokens), entropy, engine, class_api());
        let routes = stoa_api::normalized(router(state).fallback_service(stoa_api::fallback(&api)));
        Self { routes, api, bench, streams, boards, keys }
    }

    pub fn now(&self) -> i64 {
        self.bench.clock.now().wall.secs()
    }

    /// A token for this user, as a backend with the key would mint it.
    pub fn token(&self, name: &str) -> String {
        self.keys.mint(&user(name), self.now(), self.now() + 3600, Some("session"))
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Reply {
        let api = request.uri().path().contains("/class/") && !request.uri().path().contains("/whiteboard/");
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let reply = Reply { status: parts.status, headers: parts.headers, body, text };
        reply.check_common(api);
        reply
    }

    /// Posts text with a token.
    pub async fn post_text(&self, path: &str, token: Option<&str>, body: impl Into<Body>) -> Reply {
        let mut b = Request::post(path);
        if let Some(t) = token {
            b = b.header("authorization", format!("Bearer {t}"));
        }
        self.send(b.body(body.into()).unwrap()).await
    }

    /// Posts JSON to `/api/v1/class/<endpoint>`, or to a whole path, in the name of a user.
    pub async fn post(&self, name: &str, endpoint: &str, body: Value) -> Reply {
        let path = if endpoint.starts_with('/') { endpoint.to_owned() } else { format!("/api/v1/class/{endpoint}") };
        self.post_text(&path, Some(&self.token(name)), body.to_string()).await
    }

    /// As [`Server::post`]; what is answered as `data` of a success.
    pub async fn data(&self, name: &str, endpoint: &str, body: Value) -> Value {
        let r = self.post(name, endpoint, body.clone()).await;
        assert!(r.body["success"] == true, "{endpoint} {body}: {}", r.text);
        r.body["data"].clone()
    }

    pub async fn verb(&self, method: Method, path: &str) -> Reply {
        self.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
    }

    /// A class of `teacher1`; its id.
    pub async fn class(&self) -> String {
        let new = json!({"teacher_id": "teacher1", "title": "Algebra 1", "teacher_nick": "Ms Li", "mode": 1});
        self.data("teacher1", "create", new).await["id"].as_str().unwrap().to_owned()
    }

    /// The class as this user sees it.
    pub async fn get(&self, name: &str, class: &str) -> Value {
        self.data(name, "get", json!({"id": class, "user_id": name})).await
    }

    pub async fn join(&self, class: &str, name: &str, identity: Option<i64>) -> Reply {
        let body = json!({"class_id": class, "user_id": name, "user_name": name, "identity": identity});
        self.post(name, "joinClass", body).await
    }

    pub async fn leave(&self, class: &str, name: &str) -> Reply {
        self.post(name, "leaveClass", json!({"class_id": class, "user_id": name})).await
    }

    pub async fn kick(&self, class: &str, name: &str) {
        self.data("teacher1", "kickClass", json!({"class_id": class, "user_id": name})).await;
    }

    pub async fn permit(&self, class: &str, rights: &[&str]) {
        let permit = json!(rights).to_string();
        self.data("teacher1", "setAssistantPermit", json!({"class_id": class, "permit": permit})).await;
    }

    /// An assistant in class with these rights.
    pub async fn assistant(&self, class: &str, name: &str, rights: &[&str]) {
        self.permit(class, rights).await;
        let id = ClassId::parse(class).unwrap();
        assert_eq!(self.bench.join_class(id, name, Some(ClassIdentity::Assistant)).await, Joined::Done);
    }

    pub async fn status(&self, class: &str, to: &str) {
        self.data("teacher1", to, json!({"id": class, "user_id": "teacher1"})).await;
    }

    pub async fn members(&self, class: &str) -> Value {
        let body = json!({"class_id": class, "status": 0, "page_size": 500});
        self.data("teacher1", "listMembers", body).await["members"].clone()
    }

    /// All tokens made until now count no more.
    pub async fn revoke(&self, name: &str) {
        let account = Account {
            user: user(name),
            password_hash: String::new(),
            admin: false,
            disabled: false,
            revoked_at_secs: self.now(),
        };
        self.bench.world.store.put_account(account).await.unwrap();
    }

    pub fn pass(&self, secs: u64) {
        self.bench.clock.forward(Duration::from_secs(secs));
    }
}

fn app() -> App {
    App {
        id: APP,
        name: "test".into(),
        key: "classdemokey".into(),
        secret: SecretString::from("class-demo-secret-32-bytes-long!"),
        previous_secrets: Vec::new(),
        enabled: true,
        admin_identifiers: Vec::new(),
    }
}

/// The settings of the contract's examples.
fn class_api() -> ClassApiConfig {
    ClassApiConfig {
        public_url: Some("https://class.example.com".into()),
        im_app_id: "stoa".into(),
        im: ImProvider::Embedded(HubMint::new(HUB_KEY, Names { default_app: APP })),
        media: MediaProvider::Embedded {
            key: LinkKey::new(&(0u8..32).collect::<Vec<_>>()),
            ttl: Duration::from_secs(86_400),
        },
        board: BoardProvider::Embedded(BoardKeys {
            app_key: "0f1e2d3c4b5a69788796a5b4c3d2e1f0".into(),
            app_secret: SecretString::from("wbsecret01"),
        }),
        files: FileLinks { key: LinkKey::new(&(0u8..32).collect::<Vec<_>>()), ttl: Duration::from_secs(86_400) },
        jump_key: Key::new(JUMP_KEY),
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Reply {
    /// In one word: `ok`, the reason, or the code.
    pub fn word(&self) -> String {
        if self.status != 200 {
            return format!("HTTP {}", self.status.as_u16());
        }
        let text = |v: &Value| v.as_str().map(str::to_owned);
        match text(&self.body["data"]["reason"]).or_else(|| text(&self.body["errorCode"])) {
            Some(word) => word,
            None => "ok".to_owned(),
        }
    }

    /// Asserts a word.
    #[track_caller]
    pub fn is(&self, word: &str) -> &Self {
        assert_eq!(self.word(), word, "{}", self.text);
        self
    }

    /// Asserts a bad parameter whose message has all of these.
    #[track_caller]
    pub fn bad(&self, fields: &[&str]) {
        self.is("401");
        assert_eq!(self.body["errorMsg"], "参数错误");
        let msg = self.body["data"]["msg"].as_str().unwrap();
        assert!(fields.iter().all(|f| msg.contains(f)), "{msg} {fields:?}");
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    /// What every answer has (G24, G25).
    fn check_common(&self, api: bool) {
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty() && id.len() <= 64));
        assert!(self.header("access-control-allow-credentials").is_none());
        if self.status == 401 {
            assert_eq!(self.header("www-authenticate"), Some("Bearer"));
        }
        if [429, 503].contains(&self.status.as_u16()) {
            assert!(self.header("retry-after").is_some_and(|s| s.parse::<u64>().unwrap() > 0));
        }
        if !api || self.status == 204 {
            return;
        }
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        let known = [200, 401, 404, 405, 413, 429, 503];
        assert!(known.contains(&self.status.as_u16()), "{}", self.status);
        assert!(self.body["success"].is_boolean(), "{}", self.text);
        assert!(!has_null(&self.body), "{}", self.text);
        let (code, msg) = (self.body.get("errorCode"), self.body.get("errorMsg"));
        match (self.body["success"] == true, self.body["data"].get("reason")) {
            (true, _) => assert!(code.is_none() && msg.is_none(), "{}", self.text),
            (false, Some(reason)) => assert!(reason.is_string() && code.is_none() && msg.is_none(), "{}", self.text),
            (false, None) => {
                assert!(code.is_some_and(Value::is_string) && msg.is_some_and(Value::is_string), "{}", self.text);
            }
        }
        if self.status != 200 {
            assert_eq!(code, Some(&json!(self.status.as_u16().to_string())), "{}", self.text);
        }
    }
}

fn has_null(v: &Value) -> bool {
    match v {
        Value::Null => true,
        Value::Array(a) => a.iter().any(has_null),
        Value::Object(o) => o.values().any(has_null),
        _ => false,
    }
}
