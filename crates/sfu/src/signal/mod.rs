//! The doors for clients: WebSocket signalling and the validation routes (media.md 2.1).

mod buckets;
mod door;
mod socket;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use livekit_protocol::DisconnectReason;
use livekit_protocol::leave_request::Action;
use tokio::sync::mpsc;

pub(crate) use buckets::{Bucket, Buckets};

use crate::engine::Engine;
use crate::room::Refusal;
use door::{Door, Params};

/// Admission answers by then, or the door stays shut (media.md 1.6).
pub(crate) const ADMISSION_TIMEOUT: Duration = Duration::from_secs(1);
/// Frames that may wait for a client that does not read. Larger rooms send more at once; each is a few hundred bytes.
const SIGNAL_QUEUE: usize = 1024;
/// Longest frame from a client.
const MAX_FRAME: usize = 2 * 1024 * 1024;

/// The routes.
pub(crate) fn router(engine: Engine) -> Router {
    let mut router = Router::new();
    // Old SDKs join base URL and path with two slashes.
    for base in ["/rtc", "//rtc"] {
        router = router
            .route(base, get(rtc))
            .route(&format!("{base}/validate"), get(validate))
            .route(&format!("{base}/v1"), get(no_v1))
            .route(&format!("{base}/v1/validate"), get(no_v1));
    }
    router.layer(middleware::from_fn(cors)).with_state(engine)
}

/// Browsers must be able to read every answer, refusals included, or SDKs report the server as unreachable.
async fn cors(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// Single-connection signalling is not spoken here; exactly this status makes clients fall back.
async fn no_v1() -> Response {
    (StatusCode::NOT_FOUND, "not found").into_response()
}

/// The answer to an address that asks admission too often. Loopback is the operator's own proxy or tests: not counted.
fn rated(engine: &Engine, request: &Request) -> Option<Response> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip()).filter(|ip| !ip.is_loopback());
    let left = engine.inner.joins.take(peer?, engine.inner.env.clock.now().mono);
    (!left).then(|| (StatusCode::TOO_MANY_REQUESTS, "too many joins, try again later").into_response())
}

async fn validate(State(engine): State<Engine>, request: Request) -> Response {
    if let Some(refusal) = rated(&engine, &request) {
        return refusal;
    }
    let (parts, _) = request.into_parts();
    let door = Door { engine: &engine };
    let params = Params::read(&parts);
    match door.ask(&params, false).await {
        Ok(_) => "success".into_response(),
        Err(refusal) => refusal,
    }
}

async fn rtc(State(engine): State<Engine>, request: Request) -> Response {
    let refusal = rated(&engine, &request);
    let (mut parts, _) = request.into_parts();
    let params = Params::read(&parts);
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &engine).await else {
        return (StatusCode::NOT_FOUND, "not a WebSocket").into_response();
    };
    let now = engine.inner.env.clock.now();
    if let Some(refusal) = refusal {
        return refusal;
    }
    let door = Door { engine: &engine };
    let entry = match door.ask(&params, params.is_join()).await {
        Ok(entry) => entry,
        Err(refusal) => return refusal,
    };
    let (sink, frames) = mpsc::channel(SIGNAL_QUEUE);
    let session = match door.enter(entry, &params, sink, now.mono).await {
        Ok(session) => Some(session),
        Err(Refusal::UnknownSession) => None,
        Err(refusal) => return door::refused(refusal),
    };
    let upgrade = upgrade.max_message_size(MAX_FRAME).max_frame_size(MAX_FRAME);
    upgrade.on_upgrade(move |ws| async move {
        match session {
            Some(session) => socket::serve(&engine, ws, session, frames).await,
            None => socket::turn_away(ws, DisconnectReason::StateMismatch, Action::Reconnect).await,
        }
    })
}
