//! The dialect on a real store, with doubles for the rest of the world.
pub mod doubles;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use doubles::{Draws, PlainPasswords, Switch, TestTokens};
use secrecy::SecretString;
use serde_json::{Value, json};
use stoa_api::hub_token::HubMint;
use stoa_api::{ApiConfig, ApiState, Cors, LoginKeys, Rate};
use stoa_api_voice::{ImProvider, MediaProvider, VoiceApiConfig, VoiceState, router};
use stoa_core::account::Account;
use stoa_core::app::App;
use stoa_core::channel::Policy;
use stoa_core::director::Director;
use stoa_core::group::Names;
use stoa_core::id::{AppId, RoomId, UserId};
use stoa_core::login::{AuthMode, Login, LoginConfig, LoginHook};
use stoa_core::ports::{Clock, Store};
use stoa_core::time::UnixMs;
use stoa_core::voice::{Voice, VoiceConfig};
use stoa_core::world::World;
use stoa_store_sqlite::{Config, SqliteStore};
use stoa_testkit::{FakeMedia, TestClock};
use tower::ServiceExt;

pub const APP: AppId = AppId(1000);
pub const HUB_KEY: &[u8] = b"hub-demo-secret-32-bytes-long!!!";
pub const LOGIN_KEY: &[u8] = b"demo-jwt-secret-32-bytes-long!!!";
pub const LIMIT: usize = 2 * 1024 * 1024;

/// Every protected endpoint with a body that is good for user `alice` and the room given.
pub const PROTECTED: [&str; 10] =
    ["token", "create", "list", "get", "getRtcAuthToken", "dismiss", "joinMic", "leaveMic", "getMeetingInfo", "update"];

pub fn user(s: &str) -> UserId {
    UserId::new(s).unwrap()
}

/// What a test may want different.
pub struct Options {
    pub mode: AuthMode,
    pub hook: Option<Arc<dyn LoginHook>>,
    pub cors: Cors,
    pub rate: Rate,
    pub media: MediaProvider,
    pub im: ImProvider,
    pub public_url: Option<String>,
    pub keys: LoginKeys,
    pub max_live: u32,
    pub max_in_flight: usize,
    pub bind_subject: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: AuthMode::Demo,
            hook: None,
            cors: Cors::Any,
            rate: Rate { per_sec: 0, burst: 0 },
            media: MediaProvider::Embedded,
            im: ImProvider::Embedded(HubMint::new(HUB_KEY, Names { default_app: APP })),
            public_url: Some("https://voice.example.org/".into()),
            keys: LoginKeys::new([LOGIN_KEY]).unwrap(),
            max_live: 0,
            max_in_flight: 1000,
            bind_subject: true,
        }
    }
}

/// A dialect that answers.
pub struct Server {
    pub routes: Router,
    pub api: ApiState,
    pub store: Arc<Switch>,
    pub clock: Arc<TestClock>,
    pub draws: Arc<Draws>,
    pub media: Arc<FakeMedia>,
    pub voice: Voice,
    pub world: World,
    pub passwords: Arc<PlainPasswords>,
    keys: LoginKeys,
    _dir: tempfile::TempDir,
}

impl Server {
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(o: Options) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sqlite = SqliteStore::open(&Config::new(dir.path().join("stoa.db"))).unwrap();
        let store = Arc::new(Switch::new(Arc::new(sqlite)));
        // 2024-03-14T20:43:00+08:00.
        let clock = Arc::new(TestClock::at(UnixMs(1_710_420_180_000)));
        let draws = Arc::new(Draws::default());
        let world = World::new(store.clone(), clock.clone(), draws.clone(), Policy::default());
        let media = Arc::new(FakeMedia::new(clock.clone()));
        world.set_media(media.clone());
        let director = Arc::new(Director::new(world.clone(), stoa_testkit::times()));
        let voice_config =
            VoiceConfig { app: APP, rtc_token_ttl: Duration::from_secs(86_400), max_live_rooms_per_owner: o.max_live };
        let voice = Voice::new(world.clone(), director, voice_config);
        let passwords = Arc::new(PlainPasswords::default());
        let login_config = LoginConfig {
            mode: o.mode,
            admins: BTreeSet::from([user("root")]),
            failures: 10,
            failures_address: 100,
            window: Duration::from_secs(300),
            bind_subject: o.bind_subject,
        };
        let login = Arc::new(Login::new(store.clone(), clock.clone(), passwords.clone(), o.hook, login_config));
        let api_config = ApiConfig {
            body_limit: LIMIT,
            cors: o.cors,
            token_ttl: Duration::from_secs(7 * 86_400),
            user_rate: o.rate,
            zone: "+08:00".parse().unwrap(),
            max_in_flight: o.max_in_flight,
        };
        let api = ApiState::new(login, clock.clone(), draws.clone(), o.keys.clone(), api_config);
        let app = Arc::new(App {
            id: APP,
            name: "test".into(),
            key: "voicedemokey".into(),
            secret: SecretString::from("voice-demo-secret-32-bytes-long!"),
            previous_secrets: Vec::new(),
            enabled: true,
            admin_identifiers: Vec::new(),
        });
        let config = VoiceApiConfig {
            public_url: o.public_url,
            media: o.media,
            im: o.im,
            im_app_id: "voice".into(),
            im_token_ttl: Duration::from_secs(48 * 3600),
        };
        let state = VoiceState::new(api.clone(), voice.clone(), app, Arc::new(TestTokens), draws.clone(), config);
        let routes = stoa_api::normalized(router(state).fallback_service(stoa_api::fallback(&api)));
        Self { routes, api, store, clock, draws, media, voice, world, passwords, keys: o.keys, _dir: dir }
    }

    pub fn now(&self) -> i64 {
        self.clock.now().wall.secs()
    }

    /// A token for this user, as a backend with the key would mint it.
    pub fn token(&self, name: &str) -> String {
        self.keys.mint(&user(name), self.now(), self.now() + 3600, None)
    }

    /// Sends a request as it is; every answer is checked for what all answers must have (G20).
    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        let reply = Reply { status: parts.status, headers: parts.headers, body, text };
        reply.check_common();
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

    /// Posts JSON to `/api/chatroom/<endpoint>` in the name of a user.
    pub async fn post(&self, name: &str, endpoint: &str, body: Value) -> Reply {
        let token = self.token(name);
        self.post_text(&format!("/api/chatroom/{endpoint}"), Some(&token), body.to_string()).await
    }

    pub async fn login(&self, body: Value) -> Reply {
        self.post_text("/login", None, body.to_string()).await
    }

    /// A room of this owner; its id.
    pub async fn room(&self, owner: &str) -> String {
        let r = self.post(owner, "create", json!({"title": "t", "anchor": owner})).await;
        r.expect(200, 200);
        r.body["id"].as_str().unwrap().to_owned()
    }

    pub async fn dismissed_room(&self, owner: &str) -> String {
        let id = self.room(owner).await;
        let r = self.post(owner, "dismiss", json!({"id": id, "user_id": owner})).await;
        assert_eq!(r.body, json!({"code": 200, "success": true}));
        id
    }

    pub async fn sit(&self, room: &str, name: &str) -> Reply {
        self.post(name, "joinMic", json!({"id": room, "user_id": name})).await
    }

    /// The seats, from the store's record: number → holder.
    pub async fn seats(&self, room: &str) -> Vec<(u8, String)> {
        let room = self.voice.get(RoomId::parse(room)).await.unwrap();
        room.holders().map(|(i, t)| (i.get(), t.user.to_string())).collect()
    }

    pub async fn account(&self, name: &str, password: &str, change: impl FnOnce(&mut Account)) {
        let mut a = Account {
            user: user(name),
            password_hash: PlainPasswords::hash(password),
            admin: false,
            disabled: false,
            revoked_at_secs: 0,
        };
        change(&mut a);
        self.store.put_account(a).await.unwrap();
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
    /// Asserts the HTTP status and the body's code.
    #[track_caller]
    pub fn expect(&self, status: u16, code: u16) -> &Self {
        assert_eq!((self.status.as_u16(), &self.body["code"]), (status, &json!(code)), "{}", self.text);
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    fn check_common(&self) {
        let known = [200, 204, 400, 401, 403, 404, 405, 413, 429, 500, 503];
        assert!(known.contains(&self.status.as_u16()), "{}", self.status);
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty() && id.len() <= 64));
        assert!(self.header("access-control-allow-credentials").is_none());
        if self.status == 204 {
            return;
        }
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        assert!(self.body["code"].is_u64(), "{}", self.text);
        if self.body["code"] != 200 {
            assert!(self.body["message"].as_str().is_some_and(|m| !m.is_empty()), "{}", self.text);
        }
        assert!(!has_null(&self.body), "{}", self.text);
        assert_eq!(self.header("www-authenticate"), (self.status == 401).then_some("Bearer"));
        if [429, 503].contains(&self.status.as_u16()) {
            assert!(self.header("retry-after").is_some_and(|s| s.parse::<u64>().unwrap() > 0));
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
