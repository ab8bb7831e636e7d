//! `POST /api/v1/class/delete`: remove a class with everything that hangs on it (classroom.md 4.12).

use axum::extract::State;
use axum::response::Response;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::Error;

use super::get::ClassRequest;
use crate::class_body::{ClassBody, Painter};
use crate::read::class_id;
use crate::refuse::{Missing, carry_out};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// Removes a class.
#[utoipa::path(post, path = "/api/v1/class/delete", tag = "classroom", operation_id = "delete",
    summary = "Remove a class", request_body = ClassRequest, security(("bearer" = [])),
    responses((status = 200, description = "the class as it was, or why not", body = Answer<ClassBody<'_>>), Refusals))]
pub async fn delete(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| run(v, call)).await
}

async fn run(v: ClassState, call: Call) -> Result<Response, Error> {
    let (id, user) = (class_id(&call.fields, "id"), call.fields.user_id("user_id")).together()?;
    let view = v.classes().delete(&call.caller, id, &user).await?;
    ok(Painter::new(&v, &call.origin).alone(&view, &user).await?)
}
