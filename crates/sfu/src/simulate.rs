//! Participants without anybody behind them, so that lists and counts can be measured with a full house.
//!
//! They come in by the same door as everybody (admission, the shard's memory, the facts to the product) and are held
//! like publishers over plain HTTP that are connected. What they lack is the connection itself: no socket, no keys, no
//! packets. So memory per participant and rates of tracks are not those of real ones, and nothing is ever forwarded.

use std::collections::BTreeMap;

use stoa_core::channel::{ATTR_IDENTITY, IdentityType};
use stoa_core::error::{Error, Kind, Result};
use stoa_core::id::{ChannelKey, Identity};
use stoa_core::media::{Admission, Claims};
use stoa_core::stream::Stream;

use crate::engine::Engine;
use crate::pc::{Kind as Media, PcId, StreamLine};
use crate::room::{ClientParams, Joiner, Link, Streamed, Streaming};
use crate::token::Verified;

/// One to be made up.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// Who. The user is the part before the device.
    pub identity: Identity,
    /// Comes as a free talker with an open microphone; else as a listener.
    pub speaks: bool,
}

impl Engine {
    /// Puts participants that nobody is behind into a channel. They stay until they are removed or the channel ends.
    ///
    /// # Errors
    /// `Forbidden` unless [`crate::Config::simulate`], or where the door refuses one; `Unavailable`.
    pub async fn simulate(&self, channel: &ChannelKey, crowd: Vec<Simulated>) -> Result<()> {
        let env = &self.inner.env;
        let hooks = self.inner.hooks.get().filter(|_| env.cfg.simulate);
        let hooks = hooks.ok_or_else(|| Error::new(Kind::Forbidden, "participants are made up in development only"))?;
        let asked = env.clock.now().mono;
        let mut joiners = Vec::with_capacity(crowd.len());
        for Simulated { identity, speaks } in crowd {
            let kind = if speaks { IdentityType::FreeTalker } else { IdentityType::Listener };
            let attributes = BTreeMap::from([(ATTR_IDENTITY.to_owned(), kind.as_str().to_owned())]);
            let claims = Claims { attributes, nbf_secs: env.clock.now().wall.secs(), ..Claims::default() };
            let now = env.clock.now().wall;
            let ask = Admission { channel, identity: &identity, claims: &claims, joins: true, now };
            let admitted = hooks.admit(ask).await.map_err(|why| Error::new(Kind::Forbidden, why.to_string()))?;
            let streaming = Streaming { id: env.id("SIM_"), what: Streamed::Push(lines(speaks)) };
            joiners.push(Joiner {
                token: Verified::of_stream(channel, &identity, claims, &Stream::Push),
                identity,
                user: admitted.user,
                standing: admitted.standing,
                client: ClientParams::default(),
                link: Link::Stream { streaming, pc: PcId::NONE, lines: Vec::new() },
            });
        }
        let key = channel.clone();
        let done = self.inner.port.call(move |shard, now| shard.simulate(now, asked, &key, joiners)).await?;
        done.map_err(|why| Error::new(Kind::Forbidden, why.to_string()))
    }
}

/// What one sends, or would.
pub(crate) fn lines(speaks: bool) -> Vec<(StreamLine, String)> {
    let line = StreamLine { mid: "0".to_owned(), kind: Media::Audio, nth: 0, rids: Vec::new(), stereo: false };
    if speaks { vec![(line, "audio/opus".to_owned())] } else { Vec::new() }
}
