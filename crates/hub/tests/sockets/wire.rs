use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use stoa_core::hub::{Hub as _, HubLeft, SingleLogin};
use stoa_hub::Rate;
use stoa_hub::proto::Format;

use crate::client::{Client, frame, knock, knock_and_talk};
use crate::harness::{Server, settings, token, token_of, until};

#[tokio::test]
async fn a1_a2_formats_are_agreed_on() {
    let server = Server::start().await;
    let connect = json!({"id": 1, "connect": {"token": token("a")}});
    for (path, offered, chosen, format) in [
        ("", None, None, Format::Json),
        ("", Some("centrifuge-protobuf"), Some("centrifuge-protobuf"), Format::Protobuf),
        ("", Some("centrifuge-json"), Some("centrifuge-json"), Format::Json),
        ("", Some("other, centrifuge-protobuf"), Some("centrifuge-protobuf"), Format::Protobuf),
        ("", Some("other"), None, Format::Json),
        ("?format=protobuf", None, None, Format::Protobuf),
        ("?cf_protocol=protobuf", None, None, Format::Protobuf),
        ("?cf_protocol=json", None, None, Format::Json),
    ] {
        let headers = offered.map_or_else(String::new, |o| format!("Sec-WebSocket-Protocol: {o}\r\n"));
        let (tcp, head) = knock(server.at, &format!("/connection/websocket{path}"), &headers, None).await;
        let head = head.to_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        assert!(!head.contains("permessage-deflate"));
        let echoed = head.lines().find_map(|l| l.strip_prefix("sec-websocket-protocol: "));
        assert_eq!(echoed, chosen);
        let mut client = Client::over(tcp, format);
        client.say(std::slice::from_ref(&connect)).await;
        let c = client.reply(1).await.connect.unwrap();
        assert_eq!((c.ping, c.pong, c.client.len()), (25, true, 36));
    }
}

/// Whatever threads serve the sockets, and whatever HTTP has read of a socket before it was one of the hub's.
#[tokio::test]
async fn frames_right_behind_the_request_are_heard_on_any_number_of_threads() {
    for threads in [0, 1, 3] {
        let server = Server::with(stoa_hub::Settings { threads, ..settings() }, SingleLogin::Cap).await;
        for (n, pad) in [0, 200, 5_000, 40_000].into_iter().enumerate() {
            let said = [
                json!({"id": 1, "connect": {"token": token(&format!("u{n}"))}}),
                json!({"id": 2, "rpc": {"method": "echo", "data": "x".repeat(pad)}}),
            ];
            let frames = said.map(|c| frame(1, true, true, c.to_string().as_bytes())).concat();
            let (tcp, head) = knock_and_talk(server.at, "/connection/websocket", "", None, &frames).await;
            assert!(head.starts_with("HTTP/1.1 101"), "{head}");
            let mut client = Client::over(tcp, Format::Json);
            assert!(client.reply(1).await.connect.is_some(), "{threads} threads, {pad} bytes");
            assert!(client.reply(2).await.rpc.is_some(), "{threads} threads, {pad} bytes");
        }
        until("all are gone", || async { server.hub.connections() == 0 }).await;
    }
}

/// Rooms whose members are on different threads hear each other in order.
#[tokio::test]
async fn members_on_different_threads_hear_the_same() {
    let server = Server::with(stoa_hub::Settings { threads: 3, ..settings() }, SingleLogin::Cap).await;
    let mut all = Vec::new();
    for n in 0..7 {
        let mut client = Client::connected(server.at, Format::ALL[n % 2], &token(&format!("u{n}"))).await;
        client.say(&[json!({"id": 2, "subscribe": {"channel": "room:r"}})]).await;
        assert!(client.reply(2).await.subscribe.is_some());
        all.push(client);
    }
    for n in 1..=200 {
        server.publish("room:r", &n.to_string()).await;
    }
    for client in &mut all {
        for n in 1..=200 {
            let heard = client.publication().await;
            assert_eq!((heard.offset, heard.data), (n, n.to_string().into()));
        }
    }
}

#[tokio::test]
async fn a5_a6_bad_frames_close_with_3501() {
    let server = Server::start().await;
    for (format, payload) in [
        (Format::Json, &b""[..]),
        (Format::Json, b"{}\n\n{}"),
        (Format::Json, b"{"),
        (Format::Protobuf, b""),
        (Format::Protobuf, &[0x0f, 0x08]),
        (Format::Protobuf, &[0x80, 0x80, 0x80, 0x80, 0x08]),
    ] {
        let mut client = Client::open(server.at, format).await;
        client.payload(payload).await;
        assert_eq!(client.end().await, 3501, "{payload:?}");
    }
}

#[tokio::test]
async fn a7_messages_over_64_kib_close_with_1009() {
    let server = Server::start().await;
    let mut client = Client::connected(server.at, Format::Json, &token("a")).await;
    let fill = |n: usize| {
        let head = r#"{"id":2,"rpc":{"method":"echo","data":""#;
        format!("{head}{}\"}}}}", "x".repeat(n - head.len() - 3))
    };
    let largest = fill(64 * 1024);
    assert_eq!(largest.len(), 64 * 1024);
    client.payload(largest.as_bytes()).await;
    assert!(client.reply(2).await.rpc.is_some());
    client.payload(fill(64 * 1024 + 1).as_bytes()).await;
    assert_eq!(client.end().await, 1009);
    let mut pieces = Client::connected(server.at, Format::Json, &token("a")).await;
    pieces.raw(&frame(1, false, true, &[b' '; 40_000])).await;
    pieces.raw(&frame(0, true, true, &[b' '; 40_000])).await;
    assert_eq!(pieces.end().await, 1009);
}

#[tokio::test]
async fn a8_fragments_and_control_frames_between_them() {
    let server = Server::start().await;
    let mut client = Client::connected(server.at, Format::Json, &token("a")).await;
    client.raw(&frame(1, false, true, br#"{"id":2,"rpc":{"me"#)).await;
    client.raw(&frame(9, true, true, b"hello")).await;
    client.raw(&frame(0, false, true, br#"thod":"echo","data""#)).await;
    client.raw(&frame(10, true, true, b"")).await;
    client.raw(&frame(0, true, true, b":[1]}}")).await;
    assert_eq!(&client.reply(2).await.rpc.unwrap().data[..], b"[1]");
    // JSON in a binary frame is JSON.
    client.raw(&frame(2, true, true, br#"{"id":3,"rpc":{"method":"echo","data":[2]}}"#)).await;
    assert_eq!(&client.reply(3).await.rpc.unwrap().data[..], b"[2]");
}

#[tokio::test]
async fn a9_violations_of_the_websocket_protocol() {
    let server = Server::start().await;
    for (bytes, code) in [
        (frame(1, true, false, b"{}"), 1002),
        (frame(1, true, true, b"\xff\xfe"), 1007),
        (frame(0, true, true, b"{}"), 1002),
        (frame(0x41, true, true, b"{}"), 1002),
    ] {
        let mut client = Client::connected(server.at, Format::Json, &token("a")).await;
        client.raw(&bytes).await;
        assert_eq!(client.end().await, code, "{bytes:?}");
    }
}

#[tokio::test]
async fn a12_g8_silence_is_ended() {
    let mut s = settings();
    s.engine.timing.stale = Duration::from_millis(200);
    s.engine.timing.ping = Duration::from_millis(400);
    s.engine.timing.pong = Duration::from_millis(200);
    let server = Server::with(s, SingleLogin::Cap).await;
    let mut silent = Client::open(server.at, Format::Json).await;
    let mut mute = Client::connected(server.at, Format::Protobuf, &token("a")).await;
    mute.answers = false;
    let mut lively = Client::connected(server.at, Format::Json, &token("b")).await;
    let lively = tokio::spawn(async move { lively.end().await });
    assert_eq!(silent.end().await, 3502);
    assert_eq!(mute.end().await, 3012);
    assert_eq!(mute.pings, 1);
    // Three intervals of pings; had one not been heard, it would have ended with 3012.
    let end = tokio::time::Instant::now() + Duration::from_millis(1500);
    until("three pings are answered", || async { tokio::time::Instant::now() >= end }).await;
    server.hub.disconnect("b", None, 4503, "signed out").await.unwrap();
    assert_eq!(lively.await.unwrap(), 4503);
}

#[tokio::test]
async fn native_pings_for_those_who_ask() {
    let mut s = settings();
    s.engine.timing.ping = Duration::from_millis(200);
    s.engine.timing.pong = Duration::from_millis(150);
    let server = Server::with(s, SingleLogin::Cap).await;
    let (tcp, _) = knock(server.at, "/connection/websocket?cf_ws_frame_ping_pong=true", "", None).await;
    let mut client = Client::over(tcp, Format::Json);
    client.say(&[json!({"id": 1, "connect": {"token": token("a")}})]).await;
    let c = client.reply(1).await.connect.unwrap();
    assert_eq!((c.ping, c.pong), (0, false));
    // The raw client does not answer pings of the WebSocket.
    assert_eq!(client.end().await, 3012);
    assert_eq!(client.pings, 0);
}

#[tokio::test]
async fn a14_origins_and_rates_before_the_upgrade() {
    let mut s = settings();
    s.origin = Arc::new(|o| o == "https://rooms.example.com");
    s.connects = Rate { per_sec: 1, burst: 3 };
    let server = Server::with(s, SingleLogin::Cap).await;
    let status = async |headers: &str| {
        let (_tcp, head) = knock(server.at, "/connection/websocket", headers, None).await;
        head[9..12].to_owned()
    };
    assert_eq!(status("Origin: https://evil.example.com\r\n").await, "403");
    assert_eq!(status("Origin: https://rooms.example.com\r\n").await, "101");
    assert_eq!(status("").await, "101");
    assert_eq!(status("").await, "101");
    assert_eq!(status("").await, "429");
}

#[tokio::test]
async fn c4_c5_a_cut_is_recovered() {
    for format in Format::ALL {
        let server = Server::start().await;
        let mut client = Client::connected(server.at, format, &token("a")).await;
        client.say(&[json!({"id": 2, "subscribe": {"channel": "room:r", "recoverable": true}})]).await;
        let epoch = client.reply(2).await.subscribe.unwrap().epoch;
        server.publish("room:r", "0").await;
        assert_eq!(client.publication().await.offset, 1);
        drop(client);
        for n in 1..=10 {
            server.publish("room:r", &n.to_string()).await;
        }
        for (offset, expected) in [(1, (2..=11).collect::<Vec<_>>()), (11, vec![])] {
            let mut back = Client::connected(server.at, format, &token("a")).await;
            let s = json!({"channel": "room:r", "recover": true, "offset": offset, "epoch": epoch});
            back.say(&[json!({"id": 2, "subscribe": s})]).await;
            let s = back.reply(2).await.subscribe.unwrap();
            assert!(s.recovered);
            assert_eq!(s.publications.iter().map(|p| p.offset).collect::<Vec<_>>(), expected);
        }
        let presence = server.hooks.presence.lock().unwrap().clone();
        assert!(presence.contains(&("room:r".to_owned(), false, HubLeft::Lost(Duration::ZERO))));
    }
}

#[tokio::test]
async fn c20_slow_hooks_and_panics_become_a_temporary_error() {
    let server = Server::start().await;
    let mut client = Client::connected(server.at, Format::Json, &token("a")).await;
    server.hooks.slow_ms.store(5_000, Ordering::Relaxed);
    client.say(&[json!({"id": 2, "subscribe": {"channel": "room:r"}})]).await;
    let error = client.reply(2).await.error.unwrap();
    assert_eq!((error.code, error.temporary), (100, true));
    server.hooks.slow_ms.store(0, Ordering::Relaxed);
    client.say(&[json!({"id": 3, "subscribe": {"channel": "room:r"}})]).await;
    assert!(client.reply(3).await.subscribe.is_some());
    client.say(&[json!({"id": 4, "rpc": {"method": "panic"}})]).await;
    assert_eq!(client.reply(4).await.error.unwrap().code, 100);
}

#[tokio::test]
async fn a_close_in_order_is_answered_and_told() {
    let server = Server::start().await;
    let mut client = Client::connected(server.at, Format::Json, &token("a")).await;
    client.say(&[json!({"id": 2, "subscribe": {"channel": "room:r"}})]).await;
    client.reply(2).await;
    client.raw(&frame(8, true, true, &1000u16.to_be_bytes())).await;
    assert_eq!(client.end().await, 1000);
    until("it left", || async { server.hooks.presence.lock().unwrap().len() == 2 }).await;
    assert_eq!(server.hooks.presence.lock().unwrap()[1].2, HubLeft::Itself);
    until("its place is free", || async { server.hub.connections() == 0 }).await;
}

#[tokio::test]
async fn f8_f9_f12_the_newer_login_wins() {
    let server = Server::with(settings(), SingleLogin::Device).await;
    let mut one = Client::connected(server.at, Format::Json, &token_of("a", "x")).await;
    let mut other = Client::connected(server.at, Format::Json, &token_of("a", "y")).await;
    let mut again = Client::connected(server.at, Format::Protobuf, &token_of("a", "x")).await;
    assert_eq!(one.end().await, 4504);
    for (client, id) in [(&mut other, 2), (&mut again, 2)] {
        client.say(&[json!({"id": id, "rpc": {"method": "echo", "data": 1}})]).await;
        assert!(client.reply(id).await.rpc.is_some());
    }
}

#[tokio::test]
async fn disconnect_of_the_product_comes_behind_what_it_published() {
    let server = Server::start().await;
    let mut client = Client::connected(server.at, Format::Json, &token("a")).await;
    server.publish("user:#a", r#"{"kind":"banned"}"#).await;
    server.hub.disconnect("a", None, 4501, &"long ".repeat(100)).await.unwrap();
    assert_eq!(client.publication().await.offset, 1);
    assert_eq!(client.end().await, 4501);
    assert!(server.hub.disconnect("a", None, 1000, "x").await.is_err());
    assert!(server.hub.publish("none:x", "1", Default::default()).await.is_err());
}

/// F3, the hub's part: 1 000 races of a subscribe with a ban.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn f3_a_subscribe_under_way_does_not_outlive_a_ban() {
    let server = Server::start().await;
    let mut client = Client::connected(server.at, Format::Json, &token("a")).await;
    for n in 0..1_000u32 {
        if n % 90 == 89 {
            // Failures are counted, and a hundred in ten seconds end a connection.
            client = Client::connected(server.at, Format::Json, &token("a")).await;
        }
        let channel = format!("room:{n}");
        client.say(&[json!({"id": n + 2, "subscribe": {"channel": channel}})]).await;
        for _ in 0..n % 7 {
            tokio::task::yield_now().await;
        }
        server.hooks.banned.lock().unwrap().push("a".to_owned());
        server.hub.unsubscribe("a", &channel, None).await.unwrap();
        client.reply(n + 2).await;
        assert_eq!(server.hub.presence_stats(&channel).await.unwrap(), (0, 0), "race {n}");
        server.hooks.banned.lock().unwrap().clear();
    }
}
