//! Everybody comes back at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;
use tokio::task::JoinSet;

use super::crowd::name;
use super::one::{Home, One};
use super::{Back, SIGNAL};
use crate::clock;
use crate::hub::{Client, Subscribed, source, token};
use crate::proc;
use crate::stage::Stage;

impl One {
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

/// Everybody was dropped; something happens; everybody comes back at once.
pub(super) async fn back(stage: &Stage, gone: Vec<One>, missed: u64) -> Result<Back> {
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
