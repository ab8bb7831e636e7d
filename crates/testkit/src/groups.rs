//! Groups and the hub's credentials in the store of maps.

use std::collections::BTreeMap;

use async_trait::async_trait;
use stoa_core::Result;
use stoa_core::class::GroupFacts;
use stoa_core::group::names::Place;
use stoa_core::group::{
    Doomed, Exchanged, GroupKey, GroupPatch, GroupState, GroupStore, KEPT_MESSAGES, MessagePage, RefreshToken,
    StoredMessage,
};
use stoa_core::id::UserId;
use stoa_core::time::UnixMs;

use crate::store::{MemStore, Tables};

/// Unspent refresh tokens of one user, face and device.
const KEPT_TOKENS: usize = 16;

/// All that hangs on one group.
#[derive(Default)]
struct Group {
    state: GroupState,
    muted: BTreeMap<String, (UserId, UnixMs)>,
    handed_out: u64,
    visitors: BTreeMap<UserId, String>,
    messages: BTreeMap<u64, StoredMessage>,
}

/// Everything of groups and credentials.
#[derive(Default)]
pub(crate) struct GroupTables {
    groups: BTreeMap<GroupKey, Group>,
    /// In the order they came; spent or not.
    tokens: Vec<(RefreshToken, bool)>,
    used: BTreeMap<String, UnixMs>,
}

impl GroupTables {
    /// What a class shows, and until when the user is muted.
    pub(crate) fn facts(&self, group: &GroupKey, user: &UserId) -> (GroupFacts, UnixMs) {
        let Some(g) = self.groups.get(group) else { return (GroupFacts::default(), UnixMs(0)) };
        let s = &g.state;
        let facts = GroupFacts { mute_all: s.mute_all, likes: s.likes, pv: s.pv, uv: s.uv };
        (facts, g.muted.get(user.as_str()).map_or(UnixMs(0), |(_, until)| *until))
    }

    /// The place is gone.
    pub(crate) fn erase(&mut self, group: &GroupKey) {
        self.groups.remove(group);
    }

    fn forget(&mut self, now: UnixMs) {
        self.tokens.retain(|(t, _)| t.expires > now);
        self.used.retain(|_, until| *until >= now);
    }
}

impl Tables {
    /// The group if something may be written for it.
    fn group(&mut self, key: &GroupKey) -> Option<&mut Group> {
        let there = match &key.place {
            Place::Room(id) => self.live_room(key.app, *id),
            Place::Class(id) => self.classes.has(key.app, *id),
            Place::Talk(_) => true,
        };
        there.then(|| self.groups.groups.entry(key.clone()).or_default())
    }
}

fn page(
    all: &BTreeMap<u64, StoredMessage>,
    kinds: &[i64],
    page: &MessagePage,
    limit: u32,
) -> (Vec<StoredMessage>, bool) {
    let limit = limit as usize;
    let wanted = |m: &&StoredMessage| {
        let there = match page {
            MessagePage::Newest => true,
            MessagePage::Before(n) => m.seqnum < *n,
            MessagePage::After(n) => m.seqnum > *n,
        };
        there && (kinds.is_empty() || kinds.contains(&m.kind))
    };
    let mut rows: Vec<_> = all.values().filter(wanted).cloned().collect();
    let more = rows.len() > limit;
    match page {
        MessagePage::After(_) => rows.truncate(limit),
        _ => drop(rows.drain(..rows.len().saturating_sub(limit))),
    }
    (rows, more)
}

#[async_trait]
impl GroupStore for MemStore {
    async fn group(&self, group: &GroupKey) -> Result<GroupState> {
        let t = self.t()?;
        let Some(g) = t.groups.groups.get(group) else { return Ok(GroupState::default()) };
        Ok(GroupState { muted: g.muted.values().cloned().collect(), ..g.state.clone() })
    }
    async fn reserve_seqnums(&self, group: &GroupKey, n: u32) -> Result<u64> {
        let mut t = self.t()?;
        let Some(g) = t.group(group) else { return Ok(1) };
        let first = g.handed_out + 1;
        g.handed_out += u64::from(n);
        Ok(first)
    }
    async fn visitor(&self, group: &GroupKey, user: &UserId) -> Result<Option<String>> {
        Ok(self.t()?.groups.groups.get(group).and_then(|g| g.visitors.get(user).cloned()))
    }
    async fn visit_group(&self, group: &GroupKey, user: &UserId, extension: &str) -> Result<(u64, u64)> {
        let mut t = self.t()?;
        let Some(g) = t.group(group) else { return Ok((0, 0)) };
        g.visitors.insert(user.clone(), extension.to_owned());
        g.state.pv += 1;
        g.state.uv = g.visitors.len() as u64;
        Ok((g.state.pv, g.state.uv))
    }
    async fn like_group(&self, group: &GroupKey, n: u32) -> Result<u64> {
        let mut t = self.t()?;
        let Some(g) = t.group(group) else { return Ok(0) };
        g.state.likes += u64::from(n);
        Ok(g.state.likes)
    }
    async fn patch_group(&self, group: &GroupKey, patch: GroupPatch) -> Result<()> {
        let mut t = self.t()?;
        if let Some(g) = t.group(group) {
            let s = &mut g.state;
            s.meta = patch.meta.unwrap_or_else(|| std::mem::take(&mut s.meta));
            s.admins = patch.admins.unwrap_or_else(|| std::mem::take(&mut s.admins));
        }
        Ok(())
    }
    async fn mute_group(&self, group: &GroupKey, on: bool) -> Result<bool> {
        let mut t = self.t()?;
        let Some(g) = t.group(group) else { return Ok(false) };
        Ok(std::mem::replace(&mut g.state.mute_all, on) != on)
    }
    async fn mute_in_group(&self, group: &GroupKey, users: &[UserId], until: UnixMs) -> Result<()> {
        let mut t = self.t()?;
        let Some(g) = t.group(group) else { return Ok(()) };
        for user in users {
            if until == UnixMs(0) {
                g.muted.remove(user.as_str());
            } else {
                g.muted.insert(user.to_string(), (user.clone(), until));
            }
        }
        Ok(())
    }
    async fn put_message(&self, group: &GroupKey, message: StoredMessage) -> Result<()> {
        let mut t = self.t()?;
        let Some(g) = t.group(group) else { return Ok(()) };
        if g.messages.values().any(|m| m.id == message.id || m.seqnum == message.seqnum) {
            return Ok(());
        }
        *g.state.amounts.entry(message.kind).or_default() += 1;
        g.messages.insert(message.seqnum, message);
        if g.messages.len() > KEPT_MESSAGES {
            g.messages.pop_first();
        }
        Ok(())
    }
    async fn message(&self, group: &GroupKey, id: &str) -> Result<Option<StoredMessage>> {
        let t = self.t()?;
        Ok(t.groups.groups.get(group).and_then(|g| g.messages.values().find(|m| m.id == id).cloned()))
    }
    async fn messages(
        &self,
        group: &GroupKey,
        kinds: &[i64],
        which: MessagePage,
        limit: u32,
    ) -> Result<(Vec<StoredMessage>, bool)> {
        let t = self.t()?;
        Ok(t.groups.groups.get(group).map(|g| page(&g.messages, kinds, &which, limit)).unwrap_or_default())
    }
    async fn delete_messages(&self, group: &GroupKey, which: Doomed) -> Result<Vec<String>> {
        let mut t = self.t()?;
        let Some(g) = t.group(group) else { return Ok(Vec::new()) };
        let doomed = |m: &StoredMessage| match &which {
            Doomed::Id(id) => m.id == *id,
            Doomed::Sids(sids) => !m.sid.is_empty() && sids.contains(&m.sid),
        };
        let gone = g.messages.values().filter(|m| doomed(m)).map(|m| m.id.clone()).collect();
        g.messages.retain(|_, m| !doomed(m));
        Ok(gone)
    }
    async fn put_refresh(&self, token: RefreshToken) -> Result<()> {
        let mut t = self.t()?;
        let of = |t: &RefreshToken| (t.app, t.user.clone(), t.face.clone(), t.device.clone());
        let owner = of(&token);
        t.groups.tokens.push((token, false));
        let kept = t.groups.tokens.iter().filter(|(t, spent)| !spent && of(t) == owner).count();
        if kept > KEPT_TOKENS
            && let Some(oldest) = t.groups.tokens.iter().position(|(t, spent)| !spent && of(t) == owner)
        {
            t.groups.tokens.remove(oldest);
        }
        Ok(())
    }
    async fn exchange_refresh(
        &self,
        hash: [u8; 32],
        device: &str,
        fresh: [u8; 32],
        expires: UnixMs,
        now: UnixMs,
    ) -> Result<Exchanged> {
        let mut t = self.t()?;
        t.groups.forget(now);
        let Some((old, spent)) = t.groups.tokens.iter_mut().find(|(t, _)| t.hash == hash) else {
            return Ok(Exchanged::Refused);
        };
        if *spent {
            let family = old.family;
            t.groups.tokens.retain(|(t, _)| t.family != family);
            return Ok(Exchanged::Refused);
        }
        if old.device != device {
            return Ok(Exchanged::Refused);
        }
        *spent = true;
        let old = old.clone();
        t.groups.tokens.push((RefreshToken { hash: fresh, expires, ..old.clone() }, false));
        Ok(Exchanged::Done(old))
    }
    async fn use_once(&self, name: &str, until: UnixMs, now: UnixMs) -> Result<bool> {
        let mut t = self.t()?;
        t.groups.forget(now);
        let new = !t.groups.used.contains_key(name);
        if new {
            t.groups.used.insert(name.to_owned(), until);
        }
        Ok(new)
    }
}
