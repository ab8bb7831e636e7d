//! Which event may be tried next. Pure: the deliverer tells what was loaded and how tries ended.
//!
//! Events of one channel to one receiver stand in a lane: only the first is tried, the others wait for it.
//! Lanes are independent, so a receiver that is down or an event that it refuses delays nobody else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use stoa_core::id::AppId;
use stoa_core::ports::OutboxItem;

/// Requests under way at a time. More drains a backlog faster and costs the receivers more.
const MOST_IN_FLIGHT: usize = 32;
/// Requests under way to one receiver: one that hangs must not take all places.
const MOST_PER_RECEIVER: usize = 8;

/// Receiver and channel: the unit of order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneKey {
    url: String,
    app: AppId,
    channel: String,
}

impl LaneKey {
    pub fn of(item: &OutboxItem) -> Self {
        Self { url: item.url.clone(), app: item.app, channel: item.channel.clone() }
    }
}

#[derive(Debug, Default)]
struct Lane {
    items: VecDeque<OutboxItem>,
    /// Failed tries of the first item.
    tries: u32,
    not_before: Duration,
    in_flight: bool,
}

/// All lanes with something in them.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<LaneKey, Lane>,
    /// Numbers held here. Not "all up to the newest": with several writers a lower one may show up later.
    known: BTreeSet<i64>,
    in_flight: BTreeMap<String, usize>,
}

impl Lanes {
    /// Takes in what the outbox holds; what is held already is passed over.
    pub fn load(&mut self, items: Vec<OutboxItem>) {
        for item in items {
            if self.known.insert(item.seq) {
                self.lanes.entry(LaneKey::of(&item)).or_default().items.push_back(item);
            }
        }
    }

    /// How many events are held here.
    pub fn loaded(&self) -> usize {
        self.known.len()
    }

    /// The next event to try, if one is due and there is a place for it.
    pub fn start(&mut self, now: Duration) -> Option<OutboxItem> {
        if self.in_flight.values().sum::<usize>() >= MOST_IN_FLIGHT {
            return None;
        }
        let free = |key: &LaneKey| self.in_flight.get(&key.url).is_none_or(|n| *n < MOST_PER_RECEIVER);
        let due = self.lanes.iter_mut().filter(|(key, lane)| !lane.in_flight && lane.not_before <= now && free(key));
        // The oldest first, so that no lane starves.
        let (key, lane) = due.min_by_key(|(_, lane)| lane.items.front().map(|i| i.seq))?;
        let item = lane.items.front()?.clone();
        lane.in_flight = true;
        *self.in_flight.entry(key.url.clone()).or_default() += 1;
        Some(item)
    }

    /// The event is delivered or given up, and out of the store.
    pub fn finish(&mut self, key: &LaneKey) {
        self.land(key);
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if let Some(item) = lane.items.pop_front() {
            self.known.remove(&item.seq);
        }
        lane.tries = 0;
        lane.not_before = Duration::ZERO;
        if lane.items.is_empty() {
            self.lanes.remove(key);
        }
    }

    /// The try failed: `pause` says how long to wait after so many failed tries.
    pub fn fail(&mut self, key: &LaneKey, now: Duration, pause: impl FnOnce(u32) -> Duration) {
        self.land(key);
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.tries = lane.tries.saturating_add(1);
            lane.not_before = now + pause(lane.tries);
        }
    }

    /// When the next lane that waits out a pause is due.
    pub fn deadline_after(&self, now: Duration) -> Option<Duration> {
        self.lanes.values().filter(|l| !l.in_flight).map(|l| l.not_before).filter(|at| *at > now).min()
    }

    fn land(&mut self, key: &LaneKey) {
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.in_flight = false;
        }
        if let Some(n) = self.in_flight.get_mut(&key.url) {
            *n -= 1;
            if *n == 0 {
                self.in_flight.remove(&key.url);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn item(seq: i64, url: &str, channel: &str) -> OutboxItem {
        OutboxItem {
            seq,
            id: format!("EV_{seq}"),
            url: url.to_owned(),
            app: AppId(1),
            channel: channel.to_owned(),
            body: String::new(),
        }
    }

    fn start_all(lanes: &mut Lanes, now: Duration) -> Vec<i64> {
        std::iter::from_fn(|| lanes.start(now)).map(|i| i.seq).collect()
    }

    #[test]
    fn only_the_first_of_a_lane_is_tried() {
        let mut lanes = Lanes::default();
        let all = vec![item(1, "u", "a"), item(2, "u", "a"), item(3, "u", "b"), item(4, "v", "a")];
        lanes.load(all.clone());
        lanes.load(all.clone());
        assert_eq!(lanes.loaded(), 4, "each once");
        assert_eq!(start_all(&mut lanes, secs(0)), [1, 3, 4]);
        lanes.finish(&LaneKey::of(&all[0]));
        assert_eq!(start_all(&mut lanes, secs(0)), [2]);
        assert_eq!(lanes.loaded(), 3);
    }

    #[test]
    fn a_failed_event_holds_its_lane_until_the_pause_is_over() {
        let mut lanes = Lanes::default();
        lanes.load(vec![item(1, "u", "a"), item(2, "u", "a"), item(3, "u", "b")]);
        let key = LaneKey::of(&item(1, "u", "a"));
        assert_eq!(start_all(&mut lanes, secs(0)), [1, 3]);
        lanes.fail(&key, secs(10), |tries| secs(u64::from(tries)));
        assert_eq!(lanes.deadline_after(secs(10)), Some(secs(11)));
        assert_eq!(start_all(&mut lanes, secs(10)), Vec::<i64>::new());
        assert_eq!(start_all(&mut lanes, secs(11)), [1]);
        lanes.fail(&key, secs(11), |tries| secs(u64::from(tries)));
        assert_eq!(lanes.deadline_after(secs(11)), Some(secs(13)), "the second failure");
        assert_eq!(start_all(&mut lanes, secs(13)), [1]);
        lanes.finish(&key);
        assert_eq!(start_all(&mut lanes, secs(13)), [2], "no pause is left over");
    }

    #[test]
    fn a_receiver_that_hangs_leaves_places_for_others() {
        let mut lanes = Lanes::default();
        lanes.load((0..100).map(|i| item(i, "slow", &format!("c{i}"))).collect());
        lanes.load(vec![item(100, "quick", "c")]);
        let started = start_all(&mut lanes, secs(0));
        assert_eq!(started.len(), MOST_PER_RECEIVER + 1);
        assert!(started.contains(&100));
    }
}
