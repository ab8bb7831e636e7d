//! Media access tokens (LiveKit's JWT) as an app's backend would mint them.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use crate::clock;

/// Life of minted tokens, seconds. Longer than any run; a leaked bench token dies the same day.
const LIFE_SECS: u64 = 6 * 3600;

/// What a token grants. The server treats it as an upper bound at most.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Channel to join.
    pub room: String,
    /// Participant identity.
    pub identity: String,
    /// `canPublish`.
    pub can_publish: bool,
    /// `canPublishData`.
    pub can_publish_data: bool,
    /// Participant attributes, such as `stoa.user`.
    pub attributes: BTreeMap<String, String>,
}

impl Grant {
    /// May publish and subscribe.
    #[must_use]
    pub fn speaker(room: &str, identity: &str) -> Self {
        Self {
            room: room.into(),
            identity: identity.into(),
            can_publish: true,
            can_publish_data: true,
            attributes: BTreeMap::new(),
        }
    }

    /// Subscribes only.
    #[must_use]
    pub fn listener(room: &str, identity: &str) -> Self {
        Self { can_publish: false, ..Self::speaker(room, identity) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Video<'a> {
    room_join: bool,
    room: &'a str,
    can_publish: bool,
    can_subscribe: bool,
    can_publish_data: bool,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    name: &'a str,
    nbf: u64,
    exp: u64,
    video: Video<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: &'a BTreeMap<String, String>,
}

/// Signs a token with the app's pair.
///
/// # Errors
/// Only when the signing backend refuses the key.
pub fn mint(key: &str, secret: &str, grant: &Grant) -> anyhow::Result<String> {
    let now = clock::unix_secs();
    let claims = Claims {
        iss: key,
        sub: &grant.identity,
        name: &grant.identity,
        nbf: now,
        exp: now + LIFE_SECS,
        video: Video {
            room_join: true,
            room: &grant.room,
            can_publish: grant.can_publish,
            can_subscribe: true,
            can_publish_data: grant.can_publish_data,
        },
        attributes: &grant.attributes,
    };
    Ok(encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes()))?)
}
