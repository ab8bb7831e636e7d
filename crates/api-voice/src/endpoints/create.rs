//! `POST /api/chatroom/create`: make a room.

use axum::extract::State;
use axum::response::Response;
use stoa_api::Call;
use stoa_api::fields::at_most_chars;
use stoa_api::refusal::Refusal;
use stoa_core::voice::CreateRoom;
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use super::{NICK_CHARS, NOTICE_CHARS, TITLE_CHARS, ok, room_extends, text};
use crate::body::{Answer, RefusalBody, RoomBody};
use crate::refuse::{Endpoint, carry_out};
use crate::routes::Refusals;
use crate::state::VoiceState;

/// What `create` reads.
#[derive(ToSchema)]
pub struct CreateRequest {
    /// Title.
    #[schema(min_length = 1, max_length = 256)]
    pub title: String,
    /// The owner: the caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub anchor: String,
    /// The owner's nick.
    #[schema(max_length = 256)]
    pub anchor_nick: Option<String>,
    /// Announcement.
    #[schema(max_length = 1024)]
    pub notice: Option<String>,
    /// Text of one JSON object, kept byte for byte.
    #[schema(max_length = 8192)]
    pub extends: Option<String>,
}

/// Makes a room.
#[utoipa::path(post, path = "/api/chatroom/create", tag = "voice-room", operation_id = "create",
    summary = "Make a room", request_body = CreateRequest, security(("bearer" = [])),
    responses((status = 200, description = "the room, or why not", body = Answer<RoomBody<'_>, RefusalBody<'_>>), Refusals))]
pub async fn create(State(v): State<VoiceState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Endpoint::Create, call, |call| run(v, call)).await
}

async fn run(v: VoiceState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let title = f.required("title")?;
    at_most_chars("title", &title, TITLE_CHARS)?;
    let new = CreateRoom {
        title,
        anchor: f.user_id("anchor")?,
        anchor_nick: text(f, "anchor_nick", NICK_CHARS)?.unwrap_or_default(),
        notice: text(f, "notice", NOTICE_CHARS)?.unwrap_or_default(),
        extends: room_extends(f)?.unwrap_or_default(),
    };
    let room = v.voice().create(&call.caller, new).await?;
    ok(&RoomBody::of(&room, v.voice().online(&room), &v.api().config().zone).alone())
}
