//! The message hub: what a connection costs, what a delivery costs, and how fast everybody is back; beside a bare axum
//! WebSocket loop.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};

use crate::child::Baseline;
use crate::clock;
use crate::hist::Hist;
use crate::hub::{Client, Position, Socket, Subscribed, source, token};
use crate::measure::ms;
use crate::proc;
use crate::stage::Stage;

/// Connects under way at once: a crowd that arrives, not a storm.
const AT_ONCE: usize = 64;
/// Everything in flight has arrived or is lost by then.
const DRAIN: Duration = Duration::from_secs(20);
/// Everybody is back by then, or something hangs.
const BACK: Duration = Duration::from_secs(120);
/// Between two looks at counters.
const LOOK: Duration = Duration::from_millis(5);
/// What allocators and kernels do after the last connect is over by then.
const SETTLE: Duration = Duration::from_secs(3);
/// One in so many clients measures delays.
const SAMPLE: usize = 16;
/// Type of a signal that the product relays and knows nothing about.
const SIGNAL: u32 = 30_001;
/// Bytes of `data` in a message.
const DATA: usize = 100;
/// Bytes around `data` in what the hub delivers: the baseline delivers as many.
const AROUND: usize = 330;

/// How large.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Size {
    /// Rooms.
    pub rooms: usize,
    /// Members of each.
    pub members: usize,
    /// Messages per second and room.
    pub rate: f64,
}

/// What sending cost.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sent {
    /// Messages that were accepted.
    pub published: u64,
    /// Messages that were refused.
    pub refused: u64,
    /// Deliveries per second within the window.
    pub per_second: f64,
    /// The same per second of the server's CPU.
    pub per_cpu_second: f64,
    /// Deliveries that never came.
    pub missing: u64,
    /// Middle delay from before the message was sent to its arrival.
    pub p50_ms: f64,
    /// Of 99 %.
    pub p99_ms: f64,
    /// Resident memory after it, bytes.
    pub rss: u64,
}

/// What connections cost.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Opened {
    /// Growth of resident memory per connection, bytes.
    pub bytes: f64,
    /// Server CPU per connection, µs.
    pub cpu_us: f64,
}

/// How the reconnect of everybody went.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Back {
    /// Clients.
    pub clients: usize,
    /// From the first connect to the last recovered subscription.
    pub seconds: f64,
    /// Subscriptions that were told of a loss.
    pub lost: u64,
    /// Publications recovered.
    pub recovered: u64,
    /// Attempts that had to be repeated.
    pub repeated: u64,
    /// Server CPU per connection with its two subscriptions and their recovery, µs.
    pub cpu_us: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    Listen,
    /// Speakers say something each so often.
    Speak(Duration),
    /// Everybody is gone without a word.
    Vanish,
}

#[derive(Default)]
struct Counts {
    received: AtomicU64,
    published: AtomicU64,
    refused: AtomicU64,
    ended: AtomicU64,
    timed: AtomicBool,
    delay: Mutex<Hist>,
}

impl Counts {
    fn delay(&self) -> MutexGuard<'_, Hist> {
        self.delay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom a client belongs to.
#[derive(Debug, Clone)]
enum Home {
    Hub { group: String, room: String, chat: (String, Position) },
    Bare,
}

struct One {
    n: usize,
    home: Home,
    speaks: bool,
    /// In `room:`.
    at: Position,
    counts: Arc<Counts>,
    orders: watch::Receiver<Order>,
}

/// Everybody who is connected.
struct Everybody {
    tasks: JoinSet<Result<One>>,
    counts: Arc<Counts>,
    orders: watch::Sender<Order>,
    size: Size,
    pid: u32,
}

impl Everybody {
    fn new(size: Size, pid: u32) -> Self {
        Self { tasks: JoinSet::new(), counts: Arc::default(), orders: watch::channel(Order::Listen).0, size, pid }
    }

    fn one(&self, n: usize, home: Home, at: Position) -> One {
        let speaks = n < self.size.rooms;
        One { n, home, speaks, at, counts: Arc::clone(&self.counts), orders: self.orders.subscribe() }
    }

    /// Everybody comes in; what that cost.
    async fn enter(&mut self, to: SocketAddr, groups: Option<(&[String], u64)>) -> Result<Opened> {
        let all = self.size.rooms * self.size.members;
        tokio::time::sleep(SETTLE).await;
        let (rss, cpu) = (proc::rss(self.pid)?, proc::cpu(self.pid)?);
        let gate = Arc::new(Semaphore::new(AT_ONCE));
        let mut coming = JoinSet::new();
        for n in 0..all {
            let permit = Arc::clone(&gate).acquire_owned().await?;
            let room = n % self.size.rooms;
            let hub = match groups {
                Some((groups, app)) => Some((groups[room].clone(), token(app, &name(n))?)),
                None => None,
            };
            coming.spawn(async move {
                let came = come(to, n, room, hub).await.with_context(|| format!("client {n}"));
                drop(permit);
                came.map(|(socket, home, at)| (n, socket, home, at))
            });
            while let Some(done) = coming.try_join_next() {
                self.admit(done??);
            }
        }
        while let Some(done) = coming.join_next().await {
            self.admit(done??);
        }
        let cpu = proc::cpu(self.pid)? - cpu;
        // Events of the entering itself are over.
        tokio::time::sleep(SETTLE).await;
        let grown = proc::rss(self.pid)?.saturating_sub(rss);
        Ok(Opened { bytes: grown as f64 / all as f64, cpu_us: cpu.as_secs_f64() * 1e6 / all as f64 })
    }

    fn admit(&mut self, (n, socket, home, at): (usize, Socket, Home, Position)) {
        let one = self.one(n, home, at);
        self.tasks.spawn(one.stay(socket));
    }

    /// One speaker per room for a while.
    async fn speak(&self, window: Duration) -> Result<Sent> {
        let every = Duration::from_secs_f64(1.0 / self.size.rate);
        let c = &self.counts;
        let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let (published, refused, received) = (of(&c.published), of(&c.refused), of(&c.received));
        self.orders.send_replace(Order::Speak(every));
        tokio::time::sleep(window / 3).await;
        *c.delay() = Hist::default();
        c.timed.store(true, Ordering::Relaxed);
        let (begun, cpu, before) = (clock::now(), proc::cpu(self.pid)?, of(&c.received));
        tokio::time::sleep(window).await;
        let (took, cpu) = (clock::now() - begun, proc::cpu(self.pid)? - cpu);
        let arrived = of(&c.received) - before;
        c.timed.store(false, Ordering::Relaxed);
        self.orders.send_replace(Order::Listen);
        let deadline = clock::now() + DRAIN;
        let missing = loop {
            let wanted = (of(&c.published) - published) * self.size.members as u64;
            let missing = wanted.saturating_sub(of(&c.received) - received);
            let quiet = of(&c.received);
            tokio::time::sleep(LOOK * 40).await;
            if missing == 0 && quiet == of(&c.received) || clock::now() > deadline {
                break missing;
            }
        };
        let delay = c.delay();
        if of(&c.ended) > 0 {
            bail!("{} clients lost their connection", of(&c.ended));
        }
        Ok(Sent {
            published: of(&c.published) - published,
            refused: of(&c.refused) - refused,
            per_second: arrived as f64 / took.as_secs_f64(),
            per_cpu_second: arrived as f64 / cpu.as_secs_f64().max(0.01),
            missing,
            p50_ms: ms(delay.quantile(0.5)),
            p99_ms: ms(delay.quantile(0.99)),
            rss: proc::rss(self.pid)?,
        })
    }

    /// Everybody is gone.
    async fn vanish(mut self) -> Result<Vec<One>> {
        self.orders.send_replace(Order::Vanish);
        let mut all = Vec::new();
        while let Some(one) = self.tasks.join_next().await {
            all.push(one??);
        }
        Ok(all)
    }
}

fn name(n: usize) -> String {
    format!("load-{n}")
}

async fn come(
    to: SocketAddr,
    n: usize,
    room: usize,
    hub: Option<(String, String)>,
) -> Result<(Socket, Home, Position)> {
    let from = source(n);
    let Some((group, token)) = hub else {
        return Ok((Socket::open(to, &format!("/ws/{room}"), from).await?, Home::Bare, Position::default()));
    };
    let mut client = Client::connect(to, from, &token).await?;
    if group.is_empty() {
        let home = Home::Hub { group, room: String::new(), chat: (String::new(), Position::default()) };
        return Ok((client.socket, home, Position::default()));
    }
    let [(room, a), (chat, b)] = client.join(&group).await?;
    Ok((client.socket, Home::Hub { group, room, chat: (chat, b.position) }, a.position))
}

impl One {
    /// Stays until it is told to go; answers with what it needs to come back.
    async fn stay(mut self, mut socket: Socket) -> Result<Self> {
        let mut timer: Option<Interval> = None;
        loop {
            tokio::select! {
                biased;
                changed = self.orders.changed() => {
                    let order = if changed.is_err() { Order::Vanish } else { *self.orders.borrow_and_update() };
                    match order {
                        Order::Listen => timer = None,
                        Order::Speak(every) if self.speaks => {
                            let phase = every.mul_f64((self.n * 7_919 % 1_000) as f64 / 1_000.0);
                            let mut t = tokio::time::interval_at((clock::now() + phase).into(), every);
                            t.set_missed_tick_behavior(MissedTickBehavior::Skip);
                            timer = Some(t);
                        }
                        Order::Speak(_) => {}
                        Order::Vanish => {
                            socket.cut();
                            return Ok(self);
                        }
                    }
                }
                () = tick(&mut timer) => {
                    let said = self.say();
                    socket.send(&said).await?;
                }
                frame = socket.next() => {
                    let pings = match frame {
                        Ok(Some(frame)) => take(frame, self.n, &mut self.at, &self.counts),
                        _ => {
                            self.counts.ended.fetch_add(1, Ordering::Relaxed);
                            return Ok(self);
                        }
                    };
                    for _ in 0..pings {
                        socket.send(b"{}").await?;
                    }
                }
            }
        }
    }

    fn say(&self) -> Vec<u8> {
        let stamp = clock::nanos();
        let data = format!("{{\"stamp\":{stamp},\"pad\":\"{:1$}\"}}", "", DATA - 46);
        match &self.home {
            Home::Hub { group, .. } => json!({"id": 1_000_000, "rpc": {"method": "group.send",
                    "data": {"groupId": group, "type": SIGNAL, "data": data}}})
            .to_string()
            .into_bytes(),
            Home::Bare => {
                self.counts.published.fetch_add(1, Ordering::Relaxed);
                format!("{{\"push\":{}{:2$}}}", json!(data), "", AROUND).into_bytes()
            }
        }
    }

    /// Connects, subscribes to both channels where it was, and checks that nothing is missing.
    async fn come_back(&self, to: SocketAddr, token: &str, repeated: &AtomicU64) -> Result<(Client, [Subscribed; 2])> {
        let Home::Hub { room, chat, .. } = &self.home else { bail!("a client of the hub") };
        let mut tries = 0;
        loop {
            let came = async {
                let mut client = Client::connect(to, source(self.n), token).await?;
                let since = [Some(self.at.clone()), Some(chat.1.clone())];
                let got = client.enter([room, &chat.0], since).await?;
                anyhow::Ok((client, got))
            };
            match came.await {
                Ok((client, got)) => {
                    let [first, _] = &got;
                    let offsets = first.missed.iter().map(|p| p["offset"].as_u64().unwrap_or(0));
                    if first.recovered && !offsets.eq(self.at.offset + 1..=first.position.offset) {
                        bail!("a gap that nobody was told of");
                    }
                    return Ok((client, got));
                }
                Err(e) if tries == 20 => return Err(e),
                Err(_) => {
                    tries += 1;
                    repeated.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(100 + (self.n % 100) as u64)).await;
                }
            }
        }
    }
}

async fn tick(timer: &mut Option<Interval>) {
    match timer {
        Some(t) => {
            t.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// Counts what a frame holds; answers how many pings are in it.
fn take(frame: &[u8], n: usize, at: &mut Position, counts: &Counts) -> usize {
    let (mut pings, mut received) = (0, 0);
    let timed = n.is_multiple_of(SAMPLE) && counts.timed.load(Ordering::Relaxed);
    for line in frame.split(|b| *b == b'\n') {
        if line == b"{}" {
            pings += 1;
        } else if line.starts_with(b"{\"push\"") {
            if let Some(stamp) = number_after(line, b"stamp\\\":") {
                received += 1;
                if timed {
                    counts.delay().add(Duration::from_nanos(clock::nanos().saturating_sub(stamp)));
                }
            }
            if line.starts_with(b"{\"push\":{\"channel\":\"room:")
                && let Some(offset) = number_after(&line[line.len().saturating_sub(40)..], b"\"offset\":")
            {
                at.offset = offset;
            }
        } else if line.starts_with(b"{\"id\":1000000,") {
            let of = if line.windows(7).any(|w| w == b"\"error\"") { &counts.refused } else { &counts.published };
            of.fetch_add(1, Ordering::Relaxed);
        }
    }
    if received > 0 {
        counts.received.fetch_add(received, Ordering::Relaxed);
    }
    pings
}

fn number_after(line: &[u8], what: &[u8]) -> Option<u64> {
    let from = line.windows(what.len()).position(|w| w == what)? + what.len();
    let digits = line[from..].iter().take_while(|b| b.is_ascii_digit());
    Some(digits.fold(0, |n, d| n * 10 + u64::from(d - b'0')))
}

/// All figures of one kind of crowd.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    /// Opening everybody.
    pub opened: Opened,
    /// At the rate of the size.
    pub sent: Sent,
    /// At a rate of its own, if one was asked for.
    pub slow: Option<Sent>,
    /// Everybody back.
    pub back: Option<Back>,
}

/// Idle connections that are connected and in no group.
///
/// # Errors
/// As [`Stage::with_rooms`], and lost connections.
pub async fn idle(binary: &Path, dir: &Path, clients: usize) -> Result<Opened> {
    let stage = Stage::with_rooms(binary, dir, 0).await?;
    let mut all = Everybody::new(Size { rooms: 1, members: clients, rate: 1.0 }, stage.server.pid);
    let opened = all.enter(stage.server.addr, Some((&[String::new()], stage.app))).await?;
    all.vanish().await?;
    stage.server.stop().await?;
    Ok(opened)
}

/// Everybody joins, speakers speak, everybody is dropped and comes back.
///
/// # Errors
/// As [`idle`].
pub async fn through(
    binary: &Path,
    dir: &Path,
    size: Size,
    slow: Option<f64>,
    window: Duration,
    missed: Option<u64>,
) -> Result<Figures> {
    let stage = Stage::with_rooms(binary, dir, size.rooms).await?;
    let mut all = Everybody::new(size, stage.server.pid);
    let mut figures =
        Figures { opened: all.enter(stage.server.addr, Some((&stage.groups, stage.app))).await?, ..Figures::default() };
    eprintln!("  {size:?}: in, {:?}", figures.opened);
    if let Some(rate) = slow {
        let fast = std::mem::replace(&mut all.size.rate, rate);
        figures.slow = Some(all.speak(window).await?);
        all.size.rate = fast;
    }
    figures.sent = all.speak(window).await?;
    eprintln!("  {:?} {:?}", figures.slow, figures.sent);
    let gone = all.vanish().await?;
    if let Some(missed) = missed {
        let came = tokio::time::timeout(BACK, back(&stage, gone, missed)).await.context("not all are back")?;
        figures.back = Some(came?);
    }
    stage.server.stop().await?;
    Ok(figures)
}

/// The same crowd on the bare loop.
///
/// # Errors
/// As [`idle`].
pub async fn bare(size: Size, buffer: usize, window: Option<Duration>) -> Result<Figures> {
    let base = Baseline::start(&["bare-ws", &buffer.to_string()]).await?;
    let mut all = Everybody::new(size, base.pid);
    let opened = all.enter(base.addr, None).await?;
    let sent = match window {
        Some(window) => all.speak(window).await?,
        None => Sent::default(),
    };
    all.vanish().await?;
    Ok(Figures { opened, sent, ..Figures::default() })
}

/// Everybody was dropped; something happens; everybody comes back at once.
async fn back(stage: &Stage, gone: Vec<One>, missed: u64) -> Result<Back> {
    let to = stage.server.addr;
    for group in &stage.groups {
        let mut speaker = Client::connect(to, source(0), &token(stage.app, "load-speaker")?).await?;
        speaker.join(group).await?;
        for n in 0..missed {
            let data = json!({ "n": n }).to_string();
            speaker.call("group.send", json!({"groupId": group, "type": SIGNAL, "data": data})).await?;
        }
    }
    let tokens: Vec<String> = gone.iter().map(|o| token(stage.app, &name(o.n))).collect::<Result<_>>()?;
    let repeated = Arc::new(AtomicU64::new(0));
    let clients = gone.len();
    let (cpu, begun) = (proc::cpu(stage.server.pid)?, clock::now());
    let mut tasks = JoinSet::new();
    for (one, token) in gone.into_iter().zip(tokens) {
        let repeated = Arc::clone(&repeated);
        tasks.spawn(async move {
            let (client, got) = one.come_back(to, &token, &repeated).await?;
            anyhow::Ok((clock::now(), client, got))
        });
    }
    let mut out = Back { clients, ..Back::default() };
    let (mut last, mut stay): (Instant, Vec<Client>) = (begun, Vec::new());
    while let Some(done) = tasks.join_next().await {
        let (at, client, got) = done??;
        last = last.max(at);
        stay.push(client);
        for s in got {
            out.lost += u64::from(!s.recovered);
            out.recovered += s.missed.len() as u64;
        }
    }
    out.seconds = (last - begun).as_secs_f64();
    out.cpu_us = (proc::cpu(stage.server.pid)? - cpu).as_secs_f64() * 1e6 / clients as f64;
    out.repeated = repeated.load(Ordering::Relaxed);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_without_reading_them_whole() {
        let counts = Counts::default();
        let mut at = Position::default();
        let push = |offset: u64| {
            let data = json!({"stamp": 17}).to_string();
            json!({"push": {"channel": "room:x", "pub": {"data": {"data": data, "kind": "message"}, "offset": offset}}})
        };
        let frame = format!("{}\n{{}}\n{}\n{{\"id\":1000000,\"rpc\":{{}}}}", push(4), push(5));
        assert_eq!(take(frame.as_bytes(), 1, &mut at, &counts), 1);
        assert_eq!(at.offset, 5);
        assert_eq!(counts.received.load(Ordering::Relaxed), 2);
        assert_eq!(counts.published.load(Ordering::Relaxed), 1);
        let refused = br#"{"id":1000000,"error":{"code":1429,"message":"too fast"}}"#;
        assert_eq!(take(refused, 1, &mut at, &counts), 0);
        assert_eq!(counts.refused.load(Ordering::Relaxed), 1);
    }
}
