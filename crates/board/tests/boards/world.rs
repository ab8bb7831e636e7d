//! A board, its clients and a store without threads or sockets: messages move when a test says so.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use stoa_board::{Board, Document, Effect, Limits, Outgoing, PresenceEntry, SessionId};
use stoa_core::board::BoardRights;
use stoa_core::error::Result;
use stoa_core::id::UserId;
use stoa_core::time::{Now, UnixMs};

use crate::client::Client;

pub const BOTH: BoardRights = BoardRights { draw: true, pages: true };
pub const DRAW: BoardRights = BoardRights { draw: true, pages: false };
pub const PAGES: BoardRights = BoardRights { draw: false, pages: true };
pub const LOOK: BoardRights = BoardRights { draw: false, pages: false };

pub fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub fn at(ms: u64) -> Now {
    Now { wall: UnixMs(0), mono: Duration::from_millis(ms) }
}

/// One client's side.
pub struct Peer {
    pub client: Client,
    pub session: Option<SessionId>,
    pub inbox: VecDeque<Outgoing>,
}

pub struct World {
    pub board: Board,
    pub limits: Limits,
    pub peers: BTreeMap<&'static str, Peer>,
    /// What the store has, and what it is writing.
    pub rows: Vec<Vec<u8>>,
    pub write: Option<Effect>,
    pub writes: usize,
    pub closed: Vec<SessionId>,
    sessions: u64,
    pub now: u64,
}

impl World {
    pub fn new() -> Self {
        Self::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Self {
        let board = Board::new(Document::new(), 0, limits.clone());
        Self {
            board,
            limits,
            peers: BTreeMap::new(),
            rows: Vec::new(),
            write: None,
            writes: 0,
            closed: Vec::new(),
            sessions: 0,
            now: 0,
        }
    }

    pub fn connect(&mut self, name: &'static str, rights: BoardRights) {
        let ids = self.peers.len() as u64 + 100;
        let peer = self.peers.entry(name).or_insert_with(|| Peer {
            client: Client::new(ids),
            session: None,
            inbox: VecDeque::new(),
        });
        self.sessions += 1;
        let session = SessionId(self.sessions);
        peer.session = Some(session);
        peer.inbox.clear();
        let hello = peer.client.hello();
        let effects = self.board.connect(session, user(name), rights).unwrap();
        self.perform(effects);
        self.say(name, &hello).unwrap();
    }

    pub fn disconnect(&mut self, name: &str) {
        let peer = self.peers.get_mut(name).unwrap();
        peer.inbox.clear();
        if let Some(session) = peer.session.take() {
            let effects = self.board.disconnect(session);
            self.perform(effects);
        }
    }

    /// A message from the client, if it is connected. As the shell does, a refusal ends the session.
    pub fn say(&mut self, name: &str, message: &[u8]) -> Result<()> {
        let Some(session) = self.peers[name].session else { return Ok(()) };
        match self.board.message(session, message, at(self.now)) {
            Ok(effects) => {
                self.perform(effects);
                Ok(())
            }
            Err(e) => {
                self.disconnect(name);
                Err(e)
            }
        }
    }

    /// The client changes something and says so if it is connected.
    pub fn edit(&mut self, name: &str, change: impl FnOnce(&Client) -> Vec<u8>) {
        let message = change(&self.peers[name].client);
        self.say(name, &message).unwrap();
    }

    fn peer_of(&mut self, session: SessionId) -> Option<&mut Peer> {
        self.peers.values_mut().find(|p| p.session == Some(session))
    }

    pub fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(to, outgoing) => {
                    if let Some(peer) = self.peer_of(to) {
                        peer.inbox.push_back(outgoing);
                    }
                }
                Effect::Close(session) => {
                    self.closed.push(session);
                    if let Some(peer) = self.peer_of(session) {
                        peer.session = None;
                        peer.inbox.clear();
                    }
                }
                write @ (Effect::Append(_) | Effect::Replace(_)) => {
                    assert!(self.write.is_none(), "two writes at a time");
                    self.write = Some(write);
                }
            }
        }
    }

    /// The store finishes its write.
    pub fn store(&mut self) -> bool {
        match self.write.take() {
            Some(Effect::Append(row)) => self.rows.push(row),
            Some(Effect::Replace(snapshot)) => self.rows = vec![snapshot],
            _ => return false,
        }
        self.writes += 1;
        let effects = self.board.stored();
        self.perform(effects);
        true
    }

    /// A client takes one message from the wire.
    pub fn deliver(&mut self, name: &str) -> bool {
        let peer = self.peers.get_mut(name).unwrap();
        let Some(outgoing) = peer.inbox.pop_front() else { return false };
        match outgoing {
            Outgoing::Message(bytes) => {
                if let Some(answer) = peer.client.hear(&bytes) {
                    self.say(name, &answer).unwrap();
                }
            }
            Outgoing::Presence(entries) => {
                for PresenceEntry { client, clock, state } in entries.iter() {
                    let state = state.as_deref().unwrap_or("null").to_owned();
                    peer.client.seen.insert(*client, (*clock, state));
                }
            }
        }
        true
    }

    /// Until nothing moves any more.
    pub fn settle(&mut self) {
        let names: Vec<&'static str> = self.peers.keys().copied().collect();
        for _ in 0..10_000 {
            let mut moved = self.store();
            for name in &names {
                moved |= self.deliver(name);
            }
            if !moved {
                return;
            }
        }
        panic!("never comes to rest");
    }

    /// The process dies: what the store was just writing is lost, everybody is disconnected.
    pub fn crash(&mut self) {
        self.write = None;
        for peer in self.peers.values_mut() {
            peer.session = None;
            peer.inbox.clear();
        }
        let (document, lost) = Document::load(&self.rows);
        assert_eq!(lost, 0);
        self.board = Board::new(document, self.rows.len(), self.limits.clone());
    }

    pub fn client(&mut self, name: &str) -> &mut Client {
        &mut self.peers.get_mut(name).unwrap().client
    }

    pub fn json(&self, name: &str) -> String {
        self.peers[name].client.json()
    }

    pub fn awareness(client: u64, clock: u32, json: &str) -> Vec<u8> {
        use yrs::block::ClientID;
        use yrs::sync::awareness::AwarenessUpdateEntry;
        use yrs::sync::{AwarenessUpdate, Message};
        use yrs::updates::encoder::Encode as _;
        let entry = AwarenessUpdateEntry { clock, json: Arc::from(json) };
        Message::Awareness(AwarenessUpdate { clients: [(ClientID::new(client), entry)].into_iter().collect() })
            .encode_v1()
    }
}
