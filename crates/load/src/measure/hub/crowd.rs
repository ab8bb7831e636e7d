//! Everybody who is connected.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::one::{Counts, Home, One, Order};
use super::{Opened, Sent, Size};
use crate::clock;
use crate::hist::Hist;
use crate::hub::{Client, Position, Socket, source, token};
use crate::measure::ms;
use crate::proc;

/// Connects under way at once: a crowd that arrives, not a storm.
const AT_ONCE: usize = 64;
/// Everything in flight has arrived or is lost by then.
const DRAIN: Duration = Duration::from_secs(20);
/// Between two looks at counters.
const LOOK: Duration = Duration::from_millis(5);
/// What allocators and kernels do after the last connect is over by then.
const SETTLE: Duration = Duration::from_secs(3);

/// Everybody who is connected.
pub(super) struct Everybody {
    tasks: JoinSet<Result<One>>,
    counts: Arc<Counts>,
    orders: watch::Sender<Order>,
    pub(super) size: Size,
    pid: u32,
}

impl Everybody {
    pub(super) fn new(size: Size, pid: u32) -> Self {
        Self { tasks: JoinSet::new(), counts: Arc::default(), orders: watch::channel(Order::Listen).0, size, pid }
    }

    fn one(&self, n: usize, home: Home, at: Position) -> One {
        let speaks = n < self.size.rooms;
        One { n, home, speaks, at, counts: Arc::clone(&self.counts), orders: self.orders.subscribe() }
    }

    /// Everybody comes in; what that cost.
    pub(super) async fn enter(&mut self, to: SocketAddr, groups: Option<(&[String], u64)>) -> Result<Opened> {
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
    pub(super) async fn speak(&self, window: Duration) -> Result<Sent> {
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
    pub(super) async fn vanish(mut self) -> Result<Vec<One>> {
        self.orders.send_replace(Order::Vanish);
        let mut all = Vec::new();
        while let Some(one) = self.tasks.join_next().await {
            all.push(one??);
        }
        Ok(all)
    }
}

pub(super) fn name(n: usize) -> String {
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
