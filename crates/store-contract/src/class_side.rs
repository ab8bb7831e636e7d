//! What hangs on classes: courseware, roll calls, whiteboards.

use stoa_core::class::{CheckIn, CheckInRecord, Doc};
use stoa_core::id::{AppId, CheckInId, ClassId};
use stoa_core::time::UnixMs;

use crate::classes::{make_class, new_class};
use crate::{APP, Subject, good, user};

/// A document.
#[must_use]
pub fn doc(id: &str, created: i64) -> Doc {
    let data = format!("{{\"of\":\"{id}\"}}");
    Doc { id: id.into(), server: None, data, created: UnixMs(created), file: None }
}

/// Roll call number `n`.
#[must_use]
pub fn check_in(n: u64, class: ClassId, start: i64, secs: u32) -> CheckIn {
    let mut id = [0x21; 16];
    id[..8].copy_from_slice(&n.to_be_bytes());
    CheckIn { id: CheckInId(id), class, by: user("老师"), start: UnixMs(start), secs }
}

/// Of equal ids the first counts, also within one call; the order is by time, then by bytes; every text comes back.
pub async fn documents_are_added_once_listed_in_order_and_removed(mut s: impl Subject) {
    let store = s.store();
    let class = make_class(&*store, 1, 10).await.id;
    let other = make_class(&*store, 2, 10).await.id;
    assert_eq!(store.add_docs(new_class(3, 0).id, vec![doc("a", 1)]).await.unwrap(), None);
    assert_eq!(store.add_docs(class, vec![]).await.unwrap(), Some(vec![]));
    let known = Doc { server: Some("NetEase".into()), data: "\"'🦀\\u0000".repeat(20_000), ..doc("知", 50) };
    assert_eq!(store.add_docs(class, vec![known.clone()]).await.unwrap(), Some(vec![known.clone()]));
    let batch =
        vec![doc("b", 60), doc("知", 60), doc("B", 60), Doc { data: "late".into(), ..doc("b", 60) }, doc("", 40)];
    let added = store.add_docs(class, batch).await.unwrap();
    assert_eq!(added, Some(vec![doc("b", 60), doc("B", 60), doc("", 40)]));
    assert_eq!(store.add_docs(other, vec![doc("b", 60)]).await.unwrap().unwrap().len(), 1);
    let bad = vec![doc("ok", 70), Doc { data: "a\0b".into(), ..doc("bad", 70) }];
    assert!(store.add_docs(class, bad).await.is_err(), "one call is one transaction");
    drop(store);
    s.reopen().await;
    let store = s.store();
    let all = [doc("", 40), known, doc("B", 60), doc("b", 60)];
    assert_eq!(store.docs(class).await.unwrap(), all);
    let asked = ["B", "none", "", "B"].map(String::from).to_vec();
    assert_eq!(store.delete_docs(class, asked).await.unwrap(), ["B", ""]);
    assert_eq!(store.docs(class).await.unwrap(), [all[1].clone(), all[3].clone()]);
    assert_eq!(store.docs(other).await.unwrap(), [doc("b", 60)]);
    assert_eq!(store.add_docs(class, vec![doc("B", 99)]).await.unwrap().unwrap().len(), 1);
}

/// One at a time, over when its seconds are over, also after a restart.
pub async fn check_ins_run_one_at_a_time(mut s: impl Subject) {
    let store = s.store();
    let class = make_class(&*store, 1, 10).await.id;
    let other = make_class(&*store, 2, 10).await.id;
    assert_eq!(store.start_check_in(check_in(9, new_class(3, 0).id, 1, 1)).await.unwrap(), None);
    assert_eq!(store.check_ins(class).await.unwrap(), []);
    let first = check_in(5, class, 1_000, 60);
    assert_eq!(store.start_check_in(first.clone()).await.unwrap(), Some(true));
    assert_eq!(store.start_check_in(check_in(6, class, 60_999, 1)).await.unwrap(), Some(false));
    assert_eq!(store.start_check_in(check_in(7, other, 60_999, 1)).await.unwrap(), Some(true));
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(store.start_check_in(check_in(6, class, 1_000, 1)).await.unwrap(), Some(false));
    let second = check_in(4, class, 61_000, 86_400);
    assert_eq!(store.start_check_in(second.clone()).await.unwrap(), Some(true));
    // Read the clock earlier and came later: the two would run at once.
    assert_eq!(store.start_check_in(check_in(8, class, 999, 10)).await.unwrap(), Some(false));
    // Begun and over before it, by a clock that was set back.
    let earlier = check_in(8, class, 0, 1);
    assert_eq!(store.start_check_in(earlier.clone()).await.unwrap(), Some(true));
    assert_eq!(store.check_ins(class).await.unwrap(), [earlier, first.clone(), second]);
    assert_eq!(store.check_in(APP, first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(store.check_in(AppId(2), first.id).await.unwrap(), None);
    assert_eq!(store.check_in(APP, check_in(6, class, 0, 0).id).await.unwrap(), None);
}

/// One answer per user, by time and bytes of the name.
pub async fn answers_to_a_roll_call_are_recorded_once(mut s: impl Subject) {
    let store = s.store();
    let class = make_class(&*store, 1, 10).await.id;
    let (roll, next) = (check_in(1, class, 1_000, 60), check_in(2, class, 99_000, 60));
    for c in [&roll, &next] {
        assert_eq!(store.start_check_in(c.clone()).await.unwrap(), Some(true));
    }
    assert!(store.check_in_records(roll.id, None).await.unwrap().is_empty());
    for (who, at) in [("🦀", 2_000), ("\u{fffd}", 2_000), ("Z", 3_000), ("a", 2_000)] {
        assert!(store.record_check_in(roll.id, &user(who), UnixMs(at)).await.unwrap());
        assert!(!store.record_check_in(roll.id, &user(who), UnixMs(at - 500)).await.unwrap());
    }
    assert!(store.record_check_in(next.id, &user("a"), UnixMs(99_001)).await.unwrap());
    drop(store);
    s.reopen().await;
    let store = s.store();
    let record = |who: &str, at| CheckInRecord { user: user(who), at: UnixMs(at) };
    let all = [record("a", 2_000), record("\u{fffd}", 2_000), record("🦀", 2_000), record("Z", 3_000)];
    assert_eq!(store.check_in_records(roll.id, None).await.unwrap(), all);
    assert_eq!(store.check_in_records(roll.id, Some(&user("Z"))).await.unwrap(), [record("Z", 3_000)]);
    assert_eq!(store.check_in_records(roll.id, Some(&user("z"))).await.unwrap(), []);
    assert_eq!(store.check_in_records(next.id, None).await.unwrap(), [record("a", 99_001)]);
}

/// Changes come back in the order they were appended; a snapshot takes the place of all; boards do not mix.
pub async fn boards_keep_their_changes_in_order(mut s: impl Subject) {
    let store = s.store();
    let (one, two) = (make_class(&*store, 1, 10).await.id, make_class(&*store, 2, 10).await.id);
    let nobody = new_class(3, 0).id;
    assert!(good(store.board(one).await).is_empty() && good(store.board(nobody).await).is_empty());
    assert!(!good(store.append_board(nobody, b"x").await) && !good(store.replace_board(nobody, b"x").await));
    let long = vec![0xff; 1 << 20];
    for update in [&b"first"[..], b"", b"\0\xff", &long] {
        assert!(good(store.append_board(one, update).await));
        assert!(good(store.append_board(two, b"two").await));
    }
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(good(store.board(one).await), [b"first".to_vec(), vec![], b"\0\xff".to_vec(), long]);
    assert!(good(store.replace_board(one, b"all").await));
    assert!(good(store.append_board(one, b"more").await));
    assert!(good(store.replace_board(two, b"").await));
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(good(store.board(one).await), [&b"all"[..], b"more"]);
    assert_eq!(good(store.board(two).await), [b""]);
}
