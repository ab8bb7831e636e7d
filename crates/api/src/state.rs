//! What every REST handler stands on.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::ConnectInfo;
use http::{Extensions, HeaderValue};
use stoa_core::id::UserId;
use stoa_core::login::Login;
use stoa_core::ports::{Clock, Entropy};
use stoa_core::{Error, Kind, Result};

use crate::cors::Cors;
use crate::login_token::LoginKeys;
use crate::rate::{Rate, UserRate};
use crate::zone::Zone;

/// Body limit of routes without a token (voice-room.md 2.1), in bytes: a login has about 100.
pub const OPEN_BODY_LIMIT: usize = 64 * 1024;

/// What the operator chose for all REST dialects.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// `http.body_limit` in bytes.
    pub body_limit: usize,
    /// `http.cors.origins`.
    pub cors: Cors,
    /// `auth.token_ttl`.
    pub token_ttl: Duration,
    /// `limits.user`.
    pub user_rate: Rate,
    /// `server.time_zone`.
    pub zone: Zone,
    /// Requests under way at once; beyond it new ones are answered 503 at once, before anything costs
    /// much. Higher takes more memory in a flood, lower refuses bursts that would still have been served.
    pub max_in_flight: usize,
}

/// Shared by all handlers of all dialects. Cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

struct Inner {
    login: Arc<Login>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keys: LoginKeys,
    config: ApiConfig,
    rate: Option<UserRate>,
    ready: AtomicBool,
    in_flight: AtomicUsize,
    id_prefix: String,
    next_id: AtomicU64,
}

/// The client's address, put into the request's extensions by whoever knows better than the socket
/// (behind a proxy). Without it the socket's [`ConnectInfo`] counts.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddr(pub IpAddr);

/// Holds a place among the requests under way, until it is dropped.
pub struct Place(ApiState);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ApiState {
    /// A state that is ready to serve.
    #[must_use]
    pub fn new(
        login: Arc<Login>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        keys: LoginKeys,
        config: ApiConfig,
    ) -> Self {
        let mut prefix = [0u8; 6];
        entropy.fill(&mut prefix);
        let rate = UserRate::new(config.user_rate, clock.clone());
        Self(Arc::new(Inner {
            login,
            clock,
            entropy,
            keys,
            config,
            rate,
            ready: AtomicBool::new(true),
            in_flight: AtomicUsize::new(0),
            id_prefix: hex(&prefix),
            next_id: AtomicU64::new(1),
        }))
    }

    /// Names a new login session (`jti` of a login token).
    #[must_use]
    pub fn fresh_session(&self) -> String {
        let mut id = [0u8; 16];
        self.0.entropy.fill(&mut id);
        hex(&id)
    }

    /// While false every endpoint answers 503: set before listeners open and when the process drains.
    pub fn set_ready(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Release);
    }

    /// False before the listeners open and while the process drains.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    /// Who may log in and who is calling.
    #[must_use]
    pub fn login(&self) -> &Login {
        &self.0.login
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// The operator's choices.
    #[must_use]
    pub fn config(&self) -> &ApiConfig {
        &self.0.config
    }

    /// Keys of login tokens.
    #[must_use]
    pub fn keys(&self) -> &LoginKeys {
        &self.0.keys
    }

    /// Counts a request of this user against `limits.user`.
    ///
    /// # Errors
    /// `Throttled`.
    pub fn check_rate(&self, user: &UserId) -> Result<()> {
        self.0.rate.as_ref().map_or(Ok(()), |r| r.check(user))
    }

    /// Requests under way now: what a stopping process waits for.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// Whether requests are served at all now.
    pub(crate) fn check_ready(&self) -> Result<()> {
        if self.0.ready.load(Ordering::Acquire) { Ok(()) } else { Err(unavailable("not ready")) }
    }

    /// A place among the requests under way.
    ///
    /// # Errors
    /// `Unavailable` when the process does not serve now or has enough to do.
    pub fn enter(&self) -> Result<Place> {
        self.check_ready()?;
        let before = self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.clone());
        if before >= self.0.config.max_in_flight {
            return Err(unavailable("too many requests under way"));
        }
        Ok(place)
    }

    /// An id that no other request of any process has: random start, then counted.
    pub(crate) fn fresh_request_id(&self) -> HeaderValue {
        let n = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let text = format!("{}-{n:x}", self.0.id_prefix);
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("-"))
    }
}

/// What a caller reads when the server itself takes no request now. A part that is out of reach has another text.
const AWAY: &str = "not available now, try again later";

fn unavailable(why: &'static str) -> Error {
    Error::new(Kind::Unavailable, AWAY).with_internal(why)
}

/// Whether the request was turned away because the server starts, stops or has enough to do; false for a part that is
/// out of reach, such as the store.
#[must_use]
pub fn turned_away(e: &Error) -> bool {
    *e.kind() == Kind::Unavailable && e.public() == AWAY
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// What failed logins are counted by: an IPv4 address, or the /64 network of an IPv6 address, since
/// one customer has at least that.
#[must_use]
pub fn client_key(extensions: &Extensions) -> String {
    let ip = extensions
        .get::<ClientAddr>()
        .map(|a| a.0)
        .or_else(|| extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip()));
    match ip.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V6(ip)) => {
            let s = ip.segments();
            format!("{:x}:{:x}:{:x}:{:x}::/64", s[0], s[1], s[2], s[3])
        }
        Some(IpAddr::V4(ip)) => ip.to_string(),
        None => "unknown".to_owned(),
    }
}
