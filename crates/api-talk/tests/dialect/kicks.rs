//! `admin_kick_user` (talk.md 9.4) on the side of parameters and answers.

use serde_json::{Value, json};
use stoa_testkit::{channel, ours};

use crate::server::{NOW, OTHER_SECRET, Server, query};

const KICK: &str = "admin_kick_user";

async fn server() -> Server {
    let s = Server::new().await;
    s.b.enter(&channel("raid-7"), "ann", &ours("1", NOW)).await.unwrap();
    s
}

async fn kick(s: &Server, fields: Value) -> u64 {
    let mut body = json!({"channel_id": "raid-7", "kick_user_id": "ann"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    s.ask(KICK, body).await.code()
}

async fn bans(s: &Server, fields: Value) -> Value {
    s.ask("list_talk_bans", fields).await.ok().body["BanList"].clone()
}

#[tokio::test]
async fn k01_k07_k17_a_ban_is_set_listed_and_refuses_tokens() {
    let s = server().await;
    s.ask(KICK, json!({"channel_id": "raid-7", "kick_user_id": "ann", "kick_time": 600})).await.shows(json!({}));
    let count = s.ask("query_talk_channel_user_count", json!({"ChannelID": "raid-7"})).await;
    assert_eq!(count.body["UserCount"], 0);
    assert_eq!(
        bans(&s, json!({})).await,
        json!([{"ChannelID": "raid-7", "UserID": "ann", "OpUser": "admin", "Source": "talk", "StartTime": NOW,
            "ExpireTime": NOW + 600, "Remaining": 600}])
    );
    let token = s.ask("create_talk_token", json!({"ChannelID": "raid-7", "UserID": "ann"})).await;
    assert!(token.expect(100_006).info().contains("600 s"));
}

#[tokio::test]
async fn k10_k11_k12_k34_the_table_of_kicks() {
    let s = server().await;
    assert_eq!(kick(&s, json!({"kick_user_id": "bob"})).await, 100_005);
    assert_eq!(kick(&s, json!({"channel_id": "x"})).await, 100_004);
    let other = query("two", OTHER_SECRET, "admin", "1700000000");
    let body = json!({"channel_id": "raid-7", "kick_user_id": "ann"}).to_string();
    s.post(KICK, &other, body).await.expect(100_004);
    assert_eq!(kick(&s, json!({"kick_user_id": "bob", "kick_time": 60})).await, 0);
    assert_eq!(kick(&s, json!({"kick_user_id": "bob"})).await, 0, "lifts");
    assert_eq!(kick(&s, json!({"kick_user_id": "bob"})).await, 100_005);
    assert_eq!(kick(&s, json!({})).await, 0);
}

#[tokio::test]
async fn k15_times_out_of_range() {
    for (time, code) in [
        (json!(-1), 100_002),
        (json!(315_360_001), 100_002),
        (json!(1.5), 100_002),
        (json!("abc"), 100_002),
        (json!(315_360_000), 0),
        (json!("60"), 0),
        (Value::Null, 0),
    ] {
        assert_eq!(kick(&server().await, json!({"kick_time": time})).await, code, "{time}");
    }
}

#[tokio::test]
async fn k16_what_is_missing_is_named() {
    let s = server().await;
    assert!(s.ask(KICK, json!({"kick_user_id": "a"})).await.expect(100_002).info().contains("channel_id"));
    assert!(s.ask(KICK, json!({"channel_id": "a"})).await.expect(100_002).info().contains("kick_user_id"));
    s.ask(KICK, json!({"ChannelID": "raid-7", "UserID": "ann"})).await.ok();
}

#[tokio::test]
async fn k17_the_operator_may_be_named() {
    let s = server().await;
    assert_eq!(kick(&s, json!({"kick_time": 5, "op_user": "boss"})).await, 0);
    assert_eq!(bans(&s, json!({})).await[0]["OpUser"], "boss");
    assert_eq!(kick(&s, json!({"kick_time": 5, "op_user": "x".repeat(256)})).await, 100_002);
    assert_eq!(kick(&s, json!({"kick_time": 5, "op_user": ""})).await, 0);
    assert_eq!(bans(&s, json!({})).await[0]["OpUser"], "admin");
}

#[tokio::test]
async fn k35_several_at_once() {
    let s = server().await;
    for user in ["bob", "cid"] {
        s.b.enter(&channel("raid-7"), user, &ours("1", NOW)).await.unwrap();
    }
    let batch =
        async |list: Value| s.ask("batch_kick_talk_user", json!({"ChannelID": "raid-7", "UserList": list})).await;
    batch(json!(["ann", {}])).await.expect(100_002);
    batch(json!(["ann", 1.5])).await.expect(100_002);
    batch(Value::from(vec!["ann"; 101])).await.expect(100_002);
    let count = s.ask("query_talk_channel_user_count", json!({"ChannelID": "raid-7"})).await;
    assert_eq!(count.body["UserCount"], 3, "nobody was kicked");
    let reply = batch(json!(["cid", {"UserID": "ann"}, "zoe", "bob", "cid"])).await;
    assert_eq!(reply.ok().body["FailCount"], 1);
    let results = reply.body["ResultList"].as_array().unwrap();
    let shown: Vec<_> =
        results.iter().map(|r| (r["UserID"].as_str().unwrap(), r["ErrorCode"].as_u64().unwrap())).collect();
    assert_eq!(shown, [("cid", 0), ("ann", 0), ("zoe", 100_005), ("bob", 0)]);
    assert_eq!((&results[0]["ErrorInfo"], results[2]["ErrorInfo"].as_str().unwrap().is_empty()), (&json!(""), false));
}

#[tokio::test]
async fn x08_x09_bans_are_filtered_paged_and_lifted() {
    let s = server().await;
    for (place, user) in [("a", "u"), ("a", "v"), ("b", "u")] {
        let body = json!({"channel_id": place, "kick_user_id": user, "kick_time": 60});
        s.ask(KICK, body).await.ok();
    }
    let count = async |filter: Value| bans(&s, filter).await.as_array().unwrap().len();
    assert_eq!(count(json!({})).await, 3);
    assert_eq!(count(json!({"ChannelID": "a"})).await, 2);
    assert_eq!(count(json!({"UserID": "u", "ChannelID": ""})).await, 2);
    assert_eq!(count(json!({"StartSeq": 2, "Limit": 2})).await, 1);
    s.ask("list_talk_bans", json!({"Limit": 0})).await.expect(100_002);
    let lift = json!({"ChannelID": "a", "UserID": "u"});
    s.ask("delete_talk_ban", lift.clone()).await.shows(json!({"Removed": 1}));
    s.ask("delete_talk_ban", lift).await.shows(json!({"Removed": 0}));
    s.b.clock.forward(std::time::Duration::from_secs(60));
    s.ask("list_talk_bans", json!({})).await.shows(json!({"Total": 0, "BanList": []}));
}
