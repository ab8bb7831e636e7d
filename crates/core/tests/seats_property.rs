//! No sequence of commands breaks a seat: compared with a model that is nothing but a list of names.
#![allow(clippy::unwrap_used, reason = "a test")]

use proptest::prelude::*;
use stoa_core::caller::Caller;
use stoa_core::id::{AppId, RoomId, UserId};
use stoa_core::sanction::Source;
use stoa_core::time::UnixMs;
use stoa_core::voice::{About, Command, NewRoom, Outcome, Room, SeatIndex, decide};

fn user(n: u8) -> UserId {
    UserId::new(format!("u{n}")).unwrap()
}

fn fresh() -> Room {
    NewRoom {
        id: RoomId([3; 16]),
        app: AppId(1),
        created: UnixMs(0),
        title: "t".into(),
        notice: String::new(),
        extends: String::new(),
        anchor: user(0),
        anchor_nick: String::new(),
    }
    .into_room(10_000_000)
}

fn commands() -> impl Strategy<Value = Command> {
    let who = 0u8..14;
    let caller =
        (0u8..14, prop::bool::weighted(0.1)).prop_map(|(n, admin)| Caller { user: user(n), admin, unbound: false });
    prop_oneof![
        6 => (who.clone(), -2i64..9, any::<bool>()).prop_map(|(n, w, attended)| Command::TakeSeat {
            user: user(n), wish: SeatIndex::wish(w).unwrap(), extends: format!("{{\"n\":{n}}}"), attended }),
        4 => (caller.clone(), who.clone(), -2i64..9).prop_map(|(caller, t, i)| Command::LeaveSeat {
            caller, target: user(t), index: SeatIndex::wish(i).unwrap() }),
        1 => who.clone().prop_map(|n| Command::Attend { user: user(n) }),
        2 => (1i64..9, 0u64..60).prop_map(|(i, stay)| Command::Release { index: SeatIndex::new(i).unwrap(), stay }),
        1 => who.prop_map(|n| Command::Kick { user: user(n), source: Source::Talk, by: "x".into(), until: UnixMs(0) }),
        1 => caller.prop_map(|caller| Command::Dismiss { caller }),
    ]
}

proptest! {
    #[test]
    fn seats_stay_consistent_under_any_sequence(seq in prop::collection::vec(commands(), 1..120)) {
        let mut room = fresh();
        for (i, c) in seq.iter().enumerate() {
            let before = room.clone();
            let d = decide(&before, About::default(), c, UnixMs(i64::try_from(i).unwrap()));
            prop_assert_eq!(&d, &decide(&before, About::default(), c, UnixMs(i64::try_from(i).unwrap())), "replayable");
            if let Some(next) = d.room {
                prop_assert_eq!(next.version, before.version + 1);
                room = next;
            }
            let holders: Vec<_> = room.holders().map(|(_, t)| t.user.clone()).collect();
            let mut distinct = holders.clone();
            distinct.sort();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), holders.len(), "a user on two seats");
            prop_assert!(room.live() || holders.is_empty(), "a holder in a dismissed room");
            for (index, t) in room.holders() {
                let was = before.seat(index).taken.as_ref();
                let took = matches!(&d.outcome, Outcome::Seated(at) if *at == index);
                prop_assert!(took || was.is_some_and(|w| w.user == t.user && w.stay == t.stay), "a seat filled itself");
            }
            for n in 1..14 {
                prop_assert_eq!(room.may_publish(&user(n)), room.seat_of(&user(n)).is_some());
            }
            prop_assert_eq!(room.may_publish(&user(0)), room.live());
        }
    }
}
