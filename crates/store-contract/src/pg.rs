//! A throw-away PostgreSQL from the distribution's packages.
//!
//! A shell script holds the server: it makes a database cluster in a folder of its own, says when
//! the server answers, and removes everything when its standard input closes. So the server ends
//! with the process that wanted it, also when that is killed. `initdb` refuses root; then the
//! script runs as the user `postgres`, whom the packages make.

use std::io::{BufRead, BufReader, Error, Result};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Names a server that is running already; a database is made in it for each test.
pub const URL_VARIABLE: &str = "STOA_TEST_PG_URL";

/// Tries to find a free port: another process may take it between the look and the start.
const STARTS: u32 = 5;

/// `$1` folder of the binaries, `$2` port. Signals of a terminal are left to the process at the other end
/// of the pipe. Everything that makes a commit durable stays on.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
dir=$(mktemp -d) || exit 1
cleanup() { "$1/pg_ctl" -D "$dir/d" -m immediate -w stop >/dev/null 2>&1; rm -rf "$dir"; }
"$1/initdb" -D "$dir/d" -U postgres -A trust --no-sync -E UTF8 --locale=C >"$dir/log" 2>&1 &&
"$1/pg_ctl" -D "$dir/d" -w -t 60 -l "$dir/log" start -o "-p $2 -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories='' -c max_connections=400 -c shared_buffers=64MB" >>"$dir/log" 2>&1 ||
{ cat "$dir/log" >&2; cleanup "$1"; exit 1; }
echo ready
while read -r _; do :; done
cleanup "$1"
"#;

/// A running server. Dropping it stops it and removes its files.
pub struct Server {
    /// Of the database `postgres`, without a password.
    url: String,
    script: Option<(Child, ChildStdin)>,
}

impl Server {
    /// Starts one on a free port of 127.0.0.1. Blocks for about a second.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; the message says how to install it.
    pub fn start() -> Result<Self> {
        let bin = binaries()?;
        let mut last = Error::other("never tried");
        for _ in 0..STARTS {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            match run_script(&bin, port) {
                Ok(script) => {
                    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
                    return Ok(Self { url, script: Some(script) });
                }
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    /// The server of this process: the one that the environment names, else one of its own that
    /// ends with the process.
    ///
    /// # Panics
    /// When it cannot be started: tests that need it must fail then.
    pub fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(|| match std::env::var(URL_VARIABLE) {
            Ok(url) => Self { url, script: None },
            Err(_) => Self::start().expect("PostgreSQL for tests"),
        })
    }

    /// Where its first database is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes an empty database and returns its URL.
    ///
    /// # Errors
    /// When `psql` fails.
    pub fn database(&self) -> Result<String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("t_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        self.psql(&format!("CREATE DATABASE {name}"))?;
        let (server, _) = self.url.rsplit_once('/').ok_or_else(|| Error::other("a URL without database"))?;
        Ok(format!("{server}/{name}"))
    }

    /// Runs one statement in the first database.
    ///
    /// # Errors
    /// With what `psql` said.
    pub fn psql(&self, statement: &str) -> Result<()> {
        let out = Command::new(binaries()?.join("psql"))
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url, "-c", statement])
            .stdin(Stdio::null())
            .output()?;
        if out.status.success() { Ok(()) } else { Err(Error::other(String::from_utf8_lossy(&out.stderr).into_owned())) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((mut script, stdin)) = self.script.take() {
            drop(stdin);
            let _ = script.wait();
        }
    }
}

fn run_script(bin: &std::path::Path, port: u16) -> Result<(Child, ChildStdin)> {
    let mut command = if is_root()? {
        let mut c = Command::new("runuser");
        c.args(["-u", "postgres", "--", "sh"]);
        c
    } else {
        Command::new("sh")
    };
    let mut script = command
        .args(["-c", SCRIPT, "sh"])
        .arg(bin)
        .arg(port.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(stdin), Some(stdout)) = (script.stdin.take(), script.stdout.take()) else {
        return Err(Error::other("no pipes"));
    };
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    if line.trim() == "ready" {
        return Ok((script, stdin));
    }
    drop(stdin);
    script.wait()?;
    Err(Error::other("PostgreSQL did not start; its messages are above"))
}

fn is_root() -> Result<bool> {
    let out = Command::new("id").arg("-u").output()?;
    Ok(out.stdout.trim_ascii() == b"0")
}

/// The folder of `initdb` and friends: `$PGBIN`, or the newest one of Debian's layout.
fn binaries() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("PGBIN") {
        return Ok(dir.into());
    }
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        for entry in versions.flatten() {
            let bin = entry.path().join("bin");
            let version = entry.file_name().to_string_lossy().parse().unwrap_or(0);
            if bin.join("initdb").exists() {
                found.push((version, bin));
            }
        }
    }
    found.into_iter().max().map(|(_, bin)| bin).ok_or_else(|| {
        Error::other("PostgreSQL's server programs are missing: apt-get install postgresql, or set PGBIN")
    })
}
