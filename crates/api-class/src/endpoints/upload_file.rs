//! `PUT /api/v1/class/uploadFile`: courseware as a file, beside the contract; and how much of it fits.

use axum::extract::{Query, Request, State};
use axum::response::Response;
use futures_util::StreamExt as _;
use http::header::{ALLOW, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use stoa_api::answer::json;
use stoa_api::call::caller;
use stoa_api::envelope::Envelope;
use stoa_api::refusal::Refusal;
use stoa_api::{Origin, through};
use stoa_core::class::{FileKind, Uploaded};
use stoa_core::id::ClassId;
use stoa_core::{Error, Kind};
use utoipa::ToSchema;

use super::query_doc::DocBody;
use crate::refuse::{Missing, refuse};
use crate::reply::{Answer, Declined, Done, Refused, declined, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// Uploads under way in this process. More would take places of ordinary requests for as long as slow networks need.
pub(crate) const MAX_UPLOADS: usize = 64;
/// When a place may be free again.
const RETRY_SECS: u64 = 5;

/// The query of either request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ask {
    class_id: String,
    name: String,
}

/// The answers of an upload.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum UploadAnswer {
    /// The document.
    Done(Done<DocBody>),
    /// `FileType`: not a kind of file that is taken. `ClassFilesFull`: the class has as much as it may.
    Declined(Declined),
    /// Why not.
    Refused(Refused),
}

/// How much may be uploaded to a class.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadLimits {
    /// Of one file.
    #[schema(example = 33_554_432)]
    max_bytes: u64,
    /// Of all files of the class.
    #[schema(example = 536_870_912)]
    total_bytes: u64,
    /// What they are now.
    used_bytes: u64,
    /// Media types that are taken, told by the first bytes.
    types: Vec<&'static str>,
}

/// Adds an uploaded file as a document.
#[utoipa::path(put, path = "/api/v1/class/uploadFile", tag = "classroom", operation_id = "uploadFile",
    summary = "Upload courseware",
    description = "For whoever may add documents. The body is the file itself: PNG, JPEG, GIF, WebP or PDF, known by its \
        first bytes; `Content-Type` is not looked at. `Content-Length` is needed. The document is listed, removed and \
        announced as all others; its `docInfos` is JSON text with a signed `url`, which is made anew for each answer.",
    security(("bearer" = [])),
    params(
        ("class_id" = String, Query, description = "The class"),
        ("name" = String, Query, description = "Name of the file; of a path its last part, with the ending that fits"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file, at most `class.upload_max`"),
    responses((status = 200, description = "the document, or why not", body = UploadAnswer), Refusals))]
pub async fn upload_file(State(v): State<ClassState>, request: Request) -> Response {
    take(v, request).await.unwrap_or_else(|refusal| refuse(Missing::Found, &refusal))
}

async fn take(v: ClassState, request: Request) -> Result<Response, Refusal> {
    let place = v.api().enter()?;
    let (caller, _) = caller(v.api(), request.headers()).await?;
    v.api().check_rate(&caller.user)?;
    let turn = v.uploads().clone().try_acquire_owned();
    let turn = turn.map_err(|_| Error::new(Kind::Throttled { retry_after_secs: RETRY_SECS }, "too many uploads"))?;
    let ask = asked(request.uri())?;
    let size = announced(request.headers())?;
    if size > v.classes().file_limits().max {
        return Err(Refusal::TooLarge);
    }
    let origin = Origin::of(&request);
    let content = request.into_body().into_data_stream().map(|piece| match piece {
        Ok(piece) => Ok(piece.to_vec()),
        Err(_) => Err(Error::bad_input("body", "was cut off")),
    });
    // Carried through: what was stored of an upload that breaks off is taken back at once.
    let done = through(async move {
        let _held = (place, turn);
        let id = ClassId::parse(&ask.class_id);
        match v.classes().upload(&caller, id, &ask.name, size, content).await? {
            Uploaded::Done(class, doc) => ok(DocBody::of(&v, &origin, &caller.user, class, doc)),
            Uploaded::WrongType => declined("FileType"),
            Uploaded::Full => declined("ClassFilesFull"),
        }
    });
    Ok(done.await?)
}

fn asked(uri: &Uri) -> Result<Ask, Error> {
    let wrong = |_| Error::bad_input("class_id, name", "once each");
    let ask = Query::<Ask>::try_from_uri(uri).map_err(wrong)?.0;
    if ask.class_id.is_empty() { Err(Error::bad_input("class_id", "required")) } else { Ok(ask) }
}

/// The limit of a class is kept before anything is stored, so the size must be known.
fn announced(headers: &HeaderMap) -> Result<u64, Error> {
    let length = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    length.ok_or_else(|| Error::bad_input("body", "needs a Content-Length"))
}

/// Tells how much fits.
#[utoipa::path(get, path = "/api/v1/class/uploadFile", tag = "classroom", operation_id = "uploadLimits",
    summary = "How much courseware may be uploaded",
    security(("bearer" = [])),
    params(("class_id" = String, Query, description = "The class")),
    responses((status = 200, description = "the limits, or why not", body = Answer<UploadLimits>), Refusals))]
pub async fn upload_limits(State(v): State<ClassState>, request: Request) -> Response {
    limits(&v, &request.into_parts().0).await.unwrap_or_else(|refusal| refuse(Missing::Found, &refusal))
}

async fn limits(v: &ClassState, parts: &Parts) -> Result<Response, Refusal> {
    let _place = v.api().enter()?;
    let (caller, _) = caller(v.api(), &parts.headers).await?;
    v.api().check_rate(&caller.user)?;
    let used_bytes = v.classes().files_size(&caller, ClassId::parse(&asked(&parts.uri)?.class_id)).await?;
    let limits = v.classes().file_limits();
    let types = FileKind::ALL.map(FileKind::mime).to_vec();
    Ok(ok(UploadLimits { max_bytes: limits.max, total_bytes: limits.total, used_bytes, types })?)
}

/// Another verb.
pub(crate) async fn wrong_method() -> Response {
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, &Envelope::wrong_method());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, PUT, OPTIONS"));
    response
}
