//! `POST /api/v1/class/sendLikeMessage`, `/getStatistics` (classroom.md 4.26).

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::Error;
use utoipa::ToSchema;

use super::mute::{ChatroomRequest, ResultBody, chatroom};
use crate::class_body::{Metrics, looks};
use crate::refuse::{Missing, carry_out, respond};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// What `sendLikeMessage` reads.
#[derive(ToSchema)]
pub struct LikeRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub chatroom_id: String,
    /// The caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// Any text.
    #[schema(min_length = 1, max_length = 255, example = "rongCloud")]
    pub server_type: String,
}

/// Counters of a class.
#[derive(Serialize, ToSchema)]
pub struct StatisticsBody {
    /// As in class objects.
    metrics: Metrics,
}

/// Likes a class, once.
#[utoipa::path(post, path = "/api/v1/class/sendLikeMessage", tag = "classroom", operation_id = "sendLikeMessage",
    summary = "Like a class", request_body = LikeRequest, security(("bearer" = [])),
    responses((status = 200, description = "liked, or why not", body = Answer<ResultBody>), Refusals))]
pub async fn send_like_message(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| like(v, call)).await
}

async fn like(v: ClassState, call: Call) -> Result<Response, Error> {
    let (id, user) = (chatroom(&call.fields), call.fields.user_id("user_id")).together()?;
    v.classes().like(&call.caller, id, &user).await?;
    ok(ResultBody { result: true })
}

/// Shows a class's counters.
#[utoipa::path(post, path = "/api/v1/class/getStatistics", tag = "classroom", operation_id = "getStatistics",
    summary = "Counters of a class", request_body = ChatroomRequest, security(("bearer" = [])),
    responses((status = 200, description = "the counters, or why not", body = Answer<StatisticsBody>), Refusals))]
pub async fn get_statistics(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, async |call| {
        let view = v.classes().inside(&call.caller, chatroom(&call.fields)?).await?;
        let outside = looks(&v, std::slice::from_ref(&view), &call.caller.user).await;
        let counts = outside.first().and_then(|o| o.counts);
        ok(StatisticsBody { metrics: Metrics::of(&v, &view, counts) })
    })
    .await
}
