//! The published description against the committed copy.

use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use stoa_api_voice::document;
use tower::ServiceExt;

#[test]
fn the_committed_description_has_not_drifted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi/voice-room.json");
    let now = document().json;
    if std::env::var_os("STOA_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == now, "the API description changed: run the tests with STOA_BLESS=1 and commit docs/openapi");
}

#[test]
fn the_description_names_every_endpoint_and_no_null() {
    let v: Value = serde_json::from_str(&document().json).unwrap();
    let paths = v["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 11);
    for (path, item) in paths {
        let responses = item["post"]["responses"].as_object().unwrap();
        for status in ["200", "400", "405", "413", "503"] {
            assert!(responses.contains_key(status), "{path} {status}");
        }
        assert_eq!(responses.contains_key("401"), path != "/login", "{path}");
    }
    assert!(!document().json.contains("\"null\""));
}

#[tokio::test]
async fn the_page_and_the_document_are_served() {
    let routes = stoa_api::docs::router(&[document()]);
    for (path, kind) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/app.js", "text/javascript; charset=utf-8"),
        ("/docs/style.css", "text/css; charset=utf-8"),
        ("/docs/documents.json", "application/json; charset=utf-8"),
        ("/openapi/voice-room.json", "application/json; charset=utf-8"),
    ] {
        let r = routes.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!((r.status().as_u16(), r.headers()["content-type"].to_str().unwrap()), (200, kind), "{path}");
        assert!(r.headers()["content-security-policy"].to_str().unwrap().contains("script-src 'self'"));
        assert!(!to_bytes(r.into_body(), usize::MAX).await.unwrap().is_empty());
    }
}
