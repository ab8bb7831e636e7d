//! A channel: who is in it, what they publish, who receives what. Single-threaded, on its shard; no socket, no clock.
//!
//! Time, connections and everything else a room touches come in with [`Ctx`]; what it wants done outside goes out as
//! [`Effect`]s. Frames to clients go straight into their bounded queues, which never block.

mod announce;
mod data;
mod forward;
mod join;
mod participant;
mod publish;
mod signal;
mod standing;
mod subscribe;
#[cfg(test)]
mod tests;
mod tick;
mod track;
mod view;
mod wire;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use livekit_protocol::DisconnectReason;
use livekit_protocol::leave_request::Action;
use stoa_core::id::{ChannelKey, Identity};
use stoa_core::media::{LeftReason, MediaEvent, MediaFact};
use stoa_core::time::Now;

pub(crate) use data::Recipients;
pub(crate) use join::{Joiner, Refusal, Resumer};
pub(crate) use participant::{Participant, Pid, Sink};
pub(crate) use standing::silenced;
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
            PcEvent::IceBack => self.ice(owner, None),
            PcEvent::Dead => self.pc_dead(ctx, owner, pc),
        }
    }

    fn ice(&mut self, owner: Owner, lost: Option<Duration>) {
        if let Some(p) = self.parts.get_mut(&owner.pid)
            && owner.role == Role::Subscriber
        {
            p.ice_lost_at = lost;
        }
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
        if !self.parts.contains_key(&pid) {
            return;
        }
        self.unpublish_all(ctx, pid, false);
        self.unsubscribe_all(pid);
        let Some(mut p) = self.parts.remove(&pid) else { return };
        self.by_identity.remove(&p.who.identity);
        self.speakers.remove(&pid);
        if let Some((wire, action)) = tell {
            p.send(wire::leave(wire, action));
        }
        for pc in p.pub_pc.into_iter().chain([p.sub_pc]) {
            ctx.pcs.close(pc);
        }
        p.sink = None;
        p.version += 1;
        let who = p.who.clone();
        self.tell_gone(ctx.now.mono, &p, reason);
        let fact = match p.active_at {
            Some(since) => {
                let connected = ctx.now.mono.saturating_sub(since);
                MediaFact::ParticipantLeft { who, reason, connected }
            }
            None => MediaFact::ParticipantAborted(who),
        };
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

/// A `leave` frame for somebody who has no session.
pub(crate) fn leave_frame(reason: DisconnectReason, action: Action) -> bytes::Bytes {
    participant::encode(wire::leave(reason, action))
}
