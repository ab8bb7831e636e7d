//! One shard: rooms and their connections, on one thread. No socket in here; [`crate::net`] moves the bytes.

mod simulate;
mod stream;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_request;
use stoa_core::id::ChannelKey;
use stoa_core::media::{LeftReason, Refused, Standing};
use stoa_core::time::Now;
use tokio::sync::{mpsc, oneshot};

use crate::env::Env;
use crate::memory::SharedMemory;
use crate::pc::{Datagram, Inbound, PcEvent, PcSet, Via};
use crate::shown::{Picture, Pictures};
pub(crate) use stream::Entrant;

use crate::room::{Ctx, Effect, Farewell, Joiner, Owner, Pid, Refusal, Resumer, Room, RoomIx};

/// How often rooms look at their deadlines.
const TICK: Duration = Duration::from_millis(200);
/// How soon rooms that something happened in look whether there is something to offer.
const QUICK_TICK: Duration = Duration::from_millis(10);
/// A round of looks at many rooms is dealt out over steps so far apart, so that nobody waits for all of them.
const TICK_STEP: Duration = Duration::from_millis(10);
/// Steps of a round; fewer than [`TICK`] holds, so that a round is over before the next begins.
const TICK_STEPS: usize = 16;
/// Rooms that look in one step in any case: about half a millisecond of rooms of ten.
const TICK_LEAST: usize = 256;
/// How often what is remembered of channels is cleaned.
const PURGE: Duration = Duration::from_secs(1);

/// Where a WebSocket's participant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    pub room: RoomIx,
    pub pid: Pid,
    /// Which of the participant's WebSockets this is.
    pub epoch: u32,
}

/// Work for the shard's thread.
pub(crate) type Call = Box<dyn FnOnce(&mut Shard, Now) + Send>;

/// An answer on its way.
pub(crate) type Reply = Box<dyn FnOnce() + Send>;

/// What the outside wants of a shard.
pub(crate) enum Command {
    /// Somebody admitted at a question asked at `asked`.
    Join {
        key: ChannelKey,
        asked: Duration,
        joiner: Box<Joiner>,
        reply: oneshot::Sender<Result<Session, Refusal>>,
    },
    Resume {
        key: ChannelKey,
        asked: Duration,
        resumer: Box<Resumer>,
        reply: oneshot::Sender<Result<Session, Refusal>>,
    },
    Request {
        session: Session,
        message: Box<signal_request::Message>,
    },
    SignalLost {
        session: Session,
    },
    Refreshed {
        room: RoomIx,
        pid: Pid,
        answer: Result<Standing, Refused>,
    },
    TcpOpen {
        peer: SocketAddr,
        send: mpsc::Sender<Bytes>,
    },
    TcpData {
        peer: SocketAddr,
        bytes: Vec<u8>,
    },
    TcpClosed {
        peer: SocketAddr,
    },
    /// Anything else; answers through what it captured.
    Call(Call),
}

/// The rooms of a thread.
pub(crate) struct Shard {
    pub env: Arc<Env>,
    /// `at` is `base` plus the monotonic time: str0m wants `Instant`s.
    base: Instant,
    pub pcs: PcSet<Owner>,
    pub rooms: HashMap<RoomIx, Room>,
    pub by_key: BTreeMap<ChannelKey, RoomIx>,
    pub memory: SharedMemory,
    pub pictures: Pictures,
    next_room: RoomIx,
    next_pid: Pid,
    effects: Vec<Effect>,
    farewells: Vec<Farewell>,
    /// Answers that wait until what happened before them is told.
    replies: Vec<Reply>,
    events: Vec<PcEvent>,
    touched: BTreeSet<RoomIx>,
    tick_at: Duration,
    /// Rooms that have yet to look at their deadlines in this round, and when the next of them do.
    due: Vec<RoomIx>,
    step_at: Option<Duration>,
    quick_at: Option<Duration>,
    purge_at: Duration,
    /// Datagrams to send.
    pub out: Vec<Datagram>,
    pub tcp: HashMap<SocketAddr, mpsc::Sender<Bytes>>,
    draining: bool,
}

impl Shard {
    /// `base` is the `Instant` at which the monotonic clock said zero.
    pub(crate) fn new(env: Arc<Env>, base: Instant, pcs: PcSet<Owner>) -> Self {
        Self {
            env,
            base,
            pcs,
            rooms: HashMap::new(),
            by_key: BTreeMap::new(),
            memory: SharedMemory::default(),
            pictures: Pictures::default(),
            next_room: 1,
            next_pid: 1,
            effects: Vec::new(),
            farewells: Vec::new(),
            replies: Vec::new(),
            events: Vec::new(),
            touched: BTreeSet::new(),
            tick_at: Duration::ZERO,
            due: Vec::new(),
            step_at: None,
            quick_at: None,
            purge_at: Duration::ZERO,
            out: Vec::new(),
            tcp: HashMap::new(),
            draining: false,
        }
    }

    fn at(&self, now: Now) -> Instant {
        self.base + now.mono
    }

    /// Runs `f` on a room. A panic in there closes that room and nothing else.
    pub(crate) fn with_room<R>(
        &mut self,
        now: Now,
        ix: RoomIx,
        f: impl FnOnce(&mut Room, &mut Ctx<'_>) -> R,
    ) -> Option<R> {
        self.changes(ix);
        let result = self.guarded(now, ix, f)?;
        if self.touched.insert(ix) {
            self.quick_at.get_or_insert(now.mono + QUICK_TICK);
        }
        Some(result)
    }

    /// Takes the picture of a room away: it will not look like that any more.
    fn changes(&mut self, ix: RoomIx) {
        if let Some(room) = self.rooms.get_mut(&ix).filter(|r| r.pictured) {
            room.pictured = false;
            self.pictures.forget(&room.key);
        }
    }

    /// Everybody in a channel, from now on kept outside until something changes there.
    pub(crate) fn picture(&mut self, key: &ChannelKey) -> Option<Arc<Picture>> {
        let room = self.by_key.get(key).and_then(|ix| self.rooms.get_mut(ix))?;
        let picture = Arc::new(room.picture());
        room.pictured = true;
        self.pictures.put(key, picture.clone());
        Some(picture)
    }

    /// As [`Shard::with_room`], for what seldom changes anything that others see: no look at offers and deadlines
    /// afterwards, and the picture goes only when something was said to have happened.
    fn guarded<R>(&mut self, now: Now, ix: RoomIx, f: impl FnOnce(&mut Room, &mut Ctx<'_>) -> R) -> Option<R> {
        let at = self.base + now.mono;
        let Self { rooms, pcs, env, effects, farewells, .. } = self;
        let room = rooms.get_mut(&ix)?;
        let facts = room.facts();
        let mut ctx = Ctx { now, at, pcs, env, effects, farewells };
        if let Ok(result) = catch_unwind(AssertUnwindSafe(|| f(room, &mut ctx))) {
            if room.facts() != facts {
                self.changes(ix);
            }
            return Some(result);
        }
        metrics::counter!("stoa_media_room_panics_total").increment(1);
        tracing::error!(channel.sid = room.sid, "a room failed and is closed");
        // What is left of it may fail again; what was told until then is told.
        let _again = catch_unwind(AssertUnwindSafe(|| room.wreck(&mut ctx)));
        if let Some(room) = rooms.remove(&ix) {
            self.by_key.remove(&room.key);
            self.memory.lock().closed(&room.key);
            self.pictures.forget(&room.key);
        }
        self.touched.remove(&ix);
        None
    }

    /// The room of a channel, made if it is not there.
    pub(crate) fn ensure(&mut self, now: Now, key: &ChannelKey) -> RoomIx {
        if let Some(ix) = self.by_key.get(key) {
            return *ix;
        }
        let ix = self.next_room;
        self.next_room += 1;
        let at = self.at(now);
        let mut ctx = Ctx {
            now,
            at,
            pcs: &mut self.pcs,
            env: &self.env,
            effects: &mut self.effects,
            farewells: &mut self.farewells,
        };
        let room = Room::new(ix, key.clone(), &mut ctx);
        self.rooms.insert(ix, room);
        self.by_key.insert(key.clone(), ix);
        self.memory.lock().opened(key);
        ix
    }

    /// Takes in a command.
    pub(crate) fn command(&mut self, now: Now, command: Command) {
        match command {
            Command::Join { key, asked, joiner, reply } => {
                let result = self.join(now, &key, asked, *joiner);
                self.answer(now, reply, result);
            }
            Command::Resume { key, asked, resumer, reply } => {
                let result = self.resume(now, &key, asked, *resumer);
                self.answer(now, reply, result);
            }
            Command::Request { session, message } => {
                self.with_room(now, session.room, |r, ctx| r.request(ctx, session.pid, session.epoch, *message));
            }
            Command::SignalLost { session } => self.signal_lost(now, session),
            Command::Refreshed { room, pid, answer } => {
                self.with_room(now, room, |r, ctx| r.refreshed(ctx, pid, answer));
            }
            Command::TcpOpen { peer, send } => {
                self.tcp.insert(peer, send);
            }
            Command::TcpData { peer, bytes } => {
                self.datagram(now, Inbound { via: Via::Tcp, from: peer, bytes: &bytes });
            }
            Command::TcpClosed { peer } => {
                self.tcp.remove(&peer);
            }
            Command::Call(f) => f(self, now),
        }
    }

    fn signal_lost(&mut self, now: Now, session: Session) {
        self.with_room(now, session.room, |r, ctx| r.signal_lost(ctx, session.pid, session.epoch));
    }

    /// Whoever asked may have given up meanwhile: then nobody holds the session's WebSocket.
    fn answer(&mut self, now: Now, reply: oneshot::Sender<Result<Session, Refusal>>, result: Result<Session, Refusal>) {
        if let Err(Ok(session)) = reply.send(result) {
            self.signal_lost(now, session);
        }
    }

    fn join(&mut self, now: Now, key: &ChannelKey, asked: Duration, mut joiner: Joiner) -> Result<Session, Refusal> {
        if self.draining {
            return Err(Refusal::Busy);
        }
        let claims = &joiner.token.claims;
        {
            let mut memory = self.memory.lock();
            memory.judge(now, key, &joiner.user, claims, asked, &mut joiner.standing).map_err(Refusal::Door)?;
            memory.opened(key);
        }
        let room = self.ensure(now, key);
        let pid = self.next_pid;
        self.next_pid += 1;
        let joined = self.with_room(now, room, |r, ctx| r.join(ctx, pid, joiner));
        let (pid, epoch) = joined.ok_or(Refusal::Busy)??;
        Ok(Session { room, pid, epoch })
    }

    fn resume(&mut self, now: Now, key: &ChannelKey, asked: Duration, mut r: Resumer) -> Result<Session, Refusal> {
        let claims = &r.token.claims;
        self.memory.lock().judge(now, key, &r.user, claims, asked, &mut r.standing).map_err(Refusal::Door)?;
        let room = *self.by_key.get(key).ok_or(Refusal::UnknownSession)?;
        let resumed = self.with_room(now, room, |room, ctx| room.resume(ctx, r));
        let (pid, epoch) = resumed.ok_or(Refusal::Busy)??;
        Ok(Session { room, pid, epoch })
    }

    /// Takes in a datagram.
    pub(crate) fn datagram(&mut self, now: Now, d: Inbound<'_>) {
        let at = self.at(now);
        let mut events = std::mem::take(&mut self.events);
        match self.pcs.receive(at, d, &mut self.out, &mut events) {
            Ok((pc, owner)) => {
                for event in events.drain(..) {
                    self.pc_event(now, owner, pc, event);
                }
            }
            Err(reason) => {
                metrics::counter!("stoa_media_datagrams_dropped_total", "reason" => reason).increment(1);
            }
        }
        self.events = events;
    }

    /// Lets everything happen that is due; afterwards `out` and the effects are complete.
    pub(crate) fn pump(&mut self, now: Now) {
        self.pcs.fire(self.at(now));
        self.ticks(now);
        self.poll(now);
        self.see_off(now);
    }

    /// Tells those who were taken out, once what was sent to them before has arrived or will not any more.
    fn see_off(&mut self, now: Now) {
        let pcs = &mut self.pcs;
        self.farewells.retain_mut(|gone| {
            let drained = pcs.drained(gone.pc);
            let over = gone.step(now.mono, drained);
            if over {
                pcs.close(gone.pc);
            }
            !over
        });
    }

    /// Keeps an answer until everything that happened before it is sent and told.
    pub(crate) fn answer_later(&mut self, reply: Reply) {
        self.replies.push(reply);
    }

    /// Gives the answers that wait. The datagrams and effects before them must be out.
    pub(crate) fn reply(&mut self) {
        for reply in self.replies.drain(..) {
            reply();
        }
    }

    fn poll(&mut self, now: Now) {
        let at = self.at(now);
        let mut events = std::mem::take(&mut self.events);
        while let Some((pc, owner)) = self.pcs.poll(at, &mut self.out, &mut events) {
            for event in events.drain(..) {
                self.pc_event(now, owner, pc, event);
            }
        }
        self.events = events;
    }

    fn pc_event(&mut self, now: Now, owner: Owner, pc: crate::pc::PcId, event: PcEvent) {
        if matches!(event, PcEvent::Rtp(_)) {
            // The hot path: no look at offers and deadlines afterwards.
            self.guarded(now, owner.room, |r, ctx| r.pc_event(ctx, owner, pc, event));
            return;
        }
        self.with_room(now, owner.room, |r, ctx| r.pc_event(ctx, owner, pc, event));
    }

    fn ticks(&mut self, now: Now) {
        if self.quick_at.is_some_and(|at| now.mono >= at) {
            self.quick_at = None;
            for ix in std::mem::take(&mut self.touched) {
                let more = self.quick(now, ix);
                if more {
                    self.touched.insert(ix);
                    self.quick_at = Some(now.mono + QUICK_TICK);
                } else {
                    self.touched.remove(&ix);
                }
            }
        }
        if now.mono >= self.tick_at {
            self.tick_at = now.mono + TICK;
            // Left over only where this thread was late.
            self.step(now, usize::MAX);
            self.due.extend(self.rooms.keys());
            self.step_at = Some(now.mono);
            self.gauges();
        }
        if self.step_at.is_some_and(|at| now.mono >= at) {
            self.step(now, (self.rooms.len() / TICK_STEPS + 1).max(TICK_LEAST));
            self.step_at = (!self.due.is_empty()).then_some(now.mono + TICK_STEP);
        }
        if now.mono >= self.purge_at {
            self.purge_at = now.mono + PURGE;
            self.memory.lock().purge(now);
        }
    }

    /// Lets so many of the rooms that are due look at their deadlines.
    fn step(&mut self, now: Now, most: usize) {
        for ix in self.due.split_off(self.due.len().saturating_sub(most)) {
            let more = self.guarded(now, ix, |room, ctx| {
                room.tick(ctx);
                room.negotiations(ctx)
            });
            // The others need no second look in a moment: there is nothing to offer.
            if more == Some(true) && self.touched.insert(ix) {
                self.quick_at.get_or_insert(now.mono + QUICK_TICK);
            }
            if self.rooms.get(&ix).is_some_and(|r| r.expired(now.mono)) {
                self.end(now, ix, LeftReason::RoomClosed, Action::Disconnect);
            }
        }
    }

    fn quick(&mut self, now: Now, ix: RoomIx) -> bool {
        self.guarded(now, ix, Room::negotiations).unwrap_or(false)
    }

    fn gauges(&self) {
        #[expect(clippy::cast_precision_loss, reason = "counts for people to read")]
        let count = |n: usize| n as f64;
        metrics::gauge!("stoa_media_channels").set(count(self.rooms.len()));
        metrics::gauge!("stoa_media_participants").set(count(self.rooms.values().map(|r| r.parts.len()).sum()));
        metrics::gauge!("stoa_media_tracks").set(count(self.rooms.values().map(Room::published).sum()));
        metrics::gauge!("stoa_media_connections").set(count(self.pcs.len()));
    }

    /// Ends a room and forgets it.
    pub(crate) fn end(&mut self, now: Now, ix: RoomIx, reason: LeftReason, action: Action) {
        self.with_room(now, ix, |r, ctx| r.end(ctx, reason, action));
        if let Some(room) = self.rooms.remove(&ix) {
            self.by_key.remove(&room.key);
            self.memory.lock().closed(&room.key);
        }
        self.touched.remove(&ix);
    }

    /// Tells everybody to come back later, and takes nobody any more.
    pub(crate) fn drain(&mut self, now: Now) {
        self.draining = true;
        for ix in self.rooms.keys().copied().collect::<Vec<_>>() {
            self.end(now, ix, LeftReason::ServerShutdown, Action::Reconnect);
        }
        for mut gone in std::mem::take(&mut self.farewells) {
            gone.tell();
            self.pcs.close(gone.pc);
        }
    }

    /// What is to be done outside.
    pub(crate) fn effects(&mut self) -> std::vec::Drain<'_, Effect> {
        self.effects.drain(..)
    }

    /// When [`Shard::pump`] is needed at the latest, on the monotonic clock.
    pub(crate) fn next(&self, now: Now) -> Duration {
        let timer = self.pcs.next_timer().map_or(Duration::MAX, |at| at.saturating_duration_since(self.base));
        let tick = if self.rooms.is_empty() { now.mono + PURGE } else { self.tick_at };
        let farewell = self.farewells.iter().map(Farewell::next).min().unwrap_or(Duration::MAX);
        let soon = [self.quick_at, self.step_at].into_iter().flatten().min().unwrap_or(Duration::MAX);
        timer.min(tick).min(farewell).min(soon)
    }
}

#[cfg(test)]
mod tests;
