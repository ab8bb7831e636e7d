//! The media port: commands from the product, carried to the shard and confirmed by it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use livekit_protocol::leave_request::Action;
use stoa_core::error::{Error, Kind, Result};
use stoa_core::id::{AppId, ChannelKey, ChannelName, UserId};
use stoa_core::media::{Judge, LeftReason, Media, Message, ParticipantView, Removal, RemoveCause, To, TrackView};
use stoa_core::ports::Clock;
use stoa_core::time::Now;
use tokio::sync::{mpsc, oneshot};

use crate::memory::SharedMemory;
use crate::shard::{Command, Shard};
use crate::shown::{Picture, Pictures};

/// A command that is not confirmed by then is answered "unavailable"; it is carried out all the same.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(2);

/// The way to a shard.
#[derive(Clone)]
pub(crate) struct Port {
    pub commands: mpsc::Sender<Command>,
    pub memory: SharedMemory,
    pub pictures: Pictures,
    /// Whole seconds that rates are the mean of.
    pub stats_window: u32,
    pub clock: Arc<dyn Clock>,
}

impl Port {
    /// Runs `f` on the shard's thread and waits for its answer, which comes after its packets are sent and its facts told.
    pub(crate) async fn call<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Shard, Now) -> R + Send + 'static,
    ) -> Result<R> {
        let unavailable = || Error::new(Kind::Unavailable, "the media engine is busy, try again");
        let (reply, answer) = oneshot::channel();
        let call = Command::Call(Box::new(move |shard, now| {
            let result = f(shard, now);
            // Whoever asked may have stopped waiting; the command is done nevertheless.
            shard.answer_later(Box::new(move || drop(reply.send(result))));
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
    async fn set_standing(&self, channel: &ChannelKey, user: &UserId, rights: Arc<dyn Judge>) -> Result<()> {
        {
            let mut memory = self.memory.lock();
            memory.rights(self.clock.now(), channel, user, &rights);
            if !memory.lives(channel) {
                return Ok(());
            }
        }
        let (key, user) = (channel.clone(), user.clone());
        self.call(move |shard, now| {
            if let Some(ix) = shard.by_key.get(&key).copied() {
                shard.with_room(now, ix, |r, ctx| r.set_standing(ctx, &user, &*rights));
            }
        })
        .await
    }

    async fn silence(&self, channel: &ChannelKey, revision: u64) -> Result<()> {
        let key = channel.clone();
        self.call(move |shard, now| {
            shard.memory.lock().silence(now, &key, revision);
            if let Some(ix) = shard.by_key.get(&key).copied() {
                shard.with_room(now, ix, |r, ctx| r.silence(ctx, revision));
            }
        })
        .await
    }

    async fn end_channel(&self, channel: &ChannelKey) -> Result<()> {
        let key = channel.clone();
        self.call(move |shard, now| {
            shard.memory.lock().ended(now, &key);
            if let Some(ix) = shard.by_key.get(&key).copied() {
                shard.end(now, ix, LeftReason::RoomDeleted, Action::Disconnect);
            }
        })
        .await
    }

    async fn remove(&self, channel: &ChannelKey, user: &UserId, removal: Removal) -> Result<()> {
        let Removal { cause: RemoveCause::Kick, not_before_secs, until, farewell } = removal;
        let (key, user) = (channel.clone(), user.clone());
        self.call(move |shard, now| {
            shard.memory.lock().removed(now, &key, &user, not_before_secs, until);
            if let Some(ix) = shard.by_key.get(&key).copied() {
                shard.with_room(now, ix, |r, ctx| r.remove(ctx, &user, farewell.as_ref()));
            }
        })
        .await
    }

    async fn send(&self, channel: &ChannelKey, to: &To, message: &Message) -> Result<usize> {
        let (key, to, message) = (channel.clone(), to.clone(), message.clone());
        self.call(move |shard, now| {
            let ix = shard.by_key.get(&key).copied()?;
            shard.with_room(now, ix, |r, ctx| r.send(ctx, &to, &message))
        })
        .await
        .map(Option::unwrap_or_default)
    }

    async fn participants(&self, channel: &ChannelKey) -> Result<Vec<ParticipantView>> {
        self.views(channel, None).await
    }

    async fn participants_of(&self, channel: &ChannelKey, user: &UserId) -> Result<Vec<ParticipantView>> {
        self.views(channel, Some(user.clone())).await
    }

    async fn tracks_of(&self, channel: &ChannelKey, user: &UserId) -> Result<Option<Vec<TrackView>>> {
        let picture = self.picture(channel).await?;
        let now = self.clock.now().mono;
        Ok(picture.and_then(|p| p.tracks(user, now, self.stats_window)))
    }

    async fn speakers(&self, channel: &ChannelKey) -> Result<Vec<UserId>> {
        Ok(self.picture(channel).await?.map_or_else(Vec::new, |p| p.speakers().to_vec()))
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
    async fn picture(&self, channel: &ChannelKey) -> Result<Option<Arc<Picture>>> {
        if let Some(picture) = self.pictures.get(channel) {
            return Ok(Some(picture));
        }
        let key = channel.clone();
        self.call(move |shard, _| shard.picture(&key)).await
    }

    async fn views(&self, channel: &ChannelKey, of: Option<UserId>) -> Result<Vec<ParticipantView>> {
        let picture = self.picture(channel).await?;
        let now = self.clock.now().mono;
        Ok(picture.map_or_else(Vec::new, |p| p.views(of.as_ref(), now, self.stats_window)))
    }

    /// As the port of core.
    pub(crate) fn shared(&self) -> Arc<dyn Media> {
        Arc::new(self.clone())
    }
}
