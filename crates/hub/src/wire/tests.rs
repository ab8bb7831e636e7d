//! Frames against an encoder and a reader that others wrote.

use std::io::Cursor;

use bytes::Bytes;
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};

use super::{Event, Fault, Reader, binary, close, ping, pong, text};

const MAX: usize = 64 * 1024;

fn masked(mut frame: Frame, key: [u8; 4]) -> Vec<u8> {
    frame.header_mut().mask = Some(key);
    let mut out = Vec::new();
    frame.format(&mut out).unwrap();
    out
}

fn data(kind: Data, fin: bool, payload: &[u8]) -> Vec<u8> {
    masked(Frame::message(payload.to_vec(), OpCode::Data(kind), fin), [0x37, 0xfa, 0x21, 0x3d])
}

fn control(kind: Control, payload: &[u8]) -> Vec<u8> {
    let header = FrameHeader { opcode: OpCode::Control(kind), ..FrameHeader::default() };
    masked(Frame::from_payload(header, payload.to_vec().into()), [1, 2, 3, 4])
}

fn closing(code: u16, reason: &[u8]) -> Vec<u8> {
    control(Control::Close, &[&code.to_be_bytes()[..], reason].concat())
}

/// Everything, fed in pieces of these sizes over and over.
fn read(bytes: &[u8], pieces: &[usize]) -> Result<Vec<Event>, (Vec<Event>, Fault)> {
    let (mut reader, mut events, mut rest) = (Reader::new(MAX), Vec::new(), bytes);
    for size in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (mut piece, later) = rest.split_at(rest.len().min(*size));
        rest = later;
        loop {
            match reader.next(&mut piece) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(fault) => {
                    let mut more = &b"anything"[..];
                    assert_eq!(reader.next(&mut more), Ok(None), "nothing comes after a violation");
                    return Err((events, fault));
                }
            }
        }
        assert!(piece.is_empty(), "all was read");
    }
    Ok(events)
}

fn fault(bytes: &[u8]) -> Fault {
    read(bytes, &[usize::MAX]).expect_err("a violation").1
}

fn txt(s: &str) -> Event {
    Event::Text(Bytes::copy_from_slice(s.as_bytes()))
}

#[test]
fn the_example_of_the_rfc() {
    // RFC 6455 5.7: "Hello", masked.
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(read(&hello, &[usize::MAX]).unwrap(), [txt("Hello")]);
}

#[test]
fn fragments_with_control_frames_between_them_split_anywhere() {
    let all = [
        data(Data::Text, false, "gr\u{fc}".as_bytes().split_last().unwrap().1),
        control(Control::Ping, b"are you there"),
        data(Data::Continue, false, b""),
        data(Data::Continue, false, &["\u{fc}".as_bytes()[1]]),
        control(Control::Pong, b"unasked"),
        data(Data::Continue, true, "\u{df}e \u{1f30d}".as_bytes()),
        data(Data::Binary, true, &[0, 255]),
        data(Data::Text, true, b""),
        closing(1000, "bye \u{1f30d}".as_bytes()),
        b"what comes after the end".to_vec(),
    ]
    .concat();
    let expected = [
        Event::Ping(Bytes::from_static(b"are you there")),
        Event::Pong,
        txt("gr\u{fc}\u{df}e \u{1f30d}"),
        Event::Binary(Bytes::from_static(&[0, 255])),
        txt(""),
        Event::Close(Some(1000)),
    ];
    for at in 1..all.len() {
        assert_eq!(read(&all, &[at, usize::MAX]).unwrap(), expected, "split at {at}");
    }
    assert_eq!(read(&all, &[1]).unwrap(), expected, "byte by byte");
}

#[test]
fn lengths_in_all_their_forms() {
    for n in [0, 1, 125, 126, 127, 65_535, MAX] {
        let payload = vec![b'x'; n];
        assert_eq!(read(&data(Data::Text, true, &payload), &[1000]).unwrap(), [Event::Text(payload.into())]);
    }
    // Longer than needed, and taken.
    assert_eq!(read(&[0x81, 0xfe, 0, 1, 0, 0, 0, 0, b'a'], &[1]).unwrap(), [txt("a")]);
    assert_eq!(read(&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, b'a'], &[1]).unwrap(), [txt("a")]);
}

#[test]
fn every_violation_has_its_code() {
    use Fault::{NotUtf8, Protocol, TooLarge};
    let ok = data(Data::Text, true, b"ok");
    let first = |b: u8| [&[b], &ok[1..]].concat();
    let unmasked = |mut f: Vec<u8>| {
        f[1] &= 0x7f;
        f
    };
    let cases: Vec<(&str, Vec<u8>, Fault)> = vec![
        ("not masked", unmasked(ok.clone()), Protocol),
        ("reserved bit 1", first(0xc1), Protocol),
        ("reserved bit 2", first(0xa1), Protocol),
        ("reserved bit 3", first(0x91), Protocol),
        ("unknown data", first(0x83), Protocol),
        ("unknown data", first(0x87), Protocol),
        ("unknown control", first(0x8b), Protocol),
        ("unknown control", first(0x8f), Protocol),
        ("continues nothing", data(Data::Continue, true, b"x"), Protocol),
        ("a message within a message", [data(Data::Text, false, b"a"), ok.clone()].concat(), Protocol),
        ("a ping in pieces", first(0x09), Protocol),
        ("a close in pieces", first(0x08), Protocol),
        ("a long ping", control(Control::Ping, &[0; 126]), Protocol),
        ("a long close", closing(1000, &[b'x'; 124]), Protocol),
        ("a length beyond all", vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Protocol),
        ("half a code", control(Control::Close, &[3]), Protocol),
        ("a reason that is no text", closing(1000, &[0xc3]), NotUtf8),
        ("no text", data(Data::Text, true, &[b'a', 0xff]), NotUtf8),
        ("half a letter", data(Data::Text, true, &[0xe2, 0x82]), NotUtf8),
        ("a surrogate", data(Data::Text, true, &[0xed, 0xa0, 0x80]), NotUtf8),
        ("no text over two", [data(Data::Text, false, &[0xc3]), data(Data::Continue, true, b"a")].concat(), NotUtf8),
        ("too large", data(Data::Binary, true, &vec![0; MAX + 1]), TooLarge),
        ("too large, and only announced", vec![0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], TooLarge),
        (
            "too large over two",
            [data(Data::Binary, false, &vec![0; MAX]), data(Data::Continue, true, &[0])].concat(),
            TooLarge,
        ),
    ];
    for (what, bytes, expected) in cases {
        assert_eq!(fault(&bytes), expected, "{what}");
        let (events, late) = read(&[ok.clone(), bytes].concat(), &[1]).expect_err(what);
        // Unless it is a part of the violation, what came before counts.
        assert_eq!((events, late), (vec![txt("ok")], expected), "{what}, byte by byte");
    }
    assert_eq!([Protocol, NotUtf8, TooLarge].map(|f| f.close().0), [1002, 1007, 1009]);
}

#[test]
fn a_head_is_judged_before_its_payload_comes() {
    // Two bytes are enough to see that it is not masked, ten to see that it is too large.
    assert_eq!(fault(&[0x81, 0x05]), Fault::Protocol);
    assert_eq!(fault(&data(Data::Binary, true, &vec![0; MAX + 1])[..14]), Fault::TooLarge);
}

#[test]
fn codes_that_may_be_named() {
    for code in 0..=5_100u16 {
        let named = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let got = read(&closing(code, b""), &[usize::MAX]);
        assert_eq!(got.is_ok(), named, "{code}");
        if named {
            assert_eq!(got.unwrap(), [Event::Close(Some(code))]);
            // Others think so too, except of one that was registered late (bad gateway).
            assert!(CloseCode::from(code).is_allowed() || code == 1014, "{code}");
        }
    }
    assert_eq!(read(&control(Control::Close, b""), &[1]).unwrap(), [Event::Close(None)]);
}

/// A frame of the hub, as somebody else reads it.
fn parsed(bytes: &[u8]) -> (OpCode, Vec<u8>) {
    let mut cursor = Cursor::new(bytes);
    let (header, length) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
    assert!(header.is_final && header.mask.is_none() && !header.rsv1 && !header.rsv2 && !header.rsv3);
    let payload = bytes[usize::try_from(cursor.position()).unwrap()..].to_vec();
    assert_eq!(payload.len() as u64, length);
    (header.opcode, payload)
}

#[test]
fn frames_of_the_hub_are_those_of_others() {
    for n in [0, 1, 125, 126, 65_535, 65_536, 300_000] {
        let payload = vec![b'x'; n];
        for (ours, kind) in [(text(&payload), Data::Text), (binary(&payload), Data::Binary)] {
            assert_eq!(parsed(&ours), (OpCode::Data(kind), payload.clone()));
            let mut theirs = Vec::new();
            Frame::message(payload.clone(), OpCode::Data(kind), true).format(&mut theirs).unwrap();
            assert!(ours == theirs, "the shortest head, as theirs");
        }
    }
    assert_eq!(parsed(&ping()), (OpCode::Control(Control::Ping), vec![]));
    assert_eq!(parsed(&pong(b"p")), (OpCode::Control(Control::Pong), b"p".to_vec()));
    assert_eq!(parsed(&close(None, "x")), (OpCode::Control(Control::Close), vec![]));
    let mut theirs = Vec::new();
    let frame = CloseFrame { code: CloseCode::from(3001), reason: "shutdown".into() };
    Frame::close(Some(frame)).format(&mut theirs).unwrap();
    assert_eq!(close(Some(3001), "shutdown"), theirs);
    // 123 bytes hold 61 of these, and not a half.
    assert_eq!(parsed(&close(Some(4501), &"\u{fc}".repeat(90))).1.len(), 2 + 122);
}

/// A message as it goes over the wire: its kind, what its fragments hold, and what comes between them.
#[derive(Debug, Clone)]
enum Sent {
    Message { text: bool, payload: Vec<u8>, cuts: Vec<prop::sample::Index>, ping: Option<Vec<u8>> },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn sent() -> impl Strategy<Value = Sent> {
    let small = || prop::collection::vec(any::<u8>(), 0..=125);
    let payload = prop_oneof![
        "\\PC{0,80}".prop_map(|s| (true, s.into_bytes())),
        prop::collection::vec(any::<u8>(), 0..400).prop_map(|p| (false, p)),
        (65_000..=MAX).prop_map(|n| (false, vec![7; n])),
    ];
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    prop_oneof![
        4 => (payload, cuts, prop::option::of(small()))
            .prop_map(|((text, payload), cuts, ping)| Sent::Message { text, payload, cuts, ping }),
        1 => small().prop_map(Sent::Ping),
        1 => small().prop_map(Sent::Pong),
    ]
}

/// As bytes, and what a reader must make of it.
fn encode(sent: &Sent, key: [u8; 4]) -> (Vec<u8>, Vec<Event>) {
    let control = |kind, payload: &[u8]| {
        let header = FrameHeader { opcode: OpCode::Control(kind), ..FrameHeader::default() };
        masked(Frame::from_payload(header, payload.to_vec().into()), key)
    };
    match sent {
        Sent::Ping(p) => (control(Control::Ping, p), vec![Event::Ping(p.clone().into())]),
        Sent::Pong(p) => (control(Control::Pong, p), vec![Event::Pong]),
        Sent::Message { text, payload, cuts, ping } => {
            let mut at: Vec<usize> = cuts.iter().map(|c| c.index(payload.len() + 1)).collect();
            at.sort_unstable();
            at.push(payload.len());
            let (mut bytes, mut events, mut from) = (Vec::new(), Vec::new(), 0);
            for (n, to) in at.iter().enumerate() {
                let first = if *text { Data::Text } else { Data::Binary };
                let kind = if n == 0 { first } else { Data::Continue };
                let fin = n + 1 == at.len();
                bytes.extend(masked(Frame::message(payload[from..*to].to_vec(), OpCode::Data(kind), fin), key));
                from = *to;
                if let Some(ping) = ping.as_ref().filter(|_| n == 0 && !fin) {
                    bytes.extend(control(Control::Ping, ping));
                    events.push(Event::Ping(ping.clone().into()));
                }
            }
            let payload = Bytes::from(payload.clone());
            events.push(if *text { Event::Text(payload) } else { Event::Binary(payload) });
            (bytes, events)
        }
    }
}

/// Random inputs of one test. `HUB_FUZZ_CASES` asks for a long run.
fn cases(usual: u32) -> u32 {
    std::env::var("HUB_FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(400), ..ProptestConfig::default() })]

    #[test]
    fn what_others_send_is_read_however_it_is_cut(
        all in prop::collection::vec((sent(), any::<[u8; 4]>()), 1..6),
        pieces in prop::collection::vec(1..3_000usize, 1..6),
    ) {
        let (bytes, events): (Vec<_>, Vec<_>) = all.iter().map(|(s, key)| encode(s, *key)).unzip();
        prop_assert_eq!(read(&bytes.concat(), &pieces).unwrap(), events.concat());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(4_000), ..ProptestConfig::default() })]

    /// Bytes that mean something in places and nothing in others: no panic, and the same however they are cut.
    #[test]
    fn rubbish_is_judged_the_same_however_it_is_cut(
        all in prop::collection::vec((sent(), any::<[u8; 4]>()), 0..3),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4u8, any::<u8>()), 0..5),
        rubbish in prop::collection::vec(any::<u8>(), 0..40),
        pieces in prop::collection::vec(1..50usize, 1..6),
    ) {
        let mut bytes: Vec<u8> = all.iter().flat_map(|(s, key)| encode(s, *key).0).take(3_000).collect();
        bytes.extend(rubbish);
        for (at, how, value) in edits {
            if bytes.is_empty() {
                break;
            }
            // The heads of frames are where it hurts.
            let at = at.index(bytes.len().min(64));
            match how {
                0 => bytes[at] = value,
                1 => bytes[at] ^= 1 << (value % 8),
                2 => bytes.insert(at, value),
                _ => drop(bytes.remove(at)),
            }
        }
        let whole = read(&bytes, &[usize::MAX]);
        prop_assert_eq!(&whole, &read(&bytes, &pieces));
        prop_assert_eq!(&whole, &read(&bytes, &[1]));
    }
}
