//! What these tests share: an engine on an application's small pool, a table that others lock, workers.

use flows::pg::deadpool_postgres::{Manager, Pool, Runtime};
use flows::pg::dev::{Database, fresh_database};
use flows::pg::tokio_postgres::{Client, NoTls};
use flows::prelude::*;

pub(crate) use crate::waiting::{Serving, until};

#[workflow]
pub(crate) async fn nothing(_ctx: &WorkflowContext) -> Result<()> {
    Ok(())
}

/// An engine on a pool that the application uses too.
pub(crate) struct Scene {
    pub(crate) database: Database,
    pub(crate) engine: Engine,
    pub(crate) pool: Pool,
    /// Sees and may do everything.
    pub(crate) administrator: Client,
}

impl Scene {
    pub(crate) async fn set() -> Result<Self> {
        let database = fresh_database().await?;
        let pool = pool(database.url(), 4);
        let engine = Engine::from_pool(pool.clone());
        engine.migrate().await?;
        let administrator = connect(database.superuser_url().unwrap_or(database.url())).await?;
        let accounts = "CREATE TABLE accounts (cents bigint); INSERT INTO accounts VALUES (100)";
        pool.get().await?.batch_execute(accounts).await?;
        Ok(Self { database, engine, pool, administrator })
    }

    pub(crate) async fn count(&self, of: &str) -> Result<i64> {
        Ok(self.administrator.query_one(&format!("SELECT count(*) {of}"), &[]).await?.get(0))
    }

    /// How many sessions wait for a lock.
    pub(crate) async fn waiting(&self) -> Result<i64> {
        let waiting = "FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.count(waiting).await
    }
}

pub(crate) fn pool(url: &str, size: usize) -> Pool {
    let manager = Manager::new(url.parse().expect("it was used already"), NoTls);
    let pool = Pool::builder(manager).max_size(size).runtime(Runtime::Tokio1);
    pool.build().expect("a pool")
}

pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = flows::pg::tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// What does not end in time is a failure that says so.
pub(crate) async fn within<T>(
    what: &str,
    seconds: u64,
    doing: impl Future<Output = Result<T>>,
) -> Result<T> {
    let ended = tokio::time::timeout(Duration::from_secs(seconds), doing).await;
    ended.unwrap_or_else(|_| panic!("{what}: not after {seconds} s"))
}
