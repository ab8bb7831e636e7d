//! No credential reaches the log. In a process of its own: what is logged is decided once for all tests of a process.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "token/server.rs"]
#[allow(dead_code, reason = "shared with the tests of the endpoint")]
mod server;

use serde_json::json;
use stoa_testkit::logs::Log;

use server::Server;

#[tokio::test]
async fn no_credential_is_logged() {
    let (log, _guard) = Log::listen();
    let s = Server::new().await;
    let (login, refresh) = (s.login("alice"), s.session("alice").await);
    let hub = s.post(Some(&login), json!({})).await.body["token"].as_str().unwrap().to_owned();
    let r = s.refresh(&refresh, "d1").await;
    let (next, access) = (r.body["refresh_token"].as_str().unwrap(), r.body["token"].as_str().unwrap());
    s.refresh(&refresh, "d1").await.is(401);
    s.post(Some(&format!("{login}x")), json!({})).await.is(401);
    let text = log.text();
    for line in ["request.id=", "refresh token unknown", "token signature"] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    for secret in [login.as_str(), &refresh, &hub, next, access] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}
