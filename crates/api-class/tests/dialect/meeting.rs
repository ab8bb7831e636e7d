//! Meeting info: 9.6 of the list.

use serde_json::{Value, json};

use crate::server::Server;

async fn update(s: &Server, class: &str, mut body: Value) -> Value {
    body["id"] = json!(class);
    s.data("teacher1", "updateMeetingInfo", body).await
}

#[tokio::test]
async fn i01_i02_i03_i04_i05_i08_i09_keys_are_replaced_whole() {
    let s = Server::new().await;
    let class = s.class().await;
    let read = async || s.data("teacher1", "getMeetingInfo", json!({"id": class})).await;
    assert_eq!(read().await, json!({"members": []}));
    let sent = json!({"members": [{"user_id": "stu01", "user_nick": "小明", "user_camera_opened": true, "mic_opened": "true", "sid": "x", "n": {"a": [1]}}]});
    let now = update(&s, &class, sent).await;
    let entry = json!({"user_id": "stu01", "user_nick": "小明", "user_camera_opened": true, "camera_opened": true, "mic_opened": true, "sid": "x", "n": {"a": [1]}});
    assert_eq!(now, json!({"members": [entry]}));
    let now = update(&s, &class, json!({"all_mute": true})).await;
    assert_eq!(now, json!({"members": [entry], "all_mute": true}));
    let now = update(&s, &class, json!({"members": [{"user_id": "a"}], "all_mute": null})).await;
    assert_eq!(now, json!({"members": [{"user_id": "a"}], "all_mute": true}));
    let now = update(&s, &class, json!({"members": [], "interaction_allowed": false})).await;
    assert_eq!(now, json!({"members": [], "all_mute": true, "interaction_allowed": false}));
    assert_eq!(read().await, now);
    let c = s.get("teacher1", &class).await;
    assert_eq!(c["meetingInfo"], c["meeting_info"]);
    assert_eq!(serde_json::from_str::<Value>(c["meetingInfo"].as_str().unwrap()).unwrap(), now);
}

#[tokio::test]
async fn i06_i12_bad_lists_change_nothing() {
    let s = Server::new().await;
    let class = s.class().await;
    let before = update(&s, &class, json!({"members": [{"user_id": "a"}]})).await;
    let many = |n: usize| (0..n).map(|i| json!({"user_id": format!("u{i}")})).collect::<Vec<_>>();
    for bad in [
        json!("x"),
        json!({"user_id": "a"}),
        json!(["a"]),
        json!([{"user_id": "a"}, {"user": "b"}]),
        json!([{"user_id": ""}]),
        json!([{"user_id": "a", "x": "y".repeat(257 * 1024)}]),
        json!(many(201)),
    ] {
        s.post("teacher1", "updateMeetingInfo", json!({"id": class, "members": bad, "all_mute": true}))
            .await
            .bad(&["members"]);
    }
    assert_eq!(s.data("teacher1", "getMeetingInfo", json!({"id": class})).await, before);
    update(&s, &class, json!({"members": many(200)})).await;
}

#[tokio::test]
async fn i07_updates_at_once_lose_no_key() {
    let s = Server::new().await;
    let class = s.class().await;
    let one = |i: usize| {
        let body = if i.is_multiple_of(2) {
            json!({"members": [{"user_id": format!("u{i}")}]})
        } else {
            json!({"all_mute": i % 4 == 1, "interaction_allowed": i % 4 == 3})
        };
        update(&s, &class, body)
    };
    let answers = futures_util::future::join_all((0..500).map(one)).await;
    let last = s.data("teacher1", "getMeetingInfo", json!({"id": class})).await;
    assert!(answers.contains(&last) && last["members"][0].is_object() && last["all_mute"].is_boolean());
    assert!(answers.iter().filter(|a| a.get("all_mute").is_some()).all(|a| a["all_mute"] != a["interaction_allowed"]));
}

#[tokio::test]
async fn i10_i11_i13_who_may() {
    let s = Server::new().await;
    let class = s.class().await;
    s.assistant(&class, "asst1", &["InteractionManagement"]).await;
    s.join(&class, "stu01", None).await;
    for name in ["stu01", "asst1", "other1"] {
        s.post(name, "updateMeetingInfo", json!({"id": class, "all_mute": true})).await.is("403");
    }
    s.post("other1", "getMeetingInfo", json!({"id": class})).await.is("403");
    for route in ["getMeetingInfo", "updateMeetingInfo"] {
        s.post("teacher1", route, json!({"id": "zz"})).await.is("404");
    }
}

#[tokio::test]
async fn k12_a_kick_takes_the_entry_out() {
    let s = Server::new().await;
    let class = s.class().await;
    s.join(&class, "stu01", None).await;
    update(&s, &class, json!({"members": [{"user_id": "teacher1"}, {"user_id": "stu01"}]})).await;
    s.kick(&class, "stu01").await;
    let now = s.data("teacher1", "getMeetingInfo", json!({"id": class})).await;
    assert_eq!(now, json!({"members": [{"user_id": "teacher1"}]}));
}
