//! The media port over real sockets: who hears whom, who is told what, in which order.

#![expect(clippy::unwrap_used, reason = "a broken test bench should fail loudly")]
mod client;
mod stream_client;
mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use livekit_protocol::DisconnectReason;
use stoa_core::app::{App, Apps};
use stoa_core::channel::IdentityType;
use stoa_core::id::{AppId, ChannelKey, ChannelName, Identity, UserId};
use stoa_core::media::{
    Admission, Admitted, LeftReason, MediaEvent, MediaFact, MediaGrant, MediaHooks, Message, Muted, Permission, Rate,
    Refused, Removal, RemoveCause, Standing, To,
};
use stoa_core::ports::{Clock, Entropy};
use stoa_core::time::{Now, UnixMs};
use stoa_sfu::{Config, Engine, token};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use client::{Client, Command, Log, PATIENCE, Seen, now};

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Now {
        Now { wall: wall(), mono: self.0.elapsed() }
    }
}

fn wall() -> UnixMs {
    #[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixMs(i64::try_from(wall.as_millis()).unwrap())
}

struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).unwrap();
    }
}

/// Admits everybody, remembers everything.
#[derive(Default)]
struct Hooks {
    joins: Mutex<Vec<bool>>,
    facts: Mutex<Vec<MediaFact>>,
    more: Notify,
}

#[async_trait::async_trait]
impl MediaHooks for Hooks {
    async fn admit(&self, ask: Admission<'_>) -> Result<Admitted, Refused> {
        self.joins.lock().unwrap().push(ask.joins);
        let user = UserId::new(ask.identity.user_part()).unwrap();
        let permission = Permission { publish: true, ..Permission::listener() };
        let standing = Standing { permission, muted: Muted::default(), attributes: BTreeMap::new(), revision: 1 };
        Ok(Admitted { user, standing })
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
        self.facts.lock().unwrap().push(event.fact);
        self.more.notify_waiters();
    }
}

struct Bench {
    engine: Engine,
    hooks: Arc<Hooks>,
    addr: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
    app: App,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Somebody in the room.
struct Guest {
    log: Arc<Log>,
    commands: mpsc::Sender<Command>,
}

impl Guest {
    async fn command(&self, command: Command) {
        self.commands.send(command).await.unwrap();
    }

    fn bodies(&self) -> Vec<String> {
        self.log.bodies()
    }

    /// Waits for this message of the server.
    async fn message(&self, body: &str) {
        let is = |s: &Seen| client::body(s).as_deref() == Some(body);
        self.log.count(body, 1, is).await;
    }

    async fn up(&self) {
        self.log.count("a connection", 1, |s| matches!(s, Seen::Up)).await;
    }
}

impl Bench {
    async fn new(resume_window: Duration) -> Self {
        let app = App {
            id: AppId(1),
            name: "test".to_owned(),
            key: "key".to_owned(),
            secret: "a-secret-of-thirty-two-characters".into(),
            previous_secrets: Vec::new(),
            admin_identifiers: Vec::new(),
            enabled: true,
        };
        let config = Config { resume_window, ..Config::default() };
        let clock = Arc::new(RealClock(now()));
        let engine = Engine::new(config, Apps::new([app.clone()]), clock, Arc::new(OsEntropy)).unwrap();
        let hooks = Arc::new(Hooks::default());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        engine.start(hooks.clone(), &tasks, stop.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let router = engine.router();
        tasks.spawn(async move { axum::serve(listener, router).await });
        Self { engine, hooks, addr, tasks, stop, app }
    }

    fn url(&self, identity: &str, more: &str) -> String {
        let now = wall().secs();
        let grant = MediaGrant {
            channel: key().name,
            identity: Identity::new(identity).unwrap(),
            user: user(identity),
            identity_type: IdentityType::FreeTalker,
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
        format!("ws://{}/rtc?access_token={}{more}", self.addr, token::mint(&self.app, &grant))
    }

    async fn join(&self, identity: &str) -> Guest {
        let log = Arc::new(Log::default());
        let (commands, receiver) = mpsc::channel(8);
        let client = Client::connect(&self.url(identity, ""), log.clone(), receiver).await;
        self.tasks.spawn(client.run());
        Guest { log, commands }
    }

    async fn send(&self, to: To, body: &str) -> usize {
        let message = Message { topic: "stoa.talk.msg", body: body.to_owned() };
        self.engine.media().send(&key(), &to, &message).await.unwrap()
    }

    fn left(&self) -> Option<MediaFact> {
        let facts = self.hooks.facts.lock().unwrap();
        facts.iter().find(|f| matches!(f, MediaFact::ParticipantLeft { .. })).cloned()
    }

    async fn until_left(&self) -> MediaFact {
        let search = async {
            loop {
                let more = self.hooks.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if let Some(fact) = self.left() {
                    return fact;
                }
                more.await;
            }
        };
        tokio::time::timeout(PATIENCE, search).await.expect("a departure in time")
    }

    async fn sid(&self, of: &str) -> String {
        let views = self.engine.media().participants_of(&key(), &user(of)).await.unwrap();
        views[0].who.sid.clone()
    }
}

fn key() -> ChannelKey {
    ChannelKey { app: AppId(1), name: ChannelName::new("room").unwrap() }
}

fn user(identity: &str) -> UserId {
    UserId::new(Identity::new(identity).unwrap().user_part()).unwrap()
}

fn is_packet(seen: &Seen) -> bool {
    matches!(seen, Seen::Packet)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kick_is_over_when_it_is_answered_and_the_farewell_comes_before_the_leave() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let (ann, ben) = (b.join("ann").await, b.join("ben").await);
    ann.up().await;
    ben.up().await;
    ann.command(Command::Publish).await;
    ben.log.count("sound", 20, is_packet).await;

    let farewell = Some(Message { topic: "stoa.talk.notice", body: "kicked".to_owned() });
    let removal = Removal { cause: RemoveCause::Kick, not_before_secs: 0, until: UnixMs(0), farewell };
    let asked = now();
    b.engine.media().remove(&key(), &user("ann"), removal).await.unwrap();
    let answered = now();
    match b.left() {
        Some(MediaFact::ParticipantLeft { who, reason, lost, .. }) => {
            assert_eq!((who.user, reason, lost), (user("ann"), LeftReason::Removed, None));
        }
        other => panic!("answered before it was told: {other:?}"),
    }
    let unpublished = |f: &MediaFact| matches!(f, MediaFact::TrackUnpublished { .. });
    assert!(b.hooks.facts.lock().unwrap().iter().any(unpublished));
    assert!(b.engine.media().participants_of(&key(), &user("ann")).await.unwrap().is_empty());

    // What the server sends to one client keeps its order: nothing of the sound comes after this.
    b.send(To::User(user("ben")), "after the answer").await;
    ben.message("after the answer").await;
    let heard = ben.log.all().iter().filter(|s| is_packet(&s.1)).count();
    let sent = ann.log.all().iter().filter(|s| matches!(s.1, Seen::Sent)).count();
    ann.log.count("more of its sound", sent + 25, |s| matches!(s, Seen::Sent)).await;
    b.send(To::User(user("ben")), "later").await;
    ben.message("later").await;
    assert_eq!(ben.log.all().iter().filter(|s| is_packet(&s.1)).count(), heard, "it went on sending in vain");

    let leave = ann.log.until("the leave", |seen| {
        seen.iter().find_map(|s| if let Seen::Leave(l) = &s.1 { Some(l.clone()) } else { None })
    });
    assert_eq!(leave.await.reason(), DisconnectReason::ParticipantRemoved);
    let order = ann.log.all();
    let told = order.iter().position(|s| matches!(s.1, Seen::Data(_))).expect("the farewell arrived");
    let left = order.iter().position(|s| matches!(s.1, Seen::Leave(_))).unwrap();
    assert!(told < left, "the farewell comes first");
    assert_eq!(ann.log.bodies(), ["kicked"]);

    let last = ben.log.all().iter().filter(|s| is_packet(&s.1)).map(|s| s.0).max().unwrap();
    println!(
        "answered after {:?}, last packet {:?} after the question, leave {:?} after it",
        answered - asked,
        last.saturating_duration_since(asked),
        order[left].0 - asked
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_reach_those_addressed_in_the_order_of_the_calls() {
    let b = Bench::new(Duration::from_secs(15)).await;
    assert_eq!(b.send(To::All, "nobody").await, 0);
    // Nobody's channel is open yet: what is sent now arrives once it is.
    let (ann, phone) = (b.join("ann").await, b.join("ann\u{1f}phone").await);
    let ben = b.join("ben").await;
    let mut to_ann = Vec::new();
    let mut to_ben = Vec::new();
    for n in 0..30 {
        let body = n.to_string();
        let count = match n % 3 {
            0 => b.send(To::All, &body).await,
            1 => b.send(To::User(user("ann")), &body).await,
            _ => b.send(To::AllBut(user("ann")), &body).await,
        };
        assert_eq!(count, [3, 2, 1][n % 3]);
        if n % 3 != 2 {
            to_ann.push(body.clone());
        }
        if n % 3 != 1 {
            to_ben.push(body);
        }
        if n == 15 {
            ann.up().await;
            ben.up().await;
        }
    }
    for (guest, expect) in [(&ann, &to_ann), (&phone, &to_ann), (&ben, &to_ben)] {
        guest.log.count("all messages", expect.len(), |s| matches!(s, Seen::Data(_))).await;
        assert_eq!(guest.bodies(), *expect);
    }
    for (_, seen) in ann.log.all() {
        let Seen::Data(p) = seen else { continue };
        assert_eq!((p.participant_identity.as_str(), p.participant_sid.as_str()), ("", ""));
        let Some(livekit_protocol::data_packet::Value::User(u)) = p.value else { panic!("no user packet") };
        assert_eq!(u.topic.as_deref(), Some("stoa.talk.msg"));
        let n: usize = String::from_utf8(u.payload).unwrap().parse().unwrap();
        let named: &[&str] = if n % 3 == 1 { &["ann", "ann\u{1f}phone"] } else { &[] };
        assert_eq!(p.destination_identities, named);
    }
    // Sent right before the end it still arrives, and before the leave.
    b.send(To::All, "bye").await;
    b.engine.media().end_channel(&key()).await.unwrap();
    ben.log.count("the leave", 1, |s| matches!(s, Seen::Leave(_))).await;
    assert_eq!(ben.bodies().last().unwrap(), "bye");
    assert!(matches!(ben.log.all().last().unwrap().1, Seen::Leave(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_gets_messages_after_the_resume() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let ann = b.join("ann").await;
    ann.up().await;
    ann.command(Command::Publish).await;
    ann.log.count("its own sound", 5, |s| matches!(s, Seen::Sent)).await;
    b.send(To::All, "before").await;
    ann.log.count("a message", 1, |s| matches!(s, Seen::Data(_))).await;
    let sid = b.sid("ann").await;
    ann.command(Command::Offline).await;
    // Some of these go out before the loss is noticed, and are lost on the way.
    for n in 0..10 {
        assert_eq!(b.send(To::All, &n.to_string()).await, 1);
        tokio::task::yield_now().await;
    }
    ann.command(Command::Resume(b.url("ann", &format!("&reconnect=1&sid={sid}")))).await;
    ann.log.count("the resume", 1, |s| matches!(s, Seen::Resumed)).await;
    b.send(To::All, "after").await;
    ann.log.count("all messages", 12, |s| matches!(s, Seen::Data(_))).await;
    let mut expect: Vec<_> = (0..10).map(|n| n.to_string()).collect();
    expect.insert(0, "before".to_owned());
    expect.push("after".to_owned());
    assert_eq!(ann.bodies(), expect);
    assert_eq!(*b.hooks.joins.lock().unwrap(), [true, false], "only the first was a join");
    assert!(b.left().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_reported_with_the_moment_of_its_last_packet() {
    let b = Bench::new(Duration::from_millis(2500)).await;
    let ann = b.join("ann").await;
    ann.up().await;
    ann.command(Command::Publish).await;
    ann.log.count("its own sound", 50, |s| matches!(s, Seen::Sent)).await;
    let gone = wall();
    ann.command(Command::Offline).await;
    match b.until_left().await {
        MediaFact::ParticipantLeft { reason: LeftReason::SignalClose, lost: Some(lost), .. } => {
            assert!((lost.0 - gone.0).abs() <= 1000, "{} ms off", lost.0 - gone.0);
            assert!(wall().0 - lost.0 >= 1500, "not the moment it was given up");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_are_what_is_sent_and_zero_when_muted() {
    let b = Bench::new(Duration::from_secs(15)).await;
    let media = b.engine.media();
    let ann = b.join("ann").await;
    ann.up().await;
    ann.command(Command::Publish).await;
    let rate = async || {
        let views = media.participants(&key()).await.unwrap();
        views[0].tracks.first().map(|t| (t.muted, t.rate))
    };
    let measured = async {
        loop {
            match rate().await {
                // 80 bytes every 20 ms; a busy machine sends a little late.
                Some((false, r)) if (r.bits_per_sec - 32_000.0).abs() < 2_000.0 => break r,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let r = tokio::time::timeout(PATIENCE, measured).await.expect("32 kbit/s");
    assert!(r.any && r.frames_per_sec.abs() < 1e-9 && (r.uplink_bits_per_sec - r.bits_per_sec).abs() < 1e-9);
    ann.command(Command::Mute(true)).await;
    let muted = async {
        while !rate().await.unwrap().0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, muted).await.expect("a mute");
    assert_eq!(rate().await, Some((true, Rate::default())));
    assert!(media.participants_of(&key(), &user("ben")).await.unwrap().is_empty());
}
