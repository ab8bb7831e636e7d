//! Courseware and roll calls (classroom.md 4.16 to 4.20, 4.24).

use std::sync::Arc;

use super::{Classes, acting, forbidden, not_found};
use crate::caller::Caller;
use crate::class::Class;
use crate::class::member::Role;
use crate::class::permit::AssistantRight;
use crate::class::view::{CheckIn, CheckInRecord, Doc};
use crate::error::{Error, Kind, Result};
use crate::group::Happening;
use crate::id::{CheckInId, ClassId, UserId};

/// Seconds after the end of a check-in in which an answer that was under way still counts (classroom.md 5.9).
const ANSWER_SLACK_SECS: u32 = 2;

/// What came of an answer to a roll call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollcall {
    /// Recorded.
    Done,
    /// No such check-in.
    Unknown,
    /// Answered before.
    Repeated,
    /// Too late.
    Over,
    /// No member in class.
    NotInClass,
}

impl Classes {
    /// `addDoc`, `addDocs`: answers the class's id and the documents added.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn add_docs(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        docs: impl IntoIterator<Item = (String, Option<String>, String)>,
    ) -> Result<(ClassId, Vec<Doc>)> {
        let (view, _) = self.holds(caller, None, id, AssistantRight::Courseware).await?;
        let created = self.now();
        let docs = docs.into_iter().map(|(id, server, data)| Doc { id, server, data, created, file: None }).collect();
        let id = view.class.id;
        let added = self.world.store.add_docs(id, docs).await?.ok_or_else(not_found)?;
        self.tell_docs(&view.class, added.iter().map(|d| d.id.clone()).collect()).await;
        Ok((id, added))
    }

    /// `deleteDoc`, `deleteDocs`: answers the class's id and the documents that were there.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn delete_docs(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        docs: Vec<String>,
    ) -> Result<(ClassId, Vec<String>)> {
        let (view, _) = self.holds(caller, None, id, AssistantRight::Courseware).await?;
        let gone = self.world.store.delete_docs(view.class.id, docs).await?;
        self.tell_docs(&view.class, gone.clone()).await;
        Ok((view.class.id, gone))
    }

    pub(super) async fn tell_docs(&self, class: &Arc<Class>, ids: Vec<String>) {
        if !ids.is_empty() {
            self.world.tell(Happening::Docs(Arc::clone(class), ids)).await;
        }
    }

    /// `queryDoc`.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn docs(&self, caller: &Caller, id: Option<ClassId>) -> Result<(ClassId, Vec<Doc>)> {
        let view = self.allowed(caller, id, Role::inside).await?;
        Ok((view.class.id, self.world.store.docs(view.class.id).await?))
    }

    /// `setCheckIn`; `None` = one runs already.
    ///
    /// # Errors
    /// `NotYou`, `NotFound`, `Forbidden`, store faults.
    pub async fn start_check_in(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        user: &UserId,
        secs: u32,
    ) -> Result<Option<CheckIn>> {
        caller.act_as(user, "user_id")?;
        let (view, me) = self.holds(caller, Some(user), id, AssistantRight::CheckIn).await?;
        let id = CheckInId::random(self.random());
        let check_in = CheckIn { id, class: view.class.id, by: me.user, start: self.now(), secs };
        let begun = self.world.store.start_check_in(check_in.clone()).await?.ok_or_else(not_found)?;
        if begun {
            self.world.tell(Happening::CheckIn(view.class, check_in.clone())).await;
        }
        Ok(begun.then_some(check_in))
    }

    /// `getRunningCheckIn`.
    ///
    /// # Errors
    /// `NotFound` (the class, or none runs), `Forbidden`, store faults.
    pub async fn running_check_in(&self, caller: &Caller, id: Option<ClassId>) -> Result<CheckIn> {
        let view = self.allowed(caller, id, Role::inside).await?;
        let now = self.now();
        let all = self.world.store.check_ins(view.class.id).await?;
        all.into_iter().rev().find(|c| c.running(now)).ok_or_else(|| Error::new(Kind::NotFound, "no check-in runs"))
    }

    /// `getAllCheckIns`.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn check_ins(&self, caller: &Caller, id: Option<ClassId>) -> Result<Vec<CheckIn>> {
        let (view, _) = self.holds(caller, None, id, AssistantRight::CheckIn).await?;
        self.world.store.check_ins(view.class.id).await
    }

    /// `checkIn`.
    ///
    /// # Errors
    /// `NotYou`, store faults.
    pub async fn answer_check_in(&self, caller: &Caller, id: Option<CheckInId>, user: &UserId) -> Result<Rollcall> {
        caller.act_as(user, "user_id")?;
        let Some(check_in) = self.find_check_in(id).await? else { return Ok(Rollcall::Unknown) };
        let (_, role) = match self.enter(&acting(caller, user), Some(check_in.class)).await {
            Ok(found) => found,
            // Deleted in between.
            Err(e) if *e.kind() == Kind::NotFound => return Ok(Rollcall::Unknown),
            Err(e) => return Err(e),
        };
        if !role.inside() {
            return Ok(Rollcall::NotInClass);
        }
        let store = &self.world.store;
        let now = self.now();
        let late = CheckIn { secs: check_in.secs.saturating_add(ANSWER_SLACK_SECS), ..check_in.clone() };
        if !late.running(now) {
            let had = !store.check_in_records(check_in.id, Some(user)).await?.is_empty();
            return Ok(if had { Rollcall::Repeated } else { Rollcall::Over });
        }
        let new = store.record_check_in(check_in.id, user, now).await?;
        Ok(if new { Rollcall::Done } else { Rollcall::Repeated })
    }

    /// `getCheckInRecords`.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn check_in_records(
        &self,
        caller: &Caller,
        id: Option<CheckInId>,
    ) -> Result<(CheckIn, Vec<CheckInRecord>)> {
        let check_in = self.find_check_in(id).await?.ok_or_else(not_found)?;
        self.holds(caller, None, Some(check_in.class), AssistantRight::CheckIn).await?;
        let records = self.world.store.check_in_records(check_in.id, None).await?;
        Ok((check_in, records))
    }

    /// `getCheckInRecordByUserId`.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn check_in_record(
        &self,
        caller: &Caller,
        id: Option<CheckInId>,
        user: &UserId,
    ) -> Result<(CheckIn, CheckInRecord)> {
        let check_in = self.find_check_in(id).await?.ok_or_else(not_found)?;
        let (_, role) = self.enter(caller, Some(check_in.class)).await?;
        if !(role.holds(AssistantRight::CheckIn) || (role.inside() && caller.user == *user)) {
            return Err(forbidden());
        }
        let records = self.world.store.check_in_records(check_in.id, Some(user)).await?;
        let record = records.into_iter().next().ok_or_else(not_found)?;
        Ok((check_in, record))
    }

    async fn find_check_in(&self, id: Option<CheckInId>) -> Result<Option<CheckIn>> {
        match id {
            Some(id) => self.world.store.check_in(self.config.app, id).await,
            None => Ok(None),
        }
    }
}
