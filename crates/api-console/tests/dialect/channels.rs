//! Channels: seen, searched, kicked, muted, ended.

use serde_json::{Value, json};
use stoa_core::id::ChannelKey;
use stoa_core::media::TrackSource;
use stoa_core::ports::Clock;
use stoa_testkit::{channel, ours, user};

use crate::server::Server;

fn path(key: &ChannelKey) -> String {
    format!("/channels/{}/{}", key.app, key.name)
}

fn names(v: &Value, field: &str) -> Vec<String> {
    v["items"].as_array().unwrap().iter().map(|i| i[field].as_str().unwrap_or("-").to_owned()).collect()
}

#[tokio::test]
async fn rooms_classes_and_talk_channels_are_listed_also_empty_ones() {
    let s = Server::new().await;
    let room = s.b.make_room("alice").await;
    let class = s.b.make_class("teacher").await;
    s.b.enter(&channel("raid"), "bob", &ours("1", 0)).await.unwrap();
    let all = s.get("/channels").await.ok();
    assert_eq!(
        (&all["total"], &all["complete"], &all["items"][0]["channel"]),
        (&json!(3), &json!(true), &json!("raid"))
    );
    let kinds = |v: &Value| names(v, "kind");
    assert_eq!(kinds(&s.get("/channels?kind=room").await.ok()), ["room"]);
    let seen = &s.get("/channels?kind=class").await.ok()["items"][0];
    assert_eq!(seen["channel"], class.channel().name.as_str());
    assert_eq!((&seen["status"], &seen["owner"], &seen["online"]), (&json!("preparing"), &json!("teacher"), &json!(0)));
    let talk = &s.get("/channels?kind=talk&app=1000").await.ok()["items"][0];
    assert_eq!((&talk["status"], talk.get("title"), &talk["online"]), (&json!("live"), None, &json!(1)));
    assert_eq!(s.get("/channels?app=2000").await.ok()["total"], 0);
    for (q, found) in [("ALGEB", 1), ("TEACH", 1), ("rai", 1), (room.id.to_string().as_str(), 1), ("nothing", 0)] {
        assert_eq!(s.get(&format!("/channels?q={q}")).await.ok()["total"], found, "{q}");
    }
    assert_eq!(s.get("/channels?offset=1&limit=1").await.ok()["items"].as_array().unwrap().len(), 1);
    assert_eq!(s.get("/channels?offset=3").await.ok()["items"], json!([]));
}

#[tokio::test]
async fn a_channel_shows_who_is_there_and_what_they_send() {
    let s = Server::new().await;
    let raid = channel("raid");
    let claims = stoa_core::media::Claims { name: "Bob".into(), ..ours("1", 0) };
    let sid = s.b.enter(&raid, "bob", &claims).await.unwrap();
    assert!(s.b.media.publish(&raid, &sid, TrackSource::Microphone));
    let v = s.get(&path(&raid)).await.ok();
    assert_eq!((&v["kind"], &v["publications"], v.get("notice")), (&json!("talk"), &json!(1), None));
    let p = &v["participants"][0];
    assert_eq!(
        (&p["user"], &p["name"], &p["session"], &p["connected"]),
        (&json!("bob"), &json!("Bob"), &json!(sid), &json!(true))
    );
    assert_eq!((&p["muted"], &p["may_publish"]), (&json!({"audio": false, "video": false}), &json!(true)));
    let track = json!({"sid": "TR_Microphone", "source": "microphone", "kind": "audio", "muted": false,
        "bits_per_s": 0.0, "layers": []});
    assert_eq!(p["tracks"], json!([track]));
    for gone in ["/channels/1000/nothing", "/channels/2000/raid"] {
        s.get(gone).await.refused(404, "not_found");
    }
    for wrong in ["/channels/x/raid", "/channels/1000/%07", "/channels/1000/%ff"] {
        s.get(wrong).await.refused(400, "invalid");
    }
}

#[tokio::test]
async fn a_room_shows_its_seats_and_a_class_its_life() {
    let s = Server::new().await;
    let room = s.b.make_room("alice").await;
    let key = room.channel();
    s.b.enter(&key, "alice", &ours("1", 0)).await.unwrap();
    let caller = stoa_core::caller::Caller::user(user("alice"));
    s.b.voice.take_seat(&caller, Some(room.id), &user("alice"), None, String::new()).await.unwrap();
    s.post(&format!("{}/mute", path(&key)), json!({"user": "alice", "audio": true})).await.done();
    let v = s.get(&path(&key)).await.ok();
    assert_eq!(v["seats"].as_array().unwrap().len(), 8);
    assert_eq!(v["seats"][0], json!({"seat": 1, "user": "alice", "muted": true}));
    assert_eq!(v["seats"][1], json!({"seat": 2, "muted": false}));
    let class = s.b.make_class("teacher").await;
    s.b.join_class(class.id, "pupil", None).await;
    let v = s.get(&path(&class.channel())).await.ok();
    let shown = json!({"id": class.id.to_string(), "status": "preparing", "members_total": 1});
    assert_eq!((&v["class"], &v["seats"]), (&shown, &json!([])));
}

#[tokio::test]
async fn a_kick_removes_bans_and_is_logged() {
    let s = Server::new().await;
    let raid = channel("raid");
    s.b.enter(&raid, "bob", &ours("1", 0)).await.unwrap();
    let kick = format!("{}/kick", path(&raid));
    s.post(&kick, json!({"user": "eve", "ban_seconds": 0})).await.refused(404, "not_found");
    s.post(&kick, json!({"user": "bob", "ban_seconds": 60})).await.done();
    assert_eq!(s.b.world.live.online(&raid), 0);
    let now = s.b.clock.now().wall.0;
    let ban = json!({"app": "1000", "channel": "raid", "user": "bob", "source": "console", "by": "root",
        "created_at": now, "until": now + 60_000});
    assert_eq!(s.get("/bans").await.ok(), json!({"total": 1, "items": [ban]}));
    assert_eq!(s.get(&path(&raid)).await.ok()["bans"], json!([ban]));
    for (query, found) in [("?user=bob", 1), ("?user=eve", 0), ("?app=2000", 0), ("?app=1000&channel=raid", 1)] {
        assert_eq!(s.get(&format!("/bans{query}")).await.ok()["total"], found, "{query}");
    }
    let lift = json!({"app": "1000", "channel": "raid", "user": "bob"});
    s.post("/bans/lift", lift.clone()).await.done();
    s.post("/bans/lift", lift).await.refused(404, "not_found");
    assert_eq!(s.get("/bans").await.ok()["total"], 0);
    let log = s.get("/audit?q=console").await.ok();
    assert_eq!(names(&log, "command"), ["console.lift", "console.lift", "console.kick", "console.kick"]);
    let results: Vec<_> = log["items"].as_array().unwrap().iter().map(|i| i["result"].as_u64().unwrap()).collect();
    assert_eq!(results, [404, 0, 0, 404]);
    assert_eq!(log["items"][2]["target"], json!(["raid", "bob"]));
    assert_eq!(log["items"][2]["identifier"], "root");
    s.post(&kick, json!({"user": "bob", "ban_seconds": 3_153_600_001_u64})).await.refused(400, "invalid");
}

#[tokio::test]
async fn a_mute_silences_for_a_time_and_is_lifted() {
    let s = Server::new().await;
    let raid = channel("raid");
    s.b.enter(&raid, "bob", &ours("1", 0)).await.unwrap();
    let mute = format!("{}/mute", path(&raid));
    let muted = async || s.get(&path(&raid)).await.ok()["participants"][0]["muted"].clone();
    s.post(&mute, json!({"user": "bob", "audio": true, "seconds": 30})).await.done();
    assert_eq!(muted().await, json!({"audio": true, "video": false}));
    s.post(&mute, json!({"user": "bob", "video": true})).await.done();
    assert_eq!(muted().await, json!({"audio": true, "video": true}));
    s.b.pass(std::time::Duration::from_secs(31)).await;
    assert_eq!(muted().await, json!({"audio": false, "video": true}));
    s.post(&mute, json!({"user": "bob", "video": false})).await.done();
    assert_eq!(muted().await, json!({"audio": false, "video": false}));
    s.post(&mute, json!({"user": "bob"})).await.refused(400, "invalid");
    s.post(&mute, json!({"user": "eve", "audio": true})).await.refused(404, "not_found");
}

#[tokio::test]
async fn whatever_it_is_it_can_be_ended() {
    let s = Server::new().await;
    let (room, class) = (s.b.make_room("alice").await, s.b.make_class("teacher").await);
    s.b.enter(&channel("raid"), "bob", &ours("1", 0)).await.unwrap();
    for key in [room.channel(), class.channel(), channel("raid")] {
        let end = format!("{}/end", path(&key));
        s.send("POST", &end, Some(&s.token("root")), "").await.done();
        s.send("POST", &end, Some(&s.token("root")), "").await.refused(404, "not_found");
    }
    assert_eq!(s.get("/channels").await.ok()["total"], 0);
    assert!(!s.b.voice.get(Some(room.id)).await.unwrap().live());
    assert_eq!(s.get("/audit?q=console.end").await.ok()["total"], 6);
}
