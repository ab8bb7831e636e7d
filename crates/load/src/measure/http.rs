//! Requests per second against a bare route, and against more rooms.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::child::{Baseline, Server};
use crate::http::{Load, closed_loop, post};
use crate::measure::seats::seed_rooms;
use crate::measure::{Spread, ms};
use crate::proc;
use crate::voice::Voice;

/// Connections of the load. Enough to keep every core of the server busy, few enough not to queue for long.
pub(super) const CONNECTIONS: usize = 32;

/// A and B, measured in turns.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Ours: requests per second.
    pub ours: Spread,
    /// The baseline's.
    pub base: Spread,
    /// Ratio of each pair.
    pub ratio: Spread,
    /// Ours: requests per CPU-second of the server.
    pub ours_per_cpu: Spread,
    /// The baseline's.
    pub base_per_cpu: Spread,
    /// Ours: 99th percentile of the answer time, milliseconds.
    pub p99_ms: f64,
}

/// One side of a pair.
pub(super) struct Side {
    /// The server.
    pub addr: SocketAddr,
    /// Its process.
    pub pid: u32,
    /// What each connection sends, round and round.
    pub plans: Vec<Vec<Vec<u8>>>,
    /// Judges an answer.
    pub good: fn(u16, &[u8]) -> bool,
}

impl Side {
    fn voice(addr: SocketAddr, pid: u32, request: Vec<u8>) -> Self {
        Self { addr, pid, plans: vec![vec![request]; CONNECTIONS], good: fine }
    }
}

/// Authenticated `getMeetingInfo` against a bare axum route that parses and prints the same JSON.
///
/// # Errors
/// A server does not come up, or answers are wrong.
pub async fn meeting_info(binary: &Path, dir: &Path, pairs: usize, each: Duration) -> Result<Pair> {
    let data = tempfile::tempdir_in(dir)?;
    let server = Server::start(binary, data.path()).await?;
    let bare = Baseline::start(&["bare-http"]).await?;
    let mut api = Voice::connect(server.addr).await?;
    let bearer = api.login("reader").await?;
    let room = api.create(&bearer, "reader").await?;
    let body = json!({"id": room});
    let ours = Side::voice(server.addr, server.pid, post("/api/chatroom/getMeetingInfo", Some(&bearer), &body));
    let base = Side::voice(bare.addr, bare.pid, post("/meeting", Some(&bearer), &body));
    let pair = compare(&ours, &base, pairs, each).await;
    server.stop().await?;
    pair
}

/// The first page of `list` with many rooms ("ours") against few ("base"), each on a server of its own.
///
/// # Errors
/// A server does not come up, or answers are wrong.
pub async fn list_page(
    binary: &Path,
    dir: &Path,
    (many, few): (u32, u32),
    pairs: usize,
    each: Duration,
) -> Result<Pair> {
    let (big, small) = (tempfile::tempdir_in(dir)?, tempfile::tempdir_in(dir)?);
    for (data, rooms) in [(&big, many), (&small, few)] {
        seed_rooms(&data.path().join("stoa.db"), rooms).await.context("seeding rooms")?;
    }
    let (big, small) = (Server::start(binary, big.path()).await?, Server::start(binary, small.path()).await?);
    let ours = list_side(&big).await?;
    let base = list_side(&small).await?;
    let pair = compare(&ours, &base, pairs, each).await;
    big.stop().await?;
    small.stop().await?;
    pair
}

async fn list_side(server: &Server) -> Result<Side> {
    let mut api = Voice::connect(server.addr).await?;
    let bearer = api.login("reader").await?;
    let request = post("/api/chatroom/list", Some(&bearer), &json!({"page_num": 1, "page_size": 10}));
    let (status, answer) = crate::http::Client::connect(server.addr).await?.json(&request).await?;
    let rooms = answer.get("rooms").and_then(|r| r.as_array()).map_or(0, Vec::len);
    if status != 200 || rooms != 10 {
        bail!("the first page has {rooms} rooms, not 10: HTTP {status}");
    }
    Ok(Side::voice(server.addr, server.pid, request))
}

pub(super) async fn compare(ours: &Side, base: &Side, pairs: usize, each: Duration) -> Result<Pair> {
    // Warm caches and connections on both sides; the result is thrown away.
    for side in [ours, base] {
        drop(run(side, each / 4).await?);
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let mut p99 = Vec::new();
    for _ in 0..pairs {
        let (load, per_cpu) = run(ours, each).await?;
        p99.push(ms(load.delay.quantile(0.99)));
        a.push((load.rate(), per_cpu));
        let (load, per_cpu) = run(base, each).await?;
        b.push((load.rate(), per_cpu));
    }
    let column = |v: &[(f64, f64)], cpu: bool| -> Vec<f64> { v.iter().map(|x| if cpu { x.1 } else { x.0 }).collect() };
    let ratio: Vec<f64> = a.iter().zip(&b).map(|(x, y)| x.0 / y.0).collect();
    Ok(Pair {
        ours: Spread::of(&column(&a, false)),
        base: Spread::of(&column(&b, false)),
        ratio: Spread::of(&ratio),
        ours_per_cpu: Spread::of(&column(&a, true)),
        base_per_cpu: Spread::of(&column(&b, true)),
        p99_ms: Spread::of(&p99).median,
    })
}

/// One turn of one side: what came of it, and the answers per CPU-second of its server.
pub(super) async fn run(side: &Side, each: Duration) -> Result<(Load, f64)> {
    let cpu = proc::cpu(side.pid)?;
    let load = closed_loop(side.addr, side.plans.clone(), each, side.good).await?;
    if load.bad > 0 {
        bail!("{} wrong answers, such as {:?}", load.bad, load.example);
    }
    let cpu = (proc::cpu(side.pid)? - cpu).as_secs_f64();
    let per_cpu = load.good as f64 / cpu.max(0.01);
    Ok((load, per_cpu))
}

/// HTTP 200 with business code 200. Every answer of the dialect has exactly one `code` at its top.
fn fine(status: u16, body: &[u8]) -> bool {
    status == 200 && body.windows(10).any(|w| w == b"\"code\":200")
}
