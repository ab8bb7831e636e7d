//! The Talk use-cases over a world in memory; each name is a claim of talk.md.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::atomic::Ordering;
use std::time::Duration;

use stoa_core::Kind;
use stoa_core::caller::Caller;
use stoa_core::channel::IdentityType;
use stoa_core::id::ChannelKey;
use stoa_core::media::{Claims, LeftReason, MediaHooks as _, Refused, TrackSource};
use stoa_core::ports::SanctionFilter;
use stoa_core::talk::{CallQuery, ChannelStatus, IdentityChange, IdentityWish, MuteWish, Page, TokenWish};
use stoa_core::time::UnixMs;
use stoa_core::voice::Outcome;
use stoa_testkit::{APP, Bench, START, bench, channel, ours, user};

const NOW: i64 = START.0 / 1000;

fn names<T: ToString>(all: &[T]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

async fn kick(b: &Bench, c: &ChannelKey, who: &str, secs: u64) -> Result<(), Kind> {
    b.talk.kick(c, &user(who), Duration::from_secs(secs), "admin").await.map_err(|e| e.kind().clone())
}

async fn set(
    b: &Bench,
    c: &ChannelKey,
    who: &str,
    to: IdentityType,
    request: Option<i64>,
) -> Result<IdentityChange, Kind> {
    let wish = IdentityWish { channel: c, user: &user(who), to, request, by: "admin" };
    b.talk.set_identity(wish).await.map_err(|e| e.kind().clone())
}

/// Join, leave and end of each closed record, in seconds from the start of the clock; -1 = open.
async fn calls(b: &Bench, who: &str) -> Vec<(i64, i64)> {
    let query = CallQuery {
        user: user(who),
        from: UnixMs(0),
        until: UnixMs::MAX,
        open: true,
        page: Page { start: 0, limit: 100 },
    };
    let since = |t: UnixMs| t.secs() - NOW;
    b.talk.calls(APP, query).await.unwrap().rows.iter().map(|c| (since(c.join), c.leave.map_or(-1, since))).collect()
}

fn events(b: &Bench, c: &ChannelKey, sid: &str) -> Vec<String> {
    let event = |m: stoa_core::media::Message| {
        let at = m.body.find("\"event\":\"").unwrap() + 9;
        m.body[at..].split('"').next().unwrap().to_owned()
    };
    b.media.inbox(c, sid).into_iter().map(event).collect()
}

#[tokio::test]
async fn l01_l02_an_unknown_channel_is_empty_and_absent() {
    let b = bench().await;
    let c = channel("nowhere");
    assert_eq!(b.talk.user_count(&c).await.unwrap(), 0);
    assert!(b.talk.users(&c, None).await.unwrap().rows.is_empty());
    assert!(b.talk.speakers(&c, None).await.unwrap().rows.is_empty());
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Absent);
    assert_eq!(b.talk.detail(&c, Page { start: 0, limit: 1 }).await.unwrap_err().kind(), &Kind::NotFound);
}

#[tokio::test]
async fn l03_l07_l08_an_adhoc_channel_lives_from_its_first_join_to_the_end_of_its_linger() {
    let b = bench().await;
    let c = channel("raid-7");
    let ann = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    b.enter(&c, "bob", &ours("1", NOW)).await.unwrap();
    assert_eq!(names(&b.talk.users(&c, None).await.unwrap().rows), ["ann", "bob"]);
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Busy);
    b.leave(&c, &ann, LeftReason::ClientInitiated, None).await;
    let bob = b.media_sid(&c, "bob").await;
    b.leave(&c, &bob, LeftReason::ClientInitiated, None).await;
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Idle);
    b.pass(Duration::from_secs(59)).await;
    assert_eq!(b.talk.channels(APP, None).await.unwrap().rows, [(c.name.clone(), 0)]);
    let ann = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    b.pass(Duration::from_secs(300)).await;
    b.leave(&c, &ann, LeftReason::ClientInitiated, None).await;
    b.pass(Duration::from_secs(59)).await;
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Idle);
    b.pass(Duration::from_secs(1)).await;
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Absent);
    assert!(b.talk.channels(APP, None).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn l06_a_hidden_recorder_is_neither_counted_nor_keeps_the_channel() {
    let b = bench().await;
    let c = channel("raid-7");
    b.enter(&c, "rec", &Claims { hidden: true, ..ours("3", NOW) }).await.unwrap();
    assert_eq!(b.talk.user_count(&c).await.unwrap(), 0);
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Idle);
    b.pass(Duration::from_secs(60)).await;
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Absent);
}

#[tokio::test]
async fn a_joiner_who_is_not_connected_yet_keeps_the_channel() {
    let b = bench().await;
    let c = channel("raid-7");
    b.knock(&c, "ann", &ours("1", NOW)).await.unwrap();
    b.pass(Duration::from_secs(60)).await;
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Idle);
    let sid = b.media_sid(&c, "ann").await;
    b.leave(&c, &sid, LeftReason::JoinFailure, None).await;
    b.pass(Duration::from_secs(5)).await;
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Absent);
    assert!(calls(&b, "ann").await.is_empty(), "never active: no record");
}

#[tokio::test]
async fn asking_and_minting_bring_no_channel_to_life_and_must_exist_refuses() {
    let b = bench().await;
    let c = channel("raid-7");
    b.admit(&c, "ann", &ours("1", NOW)).await.unwrap();
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Absent);
    let mut must = ours("1", NOW);
    must.attributes.insert("stoa.must_exist".into(), "1".into());
    assert_eq!(b.enter(&c, "ann", &must).await.unwrap_err(), Refused::NoSuchChannel);
    b.enter(&c, "bob", &ours("1", NOW)).await.unwrap();
    b.enter(&c, "ann", &must).await.unwrap();
}

#[tokio::test]
async fn l15_names_are_in_the_order_of_their_bytes() {
    let b = bench().await;
    for name in ["b", "a", "中", "B"] {
        b.enter(&channel(name), "ann", &ours("1", NOW)).await.unwrap();
    }
    let all = b.talk.channels(APP, None).await.unwrap();
    assert_eq!(all.rows.iter().map(|(n, _)| n.to_string()).collect::<Vec<_>>(), ["B", "a", "b", "中"]);
    let page = b.talk.channels(APP, Some(Page { start: 1, limit: 2 })).await.unwrap();
    assert_eq!((page.total, page.rows.len()), (4, 2));
}

#[tokio::test]
async fn l20_i16_a_restart_keeps_identities_for_a_fresh_linger() {
    let b = bench().await;
    let c = channel("raid-7");
    b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    set(&b, &c, "ann", IdentityType::Listener, Some(10)).await.unwrap();
    b.pass(Duration::from_secs(50)).await;
    let b = Bench::over(b.store.clone(), b.clock.clone()).await;
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Idle);
    b.pass(Duration::from_secs(59)).await;
    b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    assert_eq!(set(&b, &c, "ann", IdentityType::Host, Some(9)).await, Ok(IdentityChange::Stale { last: 10 }));
    let sid = b.media_sid(&c, "ann").await;
    assert!(!b.media.publish(&c, &sid, TrackSource::Microphone));
    let b = Bench::over(b.store.clone(), b.clock.clone()).await;
    b.pass(Duration::from_secs(60)).await;
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Absent);
}

#[tokio::test]
async fn k01_k08_a_ban_refuses_every_token_until_its_end() {
    let b = bench().await;
    let c = channel("raid-7");
    let sid = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    let other = b.enter(&c, "bob", &ours("1", NOW)).await.unwrap();
    kick(&b, &c, "ann", 600).await.unwrap();
    assert_eq!(names(&b.talk.users(&c, None).await.unwrap().rows), ["bob"]);
    assert_eq!(events(&b, &c, &sid), ["kicked"]);
    assert_eq!(events(&b, &c, &other), ["user_kicked"]);
    assert_eq!(calls(&b, "ann").await, [(0, 0)], "closed before the answer");
    let until = UnixMs::from_secs(NOW + 600);
    let fresh = ours("1", NOW + 1000);
    assert_eq!(b.admit(&c, "ann", &fresh).await, Err(Refused::Banned(until)));
    b.clock.forward(Duration::from_millis(599_999));
    assert_eq!(b.admit(&c, "ann", &fresh).await, Err(Refused::Banned(until)));
    b.clock.forward(Duration::from_millis(1));
    assert_eq!(b.admit(&c, "ann", &fresh).await, Ok(()));
    assert_eq!(b.admit(&c, "ann", &ours("1", NOW)).await, Err(Refused::Revoked));
}

#[tokio::test]
async fn k09_without_a_ban_a_new_token_works_at_once_and_the_old_one_never() {
    let b = bench().await;
    let c = channel("raid-7");
    b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    kick(&b, &c, "ann", 0).await.unwrap();
    assert_eq!(b.admit(&c, "ann", &ours("1", NOW)).await, Err(Refused::Revoked));
    let who = user("ann");
    let wish = TokenWish {
        channel: &c,
        user: &who,
        identity: None,
        ttl: None,
        device: None,
        name: String::new(),
        metadata: String::new(),
        must_exist: false,
    };
    let made = b.talk.token(wish).await.unwrap();
    assert_eq!(made.grant.nbf_secs, NOW + 1);
    b.enter(&c, "ann", &ours("1", made.grant.nbf_secs)).await.unwrap();
}

#[tokio::test]
async fn k10_to_k14_the_table_of_kicks() {
    let b = bench().await;
    let c = channel("raid-7");
    assert_eq!(kick(&b, &c, "ann", 0).await, Err(Kind::NotFound));
    kick(&b, &c, "ann", 600).await.unwrap();
    assert!(
        matches!(b.enter(&c, "ann", &ours("1", NOW + 9)).await, Err(Refused::Banned(_))),
        "a ban before its channel"
    );
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Absent, "a refused join opens nothing");
    kick(&b, &c, "ann", 0).await.unwrap();
    assert_eq!(kick(&b, &c, "ann", 0).await, Err(Kind::NotFound));
    b.enter(&c, "bob", &ours("1", NOW)).await.unwrap();
    assert_eq!(kick(&b, &c, "ann", 0).await, Err(Kind::NotPresent));
    for (first, second) in [(600, 10), (10, 600)] {
        kick(&b, &c, "ann", first).await.unwrap();
        kick(&b, &c, "ann", second).await.unwrap();
        let until = UnixMs::from_secs(NOW).plus(Duration::from_secs(second));
        assert_eq!(b.admit(&c, "ann", &ours("1", NOW + 9)).await, Err(Refused::Banned(until)));
    }
}

#[tokio::test]
async fn k20_k34_a_ban_outlives_its_channel_and_stays_in_its_app() {
    let b = bench().await;
    let c = channel("raid-7");
    b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    kick(&b, &c, "ann", 6000).await.unwrap();
    b.pass(Duration::from_secs(120)).await;
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Absent);
    assert!(matches!(b.enter(&c, "ann", &ours("1", NOW + 200)).await, Err(Refused::Banned(_))));
    let other = ChannelKey { app: stoa_core::id::AppId(2), ..c.clone() };
    b.enter(&other, "ann", &ours("1", NOW + 200)).await.unwrap();
}

#[tokio::test]
async fn k25_to_k28_a_kick_frees_the_seat_and_leaves_the_room_open() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    let c = room.channel();
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Idle, "l10");
    let ann = Caller::user(user("ann"));
    b.voice.take_seat(&ann, Some(room.id), &user("ann"), None, String::new()).await.unwrap();
    kick(&b, &c, "ann", 60).await.unwrap();
    assert!(b.voice.get(Some(room.id)).await.unwrap().seat_of(&user("ann")).is_none());
    let e = b.voice.take_seat(&ann, Some(room.id), &user("ann"), None, String::new()).await.unwrap_err();
    assert!(matches!(e.kind(), Kind::Banned { .. }));
    assert!(b.talk.lift_ban(&c, &user("ann")).await.unwrap());
    assert!(!b.talk.lift_ban(&c, &user("ann")).await.unwrap());
    b.voice.take_seat(&ann, Some(room.id), &user("ann"), None, String::new()).await.unwrap();
    b.enter(&c, "owner", &ours("5", NOW + 1)).await.unwrap();
    kick(&b, &c, "owner", 0).await.unwrap();
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Idle);
    assert_eq!(b.talk.dismiss(&c, "admin").await.unwrap(), 0);
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Absent);
    assert_eq!(b.enter(&c, "ann", &ours("1", NOW + 9)).await.unwrap_err(), Refused::NoSuchChannel);
}

#[tokio::test]
async fn a_kick_the_engine_did_not_confirm_stands_and_is_done_again() {
    let b = bench().await;
    let c = channel("raid-7");
    b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    b.media.down.store(true, Ordering::SeqCst);
    assert_eq!(kick(&b, &c, "ann", 600).await, Err(Kind::Unavailable));
    assert!(matches!(b.admit(&c, "ann", &ours("1", NOW + 9)).await, Err(Refused::Banned(_))));
    b.media.down.store(false, Ordering::SeqCst);
    b.pass(Duration::from_secs(2)).await;
    assert_eq!(b.talk.user_count(&c).await.unwrap(), 0);
}

#[tokio::test]
async fn bans_are_listed_while_they_run() {
    let b = bench().await;
    for (name, who, secs) in [("b", "ann", 60), ("a", "ann", 600), ("a", "bob", 600)] {
        kick(&b, &channel(name), who, secs).await.unwrap();
    }
    let list = async |channel: Option<&str>, who: Option<&str>| {
        let filter =
            SanctionFilter { app: APP, channel: channel.map(|c| stoa_testkit::channel(c).name), user: who.map(user) };
        let page = Page { start: 0, limit: 10 };
        let rows = b.talk.bans(&filter, page).await.unwrap().rows;
        rows.iter().map(|s| format!("{}/{}", s.channel.name, s.user)).collect::<Vec<_>>()
    };
    assert_eq!(list(None, None).await, ["a/ann", "a/bob", "b/ann"]);
    assert_eq!(list(Some("a"), None).await, ["a/ann", "a/bob"]);
    assert_eq!(list(None, Some("ann")).await, ["a/ann", "b/ann"]);
    b.clock.forward(Duration::from_secs(60));
    assert_eq!(list(None, None).await, ["a/ann", "a/bob"]);
}

#[tokio::test]
async fn i01_i02_i18_an_identity_binds_at_once_in_its_channel_only() {
    let b = bench().await;
    let (c, d) = (channel("a"), channel("b"));
    let sid = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    let there = b.enter(&d, "ann", &ours("1", NOW)).await.unwrap();
    assert!(b.media.publish(&c, &sid, TrackSource::Microphone));
    assert_eq!(names(&b.talk.speakers(&c, None).await.unwrap().rows), ["ann"]);
    assert_eq!(set(&b, &c, "ann", IdentityType::Listener, Some(1)).await, Ok(IdentityChange::Done));
    assert!(b.talk.speakers(&c, None).await.unwrap().rows.is_empty());
    assert!(!b.media.publish(&c, &sid, TrackSource::Microphone));
    assert!(b.media.publish(&d, &there, TrackSource::Microphone));
    set(&b, &c, "ann", IdentityType::FreeTalker, Some(2)).await.unwrap();
    assert!(b.media.publish(&c, &sid, TrackSource::Microphone));
    assert_eq!(events(&b, &c, &sid), ["identity", "identity"]);
}

#[tokio::test]
async fn i06_i12_i13_what_does_not_apply_leaves_the_mark_and_tells_nobody() {
    let b = bench().await;
    let c = channel("a");
    assert_eq!(set(&b, &c, "ann", IdentityType::Host, Some(50)).await, Err(Kind::NotFound));
    b.enter(&c, "bob", &ours("1", NOW)).await.unwrap();
    assert_eq!(set(&b, &c, "ann", IdentityType::Host, Some(50)).await, Err(Kind::NotPresent));
    let sid = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    assert_eq!(set(&b, &c, "ann", IdentityType::Host, Some(20)).await, Ok(IdentityChange::Done));
    assert_eq!(set(&b, &c, "ann", IdentityType::Host, Some(21)).await, Ok(IdentityChange::Done));
    assert_eq!(set(&b, &c, "ann", IdentityType::Listener, Some(21)).await, Ok(IdentityChange::Replay));
    assert_eq!(set(&b, &c, "ann", IdentityType::Listener, Some(20)).await, Ok(IdentityChange::Stale { last: 21 }));
    assert_eq!(events(&b, &c, &sid), ["identity"]);
}

#[tokio::test]
async fn i15_i17_an_identity_beats_new_tokens_until_the_channel_ends() {
    let b = bench().await;
    let c = channel("a");
    let sid = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    set(&b, &c, "ann", IdentityType::Listener, Some(5)).await.unwrap();
    b.leave(&c, &sid, LeftReason::ClientInitiated, None).await;
    let sid = b.enter(&c, "ann", &ours("4", NOW)).await.unwrap();
    assert!(!b.media.publish(&c, &sid, TrackSource::Microphone));
    b.leave(&c, &sid, LeftReason::ClientInitiated, None).await;
    b.pass(Duration::from_secs(60)).await;
    let sid = b.enter(&c, "ann", &ours("4", NOW)).await.unwrap();
    assert!(b.media.publish(&c, &sid, TrackSource::ScreenShareAudio));
    assert_eq!(set(&b, &c, "ann", IdentityType::Guest, Some(4)).await, Ok(IdentityChange::Done));
}

#[tokio::test]
async fn i19_a_grant_is_given_and_withdrawn() {
    let b = bench().await;
    let c = channel("a");
    let sid = b.enter(&c, "ann", &ours("2", NOW)).await.unwrap();
    assert!(!b.media.publish(&c, &sid, TrackSource::Microphone));
    b.talk.set_mic(&c, &user("ann"), true, "admin").await.unwrap();
    assert!(b.media.publish(&c, &sid, TrackSource::Microphone));
    set(&b, &c, "ann", IdentityType::OnDemand, None).await.unwrap();
    assert!(!b.media.publish(&c, &sid, TrackSource::Microphone));
    set(&b, &c, "ann", IdentityType::Host, None).await.unwrap();
    let e = b.talk.set_mic(&c, &user("ann"), true, "admin").await.unwrap_err();
    assert_eq!(e.kind(), &Kind::Forbidden);
    assert_eq!(events(&b, &c, &sid), ["mic_grant", "mic_grant", "identity"]);
}

#[tokio::test]
async fn i20_i21_seats_and_identities_in_a_room() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    let c = room.channel();
    let ann = Caller::user(user("ann"));
    let sit = async || b.voice.take_seat(&ann, Some(room.id), &user("ann"), None, String::new()).await;
    let sid = b.enter(&c, "ann", &ours("2", NOW)).await.unwrap();
    sit().await.unwrap();
    assert!(b.media.publish(&c, &sid, TrackSource::Microphone));
    set(&b, &c, "ann", IdentityType::OnDemand, None).await.unwrap();
    assert!(b.voice.get(Some(room.id)).await.unwrap().seat_of(&user("ann")).is_none());
    assert!(!b.media.publish(&c, &sid, TrackSource::Microphone));
    assert!(matches!(sit().await.unwrap().outcome, Outcome::Seated(_)));
    set(&b, &c, "ann", IdentityType::Listener, None).await.unwrap();
    assert_eq!(sit().await.unwrap_err().kind(), &Kind::Forbidden);
    set(&b, &c, "ann", IdentityType::Guest, None).await.unwrap();
    assert!(b.media.publish(&c, &sid, TrackSource::Microphone), "without a seat");
    assert!(b.voice.get(Some(room.id)).await.unwrap().seat_of(&user("ann")).is_none());
}

#[tokio::test]
async fn p06_x11_a_mute_lasts_over_a_rejoin_and_ends_by_itself() {
    let b = bench().await;
    let c = channel("a");
    let mute = async |b: &Bench, audio: Option<bool>, secs: u64| {
        let duration = Duration::from_secs(secs);
        let wish = MuteWish { channel: &c, user: &user("ann"), audio, video: None, duration, by: "admin" };
        b.talk.mute(wish).await.map_err(|e| e.kind().clone())
    };
    assert_eq!(mute(&b, Some(true), 0).await, Err(Kind::NotFound));
    let sid = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    b.media.publish(&c, &sid, TrackSource::Microphone);
    mute(&b, Some(true), 100).await.unwrap();
    assert!(b.talk.speakers(&c, None).await.unwrap().rows.is_empty());
    b.leave(&c, &sid, LeftReason::ClientInitiated, None).await;
    b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    let muted = async |b: &Bench| {
        let there = b.world.media().participants(&c).await.unwrap();
        there[0].standing.muted.audio
    };
    assert!(muted(&b).await);
    let b = Bench::over(b.store.clone(), b.clock.clone()).await;
    let sid = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    b.pass(Duration::from_secs(99)).await;
    assert!(muted(&b).await);
    b.pass(Duration::from_secs(1)).await;
    assert!(!muted(&b).await);
    assert_eq!(events(&b, &c, &sid), ["muted"]);
    mute(&b, Some(true), 0).await.unwrap();
    mute(&b, Some(false), 0).await.unwrap();
    mute(&b, Some(false), 0).await.unwrap();
    assert_eq!(events(&b, &c, &sid).len(), 3, "nothing is told when nothing changed");
}

#[tokio::test]
async fn m01_to_m04_a_push_reaches_whom_it_names() {
    let b = bench().await;
    let c = channel("a");
    let push = async |to: Option<&str>| {
        let to = to.map(user);
        b.talk.push(&c, "server", to.as_ref(), "hi".into()).await.map_err(|e| e.kind().clone())
    };
    assert_eq!(push(None).await, Err(Kind::NotFound));
    let ann = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    let mut second = ours("1", NOW);
    second.attributes.insert("stoa.user".into(), "ann".into());
    let phone = b.enter(&c, "ann\u{1f}phone", &second).await.unwrap();
    let bob = b.enter(&c, "bob", &ours("1", NOW)).await.unwrap();
    push(None).await.unwrap();
    push(Some("ann")).await.unwrap();
    assert_eq!(push(Some("eve")).await, Err(Kind::NotPresent));
    let count = |sid: &str| b.media.inbox(&c, sid).len();
    assert_eq!((count(&ann), count(&phone), count(&bob)), (2, 2, 1));
    let ids: std::collections::BTreeSet<_> = b.media.inbox(&c, &ann).into_iter().map(|m| m.body).collect();
    assert_eq!(ids.len(), 2, "each message has an id of its own");
    for sid in [ann, phone, bob] {
        b.leave(&c, &sid, LeftReason::ClientInitiated, None).await;
    }
    push(None).await.unwrap();
}

#[tokio::test]
async fn r_call_records_follow_presence() {
    let b = bench().await;
    let c = channel("a");
    let sid = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    b.pass(Duration::from_secs(432)).await;
    assert_eq!(calls(&b, "ann").await, [(0, -1)], "open");
    b.leave(&c, &sid, LeftReason::ClientInitiated, None).await;
    assert_eq!(calls(&b, "ann").await, [(0, 432)], "r01");
    b.pass(Duration::from_secs(1)).await;
    let sid = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    b.pass(Duration::from_secs(27)).await;
    b.leave(&c, &sid, LeftReason::SignalClose, Some(UnixMs::from_secs(NOW + 445))).await;
    b.pass(Duration::from_secs(20)).await;
    let sid = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    assert_eq!(calls(&b, "ann").await, [(0, 432), (433, -1)], "r10, r13");
    b.leave(&c, &sid, LeftReason::ConnectionTimeout, Some(UnixMs::from_secs(NOW + 479))).await;
    b.pass(Duration::from_secs(60)).await;
    assert_eq!(calls(&b, "ann").await, [(0, 432), (433, 479)], "r11");
}

#[tokio::test]
async fn r16_r17_records_over_a_crash() {
    let b = bench().await;
    let c = channel("a");
    b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    b.enter(&c, "bob", &ours("1", NOW)).await.unwrap();
    b.clock.forward(Duration::from_secs(100));
    b.world
        .store
        .heartbeat(stoa_core::channel::Boot { id: 1, started: START }, UnixMs::from_secs(NOW + 95))
        .await
        .unwrap();
    b.clock.forward(Duration::from_secs(3));
    let b = Bench::over(b.store.clone(), b.clock.clone()).await;
    b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    b.pass(Duration::from_secs(300)).await;
    assert_eq!(calls(&b, "ann").await, [(0, -1)], "a quick restart continues the call");
    assert_eq!(calls(&b, "bob").await, [(0, 95)], "no return: the last heartbeat");
}

#[tokio::test]
async fn records_wait_for_a_store_that_is_away() {
    let b = bench().await;
    let c = channel("a");
    let sid = b.knock(&c, "ann", &ours("1", NOW)).await.unwrap();
    b.store.down.store(true, Ordering::SeqCst);
    b.media.connect(&c, &sid);
    b.settle().await;
    b.pass(Duration::from_secs(1)).await;
    b.store.down.store(false, Ordering::SeqCst);
    b.pass(Duration::from_secs(2)).await;
    assert_eq!(calls(&b, "ann").await, [(0, -1)]);
}

#[tokio::test]
async fn x04_x05_tokens_for_rooms() {
    let b = bench().await;
    let owner = Caller::user(user("owner"));
    let room = b.make_room("owner").await;
    let c = room.channel();
    let token = async |who: &str, identity: Option<IdentityType>| {
        let who = user(who);
        let wish = TokenWish {
            channel: &c,
            user: &who,
            identity,
            ttl: None,
            device: Some("phone"),
            name: String::new(),
            metadata: String::new(),
            must_exist: false,
        };
        b.talk.token(wish).await.map_err(|e| e.kind().clone())
    };
    assert_eq!(token("owner", None).await.unwrap().identity, IdentityType::Host);
    let made = token("ann", Some(IdentityType::Guest)).await.unwrap();
    assert_eq!((made.identity, made.grant.can_publish), (IdentityType::OnDemand, false));
    assert_eq!(made.grant.identity.as_str(), "ann\u{1f}phone");
    b.voice.dismiss(&owner, Some(room.id), &user("owner")).await.unwrap();
    assert_eq!(token("ann", None).await, Err(Kind::NotFound));
}

#[tokio::test]
async fn room_service_opens_and_ends_adhoc_channels() {
    let b = bench().await;
    let c = channel("a");
    assert!(b.door.may_open(&c, Some(Duration::from_secs(300))).await.unwrap());
    b.pass(Duration::from_secs(299)).await;
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Idle);
    b.pass(Duration::from_secs(1)).await;
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Absent);
    assert!(!b.door.delete_asked(&c).await.unwrap());
    let sid = b.enter(&c, "ann", &ours("1", NOW)).await.unwrap();
    assert!(b.door.delete_asked(&c).await.unwrap());
    assert_eq!(b.talk.status(&c).await.unwrap(), ChannelStatus::Absent);
    assert_eq!(events(&b, &c, &sid), ["dismissed"]);
}
