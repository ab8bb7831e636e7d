//! Who may publish besides the teacher, and with what (classroom.md 5.6).

use std::time::Duration;

use serde_json::{Map, Value};

use crate::id::UserId;
use crate::media::Muted;
use crate::time::UnixMs;

/// Life of a place that only an invitation or an accepted application gave: the official client publishes first and is
/// named in the meeting's list about 1.5 s later.
pub const PROVISIONAL: Duration = Duration::from_secs(120);

/// One user on stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnStage {
    /// Who.
    pub user: UserId,
    /// Ends by itself then unless the meeting's list names the user; [`UnixMs::MAX`] = firm.
    pub until: UnixMs,
    /// The teacher switched the microphone off, alone or with all others: the last word counts, as in the official client.
    pub mic_off: bool,
    /// The teacher switched the camera off.
    pub camera_off: bool,
}

/// The stage, in the order in which people came on it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stage {
    /// Who is on it.
    pub on: Vec<OnStage>,
    /// Microphones of those who come are off.
    pub mics_off: bool,
}

/// A change of the stage that a message of the class asks for. Who may ask is judged with the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageOp {
    /// An invitation, or an accepted application.
    Enter(UserId),
    /// Off the stage.
    Leave(UserId),
    /// Everybody off.
    Clear,
    /// The user's microphone is on or off.
    Mic(UserId, bool),
    /// The user's camera is on or off.
    Camera(UserId, bool),
    /// All microphones are off, or none, and so are those of who comes.
    MicsOff(bool),
    /// Provisional places whose time is over end.
    Sweep,
}

impl Stage {
    /// Whether this user is on it at `now`.
    #[must_use]
    pub fn holds(&self, user: &UserId, now: UnixMs) -> bool {
        self.on.iter().any(|s| s.user == *user && now < s.until)
    }

    /// Who is on it, in order, provisional places whose time is over with them.
    #[must_use]
    pub fn users(&self) -> Vec<UserId> {
        self.on.iter().map(|s| s.user.clone()).collect()
    }

    /// How many are on it at `now`.
    #[must_use]
    pub fn len(&self, now: UnixMs) -> usize {
        self.on.iter().filter(|s| now < s.until).count()
    }

    /// What the teacher switched off of a user on it.
    #[must_use]
    pub fn muted(&self, user: &UserId) -> Muted {
        let Some(place) = self.on.iter().find(|s| s.user == *user) else { return Muted::default() };
        Muted { audio: place.mic_off, video: place.camera_off }
    }

    /// Takes a user off. False = was not on it.
    pub fn leave(&mut self, user: &UserId) -> bool {
        let had = self.on.len();
        self.on.retain(|s| s.user != *user);
        had != self.on.len()
    }

    /// A user whom the meeting's list names is on it for good: one on it keeps the place, another comes if there is
    /// room. False = nothing changed.
    pub fn name(&mut self, user: &UserId, max: usize, now: UnixMs) -> bool {
        self.sweep(now);
        if let Some(place) = self.on.iter_mut().find(|s| s.user == *user) {
            let was = std::mem::replace(&mut place.until, UnixMs::MAX);
            return was != UnixMs::MAX;
        }
        let room = self.on.len() < max;
        if room {
            self.place(user, UnixMs::MAX);
        }
        room
    }

    fn place(&mut self, user: &UserId, until: UnixMs) {
        self.on.push(OnStage { user: user.clone(), until, mic_off: self.mics_off, camera_off: false });
    }

    /// Every microphone on it is off or on, and so are those of who comes.
    pub fn mute_all(&mut self, off: bool) {
        self.mics_off = off;
        for place in &mut self.on {
            place.mic_off = off;
        }
    }

    /// Somebody invited or accepted comes on it for a while. False = the stage is full.
    pub fn enter(&mut self, user: &UserId, max: usize, now: UnixMs) -> bool {
        self.sweep(now);
        let until = now.plus(PROVISIONAL);
        if let Some(place) = self.on.iter_mut().find(|s| s.user == *user) {
            place.until = place.until.max(until);
            return true;
        }
        if self.on.len() >= max {
            return false;
        }
        self.place(user, until);
        true
    }

    /// Forgets places whose time is over; answers whose.
    pub fn sweep(&mut self, now: UnixMs) -> Vec<UserId> {
        let gone = self.on.iter().filter(|s| s.until <= now).map(|s| s.user.clone()).collect();
        self.on.retain(|s| now < s.until);
        gone
    }

    /// As the store keeps it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let place = |s: &OnStage| {
            let mut out = Map::from_iter([("user".to_owned(), Value::from(s.user.as_str()))]);
            if s.until != UnixMs::MAX {
                out.insert("until".to_owned(), s.until.0.into());
            }
            for (key, off) in [("mic_off", s.mic_off), ("camera_off", s.camera_off)] {
                if off {
                    out.insert(key.to_owned(), true.into());
                }
            }
            Value::Object(out)
        };
        serde_json::json!({ "on": self.on.iter().map(place).collect::<Vec<_>>(), "mics_off": self.mics_off })
    }

    /// Reads what [`Stage::to_value`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let flag = |v: Option<&Value>| v.and_then(Value::as_bool).unwrap_or(false);
        let place = |v: &Value| {
            Some(OnStage {
                user: UserId::new(v.get("user")?.as_str()?).ok()?,
                until: v.get("until").and_then(Value::as_i64).map_or(UnixMs::MAX, UnixMs),
                mic_off: flag(v.get("mic_off")),
                camera_off: flag(v.get("camera_off")),
            })
        };
        let on = value.get("on")?.as_array()?.iter().map(place).collect::<Option<_>>()?;
        Some(Self { on, mics_off: flag(value.get("mics_off")) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(s: &str) -> UserId {
        UserId::new(s).unwrap()
    }

    #[test]
    fn a_provisional_place_ends_by_itself_and_a_named_one_does_not() {
        let mut stage = Stage::default();
        assert!(stage.enter(&user("a"), 2, UnixMs(0)) && stage.name(&user("b"), 2, UnixMs(0)));
        assert!(!stage.enter(&user("c"), 2, UnixMs(0)), "full");
        assert!(stage.holds(&user("a"), UnixMs(119_999)) && !stage.holds(&user("a"), UnixMs(120_000)));
        assert!(stage.enter(&user("c"), 2, UnixMs(120_000)), "its place is free");
        assert!(stage.name(&user("c"), 2, UnixMs(130_000)) && stage.holds(&user("c"), UnixMs(i64::MAX - 1)));
        assert_eq!(stage.len(UnixMs(130_000)), 2);
    }

    #[test]
    fn switches_hold_until_the_stage_is_left() {
        let mut stage = Stage::default();
        stage.name(&user("a"), 9, UnixMs(0));
        stage.on[0].mic_off = true;
        assert_eq!(stage.muted(&user("a")), Muted { audio: true, video: false });
        stage.leave(&user("a"));
        stage.name(&user("a"), 9, UnixMs(0));
        assert_eq!(stage.muted(&user("a")), Muted::default());
    }

    #[test]
    fn of_one_switch_and_that_for_all_the_last_word_counts() {
        let mut stage = Stage::default();
        let audio = |stage: &Stage| ["a", "b"].map(|u| stage.muted(&user(u)).audio);
        stage.name(&user("a"), 9, UnixMs(0));
        stage.mute_all(true);
        stage.enter(&user("b"), 9, UnixMs(0));
        assert_eq!(audio(&stage), [true, true], "also of who comes");
        stage.on[1].mic_off = false;
        assert_eq!(audio(&stage), [true, false]);
        stage.mute_all(false);
        assert_eq!(audio(&stage), [false, false], "also of who was switched off alone");
        assert!(!stage.muted(&user("c")).audio, "who is not on it");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let place = |u: &str, until, mic_off| OnStage { user: user(u), until, mic_off, camera_off: !mic_off };
        let stage = Stage { on: vec![place("李", UnixMs(7), true), place("b", UnixMs::MAX, false)], mics_off: true };
        assert_eq!(Stage::parse(&stage.to_value().to_string()), Some(stage));
        assert_eq!(Stage::parse(&Stage::default().to_value().to_string()), Some(Stage::default()));
        for bad in ["", "[]", r#"{"on":[{}]}"#, r#"{"on":[{"user":""}]}"#] {
            assert_eq!(Stage::parse(bad), None, "{bad}");
        }
    }
}
