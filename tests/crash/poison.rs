//! Runs that end their workers: each is found out after a few processes, and no other run suffers.
//!
//! The test starts one process after the other, as a supervisor would, and counts those that die.

use std::path::Path;

use flows::prelude::*;

use crate::audit::{Scene, check};
use crate::ledger::Ledger;
use crate::process::WorkerProcess;
use crate::waiting::until;

/// The shortest there is: the next process waits for it.
const LEASE: Duration = Duration::from_secs(1);
/// More processes than may die in any of these tests.
const MANY: usize = 12;
/// Runs beside the one that ends its workers.
const OTHERS: usize = 4;

fn enter(ctx: &ActivityContext, name: &str) -> Result<()> {
    ctx.state::<Ledger>()?.enter(ctx.run_id(), ctx.attempt(), name)
}

#[activity(retry(max_attempts = 3, initial_interval = "10ms"))]
async fn fall(ctx: &ActivityContext) -> Result<()> {
    enter(ctx, "fall")?;
    std::process::abort()
}

#[activity(retry(max_attempts = 5, initial_interval = "10ms"))]
async fn fall_often(ctx: &ActivityContext) -> Result<()> {
    enter(ctx, "fall_often")?;
    std::process::abort()
}

#[activity(retry(max_attempts = 2, initial_interval = "10ms"))]
async fn fall_twice(ctx: &ActivityContext) -> Result<()> {
    enter(ctx, "fall_twice")?;
    std::process::abort()
}

#[activity(retry(max_attempts = 1))]
async fn fall_once(ctx: &ActivityContext) -> Result<()> {
    enter(ctx, "fall_once")?;
    std::process::abort()
}

#[activity(retry(max_attempts = 3, initial_interval = "10ms"))]
async fn overflow(ctx: &ActivityContext) -> Result<u64> {
    enter(ctx, "overflow")?;
    Ok(deeper(1))
}

/// Deeper than any stack.
fn deeper(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if frame[1] == 0 { 0 } else { deeper(depth + 1) + frame[depth as usize % 64] }
}

#[activity(retry(max_attempts = 3, initial_interval = "10ms"))]
async fn exhaust(ctx: &ActivityContext) -> Result<usize> {
    enter(ctx, "exhaust")?;
    let all = Vec::<u8>::with_capacity(std::hint::black_box(usize::MAX >> 1));
    Ok(std::hint::black_box(all).capacity())
}

#[activity(transaction, retry(max_attempts = 3, initial_interval = "10ms"))]
async fn fall_in_transaction(ctx: &ActivityContext, tx: &flows::pg::Transaction<'_>) -> Result<()> {
    enter(ctx, "fall_in_transaction")?;
    tx.execute("INSERT INTO effects (run, cents) VALUES ($1, 1)", &[&ctx.run_id()]).await?;
    std::process::abort()
}

/// Longer than it takes the others to end their worker.
#[activity(retry(max_attempts = 3, initial_interval = "10ms"))]
async fn last(ctx: &ActivityContext) -> Result<u32> {
    enter(ctx, "last")?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(ctx.attempt())
}

#[workflow]
pub(crate) async fn falling(ctx: &WorkflowContext, how: u8) -> Result<()> {
    match how {
        0 => fall(ctx).await,
        1 => fall_often(ctx).await,
        2 => fall_twice(ctx).await,
        3 => fall_once(ctx).await,
        4 => overflow(ctx).await.map(drop),
        5 => exhaust(ctx).await.map(drop),
        _ => fall_in_transaction(ctx).await,
    }
}

#[workflow]
pub(crate) async fn lasting(ctx: &WorkflowContext) -> Result<u32> {
    last(ctx).await
}

/// Its code ends the process, at every replay again.
#[workflow]
pub(crate) async fn crashing(ctx: &WorkflowContext, overflows: bool) -> Result<()> {
    ctx.side_effect(|| ()).await?;
    end_the_process(overflows);
    Ok(())
}

/// Its code ends the process when an activity has succeeded, which is not to blame.
#[workflow]
pub(crate) async fn crashing_afterwards(ctx: &WorkflowContext) -> Result<()> {
    last(ctx).await?;
    end_the_process(false);
    Ok(())
}

fn end_the_process(overflows: bool) {
    if overflows {
        std::hint::black_box(deeper(1));
    }
    std::process::abort()
}

/// Runs worker processes, one after the other, until this holds. How many of them died.
async fn deaths(scene: &Scene, holds: impl AsyncFn() -> Result<bool>) -> Result<usize> {
    let mut deaths = 0;
    while deaths < MANY {
        let mut worker = WorkerProcess::start(scene.url(), &scene.ledger.0, LEASE)?;
        let mut is_so = false;
        until(async || {
            is_so = holds().await?;
            Ok(is_so || worker.has_ended()?)
        })
        .await?;
        if is_so {
            return Ok(deaths);
        }
        deaths += 1;
    }
    Ok(deaths)
}

/// The attempts of an activity that were invoked, in order.
fn attempts(ledger: &Path, name: &str) -> Result<Vec<u32>> {
    let text = std::fs::read_to_string(ledger)?;
    let mine = text.lines().filter(|line| line.ends_with(&format!(" {name}")));
    mine.map(|line| Ok(line.split(' ').nth(2).unwrap_or_default().parse()?)).collect()
}

async fn others(scene: &Scene) -> Result<Vec<Execution<lasting::Workflow>>> {
    let mut others = Vec::new();
    for _ in 0..OTHERS {
        others.push(scene.engine.start(lasting::Input {}).await?);
    }
    Ok(others)
}

async fn all_complete(runs: &[Execution<lasting::Workflow>]) -> Result<bool> {
    for run in runs {
        if run.describe().await?.status == Status::Running {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn an_activity(test: &str, how: u8, name: &str, dead: usize) -> Result<()> {
    let scene = Scene::empty(test).await?;
    let others = others(&scene).await?;
    let exec = scene.engine.start(falling::Input { how }).await?;
    let died = deaths(&scene, async || {
        Ok(exec.describe().await?.status != Status::Running && all_complete(&others).await?)
    })
    .await?;
    let invoked = attempts(&scene.ledger.0, name)?;
    check(died == dead, || format!("{died} processes died, not {dead}; attempts: {invoked:?}"))?;
    let error = exec.result().await.expect_err("it cannot complete");
    check(error.kind() == ErrorKind::WorkerLost, || format!("{error:?}"))?;
    let said = "the process of the worker ended during attempt";
    let tells = error.message().contains(said) && error.message().contains(name);
    check(tells, || error.message().to_owned())?;
    check(scene.engine.dead_letters().list().await?.len() == 1, || "no dead letter".into())?;
    check(invoked.iter().copied().eq(1..=u32::try_from(dead)?), || format!("{invoked:?}"))?;
    for other in &others {
        other.result().await?;
    }
    let effects = scene.count("SELECT count(*) FROM effects").await?;
    check(effects == 0, || format!("{effects} effects"))
}

pub(crate) async fn activity() -> Result<()> {
    an_activity("fall", 0, "fall", 3).await
}

pub(crate) async fn activity_with_many_attempts() -> Result<()> {
    an_activity("fall-often", 1, "fall_often", 5).await
}

/// It takes three workers to tell it from others.
pub(crate) async fn activity_with_two_attempts() -> Result<()> {
    an_activity("fall-twice", 2, "fall_twice", 3).await
}

pub(crate) async fn activity_with_one_attempt() -> Result<()> {
    an_activity("fall-once", 3, "fall_once", 1).await
}

pub(crate) async fn overflowing_activity() -> Result<()> {
    an_activity("overflow", 4, "overflow", 3).await
}

pub(crate) async fn exhausting_activity() -> Result<()> {
    an_activity("exhaust", 5, "exhaust", 3).await
}

pub(crate) async fn transactional_activity() -> Result<()> {
    an_activity("fall-in-transaction", 6, "fall_in_transaction", 3).await
}

pub(crate) async fn workflow() -> Result<()> {
    a_workflow("crashing", false).await
}

pub(crate) async fn overflowing_workflow() -> Result<()> {
    a_workflow("overflowing", true).await
}

pub(crate) async fn workflow_behind_an_activity() -> Result<()> {
    let scene = Scene::empty("crashing-afterwards").await?;
    let exec = scene.engine.start(crashing_afterwards::Input {}).await?;
    let convicted = async || {
        let found = exec.describe().await?;
        check(found.status == Status::Running, || format!("{:?}", found.error))?;
        Ok(found.stuck.is_some_and(|why| why.contains("its workflow code")))
    };
    let died = deaths(&scene, convicted).await?;
    check(died == 4, || format!("{died} processes died, not 4"))?;
    let invoked = attempts(&scene.ledger.0, "last")?;
    check(invoked == [1, 2], || format!("{invoked:?}: what the second gave is kept"))
}

async fn a_workflow(test: &str, overflows: bool) -> Result<()> {
    let scene = Scene::empty(test).await?;
    let others = others(&scene).await?;
    let exec = scene.engine.start(crashing::Input { overflows }).await?;
    let stuck = async || Ok::<_, Error>(exec.describe().await?.stuck);
    let convicted = async || {
        Ok::<_, Error>(stuck().await?.is_some_and(|why| why.contains("its workflow code")))
    };
    let died =
        deaths(&scene, async || Ok(convicted().await? && all_complete(&others).await?)).await?;
    check(died == 3, || format!("{died} processes died, not 3"))?;
    let why = stuck().await?.unwrap_or_default();
    check(why.starts_with("3 workers in a row have ended"), || why.clone())?;
    for other in &others {
        check(other.result().await? <= 3, || "too many attempts".into())?;
    }
    // Another process is not ended by it.
    let fresh = scene.engine.start(lasting::Input {}).await?;
    let died = deaths(&scene, async || Ok(fresh.try_result().await?.is_some())).await?;
    check(died == 0, || "it was tried again".into())?;
    // Not before somebody says so.
    let listed = scene.engine.stuck_runs().list().await?;
    let is_it = listed.len() == 1 && listed[0].run_id == exec.run_id();
    check(is_it && listed[0].stuck == stuck().await?, || format!("{listed:?}"))?;
    check(exec.retry_stuck().await?, || "it is stuck".into())?;
    let given_up =
        "SELECT count(*) FROM flows.stuck_runs WHERE tried_again_at IS NULL AND ends_workers";
    let again = async || Ok(scene.count(given_up).await? == 1);
    let died = deaths(&scene, again).await?;
    check(died == 1, || format!("{died} processes died of one more try"))?;
    let retry = format!("SELECT flows.retry_stuck('{}')::int::bigint", exec.run_id());
    check(scene.count(&retry).await? == 1, || "in SQL".into())?;
    exec.terminate("it ends its workers").await?;
    check(exec.result().await.is_err(), || "it can be terminated".into())
}
