//! Items of streams: two rows for each, in a commit that is made anyway; nothing for who publishes none.

use flows::prelude::*;

use crate::bench::Bench;
use crate::costs::{Costs, at_most};
use crate::workflows::step;

const RUNS: u64 = 500;

/// Publishes an item with each step.
#[workflow]
async fn streaming(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let mut n = 0;
    for _ in 0..steps {
        n = step(ctx, n).await?;
        ctx.publish(&n)?;
    }
    Ok(n)
}

async fn costs(bench: &Bench, steps: u64) -> Result<Costs> {
    bench.costs_of_runs(RUNS, steps, |steps| streaming::Input { steps }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_is_two_rows_and_no_commit() -> Result<()> {
    let bench = Bench::new().await?;
    let ten = costs(&bench, 10).await?;
    let step = (costs(&bench, 20).await? - ten).each(RUNS * 10);
    eprintln!("a step that publishes an item: {step:?}");
    assert!(step.rows >= 2.0, "nothing is published: {step:?}");
    at_most(3.0, "row operations", step.rows);
    at_most(1.0, "journal rows", step.journal_rows);
    at_most(0.1, "commits", step.commits);
    at_most(0.3, "statements", step.statements);
    Ok(())
}
