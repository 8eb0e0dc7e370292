//! Cancellation: asked for from outside, an error inside, and time to clean up.

use flows::prelude::*;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    a_waiting_workflow_gets_an_error_and_ends_as_cancelled,
    a_cancellation_before_the_first_turn_is_not_missed,
    a_shield_lets_the_workflow_clean_up,
    a_workflow_may_complete_in_spite_of_it,
    a_running_activity_is_told,
    an_activity_that_waits_for_a_slot_never_begins,
    an_activity_that_waits_for_its_retry_never_begins,
    a_workflow_can_wait_for_its_cancellation,
    a_run_that_left_memory_is_cancelled,
    a_run_that_ended_cannot_be_cancelled,
    who_goes_on_as_new_without_knowing_is_still_cancelled,
}

#[activity]
async fn works(ctx: &ActivityContext) -> Result<()> {
    let world = ctx.state::<World>()?;
    world.note("works");
    tokio::select! {
        () = ctx.cancelled() => world.note("told to stop"),
        () = world.pass("finish") => world.note("finished"),
    }
    Ok(())
}

#[activity(retry(initial_interval = "1s", backoff = 1.0, jitter = 0.0))]
async fn fails(ctx: &ActivityContext) -> Result<()> {
    ctx.state::<World>()?.note(format!("attempt {}", ctx.attempt()));
    Err(Error::retryable("no"))
}

#[activity]
async fn cleans(ctx: &ActivityContext) -> Result<String> {
    ctx.state::<World>()?.note("cleans");
    Ok("cleaned".into())
}

/// Goes on as new before it hears of anything.
#[workflow]
async fn relays(ctx: &WorkflowContext, round: u32) -> Result<u32> {
    if round == 0 {
        let () = ctx.shield(ctx.signal("on")).await?;
        return ctx.continue_as_new(relays::Input { round: 1 });
    }
    let () = ctx.signal("never").await?;
    Ok(round)
}

#[workflow]
async fn simple(ctx: &WorkflowContext, activity: String) -> Result<()> {
    match &*activity {
        "works" => works(ctx).await,
        "fails" => fails(ctx).await,
        _ => ctx.signal("go").await,
    }
}

#[workflow]
async fn careful(ctx: &WorkflowContext, completes: bool) -> Result<String> {
    let Err(error) = works(ctx).await else { return Ok("not cancelled".into()) };
    let later = cleans(ctx).await.unwrap_err();
    assert!(error.is_cancelled() && later.is_cancelled());
    let cleaned = ctx.shield(cleans(ctx)).await?;
    if completes { Ok(format!("{cleaned} after: {error}")) } else { Err(error) }
}

#[workflow]
async fn listens(ctx: &WorkflowContext) -> Result<String> {
    flows::select! {
        () = ctx.cancelled() => ctx.shield(cleans(ctx)).await,
        value = ctx.signal::<String>("go") => value,
    }
}

fn registry() -> Registry {
    register_all![simple, careful, listens, works, fails, cleans, relays]
}

fn input(activity: &str) -> simple::Input {
    simple::Input { activity: activity.to_owned() }
}

async fn a_waiting_workflow_gets_an_error_and_ends_as_cancelled(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input("none")).await?;
    exec.cancel().reason("the customer left").await?;
    let error = exec.result().await.unwrap_err();
    assert!(error.is_cancelled() && error.is_terminal());
    assert_eq!(error.message(), "the run was cancelled: the customer left");
    let info = exec.describe().await?;
    assert_eq!((info.status, info.waiting_for), (Status::Cancelled, None));
    Ok(())
}

async fn a_cancellation_before_the_first_turn_is_not_missed(env: Env) -> Result<()> {
    let exec = env.engine.start(input("none")).await?;
    exec.cancel().await?;
    let _worker = env.serve(registry())?;
    let error = exec.result().await.unwrap_err();
    assert_eq!(error.message(), "the run was cancelled: cancelled by request");
    Ok(())
}

async fn a_shield_lets_the_workflow_clean_up(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(careful::Input { completes: false }).await?;
    env.world.noted("works", 1).await;
    exec.cancel().await?;
    assert!(exec.result().await.unwrap_err().is_cancelled());
    assert_eq!(env.world.count("cleans"), 1);
    assert_eq!(exec.describe().await?.status, Status::Cancelled);
    Ok(())
}

async fn a_workflow_may_complete_in_spite_of_it(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(careful::Input { completes: true }).await?;
    env.world.noted("works", 1).await;
    exec.cancel().await?;
    let text = "cleaned after: the run was cancelled: cancelled by request";
    assert_eq!(exec.result().await?, text);
    assert_eq!(exec.describe().await?.status, Status::Completed);
    Ok(())
}

async fn a_running_activity_is_told(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input("works")).await?;
    env.world.noted("works", 1).await;
    exec.cancel().await?;
    env.world.noted("told to stop", 1).await;
    assert!(exec.result().await.unwrap_err().is_cancelled());
    Ok(())
}

async fn an_activity_that_waits_for_a_slot_never_begins(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).max_activities(1).build()?);
    let occupant = env.engine.start(careful::Input { completes: true }).await?;
    env.world.noted("works", 1).await;
    let exec = env.engine.start(input("works")).await?;
    until(async || Ok(exec.describe().await?.waiting_for.is_some_and(|w| w.contains("runs it"))))
        .await?;
    exec.cancel().await?;
    exec.result().await.unwrap_err();

    env.world.open("finish");
    assert_eq!(occupant.result().await?, "not cancelled");
    let last = env.engine.start(input("works")).await?;
    last.result().await?;
    assert_eq!(env.world.notes(), ["works", "finished", "works", "finished"]);
    Ok(())
}

async fn an_activity_that_waits_for_its_retry_never_begins(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input("fails")).await?;
    until(async || Ok(!events(&exec, "activity_attempt_failed").await?.is_empty())).await?;
    exec.cancel().await?;
    assert!(exec.result().await.unwrap_err().is_cancelled());
    // one that fails later is tried again: the other would have been before it
    let later = env.engine.start(input("fails")).await?;
    until(async || Ok(events(&later, "activity_attempt_failed").await?.len() == 2)).await?;
    assert_eq!(env.world.notes(), ["attempt 1", "attempt 1", "attempt 2"]);
    Ok(())
}

async fn a_workflow_can_wait_for_its_cancellation(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(listens::Input {}).await?;
    exec.cancel().await?;
    assert_eq!(exec.result().await?, "cleaned");
    let other = env.engine.start(listens::Input {}).await?;
    other.signal("go", &"went").await?;
    assert_eq!(other.result().await?, "went");
    Ok(())
}

async fn a_run_that_left_memory_is_cancelled(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).resident_for(Duration::ZERO).build()?);
    let exec = env.engine.start(input("none")).await?;
    until(async || Ok(exec.describe().await?.waiting_for.is_some_and(|w| w.contains("`go`"))))
        .await?;
    exec.cancel().await?;
    assert!(exec.result().await.unwrap_err().is_cancelled());
    Ok(())
}

async fn a_run_that_ended_cannot_be_cancelled(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input("none")).await?;
    exec.signal("go", &()).await?;
    exec.result().await?;
    assert_eq!(exec.cancel().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(exec.describe().await?.status, Status::Completed);
    Ok(())
}

async fn who_goes_on_as_new_without_knowing_is_still_cancelled(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(relays::Input { round: 0 }).id("relay").await?;
    exec.cancel().reason("enough").await?;
    until(async || Ok(!events(&exec, "cancel_requested").await?.is_empty())).await?;
    exec.signal("on", &()).await?;
    let error = exec.result().await.expect_err("the one that goes on is cancelled");
    assert!(error.is_cancelled() && error.message().contains("enough"), "{error}");
    let last: Execution = env.engine.execution("relay");
    assert_eq!(last.describe().await?.status, Status::Cancelled);
    Ok(())
}
