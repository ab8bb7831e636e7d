//! Doubles of the ports that the testkit does not have.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::json;
use stoa_api::jwt::Key;
use stoa_core::app::App;
use stoa_core::board::{BoardImage, BoardRights, BoardSession, Boards};
use stoa_core::id::{ChannelKey, ClassId, UserId};
use stoa_core::login::Passwords;
use stoa_core::media::MediaGrant;
use stoa_core::ports::{Entropy, MediaTokens};
use stoa_core::stream::{Stream, StreamAsk, StreamMade, Streams};
use stoa_core::{Error, Kind, Result};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Entropy that never repeats.
#[derive(Default)]
pub struct Draws(AtomicU64);

impl Entropy for Draws {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            // SplitMix64: distinct outputs for distinct counters.
            let n = self.0.fetch_add(1, Ordering::SeqCst).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(n ^ (n >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Signs what the contract shows of a media token.
pub struct TestTokens;

impl MediaTokens for TestTokens {
    fn mint(&self, app: &App, g: &MediaGrant) -> String {
        Key::new(app.secret.expose_secret().as_bytes()).sign(&json!({
            "iss": app.key, "sub": g.identity.as_str(), "nbf": g.nbf_secs, "exp": g.exp_secs,
            "attributes": {"stoa.user": g.user.as_str(), "stoa.identity": g.identity_type.as_str()},
            "video": {"roomJoin": true, "room": g.channel.as_str(), "canPublish": g.can_publish},
        }))
    }
}

/// "Hashes" by a prefix.
pub struct PlainPasswords;

#[async_trait]
impl Passwords for PlainPasswords {
    async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        Ok(hash.is_some_and(|h| h == format!("plain${password}")))
    }
}

/// An engine for plain HTTP that remembers what it was asked.
#[derive(Default)]
pub struct FakeStreams {
    pub asked: Mutex<Vec<StreamAsk>>,
    pub open: Mutex<BTreeMap<String, ChannelKey>>,
    pub refuse: Mutex<Option<Kind>>,
}

#[async_trait]
impl Streams for FakeStreams {
    async fn start(&self, ask: StreamAsk) -> Result<StreamMade> {
        if let Some(kind) = self.refuse.lock().unwrap().clone() {
            return Err(Error::new(kind, "refused by the engine"));
        }
        let mut open = self.open.lock().unwrap();
        let id = format!("session{}", open.len());
        open.insert(id.clone(), ask.channel.clone());
        let way = if ask.what == Stream::Push { "push" } else { "play" };
        let answer = format!("v=0 {way} {}", ask.offer);
        self.asked.lock().unwrap().push(ask);
        Ok(StreamMade { id, answer })
    }

    async fn end(&self, channel: &ChannelKey, id: &str) -> Result<bool> {
        let mut open = self.open.lock().unwrap();
        let there = open.get(id).is_some_and(|c| c == channel);
        if there {
            open.remove(id);
        }
        Ok(there)
    }
}

type Lane = UnboundedSender<Vec<u8>>;

/// Whiteboards that greet with the rights, and send back what they are sent.
#[derive(Default)]
pub struct FakeBoards {
    open: Mutex<Vec<(ClassId, UserId, Lane)>>,
    pub told: Mutex<Vec<String>>,
}

struct FakeSession {
    out: UnboundedReceiver<Vec<u8>>,
    back: tokio::sync::mpsc::WeakUnboundedSender<Vec<u8>>,
}

#[async_trait]
impl BoardSession for FakeSession {
    async fn next(&mut self) -> Option<Vec<u8>> {
        self.out.recv().await
    }

    async fn feed(&mut self, message: &[u8]) -> Result<()> {
        match message {
            b"bad" => Err(Error::bad_input("message", "is none")),
            b"full" => Err(Error::new(Kind::LimitReached, "full")),
            _ => {
                if let Some(back) = self.back.upgrade() {
                    back.send(message.to_vec()).unwrap();
                }
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Boards for FakeBoards {
    async fn open(&self, board: ClassId, user: &UserId, rights: BoardRights) -> Result<Box<dyn BoardSession>> {
        let (lane, out) = unbounded_channel();
        lane.send(format!("draw {} pages {}", rights.draw, rights.pages).into_bytes()).unwrap();
        let back = lane.downgrade();
        self.open.lock().unwrap().push((board, user.clone(), lane));
        Ok(Box::new(FakeSession { out, back }))
    }

    async fn set_rights(&self, board: ClassId, user: &UserId, rights: Option<BoardRights>) {
        self.told.lock().unwrap().push(format!("{user} {rights:?}"));
        if rights.is_none() {
            self.open.lock().unwrap().retain(|(b, u, _)| *b != board || u != user);
        }
    }

    fn is_open(&self, board: ClassId) -> bool {
        self.open.lock().unwrap().iter().any(|(b, ..)| *b == board)
    }

    async fn close(&self, board: ClassId) {
        self.open.lock().unwrap().retain(|(b, ..)| *b != board);
    }

    async fn draw(&self, _: ClassId, page: usize, image: BoardImage) -> Result<Vec<u8>> {
        if page > 1 {
            return Err(Error::new(Kind::NotFound, "no such page"));
        }
        Ok(format!("{image:?} {page}").into_bytes())
    }
}
