//! Who is in a class: joins, leaves, kicks, lists, permits.

use std::time::Duration;

use super::{Classes, acting, forbidden, not_found};
use crate::caller::Caller;
use crate::class::command::{ClassCommand, ClassOutcome, ClassRefusal};
use crate::class::member::{ClassIdentity, ClassMember, Role};
use crate::class::permit::{AssistantRight, Permit};
use crate::class::view::MemberFilter;
use crate::director::Input;
use crate::error::{Error, Result};
use crate::id::{ClassId, UserId};
use crate::kick::Kick;
use crate::sanction::Source;

/// A join, as it is asked for.
#[derive(Debug, Clone)]
pub struct JoinWish {
    /// Who.
    pub user: UserId,
    /// Shown name.
    pub name: String,
    /// Shown picture.
    pub avatar: Option<String>,
    /// Student or assistant, when the request says so.
    pub identity: Option<ClassIdentity>,
}

/// What came of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// In class.
    Done,
    /// No such class.
    NoClass,
    /// Not in class.
    Refused(ClassRefusal),
}

/// What came of a leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Out, or about to be.
    Done,
    /// No such class.
    NoClass,
    /// Was not in class.
    NotInClass,
}

impl Classes {
    /// `joinClass` (classroom.md 4.6).
    ///
    /// # Errors
    /// `NotYou`, store faults.
    pub async fn join(&self, caller: &Caller, id: Option<ClassId>, wish: JoinWish) -> Result<Joined> {
        caller.act_as(&wish.user, "user_id")?;
        let Some(id) = id else { return Ok(Joined::NoClass) };
        let user = wish.user.clone();
        let command = ClassCommand::Join {
            user: wish.user,
            name: wish.name,
            avatar: wish.avatar,
            wish: wish.identity.filter(|i| *i != ClassIdentity::Teacher),
        };
        let Some(applied) = self.director.class_command(self.config.app, id, command).await? else {
            return Ok(Joined::NoClass);
        };
        if let ClassOutcome::Refused(why) = applied.outcome {
            return Ok(Joined::Refused(why));
        }
        let channel = applied.class.channel();
        let now = self.world.clock.now();
        self.director.command(now, Input::Joined { channel: channel.clone(), user: user.clone() }).await;
        // Connected before it joined: its absence counts all the same.
        if self.world.is_here(&channel, &user) {
            self.director.attend(&channel, &user).await?;
        }
        Ok(Joined::Done)
    }

    /// `leaveClass` (classroom.md 4.7 and 5.2).
    ///
    /// # Errors
    /// `NotYou`, store faults.
    pub async fn leave(&self, caller: &Caller, id: Option<ClassId>, user: &UserId) -> Result<Leaving> {
        caller.act_as(user, "user_id")?;
        let Some(id) = id else { return Ok(Leaving::NoClass) };
        let Some(class) = self.world.store.class(self.config.app, id).await? else { return Ok(Leaving::NoClass) };
        let channel = class.channel();
        let online = self.world.is_here(&channel, user);
        let command = ClassCommand::Leave { user: user.clone(), online, grace: self.config.leave_grace };
        let Some(applied) = self.director.class_command(self.config.app, id, command).await? else {
            return Ok(Leaving::NoClass);
        };
        match applied.outcome {
            ClassOutcome::Refused(_) => return Ok(Leaving::NotInClass),
            ClassOutcome::Pending(asked) => {
                let now = self.world.clock.now();
                let age = Duration::from_millis(u64::try_from(now.wall.0.saturating_sub(asked.0)).unwrap_or(0));
                self.director.command(now, Input::LeaveAsked { channel, user: user.clone(), online, age }).await;
            }
            _ => {}
        }
        Ok(Leaving::Done)
    }

    /// `listMembers` (classroom.md 4.9): how many, and a page of them.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn members(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        filter: MemberFilter,
        offset: u64,
        limit: u32,
    ) -> Result<(u64, Vec<ClassMember>)> {
        let view = self.allowed(caller, id, Role::inside).await?;
        self.world.store.class_members(view.class.id, filter, offset, limit).await
    }

    /// `kickClass` (classroom.md 4.10); `ban` `None` = the operator's.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden` (the caller's role, or a protected target), store and engine faults.
    pub async fn kick(&self, caller: &Caller, id: Option<ClassId>, user: &UserId, ban: Option<Duration>) -> Result<()> {
        let id = id.ok_or_else(not_found)?;
        let class = self.world.store.class(self.config.app, id).await?.ok_or_else(not_found)?;
        let channel = class.channel();
        let kick = Kick {
            channel: &channel,
            user,
            source: Source::Class,
            by: caller.user.as_str(),
            ban: ban.unwrap_or(self.config.kick_ban),
            caller: Some(caller),
        };
        kick.carry_out(&self.world, &self.director).await
    }

    /// `cancelKick` (classroom.md 4.10).
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn cancel_kick(&self, caller: &Caller, id: Option<ClassId>, user: &UserId) -> Result<()> {
        self.command(id, ClassCommand::Lift { caller: caller.clone(), user: user.clone() }).await.map(drop)
    }

    /// `setAssistantPermit` (classroom.md 4.21). Answers the permit in force.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn set_permit(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        text: String,
        only: Option<UserId>,
    ) -> Result<Permit> {
        self.arrivals_taken_in().await?;
        let command = ClassCommand::SetPermit { caller: caller.clone(), text, only };
        let (class, _) = self.command(id, command).await?;
        class.permit.clone().ok_or_else(|| Error::internal_error("a permit was set and is not there"))
    }

    /// `deleteAssistantPermit` (classroom.md 4.22).
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn drop_permit(&self, caller: &Caller, id: Option<ClassId>) -> Result<()> {
        self.arrivals_taken_in().await?;
        self.command(id, ClassCommand::DropPermit { caller: caller.clone() }).await.map(drop)
    }

    /// An assistant who loses the slot has left. Were the connection of before taken in after that, it would look like
    /// a return.
    async fn arrivals_taken_in(&self) -> Result<()> {
        self.world.facts().settled().await
    }

    /// `getAssistantPermit` (classroom.md 4.23). A class that does not exist has none: the sign-in page of the official
    /// client asks while an id is being typed, and a refusal leaves it locked.
    ///
    /// # Errors
    /// Store faults.
    pub async fn permit(&self, id: Option<ClassId>) -> Result<Option<Permit>> {
        let Some(id) = id else { return Ok(None) };
        let class = self.world.store.class(self.config.app, id).await?;
        Ok(class.and_then(|c| c.permit.clone()))
    }

    /// Whether the caller may act with this right, in whose name.
    pub(super) async fn holds(
        &self,
        caller: &Caller,
        user: Option<&UserId>,
        id: Option<ClassId>,
        right: AssistantRight,
    ) -> Result<(crate::class::ClassView, Caller)> {
        let me = user.map_or_else(|| caller.clone(), |u| acting(caller, u));
        let (view, role) = self.enter(&me, id).await?;
        if role.holds(right) { Ok((view, me)) } else { Err(forbidden()) }
    }
}
