//! The contract of stores, on SQLite: with its usual memory, and with so little that almost every
//! read goes to the file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
use stoa_core::ports::Store;
use stoa_store_contract::Subject;
use stoa_store_sqlite::{Config, SqliteStore};

struct Sqlite {
    config: Config,
    store: Option<Arc<SqliteStore>>,
    _folder: tempfile::TempDir,
}

impl Sqlite {
    fn make(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path().join("stoa.db"));
        change(&mut config);
        let store = Some(Arc::new(SqliteStore::open(&config).unwrap()));
        Self { config, store, _folder: folder }
    }
}

#[async_trait]
impl Subject for Sqlite {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone().unwrap()
    }

    async fn reopen(&mut self) {
        let old = self.store.take().unwrap();
        drop(Arc::into_inner(old).expect("nobody else holds the store"));
        self.store = Some(Arc::new(SqliteStore::open(&self.config).unwrap()));
    }
}

mod with_memory {
    async fn make() -> super::Sqlite {
        super::Sqlite::make(|_| {})
    }
    stoa_store_contract::store_contract!(make);
}

mod almost_without_memory {
    async fn make() -> super::Sqlite {
        super::Sqlite::make(|c| {
            c.room_cache_bytes = 1;
            c.side_cache_bytes = 1;
        })
    }
    stoa_store_contract::store_contract!(make);
}
