//! Creating, listing, reading, changing, deleting; starting and stopping: 9.3 and 9.4 of the list.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stoa_core::class::Creators;
use stoa_testkit::user;

use crate::server::{Options, Server};

fn hex32(v: &Value) -> bool {
    let s = v.as_str().unwrap();
    s.len() == 32 && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[tokio::test]
async fn c01_c02_c08_c09_a_new_class_is_answered_whole() {
    let s = Server::new().await;
    let published =
        json!({"title": "T", "notice": "N", "teacher_id": "teacher1", "teacher_nick": "Li", "extends": "{\"a\":1}"});
    let official = json!({"teacher_id": "teacher1", "teacher_nick": "Li", "extends": "{}", "mode": 0, "title": "课堂1", "im_server": ["aliyun_new"]});
    let mut keys = Vec::new();
    for (path, body) in [("create", published.clone()), ("/api/v2/class/create", official)] {
        let c = s.data("teacher1", path, body).await;
        assert!(hex32(&c["id"]) && c["chat_id"] == c["id"] && c["aliyun_id"] == c["id"]);
        assert_eq!(c["meeting_id"].as_str().unwrap().matches('-').count(), 4);
        assert_eq!((&c["status"], &c["mode"]), (&json!(0), &json!(0)));
        assert_eq!(
            (&c["created_at"], &c["updated_at"]),
            (&json!("2023/11/24 11:47:54"), &json!("2023/11/24 11:47:54"))
        );
        let boards: Value = serde_json::from_str(c["boards"].as_str().unwrap()).unwrap();
        assert_eq!(boards.as_object().unwrap().len(), 7);
        assert_eq!((&boards["boardId"], &boards["code"], &boards["boardTitle"]), (&c["id"], &json!(200), &c["title"]));
        let head = u64::from_str_radix(&c["id"].as_str().unwrap()[..12], 16).unwrap();
        assert_eq!(boards["cid"], format!("{head:015}"));
        for absent in
            ["started_at", "stopped_at", "vod_info", "vod_id", "cover_url", "assistantPermit", "rong_cloud_id"]
        {
            assert!(c.get(absent).is_none(), "{absent}");
        }
        keys.push(c.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
    }
    assert_eq!(keys[0], keys[1]);
    let c = s.data("teacher1", "create", published).await;
    assert_eq!((&c["notice"], &c["extends"], &c["teacher_nick"]), (&json!("N"), &json!("{\"a\":1}"), &json!("Li")));
}

#[tokio::test]
async fn c03_c04_c05_c06_c11_fields_of_create_have_their_limits() {
    let s = Server::new().await;
    let with = |name: &str, value: Value| {
        let mut b = json!({"title": "T", "teacher_id": "t"});
        b[name] = value;
        b
    };
    for good in [json!([]), json!("stoa"), json!(["aliyun"]), json!(["rong_cloud", "ALIYUN_NEW"]), json!(null)] {
        s.post("t", "create", with("im_server", good)).await.is("ok");
    }
    s.post("t", "create", with("im_server", json!(["icq"]))).await.bad(&["im_server"]);
    for (mode, want) in [(json!(2), 2), (json!(null), 0), (json!("1"), 1), (json!(""), 0)] {
        assert_eq!(s.data("t", "create", with("mode", mode)).await["mode"], want);
    }
    for bad in [3, -1] {
        s.post("t", "create", with("mode", json!(bad))).await.bad(&["mode"]);
    }
    for (name, chars) in [("title", 256), ("teacher_nick", 256)] {
        for good in ["😀\"\n\u{202e}x".to_owned(), "好".repeat(chars), "x".into()] {
            assert_eq!(s.data("t", "create", with(name, json!(good))).await[name], good);
        }
        s.post("t", "create", with(name, json!("x".repeat(chars + 1)))).await.bad(&[name]);
    }
    let extends = json!({"a": [1.0, {"b": "c d"}]});
    assert_eq!(s.data("t", "create", with("extends", extends)).await["extends"], r#"{"a":[1.0,{"b":"c d"}]}"#);
    let blank = s.data("t", "create", with("extends", json!("  "))).await;
    assert_eq!(blank["extends"], "  ", "kept exactly");
}

#[tokio::test]
async fn c07_only_administrators_create_for_others_and_operators_say_who_may() {
    let s = Server::new().await;
    let body = json!({"title": "T", "teacher_id": "teacher1"});
    s.post("stu01", "create", body.clone()).await.is("403");
    assert_eq!(s.data("root1", "create", body.clone()).await["teacher_id"], "teacher1");
    for (creators, teacher) in [(Creators::Admin, "403"), (Creators::Only(vec![user("teacher1")]), "ok")] {
        let s = Server::with(Options { creators, ..Options::default() }).await;
        s.post("teacher1", "create", body.clone()).await.is(teacher);
        s.post("stu01", "create", json!({"title": "T", "teacher_id": "stu01"})).await.is("403");
        s.post("root1", "create", body.clone()).await.is("ok");
    }
}

#[tokio::test]
async fn c10_a_hundred_at_once_are_a_hundred_classes() {
    let s = Server::new().await;
    let new = |_| s.data("t", "create", json!({"title": "T", "teacher_id": "t"}));
    let made = futures_util::future::join_all((0..100).map(new)).await;
    for name in ["id", "meeting_id"] {
        assert_eq!(made.iter().map(|c| c[name].as_str().unwrap()).collect::<BTreeSet<_>>().len(), 100);
    }
    let all = s.data("t", "list", json!({"user_id": "t", "page_size": 500})).await;
    assert_eq!(all.as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn ls1_ls2_ls3_ls4_classes_are_paged_newest_first() {
    let s = Server::new().await;
    let list = |body: Value| s.data("t", "list", body);
    assert_eq!(list(json!({"user_id": "t"})).await, json!([]));
    for i in 0..25 {
        s.data("t", "create", json!({"title": "T", "teacher_id": "t"})).await;
        if i % 3 == 0 {
            s.pass(1);
        }
    }
    let mut seen = Vec::new();
    for (page, size) in [(1, 10), (2, 10), (3, 5), (4, 0)] {
        let got = list(json!({"user_id": "t", "page_num": page, "page_size": 10})).await;
        assert_eq!(got.as_array().unwrap().len(), size);
        let key = |c: &Value| [&c["created_at"], &c["id"]].map(|v| v.as_str().unwrap().to_owned());
        seen.extend(got.as_array().unwrap().iter().map(key));
    }
    assert!(seen.windows(2).all(|w| w[0] > w[1]), "descending, each once");
    for (body, size) in [
        (json!({"page_num": 0}), 10),
        (json!({"page_num": -3, "page_size": 0}), 10),
        (json!({"page_size": -1}), 10),
        (json!({"page_size": 5000}), 25),
        (json!({"page_num": "2"}), 10),
        (json!({"page_num": 9_223_372_036_854_775_807_i64}), 0),
    ] {
        let mut body = body;
        body["user_id"] = json!("t");
        assert_eq!(list(body).await.as_array().unwrap().len(), size);
    }
}

#[tokio::test]
async fn ls5_ls6_lists_show_where_to_publish_to_the_owner_only() {
    let s = Server::new().await;
    let class = s.class().await;
    for (name, owner) in [("teacher1", true), ("stu01", false)] {
        let all = s.data(name, "list", json!({"user_id": name})).await;
        let c = &all[0];
        for (link, shadow) in [("link_info", ""), ("shadow_link_info", "_shadow")] {
            for key in ["rtc_push_url", "rtc_url", "rtc_token"] {
                assert_eq!(c[link].get(key).is_some(), owner, "{name} {link} {key}");
            }
            let pull = c[link]["rtc_pull_url"].as_str().unwrap();
            assert!(pull.contains(&format!("userId=teacher1{shadow}&")), "{pull}");
            let cdn = c[link]["cdn_pull_info"].as_object().unwrap();
            assert!(cdn.len() == 16 && cdn.values().all(Value::is_string));
            assert!(cdn["flv_url"].as_str().unwrap().contains(&format!("viewer={name}&")));
        }
        assert!(c["user_status"].is_object() && c["metrics"].is_object());
    }
    s.kick(&class, "stu01").await;
    let all = s.data("stu01", "list", json!({"user_id": "stu01"})).await;
    assert!(all[0].get("link_info").is_none() && all[0].get("shadow_link_info").is_none());
}

#[tokio::test]
async fn gt1_gt2_gt5_gt7_gt9_a_class_is_read_by_everybody() {
    let s = Server::new().await;
    s.post("stu01", "get", json!({"id": "0".repeat(32), "user_id": "stu01"})).await.is("404");
    let class = s.class().await;
    let c = s.get("stu01", &class).await;
    assert!(c["link_info"]["rtc_push_url"].as_str().unwrap().contains("userId=stu01&timestamp=1700884074&token="));
    assert!(c["shadow_link_info"]["rtc_push_url"].as_str().unwrap().contains("userId=stu01_shadow&"));
    let flv = c["shadow_link_info"]["cdn_pull_info"]["flv_url"].as_str().unwrap();
    assert!(flv.contains("_teacher1_shadow_camera.flv?viewer=stu01&"), "{flv}");
    assert_eq!((&c["meetingInfo"], &c["meeting_info"]), (&json!("{\"members\":[]}"), &json!("{\"members\":[]}")));
    s.status(&class, "stop").await;
    assert_eq!(s.get("stu01", &class).await["status"], 2);
    let odd = s.get("李 老师&x=1", &class).await;
    let push = odd["link_info"]["rtc_push_url"].as_str().unwrap();
    assert!(push.contains("?userId=%E6%9D%8E%20%E8%80%81%E5%B8%88%26x%3D1&timestamp="), "{push}");
}

/// Every text under a name that says it is an address.
fn addresses(v: &Value, out: &mut Vec<String>) {
    match v {
        Value::Object(o) => {
            for (name, v) in o {
                match v {
                    Value::String(s) if name.ends_with("_url") && !s.is_empty() => out.push(s.clone()),
                    v => addresses(v, out),
                }
            }
        }
        Value::Array(a) => a.iter().for_each(|v| addresses(v, out)),
        _ => {}
    }
}

#[tokio::test]
async fn x08_every_address_is_one() {
    let s = Server::new().await;
    for name in ["stu01", "李 老师&x=1", "a/b?c#d%e", "😀\"<>\\^`{|}"] {
        let class = s.data(name, "create", json!({"teacher_id": name, "title": "t"})).await;
        let mut found = Vec::new();
        addresses(&class, &mut found);
        // Two links of push, pull, media server and eight streams.
        assert_eq!(found.len(), 22, "{name}");
        for url in found {
            let uri: axum::http::Uri = url.parse().unwrap();
            assert_eq!(uri.host(), Some("class.example.com"), "{url}");
            assert!(url.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/?&=%".contains(&b)), "{url}");
        }
    }
}

#[tokio::test]
async fn gt6_a_banned_user_sees_no_addresses() {
    let s = Server::new().await;
    let class = s.class().await;
    s.kick(&class, "stu01").await;
    let c = s.get("stu01", &class).await;
    assert!(c.get("link_info").is_none() && c.get("shadow_link_info").is_none());
    assert!(s.get("stu02", &class).await.get("link_info").is_some());
}

#[tokio::test]
async fn gt8_the_class_shows_who_holds_the_slot_in_class_or_not() {
    let s = Server::new().await;
    let class = s.class().await;
    let shown = async || s.get("stu01", &class).await.get("assistantPermit").cloned();
    assert_eq!(shown().await, None);
    s.assistant(&class, "asst1", &[]).await;
    let a = shown().await.unwrap();
    assert_eq!(
        a,
        json!({"class_id": class, "user_id": "asst1", "user_name": "asst1", "identity": 2, "status": 1, "join_time": "2023/11/24 11:47:54"})
    );
    s.leave(&class, "asst1").await.is("ok");
    assert_eq!(shown().await.unwrap()["status"], 2);
    s.join(&class, "asst2", Some(2)).await.is("ok");
    assert_eq!(shown().await.unwrap()["user_id"], "asst2");
    s.data("teacher1", "deleteAssistantPermit", json!({"class_id": class})).await;
    assert_eq!(shown().await, None);
}

#[tokio::test]
async fn up1_up2_up3_up4_up6_up7_updates_change_what_they_name() {
    let s = Server::new().await;
    let class = s.class().await;
    let mut before = s.get("teacher1", &class).await;
    for (name, value) in [("title", "New"), ("notice", "Soon"), ("extends", "{}"), ("notice", ""), ("extends", "")] {
        s.pass(1);
        let mut body = json!({"id": class, "user_id": "teacher1"});
        body[name] = json!(value);
        let after = s.data("teacher1", "update", body).await;
        for (key, value) in after.as_object().unwrap() {
            let moves = key == name || ["updated_at", "link_info", "shadow_link_info"].contains(&key.as_str());
            assert!(moves || *value == before[key], "{key}");
        }
        assert_eq!(after[name], value);
        assert_ne!(after["updated_at"], before["updated_at"]);
        before = after;
    }
    for blank in ["", "  "] {
        let body = json!({"id": class, "user_id": "teacher1", "title": blank});
        assert_eq!(s.data("teacher1", "update", body).await["title"], "New");
    }
    s.post("teacher1", "update", json!({"id": class, "title": "x"})).await.bad(&["user_id"]);
    let notice =
        |n: usize| json!({"id": class, "user_id": "teacher1", "notice": "好".repeat(n / 3) + &"x".repeat(n % 3)});
    s.post("teacher1", "update", notice(4096)).await.is("ok");
    s.post("teacher1", "update", notice(4097)).await.bad(&["notice"]);
    s.post("teacher1", "update", json!({"id": "zz", "user_id": "teacher1"})).await.is("404");
    s.post("stu01", "update", json!({"id": class, "user_id": "stu01", "title": "x"})).await.is("403");
}

#[tokio::test]
async fn up5_an_assistant_may_change_the_announcement_only() {
    let s = Server::new().await;
    let class = s.class().await;
    s.assistant(&class, "asst1", &["EditAnnouncement"]).await;
    let by = |body: Value| {
        let mut b = json!({"id": class, "user_id": "asst1"});
        b.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        s.post("asst1", "update", b)
    };
    by(json!({"notice": "a"})).await.is("ok");
    by(json!({"title": "a"})).await.is("403");
    by(json!({"notice": "b", "title": "a"})).await.is("403");
    let c = s.get("asst1", &class).await;
    assert_eq!((&c["notice"], &c["title"]), (&json!("a"), &json!("Algebra 1")));
}

#[tokio::test]
async fn dl1_dl2_dl4_a_deleted_class_is_gone() {
    let s = Server::new().await;
    let class = s.class().await;
    s.assistant(&class, "asst1", &["MemberManagement", "EditAnnouncement"]).await;
    for name in ["stu01", "asst1", "other1"] {
        s.post(name, "delete", json!({"id": class, "user_id": name})).await.is("403");
    }
    let delete = || s.post("teacher1", "delete", json!({"id": class, "user_id": "teacher1"}));
    let mut words = [delete().await, delete().await].map(|r| r.word());
    words.sort();
    assert_eq!(words, ["404", "ok"]);
    s.post("teacher1", "get", json!({"id": class, "user_id": "teacher1"})).await.is("404");
    assert_eq!(s.data("teacher1", "list", json!({"user_id": "teacher1"})).await, json!([]));
    s.join(&class, "stu01", None).await.is("ClassNotFound");
}

#[tokio::test]
async fn s01_to_s07_status_moves_its_own_times_only() {
    let s = Server::new().await;
    let class = s.class().await;
    let to = async |verb: &str| {
        s.pass(1);
        let c = s.data("teacher1", verb, json!({"id": class, "user_id": "teacher1"})).await;
        let text = |k: &str| c.get(k).map(|v| v.as_str().unwrap()[17..].to_owned());
        (c["status"].as_i64().unwrap(), text("started_at"), text("stopped_at"))
    };
    let at = |s: &str| Some(s.to_owned());
    assert_eq!(to("start").await, (1, at("55"), None));
    assert_eq!(to("start").await, (1, at("55"), None));
    assert_eq!(to("pause").await, (0, at("55"), None));
    assert_eq!(to("start").await, (1, at("58"), None));
    assert_eq!(to("stop").await, (2, at("58"), at("59")));
    assert_eq!(to("stop").await, (2, at("58"), at("59")));
    assert_eq!(to("start").await, (1, at("01"), at("59")));
}

#[tokio::test]
async fn s08_s09_s10_only_the_teacher_starts_and_stops() {
    let s = Server::new().await;
    let class = s.class().await;
    s.assistant(&class, "asst1", &["SwitchClassStatus", "InteractionManagement"]).await;
    s.join(&class, "stu01", None).await;
    for verb in ["start", "stop", "pause"] {
        for name in ["stu01", "asst1", "other1"] {
            s.post(name, verb, json!({"id": class, "user_id": name})).await.is("403");
        }
        s.post("teacher1", verb, json!({"id": "x", "user_id": "teacher1"})).await.is("404");
    }
    assert_eq!(s.get("teacher1", &class).await["status"], 0);
}
