//! How a connection begins, lasts and ends (hub.md 9, A, B and F).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use stoa_api::jwt::Key;
use tokio_centrifuge::client::State;
use tokio_centrifuge::config::Config;

use super::{Format, Hall, both};

const KEY: &[u8; 32] = b"hub-demo-secret-32-bytes-long!!!";

/// The setting that makes it the hub's key.
fn key_setting() -> String {
    format!("hub.jwt_keys=[\"{}\"]", STANDARD.encode(KEY))
}

/// The same token with claims changed, signed again.
fn altered(token: &str, change: impl FnOnce(&mut Value)) -> String {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let mut claims = serde_json::from_slice(&payload).unwrap();
    change(&mut claims);
    Key::new(KEY).sign(&claims)
}

/// The same token as if made for that many seconds.
fn lasting(token: &str, secs: i64) -> String {
    altered(token, |c| c["exp"] = json!(c["iat"].as_i64().unwrap() + secs))
}

/// A1, B1.
async fn connects_with_the_token_of_the_api(format: Format) {
    let hall = Hall::start(format, &[]).await;
    let answer = hall.hub_token("alice");
    assert_eq!((&answer["url"], &answer["user_id"]), (&json!("ws://t/connection/websocket"), &json!("alice")));
    let sdk = hall.sdk(answer["token"].as_str().unwrap());
    sdk.connect().await;
    assert_eq!(sdk.client.state(), State::Connected);
    let info = sdk.client.server_info();
    assert_eq!((info.client_id.len(), info.server_ping, info.send_pong), (36, 25, true));
    assert!(info.server_version.starts_with("stoa "), "{info:?}");
    assert!(info.token_expires && (590..=600).contains(&info.token_ttl), "{info:?}");
    assert_eq!(sdk.told().connected, [info.client_id]);
    sdk.client.disconnect().await;
    assert_eq!(sdk.told().disconnected, [0]);
}

/// B2, B3, B4, B5, B14: one attempt each, and the SDK gives up.
async fn a_refused_token_ends_it(format: Format) {
    let hall = Hall::start(format, &["hub.ping=10s", &key_setting()]).await;
    let good = hall.hub_token("alice")["token"].as_str().unwrap().to_owned();
    let bad = [
        format!("{good}x"),
        lasting(&good, -5),
        altered(&good, |c| c["aud"] = json!("api")),
        altered(&good, |c| c["channel"] = json!("room:1")),
        hall.login("alice"),
        String::new(),
    ];
    for (n, token) in bad.iter().enumerate() {
        let sdk = hall.sdk(token);
        assert!(sdk.client.connect().await.is_err(), "{n}");
        assert_eq!((sdk.told().connecting.len(), sdk.told().connected.len(), hall.proxy.accepted()), (1, 0, n + 1));
        // The SDK's own fault: it never says that it gave up, and has to be put back by hand before it tries again.
        assert_eq!((sdk.client.state(), sdk.told().disconnected.len()), (State::Connecting, 0));
    }
    let sdk = hall.sdk(&bad[1]);
    assert!(sdk.client.connect().await.is_err());
    drop(sdk.client.disconnect());
    sdk.client.set_token(good);
    sdk.connect().await;
    assert_eq!(sdk.client.server_info().server_ping, 10);
}

/// G8's other half: who answers pings stays. A pong that misses closes after 8 s, so after the fourth ping at least two
/// were taken.
async fn pings_are_answered(format: Format) {
    let hall = Hall::start(format, &["hub.ping=5s"]).await;
    let sdk = hall.connect("alice").await;
    let mut counts = hall.proxy.counts();
    let four = tokio::time::timeout(super::sdk::PATIENCE, counts.wait_for(|c| c.pings >= 4 && c.pongs >= 3));
    assert!(four.await.is_ok(), "{:?}", *hall.proxy.counts().borrow());
    assert_eq!(sdk.call("group.query", json!({ "groupId": "x" })).await.unwrap_err().0, 1404);
    assert_eq!((sdk.told().connecting.len(), hall.proxy.accepted(), sdk.client.state()), (1, 1, State::Connected));
}

/// B7, B9: the SDK sends no refresh. The server ends the connection 25 s after the token, and the token set by then
/// makes the next one.
async fn a_token_that_ended_costs_a_connection_and_no_more(format: Format) {
    let hall = Hall::start(format, &[&key_setting()]).await;
    let room = hall.room("alice");
    let good = hall.hub_token("alice")["token"].as_str().unwrap().to_owned();
    let sdk = hall.sdk(&lasting(&good, 8));
    sdk.connect().await;
    assert!(sdk.client.server_info().token_ttl <= 8);
    sdk.join(&room).await;
    sdk.client.set_token(good);
    sdk.until("it is back in both channels", |t| t.subscribed.len() == 4).await;
    assert_eq!((sdk.told().connected.len(), sdk.told().disconnected.len(), hall.proxy.accepted()), (2, 0, 2));
    assert!(sdk.client.server_info().token_ttl > 500);
    sdk.send(&room, super::SIGNAL, &json!({})).await.unwrap();
    sdk.until("its own message", |t| t.messages(super::SIGNAL).len() == 1).await;
}

/// Closes for good: the SDK does not come back by itself, and is not let in when told to.
async fn ended_for_good(format: Format, command: &str) -> Hall {
    let hall = Hall::start(format, &["auth.mode=accounts"]).await;
    hall.user(&["add", "lee"], "lee\n");
    let sdk = hall.connect("lee").await;
    hall.user(&[command, "lee"], "");
    sdk.until("it gives up", |t| t.disconnected.len() == 1).await;
    assert_eq!((sdk.client.state(), sdk.told().connecting.len(), hall.proxy.accepted()), (State::Disconnected, 1, 1));
    // The SDK's own fault: 4501 and 4503 are obeyed, but not handed on.
    assert_eq!(sdk.told().disconnected, [0]);
    assert!(sdk.client.connect().await.is_err(), "the same token again");
    assert_eq!((sdk.told().connected.len(), hall.proxy.accepted()), (1, 2));
    hall
}

/// F6.
async fn a_disabled_account_is_out_for_good(format: Format) {
    let hall = ended_for_good(format, "disable").await;
    assert_eq!(hall.server.log_in("lee", "lee")["code"], 401);
    hall.user(&["enable", "lee"], "");
    let back = hall.connect("lee").await;
    assert_eq!(back.client.state(), State::Connected);
}

/// F7.
async fn an_ended_login_is_out_for_good(format: Format) {
    let hall = ended_for_good(format, "logout").await;
    assert_eq!(hall.server.log_in("lee", "lee")["code"], 200);
}

/// F8: a newer login of the same user, policy `user`.
async fn a_newer_login_ends_the_older_connection(format: Format) {
    let hall = Hall::start(format, &["voice.single_login=true"]).await;
    let older = hall.connect("alice").await;
    let newer = hall.connect("alice").await;
    older.until("it gives up", |t| t.disconnected.len() == 1).await;
    assert_eq!((older.client.state(), newer.client.state()), (State::Disconnected, State::Connected));
    assert_eq!((older.told().connecting.len(), hall.proxy.accepted()), (1, 2));
}

both!(
    connects_with_the_token_of_the_api,
    a_refused_token_ends_it,
    pings_are_answered,
    a_token_that_ended_costs_a_connection_and_no_more,
    a_disabled_account_is_out_for_good,
    an_ended_login_is_out_for_good,
    a_newer_login_ends_the_older_connection,
);

/// The SDK offers no subprotocol: without the parameter the server reads JSON, and Protobuf is a bad request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protobuf_has_to_be_asked_for_in_the_address() {
    let hall = Hall::start(Format::Protobuf, &[]).await;
    let token = hall.hub_token("alice")["token"].as_str().unwrap().to_owned();
    let config = Config::new().with_token(&token).use_protobuf();
    let url = format!("ws://{}/connection/websocket", hall.proxy.addr);
    let sdk = super::sdk::Sdk::with(&url, config.clone());
    assert!(sdk.client.connect().await.is_err());
    assert_eq!(hall.proxy.accepted(), 1);
    for name in ["format", "cf_protocol"] {
        let sdk = super::sdk::Sdk::with(&format!("{url}?{name}=protobuf"), config.clone());
        sdk.connect().await;
        assert_eq!(sdk.client.state(), State::Connected);
    }
}
