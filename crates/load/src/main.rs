//! `stoa-load`: load generator and benchmarks.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use stoa_load::Transport;
use stoa_load::bench::{self, DEV_KEY, DEV_SECRET, Options};
use stoa_load::measure::join::{Stage, Target};
use stoa_load::measure::media::{self, Plan, addr_of};
use stoa_load::measure::{Spread, http, seats};
use stoa_load::{chaos, check, ghosts};

/// Bots that join, speak and listen; load and benchmarks made of them.
#[derive(Debug, Parser)]
#[command(name = "stoa-load", version)]
struct Cli {
    /// Worker threads of the load generator
    #[arg(long, global = true, default_value_t = 2)]
    threads: usize,
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Speakers and listeners: packets per server CPU-second, loss, delay
    Media(Media),
    /// Join to first audio packet
    Join(Join),
    /// getMeetingInfo against a bare route, list with many rooms, durable seats; starts the server itself
    Http(Http),
    /// All figures of `make bench`
    Bench(Bench),
    /// Well and badly behaved clients against a running `stoa dev`; fails if a case does
    Check(Check),
    /// Messages of groups while connections are cut and the server restarts; fails if one is lost without a word
    Chaos(Chaos),
    /// Ghosts, half-open sockets and churn against the message hub; fails if anybody is counted wrong
    Ghosts(Ghosts),
    /// Bots that obey JSON lines on standard input, for tests in other languages
    #[command(hide = true)]
    Drive,
    /// A baseline: prints its address and serves
    #[command(hide = true)]
    BareHttp,
    /// A baseline: prints its address and serves
    #[command(hide = true)]
    BareRelay,
    /// A baseline: prints its address and serves
    #[command(hide = true)]
    BareWs {
        /// Read buffer per connection, bytes; 0 = the library's own
        #[arg(default_value_t = 0)]
        buffer: usize,
    },
}

#[derive(Debug, Args)]
struct Where {
    /// Signalling address
    #[arg(long, default_value = "ws://127.0.0.1:7880")]
    url: String,
    /// App key
    #[arg(long, default_value = DEV_KEY)]
    key: String,
    /// App secret
    #[arg(long, default_value = DEV_SECRET, hide_default_value = true)]
    secret: String,
    /// Media over TCP, as behind a firewall that blocks UDP
    #[arg(long)]
    tcp: bool,
}

#[derive(Debug, Args)]
struct Media {
    #[command(flatten)]
    at: Where,
    /// Channels
    #[arg(long, default_value_t = 1)]
    rooms: u32,
    /// Speakers in each
    #[arg(long, default_value_t = 8)]
    publishers: u32,
    /// Listeners in each
    #[arg(long, default_value_t = 50)]
    subscribers: u32,
    /// Length of the measuring window
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Seconds before it
    #[arg(long, default_value_t = 10)]
    warmup: u64,
    /// Server process on this machine whose CPU time counts
    #[arg(long)]
    pid: Option<u32>,
}

#[derive(Debug, Args)]
struct Join {
    #[command(flatten)]
    at: Where,
    /// How many joins
    #[arg(long, default_value_t = 200)]
    joins: usize,
    /// How many at once
    #[arg(long, default_value_t = 1)]
    at_once: usize,
    /// Make a voice room through the API (logins where the password equals the name) instead of a bare channel
    #[arg(long)]
    voice_room: bool,
}

#[derive(Debug, Args)]
struct Binary {
    /// The server's binary
    #[arg(long, default_value = "target/release/stoa")]
    binary: PathBuf,
    /// Folder for data, on the disk to be measured
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// Interleaved pairs per comparison
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Seconds of one side of a pair
    #[arg(long, default_value_t = 3)]
    each: u64,
    /// Rooms of the long list
    #[arg(long, default_value_t = 100_000)]
    rooms: u32,
}

#[derive(Debug, Args)]
struct Http {
    /// meeting, list, seats, or store (seats without a server)
    what: String,
    #[command(flatten)]
    with: Binary,
}

#[derive(Debug, Args)]
struct Check {
    /// Address of the server's HTTP port
    #[arg(long, default_value = "http://127.0.0.1:7880")]
    url: String,
    /// Cases; all of them when none is named
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(check::CASES))]
    cases: Vec<String>,
}

#[derive(Debug, Args)]
struct Chaos {
    /// The server's binary
    #[arg(long, default_value = "target/release/stoa")]
    binary: PathBuf,
    /// Folder for data
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// Messages in all
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// Groups: even ones send comments, odd ones signals
    #[arg(long, default_value_t = 100)]
    groups: usize,
    /// Listeners in each
    #[arg(long, default_value_t = 2)]
    listeners: usize,
    /// Restarts, in order and by a kill in turns
    #[arg(long, default_value_t = 5)]
    restarts: u64,
}

#[derive(Debug, Args)]
struct Ghosts {
    /// The server's binary
    #[arg(long, default_value = "target/release/stoa")]
    binary: PathBuf,
    /// Folder for data
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// Comings and goings
    #[arg(long, default_value_t = 10_000)]
    cycles: usize,
    /// Sockets that never say anything
    #[arg(long, default_value_t = 5_000)]
    silent: usize,
}

#[derive(Debug, Args)]
struct Bench {
    #[command(flatten)]
    with: Binary,
    /// Joins in a row, and again 16 at once
    #[arg(long, default_value_t = 200)]
    joins: usize,
    /// Connections of the hub's figures; open files must allow them in two processes
    #[arg(long, default_value_t = 10_000)]
    hub_clients: usize,
    /// Seconds of a media step's window, and of the hub's
    #[arg(long, default_value_t = 10)]
    window: u64,
    /// Only figures whose name contains this: start-up, idle memory, seats, getMeetingInfo, list, classes, talk, join, forwarding, hub
    #[arg(long)]
    only: Option<String>,
    /// Where the JSON goes
    #[arg(long, default_value = "target/bench.json")]
    json: PathBuf,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("stoa-load: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    if matches!(cli.command, Command::BareRelay) {
        stoa_load::bare::serve_relay()?;
        return Ok(ExitCode::SUCCESS);
    }
    // The bare route gets as many threads as a server takes by itself; only the load is kept to a few.
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if !matches!(cli.command, Command::BareHttp | Command::BareWs { .. }) {
        builder.worker_threads(cli.threads.max(1));
    }
    let threads = cli.threads;
    builder.enable_all().build()?.block_on(async move {
        match cli.command {
            Command::Media(m) => media(m).await,
            Command::Join(j) => join(j).await,
            Command::Http(h) => http_figures(h).await,
            Command::Bench(b) => run_bench(b, threads).await,
            Command::Check(c) => run_checks(c).await,
            Command::Chaos(c) => run_chaos(c).await,
            Command::Ghosts(g) => run_ghosts(g).await,
            Command::Drive => stoa_load::drive::serve().await.map(|()| ExitCode::SUCCESS),
            Command::BareHttp => stoa_load::bare::serve_http().await.map(|()| ExitCode::SUCCESS),
            Command::BareWs { buffer } => stoa_load::bare::serve_ws(buffer).await.map(|()| ExitCode::SUCCESS),
            Command::BareRelay => unreachable!("handled before the runtime starts"),
        }
    })
}

fn transport(tcp: bool) -> Transport {
    if tcp { Transport::Tcp } else { Transport::Udp }
}

async fn media(m: Media) -> Result<ExitCode> {
    let plan = Plan {
        url: m.at.url,
        key: m.at.key,
        secret: m.at.secret,
        rooms: m.rooms,
        publishers: m.publishers,
        subscribers: m.subscribers,
        warmup: Duration::from_secs(m.warmup),
        window: Duration::from_secs(m.seconds),
        transport: transport(m.at.tcp),
        pid: m.pid,
    };
    let out = media::run(&plan).await?;
    println!("{}", serde_json::to_string_pretty(&out)?);
    Ok(ExitCode::SUCCESS)
}

async fn join(j: Join) -> Result<ExitCode> {
    let addr = addr_of(&j.at.url)?;
    let target = Target { url: j.at.url, key: j.at.key, secret: j.at.secret, transport: transport(j.at.tcp) };
    let stage = if j.voice_room { Stage::voice_room(target, addr).await? } else { Stage::channel(target).await? };
    println!("{}", serde_json::to_string_pretty(&stage.measure(j.joins, j.at_once).await?)?);
    Ok(ExitCode::SUCCESS)
}

async fn http_figures(h: Http) -> Result<ExitCode> {
    let b = h.with;
    std::fs::create_dir_all(&b.dir)?;
    let each = Duration::from_secs(b.each);
    let line = |name: &str, s: Spread| println!("{name}: {:.2} ({:.2} to {:.2})", s.median, s.low, s.high);
    match h.what.as_str() {
        "meeting" | "list" => {
            let pair = if h.what == "list" {
                http::list_page(&b.binary, &b.dir, (b.rooms, 100), b.pairs, each).await?
            } else {
                http::meeting_info(&b.binary, &b.dir, b.pairs, each).await?
            };
            line("requests/s", pair.ours);
            line("baseline/s", pair.base);
            line("ratio", pair.ratio);
            line("per server CPU-second", pair.ours_per_cpu);
            line("baseline per CPU-second", pair.base_per_cpu);
            println!("p99: {:.2} ms", pair.p99_ms);
        }
        "seats" => {
            let s = seats::measure(&b.binary, &b.dir, b.pairs, each).await?;
            line("over HTTP/s", s.http);
            line("at the store/s", s.store);
            line("raw one by one/s", s.raw);
            line("HTTP to raw", s.http_ratio);
            line("store to raw", s.store_ratio);
            println!("p99: {:.2} ms over HTTP, {:.2} ms at the store", s.http_p99_ms, s.store_p99_ms);
        }
        "store" => {
            let (store, raw, ratio, p99) = seats::at_the_store(&b.dir, b.pairs, each).await?;
            line("at the store/s", store);
            line("raw one by one/s", raw);
            line("store to raw", ratio);
            println!("p99: {p99:.2} ms at the store");
        }
        other => bail!("{other}: meeting, list, seats or store"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn run_checks(c: Check) -> Result<ExitCode> {
    let addr = addr_of(&c.url)?;
    let cases = if c.cases.is_empty() { check::CASES.map(str::to_owned).to_vec() } else { c.cases };
    let mut failed = false;
    for case in cases {
        match check::run(&case, addr).await {
            Ok(text) => println!("ok     {case}: {text}"),
            Err(e) => {
                failed = true;
                println!("FAILED {case}: {e:#}");
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn run_chaos(c: Chaos) -> Result<ExitCode> {
    let plan = chaos::Plan {
        binary: c.binary,
        dir: c.dir,
        messages: c.messages,
        groups: c.groups.max(1),
        listeners: c.listeners.clamp(1, 1_000),
        restarts: c.restarts,
    };
    let out = chaos::run(&plan).await?;
    println!("{}", serde_json::to_string_pretty(&out)?);
    Ok(if out.good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run_ghosts(g: Ghosts) -> Result<ExitCode> {
    let out = ghosts::run(&ghosts::Plan { binary: g.binary, dir: g.dir, cycles: g.cycles, silent: g.silent }).await?;
    println!("{}", serde_json::to_string_pretty(&out)?);
    Ok(if out.good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run_bench(b: Bench, threads: usize) -> Result<ExitCode> {
    if !b.with.binary.exists() {
        bail!("{} is not there: run `make build` first", b.with.binary.display());
    }
    let options = Options {
        binary: b.with.binary,
        dir: b.with.dir,
        pairs: b.with.pairs,
        each: Duration::from_secs(b.with.each),
        rooms: b.with.rooms,
        joins: b.joins,
        hub_clients: b.hub_clients,
        window: Duration::from_secs(b.window),
        threads,
        only: b.only,
    };
    let report = bench::run(&options).await?;
    report.write(&b.json)?;
    print!("{}", report.table());
    // Missing a bar is shown, not failed: time depends on the machine. Not measuring is a fault.
    Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
