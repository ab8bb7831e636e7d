//! The dialect in front of everything else.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::{any, get, post};
use stoa_api_talk::{is_ours, mount, router};
use tower::ServiceExt;

use crate::server::Server;

async fn ask(routes: &Router, path: &str) -> (u16, String) {
    let request = Request::post(path).body(Body::from("{}")).unwrap();
    let response = routes.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn other_parts_keep_their_paths_and_their_fallback() {
    let s = Server::new().await;
    let rest = Router::new()
        .route("/", get(|| async { "page" }))
        .route("/login", post(|| async { "login" }))
        .route("/api/chatroom/{*rest}", any(|| async { "voice" }))
        .route("/twirp/{service}/{method}", post(|| async { "twirp" }))
        .route("/rtc/v1/validate", any(|| async { "rtc" }))
        .fallback(|| async { "fallback" });
    let routes = stoa_api::normalized(mount(s.state.clone(), rest));
    for (path, who) in [
        ("/login", "login"),
        ("/api/chatroom/create", "voice"),
        ("/api/v1/im", "fallback"),
        ("/twirp/livekit.RoomService/ListRooms", "twirp"),
        ("/rtc/v1/validate", "rtc"),
        ("/v1/im", "fallback"),
        ("/v1/im/push_mcu_msg/more", "fallback"),
        ("/docs/x/y", "fallback"),
    ] {
        assert_eq!(ask(&routes, path).await, (200, who.to_owned()), "{path}");
    }
    assert_eq!(ask(&routes, "/").await.0, 405);
    for path in ["/v1/im/push_mcu_msg", "/v1/talk/change_user_+Identity", "//V1/im//change_user_%20identity/"] {
        let (status, body) = ask(&routes, path).await;
        assert!(status == 200 && body.contains("60004"), "{path} {body}");
    }
    assert!(ask(&routes, "/v9/x/y").await.1.contains("60009"));
    assert!(is_ours("/v9/x/y") && !is_ours("/login"));
}

#[tokio::test]
async fn alone_it_answers_404_elsewhere() {
    let s = Server::new().await;
    let (status, body) = ask(&router(s.state.clone()), "/v1/im").await;
    assert!(status == 404 && body.contains("no such endpoint"));
}
