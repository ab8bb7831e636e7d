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

/// Life of a vendor's media token and addresses (classroom.md 6.4).
pub(crate) const VENDOR_TTL_SECS: i64 = 86_400;

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
    /// The media server's address, where it is ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtc_url: Option<&'a str>,
    /// The channel: the meeting id.
    rtc_room: &'a str,
    /// The participant.
    rtc_identity: &'a str,
    /// `embedded` or `aliyun`.
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
    let ttl_secs = match &v.config().media {
        MediaProvider::Embedded { ttl, .. } => i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX),
        MediaProvider::Aliyun(_) => VENDOR_TTL_SECS,
    };
    let grant = v.classes().rtc_grant(&call.caller, &room, &name, ttl_secs).await?;
    let (channel, identity) = (grant.channel.as_str(), grant.identity.as_str());
    let (token, rtc_url, rtc_provider) = match &v.config().media {
        MediaProvider::Embedded { .. } => {
            (v.tokens().mint(v.app(), &grant), Some(v.websocket_base(&call.origin)), "embedded")
        }
        MediaProvider::Aliyun(aliyun) => {
            let token = aliyun.rtc_token(channel, identity, grant.exp_secs).map_err(Error::internal_error)?;
            (token, None, "aliyun")
        }
    };
    let body = RtcTokenBody {
        success: true,
        auth_token: &token,
        auth_token_camel: &token,
        timestamp: grant.exp_secs,
        rtc_url: rtc_url.as_deref(),
        rtc_room: channel,
        rtc_identity: identity,
        rtc_provider,
    };
    Ok(json(StatusCode::OK, &body))
}
