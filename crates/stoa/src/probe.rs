//! `POST /stoa/probe-token`: two media tokens for the connection test of the pages. One speaks and one listens, in a
//! channel that nobody else knows and that goes away with them, so that a signed-in user can measure the way of a voice
//! to the server and back without a room or class of their own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::Response;
use axum::routing::post;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use stoa_api::answer::{RETRY_UNAVAILABLE_SECS, challenge, json, retry_after};
use stoa_api::{ApiState, Call, KeyedRate, Rate, Refusal};
use stoa_core::app::App;
use stoa_core::channel::IdentityType;
use stoa_core::id::{ChannelKey, ChannelName, UserId};
use stoa_core::ports::{Clock, MediaTokens};
use stoa_core::talk::{Talk, TokenWish};
use stoa_core::{Kind, Result};

use crate::entropy::name_text;

/// Start of the channels' names: an operator sees what they are.
const CHANNEL: &str = "stoa-probe-";
/// Life of the tokens. A test is over in half a minute; who is connected is refreshed.
const LIFE: Duration = Duration::from_secs(120);
/// Tests of one user. A test asks twice; more than a test every ten seconds is no person.
const RATE: Rate = Rate { per_sec: 1, burst: 6 };

/// What the route stands on. Cheap to clone.
#[derive(Clone)]
pub struct Probe(Arc<Inner>);

struct Inner {
    api: ApiState,
    talk: Talk,
    app: Arc<App>,
    tokens: Arc<dyn MediaTokens>,
    public_url: Option<String>,
    rate: Option<KeyedRate<UserId>>,
}

impl FromRef<Probe> for ApiState {
    fn from_ref(probe: &Probe) -> Self {
        probe.0.api.clone()
    }
}

/// What a test needs to connect.
#[derive(Serialize)]
struct Tickets {
    /// Where to join.
    url: String,
    /// In this channel.
    channel: String,
    /// The token of who speaks.
    speaker: String,
    /// The token of who listens.
    listener: String,
}

impl Probe {
    /// A door to channels of `app`.
    pub fn new(
        api: ApiState,
        talk: Talk,
        app: Arc<App>,
        tokens: Arc<dyn MediaTokens>,
        public_url: Option<String>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let rate = KeyedRate::new(RATE, Arc::clone(clock));
        Self(Arc::new(Inner { api, talk, app, tokens, public_url, rate }))
    }

    async fn token(&self, channel: &ChannelKey, user: &UserId, part: &str, as_what: IdentityType) -> Result<String> {
        let wish = TokenWish {
            channel,
            user,
            identity: Some(as_what),
            ttl: Some(LIFE),
            device: Some(part),
            name: String::new(),
            metadata: String::new(),
            must_exist: false,
        };
        Ok(self.0.tokens.mint(&self.0.app, &self.0.talk.token(wish).await?.grant))
    }
}

/// The one route.
pub fn router(probe: Probe) -> Router {
    let api = probe.0.api.clone();
    stoa_api::shell(&api, Router::new().route("/stoa/probe-token", post(answer)).with_state(probe))
}

async fn answer(State(probe): State<Probe>, call: std::result::Result<Call, Refusal>) -> Response {
    match call {
        Ok(call) => run(&probe, call).await.map_or_else(|e| refuse(&e.into()), |t| json(StatusCode::OK, &t)),
        Err(refusal) => refuse(&refusal),
    }
}

async fn run(probe: &Probe, call: Call) -> Result<Tickets> {
    let user = &call.caller.user;
    probe.0.rate.as_ref().map_or(Ok(()), |r| r.check(user))?;
    let channel = ChannelKey { app: probe.0.app.id, name: ChannelName::new(name_text(CHANNEL))? };
    Ok(Tickets {
        url: call.origin.websocket_base(probe.0.public_url.as_deref()),
        channel: channel.name.to_string(),
        speaker: probe.token(&channel, user, "speaker", IdentityType::FreeTalker).await?,
        listener: probe.token(&channel, user, "listener", IdentityType::Listener).await?,
    })
}

fn refuse(refusal: &Refusal) -> Response {
    let say = |status: StatusCode, words: &str| json(status, &json!({ "code": status.as_u16(), "message": words }));
    let error = match refusal {
        Refusal::TooLarge => return say(StatusCode::PAYLOAD_TOO_LARGE, "body too large"),
        Refusal::Malformed(why) => return say(StatusCode::BAD_REQUEST, why),
        Refusal::Domain(error) => error,
    };
    let (status, wait) = match error.kind() {
        Kind::BadInput { .. } => (StatusCode::BAD_REQUEST, None),
        Kind::Unauthenticated | Kind::BadCredentials => (StatusCode::UNAUTHORIZED, None),
        Kind::NotYou | Kind::Forbidden | Kind::Banned { .. } | Kind::LimitReached => (StatusCode::FORBIDDEN, None),
        Kind::NotFound | Kind::NotPresent | Kind::Gone => (StatusCode::NOT_FOUND, None),
        Kind::LoginThrottled { retry_after_secs } | Kind::Throttled { retry_after_secs } => {
            (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after_secs))
        }
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Some(RETRY_UNAVAILABLE_SECS)),
        Kind::Vendor { .. } | Kind::Internal => {
            tracing::error!(error.internal = error.internal().unwrap_or_default(), "no token for a connection test");
            (StatusCode::INTERNAL_SERVER_ERROR, None)
        }
    };
    let mut response = say(status, error.public());
    if let Some(secs) = wait {
        retry_after(&mut response, secs);
    }
    if status == StatusCode::UNAUTHORIZED {
        challenge(&mut response);
    }
    response
}
