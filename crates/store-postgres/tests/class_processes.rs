//! Classes under two processes on one database (classroom.md 9.13, P04).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stoa_core::board::BoardStore as _;
use stoa_core::caller::Caller;
use stoa_core::channel::{ChannelRecord, IdentityType, MemberCommand};
use stoa_core::class::{
    CheckIn, Class, ClassApplied, ClassCommand, ClassIdentity, ClassMode, ClassOutcome, ClassRefusal, ClassStatus,
    ClassStore as _, Doc, Meeting, MeetingInfo, MeetingMember, MeetingPatch, MemberFilter, NewClass,
};
use stoa_core::cloud::Outside;
use stoa_core::group::{Doomed, GroupKey, GroupPatch, GroupStore as _, StoredMessage};
use stoa_core::id::{ChannelKey, CheckInId, ClassId, MeetingId, UserId};
use stoa_core::ports::{ChannelStore as _, SanctionFilter};
use stoa_core::sanction::Source;
use stoa_core::time::UnixMs;
use stoa_store_contract::groups::message;
use stoa_store_contract::pg::Server;
use stoa_store_contract::{APP, good, user};
use stoa_store_postgres::PostgresStore;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

type Pair = [Arc<PostgresStore>; 2];

async fn database() -> String {
    tokio::task::spawn_blocking(|| Server::shared().database().unwrap()).await.unwrap()
}

async fn pair(url: &str) -> Pair {
    let (a, b) = tokio::join!(PostgresStore::connect(url), PostgresStore::connect(url));
    [Arc::new(good(a)), Arc::new(good(b))]
}

async fn make_class(store: &PostgresStore, n: u8) -> ClassId {
    let new = NewClass {
        id: ClassId([n; 16]),
        app: APP,
        meeting: MeetingId([n ^ 0xff; 16]),
        created: UnixMs(1000),
        title: format!("class {n}"),
        notice: String::new(),
        teacher: user("teacher"),
        teacher_nick: "Teacher".into(),
        extends: String::new(),
        mode: ClassMode::Open,
        outside: Outside::default(),
    };
    good(store.create_class(new).await).id
}

fn teacher() -> Caller {
    Caller::user(user("teacher"))
}

fn join(who: &str, wish: Option<ClassIdentity>) -> ClassCommand {
    ClassCommand::Join { user: user(who), name: format!("name of {who}"), avatar: None, wish }
}

fn permit() -> ClassCommand {
    ClassCommand::SetPermit { caller: teacher(), text: "[]".into(), only: None }
}

fn status(to: ClassStatus) -> ClassCommand {
    ClassCommand::SetStatus { caller: teacher(), to }
}

fn meeting(patch: MeetingPatch) -> ClassCommand {
    ClassCommand::Meeting { caller: teacher(), patch, stage_max: 9 }
}

fn members(names: &[&str]) -> MeetingPatch {
    let entry = |n: &&str| json!({ "user_id": n }).as_object().unwrap().clone();
    let members = names.iter().map(|n| MeetingMember::new(entry(n)).unwrap()).collect();
    MeetingPatch { members: Some(members), ..MeetingPatch::default() }
}

async fn apply(store: &PostgresStore, class: ClassId, command: ClassCommand, now: i64) -> ClassApplied {
    good(store.apply_class(APP, class, command, UnixMs(now)).await).expect("the class exists")
}

async fn read(store: &PostgresStore, class: ClassId) -> Arc<Class> {
    good(store.class(APP, class).await).expect("the class exists")
}

/// Runs `n` tasks at the same moment, each on one of the two stores in turn.
async fn at_once<T, F, Fut>(stores: &Pair, n: usize, task: F) -> Vec<T>
where
    T: Send + 'static,
    F: Fn(Arc<PostgresStore>, usize) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(n));
    let mut tasks = JoinSet::new();
    for k in 0..n {
        let (start, work) = (start.clone(), task(stores[k % 2].clone(), k));
        tasks.spawn(async move {
            start.wait().await;
            work.await
        });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j03_two_hundred_joins_of_one_user_make_one_row() {
    let stores = pair(&database().await).await;
    let class = make_class(&stores[0], 1).await;
    let outcomes =
        at_once(
            &stores,
            200,
            move |s, k| async move { apply(&s, class, join("bob", None), 2000 + k as i64).await.outcome },
        )
        .await;
    let first = outcomes.iter().filter(|o| **o == ClassOutcome::Done).count();
    let again = outcomes.iter().filter(|o| **o == ClassOutcome::Unchanged).count();
    assert_eq!((first, again), (1, 199));
    let (total, rows) = good(stores[1].class_members(class, MemberFilter::default(), 0, 10).await);
    assert_eq!((total, rows.len()), (1, 1));
    assert!(rows[0].present() && rows[0].identity == ClassIdentity::Student);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn j16_of_two_assistants_one_gets_the_slot_in_each_of_1000_rounds() {
    let stores = pair(&database().await).await;
    let class = make_class(&stores[0], 1).await;
    apply(&stores[0], class, permit(), 1000).await;
    let viewers = [user("ann"), user("bob")];
    for round in 0..1000 {
        let wish = Some(ClassIdentity::Assistant);
        let (ann, bob, view, list) = tokio::join!(
            apply(&stores[0], class, join("ann", wish), 2000 + round),
            apply(&stores[1], class, join("bob", wish), 2000 + round),
            stores[round as usize % 2].class_view(APP, class, &viewers[0]),
            stores[(round as usize + 1) % 2].list_classes(APP, &viewers[1], 0, 10),
        );
        assert_eq!((good(view).is_some(), good(list).len()), (true, 1));
        let winner = match (&ann.outcome, &bob.outcome) {
            (ClassOutcome::Done, ClassOutcome::Refused(ClassRefusal::SlotTaken)) => "ann",
            (ClassOutcome::Refused(ClassRefusal::SlotTaken), ClassOutcome::Done) => "bob",
            other => panic!("round {round}: {other:?}"),
        };
        let view = good(stores[0].class_view(APP, class, &user(winner)).await).unwrap();
        assert_eq!(view.assistant, view.row);
        assert!(view.row.unwrap().present());
        // The row keeps the slot until somebody else takes it: the next winner may have to take it from there.
        apply(&stores[1], class, ClassCommand::Depart { user: user(winner) }, 2000 + round).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn d03_of_fifty_documents_with_one_id_one_is_added() {
    let stores = pair(&database().await).await;
    let class = make_class(&stores[0], 1).await;
    let doc = |id: &str, k: usize| Doc {
        id: id.into(),
        server: None,
        data: format!("{{\"n\":{k}}}"),
        created: UnixMs(5000),
        file: None,
    };
    let added = at_once(&stores, 50, move |s, k| {
        // Every other one brings the same documents in the other order: nobody waits in a circle.
        let mut docs = vec![doc("x", k), doc("y", k), doc("x", k + 1000)];
        if k % 4 < 2 {
            docs.reverse();
        }
        async move { good(s.add_docs(class, docs).await).unwrap() }
    })
    .await;
    let winners: Vec<_> = added.into_iter().filter(|a| !a.is_empty()).collect();
    assert_eq!(winners.len(), 1);
    let mut stored = good(stores[1].docs(class).await);
    stored.sort_by_key(|d| d.id.clone());
    let mut won = winners.into_iter().next().unwrap();
    won.sort_by_key(|d| d.id.clone());
    assert_eq!(stored, won);
    assert_eq!(stored.len(), 2);
    let gone = at_once(&stores, 20, move |s, k| {
        let ids = if k % 2 == 0 { ["x", "y", "x"] } else { ["y", "x", "z"] };
        async move { good(s.delete_docs(class, ids.map(str::to_owned).to_vec()).await) }
    })
    .await;
    assert_eq!(gone.iter().map(Vec::len).sum::<usize>(), 2, "each document is removed once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn q03_of_a_hundred_check_ins_one_begins_and_of_its_answers_one_counts() {
    let stores = pair(&database().await).await;
    let mut last = None;
    for round in 1..=20 {
        let class = make_class(&stores[0], round).await;
        let begun = at_once(&stores, 100, move |s, k| async move {
            let id = CheckInId([k as u8, round].repeat(8).try_into().unwrap());
            let check_in = CheckIn { id, class, by: user("teacher"), start: UnixMs(5000), secs: 60 };
            (id, good(s.start_check_in(check_in).await).unwrap())
        })
        .await;
        let begun: Vec<_> = begun.into_iter().filter(|(_, new)| *new).map(|(id, _)| id).collect();
        assert_eq!(begun.len(), 1);
        assert_eq!(good(stores[0].check_ins(class).await).iter().map(|c| c.id).collect::<Vec<_>>(), begun);
        last = Some(begun[0]);
    }
    let id = last.unwrap();
    let answers = at_once(&stores, 100, move |s, k| async move {
        good(s.record_check_in(id, &user("bob"), UnixMs(6000 + k as i64)).await)
    })
    .await;
    assert_eq!(answers.iter().filter(|new| **new).count(), 1);
    assert_eq!(good(stores[1].check_in_records(id, None).await).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn k07_fifty_kicks_of_one_user_make_one_ban_and_no_join_slips_in() {
    let stores = pair(&database().await).await;
    let class = make_class(&stores[0], 1).await;
    apply(&stores[0], class, join("bob", None), 1000).await;
    apply(&stores[0], class, meeting(members(&["bob"])), 1500).await;
    let outcomes = at_once(&stores, 66, move |s, k| async move {
        let command = match k {
            0..50 => ClassCommand::Kick {
                caller: Some(teacher()),
                user: user("bob"),
                source: Source::Class,
                by: "teacher".into(),
                until: UnixMs(90_000),
            },
            _ => join("bob", None),
        };
        apply(&s, class, command, 2000).await.outcome
    })
    .await;
    assert!(outcomes.iter().filter(|o| **o == ClassOutcome::Done).count() >= 50);
    assert!(!outcomes.contains(&ClassOutcome::NotAllowed));
    let filter = SanctionFilter { app: APP, channel: None, user: None };
    assert_eq!(good(stores[1].bans(&filter, UnixMs(2000), 0, 10).await).0, 1);
    let late = apply(&stores[1], class, join("bob", None), 3000).await;
    assert_eq!(late.outcome, ClassOutcome::Refused(ClassRefusal::Banned));
    let view = good(stores[0].class_view(APP, class, &user("bob")).await).unwrap();
    assert!(view.banned(UnixMs(3000)) && !view.row.unwrap().present());
    assert!(view.class.stage.on.is_empty() && view.class.info.members.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn i07_of_500_updates_every_answer_is_a_state_that_existed() {
    let stores = pair(&database().await).await;
    let class = make_class(&stores[0], 1).await;
    let patch = |k: usize| match k % 4 {
        0 | 2 => members(&[&format!("user {k}")]),
        1 => MeetingPatch { all_mute: Some(k % 8 < 4), ..MeetingPatch::default() },
        _ => MeetingPatch { interaction_allowed: Some(k % 8 < 4), ..MeetingPatch::default() },
    };
    let answers = at_once(&stores, 500, move |s, k| async move {
        let done = apply(&s, class, meeting(patch(k)), 5000).await;
        (k, done)
    })
    .await;
    let mut states: BTreeMap<u64, MeetingInfo> = BTreeMap::from([(1, MeetingInfo::default())]);
    let mut changes: Vec<_> = answers.iter().filter(|(_, d)| d.outcome == ClassOutcome::Done).collect();
    changes.sort_by_key(|(_, d)| d.class.version);
    assert!(changes.len() >= 250, "all lists differ, so each is a change");
    for (n, (k, done)) in (2u64..).zip(&changes) {
        assert_eq!(done.class.version, n, "a version for each change");
        let mut expected = states[&(n - 1)].clone();
        expected.merge(&patch(*k));
        assert_eq!(done.class.info, expected, "a change is merged into the state before it");
        states.insert(n, expected);
    }
    for (k, done) in answers.iter().filter(|(_, d)| d.outcome != ClassOutcome::Done) {
        assert_eq!(done.class.info, states[&done.class.version], "update {k}");
    }
    let last = read(&stores[1], class).await;
    assert_eq!(Some((&last.version, &last.info)), states.last_key_value());
    assert_eq!(last.stage.users(), last.info.users());
}

fn some_command(who: &UserId, k: usize) -> ClassCommand {
    match k % 9 {
        0 => join(who.as_str(), Some(ClassIdentity::Assistant)),
        1 => join(who.as_str(), None),
        2 => ClassCommand::Depart { user: who.clone() },
        3 => status(ClassStatus::Running),
        4 => status(ClassStatus::Idle),
        5 => status(ClassStatus::Ended),
        6 => meeting(members(&[who.as_str(), "somebody"])),
        7 => {
            let (source, by) = (Source::Console, "ops".into());
            ClassCommand::Kick { caller: None, user: who.clone(), source, by, until: UnixMs(0) }
        }
        _ => permit(),
    }
}

/// One of everything that writes, chosen by number; a fault of the store ends the test.
async fn something(s: &PostgresStore, class: ClassId, channel: ChannelKey, k: usize) {
    let now = UnixMs(5000 + k as i64);
    let who = user(&format!("user {}", k % 5));
    let group = GroupKey::class(APP, class);
    match k % 23 {
        0 => drop(good(s.open_channel(ChannelRecord::new(channel, now)).await)),
        1 => assert_ok(s.end_channel(&channel).await),
        2 | 3 => {
            let command = MemberCommand::SetIdentity { to: IdentityType::Listener, request: None };
            drop(good(s.apply_member(&channel, &who, command, now).await));
        }
        4 => drop(good(s.like_group(&group, 1).await)),
        5 => good(s.mute_in_group(&group, &[who.clone(), user("user 0")], now).await),
        6 => assert_ok(s.append_board(class, &[1, 2, 3]).await),
        7 => assert_ok(s.replace_board(class, &[4]).await),
        8 => assert_ok(s.mute_group(&group, k.is_multiple_of(2)).await),
        9 => {
            let doc = Doc { id: format!("{}", k % 7), server: None, data: "1".into(), created: now, file: None };
            drop(good(s.add_docs(class, vec![doc]).await));
        }
        10 => {
            let id = CheckInId((k as u128).to_le_bytes());
            let check_in = CheckIn { id, class, by: who.clone(), start: now, secs: 1 };
            if good(s.start_check_in(check_in).await) == Some(true) {
                assert_ok(s.record_check_in(id, &who, now).await);
            }
        }
        11 => drop(good(s.visit_group(&group, &who, "").await)),
        12 => {
            let patch = GroupPatch { meta: Some("{}".into()), admins: None };
            good(s.patch_group(&group, patch).await);
        }
        13 => {
            let first = good(s.reserve_seqnums(&group, 2).await);
            for n in [first, first + 1] {
                let sid = format!("{}", n % 3);
                good(s.put_message(&group, StoredMessage { sid, ..message(n) }).await);
            }
        }
        14 => drop(good(s.delete_messages(&group, Doomed::Sids(vec!["1".into(), "2".into()])).await)),
        _ => drop(good(s.apply_class(APP, class, some_command(&who, k), now).await)),
    }
}

fn assert_ok(answer: stoa_core::Result<bool>) {
    good(answer);
}

/// The end of a class against everything else: no fault, no deadlock, and nothing is left of it but its bans.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_class_deleted_amid_all_kinds_of_writes_leaves_nothing_behind() {
    let url = database().await;
    let stores = pair(&url).await;
    for n in 1..=10 {
        let class = make_class(&stores[0], n).await;
        let channel = read(&stores[0], class).await.channel();
        let name = channel.clone();
        let all = at_once(&stores, 60, move |s, k| {
            let channel = name.clone();
            async move {
                for step in 0..6 {
                    if (k, step) == (7, 3) {
                        let done = apply(&s, class, ClassCommand::Delete { caller: teacher() }, 9000).await;
                        assert_eq!(done.outcome, ClassOutcome::Deleted);
                    }
                    something(&s, class, channel.clone(), k * 6 + step).await;
                }
            }
        });
        all.await;
        let s = &stores[1];
        assert_eq!(good(s.meeting(APP, MeetingId([n ^ 0xff; 16])).await), Meeting::Deleted);
        assert_eq!(good(s.class_view(APP, class, &user("user 1")).await), None);
        assert_eq!(good(s.channel(&channel).await), None);
        assert_eq!(good(s.members(&channel).await), []);
        assert_eq!(good(s.board(class).await), Vec::<Vec<u8>>::new());
        let fresh = ChannelRecord::new(channel, UnixMs(9999));
        assert_eq!(good(s.open_channel(fresh.clone()).await), (fresh, false), "the name is never used again");
    }
    for s in &stores {
        s.close().await;
    }
    assert_empty_and_without_deadlocks(&url).await;
}

/// Writes that wait while another process deletes the class find none when they go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_that_wait_for_a_deletion_say_that_there_is_no_class() {
    let url = database().await;
    let stores = pair(&url).await;
    let class = make_class(&stores[0], 1).await;
    let id = CheckInId([5; 16]);
    let check_in = CheckIn { id, class, by: user("teacher"), start: UnixMs(5000), secs: 60 };
    assert_eq!(good(stores[0].start_check_in(check_in.clone()).await), Some(true));
    let raw = sqlx::PgPool::connect(&url).await.unwrap();
    let mut deletion = raw.begin().await.unwrap();
    // Of the whole class: what a deletion holds when it is about to commit.
    sqlx::query("DELETE FROM class").execute(&mut *deletion).await.unwrap();
    let mut writes = JoinSet::new();
    for s in stores.clone() {
        let check_in = CheckIn { id: CheckInId([6; 16]), ..check_in.clone() };
        let doc = Doc { id: "x".into(), server: None, data: "1".into(), created: UnixMs(1), file: None };
        let (a, b, c, d, e) = (s.clone(), s.clone(), s.clone(), s.clone(), s.clone());
        writes.spawn(async move { good(a.append_board(class, b"x").await) });
        let (group, other) = (GroupKey::class(APP, class), GroupKey::class(APP, class));
        writes.spawn(async move {
            good(b.put_message(&group, message(1)).await);
            good(b.message(&group, &message(1).id).await).is_some()
                || good(b.visit_group(&group, &user("bob"), "").await).0 > 0
        });
        writes.spawn(async move { good(c.like_group(&other, 1).await) > 0 || good(c.mute_group(&other, true).await) });
        writes.spawn(async move { good(d.record_check_in(id, &user("bob"), UnixMs(9)).await) });
        writes.spawn(async move { good(e.add_docs(class, vec![doc]).await).is_some() });
        writes.spawn(async move {
            let join = s.apply_class(APP, class, join("bob", None), UnixMs(9)).await;
            good(join).is_some()
                | good(s.replace_board(class, b"y").await)
                | good(s.start_check_in(check_in).await).is_some()
        });
    }
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let all_wait = async {
        // Those of one process that take the class for themselves stand in its queue, one of them waits in the database.
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&raw).await.unwrap() < 6 {}
    };
    tokio::time::timeout(Duration::from_secs(4), all_wait).await.expect("they wait for the lock");
    deletion.commit().await.unwrap();
    assert!(writes.join_all().await.iter().all(|there| !there));
}

/// Deadlocks are counted at the latest when a connection ends, hence the wait.
async fn assert_empty_and_without_deadlocks(url: &str) {
    let (_, name) = url.rsplit_once('/').unwrap();
    let wait = format!(
        "DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE datname = '{name}') LOOP \
         PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END $$"
    );
    let outside = sqlx::PgPool::connect(Server::shared().url()).await.unwrap();
    let wait = sqlx::raw_sql(sqlx::AssertSqlSafe(wait));
    tokio::time::timeout(Duration::from_secs(10), wait.execute(&outside)).await.unwrap().unwrap();
    let deadlocks = sqlx::query_scalar("SELECT deadlocks FROM pg_stat_database WHERE datname = $1");
    let deadlocks: i64 = deadlocks.bind(name).fetch_one(&outside).await.unwrap();
    assert_eq!(deadlocks, 0);
    let inside = sqlx::PgPool::connect(url).await.unwrap();
    let rows: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM class) + (SELECT count(*) FROM class_member) + (SELECT count(*) FROM class_doc) \
         + (SELECT count(*) FROM hub_group) + (SELECT count(*) FROM hub_group_info) + (SELECT count(*) FROM hub_mute) \
         + (SELECT count(*) FROM hub_visitor) + (SELECT count(*) FROM hub_amount) + (SELECT count(*) FROM hub_message) \
         + (SELECT count(*) FROM class_board) \
         + (SELECT count(*) FROM talk_channel) + (SELECT count(*) FROM talk_member)",
    )
    .fetch_one(&inside)
    .await
    .unwrap();
    assert_eq!(rows, 0);
}
