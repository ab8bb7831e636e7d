//! The media port: commands from the product, carried to the shard and confirmed by it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use livekit_protocol::leave_request::Action;
use stoa_core::error::{Error, Kind, Result};
use stoa_core::id::{AppId, ChannelKey, ChannelName, UserId};
use stoa_core::media::{LeftReason, Media, ParticipantView, RemoveCause, Standing};
use stoa_core::time::{Now, UnixMs};
use tokio::sync::{mpsc, oneshot};

use crate::room::Room;
use crate::shard::{Command, Shard};

/// A command that is not confirmed by then is answered "unavailable"; it is carried out all the same.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);

/// The way to a shard.
#[derive(Clone)]
pub(crate) struct Port {
    pub commands: mpsc::Sender<Command>,
}

impl Port {
    /// Runs `f` on the shard's thread and waits for its answer.
    pub(crate) async fn call<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Shard, Now) -> R + Send + 'static,
    ) -> Result<R> {
        let unavailable = || Error::new(Kind::Unavailable, "the media engine is busy, try again");
        let (reply, answer) = oneshot::channel();
        let call = Command::Call(Box::new(move |shard, now| {
            // Whoever asked may have stopped waiting; the command is done nevertheless.
            let _waited = reply.send(f(shard, now));
        }));
        // Reserving is what may take long; once sent the command cannot be lost with the caller.
        let work = async {
            self.commands.send(call).await.map_err(|_| unavailable())?;
            answer.await.map_err(|_| unavailable())
        };
        tokio::time::timeout(CONFIRM_TIMEOUT, work).await.map_err(|_| unavailable())?
    }
}

#[async_trait]
impl Media for Port {
    async fn set_standing(&self, channel: &ChannelKey, user: &UserId, standing: &Standing) -> Result<()> {
        let (key, user, standing) = (channel.clone(), user.clone(), standing.clone());
        self.call(move |shard, now| {
            shard.memory.standing(now, &key, &user, &standing);
            if let Some(ix) = shard.by_key.get(&key).copied() {
                shard.with_room(now, ix, |r, ctx| r.set_standing(ctx, &user, &standing));
            }
        })
        .await
    }

    async fn silence(&self, channel: &ChannelKey, revision: u64) -> Result<()> {
        let key = channel.clone();
        self.call(move |shard, now| {
            shard.memory.silence(now, &key, revision);
            if let Some(ix) = shard.by_key.get(&key).copied() {
                shard.with_room(now, ix, |r, ctx| r.silence(ctx, revision));
            }
        })
        .await
    }

    async fn end_channel(&self, channel: &ChannelKey) -> Result<()> {
        let key = channel.clone();
        self.call(move |shard, now| {
            shard.memory.ended(now, &key);
            if let Some(ix) = shard.by_key.get(&key).copied() {
                shard.end(now, ix, LeftReason::RoomDeleted, Action::Disconnect);
            }
        })
        .await
    }

    async fn remove(
        &self,
        channel: &ChannelKey,
        user: &UserId,
        cause: RemoveCause,
        not_before_secs: i64,
        until: UnixMs,
    ) -> Result<()> {
        let RemoveCause::Kick = cause;
        let (key, user) = (channel.clone(), user.clone());
        self.call(move |shard, now| {
            shard.memory.removed(now, &key, &user, not_before_secs, until);
            if let Some(ix) = shard.by_key.get(&key).copied() {
                shard.with_room(now, ix, |r, ctx| r.remove(ctx, &user));
            }
        })
        .await
    }

    async fn participants(&self, channel: &ChannelKey) -> Result<Vec<ParticipantView>> {
        let key = channel.clone();
        let views =
            self.call(move |shard, _| shard.by_key.get(&key).and_then(|ix| shard.rooms.get(ix)).map(Room::views));
        views.await?.ok_or_else(|| Error::new(Kind::NotFound, "no such channel"))
    }

    async fn channels(&self, app: AppId) -> Result<Vec<(ChannelName, usize)>> {
        self.call(move |shard, _| {
            let of_app = shard.rooms.values().filter(|r| r.key.app == app);
            of_app.map(|r| (r.key.name.clone(), r.visible_active())).collect()
        })
        .await
    }
}

impl Port {
    /// As the port of core.
    pub(crate) fn shared(&self) -> Arc<dyn Media> {
        Arc::new(self.clone())
    }
}
