//! `POST /login`: user name and password for a bearer token; one route for two dialects.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::call::LoggedIn;
use stoa_api::refusal::Refusal;
use stoa_api::{ApiState, OpenCall};
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use super::ok;
use crate::body::{Answer, RefusalBody};
use crate::refuse::{Endpoint, respond};
use crate::routes::OpenRefusals;
use crate::state::VoiceState;

/// What `/login` reads.
#[derive(ToSchema)]
pub struct LoginRequest {
    /// Who.
    #[schema(min_length = 1, max_length = 255, example = "alice")]
    pub username: String,
    /// The password.
    #[schema(min_length = 1, max_length = 1024, example = "alice")]
    pub password: String,
}

/// What `/login` answers: both dialects' fields side by side.
#[derive(Serialize, ToSchema)]
pub struct LoginBody<'a> {
    /// 200.
    pub code: u16,
    /// The bearer token.
    pub token: &'a str,
    /// When it ends.
    #[schema(format = DateTime)]
    pub expire: String,
    /// True: the classroom's envelope.
    pub success: bool,
    /// The same for the classroom.
    pub data: LoginData<'a>,
}

/// The classroom's part.
#[derive(Serialize, ToSchema)]
pub struct LoginData<'a> {
    /// The bearer token.
    pub token: &'a str,
    /// When it ends, without a mark of the zone.
    pub expire: String,
}

/// Logs in.
#[utoipa::path(post, path = "/login", tag = "voice-room", operation_id = "login",
    summary = "User name and password for a bearer token", request_body = LoginRequest, security(()),
    responses((status = 200, description = "the token, or why not", body = Answer<LoginBody<'_>, RefusalBody<'_>>), OpenRefusals))]
pub async fn login(State(v): State<VoiceState>, call: Result<OpenCall, Refusal>) -> Response {
    respond(Endpoint::Login, call, |call| run(v.api(), call)).await
}

async fn run(api: &ApiState, call: OpenCall) -> Result<Response, Error> {
    let LoggedIn { token, expires } = call.log_in(api).await?;
    let zone = &api.config().zone;
    let data = LoginData { token: &token, expire: zone.slashed(expires) };
    ok(&LoginBody { code: 200, token: &token, expire: zone.rfc3339(expires), success: true, data })
}
