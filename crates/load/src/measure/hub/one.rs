//! One client of the crowd.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use super::SIGNAL;
use crate::clock;
use crate::hist::Hist;
use crate::hub::{Position, Socket};

/// One in so many clients measures delays.
const SAMPLE: usize = 16;
/// Bytes of `data` in a message.
const DATA: usize = 100;
/// Bytes around `data` in what the hub delivers: the baseline delivers as many.
const AROUND: usize = 330;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Order {
    Listen,
    /// Speakers say something each so often.
    Speak(Duration),
    /// Everybody is gone without a word.
    Vanish,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) received: AtomicU64,
    pub(super) published: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) ended: AtomicU64,
    pub(super) timed: AtomicBool,
    pub(super) delay: Mutex<Hist>,
}

impl Counts {
    pub(super) fn delay(&self) -> MutexGuard<'_, Hist> {
        self.delay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom a client belongs to.
#[derive(Debug, Clone)]
pub(super) enum Home {
    Hub { group: String, room: String, chat: (String, Position) },
    Bare,
}

pub(super) struct One {
    pub(super) n: usize,
    pub(super) home: Home,
    pub(super) speaks: bool,
    /// In `room:`.
    pub(super) at: Position,
    pub(super) counts: Arc<Counts>,
    pub(super) orders: watch::Receiver<Order>,
}

impl One {
    /// Stays until it is told to go; answers with what it needs to come back.
    pub(super) async fn stay(mut self, mut socket: Socket) -> Result<Self> {
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
