//! Forwarded audio packets per server CPU-second, loss and added delay (media.md 9.2).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::bot::{Bot, Config, Publish};
use crate::clock;
use crate::hist::Hist;
use crate::link::Transport;
use crate::measure::ms;
use crate::proc::{self, Machine};
use crate::stats::Meter;
use crate::token::{Grant, mint};

/// Joins under way at once. More would measure the handshake's CPU peak, not the steady state.
const JOINS: usize = 16;
/// How long the whole set may take to be up and hearing.
const UP: Duration = Duration::from_secs(60);
/// How long packets sent at the end of the window may still be on their way.
const DRAIN: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `ws://host:port`.
    pub url: String,
    /// App key.
    pub key: String,
    /// App secret.
    pub secret: String,
    /// Channels.
    pub rooms: u32,
    /// Speakers in each.
    pub publishers: u32,
    /// Listeners in each.
    pub subscribers: u32,
    /// Before measuring.
    pub warmup: Duration,
    /// The measuring window.
    pub window: Duration,
    /// UDP or TCP.
    pub transport: Transport,
    /// Process to account for, if it is on this machine.
    pub pid: Option<u32>,
}

/// What came out.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Speakers in all.
    pub publishers: u32,
    /// Listeners in all.
    pub subscribers: u32,
    /// Packets that bots sent within the window.
    pub sent: u64,
    /// Packets that should have come: sent times listeners of the room.
    pub expected: u64,
    /// Packets that came.
    pub received: u64,
    /// Share that did not come.
    pub loss: f64,
    /// Packets the bots' own sockets had no room for.
    pub unsent: u64,
    /// Received per second.
    pub per_second: f64,
    /// CPU seconds of the server within the window.
    pub server_cpu_secs: Option<f64>,
    /// CPU seconds of the bots within the window.
    pub bots_cpu_secs: f64,
    /// Received per CPU-second of the server.
    pub per_cpu_second: Option<f64>,
    /// Added delay, milliseconds.
    pub delay_p50_ms: f64,
    /// Added delay, milliseconds.
    pub delay_p99_ms: f64,
    /// Idle share of the machine before the run, 0 to 1.
    pub idle_before: f64,
    /// Idle share of the machine within the window.
    pub idle: f64,
    /// Softirq share of the machine within the window.
    pub softirq: f64,
}

/// Joins everybody, waits until all hear all, measures.
///
/// # Errors
/// Somebody could not join or hears nothing.
pub async fn run(plan: &Plan) -> Result<Outcome> {
    let idle_before = idle_for(Duration::from_secs(1)).await?;
    let meter = Arc::new(Meter::default());
    let speakers = join_all(plan, &meter, true).await?;
    let listeners = join_all(plan, &meter, false).await?;
    let limit = clock::now() + UP;
    for bot in &listeners {
        let left = limit.saturating_duration_since(clock::now());
        let all = plan.publishers as usize;
        bot.wait("hearing every speaker", left, |v| v.media.subs.values().filter(|s| s.packets > 0).count() >= all)
            .await?;
    }
    tokio::time::sleep(plan.warmup).await;

    let cpu = |pid: Option<u32>| pid.map(proc::cpu).transpose();
    let (machine, server, own, from) = (Machine::read()?, cpu(plan.pid)?, proc::cpu(std::process::id())?, clock::now());
    meter.open();
    tokio::time::sleep(plan.window).await;
    meter.close();
    let took = clock::now() - from;
    let server_cpu = cpu(plan.pid)?.zip(server).map(|(now, then)| (now - then).as_secs_f64());
    let bots_cpu = (proc::cpu(std::process::id())? - own).as_secs_f64();
    let (idle, softirq) = Machine::read()?.since(&machine);
    tokio::time::sleep(DRAIN).await;

    let mut delay = Hist::default();
    let (mut received, mut unsent) = (0, 0);
    for bot in listeners.iter().chain(&speakers) {
        bot.view(|v| {
            received += v.media.window_packets;
            unsent += v.media.unsent;
            delay.merge(&v.media.window_delay);
        });
    }
    let ended: Vec<String> = listeners
        .iter()
        .chain(&speakers)
        .filter_map(|b| b.view(|v| v.ended.then(|| format!("{:?}", v.fault))))
        .collect();
    if let Some(first) = ended.first() {
        bail!("{} of the bots did not survive the window; one: {first}", ended.len());
    }
    leave_all(listeners.into_iter().chain(speakers)).await;

    let expected = meter.sent() * u64::from(plan.subscribers);
    Ok(Outcome {
        publishers: plan.rooms * plan.publishers,
        subscribers: plan.rooms * plan.subscribers,
        sent: meter.sent(),
        expected,
        received,
        loss: 1.0 - received as f64 / (expected.max(1)) as f64,
        unsent,
        per_second: received as f64 / took.as_secs_f64(),
        server_cpu_secs: server_cpu,
        bots_cpu_secs: bots_cpu,
        per_cpu_second: server_cpu.map(|s| received as f64 / s.max(0.01)),
        delay_p50_ms: ms(delay.quantile(0.5)),
        delay_p99_ms: ms(delay.quantile(0.99)),
        idle_before,
        idle,
        softirq,
    })
}

/// Idle share of the machine over a span.
///
/// # Errors
/// No `/proc`.
pub async fn idle_for(span: Duration) -> Result<f64> {
    let before = Machine::read()?;
    tokio::time::sleep(span).await;
    Ok(Machine::read()?.since(&before).0)
}

async fn join_all(plan: &Plan, meter: &Arc<Meter>, speak: bool) -> Result<Vec<Bot>> {
    let each = if speak { plan.publishers } else { plan.subscribers };
    let mut todo = Vec::new();
    for room in 0..plan.rooms {
        for n in 0..each {
            let channel = format!("load-{room}");
            let identity = format!("{}{room}-{n}", if speak { "speaker" } else { "listener" });
            let grant = if speak { Grant::speaker(&channel, &identity) } else { Grant::listener(&channel, &identity) };
            let config = Config {
                transport: plan.transport,
                auto_subscribe: !speak,
                meter: Arc::clone(meter),
                ..Config::new(&plan.url, &mint(&plan.key, &plan.secret, &grant)?)
            };
            todo.push((config, u64::from(room * each + n)));
        }
    }
    let (mut joining, mut bots) = (JoinSet::new(), Vec::with_capacity(todo.len()));
    let mut todo = todo.into_iter();
    loop {
        while joining.len() < JOINS
            && let Some((config, tag)) = todo.next()
        {
            joining.spawn(enter(config, speak.then(|| Publish::microphone(tag))));
        }
        let Some(done) = joining.join_next().await else { return Ok(bots) };
        bots.push(done??);
    }
}

async fn enter(config: Config, publish: Option<Publish>) -> Result<Bot> {
    let bot = Bot::join(config).await.context("joining")?;
    if let Some(publish) = publish {
        bot.publish(publish).await.context("publishing")?;
        bot.wait("the publisher connection", UP, |v| v.publisher_up.is_some()).await?;
    }
    Ok(bot)
}

async fn leave_all(bots: impl Iterator<Item = Bot>) {
    let mut leaving: JoinSet<()> = bots.map(Bot::leave).collect();
    while leaving.join_next().await.is_some() {}
}

/// The address behind a `ws://host:port` URL.
///
/// # Errors
/// Not such a URL.
pub fn addr_of(url: &str) -> Result<SocketAddr> {
    let host = ["ws://", "http://"].iter().find_map(|p| url.strip_prefix(p)).unwrap_or(url);
    host.trim_end_matches('/').parse().map_err(|_| anyhow!("{url}: an address and port are needed"))
}
