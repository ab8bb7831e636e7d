//! The questions: lists, status, call records (talk.md 9.3, 9.5, 9.7) on the side of parameters and answers.

use serde_json::{Value, json};
use stoa_core::channel::{Boot, CallOp, CloseReason};
use stoa_core::media::TrackSource;
use stoa_core::ports::CallStore as _;
use stoa_core::time::UnixMs;
use stoa_testkit::{channel, ours, user};

use crate::server::{NOW, OTHER_SECRET, Server, query};

const CALLS: &str = "query_talk_user_call";

#[tokio::test]
async fn l01_l02_s01_the_unknown_is_empty() {
    let s = Server::new().await;
    let c = json!({"ChannelID": "x"});
    s.ask("query_talk_channel_user_count", c.clone()).await.shows(json!({"ChannelID": "x", "UserCount": 0}));
    let empty = json!({"AppID": 1000, "ChannelID": "x", "Total": 0, "UserList": []});
    s.ask("get_talk_user_list_on_a_channel", c.clone()).await.shows(empty.clone());
    s.ask("get_talk_speaker_list_on_a_channel", c.clone()).await.shows(empty);
    s.ask("query_talk_channel_status", c).await.shows(json!({"AppID": 1000, "ChannelID": "x", "Status": 1}));
    let nobody = s.ask("query_talk_user_status", json!({"UserID": "u#1"})).await;
    nobody.shows(json!({"AppID": 1000, "UserID": "u#1", "Status": []}));
    s.ask("query_talk_user_status", json!({})).await.expect(100_002);
}

#[tokio::test]
async fn l03_l16_s02_p01_who_is_there_and_what_it_sends() {
    let s = Server::new().await;
    let (a, b) = (channel("raid-7"), channel("raid-8"));
    let ann = s.b.enter(&a, "u#123", &ours("1", NOW)).await.unwrap();
    s.b.enter(&a, "u#345", &ours("3", NOW)).await.unwrap();
    s.b.enter(&b, "u#123", &ours("1", NOW)).await.unwrap();
    assert!(s.b.media.publish(&a, &ann, TrackSource::Microphone));
    let c = json!({"ChannelID": "raid-7"});
    s.ask("query_talk_channel_user_count", c.clone()).await.shows(json!({"ChannelID": "raid-7", "UserCount": 2}));
    s.ask("query_talk_channel_status", c.clone())
        .await
        .shows(json!({"AppID": 1000, "ChannelID": "raid-7", "Status": 3}));
    s.ask("get_talk_user_list_on_a_channel", c.clone()).await.shows(json!({
        "AppID": 1000, "ChannelID": "raid-7", "Total": 2, "UserList": [{"UserID": "u#123"}, {"UserID": "u#345"}],
    }));
    s.ask("get_talk_speaker_list_on_a_channel", c.clone()).await.shows(json!({
        "AppID": 1000, "ChannelID": "raid-7", "Total": 1, "UserList": [{"UserID": "u#123"}],
    }));
    s.ask("get_talk_channel_list", json!({})).await.shows(json!({"AppID": 1000, "Total": 2, "ChannelList": [
        {"ChannelID": "raid-7", "UserCount": 2}, {"ChannelID": "raid-8", "UserCount": 1},
    ]}));
    let silent = |c: &str, audio: u8| json!({"ChannelID": c, "UseVideo": 0, "UseAudio": audio, "VideoFrameRate": 0, "VideoBitRate": 0, "AudioBitRate": 0});
    s.ask("query_talk_user_status", json!({"UserID": "u#123"})).await.shows(json!({
        "AppID": 1000, "UserID": "u#123", "Status": [silent("raid-7", 1), silent("raid-8", 0)],
    }));
    let other = query("two", OTHER_SECRET, "admin", "1700000000");
    let there = s.post("query_talk_channel_user_count", &other, c.to_string()).await;
    there.shows(json!({"ChannelID": "raid-7", "UserCount": 0}));
}

#[tokio::test]
async fn l17_pages_join_to_the_full_list() {
    let s = Server::new().await;
    for name in ["b", "a", "中", "B", "c"] {
        s.b.enter(&channel(name), "ann", &ours("1", NOW)).await.unwrap();
    }
    let page = async |body: Value| {
        let reply = s.ask("get_talk_channel_list", body).await;
        assert_eq!(reply.ok().body["Total"], 5);
        let rows = reply.body["ChannelList"].as_array().unwrap().clone();
        rows.iter().map(|r| r["ChannelID"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = page(json!({})).await;
    assert_eq!(all, ["B", "a", "b", "c", "中"]);
    let mut joined = page(json!({"StartSeq": 0, "Limit": 2})).await;
    joined.extend(page(json!({"start_seq": 2, "limit": "2"})).await);
    joined.extend(page(json!({"StartSeq": 4})).await);
    assert_eq!(joined, all);
    assert_eq!(page(json!({"Limit": 5000})).await, all);
    assert!(page(json!({"StartSeq": 5})).await.is_empty());
    for command in ["get_talk_channel_list", "get_talk_user_list_on_a_channel", "get_talk_speaker_list_on_a_channel"] {
        for bad in [json!({"Limit": 0}), json!({"Limit": -1}), json!({"StartSeq": -1}), json!({"Limit": "x"})] {
            let mut body = bad;
            body["ChannelID"] = json!("a");
            s.ask(command, body).await.expect(100_002);
        }
    }
}

/// Stores a call of `ann` that began and ended at these seconds.
async fn store_call(s: &Server, place: &str, join: i64, leave: i64) {
    let (channel, user) = (channel(place), user("ann"));
    let open = CallOp::Open { channel: channel.clone(), user: user.clone(), join: UnixMs::from_secs(join) };
    let close = CallOp::Close { channel, user, leave: UnixMs::from_secs(leave), reason: CloseReason::Left };
    s.b.store.write_calls(Boot { id: 1, ..boot(s).await }, vec![open, close]).await.unwrap();
}

async fn boot(s: &Server) -> Boot {
    s.b.store.boot(UnixMs(0)).await.unwrap()
}

async fn calls(s: &Server, body: Value) -> (u64, Vec<i64>) {
    let mut body = body;
    body["UserID"] = json!("ann");
    let reply = s.ask(CALLS, body).await;
    let rows = reply.ok().body["Call"].as_array().unwrap();
    (reply.body["Total"].as_u64().unwrap(), rows.iter().map(|r| r["JoinTime"].as_i64().unwrap()).collect())
}

#[tokio::test]
async fn r01_r09_a_record_and_an_open_one() {
    let s = Server::new().await;
    store_call(&s, "raid-7", NOW, NOW + 432).await;
    s.ask(CALLS, json!({"UserID": "ann", "QueryDate": 20_231_115})).await.shows(json!({
        "AppID": 1000, "UserID": "ann", "Total": 1,
        "Call": [{"ChannelID": "raid-7", "JoinTime": NOW, "LeaveTime": NOW + 432, "CallDuration": 432}],
    }));
    let (channel, user) = (channel("raid-8"), user("ann"));
    let open = CallOp::Open { channel, user, join: UnixMs::from_secs(NOW + 1) };
    s.b.store.write_calls(boot(&s).await, vec![open]).await.unwrap();
    assert_eq!(calls(&s, json!({"QueryDate": 20_231_115, "Limit": 9})).await, (1, vec![NOW]));
    s.b.clock.forward(std::time::Duration::from_secs(11));
    let reply = s.ask(CALLS, json!({"UserID": "ann", "QueryDate": 20_231_115, "Limit": 9, "IncludeOpen": 1})).await;
    let running = json!({"ChannelID": "raid-8", "JoinTime": NOW + 1, "LeaveTime": 0, "CallDuration": 10});
    assert_eq!(reply.ok().body["Call"][1], running);
    s.ask(CALLS, json!({"UserID": "ann", "QueryDate": 20_231_115, "IncludeOpen": 2})).await.expect(100_002);
}

#[tokio::test]
async fn r02_r03_slices() {
    let s = Server::new().await;
    for i in 0..105 {
        store_call(&s, "c", NOW + i * 10, NOW + i * 10 + 5).await;
    }
    let day = |more: Value| {
        let mut body = json!({"QueryDate": 20_231_115});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (more, rows) in [
        (json!({}), 1),
        (json!({"Limit": 2}), 2),
        (json!({"Limit": 100}), 100),
        (json!({"Limit": 500}), 100),
        (json!({"Limit": "500", "StartSeq": 100}), 5),
        (json!({"Limit": 9, "StartSeq": 105}), 0),
    ] {
        let (total, found) = calls(&s, day(more.clone())).await;
        assert_eq!((total, found.len()), (105, rows), "{more}");
    }
    assert_eq!(calls(&s, day(json!({"StartSeq": 2, "Limit": 2}))).await.1, [NOW + 20, NOW + 30]);
    assert_eq!(calls(&s, day(json!({"StartSeq": 4}))).await.1, [NOW + 40]);
    for bad in [json!({"Limit": 0}), json!({"Limit": -1}), json!({"StartSeq": -1})] {
        let mut body = day(bad);
        body["UserID"] = json!("ann");
        s.ask(CALLS, body).await.expect(100_002);
    }
}

#[tokio::test]
async fn r04_query_dates() {
    let s = Server::new().await;
    let ask = async |date: Value| s.ask(CALLS, json!({"UserID": "u", "QueryDate": date})).await.code();
    for bad in
        [json!(20_230_229), json!(20_231_301), json!(2_023_111), Value::Null, json!("2023-11-15"), json!(20_231_115.5)]
    {
        assert_eq!(ask(bad.clone()).await, 100_002, "{bad}");
    }
    for good in [json!("20231115"), json!(20_240_229), json!(19_700_101), json!(99_991_231)] {
        assert_eq!(ask(good.clone()).await, 0, "{good}");
    }
    let without = s.ask(CALLS, json!({"UserID": "u"})).await;
    assert!(without.expect(100_002).info().contains("QueryDate"));
}

#[tokio::test]
async fn r05_r06_r07_a_record_belongs_to_the_day_of_its_beginning() {
    let s = Server::new().await;
    store_call(&s, "a", 1_700_063_999, 1_700_064_100).await;
    store_call(&s, "b", 1_700_064_000, 1_700_064_001).await;
    store_call(&s, "c", 1_699_977_600, 1_699_977_601).await;
    store_call(&s, "d", 1_699_977_599, 1_699_977_601).await;
    let on = async |day: i64| calls(&s, json!({"QueryDate": day, "Limit": 9})).await.1;
    assert_eq!(on(20_231_114).await, [1_699_977_599]);
    assert_eq!(on(20_231_115).await, [1_699_977_600, 1_700_063_999]);
    assert_eq!(on(20_231_116).await, [1_700_064_000]);
}

#[tokio::test]
async fn r08_another_zone_sorts_the_same_rows_anew() {
    // One call every half hour around the change of clocks of 2024-10-27 in Berlin (25 h) and 2024-03-31 (23 h).
    for (zone, day, next, hours) in [
        ("Europe/Berlin", 20_241_027, 20_241_028, 25),
        ("Europe/Berlin", 20_240_331, 20_240_401, 23),
        ("UTC", 20_241_027, 20_241_028, 24),
        ("+08:00", 20_241_027, 20_241_028, 24),
    ] {
        let s = Server::with(|o| o.config.time_zone = zone.parse().unwrap()).await;
        let start = if day == 20_240_331 { 1_711_756_800 } else { 1_729_900_800 };
        for i in 0..160 {
            store_call(&s, "c", start + i * 1800, start + i * 1800 + 60).await;
        }
        let today = calls(&s, json!({"QueryDate": day, "Limit": 100})).await.1;
        assert_eq!(today.len(), hours * 2, "{zone} {day}");
        let tomorrow = calls(&s, json!({"QueryDate": next, "Limit": 100})).await.1;
        assert_eq!(today.last().unwrap() + 1800, tomorrow[0], "no row is lost or doubled");
    }
}

/// The requests of the published document, made strict JSON.
#[tokio::test]
async fn l22_the_published_samples_are_answered_as_published() {
    let s = Server::new().await;
    for (place, name) in
        [("12345", "leef"), ("1234", "u#123"), ("ch345", "u#123"), ("ch345", "u#456"), ("ch123", "u#123")]
    {
        s.b.enter(&channel(place), name, &ours("1", NOW)).await.unwrap();
    }
    for (command, body, fields) in [
        ("query_talk_channel_user_count", r#"{"ChannelID": "12345"}"#, "ChannelID UserCount"),
        (
            "get_talk_user_list_on_a_channel",
            r#"{" AppID": 1000, "ChannelID":"1234"}"#,
            "AppID ChannelID Total UserList",
        ),
        ("get_talk_channel_list", r#"{"AppID": 1000}"#, "AppID Total ChannelList"),
        ("query_talk_channel_status", r#"{"AppID": 1000, "ChannelID": "ch345"}"#, "AppID ChannelID Status"),
        ("query_talk_user_status", r#"{"AppID": 1000, "UserID": "u#123"}"#, "AppID UserID Status"),
        (
            "query_talk_user_call",
            r#"{"AppID": 1000, "UserID": "u#123", "QueryDate": 20171124, "StartSeq": 0, "Limit": 10}"#,
            "AppID UserID Call",
        ),
        ("get_talk_speaker_list_on_a_channel", r#"{"ChannelID": "ch123"}"#, "AppID ChannelID Total UserList"),
        (
            "push_mcu_msg",
            r#"{"meeting_id": "12345", "user_id": "admin", "receiver_id": "", "content":"测试消息222"}"#,
            "",
        ),
        (
            "change_user_ Identity",
            r#"{"ChannelID": "12345", "UserID": "leef", "IdentityType":  1, "RequstId":  1591177759251}"#,
            "ChannelID UserID ResponetId Code",
        ),
        (
            "admin_kick_user",
            r#"{"app_id": 1000, "channel_id": "ch345", "kick_user_id": "u#456", "kick_time": 6000, "op_user": "op_user"}"#,
            "",
        ),
    ] {
        let reply = s.text(&command.replace(' ', "%20"), body).await;
        for field in fields.split_whitespace() {
            assert!(reply.ok().body.get(field).is_some(), "{command} {field}");
        }
        reply.ok();
    }
}
