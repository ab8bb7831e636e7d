//! What clients say over their WebSocket.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use livekit_protocol::leave_request::Action;
use proto::DisconnectReason;
use proto::signal_request::Message as Request;
use proto::signal_response::Message;
use stoa_core::media::LeftReason;

use super::participant::Pid;
use super::publish::floor;
use super::{Ctx, Room, view, wire};

/// Longest metadata, attributes altogether, and name in bytes (media.md 5.6).
const MAX_METADATA: usize = 512 * 1024;
const MAX_ATTRIBUTES: usize = 64 * 1024;
const MAX_NAME: usize = 256;
/// Longest session description in bytes. Clients keep a line for every track they ever published, about a kilobyte each:
/// that is some 240 publications in one connection.
pub(crate) const MAX_SDP: usize = 256 * 1024;

impl Room {
    /// One request of a client. `epoch` says over which WebSocket it came.
    pub(crate) fn request(&mut self, ctx: &mut Ctx<'_>, pid: Pid, epoch: u32, request: Request) {
        let Some(p) = self.parts.get_mut(&pid).filter(|p| p.sink_epoch == epoch) else { return };
        p.heard = ctx.now.mono;
        match request {
            Request::Offer(o) if o.sdp.len() <= MAX_SDP => self.publisher_offer(ctx, pid, &o),
            Request::Answer(a) if a.sdp.len() <= MAX_SDP => self.subscriber_answer(ctx, pid, &a),
            Request::Offer(_) | Request::Answer(_) => self.start_over(ctx, pid),
            Request::AddTrack(r) => self.add_track(ctx, pid, r),
            Request::Mute(r) => self.mute(ctx, pid, &r),
            Request::Subscription(r) => self.update_subscription(ctx, pid, &r),
            Request::TrackSetting(r) => self.track_setting(ctx, pid, &r),
            Request::Leave(_) => self.leave(ctx, pid, LeftReason::ClientInitiated, None),
            Request::UpdateMetadata(r) => self.update_metadata(pid, r),
            Request::UpdateAudioTrack(r) => self.update_audio_track(pid, &r),
            Request::UpdateVideoTrack(r) => self.update_video_track(pid, &r),
            Request::Ping(sent) => self.pong(ctx, pid, sent, false),
            Request::PingReq(ping) => self.pong(ctx, pid, ping.timestamp, true),
            Request::SyncState(s) => self.sync_state(ctx, pid, s),
            Request::Simulate(s) if ctx.env.cfg.simulate => self.simulate(ctx, pid, s),
            Request::PublishDataTrackRequest(r) => {
                use proto::request_response::{Reason, Request};
                let Some(p) = self.parts.get_mut(&pid) else { return };
                let of = Some(Request::PublishDataTrack(r));
                p.send(wire::request_response(0, Reason::UnsupportedType, "no data tracks here", of));
            }
            // As an ICE-lite server with its addresses in the answers we need no candidates: checks that
            // arrive teach us the client's addresses. The rest is deprecated or for servers we are not.
            _ => {}
        }
    }

    /// A session description grew too long to be read. Without an answer the client would wait for ever, with a new
    /// connection it begins with short ones.
    fn start_over(&mut self, ctx: &mut Ctx<'_>, pid: Pid) {
        metrics::counter!("stoa_media_long_descriptions_total").increment(1);
        self.reconnect(ctx, pid, LeftReason::MediaFailure);
    }

    fn pong(&mut self, ctx: &Ctx<'_>, pid: Pid, sent: i64, with_time: bool) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        let timestamp = ctx.now.wall.0;
        p.send(match with_time {
            true => Message::PongResp(proto::Pong { last_ping_timestamp: sent, timestamp }),
            false => Message::Pong(timestamp),
        });
    }

    fn update_metadata(&mut self, pid: Pid, req: proto::UpdateParticipantMetadata) {
        use proto::request_response::{Reason, Request};
        let Some(p) = self.parts.get_mut(&pid) else { return };
        let ours = req.attributes.keys().any(|k| view::is_ours(k));
        let attributes = merged(&p.attributes, req.attributes.clone());
        let too_long = req.metadata.len() > MAX_METADATA || req.name.len() > MAX_NAME || attributes.is_none();
        let reason = match () {
            () if !p.standing.permission.update_metadata || ours => Reason::NotAllowed,
            () if too_long => Reason::LimitExceeded,
            () => Reason::Ok,
        };
        if reason == Reason::Ok {
            p.attributes = attributes.unwrap_or_default();
            if !req.metadata.is_empty() {
                p.metadata.clone_from(&req.metadata);
            }
            if !req.name.is_empty() {
                p.name.clone_from(&req.name);
            }
        }
        let (id, text) = (req.request_id, if reason == Reason::Ok { "" } else { "not changed" });
        let answer = wire::request_response(id, reason, text, Some(Request::UpdateMetadata(req)));
        if reason == Reason::Ok {
            self.tell_changed(pid, true);
        }
        if let Some(p) = self.parts.get_mut(&pid) {
            p.send(answer);
        }
    }

    fn update_audio_track(&mut self, pid: Pid, req: &proto::UpdateLocalAudioTrack) {
        let Some(track) = self.own_track(pid, &req.track_sid) else { return };
        track.info.audio_features = req.features.iter().copied().take(16).collect();
        self.tell_changed(pid, false);
    }

    fn update_video_track(&mut self, pid: Pid, req: &proto::UpdateLocalVideoTrack) {
        let Some(track) = self.own_track(pid, &req.track_sid) else { return };
        (track.info.width, track.info.height) = (req.width, req.height);
        self.tell_changed(pid, false);
    }

    fn own_track(&mut self, pid: Pid, sid: &str) -> Option<&mut super::Track> {
        self.tracks.values_mut().find(|t| t.pid == pid && t.info.sid == sid)
    }

    /// What a client that resumed still wants. Its connections are the same, so only wishes are applied.
    fn sync_state(&mut self, ctx: &mut Ctx<'_>, pid: Pid, sync: proto::SyncState) {
        if let Some(wishes) = sync.subscription {
            // With automatic subscription the list names exceptions.
            self.update_subscription(ctx, pid, &wishes);
        }
        let settings =
            proto::UpdateTrackSettings { track_sids: sync.track_sids_disabled, disabled: true, ..Default::default() };
        self.track_setting(ctx, pid, &settings);
    }

    /// Faults on demand, for the tests of client SDKs. Development mode only.
    fn simulate(&mut self, ctx: &mut Ctx<'_>, pid: Pid, scenario: proto::SimulateScenario) {
        use proto::simulate_scenario::Scenario;
        match scenario.scenario {
            Some(Scenario::ServerLeave(_)) => {
                let tell = Some((DisconnectReason::ServerShutdown, Action::Disconnect));
                self.leave(ctx, pid, LeftReason::ServerShutdown, tell);
            }
            Some(Scenario::LeaveRequestFullReconnect(_)) => {
                let tell = Some((DisconnectReason::ServerShutdown, Action::Reconnect));
                self.leave(ctx, pid, LeftReason::ServerShutdown, tell);
            }
            Some(Scenario::NodeFailure(_) | Scenario::Migration(_)) => {
                self.leave(ctx, pid, LeftReason::MediaFailure, None);
            }
            Some(Scenario::SpeakerUpdate(_)) => {
                let Some(p) = self.parts.get(&pid) else { return };
                let speaker = proto::SpeakerInfo { sid: p.who.sid.clone(), level: 1.0, active: true };
                let changed = Message::SpeakersChanged(proto::SpeakersChanged { speakers: vec![speaker] });
                let frame = super::participant::encode(changed);
                for p in self.parts.values_mut() {
                    p.send_bytes(frame.clone());
                }
            }
            _ => {}
        }
    }

    /// Changes of name, metadata and attributes by command. Empty text leaves as it is, an empty attribute goes. False:
    /// the attributes would be too long, nothing is changed.
    pub(crate) fn update_by_command(
        &mut self,
        pid: Pid,
        name: &str,
        metadata: &str,
        attributes: impl IntoIterator<Item = (String, String)>,
    ) -> bool {
        let Some(p) = self.parts.get_mut(&pid) else { return true };
        let Some(merged) = merged(&p.attributes, attributes.into_iter().filter(|(k, _)| !view::is_ours(k))) else {
            return false;
        };
        p.attributes = merged;
        if !name.is_empty() {
            name[..floor(name, MAX_NAME)].clone_into(&mut p.name);
        }
        if !metadata.is_empty() && metadata.len() <= MAX_METADATA {
            metadata.clone_into(&mut p.metadata);
        }
        self.tell_changed(pid, true);
        true
    }
}

/// Attributes after a change, in which an empty value deletes; `None` when they are too long altogether.
fn merged(
    have: &BTreeMap<String, String>,
    change: impl IntoIterator<Item = (String, String)>,
) -> Option<BTreeMap<String, String>> {
    let mut out = have.clone();
    for (k, v) in change {
        match v.as_str() {
            "" => out.remove(&k),
            _ => out.insert(k, v),
        };
    }
    let size: usize = out.iter().map(|(k, v)| k.len() + v.len()).sum();
    (size <= MAX_ATTRIBUTES).then_some(out)
}
