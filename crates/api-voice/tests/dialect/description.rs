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

#[test]
fn every_test_that_the_quirks_file_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = String::new();
    let mut folders = vec![root.join("src"), root.join("tests"), root.join("../api/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let quirks = std::fs::read_to_string(root.join("../../docs/api/voice-room-quirks.md")).unwrap();
    // Names of tests are the long words with underscores in the last column.
    let last_column = quirks.lines().filter_map(|l| l.strip_prefix('|')?.strip_suffix('|')?.rsplit('|').next());
    let names: Vec<&str> =
        last_column.flat_map(|c| c.split('`')).filter(|w| w.matches('_').count() > 2 && !w.contains(' ')).collect();
    assert!(names.len() > 30, "{}", names.len());
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "{name}");
    }
}
