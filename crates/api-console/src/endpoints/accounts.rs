//! `GET /accounts`

use axum::extract::State;

use super::{Answer, shown};
use crate::ask::{Ask, page, text};
use crate::body::Page;
use crate::body::accounts::{Account, AccountsQuery};
use crate::routes::Refusals;
use crate::state::ConsoleState;

/// Accounts, by name
#[utoipa::path(get, path = "/api/console/v1/accounts", tag = "Accounts", security(("bearer" = [])),
    params(AccountsQuery), responses((status = 200, description = "a part of them", body = Page<Account>), Refusals))]
pub async fn accounts(State(state): State<ConsoleState>, ask: Ask<AccountsQuery>) -> Answer {
    let page = page(ask.query.offset, ask.query.limit)?;
    let q = text(ask.query.q)?.map(|q| q.to_lowercase());
    let mut all = state.accounts().list().await?;
    all.retain(|a| q.as_deref().is_none_or(|q| a.user.as_str().to_lowercase().contains(q)));
    let total = all.len() as u64;
    let start = usize::try_from(page.start).unwrap_or(usize::MAX);
    let rows = all.into_iter().skip(start).take(page.limit as usize);
    let body = |a: stoa_core::console::AccountShown| Account {
        user: a.user.to_string(),
        admin: a.admin,
        disabled: a.disabled,
        from_config: a.from_config,
    };
    shown(&Page { total, items: rows.map(body).collect() })
}
