//! Whatever happens on the way, in the end everybody has the same, and so has the store.

use proptest::prelude::*;
use stoa_board::Limits;

use crate::client::{json, read_rows};
use crate::world::{BOTH, LOOK, World};

const NAMES: [&str; 4] = ["ann", "bob", "cat", "dan"];

#[derive(Debug, Clone)]
enum Step {
    Draw(usize, u8),
    Erase(usize, u8),
    AddPage(usize, u8),
    RemovePage(usize, u8),
    Turn(usize, u8),
    Deliver(usize, u8),
    Connect(usize),
    Disconnect(usize),
    Store,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..NAMES.len();
    prop_oneof![
        8 => (who.clone(), 0..6u8).prop_map(|(w, n)| Step::Draw(w, n)),
        3 => (who.clone(), 0..6u8).prop_map(|(w, n)| Step::Erase(w, n)),
        3 => (who.clone(), 0..4u8).prop_map(|(w, n)| Step::AddPage(w, n)),
        2 => (who.clone(), 0..4u8).prop_map(|(w, n)| Step::RemovePage(w, n)),
        1 => (who.clone(), 0..4u8).prop_map(|(w, n)| Step::Turn(w, n)),
        8 => (who.clone(), 1..4u8).prop_map(|(w, n)| Step::Deliver(w, n)),
        3 => who.clone().prop_map(Step::Connect),
        2 => who.prop_map(Step::Disconnect),
        5 => Just(Step::Store),
        1 => Just(Step::Crash),
    ]
}

fn run(w: &mut World, step: &Step) {
    match *step {
        Step::Draw(i, n) => w.edit(NAMES[i], |c| c.draw(&format!("e{n}"))),
        Step::Erase(i, n) => w.edit(NAMES[i], |c| c.erase(&format!("e{n}"))),
        Step::AddPage(i, n) => w.edit(NAMES[i], |c| c.add_page(n.into(), &format!("p{n}"))),
        Step::RemovePage(i, n) => w.edit(NAMES[i], |c| c.remove_page(n.into())),
        Step::Turn(i, n) => w.edit(NAMES[i], |c| c.turn(n.into())),
        Step::Deliver(i, n) => (0..n).for_each(|_| _ = w.deliver(NAMES[i])),
        Step::Connect(i) => {
            w.disconnect(NAMES[i]);
            w.connect(NAMES[i], BOTH);
        }
        Step::Disconnect(i) => w.disconnect(NAMES[i]),
        Step::Store => _ = w.store(),
        Step::Crash => w.crash(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn clients_with_random_edits_and_connections_end_with_the_same_document(
        steps in proptest::collection::vec(step(), 1..120),
        rows in 1..20usize,
    ) {
        let mut w = World::with(Limits { rows, ..Limits::default() });
        for name in NAMES {
            w.connect(name, BOTH);
        }
        for step in &steps {
            run(&mut w, step);
        }
        for name in NAMES {
            w.disconnect(name);
            w.connect(name, BOTH);
        }
        w.settle();
        w.connect("eve", LOOK);
        w.settle();
        let expected = w.json("ann");
        for name in NAMES.into_iter().chain(["eve"]) {
            prop_assert_eq!(&w.json(name), &expected, "{}", name);
            prop_assert!(w.client(name).denied.is_empty());
        }
        prop_assert_eq!(json(&read_rows(&w.rows)), expected);
        prop_assert!(w.rows.len() <= rows + 1);
        prop_assert_eq!(w.board.backlog(), 0);
    }
}
