//! RongCloud: the signature of its server interface (classroom.md 6.7).

use sha1::{Digest as _, Sha1};

/// The value of the `Signature` header.
#[must_use]
pub fn signature(app_secret: &str, nonce: &str, timestamp: i64) -> String {
    hex::encode(Sha1::digest(format!("{app_secret}{nonce}{timestamp}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_6_7_signature_meets_the_vector() {
        assert_eq!(signature("rcsecret01", "14314", 1_700_000_000), "337eb6b00d83be407069350f5fc10ff8d03d8def");
    }
}
