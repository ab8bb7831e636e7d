//! `GET /calls`

use axum::extract::State;
use stoa_core::channel::CloseReason;
use stoa_core::console::{CallSearch, CallSeen};
use stoa_core::id::{ChannelName, UserId};
use stoa_core::time::UnixMs;

use super::{Answer, shown};
use crate::ask::{Ask, maybe_app, page};
use crate::body::Page;
use crate::body::calls::{Call, CallsQuery, Reason};
use crate::routes::Refusals;
use crate::state::ConsoleState;

/// Call records, the last begun first
#[utoipa::path(get, path = "/api/console/v1/calls", tag = "Calls", security(("bearer" = [])), params(CallsQuery),
    responses((status = 200, description = "a part of them", body = Page<Call>), Refusals))]
pub async fn calls(State(state): State<ConsoleState>, ask: Ask<CallsQuery>) -> Answer {
    let q = ask.query;
    let page = page(q.offset, q.limit)?;
    let search = CallSearch {
        app: maybe_app(q.app.as_deref())?,
        user: q.user.map(UserId::new).transpose()?,
        channel: q.channel.map(ChannelName::new).transpose()?,
        from: UnixMs(q.from.unwrap_or(0)),
        until: q.to.map_or(UnixMs::MAX, UnixMs),
    };
    let store = &state.console().world().store;
    let (total, rows) = store.search_calls(&search, page.start, page.limit).await?;
    let now = state.now();
    shown(&Page { total, items: rows.into_iter().map(|c| body(c, now)).collect() })
}

fn body(seen: CallSeen, now: UnixMs) -> Call {
    let CallSeen { call, reason } = seen;
    Call {
        app: call.channel.app.to_string(),
        user: call.user.to_string(),
        channel: call.channel.name.to_string(),
        joined_at: call.join.0,
        left_at: call.leave.map(|at| at.0),
        seconds: u64::try_from((call.leave.unwrap_or(now).0 - call.join.0) / 1000).unwrap_or(0),
        reason: reason.map(|r| match r {
            CloseReason::Left => Reason::Left,
            CloseReason::Removed => Reason::Removed,
            CloseReason::Ended => Reason::Ended,
            CloseReason::Lost => Reason::Lost,
        }),
    }
}
