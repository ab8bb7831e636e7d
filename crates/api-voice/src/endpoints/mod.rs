//! One endpoint, one file: what it reads, what it answers, how its description reads.

pub mod create;
pub mod dismiss;
pub mod get;
pub mod get_meeting_info;
pub mod get_rtc_auth_token;
pub mod join_mic;
pub mod leave_mic;
pub mod list;
pub mod login;
pub mod token;
pub mod update;

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use stoa_api::Fields;
use stoa_api::answer::json;
use stoa_api::fields::{at_most_bytes, at_most_chars};
use stoa_core::id::RoomId;
use stoa_core::{Error, Result};

/// Limits of voice-room.md 2.2. They are the contract's: clients cut their inputs to them.
const TITLE_CHARS: usize = 256;
const NICK_CHARS: usize = 256;
const NOTICE_CHARS: usize = 1024;
const ROOM_EXTENDS_BYTES: usize = 8192;
const SEAT_EXTENDS_BYTES: usize = 2048;
const COVER_BYTES: usize = 1024;
const DEVICE_BYTES: usize = 255;

/// Names whose values the mobile clients read as strings.
const ROOM_EXTENDS_STRINGS: [&str; 1] = ["anchor_avatar"];
const SEAT_EXTENDS_STRINGS: [&str; 2] = ["user_nick", "user_avatar"];

fn ok<T: Serialize>(body: &T) -> Result<Response, Error> {
    Ok(json(StatusCode::OK, body))
}

/// A room id; `None` when the text can name no room.
fn room_id(fields: &Fields, field: &'static str) -> Result<Option<RoomId>> {
    Ok(RoomId::parse(&fields.required(field)?))
}

/// An optional text of at most `max` scalar values.
fn text(fields: &Fields, field: &'static str, max: usize) -> Result<Option<String>> {
    let text = fields.string(field)?;
    if let Some(t) = &text {
        at_most_chars(field, t, max)?;
    }
    Ok(text)
}

/// An optional text of at most `max` bytes.
fn short(fields: &Fields, field: &'static str, max: usize) -> Result<Option<String>> {
    let text = fields.string(field)?;
    if let Some(t) = &text {
        at_most_bytes(field, t, max)?;
    }
    Ok(text)
}

fn room_extends(fields: &Fields) -> Result<Option<String>> {
    fields.extends("extends", ROOM_EXTENDS_BYTES, &ROOM_EXTENDS_STRINGS)
}
