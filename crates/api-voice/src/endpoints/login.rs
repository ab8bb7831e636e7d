//! `POST /login`: user name and password for a bearer token; one route for two dialects.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::fields::at_most_bytes;
use stoa_api::refusal::Refusal;
use stoa_api::{ApiState, OpenCall};
use stoa_core::time::UnixMs;
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use super::{PASSWORD_BYTES, ok};
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
    let user = call.fields.user_id("username")?;
    let password = call.fields.required("password")?;
    at_most_bytes("password", &password, PASSWORD_BYTES)?;
    let iat = api.login().log_in(&user, &password, &call.client).await?;
    let exp = UnixMs::from_secs(iat).plus(api.config().token_ttl);
    let token = api.keys().mint(&user, iat, exp.secs(), Some(&api.fresh_session()));
    let zone = &api.config().zone;
    let data = LoginData { token: &token, expire: zone.slashed(exp) };
    ok(&LoginBody { code: 200, token: &token, expire: zone.rfc3339(exp), success: true, data })
}
