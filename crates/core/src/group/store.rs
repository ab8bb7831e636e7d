//! What lasts of groups, and of the hub's credentials.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::names::GroupKey;
use crate::error::Result;
use crate::id::{AppId, UserId};
use crate::time::UnixMs;

/// Messages kept per group (hub.md 4.5).
pub const KEPT_MESSAGES: usize = 200;

/// State of a group that lasts. A group of which nothing is stored is the default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupState {
    /// JSON text of the group; empty until it is set.
    pub meta: String,
    /// For display; grants nothing.
    pub admins: Vec<UserId>,
    /// Only those who manage the group may comment.
    pub mute_all: bool,
    /// Who may not comment, with the end of it, by user (bytes). Ends that are over may still be listed.
    pub muted: Vec<(UserId, UnixMs)>,
    /// Joins, ever.
    pub pv: u64,
    /// Distinct users that joined, ever.
    pub uv: u64,
    /// Likes, ever.
    pub likes: u64,
    /// Messages ever stored, by type.
    pub amounts: BTreeMap<i64, u64>,
}

/// Change of a group's description; `None` leaves a field alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupPatch {
    /// JSON text.
    pub meta: Option<String>,
    /// For display.
    pub admins: Option<Vec<UserId>>,
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Rises over the group's messages, never reused.
    pub seqnum: u64,
    /// ULID.
    pub id: String,
    /// Number of the official clients.
    pub kind: i64,
    /// Who sent it.
    pub sender: UserId,
    /// As given at join, or `""`.
    pub extension: String,
    /// JSON object as text, as sent.
    pub data: String,
    /// The sender's own mark of it; `""` = none.
    pub sid: String,
    /// When.
    pub at: UnixMs,
    /// 0 normal, 1 high.
    pub level: u8,
}

/// Which stored messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessagePage {
    /// The newest.
    Newest,
    /// The newest before this number.
    Before(u64),
    /// The oldest after this number.
    After(u64),
}

/// Which messages to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doomed {
    /// The one with this id.
    Id(String),
    /// Those that carry one of these marks of their senders.
    Sids(Vec<String>),
}

/// A refresh token as it is kept: only its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// All tokens that came of one login share it.
    pub family: [u8; 16],
    /// Tenant.
    pub app: AppId,
    /// Whose.
    pub user: UserId,
    /// Dialect that made it.
    pub face: String,
    /// Device it is bound to.
    pub device: String,
    /// Kind of the device.
    pub device_type: String,
    /// Ends at.
    pub expires: UnixMs,
}

/// What came of the exchange of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchanged {
    /// It was good; the new one is stored, the old one is spent. This is what the old one said.
    Done(RefreshToken),
    /// Unknown, over, of another device; or spent before, and then the whole family is gone.
    Refused,
}

/// Groups and credentials of the hub. The promises of [`crate::ports::Store`] hold. Writes for a room that is dismissed
/// (or was never there) and a class that is deleted do nothing and succeed; an adhoc channel needs no record. What is stored of a room's group goes
/// with its dismissal, of a class's with its deletion, of an adhoc channel's with its end, in the same transaction.
#[async_trait]
pub trait GroupStore: Send + Sync {
    /// A group's state.
    async fn group(&self, group: &GroupKey) -> Result<GroupState>;

    /// Sets numbers aside: answers the first of `n` that were never handed out before. The first of all is 1.
    async fn reserve_seqnums(&self, group: &GroupKey, n: u32) -> Result<u64>;

    /// A user joined with this text about itself. Answers joins and distinct users from now on.
    async fn visit_group(&self, group: &GroupKey, user: &UserId, extension: &str) -> Result<(u64, u64)>;

    /// The text a user gave when it last joined; `None` = it never did.
    async fn visitor(&self, group: &GroupKey, user: &UserId) -> Result<Option<String>>;

    /// Adds likes. Answers all of them.
    async fn like_group(&self, group: &GroupKey, n: u32) -> Result<u64>;

    /// Changes the description.
    async fn patch_group(&self, group: &GroupKey, patch: GroupPatch) -> Result<()>;

    /// Mutes everybody, or ends that. False = it was so already.
    async fn mute_group(&self, group: &GroupKey, on: bool) -> Result<bool>;

    /// Mutes users until then; 0 = not any more. One transaction.
    async fn mute_in_group(&self, group: &GroupKey, users: &[UserId], until: UnixMs) -> Result<()>;

    /// Stores a message and counts it; of more than [`KEPT_MESSAGES`] the oldest go.
    async fn put_message(&self, group: &GroupKey, message: StoredMessage) -> Result<()>;

    /// A stored message.
    async fn message(&self, group: &GroupKey, id: &str) -> Result<Option<StoredMessage>>;

    /// Stored messages of these types (none = all), ascending, at most `limit`; and whether there are more beyond the
    /// page in its direction. One snapshot.
    async fn messages(
        &self,
        group: &GroupKey,
        kinds: &[i64],
        page: MessagePage,
        limit: u32,
    ) -> Result<(Vec<StoredMessage>, bool)>;

    /// Deletes messages. Answers the ids of those that were there, ascending by number.
    async fn delete_messages(&self, group: &GroupKey, which: Doomed) -> Result<Vec<String>>;

    /// Keeps a refresh token. Of one user, face and device the oldest go above 16.
    async fn put_refresh(&self, token: RefreshToken) -> Result<()>;

    /// Exchanges a token for one with hash `fresh` that ends at `expires`, of the same family. The device must be the
    /// one the token was made for.
    async fn exchange_refresh(
        &self,
        hash: [u8; 32],
        device: &str,
        fresh: [u8; 32],
        expires: UnixMs,
        now: UnixMs,
    ) -> Result<Exchanged>;

    /// Uses up a name that works once; it may be forgotten after `until`. False = it was used before.
    async fn use_once(&self, name: &str, until: UnixMs, now: UnixMs) -> Result<bool>;
}
