//! Coming in, and coming back.

use std::fmt;
use std::time::Duration;

use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{self as proto, DisconnectReason};
use stoa_core::id::{Identity, UserId};
use stoa_core::media::{LeftReason, MediaFact, Refused, Standing, Who};

use super::participant::{Participant, Pid, Sink};
use super::stream::{Streamed, Streaming};
use super::subscribe::{Line, Subs};
use super::{ClientParams, Ctx, Effect, Owner, Room, view, wire};
use crate::pc::{PcId, Role};
use crate::token::Verified;

/// A session's token is renewed this often (media.md 2.7).
pub(super) const REFRESH_EVERY: Duration = Duration::from_secs(5 * 60);
/// Life of a renewed token. Long enough to sleep through a dropped connection and come back, short enough that an old
/// one is worth little; every door looks at the live state anyway.
pub(super) const REFRESH_LIFE_SECS: i64 = 24 * 3600;

/// Somebody who was admitted and wants in.
pub(crate) struct Joiner {
    pub identity: Identity,
    pub user: UserId,
    pub standing: Standing,
    pub token: Verified,
    pub client: ClientParams,
    pub link: Link,
}

/// How a participant is connected.
pub(crate) enum Link {
    /// By a WebSocket; media connections are made when they are needed.
    Signal(Sink),
    /// By nothing but this connection, with these lines down.
    Stream { streaming: Streaming, pc: PcId, lines: Vec<Line> },
}

/// Somebody who was admitted again and wants back in.
pub(crate) struct Resumer {
    pub sid: String,
    pub identity: Identity,
    pub user: UserId,
    pub standing: Standing,
    pub token: Verified,
    pub sink: Sink,
}

/// Why one does not get in, though admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// As admission would have said.
    Door(Refused),
    /// The identity belongs to another user here.
    Taken,
    /// No such session to resume.
    UnknownSession,
    /// The shard takes nobody.
    Busy,
}

impl fmt::Display for Refusal {
    /// What the one outside is told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Door(why) => why.fmt(f),
            Self::Taken => f.write_str("identity is in use by another user"),
            Self::UnknownSession => f.write_str("no such session"),
            Self::Busy => Refused::Unavailable.fmt(f),
        }
    }
}

impl Room {
    /// Takes a participant in. Returns its name and the epoch of its WebSocket.
    pub(crate) fn join(&mut self, ctx: &mut Ctx<'_>, pid: Pid, joiner: Joiner) -> Result<(Pid, u32), Refusal> {
        let old = self.by_identity.get(&joiner.identity).copied();
        if let Some(old) = old.and_then(|pid| self.parts.get(&pid)) {
            if old.who.user != joiner.user {
                return Err(Refusal::Taken);
            }
        } else if self.max_participants > 0 && self.parts.len() >= self.max_participants as usize {
            return Err(Refusal::Door(Refused::Limit));
        }
        if let Some(old) = old {
            let tell = Some((DisconnectReason::DuplicateIdentity, Action::Disconnect));
            self.leave(ctx, old, LeftReason::DuplicateIdentity, tell);
        }
        let streams = matches!(joiner.link, Link::Stream { .. });
        self.insert(ctx, pid, joiner);
        if streams {
            self.tell_changed(pid, false);
            self.fill_lines(ctx, pid);
        } else {
            self.welcome(ctx, pid);
        }
        metrics::counter!("stoa_media_joins_total").increment(1);
        Ok((pid, 0))
    }

    fn insert(&mut self, ctx: &mut Ctx<'_>, pid: Pid, joiner: Joiner) {
        let claims = &joiner.token.claims;
        let mut attributes = view::without_ours(&claims.attributes);
        if joiner.standing.permission.update_metadata {
            let more = view::without_ours(&joiner.client.attributes);
            attributes.extend(more.into_iter().filter(|(_, v)| !v.is_empty()));
        }
        let mut subs = Subs::default();
        let (sink, stream, sub_pc) = match joiner.link {
            Link::Signal(sink) => {
                let owner = Owner { room: self.ix, pid, role: Role::Subscriber };
                (Some(sink), None, ctx.pcs.open(Role::Subscriber, owner, ctx.at))
            }
            Link::Stream { streaming, pc, lines } => {
                subs.lines = lines;
                (None, Some(Box::new(streaming)), pc)
            }
        };
        let pushes = stream.as_ref().is_some_and(|s| matches!(s.what, Streamed::Push(_)));
        let sid = ctx.env.id("PA_");
        let p = Participant {
            pid,
            who: Who { identity: joiner.identity.clone(), user: joiner.user, sid, hidden: claims.hidden },
            name: claims.name.clone(),
            metadata: claims.metadata.clone(),
            attributes,
            granted: joiner.standing.clone(),
            narrowed: None,
            standing: joiner.standing,
            client: joiner.client,
            joined: ctx.now,
            active_at: None,
            version: 1,
            sink,
            stream,
            sink_epoch: 0,
            lost_at: None,
            ice_lost_at: None,
            media_dead_at: None,
            heard: ctx.now.mono,
            data_open: false,
            resuming: false,
            waiting: Default::default(),
            pub_pc: pushes.then_some(sub_pc),
            sub_pc,
            announced: Default::default(),
            up: Vec::new(),
            subs,
            unwanted: Default::default(),
            wanted: Default::default(),
            last_seq: 0,
            refresh_at: ctx.now.mono + REFRESH_EVERY,
            refreshing: false,
            ingress: (0, 0),
            token: joiner.token,
        };
        self.by_identity.insert(joiner.identity, pid);
        self.parts.insert(pid, p);
        self.empty_since = None;
        self.had_anyone = true;
    }

    fn welcome(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        let mut trailer = vec![0u8; 16];
        ctx.env.entropy.fill(&mut trailer);
        let Some(p) = self.parts.get(&pid) else { return };
        let join = wire::join(self.info(), self.participant_info(p), self.others(pid), &ctx.env.cfg.node_id, trailer);
        if let Some(p) = self.parts.get_mut(&pid) {
            p.send(join);
        }
        self.refresh_token(ctx, pid);
        self.tell_changed(pid, false);
        self.subscribe_to_all(ctx, pid);
        self.negotiate(ctx, pid);
    }

    /// Gives a participant a token that opens the door with what it may do now.
    pub(super) fn refresh_token(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        let Some(p) = self.parts.get_mut(&pid).filter(|p| p.stream.is_none()) else { return };
        p.refresh_at = ctx.now.mono + REFRESH_EVERY;
        let apps = ctx.env.apps();
        let Some(app) = apps.by_key(&p.token.key) else { return };
        let now = ctx.now.wall.secs();
        let permission = p.token.is_ours().then_some(&p.standing.permission);
        let token = crate::token::refresh(app, &p.token, permission, now, now + REFRESH_LIFE_SECS);
        p.send(Message::RefreshToken(token));
    }

    /// The first connection of a participant is up.
    pub(super) fn connected(&mut self, ctx: &mut Ctx<'_>, owner: Owner) {
        let Some(p) = self.parts.get_mut(&owner.pid) else { return };
        p.ice_lost_at = None;
        if p.active_at.is_some() {
            return;
        }
        p.active_at = Some(ctx.now.mono);
        let who = p.who.clone();
        let streams = p.stream.is_some();
        self.event(ctx, MediaFact::ParticipantJoined(who));
        self.tell_changed(owner.pid, true);
        if streams {
            self.stream_up(ctx, owner.pid);
        }
    }

    /// Whose WebSocket this was and is no more.
    pub(crate) fn signal_lost(&mut self, ctx: &mut Ctx<'_>, pid: Pid, epoch: u32) {
        if let Some(p) = self.parts.get_mut(&pid).filter(|p| p.sink_epoch == epoch) {
            p.sink = None;
            p.lost_at.get_or_insert(ctx.now.mono);
        }
    }

    /// Puts a new WebSocket in the place of a lost one. Nothing else changes: mute state, rights, subscriptions.
    pub(crate) fn resume(&mut self, ctx: &mut Ctx<'_>, resumer: Resumer) -> Result<(Pid, u32), Refusal> {
        let pid = *self.by_identity.get(&resumer.identity).ok_or(Refusal::UnknownSession)?;
        let p = self.parts.get_mut(&pid).ok_or(Refusal::UnknownSession)?;
        // The sid is no secret: the token decides who it is, and it must be the session's owner.
        let same = p.who.sid == resumer.sid && p.who.user == resumer.user && p.token.key == resumer.token.key;
        if !same || !p.subs.answered_once || p.media_dead_at.is_some() {
            return Err(Refusal::UnknownSession);
        }
        p.sink = Some(resumer.sink);
        p.sink_epoch += 1;
        p.lost_at = None;
        p.heard = ctx.now.mono;
        p.resuming = true;
        p.token = resumer.token;
        let epoch = p.sink_epoch;
        let last_message_seq = p.last_seq;
        p.send(Message::Reconnect(proto::ReconnectResponse {
            server_info: Some(wire::server_info(&ctx.env.cfg.node_id)),
            last_message_seq,
            ..Default::default()
        }));
        let Some(me) = self.parts.get(&pid) else { return Err(Refusal::UnknownSession) };
        let mut everybody = self.everybody();
        if !me.visible() {
            everybody.push(self.participant_info(me));
        }
        let held: Vec<_> =
            self.tracks_of(pid).filter(|t| t.mute.by_policy || t.mute.by_command).map(|t| t.info.sid.clone()).collect();
        let room = self.info();
        if let Some(p) = self.parts.get_mut(&pid) {
            p.send_bytes(view::update(everybody));
            p.send(Message::RoomUpdate(proto::RoomUpdate { room: Some(room) }));
            // The first word of it may have gone into a dead socket.
            for sid in held {
                p.send(Message::Mute(proto::MuteTrackRequest { sid, muted: true }));
            }
        }
        self.set_standing_of(ctx, pid, resumer.standing);
        self.refresh_token(ctx, pid);
        self.restart_ice(ctx, pid);
        metrics::counter!("stoa_media_resumes_total").increment(1);
        Ok((pid, epoch))
    }

    /// Admission's answer to a [`Effect::AskRefresh`].
    pub(crate) fn refreshed(&mut self, ctx: &mut Ctx<'_>, pid: Pid, answer: Result<Standing, Refused>) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        p.refreshing = false;
        match answer {
            Ok(standing) => {
                self.set_standing_of(ctx, pid, standing);
                self.refresh_token(ctx, pid);
            }
            // The door does not know: the session goes on, without a fresh token, and asks again.
            Err(Refused::Unavailable) => p.refresh_at = ctx.now.mono + Duration::from_secs(10),
            Err(_) => {
                let tell = Some((DisconnectReason::ParticipantRemoved, Action::Disconnect));
                self.leave(ctx, pid, LeftReason::Removed, tell);
            }
        }
    }

    pub(super) fn ask_refreshes(&mut self, ctx: &mut Ctx<'_>) {
        for p in self.parts.values_mut() {
            if !p.refreshing && p.sink.is_some() && ctx.now.mono >= p.refresh_at {
                p.refreshing = true;
                p.refresh_at = ctx.now.mono + REFRESH_EVERY;
                ctx.effects.push(Effect::AskRefresh { room: self.ix, pid: p.pid });
            }
        }
    }
}
