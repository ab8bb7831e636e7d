//! The other extensions (talk.md 9.10) on the side of parameters and answers.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use stoa_api::Secure;
use stoa_core::caller::Caller;
use stoa_core::voice::CreateRoom;
use stoa_testkit::{channel, ours, user};

use crate::server::{KEY, NOW, SECRET, Server};

const TOKEN: &str = "create_talk_token";

async fn server() -> Server {
    let s = Server::new().await;
    s.b.enter(&channel("raid-7"), "ann", &ours("2", NOW)).await.unwrap();
    s
}

fn about_ann(fields: Value) -> Value {
    let mut body = json!({"ChannelID": "raid-7", "UserID": "ann"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

/// What a token says.
fn payload(token: &str) -> Value {
    let text = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[tokio::test]
async fn x01_a_token_says_what_was_asked_for() {
    let s = Server::new().await;
    let body = json!({
        "ChannelID": "raid-7", "UserID": "u#123", "IdentityType": 3, "TTL": 60, "DeviceID": "tv", "Name": "Ännchen",
        "Metadata": "{}", "MustExist": 1,
    });
    let reply = s.ask(TOKEN, body).await;
    let token = reply.ok().body["Token"].as_str().unwrap().to_owned();
    let claims: Value = payload(&token);
    let identity = "u#123\u{1f}tv";
    assert_eq!(
        claims,
        json!({"iss": KEY, "sub": identity, "nbf": NOW, "exp": NOW + 60, "name": "Ännchen", "metadata": "{}",
            "attributes": {"stoa.device": "tv", "stoa.must_exist": "1"},
            "video": {"roomJoin": true, "room": "raid-7", "canPublish": false}})
    );
    reply.shows(json!({"AppID": 1000, "ChannelID": "raid-7", "UserID": "u#123", "Identity": identity,
        "IdentityType": 3, "Token": token, "Url": "wss://voice.example.com", "ExpireTime": NOW + 60}));
    let status = s.ask("query_talk_channel_status", json!({"ChannelID": "raid-7"})).await;
    assert_eq!(status.body["Status"], 1, "a token creates nothing");
    let plain = s.ask(TOKEN, json!({"ChannelID": "raid-7", "UserID": "u"})).await;
    assert_eq!((&plain.ok().body["IdentityType"], &plain.body["ExpireTime"]), (&json!(1), &json!(NOW + 600)));
}

#[tokio::test]
async fn x01_the_address_is_the_one_the_caller_used() {
    let s = Server::with(|o| o.config.public_url = None).await;
    for (secure, url) in [(false, "ws://10.0.0.1:7880"), (true, "wss://10.0.0.1:7880")] {
        let request = Request::post(format!("/v1/im/{TOKEN}?{}", s.query())).header("host", "10.0.0.1:7880");
        let mut request = request.body(Body::from(r#"{"ChannelID":"c","UserID":"u"}"#)).unwrap();
        if secure {
            request.extensions_mut().insert(Secure);
        }
        assert_eq!(s.send(request).await.ok().body["Url"], url);
    }
}

#[tokio::test]
async fn x02_parameters_out_of_range() {
    let s = server().await;
    for bad in [
        json!({"TTL": 59}),
        json!({"TTL": 604_801}),
        json!({"TTL": "x"}),
        json!({"IdentityType": 0}),
        json!({"IdentityType": 7}),
        json!({"DeviceID": "x".repeat(65)}),
        json!({"DeviceID": "a\u{1f}b"}),
        json!({"Name": "x".repeat(256)}),
        json!({"Name": 5}),
        json!({"Metadata": "x".repeat(4097)}),
        json!({"MustExist": 2}),
        json!({"UserID": null}),
    ] {
        let field = bad.as_object().unwrap().keys().next().unwrap().clone();
        let reply = s.ask(TOKEN, about_ann(bad)).await;
        assert!(reply.expect(100_002).info().contains(&field), "{}", reply.text);
    }
    for good in
        [json!({"TTL": 60}), json!({"TTL": "604800"}), json!({"Metadata": "x".repeat(4096)}), json!({"DeviceID": ""})]
    {
        s.ask(TOKEN, about_ann(good)).await.ok();
    }
}

#[tokio::test]
async fn x04_x05_x10_x13_rooms() {
    let s = server().await;
    let new = CreateRoom {
        title: "Jazz".into(),
        notice: String::new(),
        extends: String::new(),
        anchor: user("owner"),
        anchor_nick: String::new(),
    };
    let room = s.b.voice.create(&Caller::user(user("owner")), new).await.unwrap().id.to_string();
    let token = async |name: &str, kind: Value| {
        s.ask(TOKEN, json!({"ChannelID": room, "UserID": name, "IdentityType": kind})).await
    };
    assert_eq!(token("owner", Value::Null).await.ok().body["IdentityType"], 5);
    assert_eq!(token("guest", json!(6)).await.ok().body["IdentityType"], 2);
    token("guest", json!(7)).await.expect(100_002);
    token("bob_shadow", Value::Null).await.expect(100_002);
    let in_room = stoa_core::id::ChannelKey { name: stoa_core::id::ChannelName::new(&*room).unwrap(), ..channel("x") };
    s.b.enter(&in_room, "guest", &ours("2", NOW)).await.unwrap();
    s.ask("set_talk_mic", json!({"ChannelID": room, "UserID": "guest", "Granted": 1})).await.expect(100_006);
    let detail = s.ask("get_talk_channel_detail", json!({"ChannelID": room})).await;
    assert_eq!((&detail.ok().body["Kind"], &detail.body["Status"]), (&json!("room"), &json!(3)));
    s.ask("dismiss_talk_channel", json!({"ChannelID": room})).await.ok();
    token("guest", Value::Null).await.expect(100_004);
}

#[tokio::test]
async fn x10_dismissal() {
    let s = server().await;
    s.ask("dismiss_talk_channel", json!({"ChannelID": "raid-7", "op_user": "x".repeat(300)})).await.expect(100_002);
    s.ask("dismiss_talk_channel", json!({"ChannelID": "raid-7"})).await.shows(json!({"UserCount": 1}));
    s.ask("dismiss_talk_channel", json!({"ChannelID": "raid-7"})).await.expect(100_004);
    s.ask("get_talk_channel_detail", json!({"ChannelID": "raid-7"})).await.expect(100_004);
}

#[tokio::test]
async fn x12_mutes() {
    let s = server().await;
    const MUTE: &str = "mute_talk_user";
    s.ask(MUTE, about_ann(json!({}))).await.expect(100_002);
    s.ask(MUTE, about_ann(json!({"Audio": null, "Video": null}))).await.expect(100_002);
    for bad in [
        json!({"Audio": 2}),
        json!({"Video": true}),
        json!({"Audio": 1, "Duration": -1}),
        json!({"Audio": 1, "Duration": 315_360_001}),
    ] {
        s.ask(MUTE, about_ann(bad)).await.expect(100_002);
    }
    s.ask(MUTE, json!({"ChannelID": "raid-7", "UserID": "bob", "Audio": 1})).await.expect(100_005);
    s.ask(MUTE, json!({"ChannelID": "x", "UserID": "ann", "Audio": 1})).await.expect(100_004);
    s.ask(MUTE, about_ann(json!({"Audio": 1}))).await.shows(json!({}));
    s.ask(MUTE, about_ann(json!({"Video": "1", "Duration": 2}))).await.ok();
    let muted = async || {
        let detail = s.ask("get_talk_channel_detail", json!({"ChannelID": "raid-7"})).await;
        let ann = &detail.ok().body["UserList"][0];
        (ann["AudioMuted"].as_u64().unwrap(), ann["VideoMuted"].as_u64().unwrap())
    };
    assert_eq!(muted().await, (1, 1));
    s.b.pass(std::time::Duration::from_secs(2)).await;
    assert_eq!(muted().await, (1, 0));
    s.ask(MUTE, about_ann(json!({"Audio": 0}))).await.ok();
    assert_eq!(muted().await, (0, 0));
}

#[tokio::test]
async fn x13_x16_mic_grants() {
    let s = server().await;
    const MIC: &str = "set_talk_mic";
    s.ask(MIC, about_ann(json!({}))).await.expect(100_002);
    s.ask(MIC, about_ann(json!({"Granted": 2}))).await.expect(100_002);
    s.ask(MIC, about_ann(json!({"Granted": 1}))).await.shows(json!({"IdentityType": 2, "Granted": 1}));
    let detail = s.ask("get_talk_channel_detail", json!({"ChannelID": "raid-7"})).await;
    detail.shows(
        json!({"AppID": 1000, "ChannelID": "raid-7", "Kind": "adhoc", "Status": 3, "CreateTime": NOW, "Total": 1,
        "UserList": [{"UserID": "ann", "IdentityType": 2, "Sticky": 0, "MicGrant": 1, "AudioMuted": 0, "VideoMuted": 0,
            "JoinTime": NOW, "Devices": 1, "Speaker": 0, "VideoUplinkBitRate": 0}]}),
    );
    s.ask(MIC, about_ann(json!({"Granted": 0}))).await.shows(json!({"IdentityType": 2, "Granted": 0}));
    s.ask("change_user_Identity", about_ann(json!({"IdentityType": 1}))).await.ok();
    s.ask(MIC, about_ann(json!({"Granted": 1}))).await.expect(100_006);
    s.ask(MIC, json!({"ChannelID": "raid-7", "UserID": "bob", "Granted": 1})).await.expect(100_005);
}

#[tokio::test]
async fn x14_a_signature_that_is_sent_is_verified() {
    let s = Server::new().await;
    let good = "33ab5b9842938c7094dc616282bab582efdd03701fe9f450327d811a0bd435e8";
    let (command, body) = ("get_talk_channel_list", r#"{"AppID":1000}"#);
    let signed = format!("{}&sign={good}", s.query());
    s.post(command, &signed, body).await.ok();
    s.post("GET_talk_channel_LIST", &signed, body).await.ok();
    s.post(command, &signed, "{}").await.expect(70009);
    s.post("list_talk_bans", &signed, body).await.expect(70009);
    s.post(command, &signed.replace("admin", "guest"), body).await.expect(70009);
    s.post(command, &format!("{}&sign=", s.query()), body).await.expect(70009);
    // Before the body is understood.
    s.post(command, &signed, "x").await.expect(70009);
    let text = format!("stoa1\n{command}\n{NOW}\nadmin\n{}", hex::encode(Sha256::digest("x")));
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(text).finalize();
    let own = hex::encode(mac.into_bytes());
    s.post(command, &format!("{}&sign={own}", s.query()), "x").await.expect(60003);
}
