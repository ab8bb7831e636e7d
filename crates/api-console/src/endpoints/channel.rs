//! `GET /channels/{app}/{channel}`

use std::collections::BTreeSet;

use axum::extract::State;
use stoa_core::class::{Class, ClassStatus};
use stoa_core::console::Inside;
use stoa_core::id::UserId;
use stoa_core::media::{ParticipantView, TrackSource as Source, TrackView};
use stoa_core::voice::{Room, SeatIndex};

use super::overview::rounded;
use super::{Answer, bans, channels, shown};
use crate::ask::{Ask, channel_of};
use crate::body::channels::{
    ChannelDetail, ClassInfo, ClassState, Layer, Muted, Participant, Seat, Track, TrackKind, TrackSource,
};
use crate::body::logs::NoQuery;
use crate::routes::{Named, Refusals};
use crate::state::ConsoleState;

/// All of one channel
#[utoipa::path(get, path = "/api/console/v1/channels/{app}/{channel}", tag = "Channels", security(("bearer" = [])),
    params(("app" = String, Path, description = "number of the app"), ("channel" = String, Path)),
    responses((status = 200, description = "who is there and what they send", body = ChannelDetail), Named, Refusals))]
pub async fn channel(State(state): State<ConsoleState>, ask: Ask<NoQuery>) -> Answer {
    let key = channel_of(&ask.path)?;
    shown(&body(state.console().inside(&key).await?))
}

fn body(inside: Inside) -> ChannelDetail {
    let Inside { seen, room, class, participants, group_only, silenced, bans: banned } = inside;
    let notice = room.as_ref().map(|r| r.notice.clone()).or_else(|| class.as_ref().map(|(c, _)| c.notice.clone()));
    ChannelDetail {
        channel: channels::body(seen),
        notice,
        seats: room.map(|r| seats(&r, &silenced)).unwrap_or_default(),
        class: class.map(|(class, members)| info(&class, members)),
        participants: participants.into_iter().map(participant).collect(),
        group_only: group_only.into_iter().map(|u| u.to_string()).collect(),
        bans: banned.into_iter().map(bans::body).collect(),
    }
}

fn seats(room: &Room, silenced: &BTreeSet<UserId>) -> Vec<Seat> {
    let seat = |i: SeatIndex| {
        let user = room.seat(i).taken.as_ref().map(|t| &t.user);
        let muted = user.is_some_and(|u| silenced.contains(u));
        Seat { seat: i.get(), user: user.map(ToString::to_string), muted }
    };
    SeatIndex::all().map(seat).collect()
}

fn info(class: &Class, members_total: u64) -> ClassInfo {
    ClassInfo {
        id: class.id.to_string(),
        status: match (class.status, class.started) {
            (ClassStatus::Running, _) => ClassState::Running,
            (ClassStatus::Idle | ClassStatus::Ended, None) => ClassState::Preparing,
            (ClassStatus::Idle | ClassStatus::Ended, Some(_)) => ClassState::Paused,
        },
        started_at: class.started.map(|at| at.0),
        members_total,
    }
}

fn participant(p: ParticipantView) -> Participant {
    Participant {
        user: p.who.user.to_string(),
        name: p.name,
        identity: p.who.identity.to_string(),
        session: p.who.sid,
        joined_at: p.joined.0,
        connected: p.active,
        hidden: p.who.hidden,
        muted: Muted { audio: p.standing.muted.audio, video: p.standing.muted.video },
        may_publish: p.standing.permission.publish,
        tracks: p.tracks.into_iter().map(track).collect(),
        subscriptions: p.subscriptions as u64,
    }
}

fn track(t: TrackView) -> Track {
    let audio = t.source.is_audio();
    let said = |n: u32| (n > 0).then_some(n);
    Track {
        sid: t.sid,
        source: match t.source {
            Source::Camera => TrackSource::Camera,
            Source::Microphone => TrackSource::Microphone,
            Source::ScreenShare => TrackSource::ScreenShare,
            Source::ScreenShareAudio => TrackSource::ScreenShareAudio,
        },
        kind: if audio { TrackKind::Audio } else { TrackKind::Video },
        muted: t.muted,
        bits_per_s: rounded(t.rate.uplink_bits_per_sec),
        frames_per_s: (!audio).then(|| rounded(t.rate.frames_per_sec)),
        width: said(t.size.0),
        height: said(t.size.1),
        layers: t
            .layers
            .into_iter()
            .map(|l| Layer { rid: l.rid, bits_per_s: rounded(l.bits_per_sec), active: l.active })
            .collect(),
    }
}
