//! Pieces of LiveKit messages that need no room.

use livekit_protocol as proto;
use livekit_protocol::leave_request::Action;
use proto::DisconnectReason;
use proto::signal_response::Message;
use stoa_core::media::{Permission, TrackSource};

use crate::pc::Kind;

/// Version we say we are. Between 1.9.0 and 1.13.5 clients need nothing we lack (media.md 2.4).
const SERVER_VERSION: &str = "1.9.0";
/// Signalling protocol; 18 would make clients negotiate data channel ids beforehand.
const SERVER_PROTOCOL: i32 = 16;
/// How often clients ping, and how long they wait for the pong, in seconds.
pub(crate) const PING_INTERVAL_SECS: i32 = 5;
pub(crate) const PING_TIMEOUT_SECS: i32 = 15;

/// What the client says about itself in the query.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientParams {
    pub client_protocol: i32,
    pub capabilities: Vec<i32>,
    pub auto_subscribe: bool,
    /// Attributes of the query: honoured only with the right to change them.
    pub attributes: std::collections::BTreeMap<String, String>,
}

pub(crate) fn server_info(node: &str) -> proto::ServerInfo {
    proto::ServerInfo {
        edition: proto::server_info::Edition::Standard.into(),
        version: SERVER_VERSION.to_owned(),
        protocol: SERVER_PROTOCOL,
        node_id: node.to_owned(),
        ..Default::default()
    }
}

/// Codecs clients may send. Not empty, so that they announce a track and offer its line at once.
pub(crate) fn codecs() -> Vec<proto::Codec> {
    ["audio/opus", "video/VP8", "video/H264", "video/rtx"]
        .map(|mime| proto::Codec { mime: mime.to_owned(), ..Default::default() })
        .into()
}

pub(crate) fn join(
    room: proto::Room,
    participant: proto::ParticipantInfo,
    others: Vec<proto::ParticipantInfo>,
    node: &str,
    sif_trailer: Vec<u8>,
) -> Message {
    Message::Join(proto::JoinResponse {
        room: Some(room),
        participant: Some(participant),
        other_participants: others,
        server_version: SERVER_VERSION.to_owned(),
        subscriber_primary: true,
        ping_timeout: PING_TIMEOUT_SECS,
        ping_interval: PING_INTERVAL_SECS,
        server_info: Some(server_info(node)),
        sif_trailer,
        enabled_publish_codecs: codecs(),
        fast_publish: true,
        ..Default::default()
    })
}

pub(crate) fn leave(reason: DisconnectReason, action: Action) -> Message {
    Message::Leave(proto::LeaveRequest {
        can_reconnect: action != Action::Disconnect,
        reason: reason.into(),
        action: action.into(),
        ..Default::default()
    })
}

pub(crate) fn source_to_wire(source: TrackSource) -> i32 {
    match source {
        TrackSource::Camera => proto::TrackSource::Camera,
        TrackSource::Microphone => proto::TrackSource::Microphone,
        TrackSource::ScreenShare => proto::TrackSource::ScreenShare,
        TrackSource::ScreenShareAudio => proto::TrackSource::ScreenShareAudio,
    }
    .into()
}

/// What a track shows; one of unknown source counts as camera or microphone.
pub(crate) fn source_of(source: i32, kind: Kind) -> TrackSource {
    match (proto::TrackSource::try_from(source), kind) {
        (Ok(proto::TrackSource::Camera), _) => TrackSource::Camera,
        (Ok(proto::TrackSource::Microphone), _) => TrackSource::Microphone,
        (Ok(proto::TrackSource::ScreenShare), _) => TrackSource::ScreenShare,
        (Ok(proto::TrackSource::ScreenShareAudio), _) => TrackSource::ScreenShareAudio,
        (_, Kind::Audio) => TrackSource::Microphone,
        (_, Kind::Video) => TrackSource::Camera,
    }
}

#[expect(deprecated, reason = "the message has fields that clients of old versions read; they stay unset")]
pub(crate) fn permission(p: &Permission, hidden: bool) -> proto::ParticipantPermission {
    proto::ParticipantPermission {
        can_subscribe: p.subscribe,
        can_publish: p.publish,
        can_publish_data: p.data,
        can_publish_sources: p.sources.iter().copied().map(source_to_wire).collect(),
        hidden,
        recorder: false,
        can_update_metadata: p.update_metadata,
        agent: false,
        can_subscribe_metrics: false,
        can_manage_agent_session: false,
    }
}

pub(crate) fn request_response(
    request_id: u32,
    reason: proto::request_response::Reason,
    message: &str,
    request: Option<proto::request_response::Request>,
) -> Message {
    Message::RequestResponse(proto::RequestResponse {
        request_id,
        reason: reason.into(),
        message: message.to_owned(),
        request,
    })
}
