//! What clouds outside do for rooms and classes (voice-room.md 6.3, classroom.md 6). While a part is embedded nobody
//! outside is asked about it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::class::{Class, NewClass};
use crate::error::Result;
use crate::id::{RoomId, UserId};

/// What a class has outside. It stays with the class, which goes on where it was made when the configuration changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// Id of its group at the older message service, which gives its own ids; elsewhere the class's id is the group's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether it has a chat room at RongCloud, under its own id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rong_cloud: bool,
    /// Its whiteboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board: Option<OutsideBoard>,
}

/// A whiteboard of a vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutsideBoard {
    /// Application it was made under, shown to clients.
    pub app_key: String,
    /// The vendor's number of it.
    pub cid: String,
}

impl Outside {
    /// Nothing is outside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// As stores keep it; `None` = nothing.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        // Three plain fields: there is nothing in them that JSON could not hold.
        if self.is_empty() { None } else { serde_json::to_string(self).ok() }
    }

    /// What a store kept; `None` = not ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// A message service that a class can have a group at (classroom.md 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupService {
    /// Aliyun's older one.
    AliyunOld,
    /// Aliyun's newer one.
    AliyunNew,
    /// RongCloud.
    RongCloud,
}

/// What a vendor gives a client to connect with and to renew it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// To connect with.
    pub access: String,
    /// For the next one.
    pub refresh: String,
}

/// Counters of a group, as a vendor tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutsideCounts {
    /// Joins.
    pub pv: u64,
    /// Distinct users that ever joined.
    pub uv: u64,
    /// Likes.
    pub likes: u64,
    /// Connected now.
    pub online: u64,
}

/// Clouds that voice rooms use.
#[async_trait]
pub trait RoomCloud: Send + Sync {
    /// Makes what the room needs outside, before it is stored.
    ///
    /// # Errors
    /// [`crate::Kind::Vendor`].
    async fn open(&self, room: RoomId, owner: &UserId) -> Result<()>;

    /// How many are in the room: `None` = our own engine knows; 0 until the vendor has told. Never waits for a vendor.
    fn online(&self, room: RoomId) -> Option<usize>;
}

/// Clouds that classes use.
#[async_trait]
pub trait ClassCloud: Send + Sync {
    /// Makes what the class needs outside, before it is stored. `wanted`: where its clients said to have groups; what
    /// the operator has no account with is left out, and with nothing left it is the operator's own service.
    ///
    /// # Errors
    /// [`crate::Kind::Vendor`]. What was made by then is taken back as far as the vendor lets it.
    async fn open(&self, class: &NewClass, wanted: &[GroupService]) -> Result<Outside>;

    /// Takes back what a class had that is deleted, or was never stored. Failures are for the log: the class is gone.
    async fn close(&self, class: &Class);

    /// Counters, of each of these classes: `None` = our own hub knows. At most 2 s, zeros for what no vendor told by
    /// then.
    async fn counts(&self, classes: &[&Class]) -> Vec<Option<OutsideCounts>>;
}
