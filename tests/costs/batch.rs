//! Thousands of small activities: their results share rows and commits, and their inputs are not stored.

use flows::prelude::*;

use crate::bench::Bench;
use crate::costs::at_most;
use crate::workflows::step;

const ITEMS: u64 = 5_000;

#[workflow]
async fn batched(ctx: &WorkflowContext, items: u64, n: usize) -> Result<u64> {
    let results = ctx.batch(0..items, n, |item| step(ctx, item)).await;
    assert!(results.iter().zip(1..).all(|(result, n)| result.as_ref().is_ok_and(|it| *it == n)));
    Ok(results.len() as u64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_of_small_activities_share_rows() -> Result<()> {
    let bench = Bench::new().await?;
    for n in [20, 100, 1_000] {
        let costs = bench.costs_of_runs(1, ITEMS, |items| batched::Input { items, n }).await?;
        eprintln!("{n} at once: {costs:?}");
        assert!(costs.journal_rows >= 5, "the server counts no rows: {costs:?}");
        let full = ITEMS as f64 / n as f64; // rows, if each had n results
        at_most(1.6 * full + 60.0, "journal rows", costs.journal_rows as f64);
        at_most(1.6 * full + 200.0, "statements", costs.statements as f64);
        at_most(0.0, "reads of the journal", costs.journal_reads as f64);
        at_most(70.0, "bytes of log for each item", costs.wal as f64 / ITEMS as f64);
    }
    Ok(())
}
