//! `POST /api/v1/class/login`: user name and password for a bearer token. `/login`, which two dialects share, is the
//! voice-room dialect's.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use stoa_api::OpenCall;
use stoa_api::refusal::Refusal;
use utoipa::ToSchema;

use crate::refuse::{Missing, respond};
use crate::reply::{Answer, ok};
use crate::routes::OpenRefusals;
use crate::state::ClassState;

/// What `login` reads.
#[derive(ToSchema)]
#[schema(as = LoginRequest)]
pub struct LoginRequest {
    /// Who.
    #[schema(min_length = 1, max_length = 255, example = "alice")]
    pub username: String,
    /// The password.
    #[schema(min_length = 1, max_length = 1024, example = "alice")]
    pub password: String,
}

/// A login.
#[derive(Serialize, ToSchema)]
pub struct LoginData {
    /// The bearer token.
    token: String,
    /// When it ends, without a mark of the zone.
    #[schema(example = "2023/11/22 06:13:20")]
    expire: String,
}

/// Logs in.
#[utoipa::path(post, path = "/api/v1/class/login", tag = "classroom", operation_id = "login",
    summary = "User name and password for a bearer token", request_body = LoginRequest, security(()),
    responses((status = 200, description = "the token, or why not", body = Answer<LoginData>), OpenRefusals))]
pub async fn login(State(v): State<ClassState>, call: Result<OpenCall, Refusal>) -> Response {
    respond(Missing::Found, call, async |call| {
        let made = call.log_in(v.api()).await?;
        ok(LoginData { token: made.token, expire: v.slashed(made.expires) })
    })
    .await
}
