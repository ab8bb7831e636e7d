//! The use-cases of voice rooms over a world in memory; each name is a claim of voice-room.md 5.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::sync::atomic::Ordering;
use std::time::Duration;

use stoa_core::Kind;
use stoa_core::caller::Caller;
use stoa_core::kick::Kick;
use stoa_core::media::LeftReason;
use stoa_core::sanction::Source;
use stoa_core::voice::{Outcome, Room};
use stoa_testkit::{APP, Bench, bench, ours, user};

fn me(name: &str) -> Caller {
    Caller::user(user(name))
}

async fn sit(b: &Bench, room: &Room, name: &str) -> Outcome {
    let applied = b.voice.take_seat(&me(name), Some(room.id), &user(name), None, String::new()).await.unwrap();
    applied.outcome
}

/// Is connected from now on; answers the sid.
async fn come(b: &Bench, room: &Room, name: &str) -> String {
    come_on(b, room, name).await
}

async fn come_on(b: &Bench, room: &Room, identity: &str) -> String {
    b.enter(&room.channel(), identity, &ours("2", i64::MAX)).await.unwrap()
}

async fn seated(b: &Bench, room: &Room, name: &str) -> bool {
    b.voice.get(Some(room.id)).await.unwrap().seat_of(&user(name)).is_some()
}

#[tokio::test]
async fn the_engine_knows_the_new_right_before_the_answer_leaves() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    assert!(matches!(sit(&b, &room, "bob").await, Outcome::Seated(_)));
    assert_eq!(b.media.publishes(&user("bob")), Some(true));
    b.voice.leave_seat(&me("bob"), Some(room.id), &user("bob"), None).await.unwrap();
    assert_eq!(b.media.publishes(&user("bob")), Some(false));
}

#[tokio::test]
async fn a_silent_engine_does_not_undo_the_seat_and_is_told_again() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    b.media.down.store(true, Ordering::SeqCst);
    assert!(matches!(sit(&b, &room, "bob").await, Outcome::Seated(_)));
    assert_eq!(b.media.publishes(&user("bob")), None);
    b.clock.forward(Duration::from_secs(2));
    b.director.tick().await;
    assert_eq!(b.media.publishes(&user("bob")), None, "still down, stays on the agenda");
    b.media.down.store(false, Ordering::SeqCst);
    b.clock.forward(Duration::from_secs(2));
    b.director.tick().await;
    assert_eq!(b.media.publishes(&user("bob")), Some(true));
}

#[tokio::test]
async fn an_attended_seat_outlives_its_holder_by_the_grace_only() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    sit(&b, &room, "bob").await;
    let sid = come(&b, &room, "bob").await;
    b.leave(&room.channel(), &sid, LeftReason::ClientInitiated, None).await;
    b.clock.forward(Duration::from_millis(29_999));
    b.director.tick().await;
    assert!(seated(&b, &room, "bob").await);
    b.clock.forward(Duration::from_millis(1));
    b.director.tick().await;
    assert!(!seated(&b, &room, "bob").await);
    assert_eq!(b.media.publishes(&user("bob")), Some(false));
}

#[tokio::test]
async fn a_seat_whose_holder_never_connected_is_left_alone() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    sit(&b, &room, "bob").await;
    b.clock.forward(Duration::from_secs(600));
    b.director.tick().await;
    assert!(seated(&b, &room, "bob").await);
}

#[tokio::test]
async fn a_second_session_keeps_the_seat_when_the_first_ends() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    sit(&b, &room, "bob").await;
    let sid = come(&b, &room, "bob").await;
    come_on(&b, &room, "bob\u{1f}phone").await;
    b.leave(&room.channel(), &sid, LeftReason::ClientInitiated, None).await;
    assert_eq!(b.voice.online(&room), 1);
    b.clock.forward(Duration::from_secs(600));
    b.director.tick().await;
    assert!(seated(&b, &room, "bob").await);
}

#[tokio::test]
async fn a_seat_taken_while_connected_counts_as_attended() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    let sid = come(&b, &room, "bob").await;
    sit(&b, &room, "bob").await;
    b.leave(&room.channel(), &sid, LeftReason::ClientInitiated, None).await;
    b.clock.forward(Duration::from_secs(30));
    b.director.tick().await;
    assert!(!seated(&b, &room, "bob").await);
}

#[tokio::test]
async fn an_old_timer_never_frees_a_seat_taken_anew() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    sit(&b, &room, "bob").await;
    let sid = come(&b, &room, "bob").await;
    b.leave(&room.channel(), &sid, LeftReason::ClientInitiated, None).await;
    b.clock.forward(Duration::from_secs(10));
    b.voice.leave_seat(&me("bob"), Some(room.id), &user("bob"), None).await.unwrap();
    sit(&b, &room, "bob").await;
    b.clock.forward(Duration::from_secs(60));
    b.director.tick().await;
    assert!(seated(&b, &room, "bob").await, "the new stay was never attended");
}

#[tokio::test]
async fn after_a_restart_attended_seats_wait_the_longer_grace() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    sit(&b, &room, "bob").await;
    sit(&b, &room, "http-only").await;
    come(&b, &room, "bob").await;
    let b = Bench::over(b.store.clone(), b.clock.clone()).await;
    b.director.restore().await.unwrap();
    b.pass(Duration::from_secs(59)).await;
    assert!(seated(&b, &room, "bob").await);
    b.pass(Duration::from_secs(2)).await;
    assert!(seated(&b, &room, "http-only").await);
    assert!(!seated(&b, &room, "bob").await);
}

#[tokio::test]
async fn dismissal_silences_before_the_answer_and_ends_the_channel_after_three_seconds() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    b.voice.dismiss(&me("owner"), Some(room.id), &user("owner")).await.unwrap();
    assert_eq!(b.media.told.lock().unwrap().last().unwrap(), "silence 2");
    b.clock.forward(Duration::from_millis(2_999));
    b.director.tick().await;
    assert!(!b.media.told.lock().unwrap().contains(&"end".to_owned()));
    b.clock.forward(Duration::from_millis(1));
    b.director.tick().await;
    assert_eq!(b.media.told.lock().unwrap().last().unwrap(), "end");
    let again = b.voice.dismiss(&me("owner"), Some(room.id), &user("owner")).await;
    assert!(again.is_ok(), "ending an ended room is success");
    let stranger = b.voice.dismiss(&me("bob"), Some(room.id), &user("bob")).await.unwrap_err();
    assert_eq!(*stranger.kind(), Kind::Forbidden);
    assert_eq!(b.voice.online(&b.voice.get(Some(room.id)).await.unwrap()), 0);
}

#[tokio::test]
async fn a_kick_with_a_ban_shuts_every_door_of_the_room() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    sit(&b, &room, "bob").await;
    let channel = room.channel();
    let bob = user("bob");
    let k = Kick {
        channel: &channel,
        user: &bob,
        source: Source::Console,
        by: "ops",
        ban: Duration::from_secs(60),
        caller: None,
    };
    k.carry_out(&b.world, &b.director).await.unwrap();
    assert!(b.media.told.lock().unwrap().iter().any(|t| t.starts_with("remove bob 1700000001")));
    let e = b.voice.rtc_grant(&me("bob"), Some(room.id), &bob).await.unwrap_err();
    assert!(matches!(e.kind(), Kind::Banned { .. }));
    let e = b.voice.take_seat(&me("bob"), Some(room.id), &bob, None, String::new()).await.unwrap_err();
    assert!(matches!(e.kind(), Kind::Banned { .. }));
    b.clock.forward(Duration::from_secs(60));
    let grant = b.voice.rtc_grant(&me("bob"), Some(room.id), &bob).await.unwrap();
    assert_eq!(grant.nbf_secs, 1_700_000_060);
    assert!(matches!(sit(&b, &room, "bob").await, Outcome::Seated(_)));
}

#[tokio::test]
async fn a_token_minted_in_the_second_of_a_kick_begins_after_the_mark() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    let (channel, bob) = (room.channel(), user("bob"));
    let k =
        Kick { channel: &channel, user: &bob, source: Source::Room, by: "owner", ban: Duration::ZERO, caller: None };
    k.carry_out(&b.world, &b.director).await.unwrap();
    let grant = b.voice.rtc_grant(&me("bob"), Some(room.id), &bob).await.unwrap();
    assert_eq!((grant.iat_secs, grant.nbf_secs), (1_700_000_000, 1_700_000_001));
}

#[tokio::test]
async fn foreign_names_are_refused_before_the_room_is_looked_up() {
    let b = bench().await;
    let room = b.make_room("owner").await;
    for id in [Some(room.id), None] {
        let e = b.voice.take_seat(&me("bob"), id, &user("carol"), None, String::new()).await.unwrap_err();
        assert_eq!(*e.kind(), Kind::NotYou);
        let e = b.voice.leave_seat(&me("bob"), id, &user("carol"), None).await.unwrap_err();
        assert_eq!(*e.kind(), Kind::NotYou);
        let e = b.voice.rtc_grant(&me("bob"), id, &user("carol")).await.unwrap_err();
        assert_eq!(*e.kind(), Kind::NotYou);
    }
    assert_eq!(b.voice.app(), APP);
}
