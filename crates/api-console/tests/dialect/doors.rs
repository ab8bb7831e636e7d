//! Who may: every route of the description against every kind of caller.

use serde_json::Value;
use stoa_api::Rate;
use stoa_api_console::document;

use crate::server::Server;

/// Every operation, with a body that fits where there is one.
fn operations() -> Vec<(String, String, &'static str)> {
    let v: Value = serde_json::from_str(&document().json).unwrap();
    let mut out = Vec::new();
    for (path, methods) in v["paths"].as_object().unwrap() {
        for (method, _) in methods.as_object().unwrap() {
            let path = path.strip_prefix("/api/console/v1").unwrap();
            let body = match (method.as_str(), path.rsplit('/').next().unwrap()) {
                ("post", "kick") => r#"{"user":"x","ban_seconds":0}"#,
                ("post", "mute") => r#"{"user":"x","audio":true}"#,
                ("post", "lift") => r#"{"app":"1000","channel":"c","user":"x"}"#,
                ("post", "accounts") => r#"{"user":"new","password":"p","admin":false}"#,
                ("patch", _) => r#"{"admin":false}"#,
                _ => "",
            };
            let filled = path.replace("{app}", "1000").replace("{channel}", "c").replace("{user}", "x");
            out.push((method.to_uppercase(), filled, body));
        }
    }
    out
}

#[tokio::test]
async fn only_administrators_come_in_and_on_every_route() {
    let s = Server::new().await;
    let foreign = s.token("root").replace('.', "x.");
    let expired = s.token("root");
    let all = operations();
    assert_eq!(all.len(), 20);
    for (method, path, body) in &all {
        let ask = async |token: Option<&str>| s.send(method, path, token, body).await;
        ask(None).await.refused(401, "unauthorized");
        ask(Some(&foreign)).await.refused(401, "unauthorized");
        ask(Some("")).await.refused(401, "unauthorized");
        // Disabled, though an administrator.
        ask(Some(&s.token("old"))).await.refused(401, "unauthorized");
        for user in ["ann", "nobody"] {
            ask(Some(&s.token(user))).await.refused(403, "forbidden");
        }
        for admin in ["root", "boss"] {
            let status = ask(Some(&s.token(admin))).await.status;
            assert!(!matches!(status, 401 | 403 | 405 | 500 | 503), "{method} {path}: {status}");
        }
    }
    s.b.clock.forward(std::time::Duration::from_secs(4000));
    for (method, path, body) in &all {
        s.send(method, path, Some(&expired), body).await.refused(401, "unauthorized");
    }
}

#[tokio::test]
async fn unknown_keys_are_refused_on_every_route() {
    let s = Server::new().await;
    for (method, path, body) in operations() {
        let odd = s.send(&method, &format!("{path}?surprise=1"), Some(&s.token("root")), body).await;
        odd.refused(400, "invalid");
        if !body.is_empty() {
            let more = body.replacen('{', r#"{"surprise":1,"#, 1);
            s.send(&method, &path, Some(&s.token("root")), &more).await.refused(400, "invalid");
            for broken in ["", "[]", "{", "null", "\u{feff}{}", r#"{"user":null}"#] {
                s.send(&method, &path, Some(&s.token("root")), broken).await.refused(400, "invalid");
            }
            let large = format!("{{\"user\":\"{}\"}}", "x".repeat(20_000));
            s.send(&method, &path, Some(&s.token("root")), &large).await.refused(413, "invalid");
        }
    }
    s.get("/nothing").await.refused(404, "not_found");
    s.order("PUT", "/me", Value::Null).await.refused(405, "invalid");
}

#[tokio::test]
async fn the_rate_of_a_user_holds_here_too() {
    let s = Server::with_rate(Rate { per_sec: 1, burst: 2 }).await;
    s.get("/me").await.ok();
    s.get("/me").await.ok();
    s.get("/me").await.refused(429, "too_many");
}

#[tokio::test]
async fn a_store_that_is_away_is_an_internal_error_without_its_words() {
    let s = Server::new().await;
    let token = s.token("root");
    s.b.store.down.store(true, std::sync::atomic::Ordering::SeqCst);
    for (method, path, body) in operations() {
        let reply = s.send(&method, &path, Some(&token), body).await;
        reply.refused(500, "internal");
        assert!(!reply.text.contains("secret"), "{}", reply.text);
    }
}
