//! The store of maps keeps the promises about groups and credentials as the real stores do, so that what is tested on it
//! holds on them.

use std::sync::Arc;

use async_trait::async_trait;
use stoa_core::ports::Store;
use stoa_store_contract::Subject;
use stoa_testkit::MemStore;

#[derive(Default)]
struct Maps(Arc<MemStore>);

#[async_trait]
impl Subject for Maps {
    fn store(&self) -> Arc<dyn Store> {
        self.0.clone()
    }

    /// There is nothing else than its memory.
    async fn reopen(&mut self) {}
}

async fn make() -> Maps {
    Maps::default()
}

stoa_store_contract::group_contract!(make);
