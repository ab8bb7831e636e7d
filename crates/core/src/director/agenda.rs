//! What happens by itself, and when: seats of absent users are freed, dismissed rooms end step by step, deserted
//! channels end, mutes run out, and what the media engine could not confirm is told again. No IO; time is passed in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::id::{ChannelKey, UserId};
use crate::media::Removal;
use crate::time::Now;
use crate::voice::Room;

/// Delay before something the engine or store could not confirm is tried again. Shorter burdens a
/// struggling part, longer leaves a wrong right in force.
const RETRY: Duration = Duration::from_secs(2);
/// A channel whose first participant is on the way lasts at least so long, however short the linger is.
const ARRIVAL: Duration = Duration::from_secs(5);

/// Times of voice-room.md 5.6 and 5.7, talk.md 1.4.
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
    /// Life of an adhoc channel after the last present user left.
    pub linger: Duration,
    /// Time to come back within the same call record.
    pub call_grace: Duration,
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
    /// An adhoc channel came to life and waits for its first participant.
    Opened {
        /// Which.
        channel: ChannelKey,
        /// How long it waits; `None` = as long as a deserted one.
        linger: Option<Duration>,
    },
    /// Nobody is present in the channel any more.
    Deserted {
        /// Which.
        channel: ChannelKey,
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
    /// A server mute of a user ends after so long.
    MuteEnds {
        /// Where.
        channel: ChannelKey,
        /// Whose.
        user: UserId,
        /// From now.
        after: Duration,
    },
    /// The engine did not confirm a removal.
    RemovalDue {
        /// Where.
        channel: ChannelKey,
        /// Whom.
        user: UserId,
        /// How.
        removal: Removal,
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
    /// Tell everybody that the channel is dismissed.
    Announce(ChannelKey),
    /// Push the user's standing to the engine again.
    Standing(ChannelKey, UserId),
    /// A mute ran out: push the standing, and tell the channel.
    MuteEnded(ChannelKey, UserId),
    /// Take the user out again.
    Remove(ChannelKey, UserId, Removal),
    /// Everybody out: `ROOM_DELETED`.
    EndChannel(ChannelKey),
    /// End an adhoc channel if it is still deserted.
    EndDeserted(ChannelKey),
    /// Write the call records that could not be written.
    WriteCalls,
}

/// The plain state machine: what is due when.
#[derive(Debug)]
pub struct Agenda {
    config: DirectorConfig,
    due: BTreeMap<(Duration, u64), Effect>,
    /// The running grace of an absent user, so that a return can stop it.
    absences: BTreeMap<(ChannelKey, UserId), (Duration, u64)>,
    /// The running linger of a channel.
    lingers: BTreeMap<ChannelKey, (Duration, u64)>,
    next_key: u64,
}

impl Agenda {
    /// Nothing due.
    #[must_use]
    pub fn new(config: DirectorConfig) -> Self {
        Self { config, due: BTreeMap::new(), absences: BTreeMap::new(), lingers: BTreeMap::new(), next_key: 0 }
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

    fn linger(&mut self, at: Duration, channel: ChannelKey) {
        self.stay(&channel);
        let key = self.plan(at, Effect::EndDeserted(channel.clone()));
        self.lingers.insert(channel, key);
    }

    fn stay(&mut self, channel: &ChannelKey) {
        if let Some(key) = self.lingers.remove(channel) {
            self.due.remove(&key);
        }
    }

    /// Takes an input; answers what is to be done at once.
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        match input {
            Input::Absent { channel, user } => self.absent(now, self.config.seat_grace, channel, user),
            Input::Present { channel, user } => {
                self.forget(&channel, &user);
                self.stay(&channel);
                if channel.room_id().is_some() {
                    return vec![Effect::Attend(channel, user)];
                }
            }
            Input::Opened { channel, linger } => {
                self.linger(now.mono + linger.unwrap_or(self.config.linger).max(ARRIVAL), channel);
            }
            Input::Deserted { channel } => {
                if self.config.linger.is_zero() {
                    return vec![Effect::EndDeserted(channel)];
                }
                self.linger(now.mono + self.config.linger, channel);
            }
            Input::Dismissed { room } => return self.dismissed(now, &room),
            Input::StandingDue { channel, user } => {
                self.plan(now.mono + RETRY, Effect::Standing(channel, user));
            }
            Input::MuteEnds { channel, user, after } => {
                self.plan(now.mono.saturating_add(after), Effect::MuteEnded(channel, user));
            }
            Input::RemovalDue { channel, user, removal } => {
                self.plan(now.mono + RETRY, Effect::Remove(channel, user, removal));
            }
            Input::Restored { rooms } => {
                let grace = self.config.seat_grace.max(self.config.seat_restart_grace);
                for room in rooms {
                    for (_, taken) in room.holders().filter(|(_, t)| t.attended) {
                        self.absent(now, grace, room.channel(), taken.user.clone());
                    }
                }
            }
        }
        Vec::new()
    }

    fn dismissed(&mut self, now: Now, room: &Room) -> Vec<Effect> {
        let channel = room.channel();
        let announce = now.mono + self.config.dismiss_announce;
        self.plan(announce, Effect::Announce(channel.clone()));
        self.plan(announce + self.config.dismiss_media, Effect::EndChannel(channel.clone()));
        vec![Effect::Silence(channel, room.version)]
    }

    /// What is due at `now`, in order.
    pub fn take_due(&mut self, now: Now) -> Vec<Effect> {
        let later = self.due.split_off(&(now.mono + Duration::from_nanos(1), 0));
        let due: Vec<Effect> = std::mem::replace(&mut self.due, later).into_values().collect();
        for effect in &due {
            match effect {
                Effect::Release(channel, user) => {
                    self.absences.remove(&(channel.clone(), user.clone()));
                }
                Effect::EndDeserted(channel) => {
                    self.lingers.remove(channel);
                }
                _ => {}
            }
        }
        due
    }

    /// When something is due next, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Tries an effect again in a moment.
    pub fn again(&mut self, now: Now, effect: Effect) {
        self.plan(now.mono + RETRY, effect);
    }

    /// Somebody is on the way into a channel that was about to end: it is looked at again in a moment.
    pub fn look_again(&mut self, now: Now, channel: ChannelKey) {
        self.linger(now.mono + ARRIVAL, channel);
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
            linger: Duration::from_secs(60),
            call_grace: Duration::from_secs(60),
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

    fn adhoc() -> ChannelKey {
        ChannelKey { app: AppId(1), name: crate::id::ChannelName::new("raid-7").unwrap() }
    }

    #[test]
    fn adhoc_channels_have_no_seats_to_free() {
        let mut a = agenda();
        let user = UserId::new("bob").unwrap();
        assert!(a.handle(at(0), Input::Present { channel: adhoc(), user: user.clone() }).is_empty());
        a.handle(at(0), Input::Absent { channel: adhoc(), user });
        assert_eq!(a.next_deadline(), None);
    }

    #[test]
    fn a_deserted_channel_ends_after_its_linger_unless_somebody_comes() {
        let mut a = agenda();
        let user = UserId::new("bob").unwrap();
        a.handle(at(0), Input::Opened { channel: adhoc(), linger: None });
        a.handle(at(1), Input::Present { channel: adhoc(), user: user.clone() });
        assert_eq!(a.next_deadline(), None);
        a.handle(at(10), Input::Deserted { channel: adhoc() });
        assert!(a.take_due(at(69)).is_empty());
        a.handle(at(69), Input::Present { channel: adhoc(), user });
        a.handle(at(70), Input::Deserted { channel: adhoc() });
        assert!(a.take_due(at(129)).is_empty(), "the timer began anew");
        assert_eq!(a.take_due(at(130)), [Effect::EndDeserted(adhoc())]);
    }

    #[test]
    fn without_linger_it_ends_at_once_but_not_before_the_first_one_is_in() {
        let mut a = agenda();
        a.config.linger = Duration::ZERO;
        a.handle(at(0), Input::Opened { channel: adhoc(), linger: None });
        assert!(a.take_due(at(4)).is_empty());
        assert_eq!(a.handle(at(4), Input::Deserted { channel: adhoc() }), [Effect::EndDeserted(adhoc())]);
    }
}
