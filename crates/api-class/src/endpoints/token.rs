//! `POST /api/v1/class/token`, `/api/v2/class/token`: credentials for the message hub (classroom.md 4.1).

use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use stoa_api::hub_token::{Hub, HubSubject, Profile, uuid};
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

/// Name of this dialect in the hub.
const FACE: &str = "class";

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
#[derive(Default, Serialize, ToSchema)]
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

/// Credentials, first version.
#[utoipa::path(post, path = "/api/v1/class/token", tag = "classroom", operation_id = "tokenV1",
    summary = "Credentials for the message hub", request_body = TokenRequest, security(("bearer" = [])),
    responses((status = 200, description = "the credentials, or why not", body = Answer<TokenV1>), Refusals))]
pub async fn v1(State(v): State<ClassState>, call: Result<Call, Refusal>) -> Response {
    respond(Missing::Found, call, async |call| {
        let ask = Ask::read(&call, false)?;
        let made = Made::of(&v, &call, &ask, true).await?;
        let OldIm { access_token, refresh_token } = made.old.unwrap_or_default();
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
        let made = Made::of(&v, &call, &ask, ask.wants(Im::AliyunOld)).await?;
        ok(TokenV2 {
            aliyun_old_im: made.old,
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

/// Forms in which our hub's tokens are handed out.
struct Made {
    /// Only where it is wanted: each one is kept.
    old: Option<OldIm>,
    new: NewIm,
    hub: Hub,
}

impl Made {
    async fn of(v: &ClassState, call: &Call, ask: &Ask, old: bool) -> Result<Self> {
        let ImProvider::Embedded(mint) = &v.config().im;
        let own = call.caller.admin && call.caller.user == ask.user;
        let manages = ask.admin && (call.caller.admin || v.classes().manages(&ask.user).await?);
        let (nonce, now) = (uuid(v.random()), v.now().secs());
        let who = HubSubject {
            app: v.app().id,
            user: &ask.user,
            face: FACE,
            device: &ask.device_id,
            device_type: &ask.device_type,
            sid: call.session.as_deref().unwrap_or_default(),
            admin: ask.admin && own,
        };
        let make = |profile| mint.mint(&who, profile, &nonce, now);
        let url = Hub::url(&v.websocket_base(&call.origin));
        let long = make(Profile::Long);
        let old = match old {
            true => Some(OldIm {
                access_token: make(Profile::Access).token,
                refresh_token: v.sessions().begin(who.app, who.user, who.face, who.device, who.device_type).await?,
            }),
            false => None,
        };
        let hub = Hub::at(url.clone(), make(Profile::Short));
        let auth = Auth {
            user_id: ask.user.to_string(),
            nonce,
            timestamp: long.expires_at,
            role: if manages { "admin" } else { "user" },
        };
        let app_sign = URL_SAFE_NO_PAD.encode(&url);
        let new = NewIm { app_id: v.config().im_app_id.clone(), app_sign, app_token: long.token, auth };
        Ok(Self { old, new, hub })
    }
}
