//! Classes in the store of maps.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use async_trait::async_trait;
use stoa_core::Result;
use stoa_core::board::BoardStore;
use stoa_core::channel::{ChannelRecord, IdentityType};
use stoa_core::class::{
    CheckIn, CheckInRecord, Class, ClassApplied, ClassCommand, ClassDecision, ClassFacts, ClassIdentity, ClassMember,
    ClassOutcome, ClassStatus, ClassStore, ClassView, Doc, Known, Meeting, MemberFilter, NewClass, decide_class,
};
use stoa_core::group::GroupKey;
use stoa_core::id::{AppId, ChannelKey, CheckInId, ClassId, MeetingId, UserId};
use stoa_core::time::UnixMs;

use crate::files::FileTables;
use crate::store::{MemStore, Tables, page};

/// Everything that hangs on classes.
#[derive(Default)]
pub(crate) struct ClassTables {
    classes: BTreeMap<ClassId, Arc<Class>>,
    deleted: Vec<(AppId, MeetingId)>,
    rows: BTreeMap<(ClassId, UserId), ClassMember>,
    pub(crate) docs: BTreeMap<(ClassId, String), Doc>,
    check_ins: BTreeMap<CheckInId, CheckIn>,
    answers: BTreeMap<(CheckInId, UserId), CheckInRecord>,
    boards: BTreeMap<ClassId, Vec<Vec<u8>>>,
    pub(crate) files: FileTables,
}

impl ClassTables {
    /// The class whose channel this is.
    pub(crate) fn of_channel(&self, key: &ChannelKey) -> Option<Arc<Class>> {
        let meeting = key.meeting_id()?;
        self.classes.values().find(|c| c.app == key.app && c.meeting == meeting).cloned()
    }

    /// Whether this was the channel of a class that is gone.
    pub(crate) fn was_channel(&self, key: &ChannelKey) -> bool {
        key.meeting_id().is_some_and(|meeting| self.deleted.contains(&(key.app, meeting)))
    }

    /// Whether the app has the class.
    pub(crate) fn has(&self, app: AppId, id: ClassId) -> bool {
        self.classes.get(&id).is_some_and(|c| c.app == app)
    }

    /// Whether there is such a class.
    pub(crate) fn known(&self, id: ClassId) -> bool {
        self.classes.contains_key(&id)
    }

    pub(crate) fn put(&mut self, class: Class) {
        self.classes.insert(class.id, Arc::new(class));
    }

    pub(crate) fn running(&self, app: AppId) -> impl Iterator<Item = ChannelKey> {
        self.classes.values().filter(move |c| c.app == app && c.status == ClassStatus::Running).map(|c| c.channel())
    }

    pub(crate) fn in_progress(&self) -> usize {
        self.classes.values().filter(|c| c.status == ClassStatus::Running).count()
    }

    fn assistant(&self, class: ClassId) -> Option<&ClassMember> {
        self.rows.values().find(|r| r.class == class && r.identity == ClassIdentity::Assistant)
    }

    fn delete(&mut self, class: &Class) {
        let id = class.id;
        self.classes.remove(&id);
        self.deleted.push((class.app, class.meeting));
        self.rows.retain(|(c, _), _| *c != id);
        self.docs.retain(|(c, _), _| *c != id);
        self.check_ins.retain(|_, c| c.class != id);
        let left = &self.check_ins;
        self.answers.retain(|(c, _), _| left.contains_key(c));
        self.boards.remove(&id);
        self.files.forget_class(id);
    }
}

fn view(t: &Tables, class: &Arc<Class>, user: &UserId) -> ClassView {
    let c = &t.classes;
    let (group, muted_until) = t.groups.facts(&GroupKey::class(class.app, class.id), user);
    ClassView {
        class: class.clone(),
        assistant: c.assistant(class.id).cloned(),
        group,
        row: c.rows.get(&(class.id, user.clone())).cloned(),
        sanction: t.sanctions.get(&(class.channel(), user.clone())).cloned(),
        muted_until,
    }
}

fn decide(t: &Tables, class: &Class, command: &ClassCommand, now: UnixMs) -> ClassDecision {
    let known = |user: Option<&UserId>| match user {
        Some(user) => Known {
            row: t.classes.rows.get(&(class.id, user.clone())),
            sanction: t.sanctions.get(&(class.channel(), user.clone())),
        },
        None => Known::default(),
    };
    let listens = |m: &&stoa_core::channel::Member| m.identity == Some(IdentityType::Listener);
    let there = t.members.values().filter(|m| m.channel == class.channel());
    let listeners: Vec<UserId> = there.filter(listens).map(|m| m.user.clone()).collect();
    let facts = ClassFacts {
        caller: known(command.caller().map(|c| &c.user)),
        subject: known(command.subject()),
        assistant: t.classes.assistant(class.id),
        listeners: &listeners,
    };
    decide_class(class, facts, command, now)
}

#[async_trait]
impl ClassStore for MemStore {
    async fn create_class(&self, new: NewClass) -> Result<Arc<Class>> {
        let class = Arc::new(new.into_class());
        self.t()?.classes.classes.insert(class.id, class.clone());
        Ok(class)
    }
    async fn class(&self, app: AppId, id: ClassId) -> Result<Option<Arc<Class>>> {
        Ok(self.t()?.classes.classes.get(&id).filter(|c| c.app == app).cloned())
    }
    async fn meeting(&self, app: AppId, meeting: MeetingId) -> Result<Meeting> {
        let t = self.t()?;
        if t.classes.deleted.contains(&(app, meeting)) {
            return Ok(Meeting::Deleted);
        }
        let found = t.classes.of_channel(&ChannelKey::of_meeting(app, meeting));
        Ok(found.map_or(Meeting::Unknown, Meeting::Class))
    }
    async fn class_view(&self, app: AppId, id: ClassId, user: &UserId) -> Result<Option<ClassView>> {
        let t = self.t()?;
        Ok(t.classes.classes.get(&id).filter(|c| c.app == app).map(|c| view(&t, c, user)))
    }
    async fn list_classes(&self, app: AppId, user: &UserId, offset: u64, limit: u32) -> Result<Vec<ClassView>> {
        let t = self.t()?;
        let mut all: Vec<_> = t.classes.classes.values().filter(|c| c.app == app).collect();
        all.sort_by_key(|c| std::cmp::Reverse((c.created, c.id)));
        let all = all.into_iter().map(|c| view(&t, c, user)).collect();
        Ok(page(all, offset, limit).1)
    }
    async fn apply_class(
        &self,
        app: AppId,
        id: ClassId,
        command: ClassCommand,
        now: UnixMs,
    ) -> Result<Option<ClassApplied>> {
        let mut t = self.t()?;
        let Some(class) = t.classes.classes.get(&id).filter(|c| c.app == app).cloned() else { return Ok(None) };
        let d = decide(&t, &class, &command, now);
        for row in d.rows {
            t.classes.rows.insert((row.class, row.user.clone()), row);
        }
        if let Some(s) = d.sanction {
            t.sanctions.insert((s.channel.clone(), s.user.clone()), s);
        }
        let channel = class.channel();
        let mut class = class;
        if let Some(next) = d.class {
            match (class.status, next.status) {
                (ClassStatus::Running, ClassStatus::Idle) => {
                    t.channels.insert(channel.clone(), ChannelRecord::new(channel, now));
                }
                (_, ClassStatus::Running) => drop(t.channels.remove(&channel)),
                (was, ClassStatus::Ended) if was != ClassStatus::Ended => {
                    t.channels.remove(&channel);
                    t.members.retain(|(c, _), _| *c != channel);
                }
                _ => {}
            }
            class = Arc::new(next);
            t.classes.classes.insert(id, class.clone());
        }
        if d.outcome == ClassOutcome::Deleted {
            t.classes.delete(&class);
            t.groups.erase(&GroupKey::class(app, id));
            t.channels.remove(&class.channel());
            t.members.retain(|(c, _), _| *c != class.channel());
        }
        Ok(Some(ClassApplied { class, rights: d.rights, news: d.news, outcome: d.outcome }))
    }
    async fn class_member(&self, class: ClassId, user: &UserId) -> Result<Option<ClassMember>> {
        Ok(self.t()?.classes.rows.get(&(class, user.clone())).cloned())
    }
    async fn class_members(
        &self,
        class: ClassId,
        filter: MemberFilter,
        offset: u64,
        limit: u32,
    ) -> Result<(u64, Vec<ClassMember>)> {
        let wanted = |r: &&ClassMember| {
            r.class == class
                && filter.identity.is_none_or(|i| i == r.identity)
                && filter.status.is_none_or(|s| s == r.status)
        };
        let mut rows: Vec<_> = self.t()?.classes.rows.values().filter(wanted).cloned().collect();
        rows.sort_by(|a, b| {
            let key = |r: &ClassMember| (std::cmp::Reverse(r.identity), r.status, std::cmp::Reverse(r.joined));
            key(a).cmp(&key(b)).then_with(|| a.user.as_str().cmp(b.user.as_str()))
        });
        Ok(page(rows, offset, limit))
    }
    async fn connected_members(&self) -> Result<Vec<(ChannelKey, UserId)>> {
        let t = self.t()?;
        let rows = t.classes.rows.values().filter(|r| r.present() && r.connected);
        Ok(rows.map(|r| (t.classes.classes[&r.class].channel(), r.user.clone())).collect())
    }
    async fn manages_class(&self, app: AppId, user: &UserId) -> Result<bool> {
        let t = self.t()?;
        let assists = |c: &Class| t.classes.assistant(c.id).is_some_and(|a| a.user == *user && a.present());
        Ok(t.classes.classes.values().any(|c| c.app == app && c.open() && (c.teacher == *user || assists(c))))
    }
    async fn add_docs(&self, class: ClassId, docs: Vec<Doc>) -> Result<Option<Vec<Doc>>> {
        let mut t = self.t()?;
        if !t.classes.classes.contains_key(&class) {
            return Ok(None);
        }
        let mut added = Vec::new();
        for doc in docs {
            if let Entry::Vacant(free) = t.classes.docs.entry((class, doc.id.clone())) {
                free.insert(doc.clone());
                added.push(doc);
            }
        }
        Ok(Some(added))
    }
    async fn delete_docs(&self, class: ClassId, ids: Vec<String>) -> Result<Vec<String>> {
        let mut t = self.t()?;
        let gone: Vec<String> =
            ids.into_iter().filter(|id| t.classes.docs.remove(&(class, id.clone())).is_some()).collect();
        t.classes.files.forget(class, &gone);
        Ok(gone)
    }
    async fn docs(&self, class: ClassId) -> Result<Vec<Doc>> {
        let t = self.t()?;
        let mut docs: Vec<_> =
            t.classes.docs.iter().filter(|((c, _), _)| *c == class).map(|(_, d)| d.clone()).collect();
        docs.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        Ok(docs)
    }
    async fn start_check_in(&self, check_in: CheckIn) -> Result<Option<bool>> {
        let mut t = self.t()?;
        if !t.classes.classes.contains_key(&check_in.class) {
            return Ok(None);
        }
        if t.classes
            .check_ins
            .values()
            .any(|c| c.class == check_in.class && c.start < check_in.end() && check_in.start < c.end())
        {
            return Ok(Some(false));
        }
        t.classes.check_ins.insert(check_in.id, check_in);
        Ok(Some(true))
    }
    async fn check_in(&self, app: AppId, id: CheckInId) -> Result<Option<CheckIn>> {
        let t = self.t()?;
        let of_app = |c: &&CheckIn| t.classes.classes.get(&c.class).is_some_and(|class| class.app == app);
        Ok(t.classes.check_ins.get(&id).filter(of_app).cloned())
    }
    async fn check_ins(&self, class: ClassId) -> Result<Vec<CheckIn>> {
        let mut all: Vec<_> = self.t()?.classes.check_ins.values().filter(|c| c.class == class).cloned().collect();
        all.sort_by_key(|c| (c.start, c.id));
        Ok(all)
    }
    async fn record_check_in(&self, id: CheckInId, user: &UserId, at: UnixMs) -> Result<bool> {
        let mut t = self.t()?;
        let new = !t.classes.answers.contains_key(&(id, user.clone())) && t.classes.check_ins.contains_key(&id);
        if new {
            t.classes.answers.insert((id, user.clone()), CheckInRecord { user: user.clone(), at });
        }
        Ok(new)
    }
    async fn check_in_records(&self, id: CheckInId, user: Option<&UserId>) -> Result<Vec<CheckInRecord>> {
        let t = self.t()?;
        let wanted = |((c, u), _): &(&(CheckInId, UserId), &CheckInRecord)| *c == id && user.is_none_or(|w| w == u);
        let mut all: Vec<_> = t.classes.answers.iter().filter(wanted).map(|(_, r)| r.clone()).collect();
        all.sort_by(|a, b| (a.at, a.user.as_str()).cmp(&(b.at, b.user.as_str())));
        Ok(all)
    }
}

#[async_trait]
impl BoardStore for MemStore {
    async fn board(&self, board: ClassId) -> Result<Vec<Vec<u8>>> {
        Ok(self.t()?.classes.boards.get(&board).cloned().unwrap_or_default())
    }
    async fn append_board(&self, board: ClassId, update: &[u8]) -> Result<bool> {
        let mut t = self.t()?;
        let known = t.classes.classes.contains_key(&board);
        if known {
            t.classes.boards.entry(board).or_default().push(update.to_vec());
        }
        Ok(known)
    }
    async fn replace_board(&self, board: ClassId, snapshot: &[u8]) -> Result<bool> {
        let mut t = self.t()?;
        let known = t.classes.classes.contains_key(&board);
        if known {
            t.classes.boards.insert(board, vec![snapshot.to_vec()]);
        }
        Ok(known)
    }
}
