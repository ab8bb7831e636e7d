//! Lists of rooms.

use std::collections::{BTreeMap, BTreeSet};

use stoa_core::id::RoomId;
use stoa_core::ports::PageStart;

use tokio::task::JoinSet;

use crate::{APP, Subject, apply, dismiss, make_room, take};

/// 50 rooms of one instant: every one exactly once, in the same order by number and by cursor.
pub async fn rooms_made_in_one_instant_appear_exactly_once_over_pages(s: impl Subject) {
    let store = s.store();
    let mut made = BTreeSet::new();
    for n in 0..50 {
        made.insert(make_room(&*store, n, 1000).await.id);
    }
    let mut by_number = Vec::new();
    for page in 0..8 {
        let rooms = store.list_rooms(APP, PageStart::Offset(page * 7), 7).await.unwrap();
        by_number.extend(rooms.iter().map(|r| r.id));
    }
    let mut by_cursor = Vec::new();
    let mut start = PageStart::Offset(0);
    loop {
        let rooms = store.list_rooms(APP, start, 7).await.unwrap();
        let Some(last) = rooms.last() else { break };
        start = PageStart::After(last.created, last.id);
        by_cursor.extend(rooms.iter().map(|r| r.id));
    }
    let descending: Vec<_> = made.iter().rev().copied().collect();
    assert_eq!(by_number, descending);
    assert_eq!(by_cursor, descending);
}

/// Newest first, live only, seats included, nothing past the end, nothing for a limit of 0.
pub async fn a_page_shows_live_rooms_newest_first_with_their_seats(s: impl Subject) {
    let store = s.store();
    let mut expected = Vec::new();
    for n in 0..25u64 {
        let room = make_room(&*store, n, 1000 + i64::try_from(n).unwrap()).await;
        let mut last = apply(&*store, room.id, take("bob", Some(3)), 2000).await.room;
        if n % 5 == 0 {
            last = apply(&*store, room.id, dismiss(), 2000).await.room;
        }
        if last.live() {
            expected.insert(0, last);
        }
    }
    assert_eq!(store.list_rooms(APP, PageStart::Offset(0), 500).await.unwrap(), expected);
    assert_eq!(store.list_rooms(APP, PageStart::Offset(15), 10).await.unwrap(), expected[15..]);
    assert!(store.list_rooms(APP, PageStart::Offset(20), 10).await.unwrap().is_empty());
    assert!(store.list_rooms(APP, PageStart::Offset(u64::MAX), 10).await.unwrap().is_empty());
    assert!(store.list_rooms(APP, PageStart::Offset(0), 0).await.unwrap().is_empty());
    let after = PageStart::After(expected[3].created, expected[3].id);
    assert_eq!(store.list_rooms(APP, after, 4).await.unwrap(), expected[4..8]);
}

/// While 100 rooms are made and 100 dismissed, a walk by cursor shows every room that was live
/// throughout exactly once, and no room twice.
pub async fn a_cursor_walk_shows_every_lasting_room_once_while_rooms_come_and_go(s: impl Subject) {
    let store = s.store();
    let mut lasting = BTreeSet::new();
    let mut doomed = Vec::new();
    for n in 0..200 {
        let id = make_room(&*store, n, 1000 + i64::try_from(n / 4).unwrap()).await.id;
        if n % 2 == 0 {
            lasting.insert(id);
        } else {
            doomed.push(id);
        }
    }
    let mut churn = JoinSet::new();
    churn.spawn({
        let store = s.store();
        async move {
            for (n, id) in (0u64..).zip(doomed) {
                // New rooms in front of, among and behind the ones that are walked.
                make_room(&*store, 1000 + n, 990 + i64::try_from(n).unwrap()).await;
                apply(&*store, id, dismiss(), 5000).await;
            }
        }
    });
    let mut walks = 0;
    loop {
        let last_walk = churn.try_join_next().map(|r| r.unwrap()).is_some();
        let mut seen: BTreeMap<RoomId, u32> = BTreeMap::new();
        let mut start = PageStart::Offset(0);
        loop {
            let rooms = store.list_rooms(APP, start, 9).await.unwrap();
            let Some(last) = rooms.last() else { break };
            start = PageStart::After(last.created, last.id);
            for r in &rooms {
                assert!(r.live());
                *seen.entry(r.id).or_default() += 1;
            }
        }
        assert!(seen.values().all(|n| *n == 1), "a room appeared twice");
        assert!(lasting.iter().all(|id| seen.contains_key(id)), "a lasting room is missing");
        walks += 1;
        if last_walk {
            assert_eq!(seen.len(), 200);
            break;
        }
    }
    assert!(walks > 1, "the walk never met the churn");
}
