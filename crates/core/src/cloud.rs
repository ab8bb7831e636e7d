//! What clouds outside do for rooms and classes (voice-room.md 6.3, classroom.md 6). While a part is embedded nobody
//! outside is asked about it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::class::{Class, NewClass};
use crate::error::Result;
use crate::group::events::class_member;
use crate::group::{Happening, Outlet};
use crate::id::{RoomId, UserId};
use crate::notice::ulid;
use crate::ports::{Clock, Entropy};
use crate::time::UnixMs;

/// What a class has outside. It stays with the class, which goes on where it was made when the configuration changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// Id of its group at the older message service, which gives its own ids; elsewhere the class's id is the group's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether it has a group at the newer message service, under its own id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live_group: bool,
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
        // Plain fields: there is nothing in them that JSON could not hold.
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

/// Whether a user may comment, as a vendor tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutsideMute {
    /// Muted alone.
    pub user: bool,
    /// Muted with everybody.
    pub group: bool,
}

/// An address that lets in whoever has it; its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SignedUrl(pub String);

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedUrl(_)")
    }
}

/// A file of a recording (classroom.md 4.2, `vod_info.playlist`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordingFile {
    /// Kbit/s.
    pub bit_rate: String,
    /// UTC.
    pub creation_time: String,
    /// `OD` and others.
    pub definition: String,
    /// Seconds.
    pub duration: String,
    /// `mp4` and others.
    pub format: String,
    /// Frames per second.
    pub fps: String,
    /// Pixels; 0 for sound.
    pub height: u64,
    /// Pixels; 0 for sound.
    pub width: u64,
    /// Bytes.
    pub size: u64,
    /// Where it plays.
    pub play_url: SignedUrl,
    /// `Normal`, `Invisible`.
    pub status: String,
    /// `video`, `audio`.
    pub stream_type: String,
    /// Bits per sample.
    pub bit_depth: Option<u64>,
    /// 1: encrypted.
    pub encrypt: Option<u64>,
    /// How.
    pub encrypt_type: Option<String>,
    /// Kind of high dynamic range.
    pub hdr_type: Option<String>,
    /// Of the stream's watermark.
    pub watermark_id: Option<String>,
}

/// A recording of a class.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recording {
    /// The vendor's id of it.
    pub id: String,
    /// At least one.
    pub files: Vec<RecordingFile>,
}

/// What vendors tell of a class, as one user sees it. `None` = our own parts know, or nobody does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutsideLook {
    /// Its counters.
    pub counts: Option<OutsideCounts>,
    /// Whether the user may comment.
    pub mute: Option<OutsideMute>,
    /// Its recording.
    pub recording: Option<Recording>,
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

    /// Takes back what a class had that is deleted, or was never stored. Goes on in the background, its failures are
    /// for the log: the class is gone.
    fn close(&self, class: &Class);

    /// What vendors tell of each of these classes, in their order. A vendor that is slow or down costs one part of it,
    /// and at most 2 s.
    async fn look(&self, classes: &[&Class], user: &UserId) -> Vec<OutsideLook>;

    /// Tells the class's groups outside something, in the background, in the order of calls for each class.
    fn announce(&self, class: &Class, number: u32, data: String);

    /// What connects a client to the older message service.
    ///
    /// # Errors
    /// [`crate::Kind::Vendor`].
    async fn old_token(&self, user: &UserId, device: &str, device_type: &str) -> Result<TokenPair>;

    /// What connects a client to RongCloud.
    ///
    /// # Errors
    /// [`crate::Kind::Vendor`].
    async fn rong_cloud_token(&self, user: &UserId) -> Result<String>;

    /// Mutes a user in the class's chat room outside, if it has one, for so many minutes; `None` lifts.
    ///
    /// # Errors
    /// [`crate::Kind::Vendor`].
    async fn mute_user(&self, class: &Class, user: &UserId, minutes: Option<u64>) -> Result<()>;

    /// Mutes everybody there, or lifts it.
    ///
    /// # Errors
    /// [`crate::Kind::Vendor`].
    async fn mute_all(&self, class: &Class, on: bool) -> Result<()>;

    /// Whether everybody is muted there; `None` = the class has no such room.
    ///
    /// # Errors
    /// [`crate::Kind::Vendor`].
    async fn all_muted(&self, class: &Class) -> Result<Option<bool>>;
}

/// Tells groups outside what those of ours are told of members (classroom.md 6.3: 11001 to 11003).
pub struct Relay {
    /// Ours.
    pub groups: Arc<dyn Outlet>,
    /// Theirs.
    pub cloud: Arc<dyn ClassCloud>,
    /// Clock and entropy, for the ids of messages.
    pub clock: Arc<dyn Clock>,
    /// See `clock`.
    pub entropy: Arc<dyn Entropy>,
    /// Prints an instant as the classroom shows it.
    pub class_time: Arc<dyn Fn(UnixMs) -> String + Send + Sync>,
}

#[async_trait]
impl Outlet for Relay {
    async fn tell(&self, what: Happening) {
        if let Happening::Class { applied, .. } = &what {
            for news in &applied.news {
                let mut random = [0u8; 10];
                self.entropy.fill(&mut random);
                let sid = ulid(self.clock.now().wall, random);
                let data = class_member(&news.member, &(self.class_time)(news.member.joined), &sid);
                self.cloud.announce(&applied.class, news.what.number(), data);
            }
        }
        self.groups.tell(what).await;
    }
}
