//! `POST /api/v1/class/kickClass`, `/cancelKick` (classroom.md 4.10, 5.5).

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::Error;
use utoipa::ToSchema;

use crate::read::{class_id, within};
use crate::refuse::{Missing, carry_out};
use crate::reply::{PlainAnswer, done};
use crate::routes::Refusals;
use crate::state::ClassState;

/// What `kickClass` reads.
#[derive(ToSchema)]
pub struct KickRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub class_id: String,
    /// Whom; the teacher, the assistant in class and the caller are refused.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// Seconds until the user may join again; 0 = at once. The operator's default is a year.
    #[schema(minimum = 0)]
    pub ban_seconds: Option<i64>,
    /// Not looked at.
    pub im_server: Option<Vec<String>>,
}

/// What `cancelKick` reads.
#[derive(ToSchema)]
pub struct CancelKickRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub class_id: String,
    /// Whose ban.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
}

/// Removes a user and keeps it out. When this answers, no packet of the user is forwarded.
#[utoipa::path(post, path = "/api/v1/class/kickClass", tag = "classroom", operation_id = "kickClass",
    summary = "Remove and ban a user", request_body = KickRequest, security(("bearer" = [])),
    responses((status = 200, description = "kicked, or why not", body = PlainAnswer), Refusals))]
pub async fn kick_class(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| kick(v, call)).await
}

async fn kick(v: ClassState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let (id, user, secs) =
        (class_id(f, "class_id"), f.user_id("user_id"), within(f, "ban_seconds", 0..=i64::MAX)).together()?;
    let ban = secs.map(|s| Duration::from_secs(s.unsigned_abs()));
    v.classes().kick(&call.caller, id, &user, ban).await?;
    done()
}

/// Ends a ban, if there is one.
#[utoipa::path(post, path = "/api/v1/class/cancelKick", tag = "classroom", operation_id = "cancelKick",
    summary = "End a ban", request_body = CancelKickRequest, security(("bearer" = [])),
    responses((status = 200, description = "there is no ban now, or why not", body = PlainAnswer), Refusals))]
pub async fn cancel_kick(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| cancel(v, call)).await
}

async fn cancel(v: ClassState, call: Call) -> Result<Response, Error> {
    let (id, user) = (class_id(&call.fields, "class_id"), call.fields.user_id("user_id")).together()?;
    v.classes().cancel_kick(&call.caller, id, &user).await?;
    done()
}
