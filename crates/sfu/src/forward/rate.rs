//! What a track sends, for people and bills to read: the mean over its last whole seconds (talk.md 4.1).

use stoa_core::media::Rate;

use super::stats::{Record, Seconds};

/// The rate of a track from the seconds of its layers, the lowest first. `window` is in whole seconds, at least 1.
///
/// A layer that is younger counts the whole seconds it has; one without any counts what it has so far as one second.
/// The top layer is the highest that received something in the window: what a viewer with full quality gets.
#[must_use]
pub fn rate(layers: &[Seconds], window: usize) -> Rate {
    let means: Vec<Mean> = layers.iter().map(|l| mean(l, window)).collect();
    let top = means.iter().rev().find(|m| m.any).copied().unwrap_or_default();
    Rate {
        bits_per_sec: top.bits,
        frames_per_sec: top.frames,
        uplink_bits_per_sec: means.iter().map(|m| m.bits).sum(),
        any: top.any,
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    bits: f64,
    frames: f64,
    any: bool,
}

fn mean(layer: &Seconds, window: usize) -> Mean {
    let whole = &layer.whole[layer.whole.len().saturating_sub(window.max(1))..];
    let counted = if whole.is_empty() { std::slice::from_ref(&layer.running) } else { whole };
    #[expect(clippy::cast_precision_loss, reason = "rates for people to read")]
    let per_sec = |of: fn(&Record) -> u64| counted.iter().map(of).sum::<u64>() as f64 / counted.len() as f64;
    Mean {
        bits: per_sec(|r| r.bytes * 8),
        frames: per_sec(|r| r.frames.into()),
        any: counted.iter().any(|r| r.packets > 0),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::stats::{Counted, Counter};
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Packets of `bytes` every `every` ms, from `from` up to `to`, each a frame of its own.
    fn feed(c: &mut Counter, from: u64, to: u64, every: usize, bytes: usize) {
        for t in (from..to).step_by(every) {
            let timestamp = u32::try_from(t * 90).unwrap();
            c.packet(ms(t), Counted { seq: t, timestamp, marker: true, payload: bytes });
        }
    }

    fn at(c: &mut [Counter], now: u64) -> Rate {
        let seconds: Vec<_> = c.iter_mut().map(|c| c.seconds(ms(now))).collect();
        rate(&seconds, 3)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn a_young_track_counts_the_seconds_it_has() {
        let mut c = [Counter::new(true)];
        assert_eq!(at(&mut c, 0), Rate::default());
        feed(&mut c[0], 300, 800, 100, 1000);
        let r = at(&mut c, 800);
        assert!(close(r.bits_per_sec, 40_000.0) && close(r.frames_per_sec, 5.0), "so far, as one second: {r:?}");
        feed(&mut c[0], 800, 1_900, 100, 1000);
        let r = at(&mut c, 1_950);
        assert!(close(r.bits_per_sec, 80_000.0) && close(r.frames_per_sec, 10.0), "its only whole second: {r:?}");
        feed(&mut c[0], 1_900, 2_300, 100, 3000);
        let r = at(&mut c, 2_350);
        assert!(close(r.bits_per_sec, 112_000.0), "the mean of its two: {r:?}");
    }

    #[test]
    fn a_stopped_track_is_zero_a_window_and_a_second_later() {
        let mut c = [Counter::new(false)];
        feed(&mut c[0], 0, 10_000, 20, 80);
        let r = at(&mut c, 10_000);
        assert!(close(r.bits_per_sec, 32_000.0) && close(r.frames_per_sec, 0.0) && r.any);
        let r = at(&mut c, 12_000);
        assert!(r.any && close(r.bits_per_sec, 32_000.0 / 3.0), "fading: {r:?}");
        assert_eq!(at(&mut c, 14_000), Rate::default());
    }

    #[test]
    fn the_top_layer_is_the_highest_that_lives() {
        let mut c = [Counter::new(true), Counter::new(true), Counter::new(true)];
        feed(&mut c[0], 0, 20_000, 100, 100);
        feed(&mut c[1], 0, 20_000, 50, 500);
        feed(&mut c[2], 0, 10_000, 40, 1000);
        let r = at(&mut c, 10_000);
        assert!(close(r.bits_per_sec, 200_000.0) && close(r.frames_per_sec, 25.0), "{r:?}");
        assert!(close(r.uplink_bits_per_sec, 288_000.0), "{r:?}");
        let r = at(&mut c, 14_500);
        assert!(close(r.bits_per_sec, 80_000.0) && close(r.frames_per_sec, 20.0), "the top one is paused: {r:?}");
        assert!(close(r.uplink_bits_per_sec, 88_000.0), "{r:?}");
    }

    #[test]
    fn a_trickle_is_something_however_little() {
        let mut c = [Counter::new(false)];
        // Comfort noise: one small packet every 400 ms, and none for two seconds.
        feed(&mut c[0], 0, 8_000, 400, 1);
        let r = at(&mut c, 9_900);
        assert!(r.any && r.bits_per_sec > 0.0 && r.bits_per_sec < 20.0, "{r:?}");
    }
}
