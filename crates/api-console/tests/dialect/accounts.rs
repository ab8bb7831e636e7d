//! Accounts: a life from end to end, and the rules that keep administrators in.

use serde_json::{Value, json};
use stoa_core::ports::Store;
use stoa_testkit::user;

use crate::server::Server;

#[tokio::test]
async fn an_account_is_made_changed_and_removed() {
    let s = Server::new().await;
    let made = s.post("/accounts", json!({"user": "joe", "password": "first", "admin": false})).await;
    assert_eq!((made.status, made.text.as_str()), (201, ""));
    s.post("/accounts", json!({"user": "joe", "password": "x", "admin": true})).await.refused(409, "conflict");
    let all = s.get("/accounts").await.ok();
    assert_eq!(all["total"], 4);
    let found = s.get("/accounts?q=JO").await.ok();
    let joe = json!({"user": "joe", "admin": false, "disabled": false, "from_config": false});
    assert_eq!(found, json!({"total": 1, "items": [joe]}));
    let token = s.token("joe");
    s.send("GET", "/me", Some(&token), "").await.refused(403, "forbidden");
    s.order("PATCH", "/accounts/joe", json!({"admin": true})).await.done();
    s.send("GET", "/me", Some(&token), "").await.ok();
    // A new password ends what was signed in, and is the one that counts.
    s.order("PATCH", "/accounts/joe", json!({"password": "second"})).await.done();
    s.send("GET", "/me", Some(&token), "").await.refused(401, "unauthorized");
    let stored = s.b.store.account(&user("joe")).await.unwrap().unwrap();
    assert_eq!((stored.password_hash.as_str(), stored.admin), ("hashed second", true));
    s.order("PATCH", "/accounts/joe", json!({"disabled": true})).await.done();
    s.order("PATCH", "/accounts/joe", json!({"disabled": false})).await.done();
    s.post("/accounts/joe/logout", Value::Null).await.done();
    s.send("DELETE", "/accounts/joe", Some(&s.token("root")), "").await.done();
    for reply in [
        s.send("DELETE", "/accounts/joe", Some(&s.token("root")), "").await,
        s.order("PATCH", "/accounts/joe", json!({"admin": true})).await,
        s.post("/accounts/joe/logout", Value::Null).await,
    ] {
        reply.refused(404, "not_found");
    }
    let ended = s.ended.0.lock().unwrap().clone();
    let joe = |banned| ("joe".to_owned(), banned);
    assert_eq!(ended, [joe(false), joe(true), joe(false), joe(false)]);
    let log = s.get("/audit").await.ok();
    assert_eq!(log["total"], 11);
    assert!(log["items"].as_array().unwrap().iter().all(|i| i.get("app").is_none() && i["target"] == json!(["joe"])));
    assert!(!log.to_string().contains("second"));
}

#[tokio::test]
async fn nobody_shuts_themselves_or_the_last_administrator_out() {
    let s = Server::new().await;
    let by = async |who: &str, method: &str, of: &str, body: &str| {
        s.send(method, &format!("/accounts/{of}"), Some(&s.token(who)), body).await
    };
    for (method, body) in [("PATCH", r#"{"admin":false}"#), ("PATCH", r#"{"disabled":true}"#), ("DELETE", "")] {
        by("root", method, "root", body).await.refused(409, "conflict");
    }
    // A password of one's own may change.
    by("root", "PATCH", "root", r#"{"password":"new"}"#).await.done();
    s.b.clock.forward(std::time::Duration::from_secs(2));
    // Somebody else may do it: an administrator is left, also one of the configuration.
    by("boss", "PATCH", "root", r#"{"admin":false}"#).await.done();
    by("root", "GET", "root", "").await.refused(405, "invalid");
    s.send("GET", "/me", Some(&s.token("root")), "").await.refused(403, "forbidden");
    s.send("GET", "/me", Some(&s.token("boss")), "").await.ok();
}

#[tokio::test]
async fn names_and_passwords_are_checked() {
    let s = Server::new().await;
    for (user, password) in [("", "p"), ("system", "p"), ("a\u{7}", "p"), ("joe", "")] {
        s.post("/accounts", json!({"user": user, "password": password, "admin": false})).await.refused(400, "invalid");
    }
    let long = "x".repeat(1025);
    s.post("/accounts", json!({"user": "joe", "password": long, "admin": false})).await.refused(400, "invalid");
    s.order("PATCH", "/accounts/ann", json!({"password": long})).await.refused(400, "invalid");
    assert_eq!(s.get("/accounts").await.ok()["total"], 3);
    s.order("PATCH", "/accounts/ann", json!({})).await.done();
}
