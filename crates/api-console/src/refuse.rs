//! The one place where this dialect says no.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use stoa_api::answer::{RETRY_UNAVAILABLE_SECS, challenge, json, retry_after};
use stoa_api::refusal::Refusal;
use stoa_api::shell::X_REQUEST_ID;
use stoa_core::{Error, Kind};

use crate::body::{Code, Fault, RefusalBody};

/// A refusal, before it is written.
#[derive(Debug, Clone)]
pub struct Refused {
    status: StatusCode,
    code: Code,
    message: String,
    retry_secs: Option<u64>,
    allow: bool,
}

impl Refused {
    fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_secs: None, allow: false }
    }

    /// It contradicts what is there.
    pub(crate) fn conflict(message: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, Code::Conflict, message)
    }

    /// There is no such thing.
    pub(crate) fn not_found(message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, message)
    }

    /// A key or field is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::Invalid, message)
    }

    /// Not an administrator.
    pub(crate) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            Code::Forbidden,
            "this account is not an administrator; sign in with one that is",
        )
    }

    /// HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Error> for Refused {
    fn from(e: Error) -> Self {
        note(&e);
        let of = |status, code| Self::new(status, code, e.public());
        match e.kind() {
            Kind::Unauthenticated | Kind::BadCredentials => Self::new(
                StatusCode::UNAUTHORIZED,
                Code::Unauthorized,
                "no token, or one that does not count any more; sign in again",
            ),
            Kind::BadInput { .. } => of(StatusCode::BAD_REQUEST, Code::Invalid),
            Kind::NotYou | Kind::Forbidden | Kind::Banned { .. } => of(StatusCode::FORBIDDEN, Code::Forbidden),
            Kind::NotFound | Kind::NotPresent | Kind::Gone => of(StatusCode::NOT_FOUND, Code::NotFound),
            Kind::LimitReached => of(StatusCode::CONFLICT, Code::Conflict),
            Kind::LoginThrottled { retry_after_secs } | Kind::Throttled { retry_after_secs } => {
                let retry_secs = Some(*retry_after_secs);
                Self { retry_secs, ..of(StatusCode::TOO_MANY_REQUESTS, Code::TooMany) }
            }
            Kind::Unavailable | Kind::Vendor { .. } => {
                let retry_secs = Some(RETRY_UNAVAILABLE_SECS);
                Self { retry_secs, ..of(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable) }
            }
            Kind::Internal => of(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, Code::Invalid, "the body is too large"),
            Refusal::Malformed(why) => Self::invalid(why),
            Refusal::Domain(e) => e.into(),
        }
    }
}

/// The log gets what the caller must not see.
fn note(e: &Error) {
    let context = e.internal().unwrap_or_default();
    match e.kind() {
        Kind::Internal => tracing::error!(error.internal = context, "request failed"),
        Kind::Unavailable => tracing::warn!(error.internal = context, "request turned away"),
        kind => tracing::debug!(error.kind = ?kind, error.internal = context, "request refused"),
    }
}

impl IntoResponse for Refused {
    /// Only the status and what [`write`] needs: the body names the request, which is not known here.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the bodies of refusals.
pub(crate) async fn write(request: Request, next: Next) -> Response {
    let id = request.headers().get(X_REQUEST_ID).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let mut response = next.run(request).await;
    let Some(refused) = response.extensions_mut().remove::<Refused>() else { return response };
    let error = Fault { code: refused.code, message: refused.message, request_id: id };
    let mut response = json(refused.status, &RefusalBody { error });
    if let Some(secs) = refused.retry_secs {
        retry_after(&mut response, secs);
    }
    if refused.status == StatusCode::UNAUTHORIZED {
        challenge(&mut response);
    }
    if refused.allow {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST, PATCH, DELETE"));
    }
    response
}

/// 404 inside this dialect's paths.
pub(crate) async fn no_such_endpoint() -> Refused {
    Refused::not_found("no such endpoint")
}

/// 405 on a path that exists.
pub(crate) async fn wrong_method() -> Refused {
    let refused = Refused::new(StatusCode::METHOD_NOT_ALLOWED, Code::Invalid, "this path has no such method");
    Refused { allow: true, ..refused }
}

#[cfg(test)]
mod tests {
    use stoa_core::time::UnixMs;

    use super::*;

    #[test]
    fn every_kind_has_its_status_and_code() {
        for (kind, status, code) in [
            (Kind::Unauthenticated, 401, Code::Unauthorized),
            (Kind::BadCredentials, 401, Code::Unauthorized),
            (Kind::LoginThrottled { retry_after_secs: 1 }, 429, Code::TooMany),
            (Kind::BadInput { field: "x" }, 400, Code::Invalid),
            (Kind::NotYou, 403, Code::Forbidden),
            (Kind::Forbidden, 403, Code::Forbidden),
            (Kind::Banned { until: UnixMs(1) }, 403, Code::Forbidden),
            (Kind::NotFound, 404, Code::NotFound),
            (Kind::NotPresent, 404, Code::NotFound),
            (Kind::Gone, 404, Code::NotFound),
            (Kind::LimitReached, 409, Code::Conflict),
            (Kind::Throttled { retry_after_secs: 1 }, 429, Code::TooMany),
            (Kind::Unavailable, 503, Code::Unavailable),
            (Kind::Vendor { code: None }, 503, Code::Unavailable),
            (Kind::Internal, 500, Code::Internal),
        ] {
            let refused = Refused::from(Error::new(kind.clone(), "x").with_internal("secret"));
            assert_eq!((refused.status.as_u16(), refused.code), (status, code), "{kind:?}");
            assert!(!refused.message.contains("secret"));
        }
        assert_eq!(Refused::from(Refusal::TooLarge).status().as_u16(), 413);
    }
}
