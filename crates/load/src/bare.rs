//! The baselines: the least a server can do for the same job.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

/// First byte of a datagram to the relay: register the sender as a receiver of the group in the next two bytes.
pub const REGISTER: u8 = 0;
/// First byte of a datagram to the relay: copy it to every receiver of the group.
pub const MEDIA: u8 = 1;

#[derive(Deserialize)]
struct Ask {
    id: String,
}

#[derive(Serialize)]
struct Answer {
    code: u16,
    success: bool,
    members: Vec<Member>,
}

#[derive(Serialize)]
struct Member {
    index: u8,
    joined: bool,
    user_id: String,
}

/// Parses the same request, gives an answer of the same shape and size: no token, no store, no limits.
async fn meeting_info(Json(ask): Json<Ask>) -> Json<Answer> {
    let members = (1..=8).map(|index| Member { index, joined: !ask.id.is_empty(), user_id: String::new() }).collect();
    Json(Answer { code: 200, success: true, members })
}

/// Answers kept by their length: what is compared with may not be slowed by making them.
type Kept = Arc<Mutex<HashMap<usize, Bytes>>>;

/// Parses the same request, answers so many bytes of JSON that are there already: nothing is looked up or printed.
async fn so_many(kept: Kept, n: usize, ask: serde_json::Value) -> impl IntoResponse {
    let make = || {
        let (head, tail) = (r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""#, r#""}"#);
        let filler = n.saturating_sub(head.len() + tail.len());
        Bytes::from(format!("{head}{}{tail}", "x".repeat(filler)))
    };
    let text = kept.lock().unwrap_or_else(PoisonError::into_inner).entry(n).or_insert_with(make).clone();
    let status = if ask.is_object() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    (status, [(header::CONTENT_TYPE, "application/json")], text)
}

/// A bare axum route; prints its address and serves until killed.
///
/// # Errors
/// No port.
pub async fn serve_http() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?);
    let kept = Kept::default();
    let bytes =
        async move |Path(n): Path<usize>, Json(ask): Json<serde_json::Value>| so_many(kept.clone(), n, ask).await;
    let routes = Router::new().route("/meeting", post(meeting_info)).route("/bytes/{n}", post(bytes));
    axum::serve(listener, routes).await?;
    Ok(())
}

/// Rooms of the bare WebSocket loop.
type Rooms = Arc<Mutex<HashMap<String, broadcast::Sender<Utf8Bytes>>>>;
/// Messages a client of the loop may be behind before it misses some.
const BEHIND: usize = 1_024;

/// A WebSocket loop: whatever a client says goes to everybody of its room (`/ws/<room>`). No accounts, names, order across
/// rooms, history or limits. `buffer` = read buffer per connection, bytes; 0 = the library's own.
///
/// # Errors
/// No port.
pub async fn serve_ws(buffer: usize) -> Result<()> {
    let rooms = Rooms::default();
    let enter = async move |Path(room): Path<String>, upgrade: WebSocketUpgrade| {
        let of = |all: &mut HashMap<String, broadcast::Sender<Utf8Bytes>>| {
            all.entry(room).or_insert_with(|| broadcast::channel(BEHIND).0).clone()
        };
        let room = of(&mut rooms.lock().unwrap_or_else(PoisonError::into_inner));
        let upgrade = if buffer > 0 { upgrade.read_buffer_size(buffer).write_buffer_size(0) } else { upgrade };
        upgrade.on_upgrade(|socket| talk(socket, room))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?);
    axum::serve(listener, Router::new().route("/ws/{room}", any(enter))).await?;
    Ok(())
}

async fn talk(mut socket: WebSocket, room: broadcast::Sender<Utf8Bytes>) {
    let mut hears = room.subscribe();
    loop {
        tokio::select! {
            said = socket.recv() => match said {
                Some(Ok(Message::Text(text))) => drop(room.send(text)),
                Some(Ok(_)) => {}
                _ => return,
            },
            heard = hears.recv() => {
                if let Ok(text) = heard
                    && socket.send(Message::Text(text)).await.is_err()
                {
                    return;
                }
            }
        }
    }
}

/// A relay that receives one datagram and sends a copy to each receiver: no crypto, no rewriting. One thread; prints its
/// address and serves until killed.
///
/// # Errors
/// No port.
pub fn serve_relay() -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    announce(socket.local_addr()?);
    let mut groups: HashMap<[u8; 2], Vec<SocketAddr>> = HashMap::new();
    let mut buf = [0; 2048];
    loop {
        let Ok((n, from)) = socket.recv_from(&mut buf) else { continue };
        let [kind, a, b, ..] = buf;
        let group = groups.entry([a, b]).or_default();
        if kind == REGISTER {
            if !group.contains(&from) {
                group.push(from);
            }
            // The echo tells the receiver that it is registered.
            drop(socket.send_to(&buf[..n], from));
            continue;
        }
        for to in group {
            drop(socket.send_to(&buf[..n], *to));
        }
    }
}

/// The parent process reads the address there.
fn announce(addr: SocketAddr) {
    println!("{addr}");
}
