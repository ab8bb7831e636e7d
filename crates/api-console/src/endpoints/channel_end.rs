//! `POST /channels/{app}/{channel}/end`

use axum::extract::State;
use http::StatusCode;

use super::Answer;
use crate::ask::{Ask, channel_of};
use crate::body::logs::NoQuery;
use crate::order::{Subject, carry_out};
use crate::routes::{Named, Refusals};
use crate::state::ConsoleState;

/// End a channel: a room is dismissed, a class ended
#[utoipa::path(post, path = "/api/console/v1/channels/{app}/{channel}/end", tag = "Channels",
    security(("bearer" = [])),
    params(("app" = String, Path, description = "number of the app"), ("channel" = String, Path)),
    responses((status = 204, description = "done"), Named, Refusals))]
pub async fn end(State(state): State<ConsoleState>, ask: Ask<NoQuery>) -> Answer {
    let key = channel_of(&ask.path)?;
    let subject = Subject::new("console.end", key.app, [key.name.as_str()]);
    let (console, by) = (state.console().clone(), ask.who.user.clone());
    carry_out(state, ask.who, subject, async move {
        console.end(&key, &by).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
