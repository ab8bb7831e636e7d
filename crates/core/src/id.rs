//! Names and ids, each its own type, each valid by construction.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// True for U+0000–U+001F and U+007F–U+009F, which no id may hold (voice-room.md 2.2, talk.md 1.2).
#[must_use]
pub fn is_control(c: char) -> bool {
    c.is_control()
}

fn check_text(field: &'static str, s: &str, max_bytes: usize) -> Result<()> {
    if s.is_empty() || s.len() > max_bytes {
        return Err(Error::bad_input(field, format!("must be 1 to {max_bytes} bytes")));
    }
    if s.chars().any(is_control) {
        return Err(Error::bad_input(field, "must not contain control characters"));
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $field:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Longest value in bytes of UTF-8.
            pub const MAX_BYTES: usize = $max;

            /// Checks length and characters; keeps the text exactly as given.
            ///
            /// # Errors
            /// [`crate::Kind::BadInput`] when empty, too long or with control characters.
            pub fn new(s: impl Into<String>) -> Result<Self> {
                let s = s.into();
                check_text($field, &s, $max)?;
                Ok(Self(s))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(
    /// An end user, the same in every dialect: 1–255 bytes of UTF-8 without control characters,
    /// compared byte by byte. Reserved names are refused by [`UserId::for_dialect`], not here.
    UserId, "user_id", 255
);
text_id!(
    /// A live place in the media engine, unique inside its app: 1–256 bytes (media.md 5.6).
    ChannelName, "channel", 256
);
text_id!(
    /// A media participant's identity: user id, perhaps U+001F and a device id; see [`Identity::parse`].
    DeviceId, "device_id", 64
);

impl UserId {
    /// As [`UserId::new`], and refuses what the dialects reserve: `system` and names ending in
    /// `_shadow` (voice-room.md 2.2). `field` names the request field in the error.
    ///
    /// # Errors
    /// [`crate::Kind::BadInput`].
    pub fn for_dialect(field: &'static str, s: impl Into<String>) -> Result<Self> {
        let s = s.into();
        check_text(field, &s, Self::MAX_BYTES)?;
        if s == "system" || s.ends_with("_shadow") {
            return Err(Error::bad_input(field, "is a reserved name"));
        }
        Ok(Self(s))
    }
}

/// The identity of one media participant: what the token's `sub` says. 1–320 bytes; the unit
/// separator U+001F may divide user and device (talk.md 1.2), no other control character is allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Identity(String);

impl Identity {
    /// Longest identity in bytes: user id 255, separator 1, device 64.
    pub const MAX_BYTES: usize = 320;

    /// Checks length and characters.
    ///
    /// # Errors
    /// [`crate::Kind::BadInput`].
    pub fn new(s: impl Into<String>) -> Result<Self> {
        let s = s.into();
        if s.is_empty() || s.len() > Self::MAX_BYTES {
            return Err(Error::bad_input("identity", "must be 1 to 320 bytes"));
        }
        if s.chars().any(|c| c != '\u{1f}' && is_control(c)) {
            return Err(Error::bad_input("identity", "must not contain control characters"));
        }
        Ok(Self(s))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The user part: everything before U+001F.
    #[must_use]
    pub fn user_part(&self) -> &str {
        self.0.split('\u{1f}').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tenant's number, 1 … 2^53−1 (talk.md 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppId(pub u64);

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads 32 hex digits of either case; dashes are dropped wherever they stand.
fn parse_hex(s: &str) -> Option<[u8; 16]> {
    let mut out = [0u8; 16];
    let mut n = 0usize;
    for b in s.bytes().filter(|b| *b != b'-') {
        let v = match b {
            b'0'..=b'9' => b - b'0',
            b'a'..=b'f' => b - b'a' + 10,
            b'A'..=b'F' => b - b'A' + 10,
            _ => return None,
        };
        if n == 32 {
            return None;
        }
        out[n / 2] |= if n.is_multiple_of(2) { v << 4 } else { v };
        n += 1;
    }
    (n == 32).then_some(out)
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Reads the spellings clients send: dashes are dropped, ASCII letters lowered. What is then
            /// not 32 hex digits names nothing (voice-room.md 2.2, classroom.md 2.1), hence `None` and not an error.
            #[must_use]
            pub fn parse(s: &str) -> Option<Self> {
                parse_hex(s).map(Self)
            }

            /// Of random bytes. Version 4, variant 1 of RFC 9562, so that the dashed form is a valid UUID too.
            #[must_use]
            pub fn random(mut bytes: [u8; 16]) -> Self {
                bytes[6] = (bytes[6] & 0x0f) | 0x40;
                bytes[8] = (bytes[8] & 0x3f) | 0x80;
                Self(bytes)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
    };
}

macro_rules! shown_as_hex {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }
    };
}

hex_id!(
    /// A voice room's id: 128 random bits, written as 32 lower-case hex digits.
    RoomId
);
shown_as_hex!(RoomId);

hex_id!(
    /// A class's id: 128 random bits, written as 32 lower-case hex digits. Also the name of its hub group and whiteboard.
    ClassId
);
shown_as_hex!(ClassId);

hex_id!(
    /// A check-in's id: 128 random bits, written as 32 lower-case hex digits.
    CheckInId
);
shown_as_hex!(CheckInId);

hex_id!(
    /// An uploaded file's id: 128 random bits, written as 32 lower-case hex digits.
    FileId
);
shown_as_hex!(FileId);

hex_id!(
    /// The name of a class's media channel: 128 random bits, written as a UUID with dashes.
    MeetingId
);

impl fmt::Display for MeetingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, b) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{b:02x}")?;
        }
        Ok(())
    }
}

impl RoomId {
    /// The channel of this room: same text.
    #[must_use]
    pub fn channel(self) -> ChannelName {
        ChannelName(self.to_string())
    }
}

impl MeetingId {
    /// The channel of this name: same text.
    #[must_use]
    pub fn channel(self) -> ChannelName {
        ChannelName(self.to_string())
    }
}

/// A channel and the app it belongs to: equal names in two apps are two channels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelKey {
    /// The tenant.
    pub app: AppId,
    /// The name inside the tenant.
    pub name: ChannelName,
}

impl ChannelKey {
    /// The channel of a voice room.
    #[must_use]
    pub fn of_room(app: AppId, room: RoomId) -> Self {
        Self { app, name: room.channel() }
    }

    /// The voice room this channel might belong to: only canonical names (32 lower-case hex) do.
    #[must_use]
    pub fn room_id(&self) -> Option<RoomId> {
        let s = self.name.as_str();
        (s.len() == 32 && !s.bytes().any(|b| b.is_ascii_uppercase())).then(|| RoomId::parse(s)).flatten()
    }

    /// The channel of a class.
    #[must_use]
    pub fn of_meeting(app: AppId, meeting: MeetingId) -> Self {
        Self { app, name: meeting.channel() }
    }

    /// The class's channel this might be: only canonical names (a UUID in lower case) are one.
    #[must_use]
    pub fn meeting_id(&self) -> Option<MeetingId> {
        let s = self.name.as_str();
        let id = (s.len() == 36).then(|| MeetingId::parse(s)).flatten()?;
        (id.to_string() == s).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_ids_are_read_in_dashed_and_upper_case_form() {
        let a = RoomId::parse("cfa4a59e-90ab-42cb-af70-8f218ad10000").unwrap();
        assert_eq!(a, RoomId::parse("CFA4A59E90AB42CBAF708F218AD10000").unwrap());
        assert_eq!(a.to_string(), "cfa4a59e90ab42cbaf708f218ad10000");
        for bad in ["", "abc", "zfa4a59e90ab42cbaf708f218ad10000", "cfa4a59e90ab42cbaf708f218ad100000"] {
            assert!(RoomId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_meeting_is_named_by_its_canonical_uuid_only() {
        let key = |s: &str| ChannelKey { app: AppId(1), name: ChannelName::new(s).unwrap() };
        let text = "e65c9abd-0def-49c3-b7db-29380dbc0001";
        assert_eq!(key(text).meeting_id().unwrap().to_string(), text);
        for other in [text.to_uppercase(), text.replace('-', ""), "e65c9abd0-def-49c3-b7db-29380dbc000-1".to_owned()] {
            assert!(key(&other).meeting_id().is_none(), "{other}");
        }
        assert_eq!(key(&text.replace('-', "")).room_id().unwrap().to_string(), text.replace('-', ""));
    }

    #[test]
    fn user_ids_refuse_control_characters_and_reserved_names() {
        assert!(UserId::new("用户一").is_ok());
        assert!(UserId::new("x".repeat(255)).is_ok());
        for bad in ["", "a\u{0}", "a\u{1f}b", "a\u{85}"] {
            assert!(UserId::new(bad).is_err(), "{bad:?}");
        }
        assert!(UserId::new("x".repeat(256)).is_err());
        assert!(UserId::for_dialect("user_id", "system").is_err());
        assert!(UserId::for_dialect("user_id", "bob_shadow").is_err());
    }
}
