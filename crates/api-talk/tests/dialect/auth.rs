//! URL, authentication and the order of checks (talk.md 9.1).

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use serde_json::json;
use stoa_api::{Cors, Rate};
use stoa_core::app::Apps;
use stoa_core::channel::IdentityType;
use stoa_testkit::{channel, ours};
use tower::ServiceExt as _;

use crate::server::{EXTENSIONS, KEY, NOW, OTHER_SECRET, READS, SECRET, Server, WRITES, app, checksum, query, send};

const LIST: &str = "get_talk_channel_list";

fn with_curtime(curtime: &str) -> String {
    query(KEY, SECRET, "admin", curtime)
}

#[tokio::test]
async fn c01_c02_the_vectors_are_taken_and_the_text_is_hashed_as_sent() {
    let s = Server::new().await;
    for (curtime, sum) in [
        ("1700000000", "8fd8f18331f9efa661d8abcfbff2e0c9f0f8d7be"),
        ("1700000000.123", "6cdb2f3007f37d9643dbf4fafb8fc6211f93c48f"),
        ("01700000000", "5c10efda73a1d3b23329b813d67b7cdf0298ae06"),
    ] {
        let query = format!("appkey={KEY}&identifier=admin&curtime={curtime}&checksum={sum}");
        s.post(LIST, &query, "{}").await.ok();
    }
    let sum = checksum(SECRET, "1700000000");
    let query = format!("appkey={KEY}&identifier=admin&curtime=1700000000.123&checksum={sum}");
    s.post(LIST, &query, "{}").await.expect(70009);
}

#[tokio::test]
async fn c03_each_parameter_is_required() {
    let s = Server::new().await;
    let good = s.query();
    for name in ["appkey", "identifier", "curtime", "checksum"] {
        let without: Vec<&str> = good.split('&').filter(|p| !p.starts_with(name)).collect();
        for query in [without.join("&"), format!("{}&{name}=", without.join("&"))] {
            let reply = s.post(LIST, &query, "{}").await;
            assert!(reply.expect(60004).info().contains(name), "{query}");
        }
    }
    s.send(Request::post(format!("/v1/im/{LIST}")).body(Body::from("{}")).unwrap()).await.expect(60004);
}

#[tokio::test]
async fn c04_c20_unknown_and_disabled_apps_and_their_disguise() {
    let s = Server::new().await;
    let unknown = query("nobody", SECRET, "admin", "1700000000");
    let off = query("off", SECRET, "admin", "1700000000");
    let bad = query("off", OTHER_SECRET, "admin", "1700000000");
    s.post(LIST, &unknown, "{}").await.expect(70020);
    s.post(LIST, &off, "{}").await.expect(60006);
    s.post(LIST, &bad, "{}").await.expect(70009);
    let s = Server::with(|o| o.config.uniform_auth_errors = true).await;
    let known = s.post(LIST, &query(KEY, OTHER_SECRET, "admin", "1700000000"), "{}").await;
    for query in [&unknown, &off, &bad] {
        assert_eq!(s.post(LIST, query, "{}").await.expect(70009).text, known.text);
    }
    // Malformed parameters do not tell a known key from an unknown one either.
    for key in ["nobody", KEY] {
        s.post(LIST, &query(key, SECRET, "admin", "x"), "{}").await.expect(60005);
    }
}

#[tokio::test]
async fn c05_c06_malformed_times_and_checksums() {
    let s = Server::new().await;
    for curtime in ["abc", "-5", "1e9", "%2017", "1.2.3", "1234567890123456789", "+17"] {
        let reply = s.post(LIST, &with_curtime(curtime), "{}").await;
        assert!(reply.expect(60005).info().contains("curtime"), "{curtime}");
    }
    let sum = checksum(SECRET, "1700000000");
    for bad in [&sum[1..], &format!("{sum}0"), &format!("g{}", &sum[1..])] {
        let query = format!("appkey={KEY}&identifier=admin&curtime=1700000000&checksum={bad}");
        assert!(s.post(LIST, &query, "{}").await.expect(60005).info().contains("checksum"));
    }
}

#[tokio::test]
async fn c07_c08_wrong_checksums_and_upper_case_ones() {
    let s = Server::new().await;
    let sum = checksum(SECRET, "1700000000");
    let url = |sum: &str| format!("appkey={KEY}&identifier=admin&curtime=1700000000&checksum={sum}");
    let changed = format!("{}{}", if sum.starts_with('0') { '1' } else { '0' }, &sum[1..]);
    s.post(LIST, &url(&changed), "{}").await.expect(70009);
    s.post(LIST, &url(&checksum(OTHER_SECRET, "1700000000")), "{}").await.expect(70009);
    s.post(LIST, &url(&sum.to_uppercase()), "{}").await.ok();
}

#[tokio::test]
async fn c09_c10_c12_c13_the_age_of_a_checksum() {
    let s = Server::new().await;
    for age in [300, -300] {
        s.post(LIST, &with_curtime(&(NOW - age).to_string()), "{}").await.ok();
    }
    for age in [301, -301] {
        let reply = s.post(LIST, &with_curtime(&(NOW - age).to_string()), "{}").await;
        assert!(reply.expect(70001).info().contains("1700000000"));
    }
    let millis = s.post(LIST, &with_curtime("1700000000000"), "{}").await;
    assert!(millis.expect(70001).info().contains("milliseconds"));
    let both = query(KEY, OTHER_SECRET, "admin", &(NOW - 301).to_string());
    s.post(LIST, &both, "{}").await.expect(70009);
}

#[tokio::test]
async fn c11_seconds_are_compared_whole() {
    let s = Server::new().await;
    s.b.clock.forward(Duration::from_millis(300_900));
    s.post(LIST, &with_curtime("1700000000.0"), "{}").await.ok();
    s.b.clock.forward(Duration::from_millis(100));
    s.post(LIST, &with_curtime("1700000000.9"), "{}").await.expect(70001);
}

#[tokio::test]
async fn c14_a_url_may_be_used_again() {
    let s = Server::new().await;
    let query = s.query();
    s.post(LIST, &query, "{}").await.ok();
    s.b.clock.forward(Duration::from_secs(200));
    s.post(LIST, &query, "{}").await.ok();
}

/// A body that every command takes.
fn anything() -> String {
    json!({
        "ChannelID": "raid-7", "UserID": "ann", "QueryDate": 20_231_115, "content": "x", "IdentityType": 1, "Audio": 1,
        "Granted": 1, "UserList": ["ann"],
    })
    .to_string()
}

#[tokio::test]
async fn c15_c17_only_administrators_change_things_or_use_extensions() {
    let s = Server::new().await;
    let guest = query(KEY, SECRET, "guest", "1700000000");
    for command in READS {
        s.post(command, &guest, anything()).await.ok();
    }
    for command in WRITES.into_iter().chain(EXTENSIONS) {
        s.post(command, &guest, anything()).await.expect(60010);
        s.post(command, &query(KEY, SECRET, "Admin", "1700000000"), anything()).await.expect(60010);
    }
}

#[tokio::test]
async fn c16_c19_identifiers_and_keys_are_read_as_they_are() {
    let s = Server::new().await;
    for identifier in ["x%40y.z%231", "x@y.z%231", "a+b"] {
        let query = query("open", SECRET, identifier, "1700000000");
        s.post("list_talk_bans", &query, "{}").await.ok();
        let kick = json!({"channel_id": "c", "kick_user_id": "u", "kick_time": 60}).to_string();
        s.post("admin_kick_user", &query, kick).await.ok();
        let bans = s.post("list_talk_bans", &query, "{}").await;
        let shown = identifier.replace("%40", "@").replace("%23", "#");
        assert_eq!(bans.body["BanList"][0]["OpUser"], shown);
    }
    s.post(LIST, &query("key%2Bone%3D", SECRET, "admin", "1700000000"), "{}").await.ok();
    s.post(LIST, &query("key%20one=", SECRET, "admin", "1700000000"), "{}").await.expect(70020);
}

#[tokio::test]
async fn c18_repeated_parameters_are_refused() {
    let s = Server::new().await;
    let twice = format!("{}&appkey={KEY}", s.query());
    assert!(s.post(LIST, &twice, "{}").await.expect(60005).info().contains("appkey"));
}

#[tokio::test]
async fn c21_an_old_secret_counts_as_long_as_it_is_listed() {
    let s = Server::new().await;
    let mut rotated = app(1000, KEY, OTHER_SECRET);
    rotated.previous_secrets.push(SECRET.into());
    let request = || Request::post(format!("/v1/im/{LIST}?{}", s.query())).body(Body::from("{}")).unwrap();
    let routes = stoa_api_talk::router(s.state.with_apps(Apps::new([rotated])));
    send(&routes, request()).await.ok();
    let routes = stoa_api_talk::router(s.state.with_apps(Apps::new([app(1000, KEY, OTHER_SECRET)])));
    send(&routes, request()).await.expect(70009);
}

#[tokio::test]
async fn c22_both_services_answer_alike() {
    for command in READS.into_iter().chain(WRITES).chain(EXTENSIONS) {
        let mut replies = Vec::new();
        for service in ["im", "talk"] {
            let s = Server::new().await;
            s.b.enter(&channel("raid-7"), "ann", &ours("1", NOW)).await.unwrap();
            let request = Request::post(format!("/v1/{service}/{command}?{}", s.query()));
            replies.push(s.send(request.body(Body::from(anything())).unwrap()).await.text);
        }
        assert_eq!(replies[0], replies[1]);
    }
}

#[tokio::test]
async fn c23_c26_unknown_ones_come_before_everything() {
    let s = Server::new().await;
    for path in ["/v2/im/x", "/v1/video/x", "/v1/im/nope", "/v1/im/%zz", "/v007/a/b"] {
        s.send(Request::post(path).body(Body::empty()).unwrap()).await.expect(60009);
        s.send(Request::get(path).body(Body::empty()).unwrap()).await.expect(60009);
    }
    s.send(Request::get(format!("/v1/im/{LIST}")).body(Body::empty()).unwrap()).await.expect(60002);
}

#[tokio::test]
async fn c24_only_post_is_served() {
    let s = Server::new().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = Request::builder().method(method).uri(format!("/v1/im/{LIST}?{}", s.query()));
        let reply = s.send(request.body(Body::from("{}")).unwrap()).await;
        assert!(reply.expect(60002).info().contains("POST"));
    }
    // An answer to HEAD has no body to look at.
    let request = Request::head(format!("/v1/im/{LIST}?{}", s.query())).body(Body::empty()).unwrap();
    let response = s.routes.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
}

#[tokio::test]
async fn c25_every_spelling_of_change_user_identity_arrives() {
    let s = Server::new().await;
    s.b.enter(&channel("raid-7"), "ann", &ours("1", NOW)).await.unwrap();
    for path in [
        "/v1/im/change_user_Identity",
        "/v1/im/change_user_%20Identity",
        "/v1/im/change_user_+Identity",
        "/v1/im/change_user_identity",
        "/v1/im/change_user_Identity/",
        "//v1//im//change_user_Identity",
    ] {
        let body = json!({"ChannelID": "raid-7", "UserID": "ann", "IdentityType": IdentityType::Host.number()});
        let request = Request::post(format!("http://h{path}?{}", s.query())).body(Body::from(body.to_string()));
        assert_eq!(s.send(request.unwrap()).await.ok().body["Code"], 0);
    }
}

#[tokio::test]
async fn c27_the_rate_of_an_app_is_its_own() {
    let s = Server::with(|o| o.config.app_rate = Rate { per_sec: 200, burst: 400 }).await;
    // What fails before costs nothing.
    for _ in 0..10 {
        s.post(LIST, &query(KEY, OTHER_SECRET, "admin", "1700000000"), "{}").await.expect(70009);
        s.post("admin_kick_user", &query(KEY, SECRET, "guest", "1700000000"), "{}").await.expect(60010);
    }
    for _ in 0..400 {
        s.text(LIST, "{}").await.ok();
    }
    s.text(LIST, "{}").await.expect(60018);
    s.post(LIST, &query("two", OTHER_SECRET, "admin", "1700000000"), "{}").await.ok();
    // Other tenants, the same counters.
    let routes = stoa_api_talk::router(s.state.with_apps(Apps::new([app(1000, KEY, SECRET)])));
    let request = Request::post(format!("/v1/im/{LIST}?{}", s.query())).body(Body::from("{}")).unwrap();
    send(&routes, request).await.expect(60018);
    s.b.clock.forward(Duration::from_millis(5));
    s.text(LIST, "{}").await.ok();
}

#[tokio::test]
async fn c28_browsers_of_listed_origins_are_let_in() {
    let origin = HeaderValue::from_static("https://ops.example");
    let s = Server::with(|o| o.cors = Cors::Listed(vec![origin.clone()])).await;
    let ask = async |method: Method, origin: &str, command: &str| {
        let request = Request::builder().method(method).uri(format!("/v1/im/{command}?{}", s.query()));
        s.send(request.header("origin", origin).body(Body::from("{}")).unwrap()).await
    };
    for (method, command) in [(Method::OPTIONS, LIST), (Method::POST, LIST), (Method::POST, "nope")] {
        let reply = ask(method.clone(), "https://ops.example", command).await;
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://ops.example"));
        assert_eq!(reply.header("access-control-allow-methods").is_some(), method == Method::OPTIONS);
        let reply = ask(method, "https://evil.example", command).await;
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn c29_request_ids_are_echoed_replaced_or_made() {
    let s = Server::new().await;
    let ask = async |id: Option<&str>| {
        let mut request = Request::post(format!("/v1/im/{LIST}?{}", s.query()));
        if let Some(id) = id {
            request = request.header("x-request-id", id);
        }
        let reply = s.send(request.body(Body::from("{}")).unwrap()).await;
        reply.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(ask(Some("mine-1")).await, "mine-1");
    assert_ne!(ask(Some("a b")).await, "a b");
    assert_ne!(ask(None).await, ask(None).await);
}
