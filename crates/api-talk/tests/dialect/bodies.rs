//! Bodies and keys (talk.md 9.2).

use axum::body::Body;
use axum::http::Request;
use futures_util::stream;
use serde_json::{Value, json};
use stoa_api_talk::ChannelCharset;
use stoa_testkit::{channel, ours};

use crate::server::{LIMIT, NOW, Server};

const LIST: &str = "get_talk_channel_list";
const COUNT: &str = "query_talk_channel_user_count";

#[tokio::test]
async fn b01_b02_b03_b05_one_object_and_nothing_else() {
    let s = Server::new().await;
    for bad in ["", " \r\n\t", "[]", "\"x\"", "{", "{}x"] {
        s.text(LIST, bad).await.expect(60003);
    }
    s.text(LIST, "{}").await.shows(json!({"AppID": 1000, "Total": 0, "ChannelList": []}));
    s.text(LIST, "\u{feff}{\"AppID\":1000}").await.ok();
    s.text(LIST, format!("{{\"x\":{}{}}}", "[".repeat(33), "]".repeat(33))).await.expect(60003);
}

#[tokio::test]
async fn b04_unreadable_bodies() {
    let s = Server::new().await;
    s.text(LIST, vec![b'{', 0xff, b'}']).await.expect(60002);
    let mut big = "{}".to_owned();
    big.push_str(&" ".repeat(LIMIT - 2));
    s.text(LIST, big.clone()).await.ok();
    big.push(' ');
    s.text(LIST, big.clone()).await.expect(60002);
    let chunks = big.into_bytes().chunks(100_000).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>();
    s.text(LIST, Body::from_stream(stream::iter(chunks))).await.expect(60002);
    let broken = stream::iter([Ok(b"{".to_vec()), Err(std::io::Error::other("gone"))]);
    s.text(LIST, Body::from_stream(broken)).await.expect(60002);
    let gzip = Request::post(format!("/v1/im/{LIST}?{}", s.query())).header("content-encoding", "gzip");
    s.send(gzip.body(Body::from("{}")).unwrap()).await.expect(60002);
}

#[tokio::test(start_paused = true)]
async fn b04_a_body_that_does_not_arrive() {
    let s = Server::new().await;
    let never = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    assert!(s.text(LIST, never).await.expect(60002).info().contains("time"));
}

#[tokio::test]
async fn b06_the_content_type_does_not_matter() {
    let s = Server::new().await;
    for kind in ["text/plain", "application/json", "image/png"] {
        let request = Request::post(format!("/v1/im/{LIST}?{}", s.query())).header("content-type", kind);
        s.send(request.body(Body::from("{}")).unwrap()).await.ok();
    }
}

#[tokio::test]
async fn b07_b11_b12_app_ids() {
    let s = Server::new().await;
    for key in [" AppID", "app_id", "APPID", "App_Id", "AppID "] {
        s.ask(LIST, json!({key: 1000})).await.ok();
        s.ask(LIST, json!({key: 1001})).await.expect(60006);
    }
    for good in [json!(1000), json!("1000"), Value::Null] {
        s.ask(LIST, json!({"AppID": good})).await.ok();
    }
    for bad in [json!("x"), json!(1000.5), json!(true)] {
        assert!(s.ask(LIST, json!({"AppID": bad})).await.expect(100_002).info().contains("AppID"));
    }
}

/// A good body of each command that takes a channel, without the channel.
fn with_channel() -> [(&'static str, Value); 15] {
    let user = json!({"UserID": "ann"});
    [
        (COUNT, json!({})),
        ("get_talk_user_list_on_a_channel", json!({})),
        ("query_talk_channel_status", json!({})),
        ("get_talk_speaker_list_on_a_channel", json!({})),
        ("push_mcu_msg", json!({"content": "x"})),
        ("change_user_Identity", json!({"UserID": "ann", "IdentityType": 2})),
        ("set_talk_mic", json!({"UserID": "ann", "Granted": 1})),
        ("mute_talk_user", json!({"UserID": "ann", "Audio": 1})),
        ("get_talk_channel_detail", json!({})),
        ("create_talk_token", user.clone()),
        ("list_talk_bans", json!({})),
        ("delete_talk_ban", user),
        ("admin_kick_user", json!({"kick_user_id": "ann"})),
        ("batch_kick_talk_user", json!({"UserList": ["ann"]})),
        ("dismiss_talk_channel", json!({})),
    ]
}

#[tokio::test]
async fn b08_every_spelling_of_the_channel_on_every_command() {
    for key in ["ChannelID", "channel_id", "meeting_id", "channelid"] {
        let s = Server::new().await;
        let c = channel("raid-7");
        s.b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
        for (command, mut body) in with_channel() {
            if command != "list_talk_bans" {
                let reply = s.ask(command, body.clone()).await;
                let info = reply.expect(100_002).info().to_owned();
                assert!(info.contains("required") && info.to_lowercase().contains("_id:") | info.contains("ChannelID"));
            }
            body[key] = json!("raid-7");
            s.ask(command, body).await.ok();
        }
    }
}

#[tokio::test]
async fn b09_b10_conflicts() {
    let s = Server::new().await;
    s.text(COUNT, r#"{"ChannelID":"a","channel_id":"a"}"#).await.ok();
    s.text(COUNT, r#"{"ChannelID":"a","channel_id":"b"}"#).await.expect(100_002);
    s.text(COUNT, r#"{"ChannelID":"a","ChannelID":"b"}"#).await.expect(100_002);
    s.text(COUNT, r#"{"AppID":1000,"app_id":1001,"ChannelID":"a"}"#).await.expect(100_002);
}

#[tokio::test]
async fn b13_the_app_is_looked_at_first() {
    let s = Server::new().await;
    s.ask(COUNT, json!({"AppID": 1001})).await.expect(60006);
}

#[tokio::test]
async fn b14_b15_numbers_name_channels_too() {
    let s = Server::new().await;
    s.b.enter(&channel("12345"), "ann", &ours("1", NOW)).await.unwrap();
    for id in [json!(12345), json!("12345")] {
        s.ask(COUNT, json!({"ChannelID": id})).await.shows(json!({"ChannelID": "12345", "UserCount": 1}));
    }
    for bad in [json!(1.5), json!(true), json!({}), json!(""), Value::Null] {
        s.ask(COUNT, json!({"ChannelID": bad})).await.expect(100_002);
    }
}

#[tokio::test]
async fn b16_b17_lengths_in_bytes_and_control_characters() {
    let s = Server::new().await;
    let count = async |id: &str| s.ask(COUNT, json!({"ChannelID": id})).await.code();
    let status = async |id: &str| s.ask("query_talk_user_status", json!({"UserID": id})).await.code();
    let long = format!("{}ab", "测".repeat(42));
    assert_eq!((count(&long).await, count(&format!("{long}c")).await), (0, 100_002));
    let long = "测".repeat(85);
    assert_eq!((status(&long).await, status(&format!("{long}c")).await), (0, 100_002));
    for bad in ["a\u{7}", "a\u{85}", "\u{0}", "\u{7f}"] {
        assert_eq!((count(bad).await, status(bad).await), (100_002, 100_002));
    }
}

#[tokio::test]
async fn b18_ids_are_compared_byte_by_byte() {
    let s = Server::new().await;
    let c = channel("c");
    for user in ["u1", " u1", "U1"] {
        s.b.enter(&c, user, &ours("1", NOW)).await.unwrap();
    }
    let reply = s.ask("get_talk_user_list_on_a_channel", json!({"ChannelID": "c"})).await;
    assert_eq!(reply.ok().body["UserList"], json!([{"UserID": "u1"}, {"UserID": " u1"}, {"UserID": "U1"}]));
}

#[tokio::test]
async fn b19_slips_of_the_published_samples() {
    let slips = ["{\"ChannelID\":\"a\",}", "{“ChannelID”:“a”}"];
    let strict = Server::new().await;
    let lenient = Server::with(|o| o.config.lenient_json = true).await;
    for slip in slips {
        strict.text(COUNT, slip).await.expect(60003);
        lenient.text(COUNT, slip).await.shows(json!({"ChannelID": "a", "UserCount": 0}));
    }
}

#[tokio::test]
async fn b20_unknown_keys_are_ignored() {
    let s = Server::new().await;
    s.ask(COUNT, json!({"ChannelID": "a", "AreaID": {"x": [null]}})).await.ok();
}

#[tokio::test]
async fn b22_the_charset_of_the_sdk() {
    let s = Server::with(|o| o.config.channel_charset = ChannelCharset::Sdk).await;
    s.ask(COUNT, json!({"ChannelID": "a b"})).await.expect(100_002);
    s.ask(COUNT, json!({"ChannelID": "a_b+c-d=e/f"})).await.ok();
}
