//! A whole world in memory: the naive model of the ports, for tests of use-cases and dialects. Nothing here is fast,
//! durable or unpredictable; everything is exact.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::disallowed_types,
    reason = "test support"
)]

mod classes;
mod console;
mod engine;
mod files;
mod groups;
pub mod logs;
mod store;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use stoa_core::Result;
use stoa_core::caller::Caller;
use stoa_core::channel::{ATTR_IDENTITY, Policy};
use stoa_core::class::{
    Class, ClassConfig, ClassIdentity, ClassMode, Classes, CreateClass, Creators, JoinWish, Joined,
};
use stoa_core::director::{Director, DirectorConfig, Noted};
use stoa_core::door::Door;
use stoa_core::id::{AppId, ChannelKey, ChannelName, ClassId, Identity, UserId};
use stoa_core::media::{Admission, Claims, LeftReason, MediaHooks, Refused};
use stoa_core::ports::{Clock, Entropy};
use stoa_core::talk::{Talk, TalkConfig};
use stoa_core::time::{Now, UnixMs};
use stoa_core::voice::{CreateRoom, Room, Voice, VoiceConfig};
use stoa_core::world::{Facts, World};

pub use engine::FakeMedia;
pub use store::MemStore;

/// The app of the worlds here.
pub const APP: AppId = AppId(1000);
/// When the clock starts: 2023-11-15T06:13:20+08:00.
pub const START: UnixMs = UnixMs(1_700_000_000_000);

/// A user id.
pub fn user(s: &str) -> UserId {
    UserId::new(s).unwrap()
}

/// A channel of [`APP`].
pub fn channel(s: &str) -> ChannelKey {
    ChannelKey { app: APP, name: ChannelName::new(s).unwrap() }
}

/// The claims of a token of ours with this identity type, minted at `nbf_secs`.
pub fn ours(identity: &str, nbf_secs: i64) -> Claims {
    let attributes = [(ATTR_IDENTITY.to_owned(), identity.to_owned())].into();
    Claims { nbf_secs, attributes, ..Claims::default() }
}

/// A clock that moves when told.
#[derive(Debug)]
pub struct TestClock {
    start: UnixMs,
    passed_ms: AtomicU64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self::at(START)
    }
}

impl TestClock {
    /// A clock that begins at this instant.
    pub fn at(start: UnixMs) -> Self {
        Self { start, passed_ms: AtomicU64::new(0) }
    }

    /// What it shows.
    pub fn now_wall(&self) -> UnixMs {
        self.now().wall
    }

    /// Time passes.
    pub fn forward(&self, d: Duration) {
        self.passed_ms.fetch_add(u64::try_from(d.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Now {
        let ms = self.passed_ms.load(Ordering::SeqCst);
        Now { wall: self.start.plus(Duration::from_millis(ms)), mono: Duration::from_millis(ms) }
    }
}

/// Counts: every draw differs.
#[derive(Debug, Default)]
pub struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        for b in out {
            *b = (self.0.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
        }
    }
}

/// Brings facts to the director whenever somebody waits for that.
#[derive(Default)]
pub struct Queue {
    facts: Mutex<Vec<Noted>>,
    director: OnceLock<Weak<Director>>,
}

#[async_trait]
impl Facts for Queue {
    fn push(&self, noted: Noted) {
        self.facts.lock().unwrap().push(noted);
    }

    async fn settled(&self) -> Result<()> {
        let batch = std::mem::take(&mut *self.facts.lock().unwrap());
        if let Some(director) = self.director.get().and_then(Weak::upgrade) {
            director.events(&batch).await;
        }
        Ok(())
    }
}

/// The usual times.
pub fn times() -> DirectorConfig {
    DirectorConfig {
        seat_grace: Duration::from_secs(30),
        seat_restart_grace: Duration::from_secs(60),
        dismiss_announce: Duration::from_secs(1),
        dismiss_media: Duration::from_secs(2),
        linger: Duration::from_secs(60),
        call_grace: Duration::from_secs(60),
        member_grace: Duration::from_secs(10),
        leave_grace: Duration::from_secs(10),
        class_restart_grace: Duration::from_secs(60),
    }
}

/// Everything a use-case test needs.
pub struct Bench {
    /// The world.
    pub world: World,
    /// Its store.
    pub store: Arc<MemStore>,
    /// Its engine.
    pub media: Arc<FakeMedia>,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// Its director.
    pub director: Arc<Director>,
    /// Its door.
    pub door: Arc<Door>,
    /// Voice rooms.
    pub voice: Voice,
    /// Talk.
    pub talk: Talk,
    /// Classes.
    pub classes: Classes,
}

/// A fresh world.
pub async fn bench() -> Bench {
    Bench::over(Arc::default(), Arc::default()).await
}

impl Bench {
    /// A world over a store and a clock that were there before: a restart.
    pub async fn over(store: Arc<MemStore>, clock: Arc<TestClock>) -> Self {
        let entropy = Arc::new(Counting::default());
        let world = World::new(store.clone(), clock.clone(), entropy, Policy::default());
        let media = Arc::new(FakeMedia::new(clock.clone()));
        world.set_media(media.clone());
        let queue = Arc::new(Queue::default());
        world.set_facts(queue.clone());
        let director = Arc::new(Director::new(world.clone(), times()));
        queue.director.set(Arc::downgrade(&director)).unwrap();
        let door = Arc::new(Door::new(world.clone(), director.clone()));
        media.set_hooks(&door);
        let config = VoiceConfig { app: APP, rtc_token_ttl: Duration::from_secs(86_400), max_live_rooms_per_owner: 0 };
        let voice = Voice::new(world.clone(), director.clone(), config);
        let config = TalkConfig { token_ttl: Duration::from_secs(600), include_open_calls: false };
        let talk = Talk::new(world.clone(), director.clone(), config);
        let config = ClassConfig {
            app: APP,
            creators: Creators::Any,
            kick_ban: Duration::from_secs(31_536_000),
            leave_grace: times().leave_grace,
            stage_max: 9,
        };
        let classes = Classes::new(world.clone(), director.clone(), config);
        director.begin().await.unwrap();
        Self { world, store, media, clock, director, door, voice, talk, classes }
    }

    /// A voice room of this owner.
    pub async fn make_room(&self, owner: &str) -> Arc<Room> {
        let new = CreateRoom {
            anchor: user(owner),
            title: "t".into(),
            notice: String::new(),
            extends: String::new(),
            anchor_nick: String::new(),
        };
        self.voice.create(&Caller::user(user(owner)), new).await.unwrap()
    }

    /// A class of this teacher.
    pub async fn make_class(&self, teacher: &str) -> Arc<Class> {
        let new = CreateClass {
            teacher: user(teacher),
            title: "Algebra 1".into(),
            notice: String::new(),
            extends: String::new(),
            teacher_nick: String::new(),
            mode: ClassMode::Big,
            groups: Vec::new(),
        };
        self.classes.create(&Caller::user(user(teacher)), new).await.unwrap().class
    }

    /// Joins a class over HTTP.
    pub async fn join_class(&self, class: ClassId, name: &str, identity: Option<ClassIdentity>) -> Joined {
        let wish = JoinWish { user: user(name), name: name.into(), avatar: None, identity };
        self.classes.join(&Caller::user(user(name)), Some(class), wish).await.unwrap()
    }

    /// Time passes, and what is due happens.
    pub async fn pass(&self, d: Duration) {
        self.clock.forward(d);
        self.director.tick().await;
        self.settle().await;
    }

    /// Everything the engine reported has been taken in.
    pub async fn settle(&self) {
        self.world.facts().settled().await.unwrap();
    }

    /// Asks the door.
    ///
    /// # Errors
    /// Its refusal.
    pub async fn admit(&self, channel: &ChannelKey, identity: &str, claims: &Claims) -> Result<(), Refused> {
        let identity = Identity::new(identity).unwrap();
        let now = self.clock.now().wall;
        self.door.admit(Admission { channel, identity: &identity, claims, joins: false, now }).await.map(drop)
    }

    /// Joins, and is connected. Answers the sid.
    ///
    /// # Errors
    /// The door's refusal.
    pub async fn enter(&self, channel: &ChannelKey, identity: &str, claims: &Claims) -> Result<String, Refused> {
        let sid = self.knock(channel, identity, claims).await?;
        self.media.connect(channel, &sid);
        self.settle().await;
        Ok(sid)
    }

    /// Joins, and is not connected yet.
    ///
    /// # Errors
    /// The door's refusal.
    pub async fn knock(&self, channel: &ChannelKey, identity: &str, claims: &Claims) -> Result<String, Refused> {
        let id = Identity::new(identity).unwrap();
        let now = self.clock.now().wall;
        let admitted = self.door.admit(Admission { channel, identity: &id, claims, joins: true, now }).await?;
        Ok(self.media.join(channel, &id, admitted, claims))
    }

    /// The session of a user in a channel.
    pub async fn media_sid(&self, channel: &ChannelKey, name: &str) -> String {
        let there = self.world.media().participants_of(channel, &user(name)).await.unwrap();
        there[0].who.sid.clone()
    }

    /// Leaves.
    pub async fn leave(&self, channel: &ChannelKey, sid: &str, reason: LeftReason, lost: Option<UnixMs>) {
        self.media.leave(channel, sid, reason, lost);
        self.settle().await;
    }
}
