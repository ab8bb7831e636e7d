//! `GET /apps`

use axum::extract::State;

use super::{Answer, shown};
use crate::ask::{Ask, page};
use crate::body::Page;
use crate::body::accounts::App;
use crate::body::logs::PageQuery;
use crate::routes::Refusals;
use crate::state::ConsoleState;

/// Apps, by number; their secrets are not shown
#[utoipa::path(get, path = "/api/console/v1/apps", tag = "Server", security(("bearer" = [])), params(PageQuery),
    responses((status = 200, description = "a part of them", body = Page<App>), Refusals))]
pub async fn apps(State(state): State<ConsoleState>, ask: Ask<PageQuery>) -> Answer {
    let page = page(ask.query.offset, ask.query.limit)?;
    let console = state.console();
    let there = console.everybody();
    let mut all: Vec<_> = console.apps().iter().collect();
    all.sort_by_key(|a| a.id);
    let total = all.len() as u64;
    let start = usize::try_from(page.start).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    for app in all.into_iter().skip(start).take(page.limit as usize) {
        let (channels, _) = console.world().store.channel_names(app.id, 0, 0).await?;
        let users = there.iter().filter(|(key, _)| key.app == app.id).map(|(_, users)| users.len() as u64);
        items.push(App {
            app_id: app.id.to_string(),
            name: app.name.clone(),
            appkey: app.key.clone(),
            enabled: app.enabled,
            admin_identifiers: app.admin_identifiers.clone(),
            previous_secrets: app.previous_secrets.len() as u64,
            channels,
            participants: users.sum(),
        });
    }
    shown(&Page { total, items })
}
