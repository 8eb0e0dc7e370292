//! Activities that spill: what is more than the slots of one worker is shared by all workers of the run's queue.

use flows::prelude::*;
use flows::testing::crash_everywhere;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    what_fits_stays,
    a_fan_out_that_is_larger_than_the_slots_is_shared,
    a_worker_alone_does_all_of_it,
    who_shares_it_needs_no_workflow,
    a_run_that_left_memory_gets_the_result,
    what_lost_its_run_is_taken_back,
    what_its_worker_had_left_in_the_queue_is_not_lost,
    failures_are_retried_wherever_they_were,
}

#[activity(spill, retry(max_attempts = 3, initial_interval = "1ms"))]
async fn grind(ctx: &ActivityContext, number: u64) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note(format!("grind {number} attempt {}", ctx.attempt()));
    world.note("grind");
    world.pass(&format!("grind {number}")).await;
    Ok(number)
}

#[activity(spill, retry(max_attempts = 3, initial_interval = "1ms"))]
async fn fragile(ctx: &ActivityContext, number: u64) -> Result<u64> {
    match ctx.attempt() {
        1 => Err(Error::retryable("again")),
        _ => Ok(number),
    }
}

#[activity(spill)]
async fn plain(number: u64) -> Result<u64> {
    Ok(number)
}

#[workflow]
async fn mill(ctx: &WorkflowContext, width: u64) -> Result<u64> {
    let calls = (0..width).map(|number| grind(ctx, number));
    Ok(flows::try_join_all(calls).await?.into_iter().sum())
}

#[workflow]
async fn fragile_mill(ctx: &WorkflowContext, width: u64) -> Result<u64> {
    let calls = (0..width).map(|number| fragile(ctx, number));
    Ok(flows::try_join_all(calls).await?.into_iter().sum())
}

#[workflow]
async fn plain_mill(ctx: &WorkflowContext, width: u64) -> Result<u64> {
    let sum: u64 =
        flows::try_join_all((0..width).map(|number| plain(ctx, number))).await?.into_iter().sum();
    Ok(sum + plain(ctx, 100).await?)
}

/// A worker with so many slots.
fn serve(env: &Env, slots: usize) -> Result<Serving> {
    let worker = env.worker(register_all![mill, fragile_mill, grind, fragile]);
    Ok(Serving::begin(worker.max_activities(slots).build()?))
}

/// Opens the gates of so many.
fn open(env: &Env, numbers: impl IntoIterator<Item = u64>) {
    numbers.into_iter().for_each(|number| env.world.open(&format!("grind {number}")));
}

async fn what_fits_stays(env: Env) -> Result<()> {
    let _worker = serve(&env, 3)?;
    open(&env, 0..3);
    let exec = env.engine.start(mill::Input { width: 3 }).await?;
    assert_eq!(exec.result().await?, 3);
    assert!(events(&exec, "activity_scheduled").await?.is_empty());
    Ok(())
}

async fn a_fan_out_that_is_larger_than_the_slots_is_shared(env: Env) -> Result<()> {
    let (_one, _two) = (serve(&env, 3)?, serve(&env, 3)?);
    let exec = env.engine.start(mill::Input { width: 12 }).await?;
    env.world.noted("grind", 6).await; // both have all slots full
    assert_eq!(events(&exec, "activity_scheduled").await?.len(), 9, "three stay");
    open(&env, 0..12);
    assert_eq!(exec.result().await?, (0..12).sum::<u64>());
    assert_eq!(env.world.count("grind"), 12);
    Ok(())
}

async fn a_worker_alone_does_all_of_it(env: Env) -> Result<()> {
    let _worker = serve(&env, 2)?;
    open(&env, 0..9);
    let exec = env.engine.start(mill::Input { width: 9 }).await?;
    assert_eq!(exec.result().await?, (0..9).sum::<u64>());
    assert_eq!(env.world.count("grind"), 9);
    Ok(())
}

async fn who_shares_it_needs_no_workflow(env: Env) -> Result<()> {
    let _worker = serve(&env, 1)?;
    let other = env.worker(register_all![grind]).max_activities(5);
    let _other = Serving::begin(other.build()?);
    let exec = env.engine.start(mill::Input { width: 6 }).await?;
    env.world.noted("grind", 6).await;
    open(&env, 0..6);
    assert_eq!(exec.result().await?, (0..6).sum::<u64>());
    Ok(())
}

async fn a_run_that_left_memory_gets_the_result(env: Env) -> Result<()> {
    let worker = env.worker(register_all![mill, grind]).resident_for(Duration::ZERO);
    let _worker = Serving::begin(worker.max_activities(1).build()?);
    let other = env.worker(register_all![grind]);
    let _other = Serving::begin(other.build()?);
    let exec = env.engine.start(mill::Input { width: 2 }).await?;
    env.world.noted("grind", 2).await;
    open(&env, [0]);
    let says_so =
        |it: String| it.starts_with("activity `grind` (#1), of any worker of the run's queue");
    until(async || Ok(exec.describe().await?.waiting_for.is_some_and(says_so))).await?;
    open(&env, [1]);
    assert_eq!(exec.result().await?, 1);
    assert_eq!(env.world.count("grind"), 2, "a replay gives nothing away again");
    Ok(())
}

async fn what_lost_its_run_is_taken_back(env: Env) -> Result<()> {
    let _worker = serve(&env, 1)?;
    let exec = env.engine.start(mill::Input { width: 3 }).await?;
    until(async || Ok(events(&exec, "activity_scheduled").await?.len() == 2)).await?;
    exec.cancel().await?;
    exec.result().await.expect_err("it was cancelled");
    open(&env, 0..3);
    let next = env.engine.start(mill::Input { width: 1 }).await?;
    assert_eq!(next.result().await?, 0);
    let others = ["grind 1 attempt 1", "grind 2 attempt 1"].map(|it| env.world.count(it));
    assert_eq!(others, [0, 0], "nobody has begun what was left in the queue");
    Ok(())
}

async fn what_its_worker_had_left_in_the_queue_is_not_lost(env: Env) -> Result<()> {
    let first = serve(&env, 1)?;
    let exec = env.engine.start(mill::Input { width: 3 }).await?;
    until(async || Ok(events(&exec, "activity_scheduled").await?.len() == 2)).await?;
    first.die().await;
    open(&env, 0..3);
    let _second = serve(&env, 10)?;
    assert_eq!(exec.result().await?, 3);
    assert_eq!(
        events(&exec, "activity_scheduled").await?.len(),
        2,
        "they were not given away again"
    );
    Ok(())
}

async fn failures_are_retried_wherever_they_were(env: Env) -> Result<()> {
    let (_one, _two) = (serve(&env, 1)?, serve(&env, 1)?);
    let exec = env.engine.start(fragile_mill::Input { width: 6 }).await?;
    assert_eq!(exec.result().await?, (0..6).sum::<u64>());
    assert_eq!(events(&exec, "activity_attempt_failed").await?.len(), 6);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn it_survives_a_crash_everywhere() -> Result<()> {
    let sum = crash_everywhere(plain_mill::Input { width: 5 })
        .registry(register_all![plain_mill, plain])
        .max_activities(2)
        .here_only()
        .await?;
    assert_eq!(sum, 110);
    Ok(())
}
