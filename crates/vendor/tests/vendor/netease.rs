//! Calls of NetEase.

use serde_json::{Value, json};
use stoa_vendor::netease::{NetEase, Room, Settings};
use stoa_vendor::{Error, SettingsError, Why};

use crate::mock::{Mock, NOW, Reply, limits, nobody, transport};

const SECRET: &str = "wbsecret01";
const HEADERS: [&str; 4] = ["AppKey", "Nonce", "CurTime", "CheckSum"];
const CLASS: &str = "89bdb7ab7fa940618a73c7c18a9c0001";

fn settings(base: &str) -> Settings {
    Settings {
        app_key: "wbkey01".to_owned(),
        app_secret: SECRET.into(),
        create_url: format!("{base}/v2/api/room"),
        delete_url: format!("{base}/v2/api/rooms/"),
    }
}

pub fn client(mock: &Mock) -> NetEase {
    NetEase::new(settings(&mock.base), &transport(limits()).0).unwrap()
}

#[tokio::test]
async fn a_room_is_made_for_a_class() {
    for (cid, words) in [(json!(151_447_923_294_121_u64), "msg"), (json!("151447923294121"), "errmsg")] {
        let mock = Mock::json(200, json!({"code": 200, "cid": cid, words: "succeed"})).await;
        let room = client(&mock).create_room(CLASS).await.unwrap();
        let want = Room { cid: "151447923294121".to_owned(), uid: NOW, message: "succeed".to_owned() };
        assert_eq!(room, want);
        let seen = mock.only();
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v2/api/room"));
        seen.check_headers(HEADERS, "wbkey01", SECRET);
        assert_eq!(seen.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(
            serde_json::from_str::<Value>(&seen.body).unwrap(),
            json!({"channelName": CLASS, "mode": 2, "uid": NOW, "persistent": true, "channelDestroyTime": NOW + 86_400, "platform": 2})
        );
    }
}

#[tokio::test]
async fn another_code_or_no_answer_fails_the_creation_and_is_not_repeated() {
    let mock = Mock::json(200, json!({"code": 414, "errmsg": "checksum wbsecret01"})).await;
    let message = "checksum ***".to_owned();
    let error = client(&mock).create_room(CLASS).await.unwrap_err();
    assert_eq!(error, Error::Refused { code: "414".to_owned(), message });
    let mock = Mock::json(502, json!({})).await;
    assert_eq!(client(&mock).create_room(CLASS).await, Err(Error::Unavailable(Why::Status(502))));
    assert_eq!(mock.seen().len(), 1);
    let netease = NetEase::new(settings(&nobody().await), &transport(limits()).0).unwrap();
    assert_eq!(netease.create_room(CLASS).await, Err(Error::Unavailable(Why::Connect)));
    assert_eq!(netease.health().counts.retries, 1);
}

#[tokio::test]
async fn an_answer_without_code_or_cid_is_malformed() {
    for body in [
        Value::Null,
        json!([]),
        json!({}),
        json!({"code": 200}),
        json!({"code": 200, "cid": ""}),
        json!({"code": 200, "cid": [1]}),
    ] {
        let mock = Mock::json(200, body.clone()).await;
        assert!(matches!(client(&mock).create_room(CLASS).await, Err(Error::Malformed(_))), "{body}");
    }
    let mock = Mock::start([Reply::Raw(200, "ok".to_owned())]).await;
    assert_eq!(client(&mock).create_room(CLASS).await, Err(Error::Malformed("not JSON")));
}

#[tokio::test]
async fn a_room_is_deleted_with_the_same_headers() {
    for reply in [Reply::Raw(200, String::new()), Reply::Json(200, json!({"code": 200})), Reply::Json(204, Value::Null)]
    {
        let mock = Mock::start([reply]).await;
        client(&mock).delete_room("15/../1").await.unwrap();
        let seen = mock.only();
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("DELETE", "/v2/api/rooms/15%2F..%2F1"));
        seen.check_headers(HEADERS, "wbkey01", SECRET);
        assert_eq!(seen.body, "");
    }
}

#[tokio::test]
async fn a_deletion_is_refused_or_repeated() {
    let refused = [
        (Reply::Json(404, json!({"code": 404, "errmsg": "no such room"})), "404"),
        (Reply::Json(404, Value::Null), "404"),
        (Reply::Json(200, json!({"code": 414})), "414"),
        (Reply::Json(403, json!({"code": 200})), "200"),
    ];
    for (reply, want) in refused {
        let mock = Mock::start([reply]).await;
        let error = client(&mock).delete_room("1").await.unwrap_err();
        assert!(matches!(&error, Error::Refused { code, .. } if code == want), "{error:?}");
    }
    let mock = Mock::start([Reply::Json(503, json!({})), Reply::Json(200, json!({"code": 200}))]).await;
    client(&mock).delete_room("1").await.unwrap();
    assert_eq!(mock.seen().len(), 2);
}

#[tokio::test]
async fn a_client_is_signed_for_each_time_anew() {
    let mock = Mock::json(500, json!({})).await;
    let netease = client(&mock);
    let (one, two) = (netease.client_auth(), netease.client_auth());
    assert_ne!(one.nonce, two.nonce);
    assert_eq!((one.cur_time, one.nonce.len(), netease.app_key()), (NOW, 32, "wbkey01"));
    assert_eq!(one.checksum, stoa_vendor::netease::checksum(SECRET, &one.nonce, NOW));
    assert_eq!(mock.seen().len(), 0);
}

#[test]
fn keys_and_addresses_are_checked() {
    let (transport, _) = transport(limits());
    let keys = ["netease.app_key", "netease.app_secret", "netease.create_url", "netease.delete_url"];
    assert_eq!(Settings::default().missing(), keys);
    assert_eq!(NetEase::new(Settings::default(), &transport).err(), Some(SettingsError::Missing(keys[0])));
    assert_eq!(NetEase::new(settings("http://x.example.com"), &transport).err(), Some(SettingsError::Address(keys[2])));
    let shown = format!("{:?}", NetEase::new(settings("https://x.example.com"), &transport).unwrap());
    assert!(!shown.contains(SECRET));
}
