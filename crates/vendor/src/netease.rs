//! NetEase: the checksum of its whiteboard (classroom.md 6.6).

use sha1::{Digest as _, Sha1};

/// What both the server and a client of the whiteboard show. The time is in exact seconds.
#[must_use]
pub fn checksum(app_secret: &str, nonce: &str, cur_time: i64) -> String {
    hex::encode(Sha1::digest(format!("{app_secret}{nonce}{cur_time}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_6_6_checksum_meets_the_vector() {
        let sum = checksum("wbsecret01", "08318a2ea1124ff49d3c5b7a9e0f1122", 1_691_650_304);
        assert_eq!(sum, "3d9e182d550e8e95fd3bf14d09057532b5ac9655");
    }
}
