//! The WebSocket itself, with a client that others wrote and with one that is wrong.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use stoa_core::hub::HubLeft;
use stoa_hub::proto::Format;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::client::{Client, PATIENCE, frame, knock};
use crate::harness::{Server, token, until};

type Theirs = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Their client, connected.
async fn theirs(server: &Server) -> Theirs {
    let (mut ws, answer) = connect_async(format!("ws://{}/connection/websocket", server.at)).await.unwrap();
    assert_eq!(answer.status(), 101);
    let connect = json!({"id": 1, "connect": {"token": token("a")}}).to_string();
    ws.send(Message::Text(connect.into())).await.unwrap();
    assert!(heard(&mut ws).await.into_text().unwrap().contains("\"connect\""));
    ws
}

async fn heard(ws: &mut Theirs) -> Message {
    tokio::time::timeout(PATIENCE, ws.next()).await.expect("in time").expect("open").unwrap()
}

#[tokio::test]
async fn messages_in_pieces_with_pings_between_them() {
    let server = Server::start().await;
    let mut ws = theirs(&server).await;
    let call = json!({"id": 2, "rpc": {"method": "echo", "data": "gr\u{fc}\u{df}e \u{1f30d}"}}).to_string();
    // Cut in the middle of letters as well.
    let pieces: Vec<&[u8]> = call.as_bytes().chunks(3).collect();
    for (n, piece) in pieces.iter().enumerate() {
        let kind = if n == 0 { Data::Text } else { Data::Continue };
        let piece = Frame::message(piece.to_vec(), OpCode::Data(kind), n + 1 == pieces.len());
        ws.send(Message::Frame(piece)).await.unwrap();
        if n == 1 {
            ws.send(Message::Ping(Bytes::from_static(b"between"))).await.unwrap();
            assert_eq!(heard(&mut ws).await, Message::Pong(Bytes::from_static(b"between")));
        }
    }
    let reply: serde_json::Value = serde_json::from_str(heard(&mut ws).await.to_text().unwrap()).unwrap();
    assert_eq!(reply, json!({"id": 2, "rpc": {"data": "gr\u{fc}\u{df}e \u{1f30d}"}}));
}

#[tokio::test]
async fn pings_are_answered_with_what_they_carry() {
    let server = Server::start().await;
    let mut ws = theirs(&server).await;
    for payload in [vec![], b"hi".to_vec(), vec![0xff; 125]] {
        ws.send(Message::Ping(payload.clone().into())).await.unwrap();
        assert_eq!(heard(&mut ws).await, Message::Pong(payload.into()));
    }
}

#[tokio::test]
async fn a_close_is_answered_with_its_own_code() {
    let server = Server::start().await;
    for code in [None, Some(1000), Some(1001), Some(4321)] {
        let mut ws = theirs(&server).await;
        let close = code.map(|c| CloseFrame { code: CloseCode::from(c), reason: "bye".into() });
        ws.send(Message::Close(close)).await.unwrap();
        let Message::Close(answer) = heard(&mut ws).await else { panic!("a close frame") };
        assert_eq!(answer.map(|f| u16::from(f.code)), code);
        // The server ends the connection first (RFC 6455 7.1.1), and in order.
        assert!(tokio::time::timeout(PATIENCE, ws.next()).await.expect("in time").is_none());
    }
    until("their places are free", || async { server.hub.connections() == 0 }).await;
}

#[tokio::test]
async fn who_breaks_the_rules_is_told_which() {
    let server = Server::start().await;
    let long = vec![b'x'; 64 * 1024 + 1];
    for (what, bytes, code) in [
        ("not masked", frame(1, true, false, b"{}"), 1002),
        ("a reserved bit", [vec![0xc1], frame(1, true, true, b"{}")[1..].to_vec()].concat(), 1002),
        ("a ping in pieces", frame(9, false, true, b""), 1002),
        ("nothing to continue", frame(0, true, true, b"x"), 1002),
        ("a code that nobody may send", frame(8, true, true, &1006u16.to_be_bytes()), 1002),
        ("no text", frame(1, true, true, &[0xff]), 1007),
        ("too large", frame(2, true, true, &long), 1009),
        ("too large in two", [frame(2, false, true, &long[1..]), frame(0, true, true, b"x")].concat(), 1009),
    ] {
        let mut client = Client::connected(server.at, Format::Json, &token("a")).await;
        client.say(&[json!({"id": 2, "subscribe": {"channel": "room:r"}})]).await;
        client.reply(2).await;
        client.raw(&bytes).await;
        // It goes on and does not notice; the answer must not be lost over that.
        client.raw(&frame(1, true, true, b"more")).await;
        assert_eq!(client.end().await, code, "{what}");
    }
    until("their places are free", || async { server.hub.connections() == 0 }).await;
    let told = server.hooks.presence.lock().unwrap();
    assert!(told.iter().filter(|p| !p.1).all(|p| p.2 == HubLeft::Lost(Duration::ZERO)), "nobody left in order");
}

#[tokio::test]
async fn a_peer_that_has_closed_its_half_is_gone() {
    let server = Server::start().await;
    let (mut tcp, _) = knock(server.at, "/connection/websocket", "", None).await;
    let connect = json!({"id": 1, "connect": {"token": token("a")}}).to_string();
    tcp.write_all(&frame(1, true, true, connect.as_bytes())).await.unwrap();
    tcp.read_u8().await.unwrap();
    // In the middle of a frame.
    tcp.write_all(&frame(1, true, true, b"half of it")[..7]).await.unwrap();
    tcp.shutdown().await.unwrap();
    until("its place is free", || async { server.hub.connections() == 0 }).await;
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, tcp.read_to_end(&mut rest)).await.expect("closed").unwrap();
}

#[tokio::test]
async fn a_call_goes_on_though_nobody_waits_for_it() {
    let server = Server::start().await;
    let mut client = Client::connected(server.at, Format::Json, &token("a")).await;
    client
        .say(&[json!({"id": 2, "rpc": {"method": "slow"}}), json!({"id": 3, "rpc": {"method": "echo", "data": 3}})])
        .await;
    let error = client.reply(2).await.error.unwrap();
    assert_eq!((error.code, error.temporary), (100, true));
    assert_eq!(server.hooks.finished.load(Ordering::Relaxed), 0);
    // The next one is not held up by it.
    assert!(client.reply(3).await.rpc.is_some());
    drop(client);
    server.hooks.go_on.notify_one();
    until("it is carried out", || async { server.hooks.finished.load(Ordering::Relaxed) == 1 }).await;
}

#[tokio::test]
async fn an_answer_comes_behind_what_its_call_published() {
    let server = Server::start().await;
    let mut client = Client::connected(server.at, Format::Json, &token("a")).await;
    client.say(&[json!({"id": 2, "subscribe": {"channel": "room:r"}})]).await;
    client.reply(2).await;
    for n in 1..=50u32 {
        server.publish("room:r", &n.to_string()).await;
        client.say(&[json!({"id": n + 2, "rpc": {"method": "echo", "data": n}})]).await;
        let first = client.next().await.unwrap().push.and_then(|p| p.publication).expect("the publication first");
        assert_eq!(first.offset, u64::from(n));
        assert!(client.reply(n + 2).await.rpc.is_some());
    }
    // Nothing is left behind that would come later.
    let silent = tokio::time::timeout(Duration::from_millis(50), client.next()).await;
    assert!(silent.is_err(), "{silent:?}");
}
