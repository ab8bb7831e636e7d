//! The one kick of all dialects (talk.md 3.4 and 5).

use std::sync::Arc;
use std::time::Duration;

use crate::caller::Caller;
use crate::class::{ClassCommand, ClassOutcome};
use crate::director::{Director, Input};
use crate::error::{Error, Kind, Result};
use crate::group::{ClassChange, Happening};
use crate::id::{ChannelKey, UserId};
use crate::media::{Removal, RemoveCause, To};
use crate::notice::{Notice, NoticeKind};
use crate::sanction::{Sanction, Source};
use crate::time::UnixMs;
use crate::voice::{Command, Outcome};
use crate::world::{Found, World};

/// Who kicks whom out of what, and for how long.
#[derive(Debug, Clone)]
pub struct Kick<'a> {
    /// Where.
    pub channel: &'a ChannelKey,
    /// Whom.
    pub user: &'a UserId,
    /// Through which door.
    pub source: Source,
    /// Acting account.
    pub by: &'a str,
    /// How long the user stays out; zero = removal and revocation only.
    pub ban: Duration,
    /// Who asks, where roles count: a class's. Administrators' doors know no protected roles.
    pub caller: Option<&'a Caller>,
}

/// What a kick by name came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kicked {
    /// The user was there and is out.
    Removed,
    /// The user was not there and will be refused.
    Banned,
    /// The user was not there; a running ban ended.
    Lifted,
    /// The channel exists, the user is not in it, and there was no ban to lift.
    NoUser,
    /// There is no such channel, and there was no ban to lift.
    NoChannel,
}

impl Kick<'_> {
    /// A kick by name, as an administrator asks for it: the table of talk.md 3.4.
    ///
    /// # Errors
    /// Store and engine faults. The ban stands once stored, also when the engine could not confirm.
    pub async fn by_name(&self, world: &World, director: &Director) -> Result<Kicked> {
        let found = world.find(self.channel).await?;
        if is_attached(world, &found, self.channel, self.user).await? {
            self.carry_out(world, director).await?;
            return Ok(Kicked::Removed);
        }
        if self.ban.is_zero() {
            let now = world.clock.now().wall;
            let banned = world.store.sanction(self.channel, self.user).await?.is_some_and(|s| s.bans(now));
            if !banned {
                return Ok(if found.exists() { Kicked::NoUser } else { Kicked::NoChannel });
            }
        }
        self.carry_out(world, director).await?;
        Ok(if self.ban.is_zero() { Kicked::Lifted } else { Kicked::Banned })
    }

    /// Sanction and seat in one transaction, then the media is cut, then it is told. When this answers no packet of
    /// the user is forwarded and its call record is closed.
    ///
    /// # Errors
    /// `Forbidden` (the caller's role), store and engine faults. The sanction stands once stored, also when the engine
    /// could not confirm; the removal is then done again by itself.
    pub async fn carry_out(&self, world: &World, director: &Director) -> Result<()> {
        let now = world.clock.now();
        let until = if self.ban.is_zero() { UnixMs(0) } else { now.wall.plus(self.ban) };
        let not_before_secs = now.wall.secs() + 1;
        let was_there = world.is_here(self.channel, self.user);
        let told = self.store(world, director, now.wall, until, not_before_secs).await?;
        let (channel, user) = (self.channel.clone(), self.user.clone());
        world.tell(Happening::Kicked { channel, user, until }).await;
        for what in told {
            world.tell(what).await;
        }
        let secs = self.ban.as_secs();
        let notice = |kind| Notice::new(world, self.channel, self.user.as_str(), self.by, kind);
        let kicked = notice(NoticeKind::Kicked { secs, until });
        let farewell = Some(kicked.message());
        world.tell(Happening::Notice(kicked, To::User(self.user.clone()))).await;
        let removal = Removal { cause: RemoveCause::Kick, not_before_secs, until, farewell };
        if let Err(e) = world.media().remove(self.channel, self.user, removal.clone()).await {
            let (channel, user) = (self.channel.clone(), self.user.clone());
            director.command(now, Input::RemovalDue { channel, user, removal }).await;
            return Err(e);
        }
        if was_there {
            let others = To::AllBut(self.user.clone());
            // The others' notice is best effort: the kick itself is done.
            let _told = world.notify(notice(NoticeKind::UserKicked { secs, until }), &others).await;
        }
        world.facts().settled().await
    }

    async fn store(
        &self,
        world: &World,
        director: &Director,
        now: UnixMs,
        until: UnixMs,
        not_before_secs: i64,
    ) -> Result<Vec<Happening>> {
        if let Some(id) = self.channel.room_id() {
            let (user, by) = (self.user.clone(), self.by.to_owned());
            let command = Command::Kick { user, source: self.source, by, until };
            if let Some(applied) = world.store.apply(self.channel.app, id, command, now).await? {
                let seats = |freed: Vec<_>| Happening::Seats { room: Arc::clone(&applied.room), freed };
                return Ok(match &applied.outcome {
                    Outcome::Freed(freed) if !freed.is_empty() => vec![seats(freed.clone())],
                    _ => Vec::new(),
                });
            }
        }
        if let Some(class) = world.class_of(self.channel).await? {
            let (user, by) = (self.user.clone(), self.by.to_owned());
            let command = ClassCommand::Kick { caller: self.caller.cloned(), user, source: self.source, by, until };
            match world.store.apply_class(self.channel.app, class.id, command, now).await? {
                Some(a) if a.outcome == ClassOutcome::NotAllowed => {
                    return Err(Error::new(Kind::Forbidden, "the caller may not kick this user"));
                }
                Some(applied) => {
                    director.tell_rights(&applied).await?;
                    let by = self.caller.map(|c| c.user.clone());
                    return Ok(vec![Happening::Class { applied, change: ClassChange::People, by }]);
                }
                None => {}
            }
        }
        let sanction = Sanction {
            channel: self.channel.clone(),
            user: self.user.clone(),
            source: self.source,
            by: self.by.to_owned(),
            created: now,
            until,
            not_before_secs,
        };
        world.store.put_sanction(sanction).await.map(|()| Vec::new())
    }
}

/// Whether the user is in the channel in any way (talk.md 1.3): connected, about to be, on a seat, or a
/// member in class.
///
/// # Errors
/// Engine faults.
pub async fn is_attached(world: &World, found: &Found, channel: &ChannelKey, user: &UserId) -> Result<bool> {
    if let Found::Room(room) = found
        && room.seat_of(user).is_some()
    {
        return Ok(true);
    }
    if let Found::Class(class, _) = found
        && world.store.class_member(class.id, user).await?.is_some_and(|m| m.present())
    {
        return Ok(true);
    }
    if world.is_here(channel, user) {
        return Ok(true);
    }
    Ok(!world.media().participants_of(channel, user).await?.is_empty())
}
