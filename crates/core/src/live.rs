//! Who is connected now: volatile, told by the engine's events, read by lists, counts and seat rules.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::id::{AppId, ChannelKey, ChannelName, Identity, UserId};
use crate::index::Index;
use crate::media::{LeftReason, MediaEvent, MediaFact, Who};
use crate::time::UnixMs;

/// Something about a user's presence really changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceChange {
    /// First live session of the user in the channel.
    Came,
    /// Another session of a user who has one already.
    StillThere,
    /// The last live session ended.
    Gone {
        /// Why the last one ended.
        reason: LeftReason,
        /// Last sign of life, when its connection had been lost.
        lost: Option<UnixMs>,
    },
}

/// Whose presence an event changed, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Who.
    pub user: UserId,
    /// How.
    pub change: PresenceChange,
}

/// One user's stay, over all devices.
#[derive(Debug, Clone)]
struct Stay {
    /// Position in the order of arrival.
    number: u64,
    since: UnixMs,
    /// Live sessions by sid.
    sids: BTreeSet<String>,
    /// Identities whose session was replaced by a newer one that is not connected yet, with the moment of that. The
    /// newcomer inherits the stay (talk.md 1.2).
    heirs: BTreeMap<Identity, UnixMs>,
}

/// A present user as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Who.
    pub user: UserId,
    /// Start of the current presence.
    pub since: UnixMs,
    /// Connected devices.
    pub devices: usize,
}

#[derive(Debug, Default)]
struct Inner {
    channels: Index<ChannelKey, BTreeMap<UserId, Stay>>,
    /// How many users each has, in order.
    counts: BTreeMap<ChannelKey, usize>,
    /// Where each user is, with the number of the stay.
    of_user: Index<UserId, BTreeMap<ChannelKey, u64>>,
    numbers: u64,
    /// How often a count of an app's channels changed.
    editions: BTreeMap<AppId, u64>,
}

/// Live sessions of every user in every channel, hidden participants left out.
///
/// One lock, held for a map look-up: lists of 500 rooms read it 500 times per page. Readers do not wait for each other.
#[derive(Debug, Default)]
pub struct Live {
    inner: RwLock<Inner>,
}

impl Live {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an event; tells whose presence it changed, and how. The engine's thread calls it in the channel's
    /// order, so what is read here is what the engine has done.
    pub fn note(&self, event: &MediaEvent) -> Vec<Change> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let one = match &event.fact {
            MediaFact::ParticipantJoined(who) => inner.came(&event.channel, who, event.at),
            MediaFact::ParticipantLeft { who, reason, lost, .. } => {
                inner.went(&event.channel, who, *reason, *lost, event.at)
            }
            MediaFact::ParticipantAborted { who, reason } => inner.aborted(&event.channel, who, *reason),
            MediaFact::ChannelEnded => return inner.ended(&event.channel),
            MediaFact::ChannelStarted
            | MediaFact::TrackPublished { .. }
            | MediaFact::TrackUnpublished { .. }
            | MediaFact::TrackMuted { .. } => None,
        };
        one.into_iter().collect()
    }

    /// Distinct users with a live session (voice-room.md 4.0.1).
    #[must_use]
    pub fn online(&self, channel: &ChannelKey) -> usize {
        self.read().channels.get(channel).map_or(0, BTreeMap::len)
    }

    /// The same for channels of one app whose names are in the order of their bytes. A walk along both lists: the names
    /// are expected to be about all there are between the first and the last.
    #[must_use]
    pub fn online_each(&self, app: AppId, names: &[ChannelName]) -> Vec<usize> {
        let inner = self.read();
        let Some(first) = names.first() else { return Vec::new() };
        let mut busy = inner.counts.range(ChannelKey { app, name: first.clone() }..).peekable();
        let count = |name: &ChannelName| {
            while let Some((key, users)) = busy.peek().filter(|(key, _)| key.app == app) {
                match key.name.cmp(name) {
                    Ordering::Less => drop(busy.next()),
                    Ordering::Equal => return **users,
                    Ordering::Greater => break,
                }
            }
            0
        };
        names.iter().map(count).collect()
    }

    /// Which edition of the counts of an app's channels holds now: while the number stays, all of them do.
    #[must_use]
    pub fn edition(&self, app: AppId) -> u64 {
        self.read().editions.get(&app).copied().unwrap_or(0)
    }

    /// Whether this user has a live session.
    #[must_use]
    pub fn is_online(&self, channel: &ChannelKey, user: &UserId) -> bool {
        self.read().channels.get(channel).is_some_and(|u| u.contains_key(user))
    }

    /// Everybody present anywhere.
    #[must_use]
    pub fn everybody(&self) -> Vec<(ChannelKey, UserId)> {
        let inner = self.read();
        let users = |c: &ChannelKey| inner.channels.get(c).into_iter().flat_map(BTreeMap::keys).cloned().collect();
        let of = |c: &ChannelKey| {
            let users: Vec<UserId> = users(c);
            users.into_iter().map(|u| (c.clone(), u)).collect::<Vec<_>>()
        };
        inner.counts.keys().flat_map(of).collect()
    }

    /// Everybody present, in the order of arrival; a resume keeps the place. One snapshot.
    #[must_use]
    pub fn present(&self, channel: &ChannelKey) -> Vec<Present> {
        let present = |(user, stay): (&UserId, &Stay)| Present {
            user: user.clone(),
            since: stay.since,
            devices: stay.sids.len() + stay.heirs.len(),
        };
        self.read().channels.get(channel).map_or_else(Vec::new, |users| arrived(users.iter().collect(), present))
    }

    /// The same, names only.
    #[must_use]
    pub fn users(&self, channel: &ChannelKey) -> Vec<UserId> {
        let name = |(user, _): (&UserId, &Stay)| user.clone();
        self.read().channels.get(channel).map_or_else(Vec::new, |users| arrived(users.iter().collect(), name))
    }

    /// Those of `users` who are present, each once, in the order of arrival. One snapshot.
    #[must_use]
    pub fn in_order(&self, channel: &ChannelKey, mut users: Vec<UserId>) -> Vec<UserId> {
        users.sort_unstable();
        users.dedup();
        let inner = self.read();
        let Some(there) = inner.channels.get(channel) else { return Vec::new() };
        let stays = users.iter().filter_map(|u| there.get_key_value(u)).collect();
        arrived(stays, |(user, _)| user.clone())
    }

    /// Where a user of an app is present, in the order of arrival.
    #[must_use]
    pub fn channels_of(&self, app: AppId, user: &UserId) -> Vec<ChannelName> {
        let inner = self.read();
        let Some(channels) = inner.of_user.get(user) else { return Vec::new() };
        let mut out: Vec<_> = channels.iter().filter(|(key, _)| key.app == app).collect();
        out.sort_by_key(|(_, number)| **number);
        out.into_iter().map(|(key, _)| key.name.clone()).collect()
    }
}

/// In the order of arrival.
fn arrived<T>(mut stays: Vec<(&UserId, &Stay)>, show: impl FnMut((&UserId, &Stay)) -> T) -> Vec<T> {
    stays.sort_unstable_by(|a, b| (a.1.since, a.1.number, a.0).cmp(&(b.1.since, b.1.number, b.0)));
    stays.into_iter().map(show).collect()
}

impl Inner {
    fn came(&mut self, channel: &ChannelKey, who: &Who, at: UnixMs) -> Option<Change> {
        if who.hidden {
            return None;
        }
        let user = who.user.clone();
        let users = self.channels.entry(channel.clone()).or_default();
        let change = if users.contains_key(&user) { PresenceChange::StillThere } else { PresenceChange::Came };
        if change == PresenceChange::Came {
            self.numbers += 1;
            self.of_user.entry(user.clone()).or_default().insert(channel.clone(), self.numbers);
            *self.counts.entry(channel.clone()).or_default() += 1;
            *self.editions.entry(channel.app).or_default() += 1;
        }
        let number = self.numbers;
        let stay = users.entry(user.clone()).or_insert_with(|| Stay {
            number,
            since: at,
            sids: BTreeSet::new(),
            heirs: BTreeMap::new(),
        });
        stay.heirs.remove(&who.identity);
        stay.sids.insert(who.sid.clone());
        Some(Change { user, change })
    }

    fn went(
        &mut self,
        channel: &ChannelKey,
        who: &Who,
        reason: LeftReason,
        lost: Option<UnixMs>,
        at: UnixMs,
    ) -> Option<Change> {
        let stay = self.channels.get_mut(channel)?.get_mut(&who.user)?;
        if !stay.sids.remove(&who.sid) {
            return None;
        }
        if reason == LeftReason::DuplicateIdentity {
            stay.heirs.insert(who.identity.clone(), lost.unwrap_or(at));
        }
        self.after(channel, &who.user, reason, lost)
    }

    /// Somebody left who never was connected: an heir's stay ends when the one it replaced left.
    fn aborted(&mut self, channel: &ChannelKey, who: &Who, reason: LeftReason) -> Option<Change> {
        if reason == LeftReason::DuplicateIdentity {
            return None;
        }
        let stay = self.channels.get_mut(channel)?.get_mut(&who.user)?;
        let since = stay.heirs.remove(&who.identity)?;
        self.after(channel, &who.user, reason, Some(since))
    }

    fn after(
        &mut self,
        channel: &ChannelKey,
        user: &UserId,
        reason: LeftReason,
        lost: Option<UnixMs>,
    ) -> Option<Change> {
        let users = self.channels.get_mut(channel)?;
        let stay = users.get(user)?;
        if !(stay.sids.is_empty() && stay.heirs.is_empty()) {
            return Some(Change { user: user.clone(), change: PresenceChange::StillThere });
        }
        users.remove(user);
        let left = users.len();
        if left == 0 {
            self.channels.remove(channel);
        }
        self.counted(channel, left);
        self.forget(channel, user);
        Some(Change { user: user.clone(), change: PresenceChange::Gone { reason, lost } })
    }

    /// So many users are left.
    fn counted(&mut self, channel: &ChannelKey, left: usize) {
        match self.counts.get_mut(channel) {
            Some(count) if left > 0 => *count = left,
            _ => drop(self.counts.remove(channel)),
        }
        *self.editions.entry(channel.app).or_default() += 1;
    }

    fn forget(&mut self, channel: &ChannelKey, user: &UserId) {
        if let Some(places) = self.of_user.get_mut(user) {
            places.remove(channel);
            if places.is_empty() {
                self.of_user.remove(user);
            }
        }
    }

    /// Whoever is still listed when the channel ends is gone with it.
    fn ended(&mut self, channel: &ChannelKey) -> Vec<Change> {
        let users = self.channels.remove(channel).unwrap_or_default();
        if !users.is_empty() {
            self.counted(channel, 0);
        }
        let mut out = Vec::new();
        for (user, _) in users {
            self.forget(channel, &user);
            let change = PresenceChange::Gone { reason: LeftReason::RoomDeleted, lost: None };
            out.push(Change { user, change });
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn channel() -> ChannelKey {
        ChannelKey { app: AppId(1), name: ChannelName::new("c").unwrap() }
    }

    fn who(user: &str, sid: &str) -> Who {
        Who { identity: Identity::new(user).unwrap(), user: UserId::new(user).unwrap(), sid: sid.into(), hidden: false }
    }

    fn note(live: &Live, at: i64, fact: MediaFact) -> Vec<PresenceChange> {
        let event =
            MediaEvent { channel: channel(), channel_sid: "RM".into(), seq: 1, id: "EV".into(), at: UnixMs(at), fact };
        live.note(&event).into_iter().map(|c| c.change).collect()
    }

    fn joined(user: &str, sid: &str) -> MediaFact {
        MediaFact::ParticipantJoined(who(user, sid))
    }

    fn left(user: &str, sid: &str, reason: LeftReason) -> MediaFact {
        MediaFact::ParticipantLeft { who: who(user, sid), reason, connected: Duration::ZERO, lost: None }
    }

    fn names(live: &Live) -> Vec<String> {
        live.present(&channel()).iter().map(|p| p.user.to_string()).collect()
    }

    #[test]
    fn an_heir_keeps_the_place_and_the_presence() {
        let live = Live::default();
        assert_eq!(note(&live, 1, joined("a", "1")), [PresenceChange::Came]);
        note(&live, 2, joined("b", "2"));
        assert_eq!(note(&live, 3, left("a", "1", LeftReason::DuplicateIdentity)), [PresenceChange::StillThere]);
        assert_eq!(names(&live), ["a", "b"]);
        assert_eq!(note(&live, 4, joined("a", "3")), [PresenceChange::StillThere]);
        assert_eq!(names(&live), ["a", "b"]);
        assert_eq!(live.present(&channel())[0].since, UnixMs(1));
        let gone = PresenceChange::Gone { reason: LeftReason::ClientInitiated, lost: None };
        assert_eq!(note(&live, 5, left("a", "3", LeftReason::ClientInitiated)), [gone]);
        assert_eq!(names(&live), ["b"]);
    }

    #[test]
    fn an_heir_that_never_comes_ends_the_stay_when_its_forerunner_left() {
        let live = Live::default();
        note(&live, 1, joined("a", "1"));
        note(&live, 3, left("a", "1", LeftReason::DuplicateIdentity));
        let aborted = |sid, reason| MediaFact::ParticipantAborted { who: who("a", sid), reason };
        assert_eq!(note(&live, 4, aborted("2", LeftReason::DuplicateIdentity)), [], "a third one came");
        assert_eq!(live.online(&channel()), 1);
        let gone = PresenceChange::Gone { reason: LeftReason::JoinFailure, lost: Some(UnixMs(3)) };
        assert_eq!(note(&live, 60, aborted("3", LeftReason::JoinFailure)), [gone]);
        assert_eq!(live.online(&channel()), 0);
    }

    #[test]
    fn two_devices_are_one_user_until_both_are_gone() {
        let live = Live::default();
        let second = Who { identity: Identity::new("a\u{1f}phone").unwrap(), ..who("a", "2") };
        note(&live, 1, joined("a", "1"));
        assert_eq!(note(&live, 2, MediaFact::ParticipantJoined(second)), [PresenceChange::StillThere]);
        assert_eq!(live.present(&channel())[0].devices, 2);
        assert_eq!(note(&live, 3, left("a", "1", LeftReason::ClientInitiated)), [PresenceChange::StillThere]);
        assert_eq!(live.channels_of(AppId(1), &UserId::new("a").unwrap()), [channel().name]);
        assert!(matches!(note(&live, 4, left("a", "2", LeftReason::Removed))[..], [PresenceChange::Gone { .. }]));
        assert!(live.channels_of(AppId(1), &UserId::new("a").unwrap()).is_empty());
    }

    #[test]
    fn counts_of_a_list_are_those_of_each() {
        let live = Live::default();
        let at = |app, name: &str| ChannelKey { app: AppId(app), name: ChannelName::new(name).unwrap() };
        for (app, name, user) in
            [(1, "b", "x"), (1, "b", "y"), (1, "d", "x"), (1, "dd", "x"), (2, "a", "x"), (2, "e", "x")]
        {
            let (channel, channel_sid, id) = (at(app, name), "RM".into(), "EV".into());
            live.note(&MediaEvent { channel, channel_sid, seq: 1, id, at: UnixMs(1), fact: joined(user, user) });
        }
        let names: Vec<_> = ["a", "b", "b", "c", "d", "e"].map(|n| at(1, n).name).into();
        let each = |app| names.iter().map(|n| live.online(&at(app, n.as_str()))).collect::<Vec<_>>();
        for app in [1, 2, 3] {
            assert_eq!(live.online_each(AppId(app), &names), each(app), "app {app}");
        }
        assert_eq!(live.online_each(AppId(1), &names), [0, 2, 2, 0, 1, 0]);
        assert!(live.online_each(AppId(1), &[]).is_empty());
    }

    proptest! {
        #[test]
        fn an_edition_is_of_one_set_of_counts_and_lists_agree(
            steps in prop::collection::vec((0u64..2, 0usize..3, 0usize..3, 0usize..3, 0u8..7), 0..60),
        ) {
            let live = Live::default();
            let names = ["a", "b", "c"].map(|n| ChannelName::new(n).unwrap());
            let users = ["x", "y", "z"].map(|u| UserId::new(u).unwrap());
            let mut last = [0, 1].map(|app| (live.edition(AppId(app)), live.online_each(AppId(app), &names)));
            for (app, name, user, sid, what) in steps {
                let channel = ChannelKey { app: AppId(app), name: names[name].clone() };
                let (user, sid) = (users[user].as_str(), ["1", "2", "3"][sid]);
                let fact = match what {
                    0..=2 => joined(user, sid),
                    3 => left(user, sid, LeftReason::ClientInitiated),
                    4 => left(user, sid, LeftReason::DuplicateIdentity),
                    5 => MediaFact::ParticipantAborted { who: who(user, sid), reason: LeftReason::JoinFailure },
                    _ => MediaFact::ChannelEnded,
                };
                let event = MediaEvent { channel, channel_sid: "RM".into(), seq: 1, id: "EV".into(), at: UnixMs(1), fact };
                live.note(&event);
                for app in [0, 1] {
                    let (before, counts) = last[app as usize].clone();
                    let now = (live.edition(AppId(app)), live.online_each(AppId(app), &names));
                    prop_assert!(now.0 >= before && (now.0 == before) == (now.1 == counts), "{now:?}");
                    let keys = names.clone().map(|name| ChannelKey { app: AppId(app), name });
                    prop_assert_eq!(&now.1, &keys.iter().map(|k| live.online(k)).collect::<Vec<_>>());
                    let present: Vec<_> = keys.iter().map(|k| live.present(k).into_iter().map(|p| p.user).collect::<Vec<_>>()).collect();
                    prop_assert_eq!(&present, &keys.iter().map(|k| live.users(k)).collect::<Vec<_>>());
                    for (key, there) in keys.iter().zip(&present) {
                        prop_assert_eq!(there, &live.in_order(key, [users.to_vec(), users.to_vec()].concat()));
                        let one: Vec<_> = there.iter().filter(|u| u.as_str() == "y").cloned().collect();
                        prop_assert_eq!(one, live.in_order(key, vec![users[1].clone()]));
                        for user in &users {
                            prop_assert_eq!(live.channels_of(key.app, user).contains(&key.name), there.contains(user));
                            prop_assert_eq!(live.is_online(key, user), there.contains(user));
                        }
                    }
                    last[app as usize] = now;
                }
            }
            let all: usize = last.iter().flat_map(|(_, counts)| counts).sum();
            let everybody = live.everybody();
            prop_assert!(everybody.len() == all && everybody.is_sorted());
        }
    }

    #[test]
    fn a_session_that_was_never_here_does_not_leave() {
        let live = Live::default();
        note(&live, 1, joined("a", "1"));
        assert_eq!(note(&live, 2, left("a", "other", LeftReason::Removed)), []);
        assert_eq!(live.online(&channel()), 1);
    }
}
