//! `POST /api/chatroom/getMeetingInfo`: the seat list.

use axum::extract::State;
use axum::response::Response;
use stoa_api::Call;
use stoa_api::refusal::Refusal;
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use super::{ok, room_id};
use crate::body::{Answer, RefusalBody, SeatsBody};
use crate::refuse::{Endpoint, respond};
use crate::routes::SeatRefusals;
use crate::state::VoiceState;

/// What `getMeetingInfo` reads.
#[derive(ToSchema)]
pub struct MeetingInfoRequest {
    /// The room.
    #[schema(min_length = 1)]
    pub id: String,
}

/// Shows the seats of a live room.
#[utoipa::path(post, path = "/api/chatroom/getMeetingInfo", tag = "voice-room", operation_id = "getMeetingInfo",
    summary = "The seats of a live room", request_body = MeetingInfoRequest, security(("bearer" = [])),
    responses((status = 200, description = "the seats, or why not", body = Answer<SeatsBody<'_>, RefusalBody<'_>>), SeatRefusals))]
pub async fn get_meeting_info(State(v): State<VoiceState>, call: Result<Call, Refusal>) -> Response {
    respond(Endpoint::MeetingInfo, call, |call| run(&v, call)).await
}

async fn run(v: &VoiceState, call: Call) -> Result<Response, Error> {
    let room = v.voice().get_live(room_id(&call.fields, "id")?).await?;
    ok(&SeatsBody::of(&room))
}
