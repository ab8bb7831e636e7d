//! The room as it is shown: to clients, and to the port.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use livekit_protocol as proto;
use proto::signal_response::Message;
use stoa_core::media::{LeftReason, ParticipantView};

use super::participant::{Participant, Pid, encode};
use super::{Room, Track, wire};
use crate::shown::{self, Picture};

/// How long leavers are remembered for clients whose socket was dead when they left, noticed or not. Longer than any
/// client can be away and still resume.
const KEEP_GONE: Duration = Duration::from_secs(60);
/// And how many.
const MAX_GONE: usize = 1000;

impl Room {
    /// The room as LiveKit shows it.
    pub(crate) fn info(&self) -> proto::Room {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let publishers = self.parts.values().filter(|p| p.visible() && !p.up.is_empty()).count();
        proto::Room {
            sid: self.sid.clone(),
            name: self.key.name.to_string(),
            metadata: self.metadata.clone(),
            empty_timeout: u32::try_from(self.empty_timeout.as_secs()).unwrap_or(u32::MAX),
            departure_timeout: u32::try_from(self.departure_timeout.as_secs()).unwrap_or(u32::MAX),
            max_participants: self.max_participants,
            creation_time: self.created.wall.secs(),
            creation_time_ms: self.created.wall.0,
            enabled_codecs: wire::codecs(),
            num_participants: count(self.visible_active()),
            num_publishers: count(publishers),
            ..Default::default()
        }
    }

    /// Active participants that others may know of.
    pub(crate) fn visible_active(&self) -> usize {
        self.parts.values().filter(|p| p.visible() && p.active_at.is_some()).count()
    }

    /// How many tracks are published.
    pub(crate) fn published(&self) -> usize {
        self.tracks.len()
    }

    /// Tracks of a participant.
    pub(crate) fn tracks_of(&self, pid: Pid) -> impl Iterator<Item = &Track> {
        self.tracks.values().filter(move |t| t.pid == pid)
    }

    /// A participant as LiveKit shows it.
    pub(crate) fn participant_info(&self, p: &Participant) -> proto::ParticipantInfo {
        use proto::participant_info::State;
        let attributes: HashMap<_, _> =
            p.attributes.iter().chain(&p.standing.attributes).map(|(k, v)| (k.clone(), v.clone())).collect();
        let tracks: Vec<_> = self.tracks_of(p.pid).map(|t| t.info.clone()).collect();
        proto::ParticipantInfo {
            sid: p.who.sid.clone(),
            identity: p.who.identity.to_string(),
            state: if p.active_at.is_some() { State::Active } else { State::Joined }.into(),
            is_publisher: !tracks.is_empty(),
            tracks,
            metadata: p.metadata.clone(),
            joined_at: p.joined.wall.secs(),
            joined_at_ms: p.joined.wall.0,
            name: p.name.clone(),
            version: p.version,
            permission: Some(wire::permission(&p.standing.permission, p.who.hidden)),
            kind: p.token.kind.into(),
            attributes,
            client_protocol: p.client.client_protocol,
            capabilities: p.client.capabilities.clone(),
            ..Default::default()
        }
    }

    /// The others, as a newcomer or a resumer sees them.
    pub(crate) fn others(&self, than: Pid) -> Vec<proto::ParticipantInfo> {
        self.parts.values().filter(|p| p.pid != than && p.visible()).map(|p| self.participant_info(p)).collect()
    }

    /// Tells everybody who may know that a participant changed; `to_self` tells it too.
    pub(crate) fn tell_changed(&mut self, pid: Pid, to_self: bool) {
        let Some(p) = self.parts.get_mut(&pid) else { return };
        p.version += 1;
        let visible = p.visible();
        let Some(p) = self.parts.get(&pid) else { return };
        let frame = update(vec![self.participant_info(p)]);
        for other in self.parts.values_mut() {
            if (other.pid == pid && to_self) || (other.pid != pid && visible) {
                other.send_bytes(frame.clone());
            }
        }
    }

    /// Tells the others that one left. It is no longer in the list.
    pub(crate) fn tell_gone(&mut self, now: Duration, gone: &Participant, reason: LeftReason) {
        if !gone.visible() {
            return;
        }
        let mut info = self.participant_info(gone);
        info.state = proto::participant_info::State::Disconnected.into();
        info.tracks.clear();
        info.disconnect_reason = crate::webhook::disconnect_reason(reason).into();
        let frame = update(vec![info.clone()]);
        for other in self.parts.values_mut() {
            other.send_bytes(frame.clone());
        }
        self.gone.push_back((now, info));
        while self.gone.len() > MAX_GONE || self.gone.front().is_some_and(|(at, _)| now.saturating_sub(*at) > KEEP_GONE)
        {
            self.gone.pop_front();
        }
    }

    /// Everybody there is and everybody who left lately, for one who was away.
    pub(crate) fn everybody(&self) -> Vec<proto::ParticipantInfo> {
        let visible = self.parts.values().filter(|p| p.visible()).map(|p| self.participant_info(p));
        // Clients know participants by identity: who is back under the same one must not be sent away again.
        let present =
            |info: &proto::ParticipantInfo| self.parts.values().any(|p| p.who.identity.as_str() == info.identity);
        let gone = self.gone.iter().map(|(_, info)| info).filter(|info| !present(info)).cloned();
        visible.chain(gone).collect()
    }

    /// Tells everybody about the room itself.
    pub(crate) fn tell_room(&mut self) {
        let frame = encode(Message::RoomUpdate(proto::RoomUpdate { room: Some(self.info()) }));
        for p in self.parts.values_mut() {
            p.send_bytes(frame.clone());
        }
    }

    /// Everybody, for the port.
    pub(crate) fn picture(&self) -> Picture {
        let mut tracks: BTreeMap<Pid, Vec<shown::Track>> = BTreeMap::new();
        for t in self.tracks.values() {
            let (sid, muted, counters) = (t.info.sid.clone(), t.muted(), t.up.counters());
            let (size, layers) = ((t.info.width, t.info.height), t.up.layer_names(several(&t.info)));
            let track = shown::Track { sid, source: t.source, muted, size, layers, counters };
            tracks.entry(t.pid).or_default().push(track);
        }
        let mut shown = |p: &Participant| {
            let (who, active, standing) = (p.who.clone(), p.active_at.is_some(), p.standing.clone());
            let subscriptions = p.subs.lines.iter().filter(|l| l.track.is_some()).count();
            let (name, joined) = (p.name.clone(), p.joined.wall);
            let view = ParticipantView { who, name, joined, active, standing, tracks: Vec::new(), subscriptions };
            (view, tracks.remove(&p.pid).unwrap_or_default())
        };
        Picture::new(self.parts.values().map(&mut shown).collect())
    }
}

/// Whether a video comes in several encodings.
#[expect(deprecated, reason = "the flag is where clients put it")]
fn several(info: &proto::TrackInfo) -> bool {
    info.simulcast
}

/// An `update` frame.
pub(crate) fn update(participants: Vec<proto::ParticipantInfo>) -> bytes::Bytes {
    encode(Message::Update(proto::ParticipantUpdate { participants }))
}

/// Attributes without the ones only the server sets.
pub(crate) fn without_ours(attributes: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    attributes.iter().filter(|(k, _)| !is_ours(k)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Whether an attribute's name is reserved for the server.
pub(crate) fn is_ours(name: &str) -> bool {
    name.starts_with("stoa.")
}
