//! The port.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};
use stoa_core::account::Account;
use stoa_core::group::GroupKey;
use stoa_core::id::{AppId, ChannelKey, ClassId, RoomId, UserId};
use stoa_core::ports::{OutboxItem, OutboxStore, PageStart, Store};
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;
use stoa_core::voice::{About, Applied, Command, NewRoom, Room, decide};
use stoa_core::{Error, Kind, Result};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use crate::fault::{Fault, domain, retry};
use crate::{channels, groups, rooms, tables};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Names of all migrations in order, `0001_…` first.
#[must_use]
pub fn migration_names() -> Vec<String> {
    MIGRATIONS.iter().map(|m| format!("{:04}_{}", m.version, m.description.replace(' ', "_"))).collect()
}

/// Connections of one process. More serves more rooms at once; the server's `max_connections`
/// must have room for all processes.
const CONNECTIONS: u32 = 16;

/// How long a request waits for a connection, for its turn on a room, or for the room's lock
/// (voice-room.md 5.4, S8).
const WAIT: Duration = Duration::from_secs(5);

/// A connection that rested longer is asked whether it still works before it is used: one round
/// trip more. The first requests after a restart of the server fail on those that rested less.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// Settings of every transaction. A statement may take longer than the longest wait for a lock; a
/// process that hangs inside a transaction gives its locks up; the server's default for
/// `synchronous_commit` does not matter, answers mean "on disk".
const SESSION: &[(&str, &str)] = &[
    ("lock_timeout", "5s"),
    ("statement_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "read committed"),
];

/// Rooms are spread over so many queues of this process. Two rooms on one queue only wait for each other.
const QUEUES: usize = 256;

/// The store port on one PostgreSQL database.
pub struct PostgresStore {
    pub(crate) pool: PgPool,
    /// Whose turn it is on a room, before a connection is taken: a crowd on one room then holds
    /// one connection of the pool and not all. The row lock is what makes it correct.
    queues: Vec<Mutex<()>>,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").field("connections", &self.pool.size()).finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects and brings the schema up to date; any number of processes may do so at once.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when the server cannot be reached, `Internal` for everything else. No
    /// text of an error holds the URL.
    pub async fn connect(url: &str) -> Result<Self> {
        let options = parse(url)?;
        migrate(options.clone()).await?;
        let options = options.options(SESSION.iter().copied());
        let pool = pool(CONNECTIONS).connect_with(options).await.map_err(|e| domain("connect", &e))?;
        Ok(Self { pool, queues: (0..QUEUES).map(|_| Mutex::new(())).collect() })
    }

    /// Closes all connections; what runs is finished first.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) async fn turn(&self, id: RoomId) -> Result<MutexGuard<'_, ()>> {
        self.turn_on(usize::from(id.0[0] ^ id.0[15])).await
    }

    pub(crate) async fn turn_in(&self, id: ClassId) -> Result<MutexGuard<'_, ()>> {
        self.turn_on(usize::from(id.0[0] ^ id.0[15])).await
    }

    /// A room's channel has its room's queue. A class's has one beside its class's: two connections at most.
    pub(crate) async fn turn_of(&self, channel: &ChannelKey) -> Result<MutexGuard<'_, ()>> {
        match channel.room_id() {
            Some(id) => self.turn(id).await,
            // Any spread would do.
            None => self.turn_on(channel.name.as_str().bytes().fold(0, |n: u8, b| n.rotate_left(3) ^ b).into()).await,
        }
    }

    async fn turn_on(&self, number: usize) -> Result<MutexGuard<'_, ()>> {
        timeout(WAIT, self.queues[number % QUEUES].lock()).await.map_err(|_| {
            Error::new(Kind::Unavailable, "the room is too busy, try again").with_internal("its queue did not move")
        })
    }

    async fn apply_once(
        &self,
        app: AppId,
        id: RoomId,
        command: &Command,
        now: UnixMs,
    ) -> Result<Option<Applied>, Fault> {
        let mut tx = self.pool.begin().await?;
        let Some(room) = rooms::lock(&mut tx, app, id).await? else {
            return Ok(None);
        };
        let (sanction, member) = match command.subject() {
            Some(user) => channels::about(&mut tx, &room.channel(), user).await?,
            None => (None, None),
        };
        let about = About { sanction: sanction.as_ref(), member: member.as_ref() };
        let decision = decide(&room, about, command, now);
        if decision.room.is_none() && decision.sanction.is_none() {
            tx.rollback().await?;
            return Ok(Some(Applied { room: Arc::new(room), outcome: decision.outcome }));
        }
        if let Some(next) = &decision.room {
            rooms::write_changes(&mut tx, &room, next).await?;
            if room.live() && !next.live() {
                channels::forget_members(&mut tx, &room.channel()).await?;
                groups::erase(&mut tx, &GroupKey::room(app, id)).await?;
            }
        }
        if let Some(s) = &decision.sanction {
            tables::put_sanction(&mut *tx, s).await?;
        }
        tx.commit().await?;
        Ok(Some(Applied { room: Arc::new(decision.room.unwrap_or(room)), outcome: decision.outcome }))
    }

    async fn create_once(&self, room: NewRoom, codes: &[u32], max: u32) -> Result<Arc<Room>, Fault> {
        let mut tx = self.pool.begin().await?;
        let room = rooms::insert(&mut tx, room, codes, max).await?;
        tx.commit().await?;
        Ok(Arc::new(room))
    }

    async fn push_once(&self, items: &[OutboxItem]) -> Result<(), Fault> {
        let mut tx = self.pool.begin().await?;
        tables::outbox_push(&mut tx, items).await?;
        Ok(tx.commit().await?)
    }
}

fn parse(url: &str) -> Result<PgConnectOptions> {
    let options: PgConnectOptions =
        url.parse().map_err(|_| Error::internal_error("store.url is not a PostgreSQL URL"))?;
    Ok(options.application_name("stoa"))
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(connections).acquire_timeout(WAIT).test_before_acquire(false).before_acquire(
        |conn, meta| {
            Box::pin(async move {
                if meta.idle_for > TRUSTED_IDLE {
                    conn.ping().await?;
                }
                Ok(true)
            })
        },
    )
}

/// On a connection without our timeouts: a migration may take long, and waits for the one another
/// process is running.
async fn migrate(options: PgConnectOptions) -> Result<()> {
    let one = pool(1).connect_with(options).await.map_err(|e| domain("connect", &e))?;
    MIGRATIONS.run(&one).await.map_err(|e| Error::internal_error(format!("migrate: {e}")))?;
    one.close().await;
    Ok(())
}

#[async_trait]
impl Store for PostgresStore {
    async fn ping(&self) -> Result<()> {
        let one = sqlx::query_scalar::<_, i32>("SELECT 1").fetch_one(&self.pool).await;
        one.map(drop).map_err(|e| domain("ping", &e))
    }

    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
        retry("secret", || tables::secret(&self.pool, name, fresh)).await
    }

    async fn account(&self, user: &UserId) -> Result<Option<Arc<Account>>> {
        let found = retry("read an account", || tables::account(&self.pool, user)).await?;
        Ok(found.map(Arc::new))
    }

    async fn put_account(&self, account: Account) -> Result<()> {
        retry("store an account", || tables::put_account(&self.pool, &account)).await
    }

    async fn remove_account(&self, user: &UserId) -> Result<bool> {
        retry("remove an account", || tables::remove_account(&self.pool, user)).await
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        retry("list accounts", || tables::accounts(&self.pool)).await
    }

    async fn create_room(&self, room: NewRoom, show_codes: &[u32], max_live_per_owner: u32) -> Result<Arc<Room>> {
        retry("create a room", || self.create_once(room.clone(), show_codes, max_live_per_owner)).await
    }

    async fn live_rooms_of(&self, app: AppId, owner: &UserId) -> Result<u32> {
        retry("count an owner's rooms", || rooms::live_of(&self.pool, app, owner)).await
    }

    async fn room(&self, app: AppId, id: RoomId) -> Result<Option<Arc<Room>>> {
        retry("read a room", || rooms::load(&self.pool, app, id)).await
    }

    async fn list_rooms(&self, app: AppId, start: PageStart, limit: u32) -> Result<Vec<Arc<Room>>> {
        retry("list rooms", || rooms::list(&self.pool, app, start, limit)).await
    }

    async fn apply(&self, app: AppId, id: RoomId, command: Command, now: UnixMs) -> Result<Option<Applied>> {
        let _turn = self.turn(id).await?;
        retry("apply a command", || self.apply_once(app, id, &command, now)).await
    }

    async fn rooms_with_attended_seats(&self) -> Result<Vec<Arc<Room>>> {
        retry("list attended rooms", || rooms::attended(&self.pool)).await
    }

    async fn sanction(&self, channel: &ChannelKey, user: &UserId) -> Result<Option<Sanction>> {
        retry("read a sanction", || tables::sanction(&self.pool, channel, user)).await
    }

    async fn put_sanction(&self, sanction: Sanction) -> Result<()> {
        retry("store a sanction", || tables::put_sanction(&self.pool, &sanction)).await
    }

    async fn purge_sanctions(&self, now: UnixMs, before_secs: i64) -> Result<u64> {
        retry("purge sanctions", || tables::purge_sanctions(&self.pool, now, before_secs)).await
    }
}

#[async_trait]
impl OutboxStore for PostgresStore {
    async fn outbox_push(&self, items: Vec<OutboxItem>) -> Result<()> {
        retry("append to the outbox", || self.push_once(&items)).await
    }

    async fn outbox_peek(&self, limit: u32) -> Result<Vec<OutboxItem>> {
        retry("read the outbox", || tables::outbox_peek(&self.pool, limit)).await
    }

    async fn outbox_done(&self, seq: i64) -> Result<()> {
        retry("remove from the outbox", || tables::outbox_done(&self.pool, seq)).await
    }
}
