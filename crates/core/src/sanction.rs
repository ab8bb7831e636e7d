//! Bans and revocation marks: one row for each (app, channel, user), whoever made it (talk.md 5).

use crate::id::{ChannelKey, UserId};
use crate::time::UnixMs;

/// Which door a sanction came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The Talk commands.
    Talk,
    /// A voice room's owner.
    Room,
    /// A class.
    Class,
    /// The console or RoomService.
    Console,
}

impl Source {
    /// The word stored for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Talk => "talk",
            Self::Room => "room",
            Self::Class => "class",
            Self::Console => "console",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(s: &str) -> Option<Self> {
        [Self::Talk, Self::Room, Self::Class, Self::Console].into_iter().find(|k| k.as_str() == s)
    }
}

/// A kick's lasting part: until when the user is refused, and which tokens never count again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanction {
    /// Where.
    pub channel: ChannelKey,
    /// Whom.
    pub user: UserId,
    /// Door it came through.
    pub source: Source,
    /// The acting account, as the door names it.
    pub by: String,
    /// When it was made.
    pub created: UnixMs,
    /// End of the ban; 0 = no ban, only the revocation; [`UnixMs::MAX`] = for ever.
    pub until: UnixMs,
    /// Media tokens with `nbf` below this second are refused (kick second + 1).
    pub not_before_secs: i64,
}

impl Sanction {
    /// Whether the ban is running at `now`.
    #[must_use]
    pub fn bans(&self, now: UnixMs) -> bool {
        now < self.until
    }

    /// Whether a media token with this `nbf` (0 when it names none) is revoked.
    #[must_use]
    pub fn revokes(&self, nbf_secs: i64) -> bool {
        nbf_secs < self.not_before_secs
    }
}
