//! Opens the store that the configuration names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use stoa_core::ports::Store;
use stoa_store_postgres::PostgresStore;
use stoa_store_sqlite::SqliteStore;

use crate::config::Settings;

/// Which database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file in the data folder.
    Sqlite(PathBuf),
    /// A server.
    Postgres,
}

/// Which database the settings choose.
#[must_use]
pub fn kind(s: &Settings) -> Kind {
    if s.store.url.expose().is_empty() { Kind::Sqlite(database_file(&s.server.data_dir)) } else { Kind::Postgres }
}

/// The SQLite file of a data folder.
#[must_use]
pub fn database_file(data_dir: &Path) -> PathBuf {
    data_dir.join("stoa.db")
}

/// Text of a store's error for the operator.
#[must_use]
pub fn explain(e: &stoa_core::Error) -> String {
    e.internal().map_or_else(|| e.public().to_owned(), |i| format!("{}: {i}", e.public()))
}

/// Opens it, migrations included.
///
/// # Errors
/// When it cannot be reached, is locked by another process, or is newer than this program.
pub async fn open(s: &Settings) -> anyhow::Result<Arc<dyn Store>> {
    match kind(s) {
        Kind::Sqlite(path) => {
            let config = stoa_store_sqlite::Config::new(path);
            // Opening migrates, with a backup first: that may take a while and must not stall the runtime.
            let store = tokio::task::spawn_blocking(move || SqliteStore::open(&config)).await?;
            Ok(Arc::new(store.map_err(|e| anyhow!("cannot open the database: {}", explain(&e)))?))
        }
        Kind::Postgres => {
            let store = PostgresStore::connect(s.store.url.expose()).await;
            Ok(Arc::new(store.map_err(|e| anyhow!("cannot open the database of store.url: {}", explain(&e)))?))
        }
    }
}

/// Looks whether the database can be reached, and changes nothing in it.
///
/// # Errors
/// What stands in the way; never the URL, which holds a password.
pub async fn reachable(s: &Settings) -> anyhow::Result<String> {
    match kind(s) {
        Kind::Sqlite(path) => {
            std::fs::OpenOptions::new().read(true).write(true).open(&path)?;
            Ok(format!("SQLite {}", path.display()))
        }
        Kind::Postgres => {
            let (host, port) = host_and_port(s.store.url.expose());
            tokio::net::TcpStream::connect((host.as_str(), port))
                .await
                .map_err(|e| anyhow!("PostgreSQL at {host}:{port} cannot be reached: {e}"))?;
            Ok(format!("PostgreSQL answers at {host}:{port}"))
        }
    }
}

/// Host and port of a PostgreSQL URL, without the name and password before them.
fn host_and_port(url: &str) -> (String, u16) {
    const DEFAULT_PORT: u16 = 5432;
    let rest = url.split_once("://").map_or(url, |(_, r)| r);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let address = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = match address.rsplit_once(':') {
        Some((h, p)) if !p.contains(']') => (h, p.parse().unwrap_or(DEFAULT_PORT)),
        _ => (address, DEFAULT_PORT),
    };
    let host = host.trim_matches(['[', ']']);
    (if host.is_empty() { "localhost" } else { host }.to_owned(), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_urls_are_read_without_their_password() {
        for (url, host, port) in [
            ("postgres://u:p@db.example:6432/stoa?sslmode=require", "db.example", 6432),
            ("postgres://u:p%40x@10.0.0.1/stoa", "10.0.0.1", 5432),
            ("postgresql://[::1]:5433/x", "::1", 5433),
            ("postgres:///x", "localhost", 5432),
        ] {
            assert_eq!(host_and_port(url), (host.to_owned(), port), "{url}");
        }
    }
}
