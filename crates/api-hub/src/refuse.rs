//! The one place where this endpoint says no. The HTTP status tells; the body repeats it for those who read only that.

use axum::response::Response;
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use stoa_api::answer::{RETRY_UNAVAILABLE_SECS, challenge, json, retry_after};
use stoa_api::refusal::Refusal;
use stoa_core::{Error, Kind};
use utoipa::ToSchema;

/// Why not.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalBody<'a> {
    /// The HTTP status.
    #[schema(example = 401)]
    code: u16,
    /// For people.
    #[schema(example = "missing or invalid token")]
    message: &'a str,
}

/// HTTP status of a kind, and when to try again.
fn status_of(kind: &Kind) -> (StatusCode, Option<u64>) {
    match kind {
        Kind::BadInput { .. } => (StatusCode::BAD_REQUEST, None),
        Kind::Unauthenticated | Kind::BadCredentials => (StatusCode::UNAUTHORIZED, None),
        Kind::NotYou | Kind::Forbidden | Kind::Banned { .. } | Kind::LimitReached => (StatusCode::FORBIDDEN, None),
        Kind::NotFound | Kind::NotPresent | Kind::Gone => (StatusCode::NOT_FOUND, None),
        Kind::LoginThrottled { retry_after_secs } | Kind::Throttled { retry_after_secs } => {
            (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after_secs))
        }
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Some(RETRY_UNAVAILABLE_SECS)),
        Kind::Vendor { .. } => (StatusCode::BAD_GATEWAY, None),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, None),
    }
}

fn answer(status: StatusCode, message: &str) -> Response {
    json(status, &RefusalBody { code: status.as_u16(), message })
}

/// The answer to a request that is refused; the log gets what the caller must not see.
pub(crate) fn refuse(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::TooLarge => answer(StatusCode::PAYLOAD_TOO_LARGE, "body too large"),
        Refusal::Malformed(why) => answer(StatusCode::BAD_REQUEST, why),
        Refusal::Domain(e) => {
            note(e);
            let (status, retry) = status_of(e.kind());
            let mut response = answer(status, e.public());
            if let Some(secs) = retry {
                retry_after(&mut response, secs);
            }
            if status == StatusCode::UNAUTHORIZED {
                challenge(&mut response);
            }
            response
        }
    }
}

fn note(e: &Error) {
    let context = e.internal().unwrap_or_default();
    match e.kind() {
        Kind::Internal => tracing::error!(error.internal = context, "request failed"),
        Kind::Unavailable => tracing::warn!(error.internal = context, "request turned away"),
        kind => tracing::debug!(error.kind = ?kind, error.internal = context, "request refused"),
    }
}

/// 405 on a path that exists.
pub(crate) async fn wrong_method() -> Response {
    let mut response = answer(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    response
}

/// 404 inside this tree.
pub(crate) async fn no_such_endpoint() -> Response {
    answer(StatusCode::NOT_FOUND, "no such endpoint")
}
