//! A workflow that does nothing: what a run costs by itself.
//!
//! The budgets are 6 row operations for a run that is started elsewhere, 4 for one that is started
//! where it runs, and 1,100 bytes of log. The rows are its own, made and closed, and its place as
//! owned, made and removed; one that is started elsewhere is ready before. The log's budget is mostly met
//! with the thousand runs here, and not with ten thousand: docs/src/performance.md says why. How much is
//! logged depends on the order in which keys come, too: where batches of starts overlap, index pages are
//! split in the middle, some 50 bytes more for each run. The entry in the index that lists are read by takes
//! 89. The limits have room for that and nothing else.

use flows::prelude::*;

use crate::bench::{Bench, results, start_all, with_worker};
use crate::costs::{Each, at_most, on_a_calm_machine};
use crate::workflows::noop;

const RUNS: u64 = 1_000;

fn inputs(engine: &Engine) -> impl Iterator<Item = (Tenant, noop::Input)> {
    (0..RUNS).map(|n| (engine.tenant(uuid::Uuid::nil()), noop::Input { n }))
}

/// Started, and then run by an engine that is not the one that started them.
async fn elsewhere() -> Result<Each> {
    let bench = Bench::new().await?;
    let (costs, outputs) = bench
        .costs_of(async |client| {
            let execs = start_all(inputs(&client)).await?;
            let elsewhere = bench.engine().await?;
            with_worker(&elsewhere, results(execs)).await
        })
        .await?;
    are_right(outputs);
    Ok(costs.each(RUNS))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn started_elsewhere() -> Result<()> {
    // budgets: 6 and 1,100; the log was measured at 1,083 to 1,177, and 89 more for lists
    check(6.01, 1_285.0, elsewhere).await
}

/// Started where their worker is.
async fn at_home() -> Result<Each> {
    let bench = Bench::new().await?;
    let (costs, outputs) = bench
        .costs_of(async |engine| {
            let work = async {
                engine.start(noop::Input { n: 0 }).await?.result().await?; // the worker is there
                results(start_all(inputs(&engine)).await?).await
            };
            with_worker(&engine, work).await
        })
        .await?;
    are_right(outputs);
    Ok(costs.each(RUNS + 1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn started_and_run_in_one_process() -> Result<()> {
    // budgets: 4 and 1,100; the log was measured at 738 to 805, and 89 more for lists
    check(4.02, 915.0, at_home).await
}

#[workflow]
async fn length(ctx: &WorkflowContext, text: String) -> Result<u64> {
    let _ = ctx.run_id();
    Ok(text.len() as u64)
}

/// What its end changes comes last in its row, so the log of the end does not hold the input again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_is_logged_once() -> Result<()> {
    const SIZE: u64 = 1_500; // small enough to stay in the row
    let bench = Bench::new().await?;
    let (costs, outputs) = bench
        .costs_of(async |engine| {
            let input = |_| length::Input { text: "x".repeat(SIZE as usize) };
            let inputs = (0..RUNS).map(|n| (engine.tenant(uuid::Uuid::nil()), input(n)));
            let execs = start_all(inputs).await?;
            with_worker(&engine, results(execs)).await
        })
        .await?;
    assert_eq!(outputs, vec![SIZE; RUNS as usize]);
    let log = costs.each(RUNS).wal;
    eprintln!("run with an input of {SIZE} bytes: {log} bytes of log");
    assert!(log > SIZE as f64, "the input is not in the log: {log}");
    at_most(1_100.0 + 1.2 * SIZE as f64, "bytes of log", log);
    Ok(())
}

#[track_caller]
fn are_right(mut outputs: Vec<u64>) {
    outputs.sort_unstable();
    assert!(outputs.into_iter().eq(0..RUNS), "a wrong result");
}

async fn check(rows: f64, log: f64, measure: impl AsyncFn() -> Result<Each>) -> Result<()> {
    const BATCHED: f64 = 0.3;
    let fits = |run: &Each| run.statements <= BATCHED && run.commits <= BATCHED && run.wal <= log;
    let run = on_a_calm_machine(fits, measure).await?;
    eprintln!("no-op: {run:?}");
    assert!(run.rows >= 4.0, "the server counts no rows: {run:?}");
    at_most(rows, "row operations", run.rows);
    at_most(log, "bytes of log", run.wal);
    at_most(BATCHED, "statements", run.statements);
    at_most(BATCHED, "commits", run.commits);
    at_most(0.0, "journal rows", run.journal_rows);
    at_most(0.0, "reads of the journal", run.journal_reads);
    at_most(8.0, "rows that are read", run.reads);
    at_most(1_500.0, "bytes of tables", run.bytes);
    Ok(())
}
