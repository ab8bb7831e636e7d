//! What is shared and said in class: meeting info, mutes of the chat, likes (classroom.md 4.13, 4.14, 4.25, 4.26).

use std::time::Duration;

use super::{Classes, acting, forbidden};
use crate::caller::Caller;
use crate::class::command::ClassCommand;
use crate::class::meeting::{MeetingInfo, MeetingPatch};
use crate::class::member::Role;
use crate::class::permit::AssistantRight;
use crate::class::view::ClassView;
use crate::error::Result;
use crate::group::{GroupKey, Happening};
use crate::id::{ClassId, UserId};
use crate::time::UnixMs;

impl Classes {
    /// `getMeetingInfo`.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn meeting_info(&self, caller: &Caller, id: Option<ClassId>) -> Result<MeetingInfo> {
        Ok(self.allowed(caller, id, Role::inside).await?.class.info.clone())
    }

    /// `updateMeetingInfo`: answers the object of exactly this merge.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn update_meeting(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        patch: MeetingPatch,
    ) -> Result<MeetingInfo> {
        let stage_max = self.config.stage_max;
        let (class, _) = self.command(id, ClassCommand::Meeting { caller: caller.clone(), patch, stage_max }).await?;
        Ok(class.info.clone())
    }

    /// `muteUser` and `cancelMuteUser`; `None` lifts. A user with a running ban is left alone, also by those who may
    /// only kick: the official client mutes right after each kick.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden` (the caller's role, or the teacher as target), `Vendor`, store faults.
    pub async fn mute_user(
        &self,
        caller: &Caller,
        id: Option<ClassId>,
        user: &UserId,
        how_long: Option<Duration>,
    ) -> Result<()> {
        let (view, role) = self.enter(caller, id).await?;
        let now = self.now();
        if role.holds(AssistantRight::MuteUser) || role.holds(AssistantRight::Members) {
            let sanction = self.world.store.sanction(&view.class.channel(), user).await?;
            if sanction.is_some_and(|s| s.bans(now)) {
                return Ok(());
            }
        }
        if !role.holds(AssistantRight::MuteUser) || *user == view.class.teacher {
            return Err(forbidden());
        }
        if let Some(cloud) = &self.cloud {
            cloud.mute_user(&view.class, user, how_long.map(|d| d.as_secs().div_ceil(60))).await?;
        }
        let until = how_long.map_or(UnixMs(0), |d| now.plus(d));
        let group = GroupKey::class(view.class.app, view.class.id);
        self.world.store.mute_in_group(&group, std::slice::from_ref(user), until).await?;
        self.world.tell(Happening::ChatMute { group, all: None, users: vec![(user.clone(), until)] }).await;
        Ok(())
    }

    /// `muteChatroom` and `cancelMuteChatroom`.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn mute_all(&self, caller: &Caller, id: Option<ClassId>, on: bool) -> Result<()> {
        let (view, _) = self.holds(caller, None, id, AssistantRight::MuteGroup).await?;
        if let Some(cloud) = &self.cloud {
            cloud.mute_all(&view.class, on).await?;
        }
        let group = GroupKey::class(view.class.app, view.class.id);
        if self.world.store.mute_group(&group, on).await? {
            self.world.tell(Happening::ChatMute { group, all: Some(on), users: Vec::new() }).await;
        }
        Ok(())
    }

    /// `isMuteChatroom`: where the chat is, there it is asked.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, `Vendor`, store faults.
    pub async fn all_muted(&self, caller: &Caller, id: Option<ClassId>) -> Result<bool> {
        let view = self.inside(caller, id).await?;
        let outside = match &self.cloud {
            Some(cloud) => cloud.all_muted(&view.class).await?,
            None => None,
        };
        Ok(outside.unwrap_or(view.group.mute_all))
    }

    /// The class as a member sees it: `getStatistics`.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`, store faults.
    pub async fn inside(&self, caller: &Caller, id: Option<ClassId>) -> Result<ClassView> {
        self.allowed(caller, id, Role::inside).await
    }

    /// `sendLikeMessage`.
    ///
    /// # Errors
    /// `NotYou`, `NotFound`, `Forbidden`, store faults.
    pub async fn like(&self, caller: &Caller, id: Option<ClassId>, user: &UserId) -> Result<()> {
        caller.act_as(user, "user_id")?;
        let view = self.allowed(&acting(caller, user), id, Role::inside).await?;
        let group = GroupKey::class(view.class.app, view.class.id);
        let likes = self.world.store.like_group(&group, 1).await?;
        self.world.tell(Happening::Likes(group, likes)).await;
        Ok(())
    }
}
