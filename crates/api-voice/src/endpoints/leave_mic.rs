//! `POST /api/chatroom/leaveMic`: give a seat back.

use axum::extract::State;
use axum::response::Response;
use stoa_api::Call;
use stoa_api::refusal::Refusal;
use stoa_core::voice::SeatIndex;
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use super::{ok, room_id};
use crate::body::{Answer, RefusalBody, SeatsBody};
use crate::refuse::{Endpoint, carry_out};
use crate::routes::SeatRefusals;
use crate::state::VoiceState;

/// What `leaveMic` reads.
#[derive(ToSchema)]
pub struct LeaveMicRequest {
    /// The room.
    #[schema(min_length = 1)]
    pub id: String,
    /// Whose seat.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// The seat believed to be held; may be wrong.
    #[schema(maximum = 8)]
    pub index: i64,
}

/// Gives a seat back.
#[utoipa::path(post, path = "/api/chatroom/leaveMic", tag = "voice-room", operation_id = "leaveMic",
    summary = "Give a seat back", request_body = LeaveMicRequest, security(("bearer" = [])),
    responses((status = 200, description = "the seats, or why not", body = Answer<SeatsBody<'_>, RefusalBody<'_>>), SeatRefusals))]
pub async fn leave_mic(State(v): State<VoiceState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Endpoint::LeaveMic, call, |call| run(v, call)).await
}

async fn run(v: VoiceState, call: Call) -> Result<Response, Error> {
    let room = room_id(&call.fields, "id")?;
    let user = call.fields.user_id("user_id")?;
    let index = SeatIndex::wish(call.fields.required_integer("index")?)?;
    let room = v.voice().leave_seat(&call.caller, room, &user, index).await?;
    ok(&SeatsBody::of(&room))
}
