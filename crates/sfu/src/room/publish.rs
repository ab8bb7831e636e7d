//! Tracks coming up: announced, matched to a media line, muted, taken back.

use livekit_protocol as proto;
use proto::signal_response::Message;
use stoa_core::media::{LeftReason, MediaFact};

use super::announce::{MAX_PENDING, Pending};
use super::participant::{Participant, Pid};
use super::track::{Tid, Track};
use super::{Ctx, Owner, Room, wire};
use crate::forward::gate::{self, MuteState, SelfMute};
use crate::pc::{Kind, Mid, OfferLine, OpusAnswer, Role, scan};

/// Longest client-given track id and track name in bytes; both travel to everybody.
const MAX_CID: usize = 256;
const MAX_TRACK_NAME: usize = 256;
/// Layers and codecs of one announcement that are looked at.
const MAX_LISTED: usize = 8;

impl Room {
    /// `AddTrack`.
    pub(super) fn add_track(&mut self, ctx: &mut Ctx<'_>, pid: Pid, mut req: proto::AddTrackRequest) {
        use proto::request_response::{Reason, Request};
        let published = self.tracks_of(pid).count();
        let Some(p) = self.parts.get_mut(&pid) else { return };
        req.cid.truncate(floor(&req.cid, MAX_CID));
        req.name.truncate(floor(&req.name, MAX_TRACK_NAME));
        req.layers.truncate(MAX_LISTED);
        req.simulcast_codecs.truncate(MAX_LISTED);
        req.simulcast_codecs.iter_mut().for_each(|c| c.cid.truncate(floor(&c.cid, MAX_CID)));
        let kind = match proto::TrackType::try_from(req.r#type) {
            Ok(proto::TrackType::Audio) => Kind::Audio,
            Ok(proto::TrackType::Video) => Kind::Video,
            _ => return,
        };
        let mut cids = vec![req.cid.clone()];
        cids.extend(req.simulcast_codecs.iter().map(|c| c.cid.clone()).filter(|c| !c.is_empty()));
        let refuse = |reason, text| wire::request_response(0, reason, text, Some(Request::AddTrack(req.clone())));
        let source = wire::source_of(req.source, kind);
        if !p.standing.permission.allows(source) {
            tracing::debug!(participant.sid = p.who.sid, cid = req.cid, "announcement refused: not allowed");
            p.send(refuse(Reason::NotAllowed, "not allowed to publish this source"));
            p.announced.retire(cids);
            return;
        }
        if let Some(known) = p.announced.by_cid(&req.cid) {
            let (cid, track) = (req.cid, Some(known.info.clone()));
            p.send(Message::TrackPublished(proto::TrackPublishedResponse { cid, track }));
            return;
        }
        let full = |p: &Participant| {
            p.announced.len() >= MAX_PENDING || published + p.announced.len() >= ctx.env.cfg.max_tracks as usize
        };
        if full(p) {
            let given_up = p.announced.make_room();
            p.tell_withdrawn(given_up.into_iter().collect());
        }
        if full(p) {
            tracing::debug!(participant.sid = p.who.sid, cid = req.cid, "announcement refused: too many tracks");
            p.send(refuse(Reason::LimitExceeded, "too many tracks"));
            p.announced.retire(cids);
            return;
        }
        let info = track_info(ctx, &req, kind);
        tracing::debug!(participant.sid = p.who.sid, track.sid = info.sid, cid = req.cid, "track announced");
        p.announced.add(Pending { cids, info: info.clone(), kind, since: ctx.now.mono, given_up: false });
        p.send(Message::TrackPublished(proto::TrackPublishedResponse { cid: req.cid, track: Some(info) }));
        self.match_held(ctx, pid);
    }

    /// The client's offer for its publisher connection.
    pub(super) fn publisher_offer(&mut self, ctx: &mut Ctx<'_>, pid: Pid, offer: &proto::SessionDescription) {
        let lines = scan(&offer.sdp);
        let Some(p) = self.parts.get_mut(&pid) else { return };
        let pc = *p.pub_pc.get_or_insert_with(|| {
            let owner = Owner { room: self.ix, pid, role: Role::Publisher };
            ctx.pcs.open(Role::Publisher, owner, ctx.at)
        });
        self.unpublish_missing(ctx, pid, &lines);
        if let Some(p) = self.parts.get_mut(&pid) {
            p.announced.offered(ctx.now.mono, &lines, |mid| p.up.iter().any(|(m, _)| **m == *mid));
            tracing::debug!(participant.sid = p.who.sid, lines = lines.len(), announced = ?p.announced, "publisher offer");
        }
        let opus = |mid: &str| self.opus_of(pid, lines.iter().find(|l| l.mid == mid));
        let answer = ctx.pcs.with(pc, |pc| pc.accept_offer(&offer.sdp, opus));
        ctx.pcs.renamed(pc);
        match answer {
            Some(Ok(sdp)) => {
                if let Some(p) = self.parts.get_mut(&pid) {
                    let r#type = "answer".to_owned();
                    let mid_to_track_id = Default::default();
                    p.send(Message::Answer(proto::SessionDescription { r#type, sdp, id: offer.id, mid_to_track_id }));
                }
                self.match_held(ctx, pid);
            }
            _ => {
                tracing::debug!(participant.sid = self.sid_of(pid), "publisher offer refused");
                self.reconnect(ctx, pid, LeftReason::MediaFailure);
            }
        }
    }

    pub(super) fn sid_of(&self, pid: Pid) -> &str {
        self.parts.get(&pid).map_or("", |p| p.who.sid.as_str())
    }

    /// What the answer says about Opus on this line. Tracks that are not announced yet get what most want.
    fn opus_of(&self, pid: Pid, line: Option<&OfferLine>) -> OpusAnswer {
        let usual = OpusAnswer { dtx: true, stereo: false };
        let (Some(p), Some(line)) = (self.parts.get(&pid), line) else { return usual };
        let published = p.up.iter().find(|(mid, _)| **mid == *line.mid);
        let info = match published.and_then(|(_, tid)| self.tracks.get(tid)) {
            Some(track) => Some(&track.info),
            None => p.announced.for_line(line).map(|k| &k.info),
        };
        let Some(info) = info else { return usual };
        let has = |f: proto::AudioTrackFeature| info.audio_features.contains(&f.into());
        OpusAnswer { dtx: !has(proto::AudioTrackFeature::TfNoDtx), stereo: has(proto::AudioTrackFeature::TfStereo) }
    }

    /// Finds lines for announcements. Called whenever one of both is new.
    fn match_held(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        let mut published = false;
        while let Some((line, pending)) = self.parts.get_mut(&pid).and_then(|p| p.announced.next_match()) {
            published |= self.publish(ctx, pid, &line, pending).is_some();
        }
        if published {
            self.tell_changed(pid, false);
            self.subscribe_others(ctx, pid);
        }
    }

    /// Makes a track of a line. The caller tells the others.
    pub(super) fn publish(&mut self, ctx: &mut Ctx<'_>, pid: Pid, line: &OfferLine, pending: Pending) -> Option<Tid> {
        let p = self.parts.get_mut(&pid)?;
        let pc = p.pub_pc?;
        let mid = Mid::from(line.mid.as_str());
        self.next_tid += 1;
        let tid = self.next_tid;
        p.up.push((mid, tid));
        let mut info = pending.info;
        line.mid.clone_into(&mut info.mid);
        let source = wire::source_of(info.source, pending.kind);
        let mut mute = MuteState { by_self: info.muted, ..MuteState::default() };
        if mute.set_by_policy(p.standing.muted, source) {
            p.send(Message::Mute(proto::MuteTrackRequest { sid: info.sid.clone(), muted: true }));
        }
        info.muted = mute.is_muted();
        tracing::debug!(participant.sid = p.who.sid, track.sid = info.sid, line = line.mid, "track published");
        let fact = MediaFact::TrackPublished {
            who: p.who.clone(),
            track: info.sid.clone(),
            source,
            mime: info.mime_type.clone(),
        };
        let track = Track {
            tid,
            pid,
            source,
            kind: pending.kind,
            pc,
            mid,
            shut: gate::publish(Some(source), &p.standing.permission, mute).err(),
            mute,
            owner_sid: p.who.sid.clone(),
            subs: Vec::new(),
            told_subscribed: false,
            was_open: false,
            up: super::forward::Up::new(pending.kind),
            info,
        };
        self.tracks.insert(tid, track);
        self.event(ctx, fact);
        Some(tid)
    }

    /// Takes back the tracks whose lines the client's new offer no longer sends on.
    fn unpublish_missing(&mut self, ctx: &mut Ctx<'_>, pid: Pid, lines: &[OfferLine]) {
        let Some(p) = self.parts.get(&pid) else { return };
        let sends = |mid: &Mid| lines.iter().find(|l| *l.mid == **mid).filter(|l| l.sending);
        let gone: Vec<_> = p.up.iter().filter(|(mid, _)| sends(mid).is_none()).map(|(_, tid)| *tid).collect();
        for tid in &gone {
            self.unpublish(ctx, *tid, false);
        }
        if !gone.is_empty() {
            self.tell_changed(pid, false);
        }
    }

    /// Takes back one track; the caller tells the others. `by_server` tells its owner too.
    pub(super) fn unpublish(&mut self, ctx: &mut Ctx<'_>, tid: Tid, by_server: bool) {
        let Some(track) = self.tracks.remove(&tid) else { return };
        for (pid, line) in &track.subs {
            self.free_line(ctx, *pid, *line);
        }
        for p in self.parts.values_mut() {
            p.wanted.remove(&track.info.sid);
            p.unwanted.remove(&track.info.sid);
        }
        let Some(p) = self.parts.get_mut(&track.pid) else { return };
        p.up.retain(|(_, t)| *t != tid);
        tracing::debug!(participant.sid = p.who.sid, track.sid = track.info.sid, by_server, "track unpublished");
        if by_server {
            let track_sid = track.info.sid.clone();
            p.send(Message::TrackUnpublished(proto::TrackUnpublishedResponse { track_sid }));
        }
        let who = p.who.clone();
        self.event(ctx, MediaFact::TrackUnpublished { who, track: track.info.sid, source: track.source });
    }

    /// Announcements that no line came for: the client that lost the thread starts over, the others are told.
    pub(super) fn unmatched(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now.mono;
        let (mut stuck, mut freed) = (Vec::new(), Vec::new());
        for p in self.parts.values_mut().filter(|p| p.sink.is_some()) {
            if p.announced.stuck(now) {
                stuck.push(p.pid);
                continue;
            }
            let gone = p.announced.abandoned(now);
            if !gone.is_empty() {
                freed.push(p.pid);
                p.tell_withdrawn(gone);
            }
        }
        for pid in freed {
            self.match_held(ctx, pid);
        }
        for pid in stuck {
            // Some clients' negotiation can hang for good; a new session is the only thing that wakes them.
            tracing::debug!(participant.sid = self.sid_of(pid), "a track was announced, but no line offered");
            metrics::counter!("stoa_media_stuck_publishers_total").increment(1);
            self.reconnect(ctx, pid, LeftReason::MediaFailure);
        }
    }

    /// Takes back everything of a participant.
    pub(super) fn unpublish_all(&mut self, ctx: &mut Ctx<'_>, pid: Pid, by_server: bool) {
        for tid in self.tracks_of(pid).map(|t| t.tid).collect::<Vec<_>>() {
            self.unpublish(ctx, tid, by_server);
        }
    }

    /// The client's own mute. What the server muted stays muted.
    pub(super) fn mute(&mut self, ctx: &mut Ctx<'_>, pid: Pid, req: &proto::MuteTrackRequest) {
        let Some(tid) = self.tracks_of(pid).find(|t| t.info.sid == req.sid).map(|t| t.tid) else {
            if let Some(p) = self.parts.get_mut(&pid)
                && let Some(pending) = p.announced.by_sid(&req.sid)
            {
                pending.info.muted = req.muted;
            }
            return;
        };
        let Some(track) = self.tracks.get_mut(&tid) else { return };
        if track.mute.set_by_self(req.muted) == SelfMute::Refused {
            let back = Message::Mute(proto::MuteTrackRequest { sid: req.sid.clone(), muted: true });
            if let Some(p) = self.parts.get_mut(&pid) {
                p.send(back);
            }
        }
        if self.settle_mute(ctx, tid) {
            self.tell_changed(pid, false);
        }
    }

    /// Brings a track's gate, shown state and events in line with what decides them. True when the shown state changed.
    pub(super) fn settle_mute(&mut self, ctx: &mut Ctx<'_>, tid: Tid) -> bool {
        let Some(track) = self.tracks.get_mut(&tid) else { return false };
        let Some(p) = self.parts.get(&track.pid) else { return false };
        let muted = track.mute.is_muted();
        let was_open = std::mem::replace(&mut track.was_open, true);
        track.judge(&p.standing.permission);
        track.was_open = track.shut.is_none();
        let changed = track.info.muted != muted;
        track.info.muted = muted;
        if muted {
            track.up.silent();
        }
        let (who, sid, opened) = (p.who.clone(), track.info.sid.clone(), track.was_open && !was_open);
        if opened && track.kind == Kind::Video {
            self.want_key_frames(ctx, tid);
        }
        if changed {
            self.event(ctx, MediaFact::TrackMuted { who, track: sid, muted });
        }
        changed
    }
}

#[expect(deprecated, reason = "older clients read these fields")]
pub(super) fn track_info(ctx: &Ctx<'_>, req: &proto::AddTrackRequest, kind: Kind) -> proto::TrackInfo {
    use proto::TrackSource as S;
    let source = S::try_from(req.source).unwrap_or(S::Unknown);
    let letter = match source {
        S::Camera => 'C',
        S::Microphone => 'M',
        S::ScreenShare => 'S',
        S::ScreenShareAudio => 's',
        S::Unknown => 'U',
    };
    let prefix = format!("TR_{}{letter}", if kind == Kind::Audio { 'A' } else { 'V' });
    let mut layers = req.layers.clone();
    layers.sort_by_key(|l| l.quality);
    let stream = match source {
        _ if !req.stream.is_empty() => req.stream.clone(),
        S::Camera | S::Microphone => "camera".to_owned(),
        S::ScreenShare | S::ScreenShareAudio => "screen".to_owned(),
        S::Unknown => String::new(),
    };
    let codecs: Vec<_> = req.simulcast_codecs.iter().map(|c| codec_info(c, kind, &layers)).collect();
    let usual = if kind == Kind::Audio { "audio/opus" } else { "video/VP8" };
    let mime_type = codecs.first().map_or(usual, |c| c.mime_type.as_str()).to_owned();
    let mut audio_features = req.audio_features.clone();
    audio_features.truncate(MAX_LISTED);
    if kind == Kind::Audio {
        let mut add = |wanted: bool, f: proto::AudioTrackFeature| {
            if wanted && !audio_features.contains(&f.into()) {
                audio_features.push(f.into());
            }
        };
        add(req.stereo, proto::AudioTrackFeature::TfStereo);
        add(req.disable_dtx, proto::AudioTrackFeature::TfNoDtx);
    }
    proto::TrackInfo {
        sid: ctx.env.id(&prefix),
        r#type: req.r#type,
        name: req.name.clone(),
        muted: req.muted,
        width: req.width,
        height: req.height,
        simulcast: layers.len() > 1,
        disable_dtx: req.disable_dtx,
        source: req.source,
        layers,
        mime_type,
        codecs,
        stereo: req.stereo,
        disable_red: true,
        encryption: req.encryption,
        stream,
        audio_features,
        backup_codec_policy: req.backup_codec_policy,
        packet_trailer_features: req.packet_trailer_features.iter().copied().take(MAX_LISTED).collect(),
        ..Default::default()
    }
}

fn codec_info(c: &proto::SimulcastCodec, kind: Kind, layers: &[proto::VideoLayer]) -> proto::SimulcastCodecInfo {
    let name = c.codec.to_ascii_lowercase();
    let name = name.rsplit('/').next().unwrap_or("");
    let mime_type = match (kind, name) {
        (Kind::Audio, _) => "audio/opus",
        (_, "h264") => "video/H264",
        (_, _) => "video/VP8",
    };
    let own = if c.layers.is_empty() { layers.to_vec() } else { c.layers.iter().take(MAX_LISTED).cloned().collect() };
    proto::SimulcastCodecInfo {
        mime_type: mime_type.to_owned(),
        cid: c.cid.clone(),
        layers: own,
        video_layer_mode: c.video_layer_mode,
        ..Default::default()
    }
}

/// The largest length up to `max` that does not cut a character.
pub(super) fn floor(s: &str, max: usize) -> usize {
    let mut n = max.min(s.len());
    while !s.is_char_boundary(n) {
        n -= 1;
    }
    n
}
