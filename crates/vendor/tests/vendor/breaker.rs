//! A part that fails is left alone, found again, and says how it is.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stoa_core::time::UnixMs;
use stoa_vendor::aliyun::{Aliyun, Hosts, Settings};
use stoa_vendor::breaker::State;
use stoa_vendor::health::{LastError, Part};
use stoa_vendor::{Error, Kind, Limits, Why};
use tokio::join;

use crate::aliyun::settings;
use crate::mock::{Mock, NOW, Reply, World, limits, nobody, transport};

const OPEN: Error = Error::Unavailable(Why::Open);

fn good() -> Reply {
    Reply::Json(200, json!({"Result": {"Pv": 1}}))
}

fn with(base: &str, limits: Limits) -> (Aliyun, Arc<World>) {
    let (transport, world) = transport(limits);
    (Aliyun::new(settings(base), &transport).unwrap(), world)
}

/// Five calls that fail: groups, because each is sent once.
async fn fail(aliyun: &Aliyun) {
    for _ in 0..5 {
        let error = aliyun.create_message_group("u").await.unwrap_err();
        assert!(error != OPEN, "too early");
    }
}

async fn opened() -> (Mock, Aliyun, Arc<World>) {
    let mock = Mock::json(500, json!({})).await;
    let (aliyun, world) = with(&mock.base, limits());
    fail(&aliyun).await;
    (mock, aliyun, world)
}

#[tokio::test]
async fn five_failures_open_it_and_nothing_more_is_sent() {
    let (mock, aliyun, world) = opened().await;
    world.advance(4);
    assert_eq!(aliyun.create_message_group("u").await, Err(OPEN));
    assert_eq!(aliyun.group_statistics("g").await, Err(OPEN));
    assert_eq!(mock.seen().len(), 5);
    let health = aliyun.health()[0];
    assert_eq!((health.part, health.state, health.since), (Part::AliyunMessages, State::Open, UnixMs::from_secs(NOW)));
    let kind = Kind::Unavailable(Why::Status(500));
    assert_eq!(health.last_error, Some(LastError { kind, at: UnixMs::from_secs(NOW) }));
    assert_eq!((health.counts.calls, health.counts.unavailable, health.counts.turned_away), (7, 5, 2));
}

#[tokio::test]
async fn it_recovers_after_the_pause() {
    let (mock, aliyun, world) = opened().await;
    mock.now_reply([good()]);
    world.advance(5);
    aliyun.group_statistics("g").await.unwrap();
    let health = aliyun.health()[0];
    assert_eq!((health.state, health.since), (State::Closed, UnixMs::from_secs(NOW + 5)));
    assert!(health.last_error.is_some(), "what was is still told");
    aliyun.group_statistics("g").await.unwrap();
    assert_eq!(mock.seen().len(), 7);
}

#[tokio::test]
async fn half_open_lets_one_through() {
    let (mock, aliyun, world) = opened().await;
    mock.now_reply([Reply::Held(json!({"Result": {"Pv": 1}}))]);
    world.advance(5);
    let (probe, others) = join!(aliyun.group_statistics("g"), async {
        mock.arrived(6).await;
        assert_eq!(aliyun.health()[0].state, State::HalfOpen);
        let others = join!(aliyun.group_statistics("g"), aliyun.create_message_group("u"));
        mock.release();
        others
    });
    assert!(probe.is_ok());
    assert_eq!(others, (Err(OPEN), Err(OPEN)));
    assert_eq!(mock.seen().len(), 6);
    assert_eq!(aliyun.health()[0].state, State::Closed);
}

#[tokio::test]
async fn the_one_that_decides_is_made_once_and_opens_for_longer() {
    let (mock, aliyun, world) = opened().await;
    world.advance(5);
    assert_eq!(aliyun.group_statistics("g").await, Err(Error::Unavailable(Why::Status(500))));
    assert_eq!(mock.seen().len(), 6, "though it only asks");
    world.advance(9);
    assert_eq!(aliyun.group_statistics("g").await, Err(OPEN));
    world.advance(1);
    mock.now_reply([good()]);
    aliyun.group_statistics("g").await.unwrap();
}

#[tokio::test]
async fn one_that_nobody_waits_for_makes_room() {
    let (mock, aliyun, world) = opened().await;
    mock.now_reply([Reply::Held(json!({})), good()]);
    world.advance(5);
    tokio::select! {
        _ = aliyun.group_statistics("g") => panic!("it is held"),
        () = mock.arrived(6) => {}
    }
    assert_eq!((aliyun.health()[0].counts.abandoned, aliyun.health()[0].in_flight), (1, 0));
    aliyun.group_statistics("g").await.unwrap();
    assert_eq!(aliyun.health()[0].state, State::Closed);
}

#[tokio::test]
async fn refusals_do_not_open_it_and_nonsense_does() {
    let mock = Mock::json(403, json!({"Code": "Forbidden.RAM", "Message": "no"})).await;
    let (aliyun, _) = with(&mock.base, limits());
    for _ in 0..20 {
        assert!(matches!(aliyun.create_message_group("u").await, Err(Error::Refused { .. })));
    }
    assert_eq!((aliyun.health()[0].state, aliyun.health()[0].counts.refused), (State::Closed, 20));
    assert_eq!(aliyun.health()[0].last_error.map(|e| e.kind), Some(Kind::Refused));
    mock.now_reply([Reply::Raw(200, "<html>".to_owned())]);
    fail(&aliyun).await;
    assert_eq!((aliyun.health()[0].state, aliyun.health()[0].counts.malformed), (State::Open, 5));
    assert_eq!(aliyun.create_message_group("u").await, Err(OPEN));
}

#[tokio::test]
async fn a_vendor_that_is_not_there_opens_it() {
    let (aliyun, _) = with(&nobody().await, limits());
    fail(&aliyun).await;
    assert_eq!(aliyun.create_message_group("u").await, Err(OPEN));
    assert_eq!(aliyun.health()[0].last_error.map(|e| e.kind.word()), Some("connect"));
}

#[tokio::test]
async fn parts_fail_alone() {
    let (bad, fine) = (Mock::json(500, json!({})).await, Mock::json(200, json!({"MediaList": []})).await);
    let (transport, _) = transport(limits());
    let hosts = Hosts { live: bad.base.clone(), vod: fine.base.clone() };
    let aliyun = Aliyun::new(Settings { hosts, ..settings("") }, &transport).unwrap();
    fail(&aliyun).await;
    assert_eq!(aliyun.search_media("t").await.unwrap(), None);
    // The same host, another part.
    assert_eq!(aliyun.channel_participants("c").await, Err(Error::Unavailable(Why::Status(500))));
    let states = aliyun.health().map(|h| (h.part.word(), h.state.word()));
    assert_eq!(states, [("aliyun_messages", "open"), ("aliyun_media", "closed"), ("aliyun_recordings", "closed")]);
}

#[tokio::test]
async fn what_waits_while_it_opens_is_not_sent() {
    let mock = Mock::start([Reply::After30s]).await;
    let mut bound =
        Limits { at_once: 1, attempt: Duration::from_millis(300), wait: Duration::from_secs(20), ..limits() };
    bound.breaker.failures = 1;
    let (aliyun, _) = with(&mock.base, bound);
    let (first, second) = join!(aliyun.create_message_group("u"), async {
        mock.arrived(1).await;
        aliyun.group_statistics("g").await
    });
    assert_eq!((first, second), (Err(Error::Unavailable(Why::Timeout)), Err(OPEN)));
    assert_eq!(mock.seen().len(), 1);
}
