use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const LOW: Source = Source(1);
const HIGH: Source = Source(2);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Packet `seq` of a stream of one 20 ms audio packet each.
fn audio(seq: u64) -> Incoming {
    Incoming { seq, timestamp: (seq as u32).wrapping_mul(960), arrived: ms(seq * 20), captured: None, vp8: None }
}

fn video(seq: u64, picture: u16, tl0: u8, base_layer: bool) -> Incoming {
    let vp8 = Vp8 { picture_id: Some((picture, true)), tl0_pic_idx: Some(tl0), key_idx: Some(3), base_layer };
    Incoming { vp8: Some(vp8), timestamp: u32::from(picture) * 3000, ..audio(seq) }
}

fn seqs(m: &mut Munger, list: impl IntoIterator<Item = u64>) -> Vec<Option<u64>> {
    list.into_iter().map(|s| m.forward(LOW, &audio(s)).map(|o| o.seq)).collect()
}

#[test]
fn a_down_track_starts_below_the_first_rollover_whatever_the_source_is_at() {
    for (start, source) in [(0xffff, 65_535), (0, 1 << 40), (0x8000, 3)] {
        let mut m = Munger::new(start, 7, 48_000);
        let out = m.forward(LOW, &audio(source)).unwrap();
        assert_eq!((out.seq, out.timestamp), (u64::from(start & 0x7fff), 7));
        assert_eq!(m.forward(LOW, &audio(source + 70_000)).unwrap().seq, out.seq + 70_000, "loss stays loss");
    }
}

#[test]
fn left_out_packets_leave_no_hole_and_lost_ones_do() {
    let mut m = Munger::new(100, 0, 48_000);
    assert_eq!(seqs(&mut m, [10, 11]), [Some(100), Some(101)]);
    for s in [12, 13, 15] {
        m.dropped(LOW, &audio(s));
    }
    // 14 is lost, 16 comes: one hole is left for 14.
    assert_eq!(seqs(&mut m, [16, 14, 14, 12, 13]), [Some(103), Some(102), None, None, None]);
}

#[test]
fn late_packets_get_the_number_kept_for_them() {
    let mut m = Munger::new(0, 0, 48_000);
    let (mut expect, mut kept) = (0, vec![]);
    for block in 0..120u64 {
        let base = 1000 + block * 4;
        assert_eq!(seqs(&mut m, [base]), [Some(expect)]);
        // base + 1 is late, base + 2 is left out
        kept.push((base + 1, expect + 1));
        m.dropped(LOW, &audio(base + 2));
        assert_eq!(seqs(&mut m, [base + 3]), [Some(expect + 2)]);
        expect += 3;
    }
    for (late, number) in kept.into_iter().rev().take(100) {
        assert_eq!(seqs(&mut m, [late, late]), [Some(number), None]);
    }
}

#[test]
fn duplicates_and_packets_from_before_the_start_or_a_switch_are_refused() {
    let mut m = Munger::new(0, 0, 48_000);
    assert_eq!(seqs(&mut m, [50, 49, 50, 51]), [Some(0), None, None, Some(1)]);
    assert_eq!(m.forward(HIGH, &audio(9000)).unwrap().seq, 2);
    assert_eq!(m.forward(HIGH, &audio(8999)), None);
    m.dropped(LOW, &audio(52));
    assert_eq!(m.forward(HIGH, &audio(9001)).unwrap().seq, 3, "the old source's packets do not count");
    assert_eq!(m.last_seq(), Some(3));
}

#[test]
fn a_mute_closes_without_a_hole_although_nobody_tells_its_packets() {
    let mut m = Munger::new(0, 0, 48_000);
    assert_eq!(seqs(&mut m, [1, 3]), [Some(0), Some(2)]);
    m.pause();
    assert_eq!(seqs(&mut m, [500_000, 500_001]), [Some(3), Some(4)]);
    assert_eq!(seqs(&mut m, [499_999, 400_000, 4]), [None, None, None], "from the closed span");
    m.pause();
    m.pause();
    assert_eq!(seqs(&mut m, [500_002, 500_004, 500_003]), [Some(5), Some(7), Some(6)]);
}

#[test]
fn a_packet_lost_before_a_mute_can_still_come() {
    let mut m = Munger::new(0, 0, 48_000);
    assert_eq!(seqs(&mut m, [1, 3]), [Some(0), Some(2)]);
    m.pause();
    assert_eq!(seqs(&mut m, [50, 2, 2]), [Some(3), Some(1), None]);
}

#[test]
fn a_long_left_out_span_with_loss_closes_in_bounded_memory() {
    let mut m = Munger::new(0, 0, 48_000);
    seqs(&mut m, [1]);
    for s in (2..500_000u64).filter(|s| s % 7 != 0) {
        m.dropped(LOW, &audio(s));
    }
    let out = m.forward(LOW, &audio(500_000)).unwrap();
    assert!(out.seq <= 70, "{}: a few holes of the span's end at most", out.seq);
    assert!(m.ranges.remembered() <= 2 * MAX_RANGES);
}

#[test]
fn a_switch_goes_on_one_number_later_and_by_the_time_that_passed() {
    let mut m = Munger::new(0, 1000, 90_000);
    m.forward(LOW, &Incoming { timestamp: 5, arrived: ms(100), ..audio(10) }).unwrap();
    let high = Incoming { timestamp: 4_000_000_000, arrived: ms(140), ..audio(777) };
    let out = m.forward(HIGH, &high).unwrap();
    assert_eq!((out.seq, out.timestamp), (1, 1000 + 40 * 90));
    // The captures say 33 ms: truer than the arrivals.
    let captured = |p: Incoming, t: u64| Incoming { captured: Some(ms(t)), ..p };
    let mut m = Munger::new(0, 1000, 90_000);
    m.forward(LOW, &captured(Incoming { arrived: ms(100), ..audio(10) }, 5000)).unwrap();
    assert_eq!(m.forward(HIGH, &captured(high, 5033)).unwrap().timestamp, 1000 + 33 * 90);
    // The same instant, or a step back, is one tick on.
    assert_eq!(m.forward(LOW, &captured(high, 5033)).unwrap().timestamp, 1000 + 33 * 90 + 1);
    assert_eq!(m.forward(HIGH, &captured(high, 4900)).unwrap().timestamp, 1000 + 33 * 90 + 2);
    // A report that is minutes off is not believed.
    let late = captured(Incoming { arrived: ms(160), ..high }, 900_000);
    assert_eq!(m.forward(LOW, &late).unwrap().timestamp, 1000 + 33 * 90 + 2 + 20 * 90);
}

#[test]
fn after_a_mute_the_timestamp_moves_by_the_time_that_passed() {
    // A source whose clock ran on keeps it, to the tick.
    let mut m = Munger::new(0, 0, 48_000);
    let first = m.forward(LOW, &audio(1)).unwrap();
    m.pause();
    let jitter = Incoming { arrived: ms(10_100), ..audio(501) };
    assert_eq!(m.forward(LOW, &jitter).unwrap().timestamp, first.timestamp + 500 * 960);
    // A source whose clock stood still, or went back, is moved on.
    for stamp in [501 * 960 + 960, 5] {
        let mut m = Munger::new(0, 0, 48_000);
        let before = m.forward(LOW, &audio(501)).unwrap();
        m.pause();
        let packet = Incoming { timestamp: stamp, arrived: ms(501 * 20 + 3000), ..audio(502) };
        let after = m.forward(LOW, &packet).unwrap();
        assert_eq!((after.seq, after.timestamp), (1, before.timestamp + 3 * 48_000));
        let next = Incoming { timestamp: stamp + 960, arrived: ms(20_000), ..audio(503) };
        assert_eq!(m.forward(LOW, &next).unwrap().timestamp, after.timestamp + 960);
    }
}

#[test]
fn picture_ids_go_on_over_left_out_frames_and_switches() {
    let mut m = Munger::new(0, 0, 90_000);
    let vp8 = |o: Outgoing| {
        let v = o.vp8.unwrap();
        (v.picture_id.unwrap(), v.tl0_pic_idx.unwrap(), v.key_idx.unwrap())
    };
    let first = vp8(m.forward(LOW, &video(1, 0x7ffe, 254, true)).unwrap());
    assert_eq!(first, ((0x7ffe, true), 254, 3));
    // A frame of two packets in an upper temporal layer is left out, out of order.
    m.dropped(LOW, &video(3, 0x7fff, 254, false));
    m.dropped(LOW, &video(2, 0x7fff, 254, false));
    assert_eq!(vp8(m.forward(LOW, &video(4, 0, 255, true)).unwrap()), ((0x7fff, true), 255, 3));
    // Base frames left out (a mute) close their TL0 index too.
    m.dropped(LOW, &video(5, 1, 0, true));
    m.dropped(LOW, &video(6, 2, 1, true));
    assert_eq!(vp8(m.forward(LOW, &video(7, 3, 2, true)).unwrap()), ((0, true), 0, 3));
    // A left-out frame that is ahead of this packet does not count before it.
    m.dropped(LOW, &video(9, 5, 3, false));
    assert_eq!(vp8(m.forward(LOW, &video(8, 4, 3, true)).unwrap()), ((1, true), 1, 3));
    assert_eq!(vp8(m.forward(LOW, &video(10, 6, 4, true)).unwrap()), ((2, true), 2, 3));
    // Another layer has other numbers, and the short form.
    let short = |seq, id| Incoming {
        vp8: Some(Vp8 { picture_id: Some((id, false)), tl0_pic_idx: Some(77), key_idx: Some(30), base_layer: true }),
        ..audio(seq)
    };
    assert_eq!(vp8(m.forward(HIGH, &short(500, 120)).unwrap()), ((3, false), 3, 4));
    assert_eq!(vp8(m.forward(HIGH, &short(501, 121)).unwrap()), ((4, false), 3, 4));
}

#[test]
fn a_late_packet_of_an_older_picture_keeps_its_picture() {
    let mut m = Munger::new(0, 0, 90_000);
    m.forward(LOW, &video(1, 10, 1, true)).unwrap();
    m.dropped(LOW, &video(4, 11, 1, false));
    m.forward(LOW, &video(5, 12, 2, true)).unwrap();
    let late = m.forward(LOW, &video(2, 10, 1, true)).unwrap();
    assert_eq!((late.seq, late.vp8.unwrap().picture_id), (1, Some((10, true))));
}

/// One thing that happens on the way through a down track.
#[derive(Debug, Clone)]
enum Step {
    /// The next frame of the source: packets in it, and whether it is left out.
    Frame { packets: u8, left_out: bool },
    /// The other layer, at a key frame.
    Switch,
    /// So many frames are muted: at the gate, or told packet by packet.
    Mute { frames: u8, at_gate: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (1u8..5, prop::bool::weighted(0.3)).prop_map(|(packets, left_out)| Step::Frame { packets, left_out }),
        1 => Just(Step::Switch),
        1 => (1u8..40, any::<bool>()).prop_map(|(frames, at_gate)| Step::Mute { frames, at_gate }),
    ];
    prop::collection::vec(step, 1..120)
}

/// A packet on its way: what it is, and what is to be done with it.
#[derive(Debug, Clone, Copy)]
struct Sent {
    source: Source,
    packet: Incoming,
    left_out: bool,
    paused_before: bool,
}

/// Makes packets of two layers of one track.
struct Publisher {
    layer: usize,
    frame: u32,
    paused: bool,
    next: [u64; 2],
    picture: [u16; 2],
    stamps: [u32; 2],
    list: Vec<Sent>,
}

impl Publisher {
    fn frame(&mut self, packets: u8, left_out: bool) {
        self.frame += 1;
        let l = self.layer;
        self.picture[l] = self.picture[l].wrapping_add(1);
        for _ in 0..packets {
            let vp8 = Vp8 {
                picture_id: Some((self.picture[l] & 0x7fff, true)),
                tl0_pic_idx: Some(self.picture[l] as u8),
                key_idx: None,
                base_layer: true,
            };
            let packet = Incoming {
                seq: self.next[l],
                timestamp: self.stamps[l].wrapping_add(self.frame * 3000),
                arrived: ms(u64::from(self.frame) * 33),
                captured: None,
                vp8: Some(vp8),
            };
            let paused_before = std::mem::take(&mut self.paused);
            self.list.push(Sent { source: Source(l as u32), packet, left_out, paused_before });
            self.next[l] += 1;
        }
    }
}

/// All packets in order, as one list.
fn script(steps: &[Step], start: u64, stamps: (u32, u32)) -> Vec<Sent> {
    let mut p = Publisher {
        layer: 0,
        frame: 0,
        paused: false,
        next: [start, start ^ 0x5555],
        picture: [start as u16, 100],
        stamps: [stamps.0, stamps.1],
        list: vec![],
    };
    p.frame(1, false);
    for step in steps {
        match *step {
            Step::Frame { packets, left_out } => p.frame(packets, left_out),
            Step::Switch => {
                p.layer = 1 - p.layer;
                p.frame(2, false);
            }
            Step::Mute { frames, at_gate } => {
                let before = p.list.len();
                (0..frames).for_each(|_| p.frame(3, true));
                if at_gate {
                    p.list.truncate(before);
                }
                p.paused = true;
            }
        }
    }
    p.list
}

/// Lets the munger work; returns what came out, in order of work.
fn play(m: &mut Munger, list: &[Sent]) -> Vec<(Sent, Outgoing)> {
    let mut out = vec![];
    for sent in list {
        if sent.paused_before {
            m.pause();
        }
        if sent.left_out {
            m.dropped(sent.source, &sent.packet);
        } else if let Some(o) = m.forward(sent.source, &sent.packet) {
            out.push((*sent, o));
        }
    }
    out
}

/// Loses, doubles and delays packets; never across a switch, where the selector stops the old layer.
fn disturb(list: &[Sent], noise: &[(u8, u8)]) -> Vec<Sent> {
    let mut out: Vec<Sent> = vec![];
    let mut epoch_start = 0;
    for (i, sent) in list.iter().enumerate() {
        if i > 0 && list[i - 1].source != sent.source {
            epoch_start = out.len() + 1; // the key frame's first packet leads
        }
        let (kind, by) = noise[i % noise.len()];
        match kind {
            0 if i > 0 && out.len() >= epoch_start => {} // lost
            1 => out.extend([*sent, *sent]),
            2 => {
                let at =
                    out.len().saturating_sub(usize::from(by)).max(epoch_start).min(out.len()).max(usize::from(i > 0));
                out.insert(at.min(out.len()), *sent);
            }
            _ => out.push(*sent),
        }
    }
    out
}

proptest! {
    /// On a clean network: no hole, no double, time and pictures go on by what was sent.
    #[test]
    fn without_loss_the_numbers_downstream_are_whole(
        steps in steps(), start in 0u64..1 << 20, out_start in any::<u16>(), stamps in any::<(u32, u32)>(),
    ) {
        let mut m = Munger::new(out_start, 99, 90_000);
        let out = play(&mut m, &script(&steps, start, stamps));
        prop_assert!(out[0].1.seq < 1 << 15);
        for pair in out.windows(2) {
            let (a, b) = (pair[0].1, pair[1].1);
            prop_assert_eq!(b.seq, a.seq + 1);
            let same_frame = pair[0].0.source == pair[1].0.source
                && pair[0].0.packet.timestamp == pair[1].0.packet.timestamp;
            let step = b.timestamp.wrapping_sub(a.timestamp);
            let wanted = if same_frame { 0..1 } else { 1..1 << 31 };
            prop_assert!(wanted.contains(&step));
            let id = |o: Outgoing| o.vp8.unwrap().picture_id.unwrap().0;
            prop_assert_eq!(id(b).wrapping_sub(id(a)) & 0x7fff, u16::from(!same_frame));
            let tl0 = |o: Outgoing| o.vp8.unwrap().tl0_pic_idx.unwrap();
            prop_assert_eq!(tl0(b).wrapping_sub(tl0(a)), u8::from(!same_frame));
        }
    }

    /// On a bad one: never a number twice, order kept, time never backwards.
    #[test]
    fn with_loss_reordering_and_doubles_no_number_is_used_twice(
        steps in steps(), noise in prop::collection::vec((0u8..8, 1u8..12), 1..200),
        start in 0u64..1 << 20, stamps in any::<(u32, u32)>(),
    ) {
        let mut m = Munger::new(5, 99, 90_000);
        let out = play(&mut m, &disturb(&script(&steps, start, stamps), &noise));
        let mut by_number = BTreeMap::new();
        for (n, (sent, o)) in out.iter().enumerate() {
            prop_assert!(by_number.insert(o.seq, (n, *sent, *o)).is_none(), "number {} twice", o.seq);
        }
        let in_order: Vec<_> = by_number.values().collect();
        for pair in in_order.windows(2) {
            let ((_, a, oa), (_, b, ob)) = (pair[0], pair[1]);
            if a.source == b.source {
                prop_assert!(a.packet.seq < b.packet.seq, "order of {a:?} and {b:?}");
            }
            prop_assert!(ob.timestamp.wrapping_sub(oa.timestamp) < 1 << 31, "time went back: {oa:?} {ob:?}");
        }
    }
}
