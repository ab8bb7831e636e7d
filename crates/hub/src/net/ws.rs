//! One client's WebSocket: the door before the upgrade, then a reader and a writer in one task.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{RequestExt as _, extract::FromRequestParts as _};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use super::actor::{Input, close_frame};
use super::out::{Next, Out, Then};
use super::{Hub, Shared};
use crate::engine::ConnId;
use crate::proto::{Format, MAX_FRAME, code};

/// A write that does not move for so long goes to a client that does not read.
const WRITE_STALL: Duration = Duration::from_secs(5);
/// How long a client has to answer the end of its WebSocket. A round trip on a bad network; longer keeps sockets of
/// those that are gone.
const LINGER: Duration = Duration::from_secs(2);
/// First size of a connection's read buffer. The default of the library costs 128 KiB per connection.
const READ_BUFFER: usize = 1024;
/// Most bytes of one message in the library's write buffer: all that a queue may hold, and its header.
const WRITE_BUFFER: usize = super::out::MAX_BYTES + 1024;

const PROTOBUF: HeaderValue = HeaderValue::from_static("centrifuge-protobuf");
const JSON: HeaderValue = HeaderValue::from_static("centrifuge-json");

/// How the two halves of a connection end.
struct Ended {
    code: u32,
    in_order: bool,
}

pub(super) async fn upgrade(State(hub): State<Hub>, mut request: Request) -> Response {
    let shared = hub.shared;
    if let Some(refusal) = refuse(&shared, &request) {
        return refusal.into_response();
    }
    let query: HashMap<String, String> =
        request.extract_parts::<Query<HashMap<String, String>>>().await.map_or_else(|_| HashMap::new(), |q| q.0);
    let (mut parts, _) = request.into_parts();
    let mut upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(refusal) => return refusal.into_response(),
    };
    let asked = |name: &HeaderValue| upgrade.requested_protocols().any(|p| p == name);
    let named = |key: &str| query.get(key).is_some_and(|v| v == "protobuf");
    let chosen = [PROTOBUF, JSON].into_iter().find(|p| asked(p));
    let protobuf = chosen == Some(PROTOBUF) || named("format") || named("cf_protocol");
    let format = if protobuf { Format::Protobuf } else { Format::Json };
    let native_ping = query.get("cf_ws_frame_ping_pong").is_some_and(|v| v == "true");
    if let Some(chosen) = chosen {
        upgrade.set_selected_protocol(chosen);
    }
    let Some(seat) = Seat::take(&shared) else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER)
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| async move {
            // The task of the upgrade has room for all its steps; one of its own is as small as what goes on.
            let tasks = shared.upgraded.clone();
            tasks.spawn(async move {
                serve(&seat.0, socket, format, native_ping).await;
                drop(seat);
            });
        })
}

/// Counts a connection, from before the upgrade to the end of its task.
struct Seat(Arc<Shared>);

impl Seat {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        if shared.sockets.fetch_add(1, Ordering::Relaxed) >= shared.settings.max_connections {
            shared.sockets.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(shared.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.sockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is decided before the upgrade.
fn refuse(shared: &Shared, request: &Request) -> Option<StatusCode> {
    if shared.stopping.load(Ordering::Acquire) {
        return Some(StatusCode::SERVICE_UNAVAILABLE);
    }
    // Native apps send no Origin.
    if let Some(origin) = request.headers().get(header::ORIGIN)
        && !origin.to_str().is_ok_and(|o| (shared.settings.origin)(o))
    {
        return Some(StatusCode::FORBIDDEN);
    }
    let now = u64::try_from(shared.clock.now().mono.as_millis()).unwrap_or(u64::MAX);
    let from = (shared.settings.peer)(request.extensions());
    if from.is_some_and(|from| !shared.gate.admits(from, now)) {
        metrics::counter!("stoa_hub_refusals_total", "limit" => "connects").increment(1);
        return Some(StatusCode::TOO_MANY_REQUESTS);
    }
    None
}

async fn serve(shared: &Shared, socket: WebSocket, format: Format, native_ping: bool) {
    let out = Arc::new(Out::default());
    let (done, opened) = oneshot::channel();
    let open = Input::Open { format, native_ping, client: shared.client_id(), out: out.clone(), done };
    if shared.inputs.send(open).await.is_err() {
        return;
    }
    let Ok(conn) = opened.await else { return };
    let (sink, stream) = socket.split();
    let mut reader = std::pin::pin!(read(shared, conn, stream, &out));
    let mut writer = std::pin::pin!(write(shared, conn, sink, &out));
    let (ended, reads) = tokio::select! {
        ended = &mut reader => (ended, false),
        ended = &mut writer => (ended, true),
    };
    // The engine may have ended it itself; then this says nothing new.
    let gone = Input::Gone { conn, code: ended.code, in_order: ended.in_order && !reads };
    let _stopped = shared.inputs.send(gone).await;
    if !reads {
        // An error of the client is answered with its code, if there is still somebody to read it.
        let _told = tokio::time::timeout(LINGER, writer).await;
    } else if ended.in_order {
        let _answered = tokio::time::timeout(LINGER, reader).await;
    }
}

/// Until the client closes, breaks the protocol of the socket, or is gone.
async fn read(shared: &Shared, conn: ConnId, mut stream: SplitStream<WebSocket>, out: &Out) -> Ended {
    let mut closed = None;
    while let Some(message) = stream.next().await {
        let input = match message {
            // Reading on writes the answer to the close frame, then ends.
            Ok(Message::Close(frame)) => {
                closed = Some(frame.map_or(1005, |f| u32::from(f.code)));
                continue;
            }
            Ok(Message::Text(text)) => Input::Frame(conn, text.into()),
            Ok(Message::Binary(bytes)) => Input::Frame(conn, bytes),
            Ok(Message::Pong(_)) => Input::NativePong(conn),
            Ok(Message::Ping(_)) => continue,
            Err(error) => {
                if closed.is_none()
                    && let Some((code, reason)) = fault(error)
                {
                    out.finish(close_frame(code, reason), false);
                    return Ended { code, in_order: false };
                }
                break;
            }
        };
        if closed.is_none() && shared.inputs.send(input).await.is_err() {
            let (code, reason) = code::SHUTDOWN;
            out.finish(close_frame(code, reason), false);
            return Ended { code, in_order: false };
        }
    }
    let ended = Ended { code: closed.unwrap_or(1006), in_order: closed.is_some() };
    // Nothing more can be written: the writer has nothing to wait for.
    out.finish(close_frame(ended.code, ""), false);
    ended
}

/// Close codes of RFC 6455 for what a client did to its socket. None = the socket is gone.
fn fault(error: axum::Error) -> Option<code::Close> {
    let error = error.into_inner();
    match error.downcast_ref::<WsError>()? {
        WsError::Capacity(_) => Some((1009, "message too large")),
        WsError::Utf8(_) => Some((1007, "not UTF-8")),
        WsError::Protocol(p) if !matches!(p, ProtocolError::ResetWithoutClosingHandshake) => {
            Some((1002, "protocol error"))
        }
        _ => None,
    }
}

/// Until the queue ends or the socket does not take any more. `in_order` = the close frame was written.
async fn write(shared: &Shared, conn: ConnId, mut sink: SplitSink<WebSocket, Message>, out: &Out) -> Ended {
    let broken = |(code, _): code::Close| Ended { code, in_order: false };
    let mut written = 0;
    loop {
        let item = match out.next(std::mem::take(&mut written)) {
            Next::Write(item) => item,
            Next::Wait => {
                out.wait().await;
                continue;
            }
            Next::Close(frame) => {
                let code = u32::from(frame.code);
                let sent = tokio::time::timeout(WRITE_STALL, sink.send(Message::Close(Some(frame)))).await;
                return Ended { code, in_order: matches!(sent, Ok(Ok(()))) };
            }
        };
        let (message, size, then) = item.apart();
        match tokio::time::timeout(WRITE_STALL, sink.send(message)).await {
            Ok(Ok(())) => written = size,
            Ok(Err(_)) => return broken(code::WRITE_ERROR),
            Err(_) => return broken(code::SLOW),
        }
        match then {
            Then::Nothing => {}
            Then::Pinged => {
                let _stopped = shared.inputs.send(Input::PingWritten(conn)).await;
            }
            Then::Timed(since) => {
                let now = u64::try_from(shared.clock.now().mono.as_millis()).unwrap_or(u64::MAX);
                let took = Duration::from_millis(now.saturating_sub(since));
                metrics::histogram!("stoa_hub_delivery_seconds").record(took.as_secs_f64());
            }
        }
    }
}
