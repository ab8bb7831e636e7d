//! Many at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stoa_core::Kind;
use stoa_core::id::{ChannelKey, RoomId};
use stoa_core::ports::{PageStart, Store};
use stoa_core::sanction::Source;
use stoa_core::time::UnixMs;
use stoa_core::voice::{Applied, Command, Outcome, Room, SeatIndex};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::{APP, Subject, apply, assert_distinct_holders, code, dismiss, leave, make_room, new_room, read};
use crate::{seat, seated, take, user};

/// Rounds of the race for seats.
pub const ROUNDS: u64 = 200;
/// Tasks in each round.
pub const RACERS: usize = 64;

/// All racers ask for a seat of `room` at the same moment, each through one of `stores` in turn.
pub async fn race(stores: &[Arc<dyn Store>], room: RoomId) -> Vec<(String, Applied)> {
    let start = Arc::new(Barrier::new(RACERS));
    let mut tasks = JoinSet::new();
    for n in 0..RACERS {
        let (store, start) = (stores[n % stores.len()].clone(), start.clone());
        tasks.spawn(async move {
            start.wait().await;
            let who = format!("user {n}");
            let wish = (n % 3 == 0).then_some(1 + i64::try_from(n % 8).unwrap());
            let done = apply(&*store, room, take(&who, wish), 5000).await;
            (who, done)
        });
    }
    tasks.join_all().await
}

/// Exactly eight answers of a race are seats, each shows its own holder, and the room says the same.
pub fn assert_eight_winners(answers: &[(String, Applied)], room: &Room) {
    let mut seats = BTreeMap::new();
    for (who, done) in answers {
        assert_distinct_holders(&done.room);
        match &done.outcome {
            Outcome::Seated(i) => {
                assert!(seats.insert(*i, who.clone()).is_none(), "seat {} given twice", i.get());
                assert_eq!(done.room.seat_of(&user(who)).unwrap().0, *i);
            }
            other => assert_eq!(*other, Outcome::Full),
        }
    }
    assert_eq!(seats.len(), SeatIndex::COUNT);
    let stored: BTreeMap<_, _> = room.holders().map(|(i, t)| (i, t.user.to_string())).collect();
    assert_eq!(stored, seats, "an acknowledged seat was lost");
    assert_eq!(room.version, 9);
}

/// 200 rooms, 64 tasks each: eight winners, nobody twice, and a fresh connection finds every one of them.
pub async fn sixty_four_tasks_racing_for_eight_seats_have_eight_winners_in_each_of_200_rounds(mut s: impl Subject) {
    let mut rounds = Vec::new();
    for n in 0..ROUNDS {
        let room = make_room(&*s.store(), n, 1000).await.id;
        rounds.push((room, race(&[s.store()], room).await));
    }
    s.reopen().await;
    for (room, answers) in &rounds {
        assert_eight_winners(answers, &*read(&*s.store(), *room).await);
    }
}

/// One success, 63 times "already seated" with that seat.
pub async fn the_same_user_sixty_four_times_gets_one_seat(s: impl Subject) {
    for n in 0..10 {
        let room = make_room(&*s.store(), n, 1000).await.id;
        let mut tasks = JoinSet::new();
        for n in 0..64i64 {
            let store = s.store();
            tasks.spawn(async move { apply(&*store, room, take("bob", Some(1 + n % 8)), 5000).await.outcome });
        }
        let outcomes = tasks.join_all().await;
        let won: Vec<_> = outcomes.iter().filter_map(seated).collect();
        assert_eq!(won.len(), 1);
        let others = outcomes.iter().filter(|o| **o == Outcome::AlreadySeated(won[0])).count();
        assert_eq!(others, 63);
        assert_eq!(read(&*s.store(), room).await.holders().count(), 1);
    }
}

/// Two users wanting seat 3: one gets it, the other the lowest free one.
pub async fn two_users_wanting_one_seat_get_it_and_the_lowest_free(s: impl Subject) {
    for n in 0..20 {
        let store = s.store();
        let room = make_room(&*store, n, 1000).await.id;
        let (a, b) = tokio::join!(
            apply(&*store, room, take("ann", Some(3)), 5000),
            apply(&*store, room, take("bob", Some(3)), 5000)
        );
        let got: BTreeSet<_> = [a, b].iter().filter_map(|d| seated(&d.outcome)).collect();
        assert_eq!(got, BTreeSet::from([seat(1), seat(3)]));
    }
}

/// Joins against a dismissal: in the order of versions no success follows it, and all seats end free.
pub async fn nobody_sits_after_a_dismissal_was_answered(s: impl Subject) {
    for n in 0..30 {
        let room = make_room(&*s.store(), n, 1000).await.id;
        let start = Arc::new(Barrier::new(17));
        let mut joins = JoinSet::new();
        for k in 0..16 {
            let (store, start) = (s.store(), start.clone());
            joins.spawn(async move {
                start.wait().await;
                apply(&*store, room, take(&format!("user {k}"), None), 5000).await
            });
        }
        let store = s.store();
        start.wait().await;
        let ended = apply(&*store, room, dismiss(), 6000).await;
        let late = apply(&*store, room, take("late", None), 7000).await;
        assert_eq!(late.outcome, Outcome::Ended);
        let mut winners = BTreeSet::new();
        for done in joins.join_all().await {
            match done.outcome {
                Outcome::Seated(_) => {
                    assert!(done.room.version < ended.room.version, "seated after the dismissal");
                    winners.extend(done.room.holders().map(|(_, t)| t.user.clone()));
                }
                other => assert!(matches!(other, Outcome::Full | Outcome::Ended)),
            }
        }
        let Outcome::Dismissed(freed) = ended.outcome else { panic!("not dismissed") };
        assert_eq!(freed.into_iter().map(|f| f.holder).collect::<BTreeSet<_>>(), winners);
        let last = read(&*store, room).await;
        assert!(!last.live() && last.holders().count() == 0);
    }
}

/// The timer of an earlier stay fires while the user leaves and sits down again: the new stay is never touched.
pub async fn an_old_release_never_frees_a_seat_taken_anew(s: impl Subject) {
    let room = make_room(&*s.store(), 1, 1000).await.id;
    for n in 0..50 {
        let store = s.store();
        let first = apply(&*store, room, take("bob", Some(4)), 5000 + n).await;
        let (index, t) = first.room.seat_of(&user("bob")).unwrap();
        let release = Command::Release { index, stay: t.stay };
        let again = async {
            apply(&*store, room, leave("bob"), 6000).await;
            apply(&*store, room, take("bob", Some(4)), 6000).await
        };
        let (again, _) = tokio::join!(again, apply(&*store, room, release.clone(), 6000));
        assert_eq!(again.outcome, Outcome::Seated(index));
        let stale = apply(&*store, room, release, 7000).await;
        assert_eq!(stale.outcome, Outcome::Unchanged);
        assert!(read(&*store, room).await.seat_of(&user("bob")).is_some());
        apply(&*store, room, leave("bob"), 8000).await;
    }
}

/// A kick with a ban against joins of the kicked: in the end banned, and not seated.
pub async fn nobody_is_ever_seated_and_banned_at_once(s: impl Subject) {
    for n in 0..30 {
        let room = make_room(&*s.store(), n, 1000).await.id;
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let store = s.store();
            tasks.spawn(async move { apply(&*store, room, take("bob", None), 5000).await });
        }
        let store = s.store();
        let until = UnixMs(60_000);
        let kick = Command::Kick { user: user("bob"), source: Source::Room, by: "owner".into(), until };
        let kicked = apply(&*store, room, kick, 5000).await;
        for done in tasks.join_all().await {
            match done.outcome {
                Outcome::Seated(_) => assert!(done.room.version < kicked.room.version),
                Outcome::Banned(u) => assert_eq!(u, until),
                other => assert!(matches!(other, Outcome::AlreadySeated(_))),
            }
        }
        let last = read(&*store, room).await;
        assert!(last.seat_of(&user("bob")).is_none());
        let ban = store.sanction(&ChannelKey::of_room(APP, room), &user("bob")).await.unwrap().unwrap();
        assert_eq!(ban.until, until);
    }
}

/// 200 creates, ten at a time drawing the same codes in the same order: all different.
pub async fn two_hundred_creates_at_once_get_distinct_codes(s: impl Subject) {
    let mut tasks = JoinSet::new();
    for n in 0..200u64 {
        let store = s.store();
        let codes: Vec<_> = (0..220).map(|k| code((n / 10 * 10 + k) % 220)).collect();
        tasks.spawn(async move { store.create_room(new_room(n, 1000), &codes, 0).await.unwrap() });
    }
    let rooms = tasks.join_all().await;
    let codes: BTreeSet<_> = rooms.iter().map(|r| r.show_code).collect();
    let ids: BTreeSet<_> = rooms.iter().map(|r| r.id).collect();
    assert_eq!((codes.len(), ids.len()), (200, 200));
    assert_eq!(s.store().list_rooms(APP, PageStart::Offset(0), 500).await.unwrap().len(), 200);
}

/// A limit of three holds against sixteen at once.
pub async fn an_owner_never_gets_over_its_limit_by_racing(s: impl Subject) {
    let mut tasks = JoinSet::new();
    for n in 0..16 {
        let store = s.store();
        tasks.spawn(async move { store.create_room(new_room(n, 1000), &[code(n)], 3).await });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 3);
    assert!(results.iter().flat_map(|r| r.as_ref().err()).all(|e| *e.kind() == Kind::LimitReached));
    assert_eq!(s.store().list_rooms(APP, PageStart::Offset(0), 500).await.unwrap().len(), 3);
}

/// Whatever way a room is read, the version seen by one reader never falls, and an answered write is seen.
pub async fn reads_never_go_back_in_time(s: impl Subject) {
    let room = make_room(&*s.store(), 1, 1000).await.id;
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for n in 0..6u64 {
        let (store, done) = (s.store(), done.clone());
        readers.spawn(async move {
            let (mut last, mut step) = (0, n);
            while !done.load(Ordering::Acquire) {
                let seen = if step.is_multiple_of(3) {
                    store.list_rooms(APP, PageStart::Offset(0), 10).await.unwrap()[0].clone()
                } else {
                    read(&*store, room).await
                };
                assert!(seen.version >= last, "version {} after {last}", seen.version);
                last = seen.version;
                step += 1;
            }
        });
    }
    let store = s.store();
    for n in 0..150 {
        let command = if n % 2 == 0 { take("bob", None) } else { leave("bob") };
        let wrote = apply(&*store, room, command, 5000).await.room.version;
        let seen = read(&*store, room).await.version;
        let listed = store.list_rooms(APP, PageStart::Offset(0), 10).await.unwrap()[0].version;
        assert_eq!((seen, listed), (wrote, wrote));
    }
    done.store(true, Ordering::Release);
    readers.join_all().await;
}
