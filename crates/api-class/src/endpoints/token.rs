//! `POST /api/v1/class/token`, `/api/v2/class/token`: credentials for the message hub (classroom.md 4.1).

use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use stoa_api::hub_token::{ACCESS_SECS, HubClaims, HubMeta, LONG_SECS, SHORT_SECS, hub_uid, uuid};
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Fields, Together as _};
use stoa_core::id::UserId;
use stoa_core::{Error, Result};
use utoipa::ToSchema;

use crate::config::ImProvider;
use crate::read::{DEVICE_CHARS, Im, im_server, needed_chars};
use crate::refuse::{Missing, respond};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// Devices that may ask.
const DEVICE_TYPES: [&str; 4] = ["ios", "android", "web", "pc"];

/// What the tokens' routes read.
#[derive(ToSchema)]
pub struct TokenRequest {
    /// The caller; administrators: anybody.
    #[schema(min_length = 1, max_length = 255)]
    pub user_id: String,
    /// One per browser profile or installation.
    #[schema(min_length = 1, max_length = 255)]
    pub device_id: String,
    /// `ios`, `android`, `web` or `pc`, in any case.
    #[schema(example = "web")]
    pub device_type: String,
    /// Whose credentials: `aliyun_new`, `aliyun` or `aliyun_old`, `rong_cloud` or `rongCloud`, `stoa`, in any case. The
    /// second version needs at least one.
    #[schema(example = json!(["aliyun_new"]))]
    pub im_server: Option<Vec<String>>,
    /// `admin` asks to be shown as one who manages.
    pub role: Option<String>,
}

/// What version 1 answers; the first five keys are always there.
#[derive(Serialize, ToSchema)]
pub struct TokenV1 {
    /// Connection token of the hub.
    access_token: String,
    /// Exchanged for the next one.
    refresh_token: String,
    /// As `access_token`, if asked for.
    aliyun_access_token: String,
    /// As `refresh_token`, if asked for.
    aliyun_refresh_token: String,
    /// Empty.
    rong_cloud_token: String,
    /// If asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    aliyun_new_im: Option<NewIm>,
    /// For any Centrifuge SDK.
    hub: Hub,
}

/// What version 2 answers: what was asked for.
#[derive(Serialize, ToSchema)]
pub struct TokenV2 {
    /// If asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    aliyun_old_im: Option<OldIm>,
    /// If asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    aliyun_new_im: Option<NewIm>,
    /// For any Centrifuge SDK.
    hub: Hub,
}

/// A connection token that a refresh token renews.
#[derive(Clone, Serialize, ToSchema)]
pub struct OldIm {
    /// Connection token of the hub, for 2 hours.
    access_token: String,
    /// Exchanged for the next one.
    refresh_token: String,
}

/// A connection token that lasts two days.
#[derive(Serialize, ToSchema)]
pub struct NewIm {
    /// Application.
    app_id: String,
    /// The hub's address, base64url.
    app_sign: String,
    /// Connection token of the hub.
    app_token: String,
    /// What it is bound to.
    auth: Auth,
}

/// What a message token is bound to.
#[derive(Serialize, ToSchema)]
pub struct Auth {
    /// Whose.
    user_id: String,
    /// Differs with every answer.
    nonce: String,
    /// When the token ends, Unix seconds.
    timestamp: i64,
    /// `admin` or `user`; grants nothing.
    role: &'static str,
}

/// A hub connection token that the client renews by itself.
#[derive(Serialize, ToSchema)]
pub struct Hub {
    /// The hub's address.
    url: String,
    /// The token.
    token: String,
    /// When it ends, Unix seconds.
    expires_at: i64,
}

/// Credentials, first version.
#[utoipa::path(post, path = "/api/v1/class/token", tag = "classroom", operation_id = "tokenV1",
    summary = "Credentials for the message hub", request_body = TokenRequest, security(("bearer" = [])),
    responses((status = 200, description = "the credentials, or why not", body = Answer<TokenV1>), Refusals))]
pub async fn v1(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, async |call| {
        let ask = Ask::read(&call, false)?;
        let made = Made::of(&v, &call, &ask).await?;
        let OldIm { access_token, refresh_token } = made.old;
        let aliyun = ask.wants(Im::AliyunOld);
        ok(TokenV1 {
            aliyun_access_token: if aliyun { access_token.clone() } else { String::new() },
            aliyun_refresh_token: if aliyun { refresh_token.clone() } else { String::new() },
            access_token,
            refresh_token,
            rong_cloud_token: String::new(),
            aliyun_new_im: ask.wants(Im::AliyunNew).then_some(made.new),
            hub: made.hub,
        })
    })
    .await
}

/// Credentials, second version.
#[utoipa::path(post, path = "/api/v2/class/token", tag = "classroom", operation_id = "tokenV2",
    summary = "Credentials for the message hub, only those asked for", request_body = TokenRequest, security(("bearer" = [])),
    responses((status = 200, description = "the credentials, or why not", body = Answer<TokenV2>), Refusals))]
pub async fn v2(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, async |call| {
        let ask = Ask::read(&call, true)?;
        let made = Made::of(&v, &call, &ask).await?;
        ok(TokenV2 {
            aliyun_old_im: ask.wants(Im::AliyunOld).then_some(made.old),
            aliyun_new_im: ask.wants(Im::AliyunNew).then_some(made.new),
            hub: made.hub,
        })
    })
    .await
}

struct Ask {
    user: UserId,
    device_id: String,
    device_type: String,
    services: Vec<Im>,
    admin: bool,
}

impl Ask {
    fn read(call: &Call, needs_services: bool) -> Result<Self> {
        let f = &call.fields;
        let (user, device_id, device_type, services, role) = (
            f.user_id("user_id"),
            needed_chars(f, "device_id", DEVICE_CHARS),
            device_type(f),
            services(f, needs_services),
            f.string("role"),
        )
            .together()?;
        call.caller.act_as(&user, "user_id")?;
        Ok(Self { user, device_id, device_type, services, admin: role.as_deref() == Some("admin") })
    }

    fn wants(&self, service: Im) -> bool {
        self.services.contains(&service)
    }
}

fn device_type(f: &Fields) -> Result<String> {
    let kind = f.required("device_type")?.to_ascii_lowercase();
    if DEVICE_TYPES.contains(&kind.as_str()) {
        return Ok(kind);
    }
    Err(Error::bad_input("device_type", "must be ios, android, web or pc"))
}

/// Version 1 without a wish is the server's own service, under the names that version has for it.
fn services(f: &Fields, needed: bool) -> Result<Vec<Im>> {
    match im_server(f)?.filter(|s| !s.is_empty()) {
        Some(services) => Ok(services),
        None if needed => Err(Error::bad_input("im_server", "required")),
        None => Ok(vec![Im::AliyunOld]),
    }
}

/// All forms in which our hub's tokens are handed out.
struct Made {
    old: OldIm,
    new: NewIm,
    hub: Hub,
}

impl Made {
    async fn of(v: &ClassState, call: &Call, ask: &Ask) -> Result<Self> {
        let ImProvider::Embedded(keys) = &v.config().im;
        let own = call.caller.admin && call.caller.user == ask.user;
        let manages = ask.admin && (call.caller.admin || v.classes().manages(&ask.user).await?);
        let (nonce, now) = (uuid(v.random()), v.now().secs());
        let uid = hub_uid(v.app().id, v.config().default_app, &ask.user);
        let meta = HubMeta {
            role: if ask.admin && own { "admin" } else { "user" },
            uid: ask.user.as_str(),
            app: v.app().id.0,
            face: "class",
            dev: &ask.device_id,
            dt: &ask.device_type,
            sid: call.session.as_deref().unwrap_or_default(),
        };
        let lasting =
            |secs| HubClaims { sub: &uid, iat: now, exp: now + secs, jti: &nonce, aud: "hub", meta }.sign(keys);
        let url = format!("{}/connection/websocket", v.websocket_base(&call.origin));
        Ok(Self {
            old: OldIm { access_token: lasting(ACCESS_SECS), refresh_token: URL_SAFE_NO_PAD.encode(v.random::<32>()) },
            new: NewIm {
                app_id: v.config().im_app_id.clone(),
                app_sign: URL_SAFE_NO_PAD.encode(&url),
                app_token: lasting(LONG_SECS),
                auth: Auth {
                    user_id: ask.user.to_string(),
                    nonce: nonce.clone(),
                    timestamp: now + LONG_SECS,
                    role: if manages { "admin" } else { "user" },
                },
            },
            hub: Hub { token: lasting(SHORT_SECS), expires_at: now + SHORT_SECS, url },
        })
    }
}
