//! What the JavaScript libraries really send, recorded by `yjs.mjs`: changes one by one and the whole as one answer, with
//! overwritten and erased elements, emptied pages, undone and redone work, awareness.

use stoa_board::Outgoing;

use crate::client::{json, read_rows};
use crate::world::{BOTH, DRAW, LOOK, World};

fn recorded(kind: &str) -> Vec<Vec<u8>> {
    let lines = include_str!("yjs.txt").lines().filter_map(|l| l.split_once(' '));
    let bytes =
        |hex: &str| (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect();
    lines.filter(|(k, _)| *k == kind).map(|(_, hex)| bytes(hex)).collect()
}

fn expect(w: &mut World, name: &str) {
    assert_eq!(w.client(name).elements(), ["e1", "e3", "e4"]);
    let all = w.json(name);
    assert!(all.starts_with("[{id:p2,title:two}]\n") && all.ends_with("\n{page:1}"), "{all}");
    assert!(all.contains("x:1000000000") && all.contains("[1.25,2]") && all.contains("index:a0"), "{all}");
}

#[test]
fn changes_one_by_one_and_all_at_once_give_the_same() {
    let mut boards = Vec::new();
    for kind in ["update", "step2"] {
        let mut w = World::new();
        w.connect("ann", BOTH);
        w.connect("bob", LOOK);
        let messages = [recorded("hello"), recorded(kind)].concat();
        assert!(messages.len() > 1);
        for message in messages {
            w.say("ann", &message).unwrap();
            w.settle();
        }
        expect(&mut w, "bob");
        assert!(w.client("ann").denied.is_empty());
        boards.push(json(&read_rows(&w.rows)));
    }
    assert_eq!(boards[0], boards[1]);
}

#[test]
fn what_is_told_twice_and_late_changes_nothing() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    let updates = recorded("update");
    for message in updates.iter().chain(&recorded("step2")).chain(&updates).chain(&recorded("step2")) {
        w.say("ann", message).unwrap();
        w.settle();
    }
    let stored = w.rows.len();
    assert!(stored <= updates.len());
    w.connect("bob", LOOK);
    w.settle();
    expect(&mut w, "bob");
}

#[test]
fn a_pen_alone_does_not_turn_pages() {
    let mut w = World::new();
    w.connect("ann", DRAW);
    w.connect("bob", LOOK);
    for message in recorded("update") {
        w.say("ann", &message).unwrap();
    }
    w.settle();
    let text = w.json("bob");
    assert!(text.starts_with("[]\n") && text.ends_with("\n{}"), "{text}");
    assert_eq!(w.client("ann").denied.len(), 1);
}

#[test]
fn awareness_of_the_javascript_library_is_read() {
    let mut w = World::new();
    w.connect("ann", LOOK);
    w.connect("bob", LOOK);
    w.settle();
    for message in recorded("awareness").into_iter().chain(recorded("gone")) {
        w.say("ann", &message).unwrap();
    }
    let told: Vec<&Outgoing> = w.peers["bob"].inbox.iter().collect();
    let [Outgoing::Presence(here), Outgoing::Presence(gone)] = told.as_slice() else { panic!("{told:?}") };
    assert!(here[0].state.as_deref().unwrap().contains("\"Ann \\\"A\\\"\""));
    assert_eq!((here[0].client, gone[0].client, &gone[0].state), (2_864_434_397, 2_864_434_397, &None));
}
