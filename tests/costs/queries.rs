//! Values for queries: a row for each that has changed, in a commit that is made anyway.

use flows::prelude::*;

use crate::bench::Bench;
use crate::costs::{Costs, at_most};
use crate::workflows::step;

const RUNS: u64 = 500;

/// Publishes one value that changes with each step, and one that does not.
#[workflow]
async fn publishing(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let mut n = 0;
    for _ in 0..steps {
        n = step(ctx, n).await?;
        ctx.set_query("steps", &n)?;
        ctx.set_query("all", &steps)?;
    }
    Ok(n)
}

async fn costs(bench: &Bench, steps: u64) -> Result<Costs> {
    bench.costs_of_runs(RUNS, steps, |steps| publishing::Input { steps }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_is_one_row_when_it_changes_and_no_commit() -> Result<()> {
    let bench = Bench::new().await?;
    let ten = costs(&bench, 10).await?;
    let step = (costs(&bench, 20).await? - ten).each(RUNS * 10);
    eprintln!("a step that publishes: {step:?}");
    assert!(step.rows >= 1.0, "nothing is published: {step:?}");
    at_most(2.0, "row operations", step.rows);
    at_most(1.0, "journal rows", step.journal_rows);
    at_most(0.1, "commits", step.commits);
    at_most(0.3, "statements", step.statements);
    Ok(())
}
