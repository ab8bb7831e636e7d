//! A whole world in memory: the naive model of the ports, for tests of use-cases.
#![allow(
    dead_code,
    clippy::unwrap_used,
    missing_docs,
    clippy::disallowed_types,
    reason = "test support, each test file uses a part"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use stoa_core::account::Account;
use stoa_core::director::{Director, DirectorConfig};
use stoa_core::id::{AppId, ChannelKey, ChannelName, Identity, RoomId, UserId};
use stoa_core::media::{LeftReason, Media, MediaEvent, MediaFact, ParticipantView, RemoveCause, Standing, Who};
use stoa_core::ports::{Clock, Entropy, OutboxItem, PageStart, Store};
use stoa_core::sanction::Sanction;
use stoa_core::time::{Now, UnixMs};
use stoa_core::voice::{Applied, Command, NewRoom, Room, Voice, VoiceConfig, decide};
use stoa_core::world::World;
use stoa_core::{Error, Kind, Result};

pub const APP: AppId = AppId(1000);

pub fn user(s: &str) -> UserId {
    UserId::new(s).unwrap()
}

#[derive(Default)]
pub struct MemStore {
    rooms: Mutex<BTreeMap<RoomId, Arc<Room>>>,
    sanctions: Mutex<BTreeMap<(ChannelKey, UserId), Sanction>>,
    accounts: Mutex<BTreeMap<UserId, Arc<Account>>>,
}

#[async_trait]
impl Store for MemStore {
    async fn ping(&self) -> Result<()> {
        Ok(())
    }
    async fn secret(&self, _: &str, fresh: &[u8]) -> Result<Vec<u8>> {
        Ok(fresh.to_vec())
    }
    async fn account(&self, user: &UserId) -> Result<Option<Arc<Account>>> {
        Ok(self.accounts.lock().unwrap().get(user).cloned())
    }
    async fn put_account(&self, account: Account) -> Result<()> {
        self.accounts.lock().unwrap().insert(account.user.clone(), Arc::new(account));
        Ok(())
    }
    async fn remove_account(&self, user: &UserId) -> Result<bool> {
        Ok(self.accounts.lock().unwrap().remove(user).is_some())
    }
    async fn accounts(&self) -> Result<Vec<Account>> {
        Ok(self.accounts.lock().unwrap().values().map(|a| (**a).clone()).collect())
    }
    async fn create_room(&self, room: NewRoom, codes: &[u32], max_live: u32) -> Result<Arc<Room>> {
        let mut rooms = self.rooms.lock().unwrap();
        let live = rooms.values().filter(|r| r.live() && r.anchor == room.anchor).count();
        if max_live > 0 && live >= max_live as usize {
            return Err(Error::new(Kind::LimitReached, "too many live rooms"));
        }
        let free = codes.iter().find(|c| !rooms.values().any(|r| r.show_code == **c));
        let code = *free.ok_or_else(|| Error::internal_error("show codes collide"))?;
        let room = Arc::new(room.into_room(code));
        rooms.insert(room.id, room.clone());
        Ok(room)
    }
    async fn room(&self, _: AppId, id: RoomId) -> Result<Option<Arc<Room>>> {
        Ok(self.rooms.lock().unwrap().get(&id).cloned())
    }
    async fn list_rooms(&self, _: AppId, _: PageStart, limit: u32) -> Result<Vec<Arc<Room>>> {
        Ok(self.rooms.lock().unwrap().values().filter(|r| r.live()).take(limit as usize).cloned().collect())
    }
    async fn apply(&self, _: AppId, id: RoomId, command: Command, now: UnixMs) -> Result<Option<Applied>> {
        let mut rooms = self.rooms.lock().unwrap();
        let Some(room) = rooms.get(&id).cloned() else { return Ok(None) };
        let mut sanctions = self.sanctions.lock().unwrap();
        let sanction = command.sanctioned_user().and_then(|u| sanctions.get(&(room.channel(), u.clone())));
        let d = decide(&room, sanction, &command, now);
        if let Some(s) = d.sanction {
            sanctions.insert((s.channel.clone(), s.user.clone()), s);
        }
        let room = d.room.map_or(room, Arc::new);
        rooms.insert(id, room.clone());
        Ok(Some(Applied { room, outcome: d.outcome }))
    }
    async fn rooms_with_attended_seats(&self) -> Result<Vec<Arc<Room>>> {
        let rooms = self.rooms.lock().unwrap();
        Ok(rooms.values().filter(|r| r.live() && r.holders().any(|(_, t)| t.attended)).cloned().collect())
    }
    async fn sanction(&self, channel: &ChannelKey, user: &UserId) -> Result<Option<Sanction>> {
        Ok(self.sanctions.lock().unwrap().get(&(channel.clone(), user.clone())).cloned())
    }
    async fn put_sanction(&self, s: Sanction) -> Result<()> {
        self.sanctions.lock().unwrap().insert((s.channel.clone(), s.user.clone()), s);
        Ok(())
    }
    async fn purge_sanctions(&self, _: UnixMs, _: i64) -> Result<u64> {
        Ok(0)
    }
    async fn outbox_push(&self, _: Vec<OutboxItem>) -> Result<()> {
        Ok(())
    }
    async fn outbox_peek(&self, _: u32) -> Result<Vec<OutboxItem>> {
        Ok(Vec::new())
    }
    async fn outbox_done(&self, _: i64) -> Result<()> {
        Ok(())
    }
}

/// Records what it was told; refuses everything while `down`.
#[derive(Default)]
pub struct FakeMedia {
    pub down: AtomicBool,
    pub told: Mutex<Vec<String>>,
    pub standings: Mutex<BTreeMap<UserId, Standing>>,
}

impl FakeMedia {
    fn note(&self, what: String) -> Result<()> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::new(Kind::Unavailable, "engine down"));
        }
        self.told.lock().unwrap().push(what);
        Ok(())
    }

    pub fn publishes(&self, user: &UserId) -> Option<bool> {
        self.standings.lock().unwrap().get(user).map(|s| s.permission.publish)
    }
}

#[async_trait]
impl Media for FakeMedia {
    async fn set_standing(&self, _: &ChannelKey, user: &UserId, standing: &Standing) -> Result<()> {
        self.note(format!("standing {user} {}", standing.permission.publish))?;
        self.standings.lock().unwrap().insert(user.clone(), standing.clone());
        Ok(())
    }
    async fn silence(&self, _: &ChannelKey, revision: u64) -> Result<()> {
        self.note(format!("silence {revision}"))
    }
    async fn end_channel(&self, _: &ChannelKey) -> Result<()> {
        self.note("end".to_owned())
    }
    async fn remove(&self, _: &ChannelKey, user: &UserId, _: RemoveCause, nbf: i64, until: UnixMs) -> Result<()> {
        self.note(format!("remove {user} {nbf} {}", until.0))
    }
    async fn participants(&self, _: &ChannelKey) -> Result<Vec<ParticipantView>> {
        Ok(Vec::new())
    }
    async fn channels(&self, _: AppId) -> Result<Vec<(ChannelName, usize)>> {
        Ok(Vec::new())
    }
}

/// A clock that moves when told.
#[derive(Default)]
pub struct TestClock(AtomicU64);

impl TestClock {
    pub fn forward(&self, d: Duration) {
        self.0.fetch_add(u64::try_from(d.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Now {
        let ms = self.0.load(Ordering::SeqCst);
        Now { wall: UnixMs(1_700_000_000_000 + i64::try_from(ms).unwrap()), mono: Duration::from_millis(ms) }
    }
}

/// Counts: every draw differs.
#[derive(Default)]
pub struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, out: &mut [u8]) {
        for b in out {
            *b = (self.0.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
        }
    }
}

/// Everything a use-case test needs.
pub struct Bench {
    pub world: World,
    pub media: Arc<FakeMedia>,
    pub clock: Arc<TestClock>,
    pub director: Arc<Director>,
    pub voice: Voice,
}

pub fn bench() -> Bench {
    let clock = Arc::new(TestClock::default());
    let world = World::new(Arc::new(MemStore::default()), clock.clone(), Arc::new(Counting::default()));
    let media = Arc::new(FakeMedia::default());
    world.set_media(media.clone());
    let config = DirectorConfig {
        seat_grace: Duration::from_secs(30),
        seat_restart_grace: Duration::from_secs(60),
        dismiss_announce: Duration::from_secs(1),
        dismiss_media: Duration::from_secs(2),
    };
    let director = Arc::new(Director::new(world.clone(), config));
    let voice_config =
        VoiceConfig { app: APP, rtc_token_ttl: Duration::from_secs(86_400), max_live_rooms_per_owner: 0 };
    let voice = Voice::new(world.clone(), director.clone(), voice_config);
    Bench { world, media, clock, director, voice }
}

pub fn who(name: &str, sid: &str) -> Who {
    Who { identity: Identity::new(name).unwrap(), user: user(name), sid: sid.to_owned(), hidden: false }
}

pub fn event(room: &Room, fact: MediaFact) -> MediaEvent {
    MediaEvent { channel: room.channel(), channel_sid: "RM_1".into(), seq: 1, id: "EV_1".into(), at: UnixMs(0), fact }
}

pub fn joined(room: &Room, name: &str, sid: &str) -> MediaEvent {
    event(room, MediaFact::ParticipantJoined(who(name, sid)))
}

pub fn left(room: &Room, name: &str, sid: &str) -> MediaEvent {
    let fact = MediaFact::ParticipantLeft {
        who: who(name, sid),
        reason: LeftReason::ClientInitiated,
        connected: Duration::from_secs(1),
    };
    event(room, fact)
}
