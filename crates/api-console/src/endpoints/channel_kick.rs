//! `POST /channels/{app}/{channel}/kick`

use axum::extract::State;
use http::StatusCode;
use stoa_core::id::UserId;

use super::{Answer, seconds};
use crate::ask::{Order, channel_of};
use crate::body::channels::Kick;
use crate::order::{Subject, carry_out};
use crate::routes::{Named, Refusals};
use crate::state::ConsoleState;

/// Remove a user, and keep the user out
///
/// When this is answered nothing of the user is forwarded any more. With a ban the user need not be there; with
/// `ban_seconds` 0 for somebody who is not there a running ban ends.
#[utoipa::path(post, path = "/api/console/v1/channels/{app}/{channel}/kick", tag = "Channels",
    security(("bearer" = [])), request_body = Kick,
    params(("app" = String, Path, description = "number of the app"), ("channel" = String, Path)),
    responses((status = 204, description = "done"), Named, Refusals))]
pub async fn kick(State(state): State<ConsoleState>, order: Order<Kick>) -> Answer {
    let key = channel_of(&order.path)?;
    let user = UserId::new(order.body.user)?;
    let ban = seconds("ban_seconds", order.body.ban_seconds)?;
    let subject = Subject::new("console.kick", key.app, [key.name.as_str(), user.as_str()]);
    let (console, by) = (state.console().clone(), order.who.user.clone());
    carry_out(state, order.who, subject, async move {
        console.kick(&key, &user, ban, &by).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
