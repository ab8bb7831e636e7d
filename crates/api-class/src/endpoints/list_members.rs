//! `POST /api/v1/class/listMembers` (classroom.md 4.9).

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::Error;
use stoa_core::class::{ClassIdentity, MemberFilter, MemberStatus};
use utoipa::ToSchema;

use crate::class_body::MemberBody;
use crate::read::{class_id, needed_within, page, within};
use crate::refuse::{Missing, respond};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// What `listMembers` reads.
#[derive(ToSchema)]
pub struct ListMembersRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub class_id: String,
    /// 0 all, 1 students, 2 the assistant, 3 the teacher.
    #[schema(default = 0, minimum = 0, maximum = 3)]
    pub identity: Option<i64>,
    /// 0 all, 1 in class, 2 left, 3 kicked.
    #[schema(minimum = 0, maximum = 3)]
    pub status: i64,
    /// From 1; below counts as 1.
    #[schema(default = 1)]
    pub page_num: Option<i64>,
    /// Below 1 counts as 10, above 500 as 500.
    #[schema(default = 10)]
    pub page_size: Option<i64>,
}

/// A page of members.
#[derive(Serialize, ToSchema)]
pub struct MembersBody<'a> {
    /// How many the filters find.
    total: u64,
    /// Teacher, assistant, students; those in class before those who left.
    #[schema(max_items = 500)]
    members: Vec<MemberBody<'a>>,
}

/// Lists members.
#[utoipa::path(post, path = "/api/v1/class/listMembers", tag = "classroom", operation_id = "listMembers",
    summary = "Page through members", request_body = ListMembersRequest, security(("bearer" = [])),
    responses((status = 200, description = "the members, or why not", body = Answer<MembersBody<'_>>), Refusals))]
pub async fn list_members(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, |call| run(&v, call)).await
}

async fn run(v: &ClassState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let (id, identity, status, (skip, size)) =
        (class_id(f, "class_id"), within(f, "identity", 0..=3), needed_within(f, "status", 0..=3), page(f))
            .together()?;
    let filter = MemberFilter {
        identity: identity.and_then(ClassIdentity::from_number),
        status: MemberStatus::from_number(status),
    };
    let (total, rows) = v.classes().members(&call.caller, id, filter, skip, size).await?;
    ok(MembersBody { total, members: rows.iter().map(|m| MemberBody::of(v, m)).collect() })
}
