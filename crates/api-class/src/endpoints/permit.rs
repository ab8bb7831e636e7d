//! `POST /api/v1/class/setAssistantPermit`, `/deleteAssistantPermit`, `/getAssistantPermit` (classroom.md 4.21 to 4.23).

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Fields, Together as _};
use stoa_core::class::Permit;
use stoa_core::id::{ClassId, UserId};
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use crate::read::{OPAQUE_BYTES, class_id, needed, opaque};
use crate::refuse::{Missing, carry_out, respond};
use crate::reply::{Answer, MaybeAnswer, PlainAnswer, done, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// What `setAssistantPermit` reads.
#[derive(ToSchema)]
pub struct SetPermitRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub class_id: String,
    /// Opaque text, at most 64 KiB: a list of rights, or an object of them.
    #[schema(min_length = 1, max_length = 65536, example = "[\"Courceware\",\"RemoveGroupMessage\",\"MuteGroup\"]")]
    pub permit: String,
    /// Only this user may take the slot.
    #[schema(max_length = 255)]
    pub assistant_id: Option<String>,
}

/// A class.
#[derive(ToSchema)]
pub struct PermitRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub class_id: String,
}

/// What opens the assistant's slot.
#[derive(Serialize, ToSchema)]
pub struct PermitBody {
    /// The class.
    class_id: String,
    /// As sent.
    permit: String,
    /// Who alone may take the slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    assistant_id: Option<String>,
    /// First set.
    #[schema(example = "2023/11/24 11:33:28")]
    created_at: String,
    /// Last set.
    #[schema(example = "2023/11/24 11:33:28")]
    updated_at: String,
}

impl PermitBody {
    fn of(v: &ClassState, class: Option<ClassId>, permit: Permit) -> Self {
        Self {
            class_id: class.map(|id| id.to_string()).unwrap_or_default(),
            permit: permit.text,
            assistant_id: permit.only.map(|u| u.to_string()),
            created_at: v.slashed(permit.created),
            updated_at: v.slashed(permit.updated),
        }
    }
}

/// Sets the permit. A holder whom it does not admit loses the slot.
#[utoipa::path(post, path = "/api/v1/class/setAssistantPermit", tag = "classroom", operation_id = "setAssistantPermit",
    summary = "Open the assistant's slot", request_body = SetPermitRequest, security(("bearer" = [])),
    responses((status = 200, description = "the permit, or why not", body = Answer<PermitBody>), Refusals))]
pub async fn set_assistant_permit(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| set(v, call)).await
}

async fn set(v: ClassState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let (id, text, only) =
        (class_id(f, "class_id"), needed("permit", opaque(f, "permit", OPAQUE_BYTES)), only(f)).together()?;
    let permit = v.classes().set_permit(&call.caller, id, text, only).await?;
    ok(PermitBody::of(&v, id, permit))
}

fn only(f: &Fields) -> Result<Option<UserId>> {
    match f.string("assistant_id")?.filter(|s| !s.trim().is_empty()) {
        Some(name) => UserId::for_dialect("assistant_id", name).map(Some),
        None => Ok(None),
    }
}

/// Takes the permit away; an assistant in class is out of it.
#[utoipa::path(post, path = "/api/v1/class/deleteAssistantPermit", tag = "classroom", operation_id = "deleteAssistantPermit",
    summary = "Close the assistant's slot", request_body = PermitRequest, security(("bearer" = [])),
    responses((status = 200, description = "there is no permit now, or why not", body = PlainAnswer), Refusals))]
pub async fn delete_assistant_permit(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| delete(v, call)).await
}

async fn delete(v: ClassState, call: Call) -> Result<Response, Error> {
    v.classes().drop_permit(&call.caller, class_id(&call.fields, "class_id")?).await?;
    done()
}

/// Shows the permit, to everybody: the official login page asks before joining. Without one there is no `data`.
#[utoipa::path(post, path = "/api/v1/class/getAssistantPermit", tag = "classroom", operation_id = "getAssistantPermit",
    summary = "What opens the assistant's slot", request_body = PermitRequest, security(("bearer" = [])),
    responses((status = 200, description = "the permit, if any, or why not", body = MaybeAnswer<PermitBody>), Refusals))]
pub async fn get_assistant_permit(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, async |call| {
        let id = class_id(&call.fields, "class_id")?;
        match v.classes().permit(id).await? {
            Some(permit) => ok(PermitBody::of(&v, id, permit)),
            None => done(),
        }
    })
    .await
}
