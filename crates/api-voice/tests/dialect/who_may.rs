//! G23: every endpoint × caller × state of the room, against the tables of voice-room.md 2.9 and 2.5.

use serde_json::{Value, json};
use stoa_core::login::AuthMode;

use crate::server::{Options, Reply, Server};

const UNKNOWN: &str = "0123456789abcdef0123456789abcdef";

/// Who asks: with which token, and under which name in the body.
const CALLERS: [(&str, Option<&str>, &str); 6] = [
    ("no token", None, "bob"),
    ("self", Some("bob"), "bob"),
    ("other", Some("bob"), "carol"),
    ("owner for itself", Some("owner"), "owner"),
    ("owner for another", Some("owner"), "bob"),
    ("admin", Some("root"), "bob"),
];

async fn ask(s: &Server, endpoint: &str, token: Option<&str>, name: &str, room: &str) -> Reply {
    let token = token.map(|t| s.token(t));
    let body = match endpoint {
        "create" => json!({"title":"t","anchor":name}),
        "getRtcAuthToken" => json!({"room_id":room,"user_id":name}),
        "update" => json!({"id":room,"title":"new"}),
        _ => json!({"id":room,"user_id":name,"index":1}),
    };
    s.post_text(&format!("/api/chatroom/{endpoint}"), token.as_deref(), body.to_string()).await
}

/// The cell of the tables: HTTP status, code, reason.
fn cell(endpoint: &str, caller: &str, state: &str) -> (u16, u16, Option<&'static str>) {
    if caller == "no token" {
        return (401, 401, None);
    }
    let foreign = caller == "other" || caller == "owner for another";
    match (endpoint, state) {
        ("token" | "create", _) if foreign => (200, 403, None),
        ("token" | "create" | "list", _) => (200, 200, None),
        ("get", "unknown") => (200, 404, None),
        ("get", _) => (200, 200, None),
        ("getMeetingInfo", "live") => (200, 200, None),
        ("getMeetingInfo", _) => (200, 404, None),
        ("getRtcAuthToken", _) if foreign => (403, 403, None),
        ("getRtcAuthToken", "live") => (200, 200, None),
        ("getRtcAuthToken", _) => (404, 404, None),
        ("dismiss", _) if foreign => (200, 403, Some("NoPermit")),
        ("dismiss", "unknown") => (200, 200, Some("Unknown")),
        ("dismiss", _) if caller == "self" => (200, 200, Some("NoPermit")),
        ("dismiss", _) => (200, 200, None),
        ("joinMic", _) if foreign => (200, 403, None),
        ("joinMic", "live") => (200, 200, None),
        ("joinMic", _) => (200, 404, None),
        ("leaveMic", _) if caller == "other" => (200, 403, None),
        // Where there is no room nobody is its owner.
        ("leaveMic", "unknown") if foreign => (200, 403, None),
        ("leaveMic", "unknown") => (200, 404, None),
        ("leaveMic", _) => (200, 200, None),
        ("update", "live") if caller.starts_with("owner") || caller == "admin" => (200, 200, None),
        ("update", "live") => (200, 403, None),
        ("update", _) => (200, 404, None),
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn g23_every_cell_of_the_tables() {
    let s = Server::with(Options { mode: AuthMode::Accounts, ..Options::default() });
    let ended = s.dismissed_room("owner").await;
    let mut cells = 0;
    for endpoint in crate::server::PROTECTED {
        for (caller, token, name) in CALLERS {
            for state in ["live", "dismissed", "unknown"] {
                let live = s.room("owner").await;
                let room = match state {
                    "live" => live.as_str(),
                    "dismissed" => ended.as_str(),
                    _ => UNKNOWN,
                };
                let before = s.voice.get(stoa_core::id::RoomId::parse(&live)).await.unwrap();
                let r = ask(&s, endpoint, token, name, room).await;
                let (status, code, reason) = cell(endpoint, caller, state);
                let what = format!("{endpoint} · {caller} · {state}: {}", r.text);
                assert_eq!((r.status.as_u16(), r.body["code"].as_u64()), (status, Some(code.into())), "{what}");
                assert_eq!(r.body.get("reason").and_then(Value::as_str), reason, "{what}");
                if code != 200 || reason.is_some() {
                    let after = s.voice.get(stoa_core::id::RoomId::parse(&live)).await.unwrap();
                    assert_eq!(before, after, "{what}");
                }
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 10 * 6 * 3);
}

#[tokio::test]
async fn without_the_subject_check_the_names_in_bodies_are_believed() {
    let s = Server::with(Options { bind_subject: false, ..Options::default() });
    let room = s.room("owner").await;
    ask(&s, "joinMic", Some("bob"), "carol", &room).await.expect(200, 200);
    let r = ask(&s, "dismiss", Some("bob"), "carol", &room).await;
    assert_eq!(r.body["reason"], "NoPermit");
    let r = ask(&s, "dismiss", Some("bob"), "owner", &room).await;
    assert_eq!(r.body["success"], true);
}
