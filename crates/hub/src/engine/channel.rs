//! A channel: the unit of order. Ring of publications, the batch under way, who is in it.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::slab::Key;
use super::{ConnId, Ms};
use crate::proto::{Format, Publication};

/// Most publications of one recovery or history answer.
pub(crate) const MAX_PAGE: usize = 300;
/// Most bytes of one channel's ring. Less forgets sooner in rooms of large messages; more makes one answer exceed what
/// a connection's queue may hold.
const MAX_RING_BYTES: usize = 256 * 1024;
/// A batch is sent when it has this many bytes, whatever the tick.
pub(crate) const MAX_BATCH: usize = 32 * 1024;

/// Subscribers from which publications are collected, and for how long, in ms: one frame per subscriber and tick
/// whatever the rate. Longer ticks cost latency, shorter ones a socket write per subscriber.
const TICKS: [(usize, Ms); 3] = [(20_000, 250), (5_000, 100), (200, 20)];

/// A channel's number.
pub(crate) type ChanId = Key;

/// Eight letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(pub [u8; 8]);

impl Epoch {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.0 == *text.as_bytes()
    }
}

/// One format's share of a channel.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Shared with fan-outs on their way; copied only if one is still alive.
    pub members: Arc<Vec<ConnId>>,
    /// The frame being collected.
    pub batch: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Channel {
    pub name: Arc<str>,
    pub namespace: usize,
    pub epoch: Epoch,
    /// Offset of the last publication.
    pub top: u64,
    /// Offsets are consecutive and end with `top`.
    ring: VecDeque<Bytes>,
    ring_bytes: usize,
    /// When the ring is emptied.
    pub ring_until: Ms,
    lanes: [Lane; 2],
    /// Publications in the batch.
    pub batched: u32,
    /// None of them has an offset.
    pub live_only: bool,
    /// When the first of them came.
    pub batch_since: Ms,
    pub last_flush: Ms,
    /// When the batch is due. None = nobody has looked yet, or there is no batch.
    pub flush_at: Option<Ms>,
    /// Who is let in after the next flush.
    pub waiting: VecDeque<ConnId>,
    pub present: BTreeSet<ConnId>,
    pub users: HashMap<Arc<str>, u32>,
    /// An entry for the ring is in the timer queue.
    pub ring_armed: bool,
}

impl Channel {
    pub(crate) fn new(name: Arc<str>, namespace: usize, epoch: Epoch, top: u64) -> Self {
        Self {
            name,
            namespace,
            epoch,
            top,
            ring: VecDeque::new(),
            ring_bytes: 0,
            ring_until: 0,
            lanes: Default::default(),
            batched: 0,
            live_only: true,
            batch_since: 0,
            last_flush: 0,
            flush_at: None,
            waiting: VecDeque::new(),
            present: BTreeSet::new(),
            users: HashMap::new(),
            ring_armed: false,
        }
    }

    pub(crate) fn lane_mut(&mut self, format: Format) -> &mut Lane {
        &mut self.lanes[format as usize]
    }

    #[cfg(test)]
    pub(crate) fn members(&self, format: Format) -> Vec<ConnId> {
        self.lanes[format as usize].members.to_vec()
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.lanes.iter().map(|l| l.members.len()).sum()
    }

    /// How long publications are collected.
    pub(crate) fn tick(&self) -> Ms {
        let n = self.subscribers();
        TICKS.iter().find(|(from, _)| n >= *from).map_or(0, |(_, ms)| *ms)
    }

    /// Nobody here and nothing kept: epoch and top are all there is to remember.
    pub(crate) fn is_idle(&self) -> bool {
        self.ring.is_empty() && self.waiting.is_empty() && self.batched == 0 && self.subscribers() == 0
    }

    /// Keeps a publication under the next offset; answers the change in bytes held.
    pub(crate) fn keep(&mut self, data: Bytes, size: usize) -> isize {
        let before = self.ring_bytes;
        self.top += 1;
        self.ring_bytes += data.len();
        self.ring.push_back(data);
        while self.ring.len() > size || (self.ring_bytes > MAX_RING_BYTES && self.ring.len() > 1) {
            self.ring_bytes -= self.ring.pop_front().map_or(0, |d| d.len());
        }
        self.ring_bytes.cast_signed() - before.cast_signed()
    }

    /// Forgets the publications, not the position; answers the bytes freed.
    pub(crate) fn forget(&mut self) -> usize {
        self.ring = VecDeque::new();
        std::mem::take(&mut self.ring_bytes)
    }

    /// Offset of the oldest kept publication, or the one that comes next.
    pub(crate) fn first(&self) -> u64 {
        self.top + 1 - self.ring.len() as u64
    }

    pub(crate) fn ring(&self) -> impl DoubleEndedIterator<Item = Publication> + ExactSizeIterator {
        let first = self.first();
        self.ring.iter().enumerate().map(move |(i, d)| Publication { data: d.clone(), offset: first + i as u64 })
    }

    pub(crate) fn ring_bytes(&self) -> usize {
        self.ring_bytes
    }

    /// Puts another payload under an offset; answers the change in bytes.
    pub(crate) fn replace(&mut self, offset: u64, data: Bytes) -> Option<isize> {
        let at = usize::try_from(offset.checked_sub(self.first())?).ok()?;
        let old = self.ring.get_mut(at)?;
        let change = data.len().cast_signed() - old.len().cast_signed();
        *old = data;
        self.ring_bytes = self.ring_bytes.saturating_add_signed(change);
        Some(change)
    }

    /// Everything after `offset`, if all of it is there (hub.md 2.8).
    pub(crate) fn recover(&self, offset: u64, epoch: &str) -> Option<Vec<Publication>> {
        if !(epoch.is_empty() || self.epoch.is(epoch)) || offset > self.top {
            return None;
        }
        let missed = usize::try_from(self.top - offset).ok()?;
        if missed > self.ring.len() || missed > MAX_PAGE {
            return None;
        }
        Some(self.ring().skip(self.ring.len() - missed).collect())
    }

    /// A page of kept publications (hub.md 2.4, history). `since` is an offset of this epoch.
    pub(crate) fn page(&self, since: Option<u64>, limit: usize, reverse: bool) -> Vec<Publication> {
        let limit = limit.min(MAX_PAGE);
        match (since, reverse) {
            (None, false) => self.ring().take(limit).collect(),
            (None, true) => self.ring().rev().take(limit).collect(),
            (Some(o), false) => self.ring().filter(|p| p.offset > o).take(limit).collect(),
            (Some(o), true) => self.ring().rev().filter(|p| p.offset < o).take(limit).collect(),
        }
    }
}
