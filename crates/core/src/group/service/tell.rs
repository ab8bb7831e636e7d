//! What the rest of the product tells groups, and what the people in them see of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::manage::mute_event;
use super::timers::Due;
use super::{Closing, Group, Groups};
use crate::director::Input;
use crate::error::Result;
use crate::group::events::{self, SYSTEM};
use crate::group::names::{GroupKey, Place};
use crate::group::{Happening, Outlet};
use crate::id::{ChannelKey, UserId};
use crate::media::To;
use crate::notice::{Notice, NoticeKind};
use crate::time::UnixMs;
use crate::voice::{Freed, Room};

/// Text of an announcement; both official apps read it.
const DISMISSED: &str = r#"{"type":21001}"#;

#[async_trait]
impl Outlet for Groups {
    async fn tell(&self, what: Happening) {
        let told = self.told(what).await;
        self.report(told);
    }
}

impl Groups {
    pub(super) async fn told(&self, what: Happening) -> Result<()> {
        match what {
            Happening::Seats { room, freed } => self.seats_changed(&room, &freed).await,
            Happening::Room(room) => self.room_changed(&room).await,
            Happening::Dismissed(room) => {
                self.dismissed(&room);
                Ok(())
            }
            Happening::Kicked { channel, user, until } => self.kicked(&channel, &user, until).await,
            Happening::Class { applied, change, by } => self.class_changed(&applied, change, by.as_ref()).await,
            Happening::CheckIn(class, check_in) => self.check_in_began(&class, &check_in).await,
            Happening::Docs(class, ids) => self.docs_changed(&class, ids).await,
            Happening::ChatMute { group, all, users } => self.chat_muted(&group, all, &users).await,
            Happening::Likes(key, likes) => {
                if let Some(group) = self.known(&key) {
                    self.liked(&group, likes);
                }
                Ok(())
            }
            Happening::Notice(notice, to) => self.noticed(&notice, &to).await,
            Happening::Left(channel, user) => self.left_media(&channel, &user).await,
            Happening::Ended(channel) => match self.known(&GroupKey::talk(channel.app, channel.name)) {
                Some(group) => {
                    group.heart().closing = Some(Closing { announced: true });
                    self.dissolve(&group).await
                }
                None => Ok(()),
            },
        }
    }

    fn of_room(&self, room: &Room) -> Option<Arc<Group>> {
        let group = self.watched(&GroupKey::room(room.app, room.id), &room.channel())?;
        let open = group.heart().closing.is_none();
        open.then_some(group)
    }

    async fn seats_changed(&self, room: &Room, freed: &[Freed]) -> Result<()> {
        let Some(group) = self.of_room(room) else { return Ok(()) };
        let _order = group.order.lock().await;
        // What was committed meanwhile is told with it: events of a group never go back in time.
        let Some(now) = self.world.store.room(room.app, room.id).await?.filter(|r| r.live()) else { return Ok(()) };
        self.publish_event(&group, "seats", events::seats(&now)).await?;
        for f in freed {
            let data = json!({ "userId": f.holder.as_str(), "seatIndex": f.index.get() }).to_string();
            self.publish_message(&group, 21102, f.holder.as_str(), &data).await?;
        }
        Ok(())
    }

    async fn room_changed(&self, room: &Room) -> Result<()> {
        let Some(group) = self.of_room(room) else { return Ok(()) };
        let fields = json!({
            "title": room.title,
            "notice": room.notice,
            "extends": room.extends,
            "cover": room.cover_url,
        });
        self.tell_event(&group, "room", fields).await
    }

    fn dismissed(&self, room: &Room) {
        let Some(group) = self.of_room(room) else { return };
        group.heart().closing = Some(Closing { announced: false });
        self.plan(self.config.dismiss_announce, Due::Announce(group.key.clone()));
        self.plan(self.config.dismiss_linger, Due::Dissolve(group.key.clone()));
    }

    /// Who owns the room of this group, live or not.
    pub(super) async fn owner_of(&self, group: &Group) -> Result<Option<UserId>> {
        let Place::Room(id) = group.key.place else { return Ok(None) };
        Ok(self.world.store.room(group.key.app, id).await?.map(|r| r.anchor.clone()))
    }

    /// The one announcement of a dismissal, from the owner.
    pub(super) async fn announce(&self, group: &Group) -> Result<()> {
        let Some(owner) = self.owner_of(group).await? else { return Ok(()) };
        let first = match &mut group.heart().closing {
            Some(closing) => !std::mem::replace(&mut closing.announced, true),
            None => false,
        };
        if !first {
            return Ok(());
        }
        {
            let _order = group.order.lock().await;
            self.publish_message(group, 21001, owner.as_str(), DISMISSED).await?;
        }
        self.director.command(self.now(), Input::Announced { channel: group.channel.clone() }).await;
        Ok(())
    }

    /// hub.md 5.8: no member from here on; out after a moment.
    async fn kicked(&self, channel: &ChannelKey, user: &UserId, until: UnixMs) -> Result<()> {
        let key = self.group_of(channel).await?;
        let uid = self.config.names.hub_uid(channel.app, user);
        // Whoever is on the way in is judged by what was true before.
        self.hub.bar(&uid, &self.config.names.room(&key)).await?;
        self.hub.bar(&uid, &self.config.names.chat(&key)).await?;
        let Some(group) = self.known(&key) else { return Ok(()) };
        if matches!(group.key.place, Place::Room(_))
            && group.heart().has(user)
            && let Some(owner) = self.owner_of(&group).await?
        {
            let data = json!({ "type": 21004, "userId": user.as_str() }).to_string();
            self.direct(&group, user, 21004, owner.as_str(), &data).await?;
        }
        self.put_out_later(&group, user, until);
        Ok(())
    }

    /// The user is no member any more, and its subscriptions end in a moment.
    pub(super) fn put_out_later(&self, group: &Arc<Group>, user: &UserId, until: UnixMs) {
        let lingers = group.heart().kick(user);
        let clients = group.heart().lingering(user);
        // Only a member's connection is a live session (voice-room.md 1).
        for client in clients {
            self.session_ended(group, user, &client, Duration::ZERO);
        }
        self.members_changed(group);
        if lingers {
            self.plan(self.config.kick_linger, Due::Linger(group.key.clone(), user.clone(), until.0));
        }
    }

    async fn chat_muted(&self, key: &GroupKey, all: Option<bool>, users: &[(UserId, UnixMs)]) -> Result<()> {
        let Some(group) = self.known(key) else { return Ok(()) };
        Self::change(&group, |s| {
            s.mute_all = all.unwrap_or(s.mute_all);
            for (user, until) in users {
                s.muted.retain(|(u, _)| u != user);
                if until.0 > 0 {
                    s.muted.push((user.clone(), *until));
                }
            }
        });
        let state = self.state(&group).await?;
        self.tell_event(&group, "mute", mute_event(&state, users)).await
    }

    /// An administrator's notice: the number of talk.md 6, and the event for new clients.
    async fn noticed(&self, notice: &Notice, to: &To) -> Result<()> {
        let key = self.group_of(&notice.channel).await?;
        let Some(group) = self.known(&key) else { return Ok(()) };
        let kind = number(&notice.kind);
        if let To::User(user) = to {
            let reachable = group.heart().has(user) || !group.heart().lingering(user).is_empty();
            if reachable {
                self.direct(&group, user, kind, SYSTEM, &notice.body()).await?;
            }
            return Ok(());
        }
        let _order = group.order.lock().await;
        self.publish_message(&group, kind, SYSTEM, &notice.body()).await?;
        let event = match &notice.kind {
            NoticeKind::Identity { to, .. } => Some(("role", json!({ "identity": to.number() }))),
            NoticeKind::MicGrant { granted } => {
                // hub.md 4.3 calls the way of granting `kind` too, which is the event's name already.
                Some(("micGrant", json!({ "granted": granted, "via": "grab", "until": 0 })))
            }
            NoticeKind::Muted { muted, .. } => Some(("mic", json!({ "on": !muted.audio }))),
            NoticeKind::Text { .. } | NoticeKind::Kicked { .. } | NoticeKind::UserKicked { .. } => None,
            NoticeKind::Dismissed => None,
        };
        let Some((name, mut fields)) = event else { return Ok(()) };
        if let Some(map) = fields.as_object_mut() {
            map.insert("userId".to_owned(), notice.user.as_str().into());
            map.insert("by".to_owned(), notice.by.as_str().into());
        }
        self.publish_event(&group, name, fields).await
    }

    /// An adhoc channel's group is for those who are present in it.
    async fn left_media(&self, channel: &ChannelKey, user: &UserId) -> Result<()> {
        let Some(group) = self.known(&GroupKey::talk(channel.app, channel.name.clone())) else { return Ok(()) };
        let uid = self.config.names.hub_uid(channel.app, user);
        let clients = group.heart().clients();
        for (_, client) in clients.into_iter().filter(|(u, _)| u == user) {
            group.heart().leaves(user, &client);
            self.hub.unsubscribe(&uid, &group.chat, Some(&client)).await?;
            self.hub.unsubscribe(&uid, &group.room, Some(&client)).await?;
        }
        Ok(())
    }
}

/// The hub's number of a notice (talk.md 6).
fn number(kind: &NoticeKind) -> i64 {
    match kind {
        NoticeKind::Text { .. } => 61001,
        NoticeKind::Kicked { .. } => 61002,
        NoticeKind::UserKicked { .. } => 61003,
        NoticeKind::Identity { .. } => 61004,
        NoticeKind::MicGrant { .. } => 61005,
        NoticeKind::Muted { .. } => 61006,
        NoticeKind::Dismissed => 61007,
    }
}
