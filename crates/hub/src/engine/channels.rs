//! What happens in channels: publish, flush, come and go, rest.

use std::cmp::Reverse;
use std::sync::Arc;

use bytes::Bytes;
use stoa_core::hub::{HubLeft, Position};

use super::channel::{Channel, MAX_BATCH};
use super::{ChanId, ConnId, Due, Effect, Engine, Meta, Ms, millis};
use crate::proto::Format;

/// How long the position of a channel without anybody is remembered. Shorter tells late clients of losses that did not
/// happen.
const META_MS: Ms = 30 * 24 * 3_600_000;
/// Positions remembered; about 100 bytes each.
const MAX_META: usize = 1_000_000;
/// Longest channel name.
const MAX_NAME: usize = 255;

impl Engine {
    /// The namespace of a channel, if there is one.
    pub(super) fn namespace(&self, channel: &str) -> Option<usize> {
        let (name, _) = channel.split_once(':')?;
        self.config.namespaces.iter().position(|n| n.name == name)
    }

    /// Printable ASCII of bearable length.
    pub(super) fn is_name(channel: &str) -> bool {
        channel.len() <= MAX_NAME && channel.bytes().all(|b| b.is_ascii_graphic())
    }

    /// The channel, made if it is not there. None = no such namespace.
    pub(super) fn channel(&mut self, name: &Arc<str>) -> Option<ChanId> {
        if let Some(chan) = self.names.get(name) {
            return Some(*chan);
        }
        let namespace = self.namespace(name)?;
        let (epoch, top) = match self.idle.remove(name) {
            Some(meta) => (meta.epoch, meta.top),
            None => (self.epoch(), 0),
        };
        let chan = self.channels.insert(Channel::new(name.clone(), namespace, epoch, top));
        self.names.insert(name.clone(), chan);
        Some(chan)
    }

    /// A channel without anybody and anything shrinks to its position.
    pub(super) fn rest_if_idle(&mut self, chan: ChanId) {
        if !self.channels.get(chan).is_some_and(Channel::is_idle) {
            return;
        }
        let Some(ch) = self.channels.remove(chan) else { return };
        self.names.remove(&ch.name);
        self.remember(ch.name, ch.epoch, ch.top, self.ms() + META_MS);
    }

    pub(super) fn remember(&mut self, name: Arc<str>, epoch: super::Epoch, top: u64, until: Ms) {
        if self.idle.len() >= MAX_META {
            // Rare and linear: the half that has rested longest goes, and clients that still know it are told of a loss.
            let mut ages: Vec<Ms> = self.idle.values().map(|m| m.until).collect();
            let middle = ages.len() / 2;
            let (_, median, _) = ages.select_nth_unstable(middle);
            let median = *median;
            self.idle.retain(|_, m| m.until > median);
        }
        self.idle.insert(name, Meta { epoch, top, until });
    }

    /// Appends to the ring and to the batch of each format in use.
    pub(super) fn append(&mut self, chan: ChanId, data: Bytes, skip_history: bool) -> Position {
        let now = self.ms();
        let Some(ch) = self.channels.get_mut(chan) else { return Position::default() };
        let ns = &self.config.namespaces[ch.namespace];
        let kept = ns.history_size > 0 && !skip_history;
        let mut change = 0;
        if kept {
            change = ch.keep(data.clone(), ns.history_size);
            ch.ring_until = now + millis(ns.history_ttl);
            if !ch.ring_armed {
                ch.ring_armed = true;
                self.timers.push(Reverse((ch.ring_until, Due::Ring(chan))));
            }
        }
        let offset = if kept { ch.top } else { 0 };
        let position = Position { offset, epoch: ch.epoch.text().to_owned() };
        if ch.subscribers() > 0 {
            if ch.batched == 0 {
                ch.batch_since = now;
                ch.live_only = true;
                if ch.flush_at.is_none() {
                    self.dirty.push(chan);
                }
            }
            ch.batched += 1;
            ch.live_only &= !kept;
            let name = ch.name.clone();
            let mut full = false;
            for format in Format::ALL {
                let lane = ch.lane_mut(format);
                if !lane.members.is_empty() {
                    // Payloads were checked to be JSON where they came in.
                    format.append_publication(&mut lane.batch, &name, &data, offset);
                    full |= lane.batch.len() >= MAX_BATCH;
                }
            }
            if full {
                self.flush(chan);
            }
        }
        if change != 0 {
            self.history_changed(change);
        }
        metrics::counter!("stoa_hub_publications_total").increment(1);
        position
    }

    /// At the end of a batch of inputs: what is due by the leading edge goes out, the rest gets its tick.
    pub(super) fn flush_dirty(&mut self) {
        let now = self.ms();
        for chan in std::mem::take(&mut self.dirty) {
            let Some(ch) = self.channels.get_mut(chan) else { continue };
            if ch.batched == 0 || ch.flush_at.is_some() {
                continue;
            }
            let at = ch.last_flush + ch.tick();
            if at <= now || ch.last_flush == 0 {
                self.flush(chan);
            } else {
                ch.flush_at = Some(at);
                self.timers.push(Reverse((at, Due::Flush(chan))));
            }
        }
    }

    /// Sends the batch, then lets in who waited for that.
    pub(super) fn flush(&mut self, chan: ChanId) {
        let now = self.ms();
        let Some(ch) = self.channels.get_mut(chan) else { return };
        if ch.batched > 0 {
            let (publications, live_only, since) = (ch.batched, ch.live_only, ch.batch_since);
            ch.batched = 0;
            ch.last_flush = now;
            ch.flush_at = None;
            for format in Format::ALL {
                let lane = ch.lane_mut(format);
                let frame = std::mem::take(&mut lane.batch);
                if frame.is_empty() || lane.members.is_empty() {
                    continue;
                }
                let to = lane.members.clone();
                metrics::histogram!("stoa_hub_batch_publications").record(f64::from(publications));
                self.effects.push(Effect::Fanout { to, format, frame, publications, live_only, since });
            }
        }
        // One by one: a channel somebody waits for is not put to rest by those before.
        while let Some(conn) = self.channels.get_mut(chan).and_then(|ch| ch.waiting.pop_front()) {
            self.settle(conn, chan);
        }
    }

    /// Puts a connection into a channel's list.
    pub(super) fn enter(&mut self, conn: ConnId, chan: ChanId, server: bool, presence: bool) {
        let Some(c) = self.conns.get_mut(conn) else { return };
        let Some(ch) = self.channels.get_mut(chan) else { return };
        let members = Arc::make_mut(&mut ch.lane_mut(c.format).members);
        let at = u32::try_from(members.len()).unwrap_or(u32::MAX);
        members.push(conn);
        c.subs.push(super::Sub { chan, at, server });
        let Some(me) = c.me.as_ref().filter(|_| presence) else { return };
        ch.present.insert(conn);
        *ch.users.entry(me.user.clone()).or_default() += 1;
        metrics::gauge!("stoa_hub_presence").increment(1.0);
        let (channel, client) = (ch.name.clone(), me.client.clone());
        self.effects.push(Effect::Presence { channel, client, came: true, left: HubLeft::Itself });
    }

    /// Takes a connection out of a channel's list. The entry in its own list is already gone.
    pub(super) fn leave(&mut self, conn: ConnId, format: Format, chan: ChanId, at: u32, left: HubLeft) {
        let Some(ch) = self.channels.get_mut(chan) else { return };
        let members = Arc::make_mut(&mut ch.lane_mut(format).members);
        members.swap_remove(at as usize);
        let moved = members.get(at as usize).copied();
        if members.is_empty() {
            ch.lane_mut(format).batch = Vec::new();
        }
        if ch.subscribers() == 0 {
            ch.batched = 0;
            ch.flush_at = None;
        }
        if let Some(sub) =
            moved.and_then(|m| self.conns.get_mut(m)).and_then(|m| m.subs.iter_mut().find(|s| s.chan == chan))
        {
            sub.at = at;
        }
        if ch.present.remove(&conn) {
            metrics::gauge!("stoa_hub_presence").decrement(1.0);
            if let Some(me) = self.conns.get(conn).and_then(|c| c.me.as_ref()) {
                if let Some(n) = ch.users.get_mut(&me.user) {
                    *n -= 1;
                    if *n == 0 {
                        ch.users.remove(&me.user);
                    }
                }
                let (channel, client) = (ch.name.clone(), me.client.clone());
                self.effects.push(Effect::Presence { channel, client, came: false, left });
            }
        }
        if ch_without_subscribers(self.channels.get(chan)) {
            // Whoever waited for the batch that is gone need not wait any more.
            self.flush(chan);
            self.rest_if_idle(chan);
        }
    }

    pub(super) fn history_changed(&mut self, by: isize) {
        self.history_bytes = self.history_bytes.saturating_add_signed(by);
        if self.history_bytes > self.config.limits.history_bytes {
            self.evict();
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!("stoa_hub_history_bytes").set(self.history_bytes as f64);
    }

    /// Above the budget: channels without anybody lose their publications first, then those that are quiet longest.
    /// Positions stay.
    fn evict(&mut self) {
        let mut order: Vec<(bool, Ms, ChanId)> = self
            .channels
            .iter()
            .filter(|(_, ch)| ch.ring_bytes() > 0)
            .map(|(chan, ch)| (ch.subscribers() > 0, ch.ring_until, chan))
            .collect();
        order.sort_unstable();
        // A tenth at once, so that the sort is not paid for each publication.
        let enough = self.config.limits.history_bytes / 10 * 9;
        for (_, _, chan) in order {
            if self.history_bytes <= enough {
                break;
            }
            if let Some(ch) = self.channels.get_mut(chan) {
                self.history_bytes -= ch.forget().min(self.history_bytes);
                self.rest_if_idle(chan);
            }
        }
    }
}

fn ch_without_subscribers(ch: Option<&Channel>) -> bool {
    ch.is_some_and(|ch| ch.subscribers() == 0)
}
