//! The bodies of webhooks: LiveKit's `WebhookEvent` as protojson (media.md 3.4).

use livekit_protocol as proto;
use livekit_protocol::participant_info::State;
use stoa_core::channel::ATTR_USER;
use stoa_core::media::{LeftReason, MediaEvent, MediaFact, TrackSource, Who};
use stoa_core::ports::OutboxItem;

use crate::forward::gate;

/// What the outbox is to keep of this event: one item for each receiver, none for facts that have no webhook.
#[must_use]
pub fn items(event: &MediaEvent, urls: &[String]) -> Vec<OutboxItem> {
    let Some(body) = body(event) else { return Vec::new() };
    let item = |url: &String| OutboxItem {
        seq: 0,
        id: event.id.clone(),
        url: url.clone(),
        app: event.channel.app,
        channel: event.channel.name.to_string(),
        body: body.clone(),
    };
    urls.iter().map(item).collect()
}

/// The JSON body. `None` for facts that have no webhook.
#[must_use]
pub fn body(event: &MediaEvent) -> Option<String> {
    let mut hook = proto::WebhookEvent {
        event: name(&event.fact)?.to_owned(),
        id: event.id.clone(),
        created_at: event.at.secs(),
        room: Some(proto::Room {
            sid: event.channel_sid.clone(),
            name: event.channel.name.to_string(),
            ..Default::default()
        }),
        ..Default::default()
    };
    match &event.fact {
        MediaFact::ChannelStarted | MediaFact::ChannelEnded | MediaFact::TrackMuted { .. } => {}
        MediaFact::ParticipantJoined(who) => hook.participant = Some(participant(who, State::Active)),
        MediaFact::ParticipantAborted { who, .. } => {
            hook.participant = Some(left(who, LeftReason::JoinFailure));
        }
        MediaFact::ParticipantLeft { who, reason, .. } => hook.participant = Some(left(who, *reason)),
        MediaFact::TrackPublished { who, track, source, mime } => {
            hook.participant = Some(participant(who, State::Active));
            hook.track = Some(track_info(track, *source, mime));
        }
        MediaFact::TrackUnpublished { who, track, source } => {
            hook.participant = Some(participant(who, State::Active));
            hook.track = Some(track_info(track, *source, ""));
        }
    }
    serde_json::to_string(&hook).ok()
}

fn name(fact: &MediaFact) -> Option<&'static str> {
    match fact {
        MediaFact::ChannelStarted => Some("room_started"),
        MediaFact::ChannelEnded => Some("room_finished"),
        MediaFact::ParticipantJoined(_) => Some("participant_joined"),
        MediaFact::ParticipantAborted { .. } => Some("participant_connection_aborted"),
        MediaFact::ParticipantLeft { .. } => Some("participant_left"),
        MediaFact::TrackPublished { .. } => Some("track_published"),
        MediaFact::TrackUnpublished { .. } => Some("track_unpublished"),
        // LiveKit has no webhook for it, and receivers stumble over names they do not know.
        MediaFact::TrackMuted { .. } => None,
    }
}

fn participant(who: &Who, state: State) -> proto::ParticipantInfo {
    proto::ParticipantInfo {
        sid: who.sid.clone(),
        identity: who.identity.to_string(),
        state: state.into(),
        attributes: [(ATTR_USER.to_owned(), who.user.to_string())].into(),
        permission: who.hidden.then(|| proto::ParticipantPermission { hidden: true, ..Default::default() }),
        ..Default::default()
    }
}

fn left(who: &Who, reason: LeftReason) -> proto::ParticipantInfo {
    proto::ParticipantInfo {
        disconnect_reason: disconnect_reason(reason).into(),
        ..participant(who, State::Disconnected)
    }
}

fn track_info(sid: &str, source: TrackSource, mime: &str) -> proto::TrackInfo {
    let kind = if gate::is_audio(source) { proto::TrackType::Audio } else { proto::TrackType::Video };
    let source = match source {
        TrackSource::Camera => proto::TrackSource::Camera,
        TrackSource::Microphone => proto::TrackSource::Microphone,
        TrackSource::ScreenShare => proto::TrackSource::ScreenShare,
        TrackSource::ScreenShareAudio => proto::TrackSource::ScreenShareAudio,
    };
    proto::TrackInfo {
        sid: sid.to_owned(),
        r#type: kind.into(),
        source: source.into(),
        mime_type: mime.to_owned(),
        ..Default::default()
    }
}

/// The reason as LiveKit writes it, in webhooks and in `leave` alike (media.md 1.3).
#[must_use]
pub fn disconnect_reason(reason: LeftReason) -> proto::DisconnectReason {
    use proto::DisconnectReason as Wire;
    match reason {
        LeftReason::ClientInitiated => Wire::ClientInitiated,
        LeftReason::DuplicateIdentity => Wire::DuplicateIdentity,
        LeftReason::ServerShutdown => Wire::ServerShutdown,
        LeftReason::Removed => Wire::ParticipantRemoved,
        LeftReason::RoomDeleted => Wire::RoomDeleted,
        LeftReason::RoomClosed => Wire::RoomClosed,
        LeftReason::JoinFailure => Wire::JoinFailure,
        LeftReason::SignalClose => Wire::SignalClose,
        LeftReason::ConnectionTimeout => Wire::ConnectionTimeout,
        LeftReason::MediaFailure => Wire::MediaFailure,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};
    use stoa_core::id::{AppId, ChannelKey, ChannelName, Identity, UserId};
    use stoa_core::time::UnixMs;

    use super::*;

    fn event(fact: MediaFact) -> MediaEvent {
        MediaEvent {
            channel: ChannelKey { app: AppId(1), name: ChannelName::new("房间").unwrap() },
            channel_sid: "RM_abc".into(),
            seq: 1,
            id: "EV_xyz".into(),
            at: UnixMs(1_767_225_600_999),
            fact,
        }
    }

    fn who() -> Who {
        Who {
            identity: Identity::new("alice\u{1f}tv").unwrap(),
            user: UserId::new("alice").unwrap(),
            sid: "PA_1".into(),
            hidden: false,
        }
    }

    fn json_of(fact: MediaFact) -> Value {
        serde_json::from_str(&body(&event(fact)).unwrap()).unwrap()
    }

    #[test]
    fn bodies_are_protojson_as_receivers_expect_it() {
        assert_eq!(
            json_of(MediaFact::ChannelStarted),
            json!({"event": "room_started", "id": "EV_xyz", "createdAt": "1767225600",
                "room": {"sid": "RM_abc", "name": "房间"}})
        );
        let reason = LeftReason::Removed;
        let gone =
            json_of(MediaFact::ParticipantLeft { who: who(), reason, connected: Duration::from_secs(3), lost: None });
        assert_eq!(gone["event"], "participant_left");
        assert_eq!(
            gone["participant"],
            json!({"sid": "PA_1", "identity": "alice\u{1f}tv", "state": "DISCONNECTED",
                "attributes": {"stoa.user": "alice"}, "disconnectReason": "PARTICIPANT_REMOVED"})
        );
        let (track, source) = ("TR_VC1".to_owned(), TrackSource::Camera);
        let published = json_of(MediaFact::TrackPublished { who: who(), track, source, mime: "video/VP8".into() });
        assert_eq!(published["event"], "track_published");
        assert_eq!(
            published["track"],
            json!({"sid": "TR_VC1", "type": "VIDEO", "source": "CAMERA", "mimeType": "video/VP8"})
        );
        assert_eq!(published["participant"]["state"], "ACTIVE");
    }

    #[test]
    fn every_fact_has_its_name_or_none() {
        let track = || "TR_AM1".to_owned();
        let source = TrackSource::Microphone;
        let reason = LeftReason::ClientInitiated;
        for (fact, expect) in [
            (MediaFact::ChannelEnded, Some("room_finished")),
            (MediaFact::ParticipantJoined(who()), Some("participant_joined")),
            (MediaFact::ParticipantAborted { who: who(), reason }, Some("participant_connection_aborted")),
            (
                MediaFact::ParticipantLeft { who: who(), reason, connected: Duration::ZERO, lost: None },
                Some("participant_left"),
            ),
            (MediaFact::TrackUnpublished { who: who(), track: track(), source }, Some("track_unpublished")),
            (MediaFact::TrackMuted { who: who(), track: track(), muted: true }, None),
        ] {
            let items = items(&event(fact), &["http://a/".into(), "http://b/".into()]);
            assert_eq!(items.len(), if expect.is_some() { 2 } else { 0 });
            for item in items {
                let body: Value = serde_json::from_str(&item.body).unwrap();
                assert_eq!(body["event"].as_str(), expect);
                assert_eq!((item.id.as_str(), item.channel.as_str(), item.app), ("EV_xyz", "房间", AppId(1)));
            }
        }
    }

    #[test]
    fn every_reason_has_the_wire_value_of_the_table() {
        use LeftReason as R;
        for (reason, wire) in [
            (R::ClientInitiated, 1),
            (R::DuplicateIdentity, 2),
            (R::ServerShutdown, 3),
            (R::Removed, 4),
            (R::RoomDeleted, 5),
            (R::JoinFailure, 7),
            (R::SignalClose, 9),
            (R::RoomClosed, 10),
            (R::ConnectionTimeout, 14),
            (R::MediaFailure, 15),
        ] {
            assert_eq!(disconnect_reason(reason) as i32, wire);
        }
    }
}
