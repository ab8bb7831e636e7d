//! What happens by itself, and when: seats of absent users are freed, dismissed rooms end step by step, deserted
//! channels end, mutes run out, and what the media engine could not confirm is told again. No IO; time is passed in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::id::{AppId, ChannelKey, ClassId, UserId};
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
    /// From a class member's last live connection to its leave (classroom.md 5.2).
    pub member_grace: Duration,
    /// A join this young may be a reloaded page, whose old self still says goodbye (classroom.md 5.2 rule 4).
    pub leave_grace: Duration,
    /// Time of class members to come back after a restart.
    pub class_restart_grace: Duration,
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
        /// How long ago its last sign of life was. It shortens the grace of members; seats count from now.
        silent: Duration,
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
    /// A place on a class's stage ends after so long unless it became firm.
    StageEnds {
        /// Tenant.
        app: AppId,
        /// Where.
        class: ClassId,
        /// Users on stage at most.
        stage_max: usize,
        /// From now.
        after: Duration,
    },
    /// A dismissed room was announced: what follows counts from now.
    Announced {
        /// Which.
        channel: ChannelKey,
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
    /// After a restart: class members who had a connection.
    MembersRestored {
        /// Who, where.
        members: Vec<(ChannelKey, UserId)>,
    },
    /// A class member said goodbye, which may be an old page's (classroom.md 5.2 rule 4).
    LeaveAsked {
        /// Where.
        channel: ChannelKey,
        /// Who.
        user: UserId,
        /// Has a live connection.
        online: bool,
        /// How long ago the user last asked to join.
        age: Duration,
    },
    /// A class member asked to join.
    Joined {
        /// Where.
        channel: ChannelKey,
        /// Who.
        user: UserId,
    },
}

/// Something is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The user's seat or class membership, if any, counts as attended from now on.
    Attend(ChannelKey, UserId),
    /// Free the user's seat, or end the stay in class, if the user is still absent and it was attended.
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
    /// Places on a stage whose time is over end.
    SweepStage(AppId, ClassId, usize),
    /// Everybody out: `ROOM_DELETED`.
    EndChannel(ChannelKey),
    /// End a channel with a record if it is still deserted.
    EndDeserted(ChannelKey),
    /// Write the call records that could not be written.
    WriteCalls,
}

/// A goodbye that has not taken effect, on the monotonic clock.
#[derive(Debug, Clone, Copy)]
struct Goodbye {
    /// Void if the user has a connection then.
    until: Duration,
    /// Not before this: a join is too young.
    earliest: Duration,
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
    goodbyes: BTreeMap<(ChannelKey, UserId), Goodbye>,
    next_key: u64,
}

impl Agenda {
    /// Nothing due.
    #[must_use]
    pub fn new(config: DirectorConfig) -> Self {
        Self {
            config,
            due: BTreeMap::new(),
            absences: BTreeMap::new(),
            lingers: BTreeMap::new(),
            goodbyes: BTreeMap::new(),
            next_key: 0,
        }
    }

    fn plan(&mut self, at: Duration, effect: Effect) -> (Duration, u64) {
        let key = (at, self.next_key);
        self.next_key += 1;
        self.due.insert(key, effect);
        key
    }

    /// A user's absence began; it counts at `at`.
    fn absent_until(&mut self, at: Duration, channel: ChannelKey, user: UserId) {
        self.forget(&channel, &user);
        let key = self.plan(at, Effect::Release(channel.clone(), user.clone()));
        self.absences.insert((channel, user), key);
    }

    fn absent(&mut self, now: Now, channel: ChannelKey, user: UserId, silent: Duration) {
        // Only channels that may belong to a voice room or a class have something to free.
        if channel.room_id().is_some() {
            self.absent_until(now.mono + self.config.seat_grace, channel, user);
        } else if channel.meeting_id().is_some() {
            let usual = now.mono + self.config.member_grace.saturating_sub(silent);
            let goodbye = self.goodbyes.get(&(channel.clone(), user.clone())).filter(|g| now.mono < g.until);
            let at = goodbye.map_or(usual, |g| g.earliest.max(now.mono).min(usual));
            self.absent_until(at, channel, user);
        }
    }

    fn leave_asked(&mut self, now: Now, (channel, user): (ChannelKey, UserId), online: bool, age: Duration) {
        let earliest = (now.mono + self.config.leave_grace).saturating_sub(age).max(now.mono);
        // Void ones are of no use to anybody.
        self.goodbyes.retain(|_, g| now.mono < g.until);
        if online {
            let until = now.mono + self.config.leave_grace;
            self.goodbyes.insert((channel, user), Goodbye { until, earliest });
            return;
        }
        let usual = self.absences.get(&(channel.clone(), user.clone())).map_or(earliest, |(at, _)| *at);
        self.absent_until(earliest.min(usual), channel, user);
    }

    /// A page that has just asked to join is about to connect.
    fn joined(&mut self, now: Now, channel: ChannelKey, user: UserId) {
        let earliest = now.mono + self.config.leave_grace;
        let key = (channel, user);
        if let Some(goodbye) = self.goodbyes.get_mut(&key) {
            goodbye.earliest = earliest;
        }
        if self.absences.contains_key(&key) {
            self.absent_until(earliest, key.0, key.1);
        }
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
            Input::Absent { channel, user, silent } => self.absent(now, channel, user, silent),
            Input::Present { channel, user } => {
                self.forget(&channel, &user);
                self.stay(&channel);
                if channel.room_id().is_some() || channel.meeting_id().is_some() {
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
            Input::StageEnds { app, class, stage_max, after } => {
                self.plan(now.mono.saturating_add(after), Effect::SweepStage(app, class, stage_max));
            }
            Input::Announced { channel } => self.announced(now, &channel),
            Input::RemovalDue { channel, user, removal } => {
                self.plan(now.mono + RETRY, Effect::Remove(channel, user, removal));
            }
            Input::Restored { rooms } => {
                let grace = self.config.seat_grace.max(self.config.seat_restart_grace);
                for room in rooms {
                    for (_, taken) in room.holders().filter(|(_, t)| t.attended) {
                        self.absent_until(now.mono + grace, room.channel(), taken.user.clone());
                    }
                }
            }
            Input::MembersRestored { members } => {
                let grace = self.config.member_grace.max(self.config.class_restart_grace);
                for (channel, user) in members {
                    self.absent_until(now.mono + grace, channel, user);
                }
            }
            Input::LeaveAsked { channel, user, online, age } => self.leave_asked(now, (channel, user), online, age),
            Input::Joined { channel, user } => self.joined(now, channel, user),
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

    /// The owner's own announcement came before ours was due.
    fn announced(&mut self, now: Now, channel: &ChannelKey) {
        let pending = |(key, e): (&(Duration, u64), &Effect)| (*e == Effect::Announce(channel.clone())).then_some(*key);
        let Some(key) = self.due.iter().find_map(pending) else { return };
        let Some(announce) = self.due.remove(&key) else { return };
        self.plan(now.mono, announce);
        let end = Effect::EndChannel(channel.clone());
        let pending = |(key, e): (&(Duration, u64), &Effect)| (*e == end).then_some(*key);
        if let Some(key) = self.due.iter().find_map(pending) {
            self.due.remove(&key);
            self.plan(now.mono + self.config.dismiss_media, end);
        }
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
mod tests;
