//! The door for publishers and viewers that speak plain HTTP (WHIP, WHEP): core's port, carried to the shard.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stoa_core::error::{Error, Result};
use stoa_core::id::ChannelKey;
use stoa_core::stream::{Stream, StreamAsk, StreamMade, Streams};

use crate::engine::Engine;
use crate::pc::{Way, read_stream};
use crate::port::Port;
use crate::room::MAX_SDP;
use crate::shard::{Command, Entrant};

/// Random bytes of a session's name: whoever knows it may end the session.
const ID_BYTES: usize = 18;

/// A stream that may have been taken in and nobody knows of yet. Dropped, it ends: whoever asked gave up.
struct Unclaimed<'a> {
    port: &'a Port,
    channel: ChannelKey,
    id: String,
}

impl Unclaimed<'_> {
    fn claim(mut self) -> String {
        std::mem::take(&mut self.id)
    }
}

impl Drop for Unclaimed<'_> {
    fn drop(&mut self) {
        if self.id.is_empty() {
            return;
        }
        let (channel, id) = (self.channel.clone(), std::mem::take(&mut self.id));
        let end = move |shard: &mut crate::shard::Shard, now| {
            shard.end_stream(now, &channel, &id);
        };
        // With a full queue it goes as one that never connects.
        let _full = self.port.commands.try_send(Command::Call(Box::new(end)));
    }
}

#[async_trait]
impl Streams for Engine {
    async fn start(&self, ask: StreamAsk) -> Result<StreamMade> {
        let env = &self.inner.env;
        let asked = env.clock.now().mono;
        if ask.offer.len() > MAX_SDP {
            return Err(Error::bad_input("offer", "too long"));
        }
        let (way, max) = match ask.what {
            Stream::Push => (Way::Push, env.cfg.max_tracks as usize),
            Stream::Play { .. } => (Way::Play, usize::MAX),
        };
        let offer = read_stream(&ask.offer, way, max);
        if offer.lines.is_empty() {
            return Err(Error::bad_input("offer", "has no line for this"));
        }
        let mut id = [0; ID_BYTES];
        env.entropy.fill(&mut id);
        let id = URL_SAFE_NO_PAD.encode(id);
        let made = Unclaimed { port: &self.inner.port, channel: ask.channel.clone(), id: id.clone() };
        let entrant = Entrant { ask, offer, id };
        let answer = self.inner.port.call(move |shard, now| shard.stream(now, asked, entrant)).await??;
        Ok(StreamMade { id: made.claim(), answer })
    }

    async fn end(&self, channel: &ChannelKey, id: &str) -> Result<bool> {
        let (channel, id) = (channel.clone(), id.to_owned());
        self.inner.port.call(move |shard, now| shard.end_stream(now, &channel, &id)).await
    }
}
