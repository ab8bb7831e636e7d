use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::class::{ClassMode, NewClass};
use crate::cloud::Outside;
use crate::id::{AppId, ClassId, MeetingId};

fn user(s: &str) -> UserId {
    UserId::new(s).unwrap()
}

fn class(status: ClassStatus) -> Class {
    let mut class = NewClass {
        id: ClassId([1; 16]),
        app: AppId(1),
        meeting: MeetingId([2; 16]),
        created: UnixMs(0),
        title: "t".into(),
        notice: String::new(),
        teacher: user("t"),
        teacher_nick: String::new(),
        extends: String::new(),
        mode: ClassMode::Open,
        outside: Outside::default(),
    }
    .into_class();
    class.status = status;
    class
}

fn sender(who: &str, rights: &[Right]) -> ClassSender {
    let role = match who {
        "t" => Role::Teacher,
        "root" => Role::Admin,
        "a" => Role::Assistant(rights.iter().copied().collect::<BTreeSet<_>>()),
        _ => Role::Student,
    };
    ClassSender { user: user(who), role, muted: false }
}

struct Room {
    class: Class,
    talks: Talks,
    check_in: bool,
    now: UnixMs,
}

impl Room {
    fn new() -> Self {
        let class = class(ClassStatus::Running);
        Self { class, talks: Talks::default(), check_in: true, now: UnixMs(0) }
    }

    fn say_as(&mut self, sender: &ClassSender, kind: i64, data: &Value) -> Result<ClassEffect, Refusal> {
        let m = Incoming::read(kind, data.to_string()).unwrap();
        let mut scene = Scene { class: &self.class, talks: &mut self.talks, check_in: self.check_in, now: self.now };
        judge_class(&mut scene, sender, &m)
    }

    fn say(&mut self, who: &str, kind: i64, data: &Value) -> Result<ClassEffect, Refusal> {
        self.say_as(&sender(who, &[]), kind, data)
    }

    fn passes(&mut self, who: &str, kind: i64, data: &Value) -> bool {
        self.say(who, kind, data).is_ok()
    }
}

/// Columns of the table: teacher, admin, assistant without and with all rights, student. `+` = accepted.
const TABLE: [(i64, &str); 36] = [
    (10001, "+++++"),
    (10003, "++---"),
    (10004, "++---"),
    (10005, "++-+-"),
    (10006, "++-+-"),
    (10007, "++---"),
    (11001, "-----"),
    (11002, "-----"),
    (11003, "-----"),
    (11004, "++-+-"),
    (11111, "++-+-"),
    (20009, "++---"),
    (20011, "++---"),
    (21000, "++---"),
    (21001, "++---"),
    (21002, "++++-"),
    (30001, "++---"),
    (30002, "++---"),
    (30022, "++---"),
    (30023, "++---"),
    (30024, "++---"),
    (30032, "++---"),
    (30040, "++---"),
    (30041, "++---"),
    (30042, "++---"),
    (40002, "++---"),
    (40003, "++-+-"),
    (40004, "++-+-"),
    (400_001, "---+-"),
    (400_002, "++---"),
    (400_003, "---+-"),
    (400_004, "++---"),
    (50000, "+++++"),
    (59999, "+++++"),
    (60000, "-----"),
    (61001, "-----"),
];

#[test]
fn r03_every_type_from_every_role_is_as_printed() {
    let every: Vec<Right> = Right::NAMES.into_iter().map(|(r, _)| r).collect();
    let data = json!({"content": "x", "studentId": "s", "turnOn": true, "muted": true, "removeSids": "1;2"});
    let senders = [sender("t", &[]), sender("root", &[]), sender("a", &[]), sender("a", &every), sender("s", &[])];
    for (kind, row) in TABLE {
        for (n, sender) in senders.iter().enumerate() {
            let passed = Room::new().say_as(sender, kind, &data).is_ok();
            assert_eq!(passed, row.as_bytes()[n] == b'+', "{kind} from {:?}", sender.role);
        }
    }
    for (kind, sender) in
        [9999, 12345, 0, -1, 21003, 30005, 40000].into_iter().flat_map(|k| senders.iter().map(move |s| (k, s)))
    {
        assert_eq!(Room::new().say_as(sender, kind, &data), Err(Refusal::NOT_ALLOWED), "{kind}");
    }
}

#[test]
fn r04_a_student_speaks_of_itself() {
    let of = |u: &str| json!({"studentId": u, "turnOn": true});
    for kind in [20007, 20008, 20010, 20012, 30020, 30010, 30011] {
        assert!(Room::new().passes("s", kind, &of("s")), "{kind}");
        assert_eq!(Room::new().say("s", kind, &of("other")), Err(Refusal::NOT_ALLOWED), "{kind}");
    }
    let mut room = Room::new();
    assert_eq!(room.say("a", 40001, &json!({"assistantId": "b"})), Err(Refusal::NOT_ALLOWED));
    assert!(room.passes("a", 40001, &json!({"assistantId": "a"})));
    assert!(!room.passes("s", 40001, &json!({"assistantId": "s"})));
}

#[test]
fn r04_messages_fit_the_state_of_the_class() {
    let none = json!({});
    for (status, start, stop) in
        [(ClassStatus::Idle, false, false), (ClassStatus::Running, true, true), (ClassStatus::Ended, false, true)]
    {
        let mut room = Room { class: class(status), ..Room::new() };
        assert_eq!(room.passes("t", 10003, &none), start, "{status:?}");
        assert_eq!(room.passes("t", 10004, &none), stop, "{status:?}");
    }
    let mut quiet = Room { check_in: false, ..Room::new() };
    assert!(!quiet.passes("t", 11004, &none));
}

#[test]
fn s_b_an_application_is_accepted_rejected_or_taken_back() {
    let s = json!({"studentId": "s"});
    let mut room = Room::new();
    assert!(!room.passes("t", 30012, &s), "nobody applied");
    assert!(room.passes("s", 30010, &s));
    assert!(!room.passes("s", 30014, &s), "not accepted yet");
    assert_eq!(room.say("t", 30012, &s).unwrap().stage, Some(StageOp::Enter(user("s"))));
    assert!(room.passes("s", 30014, &s));
    assert!(!room.passes("t", 30012, &s), "answered already");
    assert_eq!(room.say("t", 30013, &s).unwrap().stage, Some(StageOp::Leave(user("s"))), "late, and valid");
    assert!(room.passes("s", 30010, &s) && room.passes("s", 30011, &s));
    assert!(!room.passes("t", 30012, &s), "taken back");
    room.class.info.interaction_allowed = Some(false);
    assert_eq!(room.say("s", 30010, &s), Err(Refusal::NOT_ALLOWED), "R27");
}

#[test]
fn r29_a_rejection_is_valid_for_two_minutes() {
    let s = json!({"studentId": "s"});
    for (secs, passes) in [(119, true), (121, false)] {
        let mut room = Room::new();
        assert!(room.passes("s", 30010, &s));
        room.now = UnixMs::from_secs(secs);
        assert_eq!(room.passes("t", 30013, &s), passes, "{secs}");
    }
}

#[test]
fn s_c_an_invitation_is_answered_once() {
    let s = json!({"studentId": "s"});
    let mut room = Room::new();
    assert!(!room.passes("s", 30003, &s) && !room.passes("s", 30004, &s), "nobody invited");
    for _ in 0..3 {
        assert_eq!(room.say("t", 30001, &s).unwrap().stage, Some(StageOp::Enter(user("s"))));
    }
    assert!(room.passes("s", 30003, &s));
    assert!(!room.passes("s", 30004, &s));
    assert!(room.passes("t", 30001, &s));
    assert_eq!(room.say("s", 30004, &s).unwrap().stage, Some(StageOp::Leave(user("s"))));
    assert!(room.passes("t", 30001, &s) && room.passes("t", 30002, &s));
    assert!(!room.passes("s", 30003, &s));
    assert_eq!(room.say("t", 30001, &json!({})), Err(Refusal::BAD), "whom?");
}

#[test]
fn what_is_repeated_after_its_answer_changes_nothing() {
    let of = |session: &str| json!({"studentId": "s", "sessionId": session});
    let (one, two) = (of("1700000000000_30010"), of("1700000009000_30010"));
    let mut room = Room::new();
    assert!(room.passes("s", 30010, &one) && room.passes("s", 30010, &one) && room.passes("t", 30012, &one));
    assert!(room.passes("s", 30010, &one), "it was under way");
    assert!(room.passes("s", 30014, &one), "still accepted");
    assert!(!room.passes("t", 30012, &one), "and not to be accepted again");
    assert!(room.passes("s", 30010, &two) && !room.passes("s", 30014, &two), "another one is not accepted yet");
    assert!(room.passes("t", 30013, &two) && room.passes("s", 30010, &two), "a rejected one is put again");
    assert!(room.passes("t", 30012, &two));

    let (one, two) = (of("1700000000000_30001"), of("1700000009000_30001"));
    for answer in [30003, 30004] {
        let mut room = Room::new();
        assert!(room.passes("t", 30001, &one) && room.passes("s", answer, &one));
        assert!(room.passes("t", 30001, &json!({"studentId": "x", "sessionId": "other"})));
        assert_eq!(room.say("t", 30001, &one), Ok(ClassEffect::default()), "nobody comes on stage by it");
        assert!(!room.passes("s", 30003, &one), "{answer}: it is answered");
        assert_eq!(room.say("t", 30001, &two).unwrap().stage, Some(StageOp::Enter(user("s"))));
        assert!(room.passes("s", 30003, &two));
    }
}

#[test]
fn r05_a_muted_member_may_signal_but_not_comment() {
    let mut room = Room::new();
    let muted = ClassSender { muted: true, ..sender("s", &[]) };
    assert_eq!(room.say_as(&muted, 10001, &json!({"content": "x", "skipMuteCheck": true})), Err(Refusal::MUTED));
    assert!(room.say_as(&muted, 50001, &json!({})).is_ok());
    assert!(room.say("s", 10001, &json!({"content": "x"})).unwrap().comment);
}

#[test]
fn r26_lists_and_own_messages_are_bounded() {
    let list = |n: usize| json!({"data": vec![json!({}); n]});
    let mut room = Room::new();
    assert!(room.passes("t", 30032, &list(10)) && room.passes("t", 30032, &list(32)));
    assert_eq!(room.say("t", 30032, &list(33)), Err(Refusal::BAD));
    let own = |n: usize| json!({"x": "a".repeat(n - 8)});
    assert!(room.passes("s", 50001, &own(MAX_OWN)));
    assert_eq!(room.say("s", 50001, &own(MAX_OWN + 1)), Err(Refusal::BAD));
    assert_eq!(room.say("t", 11111, &json!({"removeSids": "a;;b"})).unwrap().remove, ["a", "b"]);
}

#[test]
fn x09_switches_change_the_stage() {
    let mut room = Room::new();
    let turn = |on: bool| json!({"studentId": "s", "turnOn": on});
    assert_eq!(room.say("t", 20009, &turn(false)).unwrap().stage, Some(StageOp::Mic(user("s"), false)));
    assert_eq!(room.say("t", 20011, &turn(true)).unwrap().stage, Some(StageOp::Camera(user("s"), true)));
    assert_eq!(room.say("t", 30041, &json!({"muted": true})).unwrap().stage, Some(StageOp::MicsOff(true)));
    assert_eq!(room.say("t", 20009, &json!({"studentId": "s"})), Err(Refusal::BAD));
}
