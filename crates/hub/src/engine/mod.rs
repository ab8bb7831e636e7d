//! The hub as a state machine without sockets, clock or randomness: inputs are methods, what is to be done comes out of
//! [`Engine::effects`] and must be carried out in that order.
//!
//! A channel is the unit of order. A publication goes into the ring and into one batch per wire format; a batch is one
//! frame for all subscribers. Whoever is new to a channel is let in right after a flush, with an answer that names the
//! flushed position (or carries all up to it), and its answer travels the same queue as later batches. So the answer
//! comes before the first push, and nothing is missed or doubled, without anything to merge.

mod api;
mod channel;
mod channels;
mod config;
mod conn;
mod connect;
mod dispatch;
mod login;
mod slab;
mod snapshot;
mod subscribe;
mod timers;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stoa_core::hub::{HubAdmitted, HubClient, HubLeft, HubRefusal, HubSubscribed, Position};
use stoa_core::time::Now;

use crate::proto::{Command, Commands, Format, Reply, code};
use crate::token::Claims;

pub use api::ApiError;
pub(crate) use channel::ChanId;
use channel::{Channel, Epoch};
pub(crate) use config::Bucket;
pub use config::{Config, Limits, Namespace, Rate, Timing};
use conn::{Conn, Sub};
pub use slab::Key as ConnId;
use slab::Slab;
pub use snapshot::BadSnapshot;

/// Milliseconds of the monotonic clock.
pub(crate) type Ms = u64;

/// A question to the product under way.
pub type CallId = u64;

/// What the shell must do.
#[derive(Debug)]
pub enum Effect {
    /// One frame to one connection.
    Send {
        /// Whom.
        conn: ConnId,
        /// How it is written.
        format: Format,
        /// What.
        frame: Vec<u8>,
    },
    /// A ping. The shell says when it is on the wire: [`Engine::ping_written`].
    Ping {
        /// Whom.
        conn: ConnId,
    },
    /// One frame to many connections.
    Fanout {
        /// Whom.
        to: Arc<Vec<ConnId>>,
        /// How it is written.
        format: Format,
        /// What.
        frame: Vec<u8>,
        /// How many publications it carries.
        publications: u32,
        /// None of them has an offset: a queue that is filling may leave it out.
        live_only: bool,
        /// When the first of them came in, ms of the monotonic clock.
        since: u64,
    },
    /// Write what is queued, then a close frame. The engine has forgotten the connection.
    Close {
        /// Which.
        conn: ConnId,
        /// Close code.
        code: u32,
        /// Its reason.
        reason: Cow<'static, str>,
    },
    /// Ask the product; its answer goes to [`Engine::answer`].
    Hook {
        /// Under this number.
        call: CallId,
        /// For whom.
        client: Arc<HubClient>,
        /// What.
        ask: Ask,
    },
    /// Tell the product: a subscription that counts came or ended.
    Presence {
        /// Where.
        channel: Arc<str>,
        /// Who.
        client: Arc<HubClient>,
        /// Came or left.
        came: bool,
        /// Why it left.
        left: HubLeft,
    },
    /// Tell the product: a connection ended.
    Closed {
        /// Which.
        client: Arc<HubClient>,
        /// Close code.
        code: u32,
    },
}

/// How a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// The client closed it.
    InOrder,
    /// It broke off, and somebody said so: an end or a reset is a sign of life.
    Cut,
    /// Nobody answers on the other side any more, or nobody reads there.
    Silent,
}

/// A question to the product.
#[derive(Debug)]
pub enum Ask {
    /// May it connect? Also asked when it brings a new token.
    Connect,
    /// May it subscribe?
    Subscribe {
        /// To what.
        channel: Arc<str>,
    },
    /// A function.
    Rpc {
        /// Which.
        method: String,
        /// JSON.
        data: Bytes,
    },
}

/// The product's answer.
#[derive(Debug)]
pub enum Answer {
    /// To [`Ask::Connect`].
    Connect(Result<HubAdmitted, HubRefusal>),
    /// To [`Ask::Subscribe`].
    Subscribe(Result<HubSubscribed, HubRefusal>),
    /// To [`Ask::Rpc`].
    Rpc(Result<String, HubRefusal>),
}

/// What an answer is for.
enum Call {
    Connect(ConnId),
    Refresh { conn: ConnId, id: u32, claims: Box<Claims>, client: Arc<HubClient> },
    Subscribe { conn: ConnId, channel: Arc<str> },
    Rpc { conn: ConnId, id: u32 },
}

/// What is remembered of a channel nobody is in.
struct Meta {
    epoch: Epoch,
    top: u64,
    until: Ms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Conn(ConnId),
    Flush(ChanId),
    Ring(ChanId),
}

/// The state machine.
pub struct Engine {
    config: Config,
    now: Now,
    random: u64,
    conns: Slab<Conn>,
    /// Hub uid to its connections that are connecting or open.
    users: HashMap<Arc<str>, Vec<ConnId>>,
    connect_rates: HashMap<Arc<str>, Bucket>,
    channels: Slab<Channel>,
    names: HashMap<Arc<str>, ChanId>,
    idle: HashMap<Arc<str>, Meta>,
    /// Channels with a batch nobody has looked at.
    dirty: Vec<ChanId>,
    timers: BinaryHeap<Reverse<(Ms, Due)>>,
    sweep_at: Ms,
    calls: HashMap<CallId, Call>,
    next_call: CallId,
    rpc_calls: usize,
    next_seq: u64,
    history_bytes: usize,
    /// Publications by (channel, key), and their ages.
    repeated: HashMap<(Arc<str>, String), Position>,
    repeats: VecDeque<(Ms, Arc<str>, String)>,
    /// A snapshot was taken: nothing may be published any more.
    frozen: bool,
    /// Of the command being answered, for metrics.
    kind: &'static str,
    effects: Vec<Effect>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("connections", &self.conns.len())
            .field("channels", &self.channels.len())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine nobody is connected to. `seed` makes its epochs and spreads its pings.
    #[must_use]
    pub fn new(config: Config, seed: u64, now: Now) -> Self {
        Self {
            config,
            now,
            random: seed,
            conns: Slab::default(),
            users: HashMap::new(),
            connect_rates: HashMap::new(),
            channels: Slab::default(),
            names: HashMap::new(),
            idle: HashMap::new(),
            dirty: Vec::new(),
            timers: BinaryHeap::new(),
            sweep_at: 0,
            calls: HashMap::new(),
            next_call: 1,
            rpc_calls: 0,
            next_seq: 1,
            history_bytes: 0,
            repeated: HashMap::new(),
            repeats: VecDeque::new(),
            frozen: false,
            kind: "connect",
            effects: Vec::new(),
        }
    }

    /// A socket is open. `client` is a fresh UUID: presence shows it, so it may be known, but not chosen.
    pub fn open(&mut self, now: Now, format: Format, native_ping: bool, client: &str) -> ConnId {
        self.now = now;
        let mut conn = Conn::new(format, native_ping, client.into(), &self.config.limits, self.ms());
        conn.stale_at = self.ms() + millis(self.config.timing.stale);
        let conn = self.conns.insert(conn);
        metrics::gauge!("stoa_hub_connections", "transport" => "websocket", "format" => format.name()).increment(1.0);
        self.arm_conn(conn);
        conn
    }

    /// Something came in that is no frame yet, or none for us.
    pub fn heard(&mut self, now: Now, conn: ConnId) {
        self.now = now;
        let ms = self.ms();
        if let Some(c) = self.conns.get_mut(conn) {
            c.heard_at = ms;
        }
    }

    /// A frame came in.
    pub fn frame(&mut self, now: Now, conn: ConnId, frame: Bytes) {
        self.heard(now, conn);
        let Some(c) = self.conns.get(conn) else { return };
        for command in Commands::new(c.format, frame) {
            match command {
                Ok(command) => self.command(conn, command),
                Err(_) => self.close(conn, code::BAD_REQUEST),
            }
            if self.conns.get(conn).is_none() {
                return;
            }
        }
    }

    /// A ping is on the wire: the clock of its answer starts.
    pub fn ping_written(&mut self, now: Now, conn: ConnId) {
        self.now = now;
        let at = self.ms() + millis(self.config.timing.pong);
        if let Some(c) = self.conns.get_mut(conn)
            && c.pinged
        {
            c.pong_at = at;
            self.arm_conn(conn);
        }
    }

    /// A pong frame of the WebSocket. Those that answer no ping are legal there.
    pub fn native_pong(&mut self, now: Now, conn: ConnId) {
        self.heard(now, conn);
        if let Some(c) = self.conns.get_mut(conn)
            && c.native_ping
        {
            c.pinged = false;
            c.pong_at = 0;
        }
    }

    /// The socket is gone.
    pub fn closed(&mut self, now: Now, conn: ConnId, code: u32, how: Gone) {
        self.now = now;
        let left = match how {
            Gone::InOrder => HubLeft::Itself,
            Gone::Cut => HubLeft::Lost(Duration::ZERO),
            Gone::Silent => self.silent(conn),
        };
        self.remove(conn, code, left);
    }

    /// A connection that is lost without a word.
    fn silent(&self, conn: ConnId) -> HubLeft {
        let heard = self.conns.get(conn).map_or(Ms::MAX, |c| c.heard_at);
        HubLeft::Lost(Duration::from_millis(self.ms().saturating_sub(heard)))
    }

    /// Ends a batch of inputs and takes what is to be done.
    pub fn effects(&mut self, now: Now) -> Vec<Effect> {
        self.now = now;
        self.flush_dirty();
        std::mem::take(&mut self.effects)
    }

    /// Connections, for metrics and drains, oldest places first.
    #[must_use]
    pub fn connections(&self) -> Vec<ConnId> {
        self.conns.iter().map(|(k, _)| k).collect()
    }

    /// Ends a connection from outside, as the drain does.
    pub fn end(&mut self, now: Now, conn: ConnId, close: code::Close) {
        self.now = now;
        self.close(conn, close);
    }

    fn ms(&self) -> Ms {
        millis(self.now.mono)
    }

    /// SplitMix64: not for secrets.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn epoch(&mut self) -> Epoch {
        const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut random = self.random();
        Epoch(std::array::from_fn(|_| {
            let letter = LETTERS[usize::try_from(random % 52).unwrap_or(0)];
            random /= 52;
            letter
        }))
    }

    /// Queues a reply; replies in a row become one frame.
    fn send(&mut self, conn: ConnId, reply: &Reply) {
        /// A frame that has so much is not added to, so that one reply can be written while the next is made.
        const ENOUGH: usize = 16 * 1024;
        /// Most answers are no longer.
        const USUAL: usize = 256;
        let Some(c) = self.conns.get(conn) else { return };
        let format = c.format;
        let result = match self.effects.last_mut() {
            Some(Effect::Send { conn: last, frame, .. }) if *last == conn && frame.len() < ENOUGH => {
                format.append(frame, reply)
            }
            _ => {
                let mut frame = Vec::with_capacity(USUAL);
                let result = format.append(&mut frame, reply);
                if result.is_ok() {
                    self.effects.push(Effect::Send { conn, format, frame });
                }
                result
            }
        };
        if result.is_err() {
            self.close(conn, code::INAPPROPRIATE);
        }
    }

    /// For the protocol's reasons. To the product that is a lost connection: its user may be back in a moment.
    fn close(&mut self, conn: ConnId, (code, reason): code::Close) {
        self.close_with(conn, code, Cow::Borrowed(reason), HubLeft::Lost(Duration::ZERO));
    }

    /// The product's answer to a question was to end the connection.
    fn close_for_product(&mut self, conn: ConnId, code: u32, reason: &'static str) {
        self.close_with(conn, code, Cow::Borrowed(reason), HubLeft::Server);
    }

    fn close_with(&mut self, conn: ConnId, code: u32, reason: Cow<'static, str>, left: HubLeft) {
        if self.conns.get(conn).is_some() {
            self.effects.push(Effect::Close { conn, code, reason });
            self.remove(conn, code, left);
        }
    }

    /// Forgets a connection and all that it is in.
    fn remove(&mut self, conn: ConnId, code: u32, left: HubLeft) {
        let Some(c) = self.conns.get_mut(conn) else { return };
        let (subs, pending, format) = (std::mem::take(&mut c.subs), std::mem::take(&mut c.pending), c.format);
        // First out of the waiting lists: leaving a channel may let in who waits for it.
        for pending in pending {
            if let Some(ch) = self.names.get(&pending.channel).and_then(|chan| self.channels.get_mut(*chan)) {
                ch.waiting.retain(|w| *w != conn);
            }
        }
        for Sub { chan, at, .. } in subs {
            self.leave(conn, format, chan, at, left);
        }
        let Some(c) = self.conns.remove(conn) else { return };
        if let Some(me) = c.me {
            self.forget_user(&me.user, conn);
            self.effects.push(Effect::Closed { client: me.client, code });
        }
        metrics::gauge!("stoa_hub_connections", "transport" => "websocket", "format" => format.name()).decrement(1.0);
        metrics::counter!("stoa_hub_closes_total", "code" => code.to_string()).increment(1);
    }

    fn forget_user(&mut self, user: &Arc<str>, conn: ConnId) {
        if let Some(all) = self.users.get_mut(user) {
            all.retain(|c| *c != conn);
            if all.is_empty() {
                self.users.remove(user);
            }
        }
    }

    fn ask(&mut self, client: Arc<HubClient>, call: Call, ask: Ask) {
        let id = self.next_call;
        self.next_call += 1;
        if matches!(call, Call::Rpc { .. }) {
            self.rpc_calls += 1;
        }
        self.calls.insert(id, call);
        self.effects.push(Effect::Hook { call: id, client, ask });
    }

    /// The product answered.
    pub fn answer(&mut self, now: Now, call: CallId, answer: Answer) {
        self.now = now;
        match (self.calls.remove(&call), answer) {
            (Some(Call::Connect(conn)), Answer::Connect(result)) => self.connect_answered(conn, result),
            (Some(Call::Refresh { conn, id, claims, client }), Answer::Connect(result)) => {
                self.refresh_answered(conn, id, *claims, client, result);
            }
            (Some(Call::Subscribe { conn, channel }), Answer::Subscribe(result)) => {
                self.subscribe_answered(conn, &channel, result);
            }
            (Some(Call::Rpc { conn, id }), Answer::Rpc(result)) => {
                self.rpc_calls -= 1;
                self.rpc_answered(conn, id, result);
            }
            _ => {}
        }
    }

    /// A command, straight from a frame.
    fn command(&mut self, conn: ConnId, command: Command) {
        let Some(c) = self.conns.get_mut(conn) else { return };
        let bodies = command.bodies();
        if command.id == 0 && bodies == 0 {
            // A pong that answers no ping is as wrong as any other command without an id.
            if c.pinged && !c.native_ping {
                c.pinged = false;
                c.pong_at = 0;
            } else {
                self.close(conn, code::BAD_REQUEST);
            }
            return;
        }
        if bodies != 1 || (command.id == 0 && command.send.is_none()) {
            self.close(conn, code::BAD_REQUEST);
            return;
        }
        match &mut c.state {
            conn::State::New if command.connect.is_some() => self.connect(conn, command),
            conn::State::Connecting(connecting) if command.connect.is_none() && connecting.fits(&command) => {
                connecting.backlog.push_back(command);
            }
            conn::State::Open if command.connect.is_none() => self.dispatch(conn, command),
            _ => self.close(conn, code::BAD_REQUEST),
        }
    }
}

fn millis(d: Duration) -> Ms {
    Ms::try_from(d.as_millis()).unwrap_or(Ms::MAX)
}

/// Counts a refusal by a limit.
fn refused(limit: &'static str) {
    metrics::counter!("stoa_hub_refusals_total", "limit" => limit).increment(1);
}
