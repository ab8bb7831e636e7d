//! `POST /api/chatroom/dismiss`: end a room.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::Call;
use stoa_api::refusal::Refusal;
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use super::{ok, room_id};
use crate::refuse::{Endpoint, carry_out};
use crate::routes::Refusals;
use crate::state::VoiceState;

/// What `dismiss` reads.
#[derive(ToSchema)]
pub struct DismissRequest {
    /// The room.
    #[schema(min_length = 1)]
    pub id: String,
    /// Its owner, who is the caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
}

/// What `dismiss` answers, also when it says no.
#[derive(Default, Serialize, ToSchema)]
pub struct DismissBody<'a> {
    /// 200, also when only `success` is false; else what was refused.
    pub code: u16,
    /// The room is dismissed.
    pub success: bool,
    /// `NoPermit` or `Unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// Why not, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'a str>,
    /// The same again, when a field is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg: Option<&'a str>,
}

/// Ends a room. Ending it again changes nothing and is success.
#[utoipa::path(post, path = "/api/chatroom/dismiss", tag = "voice-room", operation_id = "dismiss",
    summary = "End a room", request_body = DismissRequest, security(("bearer" = [])),
    responses((status = 200, description = "ended, or why not", body = DismissBody<'_>), Refusals))]
pub async fn dismiss(State(v): State<VoiceState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Endpoint::Dismiss, call, |call| run(v, call)).await
}

async fn run(v: VoiceState, call: Call) -> Result<Response, Error> {
    let room = room_id(&call.fields, "id")?;
    let user = call.fields.user_id("user_id")?;
    v.voice().dismiss(&call.caller, room, &user).await?;
    ok(&DismissBody { code: 200, success: true, ..DismissBody::default() })
}
