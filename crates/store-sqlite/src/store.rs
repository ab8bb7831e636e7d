//! The port.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use stoa_core::account::Account;
use stoa_core::group::GroupKey;
use stoa_core::id::{AppId, ChannelKey, RoomId, UserId};
use stoa_core::ports::{OutboxItem, OutboxStore, PageStart, Store};
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;
use stoa_core::voice::{About, Applied, Command, NewRoom, Room, decide};
use stoa_core::{Error, Kind, Result};

use crate::channels::{self, Erase};
use crate::config::Config;
use crate::errors::sql;
use crate::memory::Memory;
use crate::readers::Readers;
use crate::tx::Tx;
use crate::writer::Writer;
use crate::{groups, migrate, open, rooms, tables};

/// The store port on one SQLite file. Dropping it finishes queued writes and frees the lock.
pub struct SqliteStore {
    pub(crate) writer: Writer,
    readers: Readers,
    pub(crate) memory: Arc<Memory>,
    path: PathBuf,
    // Freed last: fields are dropped in this order.
    _lock: Option<File>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens or makes the database and brings its schema up to date. Blocks.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when another server has it open, `Internal` for everything else.
    pub fn open(config: &Config) -> Result<Self> {
        open::check_version(rusqlite::version_number())?;
        let lock = open::lock(&config.path)?;
        let mut conn = open::writer(&config.path)?;
        migrate::migrate(&mut conn, &config.path)?;
        Self::start(config, conn, Some(lock))
    }

    /// As [`SqliteStore::open`], for a short-lived tool: also works beside a running server, which
    /// shows what the tool wrote at its own next write and a second later at the latest. Blocks.
    ///
    /// # Errors
    /// As `open`; beside a server it never migrates, and a database of another version is `Unavailable`.
    pub fn open_tool(config: &Config) -> Result<Self> {
        match Self::open(config) {
            Err(e) if *e.kind() == Kind::Unavailable => {}
            opened => return opened,
        }
        let conn = open::writer(&config.path)?;
        if !migrate::is_current(&conn)? {
            return Err(Error::new(Kind::Unavailable, "the running server is of another version; stop it first"));
        }
        Self::start(config, conn, None)
    }

    fn start(config: &Config, conn: Connection, lock: Option<File>) -> Result<Self> {
        let memory = Arc::new(Memory::new(config));
        let readers = Readers::open(&config.path, config.readers)?;
        let writer = Writer::start(conn, memory.clone(), config.queue)?;
        Ok(Self { writer, readers, memory, path: config.path.clone(), _lock: lock })
    }

    /// Copies the database, as of one commit, to a new file while writes go on.
    ///
    /// # Errors
    /// [`Kind::BadInput`] when `to` exists, `Internal` for everything else.
    pub async fn backup(&self, to: impl Into<PathBuf>) -> Result<()> {
        let (path, to) = (self.path.clone(), to.into());
        tokio::task::spawn_blocking(move || open::backup_file(&path, &to))
            .await
            .map_err(|e| Error::internal_error(format!("backup panicked: {e}")))?
    }

    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.readers.read(&self.memory, read).await
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.writer.stop();
    }
}

/// Decides and writes one command.
fn apply(tx: &mut Tx<'_>, app: AppId, id: RoomId, command: &Command, now: UnixMs) -> Result<Option<Applied>> {
    let Some(room) = tx.room(id)?.filter(|r| r.app == app) else {
        return Ok(None);
    };
    let (sanction, channel) = match command.subject() {
        Some(user) => (tx.sanction(&(room.channel(), user.clone()))?, Some(tx.channel(&room.channel())?)),
        None => (None, None),
    };
    let member = command.subject().zip(channel.as_ref()).and_then(|(user, c)| c.member(user));
    let decision = decide(&room, About { sanction: sanction.as_ref(), member }, command, now);
    let room = match decision.room {
        Some(next) => {
            rooms::write_changes(tx.conn, &room, &next)?;
            if room.live() && !next.live() {
                channels::erase(tx, &next.channel(), Erase::Members)?;
                groups::erase(tx, &GroupKey::room(app, id))?;
            }
            let next = Arc::new(next);
            tx.wrote_room(next.clone());
            next
        }
        None => room,
    };
    if let Some(s) = decision.sanction {
        tables::put_sanction(tx.conn, &s)?;
        tx.wrote_sanction((s.channel.clone(), s.user.clone()), Some(s));
    }
    Ok(Some(Applied { room, outcome: decision.outcome }))
}

#[async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<()> {
        self.read(|c| c.query_row("SELECT count(*) FROM secrets", [], |_| Ok(())).map_err(sql("ping"))).await
    }

    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
        let (name, fresh) = (name.to_owned(), fresh.to_vec());
        self.writer
            .submit(move |tx| {
                tx.wrote();
                tables::secret(tx.conn, &name, &fresh)
            })
            .await
    }

    async fn account(&self, user: &UserId) -> Result<Option<Arc<Account>>> {
        if let Some(account) = self.memory.known_account(user) {
            return Ok(account);
        }
        let (memory, user) = (self.memory.clone(), user.clone());
        self.read(move |c| memory.account(c, &user)).await
    }

    async fn put_account(&self, account: Account) -> Result<()> {
        self.writer
            .submit(move |tx| {
                tables::put_account(tx.conn, &account)?;
                tx.wrote_account(account.user.clone(), Some(Arc::new(account)));
                Ok(())
            })
            .await
    }

    async fn remove_account(&self, user: &UserId) -> Result<bool> {
        let user = user.clone();
        self.writer
            .submit(move |tx| {
                let was = tables::remove_account(tx.conn, &user)?;
                tx.wrote_account(user, None);
                Ok(was)
            })
            .await
    }

    async fn accounts(&self) -> Result<Vec<Account>> {
        self.read(tables::accounts).await
    }

    async fn create_room(&self, room: NewRoom, show_codes: &[u32], max_live_per_owner: u32) -> Result<Arc<Room>> {
        let codes = show_codes.to_vec();
        self.writer
            .submit(move |tx| {
                let room = Arc::new(rooms::insert(tx.conn, room, &codes, max_live_per_owner)?);
                tx.wrote_room(room.clone());
                Ok(room)
            })
            .await
    }

    async fn live_rooms_of(&self, app: AppId, owner: &UserId) -> Result<u32> {
        let owner = owner.clone();
        self.read(move |c| rooms::live_of(c, app, &owner)).await
    }

    async fn room(&self, app: AppId, id: RoomId) -> Result<Option<Arc<Room>>> {
        let found = match self.memory.known_room(id) {
            Some(room) => Some(room),
            None => {
                let memory = self.memory.clone();
                self.read(move |c| memory.room(c, id)).await?
            }
        };
        Ok(found.filter(|r| r.app == app))
    }

    async fn list_rooms(&self, app: AppId, start: PageStart, limit: u32) -> Result<Vec<Arc<Room>>> {
        self.read(move |c| rooms::list(c, app, start, limit)).await
    }

    async fn apply(&self, app: AppId, id: RoomId, command: Command, now: UnixMs) -> Result<Option<Applied>> {
        self.writer.submit(move |tx| apply(tx, app, id, &command, now)).await
    }

    async fn rooms_with_attended_seats(&self) -> Result<Vec<Arc<Room>>> {
        self.read(rooms::attended).await
    }

    async fn sanction(&self, channel: &ChannelKey, user: &UserId) -> Result<Option<Sanction>> {
        let key = (channel.clone(), user.clone());
        if let Some(s) = self.memory.known_sanction(&key) {
            return Ok(s);
        }
        let memory = self.memory.clone();
        self.read(move |c| memory.sanction(c, &key)).await
    }

    async fn put_sanction(&self, sanction: Sanction) -> Result<()> {
        self.writer
            .submit(move |tx| {
                tables::put_sanction(tx.conn, &sanction)?;
                tx.wrote_sanction((sanction.channel.clone(), sanction.user.clone()), Some(sanction));
                Ok(())
            })
            .await
    }

    async fn purge_sanctions(&self, now: UnixMs, before_secs: i64) -> Result<u64> {
        self.writer
            .submit(move |tx| {
                let gone = tables::purge_sanctions(tx.conn, now, before_secs)?;
                let count = gone.len();
                gone.into_iter().for_each(|key| tx.wrote_sanction(key, None));
                Ok(u64::try_from(count).unwrap_or(u64::MAX))
            })
            .await
    }
}

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn outbox_push(&self, items: Vec<OutboxItem>) -> Result<()> {
        self.writer
            .submit(move |tx| {
                tables::outbox_push(tx.conn, &items)?;
                tx.wrote();
                Ok(())
            })
            .await
    }

    async fn outbox_peek(&self, limit: u32) -> Result<Vec<OutboxItem>> {
        self.read(move |c| tables::outbox_peek(c, limit)).await
    }

    async fn outbox_done(&self, seq: i64) -> Result<()> {
        self.writer
            .submit(move |tx| {
                tables::outbox_done(tx.conn, seq)?;
                tx.wrote();
                Ok(())
            })
            .await
    }
}
