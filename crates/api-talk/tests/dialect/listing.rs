//! The list of channels is kept between answers, and every answer is what one made afresh would be.

use std::time::Duration;

use serde_json::{Value, json};
use stoa_core::id::{AppId, ChannelKey};
use stoa_core::media::LeftReason;
use stoa_core::ports::ChannelStore as _;
use stoa_testkit::{channel, ours};

use crate::server::{NOW, Server};

const LIST: &str = "get_talk_channel_list";

/// What is to be answered, written with nothing that the server writes with.
async fn afresh(s: &Server, start: usize, limit: usize) -> String {
    let (total, names) = s.b.store.channel_names(AppId(1000), 0, u32::MAX).await.unwrap();
    let row = |name: &stoa_core::id::ChannelName| {
        let users = s.b.world.live.online(&ChannelKey { app: AppId(1000), name: name.clone() });
        format!(r#"{{"ChannelID":{},"UserCount":{users}}}"#, Value::from(name.as_str()))
    };
    let rows: Vec<_> = names.iter().skip(start).take(limit).map(row).collect();
    let head = r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","AppID":1000,"Total":"#;
    format!(r#"{head}{total},"ChannelList":[{}]}}"#, rows.join(","))
}

/// Asked twice, so that the second is of what the first left behind.
async fn check(s: &Server, body: Value, start: usize, limit: usize) {
    let expected = afresh(s, start, limit).await;
    for turn in ["first", "second"] {
        assert_eq!(s.ask(LIST, body.clone()).await.text, expected, "{turn} answer to {body}");
    }
}

/// Numbers that look random and are the same in every run.
fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    }
}

/// Joins, leaves, ends, rooms and classes in any order: no list or page of it is ever older than its question.
async fn walk(seed: u64) {
    let s = Server::new().await;
    let (mut n, mut inside) = (numbers(seed), Vec::new());
    check(&s, json!({}), 0, usize::MAX).await;
    for _ in 0..80 {
        let name = ["b", "a\"\\", "中", "B", "]},", "c"][n(6)];
        match n(9) {
            0..=3 => {
                let (key, user) = (channel(name), ["ann", "bob", "eve"][n(3)]);
                if !inside.iter().any(|(k, u, _)| (k, *u) == (&key, user)) {
                    let sid = s.b.enter(&key, user, &ours("1", NOW)).await.unwrap();
                    inside.push((key, user, sid));
                }
            }
            4 | 5 if !inside.is_empty() => {
                let (key, _, sid) = inside.swap_remove(n(inside.len()));
                s.b.leave(&key, &sid, LeftReason::ClientInitiated, None).await;
            }
            // Longer than an empty channel lasts.
            6 => s.b.pass(Duration::from_secs(61)).await,
            7 => drop(s.b.make_room("ann").await),
            8 => {
                let end = s.ask("dismiss_talk_channel", json!({"ChannelID": name})).await;
                s.b.settle().await;
                if end.code() == 0 {
                    inside.retain(|(key, _, _)| key.name.as_str() != name);
                }
            }
            _ => {}
        }
        let (start, limit) = (n(8), n(4) + 1);
        match n(3) {
            0 => check(&s, json!({"StartSeq": start, "Limit": limit}), start, limit).await,
            1 => check(&s, json!({}), 0, usize::MAX).await,
            // Until the parts that were asked for are as much as the whole, and on.
            _ => {
                for start in 0..6 {
                    check(&s, json!({"StartSeq": start, "Limit": 3}), start, 3).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn every_list_and_page_is_what_it_would_be_made_afresh() {
    for seed in 0..12 {
        walk(seed).await;
    }
}

#[tokio::test]
async fn apps_do_not_see_each_others_lists() {
    let s = Server::new().await;
    s.b.enter(&channel("raid"), "ann", &ours("1", NOW)).await.unwrap();
    for _ in 0..2 {
        check(&s, json!({}), 0, usize::MAX).await;
        let query = crate::server::query("two", crate::server::OTHER_SECRET, "admin", &s.now().to_string());
        s.post(LIST, &query, "{}").await.shows(json!({"AppID": 2000, "Total": 0, "ChannelList": []}));
    }
}
