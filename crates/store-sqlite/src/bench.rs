//! The store's figures, each beside its baseline from the same run. For `make bench`.
//!
//! Rounds of store and baseline alternate, so that whatever else the machine does hits both;
//! figures are medians over the rounds, with the lowest and the highest beside them.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::params;
use stoa_core::caller::Caller;
use stoa_core::id::{AppId, RoomId, UserId};
use stoa_core::ports::{PageStart, Store};
use stoa_core::time::UnixMs;
use stoa_core::voice::{Command, NewRoom, Outcome};
use stoa_core::{Error, Result};
use tokio::task::JoinSet;

use crate::errors::sql;
use crate::{Config, SqliteStore, open};

const APP: AppId = AppId(1000);

/// Rooms that the seat operations are spread over: more than fit one batch, far less than memory holds.
const SEAT_ROOMS: u64 = 1000;

/// Median, lowest and highest of the rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

impl Spread {
    fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let at = |n: usize| rounds.get(n).copied().unwrap_or(f64::NAN);
        Self { median: at(rounds.len() / 2), low: at(0), high: at(rounds.len().saturating_sub(1)) }
    }
}

/// One figure beside its baseline. Prints as one line.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// In what.
    pub unit: &'static str,
    /// The product's.
    pub ours: Spread,
    /// What it is compared with, and that one's measure.
    pub baseline: Option<(&'static str, Spread)>,
}

impl Figure {
    /// Ours over the baseline's, by medians.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        self.baseline.map(|(_, b)| self.ours.median / b.median)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, unit, ours, .. } = self;
        write!(f, "{name}: {:.1} {unit} ({:.1} to {:.1})", ours.median, ours.low, ours.high)?;
        if let (Some((what, b)), Some(ratio)) = (&self.baseline, self.ratio()) {
            write!(f, "; {what}: {:.1} {unit} ({:.1} to {:.1}); ratio {ratio:.2}", b.median, b.low, b.high)?;
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a stopwatch; nothing is decided or stored by it")]
fn now() -> Instant {
    Instant::now()
}

fn user(name: String) -> Result<UserId> {
    UserId::new(name)
}

fn room_id(n: u64) -> RoomId {
    let mut id = [7; 16];
    id[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    RoomId(id)
}

/// Makes rooms with these numbers, many at once.
async fn make_rooms(store: &Arc<SqliteStore>, count: u64) -> Result<()> {
    const MAKERS: u64 = 64;
    let mut makers = JoinSet::new();
    for maker in 0..MAKERS {
        let store = store.clone();
        makers.spawn(async move {
            for n in (maker..count).step_by(64) {
                let room = NewRoom {
                    id: room_id(n),
                    app: APP,
                    created: UnixMs(1_700_000_000_000 + i64::try_from(n).unwrap_or(0)),
                    title: format!("Friday jazz, table {n}"),
                    notice: "be kind".into(),
                    extends: "{\"anchor_avatar\":\"https://img.example.org/a.png\"}".into(),
                    anchor: user(format!("owner-{}", n % 1000))?,
                    anchor_nick: "Alice".into(),
                };
                let code = 10_000_000 + u32::try_from(n).unwrap_or(0);
                store.create_room(room, &[code], 0).await?;
            }
            Ok(())
        });
    }
    makers.join_all().await.into_iter().collect()
}

/// Durable seat operations: `tasks` clients at once through the store, against one connection of the
/// same SQLite that commits the same rows one operation at a time, `synchronous=FULL` on both, same
/// folder. Figures: operations/s with the baseline's, then p50 and p99 latency of the store in ms.
///
/// # Errors
/// Whatever the store says.
pub async fn seats(folder: &Path, tasks: usize, rounds: usize, round: Duration) -> Result<[Figure; 3]> {
    let store = Arc::new(SqliteStore::open(&Config::new(folder.join("seats.db")))?);
    make_rooms(&store, SEAT_ROOMS).await?;
    let raw_file = folder.join("raw.db");
    store.backup(&raw_file).await?;
    let (mut rates, mut raws, mut p50, mut p99) = (vec![], vec![], vec![], vec![]);
    for n in 0..=rounds {
        let raw_file = raw_file.clone();
        let raw = tokio::task::spawn_blocking(move || raw_round(&raw_file, round))
            .await
            .map_err(|e| Error::internal_error(format!("the baseline panicked: {e}")))??;
        let (rate, mut latencies) = seat_round(&store, tasks, round).await?;
        if n == 0 {
            continue; // Warms both up.
        }
        latencies.sort_unstable();
        let at = |part: usize| latencies[(latencies.len() * part / 100).min(latencies.len() - 1)].as_secs_f64() * 1e3;
        raws.push(raw);
        rates.push(rate);
        p50.push(at(50));
        p99.push(at(99));
    }
    let one_by_one = Some(("one commit at a time", Spread::of(raws)));
    Ok([
        Figure { name: "durable seat operations", unit: "per s", ours: Spread::of(rates), baseline: one_by_one },
        Figure { name: "seat operation p50", unit: "ms", ours: Spread::of(p50), baseline: None },
        Figure { name: "seat operation p99", unit: "ms", ours: Spread::of(p99), baseline: None },
    ])
}

/// Every client takes and leaves seats in room after room; every operation changes a row.
async fn seat_round(store: &Arc<SqliteStore>, tasks: usize, round: Duration) -> Result<(f64, Vec<Duration>)> {
    let begun = now();
    let mut clients = JoinSet::new();
    for task in 0..tasks {
        let (store, me) = (store.clone(), user(format!("client-{task}"))?);
        clients.spawn(async move {
            let mut latencies = Vec::new();
            let mut step = task as u64 * 7919;
            while begun.elapsed() < round {
                let room = room_id(step % SEAT_ROOMS);
                let take = Command::TakeSeat {
                    user: me.clone(),
                    wish: None,
                    extends: "{\"user_nick\":\"Bob\"}".into(),
                    attended: true,
                };
                let leave = Command::LeaveSeat { caller: Caller::user(me.clone()), target: me.clone(), index: None };
                for command in [take, leave] {
                    let asked = now();
                    let done = store.apply(APP, room, command, UnixMs(1_700_000_500_000)).await?;
                    latencies.push(asked.elapsed());
                    if !matches!(done.map(|d| d.outcome), Some(Outcome::Seated(_) | Outcome::Freed(_))) {
                        return Err(Error::internal_error("a seat operation changed nothing"));
                    }
                }
                step += 1;
            }
            Ok(latencies)
        });
    }
    let mut all = Vec::new();
    for latencies in clients.join_all().await {
        all.extend(latencies?);
    }
    Ok((all.len() as f64 / begun.elapsed().as_secs_f64(), all))
}

/// The same rows, by the same statements, with a commit after each operation.
fn raw_round(file: &Path, round: Duration) -> Result<f64> {
    const WHAT: &str = "baseline";
    let conn = open::writer(file)?;
    let mut take = conn
        .prepare("UPDATE voice_seats SET user_id = ?1, join_ms = ?2, stay = ?3, attended = 1, extends = ?4 WHERE room_id = ?5 AND seat = 1 AND user_id IS NULL")
        .map_err(sql(WHAT))?;
    let mut leave = conn
        .prepare("UPDATE voice_seats SET user_id = NULL, join_ms = NULL, stay = NULL, attended = 0, extends = '' WHERE room_id = ?1 AND seat = 1 AND user_id = ?2")
        .map_err(sql(WHAT))?;
    let mut bump = conn.prepare("UPDATE voice_rooms SET version = version + 1 WHERE id = ?1").map_err(sql(WHAT))?;
    let (mut begin, mut commit) =
        (conn.prepare("BEGIN IMMEDIATE").map_err(sql(WHAT))?, conn.prepare("COMMIT").map_err(sql(WHAT))?);
    let begun = now();
    let mut done = 0u32;
    while begun.elapsed() < round {
        let id = room_id(u64::from(done / 2) % SEAT_ROOMS).0;
        begin.execute([]).map_err(sql(WHAT))?;
        let touched = if done.is_multiple_of(2) {
            take.execute(params!["client", 1_700_000_500_000_i64, 2, "{\"user_nick\":\"Bob\"}", id])
        } else {
            leave.execute(params![id, "client"])
        };
        bump.execute([id]).map_err(sql(WHAT))?;
        commit.execute([]).map_err(sql(WHAT))?;
        if touched.map_err(sql(WHAT))? != 1 {
            return Err(Error::internal_error("the baseline changed nothing"));
        }
        done += 1;
    }
    if !done.is_multiple_of(2) {
        let id = room_id(u64::from(done / 2) % SEAT_ROOMS).0;
        leave.execute(params![id, "client"]).map_err(sql(WHAT))?;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}

/// Time of the first page of `list`: `many` rooms, against 100 rooms. In microseconds.
///
/// # Errors
/// Whatever the store says.
pub async fn first_page(folder: &Path, many: u64, rounds: usize) -> Result<Figure> {
    /// Pages per round.
    const PAGES: u32 = 200;
    let large = Arc::new(SqliteStore::open(&Config::new(folder.join("many.db")))?);
    let small = Arc::new(SqliteStore::open(&Config::new(folder.join("few.db")))?);
    make_rooms(&large, many).await?;
    make_rooms(&small, 100).await?;
    let (mut ours, mut base) = (vec![], vec![]);
    for n in 0..=rounds {
        for (store, times) in [(&small, &mut base), (&large, &mut ours)] {
            let begun = now();
            for _ in 0..PAGES {
                let page = store.list_rooms(APP, PageStart::Offset(0), 10).await?;
                if page.len() != 10 {
                    return Err(Error::internal_error("a short page"));
                }
            }
            if n > 0 {
                times.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(PAGES));
            }
        }
    }
    let base = Some(("with 100 rooms", Spread::of(base)));
    Ok(Figure { name: "first page of list with many rooms", unit: "µs", ours: Spread::of(ours), baseline: base })
}

/// Time of `room` and of `account` when memory has the answer, in nanoseconds.
///
/// # Errors
/// Whatever the store says.
pub async fn memory_hits(folder: &Path, rounds: usize) -> Result<[Figure; 2]> {
    /// Reads per round.
    const READS: u64 = 100_000;
    let store = Arc::new(SqliteStore::open(&Config::new(folder.join("hits.db")))?);
    make_rooms(&store, SEAT_ROOMS).await?;
    let me = user("bob".into())?;
    let (mut rooms, mut accounts) = (vec![], vec![]);
    for _ in 0..rounds {
        rooms.push(per_read(READS, async |n| store.room(APP, room_id(n % SEAT_ROOMS)).await.map(drop)).await?);
        accounts.push(per_read(READS, async |_| store.account(&me).await.map(drop)).await?);
    }
    let figure = |name, rounds| Figure { name, unit: "ns", ours: Spread::of(rounds), baseline: None };
    Ok([figure("room from memory", rooms), figure("account from memory", accounts)])
}

async fn per_read<Fut: Future<Output = Result<()>>>(reads: u64, read: impl Fn(u64) -> Fut) -> Result<f64> {
    let begun = now();
    for n in 0..reads {
        read(n).await?;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e9 / reads as f64)
}
