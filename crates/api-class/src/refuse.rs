//! The one place where this dialect says no (classroom.md 2.6).

use std::future::Future;

use axum::response::Response;
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use stoa_api::answer::{RETRY_UNAVAILABLE_SECS, challenge, json, retry_after};
use stoa_api::envelope::Envelope;
use stoa_api::refusal::Refusal;
use stoa_api::{through, turned_away};
use stoa_core::{Error, Kind};

/// How a route words that something is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Most routes.
    Found,
    /// The roll calls: the official client compares with this text.
    CheckIn,
}

/// HTTP status of a refusal, and when to try again. Everything that the application refuses is HTTP 200: the official
/// client reads error texts only from there.
fn status_of(refusal: &Refusal) -> (StatusCode, Option<u64>) {
    let Refusal::Domain(e) = refusal else {
        let too_large = matches!(refusal, Refusal::TooLarge);
        return (if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::OK }, None);
    };
    match e.kind() {
        Kind::Unauthenticated => (StatusCode::UNAUTHORIZED, None),
        Kind::LoginThrottled { retry_after_secs } | Kind::Throttled { retry_after_secs } => {
            (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after_secs))
        }
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Some(RETRY_UNAVAILABLE_SECS)),
        Kind::BadCredentials
        | Kind::BadInput { .. }
        | Kind::NotYou
        | Kind::Forbidden
        | Kind::Banned { .. }
        | Kind::NotFound
        | Kind::NotPresent
        | Kind::Gone
        | Kind::LimitReached
        | Kind::Vendor { .. }
        | Kind::Internal => (StatusCode::OK, None),
    }
}

/// The answer to a request that is refused; the log gets what the caller must not see.
pub(crate) fn refuse(missing: Missing, refusal: &Refusal) -> Response {
    note(refusal);
    let fault = fault(refusal);
    let refusal = fault.as_ref().unwrap_or(refusal);
    let absent = matches!(refusal, Refusal::Domain(e) if matches!(e.kind(), Kind::NotFound));
    let envelope = Envelope::of(refusal);
    let envelope = if absent && missing == Missing::CheckIn { envelope.saying("NotFound") } else { envelope };
    let (status, retry) = status_of(refusal);
    let mut response = json(status, &envelope);
    if let Some(secs) = retry {
        retry_after(&mut response, secs);
    }
    if status == StatusCode::UNAUTHORIZED {
        challenge(&mut response);
    }
    response
}

/// A part out of reach is a server fault to this dialect's clients, who read texts from HTTP 200 only; 503 is for a
/// server that takes no requests (classroom.md 2.6, H and K).
fn fault(refusal: &Refusal) -> Option<Refusal> {
    match refusal {
        Refusal::Domain(e) if *e.kind() == Kind::Unavailable && !turned_away(e) => {
            Some(Refusal::Domain(Error::new(Kind::Internal, "internal error")))
        }
        Refusal::Domain(_) | Refusal::TooLarge | Refusal::Malformed(_) => None,
    }
}

/// Tells the log about a refusal.
pub(crate) fn note(refusal: &Refusal) {
    if let Refusal::Domain(e) = refusal {
        let context = e.internal().unwrap_or_default();
        match e.kind() {
            Kind::Internal => tracing::error!(error.internal = context, "request failed"),
            Kind::Unavailable => tracing::warn!(error.internal = context, "request turned away"),
            Kind::Vendor { .. } => tracing::warn!(error.internal = context, "a cloud failed: {e}"),
            kind => tracing::debug!(error.kind = ?kind, error.internal = context, "request refused"),
        }
    }
}

/// Reads, decides, answers. `run` gets the request that came through the door.
pub(crate) async fn respond<C, F, Fut>(missing: Missing, call: Result<C, Refusal>, run: F) -> Response
where
    F: FnOnce(C) -> Fut,
    Fut: Future<Output = Result<Response, Error>>,
{
    let done = match call {
        Ok(call) => run(call).await.map_err(Refusal::Domain),
        Err(refusal) => Err(refusal),
    };
    done.unwrap_or_else(|refusal| refuse(missing, &refusal))
}

/// As [`respond`] for what changes something: once begun it is carried through, also when the client hangs up half-way.
/// A page that unloads sends `leaveClass` and does not wait.
pub(crate) async fn carry_out<C, F, Fut>(missing: Missing, call: Result<C, Refusal>, run: F) -> Response
where
    F: FnOnce(C) -> Fut,
    Fut: Future<Output = Result<Response, Error>> + Send + 'static,
{
    let call = match call {
        Ok(call) => call,
        Err(refusal) => return refuse(missing, &refusal),
    };
    match through(run(call)).await {
        Ok(response) => response,
        Err(e) => refuse(missing, &Refusal::Domain(e)),
    }
}

/// 404 inside this dialect's paths.
pub(crate) async fn no_such_endpoint() -> Response {
    json(StatusCode::NOT_FOUND, &Envelope::plain("404", "NotFound"))
}

/// 405 on a path that exists.
pub(crate) async fn wrong_method() -> Response {
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, &Envelope::wrong_method());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    response
}

#[cfg(test)]
mod tests;
