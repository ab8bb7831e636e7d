//! Records of rooms, one caller at a time.

use stoa_core::Kind;
use stoa_core::caller::Caller;
use stoa_core::id::{AppId, ChannelKey};
use stoa_core::ports::PageStart;
use stoa_core::sanction::Source;
use stoa_core::time::UnixMs;
use stoa_core::voice::{Command, NewRoom, Outcome, RoomPatch};

use crate::{APP, Subject, apply, code, dismiss, leave, make_room, new_room, read, seat, take, user};

/// Create answers what is stored, byte for byte, also after a restart.
pub async fn a_room_is_stored_with_eight_free_seats_and_survives_reopening(mut s: impl Subject) {
    let made = s.store().create_room(new_room(1, 1_710_420_179_000), &[code(1)], 0).await.unwrap();
    assert_eq!(*made, new_room(1, 1_710_420_179_000).into_room(code(1)));
    assert_eq!(read(&*s.store(), made.id).await, made);
    s.reopen().await;
    assert_eq!(read(&*s.store(), made.id).await, made);
}

/// A code once used is never given again, and the next of the drawn ones is taken.
pub async fn a_taken_show_code_is_redrawn_also_that_of_a_dismissed_room(s: impl Subject) {
    let store = s.store();
    let first = make_room(&*store, 1, 10).await;
    apply(&*store, first.id, dismiss(), 20).await;
    let second = store.create_room(new_room(2, 30), &[code(1), code(1), code(7), code(8)], 0).await.unwrap();
    assert_eq!(second.show_code, code(7));
    assert_eq!(read(&*store, second.id).await.show_code, code(7));
}

/// Out of codes is an error that leaves no row.
pub async fn when_every_show_code_is_taken_nothing_is_stored(s: impl Subject) {
    let store = s.store();
    make_room(&*store, 1, 10).await;
    for codes in [&[code(1); 20][..], &[]] {
        let e = store.create_room(new_room(2, 30), codes, 0).await.unwrap_err();
        assert_eq!(*e.kind(), Kind::Internal);
    }
    assert!(store.room(APP, new_room(2, 30).id).await.unwrap().is_none());
    assert_eq!(store.list_rooms(APP, PageStart::Offset(0), 10).await.unwrap().len(), 1);
}

/// Tenants do not see each other.
pub async fn two_apps_share_neither_rooms_nor_codes(s: impl Subject) {
    let store = s.store();
    let other = AppId(9_007_199_254_740_991);
    let mine = make_room(&*store, 1, 10).await;
    let theirs = store.create_room(NewRoom { app: other, ..new_room(2, 20) }, &[code(1)], 0).await.unwrap();
    assert_eq!(theirs.show_code, code(1));
    assert!(store.room(APP, theirs.id).await.unwrap().is_none());
    assert!(store.room(other, mine.id).await.unwrap().is_none());
    assert!(store.apply(other, mine.id, take("bob", None), UnixMs(5)).await.unwrap().is_none());
    assert_eq!(store.list_rooms(other, PageStart::Offset(0), 10).await.unwrap(), [theirs]);
    assert_eq!(read(&*store, mine.id).await, mine);
}

/// The limit counts live rooms of that owner in that app, and 0 is no limit.
pub async fn an_owner_at_its_limit_of_live_rooms_is_refused(s: impl Subject) {
    let store = s.store();
    let first = make_room(&*store, 1, 10).await;
    store.create_room(NewRoom { anchor: user("eve"), ..new_room(2, 10) }, &[code(2)], 1).await.unwrap();
    let e = store.create_room(new_room(3, 10), &[code(3)], 1).await.unwrap_err();
    assert_eq!(*e.kind(), Kind::LimitReached);
    assert!(store.room(APP, new_room(3, 10).id).await.unwrap().is_none());
    store.create_room(NewRoom { app: AppId(2), ..new_room(4, 10) }, &[code(4)], 1).await.unwrap();
    assert_eq!(store.live_rooms_of(APP, &first.anchor).await.unwrap(), 1);
    assert_eq!(store.live_rooms_of(APP, &user("nobody")).await.unwrap(), 0);
    apply(&*store, first.id, dismiss(), 20).await;
    assert_eq!(store.live_rooms_of(APP, &first.anchor).await.unwrap(), 0);
    store.create_room(new_room(3, 10), &[code(3)], 1).await.unwrap();
}

/// "Not there" is `None`.
pub async fn an_unknown_room_is_none_and_not_an_error(s: impl Subject) {
    let store = s.store();
    let id = new_room(1, 10).id;
    assert!(store.room(APP, id).await.unwrap().is_none());
    assert!(store.apply(APP, id, take("bob", None), UnixMs(5)).await.unwrap().is_none());
}

/// Each answer carries the room of its commit, and reading shows the same; a command that changes nothing moves nothing.
pub async fn what_a_command_answers_is_what_the_next_read_shows(mut s: impl Subject) {
    let store = s.store();
    let made = make_room(&*store, 1, 10).await;
    let patch = RoomPatch { title: Some("neu".into()), notice: Some(String::new()), ..RoomPatch::default() };
    let owner = Caller::user(user("owner"));
    let commands = [
        (take("bob", Some(5)), Outcome::Seated(seat(5)), 2),
        (take("bob", Some(2)), Outcome::AlreadySeated(seat(5)), 2),
        (take("carol", Some(5)), Outcome::Seated(seat(1)), 3),
        (Command::Attend { user: user("bob") }, Outcome::Changed, 4),
        (Command::Attend { user: user("bob") }, Outcome::Unchanged, 4),
        (Command::Update { caller: owner.clone(), patch: patch.clone() }, Outcome::Changed, 5),
        (Command::Update { caller: owner, patch }, Outcome::Unchanged, 5),
        (Command::Release { index: seat(5), stay: 3 }, Outcome::Unchanged, 5),
        (leave("nobody"), Outcome::Unchanged, 5),
    ];
    for (command, outcome, version) in commands {
        let done = apply(&*store, made.id, command, 100).await;
        assert_eq!((&done.outcome, done.room.version), (&outcome, version));
        assert_eq!(read(&*store, made.id).await, done.room);
        assert_eq!(store.list_rooms(APP, PageStart::Offset(0), 10).await.unwrap(), [done.room]);
    }
    let last = apply(&*store, made.id, leave("bob"), 200).await.room;
    assert_eq!(last.seat(seat(5)).extends.as_deref(), Some(""));
    drop(store);
    s.reopen().await;
    assert_eq!(read(&*s.store(), made.id).await, last);
}

/// Texts beyond the basic plane, right to left, combining, and long ones are kept as they are.
pub async fn four_byte_text_comes_back_as_it_was(mut s: impl Subject) {
    let long = "🎤".repeat(255);
    let who = "🦀用户é e\u{301} \u{202e}אב";
    let room = NewRoom {
        title: format!("{long}'\"\\%_"),
        notice: "\u{10ffff}\n\t\r\u{1}".into(),
        extends: "{\"a\":\"\\u0000\"}".repeat(500),
        anchor: user(who),
        anchor_nick: "👩‍👩‍👧".into(),
        ..new_room(1, 10)
    };
    let made = s.store().create_room(room, &[code(1)], 0).await.unwrap();
    let done = apply(&*s.store(), made.id, take(who, None), 20).await;
    assert_eq!(done.outcome, Outcome::Seated(seat(1)));
    let patch = RoomPatch { cover_url: Some(long), ..RoomPatch::default() };
    let update = Command::Update { caller: Caller::user(user(who)), patch };
    let done = apply(&*s.store(), made.id, update, 30).await;
    s.reopen().await;
    assert_eq!(read(&*s.store(), made.id).await, done.room);
}

/// Names cannot hold a NUL at all; free text with one, should a caller let it through, is an error and not a half write.
pub async fn a_nul_in_a_text_is_refused_and_changes_nothing(s: impl Subject) {
    assert!(stoa_core::id::UserId::new("a\0").is_err());
    let store = s.store();
    let made = make_room(&*store, 1, 10).await;
    let bad = "a\0b".to_owned();
    assert!(store.create_room(NewRoom { title: bad.clone(), ..new_room(2, 10) }, &[code(2)], 0).await.is_err());
    let patch = RoomPatch { notice: Some(bad.clone()), title: Some("new".into()), ..RoomPatch::default() };
    let update = Command::Update { caller: Caller::user(user("owner")), patch };
    assert!(store.apply(APP, made.id, update, UnixMs(20)).await.is_err());
    let sit = Command::TakeSeat { user: user("bob"), wish: None, extends: bad, attended: true };
    assert!(store.apply(APP, made.id, sit, UnixMs(20)).await.is_err());
    assert_eq!(read(&*store, made.id).await, made);
    assert_eq!(store.list_rooms(APP, PageStart::Offset(0), 10).await.unwrap(), std::slice::from_ref(&made));
    let after = apply(&*store, made.id, take("bob", None), 30).await;
    assert_eq!(after.room.version, 2);
}

/// A kick writes the freed seat and the ban together, and the ban refuses the next seat until it ends.
pub async fn a_kick_stores_its_ban_with_the_freed_seat(mut s: impl Subject) {
    let made = make_room(&*s.store(), 1, 10).await;
    apply(&*s.store(), made.id, take("bob", None), 20).await;
    let kick = Command::Kick { user: user("bob"), source: Source::Room, by: "owner".into(), until: UnixMs(9000) };
    let done = apply(&*s.store(), made.id, kick, 5999).await;
    assert!(matches!(&done.outcome, Outcome::Freed(f) if f.len() == 1));
    s.reopen().await;
    let store = s.store();
    assert_eq!(read(&*store, made.id).await, done.room);
    let key = ChannelKey::of_room(APP, made.id);
    let ban = store.sanction(&key, &user("bob")).await.unwrap().unwrap();
    assert_eq!((ban.until, ban.not_before_secs, ban.source), (UnixMs(9000), 6, Source::Room));
    assert_eq!((ban.created, ban.by.as_str()), (UnixMs(5999), "owner"));
    assert_eq!(apply(&*store, made.id, take("bob", None), 8999).await.outcome, Outcome::Banned(UnixMs(9000)));
    assert_eq!(apply(&*store, made.id, take("bob", None), 9000).await.outcome, Outcome::Seated(seat(1)));
}

/// Exactly the live rooms in which an attended holder sits.
pub async fn attended_rooms_are_found_after_reopening(mut s: impl Subject) {
    let store = s.store();
    let sit = |who: &str| Command::TakeSeat { user: user(who), wish: None, extends: String::new(), attended: true };
    let mut rooms = Vec::new();
    for n in 0..5 {
        rooms.push(make_room(&*store, n, 10).await.id);
    }
    apply(&*store, rooms[0], sit("bob"), 20).await;
    apply(&*store, rooms[0], take("carol", None), 20).await;
    apply(&*store, rooms[1], take("carol", None), 20).await;
    apply(&*store, rooms[2], sit("bob"), 20).await;
    apply(&*store, rooms[2], leave("bob"), 20).await;
    apply(&*store, rooms[3], sit("bob"), 20).await;
    apply(&*store, rooms[3], dismiss(), 30).await;
    apply(&*store, rooms[4], take("eve", None), 20).await;
    apply(&*store, rooms[4], Command::Attend { user: user("eve") }, 30).await;
    drop(store);
    s.reopen().await;
    let store = s.store();
    let mut found = store.rooms_with_attended_seats().await.unwrap();
    found.sort_by_key(|r| r.id);
    let mut expected = vec![read(&*store, rooms[0]).await, read(&*store, rooms[4]).await];
    expected.sort_by_key(|r| r.id);
    assert_eq!(found, expected);
}

/// Dismissal frees the seats and keeps the record; a second one changes nothing.
pub async fn a_dismissed_room_keeps_its_record(mut s: impl Subject) {
    let made = make_room(&*s.store(), 1, 10).await;
    apply(&*s.store(), made.id, take("bob", None), 20).await;
    let done = apply(&*s.store(), made.id, dismiss(), 30).await;
    assert!(matches!(&done.outcome, Outcome::Dismissed(f) if f.len() == 1));
    assert_eq!((done.room.stopped, done.room.updated), (Some(UnixMs(30)), UnixMs(30)));
    let again = apply(&*s.store(), made.id, dismiss(), 40).await;
    assert_eq!((again.outcome, again.room), (Outcome::Ended, done.room.clone()));
    s.reopen().await;
    assert_eq!(read(&*s.store(), made.id).await, done.room);
    assert!(s.store().list_rooms(APP, PageStart::Offset(0), 10).await.unwrap().is_empty());
}
