//! `stoa-load ghosts`: members that vanish in every way there is, and sockets that never say anything. In the end the
//! server counts exactly those who are there, and has closed the rest. Its settings are the usual ones: the bar is what
//! it promises to everybody.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::clock;
use crate::hist::Hist;
use crate::hub::{Client, source, token};
use crate::measure::ms;
use crate::proc;
use crate::stage::Stage;

/// Members who stay and behave.
const STAY: usize = 100;
/// Cycles under way at once.
const AT_ONCE: usize = 100;
/// The count is right by then, or it stays wrong: pings, their answers and the grace of a member make less.
const PATIENCE: Duration = Duration::from_secs(90);
/// The bar for the count.
const EXACT_SECS: f64 = 30.0;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// Length of the measurement that the one during the attack is held against.
const QUIET: Duration = Duration::from_secs(5);
/// A silent socket is closed by then.
const CLOSED: Duration = Duration::from_secs(60);
/// Growth of resident memory that is noise, bytes.
const NOISE: u64 = 8 << 20;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's binary.
    pub binary: PathBuf,
    /// Folder for data.
    pub dir: PathBuf,
    /// Members that come and go.
    pub cycles: usize,
    /// Sockets that never connect; half of them do not even end their HTTP request.
    pub silent: usize,
}

/// What came out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outcome {
    /// Members that came and went.
    pub cycles: usize,
    /// Of them: their host vanished; nothing that is sent to them arrives, and nothing comes back.
    pub vanished: usize,
    /// Of them: the host is there, but the process neither reads nor answers.
    pub frozen: usize,
    /// Who is there in truth.
    pub there: usize,
    /// `onlineCount` right after the last cycle.
    pub counted_at_once: u64,
    /// From the last cycle until those whose host vanished were not counted any more, seconds.
    pub vanished_after: f64,
    /// From the last cycle until the count was right, seconds.
    pub exact_after: f64,
    /// Members that `group.members` lists then.
    pub listed: usize,
    /// `total` of the last `members` event.
    pub told: u64,
    /// Silent WebSockets closed with 3502.
    pub stale: usize,
    /// Half requests closed.
    pub halves: usize,
    /// Silent sockets that were not closed, or otherwise.
    pub otherwise: usize,
    /// From the first silent socket until the last one was closed, seconds.
    pub closed_after: f64,
    /// Resident memory before the silent sockets, after them, and after as many once more, bytes.
    pub rss: [u64; 3],
    /// Delay of a message between two members before them (p50, p99), ms.
    pub delay_before: [f64; 2],
    /// And while they were open.
    pub delay_during: [f64; 2],
}

impl Outcome {
    /// Whether everybody was counted right, and the silent are gone with their memory.
    #[must_use]
    pub fn good(&self) -> bool {
        // The allocator keeps what the first wave used, in pieces; a leak would cost the second one as much again.
        let [before, once, twice] = self.rss;
        self.exact_after <= EXACT_SECS
            && self.listed == self.there
            && self.told == self.there as u64
            && self.otherwise == 0
            && twice.saturating_sub(once) <= once.saturating_sub(before) / 2 + NOISE
    }
}

/// Runs it.
///
/// # Errors
/// The server does not come up, or a member who behaves is closed.
pub async fn run(plan: &Plan) -> Result<Outcome> {
    std::fs::create_dir_all(&plan.dir)?;
    let mut out = Outcome { cycles: plan.cycles, there: STAY, ..Outcome::default() };
    churn(&plan.binary, &plan.dir, plan.cycles, &mut out).await.context("churn")?;
    eprintln!("  churn: exact after {:.1} s", out.exact_after);
    silence(&plan.binary, &plan.dir, plan.silent, &mut out).await.context("silent sockets")?;
    Ok(out)
}

async fn member(stage: &Stage, n: usize, user: &str) -> Result<Client> {
    let token = token(stage.app, user)?;
    let mut client = Client::connect(stage.server.addr, source(n), &token).await?;
    client.join(&stage.groups[0]).await?;
    Ok(client)
}

async fn churn(binary: &Path, dir: &Path, cycles: usize, out: &mut Outcome) -> Result<()> {
    let stage = Arc::new(Stage::with_rooms(binary, dir, 1).await?);
    let told = Arc::new(AtomicU64::new(0));
    let mut stay = JoinSet::new();
    for n in 1..STAY {
        let mut client = member(&stage, n, &format!("stays-{n}")).await?;
        let told = Arc::clone(&told);
        stay.spawn(async move {
            loop {
                let Ok(line) = client.next().await else { return };
                let event = &line["push"]["pub"]["data"];
                if event["kind"] == "members" {
                    told.store(event["total"].as_u64().unwrap_or(0), Ordering::Relaxed);
                }
            }
        });
    }
    let mut asks = member(&stage, 0, "stays-0").await?;
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let mut coming: JoinSet<Result<Option<(bool, Client)>>> = JoinSet::new();
    let mut ghosts = Vec::new();
    for n in 0..cycles {
        let permit = Arc::clone(&gate).acquire_owned().await?;
        let stage = Arc::clone(&stage);
        coming.spawn(async move {
            let _permit = permit;
            let mut client = member(&stage, n, &format!("guest-{n}")).await?;
            Ok(match n % 6 {
                0 | 3 => {
                    client.socket.vanish()?;
                    Some((true, client))
                }
                // Stops reading and answering; the socket stays open.
                5 => Some((false, client)),
                1 => {
                    client.socket.cut();
                    None
                }
                2 => {
                    client.call("group.leave", json!({"groupId": stage.groups[0]})).await?;
                    None
                }
                _ => None,
            })
        });
        while let Some(done) = coming.try_join_next() {
            ghosts.extend(done??);
        }
    }
    while let Some(done) = coming.join_next().await {
        ghosts.extend(done??);
    }
    out.vanished = ghosts.iter().filter(|(vanished, _)| *vanished).count();
    out.frozen = ghosts.len() - out.vanished;
    let begun = clock::now();
    let group = &stage.groups[0];
    for first in [true, false] {
        while clock::now() - begun < PATIENCE {
            let stats = asks.call("group.stats", json!({ "groupId": group })).await?;
            let online = stats["onlineCount"].as_u64().with_context(|| stats.to_string())?;
            if first {
                out.counted_at_once = online;
                break;
            }
            if out.vanished_after == 0.0 && online <= (STAY + out.frozen) as u64 {
                out.vanished_after = (clock::now() - begun).as_secs_f64();
            }
            let exact = online == STAY as u64 && told.load(Ordering::Relaxed) == STAY as u64;
            out.exact_after = (clock::now() - begun).as_secs_f64();
            if exact {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    let (mut cursor, mut listed) = (None::<String>, 0);
    loop {
        let mut ask = json!({"groupId": group, "limit": 100});
        if let Some(cursor) = &cursor {
            ask["cursor"] = json!(cursor);
        }
        let page = asks.call("group.members", ask).await?;
        listed += page["members"].as_array().map_or(0, Vec::len);
        cursor = page["cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    out.listed = listed;
    out.told = told.load(Ordering::Relaxed);
    if stay.len() != STAY - 1 || stay.try_join_next().is_some() {
        bail!("a member who behaved was closed");
    }
    drop(ghosts);
    Ok(())
}

/// Two members who talk all the time.
struct Talk {
    delay: Arc<std::sync::Mutex<Hist>>,
    over: Arc<AtomicBool>,
    tasks: JoinSet<Result<()>>,
}

impl Talk {
    async fn start(stage: &Stage) -> Result<Self> {
        let (mut speaks, mut hears) = (member(stage, 0, "speaks").await?, member(stage, 1, "hears").await?);
        let (delay, over) = (Arc::<std::sync::Mutex<Hist>>::default(), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        let (group, done, took) = (stage.groups[0].clone(), Arc::clone(&over), Arc::clone(&delay));
        tasks.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let data = json!({ "stamp": clock::nanos() }).to_string();
                speaks.call("group.send", json!({"groupId": group, "type": 30_001, "data": data})).await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        });
        tasks.spawn(async move {
            loop {
                let line = hears.next().await?;
                let text = line["push"]["pub"]["data"]["data"].as_str();
                let data = text.and_then(|t| serde_json::from_str::<serde_json::Value>(t).ok());
                if let Some(stamp) = data.and_then(|d| d["stamp"].as_u64())
                    && let Ok(mut delay) = took.lock()
                {
                    delay.add(Duration::from_nanos(clock::nanos().saturating_sub(stamp)));
                }
            }
        });
        Ok(Self { delay, over, tasks })
    }

    /// p50 and p99 since the last time.
    fn take(&self) -> [f64; 2] {
        let hist = self.delay.lock().map(|mut d| std::mem::take(&mut *d)).unwrap_or_default();
        [ms(hist.quantile(0.5)), ms(hist.quantile(0.99))]
    }

    fn end(mut self) -> Result<()> {
        self.over.store(true, Ordering::Relaxed);
        match self.tasks.try_join_next() {
            Some(ended) => ended?.context("a member who behaved was closed"),
            None => Ok(()),
        }
    }
}

async fn silence(binary: &Path, dir: &Path, silent: usize, out: &mut Outcome) -> Result<()> {
    let stage = Stage::with_rooms(binary, dir, 1).await?;
    let talk = Talk::start(&stage).await?;
    tokio::time::sleep(QUIET).await;
    out.delay_before = talk.take();
    out.rss[0] = proc::rss(stage.server.pid)?;
    for wave in 1..=2 {
        wave_of(&stage, silent, out).await?;
        if wave == 1 {
            out.delay_during = talk.take();
        }
        tokio::time::sleep(QUIET).await;
        out.rss[wave] = proc::rss(stage.server.pid)?;
    }
    talk.end()?;
    stage.server.stop().await
}

async fn wave_of(stage: &Stage, silent: usize, out: &mut Outcome) -> Result<()> {
    let begun = clock::now();
    let mut tasks = JoinSet::new();
    for n in 0..silent {
        let to = stage.server.addr;
        tasks.spawn(async move { tokio::time::timeout(CLOSED, one_silent(to, n)).await });
        if n % AT_ONCE == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    while let Some(done) = tasks.join_next().await {
        match done? {
            Ok(Ok(true)) => out.stale += 1,
            Ok(Ok(false)) => out.halves += 1,
            _ => out.otherwise += 1,
        }
    }
    out.closed_after = (clock::now() - begun).as_secs_f64();
    Ok(())
}

/// True = a WebSocket that was closed as stale, false = half a request that was closed.
async fn one_silent(to: SocketAddr, n: usize) -> Result<bool> {
    if n.is_multiple_of(2) {
        let mut client = Client::open(to, source(n)).await?;
        let ended = client.next().await.err().context("something was said")?;
        if client.socket.closed != Some(3502) {
            bail!("closed otherwise: {ended}");
        }
        return Ok(true);
    }
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(source(n)), 0))?;
    let mut tcp = socket.connect(to).await?;
    tcp.write_all(b"GET /connection/websocket HTTP/1.1\r\nHost: load\r\nUpgrade: webs").await?;
    let mut rest = Vec::new();
    // An answer such as 408 may come first; a reset is an end too.
    drop(tcp.read_to_end(&mut rest).await);
    Ok(false)
}
