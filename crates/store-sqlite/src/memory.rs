//! What reads need not ask the file for.

use std::sync::Arc;

use rusqlite::Connection;
use stoa_core::account::Account;
use stoa_core::channel::Call;
use stoa_core::class::{Class, ClassStatus};
use stoa_core::id::{ChannelKey, ClassId, RoomId, UserId};
use stoa_core::ports::CallFilter;
use stoa_core::sanction::Sanction;
use stoa_core::voice::Room;
use stoa_core::{Error, Result};

use crate::cache::Cache;
use crate::calls::{self, Kept};
use crate::channels::{self, Channel};
use crate::classes::{self, MeetingKey, Named};
use crate::config::Config;
use crate::gate::Gate;
use crate::lists::{Lists, Why};
use crate::tx::{CallsKey, SanctionKey};
use crate::{rooms, tables};

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

/// Estimated bytes of an account beside its entry: name, password hash, times.
const ACCOUNT_BYTES: usize = 256;

fn account_weight(user: &UserId, account: Option<&Arc<Account>>) -> usize {
    ENTRY_BYTES + 2 * user.as_str().len() + account.map_or(0, |_| ACCOUNT_BYTES)
}

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

    /// The account if memory has it; `Some(None)` = it knows that there is none.
    pub(crate) fn known_account(&self, user: &UserId) -> Option<Option<Arc<Account>>> {
        self.accounts.get(user)
    }

    /// The account: from memory, else through `conn`.
    pub(crate) fn account(&self, conn: &Connection, user: &UserId) -> Result<Option<Arc<Account>>> {
        if let Some(account) = self.accounts.get(user) {
            return Ok(account);
        }
        let ticket = self.accounts.ticket(user);
        let account = tables::account(conn, user)?.map(Arc::new);
        let weight = account_weight(user, account.as_ref());
        self.accounts.fill(ticket, user.clone(), account.clone(), weight);
        Ok(account)
    }

    /// The room if memory has it.
    pub(crate) fn known_room(&self, id: RoomId) -> Option<Arc<Room>> {
        self.rooms.get(&id)
    }

    /// The sanction if memory has it; `Some(None)` = it knows that there is none.
    pub(crate) fn known_sanction(&self, key: &SanctionKey) -> Option<Option<Sanction>> {
        self.sanctions.get(key)
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
        let weight = account_weight(&user, account.as_ref());
        self.accounts.publish(user, account, weight);
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

#[cfg(test)]
mod tests {
    use stoa_core::id::AppId;
    use stoa_core::ports::Store as _;

    use super::*;
    use crate::SqliteStore;

    /// Everybody of a large room comes back after a cut at once: that most have neither an account nor a sanction is
    /// asked of each, and must not be read from the file each time.
    #[tokio::test]
    async fn who_is_here_is_judged_from_memory_when_they_come_back() {
        const PEOPLE: usize = 20_000;
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&Config::new(dir.path().join("stoa.db"))).unwrap();
        let channel = ChannelKey::of_room(AppId(1000), RoomId([7; 16]));
        let users: Vec<UserId> = (0..PEOPLE).map(|n| UserId::new(format!("user-{n:08}")).unwrap()).collect();
        for user in &users {
            assert!(store.account(user).await.unwrap().is_none());
            assert!(store.sanction(&channel, user).await.unwrap().is_none());
        }
        for user in &users {
            assert_eq!(store.memory.known_account(user), Some(None), "{user:?}");
            assert_eq!(store.memory.known_sanction(&(channel.clone(), user.clone())), Some(None), "{user:?}");
        }
    }
}
