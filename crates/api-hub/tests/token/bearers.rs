//! Login tokens and media tokens for connection tokens (hub.md 3.6, talk.md 5.2).

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;
use stoa_api::Rate;
use stoa_core::id::AppId;
use stoa_core::kick::Kick;
use stoa_core::sanction::Source;
use stoa_testkit::{APP, channel, user};

use crate::server::{CLASSES, Server};

#[tokio::test]
async fn a_login_token_gives_a_short_connection_token() {
    let s = Server::new().await;
    let r = s.post(Some(&s.login("alice")), json!({"device_id": "d1", "device_type": "web"})).await;
    let c = r.claims();
    assert_eq!(r.body.as_object().unwrap().len(), 4, "{}", r.body);
    assert_eq!((&c["sub"], &c["exp"]), (&json!("alice"), &json!(s.now() + 600)));
    let meta = json!({"role": "user", "uid": "alice", "app": APP.0, "face": "voice", "dev": "d1", "dt": "web", "sid": "session"});
    assert_eq!(c["meta"], meta);
    assert_eq!(c["jti"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn the_face_decides_about_the_app() {
    let s = Server::new().await;
    let login = s.login("alice");
    for (body, face, sub) in [
        (json!({}), "voice", "alice"),
        (json!({"face": "voice"}), "voice", "alice"),
        (json!({"face": "class"}), "class", "!2000.alice"),
    ] {
        let c = s.post(Some(&login), body).await.claims();
        assert_eq!((&c["meta"]["face"], &c["sub"]), (&json!(face), &json!(sub)));
    }
    for bad in [json!({"face": "talk"}), json!({"device_id": "x".repeat(256)}), json!({"device_type": {}})] {
        s.post(Some(&login), bad).await.is(400);
    }
    let text = Request::post("/hub/v1/token").header("authorization", format!("Bearer {login}"));
    s.send(text.body("[]".into()).unwrap()).await.is(400);
}

#[tokio::test]
async fn only_real_administrators_are_called_so() {
    let s = Server::new().await;
    for (name, role) in [("root1", "admin"), ("alice", "user")] {
        let c = s.post(Some(&s.login(name)), json!({"role": "admin"})).await.claims();
        assert_eq!(c["meta"]["role"], role);
    }
}

#[tokio::test]
async fn without_a_credential_that_counts_there_is_no_token() {
    let s = Server::new().await;
    let hub = s.post(Some(&s.login("alice")), json!({})).await.body["token"].as_str().unwrap().to_owned();
    let refresh = s.session("alice").await;
    let login = s.login("alice");
    for bad in [None, Some(""), Some("rubbish"), Some(&*hub), Some(&*refresh), Some(&*format!("{login}x"))] {
        s.post(bad, json!({})).await.is(401);
    }
    s.revoke("alice", false).await;
    s.post(Some(&login), json!({})).await.is(401);
    s.pass(86_400);
    s.post(Some(&login), json!({})).await.is(401);
}

#[tokio::test]
async fn a_media_token_gives_a_connection_token_of_its_app() {
    let s = Server::new().await;
    let token = s.join(AppId(214), "raid-7", "u#123", &[]);
    let r = s.post(Some(&token), json!({"device_id": "d1", "device_type": "pc"})).await;
    let c = r.claims();
    assert_eq!((&c["sub"], &c["exp"]), (&json!("!214.~dSMxMjM"), &json!(s.now() + 600)));
    let meta = json!({"role": "user", "uid": "u#123", "app": 214, "face": "talk", "dev": "d1", "dt": "pc", "sid": ""});
    assert_eq!(c["meta"], meta);
    // The participant is one of the user's devices; an administrator's name makes none here.
    let token = s.join(APP, "raid-7", "root1\u{1f}pad", &[("stoa.device", "pad")]);
    let c = s.post(Some(&token), json!({})).await.claims();
    assert_eq!((&c["sub"], &c["meta"]["dev"], &c["meta"]["role"]), (&json!("root1"), &json!("pad"), &json!("user")));
    let token = s.join(APP, "raid-7", "some name", &[("stoa.user", "alice")]);
    assert_eq!(s.post(Some(&token), json!({"face": "class"})).await.claims()["sub"], "alice");
    assert!(s.bench.world.store.channel(&channel("raid-7")).await.unwrap().is_none(), "asking brings nothing to life");
}

async fn kick(s: &Server, ban: Duration) {
    let (channel, user) = (channel("raid-7"), user("bob"));
    let kick = Kick { channel: &channel, user: &user, source: Source::Talk, by: "op", ban, caller: None };
    kick.carry_out(&s.bench.world, &s.bench.director).await.unwrap();
}

#[tokio::test]
async fn banned_users_and_revoked_tokens_get_none() {
    let s = Server::new().await;
    let token = s.join(APP, "raid-7", "bob", &[]);
    s.post(Some(&token), json!({})).await.is(200);
    kick(&s, Duration::from_secs(60)).await;
    let until = s.now() + 60;
    let banned = json!({"code": 403, "message": format!("banned from channel until {until}")});
    assert_eq!(s.post(Some(&token), json!({})).await.is(403).body, banned);
    // Of that channel only, and nobody else.
    for (place, name) in [("raid-8", "bob"), ("raid-7", "alice")] {
        s.post(Some(&s.join(APP, place, name, &[])), json!({})).await.is(200);
    }
    s.pass(60);
    let r = s.post(Some(&token), json!({})).await;
    assert_eq!(r.is(401).body["message"], "token revoked");
    s.post(Some(&s.join(APP, "raid-7", "bob", &[])), json!({})).await.is(200);
}

#[tokio::test]
async fn a_kick_without_a_ban_revokes_the_token() {
    let s = Server::new().await;
    let token = s.join(APP, "raid-7", "bob", &[]);
    kick(&s, Duration::ZERO).await;
    s.post(Some(&token), json!({})).await.is(401);
    s.pass(1);
    s.post(Some(&s.join(APP, "raid-7", "bob", &[])), json!({})).await.is(200);
}

#[tokio::test]
async fn media_tokens_are_no_way_around_the_end_of_the_sessions() {
    let s = Server::new().await;
    let (ended, disabled) = (s.join(APP, "raid-7", "alice", &[]), s.join(APP, "raid-7", "bob", &[]));
    s.revoke("alice", false).await;
    s.revoke("bob", true).await;
    s.pass(1);
    for token in [&ended, &disabled, &s.join(APP, "raid-7", "bob", &[])] {
        s.post(Some(token), json!({})).await.is(401);
    }
    s.post(Some(&s.join(APP, "raid-7", "alice", &[])), json!({})).await.is(200);
}

#[tokio::test]
async fn what_is_over_admits_nobody() {
    let s = Server::new().await;
    let token = s.join(APP, "nowhere", "bob", &[("stoa.must_exist", "1")]);
    assert_eq!(s.post(Some(&token), json!({})).await.is(404).body["message"], "requested room does not exist");
    let system = s.join(APP, "raid-7", "bob", &[("stoa.user", "a\nb")]);
    s.post(Some(&system), json!({})).await.is(403);
}

#[tokio::test]
async fn users_have_a_rate_in_each_app() {
    let s = Server::with(Rate { per_sec: 1, burst: 2 }).await;
    let login = s.login("bob");
    let tokens = [s.join(APP, "raid-7", "bob", &[]), s.join(CLASSES, "raid-7", "bob", &[])];
    for bearer in [&login, &tokens[0], &tokens[1]] {
        for want in [200, 200, 429] {
            s.post(Some(bearer), json!({})).await.is(want);
        }
    }
}

#[tokio::test]
async fn methods_paths_and_sizes() {
    let s = Server::new().await;
    let r = s.send(Request::get("/hub/v1/token").body(Body::empty()).unwrap()).await;
    assert_eq!(r.is(405).headers["allow"], "POST, OPTIONS");
    let options = Request::builder().method(Method::OPTIONS).uri("/hub/v1/token").header("origin", "https://a.example");
    s.send(options.body(Body::empty()).unwrap()).await.is(204);
    s.send(Request::post("/hub/v1/nope").body(Body::empty()).unwrap()).await.is(404);
    s.post(None, json!({"kind": "x".repeat(70_000)})).await.is(413);
    s.send(Request::post("/hub/v1/token").body("{".into()).unwrap()).await.is(400);
    let login = s.login("alice");
    let untidy = Request::post("//hub/v1/token/").header("authorization", format!("bearer{login}"));
    s.send(untidy.body("{}".into()).unwrap()).await.is(200);
    let empty = Request::post("/hub/v1/token").header("authorization", format!("Bearer {login}"));
    s.send(empty.body(Body::empty()).unwrap()).await.is(200);
}
