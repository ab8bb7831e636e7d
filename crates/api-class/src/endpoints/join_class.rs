//! `POST /api/v1/class/joinClass` (classroom.md 4.6, 5.2).

use axum::extract::State;
use axum::response::Response;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::Error;
use stoa_core::class::{ClassIdentity, ClassRefusal, JoinWish, Joined};
use utoipa::ToSchema;

use crate::read::{NAME_CHARS, URL_BYTES, bytes, class_id, needed_chars, within};
use crate::refuse::{Missing, carry_out};
use crate::reply::{ReasonAnswer, declined, done};
use crate::routes::Refusals;
use crate::state::ClassState;

/// What `joinClass` reads.
#[derive(ToSchema)]
pub struct JoinRequest {
    /// The class.
    #[schema(min_length = 1)]
    pub class_id: String,
    /// The caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// Shown name.
    #[schema(min_length = 1, max_length = 256)]
    pub user_name: String,
    /// Address of a picture, at most 2,048 bytes.
    #[schema(max_length = 2048)]
    pub user_avatar: Option<String>,
    /// 2 asks for the assistant's slot; the rest is decided by the server.
    #[schema(minimum = 0, maximum = 3)]
    pub identity: Option<i64>,
}

/// Joins. Declined with `ClassNotFound`, `InBlackList`, `ClassNotAssistantPermit` or `ClassHasAssistant`.
#[utoipa::path(post, path = "/api/v1/class/joinClass", tag = "classroom", operation_id = "joinClass",
    summary = "Join a class", request_body = JoinRequest, security(("bearer" = [])),
    responses((status = 200, description = "joined, or why not", body = ReasonAnswer), Refusals))]
pub async fn join_class(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| run(v, call)).await
}

async fn run(v: ClassState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let (id, user, name, avatar, identity) = (
        class_id(f, "class_id"),
        f.user_id("user_id"),
        needed_chars(f, "user_name", NAME_CHARS),
        bytes(f, "user_avatar", URL_BYTES),
        within(f, "identity", 0..=3),
    )
        .together()?;
    let identity = identity.and_then(ClassIdentity::from_number);
    match v.classes().join(&call.caller, id, JoinWish { user, name, avatar, identity }).await? {
        Joined::Done => done(),
        Joined::NoClass => declined("ClassNotFound"),
        Joined::Refused(ClassRefusal::Banned) => declined("InBlackList"),
        Joined::Refused(ClassRefusal::NoPermit) => declined("ClassNotAssistantPermit"),
        Joined::Refused(ClassRefusal::SlotTaken) => declined("ClassHasAssistant"),
        Joined::Refused(ClassRefusal::NotInClass) => declined("NotInClass"),
    }
}
