//! Who may call what, generated: G28 and the table of classroom.md 2.9 (G29).

use serde_json::{Value, json};

use crate::routes::{ROUTES, Route, Scene};
use crate::server::{Options, Server};

#[tokio::test]
async fn g28_the_actor_is_the_caller() {
    for route in ROUTES {
        let Some(actor) = route.actor else { continue };
        let scene = Scene::new(route).await;
        let mut body = scene.body(route, "teacher1");
        // The rights of somebody else do not help.
        scene.server.post("stu01", route.path, Value::Object(body.clone())).await.is("403");
        if actor == "user_id" && route.path.ends_with("getRtcAuthToken") {
            body.insert(actor.into(), json!("teacher1_shadow"));
            scene.server.post("stu01", route.path, Value::Object(body.clone())).await.is("403");
        }
        scene.server.post("root1", route.path, Value::Object(body)).await.is("ok");
        let unbound = Server::with(Options { bind_subject: false, ..Options::default() }).await;
        let scene = Scene::of(unbound, route).await;
        let body = Value::Object(scene.body(route, "teacher1"));
        scene.server.post("stu01", route.path, body).await.is("ok");
    }
}

#[tokio::test]
async fn binding_comes_before_the_class_and_the_class_before_the_role() {
    let s = Server::new().await;
    for route in ROUTES.iter().filter(|r| r.actor.is_some() && r.fields.iter().any(|f| f.1 == crate::routes::Is::Class))
    {
        let scene = Scene::new(route).await;
        let mut body = scene.body(route, "teacher1");
        body.retain(|name, _| name != "x");
        for (name, is) in route.fields {
            if *is == crate::routes::Is::Class {
                body.insert((*name).to_owned(), json!("nothing"));
            }
        }
        s.post("stu01", route.path, Value::Object(body)).await.is("403");
    }
}

/// Columns of the table, with the user that stands for each.
const COLUMNS: [(&str, &str); 8] = [
    ("other", "other1"),
    ("student", "stu01"),
    ("left", "left1"),
    ("banned", "ban1"),
    ("assistant", "asst1"),
    ("assistant with the right", "asst1"),
    ("teacher", "teacher1"),
    ("admin", "root1"),
];

/// A row: which right helps an assistant, and what each column is answered.
fn row(route: &Route) -> (&'static str, [&'static str; 8]) {
    let name = route.path.rsplit('/').next().unwrap();
    let (ok, no) = ("ok", "403");
    let everybody = [ok; 8];
    let inside = [no, ok, no, no, ok, ok, ok, ok];
    let teacher = [no, no, no, no, no, no, ok, ok];
    let right = [no, no, no, no, no, ok, ok, ok];
    match name {
        "token" | "list" | "create" | "getWhiteboardAuthInfo" | "getAssistantPermit" | "get" => ("", everybody),
        "joinClass" => ("", [ok, ok, ok, "InBlackList", ok, ok, ok, ok]),
        "leaveClass" => ("", ["NotInClass", ok, "NotInClass", "NotInClass", ok, ok, ok, ok]),
        "start" | "stop" | "pause" | "delete" => ("SwitchClassStatus", teacher),
        "update" => ("EditAnnouncement", right),
        "listMembers" | "getMeetingInfo" | "queryDoc" | "getRunningCheckIn" | "getStatistics" | "isMuteChatroom" => {
            ("", inside)
        }
        "kickClass" | "cancelKick" => ("MemberManagement", right),
        "updateMeetingInfo" => ("InteractionManagement", teacher),
        "addDoc" | "addDocs" | "deleteDoc" | "deleteDocs" => ("Courceware", right),
        "setAssistantPermit" | "deleteAssistantPermit" => ("MemberManagement", teacher),
        "setCheckIn" | "getAllCheckIns" | "getCheckInRecords" => ("CheckInManagement", right),
        "checkIn" => ("", ["NotInClass", ok, "NotInClass", "NotInClass", ok, ok, ok, ok]),
        "getCheckInRecordByUserId" => ("CheckInManagement", right),
        "muteUser" | "cancelMuteUser" => ("MuteUser", right),
        "muteChatroom" | "cancelMuteChatroom" => ("MuteGroup", right),
        "sendLikeMessage" | "getRtcAuthToken" => ("", inside),
        "getLiveJumpUrl" => ("", everybody),
        other => unreachable!("{other} is not in the table"),
    }
}

/// A scene in which everybody of the table is.
async fn scene(route: &Route, rights: &[&str]) -> Scene {
    let mut scene = Scene::new(route).await;
    let (s, class) = (&scene.server, scene.class.clone());
    s.assistant(&class, "asst1", rights).await;
    for name in ["left1", "ban1", "root1", "stu02"] {
        s.join(&class, name, None).await.is("ok");
    }
    s.leave(&class, "left1").await.is("ok");
    s.kick(&class, "ban1").await;
    if route.path.ends_with("/checkIn") {
        // One that nobody has answered.
        s.pass(60);
        let made = json!({"class_id": class, "user_id": "teacher1", "duration": 60});
        scene.check_in = s.data("teacher1", "setCheckIn", made).await["id"].as_str().unwrap().to_owned();
    }
    scene
}

#[tokio::test]
async fn g29_every_route_answers_every_column_as_the_table_says() {
    for route in ROUTES {
        let (right, cells) = row(route);
        for ((column, name), want) in COLUMNS.into_iter().zip(cells) {
            let rights: &[&str] = if column == "assistant with the right" { &[right] } else { &[] };
            let scene = scene(route, rights).await;
            let mut body = scene.body(route, name);
            if route.path.ends_with("/update") {
                body.retain(|k, _| ["id", "user_id", "notice"].contains(&k.as_str()));
            }
            // Not themselves: that is another rule.
            if body.get("user_id") == Some(&json!("stu01")) && route.actor.is_none() && name == "stu01" {
                let other = if route.path.contains("Record") { "teacher1" } else { "stu02" };
                body.insert("user_id".into(), json!(other));
            }
            let r = scene.server.post(name, route.path, Value::Object(body)).await;
            assert_eq!(r.word(), want, "{} as {column}: {}", route.path, r.text);
        }
    }
}

#[tokio::test]
async fn g29_ones_own_record_may_be_read_in_class() {
    let route = ROUTES.iter().find(|r| r.path.ends_with("/getCheckInRecordByUserId")).unwrap();
    for (name, want) in [("stu01", "ok"), ("asst1", "404"), ("other1", "403"), ("left1", "403"), ("ban1", "403")] {
        let scene = scene(route, &[]).await;
        let mut body = scene.body(route, name);
        body.insert("user_id".into(), json!(name));
        scene.server.post(name, route.path, Value::Object(body)).await.is(want);
    }
}
