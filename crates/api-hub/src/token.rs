//! `POST /hub/v1/token`: a connection token for a credential (hub.md 3.6).

use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use stoa_api::answer::json;
use stoa_api::call::{bearer, caller_of};
use stoa_api::fields::at_most_chars;
use stoa_api::hub_token::{Hub, HubSubject, HubToken, Profile, uuid};
use stoa_api::{Fields, OpenCall, Origin, Refusal, Together as _, through};
use stoa_core::channel::ATTR_DEVICE;
use stoa_core::door::user_of;
use stoa_core::id::{AppId, UserId};
use stoa_core::media::{Admission, JoinToken, Refused};
use stoa_core::time::UnixMs;
use stoa_core::{Error, Kind, Result};
use utoipa::ToSchema;

use crate::refuse::refuse;
use crate::routes::Refusals;
use crate::state::HubState;

/// Longest device id and kind of device, in characters: what the dialects take.
const DEVICE_CHARS: usize = 255;
/// Longest refresh token that is looked at, in characters. Ours have 43.
const REFRESH_CHARS: usize = 255;

/// What `token` reads.
#[derive(ToSchema)]
pub struct TokenRequest {
    /// Which credential: left out, the bearer token is one (a login token of the voice rooms or the classes, or a media
    /// token); `refresh`, and `refresh_token` is.
    #[schema(example = "refresh")]
    pub kind: Option<String>,
    /// A refresh token. It is spent by this, and the answer has the next one. One that was spent before ends all that
    /// came of the same login.
    #[schema(max_length = 255)]
    pub refresh_token: Option<String>,
    /// The device. With `refresh_token` required: the one the token was made for. With a media token the device it
    /// names is the default.
    #[schema(max_length = 255)]
    pub device_id: Option<String>,
    /// Its kind. Not looked at with `refresh_token`.
    #[schema(max_length = 255, example = "web")]
    pub device_type: Option<String>,
    /// With a login token: for which of the APIs that login is good for, `voice` or `class`. Whoever uses the same hub
    /// connection for both may leave it out; it matters only where their users belong to different apps, and for single
    /// login.
    #[schema(default = "voice", example = "class")]
    pub face: Option<String>,
}

/// What `token` answers.
#[derive(Serialize, ToSchema)]
pub struct TokenBody {
    /// The hub's address.
    #[schema(example = "wss://example.com/connection/websocket")]
    url: String,
    /// The connection token.
    token: String,
    /// When it ends, Unix seconds: in ten minutes, or in two hours with a refresh token.
    expires_at: i64,
    /// Whose it is.
    user_id: String,
    /// The next refresh token, if one was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// A request, read. Whether there is a bearer token is asked only where one is needed.
pub struct Ask {
    open: OpenCall,
    bearer: std::result::Result<String, &'static str>,
    origin: Origin,
}

impl FromRequest<HubState> for Ask {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &HubState) -> std::result::Result<Self, Refusal> {
        let bearer = bearer(request.headers()).map(str::to_owned);
        let origin = Origin::of(&request);
        let open = OpenCall::from_request(request, state).await?;
        Ok(Self { open, bearer, origin })
    }
}

/// Hands out connection tokens.
#[utoipa::path(post, path = "/hub/v1/token", tag = "hub", operation_id = "hubToken",
    summary = "A connection token for a login token, a media token or a refresh token", request_body = TokenRequest,
    security(("bearer" = []), ()),
    responses((status = 200, description = "the connection token", body = TokenBody), Refusals))]
pub async fn token(State(v): State<HubState>, ask: std::result::Result<Ask, Refusal>) -> Response {
    match run(&v, ask).await {
        Ok(body) => json(StatusCode::OK, &body),
        Err(refusal) => refuse(&refusal),
    }
}

async fn run(v: &HubState, ask: std::result::Result<Ask, Refusal>) -> std::result::Result<TokenBody, Refusal> {
    let ask = ask?;
    match ask.open.fields.string("kind")?.as_deref() {
        None | Some("") => {
            let bearer = ask.bearer.as_deref().map_err(|why| Refusal::unauthenticated(why))?;
            let wish = Wish::read(&ask.open.fields)?;
            with_bearer(v, &ask.origin, bearer, wish).await
        }
        Some("refresh") => {
            let v = v.clone();
            // Carried through when the client hangs up: half an exchange would be a spent token without a next one.
            Ok(through(async move { refresh(&v, ask).await }).await?)
        }
        Some(_) => Err(Error::bad_input("kind", "must be refresh, or left out").into()),
    }
}

/// What goes with a bearer token.
struct Wish {
    device: Option<String>,
    device_type: String,
    class: bool,
}

impl Wish {
    fn read(f: &Fields) -> Result<Self> {
        let face = match f.string("face")?.as_deref() {
            None | Some("" | "voice") => Ok(false),
            Some("class") => Ok(true),
            Some(_) => Err(Error::bad_input("face", "must be voice or class")),
        };
        let (device, device_type, class) =
            (short(f, "device_id", DEVICE_CHARS), short(f, "device_type", DEVICE_CHARS), face).together()?;
        Ok(Self { device, device_type: device_type.unwrap_or_default(), class })
    }
}

fn short(f: &Fields, field: &'static str, max: usize) -> Result<Option<String>> {
    let text = f.string(field)?.filter(|t| !t.is_empty());
    text.as_ref().map_or(Ok(()), |t| at_most_chars(field, t, max))?;
    Ok(text)
}

/// A login token says so by its key; whatever else verifies is a media token.
async fn with_bearer(
    v: &HubState,
    origin: &Origin,
    bearer: &str,
    wish: Wish,
) -> std::result::Result<TokenBody, Refusal> {
    let now = v.api().clock().now().wall;
    let Some(join) = v.doors().tokens.read(bearer, now) else {
        return with_login(v, origin, bearer, &wish).await;
    };
    let user = admitted(v, &join, now).await?;
    let device = wish.device.as_deref().or(join.claims.attributes.get(ATTR_DEVICE).map(String::as_str));
    let who = HubSubject {
        app: join.channel.app,
        user: &user,
        face: "talk",
        device: device.unwrap_or_default(),
        device_type: &wish.device_type,
        sid: "",
        admin: false,
    };
    Ok(body(v, origin, short_lived(v, &who), who.user, None))
}

async fn with_login(
    v: &HubState,
    origin: &Origin,
    bearer: &str,
    wish: &Wish,
) -> std::result::Result<TokenBody, Refusal> {
    let (caller, session) = caller_of(v.api(), bearer).await?;
    v.api().check_rate(&caller.user)?;
    let (face, app): (_, AppId) =
        if wish.class { ("class", v.config().class_app) } else { ("voice", v.config().voice_app) };
    let who = HubSubject {
        app,
        user: &caller.user,
        face,
        device: wish.device.as_deref().unwrap_or_default(),
        device_type: &wish.device_type,
        sid: session.as_deref().unwrap_or_default(),
        admin: caller.admin,
    };
    Ok(body(v, origin, short_lived(v, &who), who.user, None))
}

/// Asks the door of the media engine, as if the holder were about to join; nothing comes to life by that.
async fn admitted(v: &HubState, join: &JoinToken, now: UnixMs) -> Result<UserId> {
    let ask = Admission { channel: &join.channel, identity: &join.identity, claims: &join.claims, joins: false, now };
    v.check_guest(join.channel.app, &user_of(&ask).map_err(shut)?)?;
    let user = v.doors().hooks.admit(ask).await.map_err(shut)?.user;
    // A connection token made now must not be the way around the end of the user's sessions, of which the hub asks.
    v.api().login().caller(user, join.claims.nbf_secs).await.map(|c| c.user)
}

/// What a door that stays shut means here; the texts are those of the door.
fn shut(why: Refused) -> Error {
    let kind = match why {
        Refused::Banned(until) => Kind::Banned { until },
        Refused::Revoked => Kind::Unauthenticated,
        Refused::NoSuchChannel => Kind::NotFound,
        Refused::BadIdentity | Refused::Limit => Kind::Forbidden,
        Refused::Unavailable => Kind::Unavailable,
    };
    Error::new(kind, why.to_string())
}

async fn refresh(v: &HubState, ask: Ask) -> Result<TokenBody> {
    let f = &ask.open.fields;
    let (text, device) = (f.required("refresh_token"), f.required("device_id")).together()?;
    let (_, ()) =
        (at_most_chars("refresh_token", &text, REFRESH_CHARS), at_most_chars("device_id", &device, DEVICE_CHARS))
            .together()?;
    v.check_refresh(&ask.open.client)?;
    let renewed = v.sessions().exchange(&text, &device).await?;
    let made = v.mint().renew(&renewed, &uuid(v.random()), v.api().clock().now().wall.secs());
    Ok(body(v, &ask.origin, made, &renewed.session.user, Some(renewed.text)))
}

fn short_lived(v: &HubState, who: &HubSubject<'_>) -> HubToken {
    v.mint().mint(who, Profile::Short, &uuid(v.random()), v.api().clock().now().wall.secs())
}

fn body(v: &HubState, origin: &Origin, made: HubToken, user: &UserId, refresh_token: Option<String>) -> TokenBody {
    let url = Hub::url(&origin.websocket_base(v.config().public_url.as_deref()));
    TokenBody { url, token: made.token, expires_at: made.expires_at, user_id: user.to_string(), refresh_token }
}
