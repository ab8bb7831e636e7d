//! Classes as a whole: use-cases over a world in memory. Names begin with the row of classroom.md 9 or talk.md 9.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use stoa_core::caller::Caller;
use stoa_core::channel::IdentityType;
use stoa_core::class::{
    ClassIdentity, ClassPatch, ClassRefusal, ClassStatus, Joined, Leaving, MeetingInfo, MeetingMember, MeetingPatch,
    MemberFilter, MemberStatus, Role,
};
use stoa_core::id::{ChannelKey, ClassId};
use stoa_core::media::{LeftReason, Refused};
use stoa_core::talk::{ChannelKind, ChannelStatus, IdentityWish, Page};
use stoa_core::time::UnixMs;
use stoa_core::{Error, Kind};
use stoa_testkit::{Bench, bench, ours, user};

const TEN: Duration = Duration::from_secs(10);

fn by(name: &str) -> Caller {
    Caller::user(user(name))
}

fn kind<T>(r: Result<T, Error>) -> Kind {
    r.err().unwrap().kind().clone()
}

async fn status(b: &Bench, class: ClassId, name: &str) -> Option<(MemberStatus, ClassIdentity)> {
    let row = b.world.store.class_member(class, &user(name)).await.unwrap();
    row.map(|r| (r.status, r.identity))
}

fn members(names: &[&str]) -> MeetingPatch {
    let entry = |n: &&str| serde_json::json!({ "user_id": n }).as_object().unwrap().clone();
    let members = names.iter().map(|n| MeetingMember::new(entry(n)).unwrap()).collect();
    MeetingPatch { members: Some(members), ..MeetingPatch::default() }
}

async fn stage(b: &Bench, class: ClassId, names: &[&str]) -> MeetingInfo {
    b.classes.update_meeting(&by("teacher1"), Some(class), members(names)).await.unwrap()
}

async fn run(b: &Bench, class: ClassId, to: ClassStatus) {
    b.classes.set_status(&by("teacher1"), Some(class), &user("teacher1"), to).await.unwrap();
}

async fn talk_status(b: &Bench, channel: &ChannelKey) -> ChannelStatus {
    b.talk.status(channel).await.unwrap()
}

#[tokio::test]
async fn j01_j02_j06_j07_joins_make_one_row_and_keep_its_beginning() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    assert_eq!(b.join_class(class.id, "stu01", None).await, Joined::Done);
    let first = b.world.store.class_member(class.id, &user("stu01")).await.unwrap().unwrap();
    b.clock.forward(TEN);
    assert_eq!(b.join_class(class.id, "stu01", Some(ClassIdentity::Teacher)).await, Joined::Done);
    let again = b.world.store.class_member(class.id, &user("stu01")).await.unwrap().unwrap();
    assert_eq!((again.joined, again.identity), (first.joined, ClassIdentity::Student));
    for wish in [None, Some(ClassIdentity::Student), Some(ClassIdentity::Assistant)] {
        assert_eq!(b.join_class(class.id, "teacher1", wish).await, Joined::Done);
        assert_eq!(status(&b, class.id, "teacher1").await, Some((MemberStatus::Present, ClassIdentity::Teacher)));
    }
    let (total, rows) = b.classes.members(&by("stu01"), Some(class.id), MemberFilter::default(), 0, 10).await.unwrap();
    assert_eq!((total, rows[0].user.as_str(), rows[1].user.as_str()), (2, "teacher1", "stu01"));
    assert_eq!(b.join_class(ClassId([0; 16]), "stu01", None).await, Joined::NoClass);
}

#[tokio::test]
async fn j11_to_j18_the_slot_belongs_to_one_with_a_permit() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    let assist = |n: &'static str| b.join_class(class.id, n, Some(ClassIdentity::Assistant));
    assert_eq!(assist("asst1").await, Joined::Refused(ClassRefusal::NoPermit));
    assert_eq!(status(&b, class.id, "asst1").await, None);
    b.classes.set_permit(&by("teacher1"), Some(class.id), "[]".into(), None).await.unwrap();
    assert_eq!(assist("asst1").await, Joined::Done);
    assert_eq!(assist("asst1").await, Joined::Done);
    assert_eq!(assist("asst2").await, Joined::Refused(ClassRefusal::SlotTaken));
    b.classes.leave(&by("asst1"), Some(class.id), &user("asst1")).await.unwrap();
    assert_eq!(assist("asst2").await, Joined::Done);
    assert_eq!(status(&b, class.id, "asst1").await, Some((MemberStatus::Left, ClassIdentity::Student)));
    b.classes.set_permit(&by("teacher1"), Some(class.id), "[]".into(), Some(user("asst1"))).await.unwrap();
    assert_eq!(status(&b, class.id, "asst2").await, Some((MemberStatus::Left, ClassIdentity::Student)), "put out");
    assert_eq!(assist("asst2").await, Joined::Refused(ClassRefusal::NoPermit));
    assert_eq!(assist("asst1").await, Joined::Done);
}

#[tokio::test]
async fn v01_v03_an_http_only_member_leaves_at_once_and_v11_never_by_itself() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    b.join_class(class.id, "stu01", None).await;
    b.join_class(class.id, "stu02", None).await;
    let leave = async || b.classes.leave(&by("stu01"), Some(class.id), &user("stu01")).await;
    assert_eq!(leave().await.unwrap(), Leaving::Done);
    assert_eq!(status(&b, class.id, "stu01").await.unwrap().0, MemberStatus::Left);
    assert_eq!(leave().await.unwrap(), Leaving::NotInClass);
    b.pass(Duration::from_secs(600)).await;
    assert_eq!(status(&b, class.id, "stu02").await.unwrap().0, MemberStatus::Present);
}

#[tokio::test]
async fn v05_v08_v10_connections_decide_who_is_in_class() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    let channel = class.channel();
    b.join_class(class.id, "stu01", None).await;
    let sid = b.enter(&channel, "stu01", &ours("2", 0)).await.unwrap();
    b.pass(Duration::from_secs(60)).await;
    // The page reloads: the new one joins before the old one's goodbye arrives.
    b.join_class(class.id, "stu01", None).await;
    let goodbye = b.classes.leave(&by("stu01"), Some(class.id), &user("stu01")).await.unwrap();
    assert_eq!(goodbye, Leaving::Done);
    b.leave(&channel, &sid, LeftReason::ClientInitiated, None).await;
    b.pass(Duration::from_secs(2)).await;
    let sid = b.enter(&channel, "stu01", &ours("2", 0)).await.unwrap();
    b.pass(Duration::from_secs(30)).await;
    assert_eq!(status(&b, class.id, "stu01").await.unwrap().0, MemberStatus::Present);
    b.leave(&channel, &sid, LeftReason::SignalClose, None).await;
    b.pass(Duration::from_secs(9)).await;
    assert_eq!(status(&b, class.id, "stu01").await.unwrap().0, MemberStatus::Present);
    b.pass(Duration::from_secs(1)).await;
    assert_eq!(status(&b, class.id, "stu01").await.unwrap().0, MemberStatus::Left);
    b.enter(&channel, "stu01", &ours("2", 0)).await.unwrap();
    assert_eq!(status(&b, class.id, "stu01").await.unwrap().0, MemberStatus::Present, "back without joinClass");
}

#[tokio::test]
async fn p02_members_have_a_minute_to_come_back_after_a_restart() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    for name in ["stu01", "stu02"] {
        b.join_class(class.id, name, None).await;
        b.enter(&class.channel(), name, &ours("2", 0)).await.unwrap();
    }
    let b = Bench::over(b.store.clone(), b.clock.clone()).await;
    b.director.restore().await.unwrap();
    b.pass(Duration::from_secs(30)).await;
    b.enter(&class.channel(), "stu01", &ours("2", 0)).await.unwrap();
    b.pass(Duration::from_secs(30)).await;
    assert_eq!(status(&b, class.id, "stu01").await.unwrap().0, MemberStatus::Present);
    assert_eq!(status(&b, class.id, "stu02").await.unwrap().0, MemberStatus::Left);
}

#[tokio::test]
async fn s01_to_s07_starting_pausing_and_stopping_move_their_own_times_only() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    let now = || async { b.world.store.class(class.app, class.id).await.unwrap().unwrap() };
    run(&b, class.id, ClassStatus::Running).await;
    let started = now().await.started;
    b.clock.forward(TEN);
    run(&b, class.id, ClassStatus::Running).await;
    assert_eq!(now().await.started, started);
    run(&b, class.id, ClassStatus::Idle).await;
    assert_eq!((now().await.status, now().await.started), (ClassStatus::Idle, started));
    run(&b, class.id, ClassStatus::Ended).await;
    let stopped = now().await.stopped;
    b.clock.forward(TEN);
    run(&b, class.id, ClassStatus::Ended).await;
    assert_eq!(now().await.stopped, stopped);
    run(&b, class.id, ClassStatus::Running).await;
    assert!(now().await.started > started && now().await.stopped == stopped);
    let by_student = b.classes.set_status(&by("stu01"), Some(class.id), &user("stu01"), ClassStatus::Ended).await;
    assert_eq!(kind(by_student), Kind::Forbidden);
}

#[tokio::test]
async fn l11_the_channel_lives_while_the_class_runs_or_people_linger() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    let channel = class.channel();
    assert_eq!(talk_status(&b, &channel).await, ChannelStatus::Absent);
    run(&b, class.id, ClassStatus::Running).await;
    assert_eq!(talk_status(&b, &channel).await, ChannelStatus::Idle);
    assert_eq!(b.talk.detail(&channel, Page { start: 0, limit: 1 }).await.unwrap().kind, ChannelKind::Class);
    let listed = b.talk.channels(class.app, None).await.unwrap().rows;
    assert_eq!(listed, [(channel.name.clone(), 0)]);
    run(&b, class.id, ClassStatus::Idle).await;
    assert_eq!(talk_status(&b, &channel).await, ChannelStatus::Idle);
    b.pass(Duration::from_secs(60)).await;
    assert_eq!(talk_status(&b, &channel).await, ChannelStatus::Absent);
    let sid = b.enter(&channel, "teacher1", &ours("5", 0)).await.unwrap();
    assert_eq!(talk_status(&b, &channel).await, ChannelStatus::Busy);
    b.leave(&channel, &sid, LeftReason::ClientInitiated, None).await;
    b.pass(Duration::from_secs(60)).await;
    assert_eq!(talk_status(&b, &channel).await, ChannelStatus::Absent);
    run(&b, class.id, ClassStatus::Ended).await;
    assert_eq!(talk_status(&b, &channel).await, ChannelStatus::Absent);
    assert_eq!(b.admit(&channel, "teacher1", &ours("5", 0)).await, Err(Refused::NoSuchChannel));
}

#[tokio::test]
async fn the_stage_decides_who_publishes_and_a_kick_takes_everything() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    let channel = class.channel();
    for name in ["teacher1", "stu01", "stu02"] {
        b.join_class(class.id, name, None).await;
        b.enter(&channel, name, &ours("2", 0)).await.unwrap();
    }
    let may = |n: &'static str| {
        let (b, channel) = (&b, &channel);
        async move { b.media.participants_publish(channel, n) }
    };
    assert!(may("teacher1").await && !may("stu01").await);
    stage(&b, class.id, &["teacher1", "stu01"]).await;
    assert!(may("stu01").await && !may("stu02").await);
    stage(&b, class.id, &["teacher1", "stu01", "stu02"]).await;
    stage(&b, class.id, &["teacher1", "stu02"]).await;
    assert!(!may("stu01").await && may("stu02").await);
    b.classes.kick(&by("teacher1"), Some(class.id), &user("stu02"), None).await.unwrap();
    assert_eq!(status(&b, class.id, "stu02").await.unwrap().0, MemberStatus::Kicked);
    let info = b.classes.meeting_info(&by("teacher1"), Some(class.id)).await.unwrap();
    assert_eq!(info.users(), [user("teacher1")], "K12");
    assert_eq!(b.join_class(class.id, "stu02", None).await, Joined::Refused(ClassRefusal::Banned));
    assert!(matches!(b.admit(&channel, "stu02", &ours("2", i64::MAX)).await, Err(Refused::Banned(_))));
    b.classes.cancel_kick(&by("teacher1"), Some(class.id), &user("stu02")).await.unwrap();
    b.classes.cancel_kick(&by("teacher1"), Some(class.id), &user("stu02")).await.unwrap();
    assert_eq!(b.join_class(class.id, "stu02", None).await, Joined::Done);
    for target in ["teacher1", "stu01"] {
        let by_student = b.classes.kick(&by("stu01"), Some(class.id), &user(target), None).await;
        assert_eq!(kind(by_student), Kind::Forbidden, "K14");
    }
    let teacher = b.classes.kick(&by("teacher1"), Some(class.id), &user("teacher1"), None).await;
    assert_eq!(kind(teacher), Kind::Forbidden, "K08");
}

#[tokio::test]
async fn a_student_who_left_the_stage_with_the_class_comes_back_with_the_next_list() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    b.join_class(class.id, "stu01", None).await;
    stage(&b, class.id, &["teacher1", "stu01"]).await;
    b.classes.leave(&by("stu01"), Some(class.id), &user("stu01")).await.unwrap();
    b.join_class(class.id, "stu01", None).await;
    let on = async || b.world.store.class(class.app, class.id).await.unwrap().unwrap().stage.users();
    assert!(on().await.is_empty());
    stage(&b, class.id, &["teacher1", "stu01"]).await;
    assert_eq!(on().await, [user("stu01")]);
}

#[tokio::test]
async fn all_mute_of_the_meeting_is_the_switch_for_all() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    stage(&b, class.id, &["teacher1", "stu01"]).await;
    let muted = async |name| {
        let class = b.world.store.class(class.app, class.id).await.unwrap().unwrap();
        class.stage.muted(&user(name)).audio
    };
    let say = async |members: Option<MeetingPatch>, all_mute| {
        let patch = MeetingPatch { all_mute: Some(all_mute), ..members.unwrap_or_default() };
        b.classes.update_meeting(&by("teacher1"), Some(class.id), patch).await.unwrap();
    };
    say(None, true).await;
    assert!(muted("stu01").await);
    stage(&b, class.id, &["teacher1", "stu01", "stu02"]).await;
    assert!(muted("stu02").await, "also who comes later");
    // As the official client's teacher begins: the list is empty and nobody is muted.
    say(Some(members(&[])), false).await;
    stage(&b, class.id, &["teacher1", "stu01"]).await;
    assert!(!muted("stu01").await);
}

#[tokio::test]
async fn r28_the_stage_has_an_end() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    let names: Vec<String> = (0..12).map(|n| format!("s{n}")).collect();
    let names: Vec<&str> = std::iter::once("teacher1").chain(names.iter().map(String::as_str)).collect();
    assert_eq!(stage(&b, class.id, &names).await.members.len(), 13);
    let class = b.world.store.class(class.app, class.id).await.unwrap().unwrap();
    assert_eq!(class.stage.on.len(), 9);
    assert!(
        class.stage.holds(&user("s0"), UnixMs(0))
            && !class.stage.holds(&user("s9"), UnixMs(0))
            && !class.stage.holds(&user("teacher1"), UnixMs(0))
    );
}

#[tokio::test]
async fn k29_k32_a_talk_kick_reaches_the_class_and_is_lifted_there() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    let channel = class.channel();
    run(&b, class.id, ClassStatus::Running).await;
    b.join_class(class.id, "stu01", None).await;
    b.join_class(class.id, "teacher1", None).await;
    b.talk.kick(&channel, &user("stu01"), Duration::from_secs(60), "admin").await.unwrap();
    assert_eq!(status(&b, class.id, "stu01").await, Some((MemberStatus::Kicked, ClassIdentity::Student)));
    assert_eq!(b.join_class(class.id, "stu01", None).await, Joined::Refused(ClassRefusal::Banned));
    assert!(b.talk.lift_ban(&channel, &user("stu01")).await.unwrap());
    assert_eq!(b.join_class(class.id, "stu01", None).await, Joined::Done);
    b.talk.kick(&channel, &user("stu01"), Duration::ZERO, "admin").await.unwrap();
    assert_eq!(status(&b, class.id, "stu01").await.unwrap().0, MemberStatus::Kicked, "K30");
    assert_eq!(b.join_class(class.id, "stu01", None).await, Joined::Done);
    b.talk.kick(&channel, &user("teacher1"), Duration::ZERO, "admin").await.unwrap();
    assert_eq!(status(&b, class.id, "teacher1").await, Some((MemberStatus::Kicked, ClassIdentity::Teacher)), "K32");
    let now = b.world.store.class(class.app, class.id).await.unwrap().unwrap();
    assert_eq!(now.status, ClassStatus::Running);
}

#[tokio::test]
async fn i22_an_identity_set_by_talk_takes_a_student_off_stage_and_list() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    run(&b, class.id, ClassStatus::Running).await;
    b.join_class(class.id, "stu01", None).await;
    b.enter(&class.channel(), "stu01", &ours("2", 0)).await.unwrap();
    stage(&b, class.id, &["teacher1", "stu01"]).await;
    assert!(b.media.participants_publish(&class.channel(), "stu01"));
    let (channel, student) = (class.channel(), user("stu01"));
    let to = IdentityType::Listener;
    let wish = IdentityWish { channel: &channel, user: &student, to, request: None, by: "admin" };
    b.talk.set_identity(wish).await.unwrap();
    assert!(!b.media.participants_publish(&class.channel(), "stu01"));
    let info = b.classes.meeting_info(&by("teacher1"), Some(class.id)).await.unwrap();
    assert_eq!(info.users(), [user("teacher1")]);
    assert_eq!(status(&b, class.id, "stu01").await, Some((MemberStatus::Present, ClassIdentity::Student)));
    stage(&b, class.id, &["teacher1", "stu01"]).await;
    let now = b.world.store.class(class.app, class.id).await.unwrap().unwrap();
    assert!(now.stage.on.is_empty() && now.info.users().contains(&user("stu01")), "stored as sent, not on stage");
}

#[tokio::test]
async fn x10_dismissing_a_class_stops_it() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    run(&b, class.id, ClassStatus::Running).await;
    b.join_class(class.id, "stu01", None).await;
    b.enter(&class.channel(), "stu01", &ours("2", 0)).await.unwrap();
    assert_eq!(b.talk.dismiss(&class.channel(), "admin").await.unwrap(), 1);
    let now = b.world.store.class(class.app, class.id).await.unwrap().unwrap();
    assert_eq!(now.status, ClassStatus::Ended);
    assert_eq!(kind(b.talk.dismiss(&class.channel(), "admin").await), Kind::NotFound);
    let mic = b.talk.set_mic(&class.channel(), &user("stu01"), true, "admin").await;
    assert_eq!(kind(mic), Kind::NotFound);
}

#[tokio::test]
async fn dl3_a_deleted_class_leaves_nothing_and_its_channel_opens_nothing() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    b.join_class(class.id, "stu01", None).await;
    b.enter(&class.channel(), "stu01", &ours("2", 0)).await.unwrap();
    let delete = async |n: &str| b.classes.delete(&by(n), Some(class.id), &user("teacher1")).await;
    assert_eq!(kind(delete("stu01").await), Kind::NotYou);
    assert_eq!(delete("teacher1").await.unwrap().class.title, "Algebra 1");
    assert_eq!(kind(delete("teacher1").await), Kind::NotFound);
    assert_eq!(status(&b, class.id, "stu01").await, None);
    assert_eq!(b.admit(&class.channel(), "stu01", &ours("2", 0)).await, Err(Refused::NoSuchChannel));
}

#[tokio::test]
async fn up5_an_assistant_changes_what_its_permit_says_and_nothing_else() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    b.classes.set_permit(&by("teacher1"), Some(class.id), r#"["EditAnnouncement"]"#.into(), None).await.unwrap();
    b.join_class(class.id, "asst1", Some(ClassIdentity::Assistant)).await;
    let patch = |title: Option<&str>, notice: Option<&str>| {
        let patch =
            ClassPatch { title: title.map(str::to_owned), notice: notice.map(str::to_owned), ..ClassPatch::default() };
        let (b, id) = (&b, class.id);
        async move { b.classes.update(&by("asst1"), Some(id), &user("asst1"), patch).await }
    };
    assert_eq!(patch(None, Some("n")).await.unwrap().class.notice, "n");
    assert_eq!(kind(patch(Some("other"), None).await), Kind::Forbidden);
    assert_eq!(kind(patch(Some("other"), Some("m")).await), Kind::Forbidden);
    assert_eq!(patch(Some("Algebra 1"), Some("m")).await.unwrap().class.notice, "m", "the title would not change");
    b.classes.set_permit(&by("teacher1"), Some(class.id), "[]".into(), None).await.unwrap();
    assert_eq!(kind(patch(None, Some("x")).await), Kind::Forbidden, "A06");
}

#[tokio::test]
async fn roles_are_the_columns_of_2_9() {
    let b = bench().await;
    let class = b.make_class("teacher1").await;
    b.join_class(class.id, "stu01", None).await;
    b.join_class(class.id, "gone", None).await;
    b.classes.leave(&by("gone"), Some(class.id), &user("gone")).await.unwrap();
    b.classes.kick(&by("teacher1"), Some(class.id), &user("bad"), None).await.unwrap();
    let now = b.clock.now_wall();
    for (name, role) in [
        ("teacher1", Role::Teacher),
        ("stu01", Role::Student),
        ("gone", Role::Left),
        ("bad", Role::Banned),
        ("other1", Role::Other),
    ] {
        let view = b.world.store.class_view(class.app, class.id, &user(name)).await.unwrap().unwrap();
        assert_eq!(view.role(&by(name), now), role, "{name}");
        assert_eq!(view.role(&Caller { admin: true, ..by(name) }, now), Role::Admin);
    }
}
