//! Joining, leaving, looking, and the functions of those who manage a group (hub.md 4.6, 5.7).

use std::time::Duration;

use serde_json::{Value, json};

use super::entry::{Record, Standing};
use super::rpc::{Args, Client};
use super::{Answer, Group, Groups};
use crate::class::{AssistantRight, ClassCommand, ClassPatch, NOTICE_BYTES, Role};
use crate::error::Result;
use crate::group::events;
use crate::group::heart::Counted;
use crate::group::names::NamedGroup;
use crate::group::store::{GroupPatch, GroupState};
use crate::group::{Happening, Refusal};
use crate::hub::Position;
use crate::id::UserId;
use crate::kick::Kick;
use crate::sanction::Source;
use crate::time::UnixMs;

/// Largest extension of a member, bytes (hub.md 5.6): it goes with each of its messages.
const MAX_EXTENSION: usize = 2 << 10;
/// Largest description of a group, bytes.
const MAX_META: usize = 16 << 10;
/// Names in the list of admins.
const MAX_ADMINS: usize = 10;
/// Users of one mute.
const MAX_MUTED: usize = 50;
/// Above it nobody lists members (hub.md 4.6).
const MAX_LISTED_GROUP: usize = 5_000;
/// Longest mute or ban that a call may ask for, seconds: a hundred years.
const MAX_SECS: i64 = 100 * 365 * 86_400;

/// Whether a text given at join is one that official clients can read: none, or an object of texts.
fn is_extension(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let object = serde_json::from_str::<serde_json::Map<String, Value>>(text);
    text.len() <= MAX_EXTENSION && object.is_ok_and(|map| map.values().all(Value::is_string))
}

/// `until` as clients read it: 0 = no end.
fn shown(until: UnixMs) -> i64 {
    if until == UnixMs::MAX { 0 } else { until.0 }
}

/// `mute`.
pub(super) fn mute_event(state: &GroupState, users: &[(UserId, UnixMs)]) -> Value {
    let (muted, unmuted): (Vec<_>, Vec<_>) = users.iter().partition(|(_, until)| until.0 > 0);
    json!({
        "muteAll": state.mute_all,
        "muted": muted.iter().map(|(u, until)| json!({ "userId": u.as_str(), "until": shown(*until) })).collect::<Vec<_>>(),
        "unmuted": unmuted.iter().map(|(u, _)| u.as_str()).collect::<Vec<_>>(),
    })
}

impl Groups {
    /// Whether this user may not comment.
    pub(super) fn muted(&self, standing: &Standing, state: &GroupState) -> bool {
        let user = &standing.caller.user;
        let now = self.now().wall;
        let alone = state.muted.iter().any(|(u, until)| u == user && now < *until);
        let spared = standing.rules() || matches!(standing.role, Some(Role::Assistant(_)));
        // A teacher or owner is never muted at all; admins and assistants only alone.
        let own = standing.creator() == Some(user);
        !own && (alone || state.mute_all && !spared)
    }

    /// As [`Groups::muted`] in this group, whose state is not copied for it.
    pub(super) async fn is_muted(&self, group: &Group, standing: &Standing) -> Result<bool> {
        let known = group.heart().state.is_some();
        if !known {
            self.state(group).await?;
        }
        Ok(group.heart().state.as_ref().is_some_and(|s| self.muted(standing, s)))
    }

    /// `group.join`.
    pub(super) async fn join(&self, who: &Client, args: &Args) -> Answer {
        let named = NamedGroup::parse(args.required("groupId")?).ok_or(Refusal::NO_GROUP)?;
        let extension = args.text("userExtension")?.unwrap_or_default();
        if !is_extension(extension) {
            return Err(Refusal::BAD.into());
        }
        let Some((key, channel, record)) = self.find(who.app, &named, &who.user).await? else {
            return Err(self.over(who.app, &named).into());
        };
        if self.ending(who.app, &named).is_some() {
            return Err(Refusal::CLOSING.into());
        }
        let standing = self.standing(record, &who.user).await?;
        self.admit(&channel, &standing).await?;
        let group = self.using(&key, &channel);
        if let Record::Class(class) = &standing.record {
            self.show_notice(&group, class).await?;
        }
        let (room, chat) = (self.position(&group.room).await?, self.position(&group.chat).await?);
        let version = group.heart().version();
        let extension = match standing.view.as_ref().and_then(|v| v.row.as_ref()) {
            Some(row) if extension.is_empty() => events::class_extension(row),
            _ => extension.to_owned(),
        };
        let (pv, uv) = self.world.store.visit_group(&group.key, &who.user, &extension).await?;
        group.heart().introduce(&who.user, extension);
        Self::change(&group, |s| (s.pv, s.uv) = (s.pv.max(pv), s.uv.max(uv)));
        self.stats_changed(&group);
        let mut answer = self.object(&group, &standing).await?;
        if let Some(map) = answer.as_object_mut() {
            let pos = |p: Position| json!({ "offset": p.offset, "epoch": p.epoch });
            map.insert("channels".to_owned(), json!([group.room, group.chat]));
            map.insert("pos".to_owned(), json!({ group.room.as_str(): pos(room), group.chat.as_str(): pos(chat) }));
            map.insert("role".to_owned(), standing.role_name().into());
            map.insert("version".to_owned(), version.into());
        }
        self.tell_standing_mutes(&group, &standing).await?;
        Ok(answer)
    }

    async fn position(&self, channel: &str) -> Result<Position> {
        self.hub.history(channel, None, 0).await.map(|(_, position)| position)
    }

    /// Who joins a room is told of the microphones that are off there (voice-room.md 7.3).
    async fn tell_standing_mutes(&self, group: &Group, standing: &Standing) -> Result<()> {
        let Record::Room(room) = &standing.record else { return Ok(()) };
        let user = &standing.caller.user;
        if room.anchor == *user {
            return Ok(());
        }
        if room.mics_off {
            self.direct(group, user, 21003, room.anchor.as_str(), r#"{"type":21003,"mute":true}"#).await?;
        }
        let member = self.world.store.member(&group.channel, user).await?;
        if member.is_some_and(|m| self.now().wall < m.mute_audio_until) {
            let data = json!({ "type": 21002, "userId": user.as_str(), "mute": true }).to_string();
            self.direct(group, user, 21002, room.anchor.as_str(), &data).await?;
        }
        Ok(())
    }

    /// The group object (hub.md 4.6).
    async fn object(&self, group: &Group, standing: &Standing) -> Result<Value> {
        let state = self.state(group).await?;
        let (name, created) = match &standing.record {
            Record::Room(room) => (room.title.clone(), room.created),
            Record::Class(class) => (class.title.clone(), class.created),
            Record::Talk(record) => (record.key.name.to_string(), record.created),
        };
        let online = group.heart().total();
        let full = standing.rules() || matches!(standing.role, Some(Role::Assistant(_)));
        Ok(json!({
            "groupId": group.id,
            "groupName": name,
            "groupMeta": state.meta,
            "createTime": created.0,
            "creator": standing.creator().map_or("", UserId::as_str),
            "admins": state.admins.iter().map(UserId::as_str).collect::<Vec<_>>(),
            "statistics": events::statistics(&state, online),
            "muteStatus": self.mute_status(group, standing, &state, full),
            "onlineCount": online,
            "pv": state.pv,
            "muteAll": state.mute_all,
        }))
    }

    fn mute_status(&self, group: &Group, standing: &Standing, state: &GroupState, full: bool) -> Value {
        let now = self.now().wall;
        let muted = state.muted.iter().filter(|(u, until)| now < *until && (full || *u == standing.caller.user));
        let white: Vec<&str> = match (full, standing.creator()) {
            (true, Some(creator)) => vec![creator.as_str()],
            _ => Vec::new(),
        };
        json!({
            "groupId": group.id,
            "muteAll": state.mute_all,
            "muteUserList": muted.map(|(u, _)| u.as_str()).collect::<Vec<_>>(),
            "whiteUserList": white,
        })
    }

    /// `group.leave`: this connection's part only.
    pub(super) async fn leave(&self, who: &Client, args: &Args) -> Answer {
        let Some(named) = NamedGroup::parse(args.required("groupId")?) else { return Ok(json!({})) };
        let group = match self.find(who.app, &named, &who.user).await? {
            Some((key, ..)) => self.known(&key),
            None => self.in_use(who.app, &named),
        };
        if let Some(group) = group {
            let there = group.heart().leaves(&who.user, &who.id);
            if there {
                let uid = self.config.names.hub_uid(who.app, &who.user);
                // The comments first: the end of the other one is the end of the membership.
                self.hub.unsubscribe(&uid, &group.chat, Some(&who.id)).await?;
                self.hub.unsubscribe(&uid, &group.room, Some(&who.id)).await?;
            }
        }
        Ok(json!({}))
    }

    fn read(&self, group: &Group, user: &UserId) -> Result<(), Refusal> {
        let now = self.now();
        group.heart().count(user, Counted::Read, &self.config.rates, now)
    }

    /// `group.query`.
    pub(super) async fn query(&self, who: &Client, args: &Args) -> Answer {
        let (group, standing) = self.member(who.app, args.required("groupId")?, &who.user).await?;
        self.read(&group, &who.user)?;
        Ok(self.object(&group, &standing).await?)
    }

    /// `group.stats`.
    pub(super) async fn stats(&self, who: &Client, args: &Args) -> Answer {
        let (group, _) = self.member(who.app, args.required("groupId")?, &who.user).await?;
        self.read(&group, &who.user)?;
        let state = self.state(&group).await?;
        let total = group.heart().total();
        Ok(events::statistics(&state, total))
    }

    /// `group.members`.
    pub(super) async fn members(&self, who: &Client, args: &Args) -> Answer {
        let limit = args.limit()?;
        let cursor = args.text("cursor")?.filter(|c| !c.is_empty());
        let cursor = cursor.map(|c| UserId::new(c).map_err(|_| Refusal::BAD)).transpose()?;
        let (group, _) = self.member(who.app, args.required("groupId")?, &who.user).await?;
        self.read(&group, &who.user)?;
        let (total, page) = {
            let heart = group.heart();
            (heart.total(), heart.page(cursor.as_ref(), limit as usize + 1))
        };
        if total > MAX_LISTED_GROUP {
            return Err(Refusal::NOT_ALLOWED.into());
        }
        let more = page.len() > limit as usize;
        let shown = &page[..page.len().min(limit as usize)];
        let person = |(u, e): &(UserId, String)| json!({ "userId": u.as_str(), "userExtension": e });
        let mut out = json!({ "members": shown.iter().map(person).collect::<Vec<_>>() });
        if let (true, Some((last, _)), Some(map)) = (more, shown.last(), out.as_object_mut()) {
            map.insert("cursor".to_owned(), last.as_str().into());
        }
        Ok(out)
    }

    /// `group.modify`.
    pub(super) async fn modify(&self, who: &Client, args: &Args) -> Answer {
        let (group, standing) = self.member(who.app, args.required("groupId")?, &who.user).await?;
        let meta = args.text("groupMeta")?.map(str::to_owned);
        let admins = args.users("admins")?;
        let is_meta = |m: &String| m.is_empty() || serde_json::from_str::<serde_json::Map<String, Value>>(m).is_ok();
        if meta.as_ref().is_some_and(|m| m.len() > MAX_META || !is_meta(m)) {
            return Err(Refusal::BAD.into());
        }
        if admins.as_ref().is_some_and(|a| a.len() > MAX_ADMINS) {
            return Err(Refusal::BAD.into());
        }
        let of_class = matches!(standing.record, Record::Class(_));
        let notice = meta.as_deref().and_then(announcement).filter(|_| of_class);
        if notice.as_ref().is_some_and(|n| n.len() > NOTICE_BYTES || n.contains('\0')) {
            return Err(Refusal::BAD.into());
        }
        let may_meta = standing.holds(AssistantRight::Announcement);
        let assistant = standing.view.as_ref().and_then(|v| v.assistant.as_ref()).map(|a| &a.user);
        let may_admins = |list: &Vec<UserId>| match &standing.record {
            Record::Class(_) => standing.rules() && list.iter().all(|u| Some(u) == assistant),
            Record::Room(_) => standing.rules(),
            Record::Talk(_) => false,
        };
        if meta.is_some() && !may_meta || admins.as_ref().is_some_and(|a| !may_admins(a)) {
            return Err(Refusal::NOT_ALLOWED.into());
        }
        self.describe(&group, GroupPatch { meta, admins }).await?;
        if let (Record::Class(class), Some(notice)) = (&standing.record, notice)
            && notice != class.notice
        {
            let patch = ClassPatch { notice: Some(notice), ..ClassPatch::default() };
            let update = ClassCommand::Update { caller: standing.caller.clone(), patch };
            self.director.class_command(class.app, class.id, update).await?;
        }
        Ok(json!({}))
    }

    /// Stores a description and tells it.
    async fn describe(&self, group: &Group, patch: GroupPatch) -> Result<()> {
        self.patch(group, patch).await?;
        let _order = group.order.lock().await;
        self.publish_info(group).await
    }

    /// Stores a description.
    pub(super) async fn patch(&self, group: &Group, patch: GroupPatch) -> Result<()> {
        self.state(group).await?;
        self.world.store.patch_group(&group.key, patch.clone()).await?;
        Self::change(group, |s| {
            if let Some(meta) = patch.meta {
                s.meta = meta;
            }
            if let Some(admins) = patch.admins {
                s.admins = admins;
            }
        });
        Ok(())
    }

    /// `info`. The caller holds the group's order.
    pub(super) async fn publish_info(&self, group: &Group) -> Result<()> {
        let state = self.state(group).await?;
        let admins: Vec<&str> = state.admins.iter().map(UserId::as_str).collect();
        self.publish_event(group, "info", json!({ "groupMeta": state.meta, "adminList": admins })).await
    }

    /// `group.muteAll`.
    pub(super) async fn mute_all(&self, who: &Client, args: &Args) -> Answer {
        let on = args.flag("mute")?.ok_or(Refusal::BAD)?;
        let (group, standing) = self.member(who.app, args.required("groupId")?, &who.user).await?;
        if !standing.holds(AssistantRight::MuteGroup) {
            return Err(Refusal::NOT_ALLOWED.into());
        }
        if self.world.store.mute_group(&group.key, on).await? {
            let group = group.key.clone();
            self.told(Happening::ChatMute { group, all: Some(on), users: Vec::new() }).await?;
        }
        Ok(json!({}))
    }

    /// `group.muteUser`.
    pub(super) async fn mute_user(&self, who: &Client, args: &Args) -> Answer {
        let on = args.flag("mute")?.ok_or(Refusal::BAD)?;
        let users = args.users("users")?.filter(|u| !u.is_empty() && u.len() <= MAX_MUTED).ok_or(Refusal::BAD)?;
        let secs = args.int("sec")?;
        if secs.is_some_and(|s| !(0..=MAX_SECS).contains(&s)) {
            return Err(Refusal::BAD.into());
        }
        let (group, standing) = self.member(who.app, args.required("groupId")?, &who.user).await?;
        let may = standing.holds(AssistantRight::MuteUser);
        let mut targets = Vec::new();
        for user in users {
            // The official client mutes right after each kick, also where only kicking is its right.
            let banned = self.world.store.sanction(&group.channel, &user).await?;
            if banned.is_some_and(|s| s.bans(self.now().wall)) && (may || standing.holds(AssistantRight::Members)) {
                continue;
            }
            if !may || standing.creator() == Some(&user) {
                return Err(Refusal::NOT_ALLOWED.into());
            }
            targets.push(user);
        }
        let end = match secs {
            None | Some(0) => UnixMs::MAX,
            Some(s) => self.now().wall.plus(Duration::from_secs(s.unsigned_abs())),
        };
        let until = if on { end } else { UnixMs(0) };
        if !targets.is_empty() {
            self.state(&group).await?;
            self.world.store.mute_in_group(&group.key, &targets, until).await?;
            let users = targets.into_iter().map(|u| (u, until)).collect();
            self.told(Happening::ChatMute { group: group.key.clone(), all: None, users }).await?;
        }
        Ok(json!({}))
    }

    /// `group.muted`.
    pub(super) async fn muted_list(&self, who: &Client, args: &Args) -> Answer {
        let (group, standing) = self.member(who.app, args.required("groupId")?, &who.user).await?;
        self.read(&group, &who.user)?;
        if !(standing.holds(AssistantRight::MuteUser) || standing.holds(AssistantRight::MuteGroup)) {
            return Err(Refusal::NOT_ALLOWED.into());
        }
        let state = self.state(&group).await?;
        Ok(self.mute_status(&group, &standing, &state, true))
    }

    /// `group.kick`.
    pub(super) async fn kick(&self, who: &Client, args: &Args) -> Answer {
        let user = args.user("userId")?;
        let secs = args.int("sec")?;
        if secs.is_some_and(|s| !(0..=MAX_SECS).contains(&s)) {
            return Err(Refusal::BAD.into());
        }
        let (group, standing) = self.member(who.app, args.required("groupId")?, &who.user).await?;
        let (source, usual) = match &standing.record {
            Record::Room(room) => {
                let owner = room.anchor == user;
                if !standing.rules() || user == who.user || owner && !standing.caller.admin {
                    return Err(Refusal::NOT_ALLOWED.into());
                }
                (Source::Room, self.config.voice_kick_ban)
            }
            Record::Class(_) => (Source::Class, self.config.class_kick_ban),
            Record::Talk(_) => return Err(Refusal::NOT_ALLOWED.into()),
        };
        let ban = secs.map_or(usual, |s| Duration::from_secs(s.unsigned_abs()));
        let caller = matches!(standing.record, Record::Class(_)).then_some(&standing.caller);
        let kick = Kick { channel: &group.channel, user: &user, source, by: who.user.as_str(), ban, caller };
        kick.carry_out(&self.world, &self.director).await?;
        Ok(json!({}))
    }
}

/// The announcement inside a group's description (classroom.md 5.8).
pub(super) fn announcement(meta: &str) -> Option<String> {
    let meta: Value = serde_json::from_str(meta).ok()?;
    meta.get("announcement")?.get("content")?.as_str().map(str::to_owned)
}
