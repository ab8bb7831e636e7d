//! What lasts of message groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stoa_core::Kind;
use stoa_core::channel::ChannelRecord;
use stoa_core::class::ClassStatus;
use stoa_core::group::{Doomed, GroupKey, GroupPatch, GroupState, KEPT_MESSAGES, MessagePage, StoredMessage};
use stoa_core::id::{AppId, ChannelName, UserId};
use stoa_core::ports::Store;
use stoa_core::time::UnixMs;
use stoa_core::voice::{Command, Outcome};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::channels::channel;
use crate::classes::{done, make_class, new_class, status};
use crate::{APP, Subject, apply, dismiss, good, make_room, new_room, read, user};

/// Message number `n` of a test.
#[must_use]
pub fn message(n: u64) -> StoredMessage {
    StoredMessage {
        seqnum: n,
        id: format!("m{n:025}"),
        kind: 10_001,
        sender: user("用户一"),
        extension: String::new(),
        data: format!("{{\"content\":\"{n} 🦀\"}}"),
        sid: String::new(),
        at: UnixMs(1_000),
        level: 0,
    }
}

/// Something of every kind.
pub(crate) async fn fill(store: &dyn Store, group: &GroupKey) {
    assert_eq!(good(store.reserve_seqnums(group, 3).await), 1);
    assert_eq!(good(store.visitor(group, &user("bob")).await), None);
    assert_eq!(good(store.visit_group(group, &user("bob"), "{\"userNick\":\"Bob\"}").await), (1, 1));
    assert_eq!(good(store.visitor(group, &user("bob")).await).as_deref(), Some("{\"userNick\":\"Bob\"}"));
    assert_eq!(good(store.like_group(group, 4).await), 4);
    let patch = GroupPatch { meta: Some("{\"a\":1}".into()), admins: Some(vec![user("ann")]) };
    good(store.patch_group(group, patch).await);
    assert!(good(store.mute_group(group, true).await));
    good(store.mute_in_group(group, &[user("bob")], UnixMs(9)).await);
    good(store.put_message(group, message(1)).await);
}

/// What [`fill`] left is there, all of it.
pub(crate) async fn assert_full(store: &dyn Store, group: &GroupKey) {
    let state = GroupState {
        meta: "{\"a\":1}".into(),
        admins: vec![user("ann")],
        mute_all: true,
        muted: vec![(user("bob"), UnixMs(9))],
        pv: 1,
        uv: 1,
        likes: 4,
        amounts: [(10_001, 1)].into(),
    };
    assert_eq!(good(store.group(group).await), state);
    assert_eq!(good(store.messages(group, &[], MessagePage::Newest, 9).await), (vec![message(1)], false));
}

/// Nothing is there.
pub(crate) async fn assert_empty(store: &dyn Store, group: &GroupKey) {
    assert_eq!(good(store.group(group).await), GroupState::default());
    assert_eq!(good(store.messages(group, &[], MessagePage::Newest, 9).await), (vec![], false));
    assert_eq!(good(store.message(group, &message(1).id).await), None);
}

/// The place is gone, or never was: writes succeed and leave nothing.
pub(crate) async fn assert_refused(store: &dyn Store, group: &GroupKey) {
    assert_empty(store, group).await;
    assert_eq!(good(store.reserve_seqnums(group, 3).await), 1);
    assert_eq!(good(store.visit_group(group, &user("bob"), "").await), (0, 0));
    assert_eq!(good(store.like_group(group, 4).await), 0);
    let patch = GroupPatch { meta: Some("{\"a\":1}".into()), admins: Some(vec![user("ann")]) };
    good(store.patch_group(group, patch).await);
    assert!(!good(store.mute_group(group, true).await));
    good(store.mute_in_group(group, &[user("bob")], UnixMs(9)).await);
    good(store.put_message(group, message(1)).await);
    assert!(good(store.delete_messages(group, Doomed::Id(message(1).id)).await).is_empty());
    assert_empty(store, group).await;
}

/// The group of an adhoc channel.
fn talk(app: AppId, name: &str) -> GroupKey {
    GroupKey::talk(app, ChannelName::new(name).expect("a valid name"))
}

/// A group of each kind.
async fn one_of_each(store: &dyn Store) -> [GroupKey; 3] {
    let room = make_room(store, 1, 10).await.id;
    let class = make_class(store, 2, 10).await.id;
    [GroupKey::room(APP, room), GroupKey::class(APP, class), talk(APP, "大厅 7")]
}

fn described(meta: Option<&str>, admins: Option<&[&str]>) -> GroupPatch {
    let admins = admins.map(|all| all.iter().map(|n| user(n)).collect());
    GroupPatch { meta: meta.map(str::to_owned), admins }
}

/// Every field comes back, alone and after others changed; the muted are in order; groups do not mix.
pub async fn what_is_decided_of_a_group_lasts(mut s: impl Subject) {
    let store = s.store();
    let groups = one_of_each(&*store).await;
    for group in &groups {
        assert_empty(&*store, group).await;
        assert!(!good(store.mute_group(group, false).await));
        good(store.patch_group(group, GroupPatch::default()).await);
        good(store.mute_in_group(group, &[user("bob"), user("eve")], UnixMs(0)).await);
        good(store.mute_in_group(group, &[], UnixMs(5)).await);
        assert_empty(&*store, group).await;
        fill(&*store, group).await;
        assert!(!good(store.mute_group(group, true).await));
        assert_full(&*store, group).await;
    }
    let first = &groups[0];
    good(store.patch_group(first, described(None, Some(&["用户一", "ann", "🦀"]))).await);
    good(store.patch_group(first, described(Some("{}"), None)).await);
    let many: Vec<UserId> = ["\u{fffd}", "🦀", "bob", "Bob", "bob"].map(user).into();
    good(store.mute_in_group(first, &many, UnixMs::MAX).await);
    good(store.mute_in_group(first, &[user("Bob"), user("nobody")], UnixMs(0)).await);
    assert!(good(store.mute_group(first, false).await));
    drop(store);
    s.reopen().await;
    let store = s.store();
    let state = good(store.group(first).await);
    assert_eq!((state.meta.as_str(), state.mute_all), ("{}", false));
    assert_eq!(state.admins, ["用户一", "ann", "🦀"].map(user));
    assert_eq!(state.muted, ["bob", "\u{fffd}", "🦀"].map(|n| (user(n), UnixMs::MAX)));
    assert_full(&*store, &groups[1]).await;
    assert_full(&*store, &groups[2]).await;
    good(store.patch_group(first, described(Some(""), Some(&[]))).await);
    let state = good(store.group(first).await);
    assert!(state.meta.is_empty() && state.admins.is_empty());
    assert_empty(&*store, &talk(AppId(APP.0 + 1), "大厅 7")).await;
    assert_empty(&*store, &talk(APP, "大厅 70")).await;
}

/// All at once, three times each: nobody is lost, nobody counts twice, and every answer is of another moment.
pub async fn joins_and_likes_at_once_are_counted_exactly(mut s: impl Subject) {
    let groups = one_of_each(&*s.store()).await;
    for group in groups {
        let start = Arc::new(Barrier::new(300));
        let mut tasks = JoinSet::new();
        for n in 0..300_u32 {
            let (store, group, start) = (s.store(), group.clone(), start.clone());
            tasks.spawn(async move {
                start.wait().await;
                let likes = if n % 10 == 0 { Some(good(store.like_group(&group, 1 + n % 50).await)) } else { None };
                (good(store.visit_group(&group, &user(&format!("user {}", n % 100)), "").await), likes)
            });
        }
        let answers = tasks.join_all().await;
        let moments: BTreeSet<u64> = answers.iter().map(|((pv, _), _)| *pv).collect();
        assert_eq!(moments, (1..=300).collect());
        let by_moment: BTreeMap<u64, u64> = answers.iter().map(|(counted, _)| *counted).collect();
        assert!(by_moment.values().is_sorted());
        let likes: u64 = (0..300).step_by(10).map(|n| 1 + n % 50).sum();
        assert_eq!(answers.iter().filter_map(|(_, likes)| *likes).max(), Some(likes));
        s.reopen().await;
        let store = s.store();
        let state = good(store.group(&group).await);
        assert_eq!((state.pv, state.uv, state.likes), (300, 100, likes));
        assert_eq!(good(store.visit_group(&group, &user("user 7"), "").await), (301, 100));
        assert_eq!(good(store.visit_group(&group, &user("user 100"), "").await), (302, 101));
    }
}

/// Blocks never overlap, also those handed out after the store was closed; the first number of all is 1.
pub async fn a_message_number_is_handed_out_once(mut s: impl Subject) {
    let groups = one_of_each(&*s.store()).await;
    let mut taken: BTreeMap<GroupKey, BTreeSet<u64>> = BTreeMap::new();
    for round in 0..2 {
        let mut tasks = JoinSet::new();
        for k in 0..90_u32 {
            let (store, group, n) = (s.store(), groups[k as usize % 3].clone(), 1 + k % 7);
            tasks.spawn(async move {
                let first = good(store.reserve_seqnums(&group, n).await);
                (group, first..first + u64::from(n))
            });
        }
        for (group, block) in tasks.join_all().await {
            for n in block {
                assert!(taken.entry(group.clone()).or_default().insert(n), "{n} was handed out twice, round {round}");
            }
        }
        s.reopen().await;
    }
    for numbers in taken.values() {
        assert_eq!(*numbers, (1..=numbers.len() as u64).collect(), "a gap, or not from 1 on");
    }
}

async fn all(store: &dyn Store, group: &GroupKey) -> Vec<StoredMessage> {
    let (all, more) = good(store.messages(group, &[], MessagePage::Newest, 1_000).await);
    assert!(!more);
    all
}

/// Stored at once and out of order: the newest are kept, all are counted by their types, every field comes back, and
/// what is stored again is neither doubled nor counted.
pub async fn of_250_messages_the_newest_200_are_kept(mut s: impl Subject) {
    let groups = one_of_each(&*s.store()).await;
    let long = format!("{{\"content\":\"{}\"}}", "用".repeat(5_000));
    let made = |n: u64| StoredMessage {
        kind: [10_001, 50_000, -3][n as usize % 3],
        sender: user(["bob", "🦀"][n as usize % 2]),
        extension: format!("ext {n}"),
        data: if n == 250 { long.clone() } else { message(n).data },
        sid: ["", "sid"][n as usize % 2].to_owned(),
        at: UnixMs(5_000 - i64::try_from(n).unwrap()),
        level: [0, 1][n as usize % 2],
        ..message(n)
    };
    for group in &groups {
        let mut tasks = JoinSet::new();
        for k in 0..250 {
            // Every number once, in another order.
            let (store, group, m) = (s.store(), group.clone(), made(1 + k * 77 % 250));
            tasks.spawn(async move { good(store.put_message(&group, m).await) });
        }
        tasks.join_all().await;
    }
    let amounts: BTreeMap<i64, u64> = [(10_001, 83), (50_000, 84), (-3, 83)].into();
    let kept: Vec<_> = (251 - KEPT_MESSAGES as u64..=250).map(made).collect();
    s.reopen().await;
    let store = s.store();
    for group in &groups {
        assert_eq!(all(&*store, group).await, kept);
        assert_eq!(good(store.group(group).await).amounts, amounts);
        good(store.put_message(group, made(250)).await);
        good(store.put_message(group, StoredMessage { id: message(250).id, ..made(251) }).await);
        good(store.put_message(group, StoredMessage { seqnum: 249, ..made(252) }).await);
        assert_eq!(all(&*store, group).await, kept);
        assert_eq!(good(store.group(group).await).amounts, amounts);
        assert_eq!(good(store.message(group, &message(51).id).await), Some(made(51)));
        assert_eq!(good(store.message(group, &message(50).id).await), None);
        good(store.put_message(group, made(7)).await);
        assert_eq!(all(&*store, group).await, kept, "one that is older than all that are kept");
    }
}

/// Pages forwards and backwards show every message once, by type too, and say exactly whether there are more.
pub async fn messages_are_paged_in_both_directions(s: impl Subject) {
    let store = s.store();
    let groups = one_of_each(&*store).await;
    let made = |n: u64| StoredMessage { kind: 1 + i64::try_from(n % 3).unwrap(), ..message(n * 10) };
    for n in 1..=30 {
        good(store.put_message(&groups[1], made(n)).await);
    }
    let page = |kinds: &'static [i64], page, limit| {
        let (store, group) = (store.clone(), groups[1].clone());
        async move {
            let (rows, more) = good(store.messages(&group, kinds, page, limit).await);
            assert!(rows.is_sorted_by_key(|m| m.seqnum));
            (rows.iter().map(|m| m.seqnum / 10).collect::<Vec<_>>(), more)
        }
    };
    assert_eq!(page(&[], MessagePage::Newest, 4).await, (vec![27, 28, 29, 30], true));
    assert_eq!(page(&[], MessagePage::Newest, 30).await, ((1..=30).collect(), false));
    assert_eq!(page(&[], MessagePage::Newest, 29).await, ((2..=30).collect(), true));
    assert_eq!(page(&[], MessagePage::Newest, 0).await, (vec![], true));
    assert_eq!(page(&[], MessagePage::Before(40), 3).await, (vec![1, 2, 3], false));
    assert_eq!(page(&[], MessagePage::Before(41), 3).await, (vec![2, 3, 4], true));
    assert_eq!(page(&[], MessagePage::Before(10), 3).await, (vec![], false));
    assert_eq!(page(&[], MessagePage::Before(u64::MAX), 1).await, (vec![30], true));
    assert_eq!(page(&[], MessagePage::After(0), 2).await, (vec![1, 2], true));
    assert_eq!(page(&[], MessagePage::After(280), 2).await, (vec![29, 30], false));
    assert_eq!(page(&[], MessagePage::After(279), 2).await, (vec![28, 29], true));
    assert_eq!(page(&[], MessagePage::After(u64::MAX), 2).await, (vec![], false));
    assert_eq!(page(&[1], MessagePage::Newest, 3).await, (vec![24, 27, 30], true));
    assert_eq!(page(&[1], MessagePage::Before(90), 9).await, (vec![3, 6], false));
    assert_eq!(page(&[3, 1, 1], MessagePage::After(250), 3).await, (vec![26, 27, 29], true));
    assert_eq!(page(&[3, 1], MessagePage::After(250), 4).await, (vec![26, 27, 29, 30], false));
    assert_eq!(page(&[9], MessagePage::Newest, 3).await, (vec![], false));
    assert_eq!(good(store.messages(&groups[0], &[], MessagePage::Newest, 9).await), (vec![], false));
}

/// By id, and by the marks of their senders; what is gone is gone for good and its number is not free.
pub async fn messages_are_deleted_by_id_and_by_mark(mut s: impl Subject) {
    let store = s.store();
    let [group, other, _] = one_of_each(&*store).await;
    for n in 1..=8 {
        let sid = ["", "a", "b", "用"][n as usize % 4].to_owned();
        for group in [&group, &other] {
            good(store.put_message(group, StoredMessage { sid: sid.clone(), ..message(n) }).await);
        }
    }
    let delete = |which| {
        let (store, group) = (store.clone(), group.clone());
        async move { good(store.delete_messages(&group, which).await) }
    };
    let ids = |all: &[u64]| all.iter().map(|n| message(*n).id).collect::<Vec<_>>();
    let sids = |all: &[&str]| Doomed::Sids(all.iter().map(|s| (*s).to_owned()).collect());
    assert_eq!(delete(Doomed::Id(message(4).id)).await, ids(&[4]));
    assert!(delete(Doomed::Id(message(4).id)).await.is_empty());
    assert!(delete(Doomed::Id(String::new())).await.is_empty());
    for nothing in [sids(&[]), sids(&["", "c", "'", "a\0"])] {
        assert!(delete(nothing).await.is_empty());
    }
    assert_eq!(delete(sids(&["用", "a", "a", ""])).await, ids(&[1, 3, 5, 7]));
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(all(&*store, &group).await.iter().map(|m| m.seqnum).collect::<Vec<_>>(), [2, 6, 8]);
    assert_eq!(good(store.message(&group, &message(1).id).await), None);
    assert_eq!(good(store.group(&group).await).amounts, [(10_001, 8)].into(), "stored, ever");
    assert_eq!(all(&*store, &other).await.len(), 8);
}

/// PostgreSQL cannot store it, so no store does; nobody finds it either.
pub async fn a_nul_in_a_text_of_a_group_is_refused_and_changes_nothing(s: impl Subject) {
    let store = s.store();
    let group = talk(APP, "x");
    let bad = || String::from("a\0b");
    for m in [
        StoredMessage { id: bad(), ..message(1) },
        StoredMessage { extension: bad(), ..message(1) },
        StoredMessage { data: bad(), ..message(1) },
        StoredMessage { sid: bad(), ..message(1) },
    ] {
        assert_eq!(*store.put_message(&group, m).await.unwrap_err().kind(), Kind::Internal);
    }
    let patch = GroupPatch { meta: Some(bad()), admins: None };
    assert_eq!(*store.patch_group(&group, patch).await.unwrap_err().kind(), Kind::Internal);
    assert_empty(&*store, &group).await;
    assert_eq!(good(store.message(&group, "a\0b").await), None);
    assert!(good(store.delete_messages(&group, Doomed::Id(bad())).await).is_empty());
}

/// A room's with its dismissal, an adhoc channel's with its end; a class's end ends no group. Others keep theirs.
pub async fn what_is_stored_of_a_group_goes_with_its_place(mut s: impl Subject) {
    let store = s.store();
    let groups = one_of_each(&*store).await;
    let other_room = GroupKey::room(APP, make_room(&*store, 3, 10).await.id);
    let other_app = AppId(APP.0 + 1);
    let neighbours = [other_room, talk(APP, "大厅 8"), talk(other_app, "大厅 7"), talk(APP, "recordless")];
    for group in groups.iter().chain(&neighbours) {
        fill(&*store, group).await;
    }
    let room = new_room(1, 10).id;
    assert!(matches!(apply(&*store, room, dismiss(), 20).await.outcome, Outcome::Dismissed(_)));
    good(store.open_channel(ChannelRecord::new(channel("大厅 7"), UnixMs(20))).await);
    assert_full(&*store, &groups[2]).await;
    assert!(good(store.end_channel(&channel("大厅 7")).await));
    assert!(!good(store.end_channel(&channel("recordless")).await));
    done(&*store, new_class(2, 10).id, status(ClassStatus::Ended), 20).await;
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_refused(&*store, &groups[0]).await;
    assert_full(&*store, &groups[1]).await;
    assert_empty(&*store, &groups[2]).await;
    assert_empty(&*store, &neighbours[3]).await;
    for group in &neighbours[..3] {
        assert_full(&*store, group).await;
    }
    // An adhoc channel of that name may come again, with a group that begins anew.
    fill(&*store, &groups[2]).await;
    assert_full(&*store, &groups[2]).await;
}

/// Unknown ones, and those of another app.
pub async fn nothing_is_stored_for_a_room_or_class_that_is_not_there(s: impl Subject) {
    let store = s.store();
    let [room, class, _] = one_of_each(&*store).await;
    let other = AppId(APP.0 + 1);
    assert_refused(&*store, &GroupKey::room(APP, new_room(9, 0).id)).await;
    assert_refused(&*store, &GroupKey::class(APP, new_class(9, 0).id)).await;
    assert_refused(&*store, &GroupKey { app: other, ..room }).await;
    assert_refused(&*store, &GroupKey { app: other, ..class }).await;
}

/// Writes of every kind against a dismissal: whatever comes first, nothing is left.
pub async fn nothing_of_a_group_outlives_the_dismissal_of_its_room(s: impl Subject) {
    for round in 0..20 {
        let room = make_room(&*s.store(), round, 10).await.id;
        let group = GroupKey::room(APP, room);
        let mut tasks = JoinSet::new();
        for k in 0..24_u64 {
            let (store, group) = (s.store(), group.clone());
            tasks.spawn(async move {
                match k % 6 {
                    0 => good(store.put_message(&group, message(k)).await),
                    1 => drop(good(store.visit_group(&group, &user(&format!("user {k}")), "").await)),
                    2 => good(store.mute_in_group(&group, &[user("bob")], UnixMs(9)).await),
                    3 => good(store.patch_group(&group, described(Some("{}"), None)).await),
                    4 => drop(good(store.like_group(&group, 1).await)),
                    _ if k == 5 + 6 * (round % 4) => drop(apply(&*store, room, dismiss(), 20).await),
                    _ => drop(good(store.reserve_seqnums(&group, 2).await)),
                }
            });
        }
        tasks.join_all().await;
        assert_refused(&*s.store(), &group).await;
    }
}

/// The owner's switch is of the record, with a version of its own.
pub async fn switched_off_microphones_last(mut s: impl Subject) {
    let store = s.store();
    let room = make_room(&*store, 1, 10).await;
    assert!(!room.mics_off);
    let off = apply(&*store, room.id, Command::MuteMics { off: true }, 20).await;
    assert_eq!((off.outcome, off.room.mics_off, off.room.version), (Outcome::Changed, true, room.version + 1));
    let again = apply(&*store, room.id, Command::MuteMics { off: true }, 30).await;
    assert_eq!((again.outcome, again.room.version), (Outcome::Unchanged, room.version + 1));
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(*read(&*store, room.id).await, *off.room);
    let listed = good(store.list_rooms(APP, stoa_core::ports::PageStart::Offset(0), 9).await);
    assert_eq!(*listed[0], *off.room);
    let on = apply(&*store, room.id, Command::MuteMics { off: false }, 40).await;
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!((on.outcome, read(&*store, room.id).await.mics_off), (Outcome::Changed, false));
    apply(&*store, room.id, dismiss(), 50).await;
    let ended = apply(&*store, room.id, Command::MuteMics { off: true }, 60).await;
    assert_eq!((ended.outcome, read(&*store, room.id).await.mics_off), (Outcome::Ended, false));
}
