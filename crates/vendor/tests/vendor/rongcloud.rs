//! Calls of RongCloud.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use stoa_vendor::rongcloud::{RongCloud, Settings};
use stoa_vendor::{Error, SettingsError, Why};

use crate::mock::{Mock, Reply, limits, transport};

const SECRET: &str = "rcsecret01";

pub fn client(mock: &Mock) -> RongCloud {
    let settings = Settings { app_key: "rckey01".to_owned(), app_secret: SECRET.into(), host: mock.base.clone() };
    RongCloud::new(settings, &transport(limits()).0).unwrap()
}

fn sent(mock: &Mock, path: &str, own: &[(&str, &str)]) {
    let seen = mock.only();
    assert_eq!((seen.method.as_str(), seen.path.as_str(), seen.query.as_deref()), ("POST", path, None));
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    seen.check_headers(["App-Key", "Nonce", "Timestamp", "Signature"], "rckey01", SECRET);
    let form = seen.form();
    for (name, value) in own {
        assert_eq!(form[*name], *value, "{name}");
    }
    assert_eq!(form.len(), own.len(), "{form:?}");
}

#[tokio::test]
async fn a_user_is_registered_under_its_id_and_gets_a_token() {
    let mock = Mock::json(200, json!({"code": 200, "userId": "李 老师", "token": "t@x.cn.rongnav.com;y"})).await;
    let token = client(&mock).user_token("李 老师").await.unwrap();
    assert_eq!(token.expose_secret(), "t@x.cn.rongnav.com;y");
    sent(&mock, "/user/getToken.json", &[("userId", "李 老师"), ("name", "李 老师"), ("portraitUri", "")]);
}

#[tokio::test]
async fn a_token_takes_up_to_two_tries() {
    let good = Reply::Json(200, json!({"code": 200, "token": "t"}));
    let mock = Mock::start([Reply::Json(500, json!({"code": 1000})), good]).await;
    assert_eq!(client(&mock).user_token("u").await.unwrap().expose_secret(), "t");
    assert_eq!(mock.seen().len(), 2);
    assert_ne!(mock.seen()[0].header("Nonce"), mock.seen()[1].header("Nonce"));

    let mock = Mock::json(500, json!({"code": 1000, "errorMessage": "x"})).await;
    let error = client(&mock).user_token("u").await.unwrap_err();
    assert_eq!((error, mock.seen().len()), (Error::Unavailable(Why::Status(500)), 2));
}

#[tokio::test]
async fn a_chat_room_is_made_under_our_id() {
    let mock = Mock::json(200, json!({"code": 200})).await;
    client(&mock).create_chatroom("89bdb7ab7fa940618a73c7c18a9c0001", "Algebra & more").await.unwrap();
    sent(&mock, "/chatroom/create.json", &[("chatroom[89bdb7ab7fa940618a73c7c18a9c0001]", "Algebra & more")]);
}

#[tokio::test]
async fn the_five_mute_routes() {
    let ok = || Mock::json(200, json!({"code": 200}));
    let mock = ok().await;
    client(&mock).mute_user("r1", "stu&1", 43_200).await.unwrap();
    let own = [("userId", "stu&1"), ("chatroomId", "r1"), ("minute", "43200"), ("needNotify", "true")];
    sent(&mock, "/chatroom/user/gag/add.json", &own);
    let mock = ok().await;
    client(&mock).unmute_user("r1", "stu01").await.unwrap();
    let own = [("userId", "stu01"), ("chatroomId", "r1"), ("needNotify", "true")];
    sent(&mock, "/chatroom/user/gag/rollback.json", &own);
    let mock = ok().await;
    client(&mock).mute_chatroom("r1").await.unwrap();
    sent(&mock, "/chatroom/ban/add.json", &[("chatroomId", "r1"), ("needNotify", "true")]);
    let mock = ok().await;
    client(&mock).unmute_chatroom("r1").await.unwrap();
    sent(&mock, "/chatroom/ban/rollback.json", &[("chatroomId", "r1"), ("needNotify", "true")]);
    for (status, want) in [(json!(1), true), (json!("1"), true), (json!(0), false), (json!("0"), false)] {
        let mock = Mock::json(200, json!({"code": 200, "status": status})).await;
        assert_eq!(client(&mock).is_chatroom_muted("r1").await.unwrap(), want);
        sent(&mock, "/chatroom/ban/check.json", &[("chatroomId", "r1")]);
    }
}

#[tokio::test]
async fn a_user_is_muted_when_listed() {
    let users = json!([{"time": "2015-09-25 16:12:38", "userId": "2582"}]);
    let mock = Mock::json(200, json!({"code": 200, "users": users})).await;
    assert!(client(&mock).is_user_muted("r1", "2582").await.unwrap());
    sent(&mock, "/chatroom/user/gag/list.json", &[("chatroomId", "r1")]);
    assert!(!client(&mock).is_user_muted("r1", "258").await.unwrap());
    mock.now_reply([Reply::Json(200, json!({"code": 200}))]);
    assert!(!client(&mock).is_user_muted("r1", "2582").await.unwrap());
}

async fn one(rong: &RongCloud, n: usize) -> Result<(), Error> {
    match n {
        0 => rong.user_token("u").await.map(drop),
        1 => rong.is_chatroom_muted("r").await.map(drop),
        2 => rong.is_user_muted("r", "u").await.map(drop),
        3 => rong.create_chatroom("r", "n").await,
        4 => rong.mute_user("r", "u", 1).await,
        5 => rong.unmute_user("r", "u").await,
        6 => rong.mute_chatroom("r").await,
        _ => rong.unmute_chatroom("r").await,
    }
}

#[tokio::test]
async fn any_code_but_200_is_a_refusal_whatever_the_status() {
    for (status, code) in [(401, json!(1004)), (200, json!(1002)), (200, json!("1002")), (403, json!(200))] {
        for n in 0..8 {
            let answer = json!({"code": code, "errorMessage": "signature rcsecret01 wrong", "token": "t", "status": 1});
            let mock = Mock::json(status, answer).await;
            let want = code.as_u64().map_or("1002".to_owned(), |c| c.to_string());
            let message = "signature *** wrong".to_owned();
            assert_eq!(one(&client(&mock), n).await, Err(Error::Refused { code: want, message }), "{n}");
            assert_eq!(mock.seen().len(), 1);
        }
    }
}

#[tokio::test]
async fn missing_fields_and_wrong_types_are_malformed() {
    let code = json!({"code": 200});
    let typed = json!({"code": 200, "token": 5, "status": 2, "users": "x"});
    let other = json!({"code": 200, "token": "", "status": true, "users": {"a": 1}});
    for n in 0..8 {
        for body in [Value::Null, json!([]), json!({}), json!({"code": null}), json!({"code": {}}), json!({"code": ""})]
        {
            let mock = Mock::json(200, body).await;
            assert_eq!(one(&client(&mock), n).await, Err(Error::Malformed("code")), "{n}");
        }
    }
    for n in 0..3 {
        for body in [&typed, &other].into_iter().chain((n < 2).then_some(&code)) {
            let mock = Mock::json(200, body.clone()).await;
            assert!(matches!(one(&client(&mock), n).await, Err(Error::Malformed(_))), "{n} {body}");
        }
    }
    let mock = Mock::start([Reply::Raw(200, "<html>".to_owned())]).await;
    assert_eq!(one(&client(&mock), 0).await, Err(Error::Malformed("not JSON")));
}

#[test]
fn keys_must_be_there_and_the_default_host_is_https() {
    let (transport, _) = transport(limits());
    assert_eq!(Settings::default().missing(), ["rongcloud.app_key", "rongcloud.app_secret"]);
    let none = RongCloud::new(Settings::default(), &transport);
    assert_eq!(none.err(), Some(SettingsError::Missing("rongcloud.app_key")));
    let settings = Settings { app_key: "k".to_owned(), app_secret: SECRET.into(), ..Settings::default() };
    assert!(settings.host.starts_with("https://"));
    let rong = RongCloud::new(settings.clone(), &transport).unwrap();
    assert!(!format!("{rong:?}").contains(SECRET));
    let plain = Settings { host: "http://api.rong-api.com".to_owned(), ..settings };
    assert_eq!(RongCloud::new(plain, &transport).err(), Some(SettingsError::Address("rongcloud.host")));
}
