//! Classes and their channels; deletion.

use std::sync::Arc;

use stoa_core::channel::{ChannelRecord, IdentityType, Member, MemberApplied, MemberCommand};
use stoa_core::class::{ClassOutcome, ClassStatus, Meeting, MemberFilter};
use stoa_core::group::GroupKey;
use stoa_core::id::{AppId, ChannelKey, ChannelName};
use stoa_core::ports::Store;
use stoa_core::time::UnixMs;
use tokio::task::JoinSet;

use crate::channels::{channel, identity};
use crate::class_side::{check_in, doc};
use crate::classes::{
    assist, delete, done, everybody, join, kick, look, make_class, new_class, permit, row, run, speakers, status,
};
use crate::groups::{assert_full, assert_refused, fill};
use crate::{APP, Subject, good, make_room, user};

async fn open(store: &dyn Store, key: &ChannelKey, now: i64) -> (ChannelRecord, bool) {
    good(store.open_channel(ChannelRecord::new(key.clone(), UnixMs(now))).await)
}

async fn decide(store: &dyn Store, key: &ChannelKey, who: &str, to: IdentityType, now: i64) -> Option<MemberApplied> {
    good(store.apply_member(key, &user(who), identity(to, None), UnixMs(now)).await)
}

async fn names(store: &dyn Store) -> Vec<ChannelName> {
    let (total, names) = good(store.channel_names(APP, 0, 100).await);
    assert_eq!(total, names.len() as u64);
    names
}

/// A running class's channel is there without a record; preparing and paused with one; ended not at all.
pub async fn the_channel_of_a_class_follows_its_status(mut s: impl Subject) {
    use ClassStatus::{Ended, Idle, Running};
    let class = make_class(&*s.store(), 1, 10).await;
    let (id, key) = (class.id, class.channel());
    let store = s.store();
    assert_eq!(store.channel(&key).await.unwrap(), None);
    assert!(names(&*store).await.is_empty());
    let fresh = ChannelRecord::new(key.clone(), UnixMs(20));
    assert_eq!(open(&*store, &key, 20).await, (fresh.clone(), true));
    assert_eq!(open(&*store, &key, 25).await, (fresh.clone(), false));
    decide(&*store, &key, "bob", IdentityType::Listener, 30).await.expect("an idle class with a record");
    let bob = good(store.member(&key, &user("bob")).await);
    // Running: the record goes, what was decided about users stays.
    done(&*store, id, status(Running), 40).await;
    assert_eq!(store.channel(&key).await.unwrap(), None);
    let refused = ChannelRecord::new(key.clone(), UnixMs(45));
    assert_eq!(open(&*store, &key, 45).await, (refused, false));
    assert!(!store.end_channel(&key).await.unwrap());
    assert_eq!(
        (store.channel(&key).await.unwrap(), store.member(&key, &user("bob")).await.unwrap()),
        (None, bob.clone())
    );
    assert_eq!(names(&*store).await, std::slice::from_ref(&key.name));
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!((store.channel(&key).await.unwrap(), store.all_channels().await.unwrap()), (None, vec![]));
    // Paused: a new record.
    done(&*store, id, status(Idle), 50).await;
    let paused = ChannelRecord::new(key.clone(), UnixMs(50));
    assert_eq!(store.channel(&key).await.unwrap(), Some(paused.clone()));
    assert_eq!(open(&*store, &key, 55).await, (paused.clone(), false));
    assert_eq!(store.all_channels().await.unwrap(), [paused]);
    assert_eq!(names(&*store).await, std::slice::from_ref(&key.name));
    assert_eq!(store.members(&key).await.unwrap(), [bob.unwrap()]);
    done(&*store, id, kick("bob", 9_000), 60).await;
    // Ended: nothing but sanctions, and nothing can be made.
    done(&*store, id, status(Ended), 70).await;
    assert_eq!((store.channel(&key).await.unwrap(), store.members(&key).await.unwrap()), (None, vec![]));
    let refused = ChannelRecord::new(key.clone(), UnixMs(75));
    assert_eq!(open(&*store, &key, 75).await, (refused, false));
    assert!(decide(&*store, &key, "bob", IdentityType::Listener, 76).await.is_none());
    assert!(names(&*store).await.is_empty() && store.all_channels().await.unwrap().is_empty());
    assert_eq!(store.sanction(&key, &user("bob")).await.unwrap().unwrap().until, UnixMs(9_000));
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!((store.channel(&key).await.unwrap(), store.members(&key).await.unwrap()), (None, vec![]));
    // Started again, and ended from running.
    done(&*store, id, status(Running), 80).await;
    decide(&*store, &key, "eve", IdentityType::FreeTalker, 81).await.expect("it runs");
    done(&*store, id, status(Ended), 90).await;
    assert!(store.members(&key).await.unwrap().is_empty());
    // From ended to idle no record appears by itself, but one can be made.
    done(&*store, id, status(Idle), 100).await;
    assert_eq!(store.channel(&key).await.unwrap(), None);
    assert!(open(&*store, &key, 101).await.1);
    assert!(good(store.end_channel(&key).await));
}

/// Talk's decisions about a class's users: where the channel exists, moving the class's version, taking off the stage.
pub async fn users_of_a_classs_channel_are_decided_about(mut s: impl Subject) {
    let store = s.store();
    let class = make_class(&*store, 1, 10).await;
    let (id, key) = (class.id, class.channel());
    assert!(decide(&*store, &key, "bob", IdentityType::Listener, 20).await.is_none(), "idle, without a record");
    let foreign = ChannelKey { app: AppId(2), name: key.name.clone() };
    assert!(decide(&*store, &foreign, "bob", IdentityType::Listener, 20).await.is_none());
    done(&*store, id, status(ClassStatus::Running), 30).await;
    assert!(decide(&*store, &foreign, "bob", IdentityType::Listener, 31).await.is_none());
    done(&*store, id, speakers(&["ann", "bob"]), 40).await;
    let before = look(&*store, id).await;
    assert_eq!((before.stage.on.len(), before.version), (2, 3));
    let applied = decide(&*store, &key, "bob", IdentityType::Listener, 50).await.unwrap();
    assert_eq!(applied.before, Member::blank(key.clone(), user("bob")));
    let after = look(&*store, id).await;
    assert_eq!((after.stage.users(), after.version, after.updated), (vec![user("ann")], 4, UnixMs(50)));
    assert_eq!(after.info.users(), [user("ann")]);
    assert_eq!(store.meeting(APP, class.meeting).await.unwrap(), Meeting::Class(after.clone()));
    assert_eq!(store.member(&key, &user("bob")).await.unwrap(), Some(applied.after));
    // A mute moves no version of the record's texts, but it is newer than what was told before.
    let mute = MemberCommand::Mute { audio: Some(UnixMs(900)), video: None };
    good(store.apply_member(&key, &user("eve"), mute, UnixMs(55)).await).unwrap();
    let muted = look(&*store, id).await;
    assert_eq!((muted.version, muted.updated), (5, UnixMs(50)));
    // A listener is named, and does not come on stage.
    let named = done(&*store, id, speakers(&["bob", "eve", "ann"]), 60).await;
    assert_eq!(named.stage.users(), [user("ann"), user("eve")]);
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(look(&*store, id).await, named);
    assert_eq!(store.members(&key).await.unwrap().len(), 2);
    decide(&*store, &key, "bob", IdentityType::FreeTalker, 70).await.unwrap();
    let again = done(&*store, id, speakers(&["ann"]), 80).await;
    assert_eq!(again.stage.users(), [user("ann")]);
    let again = done(&*store, id, speakers(&["ann", "bob"]), 90).await;
    assert_eq!(again.stage.users(), [user("ann"), user("bob")]);
}

/// Voice rooms, running classes and channels with a record, by bytes, in pages.
pub async fn names_of_running_classes_are_listed_with_the_others(s: impl Subject) {
    let store = s.store();
    let mut expected = Vec::new();
    for n in 0..9 {
        let class = make_class(&*store, n, 10).await;
        match n % 3 {
            0 => drop(done(&*store, class.id, status(ClassStatus::Running), 20).await),
            1 => drop(open(&*store, &class.channel(), 20).await),
            _ => continue,
        }
        expected.push(class.channel().name);
    }
    for n in 0..5 {
        expected.push(make_room(&*store, n, 10).await.channel().name);
    }
    for name in ["Z", "raid", "中", "0"] {
        expected.push(open(&*store, &channel(name), 20).await.0.key.name);
    }
    expected.sort_by(|a, b| a.as_str().as_bytes().cmp(b.as_str().as_bytes()));
    assert_eq!(names(&*store).await, expected);
    let mut paged = Vec::new();
    for offset in (0..20).step_by(4) {
        let (total, page) = store.channel_names(APP, offset, 4).await.unwrap();
        assert_eq!(total, 15);
        paged.extend(page);
    }
    assert_eq!(paged, expected);
    assert_eq!(store.channel_names(AppId(2), 0, 10).await.unwrap(), (0, vec![]));
}

/// Nothing of the class is left, nothing can be added, its name opens nothing; another class keeps all of its own.
pub async fn a_deletion_erases_everything_but_sanctions_and_the_name(mut s: impl Subject) {
    let store = s.store();
    let class = make_class(&*store, 1, 10).await;
    let other = make_class(&*store, 2, 10).await;
    for (n, c) in [(1, &class), (2, &other)] {
        open(&*store, &c.channel(), 15).await;
        decide(&*store, &c.channel(), "bob", IdentityType::Listener, 16).await.unwrap();
        done(&*store, c.id, permit("[]", None), 20).await;
        done(&*store, c.id, assist("ann"), 20).await;
        done(&*store, c.id, join("bob", None), 20).await;
        done(&*store, c.id, crate::classes::connect("bob"), 20).await;
        done(&*store, c.id, kick("eve", 9_000), 20).await;
        assert_eq!(good(store.add_docs(c.id, vec![doc("d", 1)]).await).unwrap().len(), 1);
        assert_eq!(good(store.start_check_in(check_in(n, c.id, 100, 60)).await), Some(true));
        assert!(good(store.record_check_in(check_in(n, c.id, 0, 0).id, &user("bob"), UnixMs(110)).await));
        fill(&*store, &GroupKey::class(APP, c.id)).await;
        assert!(good(store.append_board(c.id, b"x").await));
    }
    let was = look(&*store, class.id).await;
    let gone = run(&*store, class.id, delete(), 30).await;
    assert_eq!((gone.outcome, gone.class), (ClassOutcome::Deleted, was));
    assert_gone(&*store, &class.channel(), 1).await;
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_gone(&*store, &class.channel(), 1).await;
    assert_eq!(everybody(&*store, other.id).await.len(), 2);
    assert!(row(&*store, other.id, "bob").await.connected);
    assert_eq!(good(store.members(&other.channel()).await).len(), 1);
    assert_eq!(good(store.docs(other.id).await), [doc("d", 1)]);
    assert_eq!(good(store.check_in_records(check_in(2, other.id, 0, 0).id, None).await).len(), 1);
    assert_eq!(good(store.board(other.id).await), [b"x"]);
    let view = good(store.class_view(APP, other.id, &user("bob")).await).unwrap();
    assert!(view.group.mute_all && view.muted_until == UnixMs(9));
    assert_full(&*store, &GroupKey::class(APP, other.id)).await;
}

async fn assert_gone(store: &dyn Store, key: &ChannelKey, n: u64) {
    let new = new_class(n, 0);
    let (id, bob, roll) = (new.id, user("bob"), check_in(n, new.id, 0, 0));
    assert_eq!(good(store.class(APP, id).await), None);
    assert_eq!(good(store.meeting(APP, new.meeting).await), Meeting::Deleted);
    assert_eq!(good(store.class_view(APP, id, &bob).await), None);
    assert!(good(store.list_classes(APP, &bob, 0, 10).await).iter().all(|v| v.class.id != id));
    assert!(good(store.apply_class(APP, id, delete(), UnixMs(40)).await).is_none());
    assert!(good(store.apply_class(APP, id, join("bob", None), UnixMs(40)).await).is_none());
    assert_eq!(good(store.class_member(id, &bob).await), None);
    assert_eq!(good(store.class_members(id, MemberFilter::default(), 0, 10).await), (0, vec![]));
    assert!(good(store.connected_members().await).iter().all(|(channel, _)| channel != key));
    assert_eq!(good(store.add_docs(id, vec![doc("e", 1)]).await), None);
    assert!(good(store.delete_docs(id, vec!["d".into()]).await).is_empty());
    assert!(good(store.docs(id).await).is_empty());
    assert_eq!(good(store.start_check_in(check_in(77, id, 500, 60)).await), None);
    assert_eq!(good(store.check_in(APP, roll.id).await), None);
    assert!(good(store.check_ins(id).await).is_empty());
    assert!(!good(store.record_check_in(roll.id, &user("late"), UnixMs(9)).await));
    assert!(good(store.check_in_records(roll.id, None).await).is_empty());
    assert_refused(store, &GroupKey::class(APP, id)).await;
    assert!(!good(store.append_board(id, b"y").await) && !good(store.replace_board(id, b"y").await));
    assert!(good(store.board(id).await).is_empty());
    assert_eq!((good(store.channel(key).await), good(store.members(key).await)), (None, vec![]));
    let fresh = ChannelRecord::new(key.clone(), UnixMs(50));
    assert_eq!(good(store.open_channel(fresh.clone()).await), (fresh, false));
    assert_eq!(good(store.channel(key).await), None);
    assert!(decide(store, key, "bob", IdentityType::FreeTalker, 60).await.is_none());
    assert!(!names(store).await.contains(&key.name));
    assert!(good(store.sanction(key, &user("eve")).await).unwrap().bans(UnixMs(8_999)));
}

/// A stop against openings and decisions: whatever came first, nothing of the channel is left after it.
pub async fn nothing_decided_outlives_the_end_of_a_class(mut s: impl Subject) {
    let mut classes = Vec::new();
    for n in 0..30 {
        let class = make_class(&*s.store(), n, 10).await;
        if n % 2 == 0 {
            done(&*s.store(), class.id, status(ClassStatus::Running), 20).await;
        }
        let mut tasks = JoinSet::new();
        for k in 0..8 {
            let (store, key) = (s.store(), class.channel());
            tasks.spawn(async move {
                let _ = open(&*store, &key, 30).await;
                decide(&*store, &key, &format!("user {k}"), IdentityType::Listener, 40).await;
            });
        }
        let store: Arc<dyn Store> = s.store();
        if n % 3 == 0 {
            assert_eq!(run(&*store, class.id, delete(), 50).await.outcome, ClassOutcome::Deleted);
        } else {
            done(&*store, class.id, status(ClassStatus::Ended), 50).await;
        }
        tasks.join_all().await;
        classes.push(class);
    }
    s.reopen().await;
    for class in classes {
        let store = s.store();
        let key = class.channel();
        assert_eq!((good(store.channel(&key).await), good(store.members(&key).await)), (None, vec![]));
    }
}
