//! The message hub: what a connection costs, what a delivery costs, and how fast everybody is back; beside a bare axum
//! WebSocket loop.

mod back;
mod crowd;
mod one;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::child::Baseline;
use crate::stage::Stage;
use crowd::Everybody;

/// Everybody is back by then, or something hangs.
const BACK: Duration = Duration::from_secs(120);
/// Type of a signal that the product relays and knows nothing about.
const SIGNAL: u32 = 30_001;

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
        let came = tokio::time::timeout(BACK, back::back(&stage, gone, missed)).await.context("not all are back")?;
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
