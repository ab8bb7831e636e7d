//! What core needs from the world: a store, a clock, entropy. The media engine's port is in [`crate::media`].

use std::sync::Arc;

use async_trait::async_trait;

use crate::account::Account;
use crate::app::App;
use crate::audit::AuditStore;
use crate::board::BoardStore;
use crate::channel::{Boot, Call, CallOp, CallRow, ChannelRecord, Member, MemberApplied, MemberCommand};
use crate::class::{ClassStore, FileStore};
use crate::console::ConsoleStore;
use crate::error::Result;
use crate::group::GroupStore;
use crate::id::{AppId, ChannelKey, ChannelName, RoomId, UserId};
use crate::media::{JoinToken, MediaGrant};
use crate::sanction::Sanction;
use crate::time::{Now, UnixMs};
use crate::voice::{Applied, Command, NewRoom, Room};

/// The real clock, or a test's.
pub trait Clock: Send + Sync {
    /// Both clocks at once.
    fn now(&self) -> Now;
}

/// Unpredictable bytes, or a test's.
pub trait Entropy: Send + Sync {
    /// Fills the buffer from a CSPRNG.
    fn fill(&self, out: &mut [u8]);
}

/// Signs media tokens. Pure: the same grant gives the same text.
pub trait MediaTokens: Send + Sync {
    /// A LiveKit access token with exactly this grant, signed with the app's current secret.
    fn mint(&self, app: &App, grant: &MediaGrant) -> String;
}

/// Reads media tokens for doors that are not the engine's.
pub trait JoinTokens: Send + Sync {
    /// What the token says, if an enabled app's secret signed it, it lives now and lets somebody join a channel. Whether
    /// that user still may is the question of [`crate::media::MediaHooks::admit`].
    fn read(&self, token: &str, now: UnixMs) -> Option<JoinToken>;
}

/// Where a page of rooms starts. Order is newest first: `created` then id, both descending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart {
    /// Skip so many rooms.
    Offset(u64),
    /// After the room with this position.
    After(UnixMs, RoomId),
}

/// A row of the webhook outbox: kept until the receiver has taken it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// Rising number, the order of delivery.
    pub seq: i64,
    /// Event id, the same on every try.
    pub id: String,
    /// Where to.
    pub url: String,
    /// App whose secret signs it.
    pub app: AppId,
    /// Channel, the unit of order.
    pub channel: String,
    /// The JSON body.
    pub body: String,
}

/// The system of record. Every write that returns `Ok` is on disk (fsynced or committed) and
/// visible to the next read. Reads see a prefix of the order of writes.
///
/// Faults of the store are [`crate::Kind::Internal`], or [`crate::Kind::Unavailable`] when it cannot
/// be reached or its queue is full. "Not there" is `None`, never an error.
#[async_trait]
pub trait Store:
    ChannelStore
    + CallStore
    + ClassStore
    + GroupStore
    + BoardStore
    + FileStore
    + OutboxStore
    + AuditStore
    + ConsoleStore
    + Send
    + Sync
{
    /// Answers when a trivial read works.
    async fn ping(&self) -> Result<()>;

    /// The secret of that name; made of `fresh` when there is none yet. Whoever comes first wins.
    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>>;

    /// The account of this user.
    async fn account(&self, user: &UserId) -> Result<Option<Arc<Account>>>;
    /// Adds or replaces an account.
    async fn put_account(&self, account: Account) -> Result<()>;
    /// Removes an account; false = there was none.
    async fn remove_account(&self, user: &UserId) -> Result<bool>;
    /// All accounts, by name (bytes).
    async fn accounts(&self) -> Result<Vec<Account>>;

    /// Writes the room, its eight free seats and its show code in one transaction. The first of
    /// `show_codes` that no room of the app ever had is taken.
    ///
    /// # Errors
    /// `Internal` when all codes collide, `LimitReached` when the owner has
    /// `max_live_per_owner` live rooms already (0 = no limit). Nothing is stored then.
    async fn create_room(&self, room: NewRoom, show_codes: &[u32], max_live_per_owner: u32) -> Result<Arc<Room>>;

    /// How many live rooms of the app this owner has. A look beforehand: only [`Store::create_room`] keeps a limit.
    async fn live_rooms_of(&self, app: AppId, owner: &UserId) -> Result<u32>;

    /// The room, live or dismissed, with its seats, as of one commit.
    async fn room(&self, app: AppId, id: RoomId) -> Result<Option<Arc<Room>>>;

    /// Up to `limit` live rooms from `start` on, rows and seats from one read snapshot and a fixed
    /// number of queries.
    async fn list_rooms(&self, app: AppId, start: PageStart, limit: u32) -> Result<Vec<Arc<Room>>>;

    /// Runs [`crate::voice::decide`] on the room and what is stored of the user under the room's write lock and makes its
    /// result durable. A dismissal erases the room's members in the same transaction; sanctions stay. `None` when there
    /// is no such room. Waits for the lock at most 5 s.
    async fn apply(&self, app: AppId, id: RoomId, command: Command, now: UnixMs) -> Result<Option<Applied>>;

    /// Live rooms in which somebody sits whose presence counts (`attended`), for the timers after a restart.
    async fn rooms_with_attended_seats(&self) -> Result<Vec<Arc<Room>>>;

    /// The sanction on this user in this channel, also an expired one.
    async fn sanction(&self, channel: &ChannelKey, user: &UserId) -> Result<Option<Sanction>>;
    /// Writes a sanction, replacing an older one. For channels without a room record; rooms use [`Command::Kick`].
    async fn put_sanction(&self, sanction: Sanction) -> Result<()>;
    /// Forgets sanctions whose ban ended and whose mark is older than `before_secs`; returns how many.
    async fn purge_sanctions(&self, now: UnixMs, before_secs: i64) -> Result<u64>;
}

/// The webhook outbox. The promises of [`Store`] hold.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// Appends events, in order.
    async fn outbox_push(&self, items: Vec<OutboxItem>) -> Result<()>;
    /// The oldest undelivered events, in order. `seq` of a pushed item is set by the store.
    async fn outbox_peek(&self, limit: u32) -> Result<Vec<OutboxItem>>;
    /// Removes a delivered (or given up) event.
    async fn outbox_done(&self, seq: i64) -> Result<()>;
}

/// Which sanctions are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SanctionFilter {
    /// Of this app.
    pub app: AppId,
    /// In this channel only.
    pub channel: Option<ChannelName>,
    /// On this user only.
    pub user: Option<UserId>,
}

/// Adhoc channels and what lasts of users in channels (talk.md 8.1). The promises of [`Store`] hold.
#[async_trait]
pub trait ChannelStore: Send + Sync {
    /// The record of an adhoc channel, or of the channel of a class that is preparing or paused.
    async fn channel(&self, key: &ChannelKey) -> Result<Option<ChannelRecord>>;

    /// Makes the record unless there is one. Answers the one that is there now, and whether it is new. For a class that
    /// is running or ended nothing is made; what was given is answered, as not new.
    async fn open_channel(&self, fresh: ChannelRecord) -> Result<(ChannelRecord, bool)>;

    /// Erases a channel's record and what was decided about its users; sanctions stay. False = there was no record.
    async fn end_channel(&self, key: &ChannelKey) -> Result<bool>;

    /// Every channel with a record, for the timers after a restart.
    async fn all_channels(&self) -> Result<Vec<ChannelRecord>>;

    /// Names of all existing channels of an app, live voice rooms, running classes and those with a record together,
    /// ordered by bytes: how many there are, and those from `offset` on, at most `limit`. One snapshot.
    async fn channel_names(&self, app: AppId, offset: u64, limit: u32) -> Result<(u64, Vec<ChannelName>)>;

    /// Which edition of those names holds now: while the number stays, so do the names, and it never comes back. `None`
    /// where a store would have to read the names to tell, as one does whose file others write to.
    async fn channel_names_edition(&self, _app: AppId) -> Result<Option<u64>> {
        Ok(None)
    }

    /// What was decided about a user in a channel.
    async fn member(&self, key: &ChannelKey, user: &UserId) -> Result<Option<Member>>;

    /// Everybody about whom something was decided in a channel, by user (bytes).
    async fn members(&self, key: &ChannelKey) -> Result<Vec<Member>>;

    /// Members of all channels with a mute that ends by itself after `now`, for the timers after a restart.
    async fn timed_mutes(&self, now: UnixMs) -> Result<Vec<Member>>;

    /// Runs [`crate::channel::decide_member`] under the channel's write lock and makes its result durable. `None` when
    /// the channel does not exist: no record, a room that is dismissed, a class that neither runs nor has a record.
    async fn apply_member(
        &self,
        key: &ChannelKey,
        user: &UserId,
        command: MemberCommand,
        now: UnixMs,
    ) -> Result<Option<MemberApplied>>;

    /// Bans that run at `now`, by creation, channel and user (bytes): how many, and those from `offset` on.
    async fn bans(&self, filter: &SanctionFilter, now: UnixMs, offset: u64, limit: u32)
    -> Result<(u64, Vec<Sanction>)>;

    /// Ends a running ban; the revocation mark stays. False = there was none.
    async fn lift_ban(&self, key: &ChannelKey, user: &UserId, now: UnixMs) -> Result<bool>;
}

/// Which call records are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFilter {
    /// Of this app.
    pub app: AppId,
    /// Of this user.
    pub user: UserId,
    /// Begun at this instant or later.
    pub from: UnixMs,
    /// Begun before this instant.
    pub until: UnixMs,
    /// Records that have not ended count too.
    pub open: bool,
}

/// Call records (talk.md 4.3). The promises of [`Store`] hold.
#[async_trait]
pub trait CallStore: Send + Sync {
    /// A new run of the server begins. Answers its number, higher than all before.
    async fn boot(&self, now: UnixMs) -> Result<Boot>;

    /// The run is alive at `now`.
    async fn heartbeat(&self, boot: Boot, now: UnixMs) -> Result<()>;

    /// Carries out the changes, in order and in one transaction. Each is harmless when it does not fit: an `Open` where
    /// one is open, a `Lost` or `Close` where none is. New records belong to `boot`.
    async fn write_calls(&self, boot: Boot, ops: Vec<CallOp>) -> Result<()>;

    /// Open records of runs before `boot`.
    async fn open_calls(&self, boot: Boot) -> Result<Vec<CallRow>>;

    /// Records by their beginning, then in the order they were made: how many, and those from `offset` on.
    async fn calls(&self, filter: &CallFilter, offset: u64, limit: u32) -> Result<(u64, Vec<Call>)>;

    /// Forgets records that ended before `before` and runs nobody refers to; returns how many records.
    async fn purge_calls(&self, before: UnixMs) -> Result<u64>;
}
