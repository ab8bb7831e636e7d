//! Acceptance list 9.2: login.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use stoa_api::ClientAddr;
use stoa_core::login::AuthMode;

use crate::server::doubles::FakeHook;
use crate::server::{LOGIN_KEY, Options, Reply, Server};

fn claims(token: &str) -> Value {
    stoa_api::jwt::verify(token, &[stoa_api::jwt::Key::new(LOGIN_KEY)]).unwrap()
}

async fn try_login(s: &Server, name: &str, password: &str) -> Reply {
    s.login(json!({"username": name, "password": password})).await
}

/// From an address of its own.
async fn from(s: &Server, ip: &str, name: &str, password: &str) -> Reply {
    let body = json!({"username": name, "password": password}).to_string();
    let mut r = Request::post("/login").body(Body::from(body)).unwrap();
    r.extensions_mut().insert(ClientAddr(ip.parse().unwrap()));
    s.send(r).await
}

#[tokio::test]
async fn l1_a_good_login_answers_both_envelopes_with_one_instant() {
    let s = Server::new();
    let r = try_login(&s, "alice", "alice").await;
    r.expect(200, 200);
    let token = r.body["token"].as_str().unwrap();
    let c = claims(token);
    assert_eq!(c["sub"], "alice");
    assert_eq!(c["exp"].as_i64().unwrap() - c["iat"].as_i64().unwrap(), 7 * 86_400);
    assert_eq!(r.body["expire"], "2024-03-21T20:43:00+08:00");
    assert_eq!(r.body["success"], true);
    assert_eq!(r.body["data"], json!({"token": token, "expire": "2024/03/21 20:43:00"}));
    s.post_text("/api/chatroom/list", Some(token), "").await.expect(200, 200);
}

#[tokio::test]
async fn l2_unknown_user_and_wrong_password_look_and_cost_the_same() {
    let s = Server::with(Options { mode: AuthMode::Accounts, ..Options::default() });
    s.account("alice", "right", |_| {}).await;
    let mut answers = Vec::new();
    for (name, password) in [("alice", "wrong"), ("nobody", "wrong")] {
        let before = s.passwords.asked.load(Ordering::SeqCst);
        let r = try_login(&s, name, password).await;
        r.expect(200, 401);
        assert_eq!(s.passwords.asked.load(Ordering::SeqCst), before + 1, "one hash each");
        answers.push(r.text);
    }
    assert_eq!(answers[0], answers[1]);
    let want = json!({"code":401,"message":"incorrect username or password",
        "success":false,"errorCode":"401","errorMsg":"incorrect Username or Password"});
    assert_eq!(serde_json::from_str::<Value>(&answers[0]).unwrap(), want);
    try_login(&s, "alice", "right").await.expect(200, 200);
}

#[tokio::test]
async fn l3_an_authorization_header_on_login_is_not_read() {
    let s = Server::new();
    for value in ["Bearer ", "Bearer stale.token.x", "rubbish"] {
        let body = r#"{"username":"alice","password":"alice"}"#;
        let r = Request::post("/login").header("authorization", value).body(Body::from(body)).unwrap();
        s.send(r).await.expect(200, 200);
    }
}

#[tokio::test]
async fn l5_an_earlier_token_stays_valid_after_a_new_login() {
    let s = Server::new();
    let first = try_login(&s, "alice", "alice").await.body["token"].as_str().unwrap().to_owned();
    let second = try_login(&s, "alice", "alice").await.body["token"].as_str().unwrap().to_owned();
    assert_ne!(claims(&first)["jti"], claims(&second)["jti"], "two sessions");
    for t in [first, second] {
        s.post_text("/api/chatroom/list", Some(&t), "").await.expect(200, 200);
    }
}

#[tokio::test]
async fn l6_failures_close_the_door_for_that_name_until_the_window_ends() {
    let s = Server::new();
    for _ in 0..10 {
        try_login(&s, "alice", "wrong").await.expect(200, 401);
    }
    let r = try_login(&s, "alice", "alice").await;
    r.expect(429, 429);
    assert_eq!((r.header("retry-after"), &r.body["errorCode"]), (Some("300"), &json!("429")));
    try_login(&s, "bob", "bob").await.expect(200, 200);
    from(&s, "10.0.0.9", "alice", "alice").await.expect(200, 200);
    s.clock.forward(Duration::from_secs(299));
    assert_eq!(try_login(&s, "alice", "alice").await.expect(429, 429).header("retry-after"), Some("1"));
    s.clock.forward(Duration::from_secs(1));
    try_login(&s, "alice", "alice").await.expect(200, 200);
}

#[tokio::test]
async fn a_hundred_failures_close_the_door_for_the_address() {
    let s = Server::new();
    for i in 0..100 {
        from(&s, "2001:db8:1:2::1", &format!("u{i}"), "wrong").await.expect(200, 401);
    }
    from(&s, "2001:db8:1:2::ffff", "alice", "alice").await.expect(429, 429);
    from(&s, "2001:db8:1:3::1", "alice", "alice").await.expect(200, 200);
    from(&s, "::ffff:10.0.0.1", "alice", "alice").await.expect(200, 200);
}

#[tokio::test]
async fn l7_sixty_four_logins_at_once_all_succeed() {
    let s = Arc::new(Server::new());
    let all = (0..64).map(|i| {
        let s = s.clone();
        async move {
            let name = format!("u{}", i % 4);
            try_login(&s, &name, &name).await.expect(200, 200);
        }
    });
    futures_util::future::join_all(all).await;
}

#[tokio::test]
async fn l8_names_are_bytes_not_pictures() {
    let s = Server::new();
    try_login(&s, "用户一", "用户一").await.expect(200, 200);
    let (composed, decomposed) = ("\u{e9}", "e\u{301}");
    let a = try_login(&s, composed, composed).await;
    let b = try_login(&s, decomposed, decomposed).await;
    assert_ne!(claims(a.body["token"].as_str().unwrap())["sub"], claims(b.body["token"].as_str().unwrap())["sub"]);
    try_login(&s, composed, decomposed).await.expect(200, 401);
}

#[tokio::test]
async fn l9_the_three_modes() {
    let demo = Server::new();
    try_login(&demo, "bob", "bob").await.expect(200, 200);
    try_login(&demo, "bob", "other").await.expect(200, 401);
    try_login(&demo, "root", "root").await.expect(200, 401);
    demo.account("carol", "secret", |_| {}).await;
    try_login(&demo, "carol", "carol").await.expect(200, 401);
    try_login(&demo, "carol", "secret").await.expect(200, 200);
    demo.account("dave", "secret", |a| a.disabled = true).await;
    try_login(&demo, "dave", "secret").await.expect(200, 401);

    let accounts = Server::with(Options { mode: AuthMode::Accounts, ..Options::default() });
    try_login(&accounts, "bob", "bob").await.expect(200, 401);

    let hook = |h| Options { mode: AuthMode::Hook, hook: Some(Arc::new(FakeHook(h))), ..Options::default() };
    let up = Server::with(hook(Some("open sesame")));
    try_login(&up, "bob", "open sesame").await.expect(200, 200);
    try_login(&up, "bob", "bob").await.expect(200, 401);
    up.account("bob", "x", |a| a.disabled = true).await;
    try_login(&up, "bob", "open sesame").await.expect(200, 401);
    let down = Server::with(hook(None));
    let r = try_login(&down, "bob", "bob").await;
    r.expect(200, 500);
    assert!(!r.text.contains("secret.example"), "{}", r.text);
    assert_eq!((&r.body["errorCode"], &r.body["errorMsg"]), (&json!("500"), &json!("服务器异常，请稍后重试")));
}

#[tokio::test]
async fn a_new_token_counts_although_older_ones_were_revoked_this_very_second() {
    let s = Server::new();
    let now = s.now();
    s.account("carol", "secret", |a| a.revoked_at_secs = now).await;
    let r = try_login(&s, "carol", "secret").await;
    let token = r.expect(200, 200).body["token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&token)["iat"], now + 1);
    s.post_text("/api/chatroom/list", Some(&token), "").await.expect(200, 200);
}

#[tokio::test]
async fn bad_fields_of_login_name_themselves_in_both_envelopes() {
    let s = Server::new();
    let r = s.login(json!({"username": "a", "password": "x".repeat(1025)})).await;
    r.expect(200, 400);
    let text = "password: must be at most 1024 bytes";
    assert_eq!(
        r.body,
        json!({"code":400,"message":text,"msg":text,"success":false,"errorCode":"401",
        "errorMsg":"参数错误","data":{"code":401,"msg":text}})
    );
}
