//! `GET /bans`

use axum::extract::State;
use stoa_core::id::{AppId, ChannelName, UserId};
use stoa_core::ports::SanctionFilter;
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;

use super::{Answer, shown};
use crate::ask::{Ask, maybe_app, page};
use crate::body::Page;
use crate::body::channels::{Ban, BansQuery};
use crate::routes::Refusals;
use crate::state::ConsoleState;

/// Bans that run, app by app, by creation
#[utoipa::path(get, path = "/api/console/v1/bans", tag = "Channels", security(("bearer" = [])), params(BansQuery),
    responses((status = 200, description = "a part of them", body = Page<Ban>), Refusals))]
pub async fn bans(State(state): State<ConsoleState>, ask: Ask<BansQuery>) -> Answer {
    let q = ask.query;
    let page = page(q.offset, q.limit)?;
    let app = maybe_app(q.app.as_deref())?;
    let filter = SanctionFilter {
        app: app.unwrap_or(AppId(0)),
        channel: q.channel.map(ChannelName::new).transpose()?,
        user: q.user.map(UserId::new).transpose()?,
    };
    let listed = state.console().bans(app, &filter, page).await?;
    shown(&Page { total: listed.total, items: listed.rows.into_iter().map(body).collect() })
}

pub(super) fn body(s: Sanction) -> Ban {
    Ban {
        app: s.channel.app.to_string(),
        channel: s.channel.name.to_string(),
        user: s.user.to_string(),
        source: s.source.as_str().to_owned(),
        by: s.by,
        created_at: s.created.0,
        until: (s.until < UnixMs::MAX).then_some(s.until.0),
    }
}
