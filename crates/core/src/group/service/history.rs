//! Stored messages and likes (hub.md 4.5, 4.6).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::entry::Record;
use super::rpc::{Args, Client};
use super::{Answer, Group, Groups};
use crate::class::AssistantRight;
use crate::error::Result;
use crate::group::events;
use crate::group::heart::{Counted, Placed, Sent};
use crate::group::store::{Doomed, MessagePage, StoredMessage};
use crate::group::{Happening, Refusal};
use crate::hub::PublishOptions;
use crate::id::UserId;
use crate::time::UnixMs;

/// How long authors may take back what they wrote (hub.md 5.7).
const TAKE_BACK: Duration = Duration::from_secs(120);
/// Publications looked through for removed messages: at least as many as any channel keeps (hub.md 4.1). What is older
/// is not recovered any more.
const KEPT: u32 = 300;

/// Whether this is the user's own message, and a new one.
fn may_take_back(message: &StoredMessage, user: &UserId, now: UnixMs) -> bool {
    message.sender == *user && now < message.at.plus(TAKE_BACK)
}

impl Groups {
    /// `group.recent`: the newest, oldest first.
    pub(super) async fn recent(&self, who: &Client, args: &Args) -> Answer {
        let (list, _) = self.page(who, args, MessagePage::Newest).await?;
        Ok(json!({ "messageList": list }))
    }

    /// `group.list`.
    pub(super) async fn list(&self, who: &Client, args: &Args) -> Answer {
        let number = |key| -> Result<Option<u64>, Refusal> {
            args.int(key)?.map(|n| u64::try_from(n).map_err(|_| Refusal::BAD)).transpose()
        };
        let page = match (number("before")?, number("after")?) {
            (Some(_), Some(_)) => return Err(Refusal::BAD.into()),
            (Some(n), None) => MessagePage::Before(n),
            (None, Some(n)) => MessagePage::After(n),
            (None, None) => MessagePage::Newest,
        };
        let (list, more) = self.page(who, args, page).await?;
        Ok(json!({ "messageList": list, "more": more }))
    }

    async fn page(&self, who: &Client, args: &Args, page: MessagePage) -> Answer<(Vec<Value>, bool)> {
        let limit = args.limit()?;
        let types = args.list("types")?.map_or(&[][..], Vec::as_slice);
        let kinds = types.iter().map(|t| t.as_i64().ok_or(Refusal::BAD)).collect::<Result<Vec<_>, _>>()?;
        let (group, _) = self.member(who.app, args.required("groupId")?, &who.user).await?;
        let now = self.now();
        group.heart().count(&who.user, Counted::Read, &self.config.rates, now)?;
        let (messages, more) = self.world.store.messages(&group.key, &kinds, page, limit).await?;
        Ok((messages.iter().map(|m| events::stored(&group.key, m)).collect(), more))
    }

    /// `group.delete`.
    pub(super) async fn delete(&self, who: &Client, args: &Args) -> Answer {
        let id = args.required("messageId")?;
        let (group, standing) = self.member(who.app, args.required("groupId")?, &who.user).await?;
        let Some(message) = self.world.store.message(&group.key, id).await? else {
            return Err(Refusal::NO_MESSAGE.into());
        };
        let own = may_take_back(&message, &who.user, self.now().wall);
        let manages = match &standing.record {
            Record::Talk(_) => false,
            Record::Room(_) | Record::Class(_) => standing.holds(AssistantRight::RemoveMessages),
        };
        if !(own || manages) {
            return Err(Refusal::NOT_ALLOWED.into());
        }
        match self.remove(&group, Doomed::Id(id.to_owned()), &who.user).await? {
            true => Ok(json!({})),
            false => Err(Refusal::NO_MESSAGE.into()),
        }
    }

    /// Deletes messages in the recovery window, then in the store, then tells everybody. False = there were none.
    pub(super) async fn remove(&self, group: &Group, which: Doomed, by: &UserId) -> Result<bool> {
        let _order = group.order.lock().await;
        // The window first: a hub that stops refuses, and what it takes over the restart must not outlive the store's.
        self.hide(group, &which).await?;
        let ids = self.world.store.delete_messages(&group.key, which).await?;
        if ids.is_empty() {
            return Ok(false);
        }
        let version = group.heart().step();
        let fields = json!({ "messageIds": ids, "by": by.as_str() });
        let payload = events::event("deleted", &group.id, version, self.now().wall, fields);
        self.hub.publish(&group.chat, &payload, PublishOptions::default()).await?;
        Ok(true)
    }

    /// Whoever recovers sees that there was something, and not what. The window itself is asked where it stands: it
    /// outlives restarts and whatever is remembered of the group.
    async fn hide(&self, group: &Group, which: &Doomed) -> Result<()> {
        let (kept, _) = self.hub.history(&group.chat, None, KEPT).await?;
        for Placed { id, offset } in events::placed(&kept, which) {
            self.hub.history_replace(&group.chat, offset, &events::gone(&id)).await?;
        }
        Ok(())
    }

    /// `group.like`.
    pub(super) async fn like(&self, who: &Client, args: &Args) -> Answer {
        /// Likes of one call (hub.md 4.6).
        const MAX: i64 = 50;
        let n = args.int("n")?.filter(|n| (1..=MAX).contains(n)).ok_or(Refusal::BAD)?;
        let mark = args.rid('l')?;
        let (group, _) = self.member(who.app, args.required("groupId")?, &who.user).await?;
        let n = u32::try_from(n).map_err(|_| Refusal::BAD)?;
        let nothing = Sent { id: String::new(), seqnum: 0, at: self.now().wall.0 };
        if self.claim(&group, who, Counted::Like, mark.as_deref(), &nothing)?.is_some() {
            return Ok(json!({}));
        }
        let liked = self.world.store.like_group(&group.key, n).await;
        if let (Err(_), Some(mark)) = (&liked, &mark) {
            group.heart().forget(&who.user, mark);
        }
        let likes = liked?;
        self.told(Happening::Likes(group.key.clone(), likes)).await?;
        Ok(json!({}))
    }

    /// Likes are shown from now on.
    pub(super) fn liked(&self, group: &Arc<Group>, likes: u64) {
        Self::change(group, |s| s.likes = s.likes.max(likes));
        self.stats_changed(group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r10_authors_take_back_what_is_not_two_minutes_old() {
        let user = |s: &str| UserId::new(s).unwrap();
        let message = StoredMessage {
            seqnum: 1,
            id: "m".into(),
            kind: 10001,
            sender: user("a"),
            extension: String::new(),
            data: "{}".into(),
            sid: String::new(),
            at: UnixMs(1_000),
            level: 0,
        };
        assert!(may_take_back(&message, &user("a"), UnixMs(120_999)));
        assert!(!may_take_back(&message, &user("a"), UnixMs(121_000)));
        assert!(!may_take_back(&message, &user("b"), UnixMs(1_000)));
    }
}
