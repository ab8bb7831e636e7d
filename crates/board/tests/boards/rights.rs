//! Who may change what.

use stoa_core::board::BoardRights;
use stoa_core::error::Kind;
use yrs::{Any, Array as _, Doc, Map as _, MapPrelim, Text as _, Transact as _, WriteTxn as _};

use crate::client::{Client, element, update_message, whole};
use crate::world::{BOTH, DRAW, LOOK, PAGES, World, user};

fn board_with_something() -> World {
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.edit("ann", |c| c.draw("a"));
    w.edit("ann", |c| c.add_page(0, "p"));
    w.edit("ann", |c| c.add_page(1, "q"));
    w.edit("ann", |c| c.turn(1));
    w.edit("ann", |c| c.remove_page(1));
    w.settle();
    w
}

/// What Bob with these rights achieves by one change: whether Ann sees it, whether Bob is told off.
fn tries(rights: BoardRights, change: impl FnOnce(&Client) -> Vec<u8>) -> (bool, usize) {
    let mut w = board_with_something();
    w.connect("bob", rights);
    w.settle();
    assert_eq!(w.client("bob").denied.len(), 0, "joining alone offends nobody");
    let (before, rows) = (w.json("ann"), w.rows.clone());
    w.edit("bob", change);
    w.settle();
    let changed = w.json("ann") != before;
    assert_eq!(changed, w.rows != rows);
    (changed, w.client("bob").denied.len())
}

#[test]
fn each_right_covers_its_part() {
    type Change = fn(&Client) -> Vec<u8>;
    let drawing: [Change; 3] = [|c| c.draw("b"), |c| c.put("a", element("a", &[("x", 9.into())])), |c| c.erase("a")];
    let paging: [Change; 5] = [
        |c| c.add_page(0, "r"),
        |c| c.add_page(9, "r"),
        |c| c.remove_page(0),
        |c| c.turn(7),
        |c| {
            c.edit(|txn| {
                let pages = txn.get_or_insert_array("pages");
                let page = pages.get(txn, 0).unwrap().cast::<yrs::MapRef>().unwrap();
                page.insert(txn, "title", "new");
            })
        },
    ];
    for change in drawing {
        assert_eq!(tries(BOTH, change), (true, 0));
        assert_eq!(tries(DRAW, change), (true, 0));
        assert_eq!(tries(PAGES, change), (false, 1));
        assert_eq!(tries(LOOK, change), (false, 1));
    }
    for change in paging {
        assert_eq!(tries(BOTH, change), (true, 0));
        assert_eq!(tries(DRAW, change), (false, 1));
        assert_eq!(tries(PAGES, change), (true, 0));
        assert_eq!(tries(LOOK, change), (false, 1));
    }
}

#[test]
fn one_change_of_both_parts_needs_both_rights() {
    let both = |c: &Client| {
        c.edit(|txn| {
            txn.get_or_insert_map("elements").insert(txn, "b", element("b", &[]));
            txn.get_or_insert_map("view").insert(txn, "page", 3);
        })
    };
    assert_eq!(tries(DRAW, both), (false, 1));
    assert_eq!(tries(PAGES, both), (false, 1));
    assert_eq!(tries(BOTH, both), (true, 0));
}

#[test]
fn a_page_with_nested_maps_is_followed_to_its_root() {
    let nested = |c: &Client| {
        c.edit(|txn| {
            let pages = txn.get_or_insert_array("pages");
            let page = pages.push_back(txn, MapPrelim::from([("id", "n")]));
            let background = page.insert(txn, "background", MapPrelim::from([("doc", "d")]));
            background.insert(txn, "page", 4);
        })
    };
    assert_eq!(tries(DRAW, nested), (false, 1));
    assert_eq!(tries(PAGES, nested), (true, 0));
}

#[test]
fn offline_work_of_a_looker_is_dropped_and_said_once() {
    let mut w = board_with_something();
    w.connect("bob", LOOK);
    w.settle();
    for i in 0..5 {
        w.edit("bob", |c| c.draw(&format!("b{i}")));
    }
    w.settle();
    assert_eq!(w.client("bob").denied.len(), 1);
    w.disconnect("bob");
    w.edit("bob", |c| c.draw("offline"));
    w.connect("bob", LOOK);
    w.settle();
    assert_eq!(w.client("bob").denied.len(), 2);
    assert_eq!(w.client("ann").elements(), ["a"]);
}

#[test]
fn a_granted_right_lets_the_next_change_bring_the_earlier_ones() {
    let mut w = board_with_something();
    w.connect("bob", LOOK);
    w.settle();
    w.edit("bob", |c| c.draw("before"));
    w.settle();
    let effects = w.board.set_rights(&user("bob"), Some(DRAW));
    w.perform(effects);
    w.edit("bob", |c| c.draw("after"));
    w.settle();
    assert_eq!(w.client("ann").elements(), ["a", "after", "before"]);
    let effects = w.board.set_rights(&user("bob"), Some(LOOK));
    w.perform(effects);
    w.edit("bob", |c| c.draw("too late"));
    w.settle();
    assert_eq!(w.client("ann").elements(), ["a", "after", "before"]);
    assert_eq!(w.client("bob").denied.len(), 2);
}

#[test]
fn a_client_with_a_refused_change_does_not_make_the_server_ask_for_ever() {
    let mut w = board_with_something();
    w.connect("bob", DRAW);
    w.settle();
    w.edit("bob", |c| c.turn(5));
    for i in 0..20 {
        w.edit("bob", |c| c.draw(&format!("b{i}")));
    }
    // Comes to rest, or this panics.
    w.settle();
    assert_eq!(w.client("bob").denied.len(), 1);
    assert_eq!(w.client("ann").elements(), ["a"]);
}

#[test]
fn a_lost_right_to_look_ends_all_of_the_users_sessions() {
    let mut w = board_with_something();
    w.connect("bob", LOOK);
    let effects = w.board.set_rights(&user("bob"), None);
    w.perform(effects);
    assert_eq!(w.closed.len(), 1);
    assert!(w.peers["bob"].session.is_none());
    assert!(w.peers["ann"].session.is_some());
}

#[test]
fn other_roots_and_other_types_are_refused() {
    type Change = fn(&mut yrs::TransactionMut<'_>);
    let changes: [Change; 6] = [
        |txn| _ = txn.get_or_insert_map("other").insert(txn, "k", 1),
        |txn| txn.get_or_insert_text("elements").insert(txn, 0, "text"),
        |txn| txn.get_or_insert_text("other").insert(txn, 0, "text"),
        |txn| _ = txn.get_or_insert_map("elements").insert(txn, "k", MapPrelim::from([("a", 1)])),
        |txn| _ = txn.get_or_insert_map("elements").insert(txn, "k", Doc::new()),
        |txn| _ = txn.get_or_insert_array("view").insert(txn, 0, 5),
    ];
    for (i, change) in changes.into_iter().enumerate() {
        let mut w = World::new();
        w.connect("ann", BOTH);
        w.settle();
        // A fresh document, where any root may have any type.
        let doc = Doc::with_client_id(5);
        change(&mut doc.transact_mut());
        w.say("ann", &update_message(whole(&doc))).unwrap();
        w.settle();
        assert!(w.rows.is_empty(), "{i}");
        assert_eq!(w.client("ann").denied.len(), 1, "{i}");
    }
}

#[test]
fn unknown_keys_of_elements_are_kept() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    w.connect("bob", LOOK);
    let odd = element("a", &[("customData", Any::from_json("{\"a\":[1,{\"b\":null}]}").unwrap())]);
    w.edit("ann", |c| c.put("a", odd));
    w.settle();
    assert!(w.json("bob").contains("customData:{a:[1,{b:null}]}"), "{}", w.json("bob"));
}

#[test]
fn what_is_no_update_ends_the_session() {
    let mut w = World::new();
    w.connect("ann", BOTH);
    let e = w.say("ann", &update_message(vec![9, 9, 9])).unwrap_err();
    assert_eq!(*e.kind(), Kind::BadInput { field: "message" });
    assert!(w.peers["ann"].session.is_none());
}
