//! The ports of classes and whiteboards.

use std::sync::Arc;

use async_trait::async_trait;
use stoa_core::Result;
use stoa_core::board::BoardStore;
use stoa_core::class::{
    CheckIn, CheckInRecord, Class, ClassApplied, ClassCommand, ClassMember, ClassStore, ClassView, Doc, Meeting,
    MemberFilter, NewClass,
};
use stoa_core::id::{AppId, ChannelKey, CheckInId, ClassId, MeetingId, UserId};
use stoa_core::time::UnixMs;

use crate::classes::Named;
use crate::store::SqliteStore;
use crate::{class_side, class_views, classes};

impl SqliteStore {
    async fn stored_class(&self, id: ClassId) -> Result<Option<Arc<Class>>> {
        if let Some(class) = self.memory.known_class(id) {
            return Ok(class);
        }
        let memory = self.memory.clone();
        self.read(move |c| memory.class(c, id)).await
    }
}

#[async_trait]
impl ClassStore for SqliteStore {
    async fn create_class(&self, new: NewClass) -> Result<Arc<Class>> {
        self.writer.submit(move |tx| classes::create(tx, new)).await
    }

    async fn class(&self, app: AppId, id: ClassId) -> Result<Option<Arc<Class>>> {
        Ok(self.stored_class(id).await?.filter(|c| c.app == app))
    }

    async fn meeting(&self, app: AppId, meeting: MeetingId) -> Result<Meeting> {
        let (memory, key) = (self.memory.clone(), (app, meeting));
        let named = match self.memory.known_name(key) {
            Some(named) => named,
            None => self.read(move |c| memory.name(c, key)).await?,
        };
        // Not in the same read: what a snapshot shows that is older than a ticket may not go into memory.
        let class = match named {
            Named::Class(id) => self.stored_class(id).await?,
            Named::Gone | Named::Unknown => None,
        };
        named.look(|_| Ok(class))
    }

    async fn class_view(&self, app: AppId, id: ClassId, user: &UserId) -> Result<Option<ClassView>> {
        let user = user.clone();
        self.read(move |c| class_views::view(c, app, id, &user)).await
    }

    async fn list_classes(&self, app: AppId, user: &UserId, offset: u64, limit: u32) -> Result<Vec<ClassView>> {
        let user = user.clone();
        self.read(move |c| class_views::list(c, app, &user, offset, limit)).await
    }

    async fn apply_class(
        &self,
        app: AppId,
        id: ClassId,
        command: ClassCommand,
        now: UnixMs,
    ) -> Result<Option<ClassApplied>> {
        self.writer.submit(move |tx| classes::apply(tx, app, id, &command, now)).await
    }

    async fn class_member(&self, class: ClassId, user: &UserId) -> Result<Option<ClassMember>> {
        let user = user.clone();
        self.read(move |c| classes::member(c, class, &user)).await
    }

    async fn class_members(
        &self,
        class: ClassId,
        filter: MemberFilter,
        offset: u64,
        limit: u32,
    ) -> Result<(u64, Vec<ClassMember>)> {
        self.read(move |c| class_views::members(c, class, filter, offset, limit)).await
    }

    async fn connected_members(&self) -> Result<Vec<(ChannelKey, UserId)>> {
        self.read(class_views::connected).await
    }

    async fn manages_class(&self, app: AppId, user: &UserId) -> Result<bool> {
        let user = user.clone();
        self.read(move |c| class_views::manages(c, app, &user)).await
    }

    async fn add_docs(&self, class: ClassId, docs: Vec<Doc>) -> Result<Option<Vec<Doc>>> {
        self.writer.submit(move |tx| class_side::add_docs(tx, class, docs)).await
    }

    async fn delete_docs(&self, class: ClassId, ids: Vec<String>) -> Result<Vec<String>> {
        self.writer.submit(move |tx| class_side::delete_docs(tx, class, ids)).await
    }

    async fn docs(&self, class: ClassId) -> Result<Vec<Doc>> {
        self.read(move |c| class_side::docs(c, class)).await
    }

    async fn start_check_in(&self, check_in: CheckIn) -> Result<Option<bool>> {
        self.writer.submit(move |tx| class_side::start_check_in(tx, &check_in)).await
    }

    async fn check_in(&self, app: AppId, id: CheckInId) -> Result<Option<CheckIn>> {
        self.read(move |c| class_side::check_in(c, app, id)).await
    }

    async fn check_ins(&self, class: ClassId) -> Result<Vec<CheckIn>> {
        self.read(move |c| class_side::check_ins(c, class)).await
    }

    async fn record_check_in(&self, id: CheckInId, user: &UserId, at: UnixMs) -> Result<bool> {
        let user = user.clone();
        self.writer.submit(move |tx| class_side::record_check_in(tx, id, &user, at)).await
    }

    async fn check_in_records(&self, id: CheckInId, user: Option<&UserId>) -> Result<Vec<CheckInRecord>> {
        let user = user.cloned();
        self.read(move |c| class_side::check_in_records(c, id, user.as_ref())).await
    }
}

#[async_trait]
impl BoardStore for SqliteStore {
    async fn board(&self, board: ClassId) -> Result<Vec<Vec<u8>>> {
        self.read(move |c| class_side::board(c, board)).await
    }

    async fn append_board(&self, board: ClassId, update: &[u8]) -> Result<bool> {
        let update = update.to_vec();
        self.writer.submit(move |tx| class_side::append_board(tx, board, &update)).await
    }

    async fn replace_board(&self, board: ClassId, snapshot: &[u8]) -> Result<bool> {
        let snapshot = snapshot.to_vec();
        self.writer.submit(move |tx| class_side::replace_board(tx, board, &snapshot)).await
    }
}
