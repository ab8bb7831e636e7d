//! The hub's connection tokens, in their final form (hub.md 3.1, 3.5): the hub is one of their readers,
//! existing clients keep them for two days.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use stoa_core::id::{AppId, UserId};

use crate::config::HubKeys;

/// Longest id in bytes that is carried as it is or reversibly; Centrifuge names are at most 255 bytes.
const REVERSIBLE: usize = 128;

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
pub(crate) struct HubClaims<'a> {
    pub sub: &'a str,
    pub iat: i64,
    pub exp: i64,
    pub jti: &'a str,
    pub aud: &'static str,
    pub meta: HubMeta<'a>,
}

/// Private part, given to the hub's hooks only.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct HubMeta<'a> {
    pub role: &'static str,
    pub uid: &'a str,
    pub app: u64,
    pub face: &'static str,
    pub dev: &'a str,
    pub dt: &'a str,
    pub sid: &'a str,
}

impl HubClaims<'_> {
    pub(crate) fn sign(&self, keys: &HubKeys) -> String {
        keys.0.sign(self)
    }
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
