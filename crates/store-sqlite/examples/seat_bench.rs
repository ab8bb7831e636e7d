//! Prints the store's figures: `cargo run --release -p stoa-store-sqlite --features bench --example
//! seat_bench [FOLDER]`. FOLDER is on the disk to be measured; a folder beside the build by default.

use std::path::PathBuf;
use std::time::Duration;

use stoa_core::Error;
use stoa_store_sqlite::bench;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let disk = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let folder = tempfile::tempdir_in(disk)?;
    let show = |e: Error| std::io::Error::other(format!("{e}: {}", e.internal().unwrap_or_default()));
    for figure in bench::seats(folder.path(), 64, 7, Duration::from_secs(1)).await.map_err(show)? {
        println!("{figure}");
    }
    for figure in bench::memory_hits(folder.path(), 7).await.map_err(show)? {
        println!("{figure}");
    }
    println!("{}", bench::first_page(folder.path(), 100_000, 7).await.map_err(show)?);
    Ok(())
}
