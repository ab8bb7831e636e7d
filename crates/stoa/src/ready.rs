//! `DATA/ready.json`: tells scripts and tests where the running process is to be found.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files;

/// What the file says.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Ready {
    /// Base address for a client on this machine.
    pub http: String,
    /// First UDP port of media.
    pub udp_port: u16,
    /// The process.
    pub pid: u32,
}

impl Ready {
    /// As seen from this machine.
    #[must_use]
    pub fn new(http: SocketAddr, udp_port: u16) -> Self {
        let host = if http.ip().is_unspecified() { "127.0.0.1".to_owned() } else { bracketed(http) };
        Self { http: format!("http://{host}:{}", http.port()), udp_port, pid: std::process::id() }
    }
}

fn bracketed(a: SocketAddr) -> String {
    if a.is_ipv6() { format!("[{}]", a.ip()) } else { a.ip().to_string() }
}

/// The file; removed when dropped.
#[derive(Debug)]
pub struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes it in one step.
    ///
    /// # Errors
    /// When the data folder is not writable.
    pub fn write(data_dir: &Path, ready: &Ready) -> anyhow::Result<Self> {
        let path = data_dir.join("ready.json");
        files::write_private(&path, &serde_json::to_string(ready)?)?;
        Ok(Self(path))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_file(&self.0) {
            tracing::warn!(error = %e, "cannot remove ready.json");
        }
    }
}

/// What a running process left for us.
#[must_use]
pub fn read(data_dir: &Path) -> Option<Ready> {
    serde_json::from_str(&std::fs::read_to_string(data_dir.join("ready.json")).ok()?).ok()
}
