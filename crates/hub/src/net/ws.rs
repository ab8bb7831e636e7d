//! One client's WebSocket: the door before the upgrade, then a reader and a writer in one task.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use axum::RequestExt as _;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use smallvec::SmallVec;
use tokio::net::TcpStream;

use super::flush::{delivered, write_one};
use super::handshake::{Handshake, offers};
use super::out::{End, Ending, Out, Step, Timed};
use super::socket::Taken;
use super::{Hub, Shared};
use crate::engine::{ConnId, Gone};
use crate::proto::{Format, MAX_FRAME, code};
use crate::wire::{Event, Fault, Reader};

/// A write that does not move for so long goes to a client that does not read.
const WRITE_STALL: Duration = Duration::from_secs(5);
/// How long a client has to answer the end of its WebSocket. A round trip on a bad network; longer keeps sockets of
/// those that are gone.
const LINGER: Duration = Duration::from_secs(2);

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
    let handshake = match Handshake::take(&mut parts) {
        Ok(handshake) => handshake,
        Err(refusal) => return refusal.into_response(),
    };
    let named = |key: &str| query.get(key).is_some_and(|v| v == "protobuf");
    let chosen = [PROTOBUF, JSON].into_iter().find(|p| offers(&parts.headers, p));
    let protobuf = chosen == Some(PROTOBUF) || named("format") || named("cf_protocol");
    let format = if protobuf { Format::Protobuf } else { Format::Json };
    let native_ping = query.get("cf_ws_frame_ping_pong").is_some_and(|v| v == "true");
    let Some(seat) = Seat::take(&shared) else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let answer = handshake.answer(chosen);
    let hub = shared.clone();
    shared.upgraded.spawn(async move {
        // A client that is gone before it had the answer.
        let Ok(upgraded) = handshake.socket.await else { return };
        let taken = match (hub.settings.socket)(upgraded) {
            Ok(taken) => taken,
            Err(error) => return tracing::error!(%error, "a client's socket cannot be taken over"),
        };
        let served = serve(seat, taken, format, native_ping);
        match hub.threads.next() {
            Some(thread) => drop(hub.upgraded.spawn_on(served, thread)),
            None => served.await,
        }
    });
    answer
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

/// Drops the socket with the task, whoever still knows the connection.
struct HangUp<'a>(&'a Out);

impl Drop for HangUp<'_> {
    fn drop(&mut self) {
        self.0.hang_up();
    }
}

async fn serve(seat: Seat, taken: Taken, format: Format, native_ping: bool) {
    let shared = &*seat.0;
    shared.driver.started().await;
    // The first of these is dropped last, after the socket.
    let Taken { place: _place, stream, early } = taken;
    let Ok(socket) = TcpStream::from_std(stream) else { return };
    let out = Arc::new(Out::over(socket));
    let _hang_up = HangUp(&out);
    let Some(conn) = shared.driver.open(format, native_ping, &shared.client_id(), &out) else { return };
    let mut reader = std::pin::pin!(read(shared, conn, &out, early));
    let mut writer = std::pin::pin!(write(shared, conn, &out));
    let (ended, reads) = tokio::select! {
        ended = &mut reader => (ended, false),
        ended = &mut writer => (ended, true),
    };
    let how = match ended {
        Ended { in_order: true, .. } if !reads => Gone::InOrder,
        Ended { code, .. } if code == code::SLOW.0 || out.vanished() => Gone::Silent,
        _ => Gone::Cut,
    };
    // The engine may have ended it itself; then this says nothing new.
    shared.driver.gone(conn, ended.code, how);
    if !reads {
        // An error of the client is answered with its code, if there is still somebody to read it.
        let told = tokio::time::timeout(LINGER, writer).await;
        if !ended.in_order && told.is_ok_and(|t| t.in_order) {
            // A socket that is dropped with unread bytes is reset, and takes the answer with it.
            let _left = tokio::time::timeout(LINGER, forget(&out)).await;
        }
    } else if ended.in_order {
        let _answered = tokio::time::timeout(LINGER, reader).await;
    }
}

/// Until the client closes, breaks the protocol of the socket, or is gone. `early` is what came before.
async fn read(shared: &Shared, conn: ConnId, out: &Out, early: Bytes) -> Ended {
    let mut frames = Reader::new(MAX_FRAME);
    let mut heard = (!early.is_empty()).then(|| take_apart(&mut frames, &early));
    // It holds all of the buffer that HTTP read into, also when it is empty.
    drop(early);
    loop {
        if heard.is_none() {
            heard = poll_fn(|cx| poll_events(cx, out, &mut frames)).await;
        }
        let (events, fault) = match heard.take() {
            Some(read) => read,
            None => {
                // Nothing more can be written: the writer has nothing to wait for.
                out.finish(End::Gone, false);
                return Ended { code: 1006, in_order: false };
            }
        };
        if events.is_empty() {
            shared.driver.with(|e, now| e.heard(now, conn));
        }
        for event in events {
            let taken = match event {
                Event::Text(bytes) | Event::Binary(bytes) => shared.driver.with(|e, now| e.frame(now, conn, bytes)),
                Event::Pong => shared.driver.with(|e, now| e.native_pong(now, conn)),
                Event::Ping(payload) => {
                    shared.driver.with(|e, now| e.heard(now, conn));
                    out.pong(&payload);
                    write_one(&shared.driver, conn, out);
                    continue;
                }
                Event::Close(code) => {
                    let answer = End::answer(code);
                    out.finish(answer, false);
                    return Ended { code: code.map_or(1005, u32::from), in_order: true };
                }
            };
            if taken.is_none() {
                out.finish(End::close(code::SHUTDOWN), false);
                return Ended { code: code::SHUTDOWN.0, in_order: false };
            }
        }
        if let Some(fault) = fault {
            let close = fault.close();
            out.finish(End::close(close), false);
            return Ended { code: close.0, in_order: false };
        }
    }
}

/// Nearly every read brings one message.
type Events = SmallVec<[Event; 1]>;

/// The messages in what came, and the violation that ends it.
fn take_apart(frames: &mut Reader, mut bytes: &[u8]) -> (Events, Option<Fault>) {
    let mut events = Events::new();
    loop {
        match frames.next(&mut bytes) {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, None),
            Err(fault) => return (events, Some(fault)),
        }
    }
}

/// What one read brought. None = the socket is at its end.
fn poll_events(
    cx: &mut std::task::Context<'_>,
    out: &Out,
    frames: &mut Reader,
) -> Poll<Option<(Events, Option<Fault>)>> {
    let mut came = None;
    let read = out.poll_read(cx, |bytes| came = Some(take_apart(frames, bytes)));
    read.map(|_| came)
}

/// Reads to the end and keeps nothing.
async fn forget(out: &Out) {
    let _gone = poll_fn(|cx| out.poll_shutdown(cx)).await;
    while poll_fn(|cx| out.poll_read(cx, |_| ())).await {}
}

/// Until the queue ends or the socket does not take any more. `in_order` = the close frame was written.
async fn write(shared: &Shared, conn: ConnId, out: &Out) -> Ended {
    let broken = |(code, _): code::Close| Ended { code, in_order: false };
    // Frames that were written when the socket stopped to take more.
    let mut stuck = None;
    loop {
        let step = poll_fn(|cx| {
            let mut timed = Timed::new();
            let step = out.poll(cx, &mut timed);
            timed.into_iter().for_each(|since| delivered(&*shared.clock, since));
            match step {
                Poll::Ready(Step::Stuck(frames)) if stuck == Some(frames) => Poll::Pending,
                // Written after all: the next time is a new one.
                Poll::Pending if stuck.is_some() => Poll::Ready(None),
                step => step.map(Some),
            }
        });
        let step = match stuck {
            None => step.await,
            Some(_) => match tokio::time::timeout(WRITE_STALL, step).await {
                Ok(step) => step,
                Err(_) => return broken(code::SLOW),
            },
        };
        stuck = None;
        match step {
            None => {}
            Some(Step::Stuck(frames)) => stuck = Some(frames),
            Some(Step::Pinged) => {
                shared.driver.with(|engine, now| engine.ping_written(now, conn));
            }
            Some(Step::Ended(Ending::Closed(code))) => return Ended { code, in_order: true },
            Some(Step::Ended(Ending::Broken)) => return broken(code::WRITE_ERROR),
            Some(Step::Ended(Ending::Gone)) => return Ended { code: 1006, in_order: false },
        }
    }
}
