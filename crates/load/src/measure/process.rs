//! Start-up time and idle memory.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::child::Server;
use crate::measure::{Spread, ms};
use crate::proc;

/// Starts, each on an empty data folder.
const STARTS: usize = 5;
/// How long the server is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(10);

/// Milliseconds from spawning the process to the first 200 of `/readyz`.
///
/// # Errors
/// It does not come up.
pub async fn start_up(binary: &Path, dir: &Path) -> Result<Spread> {
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let data = tempfile::tempdir_in(dir)?;
        let server = Server::start(binary, data.path()).await?;
        took.push(ms(server.started_in));
        server.stop().await?;
    }
    Ok(Spread::of(&took))
}

/// Resident megabytes (10^6) of a server that has done nothing for 10 s.
///
/// # Errors
/// It does not come up.
pub async fn idle_memory(binary: &Path, dir: &Path) -> Result<f64> {
    let data = tempfile::tempdir_in(dir)?;
    let server = Server::start(binary, data.path()).await?;
    tokio::time::sleep(IDLE).await;
    let bytes = proc::rss(server.pid)?;
    server.stop().await?;
    Ok(bytes as f64 / 1e6)
}
