//! `GET /files/{id}/{name}`: uploaded courseware, for whoever was given the address.

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_DISPOSITION,
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use stoa_api::refusal::Refusal;
use stoa_core::class::{ClassFile, PART_BYTES};
use stoa_core::id::{FileId, UserId};
use stoa_core::{Error, Kind};
use stoa_vendor::text::percent_encode;

use super::streams::refused;
use crate::links::{LinkKind, Signed};
use crate::state::ClassState;

/// Nothing in a file may run, load anything or know where it is.
const CLOSED: &str = "sandbox; default-src 'none'";
/// A file never changes; its address does, and a browser that reads it again after this asks anew.
const KEPT: &str = "private, max-age=3600";

/// The query of an address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Signature {
    user: String,
    expires: String,
    token: String,
}

/// Reads a file.
#[utoipa::path(get, path = "/files/{id}/{name}", tag = "classroom", operation_id = "file",
    summary = "Read uploaded courseware", security(()),
    description = "Addresses stand in `docInfos` of documents. One range of bytes may be asked for.",
    params(
        ("id" = String, Path, description = "The file"),
        ("name" = String, Path, description = "Its name"),
        ("user" = String, Query, description = "Who was given the address"),
        ("expires" = i64, Query, description = "When the address ends, Unix seconds"),
        ("token" = String, Query, description = "Signature of the address"),
    ),
    responses(
        (status = 200, description = "the file", content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"),
            (Vec<u8> = "image/gif"), (Vec<u8> = "image/webp"), (Vec<u8> = "application/pdf"))),
        (status = 206, description = "the part that was asked for"),
        (status = 304, description = "as the client has it"),
        (status = 404, description = "no such address, one that ended, or a file that is gone"),
        (status = 405, description = "only GET is served"),
        (status = 416, description = "the file has no such part"),
        (status = 503, description = "starting, stopping or overloaded; try again after Retry-After"),
    ))]
pub async fn file(State(v): State<ClassState>, at: Path<(String, String)>, request: Request) -> Response {
    read(&v, &at.0, &request.into_parts().0).await.unwrap_or_else(|refusal| refused(&refusal))
}

/// One answer for everything that is not to be read: nobody learns which files there are.
fn nothing() -> Refusal {
    Error::new(Kind::NotFound, "no such file").into()
}

async fn read(v: &ClassState, (id, name): &(String, String), request: &Parts) -> Result<Response, Refusal> {
    let _place = v.api().enter()?;
    let signed = Query::<Signature>::try_from_uri(&request.uri).map_err(|_| nothing())?.0;
    let (id, user) = verified(v, id, &signed).ok_or_else(nothing)?;
    v.api().check_rate(&user)?;
    let file = v.classes().file(id, &user).await.map_err(|e| match e.kind() {
        Kind::NotFound => nothing(),
        _ => e.into(),
    })?;
    if *name != file.name {
        return Err(nothing());
    }
    Ok(answer(v, file, &request.headers))
}

fn verified(v: &ClassState, id: &str, q: &Signature) -> Option<(FileId, UserId)> {
    let expires = q.expires.parse::<i64>().ok().filter(|t| t.to_string() == q.expires)?;
    let file = FileId::parse(id).filter(|f| f.to_string() == id)?;
    let signed = Signed { kind: LinkKind::File, resource: id, user: &q.user, expires };
    let good = v.config().files.key.verify(&signed, &q.token) && v.now().secs() < expires;
    if good { Some((file, UserId::new(q.user.as_str()).ok()?)) } else { None }
}

/// What is asked for of so many bytes.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    /// The first and the last byte.
    Some(u64, u64),
    /// Nothing that there is.
    None,
}

/// One range; what is not understood is all of it (RFC 9110, 14.2).
fn wanted(header: Option<&HeaderValue>, size: u64) -> Wanted {
    let Some(spec) = header.and_then(|v| v.to_str().ok()?.strip_prefix("bytes=")) else { return Wanted::All };
    let Some((first, last)) = spec.trim().split_once('-') else { return Wanted::All };
    let number = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse::<u64>().unwrap_or(u64::MAX));
    match (first, last) {
        ("", "") => Wanted::All,
        ("", suffix) => match number(suffix) {
            Some(0) => Wanted::None,
            Some(n) => Wanted::Some(size.saturating_sub(n), size - 1),
            None => Wanted::All,
        },
        (first, last) => {
            let end = if last.is_empty() { Some(u64::MAX) } else { number(last) };
            match (number(first), end) {
                (Some(a), Some(b)) if a > b => Wanted::All,
                (Some(a), Some(_)) if a >= size => Wanted::None,
                (Some(a), Some(b)) => Wanted::Some(a, b.min(size - 1)),
                _ => Wanted::All,
            }
        }
    }
}

fn answer(v: &ClassState, file: ClassFile, asked: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", file.id);
    let same = |v: &HeaderValue| v.as_bytes() == tag.as_bytes();
    let has = asked.get(IF_NONE_MATCH).is_some_and(same);
    let range = asked.get(RANGE).filter(|_| asked.get(IF_RANGE).is_none_or(same));
    let (status, first, last) = match (has, wanted(range, file.size)) {
        (true, _) => (StatusCode::NOT_MODIFIED, 0, 0),
        (false, Wanted::All) => (StatusCode::OK, 0, file.size - 1),
        (false, Wanted::Some(first, last)) => (StatusCode::PARTIAL_CONTENT, first, last),
        (false, Wanted::None) => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let sends = matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT);
    let mut response = (status, ()).into_response();
    let headers = response.headers_mut();
    let mut set = |name, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    set(ETAG, &tag);
    set(ACCEPT_RANGES, "bytes");
    set(CONTENT_SECURITY_POLICY, CLOSED);
    match status {
        StatusCode::PARTIAL_CONTENT => set(CONTENT_RANGE, &format!("bytes {first}-{last}/{}", file.size)),
        StatusCode::RANGE_NOT_SATISFIABLE => set(CONTENT_RANGE, &format!("bytes */{}", file.size)),
        _ => {}
    }
    if sends {
        set(CONTENT_TYPE, file.kind.mime());
        set(CONTENT_LENGTH, &(last - first + 1).to_string());
        set(CONTENT_DISPOSITION, &disposition(&file.name));
        *response.body_mut() = content(v.clone(), file.id, first, last);
    }
    response
}

/// Both spellings of a name: the plain one has only what every client reads the same.
fn disposition(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-._ ()".contains(c) { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    format!("inline; filename=\"{ascii}\"; filename*=UTF-8''{}", percent_encode(name))
}

/// The bytes from `first` to `last`, a part at a time, as the client takes them.
fn content(v: ClassState, id: FileId, first: u64, last: u64) -> Body {
    let part = PART_BYTES as u64;
    Body::from_stream(unfold((v, first), move |(v, at)| async move {
        if at > last {
            return None;
        }
        let n = u32::try_from(at / part).unwrap_or(u32::MAX);
        let gone = || std::io::Error::other("the file is gone");
        let read = v.classes().file_part(id, n).await.map_err(std::io::Error::other);
        let cut = read.and_then(|bytes| {
            let bytes = bytes.ok_or_else(gone)?;
            let start = usize::try_from(at % part).map_err(|_| gone())?;
            let end = usize::try_from((at % part).saturating_add(last - at + 1)).unwrap_or(usize::MAX).min(bytes.len());
            bytes.get(start..end).filter(|b| !b.is_empty()).map(<[u8]>::to_vec).ok_or_else(gone)
        });
        let next = cut.as_ref().map_or(u64::MAX, |bytes| at + bytes.len() as u64);
        Some((cut, (v, next)))
    }))
}

/// Files may be kept by the browser that read them, unlike all other answers; and pages of other origins, where they are
/// let in, see what they need to read in pieces.
pub(crate) async fn surround(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    let headers = response.headers_mut();
    if matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(KEPT));
    }
    if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        let shown =
            HeaderValue::from_static("accept-ranges, content-length, content-range, etag, x-request-id, retry-after");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, shown);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_browsers_and_pdf_readers_send_them() {
        let read = |text: &'static str| wanted(Some(&HeaderValue::from_static(text)), 100);
        for (text, want) in [
            ("bytes=0-9", Wanted::Some(0, 9)),
            ("bytes=90-", Wanted::Some(90, 99)),
            ("bytes=90-900", Wanted::Some(90, 99)),
            ("bytes=-10", Wanted::Some(90, 99)),
            ("bytes=-900", Wanted::Some(0, 99)),
            ("bytes=99-99999999999999999999999", Wanted::Some(99, 99)),
            ("bytes=100-", Wanted::None),
            ("bytes=-0", Wanted::None),
            ("bytes=9-1", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("bytes=0-1,5-6", Wanted::All),
            ("lines=0-1", Wanted::All),
        ] {
            assert_eq!(read(text), want, "{text}");
        }
        assert_eq!(wanted(None, 100), Wanted::All);
    }

    #[test]
    fn names_end_no_header() {
        let shown = disposition("课\"; x=\\y .png");
        assert_eq!(shown, "inline; filename=\"___ x__y .png\"; filename*=UTF-8''%E8%AF%BE%22%3B%20x%3D%5Cy%20.png");
        assert!(HeaderValue::from_str(&shown).is_ok());
    }
}
