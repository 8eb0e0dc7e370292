//! Search attributes: a row for each that is given or has changed, in a transaction that is made anyway.

use flows::prelude::*;

use crate::bench::{Bench, results, with_worker};
use crate::costs::{Costs, at_most};
use crate::workflows::{noop, step};

const RUNS: u64 = 500;

/// Sets one attribute that changes with each step, and one that does not.
#[workflow]
async fn setting(ctx: &WorkflowContext, steps: u64) -> Result<u64> {
    let mut n = 0;
    for _ in 0..steps {
        n = step(ctx, n).await?;
        ctx.set_attribute("steps", i64::try_from(n).unwrap_or(0))?;
        ctx.set_attribute("all", true)?;
    }
    Ok(n)
}

async fn costs(bench: &Bench, steps: u64) -> Result<Costs> {
    bench.costs_of_runs(RUNS, steps, |steps| setting::Input { steps }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attribute_is_one_row_when_it_changes_and_no_commit() -> Result<()> {
    let bench = Bench::new().await?;
    let ten = costs(&bench, 10).await?;
    let step = (costs(&bench, 20).await? - ten).each(RUNS * 10);
    eprintln!("a step that sets an attribute: {step:?}");
    assert!(step.rows >= 1.0, "nothing is set: {step:?}");
    at_most(2.0, "row operations", step.rows);
    at_most(1.0, "journal rows", step.journal_rows);
    at_most(0.1, "commits", step.commits);
    at_most(0.3, "statements", step.statements);
    Ok(())
}

/// Started where they run: the attributes are rows of the same transaction.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attribute_of_a_start_is_one_row() -> Result<()> {
    let bench = Bench::new().await?;
    let (costs, outputs) = bench
        .costs_of(async |engine| {
            let work = async {
                engine.start(noop::Input { n: 0 }).await?.result().await?; // the worker is there
                let mut starting = tokio::task::JoinSet::new();
                for n in 0..RUNS {
                    let start = engine.tenant(uuid::Uuid::nil()).start(noop::Input { n });
                    let start = start.attribute("customer", "c-7").attribute("vip", true);
                    starting.spawn(start.into_future());
                }
                results(starting.join_all().await.into_iter().collect::<Result<Vec<_>>>()?).await
            };
            with_worker(&engine, work).await
        })
        .await?;
    assert_eq!(outputs.len() as u64, RUNS);
    let run = costs.each(RUNS + 1);
    eprintln!("no-op with two attributes: {run:?}");
    assert!(run.rows > 5.9, "nothing is given: {run:?}");
    at_most(6.03, "row operations", run.rows);
    at_most(0.3, "commits", run.commits);
    at_most(0.0, "journal rows", run.journal_rows);
    Ok(())
}
