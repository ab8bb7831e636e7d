//! The volatile part of one group: who takes part, what is remembered of repeats and rates, what is about to be told.
//! No IO; time is passed in.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::class_rules::Talks;
use super::message::Refusal;
use super::store::GroupState;
use crate::hub::HubLeft;
use crate::id::UserId;
use crate::rate::{Bucket, Rate};
use crate::time::Now;

/// Requests remembered per group, so that a repeat has no second effect. Beyond it the oldest are forgotten early.
const MAX_REPEATS: usize = 20_000;
/// Departures whose place in the recovery window (hub.md 4.1) is known: as many as it holds.
const MAX_DEPARTURES: usize = 256;
/// Extensions kept of users who asked to join and have not subscribed. An attacker can fill it and lose nick names only.
const MAX_WAITING: usize = 10_000;

/// Rates of one sender in one group (hub.md 5.6).
#[derive(Debug, Clone, Copy)]
pub struct GroupRates {
    /// `limits.hub_signals`.
    pub signals: Rate,
    /// `limits.hub_comments`.
    pub comments: Rate,
    /// `limits.hub_reads`.
    pub reads: Rate,
}

/// Likes per sender (hub.md 5.6).
const LIKES: Rate = Rate { per_sec: 5, burst: 5 };

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// Any message but a comment.
    Signal,
    /// A comment.
    Comment,
    /// A read.
    Read,
    /// A like.
    Like,
}

/// Why somebody is not in the group any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Said so.
    Left,
    /// Lost, and not back within the grace.
    Lost,
    /// Removed.
    Kicked,
}

impl Why {
    /// The wire's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Lost => "lost",
            Self::Kicked => "kicked",
        }
    }
}

/// The answer to a message: what a repeat of the request is told again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// ULID.
    pub id: String,
    /// Number in the group; 0 for direct messages.
    pub seqnum: u64,
    /// Unix milliseconds.
    pub at: i64,
}

/// A message in the recovery window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// ULID.
    pub id: String,
    /// Where in its channel.
    pub offset: u64,
}

/// What the end of a subscription means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// Another connection of the user is there, or it was none of a member.
    Still,
    /// The user counts as a member until its grace with this number ends.
    Grace(u64),
    /// The user is out.
    Out,
}

#[derive(Debug, Default)]
struct Member {
    /// A list, not a set: nearly everybody has one connection, and a set has room for eleven.
    clients: Vec<String>,
    /// Number of the running grace.
    grace: Option<u64>,
}

/// Who came and went since the last `members` event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Came, with their extensions.
    pub joined: BTreeMap<UserId, String>,
    /// Went, with their extensions and why.
    pub left: BTreeMap<UserId, (String, Why)>,
}

/// A dismissed room's last seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// The announcement went out.
    pub announced: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Heart {
    /// What the store says; `None` until it was read.
    pub state: Option<GroupState>,
    /// What is under way between a teacher and students.
    pub talks: Talks,
    /// Set = the group ends.
    pub closing: Option<Closing>,
    /// Something `stats` shows changed.
    pub stats_due: bool,
    /// When `stats` was told last, on the monotonic clock.
    pub stats_told: Option<Duration>,
    members: BTreeMap<UserId, Member>,
    extensions: BTreeMap<UserId, String>,
    /// Connections of kicked users whose subscriptions end in a moment.
    lingering: BTreeMap<String, UserId>,
    leaving: BTreeSet<String>,
    changes: Changes,
    changes_planned: bool,
    repeats: BTreeMap<(UserId, String), Sent>,
    repeat_order: VecDeque<(Duration, UserId, String)>,
    buckets: BTreeMap<(UserId, Counted), Bucket>,
    departures: VecDeque<(UserId, Placed)>,
    seqnums: std::ops::Range<u64>,
    graces: u64,
    version: u64,
    /// When the last connection went, on the monotonic clock.
    idle_since: Duration,
}

impl Heart {
    /// An empty group. Versions go on from the wall clock: those of an earlier run were lower.
    #[must_use]
    pub fn new(now: Now) -> Self {
        Self { version: now.wall.0.max(0).unsigned_abs(), idle_since: now.mono, ..Self::default() }
    }

    /// Of the group's state, as of the last event.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The version of a new event.
    pub fn step(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// Whether the user is a member: subscribed, or lost for less than the grace.
    #[must_use]
    pub fn has(&self, user: &UserId) -> bool {
        self.members.contains_key(user)
    }

    /// Whether the user is subscribed now.
    #[must_use]
    pub fn connected(&self, user: &UserId) -> bool {
        self.members.get(user).is_some_and(|m| !m.clients.is_empty())
    }

    /// How many are members.
    #[must_use]
    pub fn total(&self) -> usize {
        self.members.len()
    }

    /// Members after this one by user (bytes), at most `limit`, with their extensions.
    #[must_use]
    pub fn page(&self, after: Option<&UserId>, limit: usize) -> Vec<(UserId, String)> {
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let range = self.members.range::<UserId, _>((from, std::ops::Bound::Unbounded));
        range.take(limit).map(|(u, _)| (u.clone(), self.extension(u))).collect()
    }

    /// Every member and lingering connection: user and connection.
    #[must_use]
    pub fn clients(&self) -> Vec<(UserId, String)> {
        let of = |(u, m): (&UserId, &Member)| m.clients.iter().map(|c| (u.clone(), c.clone())).collect::<Vec<_>>();
        let lingering = self.lingering.iter().map(|(c, u)| (u.clone(), c.clone()));
        self.members.iter().flat_map(of).chain(lingering).collect()
    }

    /// The text given at join, `""` if none.
    #[must_use]
    pub fn extension(&self, user: &UserId) -> String {
        self.extensions.get(user).cloned().unwrap_or_default()
    }

    /// The text given at join; `None` = not heard since this group is in use.
    #[must_use]
    pub fn introduction(&self, user: &UserId) -> Option<String> {
        self.extensions.get(user).cloned()
    }

    /// Remembers the text given at join.
    pub fn introduce(&mut self, user: &UserId, extension: String) {
        if self.extensions.len() >= self.members.len() + MAX_WAITING {
            let members = &self.members;
            self.extensions.retain(|u, _| members.contains_key(u));
        }
        self.extensions.insert(user.clone(), extension);
    }

    /// A connection subscribed. True = the user was no member before.
    pub fn came(&mut self, user: &UserId, client: &str) -> bool {
        self.leaving.remove(client);
        self.lingering.remove(client);
        let new = !self.members.contains_key(user);
        let member = self.members.entry(user.clone()).or_default();
        if !member.clients.iter().any(|c| c == client) {
            member.clients.push(client.to_owned());
        }
        member.grace = None;
        if new {
            // The last word counts, and is said even if it undoes the one before: a list may have been read in between.
            self.changes.left.remove(user);
            self.changes.joined.insert(user.clone(), self.extensions.get(user).cloned().unwrap_or_default());
        }
        self.stats_due |= new;
        new
    }

    /// A subscription ended.
    pub fn went(&mut self, user: &UserId, client: &str, left: HubLeft, now: Now) -> Went {
        let said_so = self.leaving.remove(client);
        if self.lingering.remove(client).is_some() {
            return Went::Still;
        }
        let Some(member) = self.members.get_mut(user) else { return Went::Still };
        let Some(at) = member.clients.iter().position(|c| c == client) else { return Went::Still };
        member.clients.swap_remove(at);
        if !member.clients.is_empty() {
            return Went::Still;
        }
        self.idle_since = now.mono;
        if said_so || left == HubLeft::Server {
            self.drop_member(user, Why::Left);
            return Went::Out;
        }
        self.graces += 1;
        member.grace = Some(self.graces);
        Went::Grace(self.graces)
    }

    /// A connection says that it leaves, maybe after a kick. False = it is not subscribed.
    pub fn leaves(&mut self, user: &UserId, client: &str) -> bool {
        let member = self.members.get(user).is_some_and(|m| m.clients.iter().any(|c| c == client));
        let there = member || self.lingering.contains_key(client);
        if there {
            self.leaving.insert(client.to_owned());
        }
        there
    }

    /// A grace ended. True = the user is out.
    pub fn grace_ended(&mut self, user: &UserId, grace: u64) -> bool {
        let over = self.members.get(user).is_some_and(|m| m.grace == Some(grace));
        if over {
            self.drop_member(user, Why::Lost);
        }
        over
    }

    /// The user is no member from here on; the subscriptions linger. Answers whether there are any.
    pub fn kick(&mut self, user: &UserId) -> bool {
        let Some(member) = self.members.get(user) else { return false };
        for client in &member.clients {
            self.lingering.insert(client.clone(), user.clone());
        }
        let any = !member.clients.is_empty();
        self.drop_member(user, Why::Kicked);
        any
    }

    /// Whether the user was put out and still hears for a moment.
    #[must_use]
    pub fn is_out(&self, user: &UserId) -> bool {
        !self.has(user) && self.lingering.values().any(|u| u == user)
    }

    /// Connections of a kicked user that are still subscribed.
    #[must_use]
    pub fn lingering(&self, user: &UserId) -> Vec<String> {
        self.lingering.iter().filter(|(_, u)| *u == user).map(|(c, _)| c.clone()).collect()
    }

    fn drop_member(&mut self, user: &UserId, why: Why) {
        self.members.remove(user);
        let extension = self.extensions.remove(user).unwrap_or_default();
        self.changes.joined.remove(user);
        self.changes.left.insert(user.clone(), (extension, why));
        self.talks.forget(user);
        self.stats_due = true;
    }

    /// Whether somebody must plan the next `members` event; asked once per event.
    pub fn plan_changes(&mut self) -> bool {
        let due = !self.changes_planned && self.changes != Changes::default();
        self.changes_planned |= due;
        due
    }

    /// Who came and went since the last time.
    pub fn take_changes(&mut self) -> Changes {
        self.changes_planned = false;
        std::mem::take(&mut self.changes)
    }

    /// Whether this one may pass.
    ///
    /// # Errors
    /// [`Refusal::TOO_FAST`].
    pub fn count(&mut self, user: &UserId, what: Counted, rates: &GroupRates, now: Now) -> Result<(), Refusal> {
        let rate = |what| match what {
            Counted::Signal => rates.signals,
            Counted::Comment => rates.comments,
            Counted::Read => rates.reads,
            Counted::Like => LIKES,
        };
        let ms = u64::try_from(now.mono.as_millis()).unwrap_or(u64::MAX);
        if self.buckets.len() > 4 * (self.members.len() + 64) {
            self.buckets.retain(|(_, what), b| !b.is_full(rate(*what), ms));
        }
        let bucket = self.buckets.entry((user.clone(), what)).or_insert_with(|| Bucket::full(rate(what), ms));
        if bucket.take(rate(what), ms) { Ok(()) } else { Err(Refusal::TOO_FAST) }
    }

    /// What the same request was answered before.
    pub fn repeated(&mut self, user: &UserId, mark: &str, now: Now) -> Option<Sent> {
        while let Some((until, ..)) = self.repeat_order.front()
            && (*until <= now.mono || self.repeat_order.len() > MAX_REPEATS)
        {
            if let Some((_, user, mark)) = self.repeat_order.pop_front() {
                self.repeats.remove(&(user, mark));
            }
        }
        self.repeats.get(&(user.clone(), mark.to_owned())).cloned()
    }

    /// Remembers an answer for so long.
    pub fn remember(&mut self, user: &UserId, mark: &str, sent: &Sent, how_long: Duration, now: Now) {
        self.repeats.insert((user.clone(), mark.to_owned()), sent.clone());
        self.repeat_order.push_back((now.mono + how_long, user.clone(), mark.to_owned()));
    }

    /// The request was not carried out after all.
    pub fn forget(&mut self, user: &UserId, mark: &str) {
        self.repeats.remove(&(user.clone(), mark.to_owned()));
    }

    /// The next number; `None` = numbers must be set aside first.
    pub fn next_seqnum(&mut self) -> Option<u64> {
        self.seqnums.next()
    }

    /// Numbers that were set aside.
    pub fn supply(&mut self, first: u64, n: u32) {
        self.seqnums = first..first + u64::from(n);
    }

    /// Everybody was told that this user left.
    pub fn departed(&mut self, user: &UserId, told: Placed) {
        if self.departures.len() >= MAX_DEPARTURES {
            self.departures.pop_front();
        }
        self.departures.push_back((user.clone(), told));
    }

    /// What was told of this user's departures, once.
    pub fn take_departures(&mut self, user: &UserId) -> Vec<Placed> {
        let (own, others) = std::mem::take(&mut self.departures).into_iter().partition(|(u, _)| u == user);
        self.departures = others;
        let own: VecDeque<(UserId, Placed)> = own;
        own.into_iter().map(|(_, told)| told).collect()
    }

    /// Since when nobody is in and nothing is under way, on the monotonic clock.
    #[must_use]
    pub fn idle_since(&self) -> Option<Duration> {
        let idle = self.members.is_empty() && self.lingering.is_empty() && self.closing.is_none();
        (idle && self.changes == Changes::default() && !self.stats_due).then_some(self.idle_since)
    }
}

#[cfg(test)]
mod tests;
