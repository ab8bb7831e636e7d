//! Lists of classes and of their members; who is found in them.

use stoa_core::class::{ClassCommand, ClassIdentity, ClassMember, ClassStatus, MemberFilter, MemberStatus, NewClass};
use stoa_core::id::{AppId, UserId};

use crate::classes::{
    assist, connect, delete, done, everybody, go, join, kick, make_class, new_class, permit, run, status,
};
use crate::{APP, Subject, good, user};

/// Pages of classes, those of one instant by id, without gaps and repeats.
pub async fn classes_are_listed_newest_first(s: impl Subject) {
    let store = s.store();
    let mut expected = Vec::new();
    for n in 0..25 {
        expected.push(make_class(&*store, n, i64::try_from(n / 10).unwrap()).await);
    }
    good(store.create_class(NewClass { app: AppId(2), ..new_class(99, 50) }).await);
    done(&*store, expected[3].id, status(ClassStatus::Ended), 60).await;
    expected.sort_by_key(|c| std::cmp::Reverse((c.created, c.id)));
    let expected: Vec<_> = expected.iter().map(|c| c.id).collect();
    let who = user("bob");
    let mut seen = Vec::new();
    for (offset, size) in [(0, 10), (10, 10), (20, 5), (30, 0)] {
        let page = store.list_classes(APP, &who, offset, 10).await.unwrap();
        assert_eq!(page.len(), size);
        seen.extend(page.iter().map(|v| v.class.id));
    }
    assert_eq!(seen, expected);
    assert!(store.list_classes(APP, &who, 0, 0).await.unwrap().is_empty());
    assert!(store.list_classes(APP, &who, u64::MAX, 10).await.unwrap().is_empty());
    assert!(store.list_classes(AppId(3), &who, 0, 10).await.unwrap().is_empty());
}

/// Identity, status, time of joining, and then the bytes of the name, whatever language it is in.
pub async fn members_of_a_class_are_listed_in_order(s: impl Subject) {
    let store = s.store();
    let id = make_class(&*store, 1, 10).await.id;
    let elsewhere = make_class(&*store, 2, 10).await.id;
    done(&*store, elsewhere, join("stranger", None), 10).await;
    done(&*store, id, permit("[]", None), 20).await;
    // In the order of bytes; neither that of UTF-16 nor that of any language.
    let same = ["B", "a", "ab", "a\u{300}", "e\u{301}", "z", "é", "中", "用户", "\u{fffd}", "🦀"];
    for who in same.iter().rev() {
        done(&*store, id, join(who, None), 100).await;
    }
    done(&*store, id, join("new", None), 200).await;
    done(&*store, id, join("old", None), 50).await;
    done(&*store, id, join("left", None), 300).await;
    done(&*store, id, go("left", false), 301).await;
    done(&*store, id, join("kicked", None), 400).await;
    done(&*store, id, kick("kicked", 0), 401).await;
    done(&*store, id, assist("helper"), 60).await;
    done(&*store, id, join("teacher", None), 30).await;
    let expected: Vec<UserId> =
        ["teacher", "helper", "new"].iter().chain(&same).chain(&["old", "left", "kicked"]).map(|n| user(n)).collect();
    let names = |rows: Vec<ClassMember>| rows.into_iter().map(|r| r.user).collect::<Vec<_>>();
    assert_eq!(names(everybody(&*store, id).await), expected);
    let mut paged = Vec::new();
    for offset in (0..24).step_by(4) {
        let (total, page) = store.class_members(id, MemberFilter::default(), offset, 4).await.unwrap();
        assert_eq!(total, expected.len() as u64);
        paged.extend(names(page));
    }
    assert_eq!(paged, expected);
    let filtered = |identity, status, offset, limit| {
        let (store, filter) = (store.clone(), MemberFilter { identity, status });
        async move {
            let (total, rows) = store.class_members(id, filter, offset, limit).await.unwrap();
            (total, names(rows))
        }
    };
    use {ClassIdentity as I, MemberStatus as S};
    assert_eq!(filtered(Some(I::Assistant), None, 0, 5).await, (1, vec![user("helper")]));
    assert_eq!(filtered(Some(I::Student), Some(S::Left), 0, 5).await, (1, vec![user("left")]));
    assert_eq!(filtered(None, Some(S::Kicked), 0, 5).await, (1, vec![user("kicked")]));
    assert_eq!(filtered(Some(I::Teacher), Some(S::Kicked), 0, 5).await, (0, vec![]));
    assert_eq!(filtered(Some(I::Student), Some(S::Present), 1, 2).await, (13, vec![user("B"), user("a")]));
    assert_eq!(filtered(None, Some(S::Present), 14, 9).await, (15, vec![user("old")]));
    assert_eq!(filtered(None, None, 17, 9).await, (17, vec![]));
}

/// Members in class that had a connection are found after a restart, and nobody else.
pub async fn connected_members_are_found_after_reopening(mut s: impl Subject) {
    let store = s.store();
    let first = make_class(&*store, 1, 10).await;
    let second = make_class(&*store, 2, 10).await;
    for (class, who) in [(&first, "ann"), (&first, "bob"), (&first, "用户"), (&second, "ann"), (&second, "eve")] {
        done(&*store, class.id, join(who, None), 20).await;
    }
    for (class, who) in [(&first, "ann"), (&first, "用户"), (&second, "ann"), (&second, "eve")] {
        done(&*store, class.id, connect(who), 30).await;
    }
    done(&*store, second.id, ClassCommand::Depart { user: user("eve") }, 40).await;
    done(&*store, second.id, kick("ann", 0), 40).await;
    drop(store);
    s.reopen().await;
    let mut found = s.store().connected_members().await.unwrap();
    found.sort();
    assert_eq!(found, [(first.channel(), user("ann")), (first.channel(), user("用户"))]);
}

/// Owners of classes that have not ended and assistants who are in one.
pub async fn who_manages_a_class_is_known(s: impl Subject) {
    let store = s.store();
    let manages = |app, who: &'static str| {
        let store = store.clone();
        async move { good(store.manages_class(app, &user(who)).await) }
    };
    assert!(!manages(APP, "teacher").await);
    let id = make_class(&*store, 1, 10).await.id;
    done(&*store, id, permit("[]", None), 20).await;
    done(&*store, id, join("bob", None), 20).await;
    assert!(manages(APP, "teacher").await && !manages(APP, "bob").await && !manages(AppId(2), "teacher").await);
    done(&*store, id, assist("bob"), 30).await;
    assert!(manages(APP, "bob").await && !manages(AppId(2), "bob").await);
    done(&*store, id, go("bob", false), 40).await;
    assert!(!manages(APP, "bob").await);
    done(&*store, id, assist("bob"), 50).await;
    done(&*store, id, status(ClassStatus::Ended), 60).await;
    assert!(!manages(APP, "bob").await && !manages(APP, "teacher").await);
    done(&*store, id, status(ClassStatus::Running), 70).await;
    assert!(manages(APP, "bob").await && manages(APP, "teacher").await);
    run(&*store, id, delete(), 80).await;
    assert!(!manages(APP, "bob").await && !manages(APP, "teacher").await);
}
