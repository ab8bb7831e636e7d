//! Processes under measurement: the server, and the bare baselines this binary plays itself.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::clock;
use crate::http::{Client, get};

/// How long a start may take before it counts as failed.
const START: Duration = Duration::from_secs(30);
/// The same where it has to fill itself first.
const FILLING: Duration = Duration::from_secs(180);
/// How often the start of a server is looked at: the resolution of the start-up figure.
const LOOK: Duration = Duration::from_millis(1);

/// Limits off: one load generator is not the public.
const NO_LIMITS: [&str; 4] = ["limits.user", "limits.media_signals", "limits.media_joins", "limits.talk_app"];

/// A running `stoa dev` with a data folder and ports of its own. Killed when dropped.
pub struct Server {
    child: Child,
    /// Where HTTP listens.
    pub addr: SocketAddr,
    /// Its process.
    pub pid: u32,
    /// From spawning the process to the first 200 of `/readyz`.
    pub started_in: Duration,
    /// Its data folder.
    pub data: PathBuf,
}

#[derive(Deserialize)]
struct ReadyFile {
    http: String,
    pid: u32,
}

impl Server {
    /// Starts the binary on free ports and waits until it is ready.
    ///
    /// # Errors
    /// It does not come up; its own output goes to the log file in the data folder.
    pub async fn start(binary: &Path, data: &Path) -> Result<Self> {
        Self::start_with(binary, data, "127.0.0.1:0", &[]).await
    }

    /// As [`Server::start`], listening there, with more settings (`name=value`).
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_with(binary: &Path, data: &Path, listen: &str, settings: &[String]) -> Result<Self> {
        Self::spawn(binary, data, listen, settings, None).await
    }

    /// As [`Server::start`], ready when it holds `channels` channels of `each` participants that nobody is behind.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_full(binary: &Path, data: &Path, channels: u32, each: u32) -> Result<Self> {
        Self::spawn(binary, data, "127.0.0.1:0", &[], Some(format!("{channels}x{each}"))).await
    }

    async fn spawn(
        binary: &Path,
        data: &Path,
        listen: &str,
        settings: &[String],
        crowd: Option<String>,
    ) -> Result<Self> {
        // A run that was killed has left its own behind.
        match fs::remove_file(data.join("ready.json")) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
        let log_path = data.join("bench.log");
        let log = fs::File::options().create(true).append(true).open(&log_path)?;
        let mut command = Command::new(binary);
        command.args(["dev", "--quiet", "--listen", listen, "--media-port", "0", "--data"]).arg(data);
        for limit in NO_LIMITS {
            command.args(["--set", &format!("{limit}={{per_sec=0,burst=0}}")]);
        }
        for setting in settings {
            command.args(["--set", setting]);
        }
        let patience = if crowd.is_some() { FILLING } else { START };
        command.args(crowd.iter().flat_map(|crowd| ["--simulate", crowd]));
        let begun = clock::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let (addr, pid) = loop {
            if let Some(status) = child.try_wait()? {
                bail!("{} ended with {status}: {}", binary.display(), tail(&log_path));
            }
            if clock::now() - begun > patience {
                bail!("{} is not ready after {patience:?}: {}", binary.display(), tail(&log_path));
            }
            if let Some(found) = ready(data).await {
                break found;
            }
            tokio::time::sleep(LOOK).await;
        };
        Ok(Self { child, addr, pid, started_in: clock::now() - begun, data: data.to_owned() })
    }

    /// `ws://` address of signalling.
    #[must_use]
    pub fn ws(&self) -> String {
        format!("ws://{}", self.addr)
    }

    /// Kills it and waits for its end.
    ///
    /// # Errors
    /// The system refuses.
    pub async fn stop(mut self) -> Result<()> {
        self.child.kill().await.context("stopping the server")
    }

    /// Asks it to stop, as a service manager would, and waits for its end.
    ///
    /// # Errors
    /// It does not end within half a minute.
    pub async fn stop_in_order(mut self) -> Result<()> {
        let asked = Command::new("kill").args(["-TERM", &self.pid.to_string()]).status().await?;
        if !asked.success() {
            bail!("the server cannot be told to stop");
        }
        tokio::time::timeout(START, self.child.wait()).await.context("the server does not stop")??;
        Ok(())
    }
}

async fn ready(data: &Path) -> Option<(SocketAddr, u32)> {
    let file: ReadyFile = serde_json::from_str(&fs::read_to_string(data.join("ready.json")).ok()?).ok()?;
    let addr = file.http.strip_prefix("http://")?.parse().ok()?;
    let mut client = Client::connect(addr).await.ok()?;
    let (status, _) = client.exchange(&get("/readyz")).await.ok()?;
    (status == 200).then_some((addr, file.pid))
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let from = text.len().saturating_sub(2_000);
    text.get(from..).unwrap_or(&text).to_owned()
}

/// A baseline played by this same binary in a process of its own, so that its CPU time can be told from ours.
pub struct Baseline {
    _child: Child,
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its process.
    pub pid: u32,
}

impl Baseline {
    /// Starts this binary with a hidden subcommand that prints its address as the first line.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start(subcommand: &[&str]) -> Result<Self> {
        Self::start_from(&std::env::current_exe()?, subcommand).await
    }

    /// As [`Baseline::start`] where this process is not `stoa-load` itself.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start_from(exe: &Path, subcommand: &[&str]) -> Result<Self> {
        let mut child = Command::new(exe)
            .args(subcommand)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting a baseline")?;
        let out = child.stdout.take().context("no output")?;
        let line = tokio::time::timeout(START, BufReader::new(out).lines().next_line()).await??;
        let addr = line.as_deref().unwrap_or_default().parse().context("baseline's address")?;
        let pid = child.id().context("baseline ended")?;
        Ok(Self { _child: child, addr, pid })
    }
}
