//! `POST /api/chatroom/getRtcAuthToken`: credentials for the media channel.

use axum::extract::State;
use axum::response::Response;
use secrecy::ExposeSecret;
use serde::Serialize;
use stoa_api::Call;
use stoa_api::refusal::Refusal;
use stoa_core::{Error, Result};
use stoa_vendor::aliyun;
use utoipa::ToSchema;

use super::{ok, room_id};
use crate::config::MediaProvider;
use crate::refuse::{Endpoint, respond};
use crate::routes::StatusRefusals;
use crate::state::VoiceState;

/// What `getRtcAuthToken` reads.
#[derive(ToSchema)]
pub struct RtcTokenRequest {
    /// The room.
    #[schema(min_length = 1)]
    pub room_id: String,
    /// The caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
}

/// What `getRtcAuthToken` answers.
#[derive(Serialize, ToSchema)]
pub struct RtcTokenBody<'a> {
    /// 200.
    pub code: u16,
    /// The token, as the apps read it.
    pub auth_token: &'a str,
    /// The token, as the document names it.
    #[serde(rename = "authToken")]
    pub auth_token_published: &'a str,
    /// When the token ends, Unix seconds.
    pub timestamp: i64,
    /// `embedded` or `aliyun`.
    pub rtc_provider: &'static str,
    /// The media server's address; embedded engine only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtc_url: Option<&'a str>,
    /// The vendor's application; vendor only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtc_app_id: Option<&'a str>,
    /// The channel: the room's id.
    pub rtc_room: &'a str,
    /// The participant: the user.
    pub rtc_identity: &'a str,
}

/// Hands out credentials for media.
#[utoipa::path(post, path = "/api/chatroom/getRtcAuthToken", tag = "voice-room", operation_id = "getRtcAuthToken",
    summary = "Credentials for the media channel", request_body = RtcTokenRequest, security(("bearer" = [])),
    responses((status = 200, description = "the credentials", body = RtcTokenBody<'_>), StatusRefusals))]
pub async fn get_rtc_auth_token(State(v): State<VoiceState>, call: Result<Call, Refusal>) -> Response {
    respond(Endpoint::RtcToken, call, |call| run(&v, call)).await
}

async fn run(v: &VoiceState, call: Call) -> Result<Response, Error> {
    let room = room_id(&call.fields, "room_id")?;
    let user = call.fields.user_id("user_id")?;
    let grant = v.voice().rtc_grant(&call.caller, room, &user).await?;
    let (channel, identity, timestamp) = (grant.channel.as_str(), grant.identity.as_str(), grant.exp_secs);
    let body = |token, rtc_provider, rtc_url, rtc_app_id| {
        ok(&RtcTokenBody {
            code: 200,
            auth_token: token,
            auth_token_published: token,
            timestamp,
            rtc_provider,
            rtc_url,
            rtc_app_id,
            rtc_room: channel,
            rtc_identity: identity,
        })
    };
    match &v.config().media {
        MediaProvider::Embedded => {
            let url = call.origin.websocket_base(v.config().public_url.as_deref());
            body(&v.tokens().mint(v.app(), &grant), "embedded", Some(&url), None)
        }
        MediaProvider::Aliyun(rtc) => {
            let signed = aliyun::Rtc { app_id: &rtc.app_id, channel, user: user.as_str(), timestamp };
            body(&signed.token(rtc.app_key.expose_secret()), "aliyun", None, Some(&rtc.app_id))
        }
    }
}
