//! What nobody honest sends. The board must say no, or take it and stay whole; never panic, never hang, never break.

use proptest::prelude::*;
use stoa_board::{Board, Document, Limits, SessionId};
use stoa_core::board::BoardRights;
use stoa_core::error::Kind;
use yrs::{Map as _, Transact as _, WriteTxn as _};

use crate::client::{Client, json, read_rows, update_message, whole};
use crate::world::{BOTH, DRAW, World, at, user};

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
    bob.hear(&yrs::updates::encoder::Encode::encode_v1(&yrs::sync::Message::Sync(
        yrs::sync::SyncMessage::SyncStep2(past.clone()),
    )));
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
    (any::<prop::sample::Index>(), prop::collection::vec((any::<prop::sample::Index>(), 0..6u8, any::<u8>()), 1..6))
}

fn mutate(message: &mut Vec<u8>, edits: &[(prop::sample::Index, u8, u8)]) {
    // The first three bytes say what kind of message and how long: past them is where it gets interesting.
    for (at, how, value) in edits {
        if message.len() < 5 {
            return;
        }
        let i = 3 + at.index(message.len() - 3);
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

/// Makes the lengths of a sync message right again, so that a broken update is reached at all.
fn reframe(message: &[u8]) -> Vec<u8> {
    update_message(message[3..].to_vec())
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
    if rights == DRAW {
        let part = |json: &str| json.lines().next().unwrap_or_default().to_owned();
        prop_assert_eq!(part(&stored), part(&json(&read_rows(&[past.to_vec()]))), "pages changed");
    }
    Ok(applied)
}

fn cases(default: u32) -> u32 {
    std::env::var("BOARD_FUZZ_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(4000), ..ProptestConfig::default() })]

    #[test]
    fn broken_messages_do_no_harm(
        breaks in prop::collection::vec(broken(), 1..4),
        framed in any::<bool>(),
        partial in any::<bool>(),
    ) {
        let (past, seeds) = seeds();
        let messages: Vec<Vec<u8>> = breaks.iter().map(|(which, edits)| {
            let mut message = which.get(&seeds).clone();
            mutate(&mut message, edits);
            if framed { reframe(&message) } else { message }
        }).collect();
        survives(&past, &messages, if partial { DRAW } else { BOTH })?;
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
