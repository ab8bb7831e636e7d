//! One client in a room.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use livekit_protocol as proto;
use prost::Message as _;
use stoa_core::media::{Standing, Who};
use stoa_core::time::Now;
use tokio::sync::mpsc;

use super::publish::Pending;
use super::subscribe::Subs;
use super::track::Tid;
use super::wire::ClientParams;
use crate::pc::{Mid, OfferLine, PcId};
use crate::token::Verified;

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
    pub standing: Standing,
    pub token: Verified,
    pub client: ClientParams,
    pub joined: Now,
    /// When the first connection came up.
    pub active_at: Option<Duration>,
    /// Grows with every change others see.
    pub version: u32,
    pub sink: Option<Sink>,
    /// Which of its WebSockets is the current one.
    pub sink_epoch: u32,
    /// Since when there is no WebSocket.
    pub lost_at: Option<Duration>,
    pub ice_lost_at: Option<Duration>,
    /// Since when one of its connections is over.
    pub media_dead_at: Option<Duration>,
    pub pub_pc: Option<PcId>,
    pub sub_pc: PcId,
    pub pending: Vec<Pending>,
    /// Lines of its last offer that no announcement fits yet.
    pub held: Vec<OfferLine>,
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
}

impl Participant {
    /// Queues a frame. A full queue means a client that does not read: its WebSocket is closed, it may resume.
    pub(crate) fn send(&mut self, message: proto::signal_response::Message) {
        self.send_bytes(encode(message));
    }

    pub(crate) fn send_bytes(&mut self, frame: Bytes) {
        let Some(sink) = &self.sink else { return };
        if sink.try_send(frame).is_err() {
            metrics::counter!("stoa_media_slow_signal_total").increment(1);
            self.sink = None;
        }
    }

    /// Whether others may know of it.
    pub(crate) fn visible(&self) -> bool {
        !self.who.hidden
    }
}

/// A signal frame, ready to be shared by many receivers.
pub(crate) fn encode(message: proto::signal_response::Message) -> Bytes {
    proto::SignalResponse { message: Some(message) }.encode_to_vec().into()
}
