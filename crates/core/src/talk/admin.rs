//! Commands. Order is always: decide and persist (one transaction), command the engine, tell the channel, answer.

use std::sync::Arc;
use std::time::Duration;

use super::query::{Listed, Page};
use super::{Talk, no_channel, no_user};
use crate::caller::Caller;
use crate::channel::{ATTR_IDENTITY, IdentityType, MemberApplied, MemberCommand, MemberOutcome, muted_at};
use crate::class::{ClassCommand, ClassStatus};
use crate::director::{Director, Input};
use crate::error::{Error, Kind, Result};
use crate::group::Happening;
use crate::id::{ChannelKey, UserId};
use crate::kick::{Kick, Kicked, is_attached};
use crate::media::{Claims, To};
use crate::notice::{Notice, NoticeKind};
use crate::ports::SanctionFilter;
use crate::sanction::{Sanction, Source};
use crate::time::UnixMs;
use crate::voice::{Command, Outcome};
use crate::world::{Found, World};

/// A change of identity, as it is asked for.
#[derive(Debug, Clone)]
pub struct IdentityWish<'a> {
    /// Where.
    pub channel: &'a ChannelKey,
    /// Whose.
    pub user: &'a UserId,
    /// To what.
    pub to: IdentityType,
    /// `RequstId`.
    pub request: Option<i64>,
    /// Acting account.
    pub by: &'a str,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityChange {
    /// In force, perhaps as it was already.
    Done,
    /// Processed before: nothing applied.
    Replay,
    /// A later request was processed already.
    Stale {
        /// Its number.
        last: i64,
    },
}

/// A change of a server mute, as it is asked for.
#[derive(Debug, Clone)]
pub struct MuteWish<'a> {
    /// Where.
    pub channel: &'a ChannelKey,
    /// Whom.
    pub user: &'a UserId,
    /// Silence or not; `None` leaves audio alone.
    pub audio: Option<bool>,
    /// Silence or not; `None` leaves video alone.
    pub video: Option<bool>,
    /// For how long; zero = until lifted or the channel ends.
    pub duration: Duration,
    /// Acting account.
    pub by: &'a str,
}

impl Talk {
    /// `admin_kick_user` (talk.md 3.4).
    ///
    /// # Errors
    /// `NotFound`, `NotPresent`, store and engine faults.
    pub async fn kick(&self, channel: &ChannelKey, user: &UserId, ban: Duration, by: &str) -> Result<()> {
        let kick = Kick { channel, user, source: Source::Talk, by, ban, caller: None };
        match kick.by_name(&self.world, &self.director).await? {
            Kicked::Removed | Kicked::Banned | Kicked::Lifted => Ok(()),
            Kicked::NoUser => Err(no_user()),
            Kicked::NoChannel => Err(no_channel()),
        }
    }

    /// `change_user_Identity` (talk.md 3.10).
    ///
    /// # Errors
    /// `NotFound`, `NotPresent`, store faults.
    pub async fn set_identity(&self, wish: IdentityWish<'_>) -> Result<IdentityChange> {
        let (channel, user) = (wish.channel, wish.user);
        let found = self.attached(channel, user).await?;
        let from = self.identity_of(&found, channel, user).await?;
        let command = MemberCommand::SetIdentity { to: wish.to, request: wish.request };
        let applied = self.apply(channel, user, command).await?;
        match applied.outcome {
            MemberOutcome::Stale { last } => return Ok(IdentityChange::Stale { last }),
            MemberOutcome::Replay => return Ok(IdentityChange::Replay),
            MemberOutcome::Done { rights: false, .. } => return Ok(IdentityChange::Done),
            MemberOutcome::Done { rights: true, .. } => {}
        }
        self.director.tell_standing(channel, user).await;
        if let MemberOutcome::Done { freed, .. } = applied.outcome
            && !freed.is_empty()
            && let Found::Room(room) = self.world.find(channel).await?
        {
            self.world.tell(Happening::Seats { room, freed }).await;
        }
        if from != wish.to {
            let kind = NoticeKind::Identity { to: wish.to, from, request: wish.request };
            self.tell_all(channel, user, wish.by, kind).await;
        }
        if applied.before.mic_grant && !applied.after.mic_grant {
            self.tell_all(channel, user, wish.by, NoticeKind::MicGrant { granted: false }).await;
        }
        Ok(IdentityChange::Done)
    }

    /// `push_mcu_msg` (talk.md 3.9). `sender` is a label, `receiver` `None` = everybody.
    ///
    /// # Errors
    /// `NotFound`, `NotPresent` (or nothing that carries messages connects them), store and engine faults.
    pub async fn push(
        &self,
        channel: &ChannelKey,
        sender: &str,
        receiver: Option<&UserId>,
        content: String,
    ) -> Result<()> {
        if !self.world.find(channel).await?.exists() {
            return Err(no_channel());
        }
        let to = match receiver {
            None => To::All,
            Some(user) if self.world.is_here(channel, user) => To::User(user.clone()),
            Some(_) => return Err(no_user()),
        };
        let kind = NoticeKind::Text { receiver: receiver.map(ToString::to_string).unwrap_or_default(), content };
        let notice = Notice::new(&self.world, channel, sender, "", kind);
        let reached = self.world.notify(notice, &to).await?;
        // Somebody who only pushes or plays a stream over HTTP is present, but nothing but media reaches them.
        if let Some(user) = receiver
            && reached == 0
            && !self.world.crowd.has(channel, user)
        {
            return Err(no_user());
        }
        Ok(())
    }

    /// `mute_talk_user` (talk.md 7.5).
    ///
    /// # Errors
    /// `NotFound`, `NotPresent`, store faults.
    pub async fn mute(&self, wish: MuteWish<'_>) -> Result<()> {
        let (channel, user) = (wish.channel, wish.user);
        self.attached(channel, user).await?;
        let now = self.world.clock.now();
        let end = if wish.duration.is_zero() { UnixMs::MAX } else { now.wall.plus(wish.duration) };
        let until = |on: bool| if on { end } else { UnixMs(0) };
        let command = MemberCommand::Mute { audio: wish.audio.map(until), video: wish.video.map(until) };
        let applied = self.apply(channel, user, command).await?;
        if applied.outcome == (MemberOutcome::Done { rights: false, freed: Vec::new() }) {
            return Ok(());
        }
        self.director.mute_timers(now, &applied.after).await;
        self.director.tell_standing(channel, user).await;
        let kind = NoticeKind::muted(muted_at(&applied.after, now.wall), &applied.after);
        self.tell_all(channel, user, wish.by, kind).await;
        Ok(())
    }

    /// `set_talk_mic` (talk.md 7.6).
    ///
    /// # Errors
    /// `NotFound`, `NotPresent`, `Forbidden` (not on demand, or seats decide), store faults.
    pub async fn set_mic(&self, channel: &ChannelKey, user: &UserId, granted: bool, by: &str) -> Result<()> {
        let found = self.attached(channel, user).await?;
        match found {
            Found::Room(_) => return Err(Error::new(Kind::Forbidden, "in a voice room seats decide who speaks")),
            Found::Class(..) => return Err(Error::new(Kind::Forbidden, "in a class the stage decides who speaks")),
            Found::Adhoc(_) | Found::Ended(_) | Found::Nothing => {}
        }
        if self.identity_of(&found, channel, user).await? != IdentityType::OnDemand {
            return Err(Error::new(Kind::Forbidden, "the user's identity is not 2"));
        }
        let applied = self.apply(channel, user, MemberCommand::SetMic { granted }).await?;
        if applied.before.mic_grant != applied.after.mic_grant {
            self.director.tell_standing(channel, user).await;
            self.tell_all(channel, user, by, NoticeKind::MicGrant { granted }).await;
        }
        Ok(())
    }

    /// `dismiss_talk_channel` (talk.md 7.4). Answers how many users were present.
    ///
    /// # Errors
    /// `NotFound`, store faults.
    pub async fn dismiss(&self, channel: &ChannelKey, by: &str) -> Result<usize> {
        let present = self.world.live.online(channel);
        if !self.world.find(channel).await?.exists() || !end(&self.world, &self.director, channel, by).await? {
            return Err(no_channel());
        }
        self.world.facts().settled().await?;
        Ok(present)
    }

    /// `list_talk_bans` (talk.md 7.3): bans that run now.
    ///
    /// # Errors
    /// Store faults.
    pub async fn bans(&self, filter: &SanctionFilter, page: Page) -> Result<Listed<Sanction>> {
        let now = self.world.clock.now().wall;
        let (total, rows) = self.world.store.bans(filter, now, page.start, page.limit).await?;
        Ok(Listed { total, rows })
    }

    /// `delete_talk_ban` (talk.md 7.3). False = there was none.
    ///
    /// # Errors
    /// Store faults.
    pub async fn lift_ban(&self, channel: &ChannelKey, user: &UserId) -> Result<bool> {
        self.world.store.lift_ban(channel, user, self.world.clock.now().wall).await
    }

    /// What is found under the name, with the user in it.
    async fn attached(&self, channel: &ChannelKey, user: &UserId) -> Result<Found> {
        let found = self.world.find(channel).await?;
        if !found.exists() {
            return Err(no_channel());
        }
        match is_attached(&self.world, &found, channel, user).await? {
            true => Ok(found),
            false => Err(no_user()),
        }
    }

    /// The type in force: as the engine shows it, else as it would be.
    async fn identity_of(&self, found: &Found, channel: &ChannelKey, user: &UserId) -> Result<IdentityType> {
        let there = self.world.media().participants_of(channel, user).await?;
        let shown = there.first().and_then(|p| p.standing.attributes.get(ATTR_IDENTITY));
        if let Some(shown) = shown.and_then(|s| IdentityType::parse(s)) {
            return Ok(shown);
        }
        Ok(self.world.rights_in(found, channel, user).await?.identity(&Claims::default()))
    }

    async fn apply(&self, channel: &ChannelKey, user: &UserId, command: MemberCommand) -> Result<MemberApplied> {
        let now = self.world.clock.now().wall;
        self.world.store.apply_member(channel, user, command, now).await?.ok_or_else(no_channel)
    }

    /// Best effort: what it tells of is done.
    async fn tell_all(&self, channel: &ChannelKey, user: &UserId, by: &str, kind: NoticeKind) {
        let notice = Notice::new(&self.world, channel, user.as_str(), by, kind);
        let _told = self.world.notify(notice, &To::All).await;
    }
}

/// Ends whatever lives under the name: a voice room is dismissed, a class ended, an adhoc channel is told and ends. False = nothing
/// does.
///
/// # Errors
/// Store faults. What the engine could not confirm is done again by itself.
pub async fn end(world: &World, director: &Director, channel: &ChannelKey, by: &str) -> Result<bool> {
    match world.find(channel).await? {
        Found::Nothing => Ok(false),
        Found::Ended(_) => Ok(true),
        Found::Room(room) => {
            let now = world.clock.now();
            let admin = Caller { admin: true, ..Caller::user(room.anchor.clone()) };
            let command = Command::Dismiss { caller: admin };
            let applied = world.store.apply(channel.app, room.id, command, now.wall).await?;
            if let Some(a) = applied.filter(|a| matches!(a.outcome, Outcome::Dismissed(_))) {
                world.tell(Happening::Dismissed(Arc::clone(&a.room))).await;
                director.command(now, Input::Dismissed { room: a.room }).await;
            }
            Ok(true)
        }
        Found::Class(class, _) => {
            let notice = Notice::new(world, channel, "", by, NoticeKind::Dismissed);
            let _told = world.notify(notice, &To::All).await;
            let admin = Caller { admin: true, ..Caller::user(class.teacher.clone()) };
            let stop = ClassCommand::SetStatus { caller: admin, to: ClassStatus::Ended };
            Ok(director.class_command(class.app, class.id, stop).await?.is_some())
        }
        Found::Adhoc(_) => {
            let notice = Notice::new(world, channel, "", by, NoticeKind::Dismissed);
            let _told = world.notify(notice, &To::All).await;
            director.end_adhoc(channel).await
        }
    }
}
