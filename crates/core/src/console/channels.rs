//! Every channel of every app: rooms, classes, Talk channels, also those nobody is in.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::store::Census;
use crate::app::Apps;
use crate::channel::{Member, muted_at};
use crate::class::{Class, ClassStatus, MemberFilter};
use crate::director::Director;
use crate::error::{Error, Kind, Result};
use crate::id::{AppId, ChannelKey, UserId};
use crate::kick::{Kick, Kicked};
use crate::media::ParticipantView;
use crate::ports::{PageStart, SanctionFilter};
use crate::sanction::{Sanction, Source};
use crate::talk::{self, Listed, MuteWish, Page, Talk};
use crate::time::UnixMs;
use crate::voice::Room;
use crate::world::{Found, World};

/// Rooms, and classes, of one app that are looked through; of more the oldest are left out. Each costs about 1 µs of
/// sorting and 1 KiB of memory while a list is made.
const LOOKED_THROUGH: usize = 5_000;
/// Read at once.
const CHUNK: u32 = 500;
/// Bans shown with a channel.
const BANS: u32 = 200;

/// What a channel belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// A voice room.
    Room,
    /// A class.
    Class,
    /// Nothing: its first join made it.
    Talk,
}

/// What goes on in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Somebody is there.
    Live,
    /// A class that has not begun yet.
    Preparing,
    /// A class that began and does not run now.
    Paused,
    /// Nobody is there.
    Empty,
}

/// Which channels.
#[derive(Debug, Clone, Default)]
pub struct ChannelFilter {
    /// Of this kind only.
    pub kind: Option<ChannelKind>,
    /// Of this app only.
    pub app: Option<AppId>,
    /// Part of name, title or owner, in any case.
    pub text: Option<String>,
}

/// A channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelSeen {
    /// App and name.
    pub key: ChannelKey,
    /// What it belongs to.
    pub kind: ChannelKind,
    /// Title of the room or class.
    pub title: Option<String>,
    /// Owner or teacher.
    pub owner: Option<UserId>,
    /// Distinct users who are there.
    pub online: usize,
    /// When it was made.
    pub created: UnixMs,
    /// What goes on in it.
    pub state: State,
    /// Tracks that are published.
    pub publications: usize,
    /// Payload that comes in, of all layers.
    pub bits_in: f64,
}

/// A page of channels.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelsSeen {
    /// Those with somebody in them first, then the newest.
    pub list: Listed<ChannelSeen>,
    /// False: the oldest rooms or classes were left out.
    pub complete: bool,
}

/// All of one channel.
#[derive(Debug, Clone)]
pub struct Inside {
    /// As in the list.
    pub seen: ChannelSeen,
    /// The room it belongs to.
    pub room: Option<Arc<Room>>,
    /// The class it belongs to, and everybody who ever joined it.
    pub class: Option<(Arc<Class>, u64)>,
    /// Who is there by media.
    pub participants: Vec<ParticipantView>,
    /// Users who are only in the group of the message hub.
    pub group_only: Vec<UserId>,
    /// Users whose sound was silenced by an administrator.
    pub silenced: BTreeSet<UserId>,
    /// Bans that run, the first ones.
    pub bans: Vec<Sanction>,
}

/// Whether there was a ban to lift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifted {
    /// It ended.
    Done,
    /// There was none.
    None,
}

/// The use-cases. Cheap to clone.
#[derive(Clone)]
pub struct Console {
    world: World,
    director: Arc<Director>,
    talk: Talk,
    apps: Apps,
}

fn no_channel() -> Error {
    Error::new(Kind::NotFound, "there is no such channel; it may have ended")
}

impl ChannelSeen {
    fn new(key: ChannelKey, kind: ChannelKind, created: UnixMs) -> Self {
        let (title, owner, state) = (None, None, State::Empty);
        Self { key, kind, title, owner, online: 0, created, state, publications: 0, bits_in: 0.0 }
    }

    fn of_room(room: &Room) -> Self {
        let key = ChannelKey { app: room.app, name: room.id.channel() };
        let (title, owner) = (Some(room.title.clone()), Some(room.anchor.clone()));
        Self { title, owner, ..Self::new(key, ChannelKind::Room, room.created) }
    }

    fn of_class(class: &Class) -> Self {
        let state = match (class.status, class.started) {
            (ClassStatus::Idle, None) => State::Preparing,
            (ClassStatus::Idle, Some(_)) => State::Paused,
            (ClassStatus::Running | ClassStatus::Ended, _) => State::Empty,
        };
        let (title, owner) = (Some(class.title.clone()), Some(class.teacher.clone()));
        Self { title, owner, state, ..Self::new(class.channel(), ChannelKind::Class, class.created) }
    }

    fn with_online(mut self, online: usize) -> Self {
        self.online = online;
        // A class that is prepared with people in it is still prepared.
        if online > 0 && self.state == State::Empty {
            self.state = State::Live;
        }
        self
    }

    fn with_media(mut self, there: &[ParticipantView]) -> Self {
        self.publications = there.iter().map(|p| p.tracks.len()).sum();
        self.bits_in = there.iter().flat_map(|p| &p.tracks).map(|t| t.rate.uplink_bits_per_sec).sum();
        self
    }

    fn matches(&self, text: &str) -> bool {
        let has = |s: &str| s.to_lowercase().contains(text);
        has(self.key.name.as_str())
            || self.title.as_deref().is_some_and(has)
            || self.owner.as_ref().is_some_and(|o| has(o.as_str()))
    }
}

impl Console {
    /// In the world of `talk`.
    #[must_use]
    pub fn new(talk: Talk, director: Arc<Director>, apps: Apps) -> Self {
        Self { world: talk.world().clone(), director, talk, apps }
    }

    /// The world.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The tenants.
    #[must_use]
    pub fn apps(&self) -> &Apps {
        &self.apps
    }

    /// How much is stored.
    ///
    /// # Errors
    /// Store faults.
    pub async fn census(&self) -> Result<Census> {
        self.world.store.census(self.world.clock.now().wall).await
    }

    /// Who is where, by media or in a group, each user of a channel once.
    #[must_use]
    pub fn everybody(&self) -> BTreeMap<ChannelKey, BTreeSet<UserId>> {
        let mut out: BTreeMap<ChannelKey, BTreeSet<UserId>> = BTreeMap::new();
        for (channel, user) in self.world.live.everybody().into_iter().chain(self.world.crowd.everybody()) {
            out.entry(channel).or_default().insert(user);
        }
        out
    }

    /// Groups of the hub with somebody in them.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.world.crowd.everybody().into_iter().map(|(channel, _)| channel).collect::<BTreeSet<_>>().len()
    }

    /// Numbers of the apps that a filter leaves, the lowest first.
    fn apps_of(&self, only: Option<AppId>) -> Vec<AppId> {
        let mut ids: Vec<_> = self.apps.iter().map(|a| a.id).filter(|id| only.is_none_or(|o| o == *id)).collect();
        ids.sort_unstable();
        ids
    }

    /// A page of channels.
    ///
    /// # Errors
    /// Store and engine faults.
    pub async fn channels(&self, filter: &ChannelFilter, page: Page) -> Result<ChannelsSeen> {
        let mut all = BTreeMap::new();
        let mut complete = true;
        let apps = self.apps_of(filter.app);
        for app in &apps {
            complete &= self.rooms(*app, &mut all).await?;
            complete &= self.classes(*app, &mut all).await?;
        }
        // A class that is prepared or paused may have a record too.
        for record in self.world.store.all_channels().await? {
            if apps.contains(&record.key.app) {
                let fresh = || ChannelSeen::new(record.key.clone(), ChannelKind::Talk, record.created);
                all.entry(record.key.clone()).or_insert_with(fresh);
            }
        }
        let text = filter.text.as_deref().map(str::to_lowercase);
        let wanted =
            |c: &ChannelSeen| filter.kind.is_none_or(|k| k == c.kind) && text.as_deref().is_none_or(|t| c.matches(t));
        let there = self.everybody();
        let online = |c: ChannelSeen| {
            let online = there.get(&c.key).map_or(0, BTreeSet::len);
            c.with_online(online)
        };
        let mut found: Vec<_> = all.into_values().filter(wanted).map(online).collect();
        found.sort_by(|a, b| {
            let order = |c: &ChannelSeen| (Reverse(c.online), Reverse(c.created));
            (order(a), &a.key).cmp(&(order(b), &b.key))
        });
        let total = found.len() as u64;
        let start = usize::try_from(page.start).unwrap_or(usize::MAX);
        let mut rows = Vec::new();
        for seen in found.into_iter().skip(start).take(page.limit as usize) {
            rows.push(self.measured(seen).await?.0);
        }
        Ok(ChannelsSeen { list: Listed { total, rows }, complete })
    }

    async fn rooms(&self, app: AppId, all: &mut BTreeMap<ChannelKey, ChannelSeen>) -> Result<bool> {
        let (mut start, mut read) = (PageStart::Offset(0), 0);
        loop {
            let some = self.world.store.list_rooms(app, start, CHUNK).await?;
            all.extend(some.iter().map(|r| ChannelSeen::of_room(r)).map(|c| (c.key.clone(), c)));
            read += some.len();
            match some.last() {
                Some(last) if some.len() >= CHUNK as usize => start = PageStart::After(last.created, last.id),
                _ => return Ok(true),
            }
            if read >= LOOKED_THROUGH {
                return Ok(false);
            }
        }
    }

    async fn classes(&self, app: AppId, all: &mut BTreeMap<ChannelKey, ChannelSeen>) -> Result<bool> {
        // What is stored of one user in each class is not looked at.
        let nobody = UserId::new("system")?;
        let mut read = 0u64;
        loop {
            let some = self.world.store.list_classes(app, &nobody, read, CHUNK).await?;
            let open = some.iter().map(|v| &v.class).filter(|c| c.open());
            all.extend(open.map(|c| ChannelSeen::of_class(c)).map(|c| (c.key.clone(), c)));
            read += some.len() as u64;
            if some.len() < CHUNK as usize {
                return Ok(true);
            }
            if read >= LOOKED_THROUGH as u64 {
                return Ok(false);
            }
        }
    }

    /// With what the engine measures now; nobody there is nothing to measure.
    async fn measured(&self, seen: ChannelSeen) -> Result<(ChannelSeen, Vec<ParticipantView>)> {
        let there = self.world.media().participants(&seen.key).await?;
        Ok((seen.with_media(&there), there))
    }

    /// All of one channel.
    ///
    /// # Errors
    /// `NotFound`, store and engine faults.
    pub async fn inside(&self, key: &ChannelKey) -> Result<Inside> {
        let store = &self.world.store;
        let (seen, room, class) = match self.world.find(key).await? {
            Found::Room(room) => (ChannelSeen::of_room(&room), Some(room), None),
            Found::Class(class, _) => {
                let (members, _) = store.class_members(class.id, MemberFilter::default(), 0, 0).await?;
                (ChannelSeen::of_class(&class), None, Some((class, members)))
            }
            Found::Adhoc(record) => (ChannelSeen::new(key.clone(), ChannelKind::Talk, record.created), None, None),
            Found::Ended(_) | Found::Nothing => return Err(no_channel()),
        };
        let (seen, participants) = self.measured(seen.with_online(self.world.online(key))).await?;
        let now = self.world.clock.now().wall;
        let silenced = |m: Member| muted_at(&m, now).audio.then_some(m.user);
        let filter = SanctionFilter { app: key.app, channel: Some(key.name.clone()), user: None };
        let mut group_only = self.world.crowd.users(key);
        group_only.retain(|u| !self.world.live.is_online(key, u));
        Ok(Inside {
            seen,
            room,
            class,
            participants,
            group_only,
            silenced: store.members(key).await?.into_iter().filter_map(silenced).collect(),
            bans: store.bans(&filter, now, 0, BANS).await?.1,
        })
    }

    /// Removes a user from a channel, and keeps the user out for a time. In a class nobody is protected from it.
    ///
    /// # Errors
    /// `NotFound`, `NotPresent`, store and engine faults.
    pub async fn kick(&self, channel: &ChannelKey, user: &UserId, ban: Duration, by: &UserId) -> Result<()> {
        let kick = Kick { channel, user, source: Source::Console, by: by.as_str(), ban, caller: None };
        match kick.by_name(&self.world, &self.director).await? {
            Kicked::Removed | Kicked::Banned | Kicked::Lifted => Ok(()),
            Kicked::NoUser => Err(Error::new(Kind::NotPresent, "the user is not in this channel")),
            Kicked::NoChannel => Err(no_channel()),
        }
    }

    /// Silences a user in a channel, or ends that.
    ///
    /// # Errors
    /// `NotFound`, `NotPresent`, store faults.
    pub async fn mute(&self, wish: MuteWish<'_>) -> Result<()> {
        self.talk.mute(wish).await
    }

    /// Ends a channel: a room is dismissed, a class ended, also one that has not begun.
    ///
    /// # Errors
    /// `NotFound`, store faults.
    pub async fn end(&self, channel: &ChannelKey, by: &UserId) -> Result<()> {
        if let Found::Ended(_) | Found::Nothing = self.world.find(channel).await? {
            return Err(no_channel());
        }
        if !talk::end(&self.world, &self.director, channel, by.as_str()).await? {
            return Err(no_channel());
        }
        self.world.facts().settled().await
    }

    /// Bans that run, app by app, by creation.
    ///
    /// # Errors
    /// Store faults.
    pub async fn bans(&self, only: Option<AppId>, filter: &SanctionFilter, page: Page) -> Result<Listed<Sanction>> {
        let now = self.world.clock.now().wall;
        let (mut total, mut rows, mut skip) = (0, Vec::new(), page.start);
        for app in self.apps_of(only) {
            let room = page.limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            let filter = SanctionFilter { app, ..filter.clone() };
            let (n, some) = self.world.store.bans(&filter, now, skip, room).await?;
            rows.extend(some);
            total += n;
            skip = skip.saturating_sub(n);
        }
        Ok(Listed { total, rows })
    }

    /// Ends a ban; tokens of before it stay revoked.
    ///
    /// # Errors
    /// Store faults.
    pub async fn lift(&self, channel: &ChannelKey, user: &UserId) -> Result<Lifted> {
        Ok(if self.talk.lift_ban(channel, user).await? { Lifted::Done } else { Lifted::None })
    }
}
