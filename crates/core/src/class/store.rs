//! What lasts of classes.

use std::sync::Arc;

use async_trait::async_trait;

use super::command::{ClassApplied, ClassCommand};
use super::member::ClassMember;
use super::record::{Class, NewClass};
use super::view::{CheckIn, CheckInRecord, ClassView, Doc, Meeting, MemberFilter};
use crate::error::Result;
use crate::id::{AppId, ChannelKey, CheckInId, ClassId, MeetingId, UserId};
use crate::time::UnixMs;

/// Classes and everything that goes with them when they are deleted (classroom.md 8.1). The promises of
/// [`crate::ports::Store`] hold.
#[async_trait]
pub trait ClassStore: Send + Sync {
    /// Writes a class.
    async fn create_class(&self, new: NewClass) -> Result<Arc<Class>>;

    /// The record.
    async fn class(&self, app: AppId, id: ClassId) -> Result<Option<Arc<Class>>>;

    /// What there is under a media channel's name.
    async fn meeting(&self, app: AppId, meeting: MeetingId) -> Result<Meeting>;

    /// The class as one user sees it, as of one snapshot.
    async fn class_view(&self, app: AppId, id: ClassId, user: &UserId) -> Result<Option<ClassView>>;

    /// Classes as one user sees them, newest first (`created`, then id, both descending), from `offset` on: one
    /// snapshot and a fixed number of queries.
    async fn list_classes(&self, app: AppId, user: &UserId, offset: u64, limit: u32) -> Result<Vec<ClassView>>;

    /// Runs [`super::decide_class`] under the class's write lock and makes its result durable. A status that becomes
    /// running erases the channel's record; from running to idle makes one; ended erases it with what was decided about
    /// its users. A deletion erases the class with all that hangs on it, and its meeting id is never used again;
    /// sanctions stay. `None` when there is no such class.
    async fn apply_class(
        &self,
        app: AppId,
        id: ClassId,
        command: ClassCommand,
        now: UnixMs,
    ) -> Result<Option<ClassApplied>>;

    /// A member's row.
    async fn class_member(&self, class: ClassId, user: &UserId) -> Result<Option<ClassMember>>;

    /// Members by identity (descending), status, `joined` (descending), user (bytes): how many, and those from `offset`
    /// on. One snapshot.
    async fn class_members(
        &self,
        class: ClassId,
        filter: MemberFilter,
        offset: u64,
        limit: u32,
    ) -> Result<(u64, Vec<ClassMember>)>;

    /// Members in class that had a live connection, for the timers after a restart.
    async fn connected_members(&self) -> Result<Vec<(ChannelKey, UserId)>>;

    /// Whether the user owns a class that is not ended, or holds the slot of one, in class.
    async fn manages_class(&self, app: AppId, user: &UserId) -> Result<bool>;

    /// Adds the documents whose ids the class does not have, in one transaction; of equal ids the first counts. Answers
    /// those added. `None` = no such class.
    async fn add_docs(&self, class: ClassId, docs: Vec<Doc>) -> Result<Option<Vec<Doc>>>;

    /// Removes documents. Answers the ids that were there, in the order asked.
    async fn delete_docs(&self, class: ClassId, ids: Vec<String>) -> Result<Vec<String>>;

    /// A class's documents by `created`, then id (bytes).
    async fn docs(&self, class: ClassId) -> Result<Vec<Doc>>;

    /// Begins a check-in unless another one runs at any moment of it, under the class's write lock: of callers that read
    /// the clock at different moments one begins too. False = another runs. `None` = no such class.
    async fn start_check_in(&self, check_in: CheckIn) -> Result<Option<bool>>;

    /// A check-in of the app.
    async fn check_in(&self, app: AppId, id: CheckInId) -> Result<Option<CheckIn>>;

    /// A class's check-ins by start, then id.
    async fn check_ins(&self, class: ClassId) -> Result<Vec<CheckIn>>;

    /// Records that a user answered. False = had answered.
    async fn record_check_in(&self, id: CheckInId, user: &UserId, at: UnixMs) -> Result<bool>;

    /// Who answered, by time, then user (bytes); of one user only when named.
    async fn check_in_records(&self, id: CheckInId, user: Option<&UserId>) -> Result<Vec<CheckInRecord>>;
}
