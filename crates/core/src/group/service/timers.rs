//! What happens in groups by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{Fact, Group, Groups, lock};
use crate::director::Input;
use crate::error::Result;
use crate::group::events;
use crate::group::names::{GroupKey, Place};
use crate::hub::PublishOptions;
use crate::id::UserId;

/// Comings and goings are gathered for so long (hub.md 4.3: 0.5 to 1 s).
pub const MEMBERS_AFTER: Duration = Duration::from_millis(500);
/// `stats` at most this often.
pub const STATS_EVERY: Duration = Duration::from_secs(1);
/// Members above which nobody is listed by name.
const LISTED: usize = 500;
/// How often groups that nobody uses are looked for.
pub const FORGET_EVERY: Duration = Duration::from_secs(60);
/// A group without members is kept so long: longer than its recovery window (600 s), so that whoever comes back within
/// it missed nothing that happened meanwhile.
const IDLE: Duration = Duration::from_secs(900);

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// A `members` event.
    Members(GroupKey),
    /// A `stats` event.
    Stats(GroupKey),
    /// The grace with this number of a lost member.
    Grace(GroupKey, UserId, u64),
    /// The subscriptions of a kicked user end; it may come back at this instant (Unix ms).
    Linger(GroupKey, UserId, i64),
    /// The announcement of a dismissal.
    Announce(GroupKey),
    /// The group ends.
    Dissolve(GroupKey),
    /// Groups that nobody uses are forgotten.
    Forget,
}

/// A list of dues.
#[derive(Debug, Default)]
pub struct Timers {
    due: BTreeMap<(Duration, u64), Due>,
    next: u64,
}

impl Timers {
    /// Something is due then, on the monotonic clock.
    pub fn plan(&mut self, at: Duration, due: Due) {
        self.due.insert((at, self.next), due);
        self.next += 1;
    }

    /// As [`Timers::plan`] unless the same is due around then already. Only what is due soon is looked through.
    pub fn plan_once(&mut self, at: Duration, due: Due) {
        let until = (at + Duration::from_millis(1), 0);
        if !self.due.range(..until).any(|(_, d)| *d == due) {
            self.plan(at, due);
        }
    }

    /// What is due by now, in order.
    pub fn take(&mut self, now: Duration) -> Vec<Due> {
        let later = self.due.split_off(&(now + Duration::from_nanos(1), 0));
        std::mem::replace(&mut self.due, later).into_values().collect()
    }

    /// When the next is due.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }
}

impl Groups {
    /// When [`Groups::work`] is wanted next, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        lock(&self.timers).next()
    }

    /// Takes in what the hub told, and does what is due. The shell calls it from one task.
    pub async fn work(&self) {
        let facts = std::mem::take(&mut *lock(&self.facts));
        for fact in facts {
            self.fact(fact).await;
        }
        let due = lock(&self.timers).take(self.now().mono);
        for due in due {
            let done = self.due(due).await;
            self.report(done);
        }
    }

    /// The director learns of it: seats and class members live by it.
    async fn fact(&self, fact: Fact) {
        let (channel, user) = (fact.group.channel.clone(), fact.user);
        if matches!(fact.group.key.place, Place::Talk(_)) {
            return;
        }
        let now = self.now();
        if fact.came && fact.group.heart().is_out(&user) {
            // Put out since: this is no return.
            return;
        }
        if fact.came {
            self.director.command(now, Input::Present { channel, user }).await;
        } else if !self.world.is_here(&channel, &user) {
            self.director.command(now, Input::Absent { channel, user, silent: fact.silent }).await;
        }
    }

    async fn due(&self, due: Due) -> Result<()> {
        let group = |key: &GroupKey| self.known(key);
        match due {
            Due::Members(key) => match group(&key) {
                Some(g) => self.tell_members(&g).await,
                None => Ok(()),
            },
            Due::Stats(key) => match group(&key) {
                Some(g) => self.tell_stats(&g).await,
                None => Ok(()),
            },
            Due::Grace(key, user, grace) => {
                if let Some(g) = group(&key) {
                    let out = g.heart().grace_ended(&user, grace);
                    if out {
                        self.members_changed(&g);
                    }
                }
                Ok(())
            }
            Due::Linger(key, user, until) => match group(&key) {
                Some(g) => self.put_out(&g, &user, until).await,
                None => Ok(()),
            },
            Due::Announce(key) => match group(&key) {
                Some(g) => self.announce(&g).await,
                None => Ok(()),
            },
            Due::Dissolve(key) => match group(&key) {
                Some(g) => self.dissolve(&g).await,
                None => Ok(()),
            },
            Due::Forget => {
                self.forget();
                Ok(())
            }
        }
    }

    async fn tell_members(&self, group: &Arc<Group>) -> Result<()> {
        let (mut changes, total) = {
            let mut heart = group.heart();
            (heart.take_changes(), heart.total())
        };
        if total <= LISTED {
            for (user, extension) in changes.joined.iter_mut().filter(|(_, e)| e.is_empty()) {
                *extension = self.introduced(group, user).await?;
            }
        }
        let named = self.named(group, total).await?;
        let fields = events::members(total, &changes, |u| named.as_ref().is_none_or(|n| n.contains(u)));
        self.tell_event(group, "members", fields).await
    }

    /// Who is told by name; `None` = everybody.
    async fn named(&self, group: &Group, total: usize) -> Result<Option<Vec<UserId>>> {
        if total <= LISTED {
            return Ok(None);
        }
        let Place::Class(id) = group.key.place else { return Ok(Some(Vec::new())) };
        let Some(class) = self.world.store.class(group.key.app, id).await? else { return Ok(Some(Vec::new())) };
        let mut named = class.stage.users();
        named.push(class.teacher.clone());
        let view = self.world.store.class_view(class.app, class.id, &class.teacher).await?;
        named.extend(view.and_then(|v| v.assistant).map(|a| a.user));
        Ok(Some(named))
    }

    async fn tell_stats(&self, group: &Arc<Group>) -> Result<()> {
        let state = self.state(group).await?;
        let total = {
            let mut heart = group.heart();
            if !std::mem::take(&mut heart.stats_due) {
                return Ok(());
            }
            heart.stats_told = Some(self.now().mono);
            heart.total()
        };
        let version = group.heart().version();
        let payload = events::event("stats", &group.id, version, self.now().wall, events::statistics(&state, total));
        let options = PublishOptions { skip_history: true, idempotency_key: None };
        self.hub.publish(&group.room, &payload, options).await.map(drop)
    }

    /// A kicked user's connections are out (hub.md 5.8).
    async fn put_out(&self, group: &Group, user: &UserId, until: i64) -> Result<()> {
        let clients = group.heart().lingering(user);
        if clients.is_empty() {
            return Ok(());
        }
        let mut exit = json!({ "reason": 2 });
        if let Some(map) = exit.as_object_mut().filter(|_| until > 0) {
            map.insert("until".to_owned(), until.into());
        }
        let payload = events::event("exit", &group.id, group.heart().step(), self.now().wall, exit);
        self.to_user(group.key.app, user, &payload).await?;
        let uid = self.config.names.hub_uid(group.key.app, user);
        for client in clients {
            for channel in [&group.room, &group.chat] {
                self.hub.unsubscribe(&uid, channel, Some(&client)).await?;
            }
        }
        Ok(())
    }

    /// Everybody out, and the stream is gone.
    pub(super) async fn dissolve(&self, group: &Group) -> Result<()> {
        self.tell_event(group, "exit", json!({ "reason": 1 })).await?;
        let clients = group.heart().clients();
        for (user, client) in clients {
            let uid = self.config.names.hub_uid(group.key.app, &user);
            for channel in [&group.room, &group.chat] {
                self.hub.unsubscribe(&uid, channel, Some(&client)).await?;
            }
        }
        self.hub.history_remove(&group.room).await?;
        self.hub.history_remove(&group.chat).await?;
        lock(&self.groups).remove(group);
        Ok(())
    }

    fn forget(&self) {
        let now = self.now().mono;
        let mut all = lock(&self.groups);
        // Two: by its name in the product and in the hub. Whoever holds another one is about to use it.
        let idle = |g: &Arc<Group>| {
            Arc::strong_count(g) <= 2 && g.heart().idle_since().is_some_and(|since| since + IDLE <= now)
        };
        for key in all.by_key.keys_where(idle) {
            if let Some(group) = all.by_key.get(&key).cloned() {
                all.remove(&group);
            }
        }
        drop(all);
        if now > IDLE {
            lock(&self.warm).clear();
        }
        lock(&self.timers).plan(now + FORGET_EVERY, Due::Forget);
    }
}
