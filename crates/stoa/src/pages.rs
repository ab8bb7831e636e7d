//! The web pages, built into the binary.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::OriginalUri;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::page_kind::content_type;

/// One file of the built pages.
struct Page {
    path: &'static str,
    kind: &'static str,
    etag: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// No script, style or frame from anywhere else; signalling may go to another host (`http.public_url`).
const CSP: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; media-src 'self' blob:; \
    worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Stoa</title>\
    <h1>Stoa is running</h1><p>This binary was built without its pages. To have them, run <code>make build</code> \
    (or <code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>, then <code>cargo build</code>).</p>\
    <p>The API works: <a href=\"/docs\">documentation</a>.</p></html>";

/// Routes of every file; `/` is `index.html`.
pub fn router() -> Router {
    let mut router = Router::new();
    for page in PAGES {
        let path = if page.path == "index.html" { "/".to_owned() } else { format!("/{}", page.path) };
        router = router.route(&path, get(move |headers: HeaderMap| async move { answer(page, &headers) }));
    }
    if !PAGES.iter().any(|p| p.path == "index.html") {
        router = router
            .route("/", get(|| async { guarded(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], NOT_BUILT)) }));
    }
    router
}

/// The same from a folder, read at every request: who works on the pages sees a new build at once, without a new binary.
pub fn folder(dir: PathBuf) -> Router {
    let dir = Arc::new(dir);
    let file = get(move |OriginalUri(uri): OriginalUri| async move {
        let asked = uri.path().trim_start_matches('/');
        let Some(path) = below(&dir, if asked.is_empty() { "index.html" } else { asked }) else {
            return guarded(StatusCode::NOT_FOUND);
        };
        let kind = content_type(&path.to_string_lossy());
        match tokio::fs::read(&path).await {
            Ok(bytes) => guarded(([(header::CACHE_CONTROL, "no-store"), (header::CONTENT_TYPE, kind)], bytes)),
            Err(_) => guarded(StatusCode::NOT_FOUND),
        }
    });
    Router::new().route("/", file.clone()).route("/assets/{*path}", file.clone()).route("/{file}", file)
}

/// The file that a path names, unless it leads out of the folder.
fn below(dir: &Path, asked: &str) -> Option<PathBuf> {
    let inside = Path::new(asked).components().all(|c| matches!(c, Component::Normal(_)));
    inside.then(|| dir.join(asked))
}

fn answer(page: &'static Page, asked: &HeaderMap) -> Response {
    // Names with a hash never change their content; everything else is asked for again.
    let cache = if page.path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let common = [(header::CACHE_CONTROL, cache), (header::ETAG, page.etag), (header::VARY, "accept-encoding")];
    let contains = |name: HeaderName, word: &str| {
        asked
            .get_all(name)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .any(|v| v.split(',').any(|p| p.trim().starts_with(word)))
    };
    if contains(header::IF_NONE_MATCH, page.etag) {
        return guarded((StatusCode::NOT_MODIFIED, common));
    }
    let kind = [(header::CONTENT_TYPE, page.kind)];
    match page.gzip {
        Some(bytes) if contains(header::ACCEPT_ENCODING, "gzip") => {
            guarded((common, kind, [(header::CONTENT_ENCODING, "gzip")], bytes))
        }
        _ => guarded((common, kind, page.plain)),
    }
}

fn guarded(answer: impl IntoResponse) -> Response {
    let mut answer = answer.into_response();
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("permissions-policy"), "camera=(self), microphone=(self), display-capture=(self)"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    async fn ask(path: &str, headers: &[(&str, &str)]) -> Response {
        let mut r = Request::get(path);
        for (k, v) in headers {
            r = r.header(*k, *v);
        }
        router().oneshot(r.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn the_first_page_is_there_with_or_without_built_pages_and_is_guarded() {
        let a = ask("/", &[]).await;
        assert_eq!(a.status(), StatusCode::OK);
        assert!(a.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
        assert!(a.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
        assert_eq!(a.headers()["referrer-policy"], "no-referrer");
    }

    #[tokio::test]
    async fn a_folder_stands_in_for_the_built_pages_and_nothing_outside_it_is_served() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("dist/assets")).unwrap();
        std::fs::write(dir.path().join("secret.txt"), "no").unwrap();
        std::fs::write(dir.path().join("dist/index.html"), "<p>here").unwrap();
        std::fs::write(dir.path().join("dist/assets/a.js"), "1").unwrap();
        let get = async |path: &str| {
            let asked = Request::get(path).body(Body::empty()).unwrap();
            folder(dir.path().join("dist")).oneshot(asked).await.unwrap()
        };
        let first = get("/").await;
        assert_eq!(first.headers()["content-type"], "text/html; charset=utf-8");
        assert!(first.headers().contains_key("content-security-policy"));
        assert_eq!(get("/assets/a.js").await.status(), StatusCode::OK);
        for path in ["/assets/../../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt", "/..%2fsecret.txt", "/none.js"] {
            assert_eq!(get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn files_with_a_hash_are_kept_and_a_known_etag_is_not_sent_again() {
        static PAGE: Page =
            Page { path: "assets/a-1.js", kind: "text/javascript", etag: "\"1\"", plain: b"plain", gzip: Some(b"gz") };
        let ask = |pairs: &[(HeaderName, &'static str)]| {
            let headers = pairs.iter().map(|(k, v)| (k.clone(), HeaderValue::from_static(v))).collect();
            answer(&PAGE, &headers)
        };
        let a = ask(&[(header::ACCEPT_ENCODING, "br, gzip")]);
        assert_eq!(a.headers()["content-encoding"], "gzip");
        assert!(a.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        assert!(!ask(&[]).headers().contains_key("content-encoding"));
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "\"0\", \"1\"")]).status(), StatusCode::NOT_MODIFIED);
    }
}
