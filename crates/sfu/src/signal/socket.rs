//! One client's WebSocket: frames in to the shard, frames out from it.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use livekit_protocol::leave_request::Action;
use livekit_protocol::{DisconnectReason, SignalRequest, SignalResponse, signal_request};
use prost::Message as _;
use tokio::sync::mpsc;

use super::Bucket;
use crate::engine::Engine;
use crate::room::leave_frame;
use crate::shard::{Command, Session};

/// How often we ping.
const PING_EVERY: Duration = Duration::from_secs(10);
/// A client that sends nothing for so long, not even pongs, is gone. Clients ping every 5 s. With the resume window it
/// makes the longest life of a ghost, which stays below 30 s.
const SILENCE: Duration = Duration::from_secs(12);
/// A frame that cannot be written by then goes to a client that does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client has to answer the end of its WebSocket. A round trip on a bad network; longer keeps sockets of
/// those that are gone.
const LINGER: Duration = Duration::from_secs(2);

/// Serves the session until either side ends it.
pub(super) async fn serve(engine: &Engine, ws: WebSocket, session: Session, mut frames: mpsc::Receiver<Bytes>) {
    let (mut tx, mut rx) = ws.split();
    let commands = &engine.inner.port.commands;
    let clock = &engine.inner.env.clock;
    let mut bucket = Bucket::new(engine.inner.env.cfg.signals);
    let mut json = false;
    let mut ping = tokio::time::interval(PING_EVERY);
    ping.tick().await;
    let silence = tokio::time::sleep(SILENCE);
    tokio::pin!(silence);
    // A request that came too soon waits here, and nothing more is read meanwhile; what the client is told goes on.
    let mut held: Option<signal_request::Message> = None;
    let turn = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(turn);
    let told = loop {
        tokio::select! {
            frame = frames.recv() => {
                let Some(frame) = frame else { break true };
                if !write(&mut tx, encoded(frame, json)).await { break false }
            }
            _due = ping.tick() => {
                if !write(&mut tx, Message::Ping(Bytes::new())).await { break false }
            }
            () = &mut silence => break false,
            () = &mut turn, if held.is_some() => {
                if let Err(wait) = bucket.take(clock.now().mono) {
                    turn.as_mut().reset(tokio::time::Instant::now() + wait);
                } else if let Some(request) = held.take()
                    && !pass_on(commands, session, request).await
                {
                    break false;
                }
            }
            message = rx.next(), if held.is_none() => {
                let Some(Ok(message)) = message else { break false };
                silence.as_mut().reset(tokio::time::Instant::now() + SILENCE);
                let request = match message {
                    Message::Binary(bytes) => SignalRequest::decode(bytes).ok(),
                    Message::Text(text) => {
                        json = true;
                        serde_json::from_str::<SignalRequest>(&text).ok()
                    }
                    Message::Close(_) => break false,
                    Message::Ping(_) | Message::Pong(_) => continue,
                };
                // What does not parse, or is newer than we are, is not understood and not an offence.
                let Some(request) = request.and_then(|r| r.message) else { continue };
                if let Err(wait) = bucket.take(clock.now().mono) {
                    turn.as_mut().reset(tokio::time::Instant::now() + wait);
                    held = Some(request);
                } else if !pass_on(commands, session, request).await {
                    break false;
                }
            }
        }
    };
    frames.close();
    if !told {
        // Nobody to tell once the shard is gone.
        let _gone = commands.send(Command::SignalLost { session }).await;
    }
    close(&mut tx, &mut rx).await;
}

async fn pass_on(commands: &mpsc::Sender<Command>, session: Session, request: signal_request::Message) -> bool {
    let message = Box::new(request);
    commands.send(Command::Request { session, message }).await.is_ok()
}

/// Sends one `leave` to somebody who has no session, and closes.
pub(super) async fn turn_away(ws: WebSocket, reason: DisconnectReason, action: Action) {
    let (mut tx, mut rx) = ws.split();
    write(&mut tx, Message::Binary(leave_frame(reason, action))).await;
    close(&mut tx, &mut rx).await;
}

type Tx = SplitSink<WebSocket, Message>;
type Rx = SplitStream<WebSocket>;

async fn write(tx: &mut Tx, message: Message) -> bool {
    matches!(tokio::time::timeout(WRITE_TIMEOUT, tx.send(message)).await, Ok(Ok(())))
}

/// Says that it is over and waits for the client's word, up to [`LINGER`]. TCP dropped with something unread resets the
/// connection, and a browser that sees the reset first reports the close as abnormal (1006).
async fn close(tx: &mut Tx, rx: &mut Rx) {
    let frame = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    // It fails when the client closed first. The answer to that is written by reading on, so both cases do.
    let _closed_by_client = write(tx, Message::Close(Some(frame))).await;
    let answered = async { while let Some(Ok(_late)) = rx.next().await {} };
    // A client that does not answer is dropped.
    let _silent = tokio::time::timeout(LINGER, answered).await;
}

/// As the client speaks: protobuf, or protojson to one that sent text.
fn encoded(frame: Bytes, json: bool) -> Message {
    if json
        && let Ok(response) = SignalResponse::decode(frame.clone())
        && let Ok(text) = serde_json::to_string(&response)
    {
        return Message::Text(text.into());
    }
    Message::Binary(frame)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_break_the_decoders(bytes in prop::collection::vec(any::<u8>(), 0..400), text in ".{0,200}") {
            let _any = SignalRequest::decode(bytes.as_slice());
            let _any = serde_json::from_str::<SignalRequest>(&text);
        }

        #[test]
        fn no_offer_breaks_the_scan(text in "(m=(audio|video) [0-9]|a=(mid|msid):[a-z ]{0,5}|a=(sendonly|inactive)|\r\n|\n|.){0,80}") {
            for line in crate::pc::scan(&text) {
                prop_assert!(!line.mid.is_empty());
            }
        }
    }
}
