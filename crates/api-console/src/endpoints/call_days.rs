//! `GET /calls/days`

use std::collections::BTreeMap;

use axum::extract::State;
use stoa_core::console::CallSpan;

use super::{Answer, shown};
use crate::ask::{Ask, maybe_app};
use crate::body::calls::{CallDay, CallDays, DaysQuery};
use crate::refuse::Refused;
use crate::routes::Refusals;
use crate::state::ConsoleState;

/// Totals of calls per day
#[utoipa::path(get, path = "/api/console/v1/calls/days", tag = "Calls", security(("bearer" = [])), params(DaysQuery),
    responses((status = 200, description = "every day", body = CallDays), Refusals))]
pub async fn days(State(state): State<ConsoleState>, ask: Ask<DaysQuery>) -> Answer {
    let q = ask.query;
    if !(1..=90).contains(&q.days) {
        return Err(Refused::invalid("days: must be 1 to 90"));
    }
    let app = maybe_app(q.app.as_deref())?;
    let now = state.now();
    let calendar = state.about().zone.last_days(now, q.days);
    let span = CallSpan { app, from: calendar.from, until: calendar.until, now, offsets: calendar.offsets };
    let totals = state.console().world().store.call_days(&span).await?;
    let of: BTreeMap<i64, _> = totals.into_iter().map(|d| (d.day, d)).collect();
    let day = |(number, day): (i64, String)| {
        let total = of.get(&number);
        CallDay {
            day,
            calls: total.map_or(0, |t| t.calls),
            seconds: total.map_or(0, |t| t.ms / 1000),
            users: total.map_or(0, |t| t.users),
        }
    };
    shown(&CallDays { days: calendar.days.into_iter().map(day).collect() })
}
