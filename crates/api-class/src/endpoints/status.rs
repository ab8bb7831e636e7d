//! `POST /api/v1/class/start`, `/pause`, `/stop` (classroom.md 4.8, 5.1).

use axum::extract::State;
use axum::response::Response;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::Error;
use stoa_core::class::ClassStatus;

use super::get::ClassRequest;
use crate::class_body::{ClassBody, Painter};
use crate::read::class_id;
use crate::refuse::{Missing, carry_out};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// Begins a class, also one that was ended.
#[utoipa::path(post, path = "/api/v1/class/start", tag = "classroom", operation_id = "start",
    summary = "Begin a class", request_body = ClassRequest, security(("bearer" = [])),
    responses((status = 200, description = "the class, or why not", body = Answer<ClassBody<'_>>), Refusals))]
pub async fn start(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| run(v, call, ClassStatus::Running)).await
}

/// Pauses a class: its status is that of one that is being prepared.
#[utoipa::path(post, path = "/api/v1/class/pause", tag = "classroom", operation_id = "pause",
    summary = "Pause a class", request_body = ClassRequest, security(("bearer" = [])),
    responses((status = 200, description = "the class, or why not", body = Answer<ClassBody<'_>>), Refusals))]
pub async fn pause(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| run(v, call, ClassStatus::Idle)).await
}

/// Ends a class: media stops, members stay.
#[utoipa::path(post, path = "/api/v1/class/stop", tag = "classroom", operation_id = "stop",
    summary = "End a class", request_body = ClassRequest, security(("bearer" = [])),
    responses((status = 200, description = "the class, or why not", body = Answer<ClassBody<'_>>), Refusals))]
pub async fn stop(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| run(v, call, ClassStatus::Ended)).await
}

async fn run(v: ClassState, call: Call, to: ClassStatus) -> Result<Response, Error> {
    let (id, user) = (class_id(&call.fields, "id"), call.fields.user_id("user_id")).together()?;
    let view = v.classes().set_status(&call.caller, id, &user, to).await?;
    ok(Painter::new(&v, &call.origin).alone(&view, &user).await?)
}
