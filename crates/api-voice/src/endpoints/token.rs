//! `POST /api/chatroom/token`: credentials for the message hub.

use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use serde::Serialize;
use stoa_api::Call;
use stoa_api::hub_token::{Hub, HubMint, HubSubject, Profile, uuid};
use stoa_api::refusal::Refusal;
use stoa_core::id::UserId;
use stoa_core::{Error, Result};
use stoa_vendor::aliyun;
use utoipa::ToSchema;

use super::{DEVICE_BYTES, ok, short};
use crate::body::{Answer, RefusalBody};
use crate::config::{AliyunIm, AliyunRole, ImProvider};
use crate::refuse::{Endpoint, respond};
use crate::routes::Refusals;
use crate::state::VoiceState;

/// Shortest life of `app_token` in seconds: Android never renews it.
const LEAST_SECS: u64 = 86_400;

/// What `token` reads.
#[derive(ToSchema)]
pub struct TokenRequest {
    /// The caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// `admin` asks for management rights.
    pub role: Option<String>,
    /// The device, for single login.
    #[schema(max_length = 255)]
    pub device_id: Option<String>,
    /// Its kind.
    #[schema(max_length = 255)]
    pub device_type: Option<String>,
}

/// What `token` answers.
#[derive(Serialize, ToSchema)]
pub struct TokenBody<'a> {
    /// 200.
    pub code: u16,
    /// What the message library wants, in both published spellings.
    pub aliyun_im: Bundle<'a>,
    /// The same for any Centrifuge SDK; embedded hub only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<Hub>,
    /// `embedded` or `aliyun`.
    pub im_provider: &'static str,
    /// The hub's address; embedded hub only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub im_url: Option<&'a str>,
}

/// The published credentials.
#[derive(Serialize, ToSchema)]
pub struct Bundle<'a> {
    /// Application.
    pub app_id: &'a str,
    /// Same as `app_id`.
    pub appid: &'a str,
    /// Signature of the application.
    pub app_sign: &'a str,
    /// Same as `app_sign`.
    pub appsign: &'a str,
    /// Token.
    pub app_token: &'a str,
    /// Same as `app_token`.
    pub apptoken: &'a str,
    /// What the token is bound to.
    pub auth: Auth<'a>,
    /// `embedded` or `aliyun`.
    pub im_provider: &'static str,
    /// The hub's address; embedded hub only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub im_url: Option<&'a str>,
}

/// What a message token is bound to.
#[derive(Serialize, ToSchema)]
pub struct Auth<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// Same as `user_id`.
    pub userid: &'a str,
    /// Differs with every answer.
    #[schema(max_length = 64)]
    pub nonce: &'a str,
    /// When the token ends, Unix seconds.
    pub timestamp: i64,
    /// `admin` or `user`.
    pub role: &'a str,
}

/// Everything that both providers' tokens are made of.
struct Ask<'a> {
    user: &'a UserId,
    /// What was asked for.
    role: &'a str,
    /// Asked for by somebody who is one.
    admin: bool,
    device_id: &'a str,
    device_type: &'a str,
    session: &'a str,
    nonce: &'a str,
    now: i64,
    ends: i64,
}

/// Hands out credentials for messages.
#[utoipa::path(post, path = "/api/chatroom/token", tag = "voice-room", operation_id = "token",
    summary = "Credentials for the message hub", request_body = TokenRequest, security(("bearer" = [])),
    responses((status = 200, description = "the credentials, or why not", body = Answer<TokenBody<'_>, RefusalBody<'_>>), Refusals))]
pub async fn token(State(v): State<VoiceState>, call: Result<Call, Refusal>) -> Response {
    respond(Endpoint::Token, call, async |call| run(&v, call)).await
}

fn run(v: &VoiceState, call: Call) -> Result<Response, Error> {
    let user = call.fields.user_id("user_id")?;
    let role = call.fields.string("role")?.unwrap_or_default();
    let device_id = short(&call.fields, "device_id", DEVICE_BYTES)?.unwrap_or_default();
    let device_type = short(&call.fields, "device_type", DEVICE_BYTES)?.unwrap_or_default();
    call.caller.act_as(&user, "user_id")?;
    let now = v.api().clock().now().wall.secs();
    let life = v.config().im_token_ttl.as_secs().max(LEAST_SECS);
    let ask = Ask {
        user: &user,
        role: &role,
        admin: call.caller.admin && role == "admin",
        device_id: &device_id,
        device_type: &device_type,
        session: call.session.as_deref().unwrap_or_default(),
        nonce: &format!("AK-{}", uuid(v.random())),
        now,
        ends: now.saturating_add(i64::try_from(life).unwrap_or(i64::MAX)),
    };
    match &v.config().im {
        ImProvider::Embedded(mint) => {
            let base = call.origin.websocket_base(v.config().public_url.as_deref());
            embedded(v, mint, &Hub::url(&base), &ask)
        }
        ImProvider::Aliyun(im) => vendor(im, &ask),
    }
}

fn embedded(v: &VoiceState, mint: &HubMint, url: &str, ask: &Ask<'_>) -> Result<Response, Error> {
    let who = HubSubject {
        app: v.app().id,
        user: ask.user,
        face: "voice",
        device: ask.device_id,
        device_type: ask.device_type,
        sid: ask.session,
        admin: ask.admin,
    };
    let make = |profile| mint.mint(&who, profile, ask.nonce, ask.now);
    let (app_sign, app_token) = (URL_SAFE_NO_PAD.encode(url), make(Profile::Lasting(ask.ends - ask.now)).token);
    let shared = Shared { app_id: &v.config().im_app_id, app_sign: &app_sign, app_token: &app_token, url: Some(url) };
    let role = if ask.admin { "admin" } else { "user" };
    shared.answer(auth(ask, role), "embedded", Some(Hub::at(url.to_owned(), make(Profile::Short))))
}

fn vendor(im: &AliyunIm, ask: &Ask<'_>) -> Result<Response, Error> {
    let role = match im.role {
        AliyunRole::AsRequested => ask.role,
        AliyunRole::Strict if ask.admin => "admin",
        AliyunRole::Strict => "",
    };
    let user = ask.user.as_str();
    let signed = aliyun::Im { app_id: &im.app_id, user, nonce: ask.nonce, timestamp: ask.ends, role };
    let app_token = signed.token(im.app_key.expose_secret());
    let shared = Shared { app_id: &im.app_id, app_sign: &im.app_sign, app_token: &app_token, url: None };
    shared.answer(auth(ask, role), "aliyun", None)
}

/// What the bundle says twice.
struct Shared<'a> {
    app_id: &'a str,
    app_sign: &'a str,
    app_token: &'a str,
    url: Option<&'a str>,
}

impl<'a> Shared<'a> {
    fn answer(&self, auth: Auth<'a>, provider: &'static str, hub: Option<Hub>) -> Result<Response, Error> {
        let aliyun_im = Bundle {
            app_id: self.app_id,
            appid: self.app_id,
            app_sign: self.app_sign,
            appsign: self.app_sign,
            app_token: self.app_token,
            apptoken: self.app_token,
            auth,
            im_provider: provider,
            im_url: self.url,
        };
        ok(&TokenBody { code: 200, aliyun_im, hub, im_provider: provider, im_url: self.url })
    }
}

fn auth<'a>(ask: &Ask<'a>, role: &'a str) -> Auth<'a> {
    let user = ask.user.as_str();
    Auth { user_id: user, userid: user, nonce: ask.nonce, timestamp: ask.ends, role }
}
