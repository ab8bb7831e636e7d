//! The dialect with doubles for the rest of the world. Every answer is checked for what all answers must have (B21).
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use stoa_api::jwt::Key;
use stoa_api::{ApiConfig, ApiState, Cors, LoginKeys, Rate};
use stoa_api_talk::{ChannelCharset, TalkApiConfig, TalkState, router};
use stoa_core::Result;
use stoa_core::app::{App, Apps};
use stoa_core::id::AppId;
use stoa_core::login::{AuthMode, Login, LoginConfig, Passwords};
use stoa_core::media::MediaGrant;
use stoa_core::ports::{Clock, MediaTokens};
use stoa_testkit::{Bench, Counting, bench};
use tower::ServiceExt;

pub const SECRET: &str = "aB+c/d0123456789ABCDEF==";
pub const OTHER_SECRET: &str = "another-secret-of-32-bytes-long!";
pub const KEY: &str = "key+one=";
pub const NOW: i64 = 1_700_000_000;
pub const LIMIT: usize = 2 * 1024 * 1024;

/// The ten commands of the published document.
pub const READS: [&str; 7] = [
    "query_talk_channel_user_count",
    "get_talk_user_list_on_a_channel",
    "get_talk_channel_list",
    "query_talk_channel_status",
    "query_talk_user_status",
    "query_talk_user_call",
    "get_talk_speaker_list_on_a_channel",
];
pub const WRITES: [&str; 3] = ["admin_kick_user", "push_mcu_msg", "change_user_Identity"];
pub const EXTENSIONS: [&str; 8] = [
    "create_talk_token",
    "list_talk_bans",
    "delete_talk_ban",
    "dismiss_talk_channel",
    "mute_talk_user",
    "set_talk_mic",
    "batch_kick_talk_user",
    "get_talk_channel_detail",
];

pub fn app(id: u64, key: &str, secret: &str) -> App {
    App {
        id: AppId(id),
        name: "test".into(),
        key: key.into(),
        secret: SecretString::from(secret),
        previous_secrets: Vec::new(),
        enabled: true,
        admin_identifiers: vec!["admin".into()],
    }
}

/// Apps 1000, 2000, 3000 (disabled), 4000 (everybody is an administrator).
pub fn apps() -> Vec<App> {
    let off = App { enabled: false, ..app(3000, "off", SECRET) };
    let open = App { admin_identifiers: vec!["*".into()], ..app(4000, "open", SECRET) };
    vec![app(1000, KEY, SECRET), app(2000, "two", OTHER_SECRET), off, open]
}

/// Signs what the contract shows of a media token.
pub struct TestTokens;

impl MediaTokens for TestTokens {
    fn mint(&self, app: &App, g: &MediaGrant) -> String {
        Key::new(app.secret.expose_secret().as_bytes()).sign(&json!({
            "iss": app.key, "sub": g.identity.as_str(), "nbf": g.nbf_secs, "exp": g.exp_secs,
            "name": g.name, "metadata": g.metadata, "attributes": g.attributes,
            "video": {"roomJoin": true, "room": g.channel.as_str(), "canPublish": g.can_publish},
        }))
    }
}

struct NoPasswords;

#[async_trait]
impl Passwords for NoPasswords {
    async fn verify(&self, _: &str, _: Option<&str>) -> Result<bool> {
        Ok(false)
    }
}

/// What a test may want different.
pub struct Options {
    pub config: TalkApiConfig,
    pub cors: Cors,
    pub apps: Vec<App>,
}

impl Default for Options {
    fn default() -> Self {
        let off = Rate { per_sec: 0, burst: 0 };
        Self {
            config: TalkApiConfig {
                clock_skew_secs: 300,
                app_rate: off,
                push_rate: off,
                lenient_json: false,
                uniform_auth_errors: false,
                emit_response_id: false,
                channel_charset: ChannelCharset::Any,
                time_zone: "+08:00".parse().unwrap(),
                public_url: Some("https://voice.example.com".into()),
            },
            cors: Cors::Any,
            apps: apps(),
        }
    }
}

/// A dialect that answers.
pub struct Server {
    pub routes: Router,
    pub state: TalkState,
    pub b: Bench,
}

impl Server {
    pub async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::over(bench().await, change)
    }

    pub fn over(b: Bench, change: impl FnOnce(&mut Options)) -> Self {
        let mut o = Options::default();
        change(&mut o);
        let login_config = LoginConfig {
            mode: AuthMode::Accounts,
            admins: BTreeSet::new(),
            failures: 10,
            failures_address: 100,
            window: Duration::from_secs(300),
            bind_subject: true,
        };
        let (store, clock) = (b.store.clone(), b.clock.clone());
        let login = Arc::new(Login::new(store, clock.clone(), Arc::new(NoPasswords), None, login_config));
        let api_config = ApiConfig {
            body_limit: LIMIT,
            cors: o.cors,
            token_ttl: Duration::from_secs(86_400),
            user_rate: Rate { per_sec: 0, burst: 0 },
            zone: "+08:00".parse().unwrap(),
            max_in_flight: 1000,
        };
        let keys = LoginKeys::new([b"demo-jwt-secret-32-bytes-long!!!"]).unwrap();
        let api = ApiState::new(login, clock, Arc::new(Counting::default()), keys, api_config);
        let state = TalkState::new(api, b.talk.clone(), Apps::new(o.apps), Arc::new(TestTokens), o.config);
        Self { routes: router(state.clone()), state, b }
    }

    pub fn now(&self) -> i64 {
        self.b.clock.now().wall.secs()
    }

    /// The query of a good request of app 1000.
    pub fn query(&self) -> String {
        query(KEY, SECRET, "admin", &self.now().to_string())
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        send(&self.routes, request).await
    }

    /// Posts to `/v1/im/<command>` with this query.
    pub async fn post(&self, command: &str, query: &str, body: impl Into<Body>) -> Reply {
        let request = Request::post(format!("/v1/im/{command}?{query}")).body(body.into()).unwrap();
        self.send(request).await
    }

    /// Posts text as the administrator of app 1000.
    pub async fn text(&self, command: &str, body: impl Into<Body>) -> Reply {
        self.post(command, &self.query(), body).await
    }

    /// Posts JSON as the administrator of app 1000.
    pub async fn ask(&self, command: &str, body: Value) -> Reply {
        self.text(command, body.to_string()).await
    }
}

/// The checksum of a time.
pub fn checksum(secret: &str, curtime: &str) -> String {
    let digest = Sha1::new().chain_update(secret).chain_update(curtime).finalize();
    digest.iter().fold(String::new(), |mut s, b| {
        write!(s, "{b:02x}").unwrap();
        s
    })
}

pub fn query(key: &str, secret: &str, identifier: &str, curtime: &str) -> String {
    format!("appkey={key}&identifier={identifier}&curtime={curtime}&checksum={}", checksum(secret, curtime))
}

/// Sends a request as it is.
pub async fn send(routes: &Router, request: Request<Body>) -> Reply {
    let preflight = request.method() == Method::OPTIONS;
    let identity = request.uri().path().to_ascii_lowercase().contains("identity");
    let response = routes.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let body = if preflight { Value::Null } else { serde_json::from_str(&text).unwrap() };
    let reply = Reply { status: parts.status.as_u16(), headers: parts.headers, body, text };
    if !preflight {
        reply.check_common(identity);
    }
    reply
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Reply {
    pub fn code(&self) -> u64 {
        self.body["ErrorCode"].as_u64().unwrap()
    }

    pub fn info(&self) -> &str {
        self.body["ErrorInfo"].as_str().unwrap()
    }

    #[track_caller]
    pub fn expect(&self, code: u64) -> &Self {
        assert_eq!(self.code(), code, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn ok(&self) -> &Self {
        self.expect(0)
    }

    /// The fields beside the envelope.
    #[track_caller]
    pub fn shows(&self, fields: Value) {
        self.ok();
        let mut body = self.body.as_object().unwrap().clone();
        for field in ["ActionStatus", "ErrorCode", "ErrorInfo"] {
            body.remove(field);
        }
        assert_eq!(Value::Object(body), fields);
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    fn check_common(&self, identity: bool) {
        assert_eq!(self.status, 200);
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty() && id.len() <= 64));
        let (status, code, info) = (&self.body["ActionStatus"], self.code(), self.info());
        if code == 0 {
            assert_eq!((status, info), (&json!("OK"), ""), "{}", self.text);
        } else {
            assert_eq!(status, "FAIL", "{}", self.text);
            assert!((1..=256).contains(&info.len()) && info.is_ascii(), "{}", self.text);
        }
        let fields = self.body.as_object().unwrap();
        if identity && code != 60009 {
            assert_eq!(fields["Code"], json!(code), "{}", self.text);
        } else if code != 0 {
            assert_eq!(fields.len(), 3, "{}", self.text);
        }
        assert!(!has_null(&self.body), "{}", self.text);
        for secret in [SECRET, OTHER_SECRET, &checksum(SECRET, &NOW.to_string())] {
            assert!(!self.text.contains(secret), "{}", self.text);
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
