//! The ceiling of forwarding: a bare UDP relay under the same packets at the same rate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::bare::{MEDIA, REGISTER};
use crate::child::Baseline;
use crate::clock;
use crate::measure::media::Plan;
use crate::proc;

/// Bytes of a datagram: 120 of payload plus RTP header, extensions and tag of the real thing.
const DATAGRAM: usize = 150;
/// Packets per second and speaker, as the bots send.
const RATE: u32 = 50;

/// What came out.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Copies received within the window.
    pub received: u64,
    /// Copies expected.
    pub expected: u64,
    /// CPU seconds of the relay.
    pub cpu_secs: f64,
    /// Copies per CPU-second of the relay.
    pub per_cpu_second: f64,
}

/// Runs a plan's rooms, speakers and listeners through a relay process.
///
/// # Errors
/// The relay does not start or a socket cannot be had.
pub async fn run(plan: &Plan) -> Result<Outcome> {
    through(&Baseline::start(&["bare-relay"]).await?, plan).await
}

/// As [`run`] with a relay that runs already.
///
/// # Errors
/// A socket cannot be had.
pub async fn through(relay: &Baseline, plan: &Plan) -> Result<Outcome> {
    let received = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for room in 0..plan.rooms {
        let group = group_of(room);
        for _ in 0..plan.subscribers {
            let socket = register(relay.addr, group).await?;
            tasks.spawn(count(socket, Arc::clone(&received)));
        }
    }
    let sent = Arc::new(AtomicU64::new(0));
    for speaker in 0..plan.rooms * plan.publishers {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(relay.addr).await?;
        let phase = Duration::from_micros(u64::from(speaker) * 7_919 % 20_000);
        tasks.spawn(speak(socket, group_of(speaker / plan.publishers), clock::now() + phase, Arc::clone(&sent)));
    }
    tokio::time::sleep(plan.warmup).await;
    let read = || (received.load(Ordering::Relaxed), sent.load(Ordering::Relaxed));
    let (cpu, before) = (proc::cpu(relay.pid)?, read());
    tokio::time::sleep(plan.window).await;
    let (cpu, after) = ((proc::cpu(relay.pid)? - cpu).as_secs_f64(), read());
    let got = after.0 - before.0;
    Ok(Outcome {
        received: got,
        expected: (after.1 - before.1) * u64::from(plan.subscribers),
        cpu_secs: cpu,
        per_cpu_second: got as f64 / cpu.max(0.01),
    })
}

fn group_of(room: u32) -> [u8; 2] {
    u16::try_from(room).unwrap_or(u16::MAX).to_be_bytes()
}

async fn register(relay: SocketAddr, group: [u8; 2]) -> Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(relay).await?;
    socket.send(&[REGISTER, group[0], group[1]]).await?;
    let mut echo = [0; 8];
    tokio::time::timeout(Duration::from_secs(5), socket.recv(&mut echo)).await.context("relay does not answer")??;
    Ok(socket)
}

async fn count(socket: UdpSocket, received: Arc<AtomicU64>) {
    let mut buf = [0; 2048];
    while socket.recv(&mut buf).await.is_ok() {
        received.fetch_add(1, Ordering::Relaxed);
    }
}

async fn speak(socket: UdpSocket, group: [u8; 2], mut next: Instant, sent: Arc<AtomicU64>) {
    let mut packet = [0xA5; DATAGRAM];
    packet[..3].copy_from_slice(&[MEDIA, group[0], group[1]]);
    loop {
        tokio::time::sleep_until(next.into()).await;
        next += Duration::from_secs(1) / RATE;
        if socket.send(&packet).await.is_ok() {
            sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}
