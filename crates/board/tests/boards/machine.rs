//! Synchronising, storing, limits, awareness.

use stoa_board::{Document, Limits, Outgoing};
use stoa_core::error::Kind;
use yrs::Any;

use crate::client::{element, json, read_rows};
use crate::world::{BOTH, LOOK, World, at, user};

#[test]
fn two_sessions_converge_after_a_dropped_connection() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.connect("bob", BOTH);
    w.edit("ann", |c| c.draw("a1"));
    w.settle();
    w.disconnect("bob");
    w.edit("bob", |c| c.draw("b1"));
    w.edit("bob", |c| c.erase("a1"));
    w.edit("ann", |c| c.draw("a2"));
    w.settle();
    assert_eq!(w.client("ann").elements(), ["a1", "a2"]);
    w.connect("bob", BOTH);
    w.settle();
    assert_eq!(w.client("ann").elements(), ["a2", "b1"]);
    assert_eq!(w.json("ann"), w.json("bob"));
    assert_eq!(w.json("ann"), json(&read_rows(&w.rows)));
}

#[test]
fn changes_made_before_the_first_answer_arrive_come_with_it() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.connect("bob", BOTH);
    w.settle();
    w.disconnect("bob");
    w.edit("bob", |c| c.draw("offline"));
    // Online again, and drawing before the server has asked: this change has a gap before it.
    w.connect("bob", BOTH);
    w.edit("bob", |c| c.draw("early"));
    w.settle();
    assert_eq!(w.client("ann").elements(), ["early", "offline"]);
}

#[test]
fn nobody_sees_what_is_not_stored() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.connect("bob", LOOK);
    w.settle();
    w.edit("ann", |c| c.draw("a"));
    while w.deliver("bob") {}
    assert!(w.client("bob").elements().is_empty());
    // Not even somebody who asks for everything.
    w.connect("eve", LOOK);
    while w.deliver("eve") {}
    assert!(w.client("eve").elements().is_empty());
    assert!(w.store());
    while w.deliver("bob") || w.deliver("eve") {}
    assert_eq!(w.client("bob").elements(), ["a"]);
    assert_eq!(w.client("eve").elements(), ["a"]);
}

#[test]
fn what_is_gathered_during_a_write_goes_into_one() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.connect("bob", BOTH);
    w.connect("eve", LOOK);
    w.settle();
    for i in 0..50 {
        w.edit("ann", |c| c.draw(&format!("a{i}")));
        w.edit("bob", |c| c.draw(&format!("b{i}")));
    }
    w.settle();
    assert_eq!(w.writes, 2);
    assert_eq!(w.client("eve").elements().len(), 100);
    assert_eq!(w.json("ann"), w.json("bob"));
    assert_eq!(w.json("ann"), w.json("eve"));
    assert_eq!(w.board.backlog(), 0);
}

#[test]
fn many_rows_become_one_snapshot_and_a_crash_in_between_loses_nothing() {
    let mut w = World::with(Limits { rows: 10, ..Limits::default() });
    w.connect("ann", BOTH);
    w.settle();
    let mut most = 0;
    for i in 0..35 {
        w.edit("ann", |c| c.draw(&format!("a{}", i % 7)));
        w.edit("ann", |c| c.add_page(0, "p"));
        if i == 20 {
            // Dies with a write under way.
            w.crash();
            w.connect("ann", BOTH);
        }
        w.settle();
        most = most.max(w.rows.len());
    }
    assert!(most <= 11, "{most}");
    assert_eq!(json(&read_rows(&w.rows)), w.json("ann"));
    let (mut loaded, lost) = Document::load(&w.rows);
    assert_eq!((loaded.pages(), lost), (35, 0));
    assert_eq!(json(&read_rows(&[loaded.snapshot()])), w.json("ann"));
}

#[test]
fn large_appends_become_a_snapshot_too() {
    let mut w = World::with(Limits { appended: 10_000, ..Limits::default() });
    w.connect("ann", BOTH);
    w.settle();
    for i in 0..40 {
        let big = element("a", &[("text", Any::from("x".repeat(1000))), ("version", Any::from(i))]);
        w.edit("ann", |c| c.put("a", big));
        w.settle();
    }
    let stored: usize = w.rows.iter().map(Vec::len).sum();
    assert!(stored < 15_000, "{stored}");
    assert_eq!(json(&read_rows(&w.rows)), w.json("ann"));
}

#[test]
fn a_failed_store_ends_the_sessions_and_clients_bring_back_what_was_lost() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.connect("bob", LOOK);
    w.edit("ann", |c| c.draw("a"));
    w.settle();
    w.edit("ann", |c| c.draw("b"));
    let effects = w.board.fail();
    w.perform(effects);
    assert_eq!(w.closed.len(), 2);
    w.crash();
    w.connect("bob", LOOK);
    w.settle();
    assert_eq!(w.client("bob").elements(), ["a"]);
    w.connect("ann", BOTH);
    w.settle();
    assert_eq!(w.client("bob").elements(), ["a", "b"]);
}

#[test]
fn a_full_document_takes_no_more_but_can_be_emptied() {
    let mut w = World::with(Limits { document: 20_000, ..Limits::default() });
    w.connect("ann", BOTH);
    w.settle();
    let big = |id: &str| element(id, &[("text", Any::from("x".repeat(1500)))]);
    let mut refused = None;
    for i in 0..30 {
        let id = format!("a{i}");
        let message = w.client("ann").put(&id, big(&id));
        if let Err(e) = w.say("ann", &message) {
            refused = Some((i, e));
            break;
        }
        w.settle();
    }
    let (i, e) = refused.expect("there is a limit");
    assert_eq!(*e.kind(), Kind::LimitReached);
    assert!((9..15).contains(&i), "{i}");
    // Somebody whose document has nothing else to bring can erase, and then draw again.
    w.connect("bob", BOTH);
    w.settle();
    for i in 0..5 {
        w.edit("bob", |c| c.erase(&format!("a{i}")));
        w.settle();
    }
    w.edit("bob", |c| c.put("new", big("new")));
    w.settle();
    assert!(json(&read_rows(&w.rows)).contains("new"));
}

#[test]
fn overwriting_the_same_elements_does_not_fill_the_document() {
    let mut w = World::with(Limits { document: 200_000, rows: 50, ..Limits::default() });
    w.connect("ann", BOTH);
    w.settle();
    for i in 0..1000 {
        let big = element("a", &[("text", Any::from("x".repeat(1500))), ("version", Any::from(i))]);
        w.edit("ann", |c| c.put("a", big));
        w.settle();
    }
    assert!(w.rows.iter().map(Vec::len).sum::<usize>() < 100_000);
}

#[test]
fn a_board_has_room_for_so_many_sessions() {
    let mut w = World::with(Limits { sessions: 2, ..Limits::default() });
    w.connect("ann", LOOK);
    w.connect("bob", LOOK);
    let refused = w.board.connect(stoa_board::SessionId(99), user("eve"), BOTH).unwrap_err();
    assert_eq!(*refused.kind(), Kind::LimitReached);
    w.disconnect("ann");
    w.connect("eve", LOOK);
}

#[test]
fn cursors_of_lookers_reach_everybody_and_go_with_their_session() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.connect("bob", LOOK);
    w.settle();
    w.say("bob", &World::awareness(101, 1, "{\"x\":1}")).unwrap();
    w.settle();
    assert_eq!(w.client("ann").seen[&101], (1, "{\"x\":1}".to_owned()));
    // Ann may not speak for Bob's client; her library repeats it, and that is not an offence.
    w.say("ann", &World::awareness(101, 1, "{\"x\":1}")).unwrap();
    w.say("ann", &World::awareness(101, 5, "{\"x\":666}")).unwrap();
    w.connect("eve", LOOK);
    w.settle();
    assert_eq!(w.client("eve").seen[&101].1, "{\"x\":1}");
    w.disconnect("bob");
    w.settle();
    assert_eq!(w.client("ann").seen[&101], (2, "null".to_owned()));
    assert_eq!(w.client("eve").seen[&101], (2, "null".to_owned()));
}

#[test]
fn a_flood_of_cursors_is_thinned_out() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.connect("bob", LOOK);
    w.settle();
    let relayed = |w: &mut World, clocks: std::ops::Range<u32>| {
        for clock in clocks {
            w.say("bob", &World::awareness(101, clock, "1")).unwrap();
        }
        let n = w.peers["ann"].inbox.iter().filter(|o| matches!(o, Outgoing::Presence(_))).count();
        w.settle();
        n
    };
    assert_eq!(relayed(&mut w, 1..200), 60);
    assert_eq!(relayed(&mut w, 200..210), 0);
    w.now = 1000;
    assert_eq!(relayed(&mut w, 210..300), 30);
}

#[test]
fn who_asks_for_the_document_over_and_over_is_closed() {
    let mut w = World::new();
    w.connect("ann", LOOK);
    let hello = w.client("ann").hello();
    let asked = (0..100).take_while(|_| w.say("ann", &hello).is_ok() && w.peers["ann"].session.is_some()).count();
    assert_eq!(asked, 19, "one was asked on connecting");
}

#[test]
fn a_large_board_is_loaded_again_whole() {
    let mut w = World::with(Limits { rows: 4, ..Limits::default() });
    w.connect("ann", BOTH);
    w.settle();
    // More values than one change may bring, in many changes.
    let points = Any::from_json(&format!("[{}[0,0]]", "[1,2],".repeat(10_000))).unwrap();
    for i in 0..12 {
        let id = format!("a{i}");
        w.edit("ann", |c| c.put(&id, element(&id, &[("points", points.clone())])));
        w.settle();
    }
    assert!(w.rows.len() < 12, "a snapshot was made");
    w.crash();
    w.connect("bob", LOOK);
    w.settle();
    assert_eq!(w.json("ann"), w.json("bob"));
}

#[test]
fn who_asks_for_awareness_gets_it() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.settle();
    w.say("ann", &World::awareness(100, 1, "1")).unwrap();
    w.say("ann", &[3]).unwrap();
    w.settle();
    assert_eq!(w.client("ann").seen[&100], (1, "1".to_owned()));
    let session = w.peers["ann"].session.unwrap();
    assert!(w.board.message(session, &[4], at(0)).is_err());
}
