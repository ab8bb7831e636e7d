//! `POST /api/v1/class/queryDoc`: a class's courseware (classroom.md 4.18); and how a document is shown.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Origin};
use stoa_core::class::Doc;
use stoa_core::id::{ClassId, UserId};
use utoipa::ToSchema;

use crate::read::class_id;
use crate::refuse::{Missing, respond};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// What `queryDoc` reads.
#[derive(ToSchema)]
pub struct QueryDocRequest {
    /// The class.
    #[schema(rename = "classId", min_length = 1)]
    pub class_id: String,
}

/// A piece of courseware.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocBody {
    /// Where.
    class_id: String,
    /// Chosen by the client.
    doc_id: String,
    /// Whiteboard provider.
    server_type: String,
    /// What was sent as `data`. Of an uploaded file: its `name`, `type`, `size` in bytes, and a `url` that is good for the
    /// caller for a while.
    doc_infos: String,
    /// Added at.
    #[schema(example = "2023/08/08 09:53:15")]
    created_at: String,
    /// Equal to `createdAt`: documents are never changed.
    updated_at: String,
    /// The same, as published.
    update_at: String,
}

/// All documents of a class.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocsBody {
    /// In the order in which they were added.
    doc_infos: Vec<DocBody>,
}

impl DocBody {
    /// As this reader is shown it.
    pub(crate) fn of(v: &ClassState, origin: &Origin, reader: &UserId, class: ClassId, doc: Doc) -> Self {
        let at = v.slashed(doc.created);
        let doc_infos = match &doc.file {
            Some(f) => {
                let url = v.file_links(origin).file(f, reader);
                json!({"name": f.name, "url": url, "type": f.kind.mime(), "size": f.size}).to_string()
            }
            None => doc.data,
        };
        Self {
            class_id: class.to_string(),
            server_type: server_type(doc.server.as_deref()),
            doc_id: doc.id,
            doc_infos,
            created_at: at.clone(),
            updated_at: at.clone(),
            update_at: at,
        }
    }
}

/// The official client sends the number 0 for the one provider it knows.
pub(crate) fn server_type(stored: Option<&str>) -> String {
    stored.filter(|s| !matches!(s.trim(), "" | "0")).unwrap_or("NetEase").to_owned()
}

/// Lists documents.
#[utoipa::path(post, path = "/api/v1/class/queryDoc", tag = "classroom", operation_id = "queryDoc",
    summary = "All courseware of a class", request_body = QueryDocRequest, security(("bearer" = [])),
    responses((status = 200, description = "the documents, or why not", body = Answer<DocsBody>), Refusals))]
pub async fn query_doc(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, async |call| {
        let (class, docs) = v.classes().docs(&call.caller, class_id(&call.fields, "classId")?).await?;
        let shown = |d| DocBody::of(&v, &call.origin, &call.caller.user, class, d);
        ok(DocsBody { doc_infos: docs.into_iter().map(shown).collect() })
    })
    .await
}
