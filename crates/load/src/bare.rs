//! The baselines: the least a server can do for the same job.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};

use anyhow::Result;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

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

/// A bare axum route; prints its address and serves until killed.
///
/// # Errors
/// No port.
pub async fn serve_http() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?);
    axum::serve(listener, Router::new().route("/meeting", post(meeting_info))).await?;
    Ok(())
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
