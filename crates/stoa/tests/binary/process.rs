//! The process as an operator sees it: start, ready, log in, reload, end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::support::{Server, run, said};

#[test]
fn dev_needs_no_configuration_and_serves_everything_on_one_port() {
    let dir = tempfile::tempdir().unwrap();
    let s = Server::dev(dir.path(), &[]);
    assert_eq!(s.ask("GET", "/readyz", "", "").json()["status"], "ready");
    assert_eq!(s.ask("GET", "/healthz", "", "").status, 200);
    for method in ["GET", "HEAD"] {
        assert_eq!(s.ask(method, "/", "", "").status, 200, "LiveKit's client probes {method} /");
    }
    let page = s.ask("GET", "/", "", "");
    assert!(page.head.to_ascii_lowercase().contains("content-security-policy: default-src 'self'"), "{}", page.head);
    assert_eq!(s.ask("GET", "/docs", "", "").status, 200);
    assert!(s.ask("GET", "/openapi/voice-room.json", "", "").json()["paths"].is_object());
    assert!(s.ask("GET", "/metrics", "", "").body.contains("stoa_http_requests_total"));
    let unknown = s.ask("GET", "/nope", "X-Request-Id: my-id-7\r\n", "");
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &serde_json::json!(404)));
    assert!(unknown.head.to_ascii_lowercase().contains("x-request-id: my-id-7"), "{}", unknown.head);
    assert!(s.ask("GET", "/", "", "").head.to_ascii_lowercase().contains("x-request-id: "));

    let login = s.log_in("alice", "alice");
    let token = login["token"].as_str().unwrap();
    assert_eq!(s.log_in("alice", "bob")["code"], 401);
    let auth = format!("Authorization: Bearer {token}\r\n");
    let room = s.ask("POST", "//api/chatroom/create/", &auth, r#"{"title":"t","anchor":"alice"}"#).json();
    assert_eq!(room["code"], 200, "{room}");
    let body = serde_json::json!({ "room_id": room["id"], "user_id": "alice" }).to_string();
    let rtc = s.ask("POST", "/api/chatroom/getRtcAuthToken", &auth, &body).json();
    assert_eq!(rtc["rtc_url"], "ws://t");
    let seat = serde_json::json!({ "id": room["id"], "user_id": "alice" }).to_string();
    assert_eq!(s.ask("POST", "/api/chatroom/joinMic", &auth, &seat).json()["members"][0]["user_id"], "alice");
    let validate = format!("/rtc/validate?access_token={}", rtc["auth_token"].as_str().unwrap());
    assert_eq!(s.ask("GET", &validate, "", "").status, 200);
    let log = s.log_text();
    assert!(log.contains("Try it") && log.contains("curl"), "{log}");
    assert!(!log.contains(token) && !log.contains(rtc["auth_token"].as_str().unwrap()));
}

#[test]
fn sigterm_ends_it_in_order_within_ten_seconds_with_connections_open() {
    let dir = tempfile::tempdir().unwrap();
    let mut s = Server::dev(dir.path(), &[]);
    let mut idle = TcpStream::connect(&s.http).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
    assert!(idle.read(&mut [0u8; 1024]).unwrap() > 0);
    // A request that never ends, and a connection that never begins.
    let mut slow = TcpStream::connect(&s.http).unwrap();
    slow.write_all(b"POST /login HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n{").unwrap();
    let _silent = TcpStream::connect(&s.http).unwrap();
    s.signal("TERM");
    let (took, code) = s.ended();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(code, Some(0));
    assert!(!s.data.join("ready.json").exists() && !s.data.join("admin.sock").exists());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut s = Server::dev(dir.path(), &[]);
    let mut slow = TcpStream::connect(&s.http).unwrap();
    slow.write_all(b"POST /login HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n{").unwrap();
    s.signal("TERM");
    // The port closes once the drain is under way.
    while TcpStream::connect(&s.http).is_ok() {
        std::thread::yield_now();
    }
    s.signal("INT");
    let (took, _) = s.ended();
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn rooms_tokens_and_accounts_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut s = Server::dev(dir.path(), &[]);
    let token = s.log_in("alice", "alice")["token"].as_str().unwrap().to_owned();
    let auth = format!("Authorization: Bearer {token}\r\n");
    let room = s.ask("POST", "/api/chatroom/create", &auth, r#"{"title":"t","anchor":"alice"}"#).json();
    s.child.kill().unwrap();
    s.child.wait().unwrap();
    drop(s);
    let s = Server::dev(dir.path(), &[]);
    let body = serde_json::json!({ "id": room["id"] }).to_string();
    assert_eq!(s.ask("POST", "/api/chatroom/get", &auth, &body).json()["title"], "t");
}

#[test]
fn the_first_start_writes_a_private_file_with_random_secrets_and_starts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("stoa.toml");
    // Without TLS it does not go off loopback, but the file is there to be changed.
    let out = run(dir.path(), &["serve", "--config", "stoa.toml"], "");
    assert_eq!(out.status.code(), Some(2), "{}", said(&out));
    assert!(said(&out).contains("First start") && said(&out).contains("http.tls"), "{}", said(&out));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.lines().filter(|l| l.starts_with('#')).count() > 200, "commented");
    let secret = text.lines().find_map(|l| l.strip_prefix("appsecret = ")).unwrap().trim_matches('"').to_owned();
    assert_eq!(secret.len(), 43, "256 bits in base64url");
    assert!(!text.contains("devsecret"));
    let other = tempfile::tempdir().unwrap();
    let args = ["serve", "--config", "stoa.toml", "--set", "http.listen=127.0.0.1:0", "--set", "media.udp_port=0"];
    let s = Server::start(other.path(), &other.path().join("data"), &args);
    assert!(!std::fs::read_to_string(other.path().join("stoa.toml")).unwrap().contains(&secret), "secrets differ");
    assert_eq!(s.log_in("alice", "alice")["code"], 401, "no demo logins in serve");
    assert_eq!(s.ask("GET", "/readyz", "", "").status, 200);
}

#[test]
fn the_dev_secrets_are_refused_off_loopback() {
    let dir = tempfile::tempdir().unwrap();
    let out = run(dir.path(), &["dev", "--listen", ":0", "--set", "http.tls=off"], "");
    assert_eq!(out.status.code(), Some(2));
    assert!(said(&out).contains("known to everybody"), "{}", said(&out));
    assert!(!dir.path().join("data").exists(), "refused before anything is made");
}

#[test]
fn two_processes_never_share_a_data_folder() {
    let dir = tempfile::tempdir().unwrap();
    let _s = Server::dev(dir.path(), &[]);
    let out = run(dir.path(), &["dev", "--listen", "127.0.0.1:0", "--media-port", "0", "--data", "data"], "");
    assert_eq!(out.status.code(), Some(1));
    assert!(said(&out).contains("another stoa runs"), "{}", said(&out));
}

#[test]
fn a_rotated_secret_counts_at_once_and_the_old_one_still_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let p = dir.path();
    let args = ["serve", "--set", "http.listen=127.0.0.1:0", "--set", "media.udp_port=0"];
    let s = Server::start(p, &p.join("data"), &args);
    let mint = || {
        let out = run(p, &["token", "--room", "raid-7", "--user", "bob", "--json"], "");
        let v: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", said(&out)));
        assert_eq!(v["url"], format!("ws://{}", s.http));
        v["token"].as_str().unwrap().to_owned()
    };
    let valid = |t: &str| s.ask("GET", &format!("/rtc/validate?access_token={t}"), "", "").status == 200;
    let old = mint();
    assert!(valid(&old));
    let out = run(p, &["app", "rotate", "1000", "--json", "--set", "http.listen=127.0.0.1:0"], "");
    let v: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", said(&out)));
    assert_eq!(v["in_force"], true);
    let new = mint();
    assert_ne!(old, new);
    assert!(valid(&new) && valid(&old));
    // A secret that leaves the list stops to count with the next reload.
    let text = std::fs::read_to_string(p.join("stoa.toml")).unwrap();
    let without: String =
        text.lines().filter(|l| !l.starts_with("previous_appsecrets")).map(|l| format!("{l}\n")).collect();
    std::fs::write(p.join("stoa.toml"), without).unwrap();
    s.signal("HUP");
    while !s.log_text().contains("reloaded 1 apps") {
        std::thread::yield_now();
    }
    assert!(valid(&new) && !valid(&old));
}
