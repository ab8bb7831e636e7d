//! Adhoc channels and what was decided about users in channels of both kinds.

use std::sync::Arc;

use stoa_core::channel::{ChannelRecord, IdentityType, Member, MemberApplied, MemberCommand, MemberOutcome};
use stoa_core::id::{AppId, ChannelKey, ChannelName, RoomId};
use stoa_core::ports::Store;
use stoa_core::sanction::{Sanction, Source};
use stoa_core::time::UnixMs;
use stoa_core::voice::{Applied, Command, Outcome};
use tokio::task::JoinSet;

use crate::{APP, Subject, apply, dismiss, good, leave, make_room, new_room, read, seat, take, user};

/// A channel of the test's app.
#[must_use]
pub fn channel(name: &str) -> ChannelKey {
    channel_of(APP, name)
}

/// A channel of any app.
#[must_use]
pub fn channel_of(app: AppId, name: &str) -> ChannelKey {
    ChannelKey { app, name: ChannelName::new(name).expect("a valid name") }
}

/// An identity change.
#[must_use]
pub fn identity(to: IdentityType, request: Option<i64>) -> MemberCommand {
    MemberCommand::SetIdentity { to, request }
}

fn mute(audio: Option<i64>, video: Option<i64>) -> MemberCommand {
    MemberCommand::Mute { audio: audio.map(UnixMs), video: video.map(UnixMs) }
}

async fn open(store: &dyn Store, name: &str, now: i64) -> ChannelRecord {
    let fresh = ChannelRecord::new(channel(name), UnixMs(now));
    let (record, new) = good(store.open_channel(fresh.clone()).await);
    assert!(new);
    assert_eq!(record, fresh);
    record
}

async fn decide(store: &dyn Store, key: &ChannelKey, who: &str, command: MemberCommand, now: i64) -> MemberApplied {
    good(store.apply_member(key, &user(who), command, UnixMs(now)).await).expect("the channel exists")
}

async fn version(store: &dyn Store, key: &ChannelKey) -> u64 {
    good(store.channel(key).await).expect("the channel exists").version
}

fn ban(key: &ChannelKey, who: &str, created: i64, until: UnixMs) -> Sanction {
    Sanction {
        channel: key.clone(),
        user: user(who),
        source: Source::Talk,
        by: "ops".into(),
        created: UnixMs(created),
        until,
        not_before_secs: created / 1000 + 1,
    }
}

/// A record is made once, is found again after reopening, ends once, and is then a new one.
pub async fn an_adhoc_channel_begins_once_lasts_and_ends_once(mut s: impl Subject) {
    let store = s.store();
    let key = channel("raid-7 中文");
    assert_eq!(store.channel(&key).await.unwrap(), None);
    assert!(!store.end_channel(&key).await.unwrap());
    let first = open(&*store, "raid-7 中文", 10).await;
    assert_eq!(store.channel(&key).await.unwrap().as_ref(), Some(&first));
    let late = ChannelRecord::new(key.clone(), UnixMs(99));
    assert_eq!(store.open_channel(late.clone()).await.unwrap(), (first.clone(), false));
    let elsewhere = channel_of(AppId(2), "raid-7 中文");
    assert_eq!(store.channel(&elsewhere).await.unwrap(), None);
    assert!(store.open_channel(ChannelRecord::new(elsewhere.clone(), UnixMs(11))).await.unwrap().1);
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(store.channel(&key).await.unwrap().as_ref(), Some(&first));
    let mut all = store.all_channels().await.unwrap();
    all.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(all, [ChannelRecord::new(elsewhere.clone(), UnixMs(11)), first]);
    assert!(store.end_channel(&key).await.unwrap());
    assert!(!store.end_channel(&key).await.unwrap());
    assert_eq!(store.channel(&key).await.unwrap(), None);
    assert!(store.channel(&elsewhere).await.unwrap().is_some());
    assert_eq!(store.open_channel(late.clone()).await.unwrap(), (late, true));
}

/// Of 64 at once one makes the record, and all learn the same one; at the end of it likewise.
pub async fn opening_at_once_makes_one_record(s: impl Subject) {
    for round in 0..10 {
        let key = channel(&format!("raid {round}"));
        let mut tasks = JoinSet::new();
        for n in 0..64 {
            let (store, key) = (s.store(), key.clone());
            tasks.spawn(async move { good(store.open_channel(ChannelRecord::new(key, UnixMs(n))).await) });
        }
        let answers = tasks.join_all().await;
        let made: Vec<_> = answers.iter().filter(|(_, new)| *new).map(|(record, _)| record.clone()).collect();
        assert_eq!(made.len(), 1, "{made:?}");
        assert!(answers.iter().all(|(record, _)| *record == made[0]));
        assert_eq!(good(s.store().channel(&key).await).as_ref(), made.first());
        let mut tasks = JoinSet::new();
        for _ in 0..16 {
            let (store, key) = (s.store(), key.clone());
            tasks.spawn(async move { good(store.end_channel(&key).await) });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|ended| *ended).count(), 1);
    }
}

/// In a channel that is not there nothing is decided, and nothing is kept for a later one.
pub async fn nothing_is_decided_about_users_of_a_channel_that_does_not_exist(s: impl Subject) {
    let store = s.store();
    let command = identity(IdentityType::Listener, Some(7));
    let unknown = [channel("nowhere"), ChannelKey::of_room(APP, new_room(1, 10).id)];
    for key in &unknown {
        assert!(store.apply_member(key, &user("bob"), command.clone(), UnixMs(5)).await.unwrap().is_none());
        assert_eq!(store.member(key, &user("bob")).await.unwrap(), None);
    }
    let room = make_room(&*store, 1, 10).await;
    let foreign = ChannelKey::of_room(AppId(2), room.id);
    assert!(store.apply_member(&foreign, &user("bob"), command.clone(), UnixMs(5)).await.unwrap().is_none());
    apply(&*store, room.id, dismiss(), 20).await;
    assert!(store.apply_member(&unknown[1], &user("bob"), command, UnixMs(5)).await.unwrap().is_none());
    open(&*store, "nowhere", 30).await;
    assert!(store.members(&unknown[0]).await.unwrap().is_empty());
    assert!(store.members(&unknown[1]).await.unwrap().is_empty());
}

/// Every field is kept, the answer is what the next read shows, and only what changes a right moves the version.
pub async fn what_is_decided_about_a_member_is_kept(mut s: impl Subject) {
    let store = s.store();
    let key = open(&*store, "raid", 10).await.key;
    let commands = [
        (identity(IdentityType::OnDemand, Some(i64::MAX - 1)), 2),
        (MemberCommand::SetMic { granted: true }, 3),
        (MemberCommand::SetMic { granted: true }, 3),
        (mute(Some(UnixMs::MAX.0), None), 4),
        (mute(None, Some(5000)), 5),
        (identity(IdentityType::OnDemand, Some(3)), 5),
        (identity(IdentityType::Host, Some(i64::MAX)), 6),
        (identity(IdentityType::Host, Some(i64::MAX)), 6),
    ];
    let mut last = Member::blank(key.clone(), user("bob"));
    for (now, (command, expected)) in (100i64..).zip(commands) {
        let done = decide(&*store, &key, "bob", command.clone(), now).await;
        assert_eq!(done.before, last, "{command:?}");
        assert_eq!(version(&*store, &key).await, expected, "{command:?}");
        assert_eq!(store.member(&key, &user("bob")).await.unwrap().as_ref(), Some(&done.after), "{command:?}");
        last = done.after;
    }
    let wanted = Member {
        identity: Some(IdentityType::Host),
        last_request: Some(i64::MAX),
        mic_grant: true,
        mute_audio_until: UnixMs::MAX,
        mute_video_until: UnixMs(5000),
        updated: UnixMs(106),
        ..Member::blank(key.clone(), user("bob"))
    };
    assert_eq!(last, wanted);
    for who in ["eve", "Zoe", "用户一"] {
        decide(&*store, &key, who, identity(IdentityType::Guest, Some(-5)), 200).await;
    }
    drop(store);
    s.reopen().await;
    let store = s.store();
    let members = store.members(&key).await.unwrap();
    let names: Vec<_> = members.iter().map(|m| m.user.as_str()).collect();
    assert_eq!(names, ["Zoe", "bob", "eve", "用户一"]);
    assert_eq!(members[1], wanted);
    assert_eq!(members[2].last_request, Some(-5));
    assert_eq!(store.member(&key, &user("bob")).await.unwrap(), Some(wanted));
    assert_eq!(store.member(&key, &user("nobody")).await.unwrap(), None);
    assert_eq!(store.member(&channel_of(AppId(2), "raid"), &user("bob")).await.unwrap(), None);
    assert_eq!(version(&*store, &key).await, 9);
    assert!(store.end_channel(&key).await.unwrap());
    open(&*store, "raid", 300).await;
    assert!(store.members(&key).await.unwrap().is_empty(), "a later channel of the name is a new one");
    assert_eq!(store.member(&key, &user("eve")).await.unwrap(), None);
}

/// In a room the seat goes with the right, in one commit, and who may only listen does not sit down.
pub async fn a_demotion_in_a_room_frees_the_seat_and_refuses_the_next(mut s: impl Subject) {
    let store = s.store();
    let room = make_room(&*store, 1, 10).await;
    let key = room.channel();
    apply(&*store, room.id, take("bob", Some(3)), 20).await;
    apply(&*store, room.id, take("eve", Some(4)), 20).await;
    let done = decide(&*store, &key, "bob", identity(IdentityType::Listener, Some(1)), 30).await;
    let MemberOutcome::Done { rights: true, freed } = &done.outcome else { panic!("{:?}", done.outcome) };
    assert_eq!((freed.len(), freed[0].index, &freed[0].holder), (1, seat(3), &user("bob")));
    let after = read(&*store, room.id).await;
    assert_eq!((after.version, after.holders().count()), (4, 1));
    assert_eq!(apply(&*store, room.id, take("bob", None), 40).await.outcome, Outcome::Listener);
    drop(store);
    s.reopen().await;
    let store = s.store();
    assert_eq!(read(&*store, room.id).await, after);
    assert_eq!(apply(&*store, room.id, take("bob", None), 40).await.outcome, Outcome::Listener);
    // A mute moves the version of a room and no seat; a mark alone moves nothing.
    decide(&*store, &key, "eve", mute(Some(9), None), 50).await;
    assert_eq!(read(&*store, room.id).await.version, 5);
    decide(&*store, &key, "bob", identity(IdentityType::Listener, Some(2)), 50).await;
    assert_eq!(read(&*store, room.id).await.version, 5);
    assert!(read(&*store, room.id).await.seat_of(&user("eve")).is_some());
    decide(&*store, &key, "bob", identity(IdentityType::OnDemand, Some(3)), 60).await;
    let back = apply(&*store, room.id, take("bob", None), 70).await;
    assert_eq!(back.outcome, Outcome::Seated(seat(1)));
    assert_eq!(apply(&*store, room.id, leave("bob"), 80).await.room.version, back.room.version + 1);
    assert_eq!(good(store.channel(&key).await), None, "a room has no record of its own here");
}

/// A dismissal erases what was decided about users, and keeps their bans; a refused one erases nothing.
pub async fn a_dismissal_erases_members_and_keeps_sanctions(mut s: impl Subject) {
    let store = s.store();
    let (room, other) = (make_room(&*store, 1, 10).await, make_room(&*store, 2, 10).await);
    let key = room.channel();
    for (key, who) in [(&key, "bob"), (&key, "eve"), (&other.channel(), "bob")] {
        decide(&*store, key, who, identity(IdentityType::Listener, None), 20).await;
    }
    let kick = Command::Kick { user: user("bob"), source: Source::Room, by: "owner".into(), until: UnixMs(90_000) };
    apply(&*store, room.id, kick, 30).await;
    let stranger = Command::Dismiss { caller: stoa_core::caller::Caller::user(user("eve")) };
    assert_eq!(apply(&*store, room.id, stranger, 40).await.outcome, Outcome::NotAllowed);
    assert_eq!(store.members(&key).await.unwrap().len(), 2);
    let done = apply(&*store, room.id, dismiss(), 50).await;
    assert!(matches!(done, Applied { outcome: Outcome::Dismissed(_), .. }));
    drop(store);
    for reopened in [false, true] {
        if reopened {
            s.reopen().await;
        }
        let store = s.store();
        assert!(store.members(&key).await.unwrap().is_empty());
        assert_eq!(store.member(&key, &user("eve")).await.unwrap(), None);
        let ban = store.sanction(&key, &user("bob")).await.unwrap().expect("the ban outlasts the room");
        assert_eq!(ban.until, UnixMs(90_000));
        assert_eq!(store.members(&other.channel()).await.unwrap().len(), 1);
    }
}

/// An adhoc channel's end keeps bans too.
pub async fn the_end_of_an_adhoc_channel_keeps_sanctions(s: impl Subject) {
    let store = s.store();
    let key = open(&*store, "raid", 10).await.key;
    let banned = ban(&key, "bob", 1000, UnixMs::MAX);
    store.put_sanction(banned.clone()).await.unwrap();
    assert!(store.end_channel(&key).await.unwrap());
    assert_eq!(store.sanction(&key, &user("bob")).await.unwrap(), Some(banned));
}

fn shuffled(count: i64) -> Vec<i64> {
    // 77 is prime to 200: every number once, neighbours far apart.
    (0..count).map(|n| n * 77 % count).collect()
}

/// 200 identity changes at once: the one with the highest number stands in the end, and each earlier one was either
/// applied before it or refused for its number (talk.md I14).
pub async fn of_200_identity_changes_at_once_the_highest_number_stands(mut s: impl Subject) {
    let room = make_room(&*s.store(), 1, 10).await;
    open(&*s.store(), "raid", 10).await;
    for key in [channel("raid"), room.channel()] {
        let mut tasks = JoinSet::new();
        for request in shuffled(200) {
            let (store, key) = (s.store(), key.clone());
            let to = IdentityType::ALL[usize::try_from(request % 6).unwrap()];
            tasks.spawn(async move {
                let done = decide(&*store, &key, "bob", identity(to, Some(request)), 20).await;
                match done.outcome {
                    MemberOutcome::Done { .. } => assert_eq!(done.after.last_request, Some(request)),
                    MemberOutcome::Stale { last } => assert!(last > request),
                    MemberOutcome::Replay => panic!("no number was used twice"),
                }
            });
        }
        tasks.join_all().await;
        let member = good(s.store().member(&key, &user("bob")).await).unwrap();
        assert_eq!((member.last_request, member.identity), (Some(199), Some(IdentityType::ALL[199 % 6])));
    }
    s.reopen().await;
    let member = good(s.store().member(&channel("raid"), &user("bob")).await).unwrap();
    assert_eq!(member.last_request, Some(199));
}

/// Mutes, mic grants and identity changes of one user and its neighbours at once: none of them undoes another, and
/// every change of a right has a version of its own.
pub async fn changes_of_a_member_at_once_lose_nothing(s: impl Subject) {
    let store = s.store();
    for round in 0..10 {
        let key = open(&*store, &format!("raid {round}"), 10).await.key;
        let commands = [
            mute(Some(7000), None),
            mute(None, Some(8000)),
            identity(IdentityType::Commander, Some(5)),
            MemberCommand::SetMic { granted: true },
        ];
        let mut tasks = JoinSet::new();
        for who in ["bob", "eve", "ann"] {
            for command in commands.clone() {
                let (store, key) = (s.store(), key.clone());
                tasks.spawn(async move { decide(&*store, &key, who, command, 20).await });
            }
        }
        tasks.join_all().await;
        for member in good(store.members(&key).await) {
            assert_eq!((member.mute_audio_until, member.mute_video_until), (UnixMs(7000), UnixMs(8000)));
            assert_eq!((member.identity, member.mic_grant), (Some(IdentityType::Commander), true));
        }
        assert_eq!((version(&*store, &key).await, good(store.members(&key).await).len()), (13, 3));
    }
}

/// Seats taken and identities set at once in one room: in the order of versions nobody sits down as a listener.
pub async fn nobody_is_ever_seated_and_a_listener_at_once(s: impl Subject) {
    for n in 0..20 {
        let room = make_room(&*s.store(), n, 10).await.id;
        let key = ChannelKey::of_room(APP, room);
        let mut tasks = JoinSet::new();
        for _ in 0..16 {
            let store = s.store();
            tasks.spawn(async move { apply(&*store, room, take("bob", None), 20).await.outcome });
        }
        let demoted = decide(&*s.store(), &key, "bob", identity(IdentityType::Listener, None), 20).await;
        for outcome in tasks.join_all().await {
            assert!(
                matches!(outcome, Outcome::Seated(_) | Outcome::AlreadySeated(_) | Outcome::Listener),
                "{outcome:?} beside {demoted:?}"
            );
        }
        assert!(read(&*s.store(), room).await.seat_of(&user("bob")).is_none());
        assert_eq!(apply(&*s.store(), room, take("bob", None), 30).await.outcome, Outcome::Listener);
    }
}

/// Ends and decisions at once: what was decided in a channel that ended is not found in the next.
pub async fn nothing_decided_outlives_the_end_of_its_channel(s: impl Subject) {
    for round in 0..20 {
        let key = open(&*s.store(), &format!("raid {round}"), 10).await.key;
        let mut tasks = JoinSet::new();
        for n in 0..12 {
            let (store, key) = (s.store(), key.clone());
            tasks.spawn(async move {
                let command = MemberCommand::SetMic { granted: true };
                drop(good(store.apply_member(&key, &user(&format!("user {n}")), command, UnixMs(20)).await));
            });
        }
        assert!(good(s.store().end_channel(&key).await));
        tasks.join_all().await;
        assert!(good(s.store().members(&key).await).is_empty());
        assert_eq!(good(s.store().channel(&key).await), None);
    }
}

async fn walk(store: &Arc<dyn Store>, app: AppId, page: u32) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let (total, page) = good(store.channel_names(app, names.len() as u64, page).await);
        if page.is_empty() {
            assert_eq!(total, names.len() as u64);
            return names;
        }
        names.extend(page.iter().map(ToString::to_string));
    }
}

/// Names come in the order of their bytes, rooms and adhoc channels together, live ones of that app only; pages join
/// to the whole (talk.md L15, L17).
pub async fn names_of_channels_are_listed_by_bytes(s: impl Subject) {
    let store = s.store();
    assert_eq!(store.channel_names(APP, 0, 10).await.unwrap(), (0, vec![]));
    for name in ["b", "a", "中", "B", "7", "ffff"] {
        open(&*store, name, 10).await;
    }
    assert!(store.open_channel(ChannelRecord::new(channel_of(AppId(2), "x"), UnixMs(1))).await.unwrap().1);
    let mut expected: Vec<_> = ["b", "a", "中", "B", "7", "ffff"].map(String::from).into();
    for n in 0..20 {
        let room: RoomId = make_room(&*store, n, 10).await.id;
        if n % 4 == 0 {
            apply(&*store, room, dismiss(), 20).await;
        } else {
            expected.push(room.channel().to_string());
        }
    }
    store.end_channel(&channel("ffff")).await.unwrap();
    expected.retain(|name| name != "ffff");
    expected.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    assert_eq!(walk(&store, APP, 100).await, expected);
    assert_eq!(walk(&store, APP, 3).await, expected);
    assert_eq!(walk(&store, AppId(2), 3).await, ["x"]);
    let adhoc: Vec<_> = expected.iter().filter(|n| n.len() < 32).collect();
    assert_eq!(adhoc, ["7", "B", "a", "b", "中"]);
    assert_eq!(store.channel_names(APP, 5, 0).await.unwrap(), (20, vec![]));
    assert_eq!(store.channel_names(APP, u64::MAX, 5).await.unwrap(), (20, vec![]));
}

/// While the edition of an app's names stays, so do the names; it never comes back, and what changes in another app or
/// without a change of names leaves it. A store may know none.
pub async fn names_of_one_edition_are_the_same(mut s: impl Subject) {
    let mut seen: Vec<(u64, Vec<String>)> = Vec::new();
    let store = s.store();
    walk(&store, APP, 100).await;
    for step in 0..60 {
        let name = format!("c{}", step * 7 % 5);
        match step % 6 {
            0 | 3 => drop(store.open_channel(ChannelRecord::new(channel(&name), UnixMs(1))).await.unwrap()),
            1 => drop(store.end_channel(&channel(&name)).await.unwrap()),
            2 => {
                let room: RoomId = make_room(&*store, step, 10).await.id;
                check_edition(&store, &mut seen).await;
                if step % 4 == 0 {
                    apply(&*store, room, dismiss(), 20).await;
                }
            }
            4 => {
                let key = channel("c9");
                drop(store.open_channel(ChannelRecord::new(key.clone(), UnixMs(1))).await.unwrap());
                decide(&*store, &key, "bob", mute(Some(2000), None), 20).await;
            }
            _ => drop(store.open_channel(ChannelRecord::new(channel_of(AppId(2), &name), UnixMs(1))).await.unwrap()),
        }
        check_edition(&store, &mut seen).await;
    }
    let names = walk(&store, APP, 100).await;
    drop(store);
    s.reopen().await;
    assert_eq!(walk(&s.store(), APP, 100).await, names);
}

async fn check_edition(store: &Arc<dyn Store>, seen: &mut Vec<(u64, Vec<String>)>) {
    let edition = good(store.channel_names_edition(APP).await);
    let names = walk(store, APP, 100).await;
    assert_eq!(good(store.channel_names_edition(APP).await), edition);
    let Some(edition) = edition else { return };
    match seen.last() {
        Some((last, were)) if *last == edition => assert_eq!(*were, names, "names changed within edition {edition}"),
        last => {
            assert!(last.is_none_or(|(_, were)| *were != names), "edition {edition} has the names of the one before");
            assert!(seen.iter().all(|(e, _)| *e < edition), "edition {edition} came before");
            seen.push((edition, names));
        }
    }
}

/// Exactly the mutes with an end that is still to come, in every app and kind of channel.
pub async fn mutes_that_end_by_themselves_are_found(mut s: impl Subject) {
    let store = s.store();
    let key = open(&*store, "raid", 10).await.key;
    let (room, gone) = (make_room(&*store, 1, 10).await, make_room(&*store, 2, 10).await);
    decide(&*store, &key, "audio", mute(Some(1001), None), 20).await;
    decide(&*store, &key, "video", mute(Some(0), Some(1001)), 20).await;
    decide(&*store, &key, "over", mute(Some(1000), Some(1000)), 20).await;
    decide(&*store, &key, "ever", mute(Some(UnixMs::MAX.0), None), 20).await;
    decide(&*store, &key, "lifted", mute(Some(2000), None), 20).await;
    decide(&*store, &key, "lifted", mute(Some(0), None), 21).await;
    decide(&*store, &room.channel(), "seated", mute(Some(UnixMs::MAX.0), Some(5000)), 20).await;
    decide(&*store, &gone.channel(), "gone", mute(Some(5000), None), 20).await;
    apply(&*store, gone.id, dismiss(), 30).await;
    drop(store);
    s.reopen().await;
    let store = s.store();
    let mut found = store.timed_mutes(UnixMs(1000)).await.unwrap();
    found.sort_by(|a, b| a.user.cmp(&b.user));
    let names: Vec<_> = found.iter().map(|m| m.user.as_str()).collect();
    assert_eq!(names, ["audio", "seated", "video"]);
    assert_eq!(found[1].channel, room.channel());
    assert_eq!(store.member(&key, &user("video")).await.unwrap().as_ref(), Some(&found[2]));
    assert_eq!(store.timed_mutes(UnixMs(5000)).await.unwrap(), []);
}
