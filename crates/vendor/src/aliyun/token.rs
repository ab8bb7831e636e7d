//! Aliyun's token formulas: SHA-256 over the parts put end to end, as lower-case hex (voice-room.md 6.2,
//! classroom.md 6.3, 6.4).
//!
//! They are weak: without separators, channel `X1` + user `2` and channel `X` + user `12` sign alike, and
//! it is no HMAC. They are for the vendor's servers only; nothing of ours accepts them.

use sha2::{Digest, Sha256};

/// What `app_token` of the message service signs.
#[derive(Debug, Clone, Copy)]
pub struct Im<'a> {
    /// From the vendor's console.
    pub app_id: &'a str,
    /// Who logs in.
    pub user: &'a str,
    /// Any text, ours is `AK-` and a UUID.
    pub nonce: &'a str,
    /// End of the token's life, Unix seconds.
    pub timestamp: i64,
    /// `admin` or what was asked for; empty adds nothing.
    pub role: &'a str,
}

/// What `auth_token` of the media service signs.
#[derive(Debug, Clone, Copy)]
pub struct Rtc<'a> {
    /// From the vendor's console.
    pub app_id: &'a str,
    /// The room id.
    pub channel: &'a str,
    /// Who joins.
    pub user: &'a str,
    /// End of the token's life, Unix seconds.
    pub timestamp: i64,
}

fn digest(parts: &[&str]) -> String {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update(part.as_bytes());
    }
    hex::encode(sha.finalize())
}

impl Im<'_> {
    /// The token, made with the key of the message application.
    #[must_use]
    pub fn token(&self, app_key: &str) -> String {
        let timestamp = self.timestamp.to_string();
        digest(&[self.app_id, app_key, self.user, self.nonce, &timestamp, self.role])
    }
}

impl Rtc<'_> {
    /// The token, made with the key of the media application.
    #[must_use]
    pub fn token(&self, app_key: &str) -> String {
        let timestamp = self.timestamp.to_string();
        digest(&[self.app_id, app_key, self.channel, self.user, &timestamp])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "6f1d2c3b-4a59-4e68-8b77-0123456789ab";

    #[test]
    fn voice_6_2_message_tokens_meet_every_vector() {
        let ak = format!("AK-{NONCE}");
        for (user, nonce, role, want) in [
            ("alice", NONCE, "admin", "66c4717069ad0db4160307b79d293af89db675ac8928f059b4750ef004cafa23"),
            ("alice", NONCE, "", "215a68a5427e0a83bcef7c2f774f210dce0e79a5e4426ecaf1e0db06e06847d1"),
            ("alice", NONCE, "user", "9f50c2e3a1ce01e072c8b89dc4e7e0a796925c43f000e609e9108144568a3ec8"),
            ("用户一", NONCE, "admin", "72805e1b596ce93ba2fedac1acbd777849de961c40b94f41530e75b8e237d83e"),
            ("bob", ak.as_str(), "user", "832a75a5b0a42a23883ac8f5f95307acc5a2b2067d43a73f5b895913ada892a6"),
        ] {
            let im = Im { app_id: "demo-im-app-0001", user, nonce, timestamp: 1_893_456_000, role };
            assert_eq!(im.token("demo-im-key-abcdef0123456789"), want, "{user} {role}");
        }
    }

    #[test]
    fn class_6_3_message_tokens_meet_every_vector() {
        for (user, role, want) in [
            ("alice", "", "4d7711655a11b63f2abc75f083ca4dccdd006eb9076b4bc4517d691ce2bd21c6"),
            ("alice", "admin", "bbc76da823cf4daf6c14c7ee82578dca90b56624e47b951d3deb4d8da9119577"),
            ("李老师", "admin", "122f9c168ff0bd1923538f7c787fbf48268cd5192b2b34e6f8abaf73bdf72bce"),
        ] {
            let nonce = "AK-2a6f0b1e-6c1d-4a3b-9c57-0d9f5c0a1b2c";
            let im = Im { app_id: "imapp01", user, nonce, timestamp: 1_700_800_000, role };
            assert_eq!(im.token("imkey01"), want, "{user} {role}");
        }
    }

    #[test]
    fn voice_6_2_media_tokens_meet_every_vector() {
        for (user, want) in [
            ("alice", "208b71706c2899b5113ba1278fa643256ac43ec717c67a06c7a630c8558c6a7d"),
            ("用户一", "688c4c57a08f0c90d4455aa6daeb048f203a95cd230f99407144caed66eaa043"),
        ] {
            let channel = "cfa4a59e90ab42cbaf708f218ad10000";
            let rtc = Rtc { app_id: "7c610000-demo-rtc", channel, user, timestamp: 1_893_456_000 };
            assert_eq!(rtc.token("c461b000demokey"), want, "{user}");
        }
    }
}
