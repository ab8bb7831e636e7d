//! `stoa-load bench`: every figure of `make bench`, each beside its baseline from the same run.

mod hub;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::child::Server;
use crate::link::Transport;
use crate::measure::classes::School;
use crate::measure::media::{self, Plan};
use crate::measure::talk::{House, Question};
use crate::measure::{Spread, classes, http, join, process, relay, seats, talk};
use crate::proc;
use crate::report::{Report, Row};

/// The pair of `stoa dev`.
pub const DEV_KEY: &str = "devkey";
/// See [`DEV_KEY`]; accepted on loopback only.
pub const DEV_SECRET: &str = "devsecret-devsecret-devsecret-00";
/// Speakers of the media room: a full voice room, owner and seven seats.
const SPEAKERS: u32 = 8;
/// Listeners per step. Each step is 400 packets/s per ten listeners and speaker set.
const STEPS: [u32; 6] = [10, 25, 50, 100, 150, 200];
/// Steps go up until more than this is lost (media.md 9.2).
const MAX_LOSS: f64 = 0.001;
/// Added delay that still counts as prompt. It holds the bots' own scheduling: on a busy machine it says little.
const MAX_P99_MS: f64 = 5.0;

/// A school.
const SCHOOL: School = School { classes: 1000, members: 500 };
/// What it is compared with: the same calls where there is next to nothing.
const HANDFUL: School = School { classes: 10, members: 20 };

/// Channels of an app that runs at full size.
const HOUSE: House = House { channels: 10_000, each: 10 };
/// What it is compared with.
const SMALL_HOUSE: House = House { channels: 100, each: 10 };

/// What to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The release binary under measurement.
    pub binary: PathBuf,
    /// Folder for data: on the disk that is to be measured.
    pub dir: PathBuf,
    /// Interleaved pairs per comparison.
    pub pairs: usize,
    /// Length of one side of a pair.
    pub each: Duration,
    /// Rooms of the long list.
    pub rooms: u32,
    /// Joins in a row, and again at once.
    pub joins: usize,
    /// Media window of a step.
    pub window: Duration,
    /// Connections of the hub's figures.
    pub hub_clients: usize,
    /// Worker threads of the load generator, stated in the report.
    pub threads: usize,
    /// Only the figures whose name contains this.
    pub only: Option<String>,
}

/// Runs all figures; what fails is named in the report and does not stop the rest.
///
/// # Errors
/// The folder for data cannot be made.
pub async fn run(o: &Options) -> Result<Report> {
    std::fs::create_dir_all(&o.dir).with_context(|| o.dir.display().to_string())?;
    let mut report = Report { conditions: conditions(o).await?, rows: Vec::new(), failed: Vec::new() };
    figure(o, &mut report, "start-up", start_up(o)).await;
    figure(o, &mut report, "idle memory", idle_memory(o)).await;
    figure(o, &mut report, "seats", seat_rows(o)).await;
    figure(o, &mut report, "getMeetingInfo", meeting_info(o)).await;
    figure(o, &mut report, "list", list_page(o)).await;
    figure(o, &mut report, "classes", class_rows(o)).await;
    figure(o, &mut report, "talk", talk_rows(o)).await;
    figure(o, &mut report, "join", join_rows(o)).await;
    figure(o, &mut report, "forwarding", media_rows(o)).await;
    figure(o, &mut report, "hub idle", hub::idle(o)).await;
    figure(o, &mut report, "hub large room", hub::large(o)).await;
    figure(o, &mut report, "hub small rooms", hub::small(o)).await;
    Ok(report)
}

async fn figure(o: &Options, report: &mut Report, name: &str, rows: impl Future<Output = Result<Vec<Row>>>) {
    if o.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
        return;
    }
    eprintln!("measuring: {name}");
    match rows.await {
        Ok(rows) => report.rows.extend(rows),
        Err(e) => report.failed.push((name.into(), format!("{e:#}"))),
    }
}

async fn conditions(o: &Options) -> Result<Vec<String>> {
    let (model, cores) = proc::cpu_model();
    let idle = media::idle_for(Duration::from_secs(1)).await?;
    let quiet = if idle >= 0.85 { "" } else { " (below 85 %: other work runs here, take the figures with care)" };
    Ok(vec![
        format!("{model}, {cores} cores, Linux {}", proc::kernel()),
        format!(
            "load generator on the same machine, {} threads; nothing pinned; idle before: {:.0} %{quiet}",
            o.threads,
            idle * 100.0
        ),
    ])
}

async fn start_up(o: &Options) -> Result<Vec<Row>> {
    let s = process::start_up(&o.binary, &o.dir).await?;
    let row =
        Row::new("start-up, empty store, to /readyz 200", format!("{:.0} ms ({:.0}–{:.0})", s.median, s.low, s.high));
    Ok(vec![row.bar("≤ 1,000 ms", s.median <= 1000.0).raw(json!({"ms": s.median}))])
}

async fn idle_memory(o: &Options) -> Result<Vec<Row>> {
    let mb = process::idle_memory(&o.binary, &o.dir).await?;
    let row = Row::new("idle memory, resident after 10 s", format!("{mb:.1} MB"));
    Ok(vec![row.bar("≤ 60 MB", mb <= 60.0).raw(json!({"mb": mb}))])
}

async fn seat_rows(o: &Options) -> Result<Vec<Row>> {
    let s = seats::measure(&o.binary, &o.dir, o.pairs, o.each).await?;
    let raw = rate(s.raw);
    let at_store = Row::new("durable seat changes, 64 clients, at the store", rate(s.store))
        .against(raw.clone(), s.store_ratio.median)
        .bar("≥ 5×", s.store_ratio.median >= 5.0)
        .raw(json!({"per_s": s.store.median, "raw_per_s": s.raw.median}));
    let over_http = Row::new("durable seat changes, 64 clients, over HTTP", rate(s.http))
        .against(raw, s.http_ratio.median)
        .bar("≥ 5×", s.http_ratio.median >= 5.0)
        .raw(json!({"per_s": s.http.median, "raw_per_s": s.raw.median}));
    let slowest =
        |name: &str, ms: f64| Row::new(name, format!("{ms:.1} ms")).bar("< 50 ms", ms < 50.0).raw(json!({"ms": ms}));
    Ok(vec![over_http, slowest("  p99 of it", s.http_p99_ms), at_store, slowest("  p99 of it", s.store_p99_ms)])
}

async fn meeting_info(o: &Options) -> Result<Vec<Row>> {
    let p = http::meeting_info(&o.binary, &o.dir, o.pairs, o.each).await?;
    Ok(vec![
        Row::new("getMeetingInfo, authenticated, requests/s", rate(p.ours))
            .against(rate(p.base), p.ratio.median)
            .bar("≥ 0.5×", p.ratio.median >= 0.5)
            .raw(json!({"per_s": p.ours.median, "bare_per_s": p.base.median, "p99_ms": p.p99_ms})),
        Row::new("  requests per server CPU-second", rate(p.ours_per_cpu))
            .against(rate(p.base_per_cpu), p.ours_per_cpu.median / p.base_per_cpu.median)
            .raw(json!({"per_cpu_s": p.ours_per_cpu.median, "bare_per_cpu_s": p.base_per_cpu.median})),
    ])
}

async fn list_page(o: &Options) -> Result<Vec<Row>> {
    let p = http::list_page(&o.binary, &o.dir, (o.rooms, 100), o.pairs, o.each).await?;
    // The bar is on the cost of a page, so the ratio shown is time to time.
    let ratio = 1.0 / p.ratio.median;
    Ok(vec![
        Row::new(&format!("list, first page, {} rooms (baseline: 100 rooms)", o.rooms), rate(p.ours))
            .against(rate(p.base), ratio)
            .bar("≤ 2× the time", ratio <= 2.0)
            .raw(json!({"per_s": p.ours.median, "few_per_s": p.base.median})),
    ])
}

async fn class_rows(o: &Options) -> Result<Vec<Row>> {
    let c = classes::calls(&o.binary, &o.dir, (SCHOOL, HANDFUL), o.pairs, o.each).await?;
    let size = format!("{} classes of {}", SCHOOL.classes, SCHOOL.members);
    let rows =
        [("get", c.get), ("listMembers, page of 20", c.list), ("joinClass and leaveClass in turns, durable", c.join)];
    let row = |(what, p): (&str, http::Pair)| {
        let figure = format!("{what}, {size} (baseline: {} of {})", HANDFUL.classes, HANDFUL.members);
        let raw = json!({"per_s": p.ours.median, "few_per_s": p.base.median, "p99_ms": p.p99_ms});
        let value = format!("{}, p99 {:.1} ms", rate(p.ours), p.p99_ms);
        // The ratio shown is time to time: what the size costs.
        Row::new(&figure, value).against(rate(p.base), 1.0 / p.ratio.median).raw(raw)
    };
    Ok(rows.map(row).into())
}

async fn talk_rows(o: &Options) -> Result<Vec<Row>> {
    // Eight questions with four sides: a third of the usual time for each.
    let all = talk::questions(&o.binary, &o.dir, (HOUSE, SMALL_HOUSE), o.pairs, o.each / 3).await?;
    Ok(all.iter().flat_map(talk_row).collect())
}

fn talk_row(q: &Question) -> [Row; 3] {
    let delays = format!("p50 {:.2} ms, p99 {:.2} ms", q.p50_ms, q.p99_ms);
    let name = format!("talk {}, {} channels × {}", q.name, HOUSE.channels, HOUSE.each);
    let few = format!("  the same, {} channels × {}", SMALL_HOUSE.channels, SMALL_HOUSE.each);
    let raw = json!({
        "per_s": q.ours.median, "bare_per_s": q.bare.median, "bytes": q.bytes, "p50_ms": q.p50_ms, "p99_ms": q.p99_ms,
        "bare_p99_ms": q.bare_p99_ms,
    });
    let few_raw = json!({"per_s": q.few.median, "bare_per_s": q.few_bare.median, "bytes": q.few_bytes});
    [
        Row::new(&name, format!("{}, {delays}", rate(q.ours)))
            .against(format!("{} ({} bytes)", rate(q.bare), q.bytes), q.ratio.median)
            .bar("≥ 0.5×", q.ratio.median >= 0.5)
            .raw(raw),
        Row::new(&few, rate(q.few))
            .against(format!("{} ({} bytes)", rate(q.few_bare), q.few_bytes), q.few_ratio.median)
            .bar("≥ 0.5×", q.few_ratio.median >= 0.5)
            .raw(few_raw),
        // Time to time, as with the other rows about size.
        Row::new("  what the size costs, time to time", rate(q.ours)).against(rate(q.few), q.growth.median),
    ]
}

async fn join_rows(o: &Options) -> Result<Vec<Row>> {
    let data = tempfile::tempdir_in(&o.dir)?;
    let server = Server::start(&o.binary, data.path()).await?;
    let stage = join::Stage::voice_room(target(&server), server.addr).await?;
    let mut rows = Vec::new();
    for (at_once, bar) in [(1, true), (16, false)] {
        let out = stage.measure(o.joins, at_once).await?;
        let row = Row::new(
            &format!("join to first audio packet, {} joins, {at_once} at once", out.joins),
            format!("p50 {:.0} ms, p99 {:.0} ms ({:.0} joins/s)", out.p50_ms, out.p99_ms, out.per_second),
        );
        let row =
            if bar { row.bar("p50 ≤ 300, p99 ≤ 1,000", out.p50_ms <= 300.0 && out.p99_ms <= 1000.0) } else { row };
        rows.push(row.raw(serde_json::to_value(&out)?));
    }
    drop(stage);
    server.stop().await?;
    Ok(rows)
}

async fn media_rows(o: &Options) -> Result<Vec<Row>> {
    let data = tempfile::tempdir_in(&o.dir)?;
    let server = Server::start(&o.binary, data.path()).await?;
    let plan = |subscribers| Plan {
        url: server.ws(),
        key: DEV_KEY.into(),
        secret: DEV_SECRET.into(),
        rooms: 1,
        publishers: SPEAKERS,
        subscribers,
        warmup: o.window / 5,
        window: o.window,
        transport: Transport::Udp,
        pid: Some(server.pid),
    };
    let (mut best, mut prompt): (Option<media::Outcome>, Option<media::Outcome>) = (None, None);
    for step in STEPS {
        let out = media::run(&plan(step)).await?;
        eprintln!(
            "  {step} listeners: {:.0} packets/s, {:.0} per server CPU-second, loss {:.3} %, p99 {:.2} ms, idle {:.0} %",
            out.per_second,
            out.per_cpu_second.unwrap_or_default(),
            out.loss * 100.0,
            out.delay_p99_ms,
            out.idle * 100.0
        );
        let lossy = out.loss > MAX_LOSS;
        if !lossy && out.delay_p99_ms <= MAX_P99_MS {
            prompt = Some(out.clone());
        }
        if !lossy || best.is_none() {
            best = Some(out);
        }
        if lossy {
            break;
        }
    }
    let out = best.context("no step ran")?;
    server.stop().await?;
    let bare = relay::run(&Plan { subscribers: out.subscribers, ..plan_without_server(o) }).await?;
    let per_cpu = out.per_cpu_second.context("no CPU time of the server")?;
    Ok(vec![
        Row::new("forwarding: audio packets per server CPU-second", format!("{per_cpu:.0}"))
            .against(format!("{:.0} (bare UDP relay)", bare.per_cpu_second), per_cpu / bare.per_cpu_second)
            .bar("≥ 100,000 (target)", per_cpu >= 100_000.0)
            .raw(json!({"media": out, "relay": bare})),
        Row::new(
            &format!("  at {SPEAKERS} speakers × {} listeners: packets/s, loss", out.subscribers),
            format!("{:.0}/s, {:.3} %", out.per_second, out.loss * 100.0),
        )
        .bar("≤ 0.1 %", out.loss <= MAX_LOSS),
        Row::new("  added delay there", format!("p50 {:.2} ms, p99 {:.2} ms", out.delay_p50_ms, out.delay_p99_ms)),
        prompt_row(prompt.as_ref()),
    ])
}

fn prompt_row(prompt: Option<&media::Outcome>) -> Row {
    let value = prompt.map_or("at no step".to_owned(), |p| {
        format!(
            "{:.0}/s, p99 {:.2} ms, {:.0} per CPU-second",
            p.per_second,
            p.delay_p99_ms,
            p.per_cpu_second.unwrap_or(0.0)
        )
    });
    Row::new("  most packets/s with p99 added delay ≤ 5 ms", value).raw(json!(prompt))
}

fn plan_without_server(o: &Options) -> Plan {
    Plan {
        url: String::new(),
        key: String::new(),
        secret: String::new(),
        rooms: 1,
        publishers: SPEAKERS,
        subscribers: 0,
        warmup: o.window / 5,
        window: o.window,
        transport: Transport::Udp,
        pid: None,
    }
}

fn target(server: &Server) -> join::Target {
    join::Target { url: server.ws(), key: DEV_KEY.into(), secret: DEV_SECRET.into(), transport: Transport::Udp }
}

fn rate(s: Spread) -> String {
    format!("{:.0}/s ({:.0}–{:.0})", s.median, s.low, s.high)
}

/// Where `make build` leaves the binary, seen from the folder the command runs in.
#[must_use]
pub fn default_binary() -> &'static Path {
    Path::new("target/release/stoa")
}
