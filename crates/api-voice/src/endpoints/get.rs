//! `POST /api/chatroom/get`: one room, also a dismissed one.

use axum::extract::State;
use axum::response::Response;
use stoa_api::Call;
use stoa_api::refusal::Refusal;
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use super::{ok, room_id};
use crate::body::{Answer, RefusalBody, RoomBody};
use crate::refuse::{Endpoint, respond};
use crate::routes::Refusals;
use crate::state::VoiceState;

/// What `get` reads.
#[derive(ToSchema)]
pub struct GetRequest {
    /// The room.
    #[schema(min_length = 1)]
    pub id: String,
}

/// Shows a room.
#[utoipa::path(post, path = "/api/chatroom/get", tag = "voice-room", operation_id = "get",
    summary = "One room, also a dismissed one", request_body = GetRequest, security(("bearer" = [])),
    responses((status = 200, description = "the room, or why not", body = Answer<RoomBody<'_>, RefusalBody<'_>>), Refusals))]
pub async fn get(State(v): State<VoiceState>, call: Result<Call, Refusal>) -> Response {
    respond(Endpoint::Get, call, |call| run(&v, call)).await
}

async fn run(v: &VoiceState, call: Call) -> Result<Response, Error> {
    let room = v.voice().get(room_id(&call.fields, "id")?).await?;
    ok(&RoomBody::of(&room, v.voice().online(&room), &v.api().config().zone).alone())
}
