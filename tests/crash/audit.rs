//! The faults, and what must be true after each.

use std::collections::HashSet;
use std::sync::Arc;

use flows::pg::dev::{Database, fresh_database};
use flows::pg::tokio_postgres::{Client, NoTls};
use flows::prelude::*;
use uuid::Uuid;

use crate::gate::Gate;
use crate::ledger::LedgerFile;
use crate::process::{BEFORE_THE_GATE, LONG, SHORT, WorkerProcess, gate_file, serve};
use crate::waiting::until;
use crate::workflows::{Ready, order};

const RUNS: u64 = 1_000;

/// A database with runs in it, a ledger, and a connection to look with.
pub(crate) struct Scene {
    url: String,
    /// It is there as long as this.
    _database: Option<Database>,
    pub(crate) engine: Engine,
    pub(crate) ledger: LedgerFile,
    client: Client,
    pub(crate) runs: Vec<Execution<order::Workflow>>,
}

impl Scene {
    async fn set(test: &str) -> Result<Self> {
        let mut scene = Self::on(test, fresh_database().await?).await?;
        scene.runs = start_orders(&scene.engine).await?;
        Ok(scene)
    }

    /// Without runs, on a new database.
    pub(crate) async fn empty(test: &str) -> Result<Self> {
        Self::on(test, fresh_database().await?).await
    }

    /// Without runs.
    pub(crate) async fn on(test: &str, database: Database) -> Result<Self> {
        let scene = Self::at(test, database.url()).await?;
        Ok(Self { _database: Some(database), ..scene })
    }

    /// The same, in the database of this URL.
    pub(crate) async fn at(test: &str, url: &str) -> Result<Self> {
        let engine = Engine::connect(url).await?;
        engine.migrate().await?;
        let client = connect(url).await?;
        let effects = "CREATE TABLE effects (run uuid NOT NULL, cents bigint NOT NULL);
                       GRANT SELECT ON effects TO flows_worker";
        client.batch_execute(effects).await?;
        client.batch_execute("SET ROLE flows_worker").await?;
        let (url, ledger) = (url.to_owned(), LedgerFile::new(test));
        Ok(Self { url, _database: None, engine, ledger, client, runs: Vec::new() })
    }

    /// Looks through another connection: the first one is broken.
    pub(crate) async fn look_again(&mut self) -> Result<()> {
        self.client = connect(&self.url).await?;
        self.client.batch_execute("SET ROLE flows_worker").await?;
        Ok(())
    }

    fn worker(&self, lease: Duration) -> Result<WorkerProcess> {
        WorkerProcess::start(&self.url, &self.ledger.0, lease)
    }

    /// A worker in this process, until `stop`.
    pub(crate) async fn serve(&self, lease: Duration, stop: impl Future) -> Result<()> {
        serve(&self.engine, &self.ledger.0, lease, Arc::new(Gate::open()), stop).await
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn count(&self, query: &str) -> Result<i64> {
        Ok(self.client.query_one(query, &[]).await?.get(0))
    }

    /// Waits until the worker is in the middle of its work: a good part is recorded, and activities wait
    /// at its gate.
    async fn until_half_done(&self) -> Result<()> {
        let rows = "SELECT count(*) FROM flows.journal";
        let invoked = || self.ledger.entries().map_or(0, |entries| entries.len());
        until(async || Ok(self.count(rows).await? >= 1_000 && invoked() > BEFORE_THE_GATE)).await?;
        let owned = self.count("SELECT count(*) FROM flows.owned").await?;
        check(owned > 0, || "the worker owns nothing".into())
    }

    /// The activities that are recorded: run and operation.
    async fn recorded(&self) -> Result<HashSet<(Uuid, u32)>> {
        let mut recorded = HashSet::new();
        for exec in &self.runs {
            for event in exec.history().await? {
                if let ("activity_completed", Some(op)) = (event.kind, event.operation) {
                    recorded.insert((exec.run_id(), op));
                }
            }
        }
        Ok(recorded)
    }

    /// A second worker, in this process, until every run has ended.
    pub(crate) async fn finish(&self) -> Result<()> {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let results = async {
            for exec in &self.runs {
                exec.result().await?;
            }
            drop(stop);
            Ok(())
        };
        let (served, ended) = tokio::join!(self.serve(LONG, stopped), results);
        served.and(ended)
    }

    /// Whatever happened: every run complete, its journal dense, each activity recorded once and
    /// invoked at least once, nothing left behind.
    pub(crate) async fn audit(&self) -> Result<()> {
        let invocations = self.ledger.invocations()?;
        for exec in &self.runs {
            let history = exec.history().await?;
            let recorded: Vec<_> = history
                .iter()
                .filter(|event| event.kind == "activity_completed")
                .filter_map(|event| event.operation)
                .collect();
            check(recorded == [0, 1, 3, 4], || format!("{}: recorded {recorded:?}", exec.id()))?;
            let signals = history.iter().filter(|event| event.kind == "signal_received").count();
            check(signals == 1, || format!("{}: {signals} signals", exec.id()))?;
            let invoked = recorded.iter().all(|op| invocations.contains_key(&(exec.run_id(), *op)));
            check(invoked, || format!("{}: recorded and never invoked", exec.id()))?;
        }
        self.audit_rows().await?;
        self.audit_effects().await
    }

    /// Guarantee 4: what transactional activities wrote is there exactly once.
    async fn audit_effects(&self) -> Result<()> {
        let runs = i64::try_from(self.runs.len())?;
        let all = self.count("SELECT count(*) FROM effects").await?;
        let distinct = self.count("SELECT count(DISTINCT run) FROM effects").await?;
        check((all, distinct) == (runs, runs), || format!("{all} effects of {distinct} runs"))
    }

    async fn audit_rows(&self) -> Result<()> {
        let gaps = "SELECT count(*) FROM (SELECT run_id, max(position) + 1 - count(*) AS gap
                    FROM flows.journal GROUP BY run_id) AS g WHERE gap <> 0";
        check(self.count(gaps).await? == 0, || "a journal has a gap".into())?;
        for table in ["ready", "owned", "parked", "inbox"] {
            let left = self.count(&format!("SELECT count(*) FROM flows.{table}")).await?;
            check(left == 0, || format!("{left} rows left in {table}"))?;
        }
        let idle = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        check(self.count(idle).await? == 0, || "a connection is idle in a transaction".into())
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = flows::pg::tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Starts the orders and sends each its signal, before any worker runs.
async fn start_orders(engine: &Engine) -> Result<Vec<Execution<order::Workflow>>> {
    let mut starting = tokio::task::JoinSet::new();
    for number in 0..RUNS {
        let engine = engine.clone();
        starting.spawn(async move {
            let input = order::Input { cents: number + 1 };
            let exec = engine.start(input).id(format!("order-{number}")).await?;
            exec.send(Ready { available: true }).await?;
            Ok::<_, Error>(exec)
        });
    }
    starting.join_all().await.into_iter().collect()
}

pub(crate) fn check(holds: bool, message: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::terminal(message())) }
}

/// Guarantees 1, 3 and 5: nothing is lost, nothing is invoked after its record.
pub(crate) async fn kill_9() -> Result<()> {
    let scene = Scene::set("kill").await?;
    let mut first = scene.worker(SHORT)?;
    scene.until_half_done().await?;
    first.kill_9()?; // while activities wait at its gate

    let before = scene.recorded().await?;
    check(!before.is_empty(), || "nothing was recorded before the kill".into())?;
    scene.finish().await?;
    scene.audit().await?;

    let mine = std::process::id();
    for entry in scene.ledger.entries()?.iter().filter(|entry| entry.process == mine) {
        let again = before.contains(&(entry.run, entry.op));
        check(!again, || format!("run {} op {} ran after its record", entry.run, entry.op))?;
    }
    let redone = scene.ledger.invocations()?.values().filter(|count| **count > 1).count();
    check(redone > 0, || "the kill interrupted no activity, so it proves little".into())
}

/// Guarantee 5: a worker that wakes after its lease finds its writes refused.
pub(crate) async fn freeze() -> Result<()> {
    let scene = Scene::set("freeze").await?;
    let frozen = scene.worker(SHORT)?;
    scene.until_half_done().await?;
    frozen.signal("STOP")?;
    tokio::time::sleep(SHORT).await; // time itself is under test

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let thaw = async {
        let taken = format!(
            "SELECT count(*) FROM flows.owned o JOIN flows.workers w USING (worker_id)
                             WHERE w.name NOT LIKE '%-{}'",
            frozen.id()
        );
        until(async || Ok(scene.count(&taken).await? > 0)).await?;
        std::fs::write(gate_file(&scene.ledger.0), "")?; // what waits there has its results at once
        frozen.signal("CONT")?;
        for exec in &scene.runs {
            exec.result().await?;
        }
        frozen.signal("TERM")?;
        drop(stop);
        Ok(())
    };
    let (served, thawed) = tokio::join!(scene.serve(LONG, stopped), thaw);
    std::fs::remove_file(gate_file(&scene.ledger.0))?;
    served.and(thawed)?;
    check(frozen.ended().await?, || "the frozen worker did not end well".into())?;
    scene.audit().await
}

/// A stop loses no task and does none twice.
pub(crate) async fn sigterm() -> Result<()> {
    let scene = Scene::set("term").await?;
    let first = scene.worker(LONG)?;
    scene.until_half_done().await?;
    first.signal("TERM")?;
    check(first.ended().await?, || "the worker did not end well".into())?;
    let held = scene.count("SELECT count(*) FROM flows.owned").await?;
    check(held == 0, || format!("{held} runs were not handed back"))?;
    let open = scene.count("SELECT count(*) FROM flows.runs WHERE status = 0").await?;
    check(open > 0, || "the worker had finished before it was stopped".into())?;

    scene.finish().await?;
    scene.audit().await?;
    let invocations = scene.ledger.invocations()?;
    let twice = invocations.values().filter(|count| **count > 1).count();
    check(twice == 0, || format!("{twice} activities ran twice though the stop was graceful"))
}
