//! What came in on one layer of one track, by whole seconds (media.md 1.3, "Statistics, defined").
//!
//! Only packets that passed the gate are told to the counter, so a muted or unpermitted track counts zero.

use std::collections::VecDeque;
use std::time::Duration;

/// How many whole seconds are kept.
pub const SECONDS: usize = 10;

/// The counters of one whole second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// Which second since the counter's first packet.
    pub second: u64,
    /// RTP payload without header, extensions and padding.
    pub bytes: u64,
    /// Packets; no padding-only ones, no RTX.
    pub packets: u32,
    /// Video frames completed. Always 0 for sound.
    pub frames: u32,
}

/// What a counter knows of one layer at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seconds {
    /// The last whole seconds, oldest first.
    pub whole: Vec<Record>,
    /// The second that is not over yet.
    pub running: Record,
}

/// One packet that passed the gate.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// Extended sequence number.
    pub seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker bit.
    pub marker: bool,
    /// Payload bytes without padding; 0 = padding only, which is not counted.
    pub payload: usize,
}

/// Counts one layer of one track.
#[derive(Debug, Clone)]
pub struct Counter {
    video: bool,
    /// When the first packet came. Seconds are counted from here, so that the first is as whole as the others.
    since: Option<Duration>,
    open: Record,
    closed: VecDeque<Record>,
    last_packet: Option<Duration>,
    frame: Option<Frame>,
    highest: Option<u64>,
    expected: u64,
    received: u64,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    timestamp: u32,
    completed: bool,
}

impl Counter {
    /// Starts counting with the first packet.
    #[must_use]
    pub fn new(video: bool) -> Self {
        Self {
            video,
            since: None,
            open: Record::default(),
            closed: VecDeque::with_capacity(SECONDS),
            last_packet: None,
            frame: None,
            highest: None,
            expected: 0,
            received: 0,
        }
    }

    /// A packet passed the gate.
    pub fn packet(&mut self, now: Duration, packet: Counted) {
        self.count_loss(packet.seq);
        if packet.payload == 0 {
            return;
        }
        self.since.get_or_insert(now);
        self.roll(now);
        self.last_packet = Some(now);
        self.open.packets += 1;
        self.open.bytes += packet.payload as u64;
        if self.video {
            self.open.frames += self.frames_completed(packet);
        }
    }

    /// The gate dropped the packet of this number: it is neither counted nor missing.
    pub fn gated(&mut self, seq: u64) {
        self.highest = Some(self.highest.map_or(seq, |h| h.max(seq)));
    }

    /// The track was muted or lost its permission: its records are gone, not frozen.
    pub fn clear(&mut self) {
        *self = Self { highest: self.highest, ..Self::new(self.video) };
    }

    /// The last whole seconds, oldest first; silent seconds are there with zeros.
    #[must_use]
    pub fn records(&mut self, now: Duration) -> Vec<Record> {
        self.roll(now);
        self.closed.iter().copied().collect()
    }

    /// The same, with the second that is not over yet.
    #[must_use]
    pub fn seconds(&mut self, now: Duration) -> Seconds {
        Seconds { whole: self.records(now), running: self.open }
    }

    /// When the last packet with content came.
    #[must_use]
    pub fn last_packet(&self) -> Option<Duration> {
        self.last_packet
    }

    /// Share of packets that never came, 0 to 1, since the start or the last clear.
    #[must_use]
    pub fn loss(&self) -> f64 {
        if self.expected == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people to read")]
        let lost = self.expected.saturating_sub(self.received) as f64 / self.expected as f64;
        lost
    }

    /// Closes seconds up to the one that `now` is in.
    fn roll(&mut self, now: Duration) {
        let Some(since) = self.since else { return };
        let second = now.saturating_sub(since).as_secs();
        if second <= self.open.second {
            return;
        }
        let ended = std::mem::replace(&mut self.open, Record { second, ..Record::default() });
        // After a long silence only the last seconds matter.
        let silent_from = (ended.second + 1).max(second.saturating_sub(SECONDS as u64));
        let silent = (silent_from..second).map(|second| Record { second, ..Record::default() });
        for record in std::iter::once(ended).chain(silent) {
            if self.closed.len() == SECONDS {
                self.closed.pop_front();
            }
            self.closed.push_back(record);
        }
        self.closed.retain(|r| r.second + SECONDS as u64 >= second);
    }

    fn frames_completed(&mut self, packet: Counted) -> u32 {
        let mut completed = 0;
        let newer = self.frame.is_none_or(|f| is_newer(packet.timestamp, f.timestamp));
        if newer {
            // The frame before ended without its marker being seen: lost, or never sent.
            completed += u32::from(self.frame.is_some_and(|f| !f.completed));
            self.frame = Some(Frame { timestamp: packet.timestamp, completed: false });
        }
        if let Some(frame) = &mut self.frame
            && frame.timestamp == packet.timestamp
            && packet.marker
            && !frame.completed
        {
            frame.completed = true;
            completed += 1;
        }
        completed
    }

    fn count_loss(&mut self, seq: u64) {
        self.received += 1;
        match self.highest {
            Some(highest) if seq <= highest => {}
            Some(highest) => self.expected += seq - highest,
            None => self.expected += 1,
        }
        self.highest = Some(self.highest.map_or(seq, |h| h.max(seq)));
    }
}

/// Whether `a` comes after `b` on the wrapping RTP clock.
fn is_newer(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn video(seq: u64, timestamp: u32, marker: bool) -> Counted {
        Counted { seq, timestamp, marker, payload: 1000 }
    }

    #[test]
    fn whole_seconds_hold_what_was_received() {
        let mut c = Counter::new(false);
        for i in 0..400u64 {
            c.packet(ms(2_500 + 20 * i), Counted { seq: i, timestamp: 0, marker: false, payload: 100 });
        }
        let records = c.records(ms(10_500));
        assert_eq!(records.first().unwrap().second, 0, "seconds begin with the first packet");
        assert_eq!(records.last().unwrap().second, 7);
        assert_eq!(c.records(ms(11_400)).last().unwrap().second, 7, "the running second is not told");
        assert!(records.iter().all(|r| (r.bytes, r.packets, r.frames) == (5000, 50, 0)));
        assert_eq!(c.last_packet(), Some(ms(2_500 + 20 * 399)));
    }

    #[test]
    fn silence_counts_zero_and_old_seconds_go() {
        let mut c = Counter::new(false);
        c.packet(ms(500), Counted { seq: 1, timestamp: 0, marker: false, payload: 10 });
        let records = c.records(ms(5_500));
        assert_eq!(records.len(), 5);
        assert_eq!(records[0].bytes, 10);
        assert!(records[1..].iter().all(|r| r.bytes == 0));
        let records = c.records(Duration::from_secs(100));
        assert_eq!(records.iter().map(|r| r.second).collect::<Vec<_>>(), (89..99).collect::<Vec<_>>());
        assert!(records.iter().all(|r| r.packets == 0));
    }

    #[test]
    fn a_mute_clears_the_records() {
        let mut c = Counter::new(true);
        c.packet(ms(100), video(1, 1, true));
        c.clear();
        assert_eq!(c.seconds(ms(4_000)), Seconds::default());
        assert_eq!(c.last_packet(), None);
        c.packet(ms(5_000), video(2, 2, true));
        assert_eq!(c.records(ms(6_000)).len(), 1, "it is young again");
    }

    #[test]
    fn frames_are_distinct_timestamps_completed() {
        let mut c = Counter::new(true);
        let t = u32::MAX - 1000; // the RTP clock wraps on the way
        for (seq, frame, marker) in [
            (1, 0, false),
            (2, 0, true),
            (3, 1, false), // its marker is lost
            (5, 2, true),
            (4, 1, true),  // late: already counted when frame 2 began
            (6, 2, true),  // a second marker of the same frame
            (7, 3, false), // not completed yet
        ] {
            c.packet(ms(10), video(seq, t.wrapping_add(frame * 3000), marker));
        }
        assert_eq!(c.records(ms(1000))[0].frames, 3);
    }

    #[test]
    fn padding_and_gated_packets_count_neither_as_traffic_nor_as_loss() {
        let mut c = Counter::new(true);
        c.packet(ms(0), video(10, 0, true));
        c.packet(ms(1), Counted { payload: 0, ..video(11, 0, false) });
        (12..500).for_each(|seq| c.gated(seq));
        c.packet(ms(2), video(500, 3000, true));
        assert!(c.loss().abs() < f64::EPSILON);
        let r = c.records(ms(1000))[0];
        assert_eq!((r.packets, r.bytes, r.frames), (2, 2000, 2));
        c.packet(ms(1001), video(502, 6000, true));
        assert!((c.loss() - 0.2).abs() < 1e-9, "one of five is missing");
        c.packet(ms(1002), video(501, 6000, true));
        assert!(c.loss().abs() < f64::EPSILON, "it came late");
    }
}
