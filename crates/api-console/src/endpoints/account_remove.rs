//! `DELETE /accounts/{user}`

use axum::extract::State;
use http::StatusCode;

use super::{Answer, changed};
use crate::ask::{Ask, user_of};
use crate::body::logs::NoQuery;
use crate::order::{NO_APP, Subject, carry_out};
use crate::routes::{Clash, Named, Refusals};
use crate::state::ConsoleState;

/// Forget an account
///
/// Its login tokens stay valid until they expire, as those of any user without an account, but without administrator
/// rights: to shut somebody out, disable the account instead. The last administrator and oneself cannot be removed.
#[utoipa::path(delete, path = "/api/console/v1/accounts/{user}", tag = "Accounts", security(("bearer" = [])),
    params(("user" = String, Path)), responses((status = 204, description = "done"), Named, Clash, Refusals))]
pub async fn remove(State(state): State<ConsoleState>, ask: Ask<NoQuery>) -> Answer {
    let user = user_of(&ask.path)?;
    let subject = Subject::new("console.account_remove", NO_APP, [user.as_str()]);
    let (accounts, by) = (state.accounts().clone(), ask.who.user.clone());
    carry_out(
        state,
        ask.who,
        subject,
        async move { changed(accounts.remove(&by, &user).await?, StatusCode::NO_CONTENT) },
    )
    .await
}
