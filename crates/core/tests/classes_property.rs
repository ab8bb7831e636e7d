//! No sequence of commands breaks a class: at most one holder of the slot, a stage within its bounds, bans that hold.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use stoa_core::caller::Caller;
use stoa_core::class::{
    Class, ClassCommand, ClassFacts, ClassIdentity, ClassMember, ClassMode, ClassOutcome, ClassRefusal, ClassStatus,
    Known, MeetingMember, MeetingPatch, MemberStatus, NewClass, decide_class,
};
use stoa_core::cloud::Outside;
use stoa_core::id::{AppId, ClassId, MeetingId, UserId};
use stoa_core::sanction::{Sanction, Source};
use stoa_core::time::UnixMs;

const TEACHER: u8 = 0;
const STAGE: usize = 3;

fn user(n: u8) -> UserId {
    UserId::new(format!("u{n}")).unwrap()
}

fn fresh() -> Class {
    NewClass {
        id: ClassId([3; 16]),
        app: AppId(1),
        meeting: MeetingId([4; 16]),
        created: UnixMs(0),
        title: "t".into(),
        notice: String::new(),
        teacher: user(TEACHER),
        teacher_nick: String::new(),
        extends: String::new(),
        mode: ClassMode::Open,
        outside: Outside::default(),
    }
    .into_class()
}

fn patch(names: &[u8]) -> MeetingPatch {
    let entry = |n: &u8| serde_json::json!({ "user_id": user(*n).as_str() }).as_object().unwrap().clone();
    let members = names.iter().map(|n| MeetingMember::new(entry(n)).unwrap()).collect();
    MeetingPatch { members: Some(members), ..MeetingPatch::default() }
}

fn commands() -> impl Strategy<Value = ClassCommand> {
    let who = || 0u8..7;
    let caller = || (0u8..7).prop_map(|n| Caller::user(user(n)));
    let teacher = || Just(Caller::user(user(TEACHER)));
    let wish = prop_oneof![
        1 => Just(None),
        1 => Just(Some(ClassIdentity::Student)),
        2 => Just(Some(ClassIdentity::Assistant)),
    ];
    let status = prop_oneof![Just(ClassStatus::Idle), Just(ClassStatus::Running), Just(ClassStatus::Ended)];
    prop_oneof![
        6 => (who(), wish).prop_map(|(n, wish)| ClassCommand::Join {
            user: user(n), name: format!("n{n}"), avatar: None, wish }),
        2 => (who(), any::<bool>()).prop_map(|(n, online)| ClassCommand::Leave {
            user: user(n), online, grace: Duration::from_secs(10) }),
        2 => who().prop_map(|n| ClassCommand::Depart { user: user(n) }),
        2 => (who(), any::<bool>()).prop_map(|(n, returns)| ClassCommand::Connect { user: user(n), returns }),
        1 => (caller(), status).prop_map(|(caller, to)| ClassCommand::SetStatus { caller, to }),
        1 => (prop::option::of(caller()), who(), 0i64..5000).prop_map(|(caller, n, until)| ClassCommand::Kick {
            caller, user: user(n), source: Source::Class, by: "x".into(), until: UnixMs(until) }),
        1 => (caller(), who()).prop_map(|(caller, n)| ClassCommand::Lift { caller, user: user(n) }),
        2 => (teacher(), prop::option::weighted(0.3, who())).prop_map(|(caller, only)| ClassCommand::SetPermit {
            caller, text: "[\"MemberManagement\"]".into(), only: only.map(user) }),
        1 => teacher().prop_map(|caller| ClassCommand::DropPermit { caller }),
        4 => (teacher(), prop::collection::vec(who(), 0..6)).prop_map(|(caller, names)| ClassCommand::Meeting {
            caller, patch: patch(&names), stage_max: STAGE }),
    ]
}

struct World {
    class: Class,
    rows: BTreeMap<UserId, ClassMember>,
    sanctions: BTreeMap<UserId, Sanction>,
}

impl World {
    fn run(&mut self, command: &ClassCommand, now: UnixMs) -> ClassOutcome {
        let known = |u: Option<&UserId>| Known {
            row: u.and_then(|u| self.rows.get(u)),
            sanction: u.and_then(|u| self.sanctions.get(u)),
        };
        let facts = ClassFacts {
            caller: known(command.caller().map(|c| &c.user)),
            subject: known(command.subject()),
            assistant: self.rows.values().find(|r| r.identity == ClassIdentity::Assistant),
            listeners: &[],
        };
        let d = decide_class(&self.class, facts, command, now);
        if let Some(next) = d.class {
            assert!(next.version > self.class.version, "the revision of standings rises");
            assert!(next.updated >= self.class.updated);
            self.class = next;
        }
        for row in d.rows {
            self.rows.insert(row.user.clone(), row);
            let holders = self.rows.values().filter(|r| r.identity == ClassIdentity::Assistant).count();
            assert!(holders <= 1, "rows are written in this order, and the database allows one");
        }
        if let Some(s) = d.sanction {
            self.sanctions.insert(s.user.clone(), s);
        }
        d.outcome
    }

    fn check(&self, command: &ClassCommand, outcome: &ClassOutcome, now: UnixMs) {
        let stage = &self.class.stage.on;
        assert!(stage.len() <= STAGE);
        assert!(
            stage.iter().all(|u| stage.iter().filter(|v| v.user == u.user).count() == 1 && u.user != user(TEACHER))
        );
        if let (ClassCommand::SetStatus { to: ClassStatus::Ended, .. }, ClassOutcome::Done) = (command, outcome) {
            assert!(stage.is_empty());
        }
        for row in self.rows.values() {
            assert_eq!(row.identity == ClassIdentity::Teacher, row.user == user(TEACHER));
            if row.identity == ClassIdentity::Assistant {
                assert!(self.class.permit.as_ref().is_some_and(|p| p.admits(&row.user)), "a permit makes an assistant");
            }
        }
        if let ClassCommand::Leave { online: true, .. } = command {
            // Nobody with an open connection is out by a leave, not even while the row does not know of it yet.
            assert!(matches!(outcome, ClassOutcome::Pending(_) | ClassOutcome::Refused(_)));
        }
        if let ClassCommand::Join { user, .. } = command {
            let banned = self.sanctions.get(user).is_some_and(|s| s.bans(now));
            assert_eq!(banned, *outcome == ClassOutcome::Refused(ClassRefusal::Banned));
        }
        if let (ClassCommand::Kick { user, .. }, ClassOutcome::Done) = (command, outcome) {
            assert!(!self.class.stage.holds(user, now) && !self.class.info.users().contains(user));
            assert!(self.rows.get(user).is_none_or(|r| r.status == MemberStatus::Kicked));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn classes_keep_their_rules(steps in prop::collection::vec((commands(), 0i64..300), 1..120)) {
        let mut world = World { class: fresh(), rows: BTreeMap::new(), sanctions: BTreeMap::new() };
        let mut now = UnixMs(1);
        for (command, passed) in &steps {
            now = UnixMs(now.0 + passed);
            let outcome = world.run(command, now);
            world.check(command, &outcome, now);
        }
    }
}
