//! The compact form of a JSON web signature, HS256 and nothing else.
//!
//! The algorithm is fixed here and never chosen by the token: the header can only agree with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

use super::TokenError;

/// Longest token that is looked at, in bytes. A browser puts it in a URL, so real ones are far
/// shorter; a larger cap only lets strangers make us decode more.
pub const MAX_BYTES: usize = 16 * 1024;

/// What every token made here starts with, in the byte order that LiveKit's SDKs write.
const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

/// A token taken apart; nothing in it is believed before [`Parts::signed_by`] said yes.
pub(super) struct Parts<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    /// The decoded payload.
    pub payload: Vec<u8>,
}

/// Takes a token apart and checks everything that needs no secret.
pub(super) fn split(token: &str) -> Result<Parts<'_>, TokenError> {
    if token.len() > MAX_BYTES {
        return Err(TokenError::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let decode = |part: &str| B64.decode(part).map_err(|_| TokenError::Malformed);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)?;
    let typ_known = header.typ.is_none_or(|t| t.eq_ignore_ascii_case("JWT"));
    if header.alg != "HS256" || !typ_known || header.crit.is_some() {
        return Err(TokenError::Algorithm);
    }
    Ok(Parts { signed, signature: decode(signature)?, payload: decode(payload)? })
}

impl Parts<'_> {
    /// Whether this secret made the signature; constant time. An empty secret signs nothing.
    pub fn signed_by(&self, secret: &str) -> bool {
        !secret.is_empty() && mac(secret, self.signed).verify_slice(&self.signature).is_ok()
    }
}

/// The signed compact form of a payload.
pub(super) fn sign(secret: &str, payload: &[u8]) -> String {
    let signed = format!("{}.{}", B64.encode(HEADER), B64.encode(payload));
    let signature = B64.encode(mac(secret, &signed).finalize().into_bytes());
    signed + "." + &signature
}

fn mac(secret: &str, signed: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(signed.as_bytes());
    mac
}
