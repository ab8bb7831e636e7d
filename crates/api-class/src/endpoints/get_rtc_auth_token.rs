//! `POST /api/v1/class/getRtcAuthToken`: credentials for the media channel, without an envelope (classroom.md 4.27).

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use stoa_api::answer::json;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Together as _};
use stoa_core::Error;
use utoipa::ToSchema;

use crate::config::MediaProvider;
use crate::refuse::{Missing, respond};
use crate::reply::Refused;
use crate::routes::Refusals;
use crate::state::ClassState;

/// What `getRtcAuthToken` reads.
#[derive(ToSchema)]
pub struct RtcTokenRequest {
    /// A `meeting_id`.
    #[schema(min_length = 1)]
    pub room_id: String,
    /// The caller, or the caller with `_shadow` behind it; administrators: anybody.
    #[schema(min_length = 1, max_length = 262)]
    pub user_id: String,
}

/// What `getRtcAuthToken` answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct RtcTokenBody<'a> {
    /// True.
    success: bool,
    /// The token, as the document names it.
    auth_token: &'a str,
    /// The token, as some clients read it.
    #[serde(rename = "authToken")]
    auth_token_camel: &'a str,
    /// When the token ends, Unix seconds.
    timestamp: i64,
    /// The media server's address.
    rtc_url: &'a str,
    /// The channel: the meeting id.
    rtc_room: &'a str,
    /// The participant.
    rtc_identity: &'a str,
    /// `embedded`.
    rtc_provider: &'static str,
}

/// Either answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RtcTokenAnswer<'a> {
    /// The credentials.
    Done(RtcTokenBody<'a>),
    /// Why not.
    Refused(Refused),
}

/// Hands out credentials for media.
#[utoipa::path(post, path = "/api/v1/class/getRtcAuthToken", tag = "classroom", operation_id = "getRtcAuthToken",
    summary = "Credentials for the media channel", request_body = RtcTokenRequest, security(("bearer" = [])),
    responses((status = 200, description = "the credentials, or why not", body = RtcTokenAnswer<'_>), Refusals))]
pub async fn get_rtc_auth_token(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, |call| run(&v, call)).await
}

async fn run(v: &ClassState, call: Call) -> Result<Response, Error> {
    let (room, name) = (call.fields.required("room_id"), call.fields.required("user_id")).together()?;
    let MediaProvider::Embedded { ttl, .. } = &v.config().media;
    let ttl_secs = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
    let grant = v.classes().rtc_grant(&call.caller, &room, &name, ttl_secs).await?;
    let token = v.tokens().mint(v.app(), &grant);
    let body = RtcTokenBody {
        success: true,
        auth_token: &token,
        auth_token_camel: &token,
        timestamp: grant.exp_secs,
        rtc_url: &v.websocket_base(&call.origin),
        rtc_room: grant.channel.as_str(),
        rtc_identity: grant.identity.as_str(),
        rtc_provider: "embedded",
    };
    Ok(json(StatusCode::OK, &body))
}
