//! A server that nobody else writes to, engines on it, and what they have cost.

use flows::pg::dev::{Database, PrivateServer};
use flows::pg::tokio_postgres::{Client, NoTls, connect};
use flows::prelude::*;

use crate::costs::Costs;
use crate::waiting::{served, until};

/// A server that does nothing by itself while costs are counted: no checkpoint, no autovacuum. It
/// does not wait for the disk either, which changes no count.
const QUIET: [(&str, &str); 5] = [
    ("fsync", "off"),
    ("checkpoint_timeout", "1h"),
    ("max_wal_size", "16GB"),
    ("autovacuum", "off"),
    ("max_connections", "50"),
];

pub(crate) struct Bench {
    database: Database,
    admin: Client,
    _server: PrivateServer,
}

impl Bench {
    /// A migrated database on a server of its own.
    pub(crate) async fn new() -> Result<Self> {
        let server = PrivateServer::start_with(&QUIET).await?;
        let database = server.fresh_database().await?;
        Engine::connect(database.url()).await?.migrate().await?;
        let url = database.superuser_url().ok_or_else(|| Error::terminal("no superuser"))?;
        let (admin, connection) = connect(url, NoTls).await?;
        tokio::spawn(connection);
        let bench = Self { database, admin, _server: server };
        bench.everybody_has_gone().await?;
        Ok(bench)
    }

    /// What `work` costs, with an engine of its own. Its connections have ended when this returns,
    /// because only then does the server know all that they did.
    pub(crate) async fn costs_of<T>(
        &self,
        work: impl AsyncFnOnce(Engine) -> Result<T>,
    ) -> Result<(Costs, T)> {
        let before = Costs::now(&self.admin).await?;
        let value = work(self.engine().await?).await?;
        self.everybody_has_gone().await?;
        Ok((Costs::now(&self.admin).await? - before, value))
    }

    /// What so many runs of so many steps cost that are started together. Each gives the number of its steps.
    pub(crate) async fn costs_of_runs<I>(
        &self,
        runs: u64,
        steps: u64,
        input: impl Fn(u64) -> I,
    ) -> Result<Costs>
    where
        I: flows::WorkflowInput,
        I::Workflow: Workflow<Output = u64> + 'static,
    {
        let (costs, outputs) = self
            .costs_of(async |engine| {
                let inputs = (0..runs).map(|_| (engine.tenant(uuid::Uuid::nil()), input(steps)));
                let execs = start_all(inputs).await?;
                with_worker(&engine, results(execs)).await
            })
            .await?;
        assert_eq!(outputs, vec![steps; runs as usize]);
        Ok(costs)
    }

    pub(crate) async fn engine(&self) -> Result<Engine> {
        Engine::connect(self.database.url()).await
    }

    pub(crate) async fn costs(&self) -> Result<Costs> {
        Costs::now(&self.admin).await
    }

    /// Waits until a query answers yes. (Nothing tells from outside.)
    pub(crate) async fn comes_true(&self, query: &str) -> Result<()> {
        until(async || self.is_true(query).await).await
    }

    pub(crate) async fn is_true(&self, query: &str) -> Result<bool> {
        Ok(self.admin.query_one(query, &[]).await?.get(0))
    }

    pub(crate) fn admin(&self) -> &Client {
        &self.admin
    }

    /// Another session of a superuser.
    pub(crate) async fn another(&self) -> Result<Client> {
        let (client, connection) = connect(self.url()?, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Runs that wait for a signal, of a thousand tenants, made by the server.
    pub(crate) async fn open_runs(&self, numbers: std::ops::Range<u64>) -> Result<()> {
        let std::ops::Range { start, end } = numbers;
        let keys = format!(
            "SELECT (n % 16)::smallint AS shard, lpad(to_hex(n % 1000), 32, 'a')::uuid AS tenant_id,
                    lpad(to_hex(n * 256 + n % 16), 32, '0')::uuid AS run_id
             FROM generate_series({start}, {end} - 1) AS n"
        );
        let runs = format!(
            "INSERT INTO flows.runs (shard, tenant_id, run_id, lane, version, workflow, queue, input)
             SELECT shard, tenant_id, run_id, 1, 1, 'waits', 'default', '{{}}' FROM ({keys}) AS k"
        );
        let places = format!(
            "INSERT INTO flows.parked (shard, tenant_id, run_id, lane, priority, waiting_for)
             SELECT shard, tenant_id, run_id, 1, 0, 'signal `go`' FROM ({keys}) AS k"
        );
        self.admin.batch_execute(&format!("{runs}; {places}; ANALYZE")).await?;
        self.admin.batch_execute("SELECT pg_stat_force_next_flush()").await?; // or it is told later
        Ok(())
    }

    fn url(&self) -> Result<&str> {
        self.database.superuser_url().ok_or_else(|| Error::terminal("no superuser"))
    }

    async fn everybody_has_gone(&self) -> Result<()> {
        let others = "SELECT count(*) = 0 FROM pg_stat_activity
                      WHERE datname = current_database() AND pid <> pg_backend_pid()
                      AND usename <> 'postgres'";
        tokio::time::timeout(Duration::from_secs(10), self.comes_true(others)).await.map_err(
            |_| Error::terminal("connections of an engine that was dropped are still there"),
        )?
    }
}

/// Serves while `work` is done, in memory for as long as it takes.
pub(crate) async fn with_worker<T>(
    engine: &Engine,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let worker = Worker::builder(engine, register_all!())
        .max_resident_runs(20_000)
        .max_activities(2_000)
        .lease(Duration::from_secs(60)) // a lease that is lost on a busy machine would be counted
        .resident_for(Duration::from_secs(3_600))
        .build()?;
    served(worker, work).await
}

/// Starts all at the same time.
pub(crate) async fn start_all<I>(
    inputs: impl IntoIterator<Item = (Tenant, I)>,
) -> Result<Vec<Execution<I::Workflow>>>
where
    I: flows::WorkflowInput,
{
    let mut starting = tokio::task::JoinSet::new();
    for (tenant, input) in inputs {
        starting.spawn(async move { tenant.start(input).await });
    }
    starting.join_all().await.into_iter().collect()
}

/// Waits for all at the same time.
pub(crate) async fn results<W>(execs: Vec<Execution<W>>) -> Result<Vec<W::Output>>
where
    W: Workflow + 'static,
    W::Output: Send + 'static,
{
    let mut waiting = tokio::task::JoinSet::new();
    for exec in execs {
        waiting.spawn(async move { exec.result().await });
    }
    waiting.join_all().await.into_iter().collect()
}
