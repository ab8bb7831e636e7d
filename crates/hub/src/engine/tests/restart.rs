use super::*;

fn written() -> (World, Vec<u8>, Position) {
    let mut w = World::new();
    for n in 0..300 {
        w.publish("room:r", &json!({"n": n}));
    }
    let conn = w.connect(Format::Json, "a", "d");
    w.subscribe(conn, "chat:quiet", None);
    let position = w.publish("room:r", &json!("last"));
    let bytes = w.engine.freeze(w.now());
    (w, bytes, position)
}

#[test]
fn h1_positions_and_publications_outlive_a_planned_stop() {
    let (mut old, bytes, position) = written();
    assert_eq!(old.engine.publish(old.now(), "room:r", "1", &PublishOptions::default()), Err(ApiError::Stopping));
    let quiet = old.engine.history("chat:quiet", None, 0).unwrap().1;
    let mut w = World::new();
    w.at = Duration::from_secs(61);
    assert_eq!(w.engine.restore(w.now(), &bytes), Ok(3));
    let conn = w.connect(Format::Json, "a", "d");
    let s = w.subscribe(conn, "room:r", Some((290, &position.epoch)));
    assert_eq!((s.recovered, offsets(&s.publications)), (true, (291..=301).collect::<Vec<_>>()));
    assert!(w.subscribe(conn, "chat:quiet", Some((0, &quiet.epoch))).recovered);
    assert_eq!(w.publish("room:r", &json!(1)), Position { offset: 302, epoch: position.epoch });
}

/// E17 over a restart: the place of a publication is found in what was taken over.
#[test]
fn h1_what_was_taken_over_can_be_replaced() {
    let (mut old, bytes, position) = written();
    assert_eq!(old.engine.history_replace("room:r", 301, "{}"), Err(ApiError::Stopping));
    let mut w = World::new();
    w.engine.restore(w.now(), &bytes).unwrap();
    let (kept, now) = w.engine.history("room:r", None, 300).unwrap();
    assert_eq!((kept.len(), now), (256, position.clone()));
    let last = kept.iter().find(|p| p.data == "\"last\"").unwrap().offset;
    assert_eq!(w.engine.history_replace("room:r", last, "{\"kind\":\"gone\"}"), Ok(true));
    let conn = w.connect(Format::Json, "a", "d");
    let s = w.subscribe(conn, "room:r", Some((last - 1, &position.epoch)));
    assert_eq!((s.recovered, &s.publications[0].data[..]), (true, &b"{\"kind\":\"gone\"}"[..]));
}

#[test]
fn h3_damaged_and_old_snapshots_are_refused() {
    let (_, bytes, _) = written();
    for at in (0..bytes.len()).step_by(97) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert_eq!(World::new().engine.restore(World::new().now(), &bad), Err(BadSnapshot::Corrupt), "at {at}");
        assert_eq!(World::new().engine.restore(World::new().now(), &bytes[..at]), Err(BadSnapshot::Corrupt));
    }
    for (secs, result) in [(0, Err(BadSnapshot::Stale)), (601, Ok(3)), (602, Err(BadSnapshot::Stale))] {
        let mut w = World::new();
        w.at = Duration::from_secs(secs);
        assert_eq!(w.engine.restore(w.now(), &bytes), result, "{secs}");
    }
}

#[test]
fn rings_age_over_a_restart() {
    let (_, bytes, position) = written();
    let mut w = World::new();
    w.at = Duration::from_secs(301);
    w.engine.restore(w.now(), &bytes).unwrap();
    w.pass(Duration::from_secs(299));
    assert_eq!(w.engine.history("room:r", None, 300).unwrap().0.len(), 256);
    w.pass(Duration::from_secs(2));
    let (kept, now) = w.engine.history("room:r", None, 300).unwrap();
    assert_eq!((kept.len(), now), (0, position));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_no_snapshot(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let mut w = World::new();
        let now = w.now();
        proptest::prop_assert_eq!(w.engine.restore(now, &bytes), Err(BadSnapshot::Corrupt));
    }
}
