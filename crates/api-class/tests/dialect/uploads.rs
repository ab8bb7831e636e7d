//! Courseware as uploaded files, beside the contract.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::server::{Options, Reply, Server};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0123456789";
const MIB: usize = 1 << 20;

fn pdf(size: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = b"%PDF-1.7\n".to_vec();
    bytes.extend((bytes.len()..size).map(|i| (i % 251) as u8));
    bytes
}

fn put(s: &Server, who: Option<&str>, class: &str, name: &str) -> axum::http::request::Builder {
    let path = format!("/api/v1/class/uploadFile?class_id={class}&name={name}");
    let b = Request::put(path).header("content-type", "text/html");
    who.map_or_else(
        || Request::put("/api/v1/class/uploadFile"),
        |w| b.header("authorization", format!("Bearer {}", s.token(w))),
    )
}

async fn upload(s: &Server, who: &str, class: &str, name: &str, content: &[u8]) -> Reply {
    let b = put(s, Some(who), class, name).header("content-length", content.len());
    s.send(b.body(content.to_vec().into()).unwrap()).await
}

async fn docs(s: &Server, who: &str, class: &str) -> Vec<Value> {
    s.data(who, "queryDoc", json!({"classId": class})).await["docInfos"].as_array().unwrap().clone()
}

fn infos(doc: &Value) -> Value {
    serde_json::from_str(doc["docInfos"].as_str().unwrap()).unwrap()
}

fn path(doc: &Value) -> String {
    infos(doc)["url"].as_str().unwrap().strip_prefix("https://class.example.com").unwrap().to_owned()
}

struct Got {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

async fn get(s: &Server, path: &str, headers: &[(&str, &str)]) -> Got {
    let mut b = Request::get(path);
    for (name, value) in headers {
        b = b.header(*name, *value);
    }
    let (parts, body) = s.routes.clone().oneshot(b.body(Body::empty()).unwrap()).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Got { status: parts.status.as_u16(), headers: parts.headers, body }
}

#[tokio::test]
async fn an_upload_is_a_document_with_an_address_that_reads_it() {
    let s = Server::new().await;
    let class = s.class().await;
    let r = upload(&s, "teacher1", &class, "%E8%AF%BE%201.PDF", &pdf(700_000)).await;
    let doc = &r.is("ok").body["data"];
    assert_eq!((doc["classId"].as_str(), doc["serverType"].as_str()), (Some(class.as_str()), Some("stoa")));
    let shown = infos(doc);
    assert_eq!(
        (&shown["name"], &shown["type"], &shown["size"]),
        (&json!("课 1.PDF"), &json!("application/pdf"), &json!(700_000))
    );
    assert_eq!(docs(&s, "teacher1", &class).await, std::slice::from_ref(doc));
    let url = path(doc);
    assert!(
        url.starts_with(&format!("/files/{}/%E8%AF%BE%201.PDF?user=teacher1&expires=", doc["docId"].as_str().unwrap()))
    );
    let got = get(&s, &url, &[]).await;
    assert!(got.status == 200 && got.body == pdf(700_000));
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("content-length", "700000"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("content-disposition", "inline; filename=\"_ 1.PDF\"; filename*=UTF-8''%E8%AF%BE%201.PDF"),
        ("cache-control", "private, max-age=3600"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(got.header(name), value, "{name}");
    }
    let same = get(&s, &url, &[("if-none-match", got.header("etag"))]).await;
    assert!(same.status == 304 && same.body.is_empty());
    // Over the border of two stored parts.
    let piece = get(&s, &url, &[("range", "bytes=262140-524290")]).await;
    assert_eq!((piece.status, piece.header("content-range")), (206, "bytes 262140-524290/700000"));
    assert_eq!((piece.header("content-length"), &piece.body[..]), ("262151", &pdf(700_000)[262_140..=524_290]));
    let none = get(&s, &url, &[("range", "bytes=700000-")]).await;
    assert_eq!((none.status, none.header("content-range"), none.body.len()), (416, "bytes */700000", 0));
}

#[tokio::test]
async fn who_may_add_documents_may_upload_and_nobody_else() {
    let s = Server::new().await;
    let class = s.class().await;
    s.join(&class, "stu01", None).await;
    s.assistant(&class, "helper", &["Courceware"]).await;
    for (who, word) in [("teacher1", "ok"), ("helper", "ok"), ("root1", "ok"), ("stu01", "403"), ("other", "403")] {
        upload(&s, who, &class, "a.png", PNG).await.is(word);
        let limits = Request::get(format!("/api/v1/class/uploadFile?class_id={class}"));
        let limits = limits.header("authorization", format!("Bearer {}", s.token(who))).body(Body::empty()).unwrap();
        s.send(limits).await.is(word);
    }
    s.permit(&class, &["CheckInManagement"]).await;
    upload(&s, "helper", &class, "a.png", PNG).await.is("403");
    upload(&s, "teacher1", &"0".repeat(32), "a.png", PNG).await.is("404");
    upload(&s, "teacher1", "nonsense", "a.png", PNG).await.is("404");
    assert_eq!(s.send(put(&s, None, "", "").body(Body::empty()).unwrap()).await.status, 401);
    let r = s.verb(Method::POST, "/api/v1/class/uploadFile").await;
    assert_eq!((r.status.as_u16(), r.header("allow")), (405, Some("GET, PUT, OPTIONS")));
    assert_eq!(docs(&s, "stu01", &class).await.len(), 3);
}

#[tokio::test]
async fn only_pictures_and_papers_are_taken_whatever_they_are_called() {
    let s = Server::new().await;
    let class = s.class().await;
    for bad in [
        &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..],
        b"<!DOCTYPE html><script>",
        b"PK\x03\x04",
        b"x",
        b" %PDF-1.7",
    ] {
        upload(&s, "teacher1", &class, "a.png", bad).await.is("FileType");
    }
    let polyglot = b"GIF89a/*<script>alert(1)</script>*/=1";
    let r = upload(&s, "teacher1", &class, "page.html", polyglot).await;
    assert_eq!(infos(&r.is("ok").body["data"])["name"], "page.html.gif");
    let got = get(&s, &path(&r.body["data"]), &[("accept", "text/html")]).await;
    assert_eq!((got.header("content-type"), got.header("x-content-type-options")), ("image/gif", "nosniff"));
    for (asked, name) in
        [("..%2F..%2Fetc%2Fpasswd", "passwd.png"), ("C%3A%5Cx.png", "x.png"), ("a%0D%0AX%3A%201.png", "aX 1.png")]
    {
        let r = upload(&s, "teacher1", &class, asked, PNG).await;
        assert_eq!(infos(&r.is("ok").body["data"])["name"], name);
        assert_eq!(get(&s, &path(&r.body["data"]), &[]).await.body, PNG);
    }
    upload(&s, "teacher1", &class, "..", PNG).await.bad(&["name"]);
    upload(&s, "teacher1", &class, "a&name=b", PNG).await.bad(&["name"]);
}

#[tokio::test]
async fn sizes_are_bounded_and_broken_uploads_leave_nothing() {
    let s = Server::new().await;
    let class = s.class().await;
    upload(&s, "teacher1", &class, "a.png", b"").await.bad(&["body"]);
    assert_eq!(upload(&s, "teacher1", &class, "a.pdf", &pdf(MIB + 1)).await.word(), "HTTP 413");
    let without = put(&s, Some("teacher1"), &class, "a.png").body(PNG.to_vec().into()).unwrap();
    s.send(without).await.bad(&["Content-Length"]);
    for announced in [PNG.len() - 1, PNG.len() + 1] {
        let b = put(&s, Some("teacher1"), &class, "a.png").header("content-length", announced);
        s.send(b.body(PNG.to_vec().into()).unwrap()).await.bad(&["body"]);
    }
    let pieces = [Ok(PNG.to_vec()), Err(std::io::Error::other("cut"))];
    let cut = Body::from_stream(futures_util::stream::iter(pieces));
    s.send(put(&s, Some("teacher1"), &class, "a.png").header("content-length", 100).body(cut).unwrap())
        .await
        .bad(&["body"]);
    assert!(docs(&s, "teacher1", &class).await.is_empty());
    for _ in 0..3 {
        upload(&s, "teacher1", &class, "a.pdf", &pdf(MIB)).await.is("ok");
    }
    upload(&s, "teacher1", &class, "a.png", PNG).await.is("ClassFilesFull");
    let first = docs(&s, "teacher1", &class).await[0]["docId"].clone();
    s.post("teacher1", "deleteDoc", json!({"classId": class, "docId": first})).await;
    upload(&s, "teacher1", &class, "a.png", PNG).await.is("ok");
}

#[tokio::test]
async fn an_address_reads_one_file_for_one_user_for_a_while() {
    let s = Server::new().await;
    let class = s.class().await;
    let doc = upload(&s, "teacher1", &class, "a.png", PNG).await.is("ok").body["data"].clone();
    s.join(&class, "stu01", None).await;
    let url = path(&docs(&s, "stu01", &class).await[0]);
    assert!(url.contains("user=stu01") && get(&s, &url, &[]).await.status == 200);
    let id = doc["docId"].as_str().unwrap();
    let other = upload(&s, "teacher1", &class, "a.png", PNG).await.body["data"]["docId"].clone();
    for wrong in [
        url.replace("stu01", "stu02"),
        url.replace("a.png", "b.png"),
        url.replace(id, other.as_str().unwrap()),
        url.replace(id, &id.to_uppercase()),
        url.replace(id, &"0".repeat(32)),
        url.replace("expires=", "expires=9"),
        url.replace("token=", "token=0"),
        url.split('?').next().unwrap().to_owned(),
        format!("/files/{}/a.png", "0".repeat(32)),
    ] {
        let got = get(&s, &wrong, &[]).await;
        assert_eq!((got.status, got.header("cache-control")), (404, "no-store"), "{wrong}");
        assert_eq!(got.body, b"no such file", "{wrong}");
    }
    assert_eq!(s.verb(Method::POST, &url).await.status, 405);
    // What is listed can be read, however long it is there; an old address cannot.
    s.pass(23 * 3600);
    assert_eq!(get(&s, &url, &[]).await.status, 200);
    s.pass(8 * 3600);
    assert_eq!(get(&s, &url, &[]).await.status, 404);
    let fresh = path(&docs(&s, "stu01", &class).await[0]);
    assert_eq!(get(&s, &fresh, &[]).await.status, 200);
    s.kick(&class, "stu01").await;
    assert_eq!(get(&s, &fresh, &[]).await.status, 404, "banned");
}

#[tokio::test]
async fn a_file_goes_with_its_document_and_its_class() {
    let s = Server::new().await;
    let (class, other) = (s.class().await, s.class().await);
    let mut made = Vec::new();
    for c in [&class, &class, &other] {
        made.push(upload(&s, "teacher1", c, "a.png", PNG).await.is("ok").body["data"].clone());
    }
    let urls: Vec<String> = made.iter().map(path).collect();
    let id = made[0]["docId"].clone();
    s.post("teacher1", "deleteDoc", json!({"classId": other, "docId": id})).await;
    let status = async |n: usize| get(&s, &urls[n], &[]).await.status;
    assert_eq!((status(0).await, status(1).await, status(2).await), (200, 200, 200));
    s.post("teacher1", "deleteDoc", json!({"classId": class, "docId": id})).await;
    assert_eq!((status(0).await, status(1).await), (404, 200));
    s.data("teacher1", "delete", json!({"id": class, "user_id": "teacher1"})).await;
    assert_eq!((status(1).await, status(2).await), (404, 200));
    // A document that only looks like an upload gets no address.
    let fake = json!({"name": "x", "url": "stoa-file"}).to_string();
    let body = json!({"classId": other, "docId": "fake", "serverType": "stoa", "data": fake});
    assert_eq!(s.data("teacher1", "addDoc", body).await["docInfos"], json!(fake));
}

#[tokio::test]
async fn uploads_count_against_the_rate() {
    let rate = stoa_api::Rate { per_sec: 1, burst: 3 };
    let s = Server::with(Options { rate, ..Options::default() }).await;
    let class = s.class().await;
    upload(&s, "teacher1", &class, "a.png", PNG).await.is("ok");
    upload(&s, "teacher1", &class, "a.png", PNG).await.is("ok");
    assert_eq!(upload(&s, "teacher1", &class, "a.png", PNG).await.word(), "HTTP 429");
}
