//! Who is connected now: volatile, told by the engine's events, read by lists, counts and seat rules.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::{AppId, ChannelKey, ChannelName, Identity, UserId};
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
    channels: BTreeMap<ChannelKey, BTreeMap<UserId, Stay>>,
    of_user: BTreeMap<(AppId, UserId), BTreeMap<ChannelName, u64>>,
    numbers: u64,
}

/// Live sessions of every user in every channel, hidden participants left out.
///
/// One lock, held for a map look-up: lists of 500 rooms read it 500 times per page.
#[derive(Debug, Default)]
pub struct Live {
    inner: Mutex<Inner>,
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an event; tells whose presence it changed, and how. The engine's thread calls it in the channel's
    /// order, so what is read here is what the engine has done.
    pub fn note(&self, event: &MediaEvent) -> Vec<Change> {
        let mut inner = self.lock();
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
        self.lock().channels.get(channel).map_or(0, BTreeMap::len)
    }

    /// The same for channels of one app whose names are in the order of their bytes. A walk along both lists: the names
    /// are expected to be about all there are between the first and the last.
    #[must_use]
    pub fn online_each(&self, app: AppId, names: &[ChannelName]) -> Vec<usize> {
        let inner = self.lock();
        let Some(first) = names.first() else { return Vec::new() };
        let mut busy = inner.channels.range(ChannelKey { app, name: first.clone() }..).peekable();
        let count = |name: &ChannelName| {
            while let Some((key, users)) = busy.peek().filter(|(key, _)| key.app == app) {
                match key.name.cmp(name) {
                    Ordering::Less => drop(busy.next()),
                    Ordering::Equal => return users.len(),
                    Ordering::Greater => break,
                }
            }
            0
        };
        names.iter().map(count).collect()
    }

    /// Whether this user has a live session.
    #[must_use]
    pub fn is_online(&self, channel: &ChannelKey, user: &UserId) -> bool {
        self.lock().channels.get(channel).is_some_and(|u| u.contains_key(user))
    }

    /// Everybody present anywhere.
    #[must_use]
    pub fn everybody(&self) -> Vec<(ChannelKey, UserId)> {
        let inner = self.lock();
        let of = |(c, users): (&ChannelKey, &BTreeMap<UserId, Stay>)| {
            users.keys().map(|u| (c.clone(), u.clone())).collect::<Vec<_>>()
        };
        inner.channels.iter().flat_map(of).collect()
    }

    /// Everybody present, in the order of arrival; a resume keeps the place. One snapshot.
    #[must_use]
    pub fn present(&self, channel: &ChannelKey) -> Vec<Present> {
        let inner = self.lock();
        let Some(users) = inner.channels.get(channel) else { return Vec::new() };
        let mut out: Vec<_> = users.iter().collect();
        out.sort_by(|a, b| (a.1.since, a.1.number, a.0).cmp(&(b.1.since, b.1.number, b.0)));
        let present = |(user, stay): (&UserId, &Stay)| Present {
            user: user.clone(),
            since: stay.since,
            devices: stay.sids.len() + stay.heirs.len(),
        };
        out.into_iter().map(present).collect()
    }

    /// Where a user of an app is present, in the order of arrival.
    #[must_use]
    pub fn channels_of(&self, app: AppId, user: &UserId) -> Vec<ChannelName> {
        let inner = self.lock();
        let Some(channels) = inner.of_user.get(&(app, user.clone())) else { return Vec::new() };
        let mut out: Vec<_> = channels.iter().collect();
        out.sort_by_key(|(_, number)| **number);
        out.into_iter().map(|(name, _)| name.clone()).collect()
    }
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
            let names = self.of_user.entry((channel.app, user.clone())).or_default();
            names.insert(channel.name.clone(), self.numbers);
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
        if users.is_empty() {
            self.channels.remove(channel);
        }
        self.forget(channel, user);
        Some(Change { user: user.clone(), change: PresenceChange::Gone { reason, lost } })
    }

    fn forget(&mut self, channel: &ChannelKey, user: &UserId) {
        let key = (channel.app, user.clone());
        if let Some(names) = self.of_user.get_mut(&key) {
            names.remove(&channel.name);
            if names.is_empty() {
                self.of_user.remove(&key);
            }
        }
    }

    /// Whoever is still listed when the channel ends is gone with it.
    fn ended(&mut self, channel: &ChannelKey) -> Vec<Change> {
        let users = self.channels.remove(channel).unwrap_or_default();
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
    use super::*;
    use std::time::Duration;

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

    #[test]
    fn a_session_that_was_never_here_does_not_leave() {
        let live = Live::default();
        note(&live, 1, joined("a", "1"));
        assert_eq!(note(&live, 2, left("a", "other", LeftReason::Removed)), []);
        assert_eq!(live.online(&channel()), 1);
    }
}
