//! The refresh half of B15, T11: rotation, reuse, devices, revocation.

use serde_json::json;
use stoa_core::group::{RefreshToken, SessionConfig};

use crate::server::{CLASSES, Server};

fn next(r: &crate::server::Reply) -> String {
    r.is(200).body["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn b15_t11_an_exchange_gives_an_access_token_and_the_next_refresh_token() {
    let s = Server::new().await;
    let first = s.session("u#1").await;
    let r = s.refresh(&first, "d1").await;
    let c = r.claims();
    assert_eq!((&c["sub"], &c["exp"]), (&json!("!2000.~dSMx"), &json!(s.now() + 7200)));
    let meta =
        json!({"role": "user", "uid": "u#1", "app": CLASSES.0, "face": "class", "dev": "d1", "dt": "web", "sid": ""});
    assert_eq!(c["meta"], meta);
    let second = next(&r);
    assert_ne!(first, second);
    let third = next(&s.refresh(&second, "d1").await);
    // Each one has seven days of its own.
    s.pass(7 * 86_400 - 1);
    let fourth = next(&s.refresh(&third, "d1").await);
    s.pass(7 * 86_400);
    s.refresh(&fourth, "d1").await.is(401);
}

#[tokio::test]
async fn b15_reuse_of_a_spent_token_ends_the_family_and_no_other() {
    let s = Server::new().await;
    let (first, other) = (s.session("alice").await, s.session("alice").await);
    let second = next(&s.refresh(&first, "d1").await);
    s.refresh(&first, "d1").await.is(401);
    s.refresh(&second, "d1").await.is(401);
    s.refresh(&other, "d1").await.is(200);
}

#[tokio::test]
async fn b15_of_exchanges_side_by_side_one_wins_and_then_nobody() {
    let s = Server::new().await;
    let first = s.session("alice").await;
    let (a, b) = tokio::join!(s.refresh(&first, "d1"), s.refresh(&first, "d1"));
    let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
    lost.is(401);
    s.refresh(&next(&won), "d1").await.is(401);
}

#[tokio::test]
async fn b15_tokens_are_bound_to_their_device() {
    let s = Server::new().await;
    let first = s.session("alice").await;
    let r = s.refresh(&first, "d2").await;
    assert_eq!(r.is(401).body, json!({"code": 401, "message": "refresh token not accepted"}));
    // A wrong device spends nothing: the token may have been copied there, its owner goes on.
    s.refresh(&first, "d1").await.is(200);
}

#[tokio::test]
async fn exchanges_end_with_the_account() {
    let s = Server::new().await;
    let (before, disabled) = (s.session("alice").await, s.session("bob").await);
    s.pass(10);
    s.revoke("alice", false).await;
    s.revoke("bob", true).await;
    s.refresh(&before, "d1").await.is(401);
    s.refresh(&disabled, "d1").await.is(401);
    s.pass(1);
    let after = s.session("alice").await;
    s.refresh(&after, "d1").await.is(200);
}

#[tokio::test]
async fn bad_requests_are_told() {
    let s = Server::new().await;
    let good = s.session("alice").await;
    for (body, field) in [
        (json!({"kind": "refresh", "device_id": "d1"}), "refresh_token"),
        (json!({"kind": "refresh", "refresh_token": good}), "device_id"),
        (json!({"kind": "refresh", "refresh_token": good, "device_id": "x".repeat(256)}), "device_id"),
        (json!({"kind": "refresh", "refresh_token": "x".repeat(256), "device_id": "d1"}), "refresh_token"),
        (json!({"kind": "renew", "refresh_token": good, "device_id": "d1"}), "kind"),
        (json!({"kind": ["refresh"]}), "kind"),
    ] {
        let r = s.post(None, body).await;
        assert!(r.is(400).body["message"].as_str().unwrap().starts_with(field), "{}", r.body);
    }
    for text in ["rubbish", "AAAA", &"A".repeat(43)] {
        s.refresh(text, "d1").await.is(401);
    }
    s.refresh(&good, "d1").await.is(200);
}

#[tokio::test]
async fn exchanges_are_limited_by_address() {
    let s = Server::new().await;
    for _ in 0..400 {
        s.refresh("rubbish", "d1").await.is(401);
    }
    s.refresh("rubbish", "d1").await.is(429);
    // Of refresh tokens only.
    s.post(Some(&s.login("alice")), json!({})).await.is(200);
    s.pass(1);
    s.refresh("rubbish", "d1").await.is(401);
}

#[tokio::test]
async fn only_a_hash_of_it_is_kept() {
    let s = Server::new().await;
    let text = s.session("alice").await;
    let renewed = s.sessions.exchange(&text, "d1").await.unwrap();
    let RefreshToken { hash, expires, .. } = &renewed.session;
    assert_eq!(*expires, s.bench.clock.now_wall().plus(SessionConfig::default().refresh_ttl));
    assert_eq!((text.len(), renewed.text.len(), renewed.hub_uid.as_str()), (43, 43, "!2000.alice"));
    let shown = format!("{renewed:?}");
    assert!(!shown.contains(&renewed.text) && !shown.contains(&format!("{hash:?}")));
}
