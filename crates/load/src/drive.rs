//! `stoa-load drive`: bots at the command of another program. Orders come as JSON lines, answers go out as JSON lines in
//! the order in which they are known, each with the order's number. At the end of the input, or when the process is
//! killed, all bots vanish without goodbye.
//!
//! | order | fields | answer besides `n` |
//! |---|---|---|
//! | `join` | `bot`, `url`, `token` | `sid`, `identity`; the subscriber connection is up unless `early` |
//! | `publish` | `bot`, `tag`, `stubborn`, `unannounced`, `rate` | `track` |
//! | `pause` | `bot`, `tag`, `paused` | |
//! | `cut` | `bot` | signalling socket closed, media goes on |
//! | `resume` | `bot`, `token` (newest by default) | |
//! | `leave` / `vanish` | `bot` | `at`, unix seconds |
//! | `hear` | `bot`, `tag`, `packets`, `limit_ms` | so many new packets of that sender arrived |
//! | `gone` | `bot`, `limit_ms` | `reason`, `action` of the server's `leave` |
//! | `view` | `bot` | what the bot knows, see [`shown`] |
//!
//! A failed order answers `error`, and `status` if the door refused with one.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::bot::{Bot, Config, Publish, View};
use crate::clock;
use crate::signal::JoinError;
use crate::stats::SubStats;

/// How long a bot's media may take to come up. SDKs give up at 15 s.
const UP: Duration = Duration::from_secs(15);
/// Longest wait of an order that names none.
const LIMIT_MS: u64 = 10_000;
/// Orders read ahead. They are taken up at once, so this only smooths bursts.
const ORDERS: usize = 64;

/// One order.
#[derive(Debug, Deserialize)]
struct Order {
    n: u64,
    #[serde(rename = "do")]
    what: String,
    #[serde(default)]
    bot: String,
    #[serde(default)]
    url: String,
    token: Option<String>,
    #[serde(default)]
    tag: u64,
    rate: Option<u32>,
    #[serde(default)]
    stubborn: bool,
    #[serde(default)]
    unannounced: bool,
    #[serde(default)]
    early: bool,
    #[serde(default)]
    paused: bool,
    #[serde(default)]
    packets: u64,
    limit_ms: Option<u64>,
}

type Bots = Arc<Mutex<HashMap<String, Arc<Bot>>>>;

/// Serves until the input ends.
///
/// # Errors
/// The input cannot be read or holds no order, or the output is gone.
pub async fn serve() -> Result<()> {
    let (orders, mut inbox) = mpsc::channel(ORDERS);
    // A thread of its own: reading standard input blocks, also at the end of the process.
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            if orders.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let bots = Bots::default();
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            line = inbox.recv() => {
                let Some(line) = line.transpose()? else { return Ok(()) };
                let order: Order = serde_json::from_str(&line).with_context(|| format!("no order: {line}"))?;
                let bots = Arc::clone(&bots);
                under_way.spawn(async move {
                    let n = order.n;
                    let mut answer = obey(order, &bots).await.unwrap_or_else(|e| failed(&e));
                    answer["n"] = n.into();
                    answer
                });
            }
            Some(done) = under_way.join_next() => writeln!(std::io::stdout(), "{}", done?)?,
        }
    }
}

fn failed(e: &anyhow::Error) -> Value {
    match e.downcast_ref::<JoinError>() {
        Some(JoinError::Refused { status, text }) => json!({ "error": text, "status": status }),
        Some(JoinError::Left { reason, action }) => json!({ "error": "left", "reason": reason, "action": action }),
        _ => json!({ "error": format!("{e:#}") }),
    }
}

async fn obey(o: Order, bots: &Bots) -> Result<Value> {
    if o.what == "join" {
        return join(o, bots).await;
    }
    if o.what == "leave" || o.what == "vanish" {
        return end(&o, bots).await;
    }
    let bot = lock(bots).get(&o.bot).cloned().with_context(|| format!("no bot {}", o.bot))?;
    let limit = Duration::from_millis(o.limit_ms.unwrap_or(LIMIT_MS));
    match o.what.as_str() {
        "publish" => {
            let mic = Publish::microphone(o.tag);
            let rate = o.rate.unwrap_or(mic.rate);
            let track = bot.publish(Publish { announce: !o.unannounced, stubborn: o.stubborn, rate, ..mic }).await?;
            return Ok(json!({ "track": track }));
        }
        "pause" => bot.pause(&Publish::microphone(o.tag).cid, o.paused).await?,
        "cut" => {
            bot.cut_signal().await?;
            bot.wait("the socket's end", limit, |v| v.signal_lost).await?;
        }
        "resume" => match &o.token {
            Some(token) => bot.resume_with(token).await?,
            None => bot.resume().await?,
        },
        "hear" => {
            let want = bot.view(|v| heard(v, o.tag)) + o.packets.max(1);
            bot.wait(&format!("{} packets of {}", o.packets, o.tag), limit, |v| heard(v, o.tag) >= want).await?;
        }
        "gone" => {
            bot.wait("the server's leave", limit, |v| v.left.is_some()).await?;
            let (reason, action) = bot.view(|v| v.left).unwrap_or_default();
            return Ok(json!({ "reason": reason, "action": action }));
        }
        "view" => return Ok(bot.view(shown)),
        other => return Err(anyhow!("no order `{other}`")),
    }
    Ok(json!({}))
}

async fn join(o: Order, bots: &Bots) -> Result<Value> {
    let token = o.token.context("join needs a token")?;
    let bot = Bot::join(Config::new(&o.url, &token)).await?;
    if !o.early {
        bot.wait("the subscriber connection", UP, |v| v.subscriber_up.is_some()).await?;
    }
    let answer = bot.view(|v| json!({ "sid": v.sid, "identity": v.identity }));
    lock(bots).insert(o.bot, Arc::new(bot));
    Ok(answer)
}

async fn end(o: &Order, bots: &Bots) -> Result<Value> {
    let bot = lock(bots).remove(&o.bot).with_context(|| format!("no bot {}", o.bot))?;
    let bot = Arc::into_inner(bot).with_context(|| format!("{} is busy with another order", o.bot))?;
    let at = clock::unix_now();
    if o.what == "leave" {
        bot.leave().await;
    } else {
        drop(bot);
    }
    Ok(json!({ "at": at }))
}

fn lock(bots: &Bots) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Bot>>> {
    bots.lock().unwrap_or_else(PoisonError::into_inner)
}

fn of_sender(view: &View, tag: u64) -> impl Iterator<Item = &SubStats> {
    view.media.subs.values().filter(move |s| s.tag == Some(tag))
}

fn heard(view: &View, tag: u64) -> u64 {
    of_sender(view, tag).map(|s| s.packets).sum()
}

/// Everything about the bot that a test may ask.
fn shown(v: &View) -> Value {
    let mut senders: HashMap<u64, Value> = HashMap::new();
    for tag in v.media.subs.values().filter_map(|s| s.tag) {
        let last = of_sender(v, tag).filter_map(|s| s.last).max().map_or(0.0, clock::unix_of);
        senders.insert(tag, json!({ "packets": heard(v, tag), "last": last }));
    }
    let others: HashMap<&str, Value> = v
        .others
        .iter()
        .map(|(name, p)| {
            (name.as_str(), json!({ "attributes": p.attributes, "tracks": p.tracks.len(), "state": p.state }))
        })
        .collect();
    json!({
        "ended": v.ended,
        "fault": v.fault,
        "signal_lost": v.signal_lost,
        "left": v.left.map(|(reason, action)| json!([reason, action])),
        "resumed": v.resumed,
        "can_publish": v.permission.as_ref().map(|p| p.can_publish),
        "unpublished": v.unpublished,
        "muted_by_server": v.muted_by_server,
        "refusals": v.answers.iter().map(|a| a.reason).collect::<Vec<_>>(),
        "refreshed_token": v.refreshed_token,
        "senders": senders,
        "others": others,
    })
}
