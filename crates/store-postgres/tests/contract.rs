//! The contract of stores, on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
use stoa_core::ports::Store;
use stoa_store_contract::pg::Server;
use stoa_store_contract::{Subject, good};
use stoa_store_postgres::PostgresStore;

struct Postgres {
    url: String,
    store: Arc<PostgresStore>,
}

async fn make() -> Postgres {
    let url = tokio::task::spawn_blocking(|| Server::shared().database().unwrap()).await.unwrap();
    let store = Arc::new(good(PostgresStore::connect(&url).await));
    Postgres { url, store }
}

#[async_trait]
impl Subject for Postgres {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn reopen(&mut self) {
        self.store.close().await;
        self.store = Arc::new(good(PostgresStore::connect(&self.url).await));
    }
}

stoa_store_contract::store_contract!(make);
