//! The store contract, on PostgreSQL: the same cases as on the memory store. Each has a database of
//! its own, or one that another case is done with, emptied.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flows_core::store::traits::*;
use flows_pg::PgStore;
use flows_pg::dev::{Database, fresh_database};
use flows_pg::tokio_postgres::{self, NoTls};

/// Databases that no case uses: as many as cases have run at once.
static IDLE: Mutex<Vec<Database>> = Mutex::new(Vec::new());

const EMPTY: &str = "DO $$ BEGIN EXECUTE (
    SELECT 'TRUNCATE ' || string_agg(format('%I.%I', schemaname, tablename), ', ')
    FROM pg_tables WHERE schemaname = 'flows' AND tablename <> 'schema_version'
); END $$";

/// A database on loan.
struct Own(Option<Database>);

async fn store() -> (Arc<dyn Store>, Own) {
    let found = idle().pop();
    let is_new = found.is_none();
    let database = match found {
        Some(database) => database,
        None => fresh_database().await.expect("a database"),
    };
    let store = PgStore::connect(database.url()).await.expect("a connection");
    if is_new {
        store.migrate().await.expect("a schema");
    } else {
        empty(&database).await;
    }
    (Arc::new(store), Own(Some(database)))
}

async fn empty(database: &Database) {
    let connected = tokio_postgres::connect(database.url(), NoTls).await;
    let (client, connection) = connected.expect("a connection");
    tokio::spawn(connection);
    client.batch_execute(EMPTY).await.expect("the owner may");
}

fn idle() -> MutexGuard<'static, Vec<Database>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Own {
    fn drop(&mut self) {
        idle().extend(self.0.take());
    }
}

flows_core::store_contract!(store);
