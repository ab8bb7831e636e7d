//! `GET /channels`

use axum::extract::State;
use stoa_core::console::{ChannelFilter, ChannelKind, ChannelSeen, State as Going};

use super::overview::rounded;
use super::{Answer, shown};
use crate::ask::{Ask, maybe_app, page, text};
use crate::body::channels::{Channel, ChannelPage, ChannelsQuery, Kind, Status};
use crate::routes::Refusals;
use crate::state::ConsoleState;

/// Rooms, classes and Talk channels, also those nobody is in
#[utoipa::path(get, path = "/api/console/v1/channels", tag = "Channels", security(("bearer" = [])),
    params(ChannelsQuery), responses((status = 200, description = "a part of them", body = ChannelPage), Refusals))]
pub async fn channels(State(state): State<ConsoleState>, ask: Ask<ChannelsQuery>) -> Answer {
    let q = ask.query;
    let page = page(q.offset, q.limit)?;
    let kind = q.kind.map(|k| match k {
        Kind::Room => ChannelKind::Room,
        Kind::Class => ChannelKind::Class,
        Kind::Talk => ChannelKind::Talk,
    });
    let filter = ChannelFilter { kind, app: maybe_app(q.app.as_deref())?, text: text(q.q)? };
    let seen = state.console().channels(&filter, page).await?;
    shown(&ChannelPage {
        total: seen.list.total,
        items: seen.list.rows.into_iter().map(body).collect(),
        complete: seen.complete,
    })
}

pub(super) fn body(seen: ChannelSeen) -> Channel {
    Channel {
        app: seen.key.app.to_string(),
        channel: seen.key.name.to_string(),
        kind: match seen.kind {
            ChannelKind::Room => Kind::Room,
            ChannelKind::Class => Kind::Class,
            ChannelKind::Talk => Kind::Talk,
        },
        title: seen.title,
        owner: seen.owner.map(|o| o.to_string()),
        online: seen.online as u64,
        publications: seen.publications as u64,
        bits_in_per_s: rounded(seen.bits_in),
        created_at: seen.created.0,
        status: match seen.state {
            Going::Live => Status::Live,
            Going::Preparing => Status::Preparing,
            Going::Paused => Status::Paused,
            Going::Empty => Status::Empty,
        },
    }
}
