//! What server SDKs ask of the engine: the other half of [`crate::twirp`].

use std::time::Duration;

use async_trait::async_trait;
use livekit_protocol as proto;
use livekit_protocol::leave_request::Action;
use proto::data_packet::Value;
use stoa_core::Result;
use stoa_core::error::{Error, Kind};
use stoa_core::id::{AppId, ChannelKey, Identity, UserId};
use stoa_core::media::LeftReason;

use crate::engine::Engine;
use crate::pc::Lane;
use crate::room::{Ctx, Participant, Pid, Recipients, Room};
use crate::twirp::{ParticipantChange, RoomControl, ServerData};

fn no_room() -> Error {
    Error::new(Kind::NotFound, "requested room does not exist")
}

fn no_participant() -> Error {
    Error::new(Kind::NotFound, "participant does not exist")
}

impl Engine {
    /// Runs `f` on a live channel.
    async fn room<R: Send + 'static>(
        &self,
        channel: &ChannelKey,
        f: impl FnOnce(&mut Room, &mut Ctx<'_>) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let key = channel.clone();
        let call = self.inner.port.call(move |shard, now| {
            let ix = shard.by_key.get(&key).copied()?;
            shard.with_room(now, ix, f)
        });
        call.await?.ok_or_else(no_room)?
    }

    /// Runs `f` on a participant of a live channel.
    async fn with_participant<R: Send + 'static>(
        &self,
        channel: &ChannelKey,
        identity: &Identity,
        f: impl FnOnce(&mut Room, &mut Ctx<'_>, Pid) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let identity = identity.clone();
        self.room(channel, move |room, ctx| {
            let pid = room.pid_of(&identity).ok_or_else(no_participant)?;
            f(room, ctx, pid)
        })
        .await
    }
}

fn shown(room: &Room, pid: Pid) -> Result<proto::ParticipantInfo> {
    room.parts.get(&pid).map(|p: &Participant| room.participant_info(p)).ok_or_else(no_participant)
}

#[async_trait]
impl RoomControl for Engine {
    async fn create_room(&self, channel: &ChannelKey, wanted: &proto::CreateRoomRequest) -> Result<proto::Room> {
        let (key, wanted) = (channel.clone(), wanted.clone());
        let call = self.inner.port.call(move |shard, now| {
            let known = shard.by_key.contains_key(&key);
            let ix = shard.ensure(now, &key);
            shard.with_room(now, ix, |room, _| {
                if !known {
                    let secs = |n: u32, usual: Duration| if n == 0 { usual } else { Duration::from_secs(n.into()) };
                    room.empty_timeout = secs(wanted.empty_timeout, room.empty_timeout);
                    room.departure_timeout = secs(wanted.departure_timeout, room.departure_timeout);
                    room.metadata = wanted.metadata;
                    if wanted.max_participants > 0 {
                        let ours = if room.max_participants == 0 { u32::MAX } else { room.max_participants };
                        room.max_participants = wanted.max_participants.min(ours);
                    }
                }
                room.info()
            })
        });
        call.await?.ok_or_else(no_room)
    }

    async fn end_room(&self, channel: &ChannelKey) -> Result<()> {
        let key = channel.clone();
        let call = self.inner.port.call(move |shard, now| {
            shard.memory.lock().ended(now, &key);
            let ix = shard.by_key.get(&key).copied()?;
            shard.end(now, ix, LeftReason::RoomDeleted, Action::Disconnect);
            Some(())
        });
        call.await?.ok_or_else(no_room)
    }

    async fn list_rooms(&self, app: AppId, names: &[String]) -> Result<Vec<proto::Room>> {
        let names = names.to_vec();
        let call = self.inner.port.call(move |shard, _| {
            let asked = |r: &&Room| names.is_empty() || names.iter().any(|n| n == r.key.name.as_str());
            let mut list: Vec<_> =
                shard.rooms.values().filter(|r| r.key.app == app).filter(asked).map(Room::info).collect();
            list.sort_by(|a, b| a.name.cmp(&b.name));
            list
        });
        call.await
    }

    async fn participants(&self, channel: &ChannelKey) -> Result<Vec<proto::ParticipantInfo>> {
        self.room(channel, |room, _| Ok(room.parts.values().map(|p| room.participant_info(p)).collect())).await
    }

    async fn participant(&self, channel: &ChannelKey, identity: &Identity) -> Result<proto::ParticipantInfo> {
        self.with_participant(channel, identity, |room, _, pid| shown(room, pid)).await
    }

    async fn user_of(&self, channel: &ChannelKey, identity: &Identity) -> Result<Option<UserId>> {
        let identity = identity.clone();
        self.room(channel, move |room, _| {
            let p = room.pid_of(&identity).and_then(|pid| room.parts.get(&pid));
            Ok(p.map(|p| p.who.user.clone()))
        })
        .await
    }

    async fn mute_track(
        &self,
        channel: &ChannelKey,
        identity: &Identity,
        track: &str,
        muted: bool,
    ) -> Result<proto::TrackInfo> {
        let sid = track.to_owned();
        self.with_participant(channel, identity, move |room, ctx, pid| {
            let known = room.mute_by_command(ctx, pid, &sid, muted);
            let info = room.tracks_of(pid).find(|t| t.info.sid == sid).map(|t| t.info.clone());
            info.filter(|_| known).ok_or_else(|| Error::new(Kind::NotFound, "track does not exist"))
        })
        .await
    }

    async fn update_participant(
        &self,
        channel: &ChannelKey,
        identity: &Identity,
        change: ParticipantChange,
    ) -> Result<proto::ParticipantInfo> {
        self.with_participant(channel, identity, move |room, ctx, pid| {
            if !room.update_by_command(pid, &change.name, &change.metadata, change.attributes) {
                return Err(Error::new(Kind::LimitReached, "attributes: too long altogether"));
            }
            if let Some(permission) = &change.permission {
                room.narrow(ctx, pid, permission);
            }
            shown(room, pid)
        })
        .await
    }

    async fn update_subscriptions(
        &self,
        channel: &ChannelKey,
        identity: &Identity,
        tracks: &[String],
        subscribe: bool,
    ) -> Result<()> {
        let req = proto::UpdateSubscription { track_sids: tracks.to_vec(), subscribe, ..Default::default() };
        self.with_participant(channel, identity, move |room, ctx, pid| {
            room.update_subscription(ctx, pid, &req);
            Ok(())
        })
        .await
    }

    async fn send_data(&self, channel: &ChannelKey, data: ServerData) -> Result<()> {
        self.room(channel, move |room, ctx| {
            let (kind, lane) = match data.reliable {
                true => (proto::data_packet::Kind::Reliable, Lane::Reliable),
                false => (proto::data_packet::Kind::Lossy, Lane::Lossy),
            };
            let user = proto::UserPacket { payload: data.payload, topic: data.topic, ..Default::default() };
            #[expect(deprecated, reason = "older clients read the kind")]
            let packet = proto::DataPacket { kind: kind.into(), value: Some(Value::User(user)), ..Default::default() };
            let to = Recipients { identities: data.to_identities, sids: data.to_sids };
            room.send_data(ctx, None, lane, &packet, &to);
            Ok(())
        })
        .await
    }

    async fn update_room_metadata(&self, channel: &ChannelKey, metadata: &str) -> Result<proto::Room> {
        let metadata = metadata.to_owned();
        self.room(channel, move |room, _| {
            room.metadata = metadata;
            room.tell_room();
            Ok(room.info())
        })
        .await
    }
}
