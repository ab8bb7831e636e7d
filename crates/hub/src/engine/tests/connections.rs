use super::*;
use crate::proto::ErrorReply;

fn both(test: impl Fn(Format)) {
    Format::ALL.into_iter().for_each(test);
}

#[test]
fn a1_b1_connect_is_answered_in_full() {
    both(|format| {
        let mut w = World::new();
        let conn = w.open(format);
        w.say(conn, &[json!({"id": 1, "connect": {"token": token_until("alice", "d", START / 1000 + 600)}})]);
        let reply = w.next(conn);
        let c = reply.connect.unwrap();
        assert_eq!((reply.id, c.client.as_str(), c.expires, c.ping, c.pong), (1, "client-1", true, 25, true));
        assert_eq!((c.ttl, c.time), (599, START + 1000));
        let personal = &c.subs["user:#alice"];
        assert!(personal.recoverable && personal.positioned && !personal.was_recovering);
        assert_eq!(personal.epoch.len(), 8);
    });
}

#[test]
fn a3_connect_and_subscribes_in_one_frame_are_answered_in_order() {
    both(|format| {
        let mut w = World::new();
        w.rules.hold = true;
        let conn = w.open(format);
        let subscribe = |id: u32, ch: &str| json!({"id": id, "subscribe": {"channel": ch, "flag": 1}});
        w.say(
            conn,
            &[json!({"id": 1, "connect": {"token": token("a", "d")}}), subscribe(2, "room:r"), subscribe(3, "chat:r")],
        );
        w.quiet(conn);
        w.rules.hold = false;
        w.answer_held();
        let ids: Vec<u32> = w.inbox[&conn].iter().map(|r| r.id).collect();
        assert_eq!(ids, [1, 2, 3]);
    });
}

#[test]
fn a10_a11_a15_violations_close() {
    both(|format| {
        let connect = json!({"id": 1, "connect": {"token": token("a", "d")}});
        for (command, code) in [
            (json!({"id": 1, "rpc": {"method": "x"}}), 3501),
            (json!({"connect": {"token": token("a", "d")}}), 3501),
            (json!({"id": 5}), 3501),
            (json!({}), 3501),
            (json!({"id": 1, "connect": {}}), 3501),
            (json!({"id": 1, "connect": {"token": "x"}}), 3500),
            (json!({"send": {"data": {}}}), 3501),
        ] {
            let mut w = World::new();
            let conn = w.open(format);
            w.say(conn, std::slice::from_ref(&command));
            assert_eq!(w.code(conn), code, "{command}");
        }
        for (command, code) in [
            (connect.clone(), 3501),
            (json!({}), 3501),
            (json!({"id": 5}), 3501),
            (json!({"id": 5, "rpc": {"method": "x"}, "ping": {}}), 3501),
            (json!({"rpc": {"method": "x"}}), 3501),
            (json!({"send": {"data": {}}}), 3508),
            (json!({"id": 3, "ping": {}}), 3501),
            (json!({"id": 3, "subscribe": {}}), 3501),
            (json!({"id": 3, "subscribe": {"channel": "room:r", "delta": "x"}}), 3501),
            (json!({"id": 3, "publish": {"data": 1}}), 3501),
            (json!({"id": 3, "refresh": {}}), 3501),
        ] {
            let mut w = World::new();
            let conn = w.connect(format, "a", "d");
            w.say(conn, std::slice::from_ref(&command));
            assert_eq!(w.code(conn), code, "{command}");
        }
    });
}

#[test]
fn a12_silence_before_connect_and_dead_connections_end() {
    let mut w = World::new();
    let silent = w.open(Format::Json);
    let dead = w.open(Format::Json);
    w.say(dead, &[json!({"id": 1, "connect": {"token": token_until("a", "d", 5)}})]);
    assert_eq!(w.next(dead).error.unwrap().code, 109);
    w.pass(Duration::from_millis(9_990));
    assert!(w.closes.is_empty());
    w.pass(Duration::from_millis(20));
    assert_eq!((w.code(silent), w.code(dead)), (3502, 3502));
}

#[test]
fn b2_what_came_with_a_refused_connect_is_dropped_and_what_comes_later_closes() {
    let mut w = World::new();
    w.rules.connect = Some(HubRefusal::INTERNAL);
    let conn = w.open(Format::Json);
    let subscribe = json!({"id": 2, "subscribe": {"channel": "room:r"}});
    w.say(conn, &[json!({"id": 1, "connect": {"token": token("a", "d")}}), subscribe.clone()]);
    let error = w.next(conn).error.unwrap();
    assert_eq!((error.code, error.temporary), (100, true));
    w.quiet(conn);
    assert!(w.closes.is_empty());
    w.say(conn, &[subscribe]);
    assert_eq!(w.code(conn), 3501);
}

#[test]
fn hooks_may_close_at_connect() {
    let mut w = World::new();
    w.rules.connect = Some(HubRefusal::Disconnect { code: 4501, reason: "banned" });
    let conn = w.open(Format::Json);
    w.say(conn, &[json!({"id": 1, "connect": {"token": token("a", "d")}})]);
    assert_eq!(w.closes[&conn], (4501, "banned".to_owned()));
}

#[test]
fn b6_b7_b8_b9_refresh() {
    both(|format| {
        let mut w = World::new();
        let conn = w.open(format);
        let until = |secs: i64| START / 1000 + secs;
        w.say(conn, &[json!({"id": 1, "connect": {"token": token_until("a", "d", until(601))}})]);
        w.next(conn);
        for n in 1..4 {
            w.at += Duration::from_secs(590);
            let fresh = token_until("a", "d", w.now().wall.secs() + 600);
            w.say(conn, &[json!({"id": n + 1, "refresh": {"token": fresh}})]);
            let r = w.next(conn).refresh.unwrap();
            assert_eq!((r.client.as_str(), r.expires, r.ttl), ("client-1", true, 600));
        }
        // Its pings go unanswered on purpose: only the expiry is looked at.
        let end = w.at + Duration::from_secs(625);
        for secs in [599, 25] {
            w.at += Duration::from_secs(secs);
            assert!(w.engine.connections().contains(&conn));
        }
        w.at = end + Duration::from_millis(1);
        w.engine.advance(w.now(), true);
        w.settle();
        assert_eq!(w.code(conn), 3005);

        for (bad, code) in [(token_until("a", "d", 5), 3005), (token("b", "d"), 3500), ("x".to_owned(), 3500)] {
            let conn = w.connect(format, "a", "d");
            w.say(conn, &[json!({"id": 2, "refresh": {"token": bad}})]);
            assert_eq!(w.code(conn), code);
        }
        let conn = w.connect(format, "a", "d");
        w.rules.connect = Some(HubRefusal::Disconnect { code: 4503, reason: "signed out" });
        w.say(conn, &[json!({"id": 2, "refresh": {"token": token("a", "d")}})]);
        assert_eq!(w.code(conn), 4503);
    });
}

#[test]
fn pings_are_spread_and_the_clock_of_the_pong_starts_on_the_wire() {
    both(|format| {
        let mut w = World::new();
        let conn = w.connect(format, "a", "d");
        w.pass(Duration::from_millis(12_400));
        assert!(w.pings.is_empty());
        w.pass(Duration::from_millis(12_700));
        assert_eq!(w.pings, [conn]);
        // Not written yet: nothing is due.
        w.pass(Duration::from_secs(20));
        assert!(w.closes.is_empty());
        w.engine.ping_written(w.now(), conn);
        w.pass(Duration::from_millis(7_900));
        w.say(conn, &[json!({})]);
        w.pass(Duration::from_millis(200));
        assert!(w.closes.is_empty());
        while w.pings.len() < 2 {
            w.pass(Duration::from_secs(1));
        }
        w.engine.ping_written(w.now(), conn);
        w.pass(Duration::from_millis(7_990));
        // Inputs wait to be read: the pong may be among them.
        w.at += Duration::from_millis(20);
        w.engine.advance(w.now(), true);
        w.settle();
        assert!(w.closes.is_empty());
        w.subscribe(conn, "room:r", None);
        w.pass(Duration::from_millis(1_100));
        assert_eq!(w.code(conn), 3012);
        // The last sign of life was the subscribe; the clock of the pong went on for a second.
        let HubLeft::Lost(silent) = w.presence.last().unwrap().3 else { panic!("its user may be back in a moment") };
        assert!((1_000..1_200).contains(&silent.as_millis()), "{silent:?}");
    });
}

#[test]
fn g4_a_flood_of_commands_is_refused_then_ended() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    let mut refused = 0;
    for n in 0..6_000u32 {
        w.at += Duration::from_millis(2);
        w.say(conn, &[json!({"id": n + 2, "rpc": {"method": "x", "data": {}}})]);
        if w.closes.contains_key(&conn) {
            assert_eq!(w.code(conn), 3013);
            assert!(n > 5_000, "after {n}");
            assert!(refused > 4_000, "{refused}");
            return;
        }
        let reply = w.next(conn);
        match reply.error {
            Some(ErrorReply { code, temporary, .. }) => {
                assert_eq!((code, temporary), (111, true));
                refused += 1;
            }
            None => assert_eq!(&reply.rpc.unwrap().data[..], b"{}"),
        }
    }
    panic!("not ended");
}

#[test]
fn a_hundred_failures_in_ten_seconds_end_a_connection() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    for n in 0..100u32 {
        assert!(!w.closes.contains_key(&conn), "after {n}");
        w.at += Duration::from_millis(20);
        w.say(conn, &[json!({"id": n + 2, "publish": {"channel": "room:r", "data": 1}})]);
    }
    assert_eq!(w.code(conn), 3509);
}

#[test]
fn connects_of_one_user_have_a_rate() {
    let mut w = World::new();
    for _ in 0..10 {
        let conn = w.connect(Format::Json, "a", "d");
        w.wound(conn, Gone::InOrder);
    }
    let conn = w.open(Format::Json);
    let connect = json!({"id": 1, "connect": {"token": token("a", "d")}});
    let error = w.error(conn, connect);
    assert_eq!(error, 111);
    w.connect(Format::Json, "b", "d");
    w.at += Duration::from_secs(1);
    w.connect(Format::Json, "a", "d");
}

#[test]
fn commands_that_wait_are_bounded_by_bytes() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    w.rules.hold = true;
    let call = |id: u32| json!({"id": id, "rpc": {"method": "m", "data": "x".repeat(60_000)}});
    for id in 2..8 {
        w.say(conn, &[call(id)]);
    }
    assert_eq!(w.next(conn).error.unwrap().code, 111);
    let early = w.open(Format::Json);
    w.say(early, &[json!({"id": 1, "connect": {"token": token("b", "d")}})]);
    for id in 2..8 {
        w.say(early, &[call(id)]);
    }
    assert_eq!(w.code(early), 3501);
}

#[test]
fn calls_of_one_connection_keep_their_order() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    w.rules.hold = true;
    let call = |id: u32| json!({"id": id, "rpc": {"method": "m", "data": {"n": id}}});
    w.say(conn, &[call(2), call(3), call(4)]);
    for id in 2..5 {
        assert_eq!(w.held.len(), 1, "one at a time");
        w.quiet(conn);
        w.answer_held();
        assert_eq!(w.next(conn).id, id);
    }
    w.say(conn, &[call(5)]);
    let many: Vec<Value> = (0..70).map(|n| call(n + 6)).collect();
    w.say(conn, &many);
    assert_eq!(w.next(conn).error.unwrap().code, 111);
}

#[test]
fn f8_f9_f12_single_login() {
    let mut w = World::new();
    w.rules.policy = SingleLogin::User;
    let old = w.connect(Format::Json, "a", "one");
    let other = w.connect(Format::Json, "b", "one");
    let new = w.connect(Format::Protobuf, "a", "two");
    assert_eq!(w.closes[&old], (4504, "signed in elsewhere".to_owned()));
    assert!(!w.closes.contains_key(&other) && !w.closes.contains_key(&new));

    w.rules.policy = SingleLogin::Device;
    let one = w.connect(Format::Json, "c", "one");
    let two = w.connect(Format::Json, "c", "two");
    let again = w.connect(Format::Json, "c", "one");
    assert_eq!(w.code(one), 4504);
    assert!(!w.closes.contains_key(&two) && !w.closes.contains_key(&again));

    w.rules.policy = SingleLogin::Cap;
    let nine: Vec<ConnId> = (0..9).map(|_| w.connect(Format::Json, "d", "x")).collect();
    assert_eq!(w.code(nine[0]), 4504);
    assert!(nine[1..].iter().all(|c| !w.closes.contains_key(c)));
}

#[test]
fn f13_faces_do_not_replace_each_other() {
    let mut w = World::new();
    w.rules.policy = SingleLogin::User;
    let class = w.connect(Format::Json, "a", "one");
    let voice = w.open(Format::Json);
    let meta = json!({"app": 1, "face": "voice", "dev": "one"});
    let token = sign(&json!({"sub": "a", "exp": START / 1000 + 600, "aud": "hub", "meta": meta}));
    w.say(voice, &[json!({"id": 1, "connect": {"token": token}})]);
    assert!(w.next(voice).connect.is_some());
    assert!(!w.closes.contains_key(&class));
}

#[test]
fn the_later_connect_wins_whoever_is_answered_first() {
    let mut w = World::new();
    w.rules.policy = SingleLogin::User;
    w.rules.hold = true;
    let (first, second) = (w.open(Format::Json), w.open(Format::Json));
    for conn in [first, second] {
        w.say(conn, &[json!({"id": 1, "connect": {"token": token("a", "d")}})]);
    }
    w.held.swap(0, 1);
    w.answer_held();
    assert!(w.next(second).connect.is_some());
    w.answer_held();
    assert_eq!(w.code(first), 4504);
    assert!(!w.closes.contains_key(&second));
}

#[test]
fn a_replaced_connection_says_so_in_presence() {
    let mut w = World::new();
    w.rules.policy = SingleLogin::User;
    let old = w.connect(Format::Json, "a", "one");
    w.subscribe(old, "room:r", None);
    w.presence.clear();
    w.connect(Format::Json, "a", "one");
    assert_eq!(w.presence, [("room:r".to_owned(), "client-1".to_owned(), false, HubLeft::Replaced)]);
}

#[test]
fn h6_a_jump_of_the_wall_clock_ends_nobody() {
    let mut w = World::new();
    let conn = w.open(Format::Json);
    w.say(conn, &[json!({"id": 1, "connect": {"token": token_until("a", "d", START / 1000 + 600)}})]);
    w.next(conn);
    w.subscribe(conn, "room:r", None);
    let epoch = w.publish("room:r", &json!(1)).epoch;
    for jump in [3_600_000, -3_600_000] {
        w.at += Duration::from_secs(1);
        let now = Now { wall: UnixMs(w.now().wall.0 + jump), mono: w.at };
        w.engine.advance(now, false);
        w.settle();
        assert!(w.closes.is_empty());
    }
    assert_eq!(w.publish("room:r", &json!(2)), Position { offset: 2, epoch });
}
