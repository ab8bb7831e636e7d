//! Selector and munger together: a publisher of three layers, a bad network, a subscriber who changes its mind.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::munge::{Incoming, Munger, Outgoing, Source, Vp8};
use super::select::{Layers, Seen, Selector, Verdict, Wanted};

/// One frame time of the publisher, and what happens in it.
#[derive(Debug, Clone)]
struct Tick {
    /// Packets of this frame, per layer.
    packets: u8,
    /// The layer's frame is a key frame although nobody asked.
    key: Option<u8>,
    /// The publisher sends this layer at all from here on.
    toggles: Option<u8>,
    act: Act,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Nothing,
    Want(u8),
    Temporal(u8),
    Disable,
    Enable,
    /// The gate is shut for so many frames.
    Mute(u8),
}

fn ticks() -> impl Strategy<Value = Vec<Tick>> {
    let act = prop_oneof![
        20 => Just(Act::Nothing),
        2 => (0u8..3).prop_map(Act::Want),
        1 => (0u8..3).prop_map(Act::Temporal),
        1 => Just(Act::Disable),
        2 => Just(Act::Enable),
        1 => (1u8..60).prop_map(Act::Mute),
    ];
    let rarely = |n| prop::option::weighted(n, 0u8..3);
    let tick = (1u8..4, rarely(0.05), rarely(0.02), act).prop_map(|(packets, key, toggles, act)| Tick {
        packets,
        key,
        toggles,
        act,
    });
    prop::collection::vec(tick, 1..250)
}

#[derive(Debug, Clone, Copy)]
struct Packet {
    layer: u8,
    frame: u32,
    seen: Seen,
    incoming: Incoming,
}

struct Way {
    layers: Layers,
    selector: Selector,
    munger: Munger,
    muted: u8,
    /// Cut since the last packet sent: the next one must start a key frame.
    cut: bool,
    out: BTreeMap<u64, (Packet, Outgoing, bool)>,
}

impl Way {
    fn act(&mut self, now: Duration, act: Act) {
        let wanted = self.selector.wanted();
        let wanted = match act {
            Act::Nothing => wanted,
            Act::Want(layer) => Wanted { layer, ..wanted },
            Act::Temporal(temporal) => Wanted { temporal, ..wanted },
            Act::Disable => Wanted { disabled: true, ..wanted },
            Act::Enable => Wanted { disabled: false, ..wanted },
            Act::Mute(frames) => {
                self.muted = frames;
                self.selector.interrupt(now);
                wanted
            }
        };
        if wanted.disabled || matches!(act, Act::Mute(_)) {
            self.munger.pause();
            self.cut = true;
        }
        self.selector.set_wanted(now, wanted);
    }

    fn packet(&mut self, now: Duration, p: Packet) -> Result<(), TestCaseError> {
        if self.muted > 0 {
            return Ok(());
        }
        let seen = self.layers.packet(now, u32::from(p.layer), p.incoming.seq, p.seen);
        let source = Source(u32::from(p.layer));
        let incoming = Incoming { arrived: now, ..p.incoming };
        match self.selector.judge(now, &self.layers, seen) {
            Verdict::Drop => self.munger.dropped(source, &incoming),
            Verdict::Forward => {
                if let Some(o) = self.munger.forward(source, &incoming) {
                    let starts = std::mem::take(&mut self.cut);
                    prop_assert!(self.out.insert(o.seq, (p, o, starts)).is_none(), "number {} twice", o.seq);
                }
            }
        }
        Ok(())
    }
}

/// The packets of one frame of all layers that are sent.
fn frame_of(n: u32, tick: &Tick, on: [bool; 3], asked: Option<u8>, next: &mut [u64; 3]) -> Vec<Packet> {
    let mut list = vec![];
    for layer in (0..3u8).filter(|l| on[usize::from(*l)]) {
        let key = tick.key == Some(layer) || asked == Some(layer);
        // The pattern of three temporal layers: 0 2 1 2.
        let temporal = if key { 0 } else { [0, 2, 1, 2][n as usize % 4] };
        for i in 0..tick.packets {
            let seq = &mut next[usize::from(layer)];
            let vp8 = Vp8 {
                picture_id: Some((n as u16 & 0x7fff, true)),
                tl0_pic_idx: Some((n / 4) as u8),
                key_idx: None,
                base_layer: temporal == 0,
            };
            let incoming = Incoming {
                seq: *seq,
                timestamp: (u32::from(layer) << 30).wrapping_add(n * 3000),
                arrived: Duration::ZERO,
                captured: None,
                vp8: Some(vp8),
            };
            let seen = Seen {
                layer,
                starts_key_frame: key && i == 0,
                starts_frame: i == 0,
                temporal,
                layer_sync: temporal == 1,
            };
            list.push(Packet { layer, frame: n, seen, incoming });
            *seq += 1;
        }
    }
    list
}

proptest! {
    #[test]
    fn whatever_happens_the_subscriber_gets_one_clean_stream(
        ticks in ticks(),
        noise in prop::collection::vec((0u8..12, 0u8..9), 1..300),
        starts in any::<[u16; 3]>(),
    ) {
        let mut way = Way {
            layers: Layers::default(),
            selector: Selector::new(Duration::ZERO, Wanted::default()),
            munger: Munger::new(starts[0], 0, 90_000),
            muted: 0,
            cut: true,
            out: BTreeMap::new(),
        };
        let mut next = starts.map(|s| u64::from(s) + 1);
        let mut on = [true; 3];
        let mut net: Vec<(u32, Packet)> = vec![];
        let mut dice = noise.iter().cycle();
        for (n, tick) in (0u32..).zip(&ticks) {
            let now = Duration::from_millis(u64::from(n) * 33);
            if let Some(layer) = tick.toggles {
                on[usize::from(layer)] ^= true;
            }
            way.muted = way.muted.saturating_sub(1);
            way.act(now, tick.act);
            let asked = way.selector.needs_key_frame(now, &way.layers).filter(|_| n % 5 == 0);
            for p in frame_of(n, tick, on, asked, &mut next) {
                match *dice.next().unwrap_or(&(9, 0)) {
                    (0, _) => {}
                    (1, by) => net.extend([(n, p), (n + u32::from(by), p)]),
                    (2, by) => net.push((n + u32::from(by), p)),
                    _ => net.push((n, p)),
                }
            }
            for (_, p) in net.extract_if(.., |(due, _)| *due <= n) {
                way.packet(now, p)?;
            }
        }

        let out: Vec<_> = way.out.values().collect();
        for (i, (p, o, after_cut)) in out.iter().enumerate() {
            let before = i.checked_sub(1).map(|b| out[b]);
            let switched = before.is_none_or(|(b, ..)| b.layer != p.layer);
            prop_assert!(!(switched || *after_cut) || p.seen.starts_key_frame, "{p:?} starts without a key frame");
            let Some((b, before, _)) = before else { continue };
            let step = o.timestamp.wrapping_sub(before.timestamp);
            if switched || b.frame != p.frame {
                prop_assert!((1..1 << 31).contains(&step), "time goes on: {before:?} {o:?}");
            } else {
                prop_assert_eq!(step, 0, "one frame, one time");
            }
            if !switched {
                prop_assert!(p.frame >= b.frame, "frames in order");
            }
        }
    }
}
