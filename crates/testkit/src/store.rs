//! A store of maps behind one lock: every call is a transaction.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use stoa_core::account::Account;
use stoa_core::audit::{AuditEntry, AuditStore};
use stoa_core::channel::{
    Boot, Call, CallOp, CallRow, ChannelRecord, CloseReason, Member, MemberApplied, MemberCommand, Subject,
    decide_member,
};
use stoa_core::class::ClassStatus;
use stoa_core::group::GroupKey;
use stoa_core::id::{AppId, ChannelKey, ChannelName, RoomId, UserId};
use stoa_core::ports::{
    CallFilter, CallStore, ChannelStore, OutboxItem, OutboxStore, PageStart, SanctionFilter, Store,
};
use stoa_core::sanction::Sanction;
use stoa_core::time::UnixMs;
use stoa_core::voice::{About, Applied, Command, NewRoom, Room, decide, too_many_rooms};
use stoa_core::{Error, Result};

use crate::classes::ClassTables;
use crate::groups::GroupTables;

type Key = (ChannelKey, UserId);

#[derive(Debug, Clone)]
pub(crate) struct CallRecord {
    pub(crate) key: Key,
    boot: i64,
    pub(crate) join: UnixMs,
    lost: Option<UnixMs>,
    pub(crate) leave: Option<UnixMs>,
    pub(crate) reason: Option<CloseReason>,
}

#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) rooms: BTreeMap<RoomId, Arc<Room>>,
    pub(crate) sanctions: BTreeMap<Key, Sanction>,
    pub(crate) accounts: BTreeMap<UserId, Arc<Account>>,
    pub(crate) channels: BTreeMap<ChannelKey, ChannelRecord>,
    pub(crate) members: BTreeMap<Key, Member>,
    pub(crate) classes: ClassTables,
    pub(crate) groups: GroupTables,
    pub(crate) calls: Vec<CallRecord>,
    boots: BTreeMap<i64, UnixMs>,
    pub(crate) audit: Vec<AuditEntry>,
    /// Names as they were last looked at, and how often they were others.
    editions: BTreeMap<AppId, (u64, Vec<ChannelName>)>,
}

impl Tables {
    /// Names of all existing channels, in the order of their bytes.
    fn names(&self, app: AppId) -> Vec<ChannelName> {
        let rooms = self.rooms.values().filter(|r| r.live() && r.app == app).map(|r| r.channel().name);
        let adhoc = self.channels.keys().filter(|k| k.app == app).map(|k| k.name.clone());
        let running = self.classes.running(app).map(|k| k.name);
        let mut names: Vec<_> = rooms.chain(adhoc).chain(running).collect();
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        names
    }

    /// Whether the app has the room and it is not dismissed.
    pub(crate) fn live_room(&self, app: AppId, id: RoomId) -> bool {
        self.rooms.get(&id).is_some_and(|r| r.app == app && r.live())
    }
}

/// All of it.
#[derive(Default)]
pub struct MemStore {
    tables: Mutex<Tables>,
    /// Every call fails.
    pub down: AtomicBool,
}

impl MemStore {
    pub(crate) fn t(&self) -> Result<MutexGuard<'_, Tables>> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::internal_error("disk /secret/path I/O error"));
        }
        Ok(self.tables.lock().unwrap())
    }
}

fn live_of(t: &Tables, app: AppId, owner: &UserId) -> u32 {
    let live = t.rooms.values().filter(|r| r.live() && r.app == app && r.anchor == *owner).count();
    u32::try_from(live).unwrap_or(u32::MAX)
}

#[async_trait]
impl Store for MemStore {
    async fn ping(&self) -> Result<()> {
        self.t().map(drop)
    }
    async fn secret(&self, _: &str, fresh: &[u8]) -> Result<Vec<u8>> {
        Ok(fresh.to_vec())
    }
    async fn account(&self, user: &UserId) -> Result<Option<Arc<Account>>> {
        Ok(self.t()?.accounts.get(user).cloned())
    }
    async fn put_account(&self, account: Account) -> Result<()> {
        self.t()?.accounts.insert(account.user.clone(), Arc::new(account));
        Ok(())
    }
    async fn remove_account(&self, user: &UserId) -> Result<bool> {
        Ok(self.t()?.accounts.remove(user).is_some())
    }
    async fn accounts(&self) -> Result<Vec<Account>> {
        Ok(self.t()?.accounts.values().map(|a| (**a).clone()).collect())
    }
    async fn create_room(&self, room: NewRoom, codes: &[u32], max_live: u32) -> Result<Arc<Room>> {
        let mut t = self.t()?;
        if max_live > 0 && live_of(&t, room.app, &room.anchor) >= max_live {
            return Err(too_many_rooms());
        }
        let free = codes.iter().find(|c| !t.rooms.values().any(|r| r.show_code == **c));
        let code = *free.ok_or_else(|| Error::internal_error("show codes collide"))?;
        let room = Arc::new(room.into_room(code));
        t.rooms.insert(room.id, room.clone());
        Ok(room)
    }
    async fn live_rooms_of(&self, app: AppId, owner: &UserId) -> Result<u32> {
        Ok(live_of(&*self.t()?, app, owner))
    }
    async fn room(&self, app: AppId, id: RoomId) -> Result<Option<Arc<Room>>> {
        Ok(self.t()?.rooms.get(&id).filter(|r| r.app == app).cloned())
    }
    async fn list_rooms(&self, app: AppId, _: PageStart, limit: u32) -> Result<Vec<Arc<Room>>> {
        Ok(self.t()?.rooms.values().filter(|r| r.app == app && r.live()).take(limit as usize).cloned().collect())
    }
    async fn apply(&self, app: AppId, id: RoomId, command: Command, now: UnixMs) -> Result<Option<Applied>> {
        let mut t = self.t()?;
        let Some(room) = t.rooms.get(&id).filter(|r| r.app == app).cloned() else { return Ok(None) };
        let key = command.subject().map(|u| (room.channel(), u.clone()));
        let sanction = key.as_ref().and_then(|k| t.sanctions.get(k));
        let member = key.as_ref().and_then(|k| t.members.get(k));
        let d = decide(&room, About { sanction, member }, &command, now);
        if let Some(s) = d.sanction {
            t.sanctions.insert((s.channel.clone(), s.user.clone()), s);
        }
        let room = d.room.map_or(room, Arc::new);
        if !room.live() {
            t.groups.erase(&GroupKey::room(app, id));
            t.members.retain(|(channel, _), _| *channel != room.channel());
        }
        t.rooms.insert(id, room.clone());
        Ok(Some(Applied { room, outcome: d.outcome }))
    }
    async fn rooms_with_attended_seats(&self) -> Result<Vec<Arc<Room>>> {
        let attended = |r: &&Arc<Room>| r.live() && r.holders().any(|(_, t)| t.attended);
        Ok(self.t()?.rooms.values().filter(attended).cloned().collect())
    }
    async fn sanction(&self, channel: &ChannelKey, user: &UserId) -> Result<Option<Sanction>> {
        Ok(self.t()?.sanctions.get(&(channel.clone(), user.clone())).cloned())
    }
    async fn put_sanction(&self, s: Sanction) -> Result<()> {
        self.t()?.sanctions.insert((s.channel.clone(), s.user.clone()), s);
        Ok(())
    }
    async fn purge_sanctions(&self, _: UnixMs, _: i64) -> Result<u64> {
        Ok(0)
    }
}

#[async_trait]
impl OutboxStore for MemStore {
    async fn outbox_push(&self, _: Vec<OutboxItem>) -> Result<()> {
        Ok(())
    }
    async fn outbox_peek(&self, _: u32) -> Result<Vec<OutboxItem>> {
        Ok(Vec::new())
    }
    async fn outbox_done(&self, _: i64) -> Result<()> {
        Ok(())
    }
}

pub(crate) fn page<T>(all: Vec<T>, offset: u64, limit: u32) -> (u64, Vec<T>) {
    let total = all.len() as u64;
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    (total, all.into_iter().skip(offset).take(limit as usize).collect())
}

#[async_trait]
impl ChannelStore for MemStore {
    async fn channel(&self, key: &ChannelKey) -> Result<Option<ChannelRecord>> {
        Ok(self.t()?.channels.get(key).cloned())
    }
    async fn open_channel(&self, fresh: ChannelRecord) -> Result<(ChannelRecord, bool)> {
        let mut t = self.t()?;
        let closed = t.classes.of_channel(&fresh.key).is_some_and(|c| c.status != ClassStatus::Idle);
        if closed || t.classes.was_channel(&fresh.key) {
            return Ok((fresh, false));
        }
        let new = !t.channels.contains_key(&fresh.key);
        let record = t.channels.entry(fresh.key.clone()).or_insert(fresh).clone();
        Ok((record, new))
    }
    async fn end_channel(&self, key: &ChannelKey) -> Result<bool> {
        let mut t = self.t()?;
        let known = t.channels.remove(key).is_some();
        t.groups.erase(&GroupKey::talk(key.app, key.name.clone()));
        if known {
            t.members.retain(|(channel, _), _| channel != key);
        }
        Ok(known)
    }
    async fn all_channels(&self) -> Result<Vec<ChannelRecord>> {
        Ok(self.t()?.channels.values().cloned().collect())
    }
    async fn channel_names(&self, app: AppId, offset: u64, limit: u32) -> Result<(u64, Vec<ChannelName>)> {
        Ok(page(self.t()?.names(app), offset, limit))
    }
    async fn channel_names_edition(&self, app: AppId) -> Result<Option<u64>> {
        let mut t = self.t()?;
        let names = t.names(app);
        let (edition, seen) = t.editions.entry(app).or_default();
        if *seen != names {
            (*edition, *seen) = (*edition + 1, names);
        }
        Ok(Some(*edition))
    }
    async fn member(&self, key: &ChannelKey, user: &UserId) -> Result<Option<Member>> {
        Ok(self.t()?.members.get(&(key.clone(), user.clone())).cloned())
    }
    async fn members(&self, key: &ChannelKey) -> Result<Vec<Member>> {
        Ok(self.t()?.members.values().filter(|m| m.channel == *key).cloned().collect())
    }
    async fn timed_mutes(&self, now: UnixMs) -> Result<Vec<Member>> {
        let timed = |until: UnixMs| until > now && until != UnixMs::MAX;
        let t = self.t()?;
        let wanted = |m: &&Member| timed(m.mute_audio_until) || timed(m.mute_video_until);
        Ok(t.members.values().filter(wanted).cloned().collect())
    }
    async fn apply_member(
        &self,
        key: &ChannelKey,
        user: &UserId,
        command: MemberCommand,
        now: UnixMs,
    ) -> Result<Option<MemberApplied>> {
        let mut t = self.t()?;
        let id = (key.clone(), user.clone());
        let before = t.members.get(&id).cloned().unwrap_or_else(|| Member::blank(key.clone(), user.clone()));
        let room = key.room_id().and_then(|r| t.rooms.get(&r)).filter(|r| r.app == key.app).cloned();
        let record = t.channels.get(key).cloned();
        let class = t.classes.of_channel(key);
        let subject = match (&room, &class, &record) {
            (Some(room), _, _) if room.live() => Subject::Room(room),
            (None, Some(class), record) if class.status == ClassStatus::Running || record.is_some() => {
                Subject::Class(class)
            }
            (None, None, Some(record)) => Subject::Adhoc(record),
            _ => return Ok(None),
        };
        let d = decide_member(&subject, &before, &command, now);
        if let Some(room) = d.room {
            t.rooms.insert(room.id, Arc::new(room));
        }
        if let Some(class) = d.class {
            t.classes.put(class);
        }
        if d.bump
            && let Some(record) = t.channels.get_mut(key)
        {
            record.version += 1;
        }
        let after = d.member.clone().unwrap_or_else(|| before.clone());
        if let Some(member) = d.member {
            t.members.insert(id, member);
        }
        Ok(Some(MemberApplied { before, after, outcome: d.outcome }))
    }
    async fn bans(&self, f: &SanctionFilter, now: UnixMs, offset: u64, limit: u32) -> Result<(u64, Vec<Sanction>)> {
        let wanted = |s: &&Sanction| {
            s.channel.app == f.app
                && s.bans(now)
                && f.channel.as_ref().is_none_or(|c| *c == s.channel.name)
                && f.user.as_ref().is_none_or(|u| *u == s.user)
        };
        let mut rows: Vec<_> = self.t()?.sanctions.values().filter(wanted).cloned().collect();
        rows.sort_by(|a, b| {
            let key = |s: &Sanction| (s.created, s.channel.name.to_string(), s.user.to_string());
            key(a).cmp(&key(b))
        });
        Ok(page(rows, offset, limit))
    }
    async fn lift_ban(&self, key: &ChannelKey, user: &UserId, now: UnixMs) -> Result<bool> {
        let mut t = self.t()?;
        let Some(s) = t.sanctions.get_mut(&(key.clone(), user.clone())).filter(|s| s.bans(now)) else {
            return Ok(false);
        };
        s.until = UnixMs(0);
        Ok(true)
    }
}

#[async_trait]
impl CallStore for MemStore {
    async fn boot(&self, now: UnixMs) -> Result<Boot> {
        let mut t = self.t()?;
        let id = t.boots.last_key_value().map_or(1, |(id, _)| id + 1);
        t.boots.insert(id, now);
        Ok(Boot { id, started: now })
    }
    async fn heartbeat(&self, boot: Boot, now: UnixMs) -> Result<()> {
        self.t()?.boots.insert(boot.id, now);
        Ok(())
    }
    async fn write_calls(&self, boot: Boot, ops: Vec<CallOp>) -> Result<()> {
        let mut t = self.t()?;
        for op in ops {
            let (CallOp::Open { channel, user, .. }
            | CallOp::Lost { channel, user, .. }
            | CallOp::Close { channel, user, .. }) = &op;
            let key = (channel.clone(), user.clone());
            let open = t.calls.iter_mut().find(|c| c.key == key && c.leave.is_none());
            match (op, open) {
                (CallOp::Open { join, .. }, None) => {
                    t.calls.push(CallRecord { key, boot: boot.id, join, lost: None, leave: None, reason: None });
                }
                (CallOp::Lost { lost, .. }, Some(call)) => (call.lost, call.boot) = (lost, boot.id),
                (CallOp::Close { leave, reason, .. }, Some(call)) => {
                    (call.leave, call.reason) = (Some(leave.max(call.join)), Some(reason));
                }
                (CallOp::Open { .. }, Some(call)) => call.boot = boot.id,
                (CallOp::Lost { .. } | CallOp::Close { .. }, None) => {}
            }
        }
        Ok(())
    }
    async fn open_calls(&self, boot: Boot) -> Result<Vec<CallRow>> {
        let t = self.t()?;
        let open = t.calls.iter().filter(|c| c.leave.is_none() && c.boot < boot.id);
        let row = |c: &CallRecord| CallRow {
            channel: c.key.0.clone(),
            user: c.key.1.clone(),
            join: c.join,
            lost: c.lost,
            heartbeat: t.boots.get(&c.boot).copied().unwrap_or(c.join),
        };
        Ok(open.map(row).collect())
    }
    async fn calls(&self, f: &CallFilter, offset: u64, limit: u32) -> Result<(u64, Vec<Call>)> {
        let t = self.t()?;
        let wanted = |c: &&CallRecord| {
            let span = f.from <= c.join && c.join < f.until;
            c.key.0.app == f.app && c.key.1 == f.user && span && (f.open || c.leave.is_some())
        };
        let mut rows: Vec<_> = t.calls.iter().filter(wanted).collect();
        rows.sort_by_key(|c| c.join);
        let call =
            |c: &CallRecord| Call { channel: c.key.0.clone(), user: c.key.1.clone(), join: c.join, leave: c.leave };
        Ok(page(rows.into_iter().map(call).collect(), offset, limit))
    }
    async fn purge_calls(&self, before: UnixMs) -> Result<u64> {
        let mut t = self.t()?;
        let had = t.calls.len();
        t.calls.retain(|c| c.leave.is_none_or(|l| l >= before));
        Ok((had - t.calls.len()) as u64)
    }
}

#[async_trait]
impl AuditStore for MemStore {
    async fn audit(&self, entry: AuditEntry) -> Result<()> {
        self.t()?.audit.push(entry);
        Ok(())
    }
    async fn audit_entries(&self, app: AppId, limit: u32) -> Result<Vec<AuditEntry>> {
        let t = self.t()?;
        Ok(t.audit.iter().rev().filter(|e| e.app == app).take(limit as usize).cloned().collect())
    }
    async fn purge_audit(&self, before: UnixMs) -> Result<u64> {
        let mut t = self.t()?;
        let had = t.audit.len();
        t.audit.retain(|e| e.at >= before);
        Ok((had - t.audit.len()) as u64)
    }
}
