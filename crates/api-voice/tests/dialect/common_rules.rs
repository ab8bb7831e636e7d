//! Acceptance list 9.1: what holds for every endpoint.
use crate::server::{HUB_KEY, LIMIT, LOGIN_KEY, Options, PROTECTED, Server};
use axum::body::Body;
use axum::http::{HeaderValue, Request};
use serde_json::{Value, json};
use stoa_api::jwt::Key;
use stoa_api::{Cors, LoginKeys, Rate};

fn path(endpoint: &str) -> String {
    format!("/api/chatroom/{endpoint}")
}

#[tokio::test]
async fn g1_every_protected_endpoint_wants_a_token() {
    let s = Server::new();
    for e in PROTECTED {
        let r = s.post_text(&path(e), None, "{}").await;
        r.expect(401, 401);
        assert_eq!(r.header("access-control-allow-origin"), Some("*"), "{e}");
        assert_eq!(r.header("access-control-expose-headers"), Some("x-request-id, retry-after"));
    }
}

#[tokio::test]
async fn g2_tokens_that_do_not_count_are_refused() {
    let s = Server::new();
    let now = s.now();
    let key = Key::new(LOGIN_KEY);
    let other = Key::new(b"another-secret-of-thirty-two-b..");
    let kinds = [
        "garbage".to_owned(),
        other.sign(&json!({"sub":"alice","exp":now + 60})),
        Key::new(HUB_KEY).sign(&json!({"sub":"alice","exp":now + 60,"aud":"hub"})),
        Key::new(b"voice-demo-secret-32-bytes-long!").sign(&json!({"sub":"alice","exp":now + 60,"video":{}})),
        key.sign(&json!({"sub":"alice","exp":now})),
        key.sign(&json!({"exp":now + 60})),
        key.sign(&json!({"sub":"alice"})),
        key.sign(&json!({"sub":"alice","exp":now + 60,"aud":"hub"})),
        String::new(),
    ];
    for token in kinds {
        s.post_text("/api/chatroom/list", Some(&token), "{}").await.expect(401, 401);
    }
    let good = format!("Bearer {}", s.token("alice"));
    let two = Request::post("/api/chatroom/list").header("authorization", &good).header("authorization", &good);
    s.send(two.body(Body::empty()).unwrap()).await.expect(401, 401);
}

#[tokio::test]
async fn g3_the_word_bearer_is_read_in_any_spelling() {
    let s = Server::new();
    let t = s.token("alice");
    for value in [format!("Bearer {t}"), format!("bearer {t}"), format!("BEARER    {t}"), format!("Bearer{t}")] {
        let r = Request::post("/api/chatroom/list").header("authorization", value).body(Body::empty()).unwrap();
        s.send(r).await.expect(200, 200);
    }
}

#[tokio::test]
async fn g4_a_token_anywhere_else_is_not_read() {
    let s = Server::new();
    let t = s.token("alice");
    let query = format!("/api/chatroom/list?token={t}&authorization=Bearer%20{t}");
    s.post_text(&query, None, json!({"token": t, "authorization": t}).to_string()).await.expect(401, 401);
    let cookie = Request::post("/api/chatroom/list").header("cookie", format!("token={t}; Authorization=Bearer {t}"));
    s.send(cookie.body(Body::empty()).unwrap()).await.expect(401, 401);
}

#[tokio::test]
async fn g5_a_bad_token_hides_errors_of_the_body() {
    let s = Server::new();
    s.post_text("/api/chatroom/list", Some("x.y.z"), "{").await.expect(401, 401);
    s.post_text("/api/chatroom/list", Some("x.y.z"), vec![b'x'; LIMIT + 1]).await.expect(401, 401);
}

#[tokio::test]
async fn the_body_is_not_read_before_the_caller_is_known() {
    let s = Server::new();
    let never = futures_never();
    let r = Request::post("/api/chatroom/list").header("authorization", "Bearer x").body(never).unwrap();
    s.send(r).await.expect(401, 401);
}

/// A body that would hang whoever reads it.
fn futures_never() -> Body {
    Body::from_stream(futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>())
}

#[tokio::test]
async fn g6_untidy_paths_are_served() {
    let s = Server::new();
    let t = s.token("alice");
    for p in ["//api/chatroom/list", "/api//chatroom//list/", "/api/chatroom/list/"] {
        s.post_text(p, Some(&t), "").await.expect(200, 200);
    }
}

#[tokio::test]
async fn g7_unknown_paths_are_404_with_and_without_token() {
    let s = Server::new();
    let t = s.token("alice");
    for p in ["/API/chatroom/list", "/api/chatroom/nope", "/api/chatroom", "/api/ktv/listSongs", "/x"] {
        for token in [None, Some(t.as_str())] {
            let r = s.post_text(p, token, "{").await;
            r.expect(404, 404);
            assert_eq!(r.body["message"], "no such endpoint");
            if !p.starts_with("/api/chatroom") {
                assert_eq!((&r.body["success"], &r.body["errorCode"]), (&json!(false), &json!("404")), "{p}");
                assert_eq!(r.body["errorMsg"], "NotFound");
            }
        }
    }
    s.send(Request::get("/nope").body(Body::empty()).unwrap()).await.expect(404, 404);
}

#[tokio::test]
async fn g8_other_methods_are_405() {
    let s = Server::new();
    for method in ["GET", "PUT", "DELETE", "PATCH", "TRACE"] {
        for e in PROTECTED {
            let r = s.send(Request::builder().method(method).uri(path(e)).body(Body::empty()).unwrap()).await;
            r.expect(405, 405);
            assert_eq!(r.header("allow"), Some("POST, OPTIONS"), "{method} {e}");
        }
    }
    let r = s.send(Request::get("/login").body(Body::empty()).unwrap()).await;
    r.expect(405, 405);
    assert_eq!(r.body["errorCode"], "405");
}

#[tokio::test]
async fn g9_preflights_need_no_token_on_any_path() {
    let s = Server::new();
    for p in ["/login", "/api/chatroom/list", "/api/chatroom/nope", "/nowhere"] {
        let r = Request::options(p).header("origin", "https://a.example").body(Body::empty()).unwrap();
        let r = s.send(r).await;
        assert_eq!(r.status, 204, "{p}");
        for (name, want) in [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "POST, GET, PUT, PATCH, DELETE, OPTIONS"),
            ("access-control-allow-headers", "authorization, content-type, accept, x-requested-with, x-request-id"),
            ("access-control-max-age", "600"),
        ] {
            assert_eq!(r.header(name), Some(want), "{p}");
        }
    }
}

#[tokio::test]
async fn g10_listed_origins_are_echoed_and_others_get_nothing() {
    let cors = Cors::Listed(vec![HeaderValue::from_static("https://a.example")]);
    let s = Server::with(Options { cors, ..Options::default() });
    for method in ["POST", "OPTIONS"] {
        let ask = |origin: &str| {
            Request::builder()
                .method(method)
                .uri("/api/chatroom/list")
                .header("origin", origin)
                .body(Body::empty())
                .unwrap()
        };
        let listed = s.send(ask("https://a.example")).await;
        assert_eq!(listed.header("access-control-allow-origin"), Some("https://a.example"));
        assert_eq!(listed.header("vary"), Some("Origin"));
        let other = s.send(ask("https://b.example")).await;
        assert!(!other.headers.keys().any(|k| k.as_str().starts_with("access-control-")), "{:?}", other.headers);
    }
}

#[tokio::test]
async fn g11_bodies_are_bounded_and_must_be_json_objects() {
    let s = Server::new();
    let t = s.token("alice");
    let list = "/api/chatroom/list";
    s.post_text(list, Some(&t), vec![b' '; LIMIT + 1]).await.expect(413, 413);
    let fits = format!("{{\"x\":\"{}\"}}", "y".repeat(LIMIT - 8));
    s.post_text(list, Some(&t), fits).await.expect(200, 200);
    let r = s.post_text("/login", None, vec![b' '; 64 * 1024 + 1]).await;
    r.expect(413, 413);
    assert_eq!(r.body["errorCode"], "413");
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(32), "]".repeat(32));
    for bad in [&b"[1]"[..], b"\"x\"", b"{", b"{\"a\":\"\xff\"}", br#"{"a":"\ud800"}"#, deep.as_bytes()] {
        for e in PROTECTED {
            s.post_text(&path(e), Some(&t), bad.to_vec()).await.expect(400, 400);
        }
        let r = s.post_text("/login", None, bad.to_vec()).await;
        r.expect(400, 400);
        assert_eq!((&r.body["errorCode"], &r.body["errorMsg"]), (&json!("401"), &json!("参数错误")));
    }
}

#[tokio::test]
async fn g12_an_empty_body_is_an_empty_object() {
    let s = Server::new();
    let t = s.token("alice");
    let r = s.post_text("/api/chatroom/list", Some(&t), "").await;
    assert_eq!(r.expect(200, 200).body["rooms"], json!([]));
    let r = s.post_text("/api/chatroom/get", Some(&t), "").await;
    assert_eq!(r.expect(200, 400).body["message"], "id: required");
}

#[tokio::test]
async fn g13_g14_content_type_bom_layout_and_unknown_names_do_not_matter() {
    let s = Server::new();
    let auth = format!("Bearer {}", s.token("alice"));
    let nest = format!("{}{}", "[".repeat(31), "]".repeat(31));
    for body in ["{\"page_num\": 1}", "\u{feff}{}", "{\n\t\"page_size\" :\r\n 3 }", &format!("{{\"rubbish\":{nest}}}")]
    {
        for kind in [None, Some("text/plain"), Some("application/json; charset=utf-16")] {
            let mut b = Request::post("/api/chatroom/list").header("authorization", &auth);
            if let Some(k) = kind {
                b = b.header("content-type", k);
            }
            s.send(b.body(Body::from(body.to_owned())).unwrap()).await.expect(200, 200);
        }
    }
}

#[tokio::test]
async fn g15_numbers_for_strings_keep_their_text() {
    let s = Server::new();
    let t = s.token("12345678901234567890");
    let body = r#"{"title":123,"anchor":12345678901234567890,"notice":1.0,"anchor_nick":true}"#;
    let r = s.post_text("/api/chatroom/create", Some(&t), body).await;
    r.expect(200, 200);
    for (k, v) in [("title", "123"), ("anchor_id", "12345678901234567890"), ("notice", "1.0"), ("anchor_nick", "true")]
    {
        assert_eq!(r.body[k], v);
    }
}

#[tokio::test]
async fn g17_odd_integers_are_refused_by_name() {
    let s = Server::new();
    let id = s.room("alice").await;
    for bad in ["2.5", "\"abc\"", "true", "[1]"] {
        let body = format!("{{\"id\":\"{id}\",\"user_id\":\"bob\",\"index\":{bad}}}");
        let r = s.post_text("/api/chatroom/joinMic", Some(&s.token("bob")), body).await;
        r.expect(200, 400);
        assert_eq!((&r.body["message"], &r.body["msg"]), (&json!("index: must be an integer"), &r.body["message"]));
    }
    assert!(s.seats(&id).await.is_empty());
}

/// Required fields of each endpoint, with good values for user `alice`.
fn required(endpoint: &str, room: &str) -> Vec<(&'static str, Value)> {
    match endpoint {
        "login" => vec![("username", json!("alice")), ("password", json!("alice"))],
        "token" => vec![("user_id", json!("alice"))],
        "create" => vec![("title", json!("t")), ("anchor", json!("alice"))],
        "get" | "getMeetingInfo" | "update" => vec![("id", json!(room))],
        "getRtcAuthToken" => vec![("room_id", json!(room)), ("user_id", json!("alice"))],
        "dismiss" | "joinMic" => vec![("id", json!(room)), ("user_id", json!("alice"))],
        "leaveMic" => vec![("id", json!(room)), ("user_id", json!("alice")), ("index", json!(1))],
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn g18_every_required_field_of_every_endpoint_is_missed_by_name() {
    let s = Server::new();
    let room = s.room("alice").await;
    let mut asked = 0;
    for e in PROTECTED.iter().chain(&["login"]) {
        for (field, _) in required(e, &room) {
            for blank in [None, Some(json!(null)), Some(json!("")), Some(json!("  "))] {
                let mut body: serde_json::Map<String, Value> =
                    required(e, &room).into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
                match blank {
                    Some(v) => body.insert(field.to_owned(), v),
                    None => body.remove(field),
                };
                let body = Value::from(body);
                let r = if *e == "login" { s.login(body).await } else { s.post("alice", e, body).await };
                let status = if *e == "getRtcAuthToken" { 400 } else { 200 };
                r.expect(status, 400);
                let message = r.body["message"].as_str().unwrap();
                assert!(message.starts_with(&format!("{field}: ")), "{e}: {message}");
                assert_eq!(r.body["msg"], message);
                let shows = ["leaveMic", "getMeetingInfo"].contains(e);
                assert_eq!(r.body.get("members"), shows.then_some(&json!([])), "{e}");
                assert_eq!(r.body.get("success").is_some(), shows || ["dismiss", "login"].contains(e), "{e}");
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 4 * 17);
    assert_eq!(s.voice.list(stoa_core::ports::PageStart::Offset(0), 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn g19_control_characters_are_refused() {
    let s = Server::new();
    for bad in ["a\u{0}", "a\u{1f}", "a\u{85}", "system", "x_shadow"] {
        let r = s.post("alice", "token", json!({"user_id": bad})).await;
        assert!(r.expect(200, 400).body["message"].as_str().unwrap().starts_with("user_id: "));
    }
    s.post("alice", "create", json!({"title": "a\u{0}b", "anchor": "alice"})).await.expect(200, 400);
    s.login(json!({"username": "a\u{1f}b", "password": "x"})).await.expect(200, 400);
}

#[tokio::test]
async fn request_ids_of_callers_come_back_and_odd_ones_are_replaced() {
    let s = Server::new();
    let ask = |id: &str| Request::post("/api/chatroom/list").header("x-request-id", id).body(Body::empty()).unwrap();
    assert_eq!(s.send(ask("a.B_c-9")).await.header("x-request-id"), Some("a.B_c-9"));
    let a = s.send(ask("a b")).await;
    let b = s.send(ask("a b")).await;
    assert_ne!(a.header("x-request-id"), Some("a b"));
    assert_ne!(a.header("x-request-id"), b.header("x-request-id"));
}

#[tokio::test]
async fn row_27_over_the_rate_is_429_and_200_where_android_needs_it() {
    let s = Server::with(Options { rate: Rate { per_sec: 1, burst: 2 }, ..Options::default() });
    for e in PROTECTED {
        let name = format!("user-{e}");
        for _ in 0..2 {
            assert_ne!(s.post(&name, e, json!({})).await.body["code"], 429);
        }
        // The rate comes before size and JSON.
        let r = s.post_text(&path(e), Some(&s.token(&name)), "{").await;
        let seats = ["leaveMic", "getMeetingInfo"].contains(&e);
        r.expect(if seats { 200 } else { 429 }, 429);
        assert_eq!(r.header("retry-after"), Some("1"));
        assert_eq!(r.body.get("members"), seats.then_some(&json!([])));
    }
    s.post("somebody-else", "list", json!({})).await.expect(200, 200);
    s.clock.forward(std::time::Duration::from_secs(1));
    s.post("user-list", "list", json!({})).await.expect(200, 200);
}

#[tokio::test]
async fn row_28_a_server_that_is_not_ready_says_503_everywhere() {
    let s = Server::new();
    s.api.set_ready(false);
    for e in PROTECTED {
        s.post("alice", e, json!({})).await.expect(503, 503);
    }
    let r = s.login(json!({"username": "a", "password": "a"})).await;
    assert_eq!(r.expect(503, 503).body["errorCode"], "503");
    s.api.set_ready(true);
    s.post("alice", "list", json!({})).await.expect(200, 200);
    let full = Server::with(Options { max_in_flight: 0, ..Options::default() });
    full.post("alice", "list", json!({})).await.expect(503, 503);
    assert_eq!(full.api.in_flight(), 0);
}

#[tokio::test]
async fn l10_l12_keys_rotate_and_the_key_alone_vouches_for_a_subject() {
    let s = Server::with(Options { keys: LoginKeys::new([&[7u8; 32][..], LOGIN_KEY]).unwrap(), ..Options::default() });
    let old = Key::new(LOGIN_KEY);
    let t = old.sign(&json!({"sub":"nobody","exp":s.now() + 60,"adm":true,"admin":true}));
    s.post_text("/api/chatroom/list", Some(&t), "").await.expect(200, 200);
    let r = s.post_text("/api/chatroom/token", Some(&t), r#"{"user_id":"other"}"#).await;
    r.expect(200, 403);
    let root = old.sign(&json!({"sub":"root","exp":s.now() + 60}));
    s.post_text("/api/chatroom/token", Some(&root), r#"{"user_id":"other"}"#).await.expect(200, 200);
    let removed = Server::with(Options { keys: LoginKeys::new([[7u8; 32]]).unwrap(), ..Options::default() });
    removed.post_text("/api/chatroom/list", Some(&t), "").await.expect(401, 401);
}

#[tokio::test]
async fn l11_disabled_accounts_and_revoked_tokens_are_401_on_the_next_call() {
    let s = Server::new();
    let t = s.token("bob");
    let list = "/api/chatroom/list";
    s.account("bob", "x", |_| {}).await;
    s.post_text(list, Some(&t), "").await.expect(200, 200);
    let now = s.now();
    s.account("bob", "x", |a| a.revoked_at_secs = now).await;
    s.post_text(list, Some(&t), "").await.expect(401, 401);
    let fresh = Key::new(LOGIN_KEY).sign(&json!({"sub":"bob","iat":now + 1,"exp":now + 60}));
    s.post_text(list, Some(&fresh), "").await.expect(200, 200);
    s.account("bob", "x", |a| a.disabled = true).await;
    s.post_text(list, Some(&fresh), "").await.expect(401, 401);
}
