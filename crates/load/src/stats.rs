//! What bots count, and the window in which it matters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock;
use crate::hist::Hist;

/// First bytes of a bot's packets, so that foreign media is never taken for ours.
const MAGIC: [u8; 4] = *b"STOA";
/// Magic, send time, number, sender tag.
const HEADER: usize = 4 + 8 + 4 + 8;

/// The measuring window of a run, by send time: a packet sent inside it counts, however late it comes.
#[derive(Debug)]
pub struct Meter {
    from: AtomicU64,
    until: AtomicU64,
    sent: AtomicU64,
}

impl Default for Meter {
    fn default() -> Self {
        Self { from: AtomicU64::new(u64::MAX), until: AtomicU64::new(u64::MAX), sent: AtomicU64::new(0) }
    }
}

impl Meter {
    /// Packets sent from now on count.
    pub fn open(&self) {
        self.from.store(clock::nanos(), Ordering::Relaxed);
    }

    /// Packets sent from now on do not count any more.
    pub fn close(&self) {
        self.until.store(clock::nanos(), Ordering::Relaxed);
    }

    /// Packets sent within the window.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn covers(&self, at: u64) -> bool {
        at >= self.from.load(Ordering::Relaxed) && at < self.until.load(Ordering::Relaxed)
    }

    pub(crate) fn count_sent(&self, at: u64) {
        if self.covers(at) {
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What a bot's packet carries in front of its filling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// [`clock::nanos`] at sending.
    pub sent: u64,
    /// Rises by one per packet of this sender.
    pub number: u32,
    /// Which sender, chosen by whoever started it.
    pub tag: u64,
}

impl Stamp {
    /// A payload of `len` bytes (at least the header's 24) that starts with this stamp.
    #[must_use]
    pub fn payload(self, len: usize) -> Vec<u8> {
        let mut p = Vec::with_capacity(len.max(HEADER));
        p.extend_from_slice(&MAGIC);
        p.extend_from_slice(&self.sent.to_be_bytes());
        p.extend_from_slice(&self.number.to_be_bytes());
        p.extend_from_slice(&self.tag.to_be_bytes());
        p.resize(len.max(HEADER), 0xA5);
        p
    }

    /// Reads the stamp; `None` for media that no bot sent.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let rest = payload.strip_prefix(&MAGIC)?;
        let (sent, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (tag, _) = rest.split_first_chunk()?;
        Some(Self {
            sent: u64::from_be_bytes(*sent),
            number: u32::from_be_bytes(*number),
            tag: u64::from_be_bytes(*tag),
        })
    }
}

/// One subscription's counters. Totals run from the first packet; `window_*` only inside the [`Meter`]'s window.
#[derive(Debug, Clone, Default)]
pub struct SubStats {
    /// Media packets received.
    pub packets: u64,
    /// Payload bytes received.
    pub bytes: u64,
    /// RTP sequence numbers jumped over. A late packet takes one back.
    pub gaps: u64,
    /// Packets with a number that was there already or lies before the newest.
    pub late_or_repeated: u64,
    /// When the first packet came.
    pub first: Option<Instant>,
    /// When the newest packet came.
    pub last: Option<Instant>,
    /// Sender's number in the newest packet of a bot.
    pub last_number: Option<u32>,
    /// Sender's tag in the newest packet of a bot.
    pub tag: Option<u64>,
    newest_seq: Option<u64>,
}

impl SubStats {
    fn add(&mut self, seq: u64, payload: &[u8], at: Instant) -> Option<Stamp> {
        self.packets += 1;
        self.bytes += payload.len() as u64;
        self.first.get_or_insert(at);
        self.last = Some(at);
        match self.newest_seq {
            Some(newest) if seq <= newest => {
                self.late_or_repeated += 1;
                self.gaps = self.gaps.saturating_sub(1);
            }
            newest => {
                self.gaps += newest.map_or(0, |n| seq - n - 1);
                self.newest_seq = Some(seq);
            }
        }
        let stamp = Stamp::read(payload)?;
        self.last_number = Some(stamp.number);
        self.tag = Some(stamp.tag);
        Some(stamp)
    }
}

/// Everything a bot received.
#[derive(Debug, Clone, Default)]
pub struct MediaStats {
    /// By track sid; lines whose track is unknown under `mid:<mid>`.
    pub subs: BTreeMap<String, SubStats>,
    /// Packets of bots sent inside the window.
    pub window_packets: u64,
    /// Added delay of those packets: received minus sent.
    pub window_delay: Hist,
    /// Packets our own sockets had no room for.
    pub unsent: u64,
}

impl MediaStats {
    pub(crate) fn add(&mut self, track: &str, seq: u64, payload: &[u8], at: Instant, meter: &Meter) {
        if !self.subs.contains_key(track) {
            self.subs.insert(track.to_owned(), SubStats::default());
        }
        let Some(sub) = self.subs.get_mut(track) else { return };
        let Some(stamp) = sub.add(seq, payload, at) else { return };
        if meter.covers(stamp.sent) {
            self.window_packets += 1;
            self.window_delay.add(Duration::from_nanos(clock::nanos_of(at).saturating_sub(stamp.sent)));
        }
    }

    /// Packets of all subscriptions.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.subs.values().map(|s| s.packets).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_survives_the_payload() {
        let stamp = Stamp { sent: 1 << 40, number: 77, tag: 9 };
        for len in [0, 24, 80, 160] {
            let p = stamp.payload(len);
            assert_eq!(p.len(), len.max(HEADER));
            assert_eq!(Stamp::read(&p), Some(stamp));
        }
        assert_eq!(Stamp::read(&[0xF8, 0xFF, 0xFE]), None);
    }

    #[test]
    fn gaps_count_what_is_missing_for_good() {
        let mut s = SubStats::default();
        let at = clock::now();
        for seq in [10, 11, 14, 12, 15, 15] {
            s.add(seq, &[], at);
        }
        assert_eq!((s.packets, s.gaps, s.late_or_repeated), (6, 0, 2), "the repeat hides one real gap, as stated");
    }

    #[test]
    fn only_packets_sent_inside_the_window_count() {
        let meter = Meter::default();
        let mut m = MediaStats::default();
        let feed = |m: &mut MediaStats, n: u32| {
            let sent = clock::nanos();
            meter.count_sent(sent);
            m.add("TR_a", u64::from(n), &Stamp { sent, number: n, tag: 0 }.payload(80), clock::now(), &meter);
        };
        feed(&mut m, 1);
        meter.open();
        feed(&mut m, 2);
        feed(&mut m, 3);
        meter.close();
        feed(&mut m, 4);
        assert_eq!((m.packets(), m.window_packets, m.window_delay.len(), meter.sent()), (4, 2, 2, 2));
    }
}
