//! Durable seat changes: over HTTP and at the store, against raw SQLite that commits one change at a time.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rusqlite::Connection;
use serde_json::json;
use stoa_core::caller::Caller;
use stoa_core::id::{AppId, RoomId, UserId};
use stoa_core::ports::Store as _;
use stoa_core::time::UnixMs;
use stoa_core::voice::{Command, NewRoom, Outcome, Room, SeatIndex};
use stoa_store_sqlite::{Config, SqliteStore};
use tokio::task::JoinSet;

use crate::child::Server;
use crate::clock;
use crate::hist::Hist;
use crate::http::{Load, closed_loop, post};
use crate::measure::{Spread, ms};
use crate::voice::Voice;

/// Clients at once: 8 rooms with 8 seats, one user on each.
const CLIENTS: usize = 64;
/// The app of `stoa dev`.
pub(super) const APP: AppId = AppId(1000);
/// Room creations under way while seeding; one fsync answers many.
pub(super) const SEEDING: usize = 256;
/// Lowest display number; seeded rooms take them in order.
const FIRST_CODE: u32 = 10_000_000;

/// What came out, each a rate per second with its spread.
#[derive(Debug, Clone)]
pub struct Seats {
    /// `joinMic` and `leaveMic` over HTTP.
    pub http: Spread,
    /// 99th percentile of those answers, milliseconds.
    pub http_p99_ms: f64,
    /// The same at the store.
    pub store: Spread,
    /// 99th percentile there, milliseconds.
    pub store_p99_ms: f64,
    /// One `UPDATE` per commit.
    pub raw: Spread,
    /// HTTP to raw, of each round.
    pub http_ratio: Spread,
    /// Store to raw, of each round.
    pub store_ratio: Spread,
}

/// All three in turns, `rounds` times.
///
/// # Errors
/// A part does not come up or refuses a change.
pub async fn measure(binary: &Path, dir: &Path, rounds: usize, each: Duration) -> Result<Seats> {
    let (data, side) = (tempfile::tempdir_in(dir)?, tempfile::tempdir_in(dir)?);
    let server = Server::start(binary, data.path()).await?;
    let plans = http_plans(&server).await?;
    let store = StoreSide::open(&side.path().join("store.db")).await?;
    let raw = RawSide::open(&side.path().join("raw.db"))?;
    let (mut http, mut stored, mut base) = (Vec::new(), Vec::new(), Vec::new());
    let (mut http_p99, mut store_p99) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let h = closed_loop(server.addr, plans.clone(), each, seated).await?;
        if h.bad > 0 {
            bail!("{} seat changes refused, such as {:?}", h.bad, h.example);
        }
        let s = store.run(each).await?;
        let r = raw.run(each).await?;
        // Round 0 warms up: first pages, caches, connections.
        if round > 0 {
            http.push(h.rate());
            http_p99.push(ms(h.delay.quantile(0.99)));
            stored.push(s.rate());
            store_p99.push(ms(s.delay.quantile(0.99)));
            base.push(r.rate());
        }
    }
    server.stop().await?;
    let ratio = |a: &[f64]| Spread::of(&a.iter().zip(&base).map(|(a, b)| a / b).collect::<Vec<_>>());
    Ok(Seats {
        http_ratio: ratio(&http),
        store_ratio: ratio(&stored),
        http: Spread::of(&http),
        http_p99_ms: Spread::of(&http_p99).median,
        store: Spread::of(&stored),
        store_p99_ms: Spread::of(&store_p99).median,
        raw: Spread::of(&base),
    })
}

/// The store and raw SQLite in turns, without a server: rates of both, their ratio, the store's p99 in milliseconds.
///
/// # Errors
/// The store refuses a change.
pub async fn at_the_store(dir: &Path, rounds: usize, each: Duration) -> Result<(Spread, Spread, Spread, f64)> {
    let side = tempfile::tempdir_in(dir)?;
    let store = StoreSide::open(&side.path().join("store.db")).await?;
    let raw = RawSide::open(&side.path().join("raw.db"))?;
    let (mut stored, mut base, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (s, r) = (store.run(each).await?, raw.run(each).await?);
        stored.push(s.rate());
        p99.push(ms(s.delay.quantile(0.99)));
        base.push(r.rate());
    }
    let ratio: Vec<f64> = stored.iter().zip(&base).map(|(a, b)| a / b).collect();
    Ok((Spread::of(&stored), Spread::of(&base), Spread::of(&ratio), Spread::of(&p99).median))
}

/// Fills a database of the default app with live rooms.
///
/// # Errors
/// The store refuses.
pub async fn seed_rooms(database: &Path, rooms: u32) -> Result<()> {
    let store = Arc::new(open(database)?);
    let mut under_way = JoinSet::new();
    for n in 0..rooms {
        let store = Arc::clone(&store);
        under_way.spawn(async move { create(&store, n).await.map(drop) });
        if under_way.len() >= SEEDING
            && let Some(done) = under_way.join_next().await
        {
            done??;
        }
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok(())
}

pub(super) fn open(database: &Path) -> Result<SqliteStore> {
    SqliteStore::open(&Config::new(database)).map_err(plain)
}

async fn create(store: &SqliteStore, n: u32) -> Result<Arc<Room>> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).context("entropy")?;
    let new = NewRoom {
        id: RoomId(id),
        app: APP,
        created: UnixMs(i64::try_from(clock::unix_secs())? * 1000 + i64::from(n)),
        title: format!("Room {n}"),
        notice: "be kind".into(),
        extends: r#"{"anchor_avatar":"https://img.example.org/a.png"}"#.into(),
        anchor: user(n)?,
        anchor_nick: format!("Nick {n}"),
    };
    store.create_room(new, &[FIRST_CODE + n], 0).await.map_err(plain)
}

pub(super) fn user(n: u32) -> Result<UserId> {
    UserId::new(format!("user-{n}")).map_err(plain)
}

/// The domain error keeps its internals out of `Display`; a bench wants to see them.
pub(super) fn plain(e: stoa_core::Error) -> anyhow::Error {
    anyhow::anyhow!("{e}: {}", e.internal().unwrap_or("no detail"))
}

/// Success of both calls, and only success, carries the seat list.
fn seated(status: u16, body: &[u8]) -> bool {
    status == 200 && body.windows(10).any(|w| w == b"\"members\":")
}

async fn http_plans(server: &Server) -> Result<Vec<Vec<Vec<u8>>>> {
    let mut api = Voice::connect(server.addr).await?;
    let owner = api.login("owner").await?;
    let mut plans = Vec::new();
    let mut room = String::new();
    for n in 0..CLIENTS {
        let index = n % SeatIndex::COUNT + 1;
        if index == 1 {
            room = api.create(&owner, "owner").await?;
        }
        let name = format!("sitter-{n}");
        let bearer = api.login(&name).await?;
        let body = json!({"id": room, "user_id": name, "index": index, "extends": "{\"user_nick\":\"n\"}"});
        plans.push(vec![
            post("/api/chatroom/joinMic", Some(&bearer), &body),
            post("/api/chatroom/leaveMic", Some(&bearer), &body),
        ]);
    }
    Ok(plans)
}

/// 64 tasks that take and leave seats at the store itself.
struct StoreSide {
    store: Arc<SqliteStore>,
    rooms: Vec<RoomId>,
}

impl StoreSide {
    async fn open(database: &Path) -> Result<Self> {
        let store = Arc::new(open(database)?);
        let mut rooms = Vec::new();
        for n in 0..CLIENTS / SeatIndex::COUNT {
            rooms.push(create(&store, u32::try_from(n)?).await?.id);
        }
        Ok(Self { store, rooms })
    }

    async fn run(&self, each: Duration) -> Result<Load> {
        let started = clock::now();
        let mut tasks = JoinSet::new();
        for n in 0..CLIENTS {
            let room = self.rooms[n / SeatIndex::COUNT];
            tasks.spawn(sit_and_leave(Arc::clone(&self.store), room, n, started + each));
        }
        let mut all = Load::default();
        while let Some(done) = tasks.join_next().await {
            let delay = done??;
            all.good += delay.len();
            all.delay.merge(&delay);
        }
        all.took = clock::now() - started;
        Ok(all)
    }
}

async fn sit_and_leave(store: Arc<SqliteStore>, room: RoomId, n: usize, until: Instant) -> Result<Hist> {
    let who = user(u32::try_from(n)?)?;
    let index = SeatIndex::new(i64::try_from(n % SeatIndex::COUNT)? + 1).map_err(plain)?;
    let mut delay = Hist::default();
    while clock::now() < until {
        let take = Command::TakeSeat { user: who.clone(), wish: Some(index), extends: String::new(), attended: false };
        let leave = Command::LeaveSeat { caller: Caller::user(who.clone()), target: who.clone(), index: Some(index) };
        for command in [take, leave] {
            let from = clock::now();
            let now = UnixMs(i64::try_from(clock::unix_secs())? * 1000);
            let applied = store.apply(APP, room, command, now).await.map_err(plain)?.context("room is gone")?;
            if !matches!(applied.outcome, Outcome::Seated(_) | Outcome::Freed(_)) {
                bail!("seat change came out as {:?}", applied.outcome);
            }
            delay.add(clock::now() - from);
        }
    }
    Ok(delay)
}

/// What anybody would write first: one connection, one statement, one commit, equal durability.
struct RawSide {
    db: Arc<Mutex<Connection>>,
}

impl RawSide {
    fn open(database: &Path) -> Result<Self> {
        let db = Connection::open(database)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.execute_batch("CREATE TABLE seat (n INTEGER PRIMARY KEY, who TEXT) STRICT")?;
        for n in 0..i64::try_from(CLIENTS)? {
            db.execute("INSERT INTO seat VALUES (?1, NULL)", [n])?;
        }
        Ok(Self { db: Arc::new(Mutex::new(db)) })
    }

    async fn run(&self, each: Duration) -> Result<Load> {
        let db = Arc::clone(&self.db);
        tokio::task::spawn_blocking(move || commit_one_by_one(&db, each)).await?
    }
}

fn commit_one_by_one(db: &Mutex<Connection>, each: Duration) -> Result<Load> {
    let db = db.lock().unwrap_or_else(PoisonError::into_inner);
    let mut change = db.prepare("UPDATE seat SET who = ?2 WHERE n = ?1")?;
    let started = clock::now();
    let mut load = Load::default();
    while clock::now() - started < each {
        let from = clock::now();
        let n = i64::try_from(load.good % CLIENTS as u64)?;
        change.execute((n, format!("user-{}", load.good)))?;
        load.delay.add(clock::now() - from);
        load.good += 1;
    }
    load.took = clock::now() - started;
    Ok(load)
}
