//! A vendor that answers as told, and remembers what it was sent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha1::{Digest as _, Sha1};
use stoa_core::ports::{Clock, Entropy};
use stoa_core::time::{Now, UnixMs};
use stoa_vendor::text::percent_decode;
use stoa_vendor::{Limits, Transport};
use tokio::sync::watch;

pub const NOW: i64 = 1_700_000_000;

/// An answer.
#[derive(Debug, Clone)]
pub enum Reply {
    Json(u16, Value),
    Raw(u16, String),
    /// Bytes without their number in front.
    Endless(usize),
    Redirect(String),
    /// As vendors in trouble do.
    After30s,
    /// Answers when [`Mock::release`] is called.
    Held(Value),
}

/// A request, as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: String,
}

#[derive(Debug, Default)]
struct Inner {
    replies: VecDeque<Reply>,
    seen: Vec<Seen>,
    at_once: usize,
    most_at_once: usize,
}

/// The server.
#[derive(Clone)]
pub struct Mock {
    pub base: String,
    inner: Arc<Mutex<Inner>>,
    release: watch::Sender<bool>,
    arrived: watch::Sender<usize>,
}

#[expect(clippy::disallowed_methods, reason = "a server of the test, ends with its runtime")]
fn serve(listener: tokio::net::TcpListener, router: Router) {
    tokio::spawn(async move { axum::serve(listener, router).await });
}

impl Mock {
    /// Answers with these in order, and with the last for ever.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let inner = Inner { replies: replies.into_iter().collect(), ..Inner::default() };
        let mock = Self {
            base,
            inner: Arc::new(Mutex::new(inner)),
            release: watch::channel(false).0,
            arrived: watch::channel(0).0,
        };
        serve(listener, Router::new().fallback(answer).with_state(mock.clone()));
        mock
    }

    pub async fn json(status: u16, value: Value) -> Self {
        Self::start([Reply::Json(status, value)]).await
    }

    pub fn now_reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.inner.lock().unwrap().replies = replies.into_iter().collect();
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.inner.lock().unwrap().seen.clone()
    }

    pub fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }

    pub fn most_at_once(&self) -> usize {
        self.inner.lock().unwrap().most_at_once
    }

    /// Lets every held answer go.
    pub fn release(&self) {
        self.release.send_replace(true);
    }

    /// Waits until so many requests came.
    pub async fn arrived(&self, many: usize) {
        let mut arrived = self.arrived.subscribe();
        arrived.wait_for(|n| *n >= many).await.unwrap();
    }
}

async fn answer(State(mock): State<Mock>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let reply = {
        let mut inner = mock.inner.lock().unwrap();
        inner.seen.push(Seen {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: parts.headers,
            body,
        });
        inner.at_once += 1;
        inner.most_at_once = inner.most_at_once.max(inner.at_once);
        mock.arrived.send_modify(|n| *n += 1);
        if inner.replies.len() > 1 { inner.replies.pop_front() } else { inner.replies.front().cloned() }
    };
    let response = respond(&mock, reply.unwrap()).await;
    mock.inner.lock().unwrap().at_once -= 1;
    response
}

async fn respond(mock: &Mock, reply: Reply) -> Response {
    let status = |code| StatusCode::from_u16(code).unwrap();
    match reply {
        Reply::Json(code, value) => (status(code), axum::Json(value)).into_response(),
        Reply::Raw(code, text) => (status(code), text).into_response(),
        Reply::Endless(bytes) => {
            let chunk = vec![b' '; 1024];
            let chunks = (0..bytes / 1024).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
            Body::from_stream(Chunks(Box::new(chunks))).into_response()
        }
        Reply::Redirect(to) => (StatusCode::FOUND, [("location", to)]).into_response(),
        Reply::After30s => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            StatusCode::OK.into_response()
        }
        Reply::Held(value) => {
            mock.release.subscribe().wait_for(|go| *go).await.unwrap();
            axum::Json(value).into_response()
        }
    }
}

/// A stream of what an iterator gives.
struct Chunks(Box<dyn Iterator<Item = Result<Vec<u8>, std::io::Error>> + Send>);

impl futures_util::Stream for Chunks {
    type Item = Result<Vec<u8>, std::io::Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

/// Time that stands until it is moved, and bytes that count.
pub struct World {
    secs: Mutex<u64>,
    drawn: Mutex<u64>,
}

impl World {
    pub fn advance(&self, secs: u64) {
        *self.secs.lock().unwrap() += secs;
    }
}

impl Clock for World {
    fn now(&self) -> Now {
        let secs = *self.secs.lock().unwrap();
        Now { wall: UnixMs::from_secs(NOW + i64::try_from(secs).unwrap()), mono: Duration::from_secs(secs) }
    }
}

impl Entropy for World {
    /// Small numbers, so that pauses between tries are short.
    fn fill(&self, out: &mut [u8]) {
        let mut drawn = self.drawn.lock().unwrap();
        *drawn += 1;
        for (to, from) in out.iter_mut().zip(drawn.to_le_bytes()) {
            *to = from;
        }
    }
}

/// Limits that a loaded machine keeps and that nobody waits for.
pub fn limits() -> Limits {
    Limits {
        read: Duration::from_secs(20),
        write: Duration::from_secs(20),
        attempt: Duration::from_secs(20),
        ..Limits::default()
    }
}

pub fn transport(limits: Limits) -> (Arc<Transport>, Arc<World>) {
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let world = Arc::new(World { secs: Mutex::new(0), drawn: Mutex::new(0) });
    let transport =
        Transport::new(limits, Arc::clone(&world) as Arc<dyn Clock>, Arc::clone(&world) as Arc<dyn Entropy>);
    (transport.unwrap(), world)
}

/// An address where nobody listens.
pub async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

impl Seen {
    pub fn form(&self) -> HashMap<String, String> {
        let mut out = HashMap::new();
        for pair in self.body.split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            let old = out.insert(percent_decode(name).unwrap(), percent_decode(value).unwrap());
            assert_eq!(old, None, "{name} twice");
        }
        out
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }

    /// Checks an OpenAPI call as the vendor would, written from its documents and not from our code.
    pub fn check_openapi(&self, secret: &str) -> HashMap<String, String> {
        assert_eq!((self.method.as_str(), self.path.as_str(), self.query.as_deref()), ("POST", "/", None));
        assert_eq!(self.header("content-type"), "application/x-www-form-urlencoded");
        let form = self.form();
        let unreserved = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        let encode = |text: &str| -> String {
            let mut buffer = [0; 4];
            text.chars()
                .map(|c| match unreserved(c) {
                    true => c.to_string(),
                    false => c.encode_utf8(&mut buffer).bytes().map(|b| format!("%{b:02X}")).collect(),
                })
                .collect()
        };
        let sorted: std::collections::BTreeMap<_, _> = form.iter().filter(|(k, _)| *k != "Signature").collect();
        let canonical: Vec<String> = sorted.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect();
        let to_sign = format!("POST&%2F&{}", encode(&canonical.join("&")));
        let mut mac = Hmac::<Sha1>::new_from_slice(format!("{secret}&").as_bytes()).unwrap();
        mac.update(to_sign.as_bytes());
        let want = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
        assert_eq!(form["Signature"], want);
        assert_eq!((form["SignatureMethod"].as_str(), form["SignatureVersion"].as_str()), ("HMAC-SHA1", "1.0"));
        assert_eq!((form["Format"].as_str(), form["Timestamp"].as_str()), ("JSON", "2023-11-14T22:13:20Z"));
        assert!(!self.body.contains(secret));
        form
    }

    /// Checks the four headers of RongCloud or NetEase.
    pub fn check_headers(&self, names: [&str; 4], key: &str, secret: &str) {
        let [key_name, nonce, time, sum] = names.map(|n| self.header(n).to_owned());
        assert_eq!((key_name.as_str(), time.as_str()), (key, NOW.to_string().as_str()));
        assert_eq!(nonce.len(), 32);
        let mut sha = Sha1::new();
        for part in [secret, &nonce, &time] {
            sha.update(part);
        }
        assert_eq!(sum, hex::encode(sha.finalize()));
        assert!(!format!("{self:?}").contains(secret));
    }
}
