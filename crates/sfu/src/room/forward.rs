//! Media packets from one participant to the others.

use std::time::Duration;

use livekit_protocol as proto;
use proto::signal_response::Message;

use super::participant::{Pid, encode};
use super::track::{Tid, Track};
use super::{Ctx, Room};
use crate::forward::keyframe::Requester;
use crate::forward::levels::loudness;
use crate::forward::munge::{Incoming, Munger, Source};
use crate::forward::select::{Layers, MAX_LAYERS, Seen, Selector, Verdict, Wanted, layer_for_size};
use crate::forward::stats::{Counted, Counter};
use crate::pc::{InPacket, Kind, Mid, OutPacket, Read, Rid, Vp8Fields, read_payload};
use crate::shown::Counters;

/// Sound in a usual Opus packet. Only speaker detection uses it.
const OPUS_PACKET: Duration = Duration::from_millis(20);

/// What is known of a track as it comes in.
pub(crate) struct Up {
    layers: Layers,
    counters: Counters,
    requesters: [Requester; MAX_LAYERS],
    rids: [Option<Option<Rid>>; MAX_LAYERS],
    /// What its layers are called, from low to high; empty = the usual names.
    names: Vec<Rid>,
    /// Grows when the flow was cut on purpose: subscribers start anew after it, without a gap.
    cut: u32,
}

impl Up {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            layers: Layers::default(),
            counters: Counters::new(kind == Kind::Video),
            requesters: [Requester::new(0), Requester::new(1), Requester::new(2)],
            rids: [None; MAX_LAYERS],
            names: Vec::new(),
            cut: 0,
        }
    }

    /// Its layers have names of their own, given from low to high.
    pub(super) fn name_layers(&mut self, rids: &[String]) {
        self.names = rids.iter().take(MAX_LAYERS).map(|rid| Rid::from(rid.as_str())).collect();
    }

    /// The layer of a packet; `None`: one that is not forwarded. A single stream has no rid and is the lowest layer.
    fn layer(&self, rid: Option<Rid>) -> Option<usize> {
        match rid {
            Some(rid) if !self.names.is_empty() => self.names.iter().position(|name| *name == rid),
            rid => Some(layer_of(rid)),
        }
    }

    /// The gate closed.
    pub(super) fn silent(&mut self) {
        self.cut = self.cut.wrapping_add(1);
        self.layers.clear();
        self.counters.with(|layers| layers.iter_mut().for_each(Counter::clear));
        self.requesters.iter_mut().for_each(Requester::cancel);
    }

    /// What its layers are called, from low to high; empty where there is one only.
    pub(super) fn layer_names(&self, several: bool) -> Vec<String> {
        match several {
            true if self.names.is_empty() => USUAL_RIDS.map(str::to_owned).into(),
            true => self.names.iter().map(ToString::to_string).collect(),
            false => Vec::new(),
        }
    }

    /// What comes in on it is counted there.
    pub(super) fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// The rid to ask for a key frame of a layer; a layer that was never seen is asked through one that was.
    fn rid(&self, layer: usize) -> Option<Rid> {
        let seen = self.rids[layer].or_else(|| self.rids.iter().copied().find_map(|r| r));
        seen.unwrap_or_else(|| self.names.get(layer).or(self.names.last()).copied())
    }

    /// Numbers of one stream in the mungers. A cut makes another one of it.
    fn source(&self, ssrc: u32) -> Source {
        Source(ssrc.wrapping_add(self.cut.wrapping_mul(0x9e37_79b9)))
    }
}

/// One track on its way to one subscriber. Belongs to the line: its numbers go on from track to track.
#[derive(Default)]
pub(crate) struct Down {
    munger: Option<Munger>,
    selector: Option<Selector>,
    wanted: Wanted,
    video: bool,
    cut: u32,
}

impl Down {
    /// A track comes onto the line.
    pub(super) fn assign(&mut self, kind: Kind, random: u32) {
        self.video = kind == Kind::Video;
        self.selector = None;
        self.wanted = Wanted::default();
        let clock = if self.video { 90_000 } else { 48_000 };
        #[expect(clippy::cast_possible_truncation, reason = "half of the random bits are for each number")]
        self.munger.get_or_insert_with(|| Munger::new(random as u16, random.rotate_left(16), clock)).pause();
    }

    pub(super) fn set_wanted(&mut self, now: Duration, disabled: bool, layer: u8) {
        let switched = self.wanted.disabled != disabled;
        self.wanted.disabled = disabled;
        self.wanted.layer = layer;
        if let Some(selector) = &mut self.selector {
            selector.set_wanted(now, self.wanted);
        }
        // What is lost while nothing is shown must not be missed afterwards.
        if let Some(munger) = self.munger.as_mut().filter(|_| switched) {
            munger.pause();
        }
    }

    fn selector(&mut self, now: Duration) -> &mut Selector {
        let wanted = self.wanted;
        let selector = self.selector.get_or_insert_with(|| Selector::new(now, wanted));
        if selector.wanted() != wanted {
            selector.set_wanted(now, wanted);
        }
        selector
    }

    /// The layer this subscriber waits for.
    fn needs(&mut self, now: Duration, layers: &Layers) -> Option<usize> {
        if !self.video {
            return None;
        }
        self.selector(now).needs_key_frame(now, layers).map(usize::from)
    }

    /// The packet as it goes out, if it does.
    fn route<'a>(
        &mut self,
        now: Duration,
        up: &Up,
        seen: Seen,
        packet: &'a InPacket,
        read: &Read,
    ) -> Option<OutPacket<'a>> {
        if self.cut != up.cut {
            self.cut = up.cut;
            if self.video {
                self.selector(now).interrupt(now);
            }
        }
        let verdict = match (self.video, self.wanted.disabled) {
            (true, _) => self.selector(now).judge(now, &up.layers, seen),
            (false, true) => Verdict::Drop,
            (false, false) => Verdict::Forward,
        };
        let source = up.source(packet.ssrc);
        let incoming =
            Incoming { seq: packet.seq, timestamp: packet.time, arrived: now, captured: None, vp8: read.vp8 };
        let munger = self.munger.as_mut()?;
        // Padding carries nothing: it ends here, and its number with it.
        if verdict == Verdict::Drop || packet.payload.is_empty() {
            munger.dropped(source, &incoming);
            return None;
        }
        let out = munger.forward(source, &incoming)?;
        let vp8 = out.vp8.map(|v| Vp8Fields {
            picture_id: v.picture_id.map(|(id, _)| id),
            tl0_pic_idx: v.tl0_pic_idx,
            key_idx: v.key_idx,
        });
        Some(OutPacket { seq: out.seq, time: out.timestamp, marker: packet.marker, vp8, from: packet })
    }
}

impl Room {
    /// A packet from a publisher: through the gate, counted, then to everybody who receives the track.
    pub(super) fn forward(&mut self, ctx: &mut Ctx<'_>, pid: Pid, packet: &InPacket) {
        let now = ctx.now.mono;
        let Self { parts, tracks, speakers, .. } = self;
        let Some(p) = parts.get_mut(&pid) else { return };
        if !p.may_send(now, packet.payload.len()) {
            return ctx.env.meters.dropped("rate");
        }
        let up_line = p.up.iter().find(|(mid, _)| *mid == packet.mid);
        let Some(track) = up_line.and_then(|(_, tid)| tracks.get_mut(tid)) else {
            return ctx.env.meters.dropped("unannounced");
        };
        let Some(layer) = track.up.layer(packet.rid) else { return ctx.env.meters.dropped("layer") };
        if let Some(shut) = track.shut {
            track.up.counters.with(|layers| layers[layer].gated(packet.seq));
            return ctx.env.meters.dropped(shut.as_str());
        }
        ctx.env.meters.packets_in.increment(1);
        let Track { up, subs, kind, .. } = track;
        up.rids[layer].get_or_insert(packet.rid);
        let payload = packet.payload.len();
        ctx.env.meters.bytes_in.increment(payload as u64);
        let counted = Counted { seq: packet.seq, timestamp: packet.time, marker: packet.marker, payload };
        up.counters.with(|layers| layers[layer].packet(now, counted));
        let read = read_payload(packet.codec, &packet.payload);
        #[expect(clippy::cast_possible_truncation, reason = "three layers at most")]
        let mut seen = Seen { layer: layer as u8, ..read.seen };
        if *kind == Kind::Video {
            if payload > 0 {
                seen = up.layers.packet(now, packet.ssrc, packet.seq, seen);
            }
            if seen.starts_key_frame {
                up.requesters[layer].arrived();
            }
        } else {
            let level = packet.level.and_then(|l| i8::try_from(l).ok()).map(|l| -l);
            speakers.observe(now, &pid, loudness(level, payload), OPUS_PACKET);
        }
        let mut sent = 0;
        for (to, line) in subs.iter() {
            let Some(p) = parts.get_mut(to) else { continue };
            // Before its connection is up a subscriber's packets would only pile up.
            if p.active_at.is_none() {
                continue;
            }
            let Some(line) = p.subs.lines.get_mut(*line).filter(|l| l.ready) else { continue };
            let Some(mid) = line.mid else { continue };
            if let Some(out) = line.down.route(now, up, seen, packet, &read) {
                sent += u64::from(ctx.pcs.with(p.sub_pc, |pc| pc.write(mid, &line.pts, &out)) == Some(true));
            }
        }
        ctx.env.meters.packets_out.increment(sent);
        ctx.env.meters.bytes_out.increment(sent * payload as u64);
    }

    /// Asks for the key frames that subscribers of a track wait for.
    pub(super) fn want_key_frames(&mut self, ctx: &mut Ctx<'_>, tid: Tid) {
        self.key_frames(ctx, tid, true);
    }

    /// Asks again where somebody still waits.
    pub(super) fn repeat_key_frames(&mut self, ctx: &mut Ctx<'_>) {
        let video = self.tracks.values().filter(|t| t.kind == Kind::Video && t.shut.is_none() && !t.subs.is_empty());
        for tid in video.map(|t| t.tid).collect::<Vec<_>>() {
            self.key_frames(ctx, tid, false);
        }
    }

    fn key_frames(&mut self, ctx: &mut Ctx<'_>, tid: Tid, fresh: bool) {
        let now = ctx.now.mono;
        let Self { parts, tracks, .. } = self;
        let Some(track) = tracks.get_mut(&tid).filter(|t| t.kind == Kind::Video && t.shut.is_none()) else { return };
        let mut needed = [false; MAX_LAYERS];
        for (to, line) in &track.subs {
            let line = parts.get_mut(to).and_then(|p| p.subs.lines.get_mut(*line)).filter(|l| l.ready);
            if let Some(layer) = line.and_then(|l| l.down.needs(now, &track.up.layers)) {
                needed[layer] = true;
            }
        }
        for (layer, needed) in needed.into_iter().enumerate() {
            let requester = &mut track.up.requesters[layer];
            let send = match (needed, fresh || requester.deadline().is_none()) {
                (true, true) => requester.ask(now),
                (true, false) => requester.poll(now),
                (false, _) => {
                    requester.cancel();
                    false
                }
            };
            if send {
                let (mid, rid) = (track.mid, track.up.rid(layer));
                ctx.pcs.with(track.pc, |pc| pc.ask_key_frame(mid, rid));
            }
        }
    }

    /// A subscriber's decoder lost its references.
    pub(super) fn key_frame_wanted(&mut self, ctx: &mut Ctx<'_>, pid: Pid, mid: Mid) {
        let now = ctx.now.mono;
        let Some(line) = self.parts.get_mut(&pid).and_then(|p| p.subs.lines.iter_mut().find(|l| l.mid == Some(mid)))
        else {
            return;
        };
        let current = line.down.selector.as_ref().and_then(Selector::current).map_or(0, usize::from);
        let Some(track) = line.track.and_then(|t| self.tracks.get_mut(&t)) else { return };
        if track.shut.is_none() && track.kind == Kind::Video && track.up.requesters[current].ask(now) {
            let (mid, rid) = (track.mid, track.up.rid(current));
            ctx.pcs.with(track.pc, |pc| pc.ask_key_frame(mid, rid));
        }
    }

    /// Tells who speaks, when that changed.
    pub(super) fn speakers(&mut self, ctx: &mut Ctx<'_>) {
        let Some(list) = self.speakers.poll(ctx.now.mono) else { return };
        let visible = |pid: &Pid| self.parts.get(pid).filter(|p| p.visible()).map(|p| p.who.sid.clone());
        let mut speakers: Vec<_> = list
            .iter()
            .filter_map(|s| Some(proto::SpeakerInfo { sid: visible(&s.key)?, level: s.level, active: true }))
            .collect();
        let now: Vec<String> = speakers.iter().map(|s| s.sid.clone()).collect();
        let before = std::mem::replace(&mut self.speaking, now);
        let stopped = before.into_iter().filter(|sid| !self.speaking.contains(sid));
        speakers.extend(stopped.map(|sid| proto::SpeakerInfo { sid, level: 0.0, active: false }));
        let frame = encode(Message::SpeakersChanged(proto::SpeakersChanged { speakers }));
        for p in self.parts.values_mut() {
            p.send_bytes(frame.clone());
        }
    }
}

/// What clients call the layers of a video, from low to high.
const USUAL_RIDS: [&str; MAX_LAYERS] = ["q", "h", "f"];

/// The layer that one of the usual rids names.
fn layer_of(rid: Option<Rid>) -> usize {
    rid.and_then(|rid| USUAL_RIDS.iter().position(|usual| **usual == *rid)).unwrap_or(0)
}

/// The highest layer a subscriber wants.
#[expect(deprecated, reason = "the list of layers is where clients put it")]
pub(super) fn wanted_layer(track: &Track, req: &proto::UpdateTrackSettings) -> u8 {
    let sizes: Vec<_> = track.info.layers.iter().map(|l| (l.width, l.height)).collect();
    if req.width > 0 && req.height > 0 && sizes.iter().any(|(width, _)| *width > 0) {
        return layer_for_size(&sizes, req.width, req.height);
    }
    match proto::VideoQuality::try_from(req.quality) {
        Ok(proto::VideoQuality::Low) => 0,
        Ok(proto::VideoQuality::Medium) => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(n: u64) -> InPacket {
        InPacket {
            mid: Mid::from("0"),
            rid: None,
            codec: crate::pc::Codec::Opus,
            seq: 100 + n,
            time: 960 * u32::try_from(n).unwrap(),
            marker: false,
            level: None,
            passed: crate::pc::Passed::default(),
            at: crate::net::base(Duration::ZERO),
            payload: vec![1, 2, 3].into(),
            ssrc: 7,
        }
    }

    #[test]
    fn what_is_lost_while_a_track_is_disabled_leaves_no_hole() {
        let at = |n: u64| Duration::from_millis(20 * n);
        let up = Up::new(Kind::Audio);
        let mut down = Down::default();
        down.assign(Kind::Audio, 1);
        let send = |down: &mut Down, n: u64| {
            let packet = packet(n);
            let read = read_payload(packet.codec, &packet.payload);
            down.route(at(n), &up, read.seen, &packet, &read).map(|out| out.seq)
        };
        let first = send(&mut down, 0).unwrap();
        down.set_wanted(at(1), true, 0);
        assert_eq!(send(&mut down, 1), None);
        // 2 to 4 never arrive.
        assert_eq!(send(&mut down, 5), None);
        down.set_wanted(at(8), false, 0);
        assert_eq!(send(&mut down, 8), Some(first + 1));
        // Without a pause a loss stays a hole that the subscriber sees.
        assert_eq!(send(&mut down, 10), Some(first + 3));
    }
}
