//! Workers that come and go: nothing is lost, and what is recorded is not done again.

use std::collections::BTreeMap;

use flows::prelude::*;

use crate::harness::{Env, Serving, until};
use crate::world::World;

on_every_store! {
    a_worker_that_stops_loses_no_task,
    a_worker_that_dies_is_taken_over_within_its_lease,
    nothing_is_done_after_its_record_whoever_dies,
    a_worker_that_stops_waits_for_its_activities,
    an_activity_that_outlasts_the_grace_period_is_handed_back,
    workers_share_the_runs,
    more_runs_than_fit_into_memory_get_their_turn,
    no_more_activities_run_at_once_than_are_allowed,
    a_worker_serves_its_queues_and_no_others,
    a_worker_that_has_nothing_to_do_stops_at_once,
}

#[activity]
async fn step(ctx: &ActivityContext, number: u32) -> Result<u32> {
    let world = ctx.state::<World>()?;
    world.note(format!("{} step {number}", ctx.workflow_id()));
    tokio::task::yield_now().await;
    Ok(number)
}

#[activity]
async fn waits_at(ctx: &ActivityContext, gate: String) -> Result<()> {
    let world = ctx.state::<World>()?;
    world.note(format!("at {gate}"));
    world.pass(&gate).await;
    world.note(format!("through {gate}"));
    Ok(())
}

#[workflow]
async fn steps(ctx: &WorkflowContext, count: u32) -> Result<Vec<u32>> {
    let mut done = Vec::new();
    for number in 0..count {
        done.push(step(ctx, number).await?);
    }
    Ok(done)
}

#[workflow]
async fn gates(ctx: &WorkflowContext, gates: Vec<String>) -> Result<()> {
    for gate in gates {
        waits_at(ctx, gate).await?;
    }
    Ok(())
}

fn registry() -> Registry {
    register_all![steps, gates, step, waits_at]
}

fn through(gates: &[&str]) -> gates::Input {
    gates::Input { gates: gates.iter().map(|gate| (*gate).to_owned()).collect() }
}

const RUNS: usize = 20;
const STEPS: u32 = 10;

async fn start_steps(env: &Env) -> Result<Vec<Execution<steps::Workflow>>> {
    let mut execs = Vec::new();
    for run in 0..RUNS {
        let start = env.engine.start(steps::Input { count: STEPS });
        execs.push(start.id(format!("run-{run}")).await?);
    }
    Ok(execs)
}

async fn all_done(execs: &[Execution<steps::Workflow>]) -> Result<()> {
    for exec in execs {
        assert_eq!(exec.result().await?, (0..STEPS).collect::<Vec<_>>());
    }
    Ok(())
}

/// How often each activity was invoked.
fn invocations(env: &Env) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for note in env.world.notes() {
        *times.entry(note).or_default() += 1;
    }
    times
}

async fn a_worker_that_stops_loses_no_task(env: Env) -> Result<()> {
    let execs = start_steps(&env).await?;
    for _ in 0..3 {
        let before = env.world.notes().len();
        let worker = env.serve(registry())?;
        env.world.more_notes_than(before + 40).await;
        worker.stop().await?;
        assert!(env.world.notes().len() < RUNS * STEPS as usize, "stopped in the middle");
    }
    let _worker = env.serve(registry())?;
    all_done(&execs).await?;
    let invocations = invocations(&env);
    assert_eq!(invocations.len(), RUNS * STEPS as usize);
    assert!(invocations.values().all(|times| *times == 1), "each once: {invocations:?}");
    Ok(())
}

async fn a_worker_that_dies_is_taken_over_within_its_lease(env: Env) -> Result<()> {
    let worker = env.serve(registry())?;
    let exec = env.engine.start(through(&["first", "second"])).await?;
    env.world.open("first");
    env.world.noted("at second", 1).await;
    worker.die().await;
    let died = tokio::time::Instant::now();

    let _worker = env.serve(registry())?;
    env.world.noted("at second", 2).await;
    let taken_over = died.elapsed();
    assert!(taken_over < Duration::from_secs(2) + Duration::from_secs(3), "{taken_over:?}");
    env.world.open("second");
    exec.result().await?;
    assert_eq!(env.world.count("at first"), 1, "what was recorded is not done again");
    Ok(())
}

async fn nothing_is_done_after_its_record_whoever_dies(env: Env) -> Result<()> {
    let execs = start_steps(&env).await?;
    for _ in 0..2 {
        let before = env.world.notes().len();
        let worker = env.serve(registry())?;
        env.world.more_notes_than(before + 50).await;
        worker.die().await;
        let recorded = recorded_steps(&execs).await?;
        let done = invocations(&env);
        let repeated = env.serve(registry())?;
        env.world.more_notes_than(env.world.notes().len() + 20).await;
        repeated.stop().await?;
        for (note, times) in invocations(&env) {
            let before = done.get(&note).copied().unwrap_or_default();
            assert!(times == before || !recorded.contains(&note), "`{note}` after its record");
        }
    }
    let _worker = env.serve(registry())?;
    all_done(&execs).await
}

/// The ledger's words for what the journals have.
async fn recorded_steps(execs: &[Execution<steps::Workflow>]) -> Result<Vec<String>> {
    let mut recorded = Vec::new();
    for exec in execs {
        let history = exec.history().await?;
        let done = history.iter().filter(|event| event.kind == "activity_completed");
        recorded.extend((0..done.count()).map(|number| format!("{} step {number}", exec.id())));
    }
    Ok(recorded)
}

async fn a_worker_that_stops_waits_for_its_activities(env: Env) -> Result<()> {
    let worker = env.serve(registry())?;
    let exec = env.engine.start(through(&["gate", "later"])).await?;
    env.world.noted("at gate", 1).await;
    let stopping = tokio::spawn(worker.stop());
    tokio::task::yield_now().await;
    env.world.open("gate");
    stopping.await??;

    assert_eq!(env.world.notes(), ["at gate", "through gate"], "nothing new was begun");
    env.world.open("later");
    let _worker = env.serve(registry())?;
    exec.result().await?;
    assert_eq!(env.world.count("at gate"), 1, "its result was recorded before the worker ended");
    Ok(())
}

async fn an_activity_that_outlasts_the_grace_period_is_handed_back(env: Env) -> Result<()> {
    let grace = Duration::from_millis(100);
    let worker = Serving::begin(env.worker(registry()).shutdown_grace(grace).build()?);
    let exec = env.engine.start(through(&["gate"])).await?;
    env.world.noted("at gate", 1).await;
    worker.stop().await?;
    let _worker = env.serve(registry())?;
    env.world.noted("at gate", 2).await;
    env.world.open("gate");
    exec.result().await
}

async fn workers_share_the_runs(env: Env) -> Result<()> {
    let few = |name: &str| env.worker(registry()).max_resident_runs(5).name(name).build();
    let _workers = [Serving::begin(few("left")?), Serving::begin(few("right")?)];
    let mut execs = Vec::new();
    for _ in 0..8 {
        execs.push(env.engine.start(through(&["gate"])).await?);
    }
    env.world.noted("at gate", 8).await;
    let mut owners = std::collections::BTreeSet::new();
    for exec in &execs {
        owners.insert(exec.describe().await?.waiting_for.unwrap_or_default());
    }
    let names: Vec<_> = owners.iter().map(String::as_str).collect();
    assert_eq!(names, ["worker left, which runs it", "worker right, which runs it"]);
    env.world.open("gate");
    for exec in execs {
        exec.result().await?;
    }
    assert_eq!(env.world.count("at gate"), 8);
    Ok(())
}

async fn more_runs_than_fit_into_memory_get_their_turn(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).max_resident_runs(2).build()?);
    let execs = start_steps(&env).await?;
    all_done(&execs).await?;
    assert_eq!(env.world.notes().len(), RUNS * STEPS as usize);
    Ok(())
}

async fn no_more_activities_run_at_once_than_are_allowed(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).max_activities(2).build()?);
    let mut execs = Vec::new();
    for gate in ["a", "b", "c", "d"] {
        execs.push(env.engine.start(through(&[gate])).await?);
    }
    let at = |env: &Env| env.world.notes().iter().filter(|note| note.starts_with("at")).count();
    for opened in ["a", "b", "c", "d"] {
        until(async || Ok(at(&env) >= 2)).await?;
        let through = env.world.notes().len() - at(&env);
        assert!(at(&env) - through <= 2, "{:?}", env.world.notes());
        env.world.open(opened);
    }
    for exec in execs {
        exec.result().await?;
    }
    Ok(())
}

async fn a_worker_serves_its_queues_and_no_others(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).queues(["a", "b"]).build()?);
    let served = env.engine.start(steps::Input { count: 1 }).queue("b").await?;
    let unserved = env.engine.start(steps::Input { count: 1 }).await?;
    assert_eq!(served.result().await?, [0]);
    assert_eq!(unserved.describe().await?.queue, "default");
    assert!(unserved.try_result().await?.is_none());
    let _other = env.serve(registry())?;
    assert_eq!(unserved.result().await?, [0]);
    Ok(())
}

async fn a_worker_that_has_nothing_to_do_stops_at_once(env: Env) -> Result<()> {
    let began = tokio::time::Instant::now();
    env.serve(registry())?.stop().await?;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    Ok(())
}
