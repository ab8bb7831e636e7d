//! Writers that are killed, and the check that nothing they acknowledged is lost.
//!
//! A writer says on its standard output what it is about to do (`T`) and what was answered (`A`).
//! The process at the other end of the pipe keeps a [`Model`] of that, kills the writer, opens the
//! database and compares: for every task the last answer holds, or what it had begun after it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::time::Duration;

use stoa_core::channel::{IdentityType, MemberCommand};
use stoa_core::class::ClassCommand;
use stoa_core::group::{GroupKey, KEPT_MESSAGES, MessagePage};
use stoa_core::id::ChannelKey;
use stoa_core::ports::{OutboxItem, Store};
use stoa_core::time::UnixMs;
use stoa_core::voice::Outcome;
use tokio::task::JoinSet;

use crate::classes::{make_class, new_class};
use crate::groups::message;
use crate::{APP, apply, assert_distinct_holders, code, good, leave, make_room, new_room, read, take, user};

/// Tasks that write at once.
const TASKS: u64 = 24;
/// Rooms that they fight over.
const ROOMS: u64 = 4;
/// First number of rooms that the tasks make.
const MADE: u64 = 1_000;

/// The class that they all join.
const CLASS: u64 = 1;

/// Makes the rooms and the class that [`write`] needs.
pub async fn prepare(store: &dyn Store) {
    make_class(store, CLASS, 1000).await;
    for n in 0..ROOMS {
        make_room(store, n, 1000).await;
    }
}

/// Joins, leaves, creates and events by many tasks, each step and each answer told to `say`, until
/// every task has done `steps`.
pub async fn write(store: Arc<dyn Store>, seed: u64, steps: u64, say: fn(String)) {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            let mut random = seed ^ (task + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            for step in 0..steps {
                // Any full-period generator would do: it only has to visit all combinations.
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let draw = random >> 33;
                let unique = MADE + (seed % 10_000) * 1_000_000 + step * TASKS + task;
                say_step(&*store, task, draw, unique, say).await;
            }
        });
    }
    tasks.join_all().await;
}

async fn say_step(store: &dyn Store, task: u64, draw: u64, unique: u64, say: fn(String)) {
    let (room, who) = (draw % ROOMS, format!("task {task}"));
    let id = new_room(room, 0).id;
    match draw / ROOMS % 16 {
        0..=6 => {
            say(format!("T {task} take {room}"));
            let answer = match apply(store, id, take(&who, None), 5000).await.outcome {
                Outcome::Seated(i) | Outcome::AlreadySeated(i) => format!("seat {room} {}", i.get()),
                Outcome::Full => format!("full {room}"),
                other => panic!("{other:?}"),
            };
            say(format!("A {task} {answer}"));
        }
        7..=9 => {
            say(format!("T {task} leave {room}"));
            apply(store, id, leave(&who), 5000).await;
            say(format!("A {task} free {room}"));
        }
        10 => {
            say(format!("T {task} post {unique}"));
            good(store.put_message(&group(), message(unique)).await);
            say(format!("A {task} posted {unique}"));
        }
        11 => {
            say(format!("T {task} enter {unique}"));
            let name = format!("{unique}");
            let command = ClassCommand::Join { user: user(&who), name, avatar: None, wish: None };
            crate::classes::run(store, new_class(CLASS, 0).id, command, 5000).await;
            say(format!("A {task} entered {unique}"));
        }
        12 => {
            say(format!("T {task} draw {unique}"));
            assert!(good(store.append_board(new_class(CLASS, 0).id, format!("{unique}").as_bytes()).await));
            say(format!("A {task} drew {unique}"));
        }
        13 => {
            say(format!("T {task} mark {unique}"));
            let number = i64::try_from(unique).expect("a small number");
            // Of a type that keeps its seat.
            let command = MemberCommand::SetIdentity { to: IdentityType::FreeTalker, request: Some(number) };
            let done = good(store.apply_member(&marks(), &user(&who), command, UnixMs(5000)).await);
            assert_eq!(done.expect("the room is live").after.last_request, Some(number));
            say(format!("A {task} marked {unique}"));
        }
        14 => {
            say(format!("T {task} make {unique}"));
            let show_code = code(unique % 80_000_000);
            good(store.create_room(new_room(unique, 2000), &[show_code], 0).await);
            say(format!("A {task} made {unique}"));
        }
        _ => {
            say(format!("T {task} send {unique}"));
            good(store.outbox_push(vec![event(unique)]).await);
            say(format!("A {task} sent {unique}"));
        }
    }
}

/// Where the tasks' marks are: the first room's channel.
fn marks() -> ChannelKey {
    ChannelKey::of_room(APP, new_room(0, 0).id)
}

/// Where the tasks' messages are: the class's group.
fn group() -> GroupKey {
    GroupKey::class(APP, new_class(CLASS, 0).id)
}

fn event(unique: u64) -> OutboxItem {
    let text = String::from("x");
    OutboxItem { seq: 0, id: format!("{unique}"), url: text.clone(), app: APP, channel: text.clone(), body: text }
}

/// Writes a line to standard output at once, whole, past the test harness.
pub fn to_stdout(line: String) {
    // A line of its own whatever the harness has printed; one write, so that a kill leaves no half.
    let whole = format!("\n{line}\n");
    std::io::stdout().lock().write_all(whole.as_bytes()).expect("the reader is there");
}

/// What the database must hold.
#[derive(Default)]
pub struct Model {
    /// Seat by task and room, as last answered.
    seats: BTreeMap<(u64, u64), Option<u8>>,
    made: BTreeSet<u64>,
    sent: BTreeSet<u64>,
    /// Mark by task, as last answered; each is higher than the one before.
    marks: BTreeMap<u64, u64>,
    /// Name in the class by task, as last answered.
    names: BTreeMap<u64, u64>,
    drawn: BTreeSet<u64>,
    posted: BTreeSet<u64>,
    /// Messages that the group must have counted.
    counted: u64,
    /// What each task had begun when it was killed.
    begun: BTreeMap<u64, (String, u64)>,
    /// Answers of all writers.
    pub answers: u64,
}

impl Model {
    /// One line of a writer; others are ignored.
    pub fn line(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        let number = |n: usize| words[n].parse::<u64>().expect("a number");
        match words[..] {
            ["T", _, verb, _] => drop(self.begun.insert(number(1), (verb.to_owned(), number(3)))),
            ["A", _, verb, _, ..] => {
                let task = number(1);
                self.begun.remove(&task);
                self.answers += 1;
                match verb {
                    "seat" => drop(self.seats.insert((task, number(3)), u8::try_from(number(4)).ok())),
                    "full" | "free" => drop(self.seats.insert((task, number(3)), None)),
                    "marked" => drop(self.marks.insert(task, number(3))),
                    "entered" => drop(self.names.insert(task, number(3))),
                    "posted" => {
                        self.posted.insert(number(3));
                        self.counted += 1;
                    }
                    "drew" => drop(self.drawn.insert(number(3))),
                    "made" => drop(self.made.insert(number(3))),
                    "sent" => drop(self.sent.insert(number(3))),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Compares, and takes over what the killed writer had begun.
    pub async fn check(&mut self, store: &dyn Store) {
        let begun = std::mem::take(&mut self.begun);
        for room in 0..ROOMS {
            let stored = read(store, new_room(room, 0).id).await;
            assert_distinct_holders(&stored);
            for task in 0..TASKS {
                let is = stored.seat_of(&user(&format!("task {task}"))).map(|(i, _)| i.get());
                let was = self.seats.insert((task, room), is).flatten();
                let allowed = is == was
                    || match begun.get(&task) {
                        Some((verb, r)) if verb == "take" && *r == room => was.is_none(),
                        Some((verb, r)) if verb == "leave" && *r == room => is.is_none(),
                        _ => false,
                    };
                assert!(allowed, "task {task} in room {room}: answered {was:?}, stored {is:?}, begun {begun:?}");
            }
        }
        for task in 0..TASKS {
            let member = good(store.member(&marks(), &user(&format!("task {task}"))).await);
            let is = member.and_then(|m| m.last_request).map(|n| u64::try_from(n).expect("not negative"));
            let was = self.marks.get(&task).copied();
            let allowed = is == was || begun.get(&task).is_some_and(|(verb, n)| verb == "mark" && Some(*n) == is);
            assert!(allowed, "mark of task {task}: answered {was:?}, stored {is:?}, begun {begun:?}");
            self.marks.extend(is.map(|n| (task, n)));
        }
        self.check_class(store, &begun).await;
        self.check_messages(store, &begun).await;
        for n in &self.made {
            let stored = read(store, new_room(*n, 0).id).await;
            assert_eq!(*stored, new_room(*n, 2000).into_room(stored.show_code));
        }
        let stored: BTreeSet<u64> =
            good(store.outbox_peek(u32::MAX).await).iter().map(|e| e.id.parse().expect("a number")).collect();
        let lost: Vec<_> = self.sent.difference(&stored).collect();
        assert!(lost.is_empty(), "events lost: {lost:?}");
        for extra in stored.difference(&self.sent) {
            assert!(begun.values().any(|(verb, n)| verb == "send" && n == extra), "event {extra} from nowhere");
        }
        // The check above is of each database as found; only what a later writer could still lose is carried on.
        self.sent = stored;
    }

    /// Rows of members are as last answered or begun; so is the whiteboard, each change once.
    async fn check_class(&mut self, store: &dyn Store, begun: &BTreeMap<u64, (String, u64)>) {
        let class = new_class(CLASS, 0).id;
        for task in 0..TASKS {
            let row = good(store.class_member(class, &user(&format!("task {task}"))).await);
            let is = row.map(|r| r.name.parse::<u64>().expect("a number"));
            let was = self.names.get(&task).copied();
            let allowed = is == was || begun.get(&task).is_some_and(|(verb, n)| verb == "enter" && Some(*n) == is);
            assert!(allowed, "name of task {task}: answered {was:?}, stored {is:?}, begun {begun:?}");
            self.names.extend(is.map(|n| (task, n)));
        }
        let board = good(store.board(class).await);
        let text = |update: Vec<u8>| String::from_utf8(update).expect("a text").parse::<u64>().expect("a number");
        let count = board.len();
        let stored: BTreeSet<u64> = board.into_iter().map(text).collect();
        assert_eq!(stored.len(), count, "a change is there twice");
        let lost: Vec<_> = self.drawn.difference(&stored).collect();
        assert!(lost.is_empty(), "changes of the whiteboard lost: {lost:?}");
        for extra in stored.difference(&self.drawn) {
            assert!(begun.values().any(|(verb, n)| verb == "draw" && n == extra), "change {extra} from nowhere");
        }
        self.drawn = stored;
    }
}

impl Model {
    /// Messages are as answered or begun, whole, but for those that newer ones pushed out; each was counted once.
    async fn check_messages(&mut self, store: &dyn Store, begun: &BTreeMap<u64, (String, u64)>) {
        let (messages, more) = good(store.messages(&group(), &[], MessagePage::Newest, u32::MAX).await);
        assert!(!more && messages.len() <= KEPT_MESSAGES);
        let stored: BTreeSet<u64> = messages.iter().map(|m| m.seqnum).collect();
        assert_eq!(stored.len(), messages.len(), "a message is there twice");
        assert!(messages.iter().all(|m| *m == message(m.seqnum)));
        let full = messages.len() == KEPT_MESSAGES;
        let oldest = stored.first().copied().unwrap_or(0);
        let lost: Vec<_> = self.posted.difference(&stored).filter(|n| !full || **n > oldest).collect();
        assert!(lost.is_empty(), "messages lost: {lost:?}");
        for extra in stored.difference(&self.posted) {
            assert!(begun.values().any(|(verb, n)| verb == "post" && n == extra), "message {extra} from nowhere");
        }
        let counted = good(store.group(&group()).await).amounts.values().sum::<u64>();
        let under_way = begun.values().filter(|(verb, _)| verb == "post").count() as u64;
        let allowed = self.counted..=self.counted + under_way;
        assert!(allowed.contains(&counted), "{counted} messages counted, of {allowed:?}");
        (self.posted, self.counted) = (stored, counted);
    }
}

/// Starts this test program again to run only `test`, with `variables`; feeds its lines to `model`; kills it
/// (SIGKILL) at a random moment up to `longest` after its first answer. Blocks.
pub fn run_and_kill(model: &mut Model, test: &str, variables: &[(&str, &str)], longest: Duration) {
    let mut child = Process::new(std::env::current_exe().expect("this program"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
    let before = model.answers;
    let mut seen = String::new();
    let mut next = |model: &mut Model| {
        let mut line = String::new();
        let more = lines.read_line(&mut line).expect("a line") > 0;
        let _ = write!(seen, "{line}");
        model.line(&line);
        more
    };
    while model.answers == before {
        assert!(next(model), "the writer ended by itself");
    }
    let (stop, killed) = std::sync::mpsc::channel::<()>();
    let part = u32::try_from(RandomState::new().hash_one(test) % 1000).expect("below 1000");
    let moment = longest * part / 1000;
    let killer = std::thread::spawn(move || {
        // Waits for the moment: nobody ever sends.
        let _ = killed.recv_timeout(moment);
        child.kill().expect("a running writer");
        child.wait().expect("its end")
    });
    while next(model) {}
    drop(stop);
    let status = killer.join().expect("the killer");
    assert!(status.code().is_none(), "the writer was not killed, it ended with {status}: {seen}");
}
