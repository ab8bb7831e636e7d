//! The use-cases of groups: what clients call, what the hub asks, what the rest of the product tells.
//!
//! Order within a group: whoever publishes holds [`Group::order`], so that numbers, versions and the stream agree.

mod door;
mod entry;
mod history;
mod manage;
mod rpc;
mod send;
mod tell;
mod tell_class;
mod timers;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::lock::Mutex as OrderLock;
use serde_json::Value;

pub use rpc::Client;

use super::events::{self, Outgoing, SYSTEM};
use super::heart::{Closing, GroupRates, Heart, Placed};
use super::message::{Lane, Refusal};
use super::names::{GroupKey, Names};
use super::store::GroupState;
use crate::caller::Caller;
use crate::director::Director;
use crate::error::{Error, Result};
use crate::hub::{Hub, PublishOptions};
use crate::id::{AppId, ChannelKey, UserId};
use crate::index::Index;
use crate::notice::ulid;
use crate::time::{Now, UnixMs};
use crate::world::World;
use timers::{Due, Timers};

/// What the operator chose for groups.
#[derive(Clone)]
pub struct GroupsConfig {
    /// How names are written.
    pub names: Names,
    /// Administrators by configuration, beside accounts with the flag.
    pub admins: BTreeSet<UserId>,
    /// All tenants: a user's connections may belong to any of them.
    pub apps: Vec<AppId>,
    /// From a lost connection to `left` (`hub.member_grace`).
    pub member_grace: Duration,
    /// From a kick to `exit` 2 (`hub.kick_linger`).
    pub kick_linger: Duration,
    /// From a dismissal to its announcement (`voice.dismiss_announce`).
    pub dismiss_announce: Duration,
    /// From a dismissal to `exit` 1 (`voice.dismiss_linger`).
    pub dismiss_linger: Duration,
    /// Ban of a kick in a voice room (`voice.kick_ban`).
    pub voice_kick_ban: Duration,
    /// Ban of a kick in a class that names none (`class.kick_ban`).
    pub class_kick_ban: Duration,
    /// Users on a class's stage at most.
    pub stage_max: usize,
    /// A newer connection of a voice user replaces the older (`voice.single_login`).
    pub voice_single_login: bool,
    /// Rates of one sender.
    pub rates: GroupRates,
    /// A class member's times as text, in the operator's zone (classroom.md 2.7).
    pub class_time: Arc<dyn Fn(UnixMs) -> String + Send + Sync>,
    /// Takes what went wrong to the log.
    pub report: Arc<dyn Fn(&Error) + Send + Sync>,
    /// Called when something waits for [`Groups::work`].
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

/// One group that is in use.
pub(super) struct Group {
    pub key: GroupKey,
    /// `groupId`.
    pub id: String,
    /// The media channel of the same place.
    pub channel: ChannelKey,
    pub room: String,
    pub chat: String,
    heart: Mutex<Heart>,
    /// Held while something is published.
    pub order: OrderLock<()>,
}

impl Group {
    pub fn heart(&self) -> MutexGuard<'_, Heart> {
        self.heart.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn lane(&self, lane: Lane) -> &str {
        match lane {
            Lane::Room => &self.room,
            Lane::Chat => &self.chat,
        }
    }
}

/// A subscription that came or went, not taken in yet.
struct Fact {
    group: Arc<Group>,
    user: UserId,
    came: bool,
    /// How long ago the last sign of life of one that went was.
    silent: Duration,
}

/// Groups in use, by their names in the product and in the hub.
#[derive(Default)]
struct Registry {
    by_key: Index<GroupKey, Arc<Group>>,
    by_room: Index<String, Arc<Group>>,
}

impl Registry {
    fn insert(&mut self, group: &Arc<Group>) {
        self.by_key.insert(group.key.clone(), Arc::clone(group));
        self.by_room.insert(group.room.clone(), Arc::clone(group));
    }

    fn remove(&mut self, group: &Group) {
        self.by_key.remove(&group.key);
        self.by_room.remove(&group.room);
    }
}

/// The groups.
pub struct Groups {
    world: World,
    director: Arc<Director>,
    hub: Arc<dyn Hub>,
    config: GroupsConfig,
    groups: Mutex<Registry>,
    timers: Mutex<Timers>,
    facts: Mutex<Vec<Fact>>,
    /// Channels whose streams go on from before a restart: what happens is told there though nobody came back yet.
    warm: Mutex<BTreeSet<String>>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a function of a group was not carried out.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    Failed(Error),
}

impl From<Refusal> for Stop {
    fn from(r: Refusal) -> Self {
        Self::Refused(r)
    }
}

impl From<Error> for Stop {
    fn from(e: Error) -> Self {
        Self::Failed(e)
    }
}

type Answer<T = Value> = std::result::Result<T, Stop>;

impl Groups {
    /// The groups of this world. `warm`: channels of the hub that go on from before a restart.
    #[must_use]
    pub fn new(
        world: World,
        director: Arc<Director>,
        hub: Arc<dyn Hub>,
        config: GroupsConfig,
        warm: Vec<String>,
    ) -> Self {
        let mut timers = Timers::default();
        timers.plan(world.clock.now().mono + timers::FORGET_EVERY, Due::Forget);
        Self {
            world,
            director,
            hub,
            config,
            groups: Mutex::default(),
            timers: Mutex::new(timers),
            facts: Mutex::default(),
            warm: Mutex::new(warm.into_iter().collect()),
        }
    }

    fn now(&self) -> Now {
        self.world.clock.now()
    }

    /// A group in use.
    fn known(&self, key: &GroupKey) -> Option<Arc<Group>> {
        lock(&self.groups).by_key.get(key).cloned()
    }

    /// The group, from now on in use.
    fn using(&self, key: &GroupKey, channel: &ChannelKey) -> Arc<Group> {
        let mut all = lock(&self.groups);
        if let Some(group) = all.by_key.get(key) {
            return Arc::clone(group);
        }
        let names = self.config.names;
        let group = Arc::new(Group {
            key: key.clone(),
            id: key.id(),
            channel: channel.clone(),
            room: names.room(key),
            chat: names.chat(key),
            heart: Mutex::new(Heart::new(self.now())),
            order: OrderLock::new(()),
        });
        all.insert(&group);
        group
    }

    /// The group if anybody could see what is told there.
    fn watched(&self, key: &GroupKey, channel: &ChannelKey) -> Option<Arc<Group>> {
        if let Some(group) = self.known(key) {
            return Some(group);
        }
        let warm = !lock(&self.warm).is_empty() && lock(&self.warm).contains(&self.config.names.room(key));
        warm.then(|| self.using(key, channel))
    }

    /// The group's stored state, read once and kept while the group is in use.
    async fn state(&self, group: &Group) -> Result<GroupState> {
        if let Some(state) = &group.heart().state {
            return Ok(state.clone());
        }
        let read = self.world.store.group(&group.key).await?;
        Ok(group.heart().state.get_or_insert(read).clone())
    }

    /// A change of the kept state, where it was read already.
    fn change(group: &Group, change: impl FnOnce(&mut GroupState)) {
        if let Some(state) = &mut group.heart().state {
            change(state);
        }
    }

    /// The caller with what is known of its account.
    async fn caller(&self, user: &UserId) -> Result<Caller> {
        let account = self.world.store.account(user).await?;
        let admin = account.is_some_and(|a| a.admin) || self.config.admins.contains(user);
        Ok(Caller { admin, ..Caller::user(user.clone()) })
    }

    fn ulid(&self, at: UnixMs) -> String {
        let mut random = [0u8; 10];
        self.world.entropy.fill(&mut random);
        ulid(at, random)
    }

    /// Numbers are handed out in blocks, so that a restart never repeats one and few messages wait for the disk.
    async fn seqnum(&self, group: &Group) -> Result<u64> {
        /// Larger wastes numbers at each restart, smaller writes more often.
        const BLOCK: u32 = 1_000;
        loop {
            if let Some(n) = group.heart().next_seqnum() {
                return Ok(n);
            }
            let first = self.world.store.reserve_seqnums(&group.key, BLOCK).await?;
            group.heart().supply(first, BLOCK);
        }
    }

    /// Publishes a state event. The caller holds the group's order.
    async fn publish_event(&self, group: &Group, kind: &str, fields: Value) -> Result<()> {
        let version = group.heart().step();
        let payload = events::event(kind, &group.id, version, self.now().wall, fields);
        self.hub.publish(&group.room, &payload, PublishOptions::default()).await.map(drop)
    }

    /// As [`Groups::publish_event`], in the group's order.
    async fn tell_event(&self, group: &Group, kind: &str, fields: Value) -> Result<()> {
        let _order = group.order.lock().await;
        self.publish_event(group, kind, fields).await
    }

    /// A numeric message of the server to the whole group. The caller holds the group's order.
    async fn publish_message(&self, group: &Group, kind: i64, sender: &str, data: &str) -> Result<Placed> {
        let at = self.now().wall;
        let (id, seqnum) = (self.ulid(at), self.seqnum(group).await?);
        let extension = match UserId::new(sender) {
            Ok(user) if sender != SYSTEM => group.heart().extension(&user),
            _ => "{}".to_owned(),
        };
        let message = Outgoing {
            group: &group.id,
            id: &id,
            seqnum: Some(seqnum),
            kind,
            sender,
            extension: &extension,
            data,
            level: 1,
            at,
            sys: true,
        };
        let payload = message.payload();
        let offset = self.hub.publish(&group.room, &payload, PublishOptions::default()).await?.offset;
        Ok(Placed { id, offset })
    }

    /// A numeric message of the server to one user, in the wrapper that the apps read.
    async fn direct(&self, group: &Group, to: &UserId, kind: i64, sender: &str, data: &str) -> Result<()> {
        let at = self.now().wall;
        let id = self.ulid(at);
        let data = serde_json::json!({ "data": data, "groupId": group.id }).to_string();
        let extension = "{}".to_owned();
        let message = Outgoing {
            group: &group.id,
            id: &id,
            seqnum: None,
            kind,
            sender,
            extension: &extension,
            data: &data,
            level: 1,
            at,
            sys: true,
        };
        self.to_user(group.key.app, to, &message.payload()).await
    }

    async fn to_user(&self, app: AppId, user: &UserId, payload: &str) -> Result<()> {
        let channel = self.config.names.personal(app, user);
        self.hub.publish(&channel, payload, PublishOptions::default()).await.map(drop)
    }

    fn plan(&self, after: Duration, due: Due) {
        lock(&self.timers).plan(self.now().mono + after, due);
        (self.config.wake)();
    }

    /// What went wrong while something was told: it is done all the same.
    fn report<T>(&self, result: Result<T>) -> Option<T> {
        result.map_err(|e| (self.config.report)(&e)).ok()
    }

    /// Plans what a change of members needs.
    fn members_changed(&self, group: &Arc<Group>) {
        let due = group.heart().plan_changes();
        if due {
            self.plan(timers::MEMBERS_AFTER, Due::Members(group.key.clone()));
        }
        self.stats_changed(group);
    }

    fn stats_changed(&self, group: &Arc<Group>) {
        let now = self.now().mono;
        let at = {
            let mut heart = group.heart();
            heart.stats_due = true;
            heart.stats_told.map_or(now, |t| t + timers::STATS_EVERY).max(now)
        };
        lock(&self.timers).plan_once(at, Due::Stats(group.key.clone()));
        (self.config.wake)();
    }

    /// The group of a media channel.
    async fn group_of(&self, channel: &ChannelKey) -> Result<GroupKey> {
        if let Some(id) = channel.room_id()
            && self.world.store.room(channel.app, id).await?.is_some()
        {
            return Ok(GroupKey::room(channel.app, id));
        }
        if channel.meeting_id().is_some()
            && let Some(class) = self.world.class_of(channel).await?
        {
            return Ok(GroupKey::class(class.app, class.id));
        }
        Ok(GroupKey::talk(channel.app, channel.name.clone()))
    }
}
