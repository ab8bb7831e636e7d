//! Acceptance list 9.4 and 9.6: rooms.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stoa_core::id::{Identity, RoomId};
use stoa_core::media::{MediaEvent, MediaFact, Who};
use stoa_core::time::UnixMs;

use crate::server::{Options, Server, user};

const INSTANT: &str = "2024-03-14T20:43:00+08:00";

fn free_seats() -> String {
    let free = |i: u8| format!(r#"{{"index":{i},"joined":false,"user_id":""}}"#);
    format!(r#"{{"members":[{}]}}"#, (1..=8).map(free).collect::<Vec<_>>().join(","))
}

fn ids(list: &Value) -> Vec<String> {
    list["rooms"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn c1_c2_a_new_room_is_answered_whole() {
    let s = Server::new();
    let ask = json!({"title":"Friday jazz","anchor":"alice","anchor_nick":"Alice","notice":"be kind",
        "extends":"{\"anchor_avatar\":\"https://img.example.org/a.png\"}"});
    let r = s.post("alice", "create", ask).await;
    r.expect(200, 200);
    let (id, code) = (r.body["id"].as_str().unwrap(), r.body["show_code"].as_u64().unwrap());
    assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
    assert!((10_000_000..=99_999_999).contains(&code));
    let want = json!({"code":200,"id":id,"chat_id":id,"title":"Friday jazz","notice":"be kind",
        "extends":"{\"anchor_avatar\":\"https://img.example.org/a.png\"}","cover_url":"","anchor_id":"alice",
        "anchor_nick":"Alice","status":1,"show_code":code,"metrics":{"online_count":0},"created_at":INSTANT,
        "updated_at":INSTANT,"started_at":INSTANT,"meetingInfo":free_seats()});
    assert_eq!(r.body, want);
    assert_eq!(s.post("bob", "get", json!({"id": id, "user_id": [7]})).await.body, want);
    let least = s.post("alice", "create", json!({"title":"t","anchor":"alice"})).await;
    assert_eq!(
        (&least.body["notice"], &least.body["extends"], &least.body["anchor_nick"]),
        (&json!(""), &json!(""), &json!(""))
    );
}

#[tokio::test]
async fn c3_an_anchor_is_the_caller_unless_an_administrator_asks() {
    let s = Server::new();
    s.post("bob", "create", json!({"title":"t","anchor":"alice"})).await.expect(200, 403);
    assert_eq!(ids(&s.post("bob", "list", json!({})).await.body).len(), 0);
    let r = s.post("root", "create", json!({"title":"t","anchor":"alice"})).await;
    assert_eq!(r.expect(200, 200).body["anchor_id"], "alice");
}

#[tokio::test]
async fn c4_i9_texts_are_counted_in_characters_and_kept_as_sent() {
    let s = Server::new();
    let title = "😀".repeat(256);
    let nick = " e\u{301}\u{200f}مرحبا ";
    let r = s
        .post("alice", "create", json!({"title":title,"anchor":"alice","anchor_nick":nick,"notice":"\u{fb01}\n"}))
        .await;
    assert_eq!(
        (&r.body["title"], &r.body["anchor_nick"], &r.body["notice"]),
        (&json!(title), &json!(nick), &json!("\u{fb01}\n"))
    );
    for (field, value) in [
        ("title", json!("😀".repeat(257))),
        ("title", json!("  ")),
        ("anchor_nick", json!("x".repeat(257))),
        ("notice", json!("x".repeat(1025))),
    ] {
        let mut ask = json!({"title":"t","anchor":"alice"});
        ask[field] = value;
        let r = s.post("alice", "create", ask).await;
        assert!(r.expect(200, 400).body["msg"].as_str().unwrap().starts_with(field));
    }
}

#[tokio::test]
async fn c5_c6_extends_is_kept_or_refused() {
    let s = Server::new();
    let create =
        async |extends: Value| s.post("alice", "create", json!({"title":"t","anchor":"alice","extends":extends})).await;
    for (sent, kept) in [
        (json!(""), ""),
        (json!("  "), ""),
        (json!("{\"a\":1}"), "{\"a\":1}"),
        (json!("{\n \"anchor_avatar\" : \"https:\\/\\/x\"\n}"), "{\n \"anchor_avatar\" : \"https:\\/\\/x\"\n}"),
        (json!("{\"user_avatrar\":\"x\"}"), "{\"user_avatrar\":\"x\"}"),
        (json!({"b": [1, 2], "a": "x y"}), "{\"a\":\"x y\",\"b\":[1,2]}"),
    ] {
        assert_eq!(create(sent).await.expect(200, 200).body["extends"], kept);
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(16), "]".repeat(16));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(8193 - 8));
    let before = ids(&s.post("bob", "list", json!({})).await.body).len();
    for bad in [
        json!("[]"),
        json!("\"x\""),
        json!("null"),
        json!([]),
        json!(7),
        json!({"anchor_avatar": 7}),
        json!(deep),
        json!(long),
        json!("{\"anchor_avatar\":null}"),
        json!("{\"anchor_avatar\":{}}"),
        json!("{\"a\":1,\"a\":2}"),
        json!("{\"a\":1,}"),
    ] {
        create(bad).await.expect(200, 400);
    }
    assert_eq!(ids(&s.post("bob", "list", json!({})).await.body).len(), before);
}

#[tokio::test]
async fn c7_a_show_code_that_collides_is_drawn_again_up_to_twenty_times() {
    let s = Server::new();
    s.draws.force([5]);
    let taken = s.post("alice", "create", json!({"title":"t","anchor":"alice"})).await;
    assert_eq!(taken.body["show_code"], 10_000_005);
    s.draws.force(std::iter::repeat_n(5, 19).chain([6]));
    let r = s.post("alice", "create", json!({"title":"t","anchor":"alice"})).await;
    assert_eq!(r.expect(200, 200).body["show_code"], 10_000_006);
    s.draws.force_always(Some(5));
    let r = s.post("alice", "create", json!({"title":"t","anchor":"alice"})).await;
    assert_eq!(r.expect(200, 500).body, json!({"code":500,"message":"internal error"}));
    s.draws.force_always(None);
    assert_eq!(ids(&s.post("bob", "list", json!({})).await.body).len(), 2, "no row left");
}

#[tokio::test]
async fn c8_two_hundred_creations_at_once_are_two_hundred_rooms() {
    let s = Arc::new(Server::new());
    let all = (0..200).map(|i| {
        let s = s.clone();
        async move {
            let name = format!("u{i}");
            let r = s.post(&name, "create", json!({"title":"t","anchor":name})).await;
            r.expect(200, 200);
            (r.body["id"].as_str().unwrap().to_owned(), r.body["show_code"].as_u64().unwrap())
        }
    });
    let made = futures_util::future::join_all(all).await;
    assert_eq!(made.iter().map(|m| &m.0).collect::<BTreeSet<_>>().len(), 200);
    assert_eq!(made.iter().map(|m| m.1).collect::<BTreeSet<_>>().len(), 200);
}

#[tokio::test]
async fn the_room_limit_of_an_owner_is_403_and_counts_live_rooms_only() {
    let s = Server::with(Options { max_live: 1, ..Options::default() });
    let id = s.room("alice").await;
    s.post("alice", "create", json!({"title":"t","anchor":"alice"})).await.expect(200, 403);
    s.room("bob").await;
    s.post("alice", "dismiss", json!({"id":id,"user_id":"alice"})).await.expect(200, 200);
    s.room("alice").await;
}

#[tokio::test]
async fn i1_i2_i4_i5_i7_pages_by_number() {
    let s = Server::new();
    assert_eq!(s.post("bob", "list", json!({})).await.body, json!({"code":200,"rooms":[]}));
    let mut made = Vec::new();
    for _ in 0..25 {
        s.clock.forward(Duration::from_millis(1));
        made.push(s.room("alice").await);
    }
    s.dismissed_room("alice").await;
    made.reverse();
    let page = async |ask: Value| ids(&s.post("bob", "list", ask).await.expect(200, 200).body);
    assert_eq!(page(json!({"page_num":1,"page_size":10,"user_id":"admin"})).await, made[..10]);
    assert_eq!(page(json!({"page_num":2,"page_size":10,"user_id":7})).await, made[10..20]);
    assert_eq!(page(json!({"page_num":3,"page_size":10,"user_id":["x"]})).await, made[20..]);
    assert!(page(json!({"page_num":4,"page_size":10})).await.is_empty());
    for same in [
        json!({}),
        json!({"page_num":0}),
        json!({"page_num":-5,"page_size":-1}),
        json!({"page_num":"","page_size":null}),
    ] {
        assert_eq!(page(same).await, made[..10]);
    }
    assert_eq!(page(json!({"page_size":501})).await, made);
    assert_eq!(page(json!({"page_num":"2","page_size":" 2 "})).await, made[2..4], "g16");
    assert!(page(json!({"page_num":i64::MAX,"page_size":500})).await.is_empty());
}

#[tokio::test]
async fn i3_i6_cursors_show_each_room_once_also_among_equal_instants_and_changes() {
    let s = Server::new();
    let mut stay = BTreeSet::new();
    for _ in 0..50 {
        stay.insert(s.room("alice").await);
    }
    let by_number = ids(&s.post("bob", "list", json!({"page_size":50})).await.body);
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let mut ask = json!({"page_size":7});
        if let Some(c) = cursor {
            ask["cursor"] = c;
            ask["page_num"] = json!(9); // counts no longer
        }
        let r = s.post("bob", "list", ask).await;
        seen.extend(ids(&r.expect(200, 200).body));
        let doomed = s.room("mallory").await;
        s.post("mallory", "dismiss", json!({"id":doomed,"user_id":"mallory"})).await.expect(200, 200);
        s.clock.forward(Duration::from_secs(1));
        s.room("newcomer").await;
        cursor = r.body.get("next_cursor").cloned();
        if cursor.is_none() {
            break;
        }
        assert!(seen.len() <= 500, "the walk ends");
    }
    let seen_stay: Vec<_> = seen.iter().filter(|id| stay.contains(*id)).cloned().collect();
    assert_eq!(seen_stay, by_number, "each exactly once, in the order of the pages");
}

#[tokio::test]
async fn e1_a_dismissed_room_can_still_be_read() {
    let s = Server::new();
    let id = s.room("alice").await;
    s.sit(&id, "bob").await.expect(200, 200);
    s.clock.forward(Duration::from_secs(60));
    s.post("alice", "dismiss", json!({"id":id,"user_id":"alice"})).await.expect(200, 200);
    let r = s.post("bob", "get", json!({"id":id})).await;
    assert_eq!((&r.body["status"], &r.body["created_at"]), (&json!(2), &json!(INSTANT)));
    for k in ["stopped_at", "updated_at"] {
        assert_eq!(r.body[k], "2024-03-14T20:44:00+08:00");
    }
    let seats: Value = serde_json::from_str(r.body["meetingInfo"].as_str().unwrap()).unwrap();
    assert!(seats["members"].as_array().unwrap().iter().all(|m| m["joined"] == false));
    assert_eq!(seats["members"][0]["extends"], "");
    for unknown in ["0123456789abcdef0123456789abcdef", "x", "../etc"] {
        let r = s.post("bob", "get", json!({"id":unknown})).await;
        assert_eq!(r.expect(200, 404).body["message"], "room not found");
    }
}

#[tokio::test]
async fn e2_online_count_is_who_the_engine_sees() {
    let s = Server::new();
    let id = s.room("alice").await;
    let room = s.voice.get(RoomId::parse(&id)).await.unwrap();
    let joined = |name: &str, hidden| MediaEvent {
        channel: room.channel(),
        channel_sid: "RM_1".into(),
        seq: 1,
        id: "EV_1".into(),
        at: UnixMs(0),
        fact: MediaFact::ParticipantJoined(Who {
            identity: Identity::new(name).unwrap(),
            user: user(name),
            sid: format!("PA_{name}"),
            hidden,
        }),
    };
    for (name, hidden) in [("a", false), ("b", false), ("ghost", true)] {
        s.world.live.note(&joined(name, hidden));
    }
    assert_eq!(s.post("bob", "get", json!({"id":id})).await.body["metrics"]["online_count"], 2);
    assert_eq!(s.post("bob", "list", json!({})).await.body["rooms"][0]["metrics"]["online_count"], 2);
    s.post("alice", "dismiss", json!({"id":id,"user_id":"alice"})).await.expect(200, 200);
    assert_eq!(s.post("bob", "get", json!({"id":id})).await.body["metrics"]["online_count"], 0);
}

#[tokio::test]
async fn u1_u2_update_changes_what_is_given() {
    let s = Server::new();
    let id = s.room("alice").await;
    s.clock.forward(Duration::from_secs(60));
    let later = "2024-03-14T20:44:00+08:00";
    let r = s.post("alice", "update", json!({"id":id,"notice":"n","cover_url":"u","anchor_nick":"A"})).await;
    r.expect(200, 200);
    assert_eq!(
        (&r.body["notice"], &r.body["cover_url"], &r.body["anchor_nick"]),
        (&json!("n"), &json!("u"), &json!("A"))
    );
    assert_eq!((&r.body["updated_at"], &r.body["created_at"]), (&json!(later), &json!(INSTANT)));
    s.clock.forward(Duration::from_secs(60));
    for same in [json!({"id":id}), json!({"id":id,"title":""}), json!({"id":id,"title":"  ","notice":"n"})] {
        let r = s.post("alice", "update", same).await;
        assert_eq!((&r.body["title"], &r.body["updated_at"]), (&json!("t"), &json!(later)));
    }
    let r = s.post("root", "update", json!({"id":id,"notice":"","title":"new"})).await;
    assert_eq!((&r.body["notice"], &r.body["title"]), (&json!(""), &json!("new")));
    s.post("bob", "update", json!({"id":id,"title":"x"})).await.expect(200, 403);
    s.post("alice", "update", json!({"id":id,"cover_url":"x".repeat(1025)})).await.expect(200, 400);
    let ended = s.dismissed_room("alice").await;
    for gone in [ended.as_str(), "0123456789abcdef0123456789abcdef"] {
        s.post("alice", "update", json!({"id":gone,"title":"x"})).await.expect(200, 404);
    }
}

#[tokio::test]
async fn d1_d2_d3_d4_dismissal_and_its_refusals() {
    let s = Server::new();
    let id = s.room("alice").await;
    let dismiss = async |who: &str, id: &str, name: &str| s.post(who, "dismiss", json!({"id":id,"user_id":name})).await;
    let r = dismiss("bob", &id, "bob").await;
    assert_eq!(r.expect(200, 200).body["success"], false);
    assert_eq!(r.body["reason"], "NoPermit");
    let r = dismiss("bob", &id, "alice").await;
    assert_eq!(r.expect(200, 403).body["reason"], "NoPermit");
    assert_eq!(r.body["success"], false);
    for unknown in ["0123456789abcdef0123456789abcdef", "x"] {
        let r = dismiss("bob", unknown, "bob").await;
        assert_eq!((&r.expect(200, 200).body["success"], &r.body["reason"]), (&json!(false), &json!("Unknown")));
    }
    assert_eq!(dismiss("alice", &id, "alice").await.body, json!({"code":200,"success":true}));
    let stopped = s.post("bob", "get", json!({"id":id})).await.body["stopped_at"].clone();
    s.clock.forward(Duration::from_secs(60));
    assert_eq!(dismiss("alice", &id, "alice").await.body, json!({"code":200,"success":true}));
    assert_eq!(dismiss("root", &id, "anybody").await.body, json!({"code":200,"success":true}));
    assert_eq!(s.post("bob", "get", json!({"id":id})).await.body["stopped_at"], stopped);
    assert!(ids(&s.post("bob", "list", json!({})).await.body).is_empty());
}
