//! The log of commands.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use stoa_api::Rate;
use stoa_core::audit::{AuditEntry, AuditStore as _};
use stoa_core::id::AppId;
use stoa_core::time::UnixMs;
use stoa_testkit::{channel, ours};

use crate::server::{EXTENSIONS, KEY, NOW, OTHER_SECRET, READS, SECRET, Server, WRITES, query};

/// In an order in which each has something to do.
const CHANGES: [&str; 8] = [
    "push_mcu_msg",
    "change_user_Identity",
    "set_talk_mic",
    "mute_talk_user",
    "admin_kick_user",
    "delete_talk_ban",
    "batch_kick_talk_user",
    "dismiss_talk_channel",
];
/// How many refusals of accounts that are no administrators are logged in one instant.
const REFUSALS: usize = 100;

impl Server {
    /// What is logged of app 1000, the oldest first.
    async fn logged(&self) -> Vec<AuditEntry> {
        let mut list = self.b.store.audit_entries(AppId(1000), 1000).await.unwrap();
        list.reverse();
        list
    }

    /// Command, target and result of each.
    async fn seen(&self) -> Vec<(String, String, u32)> {
        self.logged().await.into_iter().map(|e| (e.command, e.target, e.result)).collect()
    }
}

#[tokio::test]
async fn x17_each_command_that_changes_something_leaves_one_entry_also_a_refused_one() {
    let s = Server::new().await;
    s.b.enter(&channel("raid-7"), "ann", &ours("1", NOW)).await.unwrap();
    let body = json!({
        "ChannelID": "raid-7", "UserID": "ann", "receiver_id": "ann", "QueryDate": 20_231_115, "content": "the-content",
        "IdentityType": 2, "Audio": 1, "Granted": 1, "UserList": ["ann", {"UserID": "bob"}], "kick_time": 60,
    });
    let mut expected = Vec::new();
    let questions = WRITES.into_iter().chain(EXTENSIONS).chain(READS).filter(|c| !CHANGES.contains(c));
    for command in CHANGES.into_iter().chain(questions) {
        let name = command.to_ascii_lowercase();
        let target = match command {
            "batch_kick_talk_user" => "raid-7\u{1f}ann\u{1f}bob",
            "dismiss_talk_channel" => "raid-7",
            _ => "raid-7\u{1f}ann",
        };
        // Parameters that are none, a body that is none, and no administrator.
        let good = s.ask(command, body.clone()).await.code();
        s.ask(command, json!({"content": "the-content", "Metadata": "the-content"})).await;
        s.text(command, "{the-content").await.expect(60003);
        let guest = s.post(command, &query(KEY, SECRET, "guest", &NOW.to_string()), "{}").await.code();
        if CHANGES.contains(&command) {
            assert_eq!(good, 0, "{name}");
            assert_eq!(guest, 60010, "{name}");
            for (target, result) in [(target, good), ("", 100_002), ("", 60003), ("", 60010)] {
                expected.push((name.clone(), target.to_owned(), u32::try_from(result).unwrap()));
            }
        }
    }
    assert_eq!(s.seen().await, expected);
    assert_eq!(expected.len(), 4 * CHANGES.len());
    let text = format!("{:?}", s.logged().await);
    for hidden in ["the-content", SECRET, "checksum"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}

#[tokio::test]
async fn x17_an_entry_names_who_for_whom_when_and_which_request() {
    let s = Server::new().await;
    s.b.enter(&channel("raid-7"), "ann", &ours("1", NOW)).await.unwrap();
    let body = json!({"channel_id": "raid-7", "kick_user_id": "ann", "op_user": "the boss"});
    let request = |id: Option<&str>| {
        let request = Request::post(format!("/v1/im/admin_kick_user?{}", s.query()));
        let request = id.into_iter().fold(request, |r, id| r.header("x-request-id", id));
        request.body(Body::from(body.to_string())).unwrap()
    };
    s.send(request(Some("mine-1"))).await.ok();
    let second = s.send(request(None)).await;
    let third = s.send(request(Some("not mine!"))).await;
    let entry = |request_id: Option<&str>, result: u64| AuditEntry {
        at: UnixMs::from_secs(NOW),
        app: AppId(1000),
        identifier: "admin".to_owned(),
        op_user: "the boss".to_owned(),
        command: "admin_kick_user".to_owned(),
        target: "raid-7\u{1f}ann".to_owned(),
        result: u32::try_from(result).unwrap(),
        request_id: request_id.unwrap().to_owned(),
    };
    let ids = [Some("mine-1"), second.header("x-request-id"), third.header("x-request-id")];
    assert_eq!(s.logged().await, [entry(ids[0], 0), entry(ids[1], second.code()), entry(ids[2], third.code())]);
    assert_ne!(second.code(), 0);
}

#[tokio::test]
async fn x17_whoever_holds_no_secret_leaves_nothing_and_nobody_fills_the_log_at_will() {
    let s = Server::with(|o| o.config.app_rate = Rate { per_sec: 1, burst: 5 }).await;
    let now = NOW.to_string();
    s.post("admin_kick_user", &query(KEY, OTHER_SECRET, "admin", &now), "{}").await.expect(70009);
    s.post("admin_kick_user", &query("unknown", SECRET, "admin", &now), "{}").await.expect(70020);
    s.post("admin_kick_user", "", "{}").await.expect(60004);
    assert_eq!(s.seen().await, []);
    for who in ["guest", "admin"] {
        for _ in 0..2 * REFUSALS {
            s.post("admin_kick_user", &query(KEY, SECRET, who, &now), "{}").await;
        }
    }
    let of = |list: &[(String, String, u32)], code| list.iter().filter(|e| e.2 == code).count();
    let seen = s.seen().await;
    // The second number is the app's rate: what it stops leaves nothing.
    assert_eq!((of(&seen, 60010), of(&seen, 100_002), seen.len()), (REFUSALS, 5, REFUSALS + 5));
}
