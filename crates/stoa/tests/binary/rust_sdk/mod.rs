//! The Rust client `tokio-centrifuge`, unmodified, against the built program; what hub.md 9 shows with the other SDKs.
//!
//! It recovers nothing, renews no token and knows neither presence, history nor subscriptions made by the server. What
//! an application does instead is what these tests do; docs/messages.md has the table.

mod connection;
mod groups;
mod losses;
mod proxy;
mod sdk;

use std::net::SocketAddr;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Server, run, said};
use proxy::Proxy;
use sdk::Sdk;

/// A comment and a signal of voice rooms.
const COMMENT: i64 = 21_301;
const SIGNAL: i64 = 30_001;

/// Rates are for the public, and one test is many users.
const NO_LIMITS: [&str; 4] = ["hub_signals", "hub_comments", "hub_reads", "hub_connects_user"];

/// How commands and replies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Protobuf,
}

/// Makes two tests of each function: one for JSON, one for Protobuf.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod json { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(super::Format::Json).await; })+ }
        mod protobuf { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(super::Format::Protobuf).await; })+ }
    };
}
use both;

/// A server, and a way to it that can be cut.
struct Hall {
    format: Format,
    settings: Vec<String>,
    // Ended before its folder is removed.
    server: Server,
    proxy: Proxy,
    dir: TempDir,
}

impl Hall {
    async fn start(format: Format, settings: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut all: Vec<String> = NO_LIMITS.iter().map(|l| format!("limits.{l}={{per_sec=0,burst=0}}")).collect();
        all.extend(settings.iter().map(|&s| s.to_owned()));
        let server = serve(&dir, &all);
        let proxy = Proxy::to(address(&server)).await;
        Self { format, settings: all, server, proxy, dir }
    }

    /// Ends the server with this signal and starts it anew on the same data.
    fn restart(&mut self, signal: &str) {
        // What is connected ends as the server ends it, but nobody comes back to a server that is on its way out.
        self.proxy.shut();
        self.server.signal(signal);
        self.server.ended();
        self.server = serve(&self.dir, &self.settings);
        self.proxy.lead_to(address(&self.server));
        self.proxy.open();
    }

    /// `stoa user …` while the server runs.
    fn user(&self, args: &[&str], input: &str) {
        let all = [&["user"], args, &["--data", "data"]].concat();
        let out = run(self.dir.path(), &all, input);
        assert!(out.status.success(), "{all:?}: {}", said(&out));
    }

    fn login(&self, user: &str) -> String {
        let answer = self.server.log_in(user, user);
        answer["token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn post(&self, path: &str, bearer: &str, body: &Value) -> Value {
        let headers = format!("Authorization: Bearer {bearer}\r\nContent-Type: application/json\r\n");
        let answer = self.server.ask("POST", path, &headers, &body.to_string());
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// What `POST /hub/v1/token` answers.
    fn hub_token(&self, user: &str) -> Value {
        let wish = json!({ "device_id": format!("{user}-1"), "device_type": "rust" });
        self.post("/hub/v1/token", &self.login(user), &wish)
    }

    /// A voice room of this user.
    fn room(&self, owner: &str) -> String {
        let room = self.post("/api/chatroom/create", &self.login(owner), &json!({ "title": "t", "anchor": owner }));
        room["id"].as_str().unwrap().to_owned()
    }

    /// Not yet connected.
    fn sdk(&self, token: &str) -> Sdk {
        Sdk::new(self.proxy.addr, self.format, token)
    }

    /// Connected as this user.
    async fn connect(&self, user: &str) -> Sdk {
        let sdk = self.sdk(self.hub_token(user)["token"].as_str().unwrap());
        sdk.connect().await;
        sdk
    }

    /// Connected, joined, and subscribed to both channels of the group.
    async fn member(&self, user: &str, room: &str) -> Sdk {
        let sdk = self.connect(user).await;
        sdk.join(room).await;
        sdk
    }
}

fn serve(dir: &TempDir, settings: &[String]) -> Server {
    let args: Vec<&str> = settings.iter().flat_map(|s| ["--set", s]).collect();
    Server::dev(dir.path(), &args)
}

fn address(server: &Server) -> SocketAddr {
    server.http.parse().unwrap()
}
