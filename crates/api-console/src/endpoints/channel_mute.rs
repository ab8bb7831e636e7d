//! `POST /channels/{app}/{channel}/mute`

use axum::extract::State;
use http::StatusCode;
use stoa_core::id::UserId;
use stoa_core::talk::MuteWish;

use super::{Answer, seconds};
use crate::ask::{Order, channel_of};
use crate::body::channels::Mute;
use crate::order::{Subject, carry_out};
use crate::refuse::Refused;
use crate::routes::{Named, Refusals};
use crate::state::ConsoleState;

/// Silence a user who is there, or lift that
#[utoipa::path(post, path = "/api/console/v1/channels/{app}/{channel}/mute", tag = "Channels",
    security(("bearer" = [])), request_body = Mute,
    params(("app" = String, Path, description = "number of the app"), ("channel" = String, Path)),
    responses((status = 204, description = "done"), Named, Refusals))]
pub async fn mute(State(state): State<ConsoleState>, order: Order<Mute>) -> Answer {
    let key = channel_of(&order.path)?;
    let (audio, video) = (order.body.audio, order.body.video);
    if audio.is_none() && video.is_none() {
        return Err(Refused::invalid("audio, video: one of them is needed"));
    }
    let user = UserId::new(order.body.user)?;
    let duration = seconds("seconds", order.body.seconds)?;
    let subject = Subject::new("console.mute", key.app, [key.name.as_str(), user.as_str()]);
    let (console, by) = (state.console().clone(), order.who.user.clone());
    carry_out(state, order.who, subject, async move {
        let wish = MuteWish { channel: &key, user: &user, audio, video, duration, by: by.as_str() };
        console.mute(wish).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
