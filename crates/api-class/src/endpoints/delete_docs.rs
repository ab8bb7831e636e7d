//! `POST /api/v1/class/deleteDoc`, `/deleteDocs`: courseware (classroom.md 4.17, 4.20).

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Fields, Together as _};
use stoa_core::{Error, Kind, Result};
use utoipa::ToSchema;

use crate::read::{DOC_ID_BYTES, bytes, class_id, needed};
use crate::refuse::{Missing, carry_out};
use crate::reply::{Answer, PlainAnswer, done, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// Most ids of one request.
const MAX_IDS: usize = 1000;

/// What `deleteDoc` reads.
#[derive(ToSchema)]
pub struct DeleteDocRequest {
    /// The class.
    #[schema(rename = "classId", min_length = 1)]
    pub class_id: String,
    /// The document.
    #[schema(rename = "docId", min_length = 1, max_length = 1024)]
    pub doc_id: String,
}

/// What `deleteDocs` reads.
#[derive(ToSchema)]
pub struct DeleteDocsRequest {
    /// The class.
    #[schema(rename = "classId", min_length = 1)]
    pub class_id: String,
    /// Ids with commas between them, or a list of ids; at most 1,000.
    #[schema(rename = "docIds", min_length = 1, example = "doc_1,doc_2")]
    pub doc_ids: String,
}

/// A document that is gone.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoneDoc {
    /// The class.
    class_id: String,
    /// The document.
    doc_id: String,
}

/// What `deleteDocs` answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GoneBody {
    /// The class.
    class_id: String,
    /// Those really removed, in the order asked.
    docs_info: Vec<GoneDoc>,
}

/// Removes a document.
#[utoipa::path(post, path = "/api/v1/class/deleteDoc", tag = "classroom", operation_id = "deleteDoc",
    summary = "Remove courseware", request_body = DeleteDocRequest, security(("bearer" = [])),
    responses((status = 200, description = "removed, or why not", body = PlainAnswer), Refusals))]
pub async fn delete_doc(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| one(v, call)).await
}

async fn one(v: ClassState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let (id, doc) = (class_id(f, "classId"), needed("docId", bytes(f, "docId", DOC_ID_BYTES))).together()?;
    let (_, gone) = v.classes().delete_docs(&call.caller, id, vec![doc]).await?;
    if gone.is_empty() { Err(Error::new(Kind::NotFound, "document not found")) } else { done() }
}

/// Removes documents; unknown ones are skipped.
#[utoipa::path(post, path = "/api/v1/class/deleteDocs", tag = "classroom", operation_id = "deleteDocs",
    summary = "Remove courseware, several at once", request_body = DeleteDocsRequest, security(("bearer" = [])),
    responses((status = 200, description = "those removed, or why not", body = Answer<GoneBody>), Refusals))]
pub async fn delete_docs(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Missing::Found, call, |call| many(v, call)).await
}

async fn many(v: ClassState, call: Call) -> Result<Response, Error> {
    let (id, docs) = (class_id(&call.fields, "classId"), doc_ids(&call.fields)).together()?;
    let (class, gone) = v.classes().delete_docs(&call.caller, id, docs).await?;
    let class_id = class.to_string();
    let docs_info = gone.into_iter().map(|doc_id| GoneDoc { class_id: class_id.clone(), doc_id }).collect();
    ok(GoneBody { class_id: class.to_string(), docs_info })
}

/// One text is split at commas, a list is not: an id may have one in it. Empty parts and repetitions are dropped.
fn doc_ids(f: &Fields) -> Result<Vec<String>> {
    let wrong = |why: &str| Error::bad_input("docIds", why);
    let list = f.strings("docIds")?.ok_or_else(|| wrong("required"))?;
    let text = f.compact("docIds")?.is_some_and(|raw| raw.starts_with('"'));
    if text && list.iter().all(|t| t.trim().is_empty()) {
        return Err(wrong("required"));
    }
    let parts = list.iter().flat_map(|t| if text { t.split(',').collect() } else { vec![t.as_str()] });
    let mut ids: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for id in parts.map(str::trim).filter(|id| !id.is_empty()) {
        if seen.insert(id) {
            ids.push(id.to_owned());
        }
    }
    if ids.len() > MAX_IDS {
        return Err(wrong(&format!("must be at most {MAX_IDS}")));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_as_one_text_or_as_a_list() {
        let read = |json: &str| doc_ids(&Fields::parse(format!("{{\"docIds\":{json}}}").into()).unwrap());
        assert_eq!(read(r#""a, b,,a,zz""#).unwrap(), ["a", "b", "zz"]);
        assert_eq!(read(r#"["a,b"," c ","c",""]"#).unwrap(), ["a,b", "c"]);
        assert_eq!(read(r#"",""#).unwrap(), [""; 0]);
        assert_eq!(read("[]").unwrap(), [""; 0]);
        for bad in ["7", "{}", "[1]", "\" \"", "null", "true"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let many = |n: usize| format!("\"{}\"", (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(","));
        assert!(read(&many(1000)).is_ok() && read(&many(1001)).is_err());
    }
}
