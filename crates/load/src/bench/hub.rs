//! The rows of the message hub.

use anyhow::Result;
use serde_json::json;

use super::Options;
use crate::measure::hub::{self, Sent, Size};
use crate::report::Row;

/// Members of a small room.
const SMALL: usize = 10;
/// Messages per second of a small room: a lively chat.
const SMALL_RATE: f64 = 2.0;
/// Messages per second of the large room: comments of thousands of people.
const LARGE_RATE: f64 = 100.0;
/// Messages per second at which the bare loop still keeps up in a room of ten thousand on a small machine. What it pays
/// per delivery does not depend on it, because it never batches.
const BARE_RATE: f64 = 5.0;
/// Messages everybody has missed when everybody comes back.
const MISSED: u64 = 10;
/// Rounds of the small rooms, ours and the bare loop in turn; the middle one counts. What the rest of the machine does
/// changes the price of a wake-up by more than the two differ.
const ROUNDS: usize = 3;
/// Read buffer of the tuned bare loop, bytes: the hub's own.
const TUNED: usize = 1_024;
/// Targets.
const IDLE_BYTES: f64 = 10.0 * 1024.0;
const CONNECT_US: f64 = 150.0;
const BACK_SECS: f64 = 3.0;

fn kb(bytes: f64) -> String {
    format!("{:.1} KB", bytes / 1024.0)
}

fn us(us: f64) -> String {
    format!("{us:.0} µs")
}

fn per_cpu(s: &Sent) -> String {
    format!("{:.0} ({:.0}/s)", s.per_cpu_second, s.per_second)
}

fn delays(s: &Sent) -> String {
    format!("p50 {:.0} ms, p99 {:.0} ms", s.p50_ms, s.p99_ms)
}

pub(super) async fn idle(o: &Options) -> Result<Vec<Row>> {
    let n = o.hub_clients;
    let size = Size { rooms: 1, members: n, rate: 1.0 };
    let ours = hub::idle(&o.binary, &o.dir, n).await?;
    let bare = hub::bare(size, 0, None).await?.opened;
    let tuned = hub::bare(size, TUNED, None).await?.opened;
    Ok(vec![
        Row::new(&format!("hub: memory per idle connection, {n} connected, in no group"), kb(ours.bytes))
            .against(format!("{} (bare axum), {} (tuned)", kb(bare.bytes), kb(tuned.bytes)), ours.bytes / tuned.bytes)
            .bar("≤ 10 KB", ours.bytes <= IDLE_BYTES)
            .raw(json!({"ours": ours, "bare": bare, "bare_tuned": tuned})),
        Row::new("  server CPU per connection: upgrade, token, connect", us(ours.cpu_us))
            .against(format!("{} (bare axum, tuned: upgrade)", us(tuned.cpu_us)), ours.cpu_us / tuned.cpu_us),
    ])
}

pub(super) async fn large(o: &Options) -> Result<Vec<Row>> {
    let n = o.hub_clients;
    let size = Size { rooms: 1, members: n, rate: LARGE_RATE };
    let ours = hub::through(&o.binary, &o.dir, size, Some(BARE_RATE), o.window, Some(MISSED)).await?;
    let bare = hub::bare(Size { rate: BARE_RATE, ..size }, TUNED, Some(o.window)).await?;
    let (slow, back) = (ours.slow.clone().unwrap_or_default(), ours.back.clone().unwrap_or_default());
    let base = || format!("{} (bare axum, {BARE_RATE} messages/s)", per_cpu(&bare.sent));
    let ratio = |s: &Sent| s.per_cpu_second / bare.sent.per_cpu_second;
    let complete = back.lost == 0 && ours.sent.missing == 0 && slow.missing == 0;
    Ok(vec![
        Row::new(&format!("hub: memory per connection in room: and chat:, {n} in one room"), kb(ours.opened.bytes))
            .against(format!("{} (bare axum, tuned)", kb(bare.opened.bytes)), ours.opened.bytes / bare.opened.bytes)
            .bar("≤ 10 KB", ours.opened.bytes <= IDLE_BYTES),
        Row::new("  server CPU per connection: upgrade, connect, group.join, two subscribes", us(ours.opened.cpu_us))
            .against(us(bare.opened.cpu_us), ours.opened.cpu_us / bare.opened.cpu_us),
        Row::new(
            &format!("hub: deliveries per server CPU-second, one room of {n}, {LARGE_RATE} messages/s"),
            per_cpu(&ours.sent),
        )
        .against(base(), ratio(&ours.sent))
        .bar("≥ 3×", ratio(&ours.sent) >= 3.0)
        .raw(json!({"ours": ours, "bare": bare})),
        Row::new(&format!("  {}, resident {:.0} MB", "delay", ours.sent.rss as f64 / 1e6), delays(&ours.sent))
            .against(delays(&bare.sent), ours.sent.p50_ms / bare.sent.p50_ms),
        Row::new(&format!("  the same at {BARE_RATE} messages/s: next to nothing to batch"), per_cpu(&slow))
            .against(base(), ratio(&slow)),
        Row::new("  delay", delays(&slow)).against(delays(&bare.sent), slow.p50_ms / bare.sent.p50_ms),
        Row::new(
            &format!("hub: {n} dropped, {MISSED} messages missed, all back and recovered"),
            format!("{:.1} s, {} told of a loss, {} recovered", back.seconds, back.lost, back.recovered),
        )
        .bar("< 3 s, none lost", back.seconds < BACK_SECS && complete)
        .raw(json!(back)),
        Row::new("  server CPU per connection: upgrade, connect, two subscribes with recovery", us(back.cpu_us))
            .bar("≤ 150 µs (target)", back.cpu_us <= CONNECT_US),
    ])
}

pub(super) async fn small(o: &Options) -> Result<Vec<Row>> {
    let rooms = (o.hub_clients / SMALL).max(1);
    let size = Size { rooms, members: SMALL, rate: SMALL_RATE };
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let ours = hub::through(&o.binary, &o.dir, size, None, o.window, None).await?;
        let bare = hub::bare(size, TUNED, Some(o.window)).await?;
        rounds.push((ours.sent.per_cpu_second / bare.sent.per_cpu_second, ours, bare));
    }
    let missing: u64 = rounds.iter().map(|(_, ours, _)| ours.sent.missing).sum();
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let range = format!("{:.2}–{:.2}", rounds[0].0, rounds[ROUNDS - 1].0);
    let (ratio, ours, bare) = rounds.swap_remove(ROUNDS / 2);
    Ok(vec![
        Row::new(&format!("hub: memory per connection, {rooms} rooms of {SMALL}"), kb(ours.opened.bytes))
            .against(format!("{} (bare axum, tuned)", kb(bare.opened.bytes)), ours.opened.bytes / bare.opened.bytes),
        Row::new("  server CPU per connection: upgrade, connect, group.join, two subscribes", us(ours.opened.cpu_us))
            .against(us(bare.opened.cpu_us), ours.opened.cpu_us / bare.opened.cpu_us),
        Row::new(
            &format!("hub: deliveries per server CPU-second, {rooms} rooms of {SMALL}, {SMALL_RATE} messages/s each"),
            per_cpu(&ours.sent),
        )
        .against(format!("{} (bare axum; ratios {range})", per_cpu(&bare.sent)), ratio)
        .bar("≥ 1×, none missing", ratio >= 1.0 && missing == 0)
        .raw(json!({"ours": ours, "bare": bare})),
        Row::new("  delay", delays(&ours.sent)).against(delays(&bare.sent), ours.sent.p50_ms / bare.sent.p50_ms),
    ])
}
