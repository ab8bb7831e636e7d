//! `POST /api/v1/class/getWhiteboardAuthInfo`: a ticket for a whiteboard's door (classroom.md 4.15, 6.6).

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::Call;
use stoa_api::refusal::Refusal;
use stoa_vendor::netease::ClientAuth;
use utoipa::ToSchema;

use crate::board::checksum;
use crate::config::BoardProvider;
use crate::refuse::{Missing, respond};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// Nothing is read; a body may be missing.
#[derive(ToSchema)]
pub struct NothingRequest {}

/// A ticket, good for five minutes and once.
#[derive(Serialize, ToSchema)]
pub struct BoardTicket {
    /// Now, Unix seconds.
    #[serde(rename = "curTime")]
    cur_time: i64,
    /// Differs with every answer.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    nonce: String,
    /// Proof that both are ours.
    #[schema(pattern = "^[0-9a-f]{40}$")]
    checksum: String,
}

/// Hands out a ticket.
#[utoipa::path(post, path = "/api/v1/class/getWhiteboardAuthInfo", tag = "classroom", operation_id = "getWhiteboardAuthInfo",
    summary = "A ticket for a whiteboard", request_body = NothingRequest, security(("bearer" = [])),
    responses((status = 200, description = "the ticket, or why not", body = Answer<BoardTicket>), Refusals))]
pub async fn get_whiteboard_auth_info(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, async |_call| {
        ok(match &v.config().board {
            BoardProvider::Embedded(keys) => {
                let (cur_time, nonce) = (v.now().secs(), hex::encode(v.random::<16>()));
                let checksum = checksum(keys, &nonce, cur_time);
                BoardTicket { cur_time, nonce, checksum }
            }
            BoardProvider::NetEase(netease) => {
                let ClientAuth { nonce, cur_time, checksum } = netease.client_auth();
                BoardTicket { cur_time, nonce, checksum }
            }
        })
    })
    .await
}
