//! `POST /api/v1/class/getLiveJumpUrl` and `/api/v1/class/verifyAuthToken`: a user is taken over by the app that pushes
//! live video, without a login there (classroom.md 4.28). Neither is enveloped.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use stoa_api::answer::json;
use stoa_api::envelope::Envelope;
use stoa_api::hub_token::uuid;
use stoa_api::jwt::verify;
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Fields, OpenCall, Together as _};
use stoa_core::caller::Caller;
use stoa_core::id::UserId;
use stoa_core::time::UnixMs;
use stoa_core::{Error, Kind, Result};
use stoa_vendor::text::percent_encode;
use utoipa::ToSchema;

use crate::read::{NAME_CHARS, chars, class_id};
use crate::refuse::{Missing, respond};
use crate::reply::Refused;
use crate::routes::{OpenRefusals, Refusals};
use crate::state::ClassState;

/// Page of the app that takes users over.
const PAGE: &str = "auipusher://page/live-room";
/// Who a jump token is for, so that it opens nothing else.
const AUDIENCE: &str = "jump";
/// Life of a jump token in seconds: the user may have to install the app first.
const LIFE_SECS: i64 = 3600;

/// What `getLiveJumpUrl` reads.
#[derive(ToSchema)]
pub struct JumpRequest {
    /// The caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// A class.
    #[schema(min_length = 1)]
    pub live_id: String,
    /// Shown in the app.
    #[schema(max_length = 256)]
    pub user_name: Option<String>,
}

/// What `getLiveJumpUrl` answers.
#[derive(Serialize, ToSchema)]
pub struct JumpBody {
    /// True.
    #[schema(schema_with = crate::reply::yes)]
    success: bool,
    /// Opens the app. The token in it works once, within an hour.
    #[schema(example = "auipusher://page/live-room?app_server=https%3A%2F%2Fclass.example.com&token=…")]
    live_jump_url: String,
}

/// Either answer.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum JumpAnswer {
    /// The address.
    Done(JumpBody),
    /// Why not.
    Refused(Refused),
}

/// What `verifyAuthToken` reads: the values of the address, decoded.
#[derive(ToSchema)]
pub struct JumpToken {
    /// As in the address.
    #[schema(min_length = 1)]
    pub user_id: String,
    /// As in the address.
    #[schema(min_length = 1)]
    pub live_id: String,
    /// As in the address.
    #[schema(min_length = 1)]
    pub app_server: String,
    /// As in the address.
    #[schema(min_length = 1)]
    pub token: String,
    /// As in the address, or left out.
    pub user_name: Option<String>,
}

/// What `verifyAuthToken` answers.
#[derive(Serialize, ToSchema)]
pub struct LoginTokenBody {
    /// True.
    #[schema(schema_with = crate::reply::yes)]
    success: bool,
    /// A bearer token of the user.
    login_token: String,
}

/// Either answer; a token that does not count is refused with `InvalidToken`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum LoginTokenAnswer {
    /// The bearer token.
    Done(LoginTokenBody),
    /// Why not.
    Refused(Refused),
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    user_id: String,
    live_id: String,
    user_name: String,
    app_server: String,
    iat: i64,
    exp: i64,
    jti: String,
}

/// Makes an address that takes a user over into another app.
#[utoipa::path(post, path = "/api/v1/class/getLiveJumpUrl", tag = "classroom", operation_id = "getLiveJumpUrl",
    summary = "An address that opens the live app for a user", request_body = JumpRequest, security(("bearer" = [])),
    responses((status = 200, description = "the address, or why not", body = JumpAnswer), Refusals))]
pub async fn get_live_jump_url(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, async |call| {
        let f = &call.fields;
        let (user, id, name) =
            (f.user_id("user_id"), class_id(f, "live_id"), chars(f, "user_name", NAME_CHARS)).together()?;
        let class = v.classes().jump(&call.caller, id, &user).await?;
        no_rise(&v, &call.caller, &user).await?;
        let iat = v.now().secs();
        let claims = Claims {
            aud: AUDIENCE.to_owned(),
            user_id: user.to_string(),
            live_id: class.to_string(),
            user_name: name.unwrap_or_default(),
            app_server: call.origin.http_base(v.config().public_url.as_deref()),
            iat,
            exp: iat + LIFE_SECS,
            jti: uuid(v.random()),
        };
        let live_jump_url = address(&claims, &v.config().jump_key.sign(&claims));
        Ok(json(StatusCode::OK, &JumpBody { success: true, live_jump_url }))
    })
    .await
}

/// Where names in bodies are believed (`auth.bind_subject`), nobody becomes an administrator by that: the token at the
/// end of a jump is a login.
async fn no_rise(v: &ClassState, caller: &Caller, user: &UserId) -> Result<()> {
    if caller.admin || caller.user == *user || !v.api().login().caller(user.clone(), v.now().secs()).await?.admin {
        return Ok(());
    }
    Err(Error::new(Kind::NotYou, "user_id does not match the token"))
}

fn address(c: &Claims, token: &str) -> String {
    let values = [
        ("app_server", c.app_server.as_str()),
        ("token", token),
        ("user_id", &c.user_id),
        ("user_name", &c.user_name),
        ("live_id", &c.live_id),
    ];
    let query: Vec<String> = values.iter().map(|(name, value)| format!("{name}={}", percent_encode(value))).collect();
    format!("{PAGE}?{}", query.join("&"))
}

/// Exchanges the token of a jump for a login.
#[utoipa::path(post, path = "/api/v1/class/verifyAuthToken", tag = "classroom", operation_id = "verifyAuthToken",
    summary = "A bearer token for the token of a jump, once", request_body = JumpToken, security(()),
    responses((status = 200, description = "the bearer token, or why not", body = LoginTokenAnswer), OpenRefusals))]
pub async fn verify_auth_token(State(v): State<ClassState>, call: Result<OpenCall, Refusal>) -> Response {
    respond(Missing::Found, call, async |call| {
        let given = Given::read(&call.fields)?;
        Ok(match log_in(&v, &given).await? {
            Some(login_token) => json(StatusCode::OK, &LoginTokenBody { success: true, login_token }),
            None => json(StatusCode::OK, &Envelope::plain("401", "InvalidToken")),
        })
    })
    .await
}

/// What came back from the app.
struct Given {
    user: String,
    live: String,
    server: String,
    token: String,
    name: Option<String>,
}

impl Given {
    fn read(f: &Fields) -> Result<Self> {
        let (user, live, server, token, name) = (
            f.required("user_id"),
            f.required("live_id"),
            f.required("app_server"),
            f.required("token"),
            f.string("user_name"),
        )
            .together()?;
        Ok(Self { user, live, server, token, name })
    }

    fn fits(&self, c: &Claims) -> bool {
        let name = self.name.as_ref().is_none_or(|n| *n == c.user_name);
        name && self.user == c.user_id && self.live == c.live_id && self.server == c.app_server
    }
}

/// A login token, if everything fits that came back with a jump token that was not used before.
async fn log_in(v: &ClassState, given: &Given) -> Result<Option<String>> {
    let now = v.now().secs();
    let verified = verify::<Claims>(&given.token, std::slice::from_ref(&v.config().jump_key));
    let Some(claims) = verified.ok().filter(|c| c.aud == AUDIENCE && now < c.exp && given.fits(c)) else {
        return Ok(None);
    };
    let Ok(user) = UserId::for_dialect("user_id", claims.user_id) else { return Ok(None) };
    // A login counts as long as the account lets it, and a jump that began before is no way around that.
    match v.api().login().caller(user.clone(), claims.iat).await {
        Err(e) if *e.kind() == Kind::Unauthenticated => return Ok(None),
        counts => drop(counts?),
    }
    if !v.classes().use_jump(&claims.jti, UnixMs::from_secs(claims.exp)).await? {
        return Ok(None);
    }
    let expires = UnixMs::from_secs(now).plus(v.api().config().token_ttl);
    Ok(Some(v.api().keys().mint(&user, now, expires.secs(), Some(&v.api().fresh_session()))))
}
