//! The signalling doors over real sockets: who gets in, what the others are told, what happens in between.

#![expect(clippy::unwrap_used, reason = "a broken test bench should fail loudly")]
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt as _, StreamExt as _};
use livekit_protocol as proto;
use prost::Message as _;
use proto::leave_request::Action;
use proto::signal_request::Message as Request;
use proto::signal_response::Message as Response;
use proto::{DisconnectReason, SignalRequest, SignalResponse};
use stoa_core::app::{App, Apps};
use stoa_core::channel::IdentityType;
use stoa_core::id::{AppId, ChannelKey, ChannelName, Identity, UserId};
use stoa_core::media::{
    Admission, Admitted, MediaEvent, MediaGrant, MediaHooks, Muted, Permission, Refused, Removal, RemoveCause, Standing,
};
use stoa_core::ports::{Clock, Entropy};
use stoa_core::time::{Now, UnixMs};
use stoa_sfu::{Config, Engine, token};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const PATIENCE: Duration = Duration::from_secs(20);

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Now {
        #[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Now { wall: UnixMs(i64::try_from(wall.as_millis()).unwrap()), mono: self.0.elapsed() }
    }
}

struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).unwrap();
    }
}

/// Answers of the product, set by each test.
struct Hooks {
    refuse: Mutex<Option<Refused>>,
    /// Admission answers only while this is true.
    open: watch::Sender<bool>,
    asked: watch::Sender<u32>,
    events: Mutex<Vec<MediaEvent>>,
}

#[async_trait::async_trait]
impl MediaHooks for Hooks {
    async fn admit(&self, ask: Admission<'_>) -> Result<Admitted, Refused> {
        self.asked.send_modify(|n| *n += 1);
        let mut open = self.open.subscribe();
        open.wait_for(|o| *o).await.unwrap();
        if let Some(refused) = *self.refuse.lock().unwrap() {
            return Err(refused);
        }
        let user = UserId::new(ask.identity.user_part()).unwrap();
        Ok(Admitted { user, standing: standing(1, true) })
    }

    async fn kick_asked(&self, _: &ChannelKey, _: &UserId) -> stoa_core::Result<()> {
        Ok(())
    }

    async fn delete_asked(&self, _: &ChannelKey) -> stoa_core::Result<bool> {
        Ok(false)
    }

    async fn may_open(&self, _: &ChannelKey, _: Option<Duration>) -> stoa_core::Result<bool> {
        Ok(true)
    }

    fn event(&self, event: MediaEvent) {
        self.events.lock().unwrap().push(event);
    }
}

fn standing(revision: u64, publish: bool) -> Standing {
    let permission = Permission { publish, update_metadata: true, ..Permission::listener() };
    let attributes = BTreeMap::from([("stoa.seat".to_owned(), "1".to_owned())]);
    Standing { permission, muted: Muted::default(), attributes, revision }
}

struct Bench {
    engine: Engine,
    hooks: Arc<Hooks>,
    addr: SocketAddr,
    stop: CancellationToken,
    app: App,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Bench {
    async fn new() -> Self {
        let app = App {
            id: AppId(1),
            name: "test".to_owned(),
            key: "key".to_owned(),
            secret: "a-secret-of-thirty-two-characters".into(),
            previous_secrets: Vec::new(),
            enabled: true,
            admin_identifiers: Vec::new(),
        };
        #[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
        let clock = Arc::new(RealClock(Instant::now()));
        let config = Config { resume_window: Duration::from_millis(600), max_participants: 3, ..Config::default() };
        let engine = Engine::new(config, Apps::new([app.clone()]), clock, Arc::new(OsEntropy)).unwrap();
        let hooks = Arc::new(Hooks {
            refuse: Mutex::default(),
            open: watch::Sender::new(true),
            asked: watch::Sender::new(0),
            events: Mutex::default(),
        });
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        engine.start(hooks.clone(), &tasks, stop.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = engine.router();
        tasks.spawn(async move { axum::serve(listener, router).await });
        Self { engine, hooks, addr, stop, app }
    }

    fn token(&self, identity: &str, room: &str) -> String {
        let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
        let grant = MediaGrant {
            channel: ChannelName::new(room).unwrap(),
            identity: Identity::new(identity).unwrap(),
            user: UserId::new(identity).unwrap(),
            identity_type: IdentityType::OnDemand,
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            can_publish: true,
            sources: BTreeSet::new(),
            can_publish_data: true,
            iat_secs: now,
            nbf_secs: now,
            exp_secs: now + 600,
        };
        token::mint(&self.app, &grant)
    }

    fn url(&self, path: &str, token: &str, more: &str) -> String {
        format!("ws://{}{path}?access_token={token}&sdk=js&protocol=16{more}", self.addr)
    }

    async fn join(&self, identity: &str, room: &str) -> Client {
        let url = self.url("/rtc", &self.token(identity, room), "");
        Client(connect_async(url).await.unwrap().0)
    }

    /// Status and text of a refusal.
    async fn refusal(&self, url: String) -> (u16, String) {
        match connect_async(url).await {
            Err(tungstenite::Error::Http(r)) => {
                assert_eq!(r.headers()["access-control-allow-origin"], "*");
                let text = r.body().clone().unwrap_or_default();
                (r.status().as_u16(), String::from_utf8(text).unwrap())
            }
            other => panic!("not refused: {:?}", other.map(|_| ())),
        }
    }
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// The next frame; `None` when the server closed.
    async fn next(&mut self) -> Option<Response> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a frame in time")?;
            match message {
                Ok(tungstenite::Message::Binary(b)) => return SignalResponse::decode(b).unwrap().message,
                Ok(tungstenite::Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn until<T>(&mut self, mut found: impl FnMut(Response) -> Option<T>) -> T {
        loop {
            if let Some(t) = found(self.next().await.expect("still connected")) {
                return t;
            }
        }
    }

    async fn joined(&mut self) -> proto::JoinResponse {
        match self.next().await {
            Some(Response::Join(j)) => j,
            other => panic!("the first frame is {other:?}"),
        }
    }

    async fn left(&mut self) -> proto::LeaveRequest {
        self.until(|m| if let Response::Leave(l) = m { Some(l) } else { None }).await
    }

    async fn send(&mut self, request: Request) {
        let bytes = SignalRequest { message: Some(request) }.encode_to_vec();
        self.0.send(tungstenite::Message::Binary(bytes.into())).await.unwrap();
    }
}

fn key(room: &str) -> ChannelKey {
    ChannelKey { app: AppId(1), name: ChannelName::new(room).unwrap() }
}

fn removal(not_before_secs: i64) -> Removal {
    Removal { cause: RemoveCause::Kick, not_before_secs, until: UnixMs(0), farewell: None }
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_the_status_and_text_that_clients_act_on() {
    let b = Bench::new().await;
    let token = b.token("ann", "room");
    let mut forged = token.clone();
    forged.replace_range(token.len() - 3.., "AAA");
    assert_eq!(b.refusal(b.url("/rtc", &forged, "")).await.0, 401);
    assert_eq!(b.refusal(b.url("/rtc", "", "")).await.0, 401);
    for path in ["/rtc/v1", "/rtc/v1/validate"] {
        assert_eq!(b.refusal(b.url(path, &token, "")).await, (404, "not found".to_owned()));
    }
    for (refused, status, text) in [
        (Refused::Banned(UnixMs::from_secs(77)), 403, "banned from channel until 77"),
        (Refused::Revoked, 401, "token revoked"),
        (Refused::NoSuchChannel, 404, "requested room does not exist"),
        (Refused::BadIdentity, 403, "identity not allowed"),
        (Refused::Limit, 403, "limit reached"),
        (Refused::Unavailable, 503, "try again later"),
    ] {
        *b.hooks.refuse.lock().unwrap() = Some(refused);
        for path in ["/rtc", "//rtc"] {
            assert_eq!(b.refusal(b.url(path, &token, "")).await, (status, text.to_owned()));
        }
        assert_eq!(b.refusal(b.url("/rtc/validate", &token, "")).await, (status, text.to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_whose_question_is_not_answered_stays_shut() {
    let b = Bench::new().await;
    b.hooks.open.send_replace(false);
    assert_eq!(b.refusal(b.url("/rtc", &b.token("ann", "room"), "")).await.0, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_is_answered_with_join_first_then_an_offer() {
    let b = Bench::new().await;
    let mut ann = b.join("ann", "room").await;
    let join = ann.joined().await;
    let me = join.participant.unwrap();
    assert!(me.sid.starts_with("PA_") && join.room.unwrap().sid.starts_with("RM_"));
    assert!(me.permission.unwrap().can_publish);
    assert_eq!(me.attributes["stoa.seat"], "1");
    assert!(join.subscriber_primary && join.fast_publish && join.ping_interval > 0 && join.ping_timeout > 0);
    assert_eq!(join.server_version, join.server_info.unwrap().version);
    let offer = ann.until(|m| if let Response::Offer(o) = m { Some(o) } else { None }).await;
    assert_eq!(offer.id, 1);
    assert!(offer.sdp.contains("a=ice-lite") && offer.sdp.contains("m=application"));
    let mut ben = b.join("ben", "room").await;
    assert_eq!(ben.joined().await.other_participants[0].identity, "ann");
    let seen = ann.until(|m| if let Response::Update(u) = m { Some(u) } else { None }).await;
    assert_eq!(seen.participants[0].identity, "ben");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newer_session_of_a_user_replaces_the_older() {
    let b = Bench::new().await;
    let mut old = b.join("ann", "room").await;
    old.joined().await;
    let mut new = b.join("ann", "room").await;
    new.joined().await;
    let leave = old.left().await;
    assert_eq!((leave.reason(), leave.action()), (DisconnectReason::DuplicateIdentity, Action::Disconnect));
    assert_eq!(old.next().await, None);
    assert_eq!(b.engine.media().participants(&key("room")).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_takes_as_many_as_configured() {
    let b = Bench::new().await;
    let mut inside = Vec::new();
    for name in ["a", "b", "c"] {
        let mut client = b.join(name, "room").await;
        client.joined().await;
        inside.push(client);
    }
    assert_eq!(b.refusal(b.url("/rtc", &b.token("d", "room"), "")).await.0, 403);
    b.join("d", "another").await.joined().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_between_question_and_entry_wins() {
    let b = Bench::new().await;
    let media = b.engine.media();
    // Each of these comes while admission is thinking, and admission then says yes with an older view.
    let mut asked = b.hooks.asked.subscribe();
    for (n, what) in ["standing", "silence", "remove", "end"].into_iter().enumerate() {
        b.hooks.open.send_replace(false);
        let room = format!("room-{n}");
        let entering = connect_async(b.url("/rtc", &b.token("ann", &room), ""));
        let change = async {
            asked.wait_for(|a| *a as usize > n).await.unwrap();
            let k = key(&room);
            match what {
                "standing" => media.set_standing(&k, &user("ann"), Arc::new(standing(2, false))).await,
                "silence" => media.silence(&k, 2).await,
                "remove" => media.remove(&k, &user("ann"), removal(i64::MAX)).await,
                _ => media.end_channel(&k).await,
            }
            .unwrap();
            b.hooks.open.send_replace(true);
        };
        let (entered, ()) = tokio::join!(entering, change);
        match (what, entered) {
            ("standing" | "silence", Ok((ws, _))) => {
                let me = Client(ws).joined().await.participant.unwrap();
                assert!(!me.permission.unwrap().can_publish, "{what}");
            }
            ("remove", Err(tungstenite::Error::Http(r))) => assert_eq!(r.status(), 401),
            ("end", Err(tungstenite::Error::Http(r))) => assert_eq!(r.status(), 404),
            (what, other) => panic!("{what}: {:?}", other.map(|_| ())),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standing_takes_the_right_at_once_and_older_ones_are_ignored() {
    let b = Bench::new().await;
    let media = b.engine.media();
    let mut ann = b.join("ann", "room").await;
    let sid = ann.joined().await.participant.unwrap().sid;
    let add = |cid: &str| {
        let source = proto::TrackSource::Microphone.into();
        Request::AddTrack(proto::AddTrackRequest { cid: cid.to_owned(), source, ..Default::default() })
    };
    ann.send(add("one")).await;
    let published = ann.until(|m| if let Response::TrackPublished(p) = m { Some(p) } else { None }).await;
    assert!(published.track.unwrap().sid.starts_with("TR_AM"));
    media.set_standing(&key("room"), &user("ann"), Arc::new(standing(5, false))).await.unwrap();
    media.set_standing(&key("room"), &user("ann"), Arc::new(standing(4, true))).await.unwrap();
    let mine = |u: proto::ParticipantUpdate| u.participants.into_iter().find(|p| p.sid == sid);
    let told = ann.until(|m| if let Response::Update(u) = m { mine(u) } else { None }).await;
    assert!(!told.permission.unwrap().can_publish);
    ann.until(|m| matches!(m, Response::RefreshToken(_)).then_some(())).await;
    ann.send(add("two")).await;
    let refused = ann.until(|m| if let Response::RequestResponse(r) = m { Some(r) } else { None }).await;
    assert_eq!(refused.reason(), proto::request_response::Reason::NotAllowed);
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_attributes_are_the_servers() {
    let b = Bench::new().await;
    let mut ann = b.join("ann", "room").await;
    ann.joined().await;
    for (name, expect) in
        [("stoa.seat", proto::request_response::Reason::NotAllowed), ("mood", proto::request_response::Reason::Ok)]
    {
        let attributes = [(name.to_owned(), "8".to_owned())].into();
        ann.send(Request::UpdateMetadata(proto::UpdateParticipantMetadata { attributes, ..Default::default() })).await;
        let answer = ann.until(|m| if let Response::RequestResponse(r) = m { Some(r) } else { None }).await;
        assert_eq!(answer.reason(), expect, "{name}");
    }
    let view = b.engine.media().participants(&key("room")).await.unwrap();
    assert_eq!(view[0].standing.attributes["stoa.seat"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kick_tells_and_closes_and_a_lost_socket_is_noticed() {
    let b = Bench::new().await;
    let media = b.engine.media();
    let mut ann = b.join("ann", "room").await;
    ann.joined().await;
    let mut ben = b.join("ben", "room").await;
    ben.joined().await;
    media.remove(&key("room"), &user("ann"), removal(0)).await.unwrap();
    let leave = ann.left().await;
    assert_eq!((leave.reason(), leave.action()), (DisconnectReason::ParticipantRemoved, Action::Disconnect));
    assert_eq!(ann.next().await, None);
    drop(ben);
    let gone = async {
        while !media.participants(&key("room")).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the lost one leaves after the resume window");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_of_a_known_session_may_resume() {
    let b = Bench::new().await;
    let mut ann = b.join("ann", "room").await;
    let sid = ann.joined().await.participant.unwrap().sid;
    for (who, sid) in [("ben", sid.as_str()), ("ann", "PA_nobody")] {
        let url = b.url("/rtc", &b.token(who, "room"), &format!("&reconnect=1&sid={sid}"));
        let mut back = Client(connect_async(url).await.unwrap().0);
        let leave = back.left().await;
        assert_eq!((leave.reason(), leave.action()), (DisconnectReason::StateMismatch, Action::Reconnect));
    }
    *b.hooks.refuse.lock().unwrap() = Some(Refused::Revoked);
    let url = b.url("/rtc", &b.token("ann", "room"), &format!("&reconnect=1&sid={sid}"));
    assert_eq!(b.refusal(url).await.0, 401, "a resume is admitted like a join");
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_and_drains_are_told_with_their_reasons() {
    let b = Bench::new().await;
    let mut ann = b.join("ann", "one").await;
    ann.joined().await;
    b.engine.media().end_channel(&key("one")).await.unwrap();
    assert_eq!(ann.left().await.reason(), DisconnectReason::RoomDeleted);
    assert!(b.engine.media().participants(&key("one")).await.unwrap().is_empty());
    let mut ben = b.join("ben", "two").await;
    ben.joined().await;
    b.engine.drain().await;
    let leave = ben.left().await;
    assert_eq!((leave.reason(), leave.action()), (DisconnectReason::ServerShutdown, Action::Reconnect));
    assert_eq!(b.refusal(b.url("/rtc", &b.token("ann", "one"), "")).await.0, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_over_the_socket_ends_nothing() {
    let b = Bench::new().await;
    let mut ann = b.join("ann", "room").await;
    ann.joined().await;
    for n in 0..100u8 {
        let junk = vec![n; usize::from(n)];
        ann.0.send(tungstenite::Message::Binary(junk.into())).await.unwrap();
    }
    let sdp = "v=0\r\nm=audio 9 X 1\r\na=mid:0\r\n".to_owned();
    ann.send(Request::Answer(proto::SessionDescription { sdp, id: 77, ..Default::default() })).await;
    ann.send(Request::Ping(5)).await;
    ann.until(|m| matches!(m, Response::Pong(_)).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_asks_too_often_is_told_to_wait_at_every_door() {
    use axum::extract::ConnectInfo;
    use tower::ServiceExt as _;
    let b = Bench::new().await;
    let peer: SocketAddr = "192.0.2.1:5000".parse().unwrap();
    let uri = format!("/rtc/validate?access_token={}", b.token("ann", "room"));
    let ask = |peer: SocketAddr| {
        let mut request = axum::extract::Request::get(&uri).body(axum::body::Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = b.engine.router();
        async move { router.oneshot(request).await.unwrap().status().as_u16() }
    };
    let mut refused = 0;
    // The bucket holds 200 and fills by 20 per second meanwhile.
    for _ in 0..1000 {
        match ask(peer).await {
            200 => {}
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(refused > 0, "a thousand questions at once");
    assert_eq!(ask("192.0.2.2:5000".parse().unwrap()).await, 200, "others are not meant");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_leave_comes_a_close_that_waits_for_its_answer() {
    let b = Bench::new().await;
    let mut ann = b.join("ann", "room").await;
    ann.joined().await;
    b.engine.media().end_channel(&key("room")).await.unwrap();
    ann.left().await;
    // Still on its way when the server says goodbye.
    ann.send(Request::Ping(5)).await;
    let close = loop {
        match tokio::time::timeout(PATIENCE, ann.0.next()).await.expect("a frame in time") {
            Some(Ok(tungstenite::Message::Close(frame))) => break frame.expect("a code"),
            Some(Ok(_)) => {}
            other => panic!("no close frame: {other:?}"),
        }
    };
    assert_eq!(u16::from(close.code), 1000);
    // Our answer is not sent yet: the server must hold the connection for it.
    let MaybeTlsStream::Plain(tcp) = ann.0.get_ref() else { panic!("plain") };
    let early = tokio::time::timeout(Duration::from_millis(300), tcp.peek(&mut [0])).await;
    assert!(early.is_err(), "the server hung up first: {early:?}");
    // Sending it and reading on, we see an orderly end.
    assert!(tokio::time::timeout(PATIENCE, ann.0.next()).await.expect("an end in time").is_none());
}
