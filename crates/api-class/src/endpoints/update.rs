//! `POST /api/v1/class/update`: title, announcement, `extends` (classroom.md 4.11).

use axum::extract::State;
use axum::response::Response;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::Error;
use stoa_core::class::ClassPatch;
use utoipa::ToSchema;

use crate::class_body::{ClassBody, Painter};
use crate::read::{NAME_CHARS, NOTICE_BYTES, OPAQUE_BYTES, bytes, chars, class_id, opaque};
use crate::refuse::{Missing, carry_out};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// What `update` reads.
#[derive(ToSchema)]
pub struct UpdateRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub id: String,
    /// The caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// Blank leaves it as it is.
    #[schema(max_length = 256)]
    pub title: Option<String>,
    /// At most 4,096 bytes; empty clears it.
    #[schema(max_length = 4096)]
    pub notice: Option<String>,
    /// At most 64 KiB; empty clears it; an object or array counts as its text.
    #[schema(max_length = 65536)]
    pub extends: Option<String>,
}

/// Changes a class.
#[utoipa::path(post, path = "/api/v1/class/update", tag = "classroom", operation_id = "update",
    summary = "Change title, announcement or extends", request_body = UpdateRequest, security(("bearer" = [])),
    responses((status = 200, description = "the class, or why not", body = Answer<ClassBody<'_>>), Refusals))]
pub async fn update(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| run(v, call)).await
}

async fn run(v: ClassState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let (id, user, title, notice, extends) = (
        class_id(f, "id"),
        f.user_id("user_id"),
        chars(f, "title", NAME_CHARS),
        bytes(f, "notice", NOTICE_BYTES),
        opaque(f, "extends", OPAQUE_BYTES),
    )
        .together()?;
    let patch = ClassPatch { title: title.filter(|t| !t.trim().is_empty()), notice, extends };
    let view = v.classes().update(&call.caller, id, &user, patch).await?;
    ok(Painter::new(&v, &call.origin).alone(&view, &user).await?)
}
