//! Joining, leaving, kicking, listing: 9.5 of the list, as far as it needs no connections.

use serde_json::{Value, json};
use stoa_core::id::ClassId;

use crate::server::Server;

#[tokio::test]
async fn j01_j02_j06_j07_j08_j19_joins_and_their_identities() {
    let s = Server::new().await;
    let class = s.class().await;
    let r = s.join(&class, "stu01", None).await;
    assert_eq!(r.body, json!({"success": true}));
    let first = s.members(&class).await;
    s.pass(5);
    let again = json!({"class_id": class, "user_id": "stu01", "user_name": "Other"});
    s.post("stu01", "joinClass", again).await.is("ok");
    let now = s.members(&class).await;
    assert_eq!((now.as_array().unwrap().len(), &now[0]["user_name"]), (1, &json!("Other")));
    assert_eq!(now[0]["join_time"], first[0]["join_time"]);
    for identity in [None, Some(1), Some(2)] {
        s.join(&class, "teacher1", identity).await.is("ok");
        assert_eq!(s.members(&class).await[0]["identity"], 3);
    }
    for identity in [3, 0] {
        s.join(&class, "stu02", Some(identity)).await.is("ok");
    }
    assert!(s.members(&class).await.as_array().unwrap()[1..].iter().all(|m| m["identity"] == 1));
    for identity in [4, -1] {
        s.join(&class, "stu03", Some(identity)).await.bad(&["identity"]);
    }
    s.status(&class, "stop").await;
    s.join(&class, "stu03", None).await.is("ok");
}

#[tokio::test]
async fn j03_j04_joins_at_once_make_one_row_each() {
    let s = Server::new().await;
    let class = s.class().await;
    let same = futures_util::future::join_all((0..200).map(|_| s.join(&class, "stu01", None))).await;
    assert!(same.iter().all(|r| r.word() == "ok"));
    let names: Vec<String> = (0..200).map(|i| format!("s{i}")).collect();
    futures_util::future::join_all(names.iter().map(|n| s.join(&class, n, None))).await;
    assert_eq!(s.members(&class).await.as_array().unwrap().len(), 201);
}

#[tokio::test]
async fn j09_j10_names_have_limits_and_pictures_may_be_missing() {
    let s = Server::new().await;
    let class = s.class().await;
    let join = |name: Value, avatar: Value| {
        let body = json!({"class_id": class, "user_id": "a", "user_name": name, "user_avatar": avatar});
        s.post("a", "joinClass", body)
    };
    for (name, want) in
        [("x".to_owned(), "ok"), ("好".repeat(256), "ok"), ("x".repeat(257), "401"), (String::new(), "401")]
    {
        join(json!(name), json!(null)).await.is(want);
    }
    assert!(s.members(&class).await[0].get("user_avatar").is_none());
    join(json!("x"), json!("y".repeat(2049))).await.bad(&["user_avatar"]);
    join(json!("x"), json!("y".repeat(2048))).await.is("ok");
    assert!(s.members(&class).await[0].get("user_avatar").is_some());
}

#[tokio::test]
async fn j05_j11_to_j18_j20_the_slot() {
    let s = Server::new().await;
    s.join("nothing", "stu01", None).await.is("ClassNotFound");
    let class = s.class().await;
    s.join(&class, "asst1", Some(2)).await.is("ClassNotAssistantPermit");
    assert_eq!(s.members(&class).await, json!([]));
    s.permit(&class, &["Courceware"]).await;
    s.join(&class, "asst1", Some(2)).await.is("ok");
    s.join(&class, "asst1", Some(2)).await.is("ok");
    s.join(&class, "asst2", Some(2)).await.is("ClassHasAssistant");
    s.leave(&class, "asst1").await.is("ok");
    s.join(&class, "asst2", Some(2)).await.is("ok");
    let rows = s.members(&class).await;
    let shown: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["user_id"].as_str().unwrap(), m["identity"].as_i64(), m["status"].as_i64()))
        .collect();
    assert_eq!(shown, [("asst2", Some(2), Some(1)), ("asst1", Some(1), Some(2))]);
    let only = json!({"class_id": class, "permit": "[]", "assistant_id": "asst1"});
    assert_eq!(s.data("teacher1", "setAssistantPermit", only).await["assistant_id"], "asst1");
    s.join(&class, "asst2", Some(2)).await.is("ClassNotAssistantPermit");
    s.join(&class, "stu01", None).await.is("ok");
    s.join(&class, "asst1", Some(2)).await.is("ok");
}

#[tokio::test]
async fn v01_v02_v03_v14_leaving_over_http_is_seen_at_once() {
    let s = Server::new().await;
    let class = s.class().await;
    s.join(&class, "stu01", None).await;
    s.join(&class, "stu02", None).await;
    assert_eq!(s.leave(&class, "stu01").await.body, json!({"success": true}));
    s.leave(&class, "stu01").await.is("NotInClass");
    s.leave(&class, "other1").await.is("NotInClass");
    s.leave("zz", "stu01").await.is("ClassNotFound");
    for (status, who) in [(1, vec!["stu02"]), (2, vec!["stu01"]), (0, vec!["stu02", "stu01"])] {
        let body = json!({"class_id": class, "status": status});
        let got = s.data("teacher1", "listMembers", body).await;
        let names: Vec<_> = got["members"].as_array().unwrap().iter().map(|m| m["user_id"].as_str().unwrap()).collect();
        assert_eq!(names, who);
        assert_eq!(got["total"], who.len());
    }
}

#[tokio::test]
async fn k01_k02_k04_k06_k13_kicks_keep_out_until_they_end() {
    let s = Server::new().await;
    let class = s.class().await;
    s.join(&class, "stu01", None).await;
    let kick = |name: &str, more: Value| {
        let mut b = json!({"class_id": class, "user_id": name, "im_server": ["aliyun_new"]});
        b.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        s.post("teacher1", "kickClass", b)
    };
    assert_eq!(kick("stu01", json!({})).await.body, json!({"success": true}));
    assert_eq!(s.members(&class).await[0]["status"], 3);
    s.join(&class, "stu01", None).await.is("InBlackList");
    s.pass(31_535_999);
    s.join(&class, "stu01", None).await.is("InBlackList");
    s.pass(1);
    s.join(&class, "stu01", None).await.is("ok");
    assert_eq!(s.members(&class).await[0]["join_time"], "2024/11/23 11:47:54");
    kick("never", json!({})).await.is("ok");
    s.join(&class, "never", None).await.is("InBlackList");
    for _ in 0..2 {
        s.data("teacher1", "cancelKick", json!({"class_id": class, "user_id": "never"})).await;
    }
    s.join(&class, "never", None).await.is("ok");
    for (secs, then) in [(json!(0), "ok"), (json!(60), "InBlackList"), (json!("60"), "InBlackList")] {
        kick("stu02", json!({"ban_seconds": secs})).await.is("ok");
        s.join(&class, "stu02", None).await.is(then);
    }
    kick("stu02", json!({"ban_seconds": -1})).await.bad(&["ban_seconds"]);
    kick("stu02", json!({"ban_seconds": i64::MAX})).await.is("ok");
    s.pass(3_000_000_000);
    s.join(&class, "stu02", None).await.is("InBlackList");
}

#[tokio::test]
async fn k07_fifty_kicks_at_once_succeed() {
    let s = Server::new().await;
    let class = s.class().await;
    let kick = |_| s.post("teacher1", "kickClass", json!({"class_id": class, "user_id": "stu01"}));
    let done = futures_util::future::join_all((0..50).map(kick)).await;
    assert!(done.iter().all(|r| r.word() == "ok"));
    s.join(&class, "stu01", None).await.is("InBlackList");
}

#[tokio::test]
async fn k08_k09_k14_some_are_protected() {
    let s = Server::new().await;
    let class = s.class().await;
    s.assistant(&class, "asst1", &["MemberManagement"]).await;
    s.join(&class, "stu01", None).await;
    let kick = async |by: &str, whom: &str| s.post(by, "kickClass", json!({"class_id": class, "user_id": whom})).await;
    for by in ["teacher1", "asst1", "root1", "stu01"] {
        for whom in ["teacher1", "asst1", by] {
            kick(by, whom).await.is("403");
        }
    }
    kick("stu01", "stu02").await.is("403");
    kick("asst1", "stu01").await.is("ok");
    s.permit(&class, &[]).await;
    kick("asst1", "stu02").await.is("403");
    s.leave(&class, "asst1").await;
    kick("teacher1", "asst1").await.is("ok");
    s.join(&class, "asst2", Some(2)).await.is("ok");
    s.post("teacher1", "kickClass", json!({"class_id": "zz", "user_id": "x"})).await.is("404");
    for reserved in ["system", "x_shadow", "a\u{1}"] {
        kick("teacher1", reserved).await.bad(&["user_id"]);
    }
}

#[tokio::test]
async fn m01_m04_m05_pages_of_members_are_exact() {
    let s = Server::new().await;
    let class = s.class().await;
    let id = ClassId::parse(&class).unwrap();
    for i in 0..60 {
        s.bench.join_class(id, &format!("学{i}"), None).await;
        if i % 4 == 0 {
            s.leave(&class, &format!("学{i}")).await.is("ok");
        }
        if i % 7 == 0 {
            s.pass(1);
        }
    }
    s.join(&class, "teacher1", None).await;
    let whole = s.members(&class).await;
    for size in [20, 7] {
        let mut got = Vec::new();
        for page in 1.. {
            let body = json!({"class_id": class, "status": 0, "page_num": page, "page_size": size});
            let answer = s.data("teacher1", "listMembers", body).await;
            assert_eq!(answer["total"], 61);
            got.extend(answer["members"].as_array().unwrap().clone());
            if got.len() >= 61 {
                break;
            }
        }
        assert_eq!(Value::Array(got), whole);
    }
    let page = |body: Value| s.data("teacher1", "listMembers", body);
    assert_eq!(page(json!({"class_id": class, "status": 0})).await["members"].as_array().unwrap().len(), 10);
    let beyond = page(json!({"class_id": class, "status": 0, "page_num": 99})).await;
    assert_eq!(beyond, json!({"total": 61, "members": []}));
    let key = |m: &Value| (-m["identity"].as_i64().unwrap(), m["status"].as_i64().unwrap());
    assert!(whole.as_array().unwrap().windows(2).all(|w| key(&w[0]) <= key(&w[1])));
}

#[tokio::test]
async fn m02_m03_m07_filters_of_members() {
    let s = Server::new().await;
    let class = s.class().await;
    s.assistant(&class, "asst1", &[]).await;
    for name in ["teacher1", "stu01", "stu02"] {
        s.join(&class, name, None).await;
    }
    for (identity, total) in [(json!(null), 4), (json!(0), 4), (json!(1), 2), (json!(2), 1), (json!(3), 1)] {
        let body = json!({"class_id": class, "status": 0, "identity": identity});
        assert_eq!(s.data("stu01", "listMembers", body).await["total"], total);
    }
    let bad = |body: Value| s.post("stu01", "listMembers", body);
    bad(json!({"class_id": class, "status": 0, "identity": 4})).await.bad(&["identity"]);
    bad(json!({"class_id": class})).await.bad(&["status"]);
    bad(json!({"class_id": class, "status": 4})).await.bad(&["status"]);
    s.post("other1", "listMembers", json!({"class_id": class, "status": 0})).await.is("403");
    s.post("other1", "listMembers", json!({"class_id": "zz", "status": 0})).await.is("404");
}
