//! The use-cases of voice rooms. Order is always: decide and persist (one transaction), command the
//! media engine, answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{Applied, Command, NewRoom, Outcome, Room, RoomPatch, SeatIndex};
use crate::caller::Caller;
use crate::channel::IdentityType;
use crate::cloud::RoomCloud;
use crate::director::{Director, Input};
use crate::error::{Error, Kind, Result};
use crate::group::Happening;
use crate::id::{AppId, ChannelKey, Identity, RoomId, UserId};
use crate::media::MediaGrant;
use crate::ports::PageStart;
use crate::time::UnixMs;
use crate::world::World;

/// Draws of a show code inside one transaction before creation fails (voice-room.md 4.2). With
/// 90 million codes, 20 collisions in a row mean a broken generator, not a full range.
const SHOW_CODE_DRAWS: usize = 20;

/// What the operator chose for this dialect.
#[derive(Debug, Clone)]
pub struct VoiceConfig {
    /// Tenant of the dialect.
    pub app: AppId,
    /// Life of a media token.
    pub rtc_token_ttl: Duration,
    /// Live rooms one owner may have, 0 = no limit.
    pub max_live_rooms_per_owner: u32,
}

/// Fields of a new room, checked by the dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRoom {
    /// The owner.
    pub anchor: UserId,
    /// See [`Room`].
    pub title: String,
    /// See [`Room`].
    pub notice: String,
    /// See [`Room`].
    pub extends: String,
    /// See [`Room`].
    pub anchor_nick: String,
}

/// Voice rooms of one app.
#[derive(Clone)]
pub struct Voice {
    world: World,
    director: Arc<Director>,
    config: VoiceConfig,
    cloud: Option<Arc<dyn RoomCloud>>,
}

/// The answer for an owner at [`VoiceConfig::max_live_rooms_per_owner`].
#[must_use]
pub fn too_many_rooms() -> Error {
    Error::new(Kind::LimitReached, "this owner has as many live rooms as are allowed")
}

fn not_found() -> Error {
    Error::new(Kind::NotFound, "room not found")
}

fn gone() -> Error {
    Error::new(Kind::Gone, "room has been dismissed")
}

fn forbidden(what: &'static str) -> Error {
    Error::new(Kind::Forbidden, what)
}

fn impossible(outcome: &Outcome) -> Error {
    Error::internal_error(format!("outcome {outcome:?} does not answer this command"))
}

/// The error of a running ban; the text tells when it ends.
#[must_use]
pub fn banned(until: UnixMs) -> Error {
    Error::new(Kind::Banned { until }, "banned from this room")
}

impl Voice {
    /// The rooms of `config.app`, in this world.
    #[must_use]
    pub fn new(world: World, director: Arc<Director>, config: VoiceConfig) -> Self {
        Self { world, director, config, cloud: None }
    }

    /// With parts of every room outside.
    #[must_use]
    pub fn with_cloud(self, cloud: Arc<dyn RoomCloud>) -> Self {
        Self { cloud: Some(cloud), ..self }
    }

    /// The tenant.
    #[must_use]
    pub fn app(&self) -> AppId {
        self.config.app
    }

    /// Makes a room (voice-room.md 4.2). The caller must be the anchor or an administrator.
    ///
    /// # Errors
    /// `NotYou`, `LimitReached`, `Vendor`, store faults. Nothing is stored then.
    pub async fn create(&self, caller: &Caller, new: CreateRoom) -> Result<Arc<Room>> {
        caller.act_as(&new.anchor, "anchor")?;
        let mut codes = [0u32; SHOW_CODE_DRAWS];
        for c in &mut codes {
            *c = self.show_code();
        }
        let room = NewRoom {
            id: self.room_id(),
            app: self.config.app,
            created: self.world.clock.now().wall,
            title: new.title,
            notice: new.notice,
            extends: new.extends,
            anchor: new.anchor,
            anchor_nick: new.anchor_nick,
        };
        let limit = self.config.max_live_rooms_per_owner;
        if let Some(cloud) = &self.cloud {
            // What is made outside cannot be taken back: who may not have a room costs the vendor nothing.
            if limit > 0 && self.world.store.live_rooms_of(room.app, &room.anchor).await? >= limit {
                return Err(too_many_rooms());
            }
            cloud.open(room.id, &room.anchor).await?;
        }
        self.world.store.create_room(room, &codes, limit).await
    }

    /// Live rooms, newest first (voice-room.md 4.3).
    ///
    /// # Errors
    /// Store faults.
    pub async fn list(&self, start: PageStart, limit: u32) -> Result<Vec<Arc<Room>>> {
        self.world.store.list_rooms(self.config.app, start, limit).await
    }

    /// One room, also a dismissed one; `None` as id means the request named no possible room.
    ///
    /// # Errors
    /// `NotFound`, store faults.
    pub async fn get(&self, id: Option<RoomId>) -> Result<Arc<Room>> {
        let id = id.ok_or_else(not_found)?;
        self.world.store.room(self.config.app, id).await?.ok_or_else(not_found)
    }

    /// As [`Voice::get`] for rooms that are live.
    ///
    /// # Errors
    /// `NotFound`, `Gone`, store faults.
    pub async fn get_live(&self, id: Option<RoomId>) -> Result<Arc<Room>> {
        let room = self.get(id).await?;
        if room.live() { Ok(room) } else { Err(gone()) }
    }

    /// Distinct users with a live session in the room; 0 when dismissed.
    #[must_use]
    pub fn online(&self, room: &Room) -> usize {
        if !room.live() {
            return 0;
        }
        let outside = self.cloud.as_ref().and_then(|c| c.online(room.id));
        outside.unwrap_or_else(|| self.world.online(&room.channel()))
    }

    /// What a media token for this user and room says (voice-room.md 4.5, 6.1).
    ///
    /// # Errors
    /// `NotYou`, `NotFound`, `Gone`, `Banned`, store faults.
    pub async fn rtc_grant(&self, caller: &Caller, id: Option<RoomId>, user: &UserId) -> Result<MediaGrant> {
        caller.act_as(user, "user_id")?;
        let room = self.get_live(id).await?;
        let now = self.world.clock.now().wall;
        let sanction = self.world.store.sanction(&room.channel(), user).await?;
        if let Some(s) = sanction.as_ref().filter(|s| s.bans(now)) {
            return Err(banned(s.until));
        }
        // A token minted in the very second of a kick must work again at once (talk.md 5.1).
        let mark = sanction.map_or(0, |s| s.not_before_secs);
        let owner = room.anchor == *user;
        Ok(MediaGrant {
            channel: room.channel().name,
            identity: Identity::new(user.as_str())?,
            user: user.clone(),
            identity_type: if owner { IdentityType::Host } else { IdentityType::OnDemand },
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            can_publish: room.may_publish(user),
            sources: BTreeSet::new(),
            can_publish_data: true,
            iat_secs: now.secs(),
            nbf_secs: now.secs().max(mark),
            exp_secs: now.plus(self.config.rtc_token_ttl).secs(),
        })
    }

    /// Ends a room (voice-room.md 5.7). `user` is the body's `user_id`. Ending an ended room is success.
    ///
    /// # Errors
    /// `NotYou`, `NotFound`, `Forbidden` (not the owner), store faults.
    pub async fn dismiss(&self, caller: &Caller, id: Option<RoomId>, user: &UserId) -> Result<()> {
        caller.act_as(user, "user_id")?;
        let id = id.ok_or_else(not_found)?;
        // Without the subject check the body's user stands for the caller.
        let acting = Caller { user: user.clone(), ..caller.clone() };
        self.dismiss_as(if caller.unbound { &acting } else { caller }, id).await
    }

    async fn dismiss_as(&self, caller: &Caller, id: RoomId) -> Result<()> {
        let applied = self.apply(id, Command::Dismiss { caller: caller.clone() }).await?;
        match applied.outcome {
            Outcome::Dismissed(_) => {
                let now = self.world.clock.now();
                // First: the engine may take its time, and the group closes with the commit.
                self.world.tell(Happening::Dismissed(Arc::clone(&applied.room))).await;
                self.director.command(now, Input::Dismissed { room: applied.room }).await;
                Ok(())
            }
            Outcome::Ended => Ok(()),
            Outcome::NotAllowed => Err(forbidden("only the owner may dismiss this room")),
            other => Err(impossible(&other)),
        }
    }

    /// `joinMic` (voice-room.md 5.2). Answers the seats of that commit, or which rule spoke against it:
    /// the outcome is [`Outcome::Seated`], [`Outcome::AlreadySeated`] or [`Outcome::Full`].
    ///
    /// # Errors
    /// `NotYou`, `NotFound`, `Gone`, `Banned`, `Forbidden` (an administrator made the user a listener), store faults.
    pub async fn take_seat(
        &self,
        caller: &Caller,
        id: Option<RoomId>,
        user: &UserId,
        wish: Option<SeatIndex>,
        extends: String,
    ) -> Result<Applied> {
        caller.act_as(user, "user_id")?;
        let id = id.ok_or_else(not_found)?;
        let channel = ChannelKey::of_room(self.config.app, id);
        let attended = self.world.is_here(&channel, user);
        let command = Command::TakeSeat { user: user.clone(), wish, extends, attended };
        let applied = self.apply(id, command).await?;
        match &applied.outcome {
            Outcome::Seated(_) => {
                self.tell_standing(&applied.room, user).await;
                self.world.tell(Happening::Seats { room: Arc::clone(&applied.room), freed: Vec::new() }).await;
                // The last session may have ended between the look and the commit, with nobody seated yet to time out.
                if attended && !self.world.is_here(&channel, user) {
                    self.director
                        .command(
                            self.world.clock.now(),
                            Input::Absent { channel, user: user.clone(), silent: Duration::ZERO },
                        )
                        .await;
                } else if !attended && self.world.is_here(&channel, user) {
                    self.director.attend(&channel, user).await?;
                }
                Ok(applied)
            }
            Outcome::AlreadySeated(_) | Outcome::Full => Ok(applied),
            Outcome::Banned(until) => Err(banned(*until)),
            Outcome::Listener => Err(forbidden("you are a listener in this room")),
            Outcome::Ended => Err(gone()),
            other => Err(impossible(other)),
        }
    }

    /// `leaveMic` (voice-room.md 5.3). Answers the room as of that commit; a dismissed room is success.
    ///
    /// # Errors
    /// `NotYou`, `NotFound`, store faults.
    pub async fn leave_seat(
        &self,
        caller: &Caller,
        id: Option<RoomId>,
        user: &UserId,
        index: Option<SeatIndex>,
    ) -> Result<Arc<Room>> {
        let not_you = || Error::new(Kind::NotYou, "user_id does not match the token");
        // Where there is no room nobody is its owner: a foreign name is refused before "not found".
        let unknown = || if caller.may_act_as(user) { not_found() } else { not_you() };
        let id = id.ok_or_else(unknown)?;
        let command = Command::LeaveSeat { caller: caller.clone(), target: user.clone(), index };
        let now = self.world.clock.now().wall;
        let applied = self.world.store.apply(self.config.app, id, command, now).await?.ok_or_else(unknown)?;
        match applied.outcome {
            Outcome::Freed(freed) => {
                for f in &freed {
                    self.tell_standing(&applied.room, &f.holder).await;
                }
                // Whoever stands up itself says so itself.
                let freed = freed.into_iter().filter(|f| f.holder != caller.user).collect();
                self.world.tell(Happening::Seats { room: Arc::clone(&applied.room), freed }).await;
                Ok(applied.room)
            }
            Outcome::Unchanged | Outcome::Ended => Ok(applied.room),
            Outcome::NotAllowed => Err(not_you()),
            other => Err(impossible(&other)),
        }
    }

    /// `update` (voice-room.md 4.10).
    ///
    /// # Errors
    /// `NotFound`, `Gone`, `Forbidden`, store faults.
    pub async fn update(&self, caller: &Caller, id: Option<RoomId>, patch: RoomPatch) -> Result<Arc<Room>> {
        let id = id.ok_or_else(not_found)?;
        let applied = self.apply(id, Command::Update { caller: caller.clone(), patch }).await?;
        match applied.outcome {
            Outcome::Changed => {
                self.world.tell(Happening::Room(Arc::clone(&applied.room))).await;
                Ok(applied.room)
            }
            Outcome::Unchanged => Ok(applied.room),
            Outcome::Ended => Err(gone()),
            Outcome::NotAllowed => Err(forbidden("only the owner may change this room")),
            other => Err(impossible(&other)),
        }
    }

    async fn apply(&self, id: RoomId, command: Command) -> Result<Applied> {
        let now = self.world.clock.now().wall;
        self.world.store.apply(self.config.app, id, command, now).await?.ok_or_else(not_found)
    }

    /// The engine applies the new right before the answer leaves; if it cannot, the director finishes it.
    async fn tell_standing(&self, room: &Room, user: &UserId) {
        self.director.tell_standing(&room.channel(), user).await;
    }

    fn room_id(&self) -> RoomId {
        let mut id = [0u8; 16];
        self.world.entropy.fill(&mut id);
        RoomId::random(id)
    }

    /// Uniform in 10 000 000–99 999 999, by rejection.
    fn show_code(&self) -> u32 {
        const SPAN: u32 = 90_000_000;
        const LIMIT: u32 = u32::MAX - u32::MAX % SPAN;
        loop {
            let mut b = [0u8; 4];
            self.world.entropy.fill(&mut b);
            let n = u32::from_le_bytes(b);
            if n < LIMIT {
                return 10_000_000 + n % SPAN;
            }
        }
    }
}
