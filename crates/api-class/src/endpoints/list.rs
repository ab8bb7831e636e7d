//! `POST /api/v1/class/list`: page through all classes, newest first (classroom.md 4.4).

use axum::extract::State;
use axum::response::Response;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::Error;
use utoipa::ToSchema;

use crate::class_body::{ClassBody, Painter, looks};
use crate::read::page;
use crate::refuse::{Missing, respond};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// What `list` reads.
#[derive(ToSchema)]
pub struct ListRequest {
    /// The caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// From 1; below counts as 1.
    #[schema(default = 1)]
    pub page_num: Option<i64>,
    /// Below 1 counts as 10, above 500 as 500.
    #[schema(default = 10)]
    pub page_size: Option<i64>,
}

/// Lists classes.
#[utoipa::path(post, path = "/api/v1/class/list", tag = "classroom", operation_id = "list",
    summary = "Page through classes", request_body = ListRequest, security(("bearer" = [])),
    responses((status = 200, description = "the classes, or why not", body = Answer<Vec<ClassBody<'_>>>), Refusals))]
pub async fn list(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, |call| run(&v, call)).await
}

async fn run(v: &ClassState, call: Call) -> Result<Response, Error> {
    let (user, (skip, size)) = (call.fields.user_id("user_id"), page(&call.fields)).together()?;
    let views = v.classes().list(&call.caller, &user, skip, size).await?;
    let painter = Painter::new(v, &call.origin);
    let outside = looks(v, &views, &user).await;
    let shown = views.iter().zip(outside).filter_map(|(view, outside)| match painter.listed(view, &user, outside) {
        Ok(body) => Some(body),
        // One bad row must not take the whole list from everybody.
        Err(e) => {
            tracing::error!(class.id = %view.class.id, error.internal = e.internal().unwrap_or(e.public()), "class left out");
            None
        }
    });
    ok(shown.collect::<Vec<_>>())
}
