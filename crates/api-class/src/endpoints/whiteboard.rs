//! `GET /api/v1/class/whiteboard/{boardId}`: the shared whiteboard over a WebSocket, and its pages as pictures
//! (classroom.md 6.6).

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use stoa_api::call::{caller, caller_of};
use stoa_api::refusal::Refusal;
use stoa_core::board::BoardImage;
use stoa_core::caller::Caller;
use stoa_core::id::ClassId;
use stoa_core::{Error, Kind};

use super::streams::refused;
use crate::board::{MAX_MESSAGE, Ticket, pump};
use crate::config::BoardProvider;
use crate::state::ClassState;

/// The query of the socket's address.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Ask {
    nonce: String,
    cur_time: String,
    checksum: String,
    token: Option<String>,
}

/// Opens a socket, or tells whether it would be opened.
#[utoipa::path(get, path = "/api/v1/class/whiteboard/{boardId}", tag = "whiteboard", operation_id = "whiteboard",
    summary = "The whiteboard, as a WebSocket",
    description = "Speaks the y-websocket protocol in binary messages of at most 1 MiB. The ticket is one of \
        `getWhiteboardAuthInfo`: good for 300 s and once. The caller's login token stands in `Authorization`, or in \
        `token` for browsers. Refusals come before the upgrade and leave the ticket as it was. Without an upgrade the \
        same is checked, and a good ticket is answered 204: browsers do not show why a socket was refused.",
    security(("bearer" = []), ()),
    params(
        ("boardId" = String, Path, description = "The class"),
        ("nonce" = String, Query, description = "Of the ticket"),
        ("curTime" = i64, Query, description = "Of the ticket"),
        ("checksum" = String, Query, description = "Of the ticket"),
        ("token" = Option<String>, Query, description = "Login token, if there is no Authorization header"),
    ),
    responses(
        (status = 101, description = "the socket is open; whoever may not draw only watches"),
        (status = 204, description = "it would be opened"),
        (status = 401, description = "no good ticket, one that was used, or no good login token"),
        (status = 403, description = "not a present member, or banned"),
        (status = 404, description = "no such class"),
        (status = 405, description = "only GET is served"),
        (status = 429, description = "over the request rate"),
        (status = 503, description = "starting, stopping or full; try again after Retry-After"),
    ))]
pub async fn whiteboard(State(v): State<ClassState>, Path(board): Path<String>, request: Request) -> Response {
    open(v, &board, request).await.unwrap_or_else(|refusal| refused(&refusal))
}

async fn open(v: ClassState, board: &str, request: Request) -> Result<Response, Refusal> {
    let _place = v.api().enter()?;
    let (mut parts, _) = request.into_parts();
    let ask = Query::<Ask>::try_from_uri(&parts.uri).map_err(|_| Refusal::unauthenticated("board address"))?.0;
    let BoardProvider::Embedded(keys) = &v.config().board else {
        return Err(Refusal::Domain(Error::new(Kind::NotFound, "whiteboards are not here")));
    };
    let now = v.now().secs();
    let ticket = Ticket::read(keys, (&ask.nonce, &ask.cur_time, &ask.checksum), now);
    let ticket = ticket.map_err(Refusal::unauthenticated)?;
    if v.nonces().used(ticket) {
        return Err(Refusal::unauthenticated("board nonce was used"));
    }
    let caller = identify(&v, &parts.headers, ask.token.as_deref()).await?;
    let id = ClassId::parse(board);
    v.classes().board(&caller, id).await?;
    let upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection> =
        WebSocketUpgrade::from_request_parts(&mut parts, &v).await;
    // A ticket is used up by whatever it was good for; a refusal leaves it as it was.
    let used = || Refusal::unauthenticated("board nonce was used");
    let Ok(upgrade) = upgrade else {
        return if v.nonces().take(ticket, now) { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(used()) };
    };
    let full = |_| Error::new(Kind::LimitReached, "too many open whiteboards");
    let place = Arc::clone(v.sockets()).try_acquire_owned().map_err(full)?;
    if !v.nonces().take(ticket, now) {
        return Err(used());
    }
    let session = v.classes().open_board(&caller, id).await?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    let api = v.api().clone();
    Ok(upgrade.on_upgrade(async move |socket| {
        pump(socket, session, || api.ready()).await;
        drop(place);
    }))
}

/// The header counts; without one the query, since browsers cannot give a socket a header.
async fn identify(v: &ClassState, headers: &HeaderMap, token: Option<&str>) -> Result<Caller, Refusal> {
    let api = v.api();
    let (caller, _) = match token.filter(|_| !headers.contains_key(http::header::AUTHORIZATION)) {
        Some(token) => caller_of(api, token).await?,
        None => caller(api, headers).await?,
    };
    api.check_rate(&caller.user)?;
    Ok(caller)
}

/// Which picture.
#[derive(Debug, Deserialize)]
pub struct Picture {
    #[serde(default)]
    page: Option<usize>,
    #[serde(default)]
    format: Option<String>,
}

/// Draws a page.
#[utoipa::path(get, path = "/api/v1/class/whiteboard/{boardId}/image", tag = "whiteboard", operation_id = "whiteboardImage",
    summary = "A page of the whiteboard as a picture", security(("bearer" = [])),
    params(
        ("boardId" = String, Path, description = "The class"),
        ("page" = Option<usize>, Query, description = "From 0"),
        ("format" = Option<String>, Query, description = "`svg` (default) or `png`"),
    ),
    responses(
        (status = 200, description = "the picture", content((String = "image/svg+xml"), (Vec<u8> = "image/png"))),
        (status = 400, description = "no such format, or a page that is no number"),
        (status = 401, description = "no token, or one that does not count"),
        (status = 403, description = "not a present member, or banned"),
        (status = 404, description = "no such class, or no such page"),
        (status = 405, description = "only GET is served"),
        (status = 429, description = "over the request rate"),
        (status = 503, description = "starting, stopping or overloaded; try again after Retry-After"),
    ))]
pub async fn image(State(v): State<ClassState>, Path(board): Path<String>, request: Request) -> Response {
    draw(&v, &board, request).await.unwrap_or_else(|refusal| refused(&refusal))
}

async fn draw(v: &ClassState, board: &str, request: Request) -> Result<Response, Refusal> {
    let _place = v.api().enter()?;
    let caller = identify(v, request.headers(), None).await?;
    let Ok(Query(ask)) = Query::<Picture>::try_from_uri(request.uri()) else {
        return Err(Error::bad_input("page", "must be a number from 0").into());
    };
    let (image, kind) = match ask.format.as_deref() {
        None | Some("svg") => (BoardImage::Svg, "image/svg+xml"),
        Some("png") => (BoardImage::Png, "image/png"),
        Some(_) => return Err(Error::bad_input("format", "must be svg or png").into()),
    };
    let bytes = v.classes().draw_board(&caller, ClassId::parse(board), ask.page.unwrap_or(0), image).await?;
    // Opened as a document, what users drew must run and load nothing.
    let closed = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
    Ok(([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, closed)], bytes).into_response())
}

/// Another verb on a whiteboard's address.
pub(crate) async fn wrong_method() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, OPTIONS")]).into_response()
}
