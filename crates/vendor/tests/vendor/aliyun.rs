//! Calls of Aliyun: what is sent, what comes of each answer, what needs no call.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use stoa_core::time::UnixMs;
use stoa_vendor::aliyun::{
    Aliyun, GroupUser, Hosts, ImSettings, LiveSettings, MuteSource, RtcSettings, Settings, Statistics, callback,
};
use stoa_vendor::{Error, SettingsError};

use crate::mock::{Mock, NOW, Reply, limits, transport};

pub const SECRET: &str = "s3cretkey";

pub fn settings(base: &str) -> Settings {
    Settings {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        access_key_secret: SECRET.into(),
        im: ImSettings { app_id: "imapp01".to_owned(), app_key: "imkey01".into(), app_sign: "sign01".to_owned() },
        old_im_app_id: "oldapp01".to_owned(),
        rtc: RtcSettings { app_id: "micapp01".to_owned(), app_key: "mickey01".into() },
        live: LiveSettings {
            push_domain: "push.example.com".to_owned(),
            pull_domain: "pull.example.com".to_owned(),
            pull_auth_key: "pullkey01".into(),
            app_name: "live".to_owned(),
            ..Settings::default().live
        },
        callback_auth_key: "cbkey01".into(),
        hosts: Hosts { live: base.to_owned(), vod: base.to_owned() },
    }
}

pub fn client(mock: &Mock) -> Aliyun {
    Aliyun::new(settings(&mock.base), &transport(limits()).0).unwrap()
}

async fn with(answer: Value) -> (Mock, Aliyun) {
    let mock = Mock::json(200, answer).await;
    let aliyun = client(&mock);
    (mock, aliyun)
}

/// Checks the signature and the operation's own parameters of the only request.
fn sent(mock: &Mock, action: &str, version: &str, own: &[(&str, &str)]) {
    let form = mock.only().check_openapi(SECRET);
    assert_eq!((form["Action"].as_str(), form["Version"].as_str()), (action, version));
    assert_eq!(form["AccessKeyId"], "AKIDEXAMPLE");
    assert_eq!(form["SignatureNonce"].len(), 32);
    for (name, value) in own {
        assert_eq!(form[*name], *value, "{name}");
    }
    assert_eq!(form.len(), 9 + own.len(), "{form:?}");
}

const LIVE: &str = "2016-11-01";
const VOD: &str = "2017-03-21";

#[tokio::test]
async fn message_token() {
    let (mock, aliyun) = with(json!({
        "RequestId": "16A96B9A-1", "Result": {"AccessToken": "oauth_cloud_key:a-b", "RefreshToken": "oauth_cloud_key:r=", "AccessTokenExpiredTime": 86_400_000}
    }))
    .await;
    let token = aliyun.message_token("李 老师&x=1", "d*1", "web").await.unwrap();
    assert_eq!(token.access.expose_secret(), "oauth_cloud_key:a-b");
    assert_eq!(token.refresh.expose_secret(), "oauth_cloud_key:r=");
    assert!(!format!("{token:?}").contains("oauth"));
    let own = [("AppId", "oldapp01"), ("UserId", "李 老师&x=1"), ("DeviceId", "d*1"), ("DeviceType", "web")];
    sent(&mock, "GetMessageToken", LIVE, &own);
}

#[tokio::test]
async fn old_message_group() {
    let (mock, aliyun) = with(json!({"RequestId": "r", "Result": {"GroupId": "AE35-T95F"}})).await;
    assert_eq!(aliyun.create_message_group("teacher1").await.unwrap(), "AE35-T95F");
    sent(&mock, "CreateMessageGroup", LIVE, &[("AppId", "oldapp01"), ("CreatorId", "teacher1")]);
}

#[tokio::test]
async fn new_message_group() {
    let (mock, aliyun) = with(json!({"GroupId": "g1", "AlreadyExists": false, "RequestId": "r"})).await;
    aliyun.create_live_message_group("g1", "alice").await.unwrap();
    sent(&mock, "CreateLiveMessageGroup", LIVE, &[("AppId", "imapp01"), ("GroupId", "g1"), ("CreatorId", "alice")]);

    mock.now_reply([Reply::Json(200, json!({"GroupId": "g1", "AlreadyExists": true, "AlreadyDelete": false}))]);
    aliyun.create_live_message_group("g1", "alice").await.unwrap();
    mock.now_reply([Reply::Json(200, json!({"GroupId": "g1", "AlreadyDelete": true}))]);
    let error = aliyun.create_live_message_group("g1", "alice").await.unwrap_err();
    assert!(matches!(error, Error::Refused { code, .. } if code == "AlreadyDelete"));
    mock.now_reply([Reply::Json(200, json!({"GroupId": "another"}))]);
    assert_eq!(aliyun.create_live_message_group("g1", "alice").await, Err(Error::Malformed("GroupId")));
}

#[tokio::test]
async fn statistics_of_a_group_in_any_spelling() {
    let want = Statistics { pv: 3, uv: 2, online_count: 1, like_count: 5 };
    for result in [
        json!({"Pv": 3, "Uv": 2, "OnlineCount": 1, "LikeCount": 5}),
        json!({"PV": 3, "UV": "2", "online_count": 1, "like_count": "5", "Extra": {"a": 1}}),
    ] {
        let (mock, aliyun) = with(json!({"RequestId": "r", "Result": result})).await;
        assert_eq!(aliyun.group_statistics("AE35").await.unwrap(), want);
        sent(&mock, "GetGroupStatistics", LIVE, &[("AppId", "oldapp01"), ("GroupId", "AE35")]);
    }
}

#[tokio::test]
async fn a_user_of_a_group() {
    let user =
        json!({"UserId": "stu01", "IsMute": true, "MuteBy": ["group", "user", "group", "else"], "UserNick": "x"});
    let (mock, aliyun) =
        with(json!({"Result": {"HasMore": false, "Total": 1, "UserList": [{"UserId": "o"}, user]}})).await;
    let want = GroupUser { mute: true, sources: vec![MuteSource::Group, MuteSource::User] };
    assert_eq!(aliyun.group_user("AE35", "stu01").await.unwrap(), Some(want));
    let own = [("AppId", "oldapp01"), ("GroupId", "AE35"), ("UserIdList", r#"["stu01"]"#)];
    sent(&mock, "ListMessageGroupUserById", LIVE, &own);

    mock.now_reply([Reply::Json(200, json!({"Result": {"UserList": []}}))]);
    assert_eq!(aliyun.group_user("AE35", "stu01").await.unwrap(), None);
}

#[tokio::test]
async fn messages_of_the_server() {
    let (mock, aliyun) = with(json!({"RequestId": "r", "Result": {"MessageId": "m"}})).await;
    aliyun.send_to_group("AE35", 11001, r#"{"a":"李"}"#).await.unwrap();
    let own = [
        ("AppId", "oldapp01"),
        ("GroupId", "AE35"),
        ("Type", "11001"),
        ("Data", r#"{"a":"李"}"#),
        ("OperatorUserId", "System"),
        ("SkipAudit", "true"),
    ];
    sent(&mock, "SendMessageToGroup", LIVE, &own);

    let (mock, aliyun) = with(json!({"MsgTid": "m", "RequestId": "r"})).await;
    aliyun.send_to_live_group("g1", 11002, "teacher1", "{}").await.unwrap();
    let own = [("AppId", "imapp01"), ("GroupId", "g1"), ("MsgType", "11002"), ("SenderId", "teacher1"), ("Body", "{}")];
    sent(&mock, "SendLiveMessageGroup", LIVE, &own);
}

#[tokio::test]
async fn participants_of_a_channel() {
    let (mock, aliyun) = with(json!({"TotalNum": 12, "TotalPage": 1, "UserList": {"User": ["a"]}, "Times": 1})).await;
    assert_eq!(aliyun.channel_participants("room1").await.unwrap(), 12);
    sent(&mock, "DescribeChannelParticipants", LIVE, &[("AppId", "micapp01"), ("ChannelId", "room1")]);
}

#[tokio::test]
async fn a_recording_is_searched_for_by_its_streams_name() {
    let title = "micapp01_e65c-1_teacher1_camera";
    let (mock, aliyun) = with(json!({"Total": 3, "MediaList": [
        {"MediaId": "m0", "MediaType": "video", "Video": {"Title": "micapp01_e65c-2_teacher1_camera"}},
        {"MediaId": "m1", "MediaType": "video", "Video": {"Title": format!("{title}_2023-11-14")}},
        {"MediaId": "m2", "MediaType": "video"},
    ]}))
    .await;
    assert_eq!(aliyun.search_media(title).await.unwrap().as_deref(), Some("m1"));
    sent(&mock, "SearchMedia", VOD, &[("Match", &format!("Title='{title}'"))]);

    for (list, want) in [(json!([{"MediaId": "m2"}]), Some("m2")), (json!([]), None), (Value::Null, None)] {
        mock.now_reply([Reply::Json(200, json!({"MediaList": list}))]);
        assert_eq!(aliyun.search_media(title).await.unwrap().as_deref(), want);
    }
}

#[tokio::test]
async fn a_name_that_would_change_the_search_is_not_searched_for() {
    let (mock, aliyun) = with(json!({"MediaList": [{"MediaId": "m"}]})).await;
    for title in ["a' or Title='b", "a\"", "a\\", ""] {
        assert_eq!(aliyun.search_media(title).await.unwrap(), None);
    }
    assert_eq!(mock.seen().len(), 0);
}

#[tokio::test]
async fn files_of_a_recording() {
    let (mock, aliyun) = with(json!({"RequestId": "r", "VideoBase": {"VideoId": "m1"}, "PlayInfoList": {"PlayInfo": [
        {"Bitrate": "858.198", "CreationTime": "2017-06-26T06:38:48Z", "Definition": "HD", "Duration": "67.685", "Format": "mp4",
         "Fps": "25", "Height": 480, "Width": 640, "Size": 7_260_000, "PlayURL": "https://v.example.com/x.mp4?auth_key=1-0-0-abc",
         "Status": "Normal", "StreamType": "video", "Encrypt": 0, "BitDepth": 8, "HDRType": "HDR10", "WatermarkId": "", "JobId": "j"},
        {"Bitrate": 64, "PlayURL": "https://v.example.com/x.mp3", "StreamType": "audio"},
    ]}}))
    .await;
    let files = aliyun.play_info("m1").await.unwrap();
    sent(&mock, "GetPlayInfo", VOD, &[("VideoId", "m1")]);
    let (video, audio) = (&files[0], &files[1]);
    assert_eq!((video.bit_rate.as_str(), video.duration.as_str(), video.fps.as_str()), ("858.198", "67.685", "25"));
    assert_eq!((video.creation_time.as_str(), video.definition.as_str()), ("2017-06-26T06:38:48Z", "HD"));
    assert_eq!((video.format.as_str(), video.status.as_str(), video.stream_type.as_str()), ("mp4", "Normal", "video"));
    assert_eq!((video.height, video.width, video.size), (480, 640, 7_260_000));
    assert_eq!((video.bit_depth, video.encrypt, video.encrypt_type.as_deref()), (Some(8), Some(0), None));
    assert_eq!((video.hdr_type.as_deref(), video.watermark_id.as_deref()), (Some("HDR10"), None));
    assert_eq!(video.play_url.0, "https://v.example.com/x.mp4?auth_key=1-0-0-abc");
    assert!(!format!("{video:?}").contains("auth_key"));
    assert_eq!((audio.bit_rate.as_str(), audio.height, audio.status.as_str()), ("64", 0, ""));
    assert_eq!(files.len(), 2);
}

/// How many calls there are.
const CALLS: usize = 10;

/// Each call, by number.
async fn one(aliyun: &Aliyun, n: usize) -> (&'static str, Result<(), Error>) {
    match n {
        0 => ("token", aliyun.message_token("u", "d", "web").await.map(drop)),
        1 => ("old group", aliyun.create_message_group("u").await.map(drop)),
        2 => ("new group", aliyun.create_live_message_group("g", "u").await),
        3 => ("statistics", aliyun.group_statistics("g").await.map(drop)),
        4 => ("user", aliyun.group_user("g", "u").await.map(drop)),
        5 => ("send old", aliyun.send_to_group("g", 1, "{}").await),
        6 => ("send new", aliyun.send_to_live_group("g", 1, "u", "{}").await),
        7 => ("participants", aliyun.channel_participants("c").await.map(drop)),
        8 => ("search", aliyun.search_media("t").await.map(drop)),
        _ => ("play", aliyun.play_info("m").await.map(drop)),
    }
}

#[tokio::test]
async fn a_refusal_of_any_call_carries_the_vendors_code_and_words() {
    let answer = json!({"RequestId": "r", "HostId": "live.aliyuncs.com", "Code": "Forbidden.RAM",
                        "Message": "User AKIDEXAMPLE not authorized, \u{7} said s3cretkey"});
    for status in [400, 403, 404] {
        let mock = Mock::json(status, answer.clone()).await;
        for n in 0..CALLS {
            let (name, result) = one(&client(&mock), n).await;
            let message = "User *** not authorized,  said ***".to_owned();
            assert_eq!(result, Err(Error::Refused { code: "Forbidden.RAM".to_owned(), message }), "{name}");
        }
        assert_eq!(mock.seen().len(), CALLS, "none was tried twice");
    }
}

#[tokio::test]
async fn a_wrong_signature_quotes_nothing_we_signed() {
    let message = "Specified signature is not matched with our calculation. server string to sign is:POST&%2F&AccessKeyId%3DAKIDEXAMPLE%26UserId%3Dalice";
    let mock = Mock::json(400, json!({"Code": "SignatureDoesNotMatch", "Message": message})).await;
    let text = client(&mock).message_token("alice", "d", "web").await.unwrap_err().to_string();
    assert!(text.contains("SignatureDoesNotMatch") && !text.contains("AKID") && !text.contains("alice"), "{text}");
}

#[tokio::test]
async fn what_is_no_answer_is_malformed() {
    let bodies = ["", "not JSON", "<html>", "[]", "3", "null", "{\"Code\":", "\u{feff}{}"];
    for (status, body) in bodies.iter().flat_map(|b| [(200, b), (403, b)]) {
        let mock = Mock::start([Reply::Raw(status, (*body).to_owned())]).await;
        for n in 0..CALLS {
            let (name, result) = one(&client(&mock), n).await;
            assert!(matches!(result, Err(Error::Malformed(_))), "{name} {status} {body}: {result:?}");
        }
    }
}

#[tokio::test]
async fn missing_fields_and_wrong_types_are_malformed() {
    let bad = [
        Value::Null,
        json!([]),
        json!({}),
        json!({"Result": null, "MediaList": 1, "PlayInfoList": []}),
        json!({"Result": "x", "GroupId": 5, "TotalNum": "many", "MediaList": {"a": 1}, "PlayInfoList": 7}),
        json!({"Result": {"AccessToken": "", "GroupId": [], "Pv": -1, "UserList": {}},
               "GroupId": "", "TotalNum": -1, "MediaList": [{}], "PlayInfoList": {"PlayInfo": {}}}),
        json!({"Result": {"AccessToken": "a", "RefreshToken": 5, "GroupId": null, "Pv": 1.5, "UserList": [{"UserId": "u", "IsMute": "yes"}]},
               "GroupId": "g", "AlreadyDelete": "no", "TotalNum": 1.5, "MediaList": [{"MediaId": 5}], "PlayInfoList": {"PlayInfo": [{"PlayURL": 1}]}}),
    ];
    // The status says all, and an absent list is an empty one.
    let enough = |name: &str, n: usize| (name.starts_with("send") && n >= 2) || (name == "search" && n == 2);
    for (n, body) in bad.into_iter().enumerate() {
        let mock = Mock::json(200, body).await;
        for call in 0..CALLS {
            let (name, result) = one(&client(&mock), call).await;
            let want_ok = enough(name, n);
            assert!(
                if want_ok { result.is_ok() } else { matches!(result, Err(Error::Malformed(_))) },
                "{name} {n}: {result:?}"
            );
        }
    }
}

#[tokio::test]
async fn without_its_keys_a_call_names_the_first_and_sends_nothing() {
    let mock = Mock::json(200, json!({})).await;
    let hosts = Hosts { live: mock.base.clone(), vod: mock.base.clone() };
    let empty = Aliyun::new(Settings { hosts, ..Settings::default() }, &transport(limits()).0).unwrap();
    for n in 0..CALLS {
        let (name, result) = one(&empty, n).await;
        assert!(matches!(result, Err(Error::NotConfigured(key)) if key.starts_with("aliyun.")), "{name}");
    }
    assert_eq!(empty.im_token("u", "n", 1, ""), Err(Error::NotConfigured("aliyun.im.app_id")));
    assert_eq!(empty.rtc_urls("c", "u", 1), Err(Error::NotConfigured("aliyun.rtc.app_id")));
    assert_eq!(empty.cdn_pull_info("m", "o", UnixMs(0)), Err(Error::NotConfigured("aliyun.rtc.app_id")));
    let signed = callback::signature("", "1700000000", "");
    let now = UnixMs::from_secs(NOW);
    assert_eq!(empty.verify_callback("1700000000", &signed, now), Err(callback::Refusal::BadSignature));
    assert_eq!(mock.seen().len(), 0);
}

#[tokio::test]
async fn what_needs_no_call_is_made_from_the_settings() {
    let mock = Mock::json(500, json!({})).await;
    let aliyun = client(&mock);
    let nonce = "AK-2a6f0b1e-6c1d-4a3b-9c57-0d9f5c0a1b2c";
    let token = aliyun.im_token("alice", nonce, 1_700_800_000, "admin").unwrap();
    assert_eq!(token, "bbc76da823cf4daf6c14c7ee82578dca90b56624e47b951d3deb4d8da9119577");
    let meeting = "e65c9abd-0def-49c3-b7db-29380dbc0001";
    let token = "2cb97555402016a67188cce4f01b108609076f0b679815bfd4aa8d7277c19a4b";
    assert_eq!(aliyun.rtc_token(meeting, "teacher1", 1_700_884_074).unwrap(), token);
    let urls = aliyun.rtc_urls(meeting, "teacher1", 1_700_884_074).unwrap();
    assert!(urls.push.ends_with(&format!("&timestamp=1700884074&token={token}")), "{}", urls.push);
    // The life of an address is counted from now.
    let info = aliyun.cdn_pull_info(meeting, "teacher1", UnixMs::from_secs(1_701_402_474 - 604_800)).unwrap();
    assert!(info.camera.rtmp.ends_with("_camera?auth_key=1701402474-0-0-7a14b8d4b25b2d1cc22e644c69c2fd18"));
    let signed = "8185bcd7adc5e48d9ddb829b011a9af7";
    assert_eq!(aliyun.verify_callback("1700000000", signed, UnixMs::from_secs(NOW)), Ok(()));
    assert_eq!(mock.seen().len(), 0);
}

#[tokio::test]
async fn settings_show_no_secret_and_addresses_are_checked() {
    let (transport, _) = transport(limits());
    let aliyun = Aliyun::new(settings("https://live.aliyuncs.com"), &transport).unwrap();
    let shown = format!("{aliyun:?} {transport:?}");
    for secret in [SECRET, "imkey01", "mickey01", "pullkey01", "cbkey01"] {
        assert!(!shown.contains(secret), "{secret}");
    }
    let plain = Aliyun::new(settings("http://live.aliyuncs.com"), &Arc::clone(&transport));
    assert_eq!(plain.err(), Some(SettingsError::Address("aliyun.hosts.live")));
}
