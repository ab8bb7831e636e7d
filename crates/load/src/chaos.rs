//! `stoa-load chaos`: members send and listen while their connections are cut at random and the server is restarted again
//! and again, in order and not. In the end each listener has the exact sequence, or was told where it does not.

mod judge;

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::child::Server;
use crate::clock;
use crate::hub::{Client, Fault, Position, source, token};
use crate::stage::{app_of, open_rates};
use crate::voice::Voice;
use judge::judge;

/// Messages a sender has under way at once.
const UNDER_WAY: usize = 8;
/// Mean life of a connection.
const LIFE: Duration = Duration::from_secs(6);
/// Longest pause before the next attempt to connect.
const PAUSE_MS: u64 = 150;
/// Between two messages of a sender whose share is done, for listeners that were told of a loss at the very end.
const PULSE: Duration = Duration::from_millis(200);
/// Listeners have all of it by then, counted from the last share.
const END: Duration = Duration::from_secs(60);
/// The whole run ends by then, whatever happens.
const LONGEST: Duration = Duration::from_secs(1_800);
/// Type of a comment: stored, on `chat:`.
const COMMENT: u32 = 21_301;
/// Type of a signal: not stored, on `room:`.
const SIGNAL: u32 = 30_001;
/// In a listener's record: it was told that something is missing here.
const TOLD: u64 = u64::MAX;

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's binary.
    pub binary: PathBuf,
    /// Folder for data.
    pub dir: PathBuf,
    /// Messages in all.
    pub messages: u64,
    /// Groups: even ones send comments, odd ones signals.
    pub groups: usize,
    /// Listeners in each.
    pub listeners: usize,
    /// Restarts: the first in order, the second a kill, and so on in turns.
    pub restarts: u64,
}

/// What came out.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outcome {
    /// Messages the server said yes to.
    pub acknowledged: u64,
    /// Messages whose answer was lost with a connection.
    pub unknown: u64,
    /// Messages that were refused, while the server stopped.
    pub refused: u64,
    /// Messages that listeners have.
    pub heard: u64,
    /// Connections that were cut.
    pub cut: u64,
    /// Restarts that were in order.
    pub stops: u64,
    /// Restarts after a kill.
    pub kills: u64,
    /// Subscriptions that went on where they were.
    pub recovered: u64,
    /// Subscriptions that were told they could not.
    pub told: u64,
    /// Stored messages that were read again after that.
    pub reloaded: u64,
    /// Messages that a listener does not have and was not told of.
    pub silent_gaps: u64,
    /// Messages that came after a later one.
    pub reordered: u64,
    /// Messages that came twice.
    pub doubled: u64,
    /// Offsets that did not follow each other.
    pub offsets: u64,
    /// Messages with the text of another one.
    pub wrong: u64,
    /// Acknowledged comments that the store does not have, among those it keeps.
    pub not_stored: u64,
    /// Wall time, seconds.
    pub seconds: f64,
}

impl Outcome {
    /// Whether the promise was kept.
    #[must_use]
    pub fn good(&self) -> bool {
        self.silent_gaps + self.reordered + self.doubled + self.offsets + self.wrong + self.not_stored == 0
    }
}

struct Shared {
    to: SocketAddr,
    app: u64,
    groups: Vec<String>,
    share: u64,
    acknowledged: AtomicU64,
    counts: Counts,
    /// Listeners that have not joined yet: nothing is sent before they all have.
    coming: AtomicUsize,
    /// Per group: the last number of its share, once there is one.
    last: Vec<AtomicU64>,
    /// Per group: listeners that do not have it yet.
    waiting: Vec<AtomicUsize>,
    over: AtomicBool,
}

#[derive(Default)]
struct Counts {
    unknown: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    recovered: AtomicU64,
    told: AtomicU64,
    reloaded: AtomicU64,
    offsets: AtomicU64,
}

fn add(to: &AtomicU64, n: u64) {
    to.fetch_add(n, Ordering::Relaxed);
}

/// One message as somebody knows it: number in the group, and what it says.
type Known = (u64, u64);

fn random(below: u64) -> u64 {
    let mut bytes = [0; 8];
    // Without randomness everything is cut at once, which is a test too.
    let _filled = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes) % below.max(1)
}

impl Shared {
    fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn last(&self, group: usize) -> Option<u64> {
        Some(self.last[group].load(Ordering::Acquire)).filter(|n| *n > 0)
    }

    /// How long a connection lives: until the end when its group's share is done.
    fn life(&self, group: usize) -> Duration {
        let life = Duration::from_millis(random(2 * u64::try_from(LIFE.as_millis()).unwrap_or(1)));
        if self.last(group).is_some() { LONGEST } else { life }
    }

    async fn connect(&self, n: usize, user: &str) -> Option<Client> {
        let token = token(self.app, user).ok()?;
        match Client::connect(self.to, source(n), &token).await {
            Ok(client) => Some(client),
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(10 + random(PAUSE_MS))).await;
                None
            }
        }
    }

    /// Half of the cuts are resets, half are plain ends of the TCP connection.
    fn cut(&self, client: Client) {
        add(&self.counts.cut, 1);
        if random(2) == 0 {
            client.socket.cut();
        }
    }
}

/// Sends a group's share; what was acknowledged.
async fn send(shared: Arc<Shared>, group: usize) -> Result<Vec<Known>> {
    let kind = if group.is_multiple_of(2) { COMMENT } else { SIGNAL };
    let (mut acknowledged, mut next) = (Vec::new(), 1_u64);
    let user = format!("sender-{group}");
    let say = |n: u64| {
        let data = json!({ "content": n.to_string() }).to_string();
        json!({"method": "group.send", "data": {"groupId": shared.groups[group], "type": kind, "data": data}})
    };
    while shared.coming.load(Ordering::Acquire) > 0 {
        tokio::time::sleep(PULSE).await;
    }
    while !shared.over() && shared.waiting[group].load(Ordering::Acquire) > 0 {
        let Some(mut client) = shared.connect(group, &user).await else { continue };
        if client.join(&shared.groups[group]).await.is_err() {
            continue;
        }
        let end = tokio::time::sleep(shared.life(group));
        tokio::pin!(end);
        let mut under_way: HashMap<u64, u64> = HashMap::new();
        loop {
            let done = acknowledged.len() as u64 >= shared.share;
            if done && shared.last(group).is_none() {
                let last = acknowledged.iter().map(|(seqnum, _): &Known| *seqnum).max().unwrap_or(1);
                shared.last[group].store(last, Ordering::Release);
            }
            if done && shared.waiting[group].load(Ordering::Acquire) == 0 || shared.over() {
                break;
            }
            if done {
                tokio::time::sleep(PULSE).await;
            }
            let room = if done { 1 } else { UNDER_WAY };
            let mut broken = false;
            while under_way.len() < room && !broken {
                match client.post("rpc", &say(next)).await {
                    Ok(id) => {
                        under_way.insert(id, next);
                        next += 1;
                    }
                    Err(_) => broken = true,
                }
            }
            let line = tokio::select! {
                biased;
                () = &mut end => None,
                line = client.next() => line.ok(),
            };
            let Some(line) = line.filter(|_| !broken) else { break };
            let Some(n) = line["id"].as_u64().and_then(|id| under_way.remove(&id)) else { continue };
            match line["rpc"]["data"]["seqnum"].as_u64() {
                Some(seqnum) => {
                    acknowledged.push((seqnum, n));
                    add(&shared.acknowledged, 1);
                }
                None => {
                    add(&shared.counts.refused, 1);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        add(&shared.counts.unknown, under_way.len() as u64);
        shared.cut(client);
    }
    Ok(acknowledged)
}

/// A listener and what it has heard.
struct Listener {
    shared: Arc<Shared>,
    group: usize,
    comments: bool,
    /// `room:` and `chat:` with their positions, once it has joined.
    at: Option<[(String, Position); 2]>,
    heard: Vec<Known>,
    /// Largest number heard.
    top: u64,
    /// What was read again reaches to here: what comes up to here is known.
    overlap: u64,
}

impl Listener {
    async fn listen(mut self, n: usize) -> Result<Vec<Known>> {
        let user = format!("listener-{n}");
        while !self.done() {
            let Some(mut client) = self.shared.connect(n, &user).await else { continue };
            if self.enter(&mut client).await.is_err() {
                continue;
            }
            let end = tokio::time::sleep(self.shared.life(self.group));
            tokio::pin!(end);
            while !self.done() {
                let line = tokio::select! {
                    () = &mut end => break,
                    () = tokio::time::sleep(PULSE) => continue,
                    line = client.next() => line,
                };
                let Ok(mut line) = line else { break };
                let push = line["push"].take();
                if push.get("unsubscribe").is_some() {
                    break;
                }
                if let (Some(channel), Some(publication)) = (push["channel"].as_str(), push.get("pub")) {
                    self.publication(channel, publication);
                }
            }
            self.shared.cut(client);
        }
        self.shared.waiting[self.group].fetch_sub(1, Ordering::AcqRel);
        Ok(self.heard)
    }

    fn done(&self) -> bool {
        self.shared.over() || self.shared.last(self.group).is_some_and(|last| self.top >= last)
    }

    async fn enter(&mut self, client: &mut Client) -> Result<(), Fault> {
        let Some(at) = self.at.clone() else {
            let [(room, a), (chat, b)] = client.join(&self.shared.groups[self.group]).await?;
            self.shared.coming.fetch_sub(1, Ordering::AcqRel);
            self.at = Some([(room.clone(), a.position), (chat.clone(), b.position)]);
            // What happened between the answer to the join and the subscriptions.
            a.missed.iter().for_each(|p| self.message(p));
            b.missed.iter().for_each(|p| self.message(p));
            return Ok(());
        };
        let [(room, a), (chat, b)] = at;
        let got = client.enter([&room, &chat], [Some(a), Some(b)]).await?;
        let names = [room, chat];
        let mut lost = false;
        for (n, s) in got.into_iter().enumerate() {
            if s.recovered {
                add(&self.shared.counts.recovered, 1);
                s.missed.iter().for_each(|p| self.publication(&names[n], p));
            } else {
                add(&self.shared.counts.told, 1);
                lost |= self.comments == (n == 1);
            }
            if let Some(at) = &mut self.at {
                at[n].1 = s.position;
            }
        }
        if lost {
            self.heard.push((TOLD, 0));
            if self.comments {
                self.reload(client).await?;
            }
        }
        Ok(())
    }

    /// Comments are stored: what is kept of them after the last one heard.
    async fn reload(&mut self, client: &mut Client) -> Result<(), Fault> {
        loop {
            let ask = json!({"groupId": self.shared.groups[self.group], "after": self.top, "limit": 100});
            let page = client.call("group.list", ask).await?;
            for message in page["messageList"].as_array().into_iter().flatten() {
                add(&self.shared.counts.reloaded, 1);
                self.message(&json!({ "data": message }));
            }
            self.overlap = self.top;
            if page["more"] != true {
                return Ok(());
            }
        }
    }

    fn publication(&mut self, channel: &str, publication: &Value) {
        if let Some(offset) = publication["offset"].as_u64()
            && let Some((_, at)) = self.at.iter_mut().flatten().find(|(name, _)| name == channel)
        {
            if offset != at.offset + 1 {
                add(&self.shared.counts.offsets, 1);
            }
            at.offset = offset;
        }
        self.message(publication);
    }

    fn message(&mut self, publication: &Value) {
        let data = &publication["data"];
        let Some(seqnum) = data["seqnum"].as_u64() else { return };
        let said = data["data"].as_str().and_then(|d| serde_json::from_str::<Value>(d).ok());
        let Some(n) = said.and_then(|d| d["content"].as_str()?.parse().ok()) else { return };
        if seqnum <= self.overlap {
            return;
        }
        self.heard.push((seqnum, n));
        self.top = self.top.max(seqnum);
    }
}

/// Runs it.
///
/// # Errors
/// The server does not come up again, or somebody hangs.
pub async fn run(plan: &Plan) -> Result<Outcome> {
    std::fs::create_dir_all(&plan.dir)?;
    let data = tempfile::tempdir_in(&plan.dir)?;
    let mut server = Server::start_with(&plan.binary, data.path(), "127.0.0.1:0", &open_rates()).await?;
    let mut api = Voice::connect(server.addr).await?;
    let bearer = api.login("owner").await?;
    let mut groups = Vec::new();
    for _ in 0..plan.groups {
        groups.push(api.create(&bearer, "owner").await?);
    }
    let shared = Arc::new(Shared {
        to: server.addr,
        app: app_of(&api.hub_token(&bearer, "owner").await?)?,
        share: plan.messages.div_ceil(plan.groups as u64),
        acknowledged: AtomicU64::new(0),
        counts: Counts::default(),
        coming: AtomicUsize::new(plan.groups * plan.listeners),
        last: groups.iter().map(|_| AtomicU64::new(0)).collect(),
        waiting: groups.iter().map(|_| AtomicUsize::new(plan.listeners)).collect(),
        over: AtomicBool::new(false),
        groups,
    });
    let begun = clock::now();
    let (mut senders, mut listeners) = (JoinSet::new(), JoinSet::new());
    for group in 0..plan.groups {
        for l in 0..plan.listeners {
            let comments = group.is_multiple_of(2);
            let shared = Arc::clone(&shared);
            let one = Listener { shared, group, comments, at: None, heard: Vec::new(), top: 0, overlap: 0 };
            listeners.spawn(async move { (group, one.listen(group * 1_000 + l).await) });
        }
        let shared = Arc::clone(&shared);
        senders.spawn(async move { (group, send(shared, group).await) });
    }
    let mut out = Outcome::default();
    let total = shared.share * plan.groups as u64;
    for n in 0..plan.restarts {
        let at = total * (n + 1) / (plan.restarts + 1);
        while shared.acknowledged.load(Ordering::Relaxed) < at {
            if clock::now() - begun > LONGEST {
                shared.over.store(true, Ordering::Relaxed);
                bail!("only {} of {total} messages", shared.acknowledged.load(Ordering::Relaxed));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let kill = n % 2 == 1;
        eprintln!("  {at} messages: {}", if kill { "kill" } else { "stop" });
        if kill {
            server.stop().await?;
            out.kills += 1;
        } else {
            server.stop_in_order().await?;
            out.stops += 1;
        }
        server = Server::start_with(&plan.binary, data.path(), &shared.to.to_string(), &open_rates()).await?;
    }
    let all_sent = async {
        while shared.last.iter().any(|l| l.load(Ordering::Relaxed) == 0) {
            tokio::time::sleep(PULSE).await;
        }
    };
    let in_time = tokio::time::timeout(LONGEST.saturating_sub(clock::now() - begun), all_sent).await;
    in_time.context("not everything was sent in time")?;
    let mut heard: Vec<Vec<Vec<Known>>> = vec![Vec::new(); plan.groups];
    let all_heard = async {
        while let Some(done) = listeners.join_next().await {
            let (group, one) = done?;
            heard[group].push(one?);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(END, all_heard).await.context("listeners wait for messages that do not come")??;
    out.seconds = (clock::now() - begun).as_secs_f64();
    while let Some(done) = senders.join_next().await {
        let (group, acknowledged) = done?;
        let acknowledged = acknowledged?;
        out.acknowledged += acknowledged.len() as u64;
        judge(&acknowledged, &heard[group], &mut out);
        if group.is_multiple_of(2) {
            out.not_stored += not_stored(&shared, group, &acknowledged).await?;
        }
    }
    let of = |n: &AtomicU64| n.load(Ordering::Relaxed);
    let c = &shared.counts;
    (out.unknown, out.refused, out.cut) = (of(&c.unknown), of(&c.refused), of(&c.cut));
    (out.recovered, out.told, out.reloaded, out.offsets) =
        (of(&c.recovered), of(&c.told), of(&c.reloaded), of(&c.offsets));
    server.stop().await?;
    Ok(out)
}

/// Acknowledged comments missing among those that the store keeps, and those it has twice.
async fn not_stored(shared: &Shared, group: usize, acknowledged: &[Known]) -> Result<u64> {
    let id = &shared.groups[group];
    let mut client = Client::connect(shared.to, source(0), &token(shared.app, "reader")?).await?;
    client.join(id).await?;
    let (mut stored, mut before) = (Vec::new(), None);
    loop {
        let mut ask = json!({"groupId": id, "limit": 100});
        if let Some(seqnum) = before {
            ask = json!({"groupId": id, "limit": 100, "before": seqnum});
        }
        let page = client.call("group.list", ask).await?;
        let numbers = page["messageList"].as_array().into_iter().flatten().filter_map(|m| m["seqnum"].as_u64());
        let numbers: Vec<u64> = numbers.collect();
        before = numbers.iter().min().copied();
        stored.extend(numbers);
        if page["more"] != true || before.is_none() {
            break;
        }
    }
    let kept: BTreeSet<u64> = stored.iter().copied().collect();
    let oldest = kept.first().copied().unwrap_or(0);
    let missing = acknowledged.iter().filter(|(s, _)| *s >= oldest && !kept.contains(s)).count();
    Ok((missing + stored.len() - kept.len()) as u64)
}
