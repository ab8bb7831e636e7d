use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use stoa_core::hub::{Hub as _, SingleLogin};
use stoa_hub::proto::{Format, SubscribeResult};

use crate::client::Client;
use crate::harness::{Server, settings, token, until};

async fn subscribe(client: &mut Client, id: u32, channel: &str, since: Option<(u64, &str)>) -> SubscribeResult {
    let (offset, epoch) = since.unwrap_or_default();
    let request = json!({"channel": channel, "recover": since.is_some(), "offset": offset, "epoch": epoch});
    client.say(&[json!({"id": id, "subscribe": request})]).await;
    client.reply(id).await.subscribe.expect("subscribed")
}

/// Follows a channel to an offset: consecutive, none twice.
async fn follow(client: &mut Client, from: u64, to: u64) {
    for expected in from + 1..=to {
        let p = client.publication().await;
        assert_eq!(p.offset, expected);
        assert_eq!(p.data, expected.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn c11_a_thousand_subscribes_during_a_storm() {
    const LAST: u64 = 6_000;
    let server = Arc::new(Server::start().await);
    let publisher = {
        let server = server.clone();
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(2));
            for n in 1..=LAST {
                server.publish("room:r", &n.to_string()).await;
                if n % 10 == 0 {
                    tick.tick().await;
                }
            }
        })
    };
    let at = server.at;
    let mut clients = Vec::new();
    for n in 0..1_000usize {
        clients.push(tokio::spawn(async move {
            let mut client = Client::connected(at, Format::ALL[n % 2], &token(&format!("u{n}"))).await;
            let s = subscribe(&mut client, 2, "room:r", None).await;
            assert!(!s.was_recovering);
            follow(&mut client, s.offset, LAST).await;
            s.offset
        }));
        if n % 50 == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let mut during = 0;
    for client in clients {
        during += usize::from((1..LAST).contains(&client.await.unwrap()));
    }
    publisher.await.unwrap();
    assert!(during > 100, "only {during} came while publications flowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn c18_fifty_publishers_one_order() {
    let server = Arc::new(Server::start().await);
    let mut clients = Vec::new();
    for n in 0..200usize {
        let mut client = Client::connected(server.at, Format::ALL[n % 2], &token(&format!("u{n}"))).await;
        subscribe(&mut client, 2, "room:r", None).await;
        clients.push(client);
    }
    for p in 0..50 {
        let server = server.clone();
        tokio::spawn(async move {
            for n in 0..20 {
                server.publish("room:r", &format!("[{p},{n}]")).await;
            }
        });
    }
    let mut first: Option<Vec<_>> = None;
    for mut client in clients {
        let mut seen = Vec::new();
        while seen.len() < 1_000 {
            seen.push(client.publication().await.data);
        }
        match &first {
            None => {
                for p in 0..50 {
                    let own = seen.iter().filter_map(|d| serde_json::from_slice::<[u32; 2]>(d).ok());
                    let order: Vec<u32> = own.filter(|d| d[0] == p).map(|d| d[1]).collect();
                    assert_eq!(order, (0..20).collect::<Vec<_>>(), "a publisher's own order");
                }
                first = Some(seen);
            }
            Some(first) => assert_eq!(&seen, first),
        }
    }
}

/// D2, short: after any churn, presence is who is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn d2_presence_is_exact_after_churn() {
    let server = Server::start().await;
    let mut rounds = Vec::new();
    for n in 0..40usize {
        let at = server.at;
        rounds.push(tokio::spawn(async move {
            let user = format!("u{}", n / 2);
            for round in 0..25usize {
                let mut client = Client::connected(at, Format::ALL[n % 2], &token(&user)).await;
                subscribe(&mut client, 2, "room:r", None).await;
                match (n * 31 + round * 17) % 4 {
                    0 => client.say(&[json!({"id": 3, "unsubscribe": {"channel": "room:r"}})]).await,
                    1 => client.raw(&crate::client::frame(8, true, true, &1000u16.to_be_bytes())).await,
                    2 => client.raw(b"garbage").await,
                    _ => {}
                }
            }
            let mut client = Client::connected(at, Format::ALL[n % 2], &token(&user)).await;
            subscribe(&mut client, 2, "room:r", None).await;
            client
        }));
    }
    let mut stay = Vec::new();
    for round in rounds {
        stay.push(round.await.unwrap());
    }
    until("the rest is gone", || async { server.hub.connections() == 40 }).await;
    assert_eq!(server.hub.presence_stats("room:r").await.unwrap(), (40, 20));
    assert_eq!(server.hub.presence("room:r").await.unwrap().len(), 40);
    drop(stay);
    until("all are gone", || async { server.hub.presence_stats("room:r").await.unwrap() == (0, 0) }).await;
    let told = server.hooks.presence.lock().unwrap();
    let (came, left) = (told.iter().filter(|p| p.1).count(), told.iter().filter(|p| !p.1).count());
    assert_eq!((came, left), (40 * 26, 40 * 26));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn g1_g2_who_does_not_read_is_cut_off_and_told_the_truth() {
    let server = Server::start().await;
    let mut lazy = Client::open_slow(server.at, Format::Json, Some(4096)).await;
    lazy.say(&[json!({"id": 1, "connect": {"token": token("lazy")}})]).await;
    lazy.reply(1).await;
    let mut keen = Client::connected(server.at, Format::Json, &token("keen")).await;
    let epoch = subscribe(&mut lazy, 2, "chat:r", None).await.epoch;
    subscribe(&mut keen, 2, "chat:r", None).await;
    let body = format!("\"{}\"", "x".repeat(16 * 1024));
    for n in 1..=600u64 {
        server.publish("chat:r", &body).await;
        assert_eq!(keen.publication().await.offset, n);
    }
    until("only the keen one is left", || async { server.hub.connections() == 1 }).await;
    // What was in the kernel's buffers still arrives, without a gap.
    let mut last = 0;
    while let Some(reply) = lazy.next().await {
        if let Some(p) = reply.push.and_then(|p| p.publication) {
            last += 1;
            assert_eq!(p.offset, last);
        }
    }
    assert!(last < 600);
    assert!(matches!(lazy.closed, None | Some(3008)));
    let mut back = Client::connected(server.at, Format::Json, &token("lazy")).await;
    let s = subscribe(&mut back, 2, "chat:r", Some((last, &epoch))).await;
    assert!(s.was_recovering && !s.recovered && s.offset == 600);
}

/// G6, short: full broadcast, and nobody is closed for a missing pong.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn g6_pongs_are_heard_under_broadcast() {
    let mut s = settings();
    s.engine.timing.ping = Duration::from_millis(500);
    s.engine.timing.pong = Duration::from_millis(400);
    let server = Arc::new(Server::with(s, SingleLogin::Cap).await);
    let done = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for n in 0..300usize {
        let at = server.at;
        clients.push(tokio::spawn(async move {
            let mut client = Client::connected(at, Format::ALL[n % 2], &token(&format!("u{n}"))).await;
            subscribe(&mut client, 2, "room:r", None).await;
            while client.pings < 6 {
                client.publication().await;
            }
            client.closed
        }));
    }
    let storm = {
        let (server, done) = (server.clone(), done.clone());
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                for _ in 0..20 {
                    server.publish("room:r", "{\"kind\":\"storm\"}").await;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    };
    for client in clients {
        assert_eq!(client.await.unwrap(), None);
    }
    done.store(true, Ordering::Relaxed);
    storm.await.unwrap();
}

/// H1, H4: a planned restart is not noticed, a crash after it is, and no offset is given out twice in one epoch.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn h1_h4_restart_and_crash() {
    let folder = tempfile::tempdir().unwrap();
    let mut s = settings();
    s.snapshot = Some(folder.path().join("hub.snapshot"));
    let server = Server::with(s.clone(), SingleLogin::Cap).await;
    let mut clients = Vec::new();
    let mut epoch = String::new();
    for n in 0..300usize {
        let mut client = Client::connected(server.at, Format::ALL[n % 2], &token(&format!("u{n}"))).await;
        epoch = subscribe(&mut client, 2, "room:r", None).await.epoch;
        clients.push(client);
    }
    for n in 1..=20u64 {
        server.publish("room:r", &n.to_string()).await;
    }
    let stopping = server.hub.clone();
    let stop = tokio::spawn(async move { stopping.stop(Duration::from_secs(10)).await });
    let mut seen = Vec::new();
    for client in &mut clients {
        follow(client, 0, 20).await;
        assert_eq!(client.end().await, 3001);
        seen.push(20);
    }
    stop.await.unwrap().unwrap();
    assert!(server.hub.publish("room:r", "1", Default::default()).await.is_err());
    let (_tcp, head) = crate::client::knock(server.at, "/connection/websocket", "", None).await;
    assert!(head.starts_with("HTTP/1.1 503"));
    server.kill().await;

    let server = Server::with(s.clone(), SingleLogin::Cap).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "used once");
    assert_eq!(server.publish("room:r", "21").await.offset, 21);
    for (n, last) in seen.into_iter().enumerate() {
        let mut client = Client::connected(server.at, Format::ALL[n % 2], &token(&format!("u{n}"))).await;
        let s = subscribe(&mut client, 2, "room:r", Some((last, &epoch))).await;
        assert!(s.recovered);
        assert_eq!(s.publications.iter().map(|p| p.offset).collect::<Vec<_>>(), [21]);
    }
    server.kill().await;

    let server = Server::with(s, SingleLogin::Cap).await;
    let mut client = Client::connected(server.at, Format::Json, &token("u")).await;
    let s = subscribe(&mut client, 2, "room:r", Some((20, &epoch))).await;
    assert!(!s.recovered && s.epoch != epoch);
}

#[tokio::test]
async fn h3_a_damaged_snapshot_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.snapshot");
    std::fs::write(&path, b"STOAHUB1 and then something else").unwrap();
    let mut s = settings();
    s.snapshot = Some(path.clone());
    let server = Server::with(s, SingleLogin::Cap).await;
    assert!(!path.exists());
    assert_eq!(server.publish("room:r", "1").await.offset, 1);
}
