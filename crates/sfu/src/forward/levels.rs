//! Who is speaking, from the audio-level header extension alone (media.md 6.6).
//!
//! Sound is judged in windows of 400 ms: a track counts in a window when it was loud for 40 % of it. The level
//! is smoothed over two windows, so a cough does not blink and a pause between words does not go dark.

use std::collections::BTreeMap;
use std::time::Duration;

/// Length of a window, and the least time between two reports (LiveKit's default). Shorter reacts faster and
/// costs more messages to everybody in the channel.
pub const WINDOW: Duration = Duration::from_millis(400);
/// A packet is loud above this (LiveKit's default). Lower catches whisperers and fans alike.
pub const LOUD_DBOV: i8 = -35;
/// A window counts when loud for this share of it, in percent. Higher ignores more knocks and clicks.
const LOUD_PERCENT: u32 = 40;
/// Weight of the newest window in the smoothed level: 2 / (n + 1) for n = 2 windows.
const SMOOTHING: f64 = 2.0 / 3.0;
/// Levels are told in so many steps; finer steps would make every window a change.
const STEPS: f64 = 8.0;
/// Payloads up to this many bytes are Opus' silence (DTX) packets. For senders without the extension.
const DTX_PAYLOAD: usize = 10;
/// What a sender without the extension counts as while its packets are more than silence.
const ASSUMED_DBOV: i8 = -30;
/// Longest sound one packet is taken to hold. Opus packets hold 120 ms at most; more would be a timestamp jump.
const MAX_PACKET: Duration = Duration::from_millis(120);

/// The level of a packet in dBov (0 = loudest, −127 = silent): as its header says, or guessed from its size.
#[must_use]
pub fn loudness(extension: Option<i8>, payload: usize) -> i8 {
    match extension {
        Some(level) => level.min(0),
        None if payload > DTX_PAYLOAD => ASSUMED_DBOV,
        None => -127,
    }
}

/// The scale of the wire, 0 to 1.
fn linear(dbov: f64) -> f64 {
    10f64.powf(dbov / 20.0)
}

/// One active speaker.
#[derive(Debug, Clone, PartialEq)]
pub struct Speaker<K> {
    /// Which track.
    pub key: K,
    /// 0 to 1, in steps of an eighth.
    pub level: f32,
}

#[derive(Debug, Clone, Default)]
struct Track {
    loud: Duration,
    loudest: Option<i8>,
    smoothed: f64,
}

/// The speakers of one channel. `K` names a track.
#[derive(Debug, Clone)]
pub struct Speakers<K> {
    tracks: BTreeMap<K, Track>,
    window_end: Option<Duration>,
    told: Vec<Speaker<K>>,
}

impl<K> Default for Speakers<K> {
    fn default() -> Self {
        Self { tracks: BTreeMap::new(), window_end: None, told: Vec::new() }
    }
}

impl<K: Ord + Clone> Speakers<K> {
    /// A packet of sound that passed the gate: its level and how much sound it holds (usually 20 ms).
    pub fn observe(&mut self, now: Duration, key: &K, dbov: i8, length: Duration) {
        self.window_end.get_or_insert(now + WINDOW);
        let track = match self.tracks.get_mut(key) {
            Some(track) => track,
            None => self.tracks.entry(key.clone()).or_default(),
        };
        if dbov > LOUD_DBOV {
            track.loud += length.min(MAX_PACKET);
            track.loudest = track.loudest.max(Some(dbov));
        }
    }

    /// The track was muted, unpublished or hidden: it stops speaking at the next report.
    pub fn remove(&mut self, key: &K) {
        self.tracks.remove(key);
    }

    /// When [`Self::poll`] has something to do; nothing while all are silent.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.window_end
    }

    /// At the end of a window: all active speakers, loudest first, if that list changed.
    pub fn poll(&mut self, now: Duration) -> Option<Vec<Speaker<K>>> {
        if self.window_end.is_none_or(|end| now < end) {
            return None;
        }
        self.tracks.values_mut().for_each(Track::close_window);
        self.tracks.retain(|_, t| t.is_active());
        let list = self.active();
        // The next window runs on while anybody may still fade; else the next packet starts one.
        self.window_end = (!self.tracks.is_empty()).then(|| now + WINDOW);
        if list == self.told {
            return None;
        }
        self.told.clone_from(&list);
        self.window_end.get_or_insert(now + WINDOW);
        Some(list)
    }

    /// The list as last reported, for a participant who just came.
    #[must_use]
    pub fn current(&self) -> &[Speaker<K>] {
        &self.told
    }

    fn active(&self) -> Vec<Speaker<K>> {
        let mut list: Vec<_> = self.tracks.iter().map(|(key, t)| (key, t.smoothed)).collect();
        list.sort_by(|a, b| quantised(b.1).total_cmp(&quantised(a.1)).then_with(|| a.0.cmp(b.0)));
        list.into_iter().map(|(key, level)| Speaker { key: key.clone(), level: quantised(level) }).collect()
    }
}

impl Track {
    fn close_window(&mut self) {
        let heard = match self.loudest {
            Some(loudest) if self.loud * 100 >= WINDOW * LOUD_PERCENT => {
                let share = (self.loud.as_secs_f64() / WINDOW.as_secs_f64()).min(1.0);
                linear(f64::from(loudest)) * share
            }
            _ => 0.0,
        };
        self.smoothed += (heard - self.smoothed) * SMOOTHING;
        self.loud = Duration::ZERO;
        self.loudest = None;
    }

    fn is_active(&self) -> bool {
        self.smoothed >= linear(f64::from(LOUD_DBOV))
    }
}

/// Rounded up, so that an active speaker never shows as 0.
#[expect(clippy::cast_possible_truncation, reason = "a value of 0 to 1 in eighths is exact in f32")]
fn quantised(level: f64) -> f32 {
    ((level * STEPS).ceil() / STEPS).min(1.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Duration = Duration::from_millis(20);

    /// Plays windows of 20 ms packets; returns the reports with the window they came after.
    fn play(speakers: &mut Speakers<char>, from: u64, windows: &[&[(char, i8, u64)]]) -> Vec<(usize, String)> {
        let mut reports = vec![];
        for (n, tracks) in windows.iter().enumerate() {
            let start = Duration::from_millis(from + 400 * n as u64);
            for i in 0..20u64 {
                for (key, level, packets) in *tracks {
                    if i < *packets {
                        speakers.observe(start + PACKET * u32::try_from(i).unwrap(), key, *level, PACKET);
                    }
                }
            }
            if let Some(list) = speakers.poll(start + WINDOW) {
                reports.push((n, list.iter().map(|s| s.key).collect()));
            }
        }
        reports
    }

    #[test]
    fn loud_for_forty_percent_of_a_window_is_speaking() {
        let mut s = Speakers::default();
        assert_eq!(play(&mut s, 0, &[&[('a', -20, 8), ('b', -20, 7), ('c', -35, 20)]]), [(0, "a".to_owned())]);
    }

    #[test]
    fn the_list_is_ordered_by_loudness_and_told_on_change_only() {
        let mut s = Speakers::default();
        let talk: &[(char, i8, u64)] = &[('a', -20, 20), ('b', -5, 20)];
        let reports = play(&mut s, 0, &[talk, talk, talk, talk, talk, talk, talk, talk]);
        assert_eq!(reports[0], (0, "ba".to_owned()));
        assert!(reports.len() <= 3, "levels settle, then nothing is told: {reports:?}");
        let more = play(&mut s, 3200, &[talk, talk, &[('a', -3, 20), ('b', -25, 20)]]);
        assert_eq!(more, [(2, "ab".to_owned())]);
        assert!(s.current().iter().all(|x| x.level > 0.0 && x.level <= 1.0));
    }

    #[test]
    fn a_speaker_fades_within_a_few_windows_and_then_costs_nothing() {
        let mut s = Speakers::default();
        let talk: &[(char, i8, u64)] = &[('a', -10, 20)];
        play(&mut s, 0, &[talk, talk, talk]);
        let fade = play(&mut s, 1200, &[&[], &[], &[], &[], &[]]);
        let (after, list) = fade.last().unwrap();
        assert!(list.is_empty() && *after <= 3, "{fade:?}");
        assert_eq!(s.deadline(), None);
    }

    #[test]
    fn reports_are_at_least_a_window_apart() {
        let mut s = Speakers::default();
        let mut last = None::<Duration>;
        for i in 0..5_000u64 {
            let now = Duration::from_millis(i * 7);
            s.observe(now, &(i / 40 % 3), if i % 97 < 40 { -5 } else { -60 }, PACKET);
            if s.poll(now).is_some() {
                assert!(last.is_none_or(|l| now - l >= WINDOW));
                last = Some(now);
            }
        }
        assert!(last.is_some());
    }

    #[test]
    fn a_removed_track_is_gone_from_the_next_report() {
        let mut s = Speakers::default();
        play(&mut s, 0, &[&[('a', -10, 20), ('b', -10, 20)]]);
        s.remove(&'a');
        assert_eq!(play(&mut s, 400, &[&[('b', -10, 20)]]), [(0, "b".to_owned())]);
    }

    #[test]
    fn a_removed_only_speaker_is_told_as_silence() {
        let mut s = Speakers::default();
        play(&mut s, 0, &[&[('a', -10, 20)]]);
        s.remove(&'a');
        assert_eq!(s.deadline(), Some(WINDOW * 2));
        assert_eq!(s.poll(WINDOW * 2), Some(vec![]));
    }

    #[test]
    fn senders_without_the_extension_speak_while_more_than_silence_flows() {
        assert!(loudness(None, 80) > LOUD_DBOV);
        assert!(loudness(None, 1) < LOUD_DBOV);
        assert_eq!(loudness(Some(-50), 80), -50);
        assert_eq!(loudness(Some(5), 80), 0, "a nonsense level is the loudest, not more");
    }
}
