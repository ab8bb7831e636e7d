//! `GET /requests`

use axum::extract::State;

use super::{Answer, shown};
use crate::ask::{Ask, page, text};
use crate::body::Page;
use crate::body::logs::{RequestLine, RequestsQuery, StatusClass};
use crate::routes::Refusals;
use crate::state::ConsoleState;

/// The last requests, the newest first
///
/// The last 1,000 are kept. What this API only reads is left out unless it fails.
#[utoipa::path(get, path = "/api/console/v1/requests", tag = "Logs", security(("bearer" = [])), params(RequestsQuery),
    responses((status = 200, description = "a part of them", body = Page<RequestLine>), Refusals))]
pub async fn requests(State(state): State<ConsoleState>, ask: Ask<RequestsQuery>) -> Answer {
    let page = page(ask.query.offset, ask.query.limit)?;
    let q = text(ask.query.q)?.map(|q| q.to_lowercase());
    let class = ask.query.status.map(|s| match s {
        StatusClass::Done => 2,
        StatusClass::Refused => 4,
        StatusClass::Failed => 5,
    });
    let mut all = state.machine().requests();
    all.retain(|r| {
        let named = |q: &str| r.path.to_lowercase().contains(q) || r.request_id.to_lowercase().contains(q);
        class.is_none_or(|c| r.status / 100 == c) && q.as_deref().is_none_or(named)
    });
    let total = all.len() as u64;
    let start = usize::try_from(page.start).unwrap_or(usize::MAX);
    shown(&Page { total, items: all.into_iter().skip(start).take(page.limit as usize).collect() })
}
