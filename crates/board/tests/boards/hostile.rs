//! What nobody honest sends. The board must say no, or take it and stay whole; never panic, never hang, never break.

use proptest::prelude::*;
use stoa_board::{Board, Document, Limits, SessionId};
use stoa_core::board::BoardRights;
use stoa_core::error::Kind;
use yrs::{Map as _, Transact as _, WriteTxn as _};

use crate::client::{Client, json, read_rows, update_message, whole};
use crate::world::{BOTH, DRAW, LOOK, PAGES, World, at, user};

/// A board with a past: overwritten, erased, nested, of several clients. And messages a client might send to it.
fn seeds() -> (Vec<u8>, Vec<Vec<u8>>) {
    let ann = Client::new(100);
    let mut messages = Vec::new();
    for i in 0..4 {
        messages.push(ann.draw(&format!("e{i}")));
    }
    ann.erase("e1");
    ann.draw("e2");
    ann.add_page(0, "p");
    ann.add_page(0, "q");
    ann.remove_page(1);
    let past = whole(&ann.doc);
    let mut bob = Client::new(101);
    bob.hear(&yrs::updates::encoder::Encode::encode_v1(&yrs::sync::Message::Sync(yrs::sync::SyncMessage::SyncStep2(
        past.clone(),
    ))));
    messages.push(bob.draw("e0"));
    messages.push(bob.draw("new"));
    messages.push(bob.add_page(1, "r"));
    messages.push(bob.erase("e2"));
    messages.push(bob.turn(2));
    messages.push(bob.edit(|txn| {
        let map = txn.get_or_insert_map("elements");
        (0..3).for_each(|i| _ = map.insert(txn, format!("m{i}"), crate::client::element("m", &[])));
    }));
    messages.push(bob.hello());
    messages.push(update_message(whole(&bob.doc)));
    messages.push(World::awareness(101, 3, "{\"user\":{\"name\":\"Bob\"}}"));
    (past, messages)
}

fn board(past: &[u8], rights: BoardRights) -> Board {
    let (document, lost) = Document::load(&[past.to_vec()]);
    assert_eq!(lost, 0);
    let mut board = Board::new(document, 1, Limits::default());
    board.connect(SessionId(1), user("eve"), rights).unwrap();
    board
}

/// Breaks a message: bytes changed, cut out, doubled, put in.
fn broken() -> impl Strategy<Value = (prop::sample::Index, Vec<(prop::sample::Index, u8, u8)>)> {
    (any::<prop::sample::Index>(), prop::collection::vec((any::<prop::sample::Index>(), 0..6u8, any::<u8>()), 1..4))
}

fn mutate(message: &mut Vec<u8>, edits: &[(prop::sample::Index, u8, u8)]) {
    for (at, how, value) in edits {
        if message.is_empty() {
            return;
        }
        let i = at.index(message.len());
        match how {
            0 => message[i] = *value,
            1 => message[i] ^= 1 << (value % 8),
            2 => message[i] = message[i].wrapping_add(1),
            3 => _ = message.remove(i),
            4 => message.insert(i, *value),
            _ => {
                let piece: Vec<u8> = message[i..].iter().take(usize::from(*value % 16)).copied().collect();
                message.splice(i..i, piece);
            }
        }
    }
}

/// The update inside of a sync message.
fn update_of(message: &[u8]) -> Option<Vec<u8>> {
    use yrs::sync::{Message, SyncMessage};
    match yrs::updates::decoder::Decode::decode_v1(message).unwrap() {
        Message::Sync(SyncMessage::Update(update)) => Some(update),
        _ => None,
    }
}

fn survives(past: &[u8], messages: &[Vec<u8>], rights: BoardRights) -> Result<usize, TestCaseError> {
    let mut board = board(past, rights);
    let mut rows = vec![past.to_vec()];
    let mut applied = 0;
    for message in messages {
        match board.message(SessionId(1), message, at(0)) {
            Ok(mut effects) => {
                while let Some(effect) = effects.pop() {
                    match effect {
                        stoa_board::Effect::Append(row) => {
                            rows.push(row);
                            applied += 1;
                            effects.extend(board.stored());
                        }
                        stoa_board::Effect::Replace(row) => {
                            rows = vec![row];
                            effects.extend(board.stored());
                        }
                        _ => {}
                    }
                }
            }
            Err(e) => {
                prop_assert_ne!(e.kind(), &Kind::Internal, "{:?}", e.internal());
                board.disconnect(SessionId(1));
                board.connect(SessionId(1), user("eve"), rights).unwrap();
            }
        }
    }
    // What was stored is what is in memory, and others can read it.
    let stored = json(&read_rows(&rows));
    let (mut again, lost) = Document::load(&rows);
    prop_assert_eq!(lost, 0);
    prop_assert_eq!(&json(&read_rows(&[again.snapshot()])), &stored);
    // Pages, elements, view.
    let before = json(&read_rows(&[past.to_vec()]));
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), stored.lines().collect());
    if !rights.draw {
        prop_assert_eq!(before[1], after[1], "elements changed");
    }
    if !rights.pages {
        prop_assert_eq!((before[0], before[2]), (after[0], after[2]), "pages changed");
    }
    Ok(applied)
}

fn put(out: &mut Vec<u8>, mut n: u32) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// A clock that is known, or nearly.
fn clock() -> impl Strategy<Value = u32> {
    prop_oneof![9 => 0..14u32, 1 => prop::sample::select(vec![50, 1000, 0x7fff_fffe])]
}

/// Ann, Bob, a stranger.
fn client() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![100u32, 100, 101, 5])
}

/// One operation: grammatical, and otherwise whatever comes.
fn operation() -> impl Strategy<Value = Vec<u8>> {
    let id = || (client(), clock());
    let root = prop::sample::select(vec!["elements", "pages", "view"]);
    let parent = (any::<prop::sample::Index>(), root, id(), prop::sample::select(vec!["e0", "e2", "id", "page", "k"]));
    let content = prop::sample::select(vec![
        (1u8, vec![1u8]),
        (1, vec![3]),
        (7, vec![1]),
        (7, vec![0]),
        (8, vec![1, 125, 7]),
        (8, vec![2, 126, 120]),
        (8, vec![1, 118, 1, 1, b'x', 125, 1]),
    ]);
    let neighbours = (prop::option::weighted(0.4, id()), prop::option::weighted(0.2, id()), any::<bool>());
    let item = (neighbours, parent, content).prop_map(|((left, right, keyed), (which, root, id, key), content)| {
        let copied = left.is_some() || right.is_some();
        let keyed = keyed || (!copied && which.index(3) != 0 && root != "pages");
        let flags = [(left.is_some(), 0x80), (right.is_some(), 0x40), (keyed, 0x20)];
        let mut out = vec![content.0 | flags.iter().filter(|f| f.0).map(|f| f.1).sum::<u8>()];
        for (client, clock) in [left, right].into_iter().flatten() {
            put(&mut out, client);
            put(&mut out, clock);
        }
        if !copied {
            if which.index(3) == 0 {
                out.push(0);
                put(&mut out, id.0);
                put(&mut out, id.1);
            } else {
                out.push(1);
                out.push(root.len() as u8);
                out.extend_from_slice(root.as_bytes());
            }
            if keyed {
                out.push(key.len() as u8);
                out.extend_from_slice(key.as_bytes());
            }
        }
        out.extend_from_slice(&content.1);
        out
    });
    prop_oneof![12 => item, 1 => Just(vec![0, 1]), 1 => Just(vec![0, 3]), 1 => Just(vec![10, 2])]
}

/// A whole update of such operations and deletions.
fn nonsense() -> impl Strategy<Value = Vec<u8>> {
    let section = (client(), clock(), prop::collection::vec(operation(), 1..5));
    let deletion = (client(), prop::collection::vec((clock(), 1..4u32), 1..3));
    let deletions = prop::collection::vec(deletion, 0..3);
    (prop::collection::vec(section, 0..3), deletions).prop_map(|(sections, deletions)| {
        let mut out = Vec::new();
        put(&mut out, sections.len() as u32);
        for (client, clock, operations) in sections {
            put(&mut out, operations.len() as u32);
            put(&mut out, client);
            put(&mut out, clock);
            operations.iter().for_each(|o| out.extend_from_slice(o));
        }
        put(&mut out, deletions.len() as u32);
        for (client, ranges) in deletions {
            put(&mut out, client);
            put(&mut out, ranges.len() as u32);
            for (clock, len) in ranges {
                put(&mut out, clock);
                put(&mut out, len);
            }
        }
        out
    })
}

fn cases(default: u32) -> u32 {
    std::env::var("BOARD_FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(4000), ..ProptestConfig::default() })]

    #[test]
    fn broken_messages_do_no_harm(
        breaks in prop::collection::vec(broken(), 1..4),
        inside in any::<bool>(),
        rights in prop::sample::select(vec![BOTH, DRAW, PAGES, LOOK]),
    ) {
        let (past, seeds) = seeds();
        let messages: Vec<Vec<u8>> = breaks.iter().map(|(which, edits)| {
            let mut message = which.get(&seeds).clone();
            // Inside of the frame, so that the update is reached at all, or anywhere.
            match update_of(&message).filter(|_| inside) {
                Some(mut update) => {
                    mutate(&mut update, edits);
                    update_message(update)
                }
                None => {
                    mutate(&mut message, edits);
                    message
                }
            }
        }).collect();
        survives(&past, &messages, rights)?;
    }

    #[test]
    fn well_formed_nonsense_does_no_harm(
        updates in prop::collection::vec(nonsense(), 1..6),
        rights in prop::sample::select(vec![BOTH, DRAW, PAGES, LOOK]),
    ) {
        let (past, _) = seeds();
        let messages: Vec<Vec<u8>> = updates.into_iter().map(update_message).collect();
        survives(&past, &messages, rights)?;
    }

    #[test]
    fn random_bytes_do_no_harm(update in prop::collection::vec(any::<u8>(), 0..200)) {
        let (past, _) = seeds();
        survives(&past, &[update.clone(), update_message(update)], BOTH)?;
    }
}

#[test]
fn unbroken_messages_are_taken() {
    let (past, seeds) = seeds();
    assert_eq!(survives(&past, &seeds, BOTH).unwrap(), 6);
}

#[test]
fn values_nested_without_end_do_not_overflow_the_stack() {
    let mut update = vec![1, 1, 5, 0, 0x28, 1, 8];
    update.extend_from_slice(b"elements\x01k\x01");
    for _ in 0..400_000 {
        update.extend_from_slice(&[117, 1]);
    }
    update.extend_from_slice(&[126, 0]);
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.say("ann", &update_message(update)).unwrap();
    w.settle();
    assert_eq!(w.client("ann").denied.len(), 1);
    assert!(w.rows.is_empty());
}

#[test]
fn types_nested_without_end_are_refused() {
    let doc = yrs::Doc::with_client_id(5);
    let mut txn = doc.transact_mut();
    let pages = txn.get_or_insert_array("pages");
    let mut map = yrs::Array::push_back(&pages, &mut txn, yrs::MapPrelim::default());
    for _ in 0..1000 {
        map = map.insert(&mut txn, "k", yrs::MapPrelim::default());
    }
    drop(txn);
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.say("ann", &update_message(whole(&doc))).unwrap();
    w.settle();
    assert_eq!(w.client("ann").denied.len(), 1);
    assert!(w.rows.is_empty());
}

/// Found by `well_formed_nonsense_does_no_harm` when repeated operations still reached the library.
#[test]
fn claiming_that_known_operations_were_garbage_changes_nothing() {
    let (past, _) = seeds();
    // Clocks 4 to 6 again, as garbage, then three deleted ones of which the first two are known.
    let mut update = vec![1, 2, 100, 4, 0, 3, 0x21, 1, 8];
    update.extend_from_slice(b"elements\x02e0\x03\x00");
    survives(&past, &[update_message(update)], DRAW).unwrap();
}

/// Found by `well_formed_nonsense_does_no_harm`: the library read back something else than it had in memory.
#[test]
fn a_map_entry_that_stands_before_itself_is_refused() {
    let (past, _) = seeds();
    let update = vec![1, 2, 100, 8, 8, 0, 100, 0, 2, 126, 120, 0xc7, 100, 9, 100, 9, 1, 0];
    assert_eq!(survives(&past, &[update_message(update)], BOTH).unwrap(), 0);
}

#[test]
fn nothing_is_kept_for_later() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.settle();
    let far = Client::new(77);
    far.draw("first");
    let with_gap = far.draw("second");
    for _ in 0..100 {
        w.say("ann", &with_gap).unwrap();
    }
    w.settle();
    assert!(w.rows.is_empty());
    assert_eq!(w.board.backlog(), 0);
    // Asked once for what is missing; the answer has nothing.
    assert!(w.client("ann").denied.is_empty());
}

#[test]
fn a_message_longer_than_allowed_ends_the_session() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    let long = vec![0; stoa_board::MAX_MESSAGE + 1];
    assert_eq!(*w.say("ann", &long).unwrap_err().kind(), Kind::BadInput { field: "message" });
}
