//! LiveKit access tokens: who may do what in which channel, signed with an app's secret (media.md 3.1, 3.2).
//!
//! [`verify`] is the only way in for media tokens, at signalling and at RoomService alike. It answers what the
//! token says; whether that still holds is the question of admission. [`mint`] and [`refresh`] make tokens.

mod jws;
mod mint;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use livekit_protocol::RoomConfiguration;
use livekit_protocol::participant_info::Kind;
use stoa_core::app::Apps;
use stoa_core::channel::ATTR_IDENTITY;
use stoa_core::id::{AppId, ChannelKey, ChannelName, Identity};
use stoa_core::media::{Claims, TrackSource};
use stoa_core::stream::Stream;
use stoa_core::time::UnixMs;

pub use jws::MAX_BYTES;
pub use mint::{AdminGrant, Minter, Reader, mint, mint_admin, mint_webhook, refresh};

use wire::Payload;

/// How far the clocks of a minting server and this one may be apart, in seconds. More forgives worse
/// clocks; it also prolongs every token by as much.
pub const LEEWAY_SECS: i64 = 60;

/// Longest display name in a token, in bytes (media.md 5.6).
const MAX_NAME_BYTES: usize = 256;

/// Why a token opens nothing. The texts are for the client; they say nothing about secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No token in the request.
    #[error("no token given")]
    Missing,
    /// Longer than [`MAX_BYTES`].
    #[error("token too long")]
    TooLong,
    /// Not three base64url parts of JSON objects with the right types.
    #[error("malformed token")]
    Malformed,
    /// The header names anything but HS256.
    #[error("token algorithm not allowed")]
    Algorithm,
    /// `iss` names no app.
    #[error("invalid API key")]
    UnknownKey,
    /// No secret of the app made this signature.
    #[error("invalid token signature")]
    Signature,
    /// `exp` missing or past.
    #[error("token expired")]
    Expired,
    /// `nbf` ahead.
    #[error("token not valid yet")]
    NotYet,
    /// The token is fine, the app is switched off.
    #[error("app disabled")]
    AppDisabled,
    /// No `roomJoin`, no `room`, or no identity.
    #[error("token does not allow to join a room")]
    NotForJoining,
}

impl TokenError {
    /// HTTP status of the refusal.
    #[must_use]
    pub fn status(self) -> http::StatusCode {
        match self {
            Self::AppDisabled => http::StatusCode::FORBIDDEN,
            Self::Missing
            | Self::TooLong
            | Self::Malformed
            | Self::Algorithm
            | Self::UnknownKey
            | Self::Signature
            | Self::Expired
            | Self::NotYet
            | Self::NotForJoining => http::StatusCode::UNAUTHORIZED,
        }
    }
}

/// What a token says, after its signature and its life were checked.
#[derive(Clone)]
pub struct Verified {
    /// The app whose secret signed it.
    pub app: AppId,
    /// `iss`: the app's key. Refreshed tokens are signed for the same key.
    pub key: String,
    /// `sub`; server SDKs call RoomService without one.
    pub identity: Option<Identity>,
    /// What admission looks at.
    pub claims: Claims,
    /// `video.room`; empty = names none.
    pub room: String,
    /// May join `room`.
    pub room_join: bool,
    /// May administer `room`.
    pub room_admin: bool,
    /// May create and delete rooms.
    pub room_create: bool,
    /// May list rooms.
    pub room_list: bool,
    /// What kind of participant; unknown words count as standard.
    pub kind: Kind,
    /// What a room that this join creates should look like, when the token says so in a form we know.
    pub room_config: Option<RoomConfiguration>,
    /// Unix second after which the token is dead (plus leeway).
    pub exp_secs: i64,
    /// The whole payload, so that a refresh keeps what we do not know.
    raw: serde_json::Map<String, serde_json::Value>,
}

impl fmt::Debug for Verified {
    /// Without the payload: attributes and metadata are the app's business, not the log's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("app", &self.app).field("room", &self.room).finish_non_exhaustive()
    }
}

impl Verified {
    /// Whether one of our use-cases minted it: its rights then come from live state, the grants are hints.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.claims.attributes.contains_key(ATTR_IDENTITY)
    }

    /// What stands for the token of a participant that came without one: the caller has checked it another way.
    pub(crate) fn of_stream(channel: &ChannelKey, identity: &Identity, claims: Claims, what: &Stream) -> Self {
        Self {
            app: channel.app,
            key: String::new(),
            identity: Some(identity.clone()),
            claims,
            room: channel.name.to_string(),
            room_join: true,
            room_admin: false,
            room_create: false,
            room_list: false,
            kind: if *what == Stream::Push { Kind::Ingress } else { Kind::Standard },
            room_config: None,
            exp_secs: i64::MAX,
            raw: serde_json::Map::new(),
        }
    }

    /// The channel it joins and who joins.
    ///
    /// # Errors
    /// [`TokenError::NotForJoining`] when it lacks the grant, the room or the identity.
    pub fn joining(&self) -> Result<(ChannelKey, Identity), TokenError> {
        let name = ChannelName::new(self.room.as_str()).map_err(|_| TokenError::NotForJoining)?;
        match &self.identity {
            Some(identity) if self.room_join => Ok((ChannelKey { app: self.app, name }, identity.clone())),
            _ => Err(TokenError::NotForJoining),
        }
    }
}

/// Checks a token and reads it. `iss` is looked at first, unverified, only to choose whose secret to try.
///
/// # Errors
/// [`TokenError`]; nothing about the token may be used then.
pub fn verify(token: &str, apps: &Apps, now: UnixMs) -> Result<Verified, TokenError> {
    let parts = jws::split(token)?;
    let payload: Payload = serde_json::from_slice(&parts.payload).map_err(|_| TokenError::Malformed)?;
    let app = apps.by_key(&payload.iss).ok_or(TokenError::UnknownKey)?;
    // All secrets are tried: which one fits must not show in the time taken.
    let fits = app.verifying_secrets().fold(false, |fits, secret| parts.signed_by(secret) | fits);
    if !fits {
        return Err(TokenError::Signature);
    }
    let exp_secs = check_life(&payload, now)?;
    if !app.enabled {
        return Err(TokenError::AppDisabled);
    }
    let raw = serde_json::from_slice(&parts.payload).map_err(|_| TokenError::Malformed)?;
    read(app.id, payload, exp_secs, raw)
}

fn check_life(payload: &Payload, now: UnixMs) -> Result<i64, TokenError> {
    let exp = payload.exp.ok_or(TokenError::Expired)?;
    if now.secs() >= exp.saturating_add(LEEWAY_SECS) {
        return Err(TokenError::Expired);
    }
    if payload.nbf.unwrap_or(0).saturating_sub(LEEWAY_SECS) > now.secs() {
        return Err(TokenError::NotYet);
    }
    Ok(exp)
}

fn read(
    app: AppId,
    payload: Payload,
    exp_secs: i64,
    raw: serde_json::Map<String, serde_json::Value>,
) -> Result<Verified, TokenError> {
    if payload.name.len() > MAX_NAME_BYTES || payload.name.chars().any(stoa_core::id::is_control) {
        return Err(TokenError::Malformed);
    }
    let identity = match payload.sub.as_str() {
        "" => None,
        sub => Some(Identity::new(sub).map_err(|_| TokenError::Malformed)?),
    };
    let video = payload.video.unwrap_or_default();
    let kind = Kind::from_str_name(&payload.kind.to_ascii_uppercase()).unwrap_or(Kind::Standard);
    let sources = video.can_publish_sources.unwrap_or_default();
    let claims = Claims {
        nbf_secs: payload.nbf.unwrap_or(0),
        attributes: payload.attributes.0.into_iter().collect::<BTreeMap<_, _>>(),
        name: payload.name,
        metadata: payload.metadata,
        // A list that names only sources we do not know allows none of ours; empty would allow all.
        can_publish: if !sources.is_empty() && known(&sources).is_empty() { Some(false) } else { video.can_publish },
        can_publish_sources: known(&sources),
        can_subscribe: video.can_subscribe,
        // Follows the grant as written, not as narrowed above.
        can_publish_data: video.can_publish_data.or(video.can_publish),
        can_update_own_metadata: video.can_update_own_metadata.unwrap_or(false),
        // Recorders are nobody's participants, whatever they say about being seen (talk.md 1.3).
        hidden: video.hidden.unwrap_or(false) || video.recorder.unwrap_or(false) || kind == Kind::Egress,
    };
    Ok(Verified {
        app,
        key: payload.iss,
        identity,
        claims,
        room: video.room,
        room_join: video.room_join.unwrap_or(false),
        room_admin: video.room_admin.unwrap_or(false),
        room_create: video.room_create.unwrap_or(false),
        room_list: video.room_list.unwrap_or(false),
        kind,
        room_config: payload.room_config.and_then(|v| serde_json::from_value(v).ok()),
        exp_secs,
        raw,
    })
}

fn known(sources: &[String]) -> BTreeSet<TrackSource> {
    sources.iter().filter_map(|s| TrackSource::parse(&s.to_ascii_lowercase())).collect()
}
