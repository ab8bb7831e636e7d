//! Messages of clients: `group.send` and `group.sendTo` (hub.md 5.2).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::entry::{Record, Standing};
use super::rpc::{Args, Client};
use super::{Answer, Group, Groups};
use crate::channel::MemberCommand;
use crate::class::{Class, ClassCommand, ClassOutcome, StageOp};
use crate::director::Input;
use crate::error::Result;
use crate::group::class_rules::{ClassEffect, ClassSender, Scene, judge_class};
use crate::group::events::{self, Outgoing};
use crate::group::heart::{Counted, Sent};
use crate::group::message::{Incoming, Lane};
use crate::group::names::NamedGroup;
use crate::group::room_rules::{RoomEffect, RoomSender, judge_room, judge_room_direct};
use crate::group::store::{Doomed, StoredMessage};
use crate::group::{Happening, Refusal};
use crate::hub::PublishOptions;
use crate::id::UserId;
use crate::kick::Kick;
use crate::sanction::Source;
use crate::time::UnixMs;
use crate::voice::{Command, Outcome, Room};

/// How long a request id is remembered (hub.md 4.6).
const REMEMBER_RID: Duration = Duration::from_secs(600);
/// How long the official client's `sid` is (classroom.md 7.4).
const REMEMBER_SID: Duration = Duration::from_secs(300);
/// Longest mark of a request.
const MAX_MARK: usize = 128;
/// Largest message in a Talk channel, bytes (hub.md 5.4).
const MAX_TALK: usize = 2_048;
/// Numbers that take more than judging: a roll call that must run, and what is taken while a group ends.
const CLASS_CHECK_IN: i64 = 11004;
const DISMISSED: i64 = 21001;
const SEAT_LEFT: i64 = 21102;

/// A message that was judged.
struct Judged {
    lane: Lane,
    stored: bool,
}

const SIGNAL: Judged = Judged { lane: Lane::Room, stored: false };
const COMMENT: Judged = Judged { lane: Lane::Chat, stored: true };

/// A message as it was asked for.
struct Wish {
    message: Incoming,
    level: u8,
    /// What makes a repeat of the request known, and for how long.
    mark: Option<(String, Duration)>,
}

fn answer(sent: &Sent) -> Value {
    json!({ "messageId": sent.id, "seqnum": sent.seqnum, "timestamp": sent.at })
}

impl Groups {
    fn wish(args: &Args, sid: bool) -> Result<Wish, Refusal> {
        let kind = args.int("type")?.ok_or(Refusal::BAD)?;
        let message = Incoming::read(kind, args.text("data")?.ok_or(Refusal::BAD)?.to_owned())?;
        let level = match args.int("level")? {
            None | Some(0) => 0,
            Some(1) => 1,
            Some(_) => return Err(Refusal::BAD),
        };
        let rid = args.rid('r')?.map(|mark| (mark, REMEMBER_RID));
        let sid = Some(message.text_of("sid")).filter(|s| sid && !s.is_empty());
        let mark = rid.or(sid.map(|s| (format!("s{kind}.{s}"), REMEMBER_SID)));
        if mark.as_ref().is_some_and(|(m, _)| m.len() > MAX_MARK) {
            return Err(Refusal::BAD);
        }
        Ok(Wish { message, level, mark })
    }

    /// `group.send`.
    pub(super) async fn send(&self, who: &Client, args: &Args) -> Answer {
        let id = args.required("groupId")?;
        let found = self.member(who.app, id, &who.user).await;
        let (group, standing) = match found {
            Err(stop) if stop.refused() == Some(Refusal::CLOSING) => {
                let kind = args.int("type")?.ok_or(Refusal::BAD)?;
                return Box::pin(self.send_while_closing(who, id, kind)).await;
            }
            found => found?,
        };
        let wish = Self::wish(args, matches!(standing.record, Record::Class(_)))?;
        if let Some((mark, _)) = &wish.mark {
            let now = self.now();
            let before = group.heart().repeated(&who.user, mark, now);
            if let Some(sent) = before {
                return Ok(answer(&sent));
            }
        }
        match &standing.record {
            Record::Room(room) => self.send_in_room(who, &group, &standing, room, &wish).await,
            Record::Class(class) => Box::pin(self.send_in_class(who, &group, &standing, class, &wish)).await,
            Record::Talk(_) => {
                talk_rules(&wish.message)?;
                self.count(&group, who, Counted::Signal)?;
                self.deliver(&group, &standing, &wish, SIGNAL).await
            }
        }
    }

    fn count(&self, group: &Group, who: &Client, what: Counted) -> Result<(), Refusal> {
        let now = self.now();
        group.heart().count(&who.user, what, &self.config.rates, now)
    }

    /// Counts a call and remembers its answer before it is carried out, so that two of the same at once have one effect.
    /// Answers what an earlier one was told.
    pub(super) fn claim(
        &self,
        group: &Group,
        who: &Client,
        what: Counted,
        mark: Option<&str>,
        sent: &Sent,
    ) -> Result<Option<Sent>, Refusal> {
        let now = self.now();
        let mut heart = group.heart();
        if let Some(before) = mark.and_then(|m| heart.repeated(&who.user, m, now)) {
            return Ok(Some(before));
        }
        heart.count(&who.user, what, &self.config.rates, now)?;
        if let Some(mark) = mark {
            heart.remember(&who.user, mark, sent, REMEMBER_RID, now);
        }
        Ok(None)
    }

    /// While a group ends: the owner's own announcement makes it happen now, goodbyes of seats are taken and dropped.
    async fn send_while_closing(&self, who: &Client, id: &str, kind: i64) -> Answer {
        let named = NamedGroup::parse(id).ok_or(Refusal::NO_GROUP)?;
        let group = self.in_use(who.app, &named).ok_or(Refusal::NO_GROUP)?;
        let at = self.now().wall;
        let taken = Sent { id: self.ulid(at), seqnum: 0, at: at.0 };
        let member = group.heart().has(&who.user);
        match kind {
            SEAT_LEFT if member => Ok(answer(&taken)),
            DISMISSED if member && self.owner_of(&group).await?.as_ref() == Some(&who.user) => {
                self.announce(&group).await?;
                Ok(answer(&taken))
            }
            _ => Err(Refusal::CLOSING.into()),
        }
    }

    async fn send_in_room(
        &self,
        who: &Client,
        group: &Arc<Group>,
        standing: &Standing,
        room: &Arc<Room>,
        wish: &Wish,
    ) -> Answer {
        let muted = self.is_muted(group, standing).await?;
        let sender = RoomSender { user: who.user.clone(), admin: standing.caller.admin, muted };
        let effect = judge_room(room, &sender, &wish.message)?;
        let comment = effect == RoomEffect::Relay { comment: true };
        self.count(group, who, if comment { Counted::Comment } else { Counted::Signal })?;
        match effect {
            RoomEffect::Relay { comment: true } => self.deliver(group, standing, wish, COMMENT).await,
            RoomEffect::Relay { comment: false } | RoomEffect::Direct => {
                self.deliver(group, standing, wish, SIGNAL).await
            }
            RoomEffect::Swallow => {
                let at = self.now().wall;
                Ok(answer(&Sent { id: self.ulid(at), seqnum: 0, at: at.0 }))
            }
            RoomEffect::Dismiss => Box::pin(self.dismiss(group, standing, room)).await,
            RoomEffect::MuteMics(off) => {
                Box::pin(self.mute_mics(group, room, off)).await?;
                self.deliver(group, standing, wish, SIGNAL).await
            }
            // Orders to one user do not come as messages to all.
            RoomEffect::MuteMic(..) | RoomEffect::Kick(_) => Err(Refusal::NOT_ALLOWED.into()),
        }
    }

    async fn dismiss(&self, group: &Arc<Group>, standing: &Standing, room: &Room) -> Answer {
        let now = self.now();
        let command = Command::Dismiss { caller: standing.caller.clone() };
        let applied = self.world.store.apply(room.app, room.id, command, now.wall).await?.ok_or(Refusal::NO_GROUP)?;
        if matches!(applied.outcome, Outcome::Dismissed(_)) {
            self.told(Happening::Dismissed(Arc::clone(&applied.room))).await?;
            self.director.command(now, Input::Dismissed { room: applied.room }).await;
        }
        self.announce(group).await?;
        Ok(answer(&Sent { id: self.ulid(now.wall), seqnum: 0, at: now.wall.0 }))
    }

    /// Everybody's microphone but the owner's; the engine is told of each who is there.
    async fn mute_mics(&self, group: &Group, room: &Room, off: bool) -> Answer<()> {
        let command = Command::MuteMics { off };
        let applied = self.world.store.apply(room.app, room.id, command, self.now().wall).await?;
        if applied.is_some_and(|a| a.outcome == Outcome::Changed) {
            for present in self.world.live.present(&group.channel) {
                self.director.tell_standing(&group.channel, &present.user).await;
            }
            let fields = json!({ "userId": "*", "on": off, "except": [room.anchor.as_str()] });
            self.tell_event(group, "muteMic", fields).await?;
        }
        Ok(())
    }

    async fn send_in_class(
        &self,
        who: &Client,
        group: &Arc<Group>,
        standing: &Standing,
        class: &Arc<Class>,
        wish: &Wish,
    ) -> Answer {
        let role = standing.role.clone().ok_or(Refusal::NO_GROUP)?;
        let sender = ClassSender { user: who.user.clone(), role, muted: self.is_muted(group, standing).await? };
        let now = self.now().wall;
        let check_in = wish.message.kind == CLASS_CHECK_IN
            && self.world.store.check_ins(class.id).await?.iter().any(|c| c.running(now));
        let (effect, before) = {
            let mut heart = group.heart();
            let before = heart.talks.clone();
            let mut scene = Scene { class, talks: &mut heart.talks, check_in, now };
            (judge_class(&mut scene, &sender, &wish.message)?, before)
        };
        let ClassEffect { comment, stage, remove } = effect;
        self.count(group, who, if comment { Counted::Comment } else { Counted::Signal })?;
        if let Some(op) = stage {
            let changed = self.change_stage(group, class, op).await;
            if changed.is_err() {
                group.heart().talks = before;
            }
            changed?;
        }
        if !remove.is_empty() {
            self.remove(group, Doomed::Sids(remove), &who.user).await?;
        }
        self.deliver(group, standing, wish, if comment { COMMENT } else { SIGNAL }).await
    }

    async fn change_stage(&self, group: &Group, class: &Class, op: StageOp) -> Answer<()> {
        let event = match &op {
            StageOp::Mic(user, on) => Some(json!({ "userId": user.as_str(), "on": !on, "except": [] })),
            StageOp::MicsOff(off) => Some(json!({ "userId": "*", "on": off, "except": [class.teacher.as_str()] })),
            _ => None,
        };
        let command = ClassCommand::Stage { op, stage_max: self.config.stage_max };
        let applied = self.director.class_command(class.app, class.id, command).await?.ok_or(Refusal::NO_GROUP)?;
        if applied.outcome == ClassOutcome::StageFull {
            return Err(Refusal::STAGE_FULL.into());
        }
        if let Some(fields) = event {
            self.tell_event(group, "muteMic", fields).await?;
        }
        Ok(())
    }

    /// Number, store, stream, answer: in this order, one message of a group after the other.
    async fn deliver(&self, group: &Arc<Group>, standing: &Standing, wish: &Wish, how: Judged) -> Answer {
        let user = &standing.caller.user;
        let _order = group.order.lock().await;
        let now = self.now();
        {
            let mut heart = group.heart();
            if let Some((mark, _)) = &wish.mark
                && let Some(sent) = heart.repeated(user, mark, now)
            {
                return Ok(answer(&sent));
            }
            // Kicked while it waited.
            if !heart.has(user) {
                return Err(Refusal::NOT_MEMBER.into());
            }
        }
        let (at, m) = (now.wall, &wish.message);
        let (id, seqnum) = (self.ulid(at), self.seqnum(group).await?);
        let extension = self.extension(group, standing).await?;
        if how.stored {
            let message = StoredMessage {
                seqnum,
                id: id.clone(),
                kind: m.kind,
                sender: user.clone(),
                extension: extension.clone(),
                data: m.text.clone(),
                sid: m.text_of("sid").to_owned(),
                at,
                level: wish.level,
            };
            self.world.store.put_message(&group.key, message).await?;
            Self::change(group, |s| *s.amounts.entry(m.kind).or_default() += 1);
            self.stats_changed(group);
        }
        let message = Outgoing {
            group: &group.id,
            id: &id,
            seqnum: Some(seqnum),
            kind: m.kind,
            sender: user.as_str(),
            extension: &extension,
            data: &m.text,
            level: wish.level,
            at,
            sys: false,
        };
        self.hub.publish(group.lane(how.lane), &message.payload(), PublishOptions::default()).await?;
        let sent = Sent { id, seqnum, at: at.0 };
        if let Some((mark, long)) = &wish.mark {
            group.heart().remember(user, mark, &sent, *long, now);
        }
        Ok(answer(&sent))
    }

    async fn extension(&self, group: &Group, standing: &Standing) -> Result<String> {
        let given = self.introduced(group, &standing.caller.user).await?;
        Ok(match standing.view.as_ref().and_then(|v| v.row.as_ref()) {
            Some(row) if given.is_empty() => events::class_extension(row),
            _ => given,
        })
    }

    /// The text given at join. Whoever came back by itself after a restart said it to the one before.
    pub(super) async fn introduced(&self, group: &Group, user: &UserId) -> Result<String> {
        let given = group.heart().introduction(user);
        if let Some(given) = given {
            return Ok(given);
        }
        let kept = self.world.store.visitor(&group.key, user).await?.unwrap_or_default();
        group.heart().introduce(user, kept.clone());
        Ok(kept)
    }

    /// `group.sendTo`.
    pub(super) async fn send_to(&self, who: &Client, args: &Args) -> Answer {
        let receiver = args.user("receiverId")?;
        let kind = args.int("type")?.ok_or(Refusal::BAD)?;
        let outer = Incoming::read(kind, args.text("data")?.ok_or(Refusal::BAD)?.to_owned())?;
        let level = u8::try_from(args.int("level")?.unwrap_or(0)).ok().filter(|l| *l <= 1).ok_or(Refusal::BAD)?;
        let mark = args.rid('d')?;
        // The official wrapper says where both are.
        let (id, text) = match (outer.data.get("groupId"), outer.data.get("data")) {
            (Some(Value::String(id)), Some(Value::String(text))) => (id.clone(), text.clone()),
            _ => return Err(Refusal::BAD.into()),
        };
        let (group, standing) = match self.member(who.app, &id, &who.user).await {
            // A group that is not there is none that the sender is in.
            Err(stop) if stop.refused() == Some(Refusal::NO_GROUP) => return Err(Refusal::NOT_MEMBER.into()),
            found => found?,
        };
        let answer = |sent: &Sent| {
            let online = group.heart().connected(&receiver);
            Ok(json!({ "messageId": sent.id, "timestamp": sent.at, "online": online }))
        };
        // Before anything else: whom the request kicked is no receiver any more.
        let before = mark.as_ref().and_then(|m| group.heart().repeated(&who.user, m, self.now()));
        if let Some(sent) = before {
            return answer(&sent);
        }
        if !group.heart().has(&receiver) {
            return Err(Refusal::NO_RECEIVER.into());
        }
        let message = Incoming::read(kind, text)?;
        let effect = match &standing.record {
            Record::Room(room) => {
                let sender = RoomSender { user: who.user.clone(), admin: standing.caller.admin, muted: false };
                judge_room_direct(room, &sender, &receiver, &message)?
            }
            // Nothing in the catalogue of a class goes to one user; the application's own numbers may.
            Record::Class(_) if !(50_000..=59_999).contains(&kind) => return Err(Refusal::NOT_ALLOWED.into()),
            Record::Class(_) => RoomEffect::Direct,
            Record::Talk(_) => {
                talk_rules(&message)?;
                RoomEffect::Direct
            }
        };
        let at = self.now().wall;
        let sent = Sent { id: self.ulid(at), seqnum: 0, at: at.0 };
        if let Some(before) = self.claim(&group, who, Counted::Signal, mark.as_deref(), &sent)? {
            return answer(&before);
        }
        let wrapped = json!({ "data": message.text, "groupId": group.id }).to_string();
        let extension = self.extension(&group, &standing).await?;
        let outgoing = Outgoing {
            group: &group.id,
            id: &sent.id,
            seqnum: None,
            kind,
            sender: who.user.as_str(),
            extension: &extension,
            data: &wrapped,
            level,
            at,
            sys: false,
        };
        let done = self.carry_out_direct(&group, &receiver, effect, &outgoing).await;
        if let (Err(_), Some(mark)) = (&done, &mark) {
            group.heart().forget(&who.user, mark);
        }
        done?;
        answer(&sent)
    }

    async fn carry_out_direct(
        &self,
        group: &Group,
        receiver: &UserId,
        effect: RoomEffect,
        message: &Outgoing<'_>,
    ) -> Answer<()> {
        match effect {
            // The kick tells the user itself, whatever door it came through.
            RoomEffect::Kick(user) => {
                let (channel, ban) = (&group.channel, self.config.voice_kick_ban);
                let kick = Kick { channel, user: &user, source: Source::Room, by: message.sender, ban, caller: None };
                return Ok(kick.carry_out(&self.world, &self.director).await?);
            }
            RoomEffect::MuteMic(user, off) => self.mute_mic(group, &user, off, message.sender).await?,
            _ => {}
        }
        Ok(self.to_user(group.key.app, receiver, &message.payload()).await?)
    }

    /// A user's microphone stays off in that room, whatever the user does, until it is allowed again.
    async fn mute_mic(&self, group: &Group, user: &UserId, off: bool, by: &str) -> Answer<()> {
        let until = if off { UnixMs::MAX } else { UnixMs(0) };
        let command = MemberCommand::Mute { audio: Some(until), video: None };
        let now = self.now();
        self.world.store.apply_member(&group.channel, user, command, now.wall).await?.ok_or(Refusal::NO_GROUP)?;
        self.director.tell_standing(&group.channel, user).await;
        let fields = json!({ "userId": user.as_str(), "on": off, "except": [], "by": by });
        Ok(self.tell_event(group, "muteMic", fields).await?)
    }
}

/// hub.md 5.4.
fn talk_rules(m: &Incoming) -> Result<(), Refusal> {
    if (61_001..=61_099).contains(&m.kind) {
        return Err(Refusal::NOT_ALLOWED);
    }
    if m.text.len() > MAX_TALK { Err(Refusal::BAD) } else { Ok(()) }
}
