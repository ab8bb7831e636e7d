//! HS256 tokens: the one place that signs and verifies. The algorithm is fixed, the clock is the
//! caller's, and a verifier is given the claims only after the signature has been compared.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// Longest token that is looked at. Ours have about 200 bytes.
pub const MAX_BYTES: usize = 4096;

/// base64url of `{"typ":"JWT","alg":"HS256"}`: the header of every token we sign.
const HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9";

/// One secret, ready to sign and verify. Never printed.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Why a token was not taken. For logs; callers learn only that it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Longer than [`MAX_BYTES`].
    TooLong,
    /// Not three base64url parts, or the header or the claims are not readable.
    Shape,
    /// Another algorithm than HS256, or a header that asks for extensions.
    Algorithm,
    /// No key made this signature.
    Signature,
}

#[derive(serde::Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: std::borrow::Cow<'a, str>,
    /// Extensions that a verifier must understand (RFC 7515 4.1.11): we know none.
    crit: Option<serde::de::IgnoredAny>,
}

impl Key {
    /// A key of these bytes.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        // HMAC takes keys of any length; the other branch never runs.
        Self(Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default())))
    }

    /// The compact form of these claims, in the order in which they serialise.
    #[must_use]
    pub fn sign<T: Serialize>(&self, claims: &T) -> String {
        let payload = serde_json::to_vec(claims).unwrap_or_default();
        let mut token = String::with_capacity(HEADER.len() + payload.len() * 4 / 3 + 50);
        token.push_str(HEADER);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.signature(&token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    /// The bare signature of this text.
    #[must_use]
    pub fn signature(&self, signed: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(signed.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Whether this key made the signature; constant time.
    #[must_use]
    pub fn made(&self, signed: &str, signature: &[u8]) -> bool {
        let mut mac = self.0.clone();
        mac.update(signed.as_bytes());
        mac.verify_slice(signature).is_ok()
    }
}

/// Verifies a token against each key and reads its claims. What the claims must say is up to the caller.
///
/// # Errors
/// [`Flaw`].
pub fn verify<T: DeserializeOwned>(token: &str, keys: &[Key]) -> Result<T, Flaw> {
    if token.len() > MAX_BYTES {
        return Err(Flaw::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Flaw::Shape)?;
    let (header, payload) = signed.split_once('.').ok_or(Flaw::Shape)?;
    if payload.contains('.') {
        return Err(Flaw::Shape);
    }
    if header != HEADER {
        check_header(header)?;
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Flaw::Shape)?;
    if !keys.iter().any(|k| k.made(signed, &signature)) {
        return Err(Flaw::Signature);
    }
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| Flaw::Shape)?;
    serde_json::from_slice(&payload).map_err(|_| Flaw::Shape)
}

fn check_header(header: &str) -> Result<(), Flaw> {
    let bytes = URL_SAFE_NO_PAD.decode(header).map_err(|_| Flaw::Shape)?;
    let header: Header<'_> = serde_json::from_slice(&bytes).map_err(|_| Flaw::Shape)?;
    if header.alg != "HS256" || header.crit.is_some() {
        return Err(Flaw::Algorithm);
    }
    Ok(())
}
