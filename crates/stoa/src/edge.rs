//! What surrounds every request of every part: a request id, the client's real address behind a
//! proxy, a count and a time.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use metrics::{Counter, Histogram};
use stoa_api::{ClientAddr, Secure};
use stoa_core::ports::{Clock, Entropy};
use tower::layer::layer_fn;
use tower::{Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::requests::{Answered, Requests};

/// Longest silence inside a request body. Shorter frees slots of stalled uploads, longer spares bad networks.
const BODY_SILENCE: Duration = Duration::from_secs(30);
/// Ties an answer to its log lines.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id taken from a caller.
const MAX_ID: usize = 64;

/// What the layer knows.
#[derive(Clone)]
struct Edge(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    proxied: bool,
    prefix: String,
    next: AtomicU64,
    requests: Requests,
    counts: Counts,
}

/// Puts the layers around everything. `proxied` = a trusted proxy in front tells address and scheme.
pub fn around(
    router: Router,
    clock: Arc<dyn Clock>,
    entropy: &dyn Entropy,
    proxied: bool,
    requests: Requests,
) -> Router {
    let mut random = [0u8; 6];
    entropy.fill(&mut random);
    let prefix = random.iter().fold(String::new(), |s, b| s + &format!("{b:02x}"));
    let (next, counts) = (AtomicU64::new(1), Counts::default());
    let edge = Edge(Arc::new(Inner { clock, proxied, prefix, next, counts, requests }));
    // One layer for the router, which boxes each: the outermost first.
    router.layer(
        ServiceBuilder::new()
            .layer(layer_fn(move |inner| Surround { edge: edge.clone(), inner }))
            .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| broken()))
            .layer(RequestBodyTimeoutLayer::new(BODY_SILENCE)),
    )
}

/// What [`surround`] is put around.
#[derive(Clone)]
struct Surround<S> {
    edge: Edge,
    inner: S,
}

impl<S> Service<Request> for Surround<S>
where
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The one that is ready goes, its copy stays.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let edge = self.edge.clone();
        Box::pin(async move { surround(&edge.0, request, |r| inner.call(r)).await })
    }
}

/// The answer to a request whose handler panicked; the panic itself is logged by the hook.
fn broken() -> Response {
    let body = r#"{"code":500,"message":"internal error"}"#;
    let kind = [(axum::http::header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (axum::http::StatusCode::INTERNAL_SERVER_ERROR, kind, body).into_response()
}

async fn surround<F, R>(
    edge: &Inner,
    mut request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Result<Response, Infallible>
where
    F: Future<Output = Result<R, Infallible>>,
    R: IntoResponse,
{
    let id = match request.headers().get(&X_REQUEST_ID).filter(|v| usable(v)) {
        Some(id) => id.clone(),
        None => {
            let n = edge.next.fetch_add(1, Ordering::Relaxed);
            let id = HeaderValue::try_from(format!("{}-{n:x}", edge.prefix)).unwrap_or(HeaderValue::from_static("-"));
            request.headers_mut().insert(X_REQUEST_ID, id.clone());
            id
        }
    };
    if edge.proxied {
        if let Some(ip) = forwarded_for(request.headers()) {
            request.extensions_mut().insert(ClientAddr(ip));
        }
        if request.headers().get("x-forwarded-proto").is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"https")) {
            request.extensions_mut().insert(Secure);
        }
    }
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let began = edge.clock.now().mono;
    let mut response = answer(request).await?.into_response();
    let ended = edge.clock.now();
    let took = ended.mono.saturating_sub(began);
    let status = response.status().as_u16();
    edge.counts.note(status, took);
    let text = id.to_str().unwrap_or_default();
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if status == 500 {
        tracing::warn!(request.id = text, http.method = %method, http.path = uri.path(), http.status = status, took.ms = ms, "request failed");
    } else {
        tracing::debug!(request.id = text, http.method = %method, http.path = uri.path(), http.status = status, took.ms = ms, "request");
    }
    edge.requests.push(&Answered {
        at: ended.wall.0,
        method: &method,
        path: uri.path(),
        status,
        took,
        request_id: text,
    });
    response.headers_mut().entry(X_REQUEST_ID).or_insert(id);
    Ok(response)
}

/// The metrics of requests, looked up once and not for every request. At the first one: whoever keeps them is there then.
#[derive(Default)]
struct Counts {
    classes: [OnceLock<Counter>; 5],
    seconds: OnceLock<Histogram>,
}

impl Counts {
    fn note(&self, status: u16, took: Duration) {
        const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        let class = usize::from((status / 100).clamp(1, 5)) - 1;
        let counter = || metrics::counter!("stoa_http_requests_total", "status" => CLASSES[class]);
        self.classes[class].get_or_init(counter).increment(1);
        let seconds = || metrics::histogram!("stoa_http_request_seconds");
        self.seconds.get_or_init(seconds).record(took.as_secs_f64());
    }
}

fn usable(id: &HeaderValue) -> bool {
    let b = id.as_bytes();
    (1..=MAX_ID).contains(&b.len()) && b.iter().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(c))
}

/// The last entry: the one our own proxy added. Earlier ones are whatever the client claimed.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

/// Whether the request came from this machine and through no proxy.
#[must_use]
pub fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let direct =
        ["x-forwarded-for", "forwarded", "x-real-ip", "via"].iter().all(|h| !request.headers().contains_key(*h));
    direct && peer.is_some_and(|c| c.0.ip().is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;
    use crate::clock::RealClock;
    use crate::entropy::OsEntropy;

    fn router(proxied: bool) -> Router {
        let who = |r: Request| async move {
            let ip = r.extensions().get::<ClientAddr>().map(|a| a.0.to_string()).unwrap_or_default();
            format!("{ip} {}", r.extensions().get::<Secure>().is_some())
        };
        async fn fall() -> &'static str {
            panic!("on purpose")
        }
        let inner = Router::new().route("/", get(who)).route("/panic", get(fall));
        around(inner, Arc::new(RealClock::new()), &OsEntropy, proxied, Requests::default())
    }

    async fn ask(proxied: bool, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, String) {
        let mut r = Request::get(path);
        for (k, v) in headers {
            r = r.header(*k, *v);
        }
        let a = router(proxied).oneshot(r.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = a.into_parts();
        let body = axum::body::to_bytes(body, 1000).await.unwrap();
        (parts.status.as_u16(), parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn every_answer_has_a_request_id_the_callers_own_if_it_is_decent() {
        assert_eq!(ask(false, "/", &[("x-request-id", "mine-1")]).await.1["x-request-id"], "mine-1");
        let odd = ask(false, "/", &[("x-request-id", "a b")]).await.1["x-request-id"].clone();
        assert!(usable(&odd) && odd != "a b");
        let (status, headers, _) = ask(false, "/panic", &[]).await;
        assert_eq!(status, 500);
        assert!(headers.contains_key("x-request-id"));
    }

    #[tokio::test]
    async fn forwarded_headers_count_only_behind_a_proxy_and_only_its_own_entry() {
        let claims = [("x-forwarded-for", "1.1.1.1, 10.0.0.9"), ("x-forwarded-proto", "https")];
        assert_eq!(ask(false, "/", &claims).await.2, " false");
        assert_eq!(ask(true, "/", &claims).await.2, "10.0.0.9 true");
    }
}
