//! Commands as an operator types them, with and without a running server.

use crate::support::{Server, run, said};

#[test]
fn an_unknown_key_is_an_error_with_a_suggestion() {
    let dir = tempfile::tempdir().unwrap();
    let out = run(dir.path(), &["dev", "--set", "voice.seatgrace=3"], "");
    assert_eq!(out.status.code(), Some(2));
    assert!(said(&out).contains("did you mean `voice.seat_grace`?"), "{}", said(&out));
    std::fs::write(dir.path().join("stoa.toml"), "[htp]\nlisten = \":1\"\n").unwrap();
    let out = run(dir.path(), &["config", "check", "--json"], "");
    assert_eq!(out.status.code(), Some(2));
    let v: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(v["errors"][0].as_str().unwrap().contains("did you mean `http.listen`?"), "{v}");
}

#[test]
fn accounts_are_managed_while_the_server_runs_and_when_it_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let p = dir.path();
    let add = |name: &str, password: &str| run(p, &["user", "add", name, "--data", "data"], &format!("{password}\n"));
    assert!(said(&add("carol", "first")).contains("added carol"), "without a server");
    let s = Server::dev(p, &["--set", "auth.mode=accounts"]);
    assert_eq!(s.log_in("carol", "first")["code"], 200);
    assert!(said(&add("dave", "sesam")).contains("added dave"), "through the running server");
    let token = s.log_in("dave", "sesam")["token"].as_str().unwrap().to_owned();
    let auth = format!("Authorization: Bearer {token}\r\n");
    let list = || s.ask("POST", "/api/chatroom/list", &auth, "{}").status;
    assert_eq!(list(), 200);
    assert_eq!(add("dave", "x").status.code(), Some(1), "exists already");
    let user = |args: &[&str], input: &str| {
        let mut all = vec!["user"];
        all.extend(args);
        all.extend(["--data", "data"]);
        run(p, &all, input)
    };
    user(&["disable", "dave"], "");
    assert_eq!((list(), s.log_in("dave", "sesam")["code"].as_i64()), (401, Some(401)));
    user(&["enable", "dave"], "");
    assert_eq!(list(), 200);
    user(&["passwd", "dave"], "other\n");
    assert_eq!(list(), 401, "sessions end with a new password");
    assert_eq!(s.log_in("dave", "other")["code"], 200);
    let listed: serde_json::Value = serde_json::from_slice(&user(&["list", "--json"], "").stdout).unwrap();
    assert_eq!(listed[1]["user"], "dave");
    assert!(!listed.to_string().contains("argon2"));
    assert!(said(&user(&["remove", "dave"], "")).contains("removed dave"));
    assert_eq!(user(&["remove", "dave"], "").status.code(), Some(4));
    assert_eq!(s.log_in("dave", "other")["code"], 401);
    assert_eq!(add("system", "x").status.code(), Some(1), "a reserved name");
    assert_eq!(add("erin", "").status.code(), Some(1), "no empty password");
}

#[test]
fn a_backup_is_whole_while_the_server_runs() {
    let dir = tempfile::tempdir().unwrap();
    let p = dir.path();
    let s = Server::dev(p, &[]);
    let token = s.log_in("alice", "alice")["token"].as_str().unwrap().to_owned();
    let auth = format!("Authorization: Bearer {token}\r\n");
    let room = s.ask("POST", "/api/chatroom/create", &auth, r#"{"title":"kept","anchor":"alice"}"#).json();
    let out = run(p, &["backup", "copy.db", "--data", "data"], "");
    assert!(out.status.success(), "{}", said(&out));
    assert!(!run(p, &["backup", "copy.db", "--data", "data"], "").status.success(), "never over a file");
    // The copy serves in another folder.
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("data")).unwrap();
    std::fs::copy(p.join("copy.db"), other.path().join("data/stoa.db")).unwrap();
    let restored = Server::dev(other.path(), &[]);
    let body = serde_json::json!({ "id": room["id"] }).to_string();
    assert_eq!(restored.ask("POST", "/api/chatroom/get", &auth, &body).json()["title"], "kept");
    let out = run(p, &["backup", "x.db", "--set", "store.url=postgres://h/d"], "");
    assert!(out.status.code() == Some(2) && said(&out).contains("pg_dump"), "{}", said(&out));
}

#[test]
fn doctor_names_faults_in_json_and_by_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let p = dir.path();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("http.listen={}", taken.local_addr().unwrap());
    let args = ["doctor", "--json", "--set", &listen, "--set", "media.udp_port=0"];
    let out = run(p, &args, "");
    assert_eq!(out.status.code(), Some(3), "{}", said(&out));
    let v: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let port = v.as_array().unwrap().iter().find(|f| f["check"] == "HTTP port").unwrap();
    assert!(port["level"] == "fault" && port["found"].as_str().unwrap().contains("taken"), "{port}");
    assert!(!port["fix"].as_str().unwrap().is_empty());
    drop(taken);
    let s = Server::dev(p, &[]);
    let out = run(p, &["doctor", "--data", "data"], "");
    assert_eq!(out.status.code(), Some(0), "{}", said(&out));
    assert!(said(&out).contains(&s.http), "{}", said(&out));
}

#[test]
fn apps_are_added_listed_and_never_shown_with_their_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let p = dir.path();
    assert_eq!(run(p, &["app", "add", "game"], "").status.code(), Some(2), "no file yet");
    run(p, &["serve"], "");
    let out = run(p, &["app", "add", "game", "--json"], "");
    let v: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", said(&out)));
    assert_eq!((v["app_id"].as_u64(), v["in_force"].as_bool()), (Some(1001), Some(false)));
    let list = said(&run(p, &["app", "list"], ""));
    assert!(list.contains("1001") && list.contains("game") && !list.contains(v["appsecret"].as_str().unwrap()));
    assert_eq!(run(p, &["app", "rotate", "7"], "").status.code(), Some(4));
}
