//! `POST /api/v1/class/create`, `/api/v2/class/create`: make a class (classroom.md 4.3).

use axum::extract::State;
use axum::response::Response;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Fields, Together as _};
use stoa_core::class::{ClassMode, CreateClass};
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use crate::class_body::{ClassBody, Painter};
use crate::read::{Im, NAME_CHARS, NOTICE_BYTES, OPAQUE_BYTES, bytes, chars, im_server, needed_chars, opaque, within};
use crate::refuse::{Missing, carry_out};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// What `create` reads.
#[derive(ToSchema)]
pub struct CreateRequest {
    /// Title.
    #[schema(min_length = 1, max_length = 256, example = "Algebra 1")]
    pub title: String,
    /// The caller, who becomes the owner; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub teacher_id: String,
    /// The owner's nick.
    #[schema(max_length = 256)]
    pub teacher_nick: Option<String>,
    /// Announcement, at most 4,096 bytes.
    #[schema(max_length = 4096)]
    pub notice: Option<String>,
    /// 0 open, 1 big, 2 small.
    #[schema(default = 0, minimum = 0, maximum = 2)]
    pub mode: Option<i64>,
    /// Opaque text of the app, at most 64 KiB; an object or array counts as its text.
    #[schema(max_length = 65536, example = "{}")]
    pub extends: Option<String>,
    /// Names of message services, as in `token`.
    #[schema(example = json!(["aliyun_new"]))]
    pub im_server: Option<Vec<String>>,
}

/// Makes a class.
#[utoipa::path(post, path = "/api/v1/class/create", tag = "classroom", operation_id = "createV1",
    summary = "Make a class", request_body = CreateRequest, security(("bearer" = [])),
    responses((status = 200, description = "the class, or why not", body = Answer<ClassBody<'_>>), Refusals))]
pub async fn v1(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| run(v, call)).await
}

/// The same.
#[utoipa::path(post, path = "/api/v2/class/create", tag = "classroom", operation_id = "createV2",
    summary = "Make a class", request_body = CreateRequest, security(("bearer" = [])),
    responses((status = 200, description = "the class, or why not", body = Answer<ClassBody<'_>>), Refusals))]
pub async fn v2(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| run(v, call)).await
}

async fn run(v: ClassState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let (title, teacher, teacher_nick, notice, mode, extends, services) = (
        needed_chars(f, "title", NAME_CHARS),
        f.user_id("teacher_id"),
        chars(f, "teacher_nick", NAME_CHARS),
        bytes(f, "notice", NOTICE_BYTES),
        mode(f),
        opaque(f, "extends", OPAQUE_BYTES),
        im_server(f),
    )
        .together()?;
    let new = CreateClass {
        teacher: teacher.clone(),
        title,
        notice: notice.unwrap_or_default(),
        extends: extends.unwrap_or_default(),
        teacher_nick: teacher_nick.unwrap_or_default(),
        mode,
        groups: services.unwrap_or_default().into_iter().filter_map(Im::outside).collect(),
    };
    let view = v.classes().create(&call.caller, new).await?;
    ok(Painter::new(&v, &call.origin).alone(&view, &teacher).await?)
}

fn mode(f: &Fields) -> Result<ClassMode> {
    Ok(within(f, "mode", 0..=2)?.and_then(ClassMode::from_number).unwrap_or_default())
}
