//! What work costs, in counts that do not depend on the machine: statements, commits, reads, rows.
//!
//! Counted by the server itself (`pg_stat_statements`), so that nothing the library does can be
//! forgotten, and by the store's own counters, which say what it was.

use std::collections::BTreeMap;

use flows::pg::dev::{Database, fresh_database};
use flows::pg::tokio_postgres::{Client, NoTls};
use flows::prelude::*;

const RUNS: u64 = 1_000;
const STEPS: u64 = 10;

#[activity]
async fn step(n: u64) -> Result<u64> {
    Ok(n + 1)
}

#[workflow]
async fn steps(ctx: &WorkflowContext, start: u64) -> Result<u64> {
    let mut n = start;
    for _ in 0..STEPS {
        n = step(ctx, n).await?;
    }
    Ok(n)
}

#[workflow]
async fn step_then_wait(ctx: &WorkflowContext) -> Result<u64> {
    let n = step(ctx, 1).await?;
    ctx.signal::<u64>("go").await.map(|more| n + more)
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<String> {
    ctx.signal("go").await
}

/// A fresh database, an engine on it, and the server's own counts.
struct Bench {
    database: Database,
    engine: Engine,
    client: Client,
}

/// Counts at one moment, or between two.
#[derive(Debug, Clone, Copy)]
struct Counts {
    statements: i64,
    journal_reads: i64,
}

impl Bench {
    async fn new() -> Result<Self> {
        let database = fresh_database().await?;
        let engine = Engine::connect(database.url()).await?;
        engine.migrate().await?;
        let (client, connection) =
            flows::pg::tokio_postgres::connect(database.url(), NoTls).await?;
        tokio::spawn(connection);
        Ok(Self { database, engine, client })
    }

    /// What this database has seen so far, without what this connection asks.
    async fn counts(&self) -> Result<Counts> {
        let query = "
            SELECT coalesce(sum(calls), 0)::bigint,
                   coalesce(sum(calls) FILTER (WHERE query ~* '(from|join) flows.journal'), 0)::bigint
            FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
            WHERE d.datname = current_database() AND query !~ 'pg_stat_statements'";
        let row = self.client.query_one(query, &[]).await?;
        Ok(Counts { statements: row.get(0), journal_reads: row.get(1) })
    }

    async fn with_worker<T>(&self, test: impl Future<Output = Result<T>>) -> Result<T> {
        let worker = Worker::builder(&self.engine, register_all!())
            .max_workflows(20_000)
            .max_activities(2_000)
            .resident_for(Duration::from_secs(3_600))
            .build()?;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (served, value) = tokio::join!(worker.run_until(stopped), async {
            let value = test.await;
            drop(stop);
            value
        });
        served?;
        value
    }

    fn counters(&self) -> BTreeMap<&'static str, u64> {
        self.engine.store().counters()
    }
}

async fn start_all(engine: &Engine) -> Result<Vec<Execution<steps::Workflow>>> {
    let mut starting = tokio::task::JoinSet::new();
    for start in 0..RUNS {
        let engine = engine.clone();
        starting.spawn(async move { engine.start(steps::Input { start }).await });
    }
    starting.join_all().await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_a_resident_run_is_a_share_of_one_row_and_no_read() -> Result<()> {
    let bench = Bench::new().await?;
    let execs = start_all(&bench.engine).await?;
    let (before, commits) = (bench.counts().await?, bench.counters()["commit"]);
    bench
        .with_worker(async {
            for exec in &execs {
                exec.result().await?;
            }
            Ok(())
        })
        .await?;
    let after = bench.counts().await?;

    let steps = (RUNS * STEPS) as f64;
    let statements = (after.statements - before.statements) as f64 / steps;
    let counters = bench.counters();
    let writes: u64 = ["append", "turn"].iter().filter_map(|name| counters.get(name)).sum();
    let explicit = counters["commit"] - commits;
    eprintln!("statements per step {statements:.4}, {counters:?}");
    assert!(statements > 0.0, "pg_stat_statements counts nothing here");
    assert!(statements < 0.1, "{statements} statements per step");
    assert!(((writes + explicit) as f64) / steps < 0.1, "{writes} + {explicit} commits");
    assert_eq!(after.journal_reads, before.journal_reads, "a resident run reads no journal");
    reads_are_seen(&bench).await?;
    let rows: i64 = bench.client.query_one(JOURNAL_ROWS, &[]).await?.get(0);
    assert!(rows as u64 <= RUNS * STEPS, "{rows} journal rows for {steps} steps");
    Ok(())
}

/// A run that changes workers is read once: the count above could have risen.
async fn reads_are_seen(bench: &Bench) -> Result<()> {
    let exec = bench.engine.start(step_then_wait::Input {}).await?;
    bench
        .with_worker(async {
            while exec.history().await?.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        })
        .await?;
    let loads = |bench: &Bench| bench.counters().get("load").copied().unwrap_or(0);
    let before = (bench.counts().await?.journal_reads, loads(bench));
    exec.signal("go", &2).await?;
    assert_eq!(bench.with_worker(exec.result()).await?, 4);
    assert_eq!(loads(bench) - before.1, 1, "one query reads the journals of an activation");
    assert!(bench.counts().await?.journal_reads > before.0, "and the server's counts show it");
    Ok(())
}

/// Counted by the statistics of the table, which row security does not touch.
const JOURNAL_ROWS: &str = "SELECT pg_stat_get_tuples_inserted('flows.journal'::regclass)
                                 + pg_stat_get_xact_tuples_inserted('flows.journal'::regclass)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_sends_at_most_two_statements_a_second() -> Result<()> {
    let bench = Bench::new().await?;
    let seconds = 6;
    bench
        .with_worker(async {
            tokio::time::sleep(Duration::from_secs(4)).await; // it looks less and less often
            let before = bench.counts().await?;
            tokio::time::sleep(Duration::from_secs(seconds)).await; // time itself is under test
            let sent = bench.counts().await?.statements - before.statements;
            assert!(sent > 0, "an idle worker at least renews its lease");
            assert!(sent as u64 <= 2 * seconds, "{sent} statements in {seconds} s");
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_resident_runs_fit_into_200_megabytes() -> Result<()> {
    const WAITING: usize = 10_000;
    let bench = Bench::new().await?;
    let empty = resident_bytes()?;
    let first = bench.engine.start(waits::Input {}).id("first").await?;
    let mut starting = tokio::task::JoinSet::new();
    for _ in 1..WAITING {
        let engine = bench.engine.clone();
        starting.spawn(async move { engine.start(waits::Input {}).await.map(drop) });
    }
    starting.join_all().await.into_iter().collect::<Result<()>>()?;
    bench.client.batch_execute("SET ROLE flows_worker").await?;
    let owned = "SELECT count(*) FROM flows.owned";
    bench
        .with_worker(async {
            while bench.client.query_one(owned, &[]).await?.get::<_, i64>(0) < WAITING as i64 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            first.signal("go", &"on").await?;
            assert_eq!(first.result().await?, "on"); // it was in memory and has moved
            let used = resident_bytes()?.saturating_sub(empty);
            eprintln!("{WAITING} resident runs: {} MB", used >> 20);
            assert!(used < 200 << 20, "{} MB", used >> 20);
            Ok(())
        })
        .await?;
    drop(bench.database);
    Ok(())
}

/// Resident memory of this process.
fn resident_bytes() -> Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let missing = || Error::terminal("no VmRSS in /proc/self/status");
    Ok(kilobytes.ok_or_else(missing)?.parse::<usize>()? << 10)
}
