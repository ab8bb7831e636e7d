//! `POST /api/v1/class/get`: one class (classroom.md 4.5).

use axum::extract::State;
use axum::response::Response;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::Error;
use utoipa::ToSchema;

use crate::class_body::{ClassBody, Painter};
use crate::read::class_id;
use crate::refuse::{Missing, respond};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// A class, and who asks.
#[derive(ToSchema)]
pub struct ClassRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub id: String,
    /// The caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
}

/// Shows a class, also an ended one, also to whoever has not joined.
#[utoipa::path(post, path = "/api/v1/class/get", tag = "classroom", operation_id = "get",
    summary = "One class", request_body = ClassRequest, security(("bearer" = [])),
    responses((status = 200, description = "the class, or why not", body = Answer<ClassBody<'_>>), Refusals))]
pub async fn get(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, |call| run(&v, call)).await
}

async fn run(v: &ClassState, call: Call) -> Result<Response, Error> {
    let (id, user) = (class_id(&call.fields, "id"), call.fields.user_id("user_id")).together()?;
    let view = v.classes().get(&call.caller, id, &user).await?;
    ok(Painter::new(v, &call.origin).alone(&view, &user).await?)
}
