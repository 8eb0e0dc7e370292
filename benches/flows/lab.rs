//! Where measuring happens: fresh databases, an engine and a worker in this process, and the check
//! of what they left behind.

use std::time::{Duration, Instant};

use flows::pg::dev::{Database, fresh_database};
use flows::pg::tokio_postgres::{self, Client, NoTls};
use flows::prelude::*;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::definitions::Doom;

/// A connection of our own.
pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A database that nothing has happened in, on a server that has nothing left to write.
pub(crate) async fn quiet_database() -> Result<Database> {
    let database = fresh_database().await?;
    checkpoint(&database).await?;
    Ok(database)
}

/// Where we may, so that what was written before does not slow down what comes.
pub(crate) async fn checkpoint(database: &Database) -> Result<()> {
    if let Some(url) = database.superuser_url() {
        connect(url).await?.batch_execute("CHECKPOINT").await?;
    }
    Ok(())
}

/// A quiet database with the library's schema.
pub(crate) async fn migrated() -> Result<(Database, Engine)> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    checkpoint(&database).await?;
    Ok((database, engine))
}

/// A worker in this process.
pub(crate) struct Working {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Working {
    /// Holds so many runs at once. Runs stay in memory, unless `resident` says otherwise.
    pub(crate) fn begin(engine: &Engine, runs: u64, resident: Duration) -> Result<Self> {
        Self::serve(engine, "default", runs, resident)
    }

    /// The same, of this queue.
    pub(crate) fn serve(
        engine: &Engine,
        queue: &str,
        runs: u64,
        resident: Duration,
    ) -> Result<Self> {
        let worker = Worker::builder(engine, register_all!())
            .queues([queue])
            .max_resident_runs(usize::try_from(runs)?)
            .state(Doom(false))
            .max_activities(4_000)
            .resident_for(resident)
            .build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move { worker.run_until(stopped).await });
        Ok(Self { stop, task })
    }

    pub(crate) async fn end(self) -> Result<()> {
        drop(self.stop);
        self.task.await?
    }
}

/// A database with an engine and a worker.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) database: Database,
    working: Working,
}

/// How long a run that only waits stays in memory, where it should stay there.
pub(crate) const FOR_LONG: Duration = Duration::from_secs(3_600);

impl Stage {
    /// Whose worker holds so many runs at once.
    pub(crate) async fn set(runs: u64) -> Result<Self> {
        let (database, engine) = migrated().await?;
        Self::on(database, engine, runs, FOR_LONG)
    }

    pub(crate) fn on(
        database: Database,
        engine: Engine,
        runs: u64,
        resident: Duration,
    ) -> Result<Self> {
        let working = Working::begin(&engine, runs, resident)?;
        Ok(Self { engine, database, working })
    }

    /// Stops the worker, and checks that so many runs have ended well and left nothing behind. The
    /// database is removed with what this gives.
    pub(crate) async fn end(self, runs: u64) -> Result<Database> {
        self.working.end().await?;
        check(&self.database, runs).await?;
        Ok(self.database)
    }
}

/// How long nothing may change before that is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks at the tables from outside.
pub(crate) struct Watch(Client);

impl Watch {
    pub(crate) async fn new(database: &Database) -> Result<Self> {
        let client = connect(database.url()).await?;
        client.batch_execute("SET ROLE flows_worker").await?;
        Ok(Self(client))
    }

    pub(crate) async fn number(&self, query: &str) -> Result<i64> {
        Ok(self.0.query_one(query, &[]).await?.get(0))
    }

    /// Transactions of this database that have ended, as far as sessions have told: those that have
    /// ended have.
    pub(crate) async fn commits(&self) -> Result<i64> {
        let commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
        self.number(commits).await
    }

    /// Looks again and again until the number is this one, because nothing tells of it; for a fifth
    /// of the time at most, so that looking does not slow down what is looked at.
    pub(crate) async fn until(&self, query: &str, number: u64) -> Result<()> {
        let (mut last, mut changed) = (None, Instant::now());
        loop {
            let asked = Instant::now();
            let found = self.number(query).await?;
            if found as u64 == number {
                return Ok(());
            }
            if last.replace(found) != Some(found) {
                changed = asked;
            }
            let moves = changed.elapsed() < PATIENCE;
            ensure(moves, || format!("it stays at {found} instead of {number}: {query}"))?;
            tokio::time::sleep((4 * asked.elapsed()).max(Duration::from_millis(2))).await;
        }
    }
}

/// Whether so many runs are there, all of them completed, with journals that have no gap, and
/// nothing is left in the places of open runs.
pub(crate) async fn check(database: &Database, runs: u64) -> Result<()> {
    let Watch(client) = Watch::new(database).await?;
    let query = "
        SELECT (SELECT count(*) FROM flows.runs),
               (SELECT count(*) FROM flows.runs WHERE status <> 1 OR output IS NULL),
               (SELECT count(*) FROM (SELECT FROM flows.journal GROUP BY run_id
                                      HAVING max(position) + 1 <> count(*)) AS gap),
               (SELECT count(*) FROM flows.ready) + (SELECT count(*) FROM flows.owned)
                 + (SELECT count(*) FROM flows.parked) + (SELECT count(*) FROM flows.inbox),
               (SELECT count(*) FROM flows.dead_letters)";
    let row = client.query_one(query, &[]).await?;
    let [all, others, gaps, left, dead] = std::array::from_fn(|column| row.get::<_, i64>(column));
    let wanted = i64::try_from(runs)?;
    ensure((all, others, gaps, left, dead) == (wanted, 0, 0, 0, 0), || {
        format!(
            "{all} runs instead of {wanted}; {others} not completed, {gaps} journals with a gap, \
             {left} places and letters left, {dead} dead letters"
        )
    })
}

/// A check that fails the benchmark.
pub(crate) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::terminal(format!("check failed: {}", message()))) }
}
