//! The numbers of forwarded packets: sequence numbers without holes where packets were left out on purpose,
//! timestamps that go on over switches and mutes, VP8 picture ids likewise (media.md 6.2).
//!
//! One [`Munger`] per down track. What a packet is called downstream depends on what was left out before it, so
//! the munger keeps a map from ranges of source numbers to offsets: a late packet gets the number that was kept
//! free for it.

mod ranges;
#[cfg(test)]
mod tests;

use std::time::Duration;

use ranges::{Offsets, Ranges};

pub use ranges::MAX_RANGES;

/// Which stream a packet comes from: one simulcast layer of one publisher. Numbers of two sources have
/// nothing to do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source(pub u32);

/// How far the source's clock may disagree with ours over a pause before ours is believed. Smaller is truer to
/// a stream that restarts its clock, larger keeps the publisher's own lip sync in more cases.
const PAUSE_TOLERANCE: Duration = Duration::from_millis(500);

/// The parts of a VP8 payload descriptor that must go on over switches, as plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vp8 {
    /// PictureID and whether it is the 15-bit form.
    pub picture_id: Option<(u16, bool)>,
    /// TL0PICIDX.
    pub tl0_pic_idx: Option<u8>,
    /// KEYIDX, 5 bits.
    pub key_idx: Option<u8>,
    /// TID is 0, or absent.
    pub base_layer: bool,
}

/// A packet as it came in.
#[derive(Debug, Clone, Copy)]
pub struct Incoming {
    /// Sequence number extended beyond 16 bits.
    pub seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// When it arrived.
    pub arrived: Duration,
    /// When it was captured, on a clock common to all layers of the track; known once sender reports came.
    pub captured: Option<Duration>,
    /// For VP8.
    pub vp8: Option<Vp8>,
}

/// The numbers it carries downstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgoing {
    /// Extended sequence number, counted from the start given to [`Munger::new`].
    pub seq: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// For VP8.
    pub vp8: Option<Vp8>,
}

/// The newest packet sent on.
#[derive(Debug, Clone, Copy)]
struct Last {
    sent: Outgoing,
    source_timestamp: u32,
    arrived: Duration,
    captured: Option<Duration>,
}

/// Numbers one down track.
#[derive(Debug, Clone)]
pub struct Munger {
    clock_rate: u32,
    next_seq: u64,
    start_timestamp: u32,
    source: Option<Source>,
    ranges: Ranges,
    last: Option<Last>,
    paused: bool,
}

impl Munger {
    /// A down track that starts with these numbers, both from a random source. SRTP receivers that come late
    /// take the number's upper bits for zero, so the first is kept in 15 bits: there is room to grow before the
    /// first rollover, and it is seen by everybody.
    #[must_use]
    pub fn new(start_seq: u16, start_timestamp: u32, clock_rate: u32) -> Self {
        Self {
            clock_rate,
            next_seq: u64::from(start_seq & 0x7fff),
            start_timestamp,
            source: None,
            ranges: Ranges::default(),
            last: None,
            paused: false,
        }
    }

    /// Numbers for a packet that is sent on. A packet of another source than the one before is a switch; the
    /// selector sees to it that it starts a key frame. `None` = it cannot be sent: a duplicate, older than a
    /// switch, or from a span that was closed.
    pub fn forward(&mut self, source: Source, packet: &Incoming) -> Option<Outgoing> {
        if self.source != Some(source) {
            self.switch(source, packet);
        }
        if self.ranges.is_new(packet.seq) {
            return Some(self.advance(packet));
        }
        let offsets = self.ranges.late(packet.seq)?;
        Some(apply(offsets, packet))
    }

    /// A packet of the current source was left out on purpose: closes the gap. Lost packets are not told here,
    /// they stay holes, so that the subscriber asks for them.
    pub fn dropped(&mut self, source: Source, packet: &Incoming) {
        if self.source == Some(source) {
            self.ranges.drop(packet.seq, packet.vp8);
        }
    }

    /// The gate shut: whatever the source numbers before the next packet sent is left out, without a call of
    /// [`Self::dropped`] for each, and that packet's timestamp is checked against the time that passed.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// The newest sequence number given out.
    #[must_use]
    pub fn last_seq(&self) -> Option<u64> {
        self.last.map(|l| l.sent.seq)
    }

    fn switch(&mut self, source: Source, packet: &Incoming) {
        self.source = Some(source);
        self.paused = false;
        let timestamp = self.aligned(packet);
        let mut offsets = Offsets {
            seq: packet.seq.wrapping_sub(self.next_seq),
            timestamp: packet.timestamp.wrapping_sub(timestamp),
            ..Offsets::default()
        };
        let before = self.last.and_then(|l| l.sent.vp8);
        if let (Some(before), Some(vp8)) = (before, packet.vp8) {
            offsets.follow(before, vp8);
        }
        self.ranges.restart(packet.seq, offsets, packet.vp8);
    }

    fn advance(&mut self, packet: &Incoming) -> Outgoing {
        if std::mem::take(&mut self.paused) {
            self.resume(packet);
        }
        let sent = apply(self.ranges.advance(packet.seq, packet.vp8), packet);
        self.next_seq = sent.seq + 1;
        self.last =
            Some(Last { sent, source_timestamp: packet.timestamp, arrived: packet.arrived, captured: packet.captured });
        sent
    }

    fn resume(&mut self, packet: &Incoming) {
        let Some(last) = self.last else { return };
        let jumped = self.clock_jumped(packet).then(|| packet.timestamp.wrapping_sub(self.aligned(packet)));
        self.ranges.close_before(packet.seq, |offsets| {
            if let Some(timestamp) = jumped {
                offsets.timestamp = timestamp;
            }
            if let (Some(before), Some(vp8)) = (last.sent.vp8, packet.vp8) {
                offsets.follow(before, vp8);
            }
        });
    }

    /// The timestamp for a packet whose source's clock says nothing: the last one moved on by the time that
    /// passed between the captures, or else between the arrivals; at least one tick.
    fn aligned(&self, packet: &Incoming) -> u32 {
        let Some(last) = self.last else { return self.start_timestamp };
        let arrivals = packet.arrived.saturating_sub(last.arrived);
        let captures = match (packet.captured, last.captured) {
            (Some(new), Some(old)) => Some(new.saturating_sub(old)),
            _ => None,
        };
        // Reports can be wrong or of another clock: they are believed while they roughly agree with arrival.
        let passed = captures.filter(|c| c.abs_diff(arrivals) <= PAUSE_TOLERANCE).unwrap_or(arrivals);
        last.sent.timestamp.wrapping_add(self.ticks(passed).max(1))
    }

    fn clock_jumped(&self, packet: &Incoming) -> bool {
        let Some(last) = self.last else { return false };
        let source = packet.timestamp.wrapping_sub(last.source_timestamp);
        let arrivals = self.ticks(packet.arrived.saturating_sub(last.arrived));
        let difference = source.wrapping_sub(arrivals).cast_signed().unsigned_abs();
        source.cast_signed() <= 0 || difference > self.ticks(PAUSE_TOLERANCE)
    }

    /// Wraps as the RTP clock does.
    fn ticks(&self, d: Duration) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "the RTP clock wraps at 32 bits")]
        let ticks = (d.as_nanos() * u128::from(self.clock_rate) / 1_000_000_000) as u32;
        ticks
    }
}

fn apply(offsets: Offsets, packet: &Incoming) -> Outgoing {
    Outgoing {
        seq: packet.seq.wrapping_sub(offsets.seq),
        timestamp: packet.timestamp.wrapping_sub(offsets.timestamp),
        vp8: packet.vp8.map(|vp8| offsets.vp8(vp8)),
    }
}
