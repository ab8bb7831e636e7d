//! Participants that speak plain HTTP: publishers (WHIP) and viewers (WHEP). One connection, one offer, no signalling.
//!
//! A publisher's lines become tracks once its connection is up, without announcement, and become tracks anew when a lost
//! permission comes back. A viewer's lines are fixed; whatever its publisher sends at the moment is put on them, with
//! numbers that go on from track to track.

use std::cmp::Reverse;

use livekit_protocol as proto;
use stoa_core::id::{Identity, UserId};
use stoa_core::media::{LeftReason, Permission, TrackSource};
use subtle::ConstantTimeEq as _;

use super::announce::Pending;
use super::participant::{Participant, Pid};
use super::publish::track_info;
use super::subscribe::Line;
use super::track::{Tid, Track};
use super::wire::source_to_wire;
use super::{Ctx, Room};
use crate::pc::{Kind, Mid, OfferLine, StreamLine};

/// What makes a participant one without signalling.
pub(crate) struct Streaming {
    /// Names it to its client, and to nobody else.
    pub id: String,
    pub what: Streamed,
}

/// Which way its media goes.
pub(crate) enum Streamed {
    /// Its lines, each with the codec it most likely sends.
    Push(Vec<(StreamLine, String)>),
    Play {
        /// Whose tracks: an identity without its device part.
        of: Identity,
        /// What each line shows, the best first.
        wishes: Vec<Vec<TrackSource>>,
    },
}

impl Streaming {
    fn plays(&self) -> bool {
        matches!(self.what, Streamed::Play { .. })
    }
}

/// What the line of a stream shows.
fn source(kind: Kind, nth: usize) -> TrackSource {
    match (kind, nth) {
        (Kind::Audio, 0) => TrackSource::Microphone,
        (Kind::Audio, _) => TrackSource::ScreenShareAudio,
        (Kind::Video, 0) => TrackSource::Camera,
        (Kind::Video, _) => TrackSource::ScreenShare,
    }
}

/// Whether any of the lines may be published.
pub(crate) fn may_push(lines: &[StreamLine], permission: &Permission) -> bool {
    lines.iter().any(|l| permission.allows(source(l.kind, l.nth)))
}

/// What the lines of a viewer show. The only line of a kind takes the screen where there is no camera.
pub(crate) fn wishes(lines: &[StreamLine]) -> Vec<Vec<TrackSource>> {
    let of = |l: &StreamLine| match lines.iter().filter(|o| o.kind == l.kind).count() {
        1 => vec![source(l.kind, 0), source(l.kind, 1)],
        _ => vec![source(l.kind, l.nth)],
    };
    lines.iter().map(of).collect()
}

impl Room {
    /// Whether somebody of this publisher is here who could send.
    pub(crate) fn has_publisher(&self, of: &Identity) -> bool {
        let sends = |p: &&Participant| !p.stream.as_ref().is_some_and(|s| s.plays());
        self.parts.values().filter(sends).any(|p| p.visible() && p.who.identity.user_part() == of.as_str())
    }

    /// Streams of a user that are not connected yet.
    pub(crate) fn connecting(&self, user: &UserId) -> usize {
        let is = |p: &&Participant| p.stream.is_some() && p.active_at.is_none() && p.who.user == *user;
        self.parts.values().filter(is).count()
    }

    /// The client ends its stream; false = there is no such stream.
    pub(crate) fn end_stream(&mut self, ctx: &mut Ctx<'_>, id: &str) -> bool {
        let is = |p: &&Participant| p.stream.as_ref().is_some_and(|s| s.id.as_bytes().ct_eq(id.as_bytes()).into());
        let Some(pid) = self.parts.values().find(is).map(|p| p.pid) else { return false };
        self.leave(ctx, pid, LeftReason::ClientInitiated, None);
        true
    }

    /// The connection of a stream is up.
    pub(super) fn stream_up(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        self.publish_lines(ctx, pid);
        // Key frames that were asked for before would have found nobody.
        let received = self.tracks.values().filter(|t| t.subs.iter().any(|s| s.0 == pid));
        for tid in received.map(|t| t.tid).collect::<Vec<_>>() {
            self.want_key_frames(ctx, tid);
        }
    }

    /// Makes tracks of the lines of a publisher that are none and may be.
    pub(super) fn publish_lines(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        let Some(p) = self.parts.get(&pid).filter(|p| p.active_at.is_some()) else { return };
        let Some(Streamed::Push(lines)) = p.stream.as_ref().map(|s| &s.what) else { return };
        let idle = |line: &StreamLine| {
            let is_none = p.up.iter().all(|(mid, _)| **mid != *line.mid);
            is_none && p.standing.permission.allows(source(line.kind, line.nth))
        };
        let lines: Vec<_> = lines.iter().filter(|(l, _)| idle(l)).cloned().collect();
        for (line, codec) in &lines {
            let info = track_info(ctx, &announcement(line, codec), line.kind);
            let (cids, since, given_up) = (Vec::new(), ctx.now.mono, false);
            let pending = Pending { cids, info, kind: line.kind, since, given_up };
            let offered = OfferLine { mid: line.mid.clone(), kind: line.kind, cid: None, sending: true };
            if let Some(track) = self.publish(ctx, pid, &offered, pending).and_then(|tid| self.tracks.get_mut(&tid)) {
                track.up.name_layers(&line.rids);
            }
        }
        if !lines.is_empty() {
            self.tell_changed(pid, false);
            self.subscribe_others(ctx, pid);
        }
    }

    /// Puts on the lines of all viewers what their publishers send now.
    pub(super) fn fill_viewers(&mut self, ctx: &mut Ctx<'_>) {
        let viewers = self.parts.values().filter(|p| p.stream.as_ref().is_some_and(|s| s.plays()));
        for pid in viewers.map(|p| p.pid).collect::<Vec<_>>() {
            self.fill_lines(ctx, pid);
        }
    }

    /// The same for one.
    pub(super) fn fill_lines(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        p.subs.changed_at = None;
        let lines = 0..p.subs.lines.len();
        let Some(p) = self.parts.get(&pid).filter(|p| p.standing.permission.subscribe) else { return };
        let changes: Vec<_> =
            lines.filter_map(|i| Some((i, p.subs.lines.get(i)?.track, self.best_for(p, i)))).collect();
        for (index, have, want) in changes.into_iter().filter(|(_, have, want)| have != want) {
            if let Some(have) = have {
                self.unsubscribe(ctx, pid, have);
            }
            if let Some(tid) = want {
                self.put_on_line(ctx, pid, tid, index, true);
                self.want_key_frames(ctx, tid);
            }
        }
        if let Some(p) = self.parts.get_mut(&pid) {
            p.subs.changed_at = None;
        }
    }

    /// The track for a line of a viewer. Of equal ones the one that is there already, else one that is not silent,
    /// else the newest.
    fn best_for(&self, p: &Participant, index: usize) -> Option<Tid> {
        let Streamed::Play { of, wishes } = &p.stream.as_ref()?.what else { return None };
        let (line, wishes) = (p.subs.lines.get(index)?, wishes.get(index)?);
        let theirs = |t: &&Track| {
            let owner = self.parts.get(&t.pid).filter(|o| o.pid != p.pid && o.visible());
            owner.is_some_and(|o| o.who.identity.user_part() == of.as_str())
        };
        let rank = |t: &Track| {
            let wish = wishes.iter().position(|source| *source == t.source)?;
            Some(((wish, line.track != Some(t.tid), t.shut.is_some(), Reverse(t.tid)), t.tid))
        };
        self.tracks.values().filter(theirs).filter_map(rank).min().map(|(_, tid)| tid)
    }
}

/// A line of a viewer's connection, as it stays.
pub(crate) fn fixed_line(line: &StreamLine, pts: crate::pc::DownLine) -> Line {
    Line::fixed(Mid::from(line.mid.as_str()), line.kind, pts)
}

/// What a client with signalling would have said of the track.
#[expect(deprecated, reason = "where clients with signalling put it")]
fn announcement(line: &StreamLine, codec: &str) -> proto::AddTrackRequest {
    let kind = if line.kind == Kind::Audio { proto::TrackType::Audio } else { proto::TrackType::Video };
    proto::AddTrackRequest {
        r#type: kind.into(),
        source: source_to_wire(source(line.kind, line.nth)),
        stereo: line.stereo,
        disable_dtx: line.kind == Kind::Audio,
        // Their sizes are not in the offer.
        layers: (0..).zip(&line.rids).map(|(quality, _)| proto::VideoLayer { quality, ..Default::default() }).collect(),
        simulcast_codecs: vec![proto::SimulcastCodec { codec: codec.to_owned(), ..Default::default() }],
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: Kind, nth: usize) -> StreamLine {
        StreamLine { mid: String::new(), kind, nth, rids: Vec::new(), stereo: false }
    }

    #[test]
    fn the_only_picture_is_the_camera_or_else_the_screen() {
        use TrackSource::{Camera, Microphone, ScreenShare, ScreenShareAudio};
        let (audio, video, second) = (line(Kind::Audio, 0), line(Kind::Video, 0), line(Kind::Video, 1));
        let mic = vec![Microphone, ScreenShareAudio];
        assert_eq!(wishes(&[audio.clone(), video.clone()]), [mic.clone(), vec![Camera, ScreenShare]]);
        assert_eq!(wishes(&[audio, video, second]), [mic, vec![Camera], vec![ScreenShare]]);
    }

    #[test]
    fn a_push_needs_the_right_to_one_of_its_lines() {
        let screen = Permission { publish: true, ..Permission::listener() };
        let screen = Permission { sources: [TrackSource::ScreenShare].into(), ..screen };
        assert!(!may_push(&[line(Kind::Audio, 0), line(Kind::Video, 0)], &screen));
        assert!(may_push(&[line(Kind::Video, 0), line(Kind::Video, 1)], &screen));
        assert!(!may_push(&[line(Kind::Audio, 0)], &Permission::listener()));
    }
}
