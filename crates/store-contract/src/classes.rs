//! Classes: the record, who is in it, and the channel that follows it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stoa_core::caller::Caller;
use stoa_core::class::{
    Class, ClassApplied, ClassCommand, ClassIdentity, ClassMember, ClassMode, ClassOutcome, ClassPatch, ClassRefusal,
    ClassStatus, ClassView, GroupFacts, Meeting, MeetingMember, MeetingPatch, MemberFilter, MemberStatus, NewClass,
};
use stoa_core::cloud::{Outside, OutsideBoard};
use stoa_core::group::GroupKey;
use stoa_core::id::{AppId, ClassId, MeetingId};
use stoa_core::ports::Store;
use stoa_core::sanction::Source;
use stoa_core::time::UnixMs;

use crate::{APP, Subject, good, user};

/// How long a join counts as the page that comes back.
pub const GRACE: Duration = Duration::from_secs(10);

/// Users on stage at most.
pub const STAGE: usize = 3;

/// Class number `n` of the test, made at `created` by `teacher`.
#[must_use]
pub fn new_class(n: u64, created: i64) -> NewClass {
    let mut id = [0x3c; 16];
    // Spread like random ids, distinct for distinct numbers.
    id[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let mut meeting = id;
    meeting[15] = 0x77;
    NewClass {
        id: ClassId(id),
        app: APP,
        meeting: MeetingId(meeting),
        created: UnixMs(created),
        title: format!("class {n}"),
        notice: String::new(),
        teacher: user("teacher"),
        teacher_nick: "Teacher".into(),
        extends: String::new(),
        mode: ClassMode::Open,
        outside: Outside::default(),
    }
}

/// Makes class number `n`.
pub async fn make_class(store: &dyn Store, n: u64, created: i64) -> Arc<Class> {
    good(store.create_class(new_class(n, created)).await)
}

/// Runs a command on a class that must exist.
pub async fn run(store: &dyn Store, class: ClassId, command: ClassCommand, now: i64) -> ClassApplied {
    good(store.apply_class(APP, class, command, UnixMs(now)).await).expect("the class exists")
}

/// Runs a command that must be carried out.
pub async fn done(store: &dyn Store, class: ClassId, command: ClassCommand, now: i64) -> Arc<Class> {
    let shown = format!("{command:?}");
    let applied = run(store, class, command, now).await;
    assert_eq!(applied.outcome, ClassOutcome::Done, "{shown}");
    applied.class
}

/// Reads a class that must exist.
pub async fn look(store: &dyn Store, class: ClassId) -> Arc<Class> {
    good(store.class(APP, class).await).expect("the class exists")
}

/// Reads a row that must exist.
pub async fn row(store: &dyn Store, class: ClassId, who: &str) -> ClassMember {
    good(store.class_member(class, &user(who)).await).expect("a member")
}

/// Everybody in the list of members.
pub async fn everybody(store: &dyn Store, class: ClassId) -> Vec<ClassMember> {
    let (total, all) = good(store.class_members(class, MemberFilter::default(), 0, 1_000).await);
    assert_eq!(total, all.len() as u64);
    all
}

/// Who teaches.
#[must_use]
pub fn teacher() -> Caller {
    Caller::user(user("teacher"))
}

/// A join.
#[must_use]
pub fn join(who: &str, wish: Option<ClassIdentity>) -> ClassCommand {
    ClassCommand::Join { user: user(who), name: format!("name of {who}"), avatar: None, wish }
}

/// A join for the slot.
#[must_use]
pub fn assist(who: &str) -> ClassCommand {
    join(who, Some(ClassIdentity::Assistant))
}

/// A leave.
#[must_use]
pub fn go(who: &str, online: bool) -> ClassCommand {
    ClassCommand::Leave { user: user(who), online, grace: GRACE }
}

/// A live connection.
#[must_use]
pub fn connect(who: &str) -> ClassCommand {
    ClassCommand::Connect { user: user(who), returns: true }
}

/// The teacher's start, pause or stop.
#[must_use]
pub fn status(to: ClassStatus) -> ClassCommand {
    ClassCommand::SetStatus { caller: teacher(), to }
}

/// The teacher's permit.
#[must_use]
pub fn permit(text: &str, only: Option<&str>) -> ClassCommand {
    ClassCommand::SetPermit { caller: teacher(), text: text.into(), only: only.map(user) }
}

/// The teacher's list of those who speak.
#[must_use]
pub fn speakers(names: &[&str]) -> ClassCommand {
    let members = names.iter().map(|n| entry(&json!({ "user_id": n, "name": format!("é {n} 🎤") }))).collect();
    meeting(MeetingPatch { members: Some(members), ..MeetingPatch::default() })
}

/// The teacher's change of what clients share.
#[must_use]
pub fn meeting(patch: MeetingPatch) -> ClassCommand {
    ClassCommand::Meeting { caller: teacher(), patch, stage_max: STAGE }
}

/// An entry of the list.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn entry(value: &serde_json::Value) -> MeetingMember {
    MeetingMember::new(value.as_object().expect("an object").clone()).expect("with a user_id")
}

/// A kick through the class's own door.
#[must_use]
pub fn kick(who: &str, until: i64) -> ClassCommand {
    ClassCommand::Kick {
        caller: Some(teacher()),
        user: user(who),
        source: Source::Class,
        by: "teacher".into(),
        until: UnixMs(until),
    }
}

/// The teacher's deletion.
#[must_use]
pub fn delete() -> ClassCommand {
    ClassCommand::Delete { caller: teacher() }
}

/// Every field, the optional ones without and with a value, comes back as it was, also through a fresh connection.
pub async fn a_class_keeps_every_field(mut s: impl Subject) {
    let strange = "🎤用户é e\u{301} \u{202e}אב'\"\\%_\u{10ffff}\n\t\r\u{1}";
    let new = NewClass {
        title: strange.into(),
        notice: "好".repeat(1_365),
        teacher: user("🦀用户é e\u{301} \u{202e}אב"),
        teacher_nick: String::new(),
        extends: "{\"a\":\"\\u0000\"}".repeat(500),
        mode: ClassMode::Big,
        outside: Outside {
            group: Some("群组-1".into()),
            live_group: true,
            rong_cloud: true,
            board: Some(OutsideBoard { app_key: "a\"b".into(), cid: "151447923294121".into() }),
        },
        ..new_class(1, -5)
    };
    let caller = Caller::user(new.teacher.clone());
    let made = good(s.store().create_class(new.clone()).await);
    assert_eq!(*made, new.clone().into_class());
    s.reopen().await;
    let store = s.store();
    assert_eq!(look(&*store, made.id).await, made);
    assert_eq!(store.meeting(APP, made.meeting).await.unwrap(), Meeting::Class(made.clone()));
    let shared = MeetingPatch {
        members: Some(vec![
            entry(&json!({ "user_id": "ann", "x": { "y": [1.5, -3, null, true, "a\0b", 9_007_199_254_740_993_u64] } })),
            entry(&json!({ "user_id": "", "嘿": strange })),
            entry(&json!({ "user_id": "用户" })),
            entry(&json!({ "user_id": "a\"b\\" })),
        ]),
        all_mute: Some(false),
        interaction_allowed: None,
    };
    let patch = ClassPatch { title: Some("new".into()), notice: Some(String::new()), extends: Some(strange.into()) };
    let steps = [
        ClassCommand::SetStatus { caller: caller.clone(), to: ClassStatus::Running },
        ClassCommand::Meeting { caller: caller.clone(), patch: shared, stage_max: STAGE },
        ClassCommand::SetPermit { caller: caller.clone(), text: strange.into(), only: Some(user("é")) },
        ClassCommand::Update { caller: caller.clone(), patch },
        ClassCommand::SetStatus { caller: caller.clone(), to: ClassStatus::Idle },
    ];
    let mut last = made;
    for (now, step) in (10..).zip(steps) {
        last = done(&*store, last.id, step, now).await;
    }
    assert_eq!(last.stage.users(), [user("ann"), user("用户"), user("a\"b\\")]);
    assert_eq!((last.started, last.stopped, last.version), (Some(UnixMs(10)), None, 6));
    assert_eq!(last.board_title, strange);
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(look(&*store, last.id).await, last);
    let ended = ClassCommand::SetStatus { caller: caller.clone(), to: ClassStatus::Ended };
    done(&*store, last.id, ClassCommand::DropPermit { caller }, 20).await;
    let ended = done(&*store, last.id, ended, i64::MAX).await;
    assert_eq!((ended.stopped, ended.permit.as_ref(), ended.stage.on.len()), (Some(UnixMs::MAX), None, 0));
    drop(store);
    s.reopen().await;
    assert_eq!(look(&*s.store(), last.id).await, ended);
}

/// A row too.
pub async fn a_member_of_a_class_keeps_every_field(mut s: impl Subject) {
    let class = make_class(&*s.store(), 1, 10).await.id;
    let name = "名".repeat(256);
    let picture = "https://example.org/🦀?é=1".to_owned();
    let with = |avatar| ClassCommand::Join { user: user("用户é"), name: name.clone(), avatar, wish: None };
    done(&*s.store(), class, with(None), 20).await;
    assert_eq!(row(&*s.store(), class, "用户é").await.avatar, None);
    done(&*s.store(), class, with(Some(picture.clone())), 30).await;
    done(&*s.store(), class, connect("用户é"), 35).await;
    assert_eq!(run(&*s.store(), class, with(None), 40).await.outcome, ClassOutcome::Unchanged);
    let expected = ClassMember {
        class,
        user: user("用户é"),
        name,
        avatar: Some(picture),
        identity: ClassIdentity::Student,
        status: MemberStatus::Present,
        joined: UnixMs(20),
        asked: UnixMs(40),
        connected: true,
    };
    assert_eq!(row(&*s.store(), class, "用户é").await, expected);
    s.reopen().await;
    let store = s.store();
    assert_eq!(everybody(&*store, class).await, [expected]);
    assert_eq!(store.class_member(class, &user("用户e\u{301}")).await.unwrap(), None);
    assert_eq!(store.class_member(new_class(2, 0).id, &user("用户é")).await.unwrap(), None);
}

/// Free text with a NUL, should a caller let it through, is an error and not a half write.
pub async fn a_nul_in_a_text_of_a_class_is_refused_and_changes_nothing(s: impl Subject) {
    let store = s.store();
    let made = make_class(&*store, 1, 10).await;
    let bad = || "a\0b".to_owned();
    for new in [
        NewClass { title: bad(), ..new_class(2, 10) },
        NewClass { notice: bad(), ..new_class(2, 10) },
        NewClass { extends: bad(), ..new_class(2, 10) },
        NewClass { teacher_nick: bad(), ..new_class(2, 10) },
    ] {
        assert!(store.create_class(new).await.is_err());
    }
    let patch = ClassPatch { title: Some("new".into()), notice: Some(bad()), extends: None };
    let commands = [
        ClassCommand::Update { caller: teacher(), patch },
        permit(&bad(), None),
        ClassCommand::Join { user: user("bob"), name: bad(), avatar: None, wish: None },
        ClassCommand::Join { user: user("bob"), name: "bob".into(), avatar: Some(bad()), wish: None },
    ];
    for command in commands {
        assert!(store.apply_class(APP, made.id, command.clone(), UnixMs(20)).await.is_err(), "{command:?}");
    }
    assert_eq!(store.class(APP, new_class(2, 10).id).await.unwrap(), None);
    assert_eq!(look(&*store, made.id).await, made);
    assert!(everybody(&*store, made.id).await.is_empty());
    assert_eq!(done(&*store, made.id, join("bob", None), 30).await.version, 2);
}

/// Tenants do not see each other's classes, nor does a user see more of one by another's app.
pub async fn two_apps_share_no_classes(s: impl Subject) {
    let store = s.store();
    let other = AppId(9_007_199_254_740_991);
    let made = make_class(&*store, 1, 10).await;
    // One meeting in two apps is two.
    let theirs = NewClass { app: other, meeting: made.meeting, ..new_class(2, 20) };
    let theirs = good(store.create_class(theirs).await);
    assert_eq!(store.class(other, made.id).await.unwrap(), None);
    assert_eq!(store.class(APP, theirs.id).await.unwrap(), None);
    assert_eq!(store.class_view(other, made.id, &user("teacher")).await.unwrap(), None);
    assert!(store.apply_class(other, made.id, join("bob", None), UnixMs(5)).await.unwrap().is_none());
    assert_eq!(store.meeting(other, made.meeting).await.unwrap(), Meeting::Class(theirs.clone()));
    assert_eq!(store.meeting(APP, made.meeting).await.unwrap(), Meeting::Class(made.clone()));
    assert_eq!(store.meeting(AppId(7), made.meeting).await.unwrap(), Meeting::Unknown);
    run(&*store, made.id, delete(), 30).await;
    assert_eq!(store.meeting(APP, made.meeting).await.unwrap(), Meeting::Deleted);
    assert_eq!(store.meeting(other, made.meeting).await.unwrap(), Meeting::Class(theirs));
}

/// Each answer carries the class of its commit, and every way to read shows the same.
pub async fn what_a_class_command_answers_is_what_the_next_read_shows(s: impl Subject) {
    let store = s.store();
    let id = make_class(&*store, 1, 10).await.id;
    let rename = ClassPatch { title: Some("neu".into()), ..ClassPatch::default() };
    let bob = Caller::user(user("bob"));
    use ClassOutcome::{Done, NotAllowed, Refused, Unchanged};
    let commands = [
        (join("bob", None), Done, 2),
        (join("bob", None), Unchanged, 2),
        (connect("bob"), Done, 2),
        (assist("ann"), Refused(ClassRefusal::NoPermit), 2),
        (permit("[]", None), Done, 3),
        (assist("ann"), Done, 4),
        (assist("bob"), Refused(ClassRefusal::SlotTaken), 4),
        (ClassCommand::SetStatus { caller: bob, to: ClassStatus::Running }, NotAllowed, 4),
        (status(ClassStatus::Running), Done, 5),
        (status(ClassStatus::Running), Unchanged, 5),
        (ClassCommand::Update { caller: teacher(), patch: rename.clone() }, Done, 6),
        (ClassCommand::Update { caller: teacher(), patch: rename }, Unchanged, 6),
        (speakers(&["bob", "ann", "eve", "zoe"]), Done, 7),
        (kick("bob", 900), Done, 8),
        (join("bob", None), Refused(ClassRefusal::Banned), 8),
        (ClassCommand::Lift { caller: teacher(), user: user("bob") }, Done, 8),
        (join("bob", None), Done, 9),
        (ClassCommand::Depart { user: user("nobody") }, Unchanged, 9),
        (go("nobody", false), Refused(ClassRefusal::NotInClass), 9),
        (ClassCommand::DropPermit { caller: teacher() }, ClassOutcome::Unseated(user("ann")), 10),
    ];
    for (command, outcome, version) in commands {
        let applied = run(&*store, id, command.clone(), 100).await;
        assert_eq!((&applied.outcome, applied.class.version), (&outcome, version), "{command:?}");
        assert_eq!(look(&*store, id).await, applied.class);
        assert_eq!(store.meeting(APP, applied.class.meeting).await.unwrap(), Meeting::Class(applied.class.clone()));
        let view = store.class_view(APP, id, &user("bob")).await.unwrap().unwrap();
        assert_eq!(view.class, applied.class);
        assert_eq!(store.list_classes(APP, &user("bob"), 0, 10).await.unwrap(), [view]);
    }
    assert_eq!(row(&*store, id, "ann").await.status, MemberStatus::Left);
    // A connection that was noticed while she still was there is no return; one noticed afterwards is.
    run(&*store, id, ClassCommand::Connect { user: user("ann"), returns: false }, 100).await;
    assert_eq!(row(&*store, id, "ann").await.status, MemberStatus::Left);
    run(&*store, id, connect("ann"), 100).await;
    assert_eq!(row(&*store, id, "ann").await.status, MemberStatus::Present);
}

/// A freed slot's row is a student's when the next assistant comes; at no moment there are two.
pub async fn the_slot_goes_from_one_assistant_to_the_next(s: impl Subject) {
    let store = s.store();
    let id = make_class(&*store, 1, 10).await.id;
    done(&*store, id, permit("[\"MuteUser\"]", None), 20).await;
    // In both orders of their names, which may be the order in which rows are written.
    for (now, (from, to)) in (100..).step_by(10).zip([("bob", "ann"), ("ann", "bob"), ("bob", "zoe")]) {
        done(&*store, id, assist(from), now).await;
        done(&*store, id, go(from, false), now + 1).await;
        let view = store.class_view(APP, id, &user("x")).await.unwrap().unwrap();
        assert_eq!(view.assistant, Some(row(&*store, id, from).await), "who left keeps the slot until it is taken");
        done(&*store, id, assist(to), now + 2).await;
        let was = row(&*store, id, from).await;
        assert_eq!((was.identity, was.status), (ClassIdentity::Student, MemberStatus::Left));
        let view = store.class_view(APP, id, &user("x")).await.unwrap().unwrap();
        assert_eq!(view.assistant, Some(row(&*store, id, to).await));
        let slot = MemberFilter { identity: Some(ClassIdentity::Assistant), status: None };
        assert_eq!(store.class_members(id, slot, 0, 10).await.unwrap().0, 1);
        done(&*store, id, go(to, false), now + 3).await;
    }
}

/// The leave of a page that is reloaded arrives late: the user stays, an assistant keeps the slot.
pub async fn a_late_leave_of_a_reloaded_page_changes_nothing(mut s: impl Subject) {
    let id = make_class(&*s.store(), 1, 10).await.id;
    done(&*s.store(), id, permit("[]", None), 20).await;
    done(&*s.store(), id, assist("ann"), 1_000).await;
    done(&*s.store(), id, connect("ann"), 1_100).await;
    assert_eq!(run(&*s.store(), id, join("ann", None), 30_000).await.outcome, ClassOutcome::Unchanged);
    for (online, now) in [(false, 30_001), (true, 50_000), (false, 39_999)] {
        let late = run(&*s.store(), id, go("ann", online), now).await;
        assert_eq!(late.outcome, ClassOutcome::Pending(UnixMs(30_000)));
        let stays = row(&*s.store(), id, "ann").await;
        assert_eq!((stays.status, stays.identity), (MemberStatus::Present, ClassIdentity::Assistant));
        assert_eq!((stays.joined, stays.asked), (UnixMs(1_000), UnixMs(30_000)));
        s.reopen().await;
    }
    done(&*s.store(), id, go("ann", false), 40_000).await;
    assert_eq!(row(&*s.store(), id, "ann").await.status, MemberStatus::Left);
    done(&*s.store(), id, assist("ann"), 45_000).await;
    assert_eq!(row(&*s.store(), id, "ann").await.joined, UnixMs(45_000));
    // Whoever never connected leaves at once.
    done(&*s.store(), id, join("bob", None), 50_000).await;
    let open = run(&*s.store(), id, go("bob", true), 50_000).await;
    assert_eq!(open.outcome, ClassOutcome::Pending(UnixMs(50_000)), "a connection that the row does not know of yet");
    done(&*s.store(), id, go("bob", false), 50_000).await;
}

/// One user's rows, the slot, the group: everything an answer needs, the same alone and in a list.
pub async fn a_view_shows_what_is_stored_about_one_user(mut s: impl Subject) {
    let store = s.store();
    let first = make_class(&*store, 1, 10).await;
    let other = make_class(&*store, 2, 5).await;
    for class in [first.id, other.id] {
        let view = store.class_view(APP, class, &user("bob")).await.unwrap().unwrap();
        let class = look(&*store, class).await;
        let (group, muted_until) = (GroupFacts::default(), UnixMs(0));
        assert_eq!(view, ClassView { class, assistant: None, group, row: None, sanction: None, muted_until });
    }
    done(&*store, first.id, permit("[]", None), 20).await;
    done(&*store, first.id, assist("ann"), 30).await;
    done(&*store, first.id, join("bob", None), 40).await;
    done(&*store, other.id, join("eve", None), 40).await;
    done(&*store, first.id, kick("bob", 9_000), 5_999).await;
    let group = GroupKey::class(APP, first.id);
    assert!(store.mute_group(&group, true).await.unwrap());
    store.mute_in_group(&group, &[user("bob")], UnixMs::MAX).await.unwrap();
    store.like_group(&group, u32::MAX).await.unwrap();
    assert_eq!(store.like_group(&group, 3).await.unwrap(), u64::from(u32::MAX) + 3);
    for who in ["bob", "ann", "bob"] {
        store.visit_group(&group, &user(who), "").await.unwrap();
    }
    drop(store);
    s.reopen().await;
    let store = s.store();
    let view = store.class_view(APP, first.id, &user("bob")).await.unwrap().unwrap();
    assert_eq!(view.class, look(&*store, first.id).await);
    assert_eq!(view.assistant, Some(row(&*store, first.id, "ann").await));
    assert_eq!(view.group, GroupFacts { mute_all: true, likes: u64::from(u32::MAX) + 3, pv: 3, uv: 2 });
    assert_eq!(view.row.as_ref().unwrap().status, MemberStatus::Kicked);
    let ban = store.sanction(&first.channel(), &user("bob")).await.unwrap().unwrap();
    assert_eq!((ban.until, ban.not_before_secs, ban.source), (UnixMs(9_000), 6, Source::Class));
    assert_eq!(view.sanction, Some(ban));
    assert_eq!(view.muted_until, UnixMs::MAX);
    let eve = store.class_view(APP, first.id, &user("eve")).await.unwrap().unwrap();
    assert_eq!((eve.row, eve.sanction, eve.muted_until), (None, None, UnixMs(0)));
    let theirs = store.class_view(APP, other.id, &user("bob")).await.unwrap().unwrap();
    assert_eq!((theirs.row.as_ref(), theirs.sanction.as_ref(), theirs.group), (None, None, GroupFacts::default()));
    assert_eq!(store.list_classes(APP, &user("bob"), 0, 10).await.unwrap(), [view, theirs]);
}
