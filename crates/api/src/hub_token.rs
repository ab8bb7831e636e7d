//! The hub's connection tokens (hub.md 3.1, 3.5): the one place that makes them. Existing clients keep them for two days.

use serde::{Deserialize, Serialize};
use stoa_core::group::{Names, Renewed};
use stoa_core::id::{AppId, UserId};
use utoipa::ToSchema;

use crate::jwt::Key;

/// How long a token lives (hub.md 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Clients fetch the next one by themselves.
    Short,
    /// Goes with a refresh token.
    Access,
    /// Field sets whose apps never renew.
    Long,
    /// As long as the operator says, in seconds.
    Lasting(i64),
}

impl Profile {
    /// Its life in seconds.
    #[must_use]
    pub fn secs(self) -> i64 {
        match self {
            Self::Short => 600,
            Self::Access => 2 * 3600,
            Self::Long => 48 * 3600,
            Self::Lasting(secs) => secs,
        }
    }
}

/// Whom a token is for.
#[derive(Debug, Clone, Copy)]
pub struct HubSubject<'a> {
    /// Tenant.
    pub app: AppId,
    /// Who.
    pub user: &'a UserId,
    /// Dialect that makes the token: `voice`, `class` or `talk`.
    pub face: &'a str,
    /// Device.
    pub device: &'a str,
    /// Its kind.
    pub device_type: &'a str,
    /// Login session, empty if none.
    pub sid: &'a str,
    /// Really an administrator. Grants nothing by itself.
    pub admin: bool,
}

/// A connection token.
#[derive(Clone)]
pub struct HubToken {
    /// The token. Never logged.
    pub token: String,
    /// When it ends, Unix seconds.
    pub expires_at: i64,
}

/// A connection token and where it is good, as token answers show it (hub.md 3.6).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Hub {
    /// The hub's address.
    pub url: String,
    /// The token.
    pub token: String,
    /// When it ends, Unix seconds.
    pub expires_at: i64,
}

impl Hub {
    /// The address of the hub under this `ws(s)://host`.
    #[must_use]
    pub fn url(base: &str) -> String {
        format!("{base}/connection/websocket")
    }

    /// Of a token that is good at this address.
    #[must_use]
    pub fn at(url: String, made: HubToken) -> Self {
        Self { url, token: made.token, expires_at: made.expires_at }
    }
}

/// Makes connection tokens.
#[derive(Debug, Clone)]
pub struct HubMint {
    key: Key,
    names: Names,
}

/// In the order of the contract's vector.
#[derive(Serialize)]
struct Claims<'a> {
    sub: String,
    iat: i64,
    exp: i64,
    jti: &'a str,
    aud: &'static str,
    meta: Meta<'a>,
}

/// Private part, given to the hub's hooks only.
#[derive(Serialize)]
struct Meta<'a> {
    role: &'static str,
    uid: &'a str,
    app: u64,
    face: &'a str,
    dev: &'a str,
    dt: &'a str,
    sid: &'a str,
}

impl HubMint {
    /// Of the first, signing key of `hub.jwt_keys`.
    #[must_use]
    pub fn new(signing_key: &[u8], names: Names) -> Self {
        Self { key: Key::new(signing_key), names }
    }

    /// How users are named in the hub.
    #[must_use]
    pub fn names(&self) -> Names {
        self.names
    }

    /// A token made at `now_secs`. `jti` names the set of credentials it is part of.
    #[must_use]
    pub fn mint(&self, who: &HubSubject<'_>, profile: Profile, jti: &str, now_secs: i64) -> HubToken {
        let expires_at = now_secs.saturating_add(profile.secs());
        let claims = Claims {
            sub: self.names.hub_uid(who.app, who.user),
            iat: now_secs,
            exp: expires_at,
            jti,
            aud: "hub",
            meta: Meta {
                role: if who.admin { "admin" } else { "user" },
                uid: who.user.as_str(),
                app: who.app.0,
                face: who.face,
                dev: who.device,
                dt: who.device_type,
                sid: who.sid,
            },
        };
        HubToken { token: self.key.sign(&claims), expires_at }
    }

    /// The token that goes with an exchanged refresh token. Which login began the session is not kept with it.
    #[must_use]
    pub fn renew(&self, renewed: &Renewed, jti: &str, now_secs: i64) -> HubToken {
        let s = &renewed.session;
        let who = HubSubject {
            app: s.app,
            user: &s.user,
            face: &s.face,
            device: &s.device,
            device_type: &s.device_type,
            sid: "",
            admin: false,
        };
        self.mint(&who, Profile::Access, jti, now_secs)
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
    use serde_json::{Value, json};

    use super::*;
    use crate::jwt::verify;

    const KEY: &[u8] = b"hub-demo-secret-32-bytes-long!!!";

    #[test]
    fn tokens_say_whose_they_are_and_end_with_their_profile() {
        let mint = HubMint::new(KEY, Names { default_app: AppId(1) });
        let user = UserId::new("u#123").unwrap();
        let who = HubSubject {
            app: AppId(214),
            user: &user,
            face: "talk",
            device: "d",
            device_type: "web",
            sid: "s1",
            admin: false,
        };
        for (profile, life) in
            [(Profile::Short, 600), (Profile::Access, 7200), (Profile::Long, 172_800), (Profile::Lasting(90), 90)]
        {
            let made = mint.mint(&who, profile, "n", 1000);
            let claims: Value = verify(&made.token, &[Key::new(KEY)]).unwrap();
            let meta = json!({"role": "user", "uid": "u#123", "app": 214, "face": "talk", "dev": "d", "dt": "web", "sid": "s1"});
            let want = json!({"sub": "!214.~dSMxMjM", "iat": 1000, "exp": 1000 + life, "jti": "n", "aud": "hub", "meta": meta});
            assert_eq!((claims, made.expires_at), (want, 1000 + life));
        }
        let made = mint.mint(&HubSubject { app: AppId(1), admin: true, ..who }, Profile::Short, "n", 0);
        let claims: Value = verify(&made.token, &[Key::new(KEY)]).unwrap();
        assert_eq!((&claims["sub"], &claims["meta"]["role"]), (&json!("~dSMxMjM"), &json!("admin")));
    }
}
