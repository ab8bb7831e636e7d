//! Random answers and callbacks: every reader ends with a value or an error of its own, and no value is made of nothing.

use proptest::prelude::*;
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::aliyun::answers;
use crate::aliyun::callback::Event;
use crate::error::Error;
use crate::transport::{Tried, judge};
use crate::{netease, rongcloud};

type Reader = fn(StatusCode, &Value) -> Result<(), Error>;

/// Every reader there is, down to whether it found something.
fn readers() -> Vec<Reader> {
    fn aliyun<T>(status: StatusCode, v: &Value, read: impl Fn(&Value) -> Result<T, Error>) -> Result<(), Error> {
        answers::refused(status, v, &["AKID"])?;
        read(v).map(drop)
    }
    fn rong<T>(status: StatusCode, v: &Value, read: impl Fn(&Value) -> Result<T, Error>) -> Result<(), Error> {
        rongcloud::accepted(status, v, "rcsecret01")?;
        read(v).map(drop)
    }
    vec![
        |s, v| aliyun(s, v, answers::message_token),
        |s, v| aliyun(s, v, answers::message_group),
        |s, v| aliyun(s, v, |v| answers::live_message_group(v, "g")),
        |s, v| aliyun(s, v, answers::statistics),
        |s, v| aliyun(s, v, |v| answers::group_user(v, "u")),
        |s, v| aliyun(s, v, answers::participants),
        |s, v| aliyun(s, v, |v| answers::media(v, "t")),
        |s, v| aliyun(s, v, answers::play_info),
        |s, v| aliyun(s, v, answers::done),
        |s, v| rong(s, v, rongcloud::token),
        |s, v| rong(s, v, |v| rongcloud::user_muted(v, "u")),
        |s, v| rong(s, v, rongcloud::room_muted),
        |s, v| netease::room(s, v, 1, "wbsecret01").map(drop),
        |s, v| netease::deleted(s, v, "wbsecret01"),
    ]
}

/// One answer with everything in it that any reader looks for.
fn everything() -> Value {
    json!({
        "Code": "c", "Message": "m", "code": 200, "errorMessage": "e", "msg": "m", "errmsg": "e", "cid": 7, "token": "t", "status": 1,
        "users": [{"userId": "u", "time": "2030-01-01 00:00:00"}], "GroupId": "g", "AlreadyDelete": false, "TotalNum": 3,
        "Result": {"AccessToken": "a", "RefreshToken": "r", "GroupId": "g", "Pv": 1, "Uv": 2, "OnlineCount": 3, "LikeCount": 4,
                   "UserList": [{"UserId": "u", "IsMute": true, "MuteBy": ["user", "group"]}]},
        "MediaList": [{"MediaId": "m", "Video": {"Title": "t1"}}],
        "PlayInfoList": {"PlayInfo": [{"PlayURL": "https://x", "Height": 1, "Width": "2", "Size": 3, "Bitrate": "1.5"}]},
    })
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[A-Za-z]{0,12}", inner), 0..6)
                .prop_map(|pairs| Value::from(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The places of a value, for replacing one.
fn places(value: &mut Value, out: &mut Vec<String>, at: &str) {
    out.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter_mut().for_each(|(k, v)| places(v, out, &format!("{at}/{k}"))),
        Value::Array(list) => list.iter_mut().enumerate().for_each(|(i, v)| places(v, out, &format!("{at}/{i}"))),
        _ => {}
    }
}

fn status() -> impl Strategy<Value = StatusCode> {
    prop::sample::select(vec![200, 201, 204, 302, 400, 403, 404, 429, 500, 503])
        .prop_map(|code| StatusCode::from_u16(code).unwrap())
}

/// What every outcome must keep to.
fn check(status: StatusCode, body: &[u8]) -> Result<(), TestCaseError> {
    for read in readers() {
        let error = match judge(status, body, read) {
            Tried::Done(()) => {
                prop_assert!(status.is_success());
                continue;
            }
            Tried::Final(error) | Tried::Trouble(_, error) => error,
        };
        prop_assert!(!matches!(error, Error::NotConfigured(_)), "nothing was asked of the settings");
        prop_assert_eq!(status.is_server_error(), matches!(error, Error::Unavailable(_)));
        prop_assert!(error.to_string().len() < 2_000);
    }
    Ok(())
}

#[test]
fn the_whole_answer_is_read_by_every_reader() {
    let body = everything().to_string();
    for (n, read) in readers().into_iter().enumerate() {
        assert!(matches!(judge(StatusCode::OK, body.as_bytes(), read), Tried::Done(())), "reader {n}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_an_answer_or_an_error(status in status(), body in prop::collection::vec(any::<u8>(), 0..200)) {
        check(status, &body)?;
    }

    #[test]
    fn any_json_is_an_answer_or_an_error(status in status(), value in anything()) {
        check(status, value.to_string().as_bytes())?;
    }

    #[test]
    fn an_answer_with_one_place_replaced_is_an_answer_or_an_error(
        status in status(), place in any::<prop::sample::Index>(), with in anything(),
    ) {
        let mut value = everything();
        let mut all = Vec::new();
        places(&mut value, &mut all, "");
        *value.pointer_mut(&all[place.index(all.len())]).unwrap() = with;
        check(status, value.to_string().as_bytes())?;
    }

    #[test]
    fn any_text_is_a_callback_or_none(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for event in [Event::from_form(&text), Event::from_json(text.as_bytes()), Event::from_json(&bytes)].into_iter().flatten() {
            prop_assert!(!event.id.is_empty());
        }
    }

    #[test]
    fn any_form_of_the_right_fields_keeps_its_values(id in "[^\\x00]{1,60}", ip in "\\PC{0,40}") {
        let form = crate::text::form(&[("action", "publish"), ("id", &id), ("ip", &ip)]);
        let event = Event::from_form(&form).unwrap();
        prop_assert_eq!((&event.id, &event.ip), (&id, &ip));
        let body = json!({"action": "publish", "id": id, "ip": ip}).to_string();
        prop_assert_eq!(Some(event), Event::from_json(body.as_bytes()));
    }
}
