//! Random sequences of commands against the plain fold of `decide` and `decide_member`.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use stoa_core::caller::Caller;
use stoa_core::channel::{IdentityType, Member, MemberApplied, MemberCommand, Subject as Place, decide_member};
use stoa_core::id::{ChannelKey, UserId};
use stoa_core::ports::Store;
use stoa_core::sanction::{Sanction, Source};
use stoa_core::time::UnixMs;
use stoa_core::voice::{About, Command, Room, RoomPatch, SeatIndex, decide};

use crate::{Subject, apply, code, new_room, read, seat, user};

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
        2 => any::<bool>().prop_map(|off| Command::MuteMics { off }),
        2 => kicks,
    ]
}

fn member_commands() -> impl Strategy<Value = MemberCommand> {
    let ends = || prop::option::of(0..4000i64).prop_map(|end| end.map(UnixMs));
    prop_oneof![
        4 => (prop::sample::select(IdentityType::ALL.to_vec()), prop::option::of(-3..20i64))
            .prop_map(|(to, request)| MemberCommand::SetIdentity { to, request }),
        1 => any::<bool>().prop_map(|granted| MemberCommand::SetMic { granted }),
        2 => (ends(), ends()).prop_map(|(audio, video)| MemberCommand::Mute { audio, video }),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Room(Command),
    Member(UserId, MemberCommand),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => commands().prop_map(Step::Room),
        1 => (people(), member_commands()).prop_map(|(user, command)| Step::Member(user, command)),
    ]
}

/// The plain model: what rooms, sanctions and members must be.
#[derive(Default)]
struct Model {
    rooms: Vec<Room>,
    sanctions: BTreeMap<(ChannelKey, UserId), Sanction>,
    members: BTreeMap<(ChannelKey, UserId), Member>,
}

impl Model {
    fn members_of(&self, channel: &ChannelKey) -> Vec<Member> {
        self.members.values().filter(|m| m.channel == *channel).cloned().collect()
    }
}

/// After every command the store's answer, and in the end every room and sanction read through a fresh
/// connection, are what folding `decide` over the same commands gives.
pub async fn random_commands_give_the_rooms_that_folding_decide_in_memory_gives(mut s: impl Subject) {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let sequences = prop::collection::vec((0..ROOMS, steps()), COMMANDS);
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
            assert_eq!(store.members(&room.channel()).await.unwrap(), model.members_of(&room.channel()));
        }
        for ((channel, user), sanction) in model.sanctions {
            assert_eq!(store.sanction(&channel, &user).await.unwrap(), Some(sanction));
        }
    }
}

async fn run(s: &impl Subject, n: u64, sequence: Vec<(usize, Step)>) -> Model {
    let store = s.store();
    let mut model = Model::default();
    for k in 0..ROOMS as u64 {
        let number = n * 100 + k;
        store.create_room(new_room(number, 1000), &[code(number)], 0).await.unwrap();
        model.rooms.push(new_room(number, 1000).into_room(code(number)));
    }
    for (now, (which, step)) in (1000i64..).step_by(50).zip(sequence) {
        match &step {
            Step::Room(command) => on_room(&*store, &mut model, which, command, now).await,
            Step::Member(user, command) => on_member(&*store, &mut model, which, user, command, now).await,
        }
        let room = &model.rooms[which];
        assert_eq!(*read(&*store, room.id).await, *room, "{step:?}");
        assert_eq!(store.members(&room.channel()).await.unwrap(), model.members_of(&room.channel()), "{step:?}");
    }
    model
}

async fn on_room(store: &dyn Store, model: &mut Model, which: usize, command: &Command, now: i64) {
    let room = model.rooms[which].clone();
    let channel = room.channel();
    let subject = command.subject().map(|u| (channel.clone(), u.clone()));
    let about = About {
        sanction: subject.as_ref().and_then(|key| model.sanctions.get(key)),
        member: subject.as_ref().and_then(|key| model.members.get(key)),
    };
    let expected = decide(&room, about, command, UnixMs(now));
    let done = apply(store, room.id, command.clone(), now).await;
    assert_eq!(done.outcome, expected.outcome, "{command:?}");
    if let Some(next) = expected.room {
        if room.live() && !next.live() {
            model.members.retain(|(c, _), _| *c != channel);
        }
        model.rooms[which] = next;
    }
    if let Some(s) = expected.sanction {
        model.sanctions.insert((s.channel.clone(), s.user.clone()), s);
    }
    assert_eq!(*done.room, model.rooms[which], "{command:?}");
}

async fn on_member(
    store: &dyn Store,
    model: &mut Model,
    which: usize,
    user: &UserId,
    command: &MemberCommand,
    now: i64,
) {
    let room = model.rooms[which].clone();
    let key = (room.channel(), user.clone());
    let done = store.apply_member(&key.0, user, command.clone(), UnixMs(now)).await.unwrap();
    if !room.live() {
        assert_eq!(done, None, "{command:?}");
        return;
    }
    let before = model.members.get(&key).cloned().unwrap_or_else(|| Member::blank(key.0.clone(), user.clone()));
    let expected = decide_member(&Place::Room(&room), &before, command, UnixMs(now));
    let after = expected.member.clone().unwrap_or_else(|| before.clone());
    assert_eq!(done, Some(MemberApplied { before, after, outcome: expected.outcome }), "{command:?}");
    if let Some(member) = expected.member {
        model.members.insert(key, member);
    }
    if let Some(next) = expected.room {
        model.rooms[which] = next;
    }
}
