//! What RoomService needs of the engine, in LiveKit's own types.

use std::collections::BTreeMap;

use async_trait::async_trait;
use livekit_protocol as proto;
use stoa_core::Result;
use stoa_core::id::{AppId, ChannelKey, Identity, UserId};

/// Changes to one participant. What is empty or `None` stays as it is; an attribute set to `""` is deleted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ParticipantChange {
    /// New display name, or empty.
    pub name: String,
    /// New metadata, or empty.
    pub metadata: String,
    /// Attributes to set or delete. None begins with `stoa.`.
    pub attributes: BTreeMap<String, String>,
    /// New permission. Of no effect beyond what the participant's standing allows.
    pub permission: Option<proto::ParticipantPermission>,
}

/// A data packet from the server: it names no sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerData {
    /// What to send.
    pub payload: Vec<u8>,
    /// Over the reliable channel.
    pub reliable: bool,
    /// `UserPacket.topic`, if any.
    pub topic: Option<String>,
    /// To these identities.
    pub to_identities: Vec<String>,
    /// And to these participants (the older way of naming them). Both lists empty = to all.
    pub to_sids: Vec<String>,
}

/// The engine as RoomService drives it.
///
/// Errors: `NotFound` (room, participant or track), `LimitReached`, `Forbidden`, `BadInput`, `Unavailable`.
#[async_trait]
pub trait RoomControl: Send + Sync {
    /// Makes the channel, or finds it: an existing one keeps what it has and is answered as it is.
    async fn create_room(&self, channel: &ChannelKey, wanted: &proto::CreateRoomRequest) -> Result<proto::Room>;

    /// `leave{ROOM_DELETED}` to all, then the channel is gone. `NotFound` when there is none.
    async fn end_room(&self, channel: &ChannelKey) -> Result<()>;

    /// Live channels of the app; only those of these names when any are given.
    async fn list_rooms(&self, app: AppId, names: &[String]) -> Result<Vec<proto::Room>>;

    /// Who is in the channel, hidden participants included.
    async fn participants(&self, channel: &ChannelKey) -> Result<Vec<proto::ParticipantInfo>>;

    /// One of them.
    async fn participant(&self, channel: &ChannelKey, identity: &Identity) -> Result<proto::ParticipantInfo>;

    /// The user that admission found behind the identity; `None` = the identity is not there.
    /// `NotFound` when the channel is not.
    async fn user_of(&self, channel: &ChannelKey, identity: &Identity) -> Result<Option<UserId>>;

    /// Mutes by command, which the participant cannot lift, or takes that back.
    async fn mute_track(
        &self,
        channel: &ChannelKey,
        identity: &Identity,
        track: &str,
        muted: bool,
    ) -> Result<proto::TrackInfo>;

    /// Changes what others see of a participant, and its permission.
    async fn update_participant(
        &self,
        channel: &ChannelKey,
        identity: &Identity,
        change: ParticipantChange,
    ) -> Result<proto::ParticipantInfo>;

    /// Subscribes the participant to tracks, or unsubscribes it.
    async fn update_subscriptions(
        &self,
        channel: &ChannelKey,
        identity: &Identity,
        tracks: &[String],
        subscribe: bool,
    ) -> Result<()>;

    /// Sends a data packet.
    async fn send_data(&self, channel: &ChannelKey, data: ServerData) -> Result<()>;

    /// Sets the channel's metadata and tells all.
    async fn update_room_metadata(&self, channel: &ChannelKey, metadata: &str) -> Result<proto::Room>;
}
