//! A live database, and what a build says about the runs in it; on every store.

use std::sync::Arc;

use expect_test::expect;
use flows::memory::MemoryStore;
use flows::pg::dev::fresh_database;
use flows::prelude::*;
use flows::testing::{Report, replay_all};
use flows_core::Engine as CoreEngine;
use uuid::Uuid;

use crate::edits::steps::{Item, WarehouseReady};
use crate::waiting::{Serving, until};
use crate::{edits, old};

const ACME: Uuid = Uuid::from_u128(7);

fn an_order(customer: &str) -> old::order::Input {
    let items = vec![Item { sku: "book".into(), quantity: 2 }];
    old::order::Input { customer: customer.into(), items, cents: 4_200 }
}

/// Three orders that wait for the warehouse, in two tenants, and one that was delivered; and no
/// worker any more.
pub(crate) async fn fill(engine: &CoreEngine) -> Result<()> {
    let worker = Worker::builder(engine, old::registry()).resident_for(Duration::ZERO).build()?;
    let serving = Serving::begin(worker);
    let delivered = engine.start(an_order("Ada")).id("delivered").await?;
    has_begun(&delivered).await?;
    delivered.send(WarehouseReady { available: true }).await?;
    delivered.result().await?;
    let tenant = engine.tenant(ACME);
    let waiting = [
        engine.start(an_order("Bob")).id("waiting-1").await?,
        engine.start(an_order("Eve")).id("waiting-2").await?,
        tenant.start(an_order("Kim")).id("waiting-1").await?,
    ];
    for exec in waiting {
        has_begun(&exec).await?;
    }
    serving.stop().await
}

/// Waits until its first step is recorded.
async fn has_begun(exec: &Execution<old::order::Workflow>) -> Result<()> {
    until(async || Ok(!exec.history().await?.is_empty())).await
}

async fn on_memory<F: Future<Output = Result<()>>>(
    test: impl FnOnce(CoreEngine) -> F,
) -> Result<()> {
    let engine = CoreEngine::new(Arc::new(MemoryStore::new()));
    fill(&CoreEngine::from(&engine)).await?;
    test(engine).await
}

async fn on_postgres<F: Future<Output = Result<()>>>(
    test: impl FnOnce(CoreEngine) -> F,
) -> Result<()> {
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    fill(&CoreEngine::from(&engine)).await?;
    test(engine.into()).await
}

/// Two tests of each: `name::memory` and `name::postgres`.
macro_rules! on_every_store {
    ($($test:ident,)*) => {$(
        mod $test {
            #[tokio::test(start_paused = true)]
            async fn memory() -> flows::Result<()> {
                super::on_memory(super::$test).await
            }

            #[tokio::test]
            async fn postgres() -> flows::Result<()> {
                super::on_postgres(super::$test).await
            }
        }
    )*};
}

on_every_store! {
    the_same_build_goes_on_with_everything,
    an_edited_build_names_the_runs_that_get_stuck,
    a_build_without_the_workflow_is_told,
    one_workflow_alone_is_looked_at,
    runs_whose_input_does_not_decode_are_named,
}

async fn the_same_build_goes_on_with_everything(engine: CoreEngine) -> Result<()> {
    let report = replay_all(&engine).registry(old::registry()).await?;
    report.check()?;
    assert_eq!((report.open, report.closed), (3, 1));
    assert_eq!(report.to_string(), "3 open and 1 closed runs replay in this build");
    let report = replay_all(&engine).registry(old::registry()).closed_sample(0).await?;
    assert_eq!((report.open, report.closed), (3, 0));
    Ok(())
}

/// The report without what is new in every run of the test, its runs in order.
fn shown(report: &Report) -> String {
    let mut report = report.clone();
    for failure in &mut report.failures {
        failure.runs.sort_by_key(|run| (run.tenant_id, run.workflow_id.clone()));
        failure.runs.iter_mut().for_each(|run| run.run_id = Uuid::nil());
    }
    report.to_string()
}

/// The column of an error in JSON text: stores space it differently.
fn without_column(text: &str) -> String {
    text.split(" at line 1 column ").map(|part| part.trim_start_matches(char::is_numeric)).collect()
}

async fn an_edited_build_names_the_runs_that_get_stuck(engine: CoreEngine) -> Result<()> {
    let report = replay_all(&engine).registry(edits::reserves_first()).await?;
    expect![[r#"
        of 3 open and 1 closed runs, some do not go on in this build

        4 runs of workflow `order` version 1: the journal does not match this build
            journal: activity `charge_payment` (#0) completed
            code:    activity `reserve` (#0), called at tests/deploying/edits.rs:30
          This run needs the code that wrote its journal. Keep that code for it, as the `else` of an `if ctx.patched("…")` or under its own `version` of the workflow; or deploy that build again.
          - `delivered` (completed, run 00000000-0000-0000-0000-000000000000) at event 2, `activity_completed`
          - `waiting-1` (running, run 00000000-0000-0000-0000-000000000000) at event 2, `activity_completed`
          - `waiting-2` (running, run 00000000-0000-0000-0000-000000000000) at event 2, `activity_completed`
          - and 1 more"#]].assert_eq(&shown(&report));
    let guide = include_str!("../../docs/src/determinism.md");
    assert!(guide.contains(&format!("```text\n{}\n```", shown(&report))), "the guide has another");
    let error = report.check().expect_err("an error");
    assert_eq!(error.message(), report.to_string());
    Ok(())
}

async fn a_build_without_the_workflow_is_told(engine: CoreEngine) -> Result<()> {
    let report = replay_all(&engine).registry(edits::next_version()).await?;
    expect![[r#"
        of 3 open and 1 closed runs, some do not go on in this build

        3 open runs of workflow `order` version 1, which is not registered here: keep the old function until they have ended"#]].assert_eq(&shown(&report));
    report.check().expect_err("an error");
    Ok(())
}

async fn one_workflow_alone_is_looked_at(engine: CoreEngine) -> Result<()> {
    let of = |name: &str| replay_all(&engine).registry(edits::next_version()).workflow(name);
    assert_eq!((of("order").await?.open, of("billing").await?.open), (3, 0));
    of("billing").await?.check()
}

/// Their input lacks what this build asks for.
async fn runs_whose_input_does_not_decode_are_named(engine: CoreEngine) -> Result<()> {
    let exec: Execution = engine.execution("waiting-1");
    exec.terminate("it ends here").await?;
    let report = replay_all(&engine).registry(edits::needs_a_currency()).await?;
    assert_eq!((report.open, report.closed), (2, 2));
    expect![[r#"
        of 2 open and 2 closed runs, some do not go on in this build

        4 runs of workflow `order` version 1: input of `order`: cannot decode as `deploying::edits::needs_a_currency::__order_Input`: missing field `currency`
          - `delivered` (completed, run 00000000-0000-0000-0000-000000000000)
          - `waiting-1` (terminated, run 00000000-0000-0000-0000-000000000000)
          - `waiting-2` (running, run 00000000-0000-0000-0000-000000000000)
          - and 1 more"#]].assert_eq(&without_column(&shown(&report)));
    Ok(())
}
