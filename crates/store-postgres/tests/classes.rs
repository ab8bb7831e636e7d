//! Classes in PostgreSQL against the store of maps: the same calls, the same answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use serde_json::json;
use stoa_core::caller::Caller;
use stoa_core::channel::{ChannelRecord, IdentityType, Member, MemberCommand};
use stoa_core::class::{
    CheckIn, ClassCommand, ClassIdentity, ClassMode, ClassOutcome, ClassPatch, ClassStatus, Doc, MeetingMember,
    MeetingPatch, MemberFilter, MemberStatus, NewClass,
};
use stoa_core::id::{AppId, ChannelKey, CheckInId, ClassId, MeetingId, UserId};
use stoa_core::ports::Store;
use stoa_core::sanction::Source;
use stoa_core::time::UnixMs;
use stoa_store_contract::pg::Server;
use stoa_store_contract::{APP, good, user};
use stoa_store_postgres::PostgresStore;
use stoa_testkit::MemStore;

const STEPS: usize = 1500;
/// Classes; the last is of another app.
const CLASSES: u64 = 5;
/// Bytes order them otherwise than languages do.
const PEOPLE: [&str; 7] = ["teacher", "ann", "Bob", "éve", "用户一", "🦀", "zoe_1"];

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()].clone()
    }
    fn user(&mut self) -> UserId {
        user(self.of(&PEOPLE))
    }
    fn caller(&mut self) -> Caller {
        let who = if self.one_in(4) { self.user() } else { user("teacher") };
        Caller { admin: self.one_in(8), ..Caller::user(who) }
    }
    fn maybe(&mut self) -> Option<bool> {
        self.of(&[None, Some(true), Some(false)])
    }
    fn text(&mut self) -> Option<String> {
        self.one_in(2).then(|| format!("text \\ \" 😀 {}", self.0 % 3))
    }
    fn patch(&mut self) -> MeetingPatch {
        let entry = |who: &str, n: u64| {
            let entry = json!({ "user_id": who, "mic": n == 1, "x": { "y": [1.5, null, "\u{0}"] } });
            MeetingMember::new(entry.as_object().unwrap().clone()).unwrap()
        };
        let members = (0..self.below(5)).map(|n| entry(self.of(&PEOPLE), n)).collect();
        MeetingPatch {
            members: (!self.one_in(3)).then_some(members),
            all_mute: self.maybe(),
            interaction_allowed: self.maybe(),
        }
    }
    fn command(&mut self, now: i64) -> ClassCommand {
        let (caller, user) = (self.caller(), self.user());
        let only = self.one_in(3).then(|| self.user());
        match self.below(36) {
            0..8 => {
                let wish = self.of(&[None, Some(ClassIdentity::Student), Some(ClassIdentity::Assistant)]);
                let avatar = self.text();
                ClassCommand::Join { name: format!("{user}'s name"), user, avatar, wish }
            }
            8..11 => ClassCommand::Leave { user, online: self.one_in(2), grace: Duration::from_millis(200) },
            11..13 => ClassCommand::Depart { user },
            13..16 => ClassCommand::Connect { user },
            16..20 => {
                let to = self.of(&[ClassStatus::Idle, ClassStatus::Running, ClassStatus::Ended]);
                ClassCommand::SetStatus { caller, to }
            }
            20..22 => {
                let patch = ClassPatch { title: self.text(), notice: self.text(), extends: self.text() };
                ClassCommand::Update { caller, patch }
            }
            22..25 => {
                let caller = (!self.one_in(3)).then_some(caller);
                let until = UnixMs(self.of(&[0, now + 300, i64::MAX]));
                ClassCommand::Kick { caller, user, source: Source::Class, by: "by".into(), until }
            }
            25..27 => ClassCommand::Lift { caller, user },
            27..30 => {
                let text = self.of(&[r#"["MemberManagement","EditAnnouncement"]"#, "{}", "no JSON"]).to_owned();
                ClassCommand::SetPermit { caller, text, only }
            }
            30 => ClassCommand::DropPermit { caller },
            31..35 => ClassCommand::Meeting { caller, patch: self.patch(), stage_max: 3 },
            _ if self.one_in(3) => ClassCommand::Delete { caller },
            _ => ClassCommand::Connect { user },
        }
    }
}

fn app(n: u64) -> AppId {
    if n + 1 == CLASSES { AppId(77) } else { APP }
}

/// Class number `n`, made for the `time`th time.
fn ids(n: u64, time: u64) -> (ClassId, MeetingId) {
    let mut id = [u8::try_from(7 * n % 5).unwrap(); 16];
    id[8..].copy_from_slice(&time.to_be_bytes());
    (ClassId(id), MeetingId(id.map(|b| !b)))
}

fn new_class(n: u64, time: u64, now: i64) -> NewClass {
    let (id, meeting) = ids(n, time);
    NewClass {
        id,
        app: app(n),
        meeting,
        created: UnixMs(now / 1000 * 1000),
        title: format!("class {n}"),
        notice: "n".into(),
        teacher: user("teacher"),
        teacher_nick: "nick".into(),
        extends: "{}".into(),
        mode: [ClassMode::Open, ClassMode::Big, ClassMode::Small][usize::try_from(n % 3).unwrap()],
    }
}

/// Calls both stores and compares; answers what both said.
macro_rules! both {
    ($w:expr, $s:ident => $call:expr) => {{
        let $s = &$w.mem;
        let expected = good($call.await);
        let $s = &$w.pg;
        let got = good($call.await);
        same(got, &expected, stringify!($call));
        expected
    }};
}

fn same<T: Debug + PartialEq>(got: T, expected: &T, call: &str) {
    assert!(got == *expected, "{call}\n got {got:?}\nwant {expected:?}");
}

struct World {
    mem: Box<dyn Store>,
    pg: Box<dyn Store>,
    dice: Dice,
    /// What came of commands.
    outcomes: BTreeSet<String>,
    /// How often each class was made.
    times: [u64; 5],
}

impl World {
    /// True when the class was deleted.
    async fn step(&mut self, n: u64, now: i64) -> bool {
        let (class, meeting) = ids(n, self.times[usize::try_from(n).unwrap()]);
        let channel = ChannelKey::of_meeting(app(n), meeting);
        let who = self.dice.user();
        let at = UnixMs(now);
        match self.dice.below(24) {
            0..12 => {
                let command = self.dice.command(now);
                let deletes = matches!(command, ClassCommand::Delete { .. });
                let done = both!(self, s => s.apply_class(app(n), class, command.clone(), at)).unwrap();
                self.outcomes.insert(match done.outcome {
                    ClassOutcome::Refused(why) => format!("{why:?}"),
                    other => format!("{other:?}").chars().take_while(|c| *c != '(').collect(),
                });
                return deletes && both!(self, s => s.class(app(n), class)).is_none();
            }
            12 => drop(both!(self, s => s.open_channel(ChannelRecord::new(channel.clone(), at)))),
            13 if self.dice.one_in(4) => drop(both!(self, s => s.end_channel(&channel))),
            13..17 => {
                let command = match self.dice.below(3) {
                    0 => MemberCommand::Mute { audio: Some(at), video: None },
                    _ => MemberCommand::SetIdentity { to: self.dice.of(&IdentityType::ALL), request: None },
                };
                both!(self, s => s.apply_member(&channel, &who, command.clone(), at));
            }
            17 => {
                let doc = |k: u64| Doc { id: format!("Doc{k}é"), server: None, data: "[]".into(), created: at };
                let docs: Vec<_> = (0..self.dice.below(4)).map(|_| doc(self.dice.below(9))).collect();
                both!(self, s => s.add_docs(class, docs.clone()));
            }
            18 => {
                let ids: Vec<_> = (0..3).map(|_| format!("Doc{}é", self.dice.below(9))).collect();
                both!(self, s => s.delete_docs(class, ids.clone()));
            }
            19 => {
                let id = CheckInId(u128::from(self.dice.0).to_be_bytes());
                let check_in = CheckIn { id, class, by: who, start: at, secs: 1 };
                both!(self, s => s.start_check_in(check_in.clone()));
            }
            20 => {
                let all = both!(self, s => s.check_ins(class));
                if let Some(c) = all.last() {
                    both!(self, s => s.record_check_in(c.id, &who, at));
                    both!(self, s => s.check_in(app(n), c.id));
                    both!(self, s => s.check_in(AppId(5), c.id));
                    both!(self, s => s.check_in_records(c.id, None));
                    both!(self, s => s.check_in_records(c.id, Some(&who)));
                }
            }
            21 => drop(both!(self, s => s.mute_class(class, now % 2 == 0))),
            22 => drop(both!(self, s => s.mute_class_user(class, &who, at))),
            _ => {
                both!(self, s => s.like_class(class, 3));
                both!(self, s => s.append_board(class, &now.to_be_bytes()));
                if self.dice.one_in(5) {
                    both!(self, s => s.replace_board(class, b"all"));
                }
            }
        }
        false
    }

    async fn compare(&mut self, n: u64, now: i64) {
        let (class, meeting) = ids(n, self.times[usize::try_from(n).unwrap()]);
        let channel = ChannelKey::of_meeting(app(n), meeting);
        let who = self.dice.user();
        both!(self, s => s.class(app(n), class));
        both!(self, s => s.class(AppId(5), class));
        both!(self, s => s.meeting(app(n), meeting));
        both!(self, s => s.meeting(AppId(5), meeting));
        both!(self, s => s.class_view(app(n), class, &who));
        both!(self, s => s.class_view(AppId(5), class, &who));
        both!(self, s => s.class_member(class, &who));
        both!(self, s => s.manages_class(app(n), &who));
        both!(self, s => s.channel(&channel));
        both!(self, s => s.sanction(&channel, &who));
        both!(self, s => s.docs(class));
        both!(self, s => s.board(class));
        both!(self, s => s.list_classes(APP, &who, self.dice.0 % 3, 1 + n as u32));
        both!(self, s => s.channel_names(APP, self.dice.0 % 3, 2));
        let filter = MemberFilter {
            identity: self.dice.of(&[None, Some(ClassIdentity::Student), Some(ClassIdentity::Assistant)]),
            status: self.dice.of(&[None, Some(MemberStatus::Present), Some(MemberStatus::Kicked)]),
        };
        both!(self, s => s.class_members(class, MemberFilter::default(), 0, 100));
        both!(self, s => s.class_members(class, filter, self.dice.0 % 3, 2));
        // The maps keep a row also where nothing was decided.
        let decided = |all: Vec<Member>| {
            let blank = |m: &Member| *m == Member::blank(m.channel.clone(), m.user.clone());
            let mut all: Vec<_> = all.into_iter().filter(|m| !blank(m)).collect();
            all.sort_by(|a, b| a.user.cmp(&b.user));
            all
        };
        let expected = decided(good(self.mem.members(&channel).await));
        same(decided(good(self.pg.members(&channel).await)), &expected, "members");
        let sorted = |mut all: Vec<(ChannelKey, UserId)>| {
            all.sort();
            all
        };
        let expected = sorted(good(self.mem.connected_members().await));
        same(sorted(good(self.pg.connected_members().await)), &expected, &format!("connected members at {now}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_calls_are_answered_as_the_store_of_maps_does() {
    let url = tokio::task::spawn_blocking(|| Server::shared().database().unwrap()).await.unwrap();
    let pg = Box::new(good(PostgresStore::connect(&url).await));
    let mut w =
        World { mem: Box::new(MemStore::default()), pg, dice: Dice(4), outcomes: BTreeSet::new(), times: [0; 5] };
    for n in 0..CLASSES {
        both!(w, s => s.create_class(new_class(n, 0, 1000)));
    }
    let mut deleted = 0;
    for now in (1000..).step_by(37).take(STEPS) {
        let n = w.dice.below(CLASSES);
        let gone = w.step(n, now).await;
        w.compare(n, now).await;
        if gone {
            let time = &mut w.times[usize::try_from(n).unwrap()];
            *time += 1;
            let time = *time;
            both!(w, s => s.create_class(new_class(n, time, now)));
            deleted += 1;
        }
    }
    assert!(deleted > 3, "hardly a class was deleted: {deleted}");
    let all = [
        "Banned",
        "Deleted",
        "Done",
        "NoPermit",
        "NotAllowed",
        "NotInClass",
        "Pending",
        "SlotTaken",
        "Unchanged",
        "Unseated",
    ];
    assert!(w.outcomes.iter().eq(all), "not everything happened: {:?}", w.outcomes);
}
