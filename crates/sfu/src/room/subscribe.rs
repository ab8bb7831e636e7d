//! Tracks going down: which, on which line, and the offers that say so.

use std::time::Duration;

use livekit_protocol as proto;
use proto::signal_response::Message;
use stoa_core::media::LeftReason;

use super::forward::Down;
use super::participant::Pid;
use super::track::Tid;
use super::{Ctx, Room};
use crate::pc::{DownLine, Kind, Mid};

/// Changes of the subscriber side are collected for so long before an offer goes out. Longer makes fewer offers in
/// churny rooms; shorter makes a new voice heard sooner.
const COALESCE: Duration = Duration::from_millis(20);
/// A client that does not answer an offer for so long is told to join anew (media.md 2.5).
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// A line of the subscriber connection. Lines are reused: what is off takes the next track of its kind.
#[derive(Default)]
pub(crate) struct Line {
    pub mid: Option<Mid>,
    pub audio: bool,
    pub track: Option<Tid>,
    /// What the last offer said about it.
    pub on: bool,
    /// The client has answered an offer with this line and this track.
    pub ready: bool,
    confirmed: bool,
    msid: String,
    pub pts: DownLine,
    pub down: Down,
}

impl Line {
    /// A line that was negotiated once and for all.
    pub(super) fn fixed(mid: Mid, kind: Kind, pts: DownLine) -> Self {
        let (mid, audio) = (Some(mid), kind == Kind::Audio);
        Self { mid, audio, on: true, confirmed: true, pts, ..Self::default() }
    }
}

/// The subscriber side of a participant.
#[derive(Default)]
pub(crate) struct Subs {
    pub lines: Vec<Line>,
    offer_id: u32,
    /// Since when the last offer waits for its answer.
    asked_at: Option<Duration>,
    /// Since when there is something new to offer.
    pub changed_at: Option<Duration>,
    restart: bool,
    pub answered_once: bool,
}

impl Subs {
    /// Whether an offer waits for its answer.
    pub(crate) fn answering(&self) -> bool {
        self.asked_at.is_some()
    }
}

impl Room {
    /// Subscribes a participant to all it wants of what is there.
    pub(super) fn subscribe_to_all(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        for tid in self.tracks.keys().copied().collect::<Vec<_>>() {
            self.subscribe(ctx, pid, tid);
        }
    }

    /// Subscribes everybody who wants to the tracks of `publisher`.
    pub(super) fn subscribe_others(&mut self, ctx: &mut Ctx<'_>, publisher: Pid) {
        let tids: Vec<_> = self.tracks_of(publisher).map(|t| t.tid).collect();
        for pid in self.parts.keys().copied().collect::<Vec<_>>() {
            for tid in &tids {
                self.subscribe(ctx, pid, *tid);
            }
        }
        self.fill_viewers(ctx);
    }

    fn wants(&self, pid: Pid, tid: Tid) -> bool {
        let (Some(p), Some(t)) = (self.parts.get(&pid), self.tracks.get(&tid)) else { return false };
        t.pid != pid
            // Its lines are filled, not made.
            && p.stream.is_none()
            && p.standing.permission.subscribe
            && self.parts.get(&t.pid).is_some_and(super::Participant::visible)
            && !p.unwanted.contains(&t.info.sid)
            && (p.client.auto_subscribe || p.wanted.contains(&t.info.sid))
            && !t.subs.iter().any(|(s, _)| *s == pid)
    }

    fn subscribe(&mut self, ctx: &mut Ctx<'_>, pid: Pid, tid: Tid) {
        if !self.wants(pid, tid) {
            return;
        }
        let (Some(p), Some(track)) = (self.parts.get_mut(&pid), self.tracks.get(&tid)) else { return };
        let audio = track.kind == Kind::Audio;
        let free = |l: &Line| l.audio == audio && l.track.is_none() && !l.on && (l.confirmed || l.mid.is_none());
        let index = p.subs.lines.iter().position(free).unwrap_or_else(|| {
            p.subs.lines.push(Line { audio, ..Line::default() });
            p.subs.lines.len() - 1
        });
        p.subs.changed_at.get_or_insert(ctx.now.mono);
        self.put_on_line(ctx, pid, tid, index, false);
    }

    /// Puts a track on a line that is free. `ready`: the client knows of it already.
    pub(super) fn put_on_line(&mut self, ctx: &mut Ctx<'_>, pid: Pid, tid: Tid, index: usize, ready: bool) {
        let (Some(p), Some(track)) = (self.parts.get_mut(&pid), self.tracks.get_mut(&tid)) else { return };
        let Some(line) = p.subs.lines.get_mut(index) else { return };
        line.track = Some(tid);
        line.ready = ready;
        line.down.assign(track.kind, ctx.env.random_u32());
        track.subs.push((pid, index));
        let owner = track.pid;
        if !track.told_subscribed {
            track.told_subscribed = true;
            let told = Message::TrackSubscribed(proto::TrackSubscribed { track_sid: track.info.sid.clone() });
            if let Some(owner) = self.parts.get_mut(&owner) {
                owner.send(told);
            }
        }
    }

    /// Takes a track off a line.
    pub(super) fn free_line(&mut self, ctx: &mut Ctx<'_>, pid: Pid, line: usize) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        if let Some(line) = p.subs.lines.get_mut(line) {
            line.track = None;
            line.ready = false;
            // Sound is not sent again. Of a picture nothing may follow its end.
            if let Some(mid) = line.mid.filter(|_| !line.audio) {
                ctx.pcs.with(p.sub_pc, |pc| pc.forget_sent(mid));
            }
        }
        p.subs.changed_at.get_or_insert(ctx.now.mono);
    }

    /// Takes a participant off all tracks it receives; it is leaving.
    pub(super) fn unsubscribe_all(&mut self, pid: Pid) {
        for track in self.tracks.values_mut() {
            track.subs.retain(|(p, _)| *p != pid);
        }
    }

    /// Takes a participant off one track.
    pub(super) fn unsubscribe(&mut self, ctx: &mut Ctx<'_>, pid: Pid, tid: Tid) {
        let Some(track) = self.tracks.get_mut(&tid) else { return };
        let Some(at) = track.subs.iter().position(|(p, _)| *p == pid) else { return };
        let (_, line) = track.subs.swap_remove(at);
        self.free_line(ctx, pid, line);
    }

    /// The client chooses what it receives.
    pub(crate) fn update_subscription(&mut self, ctx: &mut Ctx<'_>, pid: Pid, req: &proto::UpdateSubscription) {
        let of_participants = req.participant_tracks.iter().flat_map(|p| &p.track_sids);
        for sid in req.track_sids.iter().chain(of_participants) {
            // Only tracks that exist are remembered: the list is the client's, its length is ours.
            let Some(tid) = self.tracks.values().find(|t| t.info.sid == *sid).map(|t| t.tid) else { continue };
            let Some(p) = self.parts.get_mut(&pid) else { return };
            if req.subscribe {
                p.unwanted.remove(sid);
                p.wanted.insert(sid.clone());
                self.subscribe(ctx, pid, tid);
            } else {
                p.wanted.remove(sid);
                p.unwanted.insert(sid.clone());
                self.unsubscribe(ctx, pid, tid);
            }
        }
    }

    /// How the client wants a track it receives.
    pub(super) fn track_setting(&mut self, ctx: &mut Ctx<'_>, pid: Pid, req: &proto::UpdateTrackSettings) {
        for sid in &req.track_sids {
            let Some(track) = self.tracks.values().find(|t| t.info.sid == *sid) else { continue };
            let Some((_, line)) = track.subs.iter().find(|(p, _)| *p == pid).copied() else { continue };
            let quality = super::forward::wanted_layer(track, req);
            let (tid, disabled) = (track.tid, req.disabled);
            let Some(p) = self.parts.get_mut(&pid) else { return };
            if let Some(line) = p.subs.lines.get_mut(line) {
                line.down.set_wanted(ctx.now.mono, disabled, quality);
            }
            self.want_key_frames(ctx, tid);
        }
    }

    /// New ICE credentials for the subscriber connection, with the next offer.
    pub(super) fn restart_ice(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        if p.subs.asked_at.take().is_some() {
            // The old offer is void: its new lines are offered anew.
            for line in p.subs.lines.iter_mut().filter(|l| !l.confirmed) {
                line.mid = None;
                line.on = false;
            }
        }
        p.subs.restart = true;
        p.subs.changed_at = Some(ctx.now.mono);
        self.negotiate(ctx, pid);
    }

    /// Offers what changed, unless an offer is out or nobody listens.
    pub(super) fn negotiate(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        let first = p.subs.offer_id == 0;
        if p.sink.is_none() || p.subs.asked_at.is_some() || !(first || p.subs.changed_at.is_some()) {
            return;
        }
        p.subs.changed_at = None;
        let restart = std::mem::take(&mut p.subs.restart);
        let lines = &mut p.subs.lines;
        let new: Vec<usize> =
            (0..lines.len()).filter(|i| lines[*i].mid.is_none() && lines[*i].track.is_some()).collect();
        let add: Vec<Kind> = new.iter().map(|i| if lines[*i].audio { Kind::Audio } else { Kind::Video }).collect();
        let turn = lines.iter().filter_map(|l| Some((l.mid?, l.track.is_some()))).collect::<Vec<_>>();
        let Some(Some((sdp, mids))) = ctx.pcs.with(p.sub_pc, |pc| pc.offer(first, &add, &turn, restart)) else {
            return;
        };
        for (i, mid) in new.into_iter().zip(mids) {
            lines[i].mid = Some(mid);
        }
        for line in lines.iter_mut() {
            line.on = line.track.is_some();
            let Some(track) = line.track.and_then(|t| self.tracks.get(&t)) else { continue };
            line.msid = format!("{}|{sid} {sid}", track.owner_sid, sid = track.info.sid);
        }
        self.send_offer(ctx, pid, &sdp);
    }

    fn send_offer(&mut self, ctx: &Ctx<'_>, pid: Pid, sdp: &str) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        let lines = &p.subs.lines;
        let by_mid = |mid: &str| lines.iter().find(|l| l.mid.is_some_and(|m| *m == *mid)).filter(|l| l.on);
        let sdp = crate::pc::set_msids(sdp, |mid| by_mid(mid).map(|l| l.msid.as_str()));
        let track_of = |l: &Line| self.tracks.get(&l.track?).map(|t| t.info.sid.clone());
        let mid_to_track_id = lines.iter().filter_map(|l| Some((l.mid?.to_string(), track_of(l)?))).collect();
        p.subs.offer_id += 1;
        p.subs.asked_at = Some(ctx.now.mono);
        let id = p.subs.offer_id;
        p.send(Message::Offer(proto::SessionDescription { r#type: "offer".to_owned(), sdp, id, mid_to_track_id }));
    }

    /// The client's answer. Id 0 means the offer that is out.
    pub(super) fn subscriber_answer(&mut self, ctx: &mut Ctx<'_>, pid: Pid, answer: &proto::SessionDescription) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        if p.subs.asked_at.is_none() || (answer.id != 0 && answer.id != p.subs.offer_id) {
            return;
        }
        p.subs.asked_at = None;
        let accepted = ctx.pcs.with(p.sub_pc, |pc| pc.accept_answer(&answer.sdp));
        ctx.pcs.renamed(p.sub_pc);
        if !matches!(accepted, Some(Ok(()))) {
            self.reconnect(ctx, pid, LeftReason::MediaFailure);
            return;
        }
        p.subs.answered_once = true;
        // The answer to new ICE credentials: it goes on once the client's checks got through.
        p.resuming &= ctx.pcs.with(p.sub_pc, |pc| pc.is_up()) != Some(true);
        p.deliver_waiting(ctx);
        let mut video = Vec::new();
        for line in &mut p.subs.lines {
            let Some(mid) = line.mid else { continue };
            line.confirmed = true;
            line.pts = ctx.pcs.with(p.sub_pc, |pc| pc.down_line(mid)).unwrap_or_default();
            // A track that came onto the line while the offer was out is for the next one.
            let offered = line.on
                && line
                    .track
                    .and_then(|t| self.tracks.get(&t))
                    .is_some_and(|t| line.msid.ends_with(t.info.sid.as_str()));
            line.ready = offered;
            if offered && !line.audio {
                video.extend(line.track);
            }
        }
        for tid in video {
            self.want_key_frames(ctx, tid);
        }
        self.negotiate(ctx, pid);
    }

    /// Sends offers that were held back for a moment. True: some are still held back.
    pub(crate) fn negotiations(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let now = ctx.now.mono;
        if self.parts.values().any(|p| p.stream.is_some() && p.subs.changed_at.is_some()) {
            self.fill_viewers(ctx);
        }
        let mut ready = Vec::new();
        let mut more = false;
        for p in self.parts.values().filter(|p| p.sink.is_some() && p.subs.asked_at.is_none()) {
            match p.subs.changed_at {
                Some(since) if now.saturating_sub(since) >= COALESCE => ready.push(p.pid),
                Some(_) => more = true,
                None => {}
            }
        }
        for pid in ready {
            self.negotiate(ctx, pid);
        }
        more
    }

    /// Gives up on clients that do not answer offers.
    pub(super) fn unanswered(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now.mono;
        let late = |p: &&super::Participant| {
            p.sink.is_some() && p.subs.asked_at.is_some_and(|t| now.saturating_sub(t) >= ANSWER_TIMEOUT)
        };
        for pid in self.parts.values().filter(late).map(|p| p.pid).collect::<Vec<_>>() {
            self.reconnect(ctx, pid, LeftReason::MediaFailure);
        }
    }
}
