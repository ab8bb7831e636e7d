//! `POST /api/v1/class/addDoc`, `/addDocs`: courseware (classroom.md 4.16, 4.19).

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Fields, Together as _};
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use super::query_doc::{DocBody, server_type};
use crate::read::{DOC_BYTES, DOC_ID_BYTES, SERVER_TYPE_BYTES, bytes, class_id, needed, opaque};
use crate::refuse::{Missing, carry_out};
use crate::reply::{Answer, conflict, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// Most documents of one request.
const MAX_DOCS: usize = 200;

/// What `addDoc` reads.
#[derive(ToSchema)]
pub struct AddDocRequest {
    /// The class.
    #[schema(rename = "classId", min_length = 1)]
    pub class_id: String,
    /// Unique in the class.
    #[schema(rename = "docId", min_length = 1, max_length = 1024)]
    pub doc_id: String,
    /// Whiteboard provider.
    #[schema(rename = "serverType", min_length = 1, max_length = 255, example = "NetEase")]
    pub server_type: String,
    /// Opaque text, at most 256 KiB; an object or array counts as its text.
    #[schema(min_length = 1, max_length = 262_144, example = "{}")]
    pub data: String,
}

/// What `addDocs` reads.
#[derive(ToSchema)]
pub struct AddDocsRequest {
    /// The class.
    #[schema(rename = "classId", min_length = 1)]
    pub class_id: String,
    /// May be empty.
    #[schema(rename = "docInfo", max_items = 200)]
    pub doc_info: Vec<AddedDoc>,
}

/// A document of `addDocs`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedDoc {
    /// Unique in the class.
    #[schema(min_length = 1, max_length = 1024)]
    doc_id: String,
    /// Whiteboard provider.
    #[schema(max_length = 255, example = "NetEase")]
    server_type: String,
    /// Opaque text, at most 256 KiB.
    #[schema(min_length = 1, max_length = 262_144, example = "{}")]
    data: String,
}

/// What `addDocs` answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedBody {
    /// The class.
    class_id: String,
    /// Those really added.
    docs_info_list: Vec<AddedDoc>,
}

/// Adds a document.
#[utoipa::path(post, path = "/api/v1/class/addDoc", tag = "classroom", operation_id = "addDoc",
    summary = "Add courseware", request_body = AddDocRequest, security(("bearer" = [])),
    responses((status = 200, description = "the document, or why not", body = Answer<DocBody>), Refusals))]
pub async fn add_doc(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| one(v, call)).await
}

type NewDoc = (String, Option<String>, String);

fn doc(f: &Fields) -> Result<NewDoc> {
    let data = needed("data", opaque(f, "data", DOC_BYTES));
    let id = needed("docId", bytes(f, "docId", DOC_ID_BYTES));
    (id, bytes(f, "serverType", SERVER_TYPE_BYTES), data).together()
}

async fn one(v: ClassState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let (id, (doc, server, data), _) = (class_id(f, "classId"), doc(f), f.required("serverType")).together()?;
    let (class, added) = v.classes().add_docs(&call.caller, id, [(doc, server, data)]).await?;
    match added.into_iter().next() {
        Some(doc) => ok(DocBody::of(&v, &call.origin, &call.caller.user, class, doc)),
        None => conflict("id已经存在"),
    }
}

/// Adds documents; those that are there already are skipped.
#[utoipa::path(post, path = "/api/v1/class/addDocs", tag = "classroom", operation_id = "addDocs",
    summary = "Add courseware, several at once", request_body = AddDocsRequest, security(("bearer" = [])),
    responses((status = 200, description = "those added, or why not", body = Answer<AddedBody>), Refusals))]
pub async fn add_docs(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| many(v, call)).await
}

async fn many(v: ClassState, call: Call) -> Result<Response, Error> {
    let (id, docs) = (class_id(&call.fields, "classId"), docs(&call.fields)).together()?;
    let (class, added) = v.classes().add_docs(&call.caller, id, docs).await?;
    let shown = added.into_iter().map(|d| AddedDoc {
        server_type: server_type(d.server.as_deref()),
        doc_id: d.id,
        data: d.data,
    });
    ok(AddedBody { class_id: class.to_string(), docs_info_list: shown.collect() })
}

fn docs(f: &Fields) -> Result<Vec<NewDoc>> {
    let wrong = |why: &dyn std::fmt::Display| Error::bad_input("docInfo", why);
    let text = f.compact("docInfo")?.ok_or_else(|| wrong(&"required"))?;
    let list: Vec<&RawValue> = serde_json::from_str(&text).map_err(|_| wrong(&"must be a list of objects"))?;
    if list.len() > MAX_DOCS {
        return Err(wrong(&format_args!("must be at most {MAX_DOCS}")));
    }
    let read = |(i, raw): (usize, &&RawValue)| {
        let fields = Fields::parse(Bytes::copy_from_slice(raw.get().as_bytes()))
            .map_err(|_| wrong(&format_args!("entry {i} is not an object")))?;
        doc(&fields).map_err(|e| wrong(&format_args!("entry {i}: {}", e.public())))
    };
    list.iter().enumerate().map(read).collect()
}
