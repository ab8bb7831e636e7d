//! Mutes of the chat (classroom.md 4.25).

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Fields, Together as _};
use stoa_core::id::ClassId;
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use crate::read::{SERVER_TYPE_BYTES, bytes, class_id, needed, needed_within};
use crate::refuse::{Missing, carry_out, respond};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// Longest mute in minutes: 30 days.
const MAX_MINUTES: i64 = 43_200;

/// What `muteUser` reads.
#[derive(ToSchema)]
pub struct MuteUserRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub chatroom_id: String,
    /// Whom.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// Minutes.
    #[schema(minimum = 1, maximum = 43200)]
    pub minute: i64,
    /// Any text.
    #[schema(min_length = 1, max_length = 255, example = "rongCloud")]
    pub server_type: String,
}

/// What `cancelMuteUser` reads.
#[derive(ToSchema)]
pub struct CancelMuteUserRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub chatroom_id: String,
    /// Whom.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// Any text.
    #[schema(min_length = 1, max_length = 255, example = "rongCloud")]
    pub server_type: String,
}

/// A class's message group.
#[derive(ToSchema)]
pub struct ChatroomRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub chatroom_id: String,
    /// Any text.
    #[schema(min_length = 1, max_length = 255, example = "rongCloud")]
    pub server_type: String,
}

/// Done, or the answer to a question.
#[derive(Serialize, ToSchema)]
pub struct ResultBody {
    /// True, or the answer.
    pub(crate) result: bool,
}

/// What all routes of the message group read.
pub(crate) fn chatroom(f: &Fields) -> Result<Option<ClassId>> {
    let server_type = needed("server_type", bytes(f, "server_type", SERVER_TYPE_BYTES));
    Ok((class_id(f, "chatroom_id"), server_type).together()?.0)
}

/// Keeps a user from commenting.
#[utoipa::path(post, path = "/api/v1/class/muteUser", tag = "classroom", operation_id = "muteUser",
    summary = "Mute a user's comments", request_body = MuteUserRequest, security(("bearer" = [])),
    responses((status = 200, description = "muted, or why not", body = Answer<ResultBody>), Refusals))]
pub async fn mute_user(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| mute(v, call)).await
}

async fn mute(v: ClassState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let (id, user, minutes) =
        (chatroom(f), f.user_id("user_id"), needed_within(f, "minute", 1..=MAX_MINUTES)).together()?;
    let how_long = Duration::from_secs(60 * minutes.unsigned_abs());
    v.classes().mute_user(&call.caller, id, &user, Some(how_long)).await?;
    ok(ResultBody { result: true })
}

/// Lets a user comment again.
#[utoipa::path(post, path = "/api/v1/class/cancelMuteUser", tag = "classroom", operation_id = "cancelMuteUser",
    summary = "End a user's mute", request_body = CancelMuteUserRequest, security(("bearer" = [])),
    responses((status = 200, description = "not muted, or why not", body = Answer<ResultBody>), Refusals))]
pub async fn cancel_mute_user(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| cancel(v, call)).await
}

async fn cancel(v: ClassState, call: Call) -> Result<Response, Error> {
    let (id, user) = (chatroom(&call.fields), call.fields.user_id("user_id")).together()?;
    v.classes().mute_user(&call.caller, id, &user, None).await?;
    ok(ResultBody { result: true })
}

/// Keeps everybody but teacher and assistant from commenting.
#[utoipa::path(post, path = "/api/v1/class/muteChatroom", tag = "classroom", operation_id = "muteChatroom",
    summary = "Mute all comments", request_body = ChatroomRequest, security(("bearer" = [])),
    responses((status = 200, description = "muted, or why not", body = Answer<ResultBody>), Refusals))]
pub async fn mute_chatroom(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| mute_all(v, call, true)).await
}

/// Lets everybody comment again.
#[utoipa::path(post, path = "/api/v1/class/cancelMuteChatroom", tag = "classroom", operation_id = "cancelMuteChatroom",
    summary = "End the mute of all", request_body = ChatroomRequest, security(("bearer" = [])),
    responses((status = 200, description = "not muted, or why not", body = Answer<ResultBody>), Refusals))]
pub async fn cancel_mute_chatroom(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| mute_all(v, call, false)).await
}

async fn mute_all(v: ClassState, call: Call, on: bool) -> Result<Response, Error> {
    v.classes().mute_all(&call.caller, chatroom(&call.fields)?, on).await?;
    ok(ResultBody { result: true })
}

/// Tells whether all are muted.
#[utoipa::path(post, path = "/api/v1/class/isMuteChatroom", tag = "classroom", operation_id = "isMuteChatroom",
    summary = "Whether all are muted", request_body = ChatroomRequest, security(("bearer" = [])),
    responses((status = 200, description = "the answer, or why not", body = Answer<ResultBody>), Refusals))]
pub async fn is_mute_chatroom(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, async |call| {
        let result = v.classes().all_muted(&call.caller, chatroom(&call.fields)?).await?;
        ok(ResultBody { result })
    })
    .await
}
