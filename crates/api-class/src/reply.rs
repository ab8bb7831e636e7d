//! The envelope of answers (classroom.md 2.6).

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use stoa_api::answer::json;
use stoa_api::envelope::Envelope;
use stoa_core::Error;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

/// What was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done<T: ToSchema> {
    /// True.
    #[schema(schema_with = yes)]
    success: bool,
    /// The answer.
    data: T,
}

/// It is done, and there is nothing to say about it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Plain {
    /// True.
    #[schema(schema_with = yes)]
    success: bool,
}

/// Why not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// False.
    #[schema(schema_with = no)]
    success: bool,
    /// A number, as text. On HTTP 200 `401` means a bad parameter or bad credentials; a token problem is HTTP 401.
    #[schema(example = "404")]
    error_code: String,
    /// A fixed text for each code.
    #[schema(example = "未查询到")]
    error_msg: String,
    /// On bad parameters: which, and what is wrong with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Flaws>,
}

/// What is wrong with a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct Flaws {
    /// 401.
    #[schema(example = 401)]
    code: u16,
    /// Every bad parameter, joined by `; `.
    #[schema(example = "title: required")]
    msg: String,
}

/// A refusal that is part of the business, without a code.
#[derive(Debug, Serialize, ToSchema)]
pub struct Declined {
    /// False.
    #[schema(schema_with = no)]
    success: bool,
    /// Why.
    data: Reason,
}

/// Why something was declined.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reason {
    /// A word that clients know.
    #[schema(example = "ClassNotFound")]
    reason: &'static str,
}

/// Either answer of an endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Answer<T: ToSchema> {
    /// What was asked for.
    Done(Done<T>),
    /// Why not.
    Refused(Refused),
}

/// Either answer of an endpoint with nothing to say.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PlainAnswer {
    /// It is done.
    Done(Plain),
    /// Why not.
    Refused(Refused),
}

/// The answers of an endpoint that declines with a reason.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ReasonAnswer {
    /// It is done.
    Done(Plain),
    /// Declined, with a word for why.
    Declined(Declined),
    /// Why not.
    Refused(Refused),
}

/// The answers of an endpoint that may have nothing to show.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum MaybeAnswer<T: ToSchema> {
    /// What was asked for.
    Done(Done<T>),
    /// There is none.
    Nothing(Bare),
    /// Why not.
    Refused(Refused),
}

/// There is nothing to show: no `data`.
#[derive(Debug, Serialize)]
pub struct Bare {
    success: bool,
}

impl PartialSchema for Bare {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        let closed = utoipa::openapi::schema::AdditionalProperties::FreeForm(false);
        ObjectBuilder::new().property("success", yes()).required("success").additional_properties(Some(closed)).into()
    }
}

impl ToSchema for Bare {
    fn name() -> std::borrow::Cow<'static, str> {
        "Bare".into()
    }
}

/// Schema of `success`: always true.
pub(crate) fn yes() -> Object {
    constant(true)
}

fn no() -> Object {
    constant(false)
}

fn constant(value: bool) -> Object {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::Boolean)).enum_values(Some([value])).build()
}

/// Done, with this answer.
pub(crate) fn ok<T: Serialize + ToSchema>(data: T) -> Result<Response, Error> {
    Ok(json(StatusCode::OK, &Done { success: true, data }))
}

/// Done.
pub(crate) fn done() -> Result<Response, Error> {
    Ok(json(StatusCode::OK, &Plain { success: true }))
}

/// Declined for this reason.
pub(crate) fn declined(reason: &'static str) -> Result<Response, Error> {
    Ok(json(StatusCode::OK, &Declined { success: false, data: Reason { reason } }))
}

/// There is one already.
pub(crate) fn conflict(text: &'static str) -> Result<Response, Error> {
    Ok(json(StatusCode::OK, &Envelope::plain("409", text)))
}
