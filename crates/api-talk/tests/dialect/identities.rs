//! `change_user_Identity` (talk.md 9.9) on the side of parameters and answers.

use serde_json::{Value, json};
use stoa_testkit::{channel, ours};

use crate::server::{KEY, NOW, OTHER_SECRET, Reply, Server, query};

const CHANGE: &str = "change_user_Identity";

async fn server() -> Server {
    with_user(Server::new().await).await
}

async fn with_user(s: Server) -> Server {
    s.b.enter(&channel("raid-7"), "leef", &ours("1", NOW)).await.unwrap();
    s
}

/// A request for `leef` in `raid-7` with these fields besides.
async fn change(s: &Server, fields: Value) -> Reply {
    let mut body = json!({"ChannelID": "raid-7", "UserID": "leef"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    s.ask(CHANGE, body).await
}

async fn identity(s: &Server) -> Value {
    let detail = s.ask("get_talk_channel_detail", json!({"ChannelID": "raid-7"})).await;
    detail.ok().body["UserList"][0]["IdentityType"].clone()
}

#[tokio::test]
async fn i04_types_out_of_range() {
    let s = server().await;
    for bad in [json!(0), json!(7), json!(-1), json!("x"), Value::Null, json!(1.5)] {
        let reply = change(&s, json!({"IdentityType": bad})).await;
        assert!(reply.expect(100_002).info().contains("IdentityType"));
        assert_eq!((&reply.body["Code"], &reply.body["UserID"]), (&json!(100_002), &json!("leef")));
    }
    change(&s, json!({})).await.expect(100_002);
}

#[tokio::test]
async fn i05_a_number_as_text() {
    let s = server().await;
    change(&s, json!({"IdentityType": "3"})).await.shows(json!({"ChannelID": "raid-7", "UserID": "leef", "Code": 0}));
    assert_eq!(identity(&s).await, 3);
}

#[tokio::test]
async fn i06_no_such_channel_or_user() {
    let s = server().await;
    let reply = s.ask(CHANGE, json!({"ChannelID": "x", "UserID": "leef", "IdentityType": 1, "RequstId": 5})).await;
    reply.expect(401);
    assert_eq!((&reply.body["Code"], &reply.body["ResponetId"]), (&json!(401), &json!(5)));
    let reply = s.ask(CHANGE, json!({"ChannelID": "raid-7", "UserID": "bob", "IdentityType": 1})).await;
    assert_eq!(reply.expect(402).body["Code"], 402);
}

#[tokio::test]
async fn i07_i11_requests_are_processed_in_the_order_of_their_numbers() {
    let s = server().await;
    let ask = async |to: i64, id: i64| change(&s, json!({"IdentityType": to, "RequstId": id})).await;
    ask(3, 10).await.ok();
    let stale = ask(5, 9).await;
    assert_eq!(stale.expect(403).info(), "RequstId 9 is lower than the last processed 10");
    assert_eq!((&stale.body["Code"], &stale.body["ResponetId"]), (&json!(403), &json!(9)));
    ask(5, 10).await.ok();
    assert_eq!(identity(&s).await, 3);
    ask(4, 11).await.ok();
    let reply = change(&s, json!({"IdentityType": 6})).await;
    assert!(reply.ok().body.get("ResponetId").is_none());
    assert_eq!(identity(&s).await, 6);
    ask(1, 10).await.expect(403);
}

#[tokio::test]
async fn i08_three_spellings_of_the_number() {
    for key in ["RequestId", "request_id", "RequstId"] {
        for emit in [false, true] {
            let s = with_user(Server::with(|o| o.config.emit_response_id = emit).await).await;
            let reply = change(&s, json!({"IdentityType": 1, key: 7})).await;
            assert_eq!(reply.ok().body["ResponetId"], 7);
            assert_eq!(reply.body.get("ResponseId"), emit.then_some(&json!(7)));
        }
    }
}

#[tokio::test]
async fn i09_numbers_beyond_what_a_double_holds() {
    let s = server().await;
    let reply = change(&s, json!({"IdentityType": 3, "RequstId": 9_007_199_254_740_993_i64})).await;
    assert!(reply.ok().text.contains("9007199254740993"));
    change(&s, json!({"IdentityType": 1, "RequstId": 9_007_199_254_740_992_i64})).await.expect(403);
}

#[tokio::test]
async fn i10_the_edges_of_64_bits() {
    for (id, code) in [("9223372036854775807", 0), ("9223372036854775808", 100_002), ("-5", 0), ("1.5", 100_002)] {
        let s = server().await;
        let body = format!(r#"{{"ChannelID":"raid-7","UserID":"leef","IdentityType":3,"RequstId":{id}}}"#);
        let reply = s.text(CHANGE, body).await;
        reply.expect(code);
        assert_eq!(reply.body.get("ResponetId").map(ToString::to_string), (code == 0).then(|| id.to_owned()));
    }
}

#[tokio::test]
async fn i23_every_answer_has_a_code() {
    let s = server().await;
    let bad = query(KEY, OTHER_SECRET, "admin", "1700000000");
    let reply = s.post(CHANGE, &bad, "{}").await;
    assert_eq!((reply.expect(70009).body["Code"].clone(), reply.body.as_object().unwrap().len()), (json!(70009), 4));
    let reply = s.text(CHANGE, "x").await;
    assert_eq!((reply.expect(60003).body["Code"].clone(), reply.body.as_object().unwrap().len()), (json!(60003), 4));
    let reply = change(&s, json!({"IdentityType": 1, "AppID": 7})).await;
    assert_eq!((reply.expect(60006).body["Code"].clone(), reply.body.as_object().unwrap().len()), (json!(60006), 4));
    let reply = s.ask(CHANGE, json!({"UserID": "leef", "IdentityType": 1, "RequstId": 3})).await;
    assert!(reply.expect(100_002).info().contains("ChannelID") && reply.body.get("ChannelID").is_none());
    assert_eq!((&reply.body["UserID"], &reply.body["ResponetId"]), (&json!("leef"), &json!(3)));
}

#[tokio::test]
async fn i26_the_published_sample_with_its_quotes() {
    let sample =
        "{\n\"ChannelID\": \"raid-7\",\n\"UserID\": \"leef\",\n“IdentityType”:  1 ,\n“RequstId”:  1591177759251\n}";
    let s = server().await;
    s.text(CHANGE, sample).await.expect(60003);
    let s = with_user(Server::with(|o| o.config.lenient_json = true).await).await;
    s.text(CHANGE, sample)
        .await
        .shows(json!({"ChannelID": "raid-7", "UserID": "leef", "ResponetId": 1_591_177_759_251_i64, "Code": 0}));
}
