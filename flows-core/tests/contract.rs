//! The store contract, on the memory store. Each case has a store of its own.

use std::sync::Arc;

use flows_core::memory::MemoryStore;
use flows_core::store::Store;

async fn memory() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

flows_core::store_contract!(memory);
