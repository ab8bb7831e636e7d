//! What is shown of the server, its calls, its apps and its logs.

use serde_json::json;
use stoa_core::audit::{AuditEntry, AuditStore};
use stoa_core::id::AppId;
use stoa_core::ports::Clock;
use stoa_core::time::UnixMs;
use stoa_testkit::{channel, ours};

use crate::server::{Server, line, sample};

#[tokio::test]
async fn me_is_who_asks() {
    let s = Server::new().await;
    let me = s.get("/me").await.ok();
    let now = s.b.clock.now().wall.0;
    assert_eq!(me, json!({"user": "root", "version": "1.2.3", "now": now, "time_zone": "+08:00"}));
}

#[tokio::test]
async fn the_overview_counts_what_there_is_and_leaves_out_what_is_not_known_yet() {
    let s = Server::new().await;
    let before = s.get("/overview").await.ok();
    for absent in ["memory_bytes", "cpu_percent"] {
        assert!(before.get(absent).is_none(), "{absent}");
    }
    assert!(before["media"].get("bits_in_per_s").is_none());
    s.b.make_room("alice").await;
    s.b.make_class("teacher").await;
    s.b.enter(&channel("raid"), "bob", &ours("2", 0)).await.unwrap();
    s.desk.ring.lock().unwrap().push(s.b.clock.now().wall, sample(12.5));
    s.b.clock.forward(std::time::Duration::from_secs(3));
    let v = s.get("/overview").await.ok();
    assert_eq!((&v["rooms_live"], &v["classes_live"], &v["talk_channels"]), (&json!(1), &json!(0), &json!(1)));
    assert_eq!((&v["channels_live"], &v["bans"], &v["accounts"]), (&json!(1), &json!(0), &json!(3)));
    assert_eq!((&v["participants"], &v["publications"], &v["hub_connections"]), (&json!(2), &json!(3), &json!(1)));
    assert_eq!((&v["uptime_s"], &v["cpu_percent"], &v["memory_bytes"]), (&json!(3), &json!(12.5), &json!(4096)));
    assert_eq!(v["media"], json!({"udp_ports": [7882], "bits_in_per_s": 1234.568}));
    assert_eq!(v["store"]["kind"], "sqlite");
    assert_eq!(v["clouds"], json!([{"part": "aliyun_media", "state": "down", "last_error": "timeout"}]));
    let codes: Vec<_> = v["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["many_files", "cloud_down", "no_tls"]);
}

#[tokio::test]
async fn series_have_even_steps_and_nulls_where_nothing_was_measured() {
    let s = Server::new().await;
    let now = s.b.clock.now().wall;
    s.desk.ring.lock().unwrap().push(now, sample(50.0));
    let v = s.get("/series?minutes=1").await.ok();
    assert_eq!((v["step_ms"].as_i64(), v["names"].as_array().unwrap().len()), (Some(5000), 12));
    let cpu = v["rows"]["cpu_percent"].as_array().unwrap();
    assert_eq!((cpu.len(), &cpu[11], &cpu[10]), (12, &json!(50.0), &json!(null)));
    assert_eq!(v["rows"]["packets_in"][11], json!(null), "not measured");
    assert_eq!(v["rows"].as_object().unwrap().len(), 12);
    assert_eq!(s.get("/series").await.ok()["rows"]["cpu_percent"].as_array().unwrap().len(), 720);
    assert_eq!(s.get("/series?minutes=360").await.ok()["step_ms"], 60_000);
    for wrong in ["0", "361", "-1", "x", ""] {
        s.get(&format!("/series?minutes={wrong}")).await.refused(400, "invalid");
    }
}

#[tokio::test]
async fn calls_are_searched_and_added_up() {
    let s = Server::new().await;
    let (raid, now) = (channel("raid"), s.b.clock.now().wall.0);
    let sid = s.b.enter(&raid, "bob", &ours("2", 0)).await.unwrap();
    s.b.enter(&raid, "eve", &ours("2", 0)).await.unwrap();
    s.b.pass(std::time::Duration::from_secs(90)).await;
    s.b.leave(&raid, &sid, stoa_core::media::LeftReason::ClientInitiated, None).await;
    let of_bob = s.get("/calls?user=bob&app=1000&channel=raid").await.ok();
    let bob = json!({"app": "1000", "user": "bob", "channel": "raid", "joined_at": now, "left_at": now + 90_000,
        "seconds": 90, "reason": "left"});
    assert_eq!(of_bob, json!({"total": 1, "items": [bob]}));
    let of_eve = s.get("/calls?user=eve").await.ok();
    assert_eq!((&of_eve["items"][0]["seconds"], of_eve["items"][0].get("left_at")), (&json!(90), None));
    assert_eq!(s.get("/calls?limit=1").await.ok()["total"], 2);
    assert_eq!(s.get(&format!("/calls?from={}", now + 1)).await.ok()["total"], 0);
    assert_eq!(s.get(&format!("/calls?to={now}")).await.ok()["total"], 0);
    let days = s.get("/calls/days?days=2").await.ok();
    assert_eq!(
        days["days"],
        json!([{"day": "2023-11-14", "calls": 0, "seconds": 0, "users": 0},
            {"day": "2023-11-15", "calls": 2, "seconds": 180, "users": 2}])
    );
    assert_eq!(s.get("/calls/days").await.ok()["days"].as_array().unwrap().len(), 30);
    for wrong in ["/calls/days?days=0", "/calls/days?days=91", "/calls?app=x", "/calls?user=", "/calls?limit=201"] {
        s.get(wrong).await.refused(400, "invalid");
    }
}

#[tokio::test]
async fn apps_are_shown_without_their_secrets() {
    let s = Server::new().await;
    s.b.make_room("alice").await;
    s.b.enter(&channel("raid"), "bob", &ours("2", 0)).await.unwrap();
    let v = s.get("/apps").await.ok();
    let one = json!({"app_id": "1000", "name": "test", "appkey": "one", "enabled": true,
        "admin_identifiers": ["admin"], "previous_secrets": 1, "channels": 2, "participants": 1});
    assert_eq!((&v["total"], &v["items"][0]), (&json!(2), &one));
    assert_eq!((&v["items"][1]["enabled"], &v["items"][1]["channels"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn requests_are_filtered_and_paged_newest_first() {
    let s = Server::new().await;
    for (path, status) in [("/login", 200), ("/api/chatroom/GET", 404), ("/x", 503), ("/api/chatroom/list", 200)] {
        s.desk.lines.lock().unwrap().push(line(path, status));
    }
    let paths = async |query: &str| {
        let v = s.get(&format!("/requests{query}")).await.ok();
        let items = v["items"].as_array().unwrap().iter().map(|i| i["path"].as_str().unwrap().to_owned());
        (v["total"].as_u64().unwrap(), items.collect::<Vec<_>>())
    };
    let all = ["/api/chatroom/list", "/x", "/api/chatroom/GET", "/login"].map(str::to_owned);
    assert_eq!(paths("").await, (4, all.to_vec()));
    assert_eq!(paths("?offset=1&limit=2").await, (4, all[1..3].to_vec()));
    assert_eq!(paths("?status=4xx").await, (1, all[2..3].to_vec()));
    assert_eq!(paths("?status=5xx&q=id-5").await, (1, all[1..2].to_vec()));
    assert_eq!(paths("?q=chatroom%2Fget").await, (1, all[2..3].to_vec()));
    s.get("/requests?status=3xx").await.refused(400, "invalid");
}

#[tokio::test]
async fn commands_of_other_doors_are_in_the_log_too() {
    let s = Server::new().await;
    let entry = AuditEntry {
        at: UnixMs(7),
        app: AppId(1000),
        identifier: "admin".into(),
        op_user: "ops".into(),
        command: "admin_kick_user".into(),
        target: "raid\u{1f}bob".into(),
        result: 60_010,
        request_id: "r-1".into(),
    };
    s.b.store.audit(entry).await.unwrap();
    let shown = json!({"at": 7, "app": "1000", "identifier": "admin", "op_user": "ops", "command": "admin_kick_user",
        "target": ["raid", "bob"], "result": 60_010, "request_id": "r-1"});
    assert_eq!(s.get("/audit").await.ok(), json!({"total": 1, "items": [shown]}));
    assert_eq!(s.get("/audit?q=BOB&app=1000").await.ok()["total"], 1);
    assert_eq!(s.get("/audit?app=2000").await.ok()["total"], 0);
    assert_eq!(s.get("/audit?q=").await.ok()["total"], 1);
}
