//! The engine's door for publishers and viewers that speak plain HTTP: WHIP and WHEP.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;
use crate::id::{ChannelKey, Identity, UserId};
use crate::media::{Claims, Judge};

/// A publisher or viewer that speaks plain HTTP: WHIP (RFC 9725) or WHEP. The caller has decided that it may.
#[derive(Clone)]
pub struct StreamAsk {
    /// Where.
    pub channel: ChannelKey,
    /// Who; a participant of the same identity is replaced, as with every join.
    pub identity: Identity,
    /// The user behind it.
    pub user: UserId,
    /// What the user may do, now and at every later change.
    pub rights: Arc<dyn Judge>,
    /// What [`Judge::standing`] is asked with. `nbf_secs` is what a token minted at the decision would say, so that a kick
    /// since then refuses the stream.
    pub claims: Claims,
    /// Pushes its own media, or plays somebody's.
    pub what: Stream,
    /// SDP offer of the client.
    pub offer: String,
}

/// Which way a stream goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stream {
    /// WHIP: what the offer sends is published.
    Push,
    /// WHEP: receives what this publisher sends, over all its participants, now and later.
    Play {
        /// An identity without its device part.
        of: Identity,
    },
}

/// A stream that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamMade {
    /// Names the session: unguessable.
    pub id: String,
    /// SDP answer, all candidates in it.
    pub answer: String,
}

/// The engine's door for [`StreamAsk`]s.
#[async_trait]
pub trait Streams: Send + Sync {
    /// Starts a stream: a participant that comes with its offer. It is present once its media is connected, and
    /// gone when its connection is lost, when it is ended, removed or replaced. A caller that stops waiting ends it.
    ///
    /// # Errors
    /// `BadInput` (an offer that cannot be answered), `NotFound` (nobody to play), `Forbidden`, `LimitReached`,
    /// `Unavailable`.
    async fn start(&self, ask: StreamAsk) -> Result<StreamMade>;

    /// The client ends its stream. False = there is none of this name in the channel.
    async fn end(&self, channel: &ChannelKey, id: &str) -> Result<bool>;
}
