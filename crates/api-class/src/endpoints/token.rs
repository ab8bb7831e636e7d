//! `POST /api/v1/class/token`, `/api/v2/class/token`: credentials for the message hub (classroom.md 4.1).

use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use stoa_api::hub_token::{Hub, HubMint, HubSubject, Profile, uuid};
use stoa_api::refusal::Refusal;
use stoa_api::{Call, Fields, Together as _};
use stoa_core::id::UserId;
use stoa_core::{Error, Result};
use stoa_vendor::aliyun::{Aliyun, Use};
use utoipa::ToSchema;

use crate::config::ImProvider;
use crate::read::{DEVICE_CHARS, Im, im_server, needed_chars};
use crate::refuse::{Missing, note, respond};
use crate::reply::{Answer, ok};
use crate::routes::Refusals;
use crate::state::ClassState;

/// Name of this dialect in the hub.
const FACE: &str = "class";

/// Life of the newer vendor service's token (classroom.md 6.3).
const VENDOR_IM_SECS: i64 = 172_800;

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
    /// RongCloud's token, where it carries the messages; else empty.
    rong_cloud_token: String,
    /// If asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    aliyun_new_im: Option<NewIm>,
    /// For any Centrifuge SDK, where our hub carries the messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    hub: Option<Hub>,
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
    /// If asked for, and RongCloud carries the messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    rong_cloud: Option<RongIm>,
    /// For any Centrifuge SDK, where our hub carries the messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    hub: Option<Hub>,
}

/// RongCloud's credentials.
#[derive(Serialize, ToSchema)]
pub struct RongIm {
    /// Its token.
    access_token: String,
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
        let ask = Ask::read(&call, Some(v.config().im.own()))?;
        let made = Made::of(&v, &call, &ask, true).await?;
        let OldIm { access_token, refresh_token } = made.old?.unwrap_or_default();
        let aliyun = ask.wants(Im::AliyunOld);
        ok(TokenV1 {
            aliyun_access_token: if aliyun { access_token.clone() } else { String::new() },
            aliyun_refresh_token: if aliyun { refresh_token.clone() } else { String::new() },
            access_token,
            refresh_token,
            rong_cloud_token: made.rong?.unwrap_or_default(),
            aliyun_new_im: made.new.filter(|_| ask.wants(Im::AliyunNew)),
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
        let ask = Ask::read(&call, None)?;
        let made = Made::of(&v, &call, &ask, ask.wants(Im::AliyunOld)).await?;
        ok(TokenV2 {
            aliyun_old_im: worked(made.old),
            aliyun_new_im: made.new.filter(|_| ask.wants(Im::AliyunNew)),
            rong_cloud: worked(made.rong).map(|access_token| RongIm { access_token }),
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
    /// `own`: what counts as asked for when nothing is; `None` = something must be.
    fn read(call: &Call, own: Option<Im>) -> Result<Self> {
        let f = &call.fields;
        let (user, device_id, device_type, services, role) = (
            f.user_id("user_id"),
            needed_chars(f, "device_id", DEVICE_CHARS),
            device_type(f),
            services(f, own),
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

fn services(f: &Fields, own: Option<Im>) -> Result<Vec<Im>> {
    match im_server(f)?.filter(|s| !s.is_empty()) {
        Some(services) => Ok(services),
        None => own.map(|own| vec![own]).ok_or_else(|| Error::bad_input("im_server", "required")),
    }
}

/// Version 2 leaves out what failed; the log has it.
fn worked<T>(made: Result<Option<T>>) -> Option<T> {
    made.unwrap_or_else(|e| {
        note(&Refusal::Domain(e));
        None
    })
}

impl ImProvider {
    /// What version 1 gives without a wish: the server's own service, under the name that version has for it.
    fn own(&self) -> Im {
        match self {
            Self::Embedded(_) => Im::AliyunOld,
            Self::Aliyun(a) if a.settings().missing(&[Use::OldIm]).is_empty() => Im::AliyunOld,
            Self::Aliyun(_) => Im::AliyunNew,
            Self::RongCloud => Im::RongCloud,
        }
    }
}

/// What was made of an [`Ask`]. An error is a vendor's and concerns that part only.
struct Made {
    /// Only where it is wanted: each one is kept.
    old: Result<Option<OldIm>>,
    new: Option<NewIm>,
    rong: Result<Option<String>>,
    hub: Option<Hub>,
}

/// What every kind of answer is made of.
struct Facts {
    nonce: String,
    now: i64,
    /// The caller asked to be shown as one who manages, and does.
    manages: bool,
}

impl Made {
    async fn of(v: &ClassState, call: &Call, ask: &Ask, old: bool) -> Result<Self> {
        let manages = ask.admin && (call.caller.admin || v.classes().manages(&ask.user).await?);
        let facts = Facts { nonce: uuid(v.random()), now: v.now().secs(), manages };
        match &v.config().im {
            ImProvider::Embedded(mint) => Self::embedded(v, mint, call, ask, facts, old).await,
            ImProvider::Aliyun(aliyun) => Ok(Self::aliyun(v, aliyun, ask, facts).await),
            ImProvider::RongCloud => Ok(Self::rong_cloud(v, ask).await),
        }
    }

    /// The hub's token in every form.
    async fn embedded(v: &ClassState, mint: &HubMint, call: &Call, ask: &Ask, facts: Facts, old: bool) -> Result<Self> {
        let own = call.caller.admin && call.caller.user == ask.user;
        let who = HubSubject {
            app: v.app().id,
            user: &ask.user,
            face: FACE,
            device: &ask.device_id,
            device_type: &ask.device_type,
            sid: call.session.as_deref().unwrap_or_default(),
            admin: ask.admin && own,
        };
        let make = |profile| mint.mint(&who, profile, &facts.nonce, facts.now);
        let url = Hub::url(&v.websocket_base(&call.origin));
        let long = make(Profile::Long);
        let old = match v.sessions().filter(|_| old) {
            Some(sessions) => Some(OldIm {
                access_token: make(Profile::Access).token,
                refresh_token: sessions.begin(who.app, who.user, who.face, who.device, who.device_type).await?,
            }),
            None => None,
        };
        let hub = Hub::at(url.clone(), make(Profile::Short));
        let role = if facts.manages { "admin" } else { "user" };
        let auth = Auth { user_id: ask.user.to_string(), nonce: facts.nonce, timestamp: long.expires_at, role };
        let app_sign = URL_SAFE_NO_PAD.encode(&url);
        let new = NewIm { app_id: v.config().im_app_id.clone(), app_sign, app_token: long.token, auth };
        Ok(Self { old: Ok(old), new: Some(new), rong: Ok(None), hub: Some(hub) })
    }

    async fn aliyun(v: &ClassState, aliyun: &Aliyun, ask: &Ask, facts: Facts) -> Self {
        let old = match v.classes().cloud().filter(|_| ask.wants(Im::AliyunOld)) {
            Some(cloud) => cloud
                .old_token(&ask.user, &ask.device_id, &ask.device_type)
                .await
                .map(|t| Some(OldIm { access_token: t.access, refresh_token: t.refresh })),
            None => Ok(None),
        };
        let role = if facts.manages { "admin" } else { "" };
        let timestamp = facts.now.saturating_add(VENDOR_IM_SECS);
        // Nothing is called: without the keys of that service there is none.
        let token = aliyun.im_token(ask.user.as_str(), &facts.nonce, timestamp, role).ok();
        let new = token.map(|app_token| NewIm {
            app_id: aliyun.settings().im.app_id.clone(),
            app_sign: aliyun.settings().im.app_sign.clone(),
            app_token,
            auth: Auth { user_id: ask.user.to_string(), nonce: facts.nonce, timestamp, role },
        });
        Self { old, new, rong: Ok(None), hub: None }
    }

    async fn rong_cloud(v: &ClassState, ask: &Ask) -> Self {
        let rong = match v.classes().cloud().filter(|_| ask.wants(Im::RongCloud)) {
            Some(cloud) => cloud.rong_cloud_token(&ask.user).await.map(Some),
            None => Ok(None),
        };
        Self { old: Ok(None), new: None, rong, hub: None }
    }
}
