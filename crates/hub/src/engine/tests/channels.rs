use super::*;

#[test]
fn c1_c2_c3_subscribing() {
    for format in Format::ALL {
        let mut w = World::new();
        let conn = w.connect(format, "a", "d");
        let s = w.subscribe(conn, "room:r", None);
        assert!(s.recoverable && s.positioned && !s.was_recovering && !s.recovered);
        assert_eq!((s.offset, s.epoch.len()), (0, 8));
        w.publish("room:r", &json!({"n": 1}));
        let push = w.push(conn);
        let p = push.publication.unwrap();
        assert_eq!((push.channel.as_str(), p.offset, &p.data[..]), ("room:r", 1, &br#"{"n":1}"#[..]));
        let sub = |ch: &str| json!({"id": 3, "subscribe": {"channel": ch}});
        for (channel, code) in [
            ("room:r".to_owned(), 105),
            (format!("room:{}", "x".repeat(251)), 107),
            ("room:a b".to_owned(), 107),
            ("none:r".to_owned(), 102),
            ("plain".to_owned(), 102),
            ("$room:r".to_owned(), 103),
            ("user:#a".to_owned(), 105),
            ("user:#b".to_owned(), 103),
        ] {
            assert_eq!(w.error(conn, sub(&channel)), code, "{channel}");
        }
        w.at += Duration::from_secs(10);
        for n in 1..128 {
            w.at += Duration::from_millis(20);
            w.subscribe(conn, &format!("room:{n}"), None);
        }
        assert_eq!(w.error(conn, sub("room:one-more")), 106);
        w.say(conn, &[json!({"id": 9, "unsubscribe": {"channel": "room:unknown"}})]);
        assert!(w.next(conn).unsubscribe.is_some());
        w.say(conn, &[json!({"id": 9, "unsubscribe": {"channel": "room:r"}})]);
        assert!(w.next(conn).unsubscribe.is_some());
        w.publish("room:r", &json!(2));
        w.quiet(conn);
        w.subscribe(conn, "room:one-more", None);
    }
}

#[test]
fn c4_c5_c7_c8_c10_recovery() {
    for format in Format::ALL {
        let mut w = World::new();
        let conn = w.connect(format, "a", "d");
        let epoch = w.subscribe(conn, "room:r", None).epoch;
        for n in 0..5 {
            w.publish("room:r", &json!(n));
        }
        w.wound(conn, Gone::Cut);
        for n in 5..15 {
            w.publish("room:r", &json!(n));
        }
        let mut back = |since: (u64, &str)| {
            w.at += Duration::from_secs(20);
            let conn = w.connect(format, "a", "d");
            let s = w.subscribe(conn, "room:r", Some(since));
            w.wound(conn, Gone::InOrder);
            assert!(s.was_recovering && s.recoverable);
            (s.recovered, offsets(&s.publications), s.offset)
        };
        assert_eq!(back((5, &epoch)), (true, (6..=15).collect(), 5));
        assert_eq!(back((15, &epoch)), (true, vec![], 15));
        assert_eq!(back((5, "abcdEFGH")), (false, vec![], 15));
        assert_eq!(back((16, &epoch)), (false, vec![], 15));
        assert_eq!(back((14, "")), (true, vec![15], 14));
        let conn = w.connect(format, "a", "d");
        let ask = |flag: i32| json!({"id": 2, "subscribe": {"channel": "room:r", "recover": true, "offset": 99, "epoch": epoch, "flag": flag}});
        assert_eq!(w.error(conn, ask(3)), 112);
        w.say(conn, &[ask(1)]);
        assert!(!w.next(conn).subscribe.unwrap().recovered);
    }
}

#[test]
fn c6_as_many_as_are_kept_and_no_more_than_300() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    for (channel, size) in [("room:r", 256u64), ("test:t", 400)] {
        for n in 0..500u64 {
            w.publish(channel, &json!(n));
        }
        let mut ask = |missed: u64| {
            w.at += Duration::from_secs(6);
            let s = w.subscribe(conn, channel, Some((500 - missed, "")));
            w.say(conn, &[json!({"id": 3, "unsubscribe": {"channel": channel}})]);
            w.next(conn);
            assert!(!s.recovered || s.publications.len() as u64 == missed);
            s.recovered
        };
        let most = size.min(300);
        assert_eq!([most - 1, most, most + 1, 500].map(&mut ask), [true, true, false, false], "{channel}");
    }
}

#[test]
fn c9_history_ends_and_the_epoch_stays() {
    let mut w = World::new();
    let before = w.publish("room:r", &json!(1));
    w.publish("room:r", &json!(2));
    w.pass(Duration::from_secs(601));
    let conn = w.connect(Format::Json, "a", "d");
    let s = w.subscribe(conn, "room:r", Some((1, &before.epoch)));
    assert_eq!((s.recovered, s.offset, &s.epoch), (false, 2, &before.epoch));
    w.wound(conn, Gone::InOrder);
    w.pass(Duration::from_secs(29 * 24 * 3600));
    assert_eq!(w.publish("room:r", &json!(3)).offset, 3);
    w.pass(Duration::from_secs(31 * 24 * 3600));
    assert_ne!(w.publish("room:r", &json!(4)).epoch, before.epoch);
}

#[test]
fn c12_the_personal_channel_recovers_through_connect() {
    for format in Format::ALL {
        let mut w = World::new();
        let conn = w.open(format);
        w.say(conn, &[json!({"id": 1, "connect": {"token": token("a", "d")}})]);
        let epoch = w.next(conn).connect.unwrap().subs["user:#a"].epoch.clone();
        w.publish("user:#a", &json!(1));
        assert_eq!(offsets(&w.publications(conn)), [1]);
        w.wound(conn, Gone::Cut);
        w.publish("user:#a", &json!(2));
        let conn = w.open(format);
        let subs = json!({"user:#a": {"recover": true, "offset": 1, "epoch": epoch}, "user:#b": {"recover": true}});
        w.say(conn, &[json!({"id": 1, "connect": {"token": token("a", "d"), "subs": subs}})]);
        let c = w.next(conn).connect.unwrap();
        assert_eq!(c.subs.keys().collect::<Vec<_>>(), ["user:#a"]);
        let s = &c.subs["user:#a"];
        assert_eq!((s.recovered, s.offset, offsets(&s.publications)), (true, 1, vec![2]));
        w.publish("user:#a", &json!(3));
        assert_eq!(offsets(&w.publications(conn)), [3]);
    }
}

#[test]
fn c15_live_only_publications_are_not_kept_and_move_nothing() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    w.subscribe(conn, "room:r", None);
    w.publish("room:r", &json!(1));
    let live = PublishOptions { skip_history: true, idempotency_key: None };
    let position = w.engine.publish(w.now(), "room:r", "{\"live\":1}", &live).unwrap();
    assert_eq!(position.offset, 0);
    w.publish("room:r", &json!(2));
    assert_eq!(offsets(&w.publications(conn)), [1, 0, 2]);
    let (kept, position) = w.engine.history("room:r", None, 100).unwrap();
    assert_eq!((kept.len(), position.offset), (2, 2));
}

#[test]
fn c16_history_pages() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    for n in 0..450 {
        w.publish("test:t", &json!(n));
    }
    let ask = |more: Value| {
        let mut h = json!({"channel": "test:t"});
        h.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"id": 5, "history": h})
    };
    assert_eq!(w.error(conn, ask(json!({}))), 103);
    let epoch = w.subscribe(conn, "test:t", None).epoch;
    let mut page = |more: Value| {
        w.at += Duration::from_secs(1);
        w.say(conn, &[ask(more)]);
        let h = w.next(conn).history.unwrap();
        assert_eq!((h.offset, &h.epoch), (450, &epoch));
        offsets(&h.publications)
    };
    assert_eq!(page(json!({})), Vec::<u64>::new());
    assert_eq!(page(json!({"limit": 20})), (51..=70).collect::<Vec<_>>());
    assert_eq!(page(json!({"limit": -1})), (51..=350).collect::<Vec<_>>());
    assert_eq!(page(json!({"limit": 3, "reverse": true})), [450, 449, 448]);
    assert_eq!(page(json!({"limit": 2, "since": {"offset": 100, "epoch": epoch}})), [101, 102]);
    assert_eq!(page(json!({"limit": 2, "since": {"offset": 100}, "reverse": true})), [99, 98]);
    assert_eq!(page(json!({"limit": 2, "since": {"offset": 449}})), [450]);
    assert_eq!(w.error(conn, ask(json!({"since": {"offset": 1, "epoch": "abcdEFGH"}}))), 112);
    let bare = json!({"id": 5, "history": {"channel": "bare:x"}});
    assert_eq!(w.error(conn, bare), 108);
}

#[test]
fn c19_what_is_not_offered() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    let sub = |name: &str, value: Value| json!({"id": 2, "subscribe": {"channel": "room:r", name: value}});
    assert_eq!(w.error(conn, sub("tf", json!({}))), 107);
    assert_eq!(w.error(conn, sub("type", json!(1))), 108);
    assert_eq!(w.error(conn, sub("token", json!("x"))), 103);
    w.say(conn, &[sub("delta", json!("fossil"))]);
    assert!(w.next(conn).subscribe.is_some());
    assert_eq!(w.error(conn, json!({"id": 2, "sub_refresh": {"channel": "room:x", "token": "t"}})), 103);
    assert_eq!(w.error(conn, json!({"id": 2, "publish": {"channel": "room:r", "data": {}}})), 103);
    assert_eq!(w.error(conn, json!({"id": 2, "publish": {"channel": "room:r"}})), 107);
    assert_eq!(w.error(conn, json!({"id": 2, "publish": {"channel": "none:r", "data": {}}})), 102);
}

#[test]
fn a18_what_the_reference_engine_leaves_to_others() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    // A function without a name: the product says what that is.
    w.say(conn, &[json!({"id": 2, "rpc": {"data": {"x": 1}}})]);
    assert_eq!(&w.next(conn).rpc.unwrap().data[..], br#"{"x":1}"#);
    // No subscription ends by itself, so nobody has anything to renew, with a token or without.
    w.subscribe(conn, "room:r", None);
    w.say(conn, &[json!({"id": 3, "sub_refresh": {"channel": "room:r"}})]);
    assert_eq!(w.code(conn), 3501);
}

#[test]
fn c20_a_failing_hook_is_temporary() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    w.rules.subscribe = Some(HubRefusal::INTERNAL);
    w.say(conn, &[json!({"id": 2, "subscribe": {"channel": "room:r"}})]);
    let error = w.next(conn).error.unwrap();
    assert_eq!((error.code, error.temporary), (100, true));
    w.rules.subscribe = None;
    w.subscribe(conn, "room:r", None);
}

#[test]
fn a_subscribe_and_its_unsubscribe_keep_their_order() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    w.rules.hold = true;
    let sub = |id: u32| json!({"id": id, "subscribe": {"channel": "room:r"}});
    w.say(conn, &[sub(2), json!({"id": 3, "unsubscribe": {"channel": "room:r"}}), sub(4)]);
    w.quiet(conn);
    w.answer_held();
    assert_eq!((w.next(conn).id, w.next(conn).id), (2, 3));
    w.quiet(conn);
    w.answer_held();
    let last = w.next(conn);
    assert!(last.id == 4 && last.subscribe.is_some());
    let came: Vec<bool> = w.presence.iter().map(|p| p.2).collect();
    assert_eq!(came, [true, false, true]);
}

#[test]
fn d1_d3_presence_for_clients() {
    for format in Format::ALL {
        let mut w = World::new();
        let a1 = w.connect(format, "a", "1");
        let a2 = w.connect(format, "a", "2");
        let b = w.connect(format, "b", "1");
        for conn in [a1, a2, b] {
            w.subscribe(conn, "room:r", None);
            w.subscribe(conn, "chat:r", None);
        }
        w.say(a1, &[json!({"id": 4, "presence_stats": {"channel": "room:r"}})]);
        let stats = w.next(a1).presence_stats.unwrap();
        assert_eq!((stats.num_clients, stats.num_users), (3, 2));
        w.say(a1, &[json!({"id": 4, "presence": {"channel": "room:r"}})]);
        let all = w.next(a1).presence.unwrap().presence;
        assert_eq!(all.len(), 3);
        assert_eq!(&all["client-3"].conn_info[..], br#"{"n":"b"}"#);
        assert_eq!(all["client-3"].user, "b");
        let ask = |ch: &str| json!({"id": 4, "presence": {"channel": ch}});
        assert_eq!(w.error(a1, ask("chat:r")), 108);
        assert_eq!(w.error(a1, ask("room:other")), 103);
        for _ in 0..17 {
            w.say(a1, &[ask("room:r")]);
            assert!(w.next(a1).presence.is_some());
        }
        assert_eq!(w.error(a1, ask("room:r")), 111);
        w.wound(a2, Gone::Cut);
        assert_eq!(w.engine.presence_stats("room:r"), Ok((2, 2)));
        w.wound(b, Gone::InOrder);
        assert_eq!(w.engine.presence_stats("room:r"), Ok((1, 1)));
        let left: Vec<HubLeft> = w.presence.iter().filter(|p| !p.2).map(|p| p.3).collect();
        assert_eq!(left, [HubLeft::Lost(Duration::ZERO), HubLeft::Itself]);
    }
}

/// Batches: one frame per tick and subscriber, and newcomers are let in between.
#[test]
fn batching_shares_frames_and_admits_at_the_tick() {
    let mut config = config();
    config.limits.connections_per_user = 1_000;
    let mut w = World::with(config);
    let mut all = Vec::new();
    for n in 0..250 {
        let format = Format::ALL[n % 2];
        let conn = w.connect(format, &format!("u{n}"), "d");
        w.subscribe(conn, "chat:r", None);
        all.push(conn);
    }
    w.publish("chat:r", &json!(0));
    assert_eq!(w.publications(all[0]).len(), 1, "the leading edge goes at once");
    w.frames = 0;
    for n in 1..=50 {
        w.publish("chat:r", &json!(n));
    }
    assert_eq!(w.frames, 0);
    let late = w.connect(Format::Json, "late", "d");
    w.say(late, &[json!({"id": 2, "subscribe": {"channel": "chat:r", "recover": true, "offset": 40}})]);
    w.quiet(late);
    w.frames = 0;
    w.pass(Duration::from_millis(20));
    assert_eq!(w.frames, 251, "one frame each, and the newcomer's answer");
    for conn in &all[1..] {
        assert_eq!(offsets(&w.publications(*conn)), (1..=51).collect::<Vec<_>>());
    }
    let s = w.next(late).subscribe.unwrap();
    assert_eq!((s.recovered, offsets(&s.publications)), (true, (41..=51).collect::<Vec<_>>()));
    let timers = w.engine.timers.len();
    for _ in 0..500 {
        w.publish("chat:r", &json!(0));
        w.publish("chat:r", &json!(0));
        w.pass(Duration::from_millis(20));
    }
    assert!(w.engine.timers.len() < timers + 10, "ticks leave nothing behind");
    w.pass(Duration::from_millis(20));
    w.publications(late);
    let top = w.engine.history("chat:r", None, 0).unwrap().1.offset;
    w.publish("chat:r", &json!(0));
    w.publish("chat:r", &json!("x".repeat(40_000)));
    assert_eq!(offsets(&w.publications(late)), [top + 1, top + 2], "a full batch does not wait");
}

#[test]
fn waiting_subscribers_may_go_again() {
    let mut config = config();
    config.limits.connections_per_user = 1_000;
    let mut w = World::with(config);
    let all: Vec<ConnId> = (0..200)
        .map(|n| {
            let conn = w.connect(Format::Json, &format!("u{n}"), "d");
            w.subscribe(conn, "room:r", None);
            conn
        })
        .collect();
    w.publish("room:r", &json!(0));
    w.publish("room:r", &json!(1));
    let (stays, gone, taken) =
        (w.connect(Format::Json, "s", "d"), w.connect(Format::Json, "g", "d"), w.connect(Format::Json, "t", "d"));
    for conn in [stays, gone, taken] {
        w.say(conn, &[json!({"id": 2, "subscribe": {"channel": "room:r"}})]);
    }
    w.wound(gone, Gone::Cut);
    w.say(taken, &[json!({"id": 3, "unsubscribe": {"channel": "room:r"}})]);
    for conn in all {
        w.wound(conn, Gone::Cut);
    }
    assert_eq!(w.next(stays).subscribe.unwrap().offset, 2);
    assert_eq!((w.next(taken).id, w.next(taken).id), (2, 3));
    assert_eq!(w.engine.presence_stats("room:r"), Ok((1, 1)));
}

#[test]
fn what_one_connection_recovers_is_bounded_and_said() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    let mut lost = 0;
    for ch in 0..6 {
        for _ in 0..25 {
            w.publish(&format!("room:{ch}"), &json!("x".repeat(10_000)));
        }
        let s = w.subscribe(conn, &format!("room:{ch}"), Some((0, "")));
        lost += u32::from(!s.recovered);
        assert_eq!(s.recovered, !s.publications.is_empty());
    }
    assert_eq!(lost, 3);
}
