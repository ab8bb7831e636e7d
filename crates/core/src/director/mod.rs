//! Carries out what the [`Agenda`] decides, keeps the call records, and takes in the engine's facts.
//!
//! The shell runs [`Director::events`] and [`Director::tick`] in one task, one after the other: the order of the call
//! records is the order of the facts.

mod agenda;
mod classes;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub use agenda::{Agenda, DirectorConfig, Effect, Input};

use classes::Slots;

use crate::channel::{Boot, CallBook, CallConfig, CallInput, CallOp, ChannelRecord, muted_at};
use crate::class::{ClassCommand, StageOp};
use crate::error::Result;
use crate::group::Happening;
use crate::id::{ChannelKey, UserId};
use crate::live::{Change, PresenceChange};
use crate::media::{MediaEvent, MediaFact, To};
use crate::notice::{Notice, NoticeKind};
use crate::time::Now;
use crate::voice::{Applied, Command, Outcome};
use crate::world::{Found, World};

/// A fact of the media engine, with what it changed of who is present.
#[derive(Debug, Clone)]
pub struct Noted {
    /// The fact.
    pub event: MediaEvent,
    /// Whose presence changed, and how.
    pub changes: Vec<Change>,
}

/// Performs what the [`Agenda`] decides.
pub struct Director {
    world: World,
    agenda: Mutex<Agenda>,
    calls: Mutex<CallBook>,
    /// Changes of call records not yet written, in order.
    unwritten: Mutex<Vec<CallOp>>,
    boot: OnceLock<Boot>,
    slots: Mutex<Slots>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Director {
    /// A director with nothing on its agenda.
    #[must_use]
    pub fn new(world: World, config: DirectorConfig) -> Self {
        Self {
            world,
            agenda: Mutex::new(Agenda::new(config)),
            calls: Mutex::new(CallBook::new(CallConfig { grace: config.call_grace })),
            unwritten: Mutex::default(),
            boot: OnceLock::new(),
            slots: Mutex::default(),
        }
    }

    /// Begins a run: open call records of earlier runs, adhoc channels and mutes that end are taken over. Call before
    /// the listeners open. Answers the run, whose heartbeat the shell keeps.
    ///
    /// # Errors
    /// Store faults.
    pub async fn begin(&self) -> Result<Boot> {
        let now = self.world.clock.now();
        let store = &self.world.store;
        let boot = store.boot(now.wall).await?;
        let boot = *self.boot.get_or_init(|| boot);
        let rows = store.open_calls(boot).await?;
        let ops = lock(&self.calls).handle(now, CallInput::Restored(rows));
        self.write_calls(now, ops).await;
        for record in store.all_channels().await? {
            self.command(now, Input::Opened { channel: record.key, linger: None }).await;
        }
        for member in store.timed_mutes(now.wall).await? {
            self.mute_timers(now, &member).await;
        }
        Ok(boot)
    }

    /// Loads the seats and class members a restart left behind. Call when the listeners are open.
    ///
    /// # Errors
    /// Store faults.
    pub async fn restore(&self) -> Result<()> {
        let rooms = self.world.store.rooms_with_attended_seats().await?;
        let members = self.world.store.connected_members().await?;
        let now = self.world.clock.now();
        self.command(now, Input::Restored { rooms }).await;
        self.command(now, Input::MembersRestored { members }).await;
        // Whoever came before the timers were set would be timed out in the middle of its stay.
        for (channel, user) in self.world.live.everybody().into_iter().chain(self.world.crowd.everybody()) {
            self.command(now, Input::Present { channel, user }).await;
        }
        Ok(())
    }

    /// Takes in facts of the media engine, in their order.
    pub async fn events(&self, batch: &[Noted]) {
        let now = self.world.clock.now();
        let mut ops = Vec::new();
        for noted in batch {
            for change in &noted.changes {
                if let Some(input) = call_input(&noted.event, change) {
                    ops.extend(lock(&self.calls).handle(now, input));
                }
            }
        }
        self.write_calls(now, ops).await;
        for noted in batch {
            for change in &noted.changes {
                self.presence(now, &noted.event, change).await;
            }
        }
    }

    async fn presence(&self, now: Now, event: &MediaEvent, change: &Change) {
        let joined = matches!(event.fact, MediaFact::ParticipantJoined(_));
        let (channel, user) = (event.channel.clone(), change.user.clone());
        match change.change {
            PresenceChange::Came => self.command(now, Input::Present { channel, user }).await,
            PresenceChange::Gone { .. } => {
                if self.world.live.online(&channel) == 0 {
                    self.command(now, Input::Deserted { channel: channel.clone() }).await;
                }
                self.world.tell(Happening::Left(channel.clone(), user.clone())).await;
                if !self.world.crowd.has(&channel, &user) {
                    self.command(now, Input::Absent { channel, user, silent: Duration::ZERO }).await;
                }
            }
            // A seat may have been taken over HTTP since the first session came.
            PresenceChange::StillThere if joined => self.command(now, Input::Present { channel, user }).await,
            PresenceChange::StillThere => {}
        }
    }

    /// Takes an input and carries out what is to be done at once.
    pub async fn command(&self, now: Now, input: Input) {
        let effects = lock(&self.agenda).handle(now, input);
        self.perform_all(now, effects).await;
    }

    /// Carries out what is due.
    pub async fn tick(&self) {
        let now = self.world.clock.now();
        let ops = lock(&self.calls).take_due(now);
        self.write_calls(now, ops).await;
        let effects = lock(&self.agenda).take_due(now);
        self.perform_all(now, effects).await;
    }

    /// When [`Director::tick`] is wanted next, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let (a, b) = (lock(&self.agenda).next_deadline(), lock(&self.calls).next_deadline());
        a.into_iter().chain(b).min()
    }

    /// Writes changes of call records behind those that could not be written before.
    async fn write_calls(&self, now: Now, ops: Vec<CallOp>) {
        let Some(boot) = self.boot.get() else { return };
        let all = {
            let mut unwritten = lock(&self.unwritten);
            unwritten.extend(ops);
            std::mem::take(&mut *unwritten)
        };
        if all.is_empty() {
            return;
        }
        if self.world.store.write_calls(*boot, all.clone()).await.is_err() {
            *lock(&self.unwritten) = all;
            lock(&self.agenda).again(now, Effect::WriteCalls);
        }
    }

    /// A seat taken, or a class joined, by somebody who turned out to be connected counts as attended.
    ///
    /// # Errors
    /// Store faults.
    pub async fn attend(&self, channel: &ChannelKey, user: &UserId) -> Result<()> {
        let room = match self.world.find(channel).await? {
            Found::Room(room) => room,
            Found::Class(class, _) => return self.class_connected(&class, user).await,
            Found::Adhoc(_) | Found::Ended(_) | Found::Nothing => return Ok(()),
        };
        if room.seat_of(user).is_some_and(|(_, t)| !t.attended) {
            let command = Command::Attend { user: user.clone() };
            self.world.store.apply(channel.app, room.id, command, self.world.clock.now().wall).await?;
        }
        Ok(())
    }

    /// The engine judges the user by what is stored now; if it cannot confirm, that is done again by itself.
    pub async fn tell_standing(&self, channel: &ChannelKey, user: &UserId) {
        if self.world.tell_standing(channel, user).await.is_err() {
            let input = Input::StandingDue { channel: channel.clone(), user: user.clone() };
            self.command(self.world.clock.now(), input).await;
        }
    }

    /// Plans the ends of a member's mutes.
    pub async fn mute_timers(&self, now: Now, member: &crate::channel::Member) {
        for until in [member.mute_audio_until, member.mute_video_until] {
            if until > now.wall && until != crate::time::UnixMs::MAX {
                let after = Duration::from_millis(until.0.saturating_sub(now.wall.0).unsigned_abs());
                let (channel, user) = (member.channel.clone(), member.user.clone());
                self.command(now, Input::MuteEnds { channel, user, after }).await;
            }
        }
    }

    async fn perform_all(&self, now: Now, effects: Vec<Effect>) {
        for effect in effects {
            if self.perform(now, &effect).await.is_err() {
                lock(&self.agenda).again(now, effect);
            }
        }
    }

    async fn perform(&self, now: Now, effect: &Effect) -> Result<()> {
        let media = self.world.media();
        match effect {
            Effect::Attend(channel, user) => self.attend(channel, user).await,
            Effect::Release(channel, user) => self.release(now, channel, user).await,
            Effect::Silence(channel, revision) => media.silence(channel, *revision).await,
            Effect::Announce(channel) => self.announce(channel).await,
            Effect::Standing(channel, user) => self.world.tell_standing(channel, user).await,
            Effect::MuteEnded(channel, user) => self.mute_ended(now, channel, user).await,
            Effect::Remove(channel, user, removal) => media.remove(channel, user, removal.clone()).await,
            Effect::EndChannel(channel) => match self.world.find(channel).await? {
                // Started again since: its channel is another one.
                Found::Class(..) => Ok(()),
                _ => media.end_channel(channel).await,
            },
            Effect::SweepStage(app, class, stage_max) => {
                let sweep = ClassCommand::Stage { op: StageOp::Sweep, stage_max: *stage_max };
                self.class_command(*app, *class, sweep).await.map(drop)
            }
            Effect::EndDeserted(channel) => self.end_deserted(now, channel).await,
            Effect::WriteCalls => {
                self.write_calls(now, Vec::new()).await;
                Ok(())
            }
        }
    }

    async fn announce(&self, channel: &ChannelKey) -> Result<()> {
        let notice = Notice::new(&self.world, channel, "", "", NoticeKind::Dismissed);
        self.world.notify(notice, &To::All).await.map(drop)
    }

    async fn mute_ended(&self, now: Now, channel: &ChannelKey, user: &UserId) -> Result<()> {
        // Lifted, replaced by a longer one, or gone with its channel: then there is nothing to tell.
        let Some(member) = self.world.store.member(channel, user).await? else { return Ok(()) };
        let ended = |until: crate::time::UnixMs| until.0 > 0 && until <= now.wall;
        if !(ended(member.mute_audio_until) || ended(member.mute_video_until)) {
            return Ok(());
        }
        self.world.tell_standing(channel, user).await?;
        let kind = NoticeKind::muted(muted_at(&member, now.wall), &member);
        let notice = Notice::new(&self.world, channel, user.as_str(), "", kind);
        self.world.notify(notice, &To::All).await.map(drop)
    }

    /// Ends a channel with a record that nobody came back to.
    async fn end_deserted(&self, now: Now, channel: &ChannelKey) -> Result<()> {
        let recorded = matches!(self.world.find(channel).await?, Found::Adhoc(_) | Found::Class(_, Some(_)));
        if !recorded || self.world.live.online(channel) > 0 {
            return Ok(());
        }
        let there = self.world.media().participants(channel).await?;
        if there.iter().any(|p| !p.who.hidden) {
            lock(&self.agenda).look_again(now, channel.clone());
            return Ok(());
        }
        self.end_adhoc(channel).await.map(drop)
    }

    /// Brings a channel without a life of its own to life, durably, unless it lives already.
    ///
    /// # Errors
    /// Store faults.
    pub async fn open(&self, channel: &ChannelKey, linger: Option<Duration>) -> Result<ChannelRecord> {
        let now = self.world.clock.now();
        let (record, new) = self.world.store.open_channel(ChannelRecord::new(channel.clone(), now.wall)).await?;
        if new {
            self.command(now, Input::Opened { channel: channel.clone(), linger }).await;
        }
        Ok(record)
    }

    /// Ends a channel with a record: its record and members first, then everybody out. False = there was none.
    ///
    /// # Errors
    /// Store faults. What the engine could not confirm is done again by itself.
    pub async fn end_adhoc(&self, channel: &ChannelKey) -> Result<bool> {
        let known = self.world.store.end_channel(channel).await?;
        if known {
            self.end_media(channel).await;
            self.world.tell(Happening::Ended(channel.clone())).await;
        }
        Ok(known)
    }

    /// Everybody out; what the engine could not confirm is done again by itself.
    async fn end_media(&self, channel: &ChannelKey) {
        if self.world.media().end_channel(channel).await.is_err() {
            lock(&self.agenda).again(self.world.clock.now(), Effect::EndChannel(channel.clone()));
        }
    }

    async fn release(&self, now: Now, channel: &ChannelKey, user: &UserId) -> Result<()> {
        if let Some(class) = self.world.class_of(channel).await? {
            return self.class_deserted(&class, user).await;
        }
        let Found::Room(room) = self.world.find(channel).await? else { return Ok(()) };
        let Some((index, taken)) = room.seat_of(user) else { return Ok(()) };
        if !taken.attended || self.world.is_here(channel, user) {
            return Ok(());
        }
        let command = Command::Release { index, stay: taken.stay };
        let applied = self.world.store.apply(channel.app, room.id, command, now.wall).await?;
        match applied {
            Some(Applied { room, outcome: Outcome::Freed(freed) }) => {
                self.world.tell(Happening::Seats { room, freed }).await;
                self.world.tell_standing(channel, user).await
            }
            _ => Ok(()),
        }
    }
}

fn call_input(event: &MediaEvent, change: &Change) -> Option<CallInput> {
    let (channel, user, at) = (event.channel.clone(), change.user.clone(), event.at);
    match change.change {
        PresenceChange::Came => Some(CallInput::Came { channel, user, at }),
        PresenceChange::Gone { reason, lost } => Some(CallInput::Gone { channel, user, at, reason, lost }),
        PresenceChange::StillThere => None,
    }
}
