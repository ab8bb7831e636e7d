//! The one place where this dialect says no (voice-room.md 2.5).

use std::future::Future;

use axum::response::Response;
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use stoa_api::answer::{RETRY_UNAVAILABLE_SECS, challenge, json, retry_after};
use stoa_api::envelope::Envelope;
use stoa_api::refusal::Refusal;
use stoa_api::through;
use stoa_core::{Error, Kind};

use crate::body::RefusalBody;

/// The endpoints, as far as they say no in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Login,
    Token,
    Create,
    List,
    Get,
    RtcToken,
    Dismiss,
    JoinMic,
    LeaveMic,
    MeetingInfo,
    Update,
}

impl Endpoint {
    pub(crate) const ALL: [(Self, &'static str); 11] = [
        (Self::Login, "/login"),
        (Self::Token, "/api/chatroom/token"),
        (Self::Create, "/api/chatroom/create"),
        (Self::List, "/api/chatroom/list"),
        (Self::Get, "/api/chatroom/get"),
        (Self::RtcToken, "/api/chatroom/getRtcAuthToken"),
        (Self::Dismiss, "/api/chatroom/dismiss"),
        (Self::JoinMic, "/api/chatroom/joinMic"),
        (Self::LeaveMic, "/api/chatroom/leaveMic"),
        (Self::MeetingInfo, "/api/chatroom/getMeetingInfo"),
        (Self::Update, "/api/chatroom/update"),
    ];

    fn of_path(path: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, p)| *p == path).map(|(e, _)| *e)
    }

    /// Every answer carries `success`.
    fn shows_success(self) -> bool {
        matches!(self, Self::Dismiss | Self::LeaveMic | Self::MeetingInfo)
    }

    /// Every answer carries `members`: Android fails without.
    fn shows_members(self) -> bool {
        matches!(self, Self::LeaveMic | Self::MeetingInfo)
    }
}

/// HTTP status, `code` and `reason` of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Verdict {
    status: u16,
    code: u16,
    reason: Option<&'static str>,
    retry_secs: Option<u64>,
}

impl Verdict {
    /// What the transport refuses: the status is the code.
    const fn transport(code: u16) -> Self {
        Self { status: code, code, reason: None, retry_secs: None }
    }

    /// What the application refuses: HTTP 200, because the apps read the body; but Android does not look
    /// at `code` on `getRtcAuthToken`, so there the status is the code.
    fn application(endpoint: Endpoint, code: u16) -> Self {
        match endpoint {
            Endpoint::RtcToken => Self::transport(code),
            _ => Self { status: 200, code, reason: None, retry_secs: None },
        }
    }

    /// Over the rate: Android's callback never fires on a non-200 status of the two seat reads.
    fn throttled(endpoint: Endpoint, secs: u64) -> Self {
        let status = if endpoint.shows_members() { 200 } else { 429 };
        Self { status, code: 429, reason: None, retry_secs: Some(secs) }
    }

    fn of(endpoint: Endpoint, refusal: &Refusal) -> Self {
        match refusal {
            Refusal::TooLarge => Self::transport(413),
            Refusal::Malformed(_) => Self::transport(400),
            Refusal::Domain(e) => Self::of_kind(endpoint, e.kind()),
        }
    }

    fn of_kind(endpoint: Endpoint, kind: &Kind) -> Self {
        let dismiss = endpoint == Endpoint::Dismiss;
        let outcome = |code, reason| Self { status: 200, code, reason: Some(reason), retry_secs: None };
        match kind {
            Kind::Unauthenticated => Self::transport(401),
            Kind::BadCredentials => Self::application(endpoint, 401),
            Kind::LoginThrottled { retry_after_secs } => {
                Self { retry_secs: Some(*retry_after_secs), ..Self::transport(429) }
            }
            Kind::BadInput { .. } => Self::application(endpoint, 400),
            Kind::NotYou if dismiss => outcome(403, "NoPermit"),
            Kind::Forbidden if dismiss => outcome(200, "NoPermit"),
            Kind::NotFound if dismiss => outcome(200, "Unknown"),
            Kind::NotYou | Kind::Forbidden | Kind::Banned { .. } | Kind::LimitReached => {
                Self::application(endpoint, 403)
            }
            Kind::NotFound | Kind::NotPresent | Kind::Gone => Self::application(endpoint, 404),
            Kind::Throttled { retry_after_secs } => Self::throttled(endpoint, *retry_after_secs),
            Kind::Unavailable => Self { retry_secs: Some(RETRY_UNAVAILABLE_SECS), ..Self::transport(503) },
            Kind::Vendor { .. } | Kind::Internal => Self::application(endpoint, 500),
        }
    }
}

/// A refusal of `/login`, which two dialects share: both envelopes side by side.
#[derive(Serialize)]
struct Union<'a> {
    #[serde(flatten)]
    ours: RefusalBody<'a>,
    #[serde(flatten)]
    classroom: Envelope,
}

fn write(
    endpoint: Option<Endpoint>,
    verdict: Verdict,
    ours: RefusalBody<'_>,
    classroom: impl FnOnce() -> Envelope,
) -> Response {
    let status = StatusCode::from_u16(verdict.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match endpoint {
        Some(Endpoint::Login) => json(status, &Union { ours, classroom: classroom() }),
        _ => json(status, &ours),
    };
    if let Some(secs) = verdict.retry_secs {
        retry_after(&mut response, secs);
    }
    if status == StatusCode::UNAUTHORIZED {
        challenge(&mut response);
    }
    response
}

/// The answer to a request that is refused; the log gets what the caller must not see.
pub(crate) fn refuse(endpoint: Endpoint, refusal: &Refusal) -> Response {
    let verdict = Verdict::of(endpoint, refusal);
    let (message, field) = match refusal {
        Refusal::TooLarge => ("body too large", false),
        Refusal::Malformed(why) => (*why, false),
        Refusal::Domain(e) => (e.public(), matches!(e.kind(), Kind::BadInput { .. })),
    };
    note(refusal);
    let ours = RefusalBody {
        code: verdict.code,
        message,
        msg: field.then_some(message),
        success: endpoint.shows_success().then_some(false),
        reason: verdict.reason,
        members: endpoint.shows_members().then_some([]),
    };
    write(Some(endpoint), verdict, ours, || Envelope::of(refusal))
}

fn note(refusal: &Refusal) {
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
pub(crate) async fn respond<C, F, Fut>(endpoint: Endpoint, call: Result<C, Refusal>, run: F) -> Response
where
    F: FnOnce(C) -> Fut,
    Fut: Future<Output = Result<Response, Error>>,
{
    let done = match call {
        Ok(call) => run(call).await.map_err(Refusal::Domain),
        Err(refusal) => Err(refusal),
    };
    done.unwrap_or_else(|refusal| refuse(endpoint, &refusal))
}

/// As [`respond`] for what changes something: once begun it is carried through, also when the client hangs
/// up half-way; a seat that is stored but never told to the engine would be the worst of both.
pub(crate) async fn carry_out<C, F, Fut>(endpoint: Endpoint, call: Result<C, Refusal>, run: F) -> Response
where
    F: FnOnce(C) -> Fut,
    Fut: Future<Output = Result<Response, Error>> + Send + 'static,
{
    let call = match call {
        Ok(call) => call,
        Err(refusal) => return refuse(endpoint, &refusal),
    };
    match through(run(call)).await {
        Ok(response) => response,
        Err(e) => refuse(endpoint, &Refusal::Domain(e)),
    }
}

/// 404 inside this dialect's paths.
pub(crate) async fn no_such_endpoint() -> Response {
    let ours =
        RefusalBody { code: 404, message: "no such endpoint", msg: None, success: None, reason: None, members: None };
    json(StatusCode::NOT_FOUND, &ours)
}

/// 405 on a path that exists.
pub(crate) async fn wrong_method(uri: http::Uri) -> Response {
    let endpoint = Endpoint::of_path(uri.path());
    let ours = RefusalBody {
        code: 405,
        message: "only POST is served here",
        msg: None,
        success: endpoint.is_some_and(Endpoint::shows_success).then_some(false),
        reason: None,
        members: endpoint.is_some_and(Endpoint::shows_members).then_some([]),
    };
    let mut response = write(endpoint, Verdict::transport(405), ours, Envelope::wrong_method);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    response
}

#[cfg(test)]
mod tests;
