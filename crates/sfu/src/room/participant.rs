//! One client in a room.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use livekit_protocol as proto;
use livekit_protocol::signal_response::Message;
use prost::Message as _;
use stoa_core::media::{Standing, Who};
use stoa_core::time::Now;
use tokio::sync::mpsc;

use super::announce::{Announcements, Pending};
use super::message::Waiting;
use super::stream::Streaming;
use super::subscribe::Subs;
use super::track::Tid;
use super::wire::ClientParams;
use crate::pc::{Mid, PcId};
use crate::token::Verified;

/// Bytes of media and data a participant may send per second (20 Mbit/s, media.md 5.6). Three layers of 1080p fit well.
const MAX_INGRESS: usize = 20_000_000 / 8;

/// Name of a participant inside its shard; never reused.
pub(crate) type Pid = u64;

/// Where a client's signal frames go: encoded `SignalResponse`s.
pub(crate) type Sink = mpsc::Sender<Bytes>;

/// A client, from its join to its leaving.
pub(crate) struct Participant {
    pub pid: Pid,
    pub who: Who,
    pub name: String,
    pub metadata: String,
    /// Without `stoa.*`, which are the standing's.
    pub attributes: BTreeMap<String, String>,
    /// What is in force: what was granted, less what a server SDK took away.
    pub standing: Standing,
    /// The product's last word.
    pub granted: Standing,
    /// Rights left by a server SDK's UpdateParticipant, until the product grants something else.
    pub narrowed: Option<proto::ParticipantPermission>,
    pub token: Verified,
    pub client: ClientParams,
    pub joined: Now,
    /// When the first connection came up.
    pub active_at: Option<Duration>,
    /// Grows with every change others see.
    pub version: u32,
    pub sink: Option<Sink>,
    /// It speaks plain HTTP: there never is a WebSocket, and one connection serves as both.
    pub stream: Option<Box<Streaming>>,
    /// Which of its WebSockets is the current one.
    pub sink_epoch: u32,
    /// Since when there is no WebSocket.
    pub lost_at: Option<Duration>,
    pub ice_lost_at: Option<Duration>,
    /// Since when one of its connections is over.
    pub media_dead_at: Option<Duration>,
    /// When its last signal frame came in.
    pub heard: Duration,
    /// Reliable data packets to it go through, once it was so.
    pub data_open: bool,
    /// It came back over a new WebSocket and its media connection is not back yet.
    pub resuming: bool,
    /// Messages for it that wait until it can get them.
    pub waiting: Waiting,
    pub pub_pc: Option<PcId>,
    pub sub_pc: PcId,
    /// Its announced tracks and offered lines that have not found each other.
    pub announced: Announcements,
    pub up: Vec<(Mid, Tid)>,
    pub subs: Subs,
    /// Tracks it does not want, by sid.
    pub unwanted: BTreeSet<String>,
    /// Tracks it asked for though it does not subscribe by itself, by sid.
    pub wanted: BTreeSet<String>,
    /// Sequence of the last reliable data packet taken from it.
    pub last_seq: u32,
    pub refresh_at: Duration,
    pub refreshing: bool,
    /// Which second it is, and bytes it sent in it.
    pub ingress: (u64, usize),
}

impl Participant {
    /// Queues a frame. A full queue means a client that does not read: its WebSocket is closed, it may resume.
    pub(crate) fn send(&mut self, message: Message) {
        self.send_bytes(encode(message));
    }

    pub(crate) fn send_bytes(&mut self, frame: Bytes) {
        use mpsc::error::TrySendError;
        let Some(sink) = &self.sink else { return };
        match sink.try_send(frame) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => metrics::counter!("stoa_media_slow_signal_total").increment(1),
            // The WebSocket is over already: somebody who leaves, nobody slow.
            Err(TrySendError::Closed(_)) => {}
        }
        self.sink = None;
    }

    /// Says that these announced tracks will not be.
    pub(crate) fn tell_withdrawn(&mut self, gone: Vec<Pending>) {
        for pending in gone {
            let track_sid = pending.info.sid;
            tracing::debug!(participant.sid = self.who.sid, track.sid = track_sid, "announcement withdrawn");
            self.send(Message::TrackUnpublished(proto::TrackUnpublishedResponse { track_sid }));
        }
    }

    /// Counts what it sends; false = over the cap, drop it.
    pub(crate) fn may_send(&mut self, now: Duration, bytes: usize) -> bool {
        let second = now.as_secs();
        if self.ingress.0 != second {
            self.ingress = (second, 0);
        }
        self.ingress.1 = self.ingress.1.saturating_add(bytes);
        self.ingress.1 <= MAX_INGRESS
    }

    /// Whether its connection, or a part of it, is lost at this moment.
    pub(crate) fn away(&self) -> bool {
        let unheard = self.stream.is_none() && self.sink.as_ref().is_none_or(Sink::is_closed);
        unheard || self.lost_at.is_some() || self.ice_lost_at.is_some() || self.media_dead_at.is_some()
    }

    /// Whether others may know of it.
    pub(crate) fn visible(&self) -> bool {
        !self.who.hidden
    }
}

/// A signal frame, ready to be shared by many receivers.
pub(crate) fn encode(message: Message) -> Bytes {
    proto::SignalResponse { message: Some(message) }.encode_to_vec().into()
}
