//! What the log must not hold: G27. In a process of its own: what is logged is decided once for all tests of a process.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "dialect/doubles.rs"]
#[allow(dead_code, reason = "shared with the tests of the dialect")]
mod doubles;
#[path = "dialect/server.rs"]
#[allow(dead_code, reason = "shared with the tests of the dialect")]
mod server;

use axum::http::Request;
use serde_json::json;
use stoa_testkit::logs::Log;

use server::Server;

#[tokio::test]
async fn g27_the_log_holds_no_tokens_passwords_or_signatures() {
    let (log, _guard) = Log::listen();
    let s = Server::new().await;
    let login = |password: &str| json!({"username": "teacher1", "password": password}).to_string();
    s.post_text("/api/v1/class/login", None, login("a wrong password")).await.is("401");
    let made = s.post_text("/api/v1/class/login", None, login("teacher1")).await;
    let token = made.body["data"]["token"].as_str().unwrap().to_owned();
    let class = s.class().await;
    let ask = json!({"user_id": "teacher1", "device_id": "d", "device_type": "web"});
    let hub = s.data("teacher1", "token", ask).await;
    let seen = s.get("teacher1", &class).await;
    let link = &seen["link_info"];
    let (push, media) = (link["rtc_push_url"].as_str().unwrap(), link["rtc_token"].as_str().unwrap());
    let path = push.strip_prefix("https://class.example.com").unwrap();
    for path in [path.to_owned(), format!("{path}0"), path.replace("/whip/", "/whep/")] {
        let r = Request::post(path)
            .header("content-type", "application/sdp")
            .header("authorization", format!("Bearer {token}"));
        s.send(r.body("v=0".into()).unwrap()).await;
    }
    let ticket = s.data("teacher1", "getWhiteboardAuthInfo", json!({})).await;
    let sum = ticket["checksum"].as_str().unwrap();
    let query = format!(
        "nonce={}&curTime={}&checksum={sum}&token={token}",
        ticket["nonce"].as_str().unwrap(),
        ticket["curTime"]
    );
    for _ in 0..2 {
        s.send(Request::get(format!("/api/v1/class/whiteboard/{class}?{query}")).body("".into()).unwrap()).await;
    }
    s.post_text("/api/v1/class/get", Some(&format!("{token}x")), "{}").await.is("HTTP 401");
    let text = log.text();
    for line in [
        "request.id=",
        "token signature",
        "stream signature",
        "board nonce was used",
        "http.path=\"/api/v1/class/get\"",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let signature = push.rsplit_once("token=").unwrap().1;
    let hub_tokens = [&hub["access_token"], &hub["refresh_token"], &hub["hub"]["token"]].map(|t| t.as_str().unwrap());
    let secrets =
        [token.as_str(), media, signature, sum, "a wrong password", "wbsecret01", "auth_key", "class-demo-secret"];
    for secret in secrets.into_iter().chain(hub_tokens) {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}
