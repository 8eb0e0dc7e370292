//! Leases that lapse although the worker is alive: nothing is held against runs that cannot help it, and
//! those that block their worker are found out.

use std::fs::File;
use std::sync::Arc;

use flows::prelude::*;

use crate::audit::{Scene, check};
use crate::gate::Gate;
use crate::process::{SHORT, WorkerProcess, gate_file};
use crate::waiting::until;

const RUNS: i64 = 5;
/// More than it takes to find a run out.
const FREEZES: usize = 5;
/// Longer than the lease, with what is left of it.
const BLOCKED: Duration = Duration::from_millis(2_500);

#[activity]
async fn wait(ctx: &ActivityContext) -> Result<()> {
    ctx.state::<Arc<Gate>>()?.opened().await;
    Ok(())
}

#[activity(retry(max_attempts = 3, initial_interval = "10ms"))]
async fn stall() -> Result<()> {
    std::thread::sleep(2 * BLOCKED); // so that another worker has the run before it can be recorded
    Ok(())
}

#[workflow]
pub(crate) async fn waiting(ctx: &WorkflowContext) -> Result<()> {
    wait(ctx).await
}

#[workflow]
pub(crate) async fn stalling(ctx: &WorkflowContext) -> Result<()> {
    stall(ctx).await
}

/// Its code blocks its thread, at every replay again.
#[workflow]
pub(crate) async fn blocking(ctx: &WorkflowContext) -> Result<()> {
    ctx.side_effect(|| ()).await?;
    block();
    Ok(())
}

fn block() {
    std::thread::sleep(BLOCKED);
}

/// How many runs a process owns.
async fn owned_by(scene: &Scene, process: &WorkerProcess) -> Result<i64> {
    let name = format!("%-{}", process.id());
    let query = "SELECT count(*) FROM flows.owned o JOIN flows.workers w USING (worker_id) WHERE w.name LIKE";
    scene.count(&format!("{query} '{name}'")).await
}

/// How many runs have setbacks, wherever they are.
async fn setbacks(scene: &Scene) -> Result<i64> {
    let all =
        ["ready", "owned", "parked"].map(|table| format!("SELECT setbacks FROM flows.{table}"));
    let all = all.join(" UNION ALL ");
    scene.count(&format!("SELECT count(*) FROM ({all}) AS all_runs WHERE setbacks <> 0")).await
}

pub(crate) async fn freezes() -> Result<()> {
    let scene = Scene::empty("freezes").await?;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(scene.engine.start(waiting::Input {}).await?);
    }
    let one = WorkerProcess::start(scene.url(), &scene.ledger.0, SHORT)?;
    until(async || Ok(owned_by(&scene, &one).await? == RUNS)).await?;
    let other = WorkerProcess::start(scene.url(), &scene.ledger.0, SHORT)?;
    let (mut frozen, mut next) = (&one, &other);
    for _ in 0..FREEZES {
        frozen.signal("STOP")?;
        until(async || Ok(owned_by(&scene, next).await? == RUNS)).await?;
        check(setbacks(&scene).await? == RUNS, || "nothing was held against them".into())?;
        frozen.signal("CONT")?;
        until(async || Ok(setbacks(&scene).await? == 0)).await?;
        std::mem::swap(&mut frozen, &mut next);
    }
    File::create(gate_file(&scene.ledger.0))?;
    for run in &runs {
        run.result().await?;
    }
    Ok(())
}

/// A worker that blocks, until a run has ended or is stuck, and others have completed.
async fn served_on_one_thread<W: Workflow>(
    scene: &Scene,
    exec: &Execution<W>,
) -> Result<WorkerProcess> {
    let mut worker = WorkerProcess::start_on_one_thread(scene.url(), &scene.ledger.0, SHORT)?;
    File::create(gate_file(&scene.ledger.0))?; // the others wait for nothing
    until(async || {
        let now = exec.describe().await?;
        let is_stuck = now.stuck.is_some_and(|why| why.contains("its workflow code"));
        Ok(is_stuck || now.status != Status::Running)
    })
    .await?;
    let healthy = scene.engine.start(waiting::Input {}).await?;
    healthy.result().await?;
    check(!worker.has_ended()?, || "the worker has ended".into())?;
    Ok(worker)
}

pub(crate) async fn workflow() -> Result<()> {
    let scene = Scene::empty("blocking").await?;
    let other = scene.engine.start(waiting::Input {}).await?;
    let exec = scene.engine.start(blocking::Input {}).await?;
    let _worker = served_on_one_thread(&scene, &exec).await?;
    let why = exec.describe().await?.stuck.unwrap_or_default();
    check(why.starts_with("3 workers in a row have ended, or lost their lease"), || why.clone())?;
    other.result().await
}

pub(crate) async fn activity() -> Result<()> {
    let scene = Scene::empty("stalling").await?;
    let other = scene.engine.start(waiting::Input {}).await?;
    let exec = scene.engine.start(stalling::Input {}).await?;
    let _another = WorkerProcess::start_on_one_thread(scene.url(), &scene.ledger.0, SHORT)?;
    let _worker = served_on_one_thread(&scene, &exec).await?;
    let error = exec.result().await.expect_err("no worker can record it");
    check(error.kind() == ErrorKind::WorkerLost, || format!("{error:?}"))?;
    other.result().await
}

/// With more threads it blocks one of its own, and its worker keeps its lease.
pub(crate) async fn on_many_threads() -> Result<()> {
    let scene = Scene::empty("blocking-apart").await?;
    let exec = scene.engine.start(blocking::Input {}).await?;
    let _worker = WorkerProcess::start(scene.url(), &scene.ledger.0, SHORT)?;
    until(async || Ok(scene.count("SELECT count(*) FROM flows.owned").await? == 1)).await?;
    let worker = "SELECT hashtextextended(worker_id::text, 0) FROM flows.workers";
    let before = scene.count(worker).await?;
    exec.result().await?;
    check(scene.count(worker).await? == before, || "it has lost its lease".into())
}
