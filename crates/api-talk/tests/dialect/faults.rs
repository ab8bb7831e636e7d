//! What is not the caller's fault.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use stoa_core::Result;
use stoa_core::channel::Policy;
use stoa_core::director::{Director, Noted};
use stoa_core::ports::Store as _;
use stoa_core::talk::{Talk, TalkConfig};
use stoa_core::world::{Facts, World};
use stoa_testkit::{Bench, Counting, bench, channel, ours, times, user};

use crate::server::{EXTENSIONS, NOW, READS, Server, WRITES};

#[tokio::test]
async fn c31_a_store_that_is_away() {
    let s = Server::new().await;
    s.b.enter(&channel("raid-7"), "ann", &ours("1", NOW)).await.unwrap();
    s.b.store.down.store(true, Ordering::SeqCst);
    let body = json!({
        "ChannelID": "raid-7", "UserID": "ann", "QueryDate": 20_231_115, "content": "x", "IdentityType": 3, "Audio": 1,
        "Granted": 1, "UserList": ["ann"], "kick_time": 60,
    });
    for command in READS.into_iter().chain(WRITES).chain(EXTENSIONS) {
        let reply = s.ask(command, body.clone()).await;
        match command {
            "change_user_Identity" => assert_eq!(reply.expect(500).body["Code"], 500),
            "batch_kick_talk_user" => assert_eq!(reply.ok().body["ResultList"][0]["ErrorCode"], 100_001),
            _ => {
                reply.expect(100_001);
            }
        }
        assert!(!reply.text.contains("/secret/path"), "{}", reply.text);
    }
    s.b.store.down.store(false, Ordering::SeqCst);
    let detail = s.ask("get_talk_channel_detail", json!({"ChannelID": "raid-7"})).await;
    assert_eq!((&detail.ok().body["UserList"][0]["IdentityType"], &detail.body["Total"]), (&json!(1), &json!(1)));
    s.ask("list_talk_bans", json!({})).await.shows(json!({"Total": 0, "BanList": []}));
}

#[tokio::test]
async fn a_server_on_its_way_out_says_so() {
    let s = Server::new().await;
    s.state.api().set_ready(false);
    s.ask("get_talk_channel_list", json!({})).await.expect(100_001);
    s.ask("change_user_Identity", json!({})).await.expect(100_001);
    assert_eq!(s.state.api().in_flight(), 0);
}

/// Facts that are never taken in.
struct Stuck;

#[async_trait]
impl Facts for Stuck {
    fn push(&self, _: Noted) {}

    async fn settled(&self) -> Result<()> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_takes_too_long_is_told_and_carried_through() {
    let b = bench().await;
    let world = World::new(b.store.clone(), b.clock.clone(), Arc::new(Counting::default()), Policy::default());
    world.set_media(b.media.clone());
    world.set_facts(Arc::new(Stuck));
    let director = Arc::new(Director::new(world.clone(), times()));
    let config = TalkConfig { token_ttl: Duration::from_secs(600), include_open_calls: false };
    let talk = Talk::new(world, director, config);
    let s = Server::over(Bench { talk, ..b }, |_| ());
    let reply = s.ask("admin_kick_user", json!({"channel_id": "c", "kick_user_id": "u", "kick_time": 60})).await;
    assert!(reply.expect(100_001).info().contains("too long"));
    assert!(s.b.store.sanction(&channel("c"), &user("u")).await.unwrap().is_some());
    assert_eq!(s.state.api().in_flight(), 1, "shutdown waits for it");
}
