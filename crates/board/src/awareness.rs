//! Who is where: cursors, names and colours of those who look at a board. Lives only while they do.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use stoa_core::id::UserId;

use crate::board::SessionId;
use crate::wire::{MAX_CLOCK, PresenceEntry};

/// How many Yjs clients one session may speak for. A page has one document and so one; a few leave room for reloads
/// inside of one connection.
const MAX_PER_SESSION: usize = 4;

/// How many clients that left are remembered, so that others' echoes do not bring them back.
const MAX_GONE: usize = 2048;

#[derive(Debug)]
struct Known {
    user: UserId,
    /// `None` = it left.
    session: Option<SessionId>,
    clock: u32,
    state: Option<Arc<str>>,
}

/// The awareness states of one board.
#[derive(Debug, Default)]
pub(crate) struct Awareness {
    clients: BTreeMap<u64, Known>,
    gone: VecDeque<u64>,
}

/// What follows from a client's message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// For everybody else.
    pub relay: Vec<PresenceEntry>,
    /// For the session itself: it left in others' eyes and must count on from there.
    pub back: Vec<PresenceEntry>,
}

impl Awareness {
    /// False if the message only repeats what is said of other users.
    pub(crate) fn concerns(&self, user: &UserId, entries: &[PresenceEntry]) -> bool {
        entries.iter().any(|e| self.clients.get(&e.client).is_none_or(|known| known.user == *user))
    }

    /// Takes in a message. Clients of Yjs repeat what they hear of others; only what is a session's own counts.
    pub(crate) fn hear(&mut self, session: SessionId, user: &UserId, entries: Vec<PresenceEntry>) -> Told {
        let mut told = Told::default();
        for entry in entries {
            let room = self.owned(session) < MAX_PER_SESSION;
            let Some(known) = self.clients.get_mut(&entry.client) else {
                if entry.state.is_some() && room {
                    let (clock, state) = (entry.clock, entry.state.clone());
                    self.clients
                        .insert(entry.client, Known { user: user.clone(), session: Some(session), clock, state });
                    told.relay.push(entry);
                }
                continue;
            };
            if known.user != *user {
                continue;
            }
            let own = known.session == Some(session);
            let leaves = entry.clock == known.clock && entry.state.is_none() && known.state.is_some();
            if entry.clock > known.clock || (own && leaves) {
                // Another session of the same user with a newer clock: it reconnected before its old connection broke.
                if !own && (entry.state.is_none() || !room) {
                    continue;
                }
                known.clock = entry.clock;
                known.state = entry.state.clone();
                known.session = entry.state.is_some().then_some(session);
                if entry.state.is_none() {
                    self.remember(entry.client);
                }
                told.relay.push(entry);
            } else if known.session.is_none() && entry.state.is_some() {
                told.back.push(PresenceEntry { client: entry.client, clock: known.clock, state: None });
            }
        }
        told
    }

    /// The session ended; what others must hear.
    pub(crate) fn leave(&mut self, session: SessionId) -> Vec<PresenceEntry> {
        let of_session = |(client, known): (&u64, &Known)| (known.session == Some(session)).then_some(*client);
        let clients: Vec<u64> = self.clients.iter().filter_map(of_session).collect();
        let mut left = Vec::with_capacity(clients.len());
        for client in clients {
            let Some(known) = self.clients.get_mut(&client) else { continue };
            known.session = None;
            known.state = None;
            known.clock = known.clock.saturating_add(1).min(MAX_CLOCK);
            left.push(PresenceEntry { client, clock: known.clock, state: None });
            self.remember(client);
        }
        left
    }

    /// Everybody who is here.
    pub(crate) fn all(&self) -> Vec<PresenceEntry> {
        let here = self.clients.iter().filter(|(_, known)| known.state.is_some());
        here.map(|(client, known)| PresenceEntry { client: *client, clock: known.clock, state: known.state.clone() })
            .collect()
    }

    fn owned(&self, session: SessionId) -> usize {
        self.clients.values().filter(|k| k.session == Some(session)).count()
    }

    fn remember(&mut self, client: u64) {
        self.gone.push_back(client);
        if self.gone.len() > MAX_GONE
            && let Some(oldest) = self.gone.pop_front()
            && self.clients.get(&oldest).is_some_and(|k| k.session.is_none())
        {
            self.clients.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn says(client: u64, clock: u32, state: Option<&str>) -> Vec<PresenceEntry> {
        vec![PresenceEntry { client, clock, state: state.map(Arc::from) }]
    }

    #[test]
    fn a_session_speaks_for_its_own_clients_only() {
        let mut a = Awareness::default();
        assert_eq!(a.hear(SessionId(1), &user("ann"), says(10, 1, Some("1"))).relay.len(), 1);
        assert_eq!(a.hear(SessionId(2), &user("bob"), says(10, 9, Some("2"))), Told::default());
        assert_eq!(a.hear(SessionId(2), &user("bob"), says(10, 9, None)), Told::default());
        assert_eq!(a.all(), says(10, 1, Some("1")));
        for client in 20..24 {
            a.hear(SessionId(2), &user("bob"), says(client, 1, Some("1")));
        }
        assert_eq!(a.hear(SessionId(2), &user("bob"), says(99, 1, Some("1"))), Told::default());
    }

    #[test]
    fn who_left_is_told_and_does_not_come_back_by_an_echo() {
        let mut a = Awareness::default();
        a.hear(SessionId(1), &user("ann"), says(10, 1, Some("1")));
        assert_eq!(a.leave(SessionId(1)), says(10, 2, None));
        assert!(a.all().is_empty());
        assert_eq!(a.hear(SessionId(2), &user("bob"), says(10, 1, Some("1"))), Told::default());
        assert_eq!(a.hear(SessionId(2), &user("bob"), says(10, 3, Some("1"))), Told::default());
        assert!(a.all().is_empty());
    }

    #[test]
    fn who_comes_back_with_an_old_clock_is_told_where_to_count_on() {
        let mut a = Awareness::default();
        a.hear(SessionId(1), &user("ann"), says(10, 5, Some("1")));
        a.leave(SessionId(1));
        let told = a.hear(SessionId(2), &user("ann"), says(10, 5, Some("1")));
        assert_eq!(told, Told { relay: vec![], back: says(10, 6, None) });
        assert_eq!(a.hear(SessionId(2), &user("ann"), says(10, 7, Some("1"))).relay.len(), 1);
        assert_eq!(a.all(), says(10, 7, Some("1")));
    }

    #[test]
    fn a_new_connection_takes_over_before_the_old_one_broke() {
        let mut a = Awareness::default();
        a.hear(SessionId(1), &user("ann"), says(10, 5, Some("1")));
        assert_eq!(a.hear(SessionId(2), &user("ann"), says(10, 5, Some("1"))), Told::default());
        assert_eq!(a.hear(SessionId(2), &user("ann"), says(10, 6, Some("1"))).relay.len(), 1);
        assert!(a.leave(SessionId(1)).is_empty());
        assert_eq!(a.leave(SessionId(2)).len(), 1);
    }
}
