//! Random sequences of commands against the plain fold of `decide`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use stoa_core::caller::Caller;
use stoa_core::id::{ChannelKey, UserId};
use stoa_core::sanction::{Sanction, Source};
use stoa_core::time::UnixMs;
use stoa_core::voice::{About, Command, Room, RoomPatch, SeatIndex, decide};

use crate::{APP, Subject, apply, code, new_room, read, seat, user};

/// Rooms that the commands are spread over.
const ROOMS: usize = 3;
/// Commands of one sequence.
const COMMANDS: usize = 60;
/// Sequences; each runs on rooms of its own.
const SEQUENCES: u64 = 12;

fn people() -> impl Strategy<Value = UserId> {
    prop::sample::select(vec!["owner", "ann", "bob", "eve", "用户一", "🦀", "g", "h", "i", "j", "k"]).prop_map(user)
}

fn callers() -> impl Strategy<Value = Caller> {
    (people(), prop::bool::weighted(0.2), prop::bool::weighted(0.1)).prop_map(|(user, admin, unbound)| Caller {
        user,
        admin,
        unbound,
    })
}

fn seats() -> impl Strategy<Value = SeatIndex> {
    (1..=8i64).prop_map(seat)
}

fn texts() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[ -~é用🎤]{0,12}")
}

fn commands() -> impl Strategy<Value = Command> {
    let patches =
        (texts(), texts(), texts(), texts(), texts()).prop_map(|(title, notice, extends, anchor_nick, cover_url)| {
            RoomPatch { title, notice, extends, anchor_nick, cover_url }
        });
    let kicks = (people(), 0..4000i64).prop_map(|(user, until)| Command::Kick {
        user,
        source: Source::Console,
        by: "ops".into(),
        until: UnixMs(until),
    });
    prop_oneof![
        12 => (people(), prop::option::of(seats()), "[a-z🎤]{0,6}", any::<bool>()).prop_map(
            |(user, wish, extends, attended)| Command::TakeSeat { user, wish, extends, attended }
        ),
        8 => (callers(), people(), prop::option::of(seats())).prop_map(
            |(caller, target, index)| Command::LeaveSeat { caller, target, index }
        ),
        1 => callers().prop_map(|caller| Command::Dismiss { caller }),
        3 => (callers(), patches).prop_map(|(caller, patch)| Command::Update { caller, patch }),
        3 => people().prop_map(|user| Command::Attend { user }),
        3 => (seats(), 1..40u64).prop_map(|(index, stay)| Command::Release { index, stay }),
        2 => kicks,
    ]
}

/// The plain model: what the rooms and sanctions must be.
#[derive(Default)]
struct Model {
    rooms: Vec<Room>,
    sanctions: BTreeMap<(ChannelKey, UserId), Sanction>,
}

/// After every command the store's answer, and in the end every room and sanction read through a fresh
/// connection, are what folding `decide` over the same commands gives.
pub async fn random_commands_give_the_rooms_that_folding_decide_in_memory_gives(mut s: impl Subject) {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let sequences = prop::collection::vec((0..ROOMS, commands()), COMMANDS);
    let mut models = Vec::new();
    for n in 0..SEQUENCES {
        let sequence = sequences.new_tree(&mut runner).expect("a sequence").current();
        models.push(run(&s, n, sequence).await);
    }
    s.reopen().await;
    let store = s.store();
    for model in models {
        for room in &model.rooms {
            assert_eq!(*read(&*store, room.id).await, *room);
        }
        for ((channel, user), sanction) in model.sanctions {
            assert_eq!(store.sanction(&channel, &user).await.unwrap(), Some(sanction));
        }
    }
}

async fn run(s: &impl Subject, n: u64, sequence: Vec<(usize, Command)>) -> Model {
    let store = s.store();
    let mut model = Model::default();
    for k in 0..ROOMS as u64 {
        let number = n * 100 + k;
        store.create_room(new_room(number, 1000), &[code(number)], 0).await.unwrap();
        model.rooms.push(new_room(number, 1000).into_room(code(number)));
    }
    for (now, (which, command)) in (1000i64..).step_by(50).zip(sequence) {
        let room = model.rooms[which].clone();
        let sanction = command.subject().and_then(|u| model.sanctions.get(&(room.channel(), u.clone()))).cloned();
        let expected = decide(&room, About { sanction: sanction.as_ref(), member: None }, &command, UnixMs(now));
        let done = apply(&*store, room.id, command.clone(), now).await;
        assert_eq!(done.outcome, expected.outcome, "{command:?}");
        if let Some(next) = expected.room {
            model.rooms[which] = next;
        }
        if let Some(s) = expected.sanction {
            model.sanctions.insert((s.channel.clone(), s.user.clone()), s);
        }
        assert_eq!(*done.room, model.rooms[which], "{command:?}");
        let app = store.room(APP, room.id).await.unwrap().unwrap();
        assert_eq!(*app, model.rooms[which], "{command:?}");
    }
    model
}
