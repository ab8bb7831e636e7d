//! What a job of the writer sees and leaves.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::Connection;
use stoa_core::Result;
use stoa_core::account::Account;
use stoa_core::class::{Class, Meeting};
use stoa_core::id::{AppId, ChannelKey, ClassId, RoomId, UserId};
use stoa_core::sanction::Sanction;
use stoa_core::voice::Room;

use crate::channels::Channel;
use crate::classes::{MeetingKey, Named};
use crate::memory::Memory;

/// Whose call records.
pub(crate) type CallsKey = (AppId, UserId);

/// Who is sanctioned where.
pub(crate) type SanctionKey = (ChannelKey, UserId);

/// What a batch wrote and has not committed yet.
#[derive(Default)]
pub(crate) struct Overlay {
    rooms: HashMap<RoomId, Arc<Room>>,
    accounts: HashMap<UserId, Option<Arc<Account>>>,
    sanctions: HashMap<SanctionKey, Option<Sanction>>,
    channels: HashMap<ChannelKey, Arc<Channel>>,
    classes: HashMap<ClassId, Option<Arc<Class>>>,
    names: HashMap<MeetingKey, Named>,
    calls: HashSet<CallsKey>,
    purged_calls: bool,
}

/// One value that a job wrote.
pub(crate) enum Staged {
    Room(Arc<Room>),
    Account(UserId, Option<Arc<Account>>),
    Sanction(SanctionKey, Option<Sanction>),
    Channel(ChannelKey, Arc<Channel>),
    Class(ClassId, Option<Arc<Class>>),
    Name(MeetingKey, Named),
    /// Some record of this user is another now.
    Calls(CallsKey),
    /// Old records of anybody are gone.
    PurgedCalls,
}

/// A job's view: the database as of the jobs before it, and what it writes.
pub(crate) struct Tx<'a> {
    /// Inside the batch's transaction.
    pub(crate) conn: &'a Connection,
    memory: &'a Memory,
    overlay: &'a Overlay,
    staged: Vec<Staged>,
    wrote: bool,
}

impl Overlay {
    /// What the next jobs of the batch see.
    pub(crate) fn take(&mut self, staged: Vec<Staged>) {
        for s in staged {
            match s {
                Staged::Room(r) => drop(self.rooms.insert(r.id, r)),
                Staged::Account(k, v) => drop(self.accounts.insert(k, v)),
                Staged::Sanction(k, v) => drop(self.sanctions.insert(k, v)),
                Staged::Channel(k, v) => drop(self.channels.insert(k, v)),
                Staged::Class(k, v) => drop(self.classes.insert(k, v)),
                Staged::Name(k, v) => drop(self.names.insert(k, v)),
                Staged::Calls(k) => drop(self.calls.insert(k)),
                Staged::PurgedCalls => self.purged_calls = true,
            }
        }
    }

    /// The batch is committed.
    pub(crate) fn publish(self, memory: &Memory) {
        self.rooms.into_values().for_each(|r| memory.publish_room(r));
        self.accounts.into_iter().for_each(|(k, v)| memory.publish_account(k, v));
        self.sanctions.into_iter().for_each(|(k, v)| memory.publish_sanction(k, v));
        self.channels.into_iter().for_each(|(k, v)| memory.publish_channel(k, v));
        self.classes.into_iter().for_each(|(k, v)| memory.publish_class(k, v));
        // After the classes: a name must never lead to a class that is not there yet.
        self.names.into_iter().for_each(|(k, v)| memory.publish_name(k, v));
        self.calls.iter().for_each(|k| memory.calls.forget(k));
        if self.purged_calls {
            memory.calls.clear();
        }
    }
}

impl<'a> Tx<'a> {
    /// For one job.
    pub(crate) fn new(conn: &'a Connection, memory: &'a Memory, overlay: &'a Overlay) -> Self {
        Self { conn, memory, overlay, staged: Vec::new(), wrote: false }
    }

    /// What the job wrote, and whether it wrote at all.
    pub(crate) fn into_parts(self) -> (Vec<Staged>, bool) {
        (self.staged, self.wrote)
    }

    /// The room as of the jobs before this one.
    pub(crate) fn room(&self, id: RoomId) -> Result<Option<Arc<Room>>> {
        match self.overlay.rooms.get(&id) {
            Some(room) => Ok(Some(room.clone())),
            None => self.memory.room(self.conn, id),
        }
    }

    /// The sanction as of the jobs before this one.
    pub(crate) fn sanction(&self, key: &SanctionKey) -> Result<Option<Sanction>> {
        match self.overlay.sanctions.get(key) {
            Some(s) => Ok(s.clone()),
            None => self.memory.sanction(self.conn, key),
        }
    }

    /// The channel as of the jobs before this one.
    pub(crate) fn channel(&self, key: &ChannelKey) -> Result<Arc<Channel>> {
        match self.overlay.channels.get(key) {
            Some(channel) => Ok(channel.clone()),
            None => self.memory.channel(self.conn, key),
        }
    }

    /// The class as of the jobs before this one.
    pub(crate) fn class(&self, id: ClassId) -> Result<Option<Arc<Class>>> {
        match self.overlay.classes.get(&id) {
            Some(class) => Ok(class.clone()),
            None => self.memory.class(self.conn, id),
        }
    }

    /// The class whose channel this is, or was.
    pub(crate) fn meeting(&self, key: &ChannelKey) -> Result<Meeting> {
        let Some(meeting) = key.meeting_id() else { return Ok(Meeting::Unknown) };
        let key = (key.app, meeting);
        let named = match self.overlay.names.get(&key) {
            Some(named) => *named,
            None => self.memory.name(self.conn, key)?,
        };
        named.look(|id| self.class(id))
    }

    /// The job wrote something of which memory keeps no copy.
    pub(crate) fn wrote(&mut self) {
        self.wrote = true;
    }

    /// The room's rows say this now.
    pub(crate) fn wrote_room(&mut self, room: Arc<Room>) {
        self.staged.push(Staged::Room(room));
        self.wrote = true;
    }

    /// The account's row says this now.
    pub(crate) fn wrote_account(&mut self, user: UserId, account: Option<Arc<Account>>) {
        self.staged.push(Staged::Account(user, account));
        self.wrote = true;
    }

    /// The sanction's row says this now.
    pub(crate) fn wrote_sanction(&mut self, key: SanctionKey, sanction: Option<Sanction>) {
        self.staged.push(Staged::Sanction(key, sanction));
        self.wrote = true;
    }

    /// The rows of the channel's record and members say this now.
    pub(crate) fn wrote_channel(&mut self, key: ChannelKey, channel: Arc<Channel>) {
        self.staged.push(Staged::Channel(key, channel));
        self.wrote = true;
    }

    /// The class's row says this now.
    pub(crate) fn wrote_class(&mut self, class: Arc<Class>) {
        self.staged.push(Staged::Class(class.id, Some(class)));
        self.wrote = true;
    }

    /// Records of this user's calls say something else now.
    pub(crate) fn wrote_calls(&mut self, key: CallsKey) {
        self.staged.push(Staged::Calls(key));
        self.wrote = true;
    }

    /// Records of calls are gone.
    pub(crate) fn purged_calls(&mut self) {
        self.staged.push(Staged::PurgedCalls);
        self.wrote = true;
    }

    /// The class is new.
    pub(crate) fn made_class(&mut self, class: Arc<Class>) {
        self.staged.push(Staged::Name((class.app, class.meeting), Named::Class(class.id)));
        self.wrote_class(class);
    }

    /// The class's row is gone.
    pub(crate) fn deleted_class(&mut self, class: &Class) {
        self.staged.push(Staged::Name((class.app, class.meeting), Named::Gone));
        self.staged.push(Staged::Class(class.id, None));
        self.wrote = true;
    }
}
