//! Random sequences on classes, against a store of maps that folds the same decisions.

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use stoa_core::caller::Caller;
use stoa_core::channel::{ChannelRecord, IdentityType, MemberCommand};
use stoa_core::class::{
    CheckIn, Class, ClassCommand, ClassIdentity, ClassPatch, ClassStatus, MeetingPatch, MemberFilter,
};
use stoa_core::group::{Doomed, GroupKey, GroupPatch, MessagePage, StoredMessage};
use stoa_core::id::UserId;
use stoa_core::ports::Store;
use stoa_core::sanction::Source;
use stoa_core::time::UnixMs;
use stoa_testkit::MemStore;

use crate::class_side::{check_in, doc};
use crate::classes::{GRACE, STAGE, entry, new_class};
use crate::{APP, Subject, good, user};

/// Classes that the steps of a sequence are spread over.
const CLASSES: usize = 2;
/// Steps of one sequence.
const STEPS: usize = 120;
/// Sequences; each runs on classes of its own.
const SEQUENCES: u64 = 8;
/// All who take part.
const PEOPLE: [&str; 6] = ["teacher", "ann", "bob", "用户一", "🦀", "\u{fffd}"];

fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(PEOPLE.to_vec())
}

fn people() -> impl Strategy<Value = UserId> {
    names().prop_map(user)
}

/// Mostly the teacher, who may do everything.
fn callers() -> impl Strategy<Value = Caller> {
    let teacher = Just(Caller::user(user("teacher")));
    let anybody =
        (people(), prop::bool::weighted(0.1)).prop_map(|(user, admin)| Caller { user, admin, unbound: false });
    prop_oneof![3 => teacher, 1 => anybody]
}

fn texts() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[ -~é用🎤]{0,12}")
}

fn patches() -> impl Strategy<Value = MeetingPatch> {
    let list = prop::collection::vec((names(), any::<i32>()), 0..6).prop_map(|all| {
        all.into_iter().map(|(who, n)| entry(&json!({ "user_id": who, "n": n, "x": [who, null] }))).collect()
    });
    (prop::option::weighted(0.8, list), prop::option::of(any::<bool>()), prop::option::of(any::<bool>()))
        .prop_map(|(members, all_mute, interaction_allowed)| MeetingPatch { members, all_mute, interaction_allowed })
}

fn commands() -> impl Strategy<Value = ClassCommand> {
    let wishes = prop_oneof![
        2 => Just(None),
        1 => Just(Some(ClassIdentity::Student)),
        3 => Just(Some(ClassIdentity::Assistant)),
    ];
    let states = prop::sample::select(vec![ClassStatus::Running, ClassStatus::Idle, ClassStatus::Ended]);
    let kicks = (prop::option::of(callers()), people(), 0..6_000i64).prop_map(|(caller, user, until)| {
        ClassCommand::Kick { caller, user, source: Source::Class, by: "ops".into(), until: UnixMs(until) }
    });
    let updates = (callers(), texts(), texts(), texts()).prop_map(|(caller, title, notice, extends)| {
        ClassCommand::Update { caller, patch: ClassPatch { title, notice, extends } }
    });
    let permits = (callers(), prop::option::weighted(0.3, people())).prop_map(|(caller, only)| {
        ClassCommand::SetPermit { caller, text: "[\"MemberManagement\",\"EditAnnouncement\"]".into(), only }
    });
    prop_oneof![
        8 => (people(), "[a-z🎤]{1,6}", texts(), wishes)
            .prop_map(|(user, name, avatar, wish)| ClassCommand::Join { user, name, avatar, wish }),
        3 => (people(), any::<bool>()).prop_map(|(user, online)| ClassCommand::Leave { user, online, grace: grace() }),
        2 => people().prop_map(|user| ClassCommand::Depart { user }),
        3 => (people(), any::<bool>()).prop_map(|(user, returns)| ClassCommand::Connect { user, returns }),
        3 => (callers(), states).prop_map(|(caller, to)| ClassCommand::SetStatus { caller, to }),
        1 => any::<bool>().prop_map(|on| ClassCommand::Streamed { on }),
        2 => updates,
        2 => kicks,
        1 => (callers(), people()).prop_map(|(caller, user)| ClassCommand::Lift { caller, user }),
        3 => permits,
        1 => callers().prop_map(|caller| ClassCommand::DropPermit { caller }),
        4 => (callers(), patches()).prop_map(|(caller, patch)| ClassCommand::Meeting { caller, patch, stage_max: STAGE }),
    ]
}

/// As short as the steps are apart, so that some leaves are settled.
fn grace() -> Duration {
    GRACE / 200
}

fn member_commands() -> impl Strategy<Value = MemberCommand> {
    let ends = || prop::option::of(0..6_000i64).prop_map(|end| end.map(UnixMs));
    prop_oneof![
        3 => (prop::sample::select(IdentityType::ALL.to_vec()), prop::option::of(-3..20i64))
            .prop_map(|(to, request)| MemberCommand::SetIdentity { to, request }),
        1 => any::<bool>().prop_map(|granted| MemberCommand::SetMic { granted }),
        1 => (ends(), ends()).prop_map(|(audio, video)| MemberCommand::Mute { audio, video }),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Class(ClassCommand),
    Delete,
    Member(UserId, MemberCommand),
    Open,
    End,
    AddDocs(Vec<(String, i64)>),
    DeleteDocs(Vec<String>),
    Roll(u64, u32),
    Answer(u64, UserId),
    MuteAll(bool),
    Mute(UserId, i64),
    Like(u32),
    Visit(UserId),
    Reserve(u32),
    Describe(Option<String>, Option<Vec<UserId>>),
    Send(u64, i64),
    Unsend(Vec<u64>),
    Append(Vec<u8>),
    Replace(Vec<u8>),
}

fn steps() -> impl Strategy<Value = Step> {
    let ids = || "[a-cé]{1}";
    prop_oneof![
        40 => commands().prop_map(Step::Class),
        1 => Just(Step::Delete),
        8 => (people(), member_commands()).prop_map(|(user, command)| Step::Member(user, command)),
        4 => Just(Step::Open),
        2 => Just(Step::End),
        3 => prop::collection::vec((ids(), 0..3i64), 0..4).prop_map(Step::AddDocs),
        1 => prop::collection::vec(ids(), 0..3).prop_map(Step::DeleteDocs),
        2 => (0..8u64, 0..2u32).prop_map(|(n, secs)| Step::Roll(n, secs)),
        3 => (0..8u64, people()).prop_map(|(n, user)| Step::Answer(n, user)),
        1 => any::<bool>().prop_map(Step::MuteAll),
        2 => (people(), 0..5_000i64).prop_map(|(user, until)| Step::Mute(user, until)),
        1 => any::<u32>().prop_map(Step::Like),
        2 => people().prop_map(Step::Visit),
        1 => (0..9u32).prop_map(Step::Reserve),
        1 => (texts(), prop::option::of(prop::collection::vec(people(), 0..3)))
            .prop_map(|(meta, admins)| Step::Describe(meta, admins)),
        4 => (1..60u64, 1..4i64).prop_map(|(seqnum, kind)| Step::Send(seqnum, kind)),
        1 => prop::collection::vec(1..60u64, 0..4).prop_map(Step::Unsend),
        2 => prop::collection::vec(any::<u8>(), 0..9).prop_map(Step::Append),
        1 => prop::collection::vec(any::<u8>(), 0..9).prop_map(Step::Replace),
    ]
}

/// After every step the store's answer and all it shows of the class, and in the end all of it through a fresh
/// connection, are what the store of maps answers and shows.
pub async fn random_commands_leave_what_they_leave_in_a_store_of_maps(mut s: impl Subject) {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let sequences = prop::collection::vec((0..CLASSES, steps()), STEPS);
    let model = MemStore::default();
    let mut classes = Vec::new();
    for n in 0..SEQUENCES {
        let sequence = sequences.new_tree(&mut runner).expect("a sequence").current();
        classes.extend(run(&*s.store(), &model, n, sequence).await);
    }
    s.reopen().await;
    let store = s.store();
    for class in &classes {
        assert_same(&*store, &model, class, "reopened").await;
    }
    for who in PEOPLE.map(user) {
        assert_eq!(
            good(store.list_classes(APP, &who, 3, 20).await),
            good(stoa_core::class::ClassStore::list_classes(&model, APP, &who, 3, 20).await)
        );
    }
}

async fn run(store: &dyn Store, model: &dyn Store, n: u64, sequence: Vec<(usize, Step)>) -> Vec<Class> {
    let mut classes = Vec::new();
    for k in 0..CLASSES as u64 {
        let new = new_class(n * 100 + k, 1_000);
        let made = good(store.create_class(new.clone()).await);
        assert_eq!(made, good(model.create_class(new).await));
        classes.push(Class::clone(&made));
    }
    for (now, (which, step)) in (1_000i64..).step_by(50).zip(sequence) {
        let class = &classes[which];
        let shown = format!("{step:?}");
        let (was, is) = (act(model, class, step.clone(), now).await, act(store, class, step, now).await);
        assert_eq!(is, was, "{shown}");
        assert_same(store, model, class, &shown).await;
    }
    classes
}

/// A number of its own for each roll call of each class.
fn roll(class: &Class, n: u64, start: i64, secs: u32) -> CheckIn {
    let high = u64::from_be_bytes(class.id.0[..8].try_into().expect("eight bytes"));
    check_in(high.wrapping_add(n), class.id, start, secs)
}

/// Carries the step out; answers what the store answered.
/// The same for the same number, but for its type and time.
fn message(seqnum: u64, kind: i64, now: i64) -> StoredMessage {
    StoredMessage { sid: format!("sid {}", seqnum % 7), at: UnixMs(now), kind, ..crate::groups::message(seqnum) }
}

async fn act(s: &dyn Store, class: &Class, step: Step, now: i64) -> String {
    let (id, key, at) = (class.id, class.channel(), UnixMs(now));
    let group = GroupKey::class(APP, id);
    match step {
        Step::Class(command) => format!("{:?}", good(s.apply_class(APP, id, command, at).await)),
        Step::Delete => {
            let command = ClassCommand::Delete { caller: Caller::user(user("teacher")) };
            format!("{:?}", good(s.apply_class(APP, id, command, at).await))
        }
        Step::Member(who, command) => format!("{:?}", good(s.apply_member(&key, &who, command, at).await)),
        Step::Open => format!("{:?}", good(s.open_channel(ChannelRecord::new(key, at)).await)),
        Step::End => format!("{:?}", good(s.end_channel(&key).await)),
        Step::AddDocs(docs) => {
            let docs = docs.iter().map(|(doc_id, age)| doc(doc_id, now - age * 50)).collect();
            format!("{:?}", good(s.add_docs(id, docs).await))
        }
        Step::DeleteDocs(ids) => format!("{:?}", good(s.delete_docs(id, ids).await)),
        Step::Roll(n, secs) => {
            let fresh = roll(class, n, now, secs);
            // Numbers are random in life; here they may repeat.
            if good(s.check_in(APP, fresh.id).await).is_some() {
                return String::from("taken");
            }
            format!("{:?}", good(s.start_check_in(fresh).await))
        }
        Step::Answer(n, who) => {
            let known = good(s.check_in(APP, roll(class, n, 0, 0).id).await);
            let Some(known) = known else { return String::from("none") };
            format!("{:?}", good(s.record_check_in(known.id, &who, at).await))
        }
        Step::MuteAll(on) => format!("{:?}", good(s.mute_group(&group, on).await)),
        Step::Mute(who, until) => format!("{:?}", good(s.mute_in_group(&group, &[who], UnixMs(until)).await)),
        Step::Like(n) => format!("{:?}", good(s.like_group(&group, n).await)),
        Step::Visit(who) => format!("{:?}", good(s.visit_group(&group, &who, "").await)),
        Step::Reserve(n) => format!("{:?}", good(s.reserve_seqnums(&group, n).await)),
        Step::Describe(meta, admins) => {
            format!("{:?}", good(s.patch_group(&group, GroupPatch { meta, admins }).await))
        }
        Step::Send(seqnum, kind) => format!("{:?}", good(s.put_message(&group, message(seqnum, kind, now)).await)),
        Step::Unsend(seqnums) => {
            let sids = seqnums.iter().map(|n| format!("sid {}", n % 7)).collect();
            format!("{:?}", good(s.delete_messages(&group, Doomed::Sids(sids)).await))
        }
        Step::Append(update) => format!("{:?}", good(s.append_board(id, &update).await)),
        Step::Replace(snapshot) => format!("{:?}", good(s.replace_board(id, &snapshot).await)),
    }
}

/// Everything that is shown of the class.
async fn assert_same(store: &dyn Store, model: &dyn Store, class: &Class, when: &str) {
    let (is, was) = (everything(store, class).await, everything(model, class).await);
    for (is, was) in is.iter().zip(&was) {
        assert_eq!(is, was, "{when}");
    }
}

async fn everything(s: &dyn Store, class: &Class) -> Vec<String> {
    let (id, key, group) = (class.id, class.channel(), GroupKey::class(APP, class.id));
    let students = MemberFilter { identity: Some(ClassIdentity::Student), status: None };
    let mut all = vec![
        format!("{:?}", good(s.class(APP, id).await)),
        format!("{:?}", good(s.meeting(APP, class.meeting).await)),
        format!("{:?}", good(s.class_members(id, MemberFilter::default(), 0, 100).await)),
        format!("{:?}", good(s.class_members(id, students, 1, 2).await)),
        format!("{:?}", good(s.docs(id).await)),
        format!("{:?}", good(s.check_ins(id).await)),
        format!("{:?}", good(s.board(id).await)),
        format!("{:?}", good(s.group(&group).await)),
        format!("{:?}", good(s.messages(&group, &[1, 3], MessagePage::Newest, 10).await)),
        format!("{:?}", good(s.messages(&group, &[], MessagePage::After(20), 10).await)),
        format!("{:?}", good(s.channel(&key).await)),
        format!("{:?}", good(s.members(&key).await)),
        format!("{:?}", good(s.channel_names(APP, 0, 100).await)),
    ];
    let mut connected = good(s.connected_members().await);
    connected.sort();
    all.push(format!("{connected:?}"));
    for roll in good(s.check_ins(id).await) {
        all.push(format!("{:?}", good(s.check_in_records(roll.id, None).await)));
    }
    for who in PEOPLE.map(user) {
        all.push(format!("{:?}", good(s.class_view(APP, id, &who).await)));
        all.push(format!("{:?}", good(s.class_member(id, &who).await)));
        all.push(format!("{:?}", good(s.sanction(&key, &who).await)));
        all.push(format!("{:?}", good(s.manages_class(APP, &who).await)));
    }
    all
}
