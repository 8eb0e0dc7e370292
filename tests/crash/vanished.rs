//! A worker that vanishes in the middle of a transactional activity: its locks go with its lease, or by
//! the limits of its session, and the next attempt succeeds.

use std::sync::Arc;

use flows::pg::Transaction;
use flows::pg::dev::{Database, fresh_database};
use flows::pg::tokio_postgres::{Client, NoTls};
use flows::prelude::*;

use crate::gate::Gate;
use crate::ledger::LedgerFile;
use crate::process::{LONG, SHORT, WorkerProcess, serve};
use crate::waiting::until;

/// In the worker that vanishes, it never ends.
#[activity(transaction, start_to_close = "60s", retry(max_attempts = 1))]
async fn debit(tx: &Transaction<'_>) -> Result<i64> {
    let debit = "UPDATE accounts SET cents = cents - 1 RETURNING cents";
    let cents = tx.query_one(debit, &[]).await?.get(0);
    if std::env::var("FLOWS_TEST_WORKER_URL").is_ok() {
        std::future::pending::<()>().await;
    }
    Ok(cents)
}

#[workflow]
async fn debits(ctx: &WorkflowContext) -> Result<i64> {
    debit(ctx).await
}

#[workflow]
async fn debits_in_time(ctx: &WorkflowContext) -> Result<i64> {
    debit(ctx).start_to_close(Duration::from_secs(3)).await
}

/// For what takes seconds; less than the grace period.
const LIMIT: Duration = Duration::from_secs(120);

struct Scene {
    database: Database,
    engine: Engine,
    administrator: Client,
    ledger: LedgerFile,
}

impl Scene {
    async fn set(test: &str) -> Result<Self> {
        let database = fresh_database().await?;
        let engine = Engine::connect(database.url()).await?;
        engine.migrate().await?;
        let administrator = connect(database.superuser_url().unwrap_or(database.url())).await?;
        let accounts = "CREATE TABLE accounts (cents bigint); INSERT INTO accounts VALUES (100)";
        connect(database.url()).await?.batch_execute(accounts).await?;
        Ok(Self { database, engine, administrator, ledger: LedgerFile::new(test) })
    }

    /// How many sessions hold the transaction of an activity open and do nothing.
    async fn open(&self) -> Result<i64> {
        let open = "SELECT count(*) FROM pg_stat_activity AS a JOIN pg_locks AS l USING (pid)
                    WHERE a.datname = current_database() AND a.state = 'idle in transaction'
                      AND l.locktype = 'advisory' AND l.mode = 'ShareLock'";
        Ok(self.administrator.query_one(open, &[]).await?.get(0))
    }

    async fn until_open(&self, sessions: i64) -> Result<()> {
        until(async || Ok(self.open().await? == sessions)).await
    }

    /// A worker that stands still in the middle of the activity.
    async fn frozen(&self) -> Result<WorkerProcess> {
        let worker = WorkerProcess::start(self.database.url(), &self.ledger.0, SHORT)?;
        self.until_open(1).await?;
        worker.signal("STOP")?;
        Ok(worker)
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = flows::pg::tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Whoever takes its runs over ends its transaction first: the only attempt there is succeeds.
pub(crate) async fn taken_over() -> Result<()> {
    let scene = Scene::set("vanished").await?;
    let run = scene.engine.start(debits::Input {}).await?;
    let frozen = scene.frozen().await?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let gate = Arc::new(Gate::open());
    let serving = serve(&scene.engine, &scene.ledger.0, LONG, gate, stopped);
    let (served, cents) = tokio::join!(serving, async {
        let cents = tokio::time::timeout(LIMIT, run.result()).await;
        drop(stop);
        cents
    });
    drop(frozen);
    served?;
    let cents = cents.map_err(|_| Error::terminal("the run has not ended"))??;
    let left = scene.administrator.query_one("SELECT cents FROM accounts", &[]).await?;
    assert_eq!((cents, left.get::<_, i64>(0)), (99, 99), "it was debited once");
    Ok(())
}

/// Asked to stop, a worker gives its activities time; asked again, it gives them none.
pub(crate) async fn insisted() -> Result<()> {
    let scene = Scene::set("insisted").await?;
    scene.engine.start(debits::Input {}).await?;
    let mut worker = WorkerProcess::start(scene.database.url(), &scene.ledger.0, LONG)?;
    scene.until_open(1).await?;
    // signals that come together count once; its grace period is minutes
    until(async || {
        worker.signal("TERM")?;
        worker.has_ended()
    })
    .await?;
    assert!(!worker.ended().await?, "it ended at the second signal");
    Ok(())
}

/// Nobody takes its runs over, and its transaction ends all the same.
pub(crate) async fn limited() -> Result<()> {
    let scene = Scene::set("limited").await?;
    scene.engine.start(debits_in_time::Input {}).await?;
    let frozen = scene.frozen().await?;
    scene.until_open(0).await?;
    drop(frozen);
    Ok(())
}
