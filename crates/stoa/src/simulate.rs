//! A full house for measurements: adhoc channels whose participants nobody is behind. `stoa dev` only.

use std::str::FromStr;

use anyhow::{Context as _, anyhow};
use futures_util::future::try_join_all;
use stoa_core::id::{AppId, ChannelKey, ChannelName, Identity};
use stoa_sfu::Simulated;

use crate::config::{Settings, checks};
use crate::wire::Parts;

/// Channels, and participants of each, at most: what names have digits for.
const MOST: u32 = 100_000;
/// Channels filled at once: they share commits, and what they tell fits the time in which facts must be taken in.
const AT_ONCE: usize = 64;
/// One in so many has an open microphone.
const SPEAKERS: u32 = 5;

/// How many channels, and how many participants in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    channels: u32,
    each: u32,
}

impl FromStr for Crowd {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let wrong = || format!("{s:?} is not like 100x10");
        let (channels, each) = s.split_once('x').ok_or_else(wrong)?;
        let number = |n: &str| n.parse().ok().filter(|n| (1..=MOST).contains(n)).ok_or_else(wrong);
        Ok(Self { channels: number(channels)?, each: number(each)? })
    }
}

/// Fills the engine; done when everything that follows from it is stored.
///
/// # Errors
/// The engine does not make anybody up (it is not `stoa dev`), or the store is at fault.
pub async fn fill(parts: &Parts, settings: &Settings, crowd: Crowd) -> anyhow::Result<()> {
    let app = checks::registry(&settings.apps).iter().next().map(|app| app.id).context("there is no app")?;
    let channels: Vec<u32> = (0..crowd.channels).collect();
    for some in channels.chunks(AT_ONCE) {
        try_join_all(some.iter().map(|n| fill_one(parts, app, *n, crowd.each))).await?;
        parts.world.facts().settled().await.map_err(|e| anyhow!("{e}"))?;
    }
    tracing::warn!(
        channels = crowd.channels,
        participants = u64::from(crowd.channels) * u64::from(crowd.each),
        "filled with participants that nobody is behind"
    );
    Ok(())
}

async fn fill_one(parts: &Parts, app: AppId, n: u32, each: u32) -> anyhow::Result<()> {
    let plain = |e: stoa_core::Error| anyhow!("cannot make participants up: {e}");
    let channel = ChannelKey { app, name: ChannelName::new(channel(n)).map_err(plain)? };
    let one = |m: u32| {
        let identity = Identity::new(format!("user-{n:05}-{m:05}")).map_err(plain)?;
        anyhow::Ok(Simulated { identity, speaks: m.is_multiple_of(SPEAKERS) })
    };
    let crowd = (0..each).map(one).collect::<anyhow::Result<Vec<_>>>()?;
    parts.engine.simulate(&channel, crowd).await.map_err(plain)
}

/// Names are equally long, so that answers about different channels are.
fn channel(n: u32) -> String {
    format!("channel-{n:05}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_two_numbers() {
        assert_eq!("100x10".parse(), Ok(Crowd { channels: 100, each: 10 }));
        for bad in ["", "x", "100", "0x10", "10x0", "1x", "-1x1", "100001x1", "1x2x3"] {
            assert!(bad.parse::<Crowd>().is_err(), "{bad}");
        }
    }
}
