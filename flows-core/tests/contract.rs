//! The store contract, on the memory store. All cases share one, as they share a database.

use std::sync::{Arc, LazyLock};

use flows_core::memory::MemoryStore;
use flows_core::store::Store;

static STORE: LazyLock<Arc<MemoryStore>> = LazyLock::new(Arc::default);

async fn memory() -> Arc<dyn Store> {
    STORE.clone()
}

flows_core::store_contract!(memory);
