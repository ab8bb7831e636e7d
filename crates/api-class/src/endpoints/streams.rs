//! `POST /whip/{meeting_id}`, `POST /whep/{meeting_id}`: publish and play over plain HTTP (classroom.md 6.2; RFC 9725).
//!
//! Candidates are all in the offer and the answer, so `PATCH` has nothing to do and is answered 501, which RFC 9725 4.3
//! has for servers with neither trickle nor restarts.

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use stoa_api::answer::{RETRY_UNAVAILABLE_SECS, challenge, retry_after};
use stoa_api::call::{body, caller};
use stoa_api::refusal::Refusal;
use stoa_api::through;
use stoa_core::class::{Shadow, StreamWish};
use stoa_core::id::{ChannelKey, MeetingId, UserId};
use stoa_core::stream::StreamMade;
use stoa_core::{Error, Kind};
use stoa_vendor::text::percent_encode;

use crate::config::MediaProvider;
use crate::links::{LinkKind, Signed};
use crate::refuse::note;
use crate::state::ClassState;

/// Largest offer in bytes. A browser's with many codecs has 10 KiB.
const OFFER_LIMIT: usize = 64 * 1024;

const SDP: &str = "application/sdp";
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Whip,
    Whep,
}

impl Door {
    fn name(self) -> &'static str {
        match self {
            Self::Whip => "whip",
            Self::Whep => "whep",
        }
    }
}

/// The query of a signed address.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signature {
    user_id: String,
    timestamp: String,
    token: String,
}

/// Publishes.
#[utoipa::path(post, path = "/whip/{meeting_id}", tag = "streams", operation_id = "whip",
    summary = "Publish (WHIP)", security(()),
    params(
        ("meeting_id" = String, Path, description = "The class's media channel"),
        ("userId" = String, Query, description = "Who publishes: a user, or a user's `_shadow`"),
        ("timestamp" = i64, Query, description = "When the address ends, Unix seconds"),
        ("token" = String, Query, description = "Signature of the address, from `rtc_push_url`"),
    ),
    request_body(content = String, content_type = "application/sdp", description = "SDP offer with all its candidates, at most 64 KiB"),
    responses(
        (status = 201, description = "SDP answer; `Location` is the session, which DELETE ends", body = String, content_type = "application/sdp"),
        (status = 400, description = "an offer that cannot be answered"),
        (status = 401, description = "not an address of ours, or one that ended"),
        (status = 403, description = "banned, not a present member, or not on stage"),
        (status = 404, description = "no class has this channel"),
        (status = 410, description = "the class is over"),
        (status = 413, description = "the offer is over the limit"),
        (status = 415, description = "not application/sdp"),
        (status = 429, description = "over the request rate"),
        (status = 503, description = "starting, stopping or full; try again after Retry-After"),
    ))]
pub async fn whip(state: State<ClassState>, meeting: Path<String>, request: Request) -> Response {
    answer(start(&state.0, Door::Whip, &meeting.0, request).await)
}

/// Plays a publisher.
#[utoipa::path(post, path = "/whep/{meeting_id}", tag = "streams", operation_id = "whep",
    summary = "Play a publisher (WHEP)", security(("bearer" = [])),
    params(
        ("meeting_id" = String, Path, description = "The class's media channel"),
        ("userId" = String, Query, description = "Who is played: a user, or a user's `_shadow`"),
        ("timestamp" = i64, Query, description = "When the address ends, Unix seconds"),
        ("token" = String, Query, description = "Signature of the address, from `rtc_pull_url`"),
    ),
    request_body(content = String, content_type = "application/sdp", description = "SDP offer with all its candidates, at most 64 KiB"),
    responses(
        (status = 201, description = "SDP answer; `Location` is the session, which DELETE ends", body = String, content_type = "application/sdp"),
        (status = 400, description = "an offer that cannot be answered"),
        (status = 401, description = "not an address of ours, one that ended, or no login token"),
        (status = 403, description = "banned, or not a present member"),
        (status = 404, description = "no class has this channel, or nobody to play"),
        (status = 410, description = "the class is over"),
        (status = 413, description = "the offer is over the limit"),
        (status = 415, description = "not application/sdp"),
        (status = 429, description = "over the request rate"),
        (status = 503, description = "starting, stopping or full; try again after Retry-After"),
    ))]
pub async fn whep(state: State<ClassState>, meeting: Path<String>, request: Request) -> Response {
    answer(start(&state.0, Door::Whep, &meeting.0, request).await)
}

/// Ends a publishing session.
#[utoipa::path(delete, path = "/whip/{meeting_id}/{session}", tag = "streams", operation_id = "whipEnd",
    summary = "Stop publishing", security(()),
    params(
        ("meeting_id" = String, Path, description = "The class's media channel"),
        ("session" = String, Path, description = "From `Location`; whoever knows it may end it"),
    ),
    responses((status = 200, description = "ended"), (status = 404, description = "there is none"),
        (status = 503, description = "try again after Retry-After")))]
pub async fn whip_end(State(v): State<ClassState>, Path(at): Path<(String, String)>) -> Response {
    answer(end(&v, at).await)
}

/// Ends a playing session.
#[utoipa::path(delete, path = "/whep/{meeting_id}/{session}", tag = "streams", operation_id = "whepEnd",
    summary = "Stop playing", security(()),
    params(
        ("meeting_id" = String, Path, description = "The class's media channel"),
        ("session" = String, Path, description = "From `Location`; whoever knows it may end it"),
    ),
    responses((status = 200, description = "ended"), (status = 404, description = "there is none"),
        (status = 503, description = "try again after Retry-After")))]
pub async fn whep_end(State(v): State<ClassState>, Path(at): Path<(String, String)>) -> Response {
    answer(end(&v, at).await)
}

/// What stopped a stream before it began.
enum Stop {
    Refused(Refusal),
    NotSdp,
}

impl<E: Into<Refusal>> From<E> for Stop {
    fn from(e: E) -> Self {
        Self::Refused(e.into())
    }
}

fn unauthenticated(why: &'static str) -> Stop {
    Stop::Refused(Refusal::unauthenticated(why))
}

async fn start(v: &ClassState, door: Door, meeting: &str, request: Request) -> Result<Response, Stop> {
    let _place = v.api().enter()?;
    let signed = Query::<Signature>::try_from_uri(request.uri()).map_err(|_| unauthenticated("stream address"))?.0;
    let meeting = verified(v, door, meeting, &signed)?;
    let (subject, play) = match door {
        Door::Whip => (signed.user_id, None),
        Door::Whep => (caller(v.api(), request.headers()).await?.0.user.to_string(), Some(signed.user_id)),
    };
    let user = Shadow::split(&subject).1;
    v.api().check_rate(&UserId::for_dialect("userId", user).map_err(|_| unauthenticated("stream user"))?)?;
    let offer = offer(request).await?;
    let wish = StreamWish { meeting, who: subject, play, offer, tag: hex::encode(v.random::<8>()) };
    let v = v.clone();
    // Carried through: a stream that nobody knows how to end would be there until its media times out.
    let made = through(async move { begin(&v, wish).await }).await?;
    Ok(created(door, meeting, made))
}

async fn begin(v: &ClassState, wish: StreamWish) -> Result<StreamMade, Error> {
    let engine = v.streams().ok_or_else(|| Error::new(Kind::Unavailable, "there are no streams here"))?;
    engine.start(v.classes().stream(wish).await?).await
}

/// Form, signature and age of an address, in this order; all three are 401.
fn verified(v: &ClassState, door: Door, meeting: &str, q: &Signature) -> Result<MeetingId, Stop> {
    // With media elsewhere nobody was given an address of ours.
    let MediaProvider::Embedded { key, .. } = &v.config().media else {
        return Err(unauthenticated("streams are not here"));
    };
    let kind = match door {
        Door::Whip => LinkKind::Push,
        Door::Whep => LinkKind::Pull,
    };
    let expires = q.timestamp.parse::<i64>().ok().filter(|t| t.to_string() == q.timestamp);
    let id = MeetingId::parse(meeting).filter(|id| id.to_string() == meeting);
    let (Some(expires), Some(id)) = (expires, id) else { return Err(unauthenticated("stream address")) };
    if !key.verify(&Signed { kind, resource: meeting, user: &q.user_id, expires }, &q.token) {
        return Err(unauthenticated("stream signature"));
    }
    if expires <= v.now().secs() {
        return Err(unauthenticated("stream address expired"));
    }
    Ok(id)
}

async fn offer(request: Request) -> Result<String, Stop> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|k| k.trim().eq_ignore_ascii_case(SDP)) {
        return Err(Stop::NotSdp);
    }
    let bytes = body(request, OFFER_LIMIT).await?;
    String::from_utf8(bytes.into()).map_err(|_| Error::bad_input("offer", "is not UTF-8").into())
}

fn created(door: Door, meeting: MeetingId, made: StreamMade) -> Response {
    let mut response = (StatusCode::CREATED, [(CONTENT_TYPE, SDP)], Body::from(made.answer)).into_response();
    let location = format!("/{}/{meeting}/{}", door.name(), percent_encode(&made.id));
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

async fn end(v: &ClassState, (meeting, session): (String, String)) -> Result<Response, Stop> {
    let _place = v.api().enter()?;
    let unknown = || Error::new(Kind::NotFound, "no such session");
    let meeting = MeetingId::parse(&meeting).filter(|id| id.to_string() == meeting).ok_or_else(unknown)?;
    let engine = v.streams().cloned().ok_or_else(unknown)?;
    let channel = ChannelKey::of_meeting(v.classes().app(), meeting);
    let there = through(async move { engine.end(&channel, &session).await }).await?;
    if there { Ok(StatusCode::OK.into_response()) } else { Err(unknown().into()) }
}

/// Every refusal has its own HTTP status and a line of text.
fn answer(done: Result<Response, Stop>) -> Response {
    match done {
        Ok(response) => response,
        Err(Stop::NotSdp) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/sdp").into_response(),
        Err(Stop::Refused(refusal)) => refused(&refusal),
    }
}

pub(super) fn refused(refusal: &Refusal) -> Response {
    note(refusal);
    let (status, text, retry) = match refusal {
        Refusal::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body too large", None),
        Refusal::Malformed(why) => (StatusCode::BAD_REQUEST, *why, None),
        Refusal::Domain(e) => {
            let (status, retry) = status_of(e.kind());
            (status, e.public(), retry)
        }
    };
    let mut response = (status, text.to_owned()).into_response();
    if status == StatusCode::UNAUTHORIZED {
        challenge(&mut response);
    }
    if let Some(secs) = retry {
        retry_after(&mut response, secs);
    }
    response
}

fn status_of(kind: &Kind) -> (StatusCode, Option<u64>) {
    let plain = |status| (status, None);
    match kind {
        Kind::Unauthenticated | Kind::BadCredentials => plain(StatusCode::UNAUTHORIZED),
        Kind::LoginThrottled { retry_after_secs } | Kind::Throttled { retry_after_secs } => {
            (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after_secs))
        }
        Kind::BadInput { .. } => plain(StatusCode::BAD_REQUEST),
        Kind::NotYou | Kind::Forbidden | Kind::Banned { .. } => plain(StatusCode::FORBIDDEN),
        Kind::NotFound | Kind::NotPresent => plain(StatusCode::NOT_FOUND),
        Kind::Gone => plain(StatusCode::GONE),
        // Too many of something that goes again.
        Kind::LimitReached | Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Some(RETRY_UNAVAILABLE_SECS)),
        Kind::Vendor { .. } => plain(StatusCode::BAD_GATEWAY),
        Kind::Internal => plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Another verb on an address of ours.
pub(crate) async fn wrong_method(request: Request) -> Response {
    let session = request.uri().path().split('/').count() > 3;
    let allow = if session { "DELETE, OPTIONS" } else { "POST, OPTIONS" };
    let not_built = session && request.method() == Method::PATCH;
    let status = if not_built { StatusCode::NOT_IMPLEMENTED } else { StatusCode::METHOD_NOT_ALLOWED };
    (status, [(ALLOW, allow)]).into_response()
}

/// What these doors say beside the headers of all answers: browsers must be shown `Location`, and clients ask what is
/// taken.
pub(crate) async fn surround(request: Request, next: Next) -> Response {
    let preflight = request.method() == Method::OPTIONS;
    let session = request.uri().path().split('/').count() > 3;
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        let shown = HeaderValue::from_static("location, x-request-id, retry-after");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, shown);
    }
    if preflight && session {
        headers.insert(ALLOW, HeaderValue::from_static("DELETE, OPTIONS"));
    } else if preflight {
        headers.insert(ACCEPT_POST, HeaderValue::from_static(SDP));
    }
    response
}
