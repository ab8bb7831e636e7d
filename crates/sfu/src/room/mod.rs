//! A channel: who is in it, what they publish, who receives what. Single-threaded, on its shard; no socket, no clock.
//!
//! Time, connections and everything else a room touches come in with [`Ctx`]; what it wants done outside goes out as
//! [`Effect`]s. Frames to clients go straight into their bounded queues, which never block.

mod announce;
mod data;
mod forward;
mod join;
mod message;
mod participant;
mod publish;
mod signal;
mod standing;
mod stream;
mod subscribe;
#[cfg(test)]
mod tests;
mod tick;
mod track;
mod view;
mod wire;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use livekit_protocol::DisconnectReason;
use livekit_protocol::leave_request::Action;
use stoa_core::id::{ChannelKey, Identity};
use stoa_core::media::{LeftReason, MediaEvent, MediaFact};
use stoa_core::time::{Now, UnixMs};

pub(crate) use data::Recipients;
pub(crate) use join::{Joiner, Link, Refusal, Resumer};
pub(crate) use message::Farewell;
pub(crate) use participant::{Participant, Pid, Sink};
pub(crate) use signal::MAX_SDP;
pub(crate) use standing::silenced;
pub(crate) use stream::{Streamed, Streaming, fixed_line, may_push, wishes};
pub(crate) use track::{Tid, Track};
pub(crate) use wire::ClientParams;

use crate::env::Env;
use crate::forward::levels::Speakers;
use crate::pc::{PcEvent, PcId, PcSet, Role};

/// Name of a room inside its shard; never reused.
pub(crate) type RoomIx = u64;

/// Whose connection it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    pub room: RoomIx,
    pub pid: Pid,
    pub role: Role,
}

/// What a room is handed with every input.
pub(crate) struct Ctx<'a> {
    pub now: Now,
    pub at: Instant,
    pub pcs: &'a mut PcSet<Owner>,
    pub env: &'a Env,
    pub effects: &'a mut Vec<Effect>,
    pub farewells: &'a mut Vec<Farewell>,
}

/// What a room wants done.
#[derive(Debug)]
pub(crate) enum Effect {
    /// A fact for the product.
    Event(Box<MediaEvent>),
    /// Ask admission again and answer with [`Room::refreshed`].
    AskRefresh { room: RoomIx, pid: Pid },
}

/// How long a room without participants stays, once somebody was in it. Longer saves its epoch over short gaps.
const DEPARTURE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a room made by command waits for its first participant.
const EMPTY_TIMEOUT: Duration = Duration::from_secs(300);

/// A live channel.
pub(crate) struct Room {
    pub ix: RoomIx,
    pub key: ChannelKey,
    pub sid: String,
    pub metadata: String,
    pub empty_timeout: Duration,
    pub departure_timeout: Duration,
    pub max_participants: u32,
    created: Now,
    event_seq: u64,
    /// A picture of it is kept outside, which must go before anything changes.
    pub pictured: bool,
    pub(crate) parts: BTreeMap<Pid, Participant>,
    by_identity: HashMap<Identity, Pid>,
    tracks: BTreeMap<Tid, Track>,
    next_tid: u32,
    empty_since: Option<Duration>,
    had_anyone: bool,
    speakers: Speakers<Pid>,
    /// Who left lately, for those who could not be told.
    gone: VecDeque<(Duration, livekit_protocol::ParticipantInfo)>,
    /// Sids last told as speaking.
    speaking: Vec<String>,
}

impl Room {
    /// Makes the room and says so.
    pub(crate) fn new(ix: RoomIx, key: ChannelKey, ctx: &mut Ctx<'_>) -> Self {
        let mut room = Self {
            ix,
            key,
            sid: ctx.env.id("RM_"),
            metadata: String::new(),
            empty_timeout: EMPTY_TIMEOUT,
            departure_timeout: DEPARTURE_TIMEOUT,
            max_participants: ctx.env.cfg.max_participants,
            created: ctx.now,
            event_seq: 0,
            pictured: false,
            parts: BTreeMap::new(),
            by_identity: HashMap::new(),
            tracks: BTreeMap::new(),
            next_tid: 0,
            empty_since: Some(ctx.now.mono),
            had_anyone: false,
            gone: VecDeque::new(),
            speakers: Speakers::default(),
            speaking: Vec::new(),
        };
        room.event(ctx, MediaFact::ChannelStarted);
        room
    }

    /// Whether nobody came or came back in time.
    pub(crate) fn expired(&self, now: Duration) -> bool {
        let patience = if self.had_anyone { self.departure_timeout } else { self.empty_timeout };
        self.empty_since.is_some_and(|since| now.saturating_sub(since) >= patience)
    }

    /// Grows with every fact about it.
    pub(crate) fn facts(&self) -> u64 {
        self.event_seq
    }

    /// The participant of this identity.
    pub(crate) fn pid_of(&self, identity: &Identity) -> Option<Pid> {
        self.by_identity.get(identity).copied()
    }

    /// Something happened on a connection of this room.
    pub(crate) fn pc_event(&mut self, ctx: &mut Ctx<'_>, owner: Owner, pc: PcId, event: PcEvent) {
        match event {
            PcEvent::Rtp(packet) => self.forward(ctx, owner.pid, &packet),
            PcEvent::KeyFrame(mid) => self.key_frame_wanted(ctx, owner.pid, mid),
            PcEvent::Data(lane, bytes) => self.data_in(ctx, owner.pid, lane, &bytes),
            PcEvent::Connected => self.connected(ctx, owner),
            PcEvent::IceLost => self.ice(owner, Some(ctx.now.mono)),
            PcEvent::IceBack => {
                self.ice(owner, None);
                self.deliver_waiting(ctx, owner.pid);
            }
            PcEvent::DataOpen => self.data_open(ctx, owner.pid),
            PcEvent::Dead => self.pc_dead(ctx, owner, pc),
        }
    }

    fn ice(&mut self, owner: Owner, lost: Option<Duration>) {
        if let Some(p) = self.parts.get_mut(&owner.pid)
            && (owner.role == Role::Subscriber || p.stream.is_some())
        {
            p.ice_lost_at = lost;
            // Before the answer to the new credentials it is the old path that works, and not for long.
            p.resuming &= lost.is_some() || p.subs.answering();
        }
    }

    fn data_open(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        if let Some(p) = self.parts.get_mut(&pid).filter(|p| p.stream.is_none()) {
            p.data_open = true;
        }
        self.deliver_waiting(ctx, pid);
    }

    /// A connection is over. A client that leaves closes its connections and says so at about the same time, so the
    /// participant is judged a moment later.
    fn pc_dead(&mut self, ctx: &Ctx<'_>, owner: Owner, pc: PcId) {
        let Some(p) = self.parts.get_mut(&owner.pid) else { return };
        if p.pub_pc == Some(pc) || p.sub_pc == pc {
            p.media_dead_at.get_or_insert(ctx.now.mono);
        }
    }

    /// Sends the client away to join anew.
    pub(crate) fn reconnect(&mut self, ctx: &mut Ctx<'_>, pid: Pid, reason: LeftReason) {
        self.leave(ctx, pid, reason, Some((DisconnectReason::StateMismatch, Action::Reconnect)));
    }

    /// Takes a participant out: media first, then the client is told, then the others.
    pub(crate) fn leave(
        &mut self,
        ctx: &mut Ctx<'_>,
        pid: Pid,
        reason: LeftReason,
        tell: Option<(DisconnectReason, Action)>,
    ) {
        self.take_out(ctx, pid, reason, tell, None);
    }

    /// The same with a last data packet.
    fn take_out(
        &mut self,
        ctx: &mut Ctx<'_>,
        pid: Pid,
        reason: LeftReason,
        tell: Option<(DisconnectReason, Action)>,
        farewell: Option<&Bytes>,
    ) {
        if !self.parts.contains_key(&pid) {
            return;
        }
        self.unpublish_all(ctx, pid, false);
        self.unsubscribe_all(pid);
        let Some(mut p) = self.parts.remove(&pid) else { return };
        self.by_identity.remove(&p.who.identity);
        self.speakers.remove(&pid);
        let fact = left(ctx, &p, reason);
        if let Some(pc) = p.pub_pc.take().filter(|pc| *pc != p.sub_pc) {
            ctx.pcs.close(pc);
        }
        p.version += 1;
        self.tell_gone(ctx.now.mono, &p, reason);
        let leave = tell.map(|(wire, action)| participant::encode(wire::leave(wire, action)));
        if p.stream.is_some() {
            ctx.pcs.with(p.sub_pc, crate::pc::Pc::hang_up);
            ctx.farewells.push(Farewell::hung_up(p.sub_pc, ctx.now.mono));
        } else if matches!(reason, LeftReason::Removed | LeftReason::RoomDeleted) {
            p.see_off(ctx, leave, farewell);
        } else {
            if let Some(leave) = leave {
                p.send_bytes(leave);
            }
            ctx.pcs.close(p.sub_pc);
        }
        self.event(ctx, fact);
        if self.parts.is_empty() {
            self.empty_since = Some(ctx.now.mono);
        }
    }

    /// Everybody out; the caller drops the room.
    pub(crate) fn end(&mut self, ctx: &mut Ctx<'_>, reason: LeftReason, action: Action) {
        // Nobody is forwarded to anybody any more before the first one is told.
        for track in self.tracks.values_mut() {
            track.shut = Some(crate::forward::gate::Shut::NotPermitted);
        }
        for pid in self.parts.keys().copied().collect::<Vec<_>>() {
            self.leave(ctx, pid, reason, Some((crate::webhook::disconnect_reason(reason), action)));
        }
        if reason != LeftReason::ServerShutdown {
            self.event(ctx, MediaFact::ChannelEnded);
        }
    }

    /// The room cannot be trusted any more: its facts are completed, its people sent away to join anew.
    pub(crate) fn wreck(&mut self, ctx: &mut Ctx<'_>) {
        let owner = |t: &Track| self.parts.get(&t.pid).map(|p| p.who.clone());
        let unpublished = |t: &Track| {
            Some(MediaFact::TrackUnpublished { who: owner(t)?, track: t.info.sid.clone(), source: t.source })
        };
        let mut facts: Vec<_> = self.tracks.values().filter_map(unpublished).collect();
        for mut p in std::mem::take(&mut self.parts).into_values() {
            facts.push(left(ctx, &p, LeftReason::MediaFailure));
            p.send(wire::leave(crate::webhook::disconnect_reason(LeftReason::MediaFailure), Action::Reconnect));
            for pc in p.pub_pc.into_iter().chain([p.sub_pc]) {
                ctx.pcs.close(pc);
            }
        }
        facts.push(MediaFact::ChannelEnded);
        for fact in facts {
            self.event(ctx, fact);
        }
    }

    fn event(&mut self, ctx: &mut Ctx<'_>, fact: MediaFact) {
        self.event_seq += 1;
        ctx.effects.push(Effect::Event(Box::new(MediaEvent {
            channel: self.key.clone(),
            channel_sid: self.sid.clone(),
            seq: self.event_seq,
            id: ctx.env.id("EV_"),
            at: ctx.now.wall,
            fact,
        })));
    }
}

/// That a participant leaves now.
fn left(ctx: &Ctx<'_>, p: &Participant, reason: LeftReason) -> MediaFact {
    let who = p.who.clone();
    let Some(since) = p.active_at else { return MediaFact::ParticipantAborted { who, reason } };
    let lost = match reason {
        LeftReason::SignalClose | LeftReason::ConnectionTimeout | LeftReason::MediaFailure => true,
        LeftReason::ClientInitiated | LeftReason::JoinFailure | LeftReason::RoomClosed => false,
        LeftReason::DuplicateIdentity | LeftReason::ServerShutdown | LeftReason::Removed | LeftReason::RoomDeleted => {
            p.away()
        }
    };
    let connected = ctx.now.mono.saturating_sub(since);
    MediaFact::ParticipantLeft { who, reason, connected, lost: lost.then(|| last_heard(ctx, p)) }
}

/// When the last packet or frame of a participant came in.
fn last_heard(ctx: &Ctx<'_>, p: &Participant) -> UnixMs {
    let media = p.pub_pc.into_iter().chain([p.sub_pc]).filter_map(|pc| ctx.pcs.heard(pc));
    let ago = media.map(|at| ctx.at.saturating_duration_since(at));
    let ago = ago.fold(ctx.now.mono.saturating_sub(p.heard), Duration::min);
    UnixMs(ctx.now.wall.0.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)))
}

/// A `leave` frame for somebody who has no session.
pub(crate) fn leave_frame(reason: DisconnectReason, action: Action) -> bytes::Bytes {
    participant::encode(wire::leave(reason, action))
}
