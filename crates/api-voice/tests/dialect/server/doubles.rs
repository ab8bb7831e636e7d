//! Doubles of the ports.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::json;
use stoa_api::jwt::Key;
use stoa_core::account::Account;
use stoa_core::app::App;
use stoa_core::id::{AppId, ChannelKey, ChannelName, RoomId, UserId};
use stoa_core::login::{LoginHook, Passwords};
use stoa_core::media::{Media, MediaGrant, ParticipantView, RemoveCause, Standing};
use stoa_core::ports::{Clock, Entropy, MediaTokens, OutboxItem, PageStart, Store};
use stoa_core::sanction::Sanction;
use stoa_core::time::{Now, UnixMs};
use stoa_core::voice::{Applied, Command, NewRoom, Room};
use stoa_core::{Error, Kind, Result};

/// A store that can be switched off.
pub struct Switch {
    inner: Arc<dyn Store>,
    off: AtomicU8,
    applies: AtomicU64,
}

impl Switch {
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, off: AtomicU8::new(0), applies: AtomicU64::new(0) }
    }
    pub fn on(&self) {
        self.off.store(0, Ordering::SeqCst);
    }
    /// How many commands were given to it.
    pub fn applies(&self) -> u64 {
        self.applies.load(Ordering::SeqCst)
    }
    /// Every call fails inside.
    pub fn broken(&self) {
        self.off.store(1, Ordering::SeqCst);
    }
    /// Every call finds nobody there.
    pub fn away(&self) {
        self.off.store(2, Ordering::SeqCst);
    }
    fn check(&self) -> Result<()> {
        match self.off.load(Ordering::SeqCst) {
            0 => Ok(()),
            1 => Err(Error::internal_error("disk /secret/path I/O error")),
            _ => Err(Error::new(Kind::Unavailable, "try again later").with_internal("queue of /secret/path full")),
        }
    }
}

macro_rules! through {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $out:ty;)*) => {
        #[async_trait]
        impl Store for Switch {
            $(async fn $name(&self, $($arg: $ty),*) -> $out {
                self.check()?;
                if stringify!($name) == "apply" {
                    self.applies.fetch_add(1, Ordering::SeqCst);
                }
                self.inner.$name($($arg),*).await
            })*
        }
    };
}

through! {
    ping() -> Result<()>;
    secret(name: &str, fresh: &[u8]) -> Result<Vec<u8>>;
    account(user: &UserId) -> Result<Option<Arc<Account>>>;
    put_account(account: Account) -> Result<()>;
    remove_account(user: &UserId) -> Result<bool>;
    accounts() -> Result<Vec<Account>>;
    create_room(room: NewRoom, codes: &[u32], max: u32) -> Result<Arc<Room>>;
    room(app: AppId, id: RoomId) -> Result<Option<Arc<Room>>>;
    list_rooms(app: AppId, start: PageStart, limit: u32) -> Result<Vec<Arc<Room>>>;
    apply(app: AppId, id: RoomId, command: Command, now: UnixMs) -> Result<Option<Applied>>;
    rooms_with_attended_seats() -> Result<Vec<Arc<Room>>>;
    sanction(channel: &ChannelKey, user: &UserId) -> Result<Option<Sanction>>;
    put_sanction(sanction: Sanction) -> Result<()>;
    purge_sanctions(now: UnixMs, before_secs: i64) -> Result<u64>;
    outbox_push(items: Vec<OutboxItem>) -> Result<()>;
    outbox_peek(limit: u32) -> Result<Vec<OutboxItem>>;
    outbox_done(seq: i64) -> Result<()>;
}

/// 2024-03-14T20:43:00+08:00 and what is added to it.
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
        Now { wall: UnixMs(1_710_420_180_000 + i64::try_from(ms).unwrap()), mono: Duration::from_millis(ms) }
    }
}

/// Entropy that never repeats, except for the four-byte draws of show codes that a test forces.
#[derive(Default)]
pub struct Draws {
    state: AtomicU64,
    forced: Mutex<VecDeque<u32>>,
    always: Mutex<Option<u32>>,
}

impl Draws {
    /// The next draws of four bytes.
    pub fn force(&self, draws: impl IntoIterator<Item = u32>) {
        self.forced.lock().unwrap().extend(draws);
    }
    /// All draws of four bytes from here on.
    pub fn force_always(&self, draw: Option<u32>) {
        *self.always.lock().unwrap() = draw;
    }
}

impl Entropy for Draws {
    fn fill(&self, out: &mut [u8]) {
        if out.len() == 4 {
            let forced = self.forced.lock().unwrap().pop_front().or(*self.always.lock().unwrap());
            if let Some(n) = forced {
                out.copy_from_slice(&n.to_le_bytes());
                return;
            }
        }
        for chunk in out.chunks_mut(8) {
            // SplitMix64: distinct outputs for distinct counters.
            let n = self.state.fetch_add(1, Ordering::SeqCst).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(n ^ (n >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// An engine that records standings and refuses nothing.
#[derive(Default)]
pub struct FakeMedia {
    pub standings: Mutex<BTreeMap<UserId, bool>>,
}

#[async_trait]
impl Media for FakeMedia {
    async fn set_standing(&self, _: &ChannelKey, user: &UserId, standing: &Standing) -> Result<()> {
        self.standings.lock().unwrap().insert(user.clone(), standing.permission.publish);
        Ok(())
    }
    async fn silence(&self, _: &ChannelKey, _: u64) -> Result<()> {
        Ok(())
    }
    async fn end_channel(&self, _: &ChannelKey) -> Result<()> {
        Ok(())
    }
    async fn remove(&self, _: &ChannelKey, _: &UserId, _: RemoveCause, _: i64, _: UnixMs) -> Result<()> {
        Ok(())
    }
    async fn participants(&self, _: &ChannelKey) -> Result<Vec<ParticipantView>> {
        Ok(Vec::new())
    }
    async fn channels(&self, _: AppId) -> Result<Vec<(ChannelName, usize)>> {
        Ok(Vec::new())
    }
}

/// Signs what the contract shows of a media token.
pub struct TestTokens;

impl MediaTokens for TestTokens {
    fn mint(&self, app: &App, g: &MediaGrant) -> String {
        Key::new(app.secret.expose_secret().as_bytes()).sign(&json!({
            "iss": app.key, "sub": g.identity.as_str(), "nbf": g.nbf_secs, "exp": g.exp_secs,
            "attributes": {"stoa.user": g.user.as_str(), "stoa.identity": g.identity_type},
            "video": {"roomJoin": true, "room": g.channel.as_str(), "canPublish": g.can_publish},
        }))
    }
}

/// "Hashes" by a prefix, and counts how often it was asked.
#[derive(Default)]
pub struct PlainPasswords {
    pub asked: AtomicU64,
}

impl PlainPasswords {
    pub fn hash(password: &str) -> String {
        format!("plain${password}")
    }
}

#[async_trait]
impl Passwords for PlainPasswords {
    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(hash.is_some_and(|h| h == Self::hash(password)))
    }
}

/// A login service with one opinion, or none.
pub struct FakeHook(pub Option<&'static str>);

#[async_trait]
impl LoginHook for FakeHook {
    async fn allow(&self, _: &UserId, password: &str) -> Result<bool> {
        match self.0 {
            Some(good) => Ok(password == good),
            None => Err(Error::internal_error("hook https://secret.example is down")),
        }
    }
}
