//! What people in a class see of changes (classroom.md 7.5, 7.6).

use std::sync::Arc;

use serde_json::{Value, json};

use super::manage::announcement;
use super::timers::Due;
use super::{Closing, Group, Groups};
use crate::class::{AssistantRight, CheckIn, Class, ClassApplied, ClassOutcome, ClassStatus, MemberNews, News};
use crate::error::Result;
use crate::group::ClassChange;
use crate::group::events::{self, SYSTEM};
use crate::group::heart::Placed;
use crate::group::names::GroupKey;
use crate::group::store::GroupPatch;
use crate::id::UserId;
use crate::time::UnixMs;

impl Groups {
    fn of_class(&self, class: &Class) -> Option<Arc<Group>> {
        let group = self.watched(&GroupKey::class(class.app, class.id), &class.channel())?;
        let open = group.heart().closing.is_none();
        open.then_some(group)
    }

    pub(super) async fn class_changed(
        &self,
        applied: &ClassApplied,
        change: ClassChange,
        by: Option<&UserId>,
    ) -> Result<()> {
        let class = &applied.class;
        let Some(group) = self.of_class(class) else { return Ok(()) };
        for news in &applied.news {
            let told = self.member_news(&group, news).await?;
            // Who loses the slot is told so; who left in the usual way never hears of it (classroom.md 5.2).
            if news.what == MemberNews::Left && !matches!(applied.outcome, ClassOutcome::Unseated(_)) {
                group.heart().departed(&news.member.user, told);
            }
        }
        if let ClassOutcome::Unseated(user) = &applied.outcome {
            self.put_out_later(&group, user, UnixMs(0));
        }
        match change {
            ClassChange::People => Ok(()),
            ClassChange::Status(_) if applied.outcome == ClassOutcome::Unchanged => Ok(()),
            ClassChange::Status(to) => self.status_changed(&group, class, to, by).await,
            ClassChange::Fields => self.notice_changed(&group, class, by).await,
            ClassChange::Meeting { members, all_mute, interaction } => {
                let info = class.info.to_value();
                let mut fields = serde_json::Map::new();
                for (sent, key) in [(members, "members"), (all_mute, "all_mute"), (interaction, "interaction_allowed")]
                {
                    if let Some(value) = info.get(key).filter(|_| sent) {
                        fields.insert(key.to_owned(), value.clone());
                    }
                }
                self.tell_event(&group, "meeting", Value::Object(fields)).await
            }
            ClassChange::Permit => {
                let rights = class.permit.as_ref().map(crate::class::Permit::rights).unwrap_or_default();
                let names = AssistantRight::NAMES.iter().filter(|(r, _)| rights.contains(r)).map(|(_, n)| *n);
                self.tell_event(&group, "permit", json!({ "permissions": names.collect::<Vec<_>>() })).await
            }
            ClassChange::Deleted => {
                group.heart().closing = Some(Closing { announced: true });
                self.plan(self.config.kick_linger, Due::Dissolve(group.key.clone()));
                Ok(())
            }
        }
    }

    /// 11001 to 11003.
    async fn member_news(&self, group: &Group, news: &News) -> Result<Placed> {
        let sid = self.ulid(self.now().wall);
        let joined = (self.config.class_time)(news.member.joined);
        let data = events::class_member(&news.member, &joined, &sid);
        let _order = group.order.lock().await;
        self.publish_message(group, news.what.number().into(), SYSTEM, &data).await
    }

    /// The number is the caller's to send when it is connected: the official client does.
    async fn status_changed(&self, group: &Group, class: &Class, to: ClassStatus, by: Option<&UserId>) -> Result<()> {
        let (word, number) = match to {
            ClassStatus::Running => ("start", Some(10003)),
            ClassStatus::Idle => ("pause", None),
            ClassStatus::Ended => ("stop", Some(10004)),
        };
        let _order = group.order.lock().await;
        self.publish_event(group, "class", json!({ "status": word })).await?;
        let says_so = by.is_some_and(|by| self.world.crowd.has(&class.channel(), by));
        match number.filter(|_| !says_so) {
            Some(number) => self.publish_message(group, number, SYSTEM, "{}").await.map(drop),
            None => Ok(()),
        }
    }

    async fn notice_changed(&self, group: &Group, class: &Class, by: Option<&UserId>) -> Result<()> {
        let _order = group.order.lock().await;
        if self.follow_notice(group, class, by).await? { self.publish_info(group).await } else { Ok(()) }
    }

    /// Whoever comes sees the notice of the record: it may have been set while nobody used the group.
    pub(super) async fn show_notice(&self, group: &Group, class: &Class) -> Result<()> {
        let state = self.state(group).await?;
        if announcement(&state.meta).unwrap_or_default() == class.notice {
            return Ok(());
        }
        let _order = group.order.lock().await;
        self.follow_notice(group, class, None).await.map(drop)
    }

    /// The announcement has two doors; both show the same (classroom.md 5.8). False = they did already. The caller holds
    /// the group's order, so that the newest record is followed last.
    async fn follow_notice(&self, group: &Group, class: &Class, by: Option<&UserId>) -> Result<bool> {
        let Some(class) = self.world.store.class(class.app, class.id).await? else { return Ok(false) };
        let state = self.state(group).await?;
        if announcement(&state.meta).unwrap_or_default() == class.notice {
            return Ok(false);
        }
        let mut meta: serde_json::Map<String, Value> = serde_json::from_str(&state.meta).unwrap_or_default();
        let announcement = json!({
            "content": class.notice,
            "modifyTime": class.updated.0,
            "modifyUserId": by.unwrap_or(&class.teacher).as_str(),
        });
        meta.insert("announcement".to_owned(), announcement);
        let patch = GroupPatch { meta: Some(Value::Object(meta).to_string()), admins: None };
        self.patch(group, patch).await?;
        Ok(true)
    }

    pub(super) async fn check_in_began(&self, class: &Class, check_in: &CheckIn) -> Result<()> {
        let Some(group) = self.of_class(class) else { return Ok(()) };
        let _order = group.order.lock().await;
        let fields = json!({
            "id": check_in.id.to_string(),
            "start": check_in.start.0,
            "duration": check_in.secs,
        });
        self.publish_event(&group, "checkIn", fields).await?;
        if self.world.crowd.has(&class.channel(), &check_in.by) {
            return Ok(());
        }
        self.publish_message(&group, 11004, SYSTEM, "{}").await.map(drop)
    }

    /// A member who comes back by recovery is not told of its own departure: the official client's assistant would take
    /// it for the loss of the slot.
    pub(super) async fn hide_departures(&self, group: &Group, user: &UserId) -> Result<()> {
        let told = group.heart().take_departures(user);
        for Placed { id, offset } in told {
            self.hub.history_replace(&group.room, offset, &events::gone(&id)).await?;
        }
        Ok(())
    }

    pub(super) async fn docs_changed(&self, class: &Class, ids: Vec<String>) -> Result<()> {
        match self.of_class(class) {
            Some(group) => self.tell_event(&group, "docs", json!({ "ids": ids })).await,
            None => Ok(()),
        }
    }
}
