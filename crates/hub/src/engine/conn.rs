//! A connection as the engine sees it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use stoa_core::hub::{HubClient, HubSubscribed};

use super::config::{Bucket, Limits};
use super::{ChanId, Ms};
use crate::proto::{Command, Format, RpcRequest, SubscribeRequest};

/// Subscriptions of one connection that it asked for.
pub(crate) const MAX_CHANNELS: usize = 128;
/// Commands that wait for the answer to connect. SDKs send connect and all subscribes in one frame.
const MAX_BACKLOG: usize = MAX_CHANNELS + 32;
/// Commands that wait for one channel's subscribe.
pub(crate) const MAX_AFTER: usize = 16;
/// Function calls that wait for an earlier one of the same connection.
const MAX_RPCS: usize = 64;
/// Bytes of commands that wait, before the connection is open or for a function call.
const MAX_WAITING_BYTES: usize = 256 * 1024;
/// Above the command rate for so long: the connection ends.
const FLOOD_MS: Ms = 10_000;
/// Failed commands within [`ERRORS_MS`] that end a connection.
const MAX_ERRORS: u32 = 100;
const ERRORS_MS: Ms = 10_000;
/// Recovered bytes that one connection is given within [`RECOVERED_MS`]; what goes beyond is told to be lost, because
/// it would overflow the queue and bring the client back for the same.
const MAX_RECOVERED: usize = 768 * 1024;
const RECOVERED_MS: Ms = 5_000;

#[derive(Debug)]
pub(crate) enum State {
    /// Nothing said yet.
    New,
    /// The product is asked.
    Connecting(Box<Connecting>),
    /// In use.
    Open,
    /// The connect got an error. A new connection is needed.
    Dead,
}

#[derive(Debug)]
pub(crate) struct Connecting {
    pub id: u32,
    pub subs: BTreeMap<String, SubscribeRequest>,
    /// Seconds the token has still to live.
    pub ttl: Option<u32>,
    pub backlog: VecDeque<Command>,
}

impl Connecting {
    /// May this command wait too?
    pub(crate) fn fits(&self, command: &Command) -> bool {
        let bytes: usize = self.backlog.iter().map(Command::encoded_len).sum();
        self.backlog.len() < MAX_BACKLOG && bytes + command.encoded_len() <= MAX_WAITING_BYTES
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Me {
    pub client: Arc<HubClient>,
    pub user: Arc<str>,
    pub info: Bytes,
}

/// A subscription.
#[derive(Debug)]
pub(crate) struct Sub {
    pub chan: ChanId,
    /// Place in the channel's list.
    pub at: u32,
    pub server: bool,
}

/// A subscription on its way.
#[derive(Debug)]
pub(crate) struct Pending {
    pub channel: Arc<str>,
    /// Of the command; 0 = the server subscribes.
    pub id: u32,
    pub request: SubscribeRequest,
    /// The product's answer; None = it is still asked.
    pub granted: Option<HubSubscribed>,
    /// The product ended it meanwhile: the answer does not count.
    pub revoked: bool,
    /// Commands for this channel that came since.
    pub after: VecDeque<Command>,
}

#[derive(Debug)]
pub(crate) struct Conn {
    pub format: Format,
    /// Pings are those of the WebSocket.
    pub native_ping: bool,
    pub client: Arc<str>,
    pub state: State,
    pub me: Option<Me>,
    /// Order of connect commands: of two logins the later one wins, whoever's hook is faster.
    pub seq: u64,
    pub subs: Vec<Sub>,
    pub pending: Vec<Pending>,
    pub rpc_busy: bool,
    pub rpcs: VecDeque<(u32, RpcRequest)>,
    /// Last sign of life.
    pub heard_at: Ms,
    /// Instants; 0 = not set.
    pub stale_at: Ms,
    pub ping_at: Ms,
    pub pong_at: Ms,
    pub expire_at: Ms,
    /// A ping is not answered yet.
    pub pinged: bool,
    /// The earliest entry in the timer queue.
    pub scheduled: Ms,
    pub commands: Bucket,
    pub reads: Bucket,
    flood: (Ms, Ms),
    errors: (Ms, u32),
    recovered: (Ms, usize),
}

impl Conn {
    pub(crate) fn new(format: Format, native_ping: bool, client: Arc<str>, limits: &Limits, now: Ms) -> Self {
        Self {
            format,
            native_ping,
            client,
            state: State::New,
            me: None,
            seq: 0,
            subs: Vec::new(),
            pending: Vec::new(),
            rpc_busy: false,
            rpcs: VecDeque::new(),
            heard_at: now,
            stale_at: 0,
            ping_at: 0,
            pong_at: 0,
            expire_at: 0,
            pinged: false,
            scheduled: Ms::MAX,
            commands: Bucket::full(limits.commands, now),
            reads: Bucket::full(limits.reads, now),
            flood: (0, 0),
            errors: (0, 0),
            recovered: (0, 0),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// The next instant at which something must be looked at.
    pub(crate) fn deadline(&self) -> Ms {
        [self.stale_at, self.ping_at, self.pong_at, self.expire_at]
            .into_iter()
            .filter(|t| *t > 0)
            .min()
            .unwrap_or(Ms::MAX)
    }

    pub(crate) fn sub(&self, chan: ChanId) -> Option<&Sub> {
        self.subs.iter().find(|s| s.chan == chan)
    }

    pub(crate) fn pending(&mut self, channel: &str) -> Option<&mut Pending> {
        self.pending.iter_mut().find(|p| &*p.channel == channel)
    }

    /// Takes a subscription off the way. Most connections never have another one: the list's memory goes with the last.
    pub(crate) fn take_pending(&mut self, at: usize) -> Pending {
        let pending = self.pending.remove(at);
        if self.pending.is_empty() {
            self.pending = Vec::new();
        }
        pending
    }

    /// May this call wait too?
    pub(crate) fn may_wait(&self, request: &RpcRequest) -> bool {
        let bytes: usize = self.rpcs.iter().map(|(_, r)| r.data.len()).sum();
        self.rpcs.len() < MAX_RPCS && bytes + request.data.len() <= MAX_WAITING_BYTES
    }

    /// A command was above the rate. True = for too long.
    pub(crate) fn flooded(&mut self, now: Ms) -> bool {
        let (since, last) = self.flood;
        self.flood = if last == 0 || now.saturating_sub(last) > 1000 { (now, now) } else { (since, now) };
        now.saturating_sub(self.flood.0) >= FLOOD_MS
    }

    /// A command failed. True = one too many.
    pub(crate) fn failed(&mut self, now: Ms) -> bool {
        let (since, n) = self.errors;
        self.errors = if now.saturating_sub(since) > ERRORS_MS { (now, 1) } else { (since, n + 1) };
        self.errors.1 >= MAX_ERRORS
    }

    /// May so many bytes be recovered now?
    pub(crate) fn may_recover(&mut self, bytes: usize, now: Ms) -> bool {
        if now.saturating_sub(self.recovered.0) > RECOVERED_MS {
            self.recovered = (now, 0);
        }
        let fits = self.recovered.1 + bytes <= MAX_RECOVERED;
        if fits {
            self.recovered.1 += bytes;
        }
        fits
    }
}
