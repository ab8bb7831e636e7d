//! Transport, envelope, coercion: 9.1 of the list, generated over all routes where it says so.

use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use serde_json::{Value, json};
use stoa_api::{Cors, LoginKeys, Rate};
use stoa_testkit::user;

use crate::routes::{Is, ROUTES, Scene};
use crate::server::{LIMIT, LOGIN_KEY, Options, Server};

#[tokio::test]
async fn g01_g05_every_route_wants_one_good_token() {
    let s = Server::new().await;
    let good = s.token("alice");
    let mut changed = good.clone();
    let last = if changed.ends_with('A') { "B" } else { "A" };
    changed.replace_range(changed.len() - 1.., last);
    let none_alg = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6OTk5OTk5OTk5OX0.";
    for route in ROUTES {
        let r = s.post_text(route.path, None, "{}").await;
        r.is("HTTP 401");
        assert_eq!(r.body, json!({"success": false, "errorCode": "401", "errorMsg": "Unauthorized"}));
        assert_eq!(r.header("access-control-allow-origin"), Some("*"));
        for bad in ["garbage", &changed, none_alg] {
            s.post_text(route.path, Some(bad), "not even JSON").await.is("HTTP 401");
        }
        let twice = Request::post(route.path)
            .header("authorization", format!("Bearer {good}"))
            .header("authorization", format!("Bearer {good}"))
            .body(Body::empty())
            .unwrap();
        s.send(twice).await.is("HTTP 401");
    }
}

#[tokio::test]
async fn g03_a_token_ends() {
    let s = Server::new().await;
    let token = s.token("alice");
    s.pass(3599);
    s.post_text("/api/v1/class/list", Some(&token), r#"{"user_id":"alice"}"#).await.is("ok");
    s.pass(1);
    s.post_text("/api/v1/class/list", Some(&token), r#"{"user_id":"alice"}"#).await.is("HTTP 401");
}

#[tokio::test]
async fn g04_the_word_bearer_is_read_in_any_spelling() {
    let s = Server::new().await;
    let t = s.token("alice");
    for header in [format!("Bearer {t}"), format!("bearer {t}"), format!("Bearer  {t}"), format!("Bearer{t}")] {
        let r = Request::post("/api/v1/class/list").header("authorization", header);
        s.send(r.body(r#"{"user_id":"alice"}"#.into()).unwrap()).await.is("ok");
    }
}

#[tokio::test]
async fn g06_g07_only_post_is_served_and_options_answers_everybody() {
    let s = Server::new().await;
    for path in ROUTES.iter().map(|r| r.path).chain(["/api/v1/class/login"]) {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
            let r = s.verb(method, path).await;
            r.is("HTTP 405");
            assert_eq!(r.header("allow"), Some("POST, OPTIONS"));
            assert_eq!(r.header("access-control-allow-origin"), Some("*"));
        }
        let r = s.verb(Method::OPTIONS, path).await;
        assert_eq!((r.status.as_u16(), r.text.as_str()), (204, ""));
        assert!(r.header("access-control-allow-methods").unwrap().contains("POST"));
        let names = r.header("access-control-allow-headers").unwrap();
        assert!(names.contains("authorization") && names.contains("content-type"));
    }
}

#[tokio::test]
async fn g08_unknown_paths_have_the_envelope_and_untidy_ones_are_served() {
    let s = Server::new().await;
    for path in [
        "/api/v1/class/nonsense",
        "/api/v1/CLASS/get",
        "/api/v1/class",
        "/api/v2/class/get",
        "/api/class/x/y",
        "/api/v1/class/GET",
    ] {
        let r = s.post_text(path, None, "").await;
        r.is("HTTP 404");
        assert_eq!(r.body, json!({"success": false, "errorCode": "404", "errorMsg": "NotFound"}));
    }
    let class = s.class().await;
    s.post("alice", "//api/v1//class/get/", json!({"id": class, "user_id": "alice"})).await.is("ok");
}

#[tokio::test]
async fn g09_to_g12_bodies_are_one_object_in_utf8() {
    let s = Server::new().await;
    let t = s.token("alice");
    let path = "/api/v1/class/list";
    for bad in ["not json", "[]", "\"x\"", "null", "{\"user_id\":\"alice\"", "{\"user_id\":\"alice\"}x", " "] {
        s.post_text(path, Some(&t), bad).await.bad(&[]);
    }
    s.post_text(path, Some(&t), b"{\"user_id\":\"al\xffice\"}".to_vec()).await.bad(&["UTF-8"]);
    s.post_text(path, Some(&t), "\u{feff}{\"user_id\":\"alice\"}").await.is("ok");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "nonsense"] {
        let r = Request::post(path).header("authorization", format!("Bearer {t}")).header("content-type", kind);
        s.send(r.body("{\"user_id\":\"alice\"}".into()).unwrap()).await.is("ok");
    }
    s.post_text(path, Some(&t), "").await.bad(&["user_id: required"]);
}

#[tokio::test]
async fn g13_unknown_fields_change_nothing() {
    for route in ROUTES {
        let rubbish = json!({"x": [1, {"y": null}], "im_servers": "?", "sid": "s"});
        let mut answers = Vec::new();
        for more in [json!({}), rubbish] {
            let scene = Scene::new(route).await;
            let mut body = scene.body(route, "teacher1");
            body.extend(more.as_object().unwrap().clone());
            let r = scene.server.post("teacher1", route.path, Value::Object(body)).await;
            assert_ne!(r.word(), "401", "{} {}", route.path, r.text);
            answers.push(r.text);
        }
        assert_eq!(answers[0], answers[1], "{}", route.path);
    }
}

#[tokio::test]
async fn g14_g15_bodies_are_bounded_in_size_and_depth() {
    let s = Server::new().await;
    let t = s.token("alice");
    let padded = |n: usize| format!("{{\"user_id\":\"alice\"{}}}", " ".repeat(n - 19));
    s.post_text("/api/v1/class/list", Some(&t), padded(LIMIT)).await.is("ok");
    let r = s.post_text("/api/v1/class/list", Some(&t), padded(LIMIT + 1)).await;
    r.is("HTTP 413");
    assert_eq!(r.header("access-control-allow-origin"), Some("*"));
    s.post_text("/api/v1/class/login", None, padded(64 * 1024 + 1)).await.is("HTTP 413");
    let nested = |n: usize| format!("{{\"user_id\":\"alice\",\"x\":{}{}}}", "[".repeat(n), "]".repeat(n));
    s.post_text("/api/v1/class/list", Some(&t), nested(31)).await.is("ok");
    s.post_text("/api/v1/class/list", Some(&t), nested(32)).await.bad(&["deep"]);
}

#[tokio::test]
async fn g16_required_texts_are_missed_by_name() {
    for route in ROUTES {
        let scene = Scene::new(route).await;
        for (name, _) in route.fields.iter().filter(|(_, is)| is.required_text()) {
            for value in [None, Some(json!(null)), Some(json!("")), Some(json!("   "))] {
                let mut body = scene.body(route, "teacher1");
                body.remove(*name);
                body.extend(value.map(|v| ((*name).to_owned(), v)));
                let r = scene.server.post("teacher1", route.path, Value::Object(body.clone())).await;
                assert_eq!(r.word(), "401", "{} {body:?}", route.path);
                r.bad(&[name]);
            }
        }
    }
}

#[tokio::test]
async fn g17_texts_take_numbers_and_booleans() {
    for route in ROUTES {
        for (name, _) in route.fields.iter().filter(|(_, is)| matches!(is, Is::Text(_) | Is::Maybe(_) | Is::Opaque(_)))
        {
            for value in [json!(810), json!(true), json!(1.50)] {
                let scene = Scene::new(route).await;
                let mut body = scene.body(route, "teacher1");
                body.insert((*name).to_owned(), value.clone());
                let r = scene.server.post("teacher1", route.path, Value::Object(body)).await;
                assert_ne!(r.word(), "401", "{} {name}: {}", route.path, r.text);
            }
        }
    }
    let s = Server::new().await;
    let made = s.data("810", "create", json!({"teacher_id": 810, "title": true})).await;
    assert_eq!((&made["teacher_id"], &made["title"]), (&json!("810"), &json!("true")));
}

#[tokio::test]
async fn g18_texts_take_no_objects_but_where_json_is_meant() {
    for route in ROUTES {
        let texts = route.fields.iter().filter(|(_, is)| !is.integer() && !matches!(is, Is::MaybeBool(_)));
        for (name, is) in texts {
            for value in [json!({"a": 1}), json!(["x"])] {
                let scene = Scene::new(route).await;
                let mut body = scene.body(route, "teacher1");
                body.insert((*name).to_owned(), value.clone());
                let r = scene.server.post("teacher1", route.path, Value::Object(body)).await;
                match is {
                    Is::Opaque(_) | Is::MaybeOpaque(_) => assert_ne!(r.word(), "401", "{} {name}", route.path),
                    Is::Ids(_) if value.is_array() => {}
                    _ => r.bad(&[name]),
                }
            }
        }
    }
}

#[tokio::test]
async fn g19_g20_integers_are_read_in_all_their_spellings_and_no_others() {
    for route in ROUTES {
        for (name, is) in route.fields.iter().filter(|(_, is)| is.integer()) {
            let scene = Scene::new(route).await;
            let (Is::Int(n) | Is::MaybeInt(n)) = is else { unreachable!() };
            for good in [format!("\"{n}\""), format!("\" {n} \""), format!("{n}.0")] {
                let mut body = scene.body(route, "teacher1");
                body.remove(*name);
                body.insert("zz".into(), json!(0));
                let text = Value::Object(body).to_string().replace("\"zz\":0", &format!("\"{name}\":{good}"));
                let r = scene.server.post_text(route.path, Some(&scene.server.token("teacher1")), text).await;
                assert_ne!(r.word(), "401", "{} {name} {good}: {}", route.path, r.text);
            }
            for bad in ["\"x\"", "3.5", "true", "99999999999999999999", "[1]"] {
                let mut body = scene.body(route, "teacher1");
                body.insert((*name).to_owned(), json!(0));
                body.insert("zz".into(), json!(0));
                let text = Value::Object(body).to_string().replace("\"zz\":0", &format!("\"zz\":0,\"{name}\":{bad}"));
                scene.server.post_text(route.path, Some(&scene.server.token("teacher1")), text).await.bad(&[name]);
            }
        }
    }
}

#[tokio::test]
async fn g21_booleans_follow_the_table() {
    let s = Server::new().await;
    let class = s.class().await;
    for (sent, want) in [(json!("true"), true), (json!("FALSE"), false), (json!(1), true), (json!(0), false)] {
        let now = s.data("teacher1", "updateMeetingInfo", json!({"id": class, "all_mute": sent})).await;
        assert_eq!(now["all_mute"], want);
    }
    s.post("teacher1", "updateMeetingInfo", json!({"id": class, "all_mute": "yes"})).await.bad(&["all_mute"]);
    let now = s.data("teacher1", "updateMeetingInfo", json!({"id": class, "all_mute": ""})).await;
    assert_eq!(now["all_mute"], false, "absent");
}

#[tokio::test]
async fn g22_nul_is_refused_everywhere() {
    for route in ROUTES {
        let scene = Scene::new(route).await;
        for (name, _) in route.fields.iter().filter(|(_, is)| !is.integer() && !matches!(is, Is::MaybeBool(_))) {
            let mut body = scene.body(route, "teacher1");
            body.insert((*name).to_owned(), json!("a\0b"));
            scene.server.post("teacher1", route.path, Value::Object(body)).await.bad(&[name]);
        }
    }
    let s = Server::new().await;
    let class = s.class().await;
    let nested = json!({"id": class, "members": [{"user_id": "a", "x": {"y": "\0"}}]});
    s.post("teacher1", "updateMeetingInfo", nested).await.bad(&["members"]);
    let nested = json!({"title": "t", "teacher_id": "a", "extends": {"y": "\0"}});
    s.post("a", "create", nested).await.bad(&["extends"]);
}

#[tokio::test]
async fn g23_the_last_of_duplicates_counts() {
    let s = Server::new().await;
    let t = s.token("alice");
    let body = r#"{"teacher_id":"bob","title":"a","title":"b","teacher_id":"alice"}"#;
    let r = s.post_text("/api/v1/class/create", Some(&t), body).await;
    assert_eq!(r.body["data"]["title"], "b");
}

#[tokio::test]
async fn g26_a_broken_store_shows_one_text_and_nothing_inside() {
    for route in ROUTES.iter().filter(|r| !r.path.ends_with("getWhiteboardAuthInfo")) {
        let scene = Scene::new(route).await;
        let body = Value::Object(scene.body(route, "teacher1"));
        scene.server.bench.store.down.store(true, Ordering::SeqCst);
        let r = scene.server.post("teacher1", route.path, body).await;
        // The caller's account is looked up first: nothing works without a store.
        assert_eq!(r.body, json!({"success": false, "errorCode": "500", "errorMsg": "服务器异常，请稍后重试"}));
    }
}

#[tokio::test]
async fn g30_all_problems_are_told_at_once() {
    let s = Server::new().await;
    s.post("alice", "create", json!({"mode": 3, "extends": "x".repeat(65_537)})).await.bad(&[
        "title: required",
        "; teacher_id: required",
        "; mode: must be 0 to 2",
        "; extends: must be at most 65536 bytes",
    ]);
    let r = s.post_text("/api/v1/class/login", None, "{}").await;
    assert_eq!(r.body["data"], json!({"code": 401, "msg": "username: required; password: required"}));
}

#[tokio::test]
async fn g31_class_ids_are_read_dashed_and_in_capitals() {
    for route in ROUTES {
        let Some((name, _)) = route.fields.iter().find(|(_, is)| *is == Is::Class) else { continue };
        let scene = Scene::new(route).await;
        let mut body = scene.body(route, "teacher1");
        let id = scene.class.to_uppercase();
        body.insert((*name).to_owned(), json!(format!("{}-{}", &id[..8], &id[8..])));
        let r = scene.server.post("teacher1", route.path, Value::Object(body.clone())).await;
        r.is("ok");
        assert!(!r.text.contains(&id[..8]) || id[..8].bytes().all(|b| b.is_ascii_digit()), "{}", r.text);
        let joins = ["joinClass", "leaveClass"].iter().any(|p| route.path.ends_with(p));
        for unknown in ["nonsense", "00000000000000000000000000000000", "zz"] {
            body.insert((*name).to_owned(), json!(unknown));
            let r = scene.server.post("teacher1", route.path, Value::Object(body.clone())).await;
            // That one has no permit: permits.rs.
            let asks = route.path.ends_with("/getAssistantPermit");
            r.is(if asks {
                "ok"
            } else if joins {
                "ClassNotFound"
            } else {
                "404"
            });
            let roll = route.path.to_lowercase().contains("checkin");
            let text = if roll { "NotFound" } else { "未查询到" };
            assert!(joins || asks || r.body["errorMsg"] == text, "{} {}", route.path, r.text);
        }
    }
}

#[tokio::test]
async fn g32_listed_origins_are_echoed() {
    let cors = Cors::Listed(vec![HeaderValue::from_static("https://a.example")]);
    let s = Server::with(Options { cors, ..Options::default() }).await;
    for (origin, want) in [("https://a.example", Some("https://a.example")), ("https://b.example", None)] {
        let r = s.send(Request::post("/api/v1/class/get").header("origin", origin).body(Body::empty()).unwrap()).await;
        assert_eq!(r.header("access-control-allow-origin"), want);
        assert_eq!(r.header("vary"), want.map(|_| "Origin"));
    }
}

#[tokio::test]
async fn over_the_rate_is_429_for_that_user_only() {
    let s = Server::with(Options { rate: Rate { per_sec: 1, burst: 2 }, ..Options::default() }).await;
    for want in ["ok", "ok", "HTTP 429"] {
        s.post("alice", "list", json!({"user_id": "alice"})).await.is(want);
    }
    s.post("bob", "list", json!({"user_id": "bob"})).await.is("ok");
    s.api.set_ready(false);
    s.post("bob", "list", json!({"user_id": "bob"})).await.is("HTTP 503");
}

#[tokio::test]
async fn tokens_of_other_kinds_are_no_login() {
    let s = Server::new().await;
    let made = s.data("alice", "token", json!({"user_id": "alice", "device_id": "d", "device_type": "web"})).await;
    let class = s.class().await;
    let media = s.get("alice", &class).await["link_info"]["rtc_token"].as_str().unwrap().to_owned();
    for token in [made["access_token"].as_str().unwrap(), made["hub"]["token"].as_str().unwrap(), &media] {
        s.post_text("/api/v1/class/list", Some(token), r#"{"user_id":"alice"}"#).await.is("HTTP 401");
    }
    let keys = LoginKeys::new([LOGIN_KEY]).unwrap();
    let good = keys.mint(&user("alice"), s.now(), s.now() + 60, None);
    s.post_text("/api/v1/class/list", Some(&good), r#"{"user_id":"alice"}"#).await.is("ok");
}
