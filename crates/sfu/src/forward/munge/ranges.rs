//! The map from source sequence numbers to offsets.

use std::collections::VecDeque;

use super::Vp8;

/// How many spans left out on purpose are remembered. A packet that arrives later than that many spans is
/// lost; each costs 64 bytes per down track at most.
pub const MAX_RANGES: usize = 128;

/// How far behind the newest a packet may arrive, in packets. About a second of the dearest video; more would
/// only help packets that come too late to be played.
const WINDOW: u64 = 2048;

/// Spans left out since the last packet sent. Loss inside a long mute splits it into pieces; beyond this many
/// the oldest are joined, holes and all, because nobody waits for what was lost while muted.
const MAX_PENDING: usize = 64;

/// What is subtracted from a source's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Offsets {
    pub seq: u64,
    pub timestamp: u32,
    pub picture: u16,
    pub tl0: u8,
    pub key: u8,
}

impl Offsets {
    /// After a switch: the new source's first picture comes next after the last one sent.
    pub fn follow(&mut self, sent: Vp8, first: Vp8) {
        if let (Some((sent, _)), Some((first, _))) = (sent.picture_id, first.picture_id) {
            self.picture = first.wrapping_sub(sent.wrapping_add(1));
        }
        if let (Some(sent), Some(first)) = (sent.tl0_pic_idx, first.tl0_pic_idx) {
            self.tl0 = first.wrapping_sub(sent.wrapping_add(1));
        }
        if let (Some(sent), Some(first)) = (sent.key_idx, first.key_idx) {
            self.key = first.wrapping_sub(sent.wrapping_add(1));
        }
    }

    /// The descriptor to send. Fields keep their width.
    pub fn vp8(self, vp8: Vp8) -> Vp8 {
        Vp8 {
            picture_id: vp8.picture_id.map(|(id, wide)| {
                let mask = if wide { 0x7fff } else { 0x7f };
                (id.wrapping_sub(self.picture) & mask, wide)
            }),
            tl0_pic_idx: vp8.tl0_pic_idx.map(|idx| idx.wrapping_sub(self.tl0)),
            key_idx: vp8.key_idx.map(|idx| idx.wrapping_sub(self.key) & 0x1f),
            base_layer: vp8.base_layer,
        }
    }
}

/// From `first` on: sent with these offsets, or left out.
#[derive(Debug, Clone, Copy)]
struct Segment {
    first: u64,
    offsets: Option<Offsets>,
}

/// A run of numbers left out, not closed yet because nothing after it was sent.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u64,
    last: u64,
    pictures: u16,
    tl0: u8,
}

/// The ranges of one source.
#[derive(Debug, Clone)]
pub(super) struct Ranges {
    segments: VecDeque<Segment>,
    pending: Vec<Run>,
    /// One above the newest number sent.
    next: u64,
    /// Which of the last `WINDOW` numbers were sent.
    sent: Box<[u64; WINDOW as usize / 64]>,
    pictures: Recent,
    tl0: Recent,
}

impl Default for Ranges {
    fn default() -> Self {
        Self {
            segments: VecDeque::new(),
            pending: Vec::new(),
            next: 0,
            sent: Box::new([0; WINDOW as usize / 64]),
            pictures: Recent::default(),
            tl0: Recent::default(),
        }
    }
}

impl Ranges {
    /// Forgets all: a source begins at this number with these offsets.
    pub fn restart(&mut self, first: u64, offsets: Offsets, vp8: Option<Vp8>) {
        *self = Self { next: first, ..Self::default() };
        self.segments.push_back(Segment { first, offsets: Some(offsets) });
        self.note(vp8);
    }

    /// Whether this number is ahead of all that was sent, and was not left out.
    pub fn is_new(&self, seq: u64) -> bool {
        seq >= self.next && !self.pending.iter().any(|r| (r.first..=r.last).contains(&seq))
    }

    /// Leaves a number out. Of no effect on one that is behind: its number is a hole already.
    pub fn drop(&mut self, seq: u64, vp8: Option<Vp8>) {
        if seq < self.next {
            return;
        }
        let (new_picture, new_tl0) = self.note(vp8);
        let run = self.run_for(seq);
        run.pictures = run.pictures.wrapping_add(u16::from(new_picture));
        run.tl0 = run.tl0.wrapping_add(u8::from(new_tl0));
        if self.pending.len() > MAX_PENDING {
            let oldest = self.pending.remove(0);
            let joined = &mut self.pending[0];
            joined.first = oldest.first;
            joined.pictures = joined.pictures.wrapping_add(oldest.pictures);
            joined.tl0 = joined.tl0.wrapping_add(oldest.tl0);
        }
    }

    /// A new number is sent: closes the runs before it and gives its offsets.
    pub fn advance(&mut self, seq: u64, vp8: Option<Vp8>) -> Offsets {
        let mut offsets = self.segments.iter().rev().find_map(|s| s.offsets).unwrap_or_default();
        let closed = self.pending.iter().take_while(|r| r.last < seq).count();
        for run in self.pending.drain(..closed) {
            offsets.seq = offsets.seq.wrapping_add(run.last - run.first + 1);
            offsets.picture = offsets.picture.wrapping_add(run.pictures);
            offsets.tl0 = offsets.tl0.wrapping_add(run.tl0);
            self.segments.push_back(Segment { first: run.first, offsets: None });
            self.segments.push_back(Segment { first: run.last + 1, offsets: Some(offsets) });
        }
        self.note(vp8);
        self.slide(seq);
        offsets
    }

    /// Leaves out everything between the newest number sent and `seq`, known or not; `change` may alter the
    /// other offsets from there on.
    pub fn close_before(&mut self, seq: u64, change: impl FnOnce(&mut Offsets)) {
        let mut offsets = self.segments.iter().rev().find_map(|s| s.offsets).unwrap_or_default();
        self.pending.clear();
        if seq > self.next {
            offsets.seq = offsets.seq.wrapping_add(seq - self.next);
            self.segments.push_back(Segment { first: self.next, offsets: None });
        }
        change(&mut offsets);
        self.segments.push_back(Segment { first: seq, offsets: Some(offsets) });
    }

    /// The offsets kept for a late number. `None`: sent already, too old, or left out.
    pub fn late(&mut self, seq: u64) -> Option<Offsets> {
        if seq >= self.next || self.next - seq > WINDOW || self.was_sent(seq) {
            return None;
        }
        let offsets = self.segments.iter().rev().find(|s| s.first <= seq)?.offsets?;
        self.mark(seq);
        Some(offsets)
    }

    /// Moves the window to end at `seq`.
    fn slide(&mut self, seq: u64) {
        if seq - self.next >= WINDOW {
            self.sent.fill(0);
        } else {
            for skipped in self.next..=seq {
                self.sent[(skipped % WINDOW / 64) as usize] &= !(1 << (skipped % 64));
            }
        }
        self.mark(seq);
        self.next = seq + 1;
        let oldest = self.next.saturating_sub(WINDOW);
        while self.segments.len() > 2 * MAX_RANGES || self.segments.get(1).is_some_and(|s| s.first <= oldest) {
            self.segments.pop_front();
        }
    }

    /// How many ranges are held, closed or pending.
    #[cfg(test)]
    pub fn remembered(&self) -> usize {
        self.segments.len() + self.pending.len()
    }

    fn was_sent(&self, seq: u64) -> bool {
        self.sent[(seq % WINDOW / 64) as usize] & (1 << (seq % 64)) != 0
    }

    fn mark(&mut self, seq: u64) {
        self.sent[(seq % WINDOW / 64) as usize] |= 1 << (seq % 64);
    }

    /// The pending run that holds `seq`, made or grown as needed.
    fn run_for(&mut self, seq: u64) -> &mut Run {
        // Index of the first run that begins after seq; nearly always the end.
        let after = self.pending.iter().rposition(|r| r.first <= seq).map_or(0, |i| i + 1);
        let joins_next = self.pending.get(after).is_some_and(|r| r.first == seq + 1);
        let before = after.checked_sub(1).filter(|i| seq <= self.pending[*i].last + 1);
        match before {
            Some(i) => {
                self.pending[i].last = self.pending[i].last.max(seq);
                if joins_next {
                    let next = self.pending.remove(after);
                    let run = &mut self.pending[i];
                    run.last = next.last.max(run.last);
                    run.pictures = run.pictures.wrapping_add(next.pictures);
                    run.tl0 = run.tl0.wrapping_add(next.tl0);
                }
                &mut self.pending[i]
            }
            None if joins_next => {
                self.pending[after].first = seq;
                &mut self.pending[after]
            }
            None => {
                self.pending.insert(after, Run { first: seq, last: seq, pictures: 0, tl0: 0 });
                &mut self.pending[after]
            }
        }
    }

    /// Remembers the picture; tells whether it, and its TL0 index, were not seen before.
    fn note(&mut self, vp8: Option<Vp8>) -> (bool, bool) {
        let Some(vp8) = vp8 else { return (false, false) };
        let picture = vp8.picture_id.is_some_and(|(id, _)| self.pictures.is_new(id));
        let tl0 = vp8.base_layer && vp8.tl0_pic_idx.is_some_and(|idx| self.tl0.is_new(u16::from(idx)));
        (picture, tl0)
    }
}

/// The last few numbers seen, so that a picture of many packets counts once, reordered or not.
#[derive(Debug, Clone, Default)]
struct Recent {
    /// Far fewer than the 128 pictures after which the short form of the id repeats.
    seen: VecDeque<u16>,
}

impl Recent {
    const LEN: usize = 32;

    fn is_new(&mut self, id: u16) -> bool {
        if self.seen.iter().rev().any(|s| *s == id) {
            return false;
        }
        if self.seen.len() == Self::LEN {
            self.seen.pop_front();
        }
        self.seen.push_back(id);
        true
    }
}
