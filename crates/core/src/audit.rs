//! Who changed what through an administration API (talk.md 8.1): one entry per command, refused ones included.
//! Neither secrets nor what people write is in it.

use async_trait::async_trait;

use crate::error::Result;
use crate::id::AppId;
use crate::time::UnixMs;

/// Longest text of an entry in bytes; what is longer is cut. Enough for a channel and a user, and a few more of a batch.
const MAX_TEXT: usize = 1024;
/// Between the names of a target: no id contains it.
const BETWEEN: char = '\u{1f}';

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When it was answered.
    pub at: UnixMs,
    /// The app whose key asked.
    pub app: AppId,
    /// The acting account.
    pub identifier: String,
    /// On whose behalf, if that was said.
    pub op_user: String,
    /// Canonical name of the command.
    pub command: String,
    /// See [`AuditEntry::target`].
    pub target: String,
    /// The code answered; 0 = done.
    pub result: u32,
    /// The request's id, as in the log.
    pub request_id: String,
}

impl AuditEntry {
    /// What a command is about: its channel, then users, with U+001F between them. A name that was not sent or is none
    /// is left out.
    #[must_use]
    pub fn target<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
        let mut out = String::new();
        for name in names {
            if !out.is_empty() {
                out.push(BETWEEN);
            }
            out.push_str(name);
        }
        cut(out)
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    text
}

/// The log of commands. The promises of [`crate::ports::Store`] hold.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Adds an entry.
    async fn audit(&self, entry: AuditEntry) -> Result<()>;

    /// The newest entries of an app, the newest first.
    async fn audit_entries(&self, app: AppId, limit: u32) -> Result<Vec<AuditEntry>>;

    /// Forgets entries of before `before`; returns how many.
    async fn purge_audit(&self, before: UnixMs) -> Result<u64>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_cut_between_characters() {
        assert_eq!(AuditEntry::target(["a", "b c"]), "a\u{1f}b c");
        assert_eq!(AuditEntry::target([]), "");
        let long = AuditEntry::target(["测".repeat(400).as_str(), "u"]);
        assert_eq!((long.len(), long.chars().count()), (1023, 341));
    }
}
