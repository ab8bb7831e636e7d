//! The ports between the product and the message hub, shaped like Centrifugo's server API and proxies (hub.md 1.3), so
//! that a real Centrifugo can take the embedded hub's place.
//!
//! A *channel* here is the hub's (`room:<key>`), not a media channel. `user` is the hub uid, the encoded form of a user
//! of an app (hub.md 3.5). Payloads are JSON texts.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;

/// Where a channel's stream stands. The epoch changes whenever continuity is lost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// Of the last publication; 0 = none yet.
    pub offset: u64,
    /// Eight letters.
    pub epoch: String,
}

/// What may go with a publication.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublishOptions {
    /// Live only: no offset, not kept, moves no client's position.
    pub skip_history: bool,
    /// A second publication with this key into the channel within 5 minutes is the first one again.
    pub idempotency_key: Option<String>,
}

/// One connection in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubPresence {
    /// Connection.
    pub client: String,
    /// Its hub uid.
    pub user: String,
}

/// One kept publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubPublication {
    /// Its number in the channel's stream.
    pub offset: u64,
    /// Payload.
    pub data: String,
}

/// Product to hub. Idempotent where it can be; no effect is success.
///
/// # Errors
/// `NotFound` (no such namespace), `BadInput` (no JSON, a bad name), `Unavailable`.
#[async_trait]
pub trait Hub: Send + Sync {
    /// Sends to everybody in a channel. The answer's offset is 0 when the history was skipped.
    async fn publish(&self, channel: &str, data: &str, options: PublishOptions) -> Result<Position>;

    /// Subscribes all connections of a user to a channel, now: each sees a `subscribe` push.
    async fn subscribe(&self, user: &str, channel: &str) -> Result<()>;

    /// Ends a user's subscriptions (or one connection's) with push code 2000. Only those that were admitted before this
    /// call; one that [`HubHooks::subscribe`] is still asked about is refused, whatever the answer. What was published
    /// before arrives before.
    async fn unsubscribe(&self, user: &str, channel: &str, client: Option<&str>) -> Result<()>;

    /// Refuses the subscribes of a user that [`HubHooks::subscribe`] is still asked about, whatever the answer. Who is in
    /// stays in.
    async fn bar(&self, user: &str, channel: &str) -> Result<()>;

    /// Closes a user's connections (or one of them) with this code, 3000 to 4999. What was published before arrives
    /// before.
    async fn disconnect(&self, user: &str, client: Option<&str>, code: u32, reason: &str) -> Result<()>;

    /// Everybody in a channel. Exact.
    async fn presence(&self, channel: &str) -> Result<Vec<HubPresence>>;

    /// Connections and distinct users in a channel. Exact and cheap.
    async fn presence_stats(&self, channel: &str) -> Result<(u32, u32)>;

    /// Kept publications after `since` (or all), at most `limit`, and the stream's position. `Gone` if `since` is of
    /// another epoch.
    async fn history(
        &self,
        channel: &str,
        since: Option<Position>,
        limit: u32,
    ) -> Result<(Vec<HubPublication>, Position)>;

    /// Drops the kept publications; epoch and top stay.
    async fn history_remove(&self, channel: &str) -> Result<()>;

    /// Replaces the payload of a kept publication; nothing is sent. False = it is not kept any more. `Unavailable` once
    /// what outlives a planned stop was written: the old payload would come back with it.
    async fn history_replace(&self, channel: &str, offset: u64, data: &str) -> Result<bool>;
}

/// A connection, as its token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubClient {
    /// Server-made id of the connection.
    pub client: String,
    /// Hub uid.
    pub user: String,
    /// Private part of the token.
    pub meta: HubClientMeta,
    /// `iat` of the token, Unix seconds: revocation compares with it.
    pub issued: i64,
}

/// `meta` of a connection token (hub.md 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(default)]
pub struct HubClientMeta {
    /// `admin` or `user`; grants nothing by itself.
    pub role: String,
    /// Raw user id.
    pub uid: String,
    /// App.
    pub app: u64,
    /// Dialect that minted the token: `voice`, `class` or `talk`.
    pub face: String,
    /// Device.
    pub dev: String,
    /// Kind of device.
    pub dt: String,
    /// Login session.
    pub sid: String,
}

/// A refusal of a hook: an error reply, or the end of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubRefusal {
    /// `error` of the reply.
    Error {
        /// hub.md 2.9 or 5.9.
        code: u32,
        /// Exactly this text.
        message: &'static str,
        /// The SDK may try again.
        temporary: bool,
    },
    /// Close code and reason (hub.md 2.10).
    Disconnect {
        /// 3000 to 4999.
        code: u32,
        /// At most 123 bytes.
        reason: &'static str,
    },
}

impl HubRefusal {
    /// Our fault; the SDK tries again.
    pub const INTERNAL: Self = Self::Error { code: 100, message: "internal server error", temporary: true };
    /// Not for this user.
    pub const DENIED: Self = Self::Error { code: 103, message: "permission denied", temporary: false };
}

/// Which connections of a user may live beside each other (hub.md 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SingleLogin {
    /// One per app, user and face.
    User,
    /// One per app, user, face and device.
    Device,
    /// As many as the cap allows.
    Cap,
}

/// What a new connection gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubAdmitted {
    /// Its personal channel, subscribed by the server.
    pub personal: String,
    /// Whom it replaces.
    pub policy: SingleLogin,
}

/// What a subscription gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSubscribed {
    /// `data` of the reply, JSON.
    pub data: Option<String>,
    /// Counts in presence and in membership.
    pub presence: bool,
}

/// Hub to product. Each answers within 1 s; the hub turns silence into [`HubRefusal::INTERNAL`].
#[async_trait]
pub trait HubHooks: Send + Sync {
    /// A token was good: may the connection live, and what is it given? Asked again when a connection brings a new
    /// token; only a refusal counts then.
    async fn connect(&self, client: &HubClient) -> std::result::Result<HubAdmitted, HubRefusal>;

    /// A client wants to subscribe. Asked again on every automatic resubscribe.
    async fn subscribe(&self, client: &HubClient, channel: &str) -> std::result::Result<HubSubscribed, HubRefusal>;

    /// A client calls a function; JSON in, JSON out. Whoever is silent for too long is not heard, but goes on to the end.
    async fn rpc(&self, client: &HubClient, method: &str, data: &str) -> std::result::Result<String, HubRefusal>;

    /// A subscription that counts was admitted (`came`) or ended. In the channel's order; must not block.
    fn presence(&self, channel: &str, client: &HubClient, came: bool, left: HubLeft);

    /// A connection ended. A hint; nothing may depend on it.
    fn closed(&self, client: &HubClient, code: u32);
}

/// Why a subscription ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HubLeft {
    /// The client unsubscribed, or closed its connection in order.
    Itself,
    /// The connection was lost. Its last sign of life is so long ago: nothing if it ended by one, as closed and reset
    /// sockets do, or if we ended it for what the client said.
    Lost(Duration),
    /// The server ended it.
    Server,
    /// A newer connection of the same user took its place.
    Replaced,
}
