//! `POST /api/v1/class/leaveClass` (classroom.md 4.7, 5.2).

use axum::extract::State;
use axum::response::Response;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::Error;
use stoa_core::class::Leaving;
use utoipa::ToSchema;

use crate::read::class_id;
use crate::refuse::{Missing, carry_out};
use crate::reply::{ReasonAnswer, declined, done};
use crate::routes::Refusals;
use crate::state::ClassState;

/// What `leaveClass` reads.
#[derive(ToSchema)]
pub struct LeaveRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub class_id: String,
    /// The caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
}

/// Leaves; whoever is connected leaves with the connection. Declined with `ClassNotFound` or `NotInClass`.
#[utoipa::path(post, path = "/api/v1/class/leaveClass", tag = "classroom", operation_id = "leaveClass",
    summary = "Leave a class", request_body = LeaveRequest, security(("bearer" = [])),
    responses((status = 200, description = "left, or why not", body = ReasonAnswer), Refusals))]
pub async fn leave_class(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| run(v, call)).await
}

async fn run(v: ClassState, call: Call) -> Result<Response, Error> {
    let (id, user) = (class_id(&call.fields, "class_id"), call.fields.user_id("user_id")).together()?;
    match v.classes().leave(&call.caller, id, &user).await? {
        Leaving::Done => done(),
        Leaving::NoClass => declined("ClassNotFound"),
        Leaving::NotInClass => declined("NotInClass"),
    }
}
