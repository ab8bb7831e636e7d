//! The ports of classes and whiteboards.

mod files;
mod members;
mod parts;
pub(crate) mod record;

use std::sync::Arc;

use async_trait::async_trait;
use stoa_core::Result;
use stoa_core::board::BoardStore;
use stoa_core::channel::ChannelRecord;
use stoa_core::class::{
    CheckIn, CheckInRecord, Class, ClassApplied, ClassCommand, ClassMember, ClassOutcome, ClassStatus, ClassStore,
    ClassView, Doc, Meeting, MemberFilter, NewClass, decide_class,
};
use stoa_core::group::GroupKey;
use stoa_core::id::{AppId, ChannelKey, CheckInId, ClassId, MeetingId, UserId};
use stoa_core::time::UnixMs;

use crate::fault::{Fault, retry};
use crate::store::PostgresStore;
use crate::{channels, groups, tables};

/// The channel's record follows the class's status: a running class needs none, an ended one has none and nothing that
/// was decided in it.
async fn follow(tx: &mut sqlx::PgConnection, was: ClassStatus, next: &Class, now: UnixMs) -> Result<(), Fault> {
    let channel = next.channel();
    match (was, next.status) {
        (ClassStatus::Running, ClassStatus::Idle) => {
            channels::insert(tx, &ChannelRecord::new(channel, now)).await?;
        }
        (ClassStatus::Idle | ClassStatus::Ended, ClassStatus::Running) => {
            channels::remove(tx, &channel).await?;
        }
        (ClassStatus::Idle | ClassStatus::Running, ClassStatus::Ended) => {
            channels::remove(tx, &channel).await?;
            channels::forget_members(tx, &channel).await?;
        }
        (ClassStatus::Idle | ClassStatus::Ended, ClassStatus::Idle)
        | (ClassStatus::Running, ClassStatus::Running)
        | (ClassStatus::Ended, ClassStatus::Ended) => {}
    }
    Ok(())
}

impl PostgresStore {
    async fn apply_class_once(
        &self,
        app: AppId,
        id: ClassId,
        command: &ClassCommand,
        now: UnixMs,
    ) -> Result<Option<ClassApplied>, Fault> {
        let mut tx = self.pool.begin().await?;
        let Some(class) = record::lock(&mut tx, app, id).await? else {
            return Ok(None);
        };
        let stored = members::Stored::read(&mut tx, &class, command).await?;
        let decision = decide_class(&class, stored.facts(command), command, now);
        members::write(&mut tx, decision.rows).await?;
        if let Some(sanction) = &decision.sanction {
            tables::put_sanction(&mut *tx, sanction).await?;
        }
        if let Some(next) = &decision.class {
            record::update(&mut tx, &class, next).await?;
            follow(&mut tx, class.status, next, now).await?;
        }
        if decision.outcome == ClassOutcome::Deleted {
            channels::remove(&mut tx, &class.channel()).await?;
            channels::forget_members(&mut tx, &class.channel()).await?;
            record::delete(&mut tx, &class).await?;
            groups::erase(&mut tx, &GroupKey::class(app, id)).await?;
        }
        tx.commit().await?;
        let class = Arc::new(decision.class.unwrap_or(class));
        Ok(Some(ClassApplied { class, rights: decision.rights, news: decision.news, outcome: decision.outcome }))
    }

    async fn create_class_once(&self, class: &Class) -> Result<(), Fault> {
        record::insert(&self.pool, class).await
    }

    async fn add_docs_once(&self, class: ClassId, docs: Vec<Doc>) -> Result<Option<Vec<Doc>>, Fault> {
        let mut tx = self.pool.begin().await?;
        if !record::lock_id(&mut tx, class).await? {
            return Ok(None);
        }
        let added = parts::add_docs(&mut tx, class, docs).await?;
        tx.commit().await?;
        Ok(Some(added))
    }

    async fn delete_docs_once(&self, class: ClassId, ids: &[String]) -> Result<Vec<String>, Fault> {
        let mut tx = self.pool.begin().await?;
        if !record::lock_id(&mut tx, class).await? {
            return Ok(Vec::new());
        }
        let gone = parts::delete_docs(&mut tx, class, ids).await?;
        tx.commit().await?;
        Ok(gone)
    }

    async fn start_check_in_once(&self, check_in: &CheckIn) -> Result<Option<bool>, Fault> {
        let mut tx = self.pool.begin().await?;
        if !record::lock_id(&mut tx, check_in.class).await? {
            return Ok(None);
        }
        let begun = parts::start_check_in(&mut tx, check_in).await?;
        tx.commit().await?;
        Ok(Some(begun))
    }

    async fn replace_board_once(&self, board: ClassId, snapshot: &[u8]) -> Result<bool, Fault> {
        let mut tx = self.pool.begin().await?;
        if !record::lock_id(&mut tx, board).await? {
            return Ok(false);
        }
        parts::replace_board(&mut tx, board, snapshot).await?;
        tx.commit().await?;
        Ok(true)
    }
}

#[async_trait]
impl ClassStore for PostgresStore {
    async fn create_class(&self, new: NewClass) -> Result<Arc<Class>> {
        let class = Arc::new(new.into_class());
        retry("create a class", || self.create_class_once(&class)).await?;
        Ok(class)
    }

    async fn class(&self, app: AppId, id: ClassId) -> Result<Option<Arc<Class>>> {
        let found = retry("read a class", || record::load(&self.pool, app, id)).await?;
        Ok(found.map(Arc::new))
    }

    async fn meeting(&self, app: AppId, meeting: MeetingId) -> Result<Meeting> {
        retry("find a meeting", || record::meeting(&self.pool, app, meeting)).await
    }

    async fn class_view(&self, app: AppId, id: ClassId, user: &UserId) -> Result<Option<ClassView>> {
        retry("view a class", || members::view(&self.pool, app, id, user)).await
    }

    async fn list_classes(&self, app: AppId, user: &UserId, offset: u64, limit: u32) -> Result<Vec<ClassView>> {
        retry("list classes", || members::list(&self.pool, app, user, offset, limit)).await
    }

    async fn apply_class(
        &self,
        app: AppId,
        id: ClassId,
        command: ClassCommand,
        now: UnixMs,
    ) -> Result<Option<ClassApplied>> {
        let _turn = self.turn_in(id).await?;
        retry("apply a class command", || self.apply_class_once(app, id, &command, now)).await
    }

    async fn class_member(&self, class: ClassId, user: &UserId) -> Result<Option<ClassMember>> {
        retry("read a class's member", || members::member(&self.pool, class, user)).await
    }

    async fn class_members(
        &self,
        class: ClassId,
        filter: MemberFilter,
        offset: u64,
        limit: u32,
    ) -> Result<(u64, Vec<ClassMember>)> {
        retry("list a class's members", || members::members(&self.pool, class, filter, offset, limit)).await
    }

    async fn connected_members(&self) -> Result<Vec<(ChannelKey, UserId)>> {
        retry("list connected members", || members::connected(&self.pool)).await
    }

    async fn manages_class(&self, app: AppId, user: &UserId) -> Result<bool> {
        retry("look for a managed class", || record::manages(&self.pool, app, user)).await
    }

    async fn add_docs(&self, class: ClassId, docs: Vec<Doc>) -> Result<Option<Vec<Doc>>> {
        let _turn = self.turn_in(class).await?;
        retry("add documents", || self.add_docs_once(class, docs.clone())).await
    }

    async fn delete_docs(&self, class: ClassId, ids: Vec<String>) -> Result<Vec<String>> {
        let _turn = self.turn_in(class).await?;
        retry("delete documents", || self.delete_docs_once(class, &ids)).await
    }

    async fn docs(&self, class: ClassId) -> Result<Vec<Doc>> {
        retry("list documents", || parts::docs(&self.pool, class)).await
    }

    async fn start_check_in(&self, check_in: CheckIn) -> Result<Option<bool>> {
        let _turn = self.turn_in(check_in.class).await?;
        retry("start a check-in", || self.start_check_in_once(&check_in)).await
    }

    async fn check_in(&self, app: AppId, id: CheckInId) -> Result<Option<CheckIn>> {
        retry("read a check-in", || parts::check_in(&self.pool, app, id)).await
    }

    async fn check_ins(&self, class: ClassId) -> Result<Vec<CheckIn>> {
        retry("list check-ins", || parts::check_ins(&self.pool, class)).await
    }

    async fn record_check_in(&self, id: CheckInId, user: &UserId, at: UnixMs) -> Result<bool> {
        retry("answer a check-in", || parts::record_check_in(&self.pool, id, user, at)).await
    }

    async fn check_in_records(&self, id: CheckInId, user: Option<&UserId>) -> Result<Vec<CheckInRecord>> {
        retry("list answers to a check-in", || parts::records(&self.pool, id, user)).await
    }
}

#[async_trait]
impl BoardStore for PostgresStore {
    async fn board(&self, board: ClassId) -> Result<Vec<Vec<u8>>> {
        retry("read a whiteboard", || parts::board(&self.pool, board)).await
    }

    async fn append_board(&self, board: ClassId, update: &[u8]) -> Result<bool> {
        retry("append to a whiteboard", || parts::append_board(&self.pool, board, update)).await
    }

    async fn replace_board(&self, board: ClassId, snapshot: &[u8]) -> Result<bool> {
        let _turn = self.turn_in(board).await?;
        retry("replace a whiteboard", || self.replace_board_once(board, snapshot)).await
    }
}
