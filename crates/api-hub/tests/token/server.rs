//! The endpoint over a world in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use stoa_api::hub_token::HubMint;
use stoa_api::jwt::{Key, verify};
use stoa_api::{ApiConfig, ApiState, Cors, LoginKeys, Rate};
use stoa_api_hub::{Doors, HubApiConfig, HubState, router};
use stoa_core::account::Account;
use stoa_core::group::{Names, SessionConfig, Sessions};
use stoa_core::id::{AppId, ChannelKey, ChannelName, Identity};
use stoa_core::login::{AuthMode, Login, LoginConfig, Passwords};
use stoa_core::media::{Claims, JoinToken};
use stoa_core::ports::{Clock, Entropy, JoinTokens};
use stoa_core::time::UnixMs;
use stoa_testkit::{APP, Bench, bench, user};
use tower::ServiceExt;

pub const LOGIN_KEY: &[u8] = b"demo-jwt-secret-32-bytes-long!!!";
pub const HUB_KEY: &[u8] = b"hub-demo-secret-32-bytes-long!!!";
/// The app of classes; that of voice rooms is the default app.
pub const CLASSES: AppId = AppId(2000);
pub const URL: &str = "wss://hub.example.org/connection/websocket";

/// Entropy that never repeats.
#[derive(Default)]
pub struct Draws(AtomicU64);

impl Entropy for Draws {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let n = self.0.fetch_add(1, Ordering::SeqCst).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            chunk.copy_from_slice(&n.to_le_bytes()[..chunk.len()]);
        }
    }
}

struct NoPasswords;

#[async_trait]
impl Passwords for NoPasswords {
    async fn verify(&self, _: &str, _: Option<&str>) -> stoa_core::Result<bool> {
        Ok(false)
    }
}

/// Media tokens by their text.
#[derive(Default)]
pub struct Joins(pub Mutex<BTreeMap<String, JoinToken>>);

impl JoinTokens for Joins {
    fn read(&self, token: &str, _: UnixMs) -> Option<JoinToken> {
        self.0.lock().unwrap().get(token).cloned()
    }
}

pub struct Server {
    pub routes: Router,
    pub bench: Bench,
    pub sessions: Sessions,
    joins: Arc<Joins>,
    keys: LoginKeys,
}

impl Server {
    pub async fn new() -> Self {
        Self::with(Rate { per_sec: 0, burst: 0 }).await
    }

    pub async fn with(user_rate: Rate) -> Self {
        let bench = bench().await;
        let login = LoginConfig {
            mode: AuthMode::Demo,
            admins: BTreeSet::from([user("root1")]),
            failures: 10,
            failures_address: 100,
            window: Duration::from_secs(300),
            bind_subject: true,
        };
        let clock: Arc<dyn Clock> = bench.clock.clone();
        let login = Login::new(bench.store.clone(), clock.clone(), Arc::new(NoPasswords), None, login);
        let keys = LoginKeys::new([LOGIN_KEY]).unwrap();
        let config = ApiConfig {
            body_limit: 1 << 20,
            cors: Cors::Any,
            token_ttl: Duration::from_secs(86_400),
            user_rate,
            zone: "+08:00".parse().unwrap(),
            max_in_flight: 1000,
        };
        let entropy = Arc::new(Draws::default());
        let api = ApiState::new(Arc::new(login), clock.clone(), entropy.clone(), keys.clone(), config);
        let names = Names { default_app: APP };
        let sessions = Sessions::new(bench.world.clone(), names, SessionConfig::default());
        let joins = Arc::new(Joins::default());
        let doors = Doors { tokens: joins.clone(), hooks: bench.door.clone() };
        let config = HubApiConfig {
            public_url: Some("https://hub.example.org/".into()),
            voice_app: APP,
            class_app: CLASSES,
            user_rate,
        };
        let mint = HubMint::new(HUB_KEY, names);
        let state = HubState::new(api.clone(), sessions.clone(), mint, doors, &clock, entropy, config);
        let routes = stoa_api::normalized(router(state).fallback_service(stoa_api::fallback(&api)));
        Self { routes, bench, sessions, joins, keys }
    }

    pub fn now(&self) -> i64 {
        self.bench.clock.now_wall().secs()
    }

    pub fn pass(&self, secs: u64) {
        self.bench.clock.forward(Duration::from_secs(secs));
    }

    /// A login token.
    pub fn login(&self, name: &str) -> String {
        self.keys.mint(&user(name), self.now(), self.now() + 86_400, Some("session"))
    }

    /// A media token of this identity for a channel, made now, with attributes.
    pub fn join(&self, app: AppId, channel: &str, identity: &str, attributes: &[(&str, &str)]) -> String {
        let attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let claims = Claims { nbf_secs: self.now(), attributes, ..Claims::default() };
        let channel = ChannelKey { app, name: ChannelName::new(channel).unwrap() };
        let mut joins = self.joins.0.lock().unwrap();
        let text = format!("media.token.{}", joins.len());
        joins.insert(text.clone(), JoinToken { channel, identity: Identity::new(identity).unwrap(), claims });
        text
    }

    /// A refresh token as the classes' token routes make it.
    pub async fn session(&self, name: &str) -> String {
        self.sessions.begin(CLASSES, &user(name), "class", "d1", "web").await.unwrap()
    }

    /// All login tokens made until now count no more.
    pub async fn revoke(&self, name: &str, disabled: bool) {
        let revoked_at_secs = self.now();
        let account =
            Account { user: user(name), password_hash: String::new(), admin: false, disabled, revoked_at_secs };
        self.bench.world.store.put_account(account).await.unwrap();
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let reply = Reply { status: parts.status, headers: parts.headers, body };
        reply.check_common();
        reply
    }

    pub async fn post(&self, bearer: Option<&str>, body: Value) -> Reply {
        let mut request = Request::post("/hub/v1/token");
        if let Some(token) = bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    pub async fn refresh(&self, token: &str, device: &str) -> Reply {
        self.post(None, json!({"kind": "refresh", "refresh_token": token, "device_id": device})).await
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// Claims of the token in the answer.
    #[track_caller]
    pub fn claims(&self) -> Value {
        self.is(200);
        assert_eq!(self.body["url"], URL);
        let claims: Value = verify(self.body["token"].as_str().unwrap(), &[Key::new(HUB_KEY)]).unwrap();
        assert_eq!((&claims["exp"], &claims["aud"]), (&self.body["expires_at"], &json!("hub")));
        assert_eq!(claims["meta"]["uid"], self.body["user_id"]);
        claims
    }

    fn check_common(&self) {
        let header = |name: &str| self.headers.get(name).map(|v| v.to_str().unwrap());
        assert_eq!(header("cache-control"), Some("no-store"));
        assert!(header("x-request-id").is_some_and(|id| !id.is_empty()));
        assert_eq!(header("access-control-allow-origin"), Some("*"));
        if self.status == 204 {
            return;
        }
        assert_eq!(header("content-type"), Some("application/json; charset=utf-8"));
        if self.status == 401 {
            assert_eq!(header("www-authenticate"), Some("Bearer"));
        }
        if [429, 503].contains(&self.status.as_u16()) {
            assert!(header("retry-after").is_some_and(|s| s.parse::<u64>().unwrap() > 0));
        }
        if self.status != 200 {
            assert_eq!(self.body["code"], self.status.as_u16(), "{}", self.body);
            assert!(self.body["message"].as_str().is_some_and(|m| !m.is_empty()));
        }
    }
}
