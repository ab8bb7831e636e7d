//! What a client sends, and how it is refused.

use serde_json::{Map, Value};

/// Largest `data` of a message, bytes (hub.md 5.6). Payloads are relayed to everybody, so this bounds a room's traffic.
const MAX_DATA: usize = 16 << 10;
/// Largest `content` of a comment, bytes (hub.md 5.6).
const MAX_COMMENT: usize = 4 << 10;

/// A refusal of a group function: code and text of hub.md 5.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// 1400 to 1499.
    pub code: u32,
    /// Exactly this.
    pub message: &'static str,
}

impl Refusal {
    /// Malformed, too large, or no JSON object.
    pub const BAD: Self = Self { code: 1400, message: "bad request" };
    /// Role, type, person.
    pub const NOT_ALLOWED: Self = Self { code: 1403, message: "not allowed" };
    /// A ban runs.
    pub const BANNED: Self = Self { code: 1403, message: "banned" };
    /// Not joined.
    pub const NOT_MEMBER: Self = Self { code: 1403, message: "not a member" };
    /// Not admitted for another reason than a ban.
    pub const JOIN_REFUSED: Self = Self { code: 1403, message: "join refused" };
    /// A comment while muted.
    pub const MUTED: Self = Self { code: 1403, message: "muted" };
    /// Nobody else comes on stage.
    pub const STAGE_FULL: Self = Self { code: 1403, message: "stage full" };
    /// Unknown, or no longer live.
    pub const NO_GROUP: Self = Self { code: 1404, message: "no such group" };
    /// Not stored, or deleted.
    pub const NO_MESSAGE: Self = Self { code: 1404, message: "no such message" };
    /// Not in the group.
    pub const NO_RECEIVER: Self = Self { code: 1404, message: "no such receiver" };
    /// Being dismissed or dissolved.
    pub const CLOSING: Self = Self { code: 1409, message: "group closing" };
    /// Over a rate.
    pub const TOO_FAST: Self = Self { code: 1429, message: "too fast" };
}

/// Which of a group's two channels carries a message (hub.md 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Signals and events.
    Room,
    /// Comments, and what must not overtake them.
    Chat,
}

/// A message as it came, its `data` read.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// Number of the official clients.
    pub kind: i64,
    /// The text as sent: relayed verbatim.
    pub text: String,
    /// What it says.
    pub data: Map<String, Value>,
}

impl Incoming {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Refusal::BAD`]: `data` too large, or no JSON object, or a U+0000 in its `sid`, which is stored by itself.
    pub fn read(kind: i64, text: String) -> Result<Self, Refusal> {
        if text.len() > MAX_DATA {
            return Err(Refusal::BAD);
        }
        match serde_json::from_str(&text) {
            // The sender's mark of it is stored as it is, and PostgreSQL keeps no U+0000.
            Ok(Value::Object(data)) if data.get("sid").and_then(Value::as_str).is_some_and(|s| s.contains('\0')) => {
                Err(Refusal::BAD)
            }
            Ok(Value::Object(data)) => Ok(Self { kind, text, data }),
            _ => Err(Refusal::BAD),
        }
        .and_then(|m| if m.text_of("sid").contains('\0') { Err(Refusal::BAD) } else { Ok(m) })
    }

    /// A text of `data`; empty when absent.
    #[must_use]
    pub fn text_of(&self, key: &str) -> &str {
        self.data.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// A truth value of `data`.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.data.get(key).and_then(Value::as_bool)
    }

    /// A whole number of `data`.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<i64> {
        self.data.get(key).and_then(Value::as_i64)
    }

    /// The `content` of a comment.
    ///
    /// # Errors
    /// [`Refusal::BAD`]: missing, blank or too long.
    pub fn comment(&self) -> Result<&str, Refusal> {
        let content = self.text_of("content");
        match content.trim().is_empty() || content.len() > MAX_COMMENT {
            true => Err(Refusal::BAD),
            false => Ok(content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_a_json_object_of_bounded_size() {
        for bad in ["", "[]", "\"x\"", "7", "{", "null"] {
            assert_eq!(Incoming::read(1, bad.into()), Err(Refusal::BAD), "{bad}");
        }
        let filled = |n: usize| format!("{{\"x\":\"{}\"}}", "a".repeat(n - 8));
        assert!(Incoming::read(1, filled(MAX_DATA)).is_ok());
        assert_eq!(Incoming::read(1, filled(MAX_DATA + 1)), Err(Refusal::BAD));
        assert_eq!(Incoming::read(1, r#"{"sid":"a\u0000"}"#.into()), Err(Refusal::BAD));
    }

    #[test]
    fn comments_say_something() {
        let comment = |c: &str| Incoming::read(1, serde_json::json!({ "content": c }).to_string()).unwrap();
        assert_eq!(comment("你好").comment(), Ok("你好"));
        assert!(comment(&"x".repeat(MAX_COMMENT)).comment().is_ok());
        for bad in ["", "  ", &"x".repeat(MAX_COMMENT + 1)] {
            assert_eq!(comment(bad).comment(), Err(Refusal::BAD));
        }
        assert_eq!(Incoming::read(1, "{\"content\":7}".into()).unwrap().comment(), Err(Refusal::BAD));
    }
}
