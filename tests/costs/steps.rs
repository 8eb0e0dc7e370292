//! A step of a run that is in memory: a share of a row, a statement and a commit, and no read.
//!
//! What a step costs is what twenty cost more than ten: then what the run costs by itself is out.

use flows::prelude::*;

use crate::bench::{Bench, with_worker};
use crate::costs::{Costs, at_most};
use crate::workflows::{sequence, step};

const RUNS: u64 = 1_000;

#[workflow]
async fn step_then_wait(ctx: &WorkflowContext) -> Result<u64> {
    let n = step(ctx, 1).await?;
    ctx.signal::<u64>("go").await.map(|more| n + more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_a_resident_run_is_a_share_of_one_row_and_no_read() -> Result<()> {
    let bench = Bench::new().await?;
    let ten = sequences(&bench, 10).await?;
    let twenty = sequences(&bench, 20).await?;
    let step = (twenty - ten).each(RUNS * 10);
    eprintln!("step: {step:?}");
    assert!(step.rows >= 0.5, "the server counts no rows: {step:?}");
    at_most(1.0, "row operations", step.rows);
    at_most(1.0, "journal rows", step.journal_rows);
    at_most(0.0, "reads of the journal", step.journal_reads);
    // Who awaits a run looks at it when that takes longer than a quarter of a second, and the keeper
    // looks now and then: some tenths in all. A step that read anything would make it one.
    at_most(0.5, "rows that are read", step.reads);
    at_most(0.05, "statements", step.statements);
    at_most(0.05, "commits", step.commits);
    at_most(300.0, "bytes of log", step.wal);
    at_most(225.0, "bytes of tables", step.bytes);
    // with its share of the run's start, claim and end, as the budget counts
    let step = ten.each(RUNS * 10);
    at_most(0.05, "statements, all in all", step.statements);
    at_most(0.05, "commits, all in all", step.commits);
    at_most(450.0, "bytes of log, all in all", step.wal);
    at_most(330.0, "bytes of tables, all in all", step.bytes);
    Ok(())
}

/// A thousand runs at the same time, of so many steps.
async fn sequences(bench: &Bench, steps: u64) -> Result<Costs> {
    bench.costs_of_runs(RUNS, steps, |steps| sequence::Input { steps }).await
}

/// So the count above could have risen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_changes_workers_is_read_once() -> Result<()> {
    let bench = Bench::new().await?;
    let (costs, id) = bench
        .costs_of(async |engine| {
            let exec = engine.start(step_then_wait::Input {}).await?;
            with_worker(&engine, bench.comes_true("SELECT pg_relation_size('flows.journal') > 0"))
                .await?;
            Ok(exec.id())
        })
        .await?;
    assert_eq!(costs.journal_reads, 0);
    let (costs, output) = bench
        .costs_of(async |engine| {
            let exec = engine.execution::<step_then_wait::Workflow>(id);
            exec.signal("go", &2).await?;
            with_worker(&engine, exec.result()).await
        })
        .await?;
    assert_eq!((costs.journal_reads, output), (1, 4));
    Ok(())
}
