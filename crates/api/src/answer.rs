//! Writing JSON answers.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::refusal::Refusal;

/// Seconds after which a caller may try again when a part is starting, stopping or overloaded. Shorter
/// makes a herd of retries hit a start that is not done, longer keeps users waiting for nothing.
pub const RETRY_UNAVAILABLE_SECS: u64 = 2;

/// An answer of these bytes of JSON.
pub fn json_bytes(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// `body` as JSON. A body that does not serialise is our fault and shows as an internal error.
pub fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => json_bytes(status, bytes),
        Err(e) => {
            tracing::error!(error = %e, "an answer does not serialise");
            json_bytes(StatusCode::INTERNAL_SERVER_ERROR, r#"{"code":500,"message":"internal error"}"#)
        }
    }
}

/// Says which credential is wanted; on every 401.
pub fn challenge(response: &mut Response) {
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
}

/// Says when to try again; on every 429 and 503.
pub fn retry_after(response: &mut Response, secs: u64) {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(secs));
}

impl IntoResponse for Refusal {
    /// Only what a handler that does not look at the refusal would send; dialects write their own answers.
    fn into_response(self) -> Response {
        let status = match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Domain(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        status.into_response()
    }
}
