//! A fresh database with an engine, and workers that live as long as a test needs them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use flows::pg::dev::{Database, fresh_database};
use flows::pg::tokio_postgres::{self, Client, NoTls};
use flows::prelude::*;

use crate::waiting::served;

/// Counts what activities do, and when.
#[derive(Default, Clone)]
pub(crate) struct Calls(Arc<AtomicU32>, Arc<Mutex<Vec<Instant>>>);

impl Calls {
    pub(crate) fn count(&self) -> u32 {
        self.moments().push(Instant::now());
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn moments(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn seen(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) struct Scene {
    pub(crate) engine: Engine,
    pub(crate) calls: Calls,
    pub(crate) database: Database,
}

impl Scene {
    pub(crate) async fn new() -> Result<Self> {
        let database = fresh_database().await?;
        let engine = Engine::connect(database.url()).await?;
        engine.migrate().await?;
        Ok(Self { engine, calls: Calls::default(), database })
    }

    /// A connection as the application has it.
    pub(crate) async fn client(&self) -> Result<Client> {
        let (client, connection) = tokio_postgres::connect(self.database.url(), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub(crate) fn worker(&self) -> Result<Worker> {
        Worker::builder(&self.engine, register_all!())
            .state(self.calls.clone())
            .lease(Duration::from_secs(1))
            .build()
    }

    /// Runs a test while a worker runs; the worker is stopped gracefully at its end.
    pub(crate) async fn with_worker<T>(&self, test: impl Future<Output = Result<T>>) -> Result<T> {
        served(self.worker()?, test).await
    }

    /// All rows of the library's tables, seen as the role that sees every tenant.
    pub(crate) async fn rows(&self, table: &str) -> Result<i64> {
        let client = self.client().await?;
        client.batch_execute("SET ROLE flows_worker").await?;
        let query = format!("SELECT count(*) FROM flows.{table}");
        Ok(client.query_one(&query, &[]).await?.get(0))
    }
}
