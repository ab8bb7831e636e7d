//! `POST /api/chatroom/update`: change title, notice, nick, cover, extends (an extension of the document).

use axum::extract::State;
use axum::response::Response;
use stoa_api::Call;
use stoa_api::refusal::Refusal;
use stoa_core::voice::RoomPatch;
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use super::{COVER_BYTES, NICK_CHARS, NOTICE_CHARS, TITLE_CHARS, ok, room_extends, room_id, short, text};
use crate::body::{Answer, RefusalBody, RoomBody};
use crate::refuse::{Endpoint, carry_out};
use crate::routes::Refusals;
use crate::state::VoiceState;

/// What `update` reads. Absent fields stay as they are, empty ones are cleared.
#[derive(ToSchema)]
pub struct UpdateRequest {
    /// The room.
    #[schema(min_length = 1)]
    pub id: String,
    /// Title; blank leaves it alone.
    #[schema(max_length = 256)]
    pub title: Option<String>,
    /// Announcement.
    #[schema(max_length = 1024)]
    pub notice: Option<String>,
    /// Text of one JSON object, kept byte for byte.
    #[schema(max_length = 8192)]
    pub extends: Option<String>,
    /// The owner's nick.
    #[schema(max_length = 256)]
    pub anchor_nick: Option<String>,
    /// Picture.
    #[schema(max_length = 1024)]
    pub cover_url: Option<String>,
}

/// Changes a live room.
#[utoipa::path(post, path = "/api/chatroom/update", tag = "voice-room", operation_id = "update",
    summary = "Change a live room", request_body = UpdateRequest, security(("bearer" = [])),
    responses((status = 200, description = "the room, or why not", body = Answer<RoomBody<'_>, RefusalBody<'_>>), Refusals))]
pub async fn update(State(v): State<VoiceState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Endpoint::Update, call, |call| run(v, call)).await
}

async fn run(v: VoiceState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let room = room_id(f, "id")?;
    let patch = RoomPatch {
        title: text(f, "title", TITLE_CHARS)?.filter(|t| !t.trim().is_empty()),
        notice: text(f, "notice", NOTICE_CHARS)?,
        extends: room_extends(f)?,
        anchor_nick: text(f, "anchor_nick", NICK_CHARS)?,
        cover_url: short(f, "cover_url", COVER_BYTES)?,
    };
    let room = v.voice().update(&call.caller, room, patch).await?;
    ok(&RoomBody::of(&room, v.voice().online(&room), &v.api().config().zone).alone())
}
