//! The hub's connection tokens, in their final form (hub.md 3.1, 3.5): the hub is one of their readers,
//! existing clients keep them for two days.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use stoa_core::id::{AppId, UserId};

use crate::jwt::Key;

/// Life of a token that clients renew by themselves (hub.md 3.1, short profile), in seconds.
pub const SHORT_SECS: i64 = 600;

/// Life of a token that goes with a refresh token (access profile), in seconds.
pub const ACCESS_SECS: i64 = 2 * 3600;

/// Life of a token in field sets whose apps never renew (long profile), in seconds.
pub const LONG_SECS: i64 = 48 * 3600;

/// Longest id in bytes that is carried as it is or reversibly; Centrifuge names are at most 255 bytes.
const REVERSIBLE: usize = 128;

/// `hub.jwt_keys`: the key that signs connection tokens.
#[derive(Debug, Clone)]
pub struct HubKeys(Key);

impl HubKeys {
    /// Of the first, signing key.
    #[must_use]
    pub fn new(signing_key: &[u8]) -> Self {
        Self(Key::new(signing_key))
    }
}

/// The user's name in the hub: `enc(id)`, with `!<app>.` before it outside the default app.
#[must_use]
pub fn hub_uid(app: AppId, default_app: AppId, user: &UserId) -> String {
    let encoded = enc(user.as_str());
    if app == default_app { encoded } else { format!("!{app}.{encoded}") }
}

fn enc(id: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_.@+=".contains(&b);
    if id.len() > REVERSIBLE {
        format!("~~{}", URL_SAFE_NO_PAD.encode(Sha256::digest(id.as_bytes())))
    } else if id.bytes().all(safe) {
        id.to_owned()
    } else {
        format!("~{}", URL_SAFE_NO_PAD.encode(id))
    }
}

/// Claims of a connection token, in the order of the contract's vector.
#[derive(Debug, Clone, Serialize)]
pub struct HubClaims<'a> {
    /// [`hub_uid`].
    pub sub: &'a str,
    /// Made at, Unix seconds.
    pub iat: i64,
    /// Ends at, Unix seconds.
    pub exp: i64,
    /// Differs with every set of credentials.
    pub jti: &'a str,
    /// `hub`.
    pub aud: &'static str,
    /// Private part.
    pub meta: HubMeta<'a>,
}

/// Private part, given to the hub's hooks only.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct HubMeta<'a> {
    /// `admin` or `user`: the account's.
    pub role: &'static str,
    /// The user's own name.
    pub uid: &'a str,
    /// Tenant.
    pub app: u64,
    /// Dialect that made the token.
    pub face: &'static str,
    /// Device.
    pub dev: &'a str,
    /// Its kind.
    pub dt: &'a str,
    /// Login session, empty if none.
    pub sid: &'a str,
}

impl HubClaims<'_> {
    /// The token.
    #[must_use]
    pub fn sign(&self, keys: &HubKeys) -> String {
        keys.0.sign(self)
    }
}

/// Sixteen random bytes as a version 4 UUID: names a set of credentials.
#[must_use]
pub fn uuid(mut b: [u8; 16]) -> String {
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let hex: String = b.iter().map(|x| format!("{x:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_encoded_as_the_vectors_say() {
        for (id, want) in [
            ("alice", "alice".to_owned()),
            ("user@example.com", "user@example.com".to_owned()),
            ("u#123", "~dSMxMjM".to_owned()),
            ("a,b", "~YSxi".to_owned()),
            ("a:b$c", "~YTpiJGM".to_owned()),
            ("用户一", "~55So5oi35LiA".to_owned()),
            (" alice", "~IGFsaWNl".to_owned()),
            ("~YWxpY2U", "~fllXeHBZMlU".to_owned()),
            (&"x".repeat(128), "x".repeat(128)),
            (&"x".repeat(129), "~~DsnrM-dFELzdHy6lUgboLyFknFwr7L8rQz60dbNMAb0".to_owned()),
            (&"用".repeat(43), "~~f68FHgZcdqSKq6BULtEiDoqN8TvVAo9V4GEfwZCCcBA".to_owned()),
        ] {
            assert_eq!(enc(id), want);
        }
    }

    #[test]
    fn users_of_other_apps_are_prefixed() {
        let id = |s: &str| UserId::new(s).unwrap();
        assert_eq!(hub_uid(AppId(214), AppId(1), &id("u#123")), "!214.~dSMxMjM");
        assert_eq!(hub_uid(AppId(1), AppId(1), &id("214.bob")), "214.bob");
        let longest = hub_uid(AppId(9_007_199_254_740_991), AppId(1), &id(&"用".repeat(42)));
        assert_eq!(longest.len(), 187);
    }
}
