//! What a step costs does not depend on how long the run is, how many runs are open, or how many
//! tenants there are.
//!
//! `FLOWS_OPEN_RUNS` is the number of open runs of the largest case: a million in CI.

use flows::prelude::*;
use uuid::Uuid;

use crate::bench::{Bench, results, start_all, with_worker};
use crate::costs::{Costs, Each, at_most, on_a_calm_machine};
use crate::workflows::sequence;

/// So many runs at the same time, of tenants in turn.
async fn costs(bench: &Bench, tenants: u64, runs: u64, steps: u64) -> Result<Costs> {
    let (costs, outputs) = bench
        .costs_of(async |engine| {
            let tenant = |n: u64| engine.tenant(Uuid::from_u128((n % tenants).into()));
            let inputs = (0..runs).map(|n| (tenant(n), sequence::Input { steps }));
            let execs = start_all(inputs).await?;
            with_worker(&engine, results(execs)).await
        })
        .await?;
    assert_eq!(outputs, vec![steps; runs as usize]);
    Ok(costs)
}

/// Whether two figures are the same but for a share of the first.
#[track_caller]
fn same(what: &str, one: f64, other: f64, share: f64) {
    assert!((one - other).abs() <= share * one, "{what}: {one}, then {other}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_a_long_run_costs_what_one_of_a_short_run_costs() -> Result<()> {
    const RUNS: u64 = 4;
    let bench = Bench::new().await?;
    let mut shorter = (10, costs(&bench, 1, RUNS, 10).await?);
    let mut each: Vec<Each> = Vec::new();
    for steps in [100, 1_000, 10_000] {
        let longer = (steps, costs(&bench, 1, RUNS, steps).await?);
        each.push((longer.1 - shorter.1).each(RUNS * (longer.0 - shorter.0)));
        shorter = longer;
    }
    eprintln!("steps of longer and longer runs: {each:#?}");
    for later in &each[1..] {
        same("row operations", each[0].rows, later.rows, 0.02);
        same("journal rows", each[0].journal_rows, later.journal_rows, 0.02);
        assert_eq!(later.journal_reads, 0.0, "reads of the journal");
        same("bytes of log", each[0].wal, later.wal, 0.25); // fewer runs share a commit now and then
        same("pages", each[0].pages, later.pages, 0.5);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_costs_the_same_beside_many_open_runs() -> Result<()> {
    const BATCHED: f64 = 0.05;
    let bench = Bench::new().await?;
    let given = std::env::var("FLOWS_OPEN_RUNS").ok();
    let most = given.map_or(Ok(100_000), |number| number.parse::<u64>());
    let most = most.map_err(|_| Error::terminal("FLOWS_OPEN_RUNS is a number"))?;
    let (mut each, mut open): (Vec<Each>, u64) = (Vec::new(), 0);
    for runs in [1_000, most] {
        bench.open_runs(open..runs).await?;
        open = runs;
        let ten_more = async || {
            let ten = costs(&bench, 10, 500, 10).await?;
            Ok((costs(&bench, 10, 500, 20).await? - ten).each(5_000))
        };
        each.push(on_a_calm_machine(|step| step.statements <= BATCHED, ten_more).await?);
    }
    eprintln!("steps beside more and more open runs: {each:#?}");
    same("row operations", each[0].rows, each[1].rows, 0.02);
    same("bytes of log", each[0].wal, each[1].wal, 0.1);
    at_most(BATCHED, "statements", each[1].statements);
    same("pages", each[0].pages, each[1].pages, 1.0); // indexes have a level or two more
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_costs_the_same_among_many_tenants() -> Result<()> {
    /// Its own, made and closed; its place as ready and as owned, made and removed; five journal rows.
    const ROWS: f64 = 11.05;
    let mut each: Vec<Each> = Vec::new();
    for (tenants, runs) in [(10, 1_000), (1_000, 1_000), (10_000, 10_000)] {
        let measure = async || {
            let bench = Bench::new().await?;
            Ok(costs(&bench, tenants, runs, 5).await?.each(runs))
        };
        each.push(on_a_calm_machine(|run| run.rows <= ROWS, measure).await?);
    }
    eprintln!("runs of more and more tenants: {each:#?}");
    for later in &each[1..] {
        same("row operations", each[0].rows, later.rows, 0.02);
        same("bytes of log", each[0].wal, later.wal, 0.15);
        // a start, and a look at the outcome, are transactions of the tenant's, of four statements
        assert!(later.statements < each[0].statements + 9.0, "{later:?}");
    }
    Ok(())
}
