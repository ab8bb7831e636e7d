//! Who takes part in groups now: volatile, told by the hub, read together with the media engine's presence.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::{ChannelKey, UserId};

/// Lists, not sets: nearly everybody has one connection, and a set has room for eleven.
type Users = BTreeMap<UserId, Vec<String>>;

/// Connections of every user in every group, by the group's media channel.
///
/// One lock, held for a map look-up: lists of 500 rooms read it 500 times per page.
#[derive(Debug, Default)]
pub struct Crowd(Mutex<BTreeMap<ChannelKey, Users>>);

impl Crowd {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ChannelKey, Users>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection takes part. True = the user's first one there.
    pub fn came(&self, channel: &ChannelKey, user: &UserId, client: &str) -> bool {
        let mut all = self.lock();
        let clients = all.entry(channel.clone()).or_default().entry(user.clone()).or_default();
        if !clients.iter().any(|c| c == client) {
            clients.push(client.to_owned());
        }
        clients.len() == 1
    }

    /// A connection does not take part any more. True = it was the user's last one there.
    pub fn went(&self, channel: &ChannelKey, user: &UserId, client: &str) -> bool {
        let mut all = self.lock();
        let Some(users) = all.get_mut(channel) else { return false };
        let Some(clients) = users.get_mut(user) else { return false };
        let Some(at) = clients.iter().position(|c| c == client) else { return false };
        clients.swap_remove(at);
        if !clients.is_empty() {
            return false;
        }
        users.remove(user);
        if users.is_empty() {
            all.remove(channel);
        }
        true
    }

    /// Whether the user takes part.
    #[must_use]
    pub fn has(&self, channel: &ChannelKey, user: &UserId) -> bool {
        self.lock().get(channel).is_some_and(|u| u.contains_key(user))
    }

    /// Who takes part, by user (bytes).
    #[must_use]
    pub fn users(&self, channel: &ChannelKey) -> Vec<UserId> {
        self.lock().get(channel).map_or_else(Vec::new, |u| u.keys().cloned().collect())
    }

    /// How many of those who take part `counted` does not know.
    #[must_use]
    pub fn besides(&self, channel: &ChannelKey, counted: impl Fn(&UserId) -> bool) -> usize {
        self.lock().get(channel).map_or(0, |u| u.keys().filter(|u| !counted(u)).count())
    }

    /// Everybody who takes part anywhere.
    #[must_use]
    pub fn everybody(&self) -> Vec<(ChannelKey, UserId)> {
        let all = self.lock();
        all.iter().flat_map(|(c, users)| users.keys().map(|u| (c.clone(), u.clone()))).collect()
    }
}
