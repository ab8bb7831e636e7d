//! `push_mcu_msg` (talk.md 9.8) on the side of parameters.

use std::time::Duration;

use serde_json::{Value, json};
use stoa_api::Rate;
use stoa_testkit::{channel, ours};

use crate::server::{NOW, Server};

const PUSH: &str = "push_mcu_msg";

/// A server with `ann` in `raid-7`, and ann's session.
async fn server() -> (Server, String) {
    let s = Server::new().await;
    let sid = s.b.enter(&channel("raid-7"), "ann", &ours("1", NOW)).await.unwrap();
    (s, sid)
}

/// The last message that the session received.
fn last(s: &Server, sid: &str) -> Value {
    let inbox = s.b.media.inbox(&channel("raid-7"), sid);
    serde_json::from_str(&inbox.last().unwrap().body).unwrap()
}

async fn push(s: &Server, content: Value) -> u64 {
    s.ask(PUSH, json!({"meeting_id": "raid-7", "content": content})).await.code()
}

#[tokio::test]
async fn m01_m03_m04_whom_it_is_for() {
    let (s, sid) = server().await;
    for receiver in [json!(""), Value::Null, json!("ann")] {
        s.ask(PUSH, json!({"meeting_id": "raid-7", "content": "x", "receiver_id": receiver})).await.shows(json!({}));
    }
    s.ask(PUSH, json!({"meeting_id": "raid-7", "content": "x"})).await.ok();
    assert_eq!(s.b.media.inbox(&channel("raid-7"), &sid).len(), 4);
    s.ask(PUSH, json!({"meeting_id": "raid-7", "content": "x", "receiver_id": "bob"})).await.expect(100_005);
    s.ask(PUSH, json!({"meeting_id": "raid-8", "content": "x"})).await.expect(100_004);
}

#[tokio::test]
async fn m05_m06_m07_the_limit_counts_decoded_bytes() {
    let (s, sid) = server().await;
    for content in [format!("{}ab", "测".repeat(682)), "😀".repeat(512), "\"".repeat(2048)] {
        assert_eq!(content.len(), 2048);
        assert_eq!(push(&s, json!(content)).await, 0);
        assert_eq!(last(&s, &sid)["content"], content);
    }
    for content in ["测".repeat(683), "😀".repeat(513), "\"".repeat(2049)] {
        assert_eq!(push(&s, json!(content)).await, 100_002);
    }
    let escaped = |n: usize| format!("{{\"meeting_id\":\"raid-7\",\"content\":\"{}\"}}", r"\ud83d\ude00".repeat(n));
    s.text(PUSH, escaped(512)).await.ok();
    assert_eq!(last(&s, &sid)["content"], "😀".repeat(512));
    s.text(PUSH, escaped(513)).await.expect(100_002);
}

#[tokio::test]
async fn m08_what_is_no_text() {
    let (s, _) = server().await;
    assert!(s.ask(PUSH, json!({"meeting_id": "raid-7"})).await.expect(100_002).info().contains("content"));
    for bad in [Value::Null, json!(""), json!(5), json!({})] {
        assert_eq!(push(&s, bad).await, 100_002);
    }
}

#[tokio::test]
async fn m09_texts_arrive_unchanged() {
    let (s, sid) = server().await;
    for content in [" ", "a\u{0}b", "\r\n\t", "<b onclick='x'>&amp;</b>", "\u{feff}"] {
        assert_eq!(push(&s, json!(content)).await, 0);
        assert_eq!(last(&s, &sid)["content"], content);
    }
}

#[tokio::test]
async fn m10_a_lone_surrogate_is_not_json() {
    let (s, _) = server().await;
    s.text(PUSH, r#"{"meeting_id":"raid-7","content":"\ud83d"}"#).await.expect(60003);
}

#[tokio::test]
async fn m11_the_sender_is_a_label() {
    let (s, sid) = server().await;
    for (sent, shown) in [(Value::Null, ""), (json!(""), ""), (json!("nobody"), "nobody"), (json!(7), "7")] {
        s.ask(PUSH, json!({"meeting_id": "raid-7", "content": "x", "user_id": sent})).await.ok();
        assert_eq!(last(&s, &sid)["user_id"], shown);
    }
    let long = json!({"meeting_id": "raid-7", "content": "x", "user_id": "x".repeat(256)});
    assert!(s.ask(PUSH, long).await.expect(100_002).info().contains("user_id"));
}

#[tokio::test]
async fn m18_each_channel_has_its_own_rate() {
    let s = Server::with(|o| o.config.push_rate = Rate { per_sec: 20, burst: 40 }).await;
    for place in ["raid-7", "raid-8"] {
        s.b.enter(&channel(place), "ann", &ours("1", NOW)).await.unwrap();
    }
    for _ in 0..40 {
        assert_eq!(push(&s, json!("x")).await, 0);
    }
    // Bad parameters are told before, and cost nothing.
    assert_eq!(push(&s, json!("")).await, 100_002);
    assert_eq!(push(&s, json!("x")).await, 60018);
    s.ask(PUSH, json!({"meeting_id": "raid-8", "content": "x"})).await.ok();
    s.b.clock.forward(Duration::from_millis(50));
    assert_eq!(push(&s, json!("x")).await, 0);
}
