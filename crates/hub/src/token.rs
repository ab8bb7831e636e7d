//! Connection tokens (hub.md 3.1): HS256 only, several keys, and nothing is read before the signature was compared.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::Sha256;
use stoa_core::hub::HubClientMeta;
use stoa_core::time::UnixMs;

use crate::proto::normalise;

/// Longest token that is looked at. Ours have about 500 bytes; `info` may add its limit.
const MAX_TOKEN: usize = 8 * 1024;
/// Longest public part of a token: it is repeated for each member in presence answers.
const MAX_INFO: usize = 1024;
/// Who a token must be for, so that API and media tokens are refused here.
const AUDIENCE: &str = "hub";

/// Why a token was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Over, or not yet begun: the SDK fetches another one.
    Expired,
    /// The connection's own end (`expire_at`) has passed.
    ConnectionExpired,
    /// Cannot be good.
    Invalid,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Hub uid.
    pub user: String,
    /// Private part.
    pub meta: HubClientMeta,
    /// Public part, JSON; empty = none.
    pub info: Bytes,
    /// Unix seconds.
    pub issued: i64,
    /// End of the connection unless it is refreshed, Unix seconds. None = never.
    pub expires: Option<i64>,
}

/// Compares tokens with the keys of the hub. Never printed.
#[derive(Clone)]
pub struct Verifier {
    keys: Vec<Hmac<Sha256>>,
    issuer: Option<String>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(..)")
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that a verifier must understand (RFC 7515 4.1.11): we know none.
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    sub: String,
    exp: Option<i64>,
    nbf: Option<i64>,
    #[serde(default)]
    iat: i64,
    aud: Option<Audience>,
    iss: Option<String>,
    channel: Option<serde::de::IgnoredAny>,
    expire_at: Option<i64>,
    info: Option<Box<RawValue>>,
    #[serde(default)]
    meta: Option<HubClientMeta>,
}

impl Verifier {
    /// Of the keys of the configuration: any of them may have signed. With an issuer, tokens must name it.
    #[must_use]
    pub fn new<K: AsRef<[u8]>>(keys: &[K], issuer: Option<String>) -> Self {
        let keys = keys
            .iter()
            // HMAC takes keys of any length.
            .filter_map(|k| Hmac::new_from_slice(k.as_ref()).ok())
            .collect();
        Self { keys, issuer }
    }

    /// What the token says, if it is good now.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify(&self, token: &str, now: UnixMs) -> Result<Claims, Refused> {
        let p = self.payload(token).ok_or(Refused::Invalid)?;
        let audience = match &p.aud {
            Some(Audience::One(a)) => a == AUDIENCE,
            Some(Audience::Many(all)) => all.iter().any(|a| a == AUDIENCE),
            None => false,
        };
        let issuer = self.issuer.is_none() || self.issuer == p.iss;
        if !audience || !issuer || p.channel.is_some() || p.sub.is_empty() || p.sub.len() > MAX_USER {
            return Err(Refused::Invalid);
        }
        let exp = p.exp.ok_or(Refused::Invalid)?;
        let now = now.secs();
        if exp <= now || p.nbf.is_some_and(|n| n > now) {
            return Err(Refused::Expired);
        }
        let expires = match p.expire_at {
            None => Some(exp),
            Some(0) => None,
            Some(at) if at <= now => return Err(Refused::ConnectionExpired),
            Some(at) => Some(at),
        };
        let info = match p.info {
            Some(i) if i.get().len() > MAX_INFO => return Err(Refused::Invalid),
            Some(i) => normalise(i.get()).ok_or(Refused::Invalid)?,
            None => Bytes::new(),
        };
        Ok(Claims { user: p.sub, meta: p.meta.unwrap_or_default(), info, issued: p.iat, expires })
    }

    fn payload(&self, token: &str) -> Option<Payload> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        if header.alg != "HS256" || header.crit.is_some() {
            return None;
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !self.keys.iter().any(|k| made(k, signed, &signature)) {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }
}

/// Longest hub uid (hub.md 3.5: 190 bytes for ours), so that `user:#` before it still fits a channel name.
const MAX_USER: usize = 240;

/// Constant time in the signature.
fn made(key: &Hmac<Sha256>, signed: &str, signature: &[u8]) -> bool {
    let mut mac = key.clone();
    mac.update(signed.as_bytes());
    mac.verify_slice(signature).is_ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    pub(crate) const KEY: &str = "hub-demo-secret-32-bytes-long!!!";
    const NOW: UnixMs = UnixMs(1_893_456_100_000);

    fn sign_with(key: &str, header: &Value, payload: &Value) -> String {
        let part = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let signed = format!("{}.{}", part(header), part(payload));
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    pub(crate) fn sign(payload: &Value) -> String {
        sign_with(KEY, &json!({"alg": "HS256", "typ": "JWT"}), payload)
    }

    fn verifier() -> Verifier {
        Verifier::new(&[KEY], None)
    }

    fn good() -> Value {
        json!({"sub": "alice", "exp": 1_893_456_600, "aud": "hub"})
    }

    fn with(name: &str, value: Value) -> String {
        let mut p = good();
        p[name] = value;
        sign(&p)
    }

    #[test]
    fn b1_vector_of_the_specification() {
        let token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImlhdCI6MTg5MzQ1NjAwMCwiZXhwIjoxODkzNDU2NjAwLCJqdGkiOiI2ZjFkMmMzYi00YTU5LTRlNjgtOGI3Ny0wMTIzNDU2Nzg5YWIiLCJhdWQiOiJodWIiLCJpbmZvIjp7Im4iOiJBbGljZSJ9LCJtZXRhIjp7InJvbGUiOiJ1c2VyIiwidWlkIjoiYWxpY2UiLCJhcHAiOjEsImZhY2UiOiJjbGFzcyIsImRldiI6IndlYi0xIiwiZHQiOiJ3ZWIiLCJzaWQiOiJzMSJ9fQ.MFD4de-McIYW7LBI8EmI3eErw3joFRsGH_2cHPMaMVg";
        let claims = verifier().verify(token, NOW).unwrap();
        assert_eq!(
            (claims.user.as_str(), claims.issued, claims.expires),
            ("alice", 1_893_456_000, Some(1_893_456_600))
        );
        assert_eq!(&claims.info[..], br#"{"n":"Alice"}"#);
        let m = claims.meta;
        assert_eq!((m.app, m.face.as_str(), m.dev.as_str(), m.sid.as_str()), (1, "class", "web-1", "s1"));
        assert_eq!(verifier().verify(token, UnixMs(1_893_456_600_000)), Err(Refused::Expired));
    }

    #[test]
    fn b2_expired_and_not_yet() {
        assert_eq!(verifier().verify(&with("exp", json!(1_893_456_100)), NOW), Err(Refused::Expired));
        assert_eq!(verifier().verify(&with("nbf", json!(1_893_456_101)), NOW), Err(Refused::Expired));
        assert_eq!(verifier().verify(&with("expire_at", json!(5)), NOW), Err(Refused::ConnectionExpired));
        assert_eq!(verifier().verify(&with("expire_at", json!(0)), NOW).unwrap().expires, None);
    }

    #[test]
    fn b3_b4_b15_what_cannot_be_good() {
        let v = verifier();
        let subscription = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImNoYW5uZWwiOiJjaGF0OmNmYTRhNTllOTBhYjQyY2JhZjcwOGYyMThhZDEwMDAwIiwiaWF0IjoxODkzNDU2MDAwLCJleHAiOjE4OTM0NTYxMjAsImV4cGlyZV9hdCI6MTg5MzQ1NjYwMCwiYXVkIjoiaHViIn0.wUqEe8hoG7ch2ghIuPMuUDN6QZW1q_m6ZGtF_u9vSsY";
        let header = |alg: &str| json!({"alg": alg, "typ": "JWT"});
        let mut altered = sign(&good());
        altered.insert(40, 'A');
        let bad = [
            sign_with("another-secret-of-32-bytes-long!", &header("HS256"), &good()),
            sign_with(KEY, &header("none"), &good()),
            sign_with(KEY, &header("RS256"), &good()),
            sign_with(KEY, &json!({"alg": "HS256", "crit": ["x"]}), &good()),
            with("aud", json!("api")),
            with("aud", json!(["api", "media"])),
            with("aud", json!(null)),
            with("channel", json!("room:1")),
            with("sub", json!("")),
            with("exp", json!(null)),
            with("exp", json!("soon")),
            with("info", json!("x".repeat(MAX_INFO))),
            subscription.to_owned(),
            "4d7711655a11b63f2abc75f083ca4dccdd006eb9076b4bc4517d691ce2bd21c6".to_owned(),
            "a.b.c".to_owned(),
            ".".repeat(20),
            format!("{}.", good()),
            "x".repeat(MAX_TOKEN + 1),
            altered,
        ];
        for token in bad {
            assert_eq!(v.verify(&token, NOW), Err(Refused::Invalid), "{token}");
        }
        assert!(v.verify(&with("aud", json!(["api", "hub"])), NOW).is_ok());
        let strict = Verifier::new(&[KEY], Some("stoa".to_owned()));
        assert_eq!(strict.verify(&sign(&good()), NOW), Err(Refused::Invalid));
        assert!(strict.verify(&with("iss", json!("stoa")), NOW).is_ok());
    }

    #[test]
    fn b10_keys_rotate() {
        let old = sign(&good());
        let new = "a-newer-secret-of-32-bytes-long!";
        assert!(Verifier::new(&[new, KEY], None).verify(&old, NOW).is_ok());
        assert_eq!(Verifier::new(&[new], None).verify(&old, NOW), Err(Refused::Invalid));
    }

    #[test]
    fn keys_are_not_printed() {
        assert_eq!(format!("{:?}", verifier()), "Verifier(..)");
    }
}
