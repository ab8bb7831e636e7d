//! Making tokens: for a grant a use-case decided, for a session that stays, for webhooks.

use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use stoa_core::app::{App, Apps};
use stoa_core::channel::{ATTR_IDENTITY, ATTR_USER};
use stoa_core::media::{JoinToken, MediaGrant, Permission, TrackSource};
use stoa_core::ports::{JoinTokens, MediaTokens};
use stoa_core::time::UnixMs;

use super::wire::{Attributes, Payload, Video};
use super::{Verified, jws, verify};

/// Life of a webhook's signature in seconds (media.md 3.4).
const WEBHOOK_LIFE_SECS: i64 = 5 * 60;

/// The signer that core's use-cases are given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Minter;

impl MediaTokens for Minter {
    fn mint(&self, app: &App, grant: &MediaGrant) -> String {
        mint(app, grant)
    }
}

/// The reader that doors outside of the engine are given.
#[derive(Debug, Clone)]
pub struct Reader(
    /// Whose tokens are read.
    pub Apps,
);

impl JoinTokens for Reader {
    fn read(&self, token: &str, now: UnixMs) -> Option<JoinToken> {
        let verified = verify(token, &self.0, now).ok()?;
        let (channel, identity) = verified.joining().ok()?;
        Some(JoinToken { channel, identity, claims: verified.claims })
    }
}

/// An access token with exactly this grant. Life, revocation mark and rights are the caller's decision.
#[must_use]
pub fn mint(app: &App, grant: &MediaGrant) -> String {
    let mut attributes = vec![
        (ATTR_USER.to_owned(), grant.user.to_string()),
        (ATTR_IDENTITY.to_owned(), grant.identity_type.as_str().to_owned()),
    ];
    let ours = |name: &str| name == ATTR_USER || name == ATTR_IDENTITY;
    attributes.extend(grant.attributes.iter().filter(|(k, _)| !ours(k)).map(|(k, v)| (k.clone(), v.clone())));
    let payload = Payload {
        iss: app.key.clone(),
        sub: grant.identity.to_string(),
        iat: Some(grant.iat_secs),
        nbf: Some(grant.nbf_secs),
        exp: Some(grant.exp_secs),
        name: grant.name.clone(),
        metadata: grant.metadata.clone(),
        attributes: Attributes(attributes),
        video: Some(Video {
            room_join: Some(true),
            room: grant.channel.to_string(),
            can_publish: Some(grant.can_publish),
            can_publish_sources: (!grant.sources.is_empty())
                .then(|| grant.sources.iter().map(|s| s.as_str().to_owned()).collect()),
            can_subscribe: Some(true),
            can_publish_data: Some(grant.can_publish_data),
            can_update_own_metadata: Some(false),
            ..Video::default()
        }),
        ..Payload::default()
    };
    seal(app, &payload)
}

/// What a RoomService token may do; see the table of media.md 3.3.
#[derive(Debug, Clone, Default)]
pub struct AdminGrant {
    /// Create and delete rooms.
    pub room_create: bool,
    /// List rooms.
    pub room_list: bool,
    /// Administer this room.
    pub room_admin: Option<String>,
}

/// A token for RoomService calls, valid from `now_secs` to `exp_secs`. For operators' tools, never for end users.
#[must_use]
pub fn mint_admin(app: &App, grant: &AdminGrant, now_secs: i64, exp_secs: i64) -> String {
    let payload = Payload {
        iss: app.key.clone(),
        nbf: Some(now_secs),
        exp: Some(exp_secs),
        video: Some(Video {
            room: grant.room_admin.clone().unwrap_or_default(),
            room_admin: grant.room_admin.as_ref().map(|_| true),
            room_create: grant.room_create.then_some(true),
            room_list: grant.room_list.then_some(true),
            ..Video::default()
        }),
        ..Payload::default()
    };
    seal(app, &payload)
}

/// The `Authorization` value of a webhook whose body has this SHA-256 in standard base64.
#[must_use]
pub fn mint_webhook(app: &App, sha256: String, now_secs: i64) -> String {
    let payload = Payload {
        iss: app.key.clone(),
        nbf: Some(now_secs),
        exp: Some(now_secs.saturating_add(WEBHOOK_LIFE_SECS)),
        sha256,
        ..Payload::default()
    };
    seal(app, &payload)
}

/// The token for a session that stays: same payload, new life.
///
/// With `permission` (for our own tokens) the grants become what is allowed now. Without it (foreign tokens)
/// they stay as they were, so a refresh neither widens nor narrows what the app gave.
#[must_use]
pub fn refresh(app: &App, old: &Verified, permission: Option<&Permission>, now_secs: i64, exp_secs: i64) -> String {
    let mut payload = old.raw.clone();
    payload.insert("iss".into(), json!(app.key));
    payload.insert("iat".into(), json!(now_secs));
    payload.insert("nbf".into(), json!(now_secs));
    payload.insert("exp".into(), json!(exp_secs));
    if let Some(permission) = permission {
        let video = payload.entry("video").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(video) = video {
            narrow(video, permission);
        }
    }
    jws::sign(app.secret.expose_secret(), Value::Object(payload).to_string().as_bytes())
}

fn narrow(video: &mut Map<String, Value>, permission: &Permission) {
    video.insert("canPublish".into(), json!(permission.publish));
    video.insert("canSubscribe".into(), json!(permission.subscribe));
    video.insert("canPublishData".into(), json!(permission.data));
    video.insert("canUpdateOwnMetadata".into(), json!(permission.update_metadata));
    if permission.sources.is_empty() {
        video.remove("canPublishSources");
    } else {
        let sources: Vec<_> = permission.sources.iter().copied().map(TrackSource::as_str).collect();
        video.insert("canPublishSources".into(), json!(sources));
    }
}

fn seal(app: &App, payload: &Payload) -> String {
    let json = serde_json::to_vec(payload).expect("a struct of texts, numbers and lists is JSON");
    jws::sign(app.secret.expose_secret(), &json)
}
