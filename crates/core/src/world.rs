//! The ports and the volatile state that use-cases share.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use crate::board::Boards;
use crate::channel::{ChannelRecord, Place, Policy, Rights};
use crate::class::{Class, ClassStatus, Meeting};
use crate::director::Noted;
use crate::error::Result;
use crate::group::{Crowd, Happening, Outlet};
use crate::id::{ChannelKey, UserId};
use crate::live::Live;
use crate::media::{Media, Muted, To};
use crate::notice::Notice;
use crate::ports::{Clock, Entropy, Store};
use crate::voice::Room;

/// Everything a use-case may touch. Cheap to clone.
#[derive(Clone)]
pub struct World {
    /// System of record.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Entropy.
    pub entropy: Arc<dyn Entropy>,
    /// Who is connected to the media engine now.
    pub live: Arc<Live>,
    /// Who takes part in groups of the hub now.
    pub crowd: Arc<Crowd>,
    /// What the operator chose for all channels.
    pub policy: Policy,
    media: Arc<OnceLock<Arc<dyn Media>>>,
    facts: Arc<OnceLock<Arc<dyn Facts>>>,
    boards: Arc<OnceLock<Arc<dyn Boards>>>,
    outlet: Arc<OnceLock<Arc<dyn Outlet>>>,
}

/// Takes the engine's facts on to the director and whoever else listens. The shell implements it with a queue.
#[async_trait]
pub trait Facts: Send + Sync {
    /// One fact, in the channel's order, with what it changed of who is present. Must not block.
    fn push(&self, noted: Noted);

    /// Waits until everything pushed before this call has been taken in: what it changed is stored.
    async fn settled(&self) -> Result<()>;
}

impl World {
    /// A world whose media engine is put in with [`World::set_media`] before anything is served: the
    /// engine needs the use-cases as its hooks, and the use-cases need the engine.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, policy: Policy) -> Self {
        Self {
            store,
            clock,
            entropy,
            live: Arc::default(),
            crowd: Arc::default(),
            policy,
            media: Arc::default(),
            facts: Arc::default(),
            boards: Arc::default(),
            outlet: Arc::default(),
        }
    }

    /// Puts the engine in, once; a second call changes nothing.
    pub fn set_media(&self, media: Arc<dyn Media>) {
        // Only the first engine counts: replacing it would leave two owners of the channels.
        let _already_set = self.media.set(media);
    }

    /// Puts the whiteboards in, once.
    pub fn set_boards(&self, boards: Arc<dyn Boards>) {
        let _already_set = self.boards.set(boards);
    }

    /// The whiteboards, where there are any.
    #[must_use]
    pub fn boards(&self) -> Option<&Arc<dyn Boards>> {
        self.boards.get()
    }

    /// Puts the groups in, once.
    pub fn set_outlet(&self, outlet: Arc<dyn Outlet>) {
        let _already_set = self.outlet.set(outlet);
    }

    /// Tells the groups, where there are any.
    pub async fn tell(&self, what: Happening) {
        if let Some(outlet) = self.outlet.get() {
            outlet.tell(what).await;
        }
    }

    /// Sends a notice on both ways, to those in the media channel and to those in the group. Answers how many
    /// participants of the media channel were addressed.
    ///
    /// # Errors
    /// Engine faults.
    pub async fn notify(&self, notice: Notice, to: &To) -> Result<usize> {
        let sent = self.media().send(&notice.channel, to, &notice.message()).await;
        self.tell(Happening::Notice(notice, to.clone())).await;
        sent
    }

    /// Whether the user has a live session: media, or the group.
    #[must_use]
    pub fn is_here(&self, channel: &ChannelKey, user: &UserId) -> bool {
        self.live.is_online(channel, user) || self.crowd.has(channel, user)
    }

    /// Distinct users with a live session (voice-room.md 4.0.1, classroom.md 5.10).
    #[must_use]
    pub fn online(&self, channel: &ChannelKey) -> usize {
        self.live.online(channel) + self.crowd.besides(channel, |u| self.live.is_online(channel, u))
    }

    /// Puts the way of facts in, once.
    pub fn set_facts(&self, facts: Arc<dyn Facts>) {
        let _already_set = self.facts.set(facts);
    }

    /// The way of facts.
    ///
    /// # Panics
    /// As [`World::media`].
    #[must_use]
    #[expect(clippy::expect_used, reason = "a wiring fault, not a condition of running")]
    pub fn facts(&self) -> &Arc<dyn Facts> {
        self.facts.get().expect("World::set_facts comes before serving")
    }

    /// The media engine.
    ///
    /// # Panics
    /// When nothing was put in: a wiring fault that the first request would show.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a wiring fault, not a condition of running")]
    pub fn media(&self) -> &Arc<dyn Media> {
        self.media.get().expect("World::set_media comes before serving")
    }
}

/// What there is under a channel's name.
#[derive(Debug, Clone)]
pub enum Found {
    /// A live voice room.
    Room(Arc<Room>),
    /// A class that is not ended; while it does not run, its channel lives as long as it has a record.
    Class(Arc<Class>, Option<ChannelRecord>),
    /// An adhoc channel.
    Adhoc(ChannelRecord),
    /// What is over: the name opens nothing.
    Ended(Ended),
    /// Nothing: an adhoc channel of this name may come to life.
    Nothing,
}

/// What was under a channel's name.
#[derive(Debug, Clone)]
pub enum Ended {
    /// A voice room that is dismissed.
    Room(Arc<Room>),
    /// A class that is ended; it may be started again.
    Class(Arc<Class>),
    /// A class that was deleted.
    Deleted,
}

impl Found {
    /// Whether it exists now (talk.md 1.4).
    #[must_use]
    pub fn exists(&self) -> bool {
        match self {
            Self::Room(_) | Self::Adhoc(_) => true,
            Self::Class(class, record) => class.status == ClassStatus::Running || record.is_some(),
            Self::Ended(_) | Self::Nothing => false,
        }
    }
}

impl World {
    /// What there is under this name.
    ///
    /// # Errors
    /// Store faults.
    pub async fn find(&self, channel: &ChannelKey) -> Result<Found> {
        if let Some(id) = channel.room_id()
            && let Some(room) = self.store.room(channel.app, id).await?
        {
            return Ok(if room.live() { Found::Room(room) } else { Found::Ended(Ended::Room(room)) });
        }
        if let Some(id) = channel.meeting_id() {
            match self.store.meeting(channel.app, id).await? {
                Meeting::Class(class) if class.open() => {
                    let record = self.store.channel(channel).await?;
                    return Ok(Found::Class(class, record));
                }
                Meeting::Class(class) => return Ok(Found::Ended(Ended::Class(class))),
                Meeting::Deleted => return Ok(Found::Ended(Ended::Deleted)),
                Meeting::Unknown => {}
            }
        }
        Ok(self.store.channel(channel).await?.map_or(Found::Nothing, Found::Adhoc))
    }

    /// A user's rights in what was found. The member row is read after the channel, so it is at least as new as the
    /// revision, and what is told last is the newest.
    ///
    /// # Errors
    /// Store faults.
    pub async fn rights_in(&self, found: &Found, channel: &ChannelKey, user: &UserId) -> Result<Rights> {
        let (place, revision) = match found {
            Found::Room(room) | Found::Ended(Ended::Room(room)) => (room.place(user), room.version),
            Found::Class(class, _) | Found::Ended(Ended::Class(class)) => {
                (self.class_place(class, user).await?, class.version)
            }
            Found::Ended(Ended::Deleted) => {
                (Place::Class { open: false, teacher: false, stage: false, muted: Muted::default() }, u64::MAX)
            }
            Found::Adhoc(record) => (Place::Adhoc, record.version),
            Found::Nothing => (Place::Adhoc, 0),
        };
        let member = self.store.member(channel, user).await?;
        let now = self.clock.now().wall;
        Ok(Rights::new(user, place, member.as_ref(), self.policy, revision, now))
    }

    /// The class whose channel this is, also an ended one.
    ///
    /// # Errors
    /// Store faults.
    pub async fn class_of(&self, channel: &ChannelKey) -> Result<Option<Arc<Class>>> {
        let Some(id) = channel.meeting_id() else { return Ok(None) };
        match self.store.meeting(channel.app, id).await? {
            Meeting::Class(class) => Ok(Some(class)),
            Meeting::Deleted | Meeting::Unknown => Ok(None),
        }
    }

    async fn class_place(&self, class: &Class, user: &UserId) -> Result<Place> {
        let everybody = self.policy.open_stage;
        let present = match everybody {
            true => self.store.class_member(class.id, user).await?.is_some_and(|m| m.present()),
            false => false,
        };
        Ok(class.place(user, everybody, present, self.clock.now().wall))
    }

    /// Makes the engine judge a user by what is stored now.
    ///
    /// # Errors
    /// Store and engine faults.
    pub async fn tell_standing(&self, channel: &ChannelKey, user: &UserId) -> Result<()> {
        let found = self.find(channel).await?;
        let rights = self.rights_in(&found, channel, user).await?;
        self.media().set_standing(channel, user, Arc::new(rights)).await
    }
}
