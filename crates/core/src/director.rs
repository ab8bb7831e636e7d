//! What happens by itself: seats of absent users are freed, dismissed rooms end step by step, and
//! what the media engine could not confirm is told again.
//!
//! [`Agenda`] decides, with time passed in; [`Director`] carries its effects out through the ports.
//! The shell feeds events and wakes it at [`Director::next_deadline`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Result;
use crate::id::{ChannelKey, UserId};
use crate::live::PresenceChange;
use crate::media::{MediaEvent, MediaFact};
use crate::time::Now;
use crate::voice::{Command, Outcome, Room};
use crate::world::World;

/// Delay before something the engine or store could not confirm is tried again. Shorter burdens a
/// struggling part, longer leaves a wrong right in force.
const RETRY: Duration = Duration::from_secs(2);

/// Times of voice-room.md 5.6 and 5.7.
#[derive(Debug, Clone, Copy)]
pub struct DirectorConfig {
    /// Life of a seat after its holder's last live session.
    pub seat_grace: Duration,
    /// The same after a restart, from the moment the listeners are open.
    pub seat_restart_grace: Duration,
    /// From dismissal to the announcement.
    pub dismiss_announce: Duration,
    /// From the announcement to the end of the channel.
    pub dismiss_media: Duration,
}

/// Something happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// A user's last live session in the channel ended.
    Absent {
        /// Where.
        channel: ChannelKey,
        /// Who.
        user: UserId,
    },
    /// A user has a live session in the channel.
    Present {
        /// Where.
        channel: ChannelKey,
        /// Who.
        user: UserId,
    },
    /// A room was dismissed just now.
    Dismissed {
        /// The room, as of that commit.
        room: Arc<Room>,
    },
    /// The engine did not confirm a user's standing.
    StandingDue {
        /// Where.
        channel: ChannelKey,
        /// Whose.
        user: UserId,
    },
    /// After a restart: rooms with holders whose presence counts. Nobody is connected yet.
    Restored {
        /// The rooms.
        rooms: Vec<Arc<Room>>,
    },
}

/// Something is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The user's seat, if any, counts as attended from now on.
    Attend(ChannelKey, UserId),
    /// Free the user's seat if the user is still absent and the seat attended.
    Release(ChannelKey, UserId),
    /// Nobody may publish in the channel of a dismissed room.
    Silence(ChannelKey, u64),
    /// Push the user's standing to the engine again.
    Standing(ChannelKey, UserId),
    /// Everybody out: `ROOM_DELETED`.
    EndChannel(ChannelKey),
}

/// The plain state machine: what is due when.
#[derive(Debug)]
pub struct Agenda {
    config: DirectorConfig,
    due: BTreeMap<(Duration, u64), Effect>,
    /// The running grace of an absent user, so that a return can stop it.
    absences: BTreeMap<(ChannelKey, UserId), (Duration, u64)>,
    next_key: u64,
}

impl Agenda {
    /// Nothing due.
    #[must_use]
    pub fn new(config: DirectorConfig) -> Self {
        Self { config, due: BTreeMap::new(), absences: BTreeMap::new(), next_key: 0 }
    }

    fn plan(&mut self, at: Duration, effect: Effect) -> (Duration, u64) {
        let key = (at, self.next_key);
        self.next_key += 1;
        self.due.insert(key, effect);
        key
    }

    fn absent(&mut self, now: Now, grace: Duration, channel: ChannelKey, user: UserId) {
        // Only channels that may belong to a voice room have seats to free.
        if channel.room_id().is_none() {
            return;
        }
        self.forget(&channel, &user);
        let key = self.plan(now.mono + grace, Effect::Release(channel.clone(), user.clone()));
        self.absences.insert((channel, user), key);
    }

    fn forget(&mut self, channel: &ChannelKey, user: &UserId) {
        if let Some(key) = self.absences.remove(&(channel.clone(), user.clone())) {
            self.due.remove(&key);
        }
    }

    /// Takes an input; answers what is to be done at once.
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        match input {
            Input::Absent { channel, user } => {
                self.absent(now, self.config.seat_grace, channel, user);
                Vec::new()
            }
            Input::Present { channel, user } => {
                self.forget(&channel, &user);
                if channel.room_id().is_some() { vec![Effect::Attend(channel, user)] } else { Vec::new() }
            }
            Input::Dismissed { room } => {
                let channel = room.channel();
                let end = now.mono + self.config.dismiss_announce + self.config.dismiss_media;
                self.plan(end, Effect::EndChannel(channel.clone()));
                vec![Effect::Silence(channel, room.version)]
            }
            Input::StandingDue { channel, user } => {
                self.plan(now.mono + RETRY, Effect::Standing(channel, user));
                Vec::new()
            }
            Input::Restored { rooms } => {
                let grace = self.config.seat_grace.max(self.config.seat_restart_grace);
                for room in rooms {
                    for (_, taken) in room.holders().filter(|(_, t)| t.attended) {
                        self.absent(now, grace, room.channel(), taken.user.clone());
                    }
                }
                Vec::new()
            }
        }
    }

    /// What is due at `now`, in order.
    pub fn take_due(&mut self, now: Now) -> Vec<Effect> {
        let later = self.due.split_off(&(now.mono + Duration::from_nanos(1), 0));
        let due: Vec<Effect> = std::mem::replace(&mut self.due, later).into_values().collect();
        for effect in &due {
            if let Effect::Release(channel, user) = effect {
                self.absences.remove(&(channel.clone(), user.clone()));
            }
        }
        due
    }

    /// When something is due next, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    fn again(&mut self, now: Now, effect: Effect) {
        self.plan(now.mono + RETRY, effect);
    }
}

/// Performs what the [`Agenda`] decides.
pub struct Director {
    world: World,
    agenda: Mutex<Agenda>,
}

impl Director {
    /// A director with nothing on its agenda.
    #[must_use]
    pub fn new(world: World, config: DirectorConfig) -> Self {
        Self { world, agenda: Mutex::new(Agenda::new(config)) }
    }

    fn agenda(&self) -> MutexGuard<'_, Agenda> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads what a restart left behind. Call when the listeners are open.
    ///
    /// # Errors
    /// Store faults.
    pub async fn restore(&self) -> Result<()> {
        let rooms = self.world.store.rooms_with_attended_seats().await?;
        self.command(self.world.clock.now(), Input::Restored { rooms }).await;
        Ok(())
    }

    /// Takes in a fact of the media engine.
    pub async fn event(&self, event: &MediaEvent) {
        let now = self.world.clock.now();
        let joined = matches!(event.fact, MediaFact::ParticipantJoined(_));
        let Some((user, change)) = self.world.live.note(event) else { return };
        let channel = event.channel.clone();
        match change {
            PresenceChange::Came => self.command(now, Input::Present { channel, user }).await,
            PresenceChange::Gone => self.command(now, Input::Absent { channel, user }).await,
            // A seat may have been taken over HTTP since the first session came.
            PresenceChange::StillThere if joined => self.command(now, Input::Present { channel, user }).await,
            PresenceChange::StillThere => {}
        }
    }

    /// Takes an input and carries out what is to be done at once.
    pub async fn command(&self, now: Now, input: Input) {
        let effects = self.agenda().handle(now, input);
        self.perform_all(now, effects).await;
    }

    /// Carries out what is due.
    pub async fn tick(&self) {
        let now = self.world.clock.now();
        let effects = self.agenda().take_due(now);
        self.perform_all(now, effects).await;
    }

    /// When [`Director::tick`] is wanted next, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.agenda().next_deadline()
    }

    /// A seat taken by somebody who turned out to be connected counts as attended.
    ///
    /// # Errors
    /// Store faults.
    pub async fn attend(&self, channel: &ChannelKey, user: &UserId) -> Result<()> {
        let Some(room) = self.room(channel).await? else { return Ok(()) };
        if room.seat_of(user).is_some_and(|(_, t)| !t.attended) {
            let command = Command::Attend { user: user.clone() };
            self.world.store.apply(channel.app, room.id, command, self.world.clock.now().wall).await?;
        }
        Ok(())
    }

    async fn room(&self, channel: &ChannelKey) -> Result<Option<Arc<Room>>> {
        match channel.room_id() {
            Some(id) => self.world.store.room(channel.app, id).await,
            None => Ok(None),
        }
    }

    async fn perform_all(&self, now: Now, effects: Vec<Effect>) {
        for effect in effects {
            if self.perform(now, &effect).await.is_err() {
                self.agenda().again(now, effect);
            }
        }
    }

    async fn perform(&self, now: Now, effect: &Effect) -> Result<()> {
        let media = self.world.media();
        match effect {
            Effect::Attend(channel, user) => self.attend(channel, user).await,
            Effect::Release(channel, user) => self.release(now, channel, user).await,
            Effect::Silence(channel, revision) => media.silence(channel, *revision).await,
            Effect::Standing(channel, user) => match self.room(channel).await? {
                Some(room) => media.set_standing(channel, user, &room.standing(user)).await,
                None => Ok(()),
            },
            Effect::EndChannel(channel) => media.end_channel(channel).await,
        }
    }

    async fn release(&self, now: Now, channel: &ChannelKey, user: &UserId) -> Result<()> {
        let Some(room) = self.room(channel).await? else { return Ok(()) };
        let Some((index, taken)) = room.seat_of(user) else { return Ok(()) };
        if !taken.attended || self.world.live.is_online(channel, user) {
            return Ok(());
        }
        let command = Command::Release { index, stay: taken.stay };
        let applied = self.world.store.apply(channel.app, room.id, command, now.wall).await?;
        match applied {
            Some(a) if matches!(a.outcome, Outcome::Freed(_)) => {
                self.world.media().set_standing(channel, user, &a.room.standing(user)).await
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AppId, RoomId};
    use crate::time::UnixMs;

    fn at(secs: u64) -> Now {
        Now { wall: UnixMs(0), mono: Duration::from_secs(secs) }
    }

    fn agenda() -> Agenda {
        Agenda::new(DirectorConfig {
            seat_grace: Duration::from_secs(30),
            seat_restart_grace: Duration::from_secs(60),
            dismiss_announce: Duration::from_secs(1),
            dismiss_media: Duration::from_secs(2),
        })
    }

    fn bob() -> (ChannelKey, UserId) {
        (ChannelKey::of_room(AppId(1), RoomId([1; 16])), UserId::new("bob").unwrap())
    }

    #[test]
    fn an_absent_holder_is_released_after_the_grace_and_not_before() {
        let (channel, user) = bob();
        let mut a = agenda();
        a.handle(at(10), Input::Absent { channel: channel.clone(), user: user.clone() });
        assert_eq!(a.next_deadline(), Some(Duration::from_secs(40)));
        assert!(a.take_due(at(39)).is_empty());
        assert_eq!(a.take_due(at(40)), [Effect::Release(channel, user)]);
        assert_eq!(a.next_deadline(), None);
    }

    #[test]
    fn a_return_stops_the_timer_and_a_new_absence_starts_it_anew() {
        let (channel, user) = bob();
        let mut a = agenda();
        let absent = Input::Absent { channel: channel.clone(), user: user.clone() };
        a.handle(at(0), absent.clone());
        let done = a.handle(at(20), Input::Present { channel: channel.clone(), user: user.clone() });
        assert_eq!(done, [Effect::Attend(channel, user)]);
        assert_eq!(a.next_deadline(), None);
        a.handle(at(25), absent.clone());
        a.handle(at(28), absent);
        assert_eq!(a.take_due(at(57)).len(), 0);
        assert_eq!(a.take_due(at(58)).len(), 1);
    }

    #[test]
    fn a_clock_jump_of_the_wall_fires_nothing() {
        let (channel, user) = bob();
        let mut a = agenda();
        a.handle(at(0), Input::Absent { channel, user });
        assert!(a.take_due(Now { wall: UnixMs(i64::MAX), mono: Duration::from_secs(1) }).is_empty());
    }

    #[test]
    fn adhoc_channels_have_no_seats_to_free() {
        let mut a = agenda();
        let channel = ChannelKey { app: AppId(1), name: crate::id::ChannelName::new("raid-7").unwrap() };
        let user = UserId::new("bob").unwrap();
        assert!(a.handle(at(0), Input::Present { channel: channel.clone(), user: user.clone() }).is_empty());
        a.handle(at(0), Input::Absent { channel, user });
        assert_eq!(a.next_deadline(), None);
    }
}
