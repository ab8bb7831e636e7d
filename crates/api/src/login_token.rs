//! The bearer token of all REST dialects (voice-room.md 3.2).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use stoa_core::id::UserId;

use crate::jwt::{self, Key};

/// Shortest key in bytes: as long as the hash, the least that HS256 deserves.
pub const MIN_KEY_BYTES: usize = 32;

/// How far ahead of our clock `iat` and `nbf` may be, in seconds: the clocks of two servers differ by less.
const AHEAD_SECS: i64 = 60;

/// The prefix of a key taken over from a running deployment.
const LENIENT: &str = "lenient:";

const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The keys of login tokens: the first signs, all verify.
#[derive(Debug, Clone)]
pub struct LoginKeys(Vec<Key>);

/// A verified login token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginToken {
    /// The subject.
    pub user: UserId,
    /// Issued at, in seconds; 0 when the token does not say.
    pub iat_secs: i64,
    /// Ends at, in seconds.
    pub exp_secs: i64,
    /// Login session (`jti`), if the token names one.
    pub session: Option<String>,
}

#[derive(Serialize)]
struct Minted<'a> {
    sub: &'a str,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: i64,
    iat: Option<i64>,
    nbf: Option<i64>,
    /// Anything but text is another issuer's business.
    #[serde(default)]
    jti: serde_json::Value,
    #[serde(default, deserialize_with = "present")]
    aud: bool,
}

fn present<'de, D: serde::Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(d).map(|_| true)
}

/// Decodes one entry of `auth.jwt_keys`.
///
/// # Errors
/// A sentence for the operator; it never contains the key.
pub fn decode_key(text: &str) -> Result<Vec<u8>, String> {
    if let Some(text) = text.strip_prefix(LENIENT) {
        let bytes = lenient(text);
        return if bytes.is_empty() { Err("a lenient key decodes to nothing".to_owned()) } else { Ok(bytes) };
    }
    let bytes = STANDARD.decode(text.trim()).map_err(|_| "a key is not base64".to_owned())?;
    if bytes.len() < MIN_KEY_BYTES {
        return Err(format!("a key has {} bytes, at least {MIN_KEY_BYTES} are needed", bytes.len()));
    }
    Ok(bytes)
}

/// As the reference decodes its secret text: characters outside the alphabet are skipped, the others
/// count in fours, and a last group of fewer than four is dropped.
fn lenient(text: &str) -> Vec<u8> {
    /// Stands for `=` among the sextets.
    const PAD: u8 = 127;
    let sextet = |c: u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        b'=' => Some(PAD),
        _ => None,
    };
    let sextets: Vec<u8> = text.bytes().filter_map(sextet).collect();
    let mut out = Vec::with_capacity(sextets.len() / 4 * 3);
    for four in sextets.chunks_exact(4) {
        out.push((four[0] << 2) | (four[1] >> 4));
        if four[2] != PAD {
            out.push((four[1] << 4) | (four[2] >> 2));
        }
        if four[3] != PAD {
            out.push((four[2] << 6) | four[3]);
        }
    }
    out
}

impl LoginKeys {
    /// Keys of these bytes; the first signs. `None` without any.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Option<Self> {
        let keys: Vec<Key> = keys.into_iter().map(|k| Key::new(k.as_ref())).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// A token for `user` that counts from `iat_secs` to `exp_secs`; `session` names the login.
    #[must_use]
    pub fn mint(&self, user: &UserId, iat_secs: i64, exp_secs: i64, session: Option<&str>) -> String {
        self.0[0].sign(&Minted { sub: user.as_str(), iat: iat_secs, exp: exp_secs, jti: session })
    }

    /// Everything that the token alone can tell; whether the account still lets it count is asked elsewhere.
    ///
    /// # Errors
    /// Why not, for the log.
    pub fn verify(&self, token: &str, now_secs: i64) -> Result<LoginToken, &'static str> {
        let claims: Claims = jwt::verify(token, &self.0).map_err(|flaw| match flaw {
            jwt::Flaw::TooLong => "token too long",
            jwt::Flaw::Shape => "token malformed",
            jwt::Flaw::Algorithm => "token algorithm",
            jwt::Flaw::Signature => "token signature",
        })?;
        if claims.aud {
            return Err("token of another kind");
        }
        if claims.exp <= now_secs {
            return Err("token expired");
        }
        let latest = now_secs.saturating_add(AHEAD_SECS);
        if claims.nbf.is_some_and(|t| t > latest) || claims.iat.is_some_and(|t| t > latest) {
            return Err("token from the future");
        }
        let user = UserId::for_dialect("sub", claims.sub).map_err(|_| "token subject")?;
        let session = match claims.jti {
            serde_json::Value::String(s) => Some(s),
            _ => None,
        };
        Ok(LoginToken { user, iat_secs: claims.iat.unwrap_or(0), exp_secs: claims.exp, session })
    }
}

#[cfg(test)]
mod tests;
