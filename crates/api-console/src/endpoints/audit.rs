//! `GET /audit`

use axum::extract::State;
use stoa_core::audit::AuditEntry;
use stoa_core::console::AuditFilter;

use super::{Answer, shown};
use crate::ask::{Ask, maybe_app, page, text};
use crate::body::Page;
use crate::body::logs::{AuditLine, AuditQuery};
use crate::order::NO_APP;
use crate::routes::Refusals;
use crate::state::ConsoleState;

/// Commands that changed something, or were refused to, the newest first
#[utoipa::path(get, path = "/api/console/v1/audit", tag = "Logs", security(("bearer" = [])), params(AuditQuery),
    responses((status = 200, description = "a part of them", body = Page<AuditLine>), Refusals))]
pub async fn audit(State(state): State<ConsoleState>, ask: Ask<AuditQuery>) -> Answer {
    let page = page(ask.query.offset, ask.query.limit)?;
    let filter = AuditFilter { app: maybe_app(ask.query.app.as_deref())?, text: text(ask.query.q)? };
    let store = &state.console().world().store;
    let (total, rows) = store.audit_page(&filter, page.start, page.limit).await?;
    shown(&Page { total, items: rows.into_iter().map(body).collect() })
}

fn body(e: AuditEntry) -> AuditLine {
    AuditLine {
        at: e.at.0,
        app: (e.app != NO_APP).then(|| e.app.to_string()),
        identifier: e.identifier,
        op_user: (!e.op_user.is_empty()).then_some(e.op_user),
        command: e.command,
        target: e.target.split('\u{1f}').filter(|t| !t.is_empty()).map(str::to_owned).collect(),
        result: e.result,
        request_id: e.request_id,
    }
}
