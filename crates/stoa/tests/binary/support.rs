//! Starts the binary, speaks bare HTTP to it, ends it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for a start or an end in these tests: far above the promise, for machines under load.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program, with an environment that sets nothing.
pub fn stoa() -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_stoa"));
    for (name, _) in std::env::vars().filter(|(n, _)| n.starts_with("STOA_")) {
        c.env_remove(name);
    }
    c
}

/// Runs it to its end with this on standard input.
pub fn run(dir: &Path, args: &[&str], input: &str) -> Output {
    let mut child = stoa()
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Both outputs as text.
pub fn said(o: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(&o.stderr))
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

/// A serving process.
pub struct Server {
    pub child: Child,
    pub data: PathBuf,
    pub http: String,
    pub log: PathBuf,
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process in real time")]
fn now() -> Instant {
    Instant::now()
}

impl Server {
    /// `stoa dev` on free ports with more arguments.
    pub fn dev(dir: &Path, more: &[&str]) -> Self {
        let data = dir.join("data");
        let data_text = data.display().to_string();
        let mut args = vec!["dev", "--listen", "127.0.0.1:0", "--media-port", "0", "--data", &data_text];
        args.extend(more);
        Self::start(dir, &data, &args)
    }

    /// Any command that serves; waits for `ready.json` of that very process.
    pub fn start(dir: &Path, data: &Path, args: &[&str]) -> Self {
        let log = dir.join("log");
        let out = std::fs::File::create(&log).unwrap();
        let mut child = stoa()
            .args(args)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        let began = now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("ended at start with {status}: {}", std::fs::read_to_string(&log).unwrap());
            }
            let ready: Option<Value> =
                std::fs::read_to_string(data.join("ready.json")).ok().and_then(|t| serde_json::from_str(&t).ok());
            if let Some(r) = ready.filter(|r| r["pid"] == child.id()) {
                let http = r["http"].as_str().unwrap().trim_start_matches("http://").to_owned();
                assert!(r["udp_port"].as_u64().unwrap() > 0);
                return Self { child, data: data.to_owned(), http, log };
            }
            assert!(began.elapsed() < PATIENCE, "not ready: {}", std::fs::read_to_string(&log).unwrap());
            std::thread::yield_now();
        }
    }

    /// One request on a connection of its own.
    pub fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut s = TcpStream::connect(&self.http).unwrap();
        s.set_read_timeout(Some(PATIENCE)).unwrap();
        let n = body.len();
        write!(
            s,
            "{method} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: {n}\r\n{headers}\r\n{body}"
        )
        .unwrap();
        let mut r = BufReader::new(s);
        let mut head = String::new();
        while r.read_line(&mut head).unwrap() > 2 {}
        let mut body = Vec::new();
        r.read_to_end(&mut body).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() }
    }

    pub fn log_in(&self, name: &str, password: &str) -> Value {
        let body = serde_json::json!({ "username": name, "password": password }).to_string();
        self.ask("POST", "/login", "", &body).json()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Waits for the end; how long that took, and the exit code.
    pub fn ended(&mut self) -> (Duration, Option<i32>) {
        let began = now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (began.elapsed(), status.code());
            }
            assert!(began.elapsed() < PATIENCE, "does not end: {}", self.log_text());
            std::thread::yield_now();
        }
    }

    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|s| s.is_none()) {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}
