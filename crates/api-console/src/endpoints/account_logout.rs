//! `POST /accounts/{user}/logout`

use axum::extract::State;
use http::StatusCode;

use super::{Answer, changed};
use crate::ask::{Ask, user_of};
use crate::body::logs::NoQuery;
use crate::order::{NO_APP, Subject, carry_out};
use crate::routes::{Named, Refusals};
use crate::state::ConsoleState;

/// End all sessions of an account
#[utoipa::path(post, path = "/api/console/v1/accounts/{user}/logout", tag = "Accounts", security(("bearer" = [])),
    params(("user" = String, Path)), responses((status = 204, description = "done"), Named, Refusals))]
pub async fn logout(State(state): State<ConsoleState>, ask: Ask<NoQuery>) -> Answer {
    let user = user_of(&ask.path)?;
    let subject = Subject::new("console.account_logout", NO_APP, [user.as_str()]);
    let accounts = state.accounts().clone();
    carry_out(state, ask.who, subject, async move { changed(accounts.sign_out(&user).await?, StatusCode::NO_CONTENT) })
        .await
}
