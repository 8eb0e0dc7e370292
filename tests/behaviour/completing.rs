//! Activities that are completed from outside: their token, their time limits, and who may end an attempt.

use flows::ErrorKind;
use flows::prelude::*;
use flows::testing::crash_everywhere;
use uuid::Uuid;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    an_attempt_is_completed_from_outside_and_its_slot_is_free_meanwhile,
    a_completion_that_comes_before_the_body_returns_counts,
    a_run_that_left_memory_is_completed,
    a_pending_attempt_is_not_invoked_again_when_its_worker_dies,
    a_body_that_was_not_recorded_as_pending_is_invoked_again_with_its_token,
    an_attempt_that_is_failed_is_tried_again_with_another_token,
    an_attempt_that_nobody_completes_in_time_has_failed,
    heartbeats_from_outside_keep_it_alive_and_the_next_attempt_has_the_last,
    nobody_completes_what_lost_a_select,
    a_run_is_cancelled_while_it_is_pending,
    a_value_of_another_type_fails_the_attempt,
    what_cannot_be_pending_says_so,
    tokens_of_nobody_and_of_another_tenant_are_refused,
}

/// The token is what it notes.
#[activity(start_to_close = "1h", retry(initial_interval = "1ms"))]
async fn approve(ctx: &ActivityContext) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note(ctx.completion_token());
    world.note("asked");
    ctx.pending()
}

/// Like it, with little time.
#[activity(start_to_close = "1s", retry(initial_interval = "1ms"))]
async fn approve_soon(ctx: &ActivityContext) -> Result<u64> {
    approve::run(ctx).await
}

/// Gives the details of the last heartbeat instead, if there is one.
#[activity(start_to_close = "1h", heartbeat = "2s", retry(initial_interval = "1ms"))]
async fn watched(ctx: &ActivityContext) -> Result<u64> {
    match ctx.last_heartbeat::<u64>() {
        Some(details) => Ok(details),
        None => approve::run(ctx).await,
    }
}

/// Its token is known before it returns.
#[activity(start_to_close = "1h")]
async fn slow(ctx: &ActivityContext) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note(ctx.completion_token());
    world.note("asked");
    world.pass("slow").await;
    world.note("returns");
    ctx.pending()
}

#[activity]
async fn forgetful(ctx: &ActivityContext) -> Result<u64> {
    ctx.pending()
}

#[activity]
async fn quick() -> Result<u64> {
    Ok(1)
}

#[workflow]
async fn approval(ctx: &WorkflowContext) -> Result<u64> {
    approve(ctx).await
}

#[workflow]
async fn beside(ctx: &WorkflowContext) -> Result<u64> {
    let approved = approve(ctx).start();
    let () = ctx.signal("asked").await?;
    Ok(quick(ctx).await? + approved.await?)
}

#[workflow]
async fn in_time(ctx: &WorkflowContext) -> Result<u64> {
    approve_soon(ctx).await
}

#[workflow]
async fn alive(ctx: &WorkflowContext) -> Result<u64> {
    watched(ctx).await
}

#[workflow]
async fn early(ctx: &WorkflowContext) -> Result<u64> {
    slow(ctx).await
}

#[workflow]
async fn lazy(ctx: &WorkflowContext) -> Result<u64> {
    forgetful(ctx).retry(RetryPolicy::default().max_attempts(1)).await
}

#[workflow]
async fn given_up(ctx: &WorkflowContext) -> Result<u64> {
    let given_up = flows::select! {
        approved = approve(ctx) => approved?,
        stop = ctx.signal::<u64>("stop") => stop?,
    };
    let () = ctx.signal("end").await?;
    Ok(given_up)
}

fn registry() -> Registry {
    register_all![
        approval,
        beside,
        in_time,
        alive,
        early,
        lazy,
        given_up,
        approve,
        approve_soon,
        watched,
        slow,
        forgetful,
        quick
    ]
}

/// The token of this attempt, when its body has been called so often.
async fn token(env: &Env, attempt: usize) -> String {
    env.world.noted("asked", attempt).await;
    env.world.notes()[2 * (attempt - 1)].clone()
}

/// Waits until the run is known to be pending so often.
async fn pending<W: Workflow>(exec: &Execution<W>, times: usize) -> Result<()> {
    until(async || Ok(events(exec, "activity_pending").await?.len() >= times)).await
}

async fn refused(env: &Env, token: &str) {
    let error = env.engine.complete(token, &0_u64).await.expect_err("it has ended");
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

async fn an_attempt_is_completed_from_outside_and_its_slot_is_free_meanwhile(
    env: Env,
) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).max_activities(1).build()?);
    let exec = env.engine.start(beside::Input {}).await?;
    let token = token(&env, 1).await;
    pending(&exec, 1).await?;
    exec.signal("asked", &()).await?;
    until(async || Ok(!events(&exec, "activity_completed").await?.is_empty())).await?; // `quick` had the slot
    env.engine.complete(&token, &41_u64).await?;
    assert_eq!(exec.result().await?, 42);
    refused(&env, &token).await;
    assert_eq!(env.world.count("asked"), 1);
    Ok(())
}

async fn a_completion_that_comes_before_the_body_returns_counts(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(early::Input {}).await?;
    let token = token(&env, 1).await;
    env.engine.complete(&token, &7_u64).await?;
    assert_eq!(exec.result().await?, 7, "its body has not returned");
    env.world.open("slow");
    refused(&env, &token).await;
    assert_eq!(events(&exec, "activity_pending").await?.len(), 0);
    Ok(())
}

async fn a_run_that_left_memory_is_completed(env: Env) -> Result<()> {
    let worker = env.worker(registry()).resident_for(Duration::ZERO).build()?;
    let _worker = Serving::begin(worker);
    let exec = env.engine.start(approval::Input {}).await?;
    let token = token(&env, 1).await;
    let says_so =
        |waits: String| waits.contains("activity `approve` (#0), which is completed from outside");
    until(async || Ok(exec.describe().await?.waiting_for.is_some_and(says_so))).await?; // it is parked
    env.engine.heartbeat(&token, &1).await?;
    until(async || Ok(!events(&exec, "activity_heartbeat").await?.is_empty())).await?;
    env.engine.complete(&token, &5_u64).await?;
    assert_eq!(exec.result().await?, 5);
    refused(&env, &token).await;
    Ok(())
}

async fn a_pending_attempt_is_not_invoked_again_when_its_worker_dies(env: Env) -> Result<()> {
    let worker = env.serve(registry())?;
    let exec = env.engine.start(approval::Input {}).await?;
    let token = token(&env, 1).await;
    pending(&exec, 1).await?;
    worker.die().await;
    env.engine.complete(&token, &5_u64).await?; // nobody is there
    let _worker = env.serve(registry())?;
    assert_eq!(exec.result().await?, 5);
    assert_eq!(env.world.count("asked"), 1);
    Ok(())
}

async fn a_body_that_was_not_recorded_as_pending_is_invoked_again_with_its_token(
    env: Env,
) -> Result<()> {
    let worker = env.serve(registry())?;
    let exec = env.engine.start(early::Input {}).await?;
    let first = token(&env, 1).await;
    worker.die().await;
    let _worker = env.serve(registry())?;
    let second = token(&env, 2).await; // its death counts as an attempt
    assert_ne!(first, second);
    env.world.open("slow");
    pending(&exec, 1).await?;
    env.engine.complete(&second, &6_u64).await?;
    assert_eq!(exec.result().await?, 6);
    refused(&env, &second).await;
    Ok(())
}

async fn an_attempt_that_is_failed_is_tried_again_with_another_token(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(approval::Input {}).await?;
    let first = token(&env, 1).await;
    env.engine.fail(&first, Error::retryable("ask again")).await?;
    let second = token(&env, 2).await;
    assert_ne!(first, second);
    refused(&env, &first).await;
    let failed = &events(&exec, "activity_attempt_failed").await?[0];
    assert_eq!(failed.error.as_ref().map(Error::message), Some("ask again"));
    env.engine.fail(&second, Error::terminal_with(17).with_message("denied")).await?;
    let error = exec.result().await.expect_err("it was denied");
    assert_eq!((error.message(), error.details()), ("denied", Some(17)));
    refused(&env, &second).await;
    Ok(())
}

async fn an_attempt_that_nobody_completes_in_time_has_failed(env: Env) -> Result<()> {
    let worker = env.worker(registry()).resident_for(Duration::ZERO).build()?;
    let _worker = Serving::begin(worker);
    let exec = env.engine.start(in_time::Input {}).await?;
    let first = token(&env, 1).await;
    let second = token(&env, 2).await;
    refused(&env, &first).await;
    let failed = &events(&exec, "activity_attempt_failed").await?[0];
    assert!(failed.error.as_ref().is_some_and(Error::is_timeout), "{failed:?}");
    env.engine.complete(&second, &2_u64).await?;
    assert_eq!(exec.result().await?, 2);
    Ok(())
}

async fn heartbeats_from_outside_keep_it_alive_and_the_next_attempt_has_the_last(
    env: Env,
) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(alive::Input {}).await?;
    let token = token(&env, 1).await;
    pending(&exec, 1).await?;
    for beat in [10_u64, 20, 30] {
        env.engine.heartbeat(&token, &beat).await?;
        let known =
            async || Ok(events(&exec, "activity_heartbeat").await?.len() as u64 == beat / 10);
        until(known).await?;
    }
    assert_eq!(exec.result().await?, 30, "the details of the last");
    let failed = &events(&exec, "activity_attempt_failed").await?[0];
    let (last, failed_at) = (events(&exec, "activity_heartbeat").await?[2].at, failed.at);
    assert!(failed_at >= last + Duration::from_secs(2), "its limit begins anew with each");
    assert!(
        failed.error.as_ref().is_some_and(|error| error.message().contains("`heartbeat`")),
        "{failed:?}"
    );
    refused(&env, &token).await;
    Ok(())
}

async fn nobody_completes_what_lost_a_select(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(given_up::Input {}).await?;
    let token = token(&env, 1).await;
    pending(&exec, 1).await?;
    exec.signal("stop", &3_u64).await?;
    until(async || Ok(!events(&exec, "signal_received").await?.is_empty())).await?;
    refused(&env, &token).await;
    exec.signal("end", &()).await?;
    assert_eq!(exec.result().await?, 3);
    Ok(())
}

async fn a_run_is_cancelled_while_it_is_pending(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(approval::Input {}).await?;
    let token = token(&env, 1).await;
    pending(&exec, 1).await?;
    exec.cancel().await?;
    assert!(exec.result().await.expect_err("it was cancelled").is_cancelled());
    refused(&env, &token).await;
    Ok(())
}

async fn a_value_of_another_type_fails_the_attempt(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(approval::Input {}).await?;
    env.engine.complete(token(&env, 1).await, &"yes").await?;
    let error = exec.result().await.expect_err("it is no number");
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(
        error.message().contains("the value that completed an attempt of `approve`"),
        "{error}"
    );
    Ok(())
}

async fn what_cannot_be_pending_says_so(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let error =
        env.engine.start(lazy::Input {}).await?.result().await.expect_err("nobody has a token");
    let said = "activity `forgetful` returned `ctx.pending()`, but it has not asked for its \
                `ctx.completion_token()`, so nobody could complete it";
    assert_eq!(error.message(), said);
    Ok(())
}

/// Attempts that nobody completes.
#[workflow]
async fn unanswered(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let twice = RetryPolicy::default().max_attempts(2).initial_interval(Duration::from_secs(60));
    let call = || approve(ctx).start_to_close(Duration::from_secs(3)).retry(twice.clone());
    let error = call().await.expect_err("nobody answers");
    let soon = ctx.timeout(Duration::from_secs(1), call()).await.expect_err("it takes too long");
    Ok([error, soon].map(|error| error.to_string()).to_vec())
}

#[tokio::test]
async fn pending_replays() -> Result<()> {
    let said = crash_everywhere(unanswered::Input {})
        .registry(register_all![unanswered, approve])
        .state_with(World::default)
        .await?;
    let outside = "attempt 2 of activity `approve` ends outside of its worker, and nobody has completed it within \
                   its time limit";
    assert_eq!(said[0], outside);
    Ok(())
}

async fn tokens_of_nobody_and_of_another_tenant_are_refused(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let tenant = env.engine.tenant(Uuid::from_u128(7));
    let exec = tenant.start(approval::Input {}).await?;
    let token = token(&env, 1).await;
    let kind = async |tenant: &Tenant, token: &str| {
        tenant.complete(token, &1_u64).await.expect_err("refused").kind()
    };
    let other = env.engine.tenant(Uuid::from_u128(8));
    assert_eq!(kind(&other, &token).await, ErrorKind::NotFound);
    assert_eq!(kind(&tenant, "order-42").await, ErrorKind::InvalidInput);
    let nobody = format!("{}-{}-0-1", Uuid::from_u128(7).simple(), Uuid::now_v7().simple());
    assert_eq!(kind(&tenant, &nobody).await, ErrorKind::NotFound);
    env.engine.complete(&token, &9_u64).await?; // an engine serves all tenants
    assert_eq!(exec.result().await?, 9);
    Ok(())
}
