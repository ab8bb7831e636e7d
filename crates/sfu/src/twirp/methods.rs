//! The methods: grant, limits, then the engine or the product.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use livekit_protocol as proto;
use livekit_protocol::data_packet;
use stoa_core::id::{ChannelKey, ChannelName, Identity, UserId};

use super::control::{ParticipantChange, ServerData};
use super::wire::{Code, Fault};
use super::{Nonces, RoomService};
use crate::token::Verified;

/// Limits of media.md 5.6, in bytes.
const MAX_NAME: usize = 256;
const MAX_METADATA: usize = 512 * 1024;
const MAX_ATTRIBUTES: usize = 64 * 1024;
const MAX_DATA: usize = 64 * 1000;
/// Most tracks, identities or room names in one call. A channel has few; a list is walked for each participant.
const MAX_LIST: usize = 1000;

/// Attributes and topics that only the product itself writes.
const RESERVED: &str = "stoa.";

/// What SDKs look for in the text to tell "no such room" from "no such service".
const NO_SUCH_ROOM: &str = "requested room does not exist";

type Answer<T> = Result<T, Fault>;

impl RoomService {
    pub(super) async fn create_room(&self, caller: &Verified, r: proto::CreateRoomRequest) -> Answer<proto::Room> {
        need(caller.room_create, "roomCreate")?;
        at_most("metadata", r.metadata.len(), MAX_METADATA)?;
        let channel = channel(caller, &r.name)?;
        // 0 is the wire's "not given".
        let linger = (r.empty_timeout > 0).then(|| Duration::from_secs(r.empty_timeout.into()));
        if !self.hooks.may_open(&channel, linger).await? {
            return Err(no_such_room());
        }
        Ok(self.control.create_room(&channel, &r).await?)
    }

    pub(super) async fn delete_room(
        &self,
        caller: &Verified,
        r: proto::DeleteRoomRequest,
    ) -> Answer<proto::DeleteRoomResponse> {
        need(caller.room_create, "roomCreate")?;
        let channel = channel(caller, &r.room)?;
        if !self.hooks.delete_asked(&channel).await? {
            self.control.end_room(&channel).await?;
        }
        Ok(proto::DeleteRoomResponse {})
    }

    pub(super) async fn list_rooms(
        &self,
        caller: &Verified,
        r: proto::ListRoomsRequest,
    ) -> Answer<proto::ListRoomsResponse> {
        need(caller.room_list, "roomList")?;
        at_most("names", r.names.len(), MAX_LIST)?;
        Ok(proto::ListRoomsResponse { rooms: self.control.list_rooms(caller.app, &r.names).await? })
    }

    pub(super) async fn list_participants(
        &self,
        caller: &Verified,
        r: proto::ListParticipantsRequest,
    ) -> Answer<proto::ListParticipantsResponse> {
        let channel = administered(caller, &r.room)?;
        Ok(proto::ListParticipantsResponse { participants: self.control.participants(&channel).await? })
    }

    pub(super) async fn get_participant(
        &self,
        caller: &Verified,
        r: proto::RoomParticipantIdentity,
    ) -> Answer<proto::ParticipantInfo> {
        let channel = administered(caller, &r.room)?;
        Ok(self.control.participant(&channel, &identity(&r.identity)?).await?)
    }

    /// A kick. Who is not there at this moment has its tokens revoked all the same, it may just be
    /// reconnecting; the answer says that nobody was found.
    pub(super) async fn remove_participant(
        &self,
        caller: &Verified,
        r: proto::RoomParticipantIdentity,
    ) -> Answer<proto::RemoveParticipantResponse> {
        let channel = administered(caller, &r.room)?;
        let identity = identity(&r.identity)?;
        let present = self.control.user_of(&channel, &identity).await?;
        let user = match &present {
            Some(user) => user.clone(),
            None => UserId::new(identity.user_part())?,
        };
        self.hooks.kick_asked(&channel, &user).await?;
        match present {
            Some(_) => Ok(proto::RemoveParticipantResponse {}),
            None => Err(Fault::new(Code::NotFound, "participant does not exist")),
        }
    }

    pub(super) async fn mute_published_track(
        &self,
        caller: &Verified,
        r: proto::MuteRoomTrackRequest,
    ) -> Answer<proto::MuteRoomTrackResponse> {
        let channel = administered(caller, &r.room)?;
        let track = self.control.mute_track(&channel, &identity(&r.identity)?, &r.track_sid, r.muted).await?;
        Ok(proto::MuteRoomTrackResponse { track: Some(track) })
    }

    pub(super) async fn update_participant(
        &self,
        caller: &Verified,
        r: proto::UpdateParticipantRequest,
    ) -> Answer<proto::ParticipantInfo> {
        let channel = administered(caller, &r.room)?;
        let identity = identity(&r.identity)?;
        at_most("name", r.name.len(), MAX_NAME)?;
        at_most("metadata", r.metadata.len(), MAX_METADATA)?;
        at_most("attributes", r.attributes.iter().map(|(k, v)| k.len() + v.len()).sum(), MAX_ATTRIBUTES)?;
        if r.attributes.keys().any(|k| k.starts_with(RESERVED)) {
            return Err(Fault::new(Code::InvalidArgument, "attributes: names starting with stoa. are reserved"));
        }
        let attributes = BTreeMap::from_iter(r.attributes);
        let change = ParticipantChange { name: r.name, metadata: r.metadata, attributes, permission: r.permission };
        Ok(self.control.update_participant(&channel, &identity, change).await?)
    }

    pub(super) async fn update_subscriptions(
        &self,
        caller: &Verified,
        r: proto::UpdateSubscriptionsRequest,
    ) -> Answer<proto::UpdateSubscriptionsResponse> {
        let channel = administered(caller, &r.room)?;
        let named = r.participant_tracks.into_iter().flat_map(|p| p.track_sids);
        let tracks: Vec<String> = r.track_sids.into_iter().chain(named).collect();
        at_most("track_sids", tracks.len(), MAX_LIST)?;
        self.control.update_subscriptions(&channel, &identity(&r.identity)?, &tracks, r.subscribe).await?;
        Ok(proto::UpdateSubscriptionsResponse {})
    }

    pub(super) async fn send_data(
        &self,
        caller: &Verified,
        r: proto::SendDataRequest,
    ) -> Answer<proto::SendDataResponse> {
        let channel = administered(caller, &r.room)?;
        at_most("data", r.data.len(), MAX_DATA)?;
        at_most("topic", r.topic.as_ref().map_or(0, String::len), MAX_NAME)?;
        if r.topic.as_ref().is_some_and(|t| t.starts_with(RESERVED)) {
            return Err(Fault::new(Code::InvalidArgument, "topic: names starting with stoa. are reserved"));
        }
        let nonce = r.nonce.clone();
        if !self.nonces().is_new(self.clock.now().mono, &channel, &nonce) {
            return Ok(proto::SendDataResponse {});
        }
        if let Err(e) = self.control.send_data(&channel, server_data(r)?).await {
            self.nonces().forget(&channel, &nonce);
            return Err(e.into());
        }
        Ok(proto::SendDataResponse {})
    }

    pub(super) async fn update_room_metadata(
        &self,
        caller: &Verified,
        r: proto::UpdateRoomMetadataRequest,
    ) -> Answer<proto::Room> {
        let channel = administered(caller, &r.room)?;
        at_most("metadata", r.metadata.len(), MAX_METADATA)?;
        Ok(self.control.update_room_metadata(&channel, &r.metadata).await?)
    }

    fn nonces(&self) -> std::sync::MutexGuard<'_, Nonces> {
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(deprecated, reason = "older server SDKs still name participants by sid")]
fn server_data(r: proto::SendDataRequest) -> Answer<ServerData> {
    at_most("destination_identities", r.destination_identities.len() + r.destination_sids.len(), MAX_LIST)?;
    Ok(ServerData {
        payload: r.data,
        reliable: r.kind == data_packet::Kind::Reliable as i32,
        topic: r.topic,
        to_identities: r.destination_identities,
        to_sids: r.destination_sids,
    })
}

fn need(granted: bool, grant: &str) -> Answer<()> {
    if granted { Ok(()) } else { Err(Fault::new(Code::PermissionDenied, format!("the token lacks {grant}"))) }
}

/// The channel, if the token administers exactly that one.
fn administered(caller: &Verified, room: &str) -> Answer<ChannelKey> {
    need(caller.room_admin && caller.room == room, "roomAdmin for this room")?;
    channel(caller, room)
}

fn channel(caller: &Verified, room: &str) -> Answer<ChannelKey> {
    Ok(ChannelKey { app: caller.app, name: ChannelName::new(room)? })
}

fn identity(text: &str) -> Answer<Identity> {
    Ok(Identity::new(text)?)
}

fn no_such_room() -> Fault {
    Fault::new(Code::NotFound, NO_SUCH_ROOM)
}

fn at_most(field: &str, size: usize, limit: usize) -> Answer<()> {
    if size <= limit { Ok(()) } else { Err(Fault::new(Code::InvalidArgument, format!("{field}: at most {limit}"))) }
}
