use super::fields::{
    AUDIO, CHANNEL_ID, CONTENT, IDENTITY_TYPE, KICK_USER_ID, LIMIT, RECEIVER_ID, REQUST_ID, USER_ID, USER_LIST,
};
use super::*;

const APP: AppId = AppId(1000);

fn params(json: &str) -> Params {
    crate::body::parse(&json.as_bytes().to_vec().into(), false).unwrap()
}

fn channel(json: &str) -> Result<String, u32> {
    let found = params(json).channel(&CHANNEL_ID, APP, ChannelCharset::Any);
    found.map(|c| c.name.to_string()).map_err(|r| r.code().number())
}

fn number(json: &str) -> Result<Option<i64>, String> {
    params(json).integer(&REQUST_ID).map_err(|r| r.info().to_owned())
}

#[test]
fn b07_b08_names_are_folded() {
    for name in ["ChannelID", "channel_id", "meeting_id", "channelid", " ROOM_ID\\t", "_Channel__Id_", "roomId"] {
        assert_eq!(channel(&format!("{{\"{name}\":\"a\"}}")), Ok("a".into()), "{name}");
    }
    for name in ["Channel ID", "channel-id", "kick_user_id", "ChannelIDs"] {
        assert_eq!(channel(&format!("{{\"{name}\":\"a\"}}")), Err(100_002), "{name}");
    }
    let p = params(r#"{"user_id":"a","receiver_id":"b","AreaID":7}"#);
    assert_eq!(p.user(&KICK_USER_ID).unwrap().as_str(), "a");
    assert_eq!(p.maybe_user(&RECEIVER_ID).unwrap().unwrap().as_str(), "b");
    assert_eq!(params(r#"{"kick_user_id":"a"}"#).maybe_user(&USER_ID).unwrap(), None);
}

#[test]
fn b09_b10_one_name_has_one_value() {
    assert_eq!(channel(r#"{"ChannelID":"a","channel_id":"a"}"#), Ok("a".into()));
    assert_eq!(channel(r#"{"ChannelID":"7","channel_id":7,"room_id":null,"meeting_id":""}"#), Ok("7".into()));
    assert_eq!(channel(r#"{"ChannelID":"a","channel_id":"b"}"#), Err(100_002));
    assert_eq!(channel(r#"{"ChannelID":"a","ChannelID":"b"}"#), Err(100_002));
    assert_eq!(channel(r#"{"ChannelID":"a","ChannelID":{}}"#), Err(100_002));
}

#[test]
fn b14_b15_b16_b17_ids() {
    assert_eq!(channel(r#"{"ChannelID":12345}"#), Ok("12345".into()));
    assert_eq!(channel(r#"{"ChannelID":18446744073709551615}"#), Ok("18446744073709551615".into()));
    assert_eq!(channel(r#"{"ChannelID":-9223372036854775808}"#), Ok("-9223372036854775808".into()));
    for bad in
        ["1.5", "1.0", "1e3", "true", "{}", "[]", "\"\"", "null", "18446744073709551616", r#""a\u0007""#, "\"a\u{85}\""]
    {
        assert_eq!(channel(&format!("{{\"ChannelID\":{bad}}}")), Err(100_002), "{bad}");
    }
    let text = |n: usize| format!("{{\"ChannelID\":\"{}\"}}", "x".repeat(n));
    assert_eq!(channel(&text(128)).unwrap().len(), 128);
    assert_eq!(channel(&text(129)), Err(100_002));
    // 85 × 3 bytes = 255.
    let user = |s: String| params(&format!("{{\"UserID\":\"{s}\"}}")).user(&USER_ID).map(|u| u.as_str().len()).ok();
    assert_eq!(user("测".repeat(85)), Some(255));
    assert_eq!(user(format!("{}x", "测".repeat(85))), None);
    assert_eq!(user(" u1".into()), Some(3), "ids are not trimmed");
}

#[test]
fn b22_the_sdk_charset_is_a_choice() {
    let found =
        |charset, id: &str| params(&format!("{{\"ChannelID\":\"{id}\"}}")).channel(&CHANNEL_ID, APP, charset).is_ok();
    assert!(found(ChannelCharset::Any, "a b"));
    assert!(!found(ChannelCharset::Sdk, "a b"));
    assert!(found(ChannelCharset::Sdk, "aZ0_+-=/"));
    assert!(!found(ChannelCharset::Sdk, "é"));
    assert_eq!(ChannelCharset::parse("sdk"), Some(ChannelCharset::Sdk));
    assert_eq!(ChannelCharset::parse("SDK"), None);
}

#[test]
fn b11_b12_app_numbers() {
    let check = |v: &str| params(&format!("{{\"AppID\":{v}}}")).check_app(APP).err().map(|r| r.code().number());
    for good in ["1000", "\"1000\"", "null"] {
        assert_eq!(check(good), None, "{good}");
    }
    assert_eq!(params("{}").check_app(APP).err().map(|r| r.code().number()), None);
    for (bad, code) in [
        ("1001", 60006),
        ("-1000", 60006),
        ("\"x\"", 100_002),
        ("1000.5", 100_002),
        ("true", 100_002),
        ("\"\"", 100_002),
    ] {
        assert_eq!(check(bad), Some(code), "{bad}");
    }
}

#[test]
fn i10_integers_are_exact_to_64_bits() {
    for (raw, want) in [
        ("9223372036854775807", Some(i64::MAX)),
        ("\"9223372036854775807\"", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("\"-5\"", Some(-5)),
        ("\"007\"", Some(7)),
        ("null", None),
    ] {
        assert_eq!(number(&format!("{{\"RequstId\":{raw}}}")), Ok(want), "{raw}");
    }
    for bad in [
        "9223372036854775808",
        "1.5",
        "1.0",
        "1e2",
        "\"+5\"",
        "\" 5\"",
        "\"\"",
        "\"-\"",
        "[]",
        "\"00000000000000000001\"",
    ] {
        let info = number(&format!("{{\"RequstId\":{bad}}}")).unwrap_err();
        assert!(info.starts_with("RequstId: "), "{bad}");
    }
}

#[test]
fn i04_ranges_and_flags() {
    let kind = |raw: &str| params(&format!("{{\"IdentityType\":{raw}}}")).within(&IDENTITY_TYPE, 1, 6).ok().flatten();
    assert_eq!((kind("1"), kind("\"6\"")), (Some(1), Some(6)));
    for bad in ["0", "7", "-1", "\"x\""] {
        assert_eq!(kind(bad), None, "{bad}");
    }
    let flag = |raw: &str| params(&format!("{{\"Audio\":{raw}}}")).flag(&AUDIO).map_err(|r| r.code().number());
    assert_eq!((flag("0"), flag("1"), flag("null")), (Ok(Some(false)), Ok(Some(true)), Ok(None)));
    assert_eq!((flag("2"), flag("true")), (Err(100_002), Err(100_002)));
}

#[test]
fn m08_texts_are_strings() {
    let text = |raw: &str| params(&format!("{{\"content\":{raw}}}")).text(&CONTENT).ok();
    assert_eq!(text(r#""a\u0000\"""#), Some(Some("a\0\"".into())));
    assert_eq!(text("null"), Some(None));
    assert_eq!(text("5"), None);
    assert_eq!(text("{}"), None);
}

#[test]
fn l17_pages() {
    let page = |json: &str| params(json).page().map(|p| p.map(|p| (p.start, p.limit))).ok();
    assert_eq!(page("{}"), Some(None));
    assert_eq!(page(r#"{"StartSeq":null,"Limit":null}"#), Some(None));
    assert_eq!(page(r#"{"StartSeq":3}"#), Some(Some((3, 100))));
    assert_eq!(page(r#"{"Limit":5000}"#), Some(Some((0, 1000))));
    assert_eq!(
        page(r#"{"limit":9223372036854775807,"start_seq":9223372036854775807}"#),
        Some(Some((i64::MAX as u64, 1000)))
    );
    for bad in [r#"{"Limit":0}"#, r#"{"Limit":-1}"#, r#"{"StartSeq":-1}"#] {
        assert_eq!(page(bad), None, "{bad}");
    }
    assert_eq!(params(r#"{"Limit":500}"#).limit(100).unwrap(), Some(100));
    assert_eq!(LIMIT.shown, "Limit");
}

#[test]
fn k35_lists_of_users() {
    let users = |raw: &str| {
        let found = params(&format!("{{\"UserList\":{raw}}}")).users(&USER_LIST, 3);
        found.map(|u| u.iter().map(ToString::to_string).collect::<Vec<_>>()).map_err(|r| r.info().to_owned())
    };
    assert_eq!(users(r#"["a",{"user_id":"b"},"a"]"#), Ok(vec!["a".into(), "b".into()]));
    for bad in
        ["[]", r#"["a","b","c","d"]"#, r#"["a",{}]"#, r#"["a",null]"#, r#"["a",""]"#, r#"["a",["b"]]"#, "\"a\"", "null"]
    {
        assert!(users(bad).unwrap_err().starts_with("UserList: "), "{bad}");
    }
}

#[test]
fn unknown_names_cost_nothing() {
    let json = format!("{{{}\"ChannelID\":\"a\"}}", "\"x\":1,".repeat(1000));
    assert_eq!(params(&json).0.len(), 1);
}
