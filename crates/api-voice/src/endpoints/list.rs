//! `POST /api/chatroom/list`: page through live rooms, newest first.

use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Fields};
use stoa_core::id::RoomId;
use stoa_core::ports::PageStart;
use stoa_core::time::UnixMs;
use stoa_core::voice::Room;
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use super::ok;
use crate::body::{Answer, RefusalBody, RoomBody};
use crate::refuse::{Endpoint, respond};
use crate::routes::Refusals;
use crate::state::VoiceState;

/// Rooms of a page when the request does not say.
const DEFAULT_SIZE: i64 = 10;
/// Most rooms of a page. An answer of that size has about half a megabyte.
const MAX_SIZE: i64 = 500;

/// What `list` reads.
#[derive(ToSchema)]
pub struct ListRequest {
    /// From 1; below counts as 1.
    #[schema(default = 1)]
    pub page_num: Option<i64>,
    /// Below 1 counts as 10, above 500 as 500.
    #[schema(default = 10)]
    pub page_size: Option<i64>,
    /// `next_cursor` of the page before; then `page_num` is ignored.
    pub cursor: Option<String>,
}

/// What `list` answers.
#[derive(Serialize, ToSchema)]
pub struct ListBody<'a> {
    /// 200.
    pub code: u16,
    /// The rooms.
    #[schema(max_items = 500)]
    pub rooms: Vec<RoomBody<'a>>,
    /// Where to go on; only when more rooms follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Lists live rooms.
#[utoipa::path(post, path = "/api/chatroom/list", tag = "voice-room", operation_id = "list",
    summary = "Page through live rooms", request_body = ListRequest, security(("bearer" = [])),
    responses((status = 200, description = "a page, or why not", body = Answer<ListBody<'_>, RefusalBody<'_>>), Refusals))]
pub async fn list(State(v): State<VoiceState>, call: Result<Call, Refusal>) -> Response {
    respond(Endpoint::List, call, |call| run(&v, call)).await
}

async fn run(v: &VoiceState, call: Call) -> Result<Response, Error> {
    let (start, size) = page(&call.fields)?;
    // One more than asked for tells whether another page follows.
    let mut found = v.voice().list(start, size + 1).await?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = found.len() > size;
    found.truncate(size);
    let next_cursor = found.last().filter(|_| more).map(|room| cursor_after(room));
    let zone = &v.api().config().zone;
    let rooms = found.iter().map(|r| RoomBody::of(r, v.voice().online(r), zone)).collect();
    ok(&ListBody { code: 200, rooms, next_cursor })
}

fn page(fields: &Fields) -> Result<(PageStart, u32)> {
    let num = fields.integer("page_num")?.unwrap_or(1).max(1);
    let size = match fields.integer("page_size")?.unwrap_or(DEFAULT_SIZE) {
        ..=0 => DEFAULT_SIZE,
        n => n.min(MAX_SIZE),
    };
    let start = match fields.string("cursor")?.filter(|c| !c.is_empty()) {
        Some(text) => read_cursor(&text).ok_or_else(|| Error::bad_input("cursor", "is not one of ours"))?,
        None => {
            let skip = (num - 1).saturating_mul(size);
            PageStart::Offset(u64::try_from(skip).unwrap_or(0))
        }
    };
    Ok((start, u32::try_from(size).unwrap_or(u32::MAX)))
}

/// The position after this room: `created` in milliseconds, a dot, the id.
fn cursor_after(room: &Room) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", room.created.0, room.id))
}

fn read_cursor(text: &str) -> Option<PageStart> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (created, id) = plain.split_once('.')?;
    let (created, id) = (UnixMs(created.parse().ok()?), RoomId::parse(id)?);
    // Only what we would write: a mangled cursor must not become another place by accident.
    (format!("{}.{id}", created.0) == plain).then_some(PageStart::After(created, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(PageStart, u32)> {
        page(&Fields::parse(body.to_owned().into()).unwrap())
    }

    #[test]
    fn pages_are_defaulted_and_clamped() {
        for (body, offset, size) in [
            ("{}", 0, 10),
            (r#"{"page_num":0,"page_size":0}"#, 0, 10),
            (r#"{"page_num":-5,"page_size":-1}"#, 0, 10),
            (r#"{"page_num":2,"page_size":501}"#, 500, 500),
            (r#"{"page_num":"3","page_size":" 7 "}"#, 14, 7),
            (r#"{"page_num":9223372036854775807,"page_size":500}"#, i64::MAX as u64, 500),
            (r#"{"cursor":""}"#, 0, 10),
        ] {
            assert_eq!(read(body).unwrap(), (PageStart::Offset(offset), size), "{body}");
        }
    }

    #[test]
    fn a_cursor_is_a_position_and_mangled_ones_are_refused() {
        let id = RoomId::parse("5f0c2b7e9d3a4c16a8e4d1b07c92f35a").unwrap();
        let text = URL_SAFE_NO_PAD.encode(format!("1710420179000.{id}"));
        assert!(text.starts_with("MTcxMDQyMDE3OTAwMC41ZjBj"), "{text}");
        assert_eq!(read_cursor(&text), Some(PageStart::After(UnixMs(1_710_420_179_000), id)));
        let dashed = URL_SAFE_NO_PAD.encode("1710420179000.5f0c2b7e-9d3a-4c16-a8e4-d1b07c92f35a");
        for bad in [" ", "x", &text[1..], &text[..text.len() - 2], &format!("{text}="), &dashed, "LjA"] {
            assert!(read_cursor(bad).is_none(), "{bad}");
            let e = read(&format!("{{\"cursor\":\"{bad}\"}}")).unwrap_err();
            assert_eq!(e.public(), "cursor: is not one of ours");
        }
    }
}
