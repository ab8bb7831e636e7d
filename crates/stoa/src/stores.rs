//! Opens the store that the configuration names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::anyhow;
use stoa_core::ports::Store;
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
        Kind::Postgres => Err(anyhow!("not yet")),
    }
}
