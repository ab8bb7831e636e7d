//! `PATCH /accounts/{user}`

use axum::extract::State;
use http::StatusCode;
use stoa_core::console::AccountPatch as Patch;

use super::{Answer, changed, password};
use crate::ask::{Order, user_of};
use crate::body::accounts::AccountPatch;
use crate::order::{NO_APP, Subject, carry_out};
use crate::routes::{Clash, Named, Refusals};
use crate::state::ConsoleState;

/// Change an account
///
/// A new password ends its sessions, and so does disabling it. The last administrator and oneself can neither be
/// disabled nor lose the rights.
#[utoipa::path(patch, path = "/api/console/v1/accounts/{user}", tag = "Accounts", security(("bearer" = [])),
    params(("user" = String, Path)), request_body = AccountPatch,
    responses((status = 204, description = "done"), Named, Clash, Refusals))]
pub async fn patch(State(state): State<ConsoleState>, order: Order<AccountPatch>) -> Answer {
    let user = user_of(&order.path)?;
    let AccountPatch { password: new, admin, disabled } = order.body;
    let patch = Patch { password: new.map(password).transpose()?, admin, disabled };
    let subject = Subject::new("console.account_change", NO_APP, [user.as_str()]);
    let (accounts, by) = (state.accounts().clone(), order.who.user.clone());
    carry_out(state, order.who, subject, async move {
        changed(accounts.change(&by, &user, patch).await?, StatusCode::NO_CONTENT)
    })
    .await
}
