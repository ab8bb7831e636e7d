//! What surrounds every REST answer: the request id and its log span, CORS, the common headers; and
//! the tidy path that routing sees.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use tower::Layer;
use tower::util::MapRequestLayer;
use tracing::Instrument;

use crate::answer::json_bytes;
use crate::state::ApiState;

/// Name of the header that ties an answer to its log lines.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id taken from a caller, in bytes.
const MAX_REQUEST_ID: usize = 64;

/// Puts the common parts around the routes of a dialect: request id, span, `OPTIONS`, CORS, headers.
pub fn shell(api: &ApiState, routes: Router) -> Router {
    let around = Around { api: api.clone(), foreign: true };
    routes.layer(from_fn_with_state(around, surround))
}

/// As [`shell`], for what only pages of our own origin may read: without CORS, whatever is configured.
pub fn shell_of_own_pages(api: &ApiState, routes: Router) -> Router {
    let around = Around { api: api.clone(), foreign: false };
    routes.layer(from_fn_with_state(around, surround))
}

#[derive(Clone)]
struct Around {
    api: ApiState,
    /// Pages of the configured origins may read the answers.
    foreign: bool,
}

/// Answers every path that no dialect knows: 404 with the envelopes of both REST dialects
/// (voice-room.md 2.5 row 2), `OPTIONS` with 204. For the outermost router's `fallback_service`.
pub fn fallback(api: &ApiState) -> Router {
    shell(api, Router::new().fallback(no_such_endpoint))
}

/// Tidies the path before `routes` sees it: runs of `/` become one, one trailing `/` is dropped.
pub fn normalized(routes: Router) -> Router {
    Router::new().fallback_service(MapRequestLayer::new(tidy::<axum::body::Body>).layer(routes))
}

async fn no_such_endpoint() -> Response {
    const BODY: &str =
        r#"{"code":404,"message":"no such endpoint","success":false,"errorCode":"404","errorMsg":"NotFound"}"#;
    json_bytes(StatusCode::NOT_FOUND, BODY)
}

async fn surround(State(Around { api, foreign }): State<Around>, request: Request, next: Next) -> Response {
    around(&api, foreign, request, |request| next.run(request)).await
}

/// Puts the common parts around one answer, as [`shell`] does around routes.
pub async fn within<F>(api: &ApiState, request: Request, answer: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    around(api, true, request, answer).await
}

async fn around<F>(api: &ApiState, foreign: bool, mut request: Request, answer: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let id =
        request.headers().get(X_REQUEST_ID).filter(|v| usable(v)).cloned().unwrap_or_else(|| api.fresh_request_id());
    let origin = request.headers().get(ORIGIN).cloned();
    let preflight = request.method() == Method::OPTIONS;
    let mut response = if preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let id_text = id.to_str().unwrap_or_default();
        // Whoever keeps a record of the request finds its id where callers put theirs.
        request.headers_mut().insert(X_REQUEST_ID, id.clone());
        let span = tracing::info_span!("request", request.id = id_text, http.path = request.uri().path());
        answer(request).instrument(span).await
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_REQUEST_ID, id);
    if foreign {
        api.config().cors.apply(origin.as_ref(), preflight, headers);
    }
    if preflight {
        let served = if foreign { "POST, OPTIONS" } else { "GET, POST, PATCH, DELETE, OPTIONS" };
        headers.insert(ALLOW, HeaderValue::from_static(served));
    }
    response
}

fn usable(id: &HeaderValue) -> bool {
    let b = id.as_bytes();
    (1..=MAX_REQUEST_ID).contains(&b.len()) && b.iter().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(c))
}

fn tidy<B>(mut request: http::Request<B>) -> http::Request<B> {
    let path = request.uri().path();
    if !path.contains("//") && (path.len() < 2 || !path.ends_with('/')) {
        return request;
    }
    let mut out = String::with_capacity(path.len() + 1);
    for part in path.split('/').filter(|p| !p.is_empty()) {
        out.push('/');
        out.push_str(part);
    }
    if out.is_empty() {
        out.push('/');
    }
    if let Some(query) = request.uri().query() {
        out.push('?');
        out.push_str(query);
    }
    let mut parts = request.uri().clone().into_parts();
    // Parts of a valid path are a valid path; if not, the request stays as it is and finds no route.
    if let Ok(path) = PathAndQuery::try_from(out) {
        parts.path_and_query = Some(path);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_tidied_and_queries_kept() {
        for (from, to) in [
            ("/a/b", "/a/b"),
            ("//a//b/", "/a/b"),
            ("/a/?x=//", "/a?x=//"),
            ("/", "/"),
            ("///", "/"),
            ("http://h//a/", "http://h/a"),
        ] {
            let request = http::Request::builder().uri(from).body(()).unwrap();
            assert_eq!(tidy(request).uri().to_string(), to);
        }
    }

    #[test]
    fn request_ids_are_taken_only_in_their_alphabet() {
        let ok = |s: &str| usable(&HeaderValue::from_str(s).unwrap());
        assert!(ok("a.B_9-z") && ok(&"x".repeat(64)));
        for bad in ["", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(!ok(bad), "{bad}");
        }
    }
}
