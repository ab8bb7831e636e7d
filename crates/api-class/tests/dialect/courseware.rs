//! Courseware: the D rows of 9.7.

use serde_json::{Value, json};

use crate::server::Server;

async fn all(s: &Server, class: &str) -> Value {
    s.data("teacher1", "queryDoc", json!({"classId": class})).await["docInfos"].clone()
}

fn doc(class: &str, id: &str) -> Value {
    json!({"classId": class, "docId": id, "serverType": "NetEase", "data": "{\"xx\":\"xxx\"}"})
}

#[tokio::test]
async fn d01_d02_a_document_is_added_once() {
    let s = Server::new().await;
    let (class, other) = (s.class().await, s.class().await);
    let d = s.data("teacher1", "addDoc", doc(&class, "doc_1")).await;
    let at = "2023/11/24 11:47:54";
    let want = json!({"classId": class, "docId": "doc_1", "docInfos": "{\"xx\":\"xxx\"}", "serverType": "NetEase",
        "createdAt": at, "updatedAt": at, "updateAt": at});
    assert_eq!(d, want);
    let r = s.post("teacher1", "addDoc", doc(&class, "doc_1")).await;
    assert_eq!(r.body, json!({"success": false, "errorCode": "409", "errorMsg": "id已经存在"}));
    s.post("teacher1", "addDoc", doc(&other, "doc_1")).await.is("ok");
    let of_object = json!({"classId": class, "docId": 2, "serverType": 0, "data": {"a": [1, 2]}});
    let d = s.data("teacher1", "addDoc", of_object).await;
    assert_eq!(
        (&d["docId"], &d["serverType"], &d["docInfos"]),
        (&json!("2"), &json!("NetEase"), &json!("{\"a\":[1,2]}"))
    );
}

#[tokio::test]
async fn d03_of_fifty_at_once_one_is_added() {
    let s = Server::new().await;
    let class = s.class().await;
    let done = futures_util::future::join_all((0..50).map(|_| s.post("teacher1", "addDoc", doc(&class, "d")))).await;
    assert_eq!(done.iter().filter(|r| r.word() == "ok").count(), 1);
    assert_eq!(done.iter().filter(|r| r.word() == "409").count(), 49);
}

#[tokio::test]
async fn d04_d05_d06_several_at_once() {
    let s = Server::new().await;
    let class = s.class().await;
    s.data("teacher1", "addDoc", doc(&class, "known")).await;
    let add = |docs: Value| s.post("teacher1", "addDocs", json!({"classId": class, "docInfo": docs}));
    let e = |id: &str| json!({"docId": id, "serverType": 0, "data": "{}"});
    let r = add(json!([e("b"), e("known"), e("a"), {"docId": "b", "data": "other"}])).await;
    let shown = |id: &str| json!({"docId": id, "serverType": "NetEase", "data": "{}"});
    assert_eq!(r.body["data"], json!({"classId": class, "docsInfoList": [shown("b"), shown("a")]}));
    for bad in [
        json!("x"),
        json!({}),
        json!([1]),
        json!([e("x"), {"docId": "y"}]),
        json!([e("x"), {"data": "y"}]),
        json!(null),
    ] {
        add(bad).await.bad(&["docInfo"]);
    }
    assert_eq!(all(&s, &class).await.as_array().unwrap().len(), 3);
    assert_eq!(add(json!([])).await.body["data"]["docsInfoList"], json!([]));
    let many = |n: usize| json!((0..n).map(|i| e(&format!("n{i}"))).collect::<Vec<_>>());
    add(many(200)).await.is("ok");
    add(many(201)).await.bad(&["docInfo"]);
}

#[tokio::test]
async fn d07_d08_d09_documents_are_read_in_order() {
    let s = Server::new().await;
    let class = s.class().await;
    assert_eq!(all(&s, &class).await, json!([]));
    s.post("teacher1", "queryDoc", json!({"classId": "zz"})).await.is("404");
    for id in ["z", "a", "m"] {
        s.data("teacher1", "addDoc", doc(&class, id)).await;
        s.pass(1);
    }
    let ids: Vec<_> = all(&s, &class).await.as_array().unwrap().iter().map(|d| d["docId"].clone()).collect();
    assert_eq!(ids, ["z", "a", "m"]);
    let text = format!("\"😀{}", "x".repeat(256 * 1024 - 5));
    let big = |data: &str| {
        s.post("teacher1", "addDoc", json!({"classId": class, "docId": "big", "serverType": "X", "data": data}))
    };
    big(&format!("{text}x")).await.bad(&["data"]);
    big(&text).await.is("ok");
    let last = all(&s, &class).await[3].clone();
    assert_eq!((&last["docInfos"], &last["serverType"]), (&json!(text), &json!("X")));
}

#[tokio::test]
async fn d10_d11_d12_documents_are_removed() {
    let s = Server::new().await;
    let class = s.class().await;
    for id in ["a", "b", "c", "d"] {
        s.data("teacher1", "addDoc", doc(&class, id)).await;
    }
    let one = |id: &str| s.post("teacher1", "deleteDoc", json!({"classId": class, "docId": id}));
    assert_eq!(one("d").await.body, json!({"success": true}));
    one("d").await.is("404");
    let many = |ids: Value| s.data("teacher1", "deleteDocs", json!({"classId": class, "docIds": ids}));
    let gone = |ids: &[&str]| {
        let rows: Vec<_> = ids.iter().map(|id| json!({"classId": class, "docId": id})).collect();
        json!({"classId": class, "docsInfo": rows})
    };
    assert_eq!(many(json!("b, a,,b,zz")).await, gone(&["b", "a"]));
    assert_eq!(many(json!("b")).await, gone(&[]));
    assert_eq!(many(json!(["c", "x"])).await, gone(&["c"]));
    s.post("teacher1", "deleteDocs", json!({"classId": "zz", "docIds": "a"})).await.is("404");
}

#[tokio::test]
async fn d13_only_some_assistants_write() {
    let s = Server::new().await;
    let class = s.class().await;
    s.assistant(&class, "asst1", &["MuteGroup"]).await;
    s.join(&class, "stu01", None).await;
    let writes = || {
        [
            ("addDoc", doc(&class, "x")),
            ("addDocs", json!({"classId": class, "docInfo": []})),
            ("deleteDocs", json!({"classId": class, "docIds": "x"})),
        ]
    };
    for (route, body) in writes() {
        s.post("stu01", route, body.clone()).await.is("403");
        s.post("asst1", route, body).await.is("403");
    }
    s.permit(&class, &["Courceware"]).await;
    for (route, body) in writes() {
        s.post("asst1", route, body).await.is("ok");
    }
}
