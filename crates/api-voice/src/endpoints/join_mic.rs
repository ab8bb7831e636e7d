//! `POST /api/chatroom/joinMic`: take a seat.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::Call;
use stoa_api::refusal::Refusal;
use stoa_core::voice::{Outcome, SeatIndex};
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use super::{SEAT_EXTENDS_BYTES, SEAT_EXTENDS_STRINGS, ok, room_id};
use crate::body::{Answer, RefusalBody, SeatBody, seats};
use crate::refuse::{Endpoint, carry_out};
use crate::routes::Refusals;
use crate::state::VoiceState;

/// What `joinMic` reads.
#[derive(ToSchema)]
pub struct JoinMicRequest {
    /// The room.
    #[schema(min_length = 1)]
    pub id: String,
    /// Who will sit: the caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// That seat if free, otherwise the lowest free one; at or below 0 is no wish.
    #[schema(maximum = 8)]
    pub index: Option<i64>,
    /// Text of one JSON object, kept byte for byte.
    #[schema(max_length = 2048)]
    pub extends: Option<String>,
}

/// The seats after `joinMic`. They are there only on success: iOS takes any `members` for success.
#[derive(Serialize, ToSchema)]
pub struct SeatedBody<'a> {
    /// 200.
    pub code: u16,
    /// The eight seats, the caller's among them.
    #[schema(min_items = 8, max_items = 8)]
    pub members: Vec<SeatBody<'a>>,
}

/// Why there is no seat, although nothing went wrong.
#[derive(Serialize, ToSchema)]
pub struct NoSeatBody {
    /// 200.
    pub code: u16,
    /// 1 no seat is free, 2 this user sits already.
    #[schema(minimum = 1, maximum = 2)]
    pub reason: u8,
    /// The reason in words.
    pub desc: &'static str,
    /// The reason in words.
    pub message: &'static str,
    /// With reason 2: the seat held.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 8)]
    pub index: Option<u8>,
}

/// The two ways of saying no with HTTP 200.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum NotSeated<'a> {
    /// A business outcome.
    NoSeat(NoSeatBody),
    /// A refusal.
    Refused(RefusalBody<'a>),
}

/// Takes a seat.
#[utoipa::path(post, path = "/api/chatroom/joinMic", tag = "voice-room", operation_id = "joinMic",
    summary = "Take a seat", request_body = JoinMicRequest, security(("bearer" = [])),
    responses((status = 200, description = "the seats, or why not", body = Answer<SeatedBody<'_>, NotSeated<'_>>), Refusals))]
pub async fn join_mic(State(v): State<VoiceState>, call: Result<Call, Refusal>) -> Response {
    carry_out(Endpoint::JoinMic, call, |call| run(v, call)).await
}

async fn run(v: VoiceState, call: Call) -> Result<Response, Error> {
    let f = &call.fields;
    let room = room_id(f, "id")?;
    let user = f.user_id("user_id")?;
    let wish = SeatIndex::wish(f.integer("index")?.unwrap_or(0))?;
    let extends = f.extends("extends", SEAT_EXTENDS_BYTES, &SEAT_EXTENDS_STRINGS)?.unwrap_or_default();
    let applied = v.voice().take_seat(&call.caller, room, &user, wish, extends).await?;
    let no_seat = |reason, desc, index| ok(&NoSeatBody { code: 200, reason, desc, message: desc, index });
    match applied.outcome {
        Outcome::Full => no_seat(1, "all seats are taken", None),
        Outcome::AlreadySeated(held) => no_seat(2, "user already holds a seat", Some(held.get())),
        _ => ok(&SeatedBody { code: 200, members: seats(&applied.room) }),
    }
}
