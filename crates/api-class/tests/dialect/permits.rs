//! The assistant's permit: 9.8 of the list.

use serde_json::{Value, json};

use crate::server::Server;

#[tokio::test]
async fn a01_a02_a03_a04_a10_a11_permits_are_kept_as_sent() {
    let s = Server::new().await;
    let class = s.class().await;
    let read = async |name: &str| s.post(name, "getAssistantPermit", json!({"class_id": class})).await;
    assert_eq!(read("other1").await.body, json!({"success": true}));
    let mut created = Value::Null;
    for (sent, kept) in [
        (json!("[\"Courceware\",\"MuteGroup\"]"), "[\"Courceware\",\"MuteGroup\"]"),
        (json!("{\"a\": true}"), "{\"a\": true}"),
        (json!("plain"), "plain"),
        (json!({"MuteUser": true}), "{\"MuteUser\":true}"),
        (json!(["MuteUser"]), "[\"MuteUser\"]"),
    ] {
        s.pass(1);
        let p = s.data("teacher1", "setAssistantPermit", json!({"class_id": class, "permit": sent})).await;
        assert_eq!((p.as_object().unwrap().len(), &p["permit"], &p["class_id"]), (4, &json!(kept), &json!(class)));
        if created.is_null() {
            created = p["created_at"].clone();
            assert_eq!(p["updated_at"], created);
        } else {
            assert_eq!(p["created_at"], created);
            assert_ne!(p["updated_at"], created);
        }
        assert_eq!(read("other1").await.body["data"], p);
    }
    for route in ["setAssistantPermit", "deleteAssistantPermit"] {
        s.post("teacher1", route, json!({"class_id": "zz", "permit": "x"})).await.is("404");
    }
    for unknown in ["zz", "00000000000000000000000000000000"] {
        let none = s.post("teacher1", "getAssistantPermit", json!({"class_id": unknown})).await;
        assert_eq!(none.body, json!({"success": true}));
    }
    let long = json!({"class_id": class, "permit": "x".repeat(65_537)});
    s.post("teacher1", "setAssistantPermit", long).await.bad(&["permit"]);
    let shadow = json!({"class_id": class, "permit": "x", "assistant_id": "a_shadow"});
    s.post("teacher1", "setAssistantPermit", shadow).await.bad(&["assistant_id"]);
}

#[tokio::test]
async fn a06_a_right_taken_away_is_missed_at_the_next_request() {
    let s = Server::new().await;
    let class = s.class().await;
    s.assistant(&class, "asst1", &["MuteGroup"]).await;
    let mute = || s.post("asst1", "muteChatroom", json!({"chatroom_id": class, "server_type": "x"}));
    mute().await.is("ok");
    s.permit(&class, &["Courceware"]).await;
    mute().await.is("403");
}

#[tokio::test]
async fn a07_a08_a09_without_a_permit_nobody_assists() {
    let s = Server::new().await;
    let class = s.class().await;
    s.assistant(&class, "asst1", &["MuteGroup"]).await;
    s.join(&class, "stu01", None).await;
    for name in ["asst1", "stu01", "other1"] {
        s.post(name, "setAssistantPermit", json!({"class_id": class, "permit": "[]"})).await.is("403");
        s.post(name, "deleteAssistantPermit", json!({"class_id": class})).await.is("403");
    }
    let delete = || s.post("teacher1", "deleteAssistantPermit", json!({"class_id": class, "im_server": ["x"]}));
    assert_eq!(delete().await.body, json!({"success": true}));
    let body = json!({"class_id": class, "status": 2});
    let left = s.data("teacher1", "listMembers", body).await["members"].clone();
    assert_eq!((&left[0]["user_id"], &left[0]["identity"]), (&json!("asst1"), &json!(1)));
    delete().await.is("ok");
    s.join(&class, "asst2", Some(2)).await.is("ClassNotAssistantPermit");
    s.permit(&class, &[]).await;
    s.join(&class, "asst2", Some(2)).await.is("ok");
}
