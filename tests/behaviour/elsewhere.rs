//! Activities that workers of other queues run: they need the activity, and not the workflow.

use flows::ErrorKind;
use flows::prelude::*;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    a_worker_that_has_only_the_activity_runs_it,
    a_call_can_name_the_queue,
    nobody_runs_it_while_no_worker_serves_its_queue,
    a_run_that_left_memory_gets_the_result,
    failures_are_retried_by_the_policy_of_the_call_with_the_last_heartbeat,
    an_attempt_whose_worker_dies_is_lost_and_tried_again,
    what_a_worker_hands_back_is_not_lost,
    what_lost_a_select_is_taken_back,
    a_run_that_was_terminated_has_nothing_invoked,
    a_fan_out_is_shared,
    it_can_be_completed_from_outside,
    one_that_runs_is_told_that_its_run_was_cancelled,
    one_that_runs_is_told_that_its_run_was_terminated,
    one_that_runs_is_told_that_it_lost_a_select,
    what_is_handed_back_goes_on_from_its_last_heartbeat,
    it_waits_for_a_worker_no_longer_than_its_limit,
    one_that_was_claimed_in_time_may_go_on,
    all_attempts_together_take_no_longer_than_their_limit,
}

#[activity(queue = "gpu", retry(max_attempts = 3, initial_interval = "1ms"))]
async fn render(ctx: &ActivityContext, frame: u64) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note(format!("frame {frame} attempt {}", ctx.attempt()));
    world.note("render");
    world.pass("render").await;
    Ok(frame * 10)
}

#[activity(retry(max_attempts = 3, initial_interval = "1ms"))]
async fn fragile(ctx: &ActivityContext) -> Result<Option<u64>> {
    let world = ctx.state::<World>()?;
    world.note(format!("attempt {} of {}", ctx.attempt(), ctx.workflow_id()));
    world.note(format!("for {:?}", ctx.header("user")));
    if ctx.attempt() < 3 {
        ctx.heartbeat(&u64::from(ctx.attempt()))?;
        return Err(Error::retryable("again"));
    }
    Ok(ctx.last_heartbeat())
}

#[activity(queue = "gpu")]
async fn approve(ctx: &ActivityContext) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note(ctx.completion_token());
    world.note("asked");
    ctx.pending()
}

#[workflow]
async fn film(ctx: &WorkflowContext, frames: u64) -> Result<u64> {
    let calls = (0..frames).map(|frame| render(ctx, frame));
    Ok(flows::try_join_all(calls).await?.into_iter().sum())
}

#[workflow]
async fn routed(ctx: &WorkflowContext) -> Result<Option<u64>> {
    fragile(ctx).queue("gpu").await
}

#[workflow]
async fn given_up(ctx: &WorkflowContext) -> Result<u64> {
    let frame = flows::select! {
        frame = render(ctx, 1) => frame?,
        stop = ctx.signal::<u64>("stop") => stop?,
    };
    let () = ctx.signal("end").await?;
    Ok(frame)
}

/// Goes on until it is told to stop.
#[activity(queue = "gpu", start_to_close = "5m")]
async fn linger(ctx: &ActivityContext) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note("lingering");
    ctx.cancelled().await;
    world.note("told");
    Ok(0)
}

/// Gets half-way; then its worker hands it back.
#[activity(queue = "gpu", start_to_close = "5m")]
async fn resume(ctx: &ActivityContext) -> Result<Option<u64>> {
    let world = ctx.state::<World>()?;
    let from = ctx.last_heartbeat::<u64>();
    if from.is_none() {
        ctx.heartbeat(&50_u64)?;
        world.note("half-way");
        ctx.cancelled().await;
        return Err(Error::terminal("it was handed back"));
    }
    Ok(from)
}

#[workflow]
async fn lingering(ctx: &WorkflowContext) -> Result<u64> {
    linger(ctx).await
}

#[workflow]
async fn lingering_in_a_select(ctx: &WorkflowContext) -> Result<u64> {
    flows::select! {
        done = linger(ctx) => done?,
        stop = ctx.signal::<u64>("stop") => stop?,
    };
    ctx.signal("end").await
}

#[workflow]
async fn resuming(ctx: &WorkflowContext) -> Result<Option<u64>> {
    resume(ctx).await
}

#[workflow]
async fn impatient(ctx: &WorkflowContext) -> Result<u64> {
    render(ctx, 7).schedule_to_start(Duration::from_millis(200)).await
}

#[workflow]
async fn hurried(ctx: &WorkflowContext) -> Result<u64> {
    linger(ctx).schedule_to_close(Duration::from_millis(300)).await
}

#[workflow]
async fn approval(ctx: &WorkflowContext) -> Result<u64> {
    approve(ctx).await
}

/// A worker for workflows, which has no activity.
fn flows_only(env: &Env) -> Result<Serving> {
    let worker = env.worker(register_all![
        film,
        routed,
        given_up,
        approval,
        lingering,
        lingering_in_a_select,
        resuming,
        impatient,
        hurried
    ]);
    Ok(Serving::begin(worker.build()?))
}

/// A worker of the other queue, which has no workflow.
fn gpu(env: &Env) -> Result<Serving> {
    let worker =
        env.worker(register_all![render, fragile, approve, linger, resume]).queues(["gpu"]);
    Ok(Serving::begin(worker.build()?))
}

async fn a_worker_that_has_only_the_activity_runs_it(env: Env) -> Result<()> {
    env.world.open("render");
    let (_flows, _gpu) = (flows_only(&env)?, gpu(&env)?);
    let exec = env.engine.start(film::Input { frames: 3 }).await?;
    assert_eq!(exec.result().await?, 30);
    assert_eq!(env.world.count("render"), 3);
    assert_eq!(events(&exec, "activity_scheduled").await?.len(), 3);
    Ok(())
}

async fn a_call_can_name_the_queue(env: Env) -> Result<()> {
    let (_flows, _gpu) = (flows_only(&env)?, gpu(&env)?);
    let exec = env.engine.start(routed::Input {}).id("order-1").header("user", "ann").await?;
    exec.result().await?;
    assert_eq!(env.world.count("for Some(\"ann\")"), 3, "it has the headers of its run");
    assert_eq!(env.world.count("attempt 1 of order-1"), 1, "it knows whose it is");
    Ok(())
}

async fn nobody_runs_it_while_no_worker_serves_its_queue(env: Env) -> Result<()> {
    let worker = env.worker(register_all![film]).resident_for(Duration::ZERO).build()?;
    let _flows = Serving::begin(worker);
    env.world.open("render");
    let exec = env.engine.start(film::Input { frames: 1 }).await?;
    let says_so =
        |waits: String| waits.contains("activity `render` (#0), of a worker of queue `gpu`");
    until(async || Ok(exec.describe().await?.waiting_for.is_some_and(says_so))).await?;
    assert_eq!(env.world.count("render"), 0);
    let _gpu = gpu(&env)?;
    assert_eq!(exec.result().await?, 0);
    Ok(())
}

async fn a_run_that_left_memory_gets_the_result(env: Env) -> Result<()> {
    let worker = env.worker(register_all![film]).resident_for(Duration::ZERO).build()?;
    let _flows = Serving::begin(worker);
    let _gpu = gpu(&env)?;
    let exec = env.engine.start(film::Input { frames: 2 }).await?;
    env.world.noted("render", 2).await;
    until(async || Ok(exec.describe().await?.waiting_for.is_some_and(|it| it.contains("gpu"))))
        .await?;
    env.world.open("render");
    assert_eq!(exec.result().await?, 10);
    assert_eq!(env.world.count("render"), 2, "a replay gives nothing away again");
    Ok(())
}

async fn failures_are_retried_by_the_policy_of_the_call_with_the_last_heartbeat(
    env: Env,
) -> Result<()> {
    let (_flows, _gpu) = (flows_only(&env)?, gpu(&env)?);
    let exec = env.engine.start(routed::Input {}).await?;
    assert_eq!(exec.result().await?, Some(2), "the heartbeat of the attempt before");
    assert_eq!(events(&exec, "activity_attempt_failed").await?.len(), 2);
    assert_eq!(events(&exec, "activity_scheduled").await?.len(), 3);
    Ok(())
}

async fn an_attempt_whose_worker_dies_is_lost_and_tried_again(env: Env) -> Result<()> {
    let _flows = flows_only(&env)?;
    let first = gpu(&env)?;
    let exec = env.engine.start(film::Input { frames: 1 }).await?;
    env.world.noted("frame 0 attempt 1", 1).await;
    first.die().await;
    env.world.open("render");
    let _second = gpu(&env)?;
    assert_eq!(exec.result().await?, 0);
    assert_eq!(env.world.count("frame 0 attempt 2"), 1);
    let failed = &events(&exec, "activity_attempt_failed").await?[0];
    assert_eq!(failed.error.as_ref().map(Error::kind), Some(ErrorKind::WorkerLost));
    Ok(())
}

async fn what_a_worker_hands_back_is_not_lost(env: Env) -> Result<()> {
    let _flows = flows_only(&env)?;
    let registry = register_all![render];
    let worker = env.worker(registry).queues(["gpu"]).shutdown_grace(Duration::ZERO);
    let first = Serving::begin(worker.build()?);
    let exec = env.engine.start(film::Input { frames: 1 }).await?;
    env.world.noted("frame 0 attempt 1", 1).await;
    first.stop().await?;
    env.world.open("render");
    let _second = gpu(&env)?;
    assert_eq!(exec.result().await?, 0);
    assert_eq!(env.world.count("frame 0 attempt 1"), 2, "the same attempt, as in a deploy");
    Ok(())
}

async fn what_lost_a_select_is_taken_back(env: Env) -> Result<()> {
    let _flows = flows_only(&env)?;
    let exec = env.engine.start(given_up::Input {}).await?;
    until(async || Ok(!events(&exec, "activity_scheduled").await?.is_empty())).await?;
    exec.signal("stop", &3_u64).await?;
    until(async || Ok(!events(&exec, "signal_received").await?.is_empty())).await?;
    env.world.open("render");
    let _gpu = gpu(&env)?;
    let other = env.engine.start(film::Input { frames: 2 }).await?;
    assert_eq!(other.result().await?, 10);
    exec.signal("end", &()).await?;
    assert_eq!(exec.result().await?, 3);
    assert_eq!(env.world.count("render"), 2, "those of the other run");
    Ok(())
}

async fn a_run_that_was_terminated_has_nothing_invoked(env: Env) -> Result<()> {
    let _flows = flows_only(&env)?;
    let exec = env.engine.start(film::Input { frames: 1 }).await?;
    until(async || Ok(!events(&exec, "activity_scheduled").await?.is_empty())).await?;
    exec.terminate("enough").await?;
    env.world.open("render");
    let _gpu = gpu(&env)?;
    let other = env.engine.start(film::Input { frames: 2 }).await?;
    assert_eq!(other.result().await?, 10);
    assert_eq!(env.world.count("render"), 2, "those of the other run");
    Ok(())
}

async fn a_fan_out_is_shared(env: Env) -> Result<()> {
    let _flows = flows_only(&env)?;
    let few = || env.worker(register_all![render]).queues(["gpu"]).max_activities(4).build();
    let (_one, _two) = (Serving::begin(few()?), Serving::begin(few()?));
    let exec = env.engine.start(film::Input { frames: 40 }).await?;
    env.world.noted("render", 8).await; // both have all slots full
    env.world.open("render");
    assert_eq!(exec.result().await?, (0..40).map(|frame| frame * 10).sum::<u64>());
    assert_eq!(env.world.count("render"), 40);
    Ok(())
}

async fn it_can_be_completed_from_outside(env: Env) -> Result<()> {
    let (_flows, _gpu) = (flows_only(&env)?, gpu(&env)?);
    let exec = env.engine.start(approval::Input {}).await?;
    env.world.noted("asked", 1).await;
    until(async || Ok(!events(&exec, "activity_pending").await?.is_empty())).await?;
    let token = env.world.notes()[0].clone();
    env.engine.complete(&token, &8_u64).await?;
    assert_eq!(exec.result().await?, 8);
    let again = env.engine.complete(&token, &8_u64).await.expect_err("it has ended");
    assert_eq!(again.kind(), ErrorKind::Closed);
    Ok(())
}

/// A run whose activity goes on until it is told to stop.
async fn lingers<I: flows::WorkflowInput>(env: &Env, input: I) -> Result<Execution<I::Workflow>> {
    let exec = env.engine.start(input).await?;
    env.world.noted("lingering", 1).await;
    Ok(exec)
}

async fn one_that_runs_is_told_that_its_run_was_cancelled(env: Env) -> Result<()> {
    let (_flows, _gpu) = (flows_only(&env)?, gpu(&env)?);
    let exec = lingers(&env, lingering::Input {}).await?;
    exec.cancel().await?;
    env.world.noted("told", 1).await;
    let error = exec.result().await.expect_err("it was cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    Ok(())
}

async fn one_that_runs_is_told_that_its_run_was_terminated(env: Env) -> Result<()> {
    let (_flows, _gpu) = (flows_only(&env)?, gpu(&env)?);
    let exec = lingers(&env, lingering::Input {}).await?;
    exec.terminate("enough").await?;
    env.world.noted("told", 1).await;
    Ok(())
}

async fn one_that_runs_is_told_that_it_lost_a_select(env: Env) -> Result<()> {
    let (_flows, _gpu) = (flows_only(&env)?, gpu(&env)?);
    let exec = lingers(&env, lingering_in_a_select::Input {}).await?;
    exec.signal("stop", &1_u64).await?;
    env.world.noted("told", 1).await;
    exec.signal("end", &2_u64).await?;
    assert_eq!(exec.result().await?, 2, "the run goes on, and has not got the result");
    assert!(events(&exec, "activity_completed").await?.is_empty());
    Ok(())
}

async fn what_is_handed_back_goes_on_from_its_last_heartbeat(env: Env) -> Result<()> {
    let _flows = flows_only(&env)?;
    let worker = env.worker(register_all![resume]).queues(["gpu"]).shutdown_grace(Duration::ZERO);
    let first = Serving::begin(worker.build()?);
    let exec = env.engine.start(resuming::Input {}).await?;
    env.world.noted("half-way", 1).await;
    first.stop().await?;
    let _second = gpu(&env)?;
    assert_eq!(exec.result().await?, Some(50));
    Ok(())
}

async fn it_waits_for_a_worker_no_longer_than_its_limit(env: Env) -> Result<()> {
    let _flows = flows_only(&env)?;
    let exec = env.engine.start(impatient::Input {}).await?;
    let error = exec.result().await.expect_err("nobody serves its queue");
    assert_eq!(error.timeout_kind(), Some(flows::TimeoutKind::ScheduleToStart), "{error}");
    env.world.open("render");
    let _gpu = gpu(&env)?;
    let other = env.engine.start(film::Input { frames: 2 }).await?;
    assert_eq!(other.result().await?, 10);
    assert_eq!(env.world.count("frame 7 attempt 1"), 0, "it is not in the queue any more");
    Ok(())
}

async fn one_that_was_claimed_in_time_may_go_on(env: Env) -> Result<()> {
    let (_flows, _gpu) = (flows_only(&env)?, gpu(&env)?);
    let exec = env.engine.start(impatient::Input {}).await?;
    env.world.noted("render", 1).await;
    tokio::time::sleep(Duration::from_millis(400)).await; // longer than it could have waited
    env.world.open("render");
    assert_eq!(exec.result().await?, 70);
    Ok(())
}

async fn all_attempts_together_take_no_longer_than_their_limit(env: Env) -> Result<()> {
    let (_flows, gpu) = (flows_only(&env)?, gpu(&env)?);
    let exec = lingers(&env, hurried::Input {}).await?;
    let error = exec.result().await.expect_err("it goes on for ever");
    assert_eq!(error.timeout_kind(), Some(flows::TimeoutKind::ScheduleToClose), "{error}");
    gpu.stop().await?;
    let alone = env.engine.start(hurried::Input {}).await?;
    let error = alone.result().await.expect_err("nobody serves its queue");
    assert_eq!(error.timeout_kind(), Some(flows::TimeoutKind::ScheduleToClose), "{error}");
    Ok(())
}
