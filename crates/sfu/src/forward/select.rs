//! Which simulcast layer a subscriber gets, and at which packet to change over (media.md 6.1).
//!
//! [`Layers`] knows what the publisher really sends, one per track. A [`Selector`] decides for one subscriber:
//! it changes only at a key frame of the wanted layer and keeps sending the old one until then, so the
//! subscriber's decoder always has its references.

use std::time::Duration;

/// Most simulcast layers of a track: low, medium, high.
pub const MAX_LAYERS: usize = 3;

/// A layer that sent nothing for so long is dead. Shorter leaves a stalled layer sooner, longer survives a
/// publisher's hiccup without a change of picture size.
pub const DEAD_AFTER: Duration = Duration::from_millis(1500);

/// How long a new subscriber waits for the best layer before any layer's key frame will do. Longer starts
/// sharper, shorter starts sooner.
pub const START_GRACE: Duration = Duration::from_millis(400);

/// The simulcast layers of one track as they really flow. Layer 0 is the lowest.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    last_packet: [Option<Duration>; MAX_LAYERS],
}

impl Layers {
    /// A packet with content came in on this layer.
    pub fn packet(&mut self, now: Duration, layer: u8) {
        if let Some(last) = self.last_packet.get_mut(usize::from(layer)) {
            *last = Some(now);
        }
    }

    /// Nothing is flowing: muted, or the publisher's line went away.
    pub fn clear(&mut self) {
        self.last_packet = [None; MAX_LAYERS];
    }

    /// Whether this layer flows.
    #[must_use]
    pub fn is_alive(&self, now: Duration, layer: u8) -> bool {
        self.last_packet
            .get(usize::from(layer))
            .copied()
            .flatten()
            .is_some_and(|last| now.saturating_sub(last) < DEAD_AFTER)
    }

    /// The highest layer that flows, at most `limit`; failing that, the lowest above it.
    #[must_use]
    pub fn best(&self, now: Duration, limit: u8) -> Option<u8> {
        let alive = |layer: &u8| self.is_alive(now, *layer);
        let top = MAX_LAYERS as u8;
        let limit = limit.min(top - 1);
        (0..=limit).rev().find(alive).or_else(|| (limit + 1..top).find(alive))
    }
}

/// What a subscriber asked for (`track_setting`) and is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Not shown at all: nothing is sent.
    pub disabled: bool,
    /// Highest layer.
    pub layer: u8,
    /// Highest VP8 temporal layer.
    pub temporal: u8,
}

impl Default for Wanted {
    /// Everything there is.
    fn default() -> Self {
        Self { disabled: false, layer: MAX_LAYERS as u8 - 1, temporal: u8::MAX }
    }
}

/// The lowest layer that is at least as large as the picture on the subscriber's screen; the highest when none
/// is, or when the size is unknown (0). `layers` are (width, height) from low to high.
#[must_use]
pub fn layer_for_size(layers: &[(u32, u32)], width: u32, height: u32) -> u8 {
    let highest = layers.len().clamp(1, MAX_LAYERS) - 1;
    let fits = |(w, h): &(u32, u32)| *w >= width && *h >= height;
    let found = if width == 0 || height == 0 { None } else { layers.iter().position(fits) };
    found.unwrap_or(highest).min(highest) as u8
}

/// A packet as the selector sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Its simulcast layer.
    pub layer: u8,
    /// It is the first packet of a key frame.
    pub starts_key_frame: bool,
    /// It is the first packet of any frame.
    pub starts_frame: bool,
    /// VP8 temporal layer (TID); 0 without.
    pub temporal: u8,
    /// VP8 layer sync (Y): the frame depends on temporal layer 0 only.
    pub layer_sync: bool,
}

/// What to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send it on.
    Forward,
    /// Do not, and close the gap ([`super::munge::Munger::dropped`]).
    Drop,
}

/// Chooses for one subscriber of one video track.
#[derive(Debug, Clone)]
pub struct Selector {
    wanted: Wanted,
    current: Option<u8>,
    temporal: u8,
    /// Since when nothing could be sent although something is wanted.
    waiting_since: Duration,
}

impl Selector {
    /// A new subscription.
    #[must_use]
    pub fn new(now: Duration, wanted: Wanted) -> Self {
        Self { wanted, current: None, temporal: wanted.temporal, waiting_since: now }
    }

    /// The subscriber changed its mind. Enabling again waits for a key frame; the munger is to be paused too.
    pub fn set_wanted(&mut self, now: Duration, wanted: Wanted) {
        if wanted.disabled || self.wanted.disabled {
            self.interrupt(now);
        }
        self.wanted = wanted;
    }

    /// The flow was cut (mute, lost permission, resume of the subscriber): references are gone, so the next
    /// packet sent starts a key frame. Goes with [`super::munge::Munger::pause`], which closes the span.
    pub fn interrupt(&mut self, now: Duration) {
        self.current = None;
        self.waiting_since = now;
    }

    /// The layer being sent.
    #[must_use]
    pub fn current(&self) -> Option<u8> {
        self.current
    }

    /// What the subscriber asked for.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// The layer to ask a key frame of: set while the wanted layer is not the one being sent. When nothing
    /// flows at all, the wanted one: the publisher may just have begun.
    #[must_use]
    pub fn needs_key_frame(&self, now: Duration, layers: &Layers) -> Option<u8> {
        if self.wanted.disabled {
            return None;
        }
        match layers.best(now, self.wanted.layer) {
            Some(target) => (self.current != Some(target)).then_some(target),
            None => self.current.is_none().then_some(self.wanted.layer),
        }
    }

    /// Judges one packet. [`Layers::packet`] must have been told of it before.
    pub fn judge(&mut self, now: Duration, layers: &Layers, seen: Seen) -> Verdict {
        if self.wanted.disabled {
            return Verdict::Drop;
        }
        if seen.starts_key_frame && self.current != Some(seen.layer) && self.may_change_to(now, layers, seen.layer) {
            self.current = Some(seen.layer);
            self.temporal = self.wanted.temporal;
        }
        if self.current != Some(seen.layer) {
            return Verdict::Drop;
        }
        self.choose_temporal(seen);
        if seen.temporal > self.temporal { Verdict::Drop } else { Verdict::Forward }
    }

    fn may_change_to(&self, now: Duration, layers: &Layers, layer: u8) -> bool {
        let target = layers.best(now, self.wanted.layer);
        let grace_over = now.saturating_sub(self.waiting_since) >= START_GRACE;
        target == Some(layer) || (self.current.is_none() && grace_over && layer <= self.wanted.layer)
    }

    /// Temporal layers fall at any frame and rise at one that needs none of the frames left out.
    fn choose_temporal(&mut self, seen: Seen) {
        if !seen.starts_frame {
            return;
        }
        if self.wanted.temporal < self.temporal {
            self.temporal = self.wanted.temporal;
        } else if self.wanted.temporal > self.temporal && (seen.layer_sync || seen.starts_key_frame) {
            self.temporal = if seen.starts_key_frame { self.wanted.temporal } else { seen.temporal.max(self.temporal) };
            self.temporal = self.temporal.min(self.wanted.temporal);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn key(layer: u8) -> Seen {
        Seen { layer, starts_key_frame: true, starts_frame: true, ..Seen::default() }
    }

    fn delta(layer: u8) -> Seen {
        Seen { layer, starts_frame: true, ..Seen::default() }
    }

    struct Bench {
        layers: Layers,
        selector: Selector,
    }

    impl Bench {
        fn new(layer: u8) -> Self {
            let wanted = Wanted { layer, ..Wanted::default() };
            Self { layers: Layers::default(), selector: Selector::new(ms(0), wanted) }
        }

        fn packet(&mut self, now: u64, seen: Seen) -> bool {
            self.layers.packet(ms(now), seen.layer);
            self.selector.judge(ms(now), &self.layers, seen) == Verdict::Forward
        }

        fn asks(&self, now: u64) -> Option<u8> {
            self.selector.needs_key_frame(ms(now), &self.layers)
        }

        fn want(&mut self, now: u64, wanted: Wanted) {
            self.selector.set_wanted(ms(now), wanted);
        }
    }

    #[test]
    fn a_subscriber_starts_at_a_key_frame_and_rises_to_the_highest_that_flows() {
        let mut b = Bench::new(2);
        assert_eq!(b.asks(0), Some(2), "nothing flows yet: ask for what is wanted");
        assert!(!b.packet(1, delta(0)));
        assert_eq!(b.asks(1), Some(0), "now only the low one flows");
        assert!(b.packet(2, key(0)));
        assert_eq!(b.asks(2), None);
        assert!(!b.packet(3, delta(1)));
        assert_eq!(b.asks(3), Some(1));
        assert!(b.packet(4, delta(0)), "the old layer goes on until the key frame");
        assert!(b.packet(5, key(1)));
        assert!(!b.packet(6, delta(0)), "never two layers");
        assert!(b.packet(7, key(2)));
        assert!(!b.packet(8, key(0)), "a key frame of a lower layer tempts nobody");
        assert_eq!(b.selector.current(), Some(2));
    }

    #[test]
    fn the_first_packet_waits_for_the_best_layer_but_not_for_long() {
        let mut b = Bench::new(2);
        b.layers.packet(ms(0), 2);
        assert!(!b.packet(100, key(0)), "the high layer flows and is on its way");
        b.layers.packet(ms(390), 2);
        assert!(b.packet(400, key(0)), "grace over: a small picture beats none");
        assert_eq!(b.asks(400), Some(2));
        assert!(b.packet(500, key(2)));
        // A larger picture than asked for does not.
        let mut b = Bench::new(0);
        b.layers.packet(ms(900), 0);
        assert!(!b.packet(1000, key(2)));
        assert!(b.packet(1001, key(0)));
    }

    #[test]
    fn a_dead_layer_is_left_for_a_live_one() {
        let mut b = Bench::new(2);
        assert!(b.packet(0, key(2)));
        for t in (20..1500).step_by(20) {
            assert!(!b.packet(t, delta(0)), "{t}");
            assert_eq!(b.asks(t), None);
        }
        assert!(!b.packet(1499, key(0)));
        b.layers.packet(ms(1500), 0);
        assert_eq!(b.asks(1500), Some(0));
        assert!(b.packet(1520, key(0)));
        assert!(!b.packet(1600, delta(2)), "back to life");
        assert_eq!(b.asks(1600), Some(2));
    }

    #[test]
    fn a_lower_wish_is_met_at_the_lower_layers_key_frame() {
        let mut b = Bench::new(2);
        assert!(b.packet(0, key(2)));
        assert!(!b.packet(1, delta(0)));
        b.want(2, Wanted { layer: 0, ..Wanted::default() });
        assert!(b.packet(3, delta(2)));
        assert_eq!(b.asks(3), Some(0));
        assert!(b.packet(4, key(0)));
        assert!(!b.packet(5, delta(2)));
        // A wish below everything that flows gets the lowest there is.
        let mut b = Bench::new(0);
        assert!(b.packet(0, key(1)));
    }

    #[test]
    fn disabled_sends_nothing_and_enabling_waits_for_a_key_frame() {
        let mut b = Bench::new(2);
        assert!(b.packet(0, key(0)));
        b.want(1, Wanted { disabled: true, ..Wanted::default() });
        assert!(!b.packet(2, key(0)));
        assert_eq!(b.asks(2), None);
        b.want(3, Wanted::default());
        assert!(!b.packet(4, delta(0)));
        assert_eq!(b.asks(4), Some(0));
        assert!(b.packet(5, key(0)));
        b.selector.interrupt(ms(6));
        assert!(!b.packet(7, delta(0)), "after a cut too");
        assert!(b.packet(8, key(0)));
    }

    #[test]
    fn temporal_layers_fall_at_a_frame_and_rise_at_a_sync() {
        let mut b = Bench::new(0);
        let frame = |temporal, layer_sync| Seen { temporal, layer_sync, ..delta(0) };
        assert!(b.packet(0, key(0)));
        assert!(b.packet(1, frame(2, false)));
        b.want(2, Wanted { temporal: 0, ..Wanted::default() });
        assert!(b.packet(2, Seen { starts_frame: false, ..frame(2, false) }), "a frame begun is finished");
        assert!(!b.packet(3, frame(1, false)));
        assert!(b.packet(4, frame(0, false)));
        b.want(5, Wanted::default());
        assert!(!b.packet(6, frame(2, false)), "it may need frames that were left out");
        assert!(b.packet(7, frame(1, true)));
        assert!(!b.packet(8, frame(2, false)), "only as far as the sync reaches");
        assert!(b.packet(9, frame(2, true)));
    }

    #[test]
    fn sizes_pick_the_smallest_layer_that_is_large_enough() {
        let layers = [(320, 180), (640, 360), (1280, 720)];
        for (w, h, expect) in
            [(0, 0, 2), (100, 100, 0), (320, 180, 0), (321, 180, 1), (320, 320, 1), (1280, 720, 2), (4000, 10, 2)]
        {
            assert_eq!(layer_for_size(&layers, w, h), expect, "{w}x{h}");
        }
        assert_eq!(layer_for_size(&[], 10, 10), 0);
    }

    proptest! {
        /// Whatever flows: only one layer at a time, and every change is at a key frame.
        #[test]
        fn every_change_of_layer_is_at_a_key_frame(
            steps in prop::collection::vec((0u64..300, 0u8..3, any::<bool>(), 0u8..12), 1..500),
        ) {
            let mut b = Bench::new(2);
            let (mut now, mut decoding) = (0, None);
            for (dt, layer, is_key, act) in steps {
                now += dt;
                match act {
                    0..3 => b.want(now, Wanted { layer: act, ..Wanted::default() }),
                    3 => { b.want(now, Wanted { disabled: true, ..Wanted::default() }); decoding = None; }
                    4 => { b.selector.interrupt(ms(now)); decoding = None; }
                    _ => {}
                }
                if b.packet(now, if is_key { key(layer) } else { delta(layer) }) {
                    prop_assert!(is_key || decoding == Some(layer), "layer {layer} without a key frame");
                    decoding = Some(layer);
                }
            }
        }

        /// Once all layers flow and send key frames when asked, the wanted one is sent.
        #[test]
        fn the_wanted_layer_is_reached(layer in 0u8..3, from in 0u8..3) {
            let mut b = Bench::new(from);
            for i in 0..60u64 {
                if i == 30 {
                    b.want(i * 20, Wanted { layer, ..Wanted::default() });
                }
                for l in 0..3 {
                    let asked = b.asks(i * 20) == Some(l);
                    b.packet(i * 20, if asked { key(l) } else { delta(l) });
                }
            }
            prop_assert_eq!(b.selector.current(), Some(layer));
        }
    }
}
