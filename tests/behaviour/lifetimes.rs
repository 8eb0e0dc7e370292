//! Runs that go on as other runs: continued with another input, or tried again.

use flows::prelude::*;

use crate::harness::{Env, events, until};
use crate::world::World;

on_every_store! {
    a_run_continues_as_a_new_one_with_another_input,
    a_run_continues_as_another_workflow,
    a_continued_run_keeps_its_id_and_receives_signals,
    a_signal_is_not_lost_when_its_run_continues,
    a_run_is_tried_again_by_its_policy,
    attempts_of_a_run_are_exhausted,
    a_terminal_error_is_not_tried_again,
    a_run_without_a_policy_is_not_tried_again,
    a_policy_of_the_definition_holds,
}

#[activity]
async fn note(ctx: &ActivityContext, what: String) -> Result<()> {
    ctx.state::<World>()?.note(what);
    Ok(())
}

#[workflow]
async fn countdown(ctx: &WorkflowContext, left: u32) -> Result<String> {
    note(ctx, format!("{left}")).await?;
    if left > 0 {
        return ctx.continue_as_new(countdown::Input { left: left - 1 });
    }
    Ok(format!("liftoff at attempt {}", ctx.attempt()))
}

#[workflow]
async fn caterpillar(ctx: &WorkflowContext) -> Result<String> {
    ctx.continue_as_new(butterfly::Input { colour: "blue".into() })
}

#[workflow(version = 2)]
async fn butterfly(ctx: &WorkflowContext, colour: String) -> Result<String> {
    note(ctx, "flies".into()).await?;
    Ok(colour)
}

/// Adds one signal a run, until the sum is large enough.
#[workflow]
async fn sums(ctx: &WorkflowContext, sum: u32) -> Result<u32> {
    let sum = sum + ctx.signal::<u32>("add").await?;
    if sum >= 10 { Ok(sum) } else { ctx.continue_as_new(sums::Input { sum }) }
}

#[workflow]
async fn flaky(ctx: &WorkflowContext, works_at: u32, terminal: bool) -> Result<String> {
    let (attempt, run) = (ctx.attempt(), ctx.run_id());
    note(ctx, format!("attempt {attempt}")).await?;
    match attempt {
        attempt if attempt >= works_at => Ok(format!("worked at attempt {attempt} of {run}")),
        attempt if terminal => Err(Error::terminal(format!("failed at attempt {attempt}"))),
        attempt => Err(Error::retryable(format!("failed at attempt {attempt}"))),
    }
}

#[workflow(retry(max_attempts = 2, initial_interval = "5ms"))]
async fn stubborn(ctx: &WorkflowContext) -> Result<u32> {
    if ctx.attempt() == 1 { Err(Error::retryable("no")) } else { Ok(ctx.attempt()) }
}

fn registry() -> Registry {
    register_all![countdown, caterpillar, butterfly, sums, flaky, stubborn, note]
}

fn input(works_at: u32, terminal: bool) -> flaky::Input {
    flaky::Input { works_at, terminal }
}

fn policy() -> RetryPolicy {
    let policy = RetryPolicy::default().max_attempts(3);
    policy.initial_interval(Duration::from_millis(30)).jitter(0.0)
}

async fn a_run_continues_as_a_new_one_with_another_input(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(countdown::Input { left: 3 }).id("rocket").await?;
    assert_eq!(exec.result().await?, "liftoff at attempt 1");
    assert_eq!(env.world.notes(), ["3", "2", "1", "0"]);

    let first = exec.describe().await?;
    assert_eq!(first.status, Status::Continued);
    let runs = env.engine.list().workflow("countdown").await?;
    assert_eq!(runs.len(), 4);
    assert!(runs.iter().all(|run| run.workflow_id == "rocket"));
    assert!(runs.iter().any(|run| Some(run.run_id) == first.successor
        && run.predecessor == Some(first.run_id)));
    let completed = events(&exec, "activity_completed").await?;
    assert_eq!(completed.len(), 1, "each run has a journal of its own");
    Ok(())
}

async fn a_run_continues_as_another_workflow(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(caterpillar::Input {}).id("insect").await?;
    assert_eq!(exec.result().await?, "blue");
    let newest = env.engine.execution::<butterfly::Workflow>("insect").describe().await?;
    assert_eq!((&*newest.workflow, newest.version), ("butterfly", 2));
    Ok(())
}

async fn a_continued_run_keeps_its_id_and_receives_signals(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(sums::Input { sum: 0 }).id("sum").await?;
    for (runs, number) in (1..).zip([1, 2, 3, 4]) {
        until(async || Ok(env.engine.list().await?.len() == runs)).await?;
        exec.signal("add", &number).await?; // also through the handle of the first run
    }
    assert_eq!(exec.result().await?, 10);
    Ok(())
}

async fn a_signal_is_not_lost_when_its_run_continues(env: Env) -> Result<()> {
    let exec = env.engine.start(sums::Input { sum: 0 }).id("sum").await?;
    for number in [1, 2, 3, 4] {
        exec.signal("add", &number).await?; // all of them to the first run
    }
    let _worker = env.serve(registry())?;
    assert_eq!(exec.result().await?, 10);
    Ok(())
}

async fn a_run_is_tried_again_by_its_policy(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(3, false)).id("flaky").retry(policy()).await?;
    let newest = env.engine.execution::<flaky::Workflow>("flaky");
    let result = exec.result().await?;
    let last = newest.describe().await?;
    assert_eq!(result, format!("worked at attempt 3 of {}", last.run_id));
    assert_eq!((last.attempt, last.status), (3, Status::Completed));
    assert_eq!(env.world.notes(), ["attempt 1", "attempt 2", "attempt 3"]);

    let first = exec.describe().await?;
    assert_eq!((first.attempt, first.status), (1, Status::Failed));
    assert!(env.engine.dead_letters().list().await?.is_empty(), "another run goes on");
    let second = env.engine.execution::<flaky::Workflow>(first.successor.expect("one").to_string());
    let waited = second.describe().await?.created_at.duration_since(first.created_at)?;
    assert!(waited < Duration::from_secs(20), "{waited:?}");
    Ok(())
}

async fn attempts_of_a_run_are_exhausted(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(9, false)).id("flaky").retry(policy()).await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "failed at attempt 3");
    let [letter] = &env.engine.dead_letters().list().await?[..] else { panic!("one dead letter") };
    assert_eq!((&*letter.workflow_id, letter.attempt), ("flaky", 3));

    let again = env.engine.rerun(letter).await?;
    assert_eq!(again.result().await.unwrap_err().message(), "failed at attempt 3");
    assert_eq!(env.world.notes().len(), 6, "a rerun has all attempts before it");
    Ok(())
}

async fn a_terminal_error_is_not_tried_again(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(2, true)).retry(policy()).await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "failed at attempt 1");
    Ok(())
}

async fn a_run_without_a_policy_is_not_tried_again(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(2, false)).await?;
    let error = exec.result().await.unwrap_err();
    assert_eq!((error.message(), error.is_retryable()), ("failed at attempt 1", true));
    assert_eq!(exec.describe().await?.status, Status::Failed);
    Ok(())
}

async fn a_policy_of_the_definition_holds(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    assert_eq!(env.engine.start(stubborn::Input {}).await?.result().await?, 2);
    let never = RetryPolicy::never();
    let exec = env.engine.start(stubborn::Input {}).retry(never).await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "no", "a start has the last word");
    Ok(())
}
