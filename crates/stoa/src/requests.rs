//! The last requests, in memory, for the console. Neither addresses nor queries nor anything that opens a door.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;
use stoa_api_console::body::logs::{Dialect, RequestLine};

/// How many are kept: some hundred KiB.
const KEPT: usize = 1000;
/// Longest path kept, in bytes; what is longer is cut.
const MAX_PATH: usize = 256;

/// The last requests. Cheap to clone.
///
/// Every request of every part passes here, so it is copied as it is, into room that an older one leaves; what it means
/// is found out when somebody looks.
#[derive(Clone, Default)]
pub struct Requests(Arc<Mutex<VecDeque<Kept>>>);

#[derive(Default)]
struct Kept {
    at: i64,
    method: Method,
    path: String,
    status: u16,
    took: Duration,
    request_id: String,
}

/// A request that was answered.
pub struct Answered<'a> {
    /// When, Unix milliseconds.
    pub at: i64,
    /// `GET`, …
    pub method: &'a Method,
    /// Without query.
    pub path: &'a str,
    /// HTTP status.
    pub status: u16,
    /// How long it took.
    pub took: Duration,
    /// As in the log.
    pub request_id: &'a str,
}

impl Requests {
    /// Keeps one. What the console itself reads is left out: it asks every few seconds, and would push out all others.
    pub fn push(&self, a: &Answered<'_>) {
        if a.method == Method::GET && a.status < 400 && dialect(a.path) == Dialect::Console {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut line = if kept.len() == KEPT { kept.pop_front().unwrap_or_default() } else { Kept::default() };
        line.at = a.at;
        line.method.clone_from(a.method);
        line.path.clear();
        line.path.push_str(&a.path[..a.path.floor_char_boundary(MAX_PATH)]);
        line.status = a.status;
        line.took = a.took;
        line.request_id.clear();
        line.request_id.push_str(a.request_id);
        kept.push_back(line);
    }

    /// The newest first.
    pub fn newest_first(&self) -> Vec<RequestLine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().map(Kept::shown).collect()
    }
}

impl Kept {
    fn shown(&self) -> RequestLine {
        RequestLine {
            at: self.at,
            method: self.method.to_string(),
            path: shown(&self.path),
            status: self.status,
            ms: (self.took.as_secs_f64() * 1e6).round() / 1000.0,
            request_id: self.request_id.clone(),
            dialect: dialect(&self.path),
        }
    }
}

fn dialect(path: &str) -> Dialect {
    if stoa_api_talk::is_ours(path) {
        return Dialect::Talk;
    }
    let mut parts = path.split('/').filter(|p| !p.is_empty());
    match (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) {
        ("login", _) | ("api", "chatroom") => Dialect::Voice,
        ("api", "console") => Dialect::Console,
        ("api", _) => Dialect::Class,
        ("hub" | "connection", _) => Dialect::Hub,
        ("rtc" | "whip" | "whep" | "twirp", _) => Dialect::Media,
        ("healthz" | "readyz" | "metrics", _) => Dialect::Operations,
        _ => Dialect::Pages,
    }
}

/// The path as it is kept: whoever knows the session of a stream may end it, and somebody may have pasted a token.
fn shown(path: &str) -> String {
    let session = matches!(dialect(path), Dialect::Media);
    let part = |(n, part): (usize, &str)| match part {
        _ if session && n >= 2 && !path.starts_with("/twirp") => "{session}".to_owned(),
        part if part.starts_with("eyJ") => "{token}".to_owned(),
        part => part.to_owned(),
    };
    let parts: Vec<_> = path.split('/').filter(|p| !p.is_empty()).enumerate().map(part).collect();
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(r: &Requests, method: &str, path: &str, status: u16) {
        let method = &method.parse().unwrap();
        r.push(&Answered { at: 1, method, path, status, took: Duration::from_nanos(1_234_560), request_id: "r-1" });
    }

    #[test]
    fn the_last_thousand_are_kept() {
        let r = Requests::default();
        for n in 0..1500 {
            push(&r, "POST", &format!("/api/chatroom/{n}"), 200);
        }
        let lines = r.newest_first();
        assert_eq!((lines.len(), lines[0].path.as_str()), (1000, "/api/chatroom/1499"));
        assert_eq!((lines[999].path.as_str(), lines[0].dialect), ("/api/chatroom/500", Dialect::Voice));
        assert!((lines[0].ms - 1.235).abs() < 1e-9);
    }

    #[test]
    fn the_console_does_not_watch_itself_unless_something_is_wrong() {
        let r = Requests::default();
        push(&r, "GET", "/api/console/v1/overview", 200);
        assert!(r.newest_first().is_empty());
        push(&r, "GET", "/api/console/v1/overview", 503);
        push(&r, "POST", "/api/console/v1/bans/lift", 204);
        assert_eq!(r.newest_first().len(), 2);
    }

    #[test]
    fn what_opens_a_door_is_not_kept() {
        for (path, kept) in [
            ("/whip/5d0c/b2f1e0", "/whip/5d0c/{session}"),
            ("/whep/5d0c/b2f1e0/x", "/whep/5d0c/{session}/{session}"),
            ("/whip/5d0c", "/whip/5d0c"),
            ("/twirp/livekit.RoomService/ListRooms", "/twirp/livekit.RoomService/ListRooms"),
            ("/eyJhbGciOiJIUzI1NiJ9.e30.x", "/{token}"),
            ("/", "/"),
        ] {
            assert_eq!(shown(path), kept);
        }
        let r = Requests::default();
        push(&r, "GET", &format!("/{}", "ä".repeat(500)), 404);
        assert_eq!(r.newest_first()[0].path.len(), 255);
    }

    #[test]
    fn every_part_of_the_server_is_told_apart() {
        for (path, part) in [
            ("/login", Dialect::Voice),
            ("/api/v1/class/create", Dialect::Class),
            ("/api/class/whiteboard", Dialect::Class),
            ("/v1/im/admin_kick_user", Dialect::Talk),
            ("/hub/v1/token", Dialect::Hub),
            ("/connection/websocket", Dialect::Hub),
            ("/rtc/validate", Dialect::Media),
            ("/readyz", Dialect::Operations),
            ("/docs", Dialect::Pages),
            ("/", Dialect::Pages),
        ] {
            assert_eq!(dialect(path), part, "{path}");
        }
    }
}
