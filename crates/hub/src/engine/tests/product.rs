use super::*;

fn key(key: &str) -> PublishOptions {
    PublishOptions { skip_history: false, idempotency_key: Some(key.to_owned()) }
}

#[test]
fn publishing_is_checked_and_repeated_keys_are_one_publication() {
    let mut w = World::new();
    let now = w.now();
    let plain = PublishOptions::default();
    assert_eq!(w.engine.publish(now, "none:x", "1", &plain), Err(ApiError::UnknownNamespace));
    assert_eq!(w.engine.publish(now, "room:a\nb", "1", &plain), Err(ApiError::BadName));
    assert_eq!(w.engine.publish(now, "room:x", "{", &plain), Err(ApiError::BadData));
    let first = w.engine.publish(now, "room:x", "1", &key("k")).unwrap();
    assert_eq!(w.engine.publish(now, "room:x", "2", &key("k")).unwrap(), first);
    assert_eq!(w.engine.publish(now, "room:x", "3", &plain).unwrap().offset, 2);
    assert_eq!(w.engine.publish(now, "room:y", "1", &key("k")).unwrap().offset, 1);
    w.pass(Duration::from_secs(301));
    assert_eq!(w.engine.publish(w.now(), "room:x", "4", &key("k")).unwrap().offset, 3);
}

#[test]
fn the_server_subscribes_and_unsubscribes() {
    for format in Format::ALL {
        let mut w = World::new();
        let (one, two, other) = (w.connect(format, "a", "1"), w.connect(format, "a", "2"), w.connect(format, "b", "1"));
        w.publish("room:r", &json!(1));
        w.engine.subscribe_user(w.now(), "a", "room:r").unwrap();
        w.settle();
        for conn in [one, two] {
            let push = w.push(conn);
            let s = push.subscribe.unwrap();
            assert_eq!((push.channel.as_str(), s.offset, s.recoverable, s.positioned), ("room:r", 1, true, true));
        }
        w.quiet(other);
        w.subscribe(other, "room:r", None);
        // What was published before arrives before.
        w.engine.publish(w.now(), "room:r", "2", &PublishOptions::default()).unwrap();
        w.engine.unsubscribe_user(w.now(), "a", "room:r", Some("client-1")).unwrap();
        w.settle();
        assert_eq!(w.push(one).publication.unwrap().offset, 2);
        let end = w.push(one).unsubscribe.unwrap();
        assert_eq!((end.code, end.reason.as_str()), (2000, "server unsubscribe"));
        w.publish("room:r", &json!(3));
        w.quiet(one);
        assert_eq!(offsets(&w.publications(two)), [2, 3]);
        assert_eq!(w.presence.last().unwrap().3, HubLeft::Server);
        w.engine.unsubscribe_user(w.now(), "nobody", "room:r", None).unwrap();
        w.engine.unsubscribe_user(w.now(), "a", "room:empty", None).unwrap();
    }
}

/// F3, the hub's part: the product's word counts although the answer to an earlier question is a yes.
#[test]
fn f3_unsubscribe_and_disconnect_win_over_a_hook_under_way() {
    let mut w = World::new();
    let conn = w.connect(Format::Json, "a", "d");
    w.rules.hold = true;
    w.say(conn, &[json!({"id": 2, "subscribe": {"channel": "room:r"}})]);
    w.engine.unsubscribe_user(w.now(), "a", "room:r", None).unwrap();
    w.answer_held();
    assert_eq!(w.next(conn).error.unwrap().code, 103);
    assert_eq!(w.engine.presence_stats("room:r"), Ok((0, 0)));
    // A later question is a new one.
    w.say(conn, &[json!({"id": 3, "subscribe": {"channel": "room:r"}})]);
    w.answer_held();
    assert!(w.next(conn).subscribe.is_some());

    w.say(conn, &[json!({"id": 4, "subscribe": {"channel": "room:s"}})]);
    let connecting = w.open(Format::Json);
    w.say(connecting, &[json!({"id": 1, "connect": {"token": token("a", "e")}})]);
    w.engine.disconnect_user(w.now(), "a", None, 4501, "banned");
    w.settle();
    assert_eq!((w.code(conn), w.code(connecting)), (4501, 4501));
    w.answer_held();
    w.answer_held();
    assert_eq!(w.engine.presence_stats("room:s"), Ok((0, 0)));
    assert!(w.engine.connections().is_empty());
}

#[test]
fn disconnect_lets_what_was_published_before_arrive() {
    let mut w = World::new();
    let (one, two) = (w.connect(Format::Json, "a", "1"), w.connect(Format::Json, "a", "2"));
    w.engine.publish(w.now(), "user:#a", "{\"kind\":\"banned\"}", &PublishOptions::default()).unwrap();
    w.engine.disconnect_user(w.now(), "a", Some("client-2"), 4501, "banned");
    w.settle();
    assert!(w.push(two).publication.is_some());
    assert_eq!(w.closes[&two], (4501, "banned".to_owned()));
    assert!(!w.closes.contains_key(&one));
}

#[test]
fn e17_kept_publications_are_replaced_and_removed() {
    let mut w = World::new();
    let epoch = w.publish("chat:r", &json!("one")).epoch;
    w.publish("chat:r", &json!("two"));
    assert_eq!(w.engine.history_replace("chat:r", 1, "{\"kind\":\"gone\"}"), Ok(true));
    assert_eq!(w.engine.history_replace("chat:r", 3, "1"), Ok(false));
    assert_eq!(w.engine.history_replace("chat:r", 0, "1"), Ok(false));
    assert_eq!(w.engine.history_replace("chat:none", 1, "1"), Ok(false));
    let (kept, position) = w.engine.history("chat:r", None, 10).unwrap();
    let data: Vec<&str> = kept.iter().map(|p| p.data.as_str()).collect();
    assert_eq!((data, position.offset), (vec!["{\"kind\":\"gone\"}", "\"two\""], 2));
    w.engine.history_remove(w.now(), "chat:r").unwrap();
    let conn = w.connect(Format::Json, "a", "d");
    assert!(w.subscribe(conn, "chat:r", Some((2, &epoch))).recovered);
    w.say(conn, &[json!({"id": 3, "unsubscribe": {"channel": "chat:r"}})]);
    w.next(conn);
    assert!(!w.subscribe(conn, "chat:r", Some((1, &epoch))).recovered);
    let other = Position { offset: 1, epoch: "abcdEFGH".to_owned() };
    assert_eq!(w.engine.history("chat:r", Some(&other), 1), Err(ApiError::OtherEpoch));
}

/// C17, the hub's part: a position that the product asks for stays good although nobody is in the channel.
#[test]
fn c17_a_position_handed_out_stays_good() {
    let mut w = World::new();
    let (_, position) = w.engine.history("room:new", None, 0).unwrap();
    w.publish("room:new", &json!(1));
    let conn = w.connect(Format::Json, "a", "d");
    let s = w.subscribe(conn, "room:new", Some((position.offset, &position.epoch)));
    assert_eq!((s.recovered, offsets(&s.publications)), (true, vec![1]));
}

#[test]
fn g10_above_the_budget_publications_go_and_positions_stay() {
    let mut config = config();
    config.limits.history_bytes = 50_000;
    let mut w = World::with(config);
    let conn = w.connect(Format::Json, "a", "d");
    w.subscribe(conn, "room:live", None);
    let first = w.publish("room:0", &json!("x".repeat(5_000)));
    let live = w.publish("room:live", &json!("x".repeat(5_000)));
    for n in 1..20 {
        w.at += Duration::from_millis(1);
        w.publish(&format!("room:{n}"), &json!("x".repeat(5_000)));
    }
    assert!(w.engine.history_bytes <= 50_000);
    let (kept, position) = w.engine.history("room:0", None, 9).unwrap();
    assert_eq!((kept.len(), position), (0, first));
    let (kept, position) = w.engine.history("room:live", None, 9).unwrap();
    assert_eq!((kept.len(), position), (1, live));
    let sum: usize = w.engine.channels.iter().map(|(_, c)| c.ring_bytes()).sum();
    assert_eq!(sum, w.engine.history_bytes);
}
