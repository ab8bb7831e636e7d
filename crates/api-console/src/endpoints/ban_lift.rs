//! `POST /bans/lift`

use axum::extract::State;
use http::StatusCode;
use stoa_core::console::Lifted;
use stoa_core::id::UserId;

use super::Answer;
use crate::ask::{self, Order};
use crate::body::channels::Lift;
use crate::order::{Subject, carry_out};
use crate::refuse::Refused;
use crate::routes::{Named, Refusals};
use crate::state::ConsoleState;

/// End a ban
///
/// Media tokens made before it stay revoked: the user needs a new one.
#[utoipa::path(post, path = "/api/console/v1/bans/lift", tag = "Channels", security(("bearer" = [])),
    request_body = Lift, responses((status = 204, description = "done"), Named, Refusals))]
pub async fn lift(State(state): State<ConsoleState>, order: Order<Lift>) -> Answer {
    let key = ask::channel(&order.body.app, &order.body.channel)?;
    let user = UserId::new(order.body.user)?;
    let subject = Subject::new("console.lift", key.app, [key.name.as_str(), user.as_str()]);
    let console = state.console().clone();
    carry_out(state, order.who, subject, async move {
        match console.lift(&key, &user).await? {
            Lifted::Done => Ok(StatusCode::NO_CONTENT),
            Lifted::None => Err(Refused::not_found("there is no such ban; it may have ended")),
        }
    })
    .await
}
