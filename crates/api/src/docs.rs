//! OpenAPI documents and the page that shows them, without any script from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// Everything from our own origin, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One published description.
#[derive(Debug, Clone)]
pub struct Document {
    /// Served at `/openapi/<name>.json`.
    pub name: &'static str,
    /// Shown on the page.
    pub title: &'static str,
    /// Pretty-printed JSON.
    pub json: String,
}

/// The text of a description: pretty-printed, with a final newline, and without nulls among the
/// types, since no dialect ever sends one.
#[must_use]
pub fn render(api: &OpenApi) -> String {
    let mut value = serde_json::to_value(api).unwrap_or(Value::Null);
    without_nulls(&mut value);
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|t| t != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(options)) = map.get_mut("oneOf") {
                options.retain(|o| o.get("type").is_none_or(|t| t != "null"));
                if let [Value::Object(only)] = options.as_slice() {
                    let only = only.clone();
                    map.remove("oneOf");
                    map.extend(only);
                }
            }
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// Routes `/docs` and `/openapi/<name>.json`.
pub fn router(documents: &[Document]) -> Router {
    let list: Vec<Value> = documents
        .iter()
        .map(|d| serde_json::json!({"title": d.title, "url": format!("/openapi/{}.json", d.name)}))
        .collect();
    let index = Value::from(list).to_string();
    let mut routes = Router::new()
        .route("/docs", get(|| asset("text/html; charset=utf-8", include_str!("docs/index.html"))))
        .route("/docs/app.js", get(|| asset("text/javascript; charset=utf-8", include_str!("docs/app.js"))))
        .route("/docs/style.css", get(|| asset("text/css; charset=utf-8", include_str!("docs/style.css"))))
        .route("/docs/icon.svg", get(|| asset("image/svg+xml", include_str!("docs/icon.svg"))))
        .route("/docs/documents.json", json_route(index));
    for d in documents {
        routes = routes.route(&format!("/openapi/{}.json", d.name), json_route(d.json.clone()));
    }
    routes
}

fn json_route(text: String) -> axum::routing::MethodRouter {
    let body: Arc<Bytes> = Arc::new(Bytes::from(text));
    get(move || asset("application/json; charset=utf-8", Bytes::clone(&body)))
}

async fn asset(kind: &'static str, body: impl Into<Bytes>) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (StatusCode::OK, headers, body.into()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_leave_the_types() {
        let mut v = serde_json::json!({
            "a": {"type": ["string", "null"], "maxLength": 3},
            "b": {"oneOf": [{"type": "null"}, {"$ref": "#/x"}]},
            "c": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
        });
        without_nulls(&mut v);
        let want = serde_json::json!({
            "a": {"type": "string", "maxLength": 3},
            "b": {"$ref": "#/x"},
            "c": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
        });
        assert_eq!(v, want);
    }

    #[test]
    fn the_page_has_no_inline_script_and_no_foreign_origin() {
        let page = include_str!("docs/index.html");
        for text in [page, include_str!("docs/app.js"), include_str!("docs/style.css")] {
            assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("innerHTML"));
        }
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" on"));
        assert_eq!(page.matches("<script").count(), page.matches("<script src=\"/docs/").count());
    }
}
