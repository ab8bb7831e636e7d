//! C30: nothing secret in the log, at the most talkative level.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "dialect/server.rs"]
mod server;

use serde_json::json;
use server::{KEY, SECRET, Server, checksum, query};
use stoa_testkit::logs::Log;
use stoa_testkit::{channel, ours};

#[tokio::test]
async fn c30_the_log_names_commands_and_holds_no_secrets() {
    let (log, _guard) = Log::listen();
    let s = Server::new().await;
    s.b.enter(&channel("raid-7"), "ann", &ours("1", server::NOW)).await.unwrap();
    s.ask("push_mcu_msg", json!({"meeting_id": "raid-7", "content": "a private word"})).await.ok();
    let token = s.ask("create_talk_token", json!({"ChannelID": "raid-7", "UserID": "ann"})).await;
    s.ask("admin_kick_user", json!({"channel_id": "raid-7", "kick_user_id": "ann", "kick_time": 60})).await.ok();
    s.ask("create_talk_token", json!({"ChannelID": "raid-7", "UserID": "ann"})).await.expect(100_006);
    s.post("push_mcu_msg", &query(KEY, "wrong", "admin", "1700000000"), "{}").await.expect(70009);
    s.post("nope", &s.query(), "{}").await.expect(60009);
    let text = log.text();
    for line in ["talk.command=\"push_mcu_msg\"", "app.id=1000", "talk.code=100006", "took.ms=", "request.id="] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let token = token.body["Token"].as_str().unwrap();
    let sums = [checksum(SECRET, "1700000000"), checksum("wrong", "1700000000")];
    for secret in [SECRET, &sums[0], &sums[1], "checksum=", token, "a private word"] {
        assert!(!text.contains(secret), "{secret} is in the log");
    }
}
