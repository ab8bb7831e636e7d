//! From the start of a join to the first audio packet.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::bot::{Bot, Config, Publish};
use crate::clock;
use crate::hist::Hist;
use crate::link::Transport;
use crate::measure::ms;
use crate::token::{Grant, mint};
use crate::voice::Voice;

/// A join that takes longer counts as failed. SDKs give up at 15 s.
const LIMIT: Duration = Duration::from_secs(15);

/// Where the speaker is.
#[derive(Debug, Clone)]
pub struct Target {
    /// `ws://host:port`.
    pub url: String,
    /// App key.
    pub key: String,
    /// App secret.
    pub secret: String,
    /// UDP or TCP.
    pub transport: Transport,
}

/// What came out.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Joins that heard something.
    pub joins: u64,
    /// How many ran at once.
    pub at_once: usize,
    /// Joins per second, leaving included.
    pub per_second: f64,
    /// Milliseconds.
    pub p50_ms: f64,
    /// Milliseconds.
    pub p99_ms: f64,
    /// Milliseconds.
    pub max_ms: f64,
}

/// A room with somebody speaking in it.
pub struct Stage {
    target: Target,
    channel: String,
    _speaker: Bot,
}

impl Stage {
    /// In a voice room made through the API, the owner speaking.
    ///
    /// # Errors
    /// The server refuses a step.
    pub async fn voice_room(target: Target, addr: SocketAddr) -> Result<Self> {
        let mut api = Voice::connect(addr).await?;
        let owner = "join-owner";
        let bearer = api.login(owner).await?;
        let channel = api.create(&bearer, owner).await?;
        let token = api.rtc_token(&bearer, &channel, owner).await?.token;
        Self::with(target, channel, &token).await
    }

    /// In a channel without a record, on tokens of the app's pair.
    ///
    /// # Errors
    /// The server refuses a step.
    pub async fn channel(target: Target) -> Result<Self> {
        let channel = "join-latency".to_owned();
        let token = mint(&target.key, &target.secret, &Grant::speaker(&channel, "join-owner"))?;
        Self::with(target, channel, &token).await
    }

    async fn with(target: Target, channel: String, token: &str) -> Result<Self> {
        let speaker = Bot::join(Config { transport: target.transport, ..Config::new(&target.url, token) }).await?;
        speaker.publish(Publish::microphone(1)).await.context("the speaker")?;
        speaker.wait("the speaker's media", LIMIT, |v| v.publisher_up.is_some()).await?;
        let stage = Self { target, channel, _speaker: speaker };
        // The first listener also proves that there is something to hear.
        stage.once("join-first".into()).await?;
        Ok(stage)
    }

    /// `joins` listeners, `at_once` under way at any time; each leaves when it has heard its first packet.
    ///
    /// # Errors
    /// A join fails or hears nothing.
    pub async fn measure(&self, joins: usize, at_once: usize) -> Result<Outcome> {
        let mut delay = Hist::default();
        let mut under_way = JoinSet::new();
        let (mut next, started) = (0, clock::now());
        loop {
            while next < joins && under_way.len() < at_once {
                under_way.spawn(listen(self.config(&format!("join-{at_once}-{next}"))?));
                next += 1;
            }
            let Some(done) = under_way.join_next().await else { break };
            delay.add(done??);
        }
        Ok(Outcome {
            joins: delay.len(),
            at_once,
            per_second: delay.len() as f64 / (clock::now() - started).as_secs_f64().max(1e-9),
            p50_ms: ms(delay.quantile(0.5)),
            p99_ms: ms(delay.quantile(0.99)),
            max_ms: ms(delay.max()),
        })
    }

    async fn once(&self, identity: String) -> Result<Duration> {
        listen(self.config(&identity)?).await
    }

    fn config(&self, identity: &str) -> Result<Config> {
        let token = mint(&self.target.key, &self.target.secret, &Grant::listener(&self.channel, identity))?;
        Ok(Config { transport: self.target.transport, ..Config::new(&self.target.url, &token) })
    }
}

async fn listen(config: Config) -> Result<Duration> {
    let from = clock::now();
    let bot = Bot::join(config).await?;
    bot.wait("a first packet", LIMIT, |v| v.media.packets() > 0).await?;
    let first = bot.view(|v| v.media.subs.values().filter_map(|s| s.first).min());
    bot.leave().await;
    Ok(first.context("no packet")? - from)
}
