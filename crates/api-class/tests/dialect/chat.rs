//! Mutes, likes, statistics, media tokens: 9.10 of the list.

use serde_json::{Value, json};
use stoa_core::group::GroupKey;
use stoa_core::id::ClassId;
use stoa_testkit::ours;

use crate::server::Server;

fn room(class: &str) -> Value {
    json!({"chatroom_id": class, "server_type": "rongCloud"})
}

fn with(class: &str, more: Value) -> Value {
    let mut b = room(class);
    b.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    b
}

#[tokio::test]
async fn u01_u02_u04_a_mute_ends_by_itself_and_shows_to_the_muted() {
    let s = Server::new().await;
    let class = s.class().await;
    s.join(&class, "stu01", None).await;
    let status = async |name: &str| s.get(name, &class).await["user_status"].clone();
    assert_eq!(status("stu01").await, json!({"mute": false, "mute_source": []}));
    let mute =
        |minute: Value| s.post("teacher1", "muteUser", with(&class, json!({"user_id": "stu01", "minute": minute})));
    for bad in [0, 43_201] {
        mute(json!(bad)).await.bad(&["minute"]);
    }
    s.post("teacher1", "muteUser", json!({"chatroom_id": class, "user_id": "stu01", "minute": 1}))
        .await
        .bad(&["server_type"]);
    assert_eq!(mute(json!(1)).await.body, json!({"success": true, "data": {"result": true}}));
    assert_eq!(status("stu01").await, json!({"mute": true, "mute_source": ["user"]}));
    assert_eq!(status("teacher1").await, json!({"mute": false, "mute_source": []}));
    s.data("teacher1", "muteChatroom", room(&class)).await;
    assert_eq!(status("stu01").await, json!({"mute": true, "mute_source": ["user", "group"]}));
    s.pass(61);
    assert_eq!(status("stu01").await, json!({"mute": true, "mute_source": ["group"]}));
    assert_eq!(status("teacher1").await, json!({"mute": false, "mute_source": []}));
    s.data("teacher1", "cancelMuteChatroom", room(&class)).await;
    mute(json!(43_200)).await.is("ok");
    s.data("teacher1", "cancelMuteUser", with(&class, json!({"user_id": "stu01"}))).await;
    assert_eq!(status("stu01").await, json!({"mute": false, "mute_source": []}));
}

#[tokio::test]
async fn u03_u05_k11_mutes_of_all_and_of_those_who_cannot_be_muted() {
    let s = Server::new().await;
    let class = s.class().await;
    let is = async || s.data("teacher1", "isMuteChatroom", room(&class)).await["result"].clone();
    assert_eq!(is().await, false);
    for _ in 0..2 {
        assert_eq!(s.data("teacher1", "muteChatroom", room(&class)).await["result"], true);
        assert_eq!(is().await, true);
    }
    assert_eq!(s.data("teacher1", "cancelMuteChatroom", room(&class)).await["result"], true);
    assert_eq!(is().await, false);
    s.assistant(&class, "asst1", &["MemberManagement"]).await;
    let mute =
        async |by: &str, whom: &str| s.post(by, "muteUser", with(&class, json!({"user_id": whom, "minute": 1}))).await;
    mute("root1", "teacher1").await.is("403");
    mute("asst1", "stu01").await.is("403");
    s.kick(&class, "stu01").await;
    mute("asst1", "stu01").await.is("ok");
    mute("teacher1", "stu01").await.is("ok");
    s.data("teacher1", "cancelKick", json!({"class_id": class, "user_id": "stu01"})).await;
    assert_eq!(s.get("stu01", &class).await["user_status"]["mute"], false, "a banned user's mute has no effect");
    for route in ["muteChatroom", "cancelMuteChatroom", "isMuteChatroom", "getStatistics"] {
        s.post("teacher1", route, room("zz")).await.is("404");
    }
}

#[tokio::test]
async fn u06_u07_u09_likes_and_connections_are_counted() {
    let s = Server::new().await;
    let class = s.class().await;
    s.join(&class, "stu01", None).await;
    s.join(&class, "stu02", None).await;
    for _ in 0..5 {
        s.data("stu01", "sendLikeMessage", with(&class, json!({"user_id": "stu01"}))).await;
    }
    let channel = s.bench.store_class(&class).await.channel();
    for identity in ["stu01", "stu01\u{1f}phone", "stu02"] {
        s.bench.enter(&channel, identity, &ours("2", 0)).await.unwrap();
    }
    let before = s.get("other1", &class).await["metrics"].clone();
    assert_eq!(before, json!({"pv": 0, "uv": 0, "like_count": 5, "online_count": 2}), "nobody joined the group");
    let group = GroupKey::class(stoa_testkit::APP, ClassId::parse(&class).unwrap());
    for who in ["stu01", "stu02", "stu01"] {
        s.bench.world.store.visit_group(&group, &stoa_testkit::user(who), "").await.unwrap();
    }
    let metrics = json!({"pv": 3, "uv": 2, "like_count": 5, "online_count": 2});
    assert_eq!(s.data("stu01", "getStatistics", room(&class)).await, json!({"metrics": metrics}));
    assert_eq!(s.get("other1", &class).await["metrics"], metrics);
}

/// Finds a class in the world.
trait StoreClass {
    async fn store_class(&self, class: &str) -> std::sync::Arc<stoa_core::class::Class>;
}

impl StoreClass for stoa_testkit::Bench {
    async fn store_class(&self, class: &str) -> std::sync::Arc<stoa_core::class::Class> {
        let id = ClassId::parse(class).unwrap();
        self.world.store.class(stoa_testkit::APP, id).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn u10_media_tokens_for_members_without_an_envelope() {
    let s = Server::new().await;
    let class = s.class().await;
    let meeting = s.get("teacher1", &class).await["meeting_id"].clone();
    s.join(&class, "stu01", None).await;
    let token = async |name: &str, user: &str, room: &Value| {
        s.post(name, "getRtcAuthToken", json!({"room_id": room, "user_id": user})).await
    };
    let r = token("stu01", "stu01", &meeting).await;
    let b = &r.body;
    assert_eq!((&b["success"], &b["auth_token"]), (&json!(true), &b["authToken"]));
    assert_eq!((&b["timestamp"], &b["rtc_provider"]), (&json!(1_700_884_074), &json!("embedded")));
    assert_eq!(
        (&b["rtc_url"], &b["rtc_room"], &b["rtc_identity"]),
        (&json!("wss://class.example.com"), &meeting, &json!("stu01"))
    );
    assert_eq!(token("stu01", "stu01_shadow", &meeting).await.body["rtc_identity"], "stu01_shadow");
    token("teacher1", "teacher1", &meeting).await.is("ok");
    token("other1", "other1", &meeting).await.is("403");
    token("stu01", "teacher1", &meeting).await.is("403");
    token("stu01", "teacher1_shadow", &meeting).await.is("403");
    token("root1", "stu01", &meeting).await.is("ok");
    for unknown in [json!("nothing"), json!("e65c9abd-0def-49c3-b7db-29380dbc0001"), json!(class)] {
        token("stu01", "stu01", &unknown).await.is("404");
    }
    token("stu01", "_shadow", &meeting).await.bad(&["user_id"]);
    s.kick(&class, "stu01").await;
    token("stu01", "stu01", &meeting).await.is("403");
}
