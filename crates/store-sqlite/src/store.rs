//! The port.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use stoa_core::account::Account;
use stoa_core::channel::Call;
use stoa_core::class::{Class, ClassStatus};
use stoa_core::group::GroupKey;
use stoa_core::id::{AppId, ChannelKey, ClassId, RoomId, UserId};
use stoa_core::ports::{CallFilter, OutboxItem, OutboxStore, PageStart, Store};
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;
use stoa_core::voice::{About, Applied, Command, NewRoom, Room, decide};
use stoa_core::{Error, Kind, Result};

use crate::cache::Cache;
use crate::calls::{self, Kept};
use crate::channels::{self, Channel, Erase};
use crate::classes::{self, MeetingKey, Named};
use crate::config::Config;
use crate::errors::sql;
use crate::gate::Gate;
use crate::lists::{Lists, Why};
use crate::readers::Readers;
use crate::tx::{CallsKey, SanctionKey, Tx};
use crate::writer::Writer;
use crate::{groups, migrate, open, rooms, tables};

/// What is kept of the last commit, and the gate that keeps reads in order.
pub(crate) struct Memory {
    rooms: Cache<RoomId, Arc<Room>>,
    accounts: Cache<UserId, Option<Arc<Account>>>,
    sanctions: Cache<SanctionKey, Option<Sanction>>,
    channels: Cache<ChannelKey, Arc<Channel>>,
    classes: Cache<ClassId, Option<Arc<Class>>>,
    names: Cache<MeetingKey, Named>,
    pub(crate) calls: Cache<CallsKey, Kept>,
    pub(crate) lists: Lists,
    pub(crate) gate: Gate,
}

/// Estimated bytes of a cached entry beside its texts: key, value, map slot.
const ENTRY_BYTES: usize = 192;

fn sanction_weight(key: &SanctionKey) -> usize {
    ENTRY_BYTES + 2 * (key.0.name.as_str().len() + key.1.as_str().len())
}

fn class_weight(class: Option<&Class>) -> usize {
    ENTRY_BYTES + class.map_or(0, classes::weight)
}

impl Memory {
    /// Empty.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            rooms: Cache::new(config.room_cache_bytes),
            accounts: Cache::new(config.side_cache_bytes),
            sanctions: Cache::new(config.side_cache_bytes),
            channels: Cache::new(config.room_cache_bytes / 4),
            classes: Cache::new(config.room_cache_bytes / 4),
            names: Cache::new(config.side_cache_bytes),
            calls: Cache::new(config.side_cache_bytes),
            lists: Lists::default(),
            gate: Gate::default(),
        }
    }

    /// The room: from memory, else through `conn`.
    pub(crate) fn room(&self, conn: &Connection, id: RoomId) -> Result<Option<Arc<Room>>> {
        if let Some(room) = self.rooms.get(&id) {
            return Ok(Some(room));
        }
        let ticket = self.rooms.ticket(&id);
        let room = rooms::load(conn, id)?.map(Arc::new);
        if let Some(room) = &room {
            self.rooms.fill(ticket, id, room.clone(), rooms::weight(room));
        }
        Ok(room)
    }

    /// The sanction: from memory, else through `conn`.
    pub(crate) fn sanction(&self, conn: &Connection, key: &SanctionKey) -> Result<Option<Sanction>> {
        if let Some(s) = self.sanctions.get(key) {
            return Ok(s);
        }
        let ticket = self.sanctions.ticket(key);
        let s = tables::sanction(conn, key)?;
        self.sanctions.fill(ticket, key.clone(), s.clone(), sanction_weight(key));
        Ok(s)
    }

    /// The channel if memory has it, without rows too.
    pub(crate) fn known_channel(&self, key: &ChannelKey) -> Option<Arc<Channel>> {
        self.channels.get(key)
    }

    /// The channel: from memory, else through `conn`.
    pub(crate) fn channel(&self, conn: &Connection, key: &ChannelKey) -> Result<Arc<Channel>> {
        if let Some(channel) = self.channels.get(key) {
            return Ok(channel);
        }
        let ticket = self.channels.ticket(key);
        let channel = Arc::new(channels::load(conn, key)?);
        self.channels.fill(ticket, key.clone(), channel.clone(), channel.weight(key));
        Ok(channel)
    }

    /// The class if memory has it; `Some(None)` = it knows that there is none.
    pub(crate) fn known_class(&self, id: ClassId) -> Option<Option<Arc<Class>>> {
        self.classes.get(&id)
    }

    /// The class: from memory, else through `conn`.
    pub(crate) fn class(&self, conn: &Connection, id: ClassId) -> Result<Option<Arc<Class>>> {
        if let Some(class) = self.classes.get(&id) {
            return Ok(class);
        }
        let ticket = self.classes.ticket(&id);
        let class = classes::load(conn, id)?.map(Arc::new);
        let weight = class_weight(class.as_deref());
        self.classes.fill(ticket, id, class.clone(), weight);
        Ok(class)
    }

    /// What a media channel's name stands for, if memory has it.
    pub(crate) fn known_name(&self, key: MeetingKey) -> Option<Named> {
        self.names.get(&key)
    }

    /// What a media channel's name stands for: from memory, else through `conn`.
    pub(crate) fn name(&self, conn: &Connection, key: MeetingKey) -> Result<Named> {
        if let Some(named) = self.names.get(&key) {
            return Ok(named);
        }
        let ticket = self.names.ticket(&key);
        let named = classes::name(conn, key)?;
        self.names.fill(ticket, key, named, ENTRY_BYTES);
        Ok(named)
    }

    /// A page of a user's call records: from memory, else through `conn`.
    pub(crate) fn calls(&self, conn: &Connection, f: &CallFilter, offset: u64, limit: u32) -> Result<(u64, Vec<Call>)> {
        let key = (f.app, f.user.clone());
        let ticket = self.calls.ticket(&key);
        let Some(kept) = calls::keep(conn, f)? else { return calls::list(conn, f, offset, limit) };
        let listed = kept.list(f, offset, limit);
        let weight = ENTRY_BYTES + 2 * f.user.as_str().len() + kept.weight();
        self.calls.fill(ticket, key, kept, weight);
        listed.ok_or_else(|| Error::internal_error("call records of another day were read"))
    }

    /// The same if memory has it.
    pub(crate) fn known_calls(&self, f: &CallFilter, offset: u64, limit: u32) -> Option<(u64, Vec<Call>)> {
        self.calls.get(&(f.app, f.user.clone()))?.list(f, offset, limit)
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.rooms.clear();
        self.accounts.clear();
        self.sanctions.clear();
        self.channels.clear();
        self.classes.clear();
        self.names.clear();
        self.calls.clear();
        self.lists.clear();
    }

    pub(crate) fn publish_room(&self, room: Arc<Room>) {
        let weight = rooms::weight(&room);
        // What stays as it was is not noted: every note voids a list that is just being read.
        if self.rooms.get(&room.id).is_none_or(|was| was.live() != room.live()) {
            self.lists.note(&room.channel(), Why::Room, room.live());
        }
        self.rooms.publish(room.id, room, weight);
    }

    pub(crate) fn publish_account(&self, user: UserId, account: Option<Arc<Account>>) {
        self.accounts.publish(user, account, ENTRY_BYTES + 256);
    }

    pub(crate) fn publish_sanction(&self, key: SanctionKey, sanction: Option<Sanction>) {
        let weight = sanction_weight(&key);
        self.sanctions.publish(key, sanction, weight);
    }

    pub(crate) fn publish_channel(&self, key: ChannelKey, channel: Arc<Channel>) {
        let weight = channel.weight(&key);
        let exists = channel.record.is_some();
        if self.channels.get(&key).is_none_or(|was| was.record.is_some() != exists) {
            self.lists.note(&key, Why::Record, exists);
        }
        self.channels.publish(key, channel, weight);
    }

    pub(crate) fn publish_class(&self, id: ClassId, class: Option<Arc<Class>>) {
        let weight = class_weight(class.as_deref());
        if let Some(class) = &class {
            self.lists.note(&class.channel(), Why::Class, class.status == ClassStatus::Running);
        }
        self.classes.publish(id, class, weight);
    }

    pub(crate) fn publish_name(&self, key: MeetingKey, named: Named) {
        if matches!(named, Named::Gone) {
            self.lists.note(&ChannelKey::of_meeting(key.0, key.1), Why::Class, false);
        }
        self.names.publish(key, named, ENTRY_BYTES);
    }
}

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
        if let Some(account) = self.memory.accounts.get(user) {
            return Ok(account);
        }
        let ticket = self.memory.accounts.ticket(user);
        let (memory, user) = (self.memory.clone(), user.clone());
        self.read(move |c| {
            let account = tables::account(c, &user)?.map(Arc::new);
            memory.accounts.fill(ticket, user, account.clone(), ENTRY_BYTES + 256);
            Ok(account)
        })
        .await
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
        let found = match self.memory.rooms.get(&id) {
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
        if let Some(s) = self.memory.sanctions.get(&key) {
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
