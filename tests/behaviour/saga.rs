//! Sagas: what a workflow has done is undone when it fails.

use flows::prelude::*;

use crate::harness::{Env, events, until};
use crate::world::World;

on_every_store! {
    a_failure_is_undone_in_reverse,
    a_success_is_kept,
    a_cancelled_run_is_undone,
    a_step_that_runs_while_its_run_is_cancelled_is_undone,
    a_step_that_loses_against_a_time_limit_is_undone,
    a_step_that_fails_is_not_undone,
    what_cannot_be_undone_is_named,
    a_completed_saga_is_kept,
    a_saga_is_undone_where_the_workflow_says,
    each_attempt_of_a_run_is_undone,
    steps_that_are_done_at_once_are_undone,
}

#[activity(retry(max_attempts = 3, initial_interval = "10ms"))]
async fn undo(ctx: &ActivityContext, done: String) -> Result<()> {
    if done == "stubborn" {
        return Err(Error::retryable("it stays"));
    }
    ctx.state::<World>()?.note(format!("undo {done}"));
    Ok(())
}

#[activity(compensate = undo)]
async fn act(ctx: &ActivityContext, what: String) -> Result<String> {
    let world = ctx.state::<World>()?;
    world.note(format!("begin {what}"));
    match what.as_str() {
        "slow" => world.pass("slow").await,
        "bad" => return Err(Error::terminal("bad")),
        _ => {}
    }
    world.note(format!("do {what}"));
    Ok(what)
}

#[activity]
async fn subtract(ctx: &ActivityContext, account: String, amount: u64, total: u64) -> Result<()> {
    ctx.state::<World>()?.note(format!("subtract {amount} of {total} from {account}"));
    Ok(())
}

#[activity(compensate = subtract)]
async fn add(account: String, amount: u64) -> Result<u64> {
    Ok(amount + account.len() as u64)
}

fn act_on(ctx: &WorkflowContext, what: &str) -> flows::Call<act::Activity> {
    act(ctx, what.to_owned())
}

/// Acts, and then waits for what becomes of it.
#[workflow(retry(max_attempts = 2, initial_interval = "10ms"))]
async fn acts(ctx: &WorkflowContext, what: Vec<String>, then: String) -> Result<u64> {
    let saga = ctx.saga();
    for what in what {
        saga.run(act(ctx, what)).await?;
    }
    let total = saga.run(add(ctx, "ada".into(), 7)).await?;
    match then.as_str() {
        "wait" => ctx.signal::<()>("go").await?,
        "limit" => {
            let slow = saga.run(act_on(ctx, "slow"));
            if let Err(error) = ctx.timeout(Duration::from_millis(50), slow).await {
                return Err(Error::terminal(format!("timeout: {}", error.is_timeout())));
            }
        }
        "complete" => {
            saga.complete();
            return Err(Error::terminal("all the same"));
        }
        "retry" if ctx.attempt() == 1 => return Err(Error::retryable("once more")),
        "fail" => return Err(Error::terminal("no")),
        "at once" => {
            let (a, b) = (saga.run(act_on(ctx, "a")), saga.run(act_on(ctx, "b")));
            flows::try_join!(a, b, saga.run(act_on(ctx, "bad")))?;
        }
        _ => {}
    }
    Ok(total)
}

#[workflow]
async fn second_choice(ctx: &WorkflowContext) -> Result<String> {
    let saga = ctx.saga();
    saga.run(act_on(ctx, "one")).await?;
    if let Err(error) = saga.run(act_on(ctx, "bad")).await {
        let cause = saga.compensate(error).await;
        let saga = ctx.saga();
        saga.run(act_on(ctx, "two")).await?;
        return Ok(cause.to_string());
    }
    Ok("bad is good".into())
}

fn registry() -> Registry {
    register_all![acts, second_choice, act, undo, add, subtract]
}

fn input(what: &[&str], then: &str) -> acts::Input {
    let what = what.iter().map(|what| (*what).to_owned()).collect();
    acts::Input { what, then: then.to_owned() }
}

/// What was undone, in order.
fn undone(env: &Env) -> Vec<String> {
    let is_undone = |note: &String| note.starts_with("undo") || note.starts_with("subtract");
    env.world.notes().into_iter().filter(is_undone).collect()
}

async fn a_failure_is_undone_in_reverse(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["one", "two"], "fail")).await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "no");
    assert_eq!(undone(&env), ["subtract 7 of 10 from ada", "undo two", "undo one"]);
    let done = events(&exec, "activity_completed").await?;
    let names: Vec<_> = done.into_iter().filter_map(|event| event.name).collect();
    assert_eq!(names, ["act", "act", "add", "subtract", "undo", "undo"]);
    assert_eq!(exec.describe().await?.status, Status::Failed);
    Ok(())
}

async fn a_success_is_kept(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["one"], "")).await?;
    assert_eq!(exec.result().await?, 10);
    assert_eq!(undone(&env), [""; 0]);
    Ok(())
}

async fn a_cancelled_run_is_undone(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["one"], "wait")).await?;
    until(async || Ok(events(&exec, "activity_completed").await?.len() == 2)).await?;
    exec.cancel().await?;
    assert!(exec.result().await.unwrap_err().is_cancelled());
    assert_eq!(exec.describe().await?.status, Status::Cancelled);
    assert_eq!(undone(&env), ["subtract 7 of 10 from ada", "undo one"]);
    Ok(())
}

async fn a_step_that_runs_while_its_run_is_cancelled_is_undone(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["one", "slow", "never"], "")).await?;
    env.world.noted("begin slow", 1).await;
    exec.cancel().await?;
    until(async || Ok(!events(&exec, "cancel_requested").await?.is_empty())).await?;
    env.world.open("slow");
    assert!(exec.result().await.unwrap_err().is_cancelled());
    assert_eq!(undone(&env), ["undo slow", "undo one"]);
    assert_eq!(env.world.count("begin never"), 0);
    Ok(())
}

async fn a_step_that_loses_against_a_time_limit_is_undone(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["one"], "limit")).await?;
    until(async || Ok(!events(&exec, "timer_fired").await?.is_empty())).await?;
    env.world.open("slow");
    assert_eq!(exec.result().await.unwrap_err().message(), "timeout: true");
    assert_eq!(undone(&env), ["undo slow", "subtract 7 of 10 from ada", "undo one"]);
    Ok(())
}

async fn a_step_that_fails_is_not_undone(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["one", "bad"], "")).await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "bad");
    assert_eq!(undone(&env), ["undo one"]);
    Ok(())
}

/// It is a failure that nobody tries again, whatever the cause was.
async fn what_cannot_be_undone_is_named(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["one", "stubborn"], "retry")).await?;
    let error = exec.result().await.unwrap_err();
    let said = "once more; 1 of 3 steps could not be undone: `act` (by `undo`): it stays";
    assert_eq!((error.message(), error.is_terminal()), (said, true));
    assert_eq!(undone(&env), ["subtract 7 of 10 from ada", "undo one"], "the others are");
    let run = exec.describe().await?;
    assert_eq!((run.status, run.successor), (Status::Failed, None));

    let exec = env.engine.start(input(&["stubborn"], "wait")).await?;
    until(async || Ok(events(&exec, "activity_completed").await?.len() == 2)).await?;
    exec.cancel().await?;
    let error = exec.result().await.unwrap_err();
    assert!(error.message().starts_with("the run was cancelled: "), "{error}");
    assert!(error.message().ends_with("`act` (by `undo`): it stays"), "{error}");
    assert_eq!(exec.describe().await?.status, Status::Failed, "somebody has to look at it");
    Ok(())
}

async fn a_completed_saga_is_kept(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["one"], "complete")).await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "all the same");
    assert_eq!(undone(&env), [""; 0]);
    Ok(())
}

async fn a_saga_is_undone_where_the_workflow_says(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(second_choice::Input {}).await?;
    assert_eq!(exec.result().await?, "bad");
    assert_eq!(undone(&env), ["undo one"]);
    assert_eq!(env.world.count("do two"), 1);
    Ok(())
}

async fn each_attempt_of_a_run_is_undone(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&["one"], "retry")).await?;
    assert_eq!(exec.result().await?, 10);
    assert_eq!(undone(&env), ["subtract 7 of 10 from ada", "undo one"]);
    assert_eq!(env.world.count("do one"), 2);
    Ok(())
}

async fn steps_that_are_done_at_once_are_undone(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&[], "at once")).await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "bad");
    let mut undone = undone(&env);
    undone.sort_unstable();
    assert_eq!(undone, ["subtract 7 of 10 from ada", "undo a", "undo b"]);
    Ok(())
}
