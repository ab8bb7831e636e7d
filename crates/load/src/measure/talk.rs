//! The questions of the Talk dialect with a full house, beside a bare route and beside a small house.
//!
//! The houses are full of participants that nobody is behind (`stoa dev --simulate`): they are held by engine, product
//! and store as any others, and nothing is forwarded while it is measured.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use crate::bench::{DEV_KEY, DEV_SECRET};
use crate::child::{Baseline, Server};
use crate::clock;
use crate::hist::Hist;
use crate::http::{Client, post};
use crate::measure::http::{CONNECTIONS, Side, run};
use crate::measure::{Spread, ms};

/// How full.
#[derive(Debug, Clone, Copy)]
pub struct House {
    /// Channels.
    pub channels: u32,
    /// Participants of each.
    pub each: u32,
}

/// One question, asked of both houses.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is asked.
    pub name: &'static str,
    /// The answer of the large house, bytes.
    pub bytes: usize,
    /// The answer of the small one.
    pub few_bytes: usize,
    /// The large house: requests per second.
    pub ours: Spread,
    /// A bare route that answers as many bytes.
    pub bare: Spread,
    /// Ours to bare of each round.
    pub ratio: Spread,
    /// The small house: requests per second.
    pub few: Spread,
    /// A bare route that answers as many bytes as the small house.
    pub few_bare: Spread,
    /// The small house to its bare route.
    pub few_ratio: Spread,
    /// The small house to the large one: what the size costs, time to time.
    pub growth: Spread,
    /// The large house: middle answer time, milliseconds.
    pub p50_ms: f64,
    /// Of 99 %.
    pub p99_ms: f64,
    /// The bare route's, of 99 %.
    pub bare_p99_ms: f64,
}

/// What is asked: of the channel or user with this number.
type Ask = fn(Place) -> Value;

/// Whom a request is about.
#[derive(Clone, Copy)]
struct Place {
    channel: u32,
    member: u32,
    today: u32,
}

impl Place {
    fn channel(self) -> String {
        format!("channel-{:05}", self.channel)
    }

    fn user(self) -> String {
        format!("user-{:05}-{:05}", self.channel, self.member)
    }
}

/// Name, command, body, and what of the answer shows that there was something to answer.
const QUESTIONS: [(&str, &str, Ask, &str); 8] = [
    ("user_count", "query_talk_channel_user_count", |p| json!({"ChannelID": p.channel()}), "/UserCount"),
    ("user_list", "get_talk_user_list_on_a_channel", |p| json!({"ChannelID": p.channel()}), "/UserList/9/UserID"),
    (
        "channel_list, page of 100",
        "get_talk_channel_list",
        |p| json!({"StartSeq": p.channel / 100 * 100, "Limit": 100}),
        "/ChannelList/99/UserCount",
    ),
    ("channel_list, whole", "get_talk_channel_list", |_| json!({}), "/ChannelList/99/UserCount"),
    ("channel_status", "query_talk_channel_status", |p| json!({"ChannelID": p.channel()}), "/Status"),
    ("user_status", "query_talk_user_status", |p| json!({"UserID": p.user()}), "/Status/0/UseAudio"),
    // The calls of people who are there are open, and shown when asked for.
    (
        "user_call",
        "query_talk_user_call",
        |p| json!({"UserID": p.user(), "QueryDate": p.today, "IncludeOpen": 1}),
        "/Call/0/JoinTime",
    ),
    ("speaker_list", "get_talk_speaker_list_on_a_channel", |p| json!({"ChannelID": p.channel()}), "/UserList/1/UserID"),
];

/// Different channels and users that one connection asks about, in turns: no cache of one is what is measured.
const PLACES: u32 = 32;

/// Measures all questions, in rounds of each side in turn.
///
/// # Errors
/// A server does not come up, or answers are wrong.
pub async fn questions(
    binary: &Path,
    dir: &Path,
    (many, few): (House, House),
    rounds: usize,
    each: Duration,
) -> Result<Vec<Question>> {
    let (big, small) = (tempfile::tempdir_in(dir)?, tempfile::tempdir_in(dir)?);
    let big = Server::start_full(binary, big.path(), many.channels, many.each).await?;
    let small = Server::start_full(binary, small.path(), few.channels, few.each).await?;
    eprintln!("  {} channels of {} after {:.0} s", many.channels, many.each, big.started_in.as_secs_f64());
    let bare = Baseline::start(&["bare-http"]).await?;
    let mut out = Vec::new();
    for (name, command, ask, shows) in QUESTIONS {
        let asked = async |server: &Server, house: House| {
            let (plans, example) = plans(house, command, ask)?;
            let bytes = answer(server, &plans[0][0], shows).await.context(name)?;
            let path = format!("/bytes/{bytes}");
            let same = vec![vec![post(&path, None, &example)]; CONNECTIONS];
            let side = |addr, pid, plans| Side { addr, pid, plans, good: fine };
            anyhow::Ok((side(server.addr, server.pid, plans), side(bare.addr, bare.pid, same), bytes))
        };
        let (ours, base, bytes) = asked(&big, many).await?;
        let (little, little_base, few_bytes) = asked(&small, few).await?;
        let mut turns = [Turns::default(), Turns::default(), Turns::default(), Turns::default()];
        let sides = [&ours, &base, &little, &little_base];
        for side in sides {
            // Warm caches and connections; the result is thrown away.
            drop(run(side, each / 4).await.context(name)?);
        }
        for _ in 0..rounds {
            for (side, turns) in sides.iter().zip(&mut turns) {
                let (load, _) = run(side, each).await.context(name)?;
                turns.rates.push(load.rate());
                turns.delay.merge(&load.delay);
            }
        }
        let [ours, base, little, little_base] = &turns;
        let q = Question {
            name,
            bytes,
            few_bytes,
            ours: Spread::of(&ours.rates),
            bare: Spread::of(&base.rates),
            ratio: ours.to(base),
            few: Spread::of(&little.rates),
            few_bare: Spread::of(&little_base.rates),
            few_ratio: little.to(little_base),
            growth: little.to(ours),
            p50_ms: ms(ours.delay.quantile(0.5)),
            p99_ms: ms(ours.delay.quantile(0.99)),
            bare_p99_ms: ms(base.delay.quantile(0.99)),
        };
        eprintln!(
            "  {name}: {:.0}/s, {:.2} of the bare route, {:.2} times the time of the small house",
            q.ours.median, q.ratio.median, q.growth.median
        );
        out.push(q);
    }
    big.stop().await?;
    small.stop().await?;
    Ok(out)
}

/// What came of one side's turns.
#[derive(Default)]
struct Turns {
    rates: Vec<f64>,
    delay: Hist,
}

impl Turns {
    fn to(&self, other: &Self) -> Spread {
        Spread::of(&self.rates.iter().zip(&other.rates).map(|(a, b)| a / b).collect::<Vec<_>>())
    }
}

/// What the connections send, and one of the bodies.
fn plans(house: House, command: &str, ask: Ask) -> Result<(Vec<Vec<Vec<u8>>>, Value)> {
    let path = signed(command);
    let today = today()?;
    let request = |n: u32| {
        // A prime step: neighbours in the lists are not what is asked for one after the other.
        let place = Place { channel: n.wrapping_mul(7919) % house.channels, member: n % house.each, today };
        post(&path, None, &ask(place))
    };
    let connections = u32::try_from(CONNECTIONS)?;
    let plans = (0..connections).map(|c| (0..PLACES).map(|n| request(c * PLACES + n)).collect()).collect();
    Ok((plans, ask(Place { channel: 0, member: 0, today })))
}

/// Path and query of a command. Good for five minutes.
fn signed(command: &str) -> String {
    let now = clock::unix_secs().to_string();
    let sum = Sha1::new().chain_update(DEV_SECRET).chain_update(&now).finalize();
    let sum: String = sum.iter().map(|b| format!("{b:02x}")).collect();
    format!("/v1/im/{command}?appkey={DEV_KEY}&identifier=reader&curtime={now}&checksum={sum}")
}

/// The day in the zone that calls are sorted by unless another is configured, as `YYYYMMDD`.
fn today() -> Result<u32> {
    let days = i64::try_from((clock::unix_secs() + 8 * 3600) / 86_400)?;
    // Civil date of a count of days since 1970: years begin in March, so that the odd day is the last.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day = z.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, year) } else { (month - 9, year + 1) };
    Ok(u32::try_from((year + era * 400) * 10_000 + month * 100 + date)?)
}

/// Bytes of the answer; it must be a yes that shows something.
async fn answer(server: &Server, request: &[u8], shows: &str) -> Result<usize> {
    let mut client = Client::connect(server.addr).await?;
    let (status, body) = client.exchange(request).await?;
    let answer: Value = serde_json::from_slice(body)?;
    if status != 200 || answer["ErrorCode"] != 0 || answer.pointer(shows).is_none() {
        bail!("HTTP {status} without {shows}: {}", answer.to_string().chars().take(300).collect::<String>());
    }
    Ok(body.len())
}

/// HTTP 200 and a yes, which is said at the beginning.
fn fine(status: u16, body: &[u8]) -> bool {
    status == 200 && body.windows(14).take(64).any(|w| w == b"\"ErrorCode\":0,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_as_published() {
        let path = signed("x");
        let curtime = path.split("curtime=").nth(1).and_then(|s| s.split('&').next()).unwrap();
        let sum = path.split("checksum=").nth(1).unwrap();
        assert_eq!((sum.len(), curtime.parse::<u64>().is_ok()), (40, true));
    }

    #[test]
    fn today_is_a_date() {
        let n = today().unwrap();
        assert!(
            (2020..2200).contains(&(n / 10_000))
                && (1..=12).contains(&(n / 100 % 100))
                && (1..=31).contains(&(n % 100))
        );
    }
}
