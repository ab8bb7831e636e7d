//! Who is connected now: volatile, told by the engines' events, read by lists and seat rules.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::{ChannelKey, UserId};
use crate::media::{MediaEvent, MediaFact, Who};

/// Something about a user's presence really changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceChange {
    /// First live session of the user in the channel.
    Came,
    /// Another session of a user who has one already.
    StillThere,
    /// The last live session ended.
    Gone,
}

/// Live sessions of every user in every channel, hidden participants left out.
///
/// One lock, held for a map look-up: lists of 500 rooms read it 500 times per page.
#[derive(Debug, Default)]
pub struct Live {
    channels: Mutex<BTreeMap<ChannelKey, BTreeMap<UserId, Vec<String>>>>,
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ChannelKey, BTreeMap<UserId, Vec<String>>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in an event; tells whose presence it changed, and how.
    pub fn note(&self, event: &MediaEvent) -> Option<(UserId, PresenceChange)> {
        match &event.fact {
            MediaFact::ParticipantJoined(who) => self.came(&event.channel, who),
            MediaFact::ParticipantLeft { who, .. } => self.went(&event.channel, who),
            MediaFact::ChannelEnded => {
                self.lock().remove(&event.channel);
                None
            }
            MediaFact::ChannelStarted
            | MediaFact::ParticipantAborted(_)
            | MediaFact::TrackPublished { .. }
            | MediaFact::TrackUnpublished { .. }
            | MediaFact::TrackMuted { .. } => None,
        }
    }

    fn came(&self, channel: &ChannelKey, who: &Who) -> Option<(UserId, PresenceChange)> {
        if who.hidden {
            return None;
        }
        let mut all = self.lock();
        let sids = all.entry(channel.clone()).or_default().entry(who.user.clone()).or_default();
        let first = sids.is_empty();
        if !sids.contains(&who.sid) {
            sids.push(who.sid.clone());
        }
        Some((who.user.clone(), if first { PresenceChange::Came } else { PresenceChange::StillThere }))
    }

    fn went(&self, channel: &ChannelKey, who: &Who) -> Option<(UserId, PresenceChange)> {
        let mut all = self.lock();
        let users = all.get_mut(channel)?;
        let sids = users.get_mut(&who.user)?;
        sids.retain(|s| *s != who.sid);
        let gone = sids.is_empty();
        if gone {
            users.remove(&who.user);
            if users.is_empty() {
                all.remove(channel);
            }
        }
        Some((who.user.clone(), if gone { PresenceChange::Gone } else { PresenceChange::StillThere }))
    }

    /// Distinct users with a live session (voice-room.md 4.0.1).
    #[must_use]
    pub fn online(&self, channel: &ChannelKey) -> usize {
        self.lock().get(channel).map_or(0, BTreeMap::len)
    }

    /// Whether this user has a live session.
    #[must_use]
    pub fn is_online(&self, channel: &ChannelKey, user: &UserId) -> bool {
        self.lock().get(channel).is_some_and(|u| u.contains_key(user))
    }
}
