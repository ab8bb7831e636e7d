//! Many who want something of one class at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use stoa_core::class::{
    ClassApplied, ClassCommand, ClassIdentity, ClassOutcome, ClassRefusal, ClassStatus, Meeting, MeetingInfo,
    MeetingPatch, MemberFilter, MemberStatus,
};
use stoa_core::group::GroupKey;
use stoa_core::id::ClassId;
use stoa_core::time::UnixMs;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::class_side::{check_in, doc};
use crate::classes::{
    assist, delete, done, entry, everybody, go, join, kick, look, make_class, meeting, permit, row, run, status,
};
use crate::{APP, Subject, good, user};

/// Runs all at once, from a common start; answers in the order given.
async fn at_once(s: &impl Subject, class: ClassId, commands: Vec<ClassCommand>, now: i64) -> Vec<Option<ClassApplied>> {
    let start = Arc::new(Barrier::new(commands.len()));
    let mut tasks = JoinSet::new();
    for (n, command) in commands.into_iter().enumerate() {
        let (store, start) = (s.store(), start.clone());
        tasks.spawn(async move {
            start.wait().await;
            (n, good(store.apply_class(APP, class, command, UnixMs(now)).await))
        });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(n, _)| *n);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn outcomes(answers: &[Option<ClassApplied>]) -> Vec<ClassOutcome> {
    answers.iter().map(|a| a.as_ref().expect("the class exists").outcome.clone()).collect()
}

/// 200 at once of one user: all succeed, one row. Of 200 users: as many rows.
pub async fn of_200_joins_of_one_user_all_succeed_and_make_one_row(s: impl Subject) {
    let class = make_class(&*s.store(), 1, 10).await.id;
    let answers = outcomes(&at_once(&s, class, vec![join("bob", None); 200], 500).await);
    assert_eq!(answers.iter().filter(|o| **o == ClassOutcome::Done).count(), 1);
    assert_eq!(answers.iter().filter(|o| **o == ClassOutcome::Unchanged).count(), 199);
    assert_eq!(everybody(&*s.store(), class).await, [row(&*s.store(), class, "bob").await]);
    let others = (0..200).map(|n| join(&format!("user {n}"), None)).collect();
    let answers = outcomes(&at_once(&s, class, others, 600).await);
    assert!(answers.iter().all(|o| *o == ClassOutcome::Done));
    assert_eq!(everybody(&*s.store(), class).await.len(), 201);
    assert_eq!(look(&*s.store(), class).await.version, 202);
}

/// Two who want the slot, round after round: one gets it, the other learns so, and nobody ever reads an error or two
/// assistants.
pub async fn two_assistants_racing_for_the_slot_have_one_winner_in_each_of_200_rounds(s: impl Subject) {
    let class = make_class(&*s.store(), 1, 10).await.id;
    done(&*s.store(), class, permit("[]", None), 20).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for n in 0..2 {
        let (store, over) = (s.store(), over.clone());
        readers.spawn(async move {
            while !over.load(Ordering::Acquire) {
                if n == 0 {
                    let slot = MemberFilter { identity: Some(ClassIdentity::Assistant), status: None };
                    let (total, rows) = good(store.class_members(class, slot, 0, 10).await);
                    assert!(total < 2 && rows.len() < 2, "{rows:?}");
                } else {
                    assert_eq!(good(store.list_classes(APP, &user("ann"), 0, 10).await).len(), 1);
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for now in (100..).step_by(10).take(200) {
        let answers = outcomes(&at_once(&s, class, vec![assist("ann"), assist("bob")], now).await);
        let taken = ClassOutcome::Refused(ClassRefusal::SlotTaken);
        let winner = if answers[0] == ClassOutcome::Done { "ann" } else { "bob" };
        let expected = [ClassOutcome::Done, taken];
        assert!(answers.iter().eq(&expected) || answers.iter().eq(expected.iter().rev()), "{answers:?}");
        let store = s.store();
        let view = good(store.class_view(APP, class, &user("x")).await).expect("the class");
        assert_eq!(view.assistant, Some(row(&*store, class, winner).await));
        done(&*store, class, go(winner, false), now + 1).await;
    }
    over.store(true, Ordering::Release);
    readers.join_all().await;
}

/// 50 documents of one id: one is added, and it is the one that is there.
pub async fn of_50_documents_of_one_id_one_is_added(s: impl Subject) {
    let class = make_class(&*s.store(), 1, 10).await.id;
    let mut tasks = JoinSet::new();
    for n in 0..50 {
        let store = s.store();
        tasks.spawn(async move { good(store.add_docs(class, vec![doc("one", n), doc(&format!("of {n}"), n)]).await) });
    }
    let added: Vec<_> = tasks.join_all().await.into_iter().map(|a| a.expect("the class exists")).collect();
    let winners: Vec<_> = added.iter().flatten().filter(|d| d.id == "one").collect();
    assert_eq!((winners.len(), added.iter().flatten().count()), (1, 51));
    let stored = good(s.store().docs(class).await);
    assert_eq!((stored.len(), stored.iter().find(|d| d.id == "one")), (51, Some(winners[0])));
}

/// 100 roll calls begun at once: one runs.
pub async fn of_100_check_ins_at_once_one_begins(s: impl Subject) {
    for round in 0..5 {
        let class = make_class(&*s.store(), round, 10).await.id;
        let mut tasks = JoinSet::new();
        for n in 0..100 {
            let store = s.store();
            let roll = check_in(round * 1_000 + n, class, 5_000, 60);
            tasks
                .spawn(async move { good(store.start_check_in(roll.clone()).await).expect("a class").then_some(roll) });
        }
        let begun: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(begun.len(), 1);
        assert_eq!(good(s.store().check_ins(class).await), begun);
    }
}

/// 50 answers of one user to a roll call: one counts.
pub async fn of_50_answers_of_one_user_one_is_recorded(s: impl Subject) {
    let class = make_class(&*s.store(), 1, 10).await.id;
    let roll = check_in(1, class, 5_000, 60);
    assert_eq!(good(s.store().start_check_in(roll.clone()).await), Some(true));
    let mut tasks = JoinSet::new();
    for n in 0..50 {
        let store = s.store();
        tasks.spawn(async move {
            let at = UnixMs(6_000 + n);
            good(store.record_check_in(roll.id, &user("bob"), at).await).then_some(at)
        });
    }
    let first: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let stored = good(s.store().check_in_records(roll.id, None).await);
    assert_eq!(stored.iter().map(|r| r.at).collect::<Vec<_>>(), first);
    assert_eq!(first.len(), 1);
}

/// 50 kicks of one user against its joins: all kicks succeed, one ban is left, and after it nobody came in.
pub async fn kicks_of_one_user_at_once_leave_one_ban(mut s: impl Subject) {
    let mut classes = Vec::new();
    for round in 0..10 {
        let store = s.store();
        let class = make_class(&*store, round, 10).await;
        done(&*store, class.id, join("bob", None), 20).await;
        done(&*store, class.id, crate::classes::speakers(&["bob", "ann"]), 20).await;
        drop(store);
        let mut commands = vec![kick("bob", 60_000); if round == 0 { 2 } else { 50 }];
        commands.extend(vec![join("bob", None); 10]);
        let kicks = commands.len() - 10;
        let answers = outcomes(&at_once(&s, class.id, commands, 5_000).await);
        assert!(answers[..kicks].iter().all(|o| *o == ClassOutcome::Done), "{answers:?}");
        let banned = ClassOutcome::Refused(ClassRefusal::Banned);
        assert!(answers[kicks..].iter().all(|o| *o == banned || *o == ClassOutcome::Unchanged), "{answers:?}");
        classes.push(class);
    }
    s.reopen().await;
    let store = s.store();
    for class in classes {
        assert_eq!(row(&*store, class.id, "bob").await.status, MemberStatus::Kicked);
        let last = look(&*store, class.id).await;
        assert_eq!((last.stage.users(), last.info.users()), (vec![user("ann")], vec![user("ann")]));
        let filter = stoa_core::ports::SanctionFilter { app: APP, channel: Some(class.channel().name), user: None };
        let (total, bans) = good(store.bans(&filter, UnixMs(59_999), 0, 10).await);
        assert_eq!((total, bans[0].until), (1, UnixMs(60_000)));
        let refused = run(&*store, class.id, join("bob", None), 59_999).await.outcome;
        assert_eq!(refused, ClassOutcome::Refused(ClassRefusal::Banned));
    }
}

/// 500 changes of different keys of what clients share: none is lost, and every answer is a state that was.
pub async fn changes_of_the_meeting_at_once_lose_no_key(s: impl Subject) {
    let class = make_class(&*s.store(), 1, 10).await.id;
    let mut tasks = JoinSet::new();
    for n in 0..500_u64 {
        let store = s.store();
        let mut patch = MeetingPatch::default();
        match n % 4 {
            0 | 1 => patch.members = Some(vec![entry(&json!({ "user_id": format!("user {}", n % 7), "n": n }))]),
            2 => patch.all_mute = Some(n % 8 == 2),
            _ => patch.interaction_allowed = Some(n % 8 == 3),
        }
        tasks.spawn(async move { (patch.clone(), run(&*store, class, meeting(patch), 100).await) });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(_, a)| (a.class.version, a.outcome == ClassOutcome::Unchanged));
    let (mut info, mut version) = (MeetingInfo::default(), 1);
    for (patch, applied) in &answers {
        info.merge(patch);
        assert_eq!(applied.class.info, info, "an answer that shows what never was");
        version += u64::from(applied.outcome == ClassOutcome::Done);
        assert_eq!(applied.class.version, version);
    }
    let last = look(&*s.store(), class).await;
    assert_eq!((&last.info, last.version), (&info, version));
    assert!(last.info.all_mute.is_some() && last.info.interaction_allowed.is_some() && last.info.members.len() == 1);
}

/// Deletions at once, against joins and documents: one deletes, the others find nothing, and nothing is left.
pub async fn of_many_deletions_one_succeeds(mut s: impl Subject) {
    for round in 0..20 {
        let class = make_class(&*s.store(), round, 10).await.id;
        let mut tasks = JoinSet::new();
        for n in 0..8 {
            let store = s.store();
            tasks.spawn(async move {
                good(store.add_docs(class, vec![doc(&format!("{n}"), n)]).await);
                good(store.append_board(class, b"x").await);
                good(store.like_group(&GroupKey::class(APP, class), 1).await);
            });
        }
        let deletes = if round % 2 == 0 { 2 } else { 8 };
        let mut commands = vec![delete(); deletes];
        commands.extend((0..4).map(|n| join(&format!("user {n}"), None)));
        let answers = at_once(&s, class, commands, 100).await;
        let gone: Vec<_> = answers[..deletes].iter().flatten().map(|a| a.outcome.clone()).collect();
        assert_eq!(gone, [ClassOutcome::Deleted]);
        tasks.join_all().await;
    }
    s.reopen().await;
    let store = s.store();
    for round in 0..20 {
        let class = crate::classes::new_class(round, 0);
        assert_eq!(good(store.meeting(APP, class.meeting).await), Meeting::Deleted);
        assert!(everybody(&*store, class.id).await.is_empty());
        assert!(good(store.docs(class.id).await).is_empty() && good(store.board(class.id).await).is_empty());
    }
}

/// Starts, pauses and stops at once: every one takes effect in some order, and the channel fits the last.
pub async fn changes_of_status_at_once_leave_the_channel_of_the_last(s: impl Subject) {
    for round in 0..20 {
        let class = make_class(&*s.store(), round, 10).await;
        let all = [ClassStatus::Running, ClassStatus::Idle, ClassStatus::Ended];
        let commands = (0..12).map(|n| status(all[n % 3])).collect();
        let answers = at_once(&s, class.id, commands, 100).await;
        let store = s.store();
        let last = look(&*store, class.id).await;
        let changes: BTreeSet<u64> =
            answers.iter().flatten().filter(|a| a.outcome == ClassOutcome::Done).map(|a| a.class.version).collect();
        assert_eq!(changes.iter().copied().collect::<Vec<_>>(), (2..=last.version).collect::<Vec<_>>());
        let newest = answers.iter().flatten().max_by_key(|a| a.class.version).expect("an answer");
        assert_eq!(newest.class, last);
        let record = good(store.channel(&class.channel()).await);
        let (_, names) = good(store.channel_names(APP, 0, 100).await);
        assert_eq!(names.contains(&class.channel().name), last.status == ClassStatus::Running || record.is_some());
        assert!(last.status == ClassStatus::Idle || record.is_none());
    }
}

/// Whatever way a class is read, the version seen by one reader never falls, and an answered write is seen.
pub async fn reads_of_a_class_never_go_back_in_time(s: impl Subject) {
    let class = make_class(&*s.store(), 1, 10).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for n in 0..4_u64 {
        let (store, over, class) = (s.store(), over.clone(), class.clone());
        readers.spawn(async move {
            let (mut last, mut step) = (0, n);
            while !over.load(Ordering::Acquire) {
                let seen = match step % 4 {
                    0 => good(store.list_classes(APP, &user("bob"), 0, 10).await)[0].class.version,
                    1 => good(store.class_view(APP, class.id, &user("bob")).await).expect("a class").class.version,
                    2 => match good(store.meeting(APP, class.meeting).await) {
                        Meeting::Class(class) => class.version,
                        other => panic!("{other:?}"),
                    },
                    _ => look(&*store, class.id).await.version,
                };
                assert!(seen >= last, "version {seen} after {last}");
                last = seen;
                step += 1;
            }
        });
    }
    let store = s.store();
    for now in 0..150 {
        let command = if now % 2 == 0 { join("bob", None) } else { go("bob", false) };
        let wrote = done(&*store, class.id, command, 5_000 + now).await;
        assert_eq!(look(&*store, class.id).await, wrote);
        let view = good(store.class_view(APP, class.id, &user("bob")).await).expect("a class");
        assert_eq!((&view.class, view.row.expect("a row").present()), (&wrote, now % 2 == 0));
    }
    over.store(true, Ordering::Release);
    readers.join_all().await;
}
