//! The media engine alone, for trying clients against it: everybody with a valid token may come in and do what the
//! token says. App 1000, key `devkey`. Prints its addresses as one JSON line. Loopback only; not a server to run.
//!
//! `GET /dev/<command>?channel=…&user=…` drives the media port: `standing` (`publish`, `revision`, `mute`), `silence`,
//! `remove` (`farewell`), `send` (`body`), `end`, `participants`, `events`.
//!
//! `POST /whip/<channel>?userId=<identity>` pushes, `POST /whep/<channel>?userId=<publisher>&viewer=<identity>` plays;
//! `DELETE` of the `Location` ends either.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use stoa_core::app::{App, Apps};
use stoa_core::channel::ATTR_USER;
use stoa_core::id::{AppId, ChannelKey, ChannelName, Identity, UserId};
use stoa_core::media::{
    Admission, Admitted, Claims, Media, MediaEvent, MediaHooks, Message, Muted, Permission, Refused, Removal,
    RemoveCause, Standing, To,
};
use stoa_core::ports::{Clock, Entropy};
use stoa_core::stream::{Stream, StreamAsk, Streams};
use stoa_core::time::{Now, UnixMs};
use stoa_sfu::{Config, Engine};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Now {
        #[expect(clippy::disallowed_methods, reason = "an example's own clock")]
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { wall: UnixMs(i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)), mono: self.0.elapsed() }
    }
}

struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("the system has entropy");
    }
}

#[derive(Default)]
struct AdmitAll {
    events: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl MediaHooks for AdmitAll {
    async fn admit(&self, ask: Admission<'_>) -> Result<Admitted, Refused> {
        let user = UserId::new(ask.identity.user_part()).map_err(|_| Refused::BadIdentity)?;
        let c = ask.claims;
        let publish = c.can_publish.unwrap_or(true);
        let permission = Permission {
            publish,
            sources: c.can_publish_sources.clone(),
            subscribe: c.can_subscribe.unwrap_or(true),
            data: c.can_publish_data.unwrap_or(publish),
            update_metadata: c.can_update_own_metadata,
        };
        let attributes = BTreeMap::from([(ATTR_USER.to_owned(), user.to_string())]);
        Ok(Admitted { user, standing: Standing { permission, muted: Muted::default(), attributes, revision: 1 } })
    }

    async fn kick_asked(&self, _channel: &ChannelKey, _user: &UserId) -> stoa_core::Result<()> {
        Ok(())
    }

    async fn delete_asked(&self, _channel: &ChannelKey) -> stoa_core::Result<bool> {
        Ok(false)
    }

    async fn may_open(&self, _channel: &ChannelKey, _linger: Option<Duration>) -> stoa_core::Result<bool> {
        Ok(true)
    }

    fn event(&self, event: MediaEvent) {
        self.events.lock().expect("no panics").push(format!("{} {:?}", event.channel.name, event.fact));
    }
}

#[derive(Clone)]
struct Dev {
    media: Arc<dyn Media>,
    streams: Arc<dyn Streams>,
    hooks: Arc<AdmitAll>,
}

async fn dev(State(dev): State<Dev>, Path(command): Path<String>, Query(q): Query<HashMap<String, String>>) -> String {
    let arg = |name: &str| q.get(name).cloned().unwrap_or_default();
    let key = channel(arg("channel"));
    let user = UserId::new(arg("user"));
    let revision = arg("revision").parse().unwrap_or(2);
    let done = match command.as_str() {
        "standing" => {
            let permission = Permission { publish: arg("publish") != "0", ..Permission::listener() };
            let muted = Muted { audio: arg("mute") == "1", video: false };
            let standing = Standing { permission, muted, attributes: BTreeMap::new(), revision };
            dev.media.set_standing(&key, &user.expect("a user"), Arc::new(standing)).await
        }
        "silence" => dev.media.silence(&key, revision).await,
        "remove" => {
            let body = Some(arg("farewell")).filter(|b| !b.is_empty());
            let farewell = body.map(|body| Message { topic: "stoa.talk.notice", body });
            let removal = Removal { cause: RemoveCause::Kick, not_before_secs: 0, until: UnixMs(0), farewell };
            dev.media.remove(&key, &user.expect("a user"), removal).await
        }
        "send" => {
            let to = user.map_or(To::All, To::User);
            let message = Message { topic: "stoa.talk.msg", body: arg("body") };
            return format!("{:?}", dev.media.send(&key, &to, &message).await);
        }
        "end" => dev.media.end_channel(&key).await,
        "participants" => return format!("{:?}", dev.media.participants(&key).await),
        "events" => return dev.hooks.events.lock().expect("no panics").join("\n"),
        _ => return "unknown".to_owned(),
    };
    format!("{done:?}")
}

fn channel(name: String) -> ChannelKey {
    ChannelKey { app: AppId(1000), name: ChannelName::new(name).expect("a channel") }
}

type Asked = Query<HashMap<String, String>>;

async fn whip(dev: State<Dev>, Path(name): Path<String>, Query(q): Asked, offer: String) -> Response {
    start(&dev, "whip", &name, &q, offer).await
}

async fn whep(dev: State<Dev>, Path(name): Path<String>, Query(q): Asked, offer: String) -> Response {
    start(&dev, "whep", &name, &q, offer).await
}

async fn start(dev: &Dev, kind: &str, name: &str, q: &HashMap<String, String>, offer: String) -> Response {
    let identity = |name: &str| Identity::new(q.get(name).cloned().unwrap_or_default()).expect("an identity");
    let what = match kind {
        "whip" => Stream::Push,
        _ => Stream::Play { of: identity("userId") },
    };
    let identity = identity(if what == Stream::Push { "userId" } else { "viewer" });
    let user = UserId::new(identity.user_part()).expect("a user");
    let permission = Permission { publish: true, ..Permission::listener() };
    let attributes = BTreeMap::from([(ATTR_USER.to_owned(), user.to_string())]);
    let rights = Arc::new(Standing { permission, muted: Muted::default(), attributes, revision: 1 });
    let (channel, claims) = (channel(name.to_owned()), Claims::default());
    match dev.streams.start(StreamAsk { channel, identity, user, rights, claims, what, offer }).await {
        Ok(made) => {
            let location = format!("/{kind}/{name}/{}", made.id);
            let headers = [(header::LOCATION, location), (header::CONTENT_TYPE, "application/sdp".to_owned())];
            (StatusCode::CREATED, headers, made.answer).into_response()
        }
        Err(e) => (StatusCode::BAD_REQUEST, format!("{:?}: {e}", e.kind())).into_response(),
    }
}

async fn end(State(dev): State<Dev>, Path((name, id)): Path<(String, String)>) -> StatusCode {
    match dev.streams.end(&channel(name), &id).await {
        Ok(true) => StatusCode::OK,
        _ => StatusCode::NOT_FOUND,
    }
}

#[tokio::main]
async fn main() {
    let ip: IpAddr = std::env::args().nth(1).map_or(IpAddr::from([127, 0, 0, 1]), |a| a.parse().expect("an address"));
    let listener = TcpListener::bind(("0.0.0.0", 0)).await.expect("a free port");
    let http = listener.local_addr().expect("an address");
    // With a second argument UDP is where nobody sends to, as behind a firewall: clients must come over TCP.
    let blocked = std::env::args().nth(2).is_some();
    let udp_bind = IpAddr::from(if blocked { [127, 0, 0, 9] } else { [0, 0, 0, 0] });
    let config =
        Config { udp_bind, advertised: vec![ip], ice_tcp_port: Some(http.port()), simulate: true, ..Config::default() };
    let app = App {
        id: AppId(1000),
        name: "dev".to_owned(),
        key: "devkey".to_owned(),
        secret: "devsecret-devsecret-devsecret-00".into(),
        previous_secrets: Vec::new(),
        enabled: true,
        admin_identifiers: Vec::new(),
    };
    #[expect(clippy::disallowed_methods, reason = "an example's own clock")]
    let clock = Arc::new(RealClock(Instant::now()));
    let apps = Apps::new([app]);
    let engine = Engine::new(config, apps.clone(), clock.clone(), Arc::new(OsEntropy)).expect("the engine starts");
    let hooks = Arc::new(AdmitAll::default());
    let tasks = TaskTracker::new();
    engine.start(hooks.clone(), &tasks, CancellationToken::new());
    let state = Dev { media: engine.media(), streams: engine.streams(), hooks: hooks.clone() };
    let router = axum::Router::new()
        .route("/", get(|| async { "OK" }))
        .route("/dev/{command}", get(dev))
        .route("/whip/{channel}", post(whip))
        .route("/whep/{channel}", post(whep))
        .route("/whip/{channel}/{id}", delete(end))
        .route("/whep/{channel}/{id}", delete(end))
        .with_state(state)
        .merge(engine.router())
        .merge(stoa_sfu::twirp::router(Arc::new(engine.clone()), hooks, apps, clock));
    println!("{{\"http\":{},\"udp\":{},\"pid\":{}}}", http.port(), engine.udp_addr().port(), std::process::id());
    loop {
        let Ok((stream, peer)) = listener.accept().await else { continue };
        tasks.spawn(serve(engine.clone(), router.clone(), stream, peer));
    }
}

/// One port for HTTP and ICE: ICE frames begin with a length below 0x1000, which no HTTP method does.
async fn serve(engine: Engine, router: axum::Router, stream: TcpStream, peer: SocketAddr) {
    let mut first = [0u8; 1];
    if !matches!(stream.peek(&mut first).await, Ok(1)) {
        return;
    }
    if first[0] < 0x10 {
        engine.ice_tcp(stream, peer);
        return;
    }
    let service = router.map_request(move |mut r: axum::http::Request<hyper::body::Incoming>| {
        r.extensions_mut().insert(ConnectInfo(peer));
        r.map(axum::body::Body::new)
    });
    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    let _closed = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service)).await;
}
