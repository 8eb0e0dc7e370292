//! The store contract, on PostgreSQL: the same cases as on the memory store, all at once on one
//! database.

use std::sync::Arc;

use flows_core::store::Store;
use flows_pg::PgStore;
use flows_pg::dev::{Database, fresh_database};
use tokio::sync::OnceCell;

async fn store() -> Arc<dyn Store> {
    /// Lives as long as the process, and its server with it.
    static DATABASE: OnceCell<Database> = OnceCell::const_new();
    let database = DATABASE.get_or_init(async || fresh_database().await.expect("a database")).await;
    let store = PgStore::connect(database.url()).await.expect("a connection");
    store.migrate().await.expect("a schema");
    Arc::new(store)
}

flows_core::store_contract!(store);
