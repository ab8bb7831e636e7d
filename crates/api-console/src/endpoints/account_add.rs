//! `POST /accounts`

use axum::extract::State;
use http::StatusCode;
use stoa_core::console::NewAccount as New;
use stoa_core::id::UserId;

use super::{Answer, changed, password};
use crate::ask::Order;
use crate::body::accounts::NewAccount;
use crate::order::{NO_APP, Subject, carry_out};
use crate::routes::{Clash, Refusals};
use crate::state::ConsoleState;

/// Add an account
#[utoipa::path(post, path = "/api/console/v1/accounts", tag = "Accounts", security(("bearer" = [])),
    request_body = NewAccount, responses((status = 201, description = "added"), Clash, Refusals))]
pub async fn add(State(state): State<ConsoleState>, order: Order<NewAccount>) -> Answer {
    let user = UserId::for_dialect("user", order.body.user)?;
    let (password, admin) = (password(order.body.password)?, order.body.admin);
    let subject = Subject::new("console.account_add", NO_APP, [user.as_str()]);
    let accounts = state.accounts().clone();
    carry_out(state, order.who, subject, async move {
        changed(accounts.add(New { user, password, admin }).await?, StatusCode::CREATED)
    })
    .await
}
