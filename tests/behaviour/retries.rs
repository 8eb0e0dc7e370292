//! Attempts of activities: when there is another one, when it comes, and what it knows.

use std::time::SystemTime;

use flows::prelude::*;

use crate::harness::Env;
use crate::world::World;

on_every_store! {
    an_activity_is_retried_with_back_off_until_it_works,
    a_terminal_error_is_not_retried,
    an_excluded_type_of_error_is_not_retried,
    the_last_of_the_attempts_gives_the_error,
    a_call_has_another_policy_than_its_definition,
    attempts_count_on_when_the_worker_changes,
    a_panic_of_an_activity_is_a_failed_attempt,
    all_attempts_share_one_idempotency_key,
}

#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused by the gateway")
    }
}

impl std::error::Error for Refused {}

/// Works at attempt number `works_at`; before it, it fails in some way.
#[activity(retry(
    max_attempts = 4,
    initial_interval = "40ms",
    backoff = 2.0,
    jitter = 0.0,
    non_retryable(Refused)
))]
async fn gateway(ctx: &ActivityContext, works_at: u32, how: String) -> Result<String> {
    let world = ctx.state::<World>()?;
    world.note(format!("attempt {} {}", ctx.attempt(), ctx.idempotency_key()));
    if ctx.attempt() >= works_at {
        return Ok(format!("worked at attempt {}", ctx.attempt()));
    }
    match &*how {
        "terminal" => Err(Error::terminal("never")),
        "refused" => Err(Refused.into()),
        "panic" => panic!("the gateway is on fire"),
        _ => Err(Error::retryable(format!("failed at attempt {}", ctx.attempt()))),
    }
}

#[workflow]
async fn pay(ctx: &WorkflowContext, works_at: u32, how: String) -> Result<String> {
    gateway(ctx, works_at, how).await
}

#[workflow]
async fn pay_once(ctx: &WorkflowContext) -> Result<String> {
    gateway(ctx, 3, "retryable".into()).retry(RetryPolicy::never()).await
}

fn registry() -> Registry {
    register_all![pay, pay_once, gateway]
}

fn input(works_at: u32, how: &str) -> pay::Input {
    pay::Input { works_at, how: how.into() }
}

/// The times of the events that carry an attempt.
async fn attempts<W: Workflow>(exec: &Execution<W>) -> Result<Vec<SystemTime>> {
    let history = exec.history().await?;
    Ok(history.iter().filter(|event| event.attempt.is_some()).map(|event| event.at).collect())
}

async fn an_activity_is_retried_with_back_off_until_it_works(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(4, "retryable")).await?;
    assert_eq!(exec.result().await?, "worked at attempt 4");

    let at = attempts(&exec).await?;
    assert_eq!(at.len(), 4);
    for (pair, wait) in at.windows(2).zip([40, 80, 160]) {
        // The wait begins at the failure, which is recorded a moment later.
        let waited = pair[1].duration_since(pair[0])? + Duration::from_millis(15);
        assert!(waited >= Duration::from_millis(wait), "{waited:?} is less than {wait} ms");
        assert!(waited < Duration::from_millis(wait) * 20, "{waited:?} is far more than {wait} ms");
    }
    Ok(())
}

async fn a_terminal_error_is_not_retried(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(2, "terminal")).await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "never");
    assert_eq!(env.world.notes().len(), 1);
    Ok(())
}

async fn an_excluded_type_of_error_is_not_retried(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(2, "refused")).await?;
    let error = exec.result().await.unwrap_err();
    assert_eq!(error.message(), "refused by the gateway");
    assert!(error.type_name().is_some_and(|name| name.ends_with("::Refused")), "{error:?}");
    assert_eq!(env.world.notes().len(), 1);
    Ok(())
}

async fn the_last_of_the_attempts_gives_the_error(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(9, "retryable")).await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "failed at attempt 4");
    assert_eq!(env.world.notes().len(), 4);
    assert_eq!(exec.describe().await?.status, Status::Failed);
    Ok(())
}

async fn a_call_has_another_policy_than_its_definition(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(pay_once::Input {}).await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "failed at attempt 1");
    Ok(())
}

async fn attempts_count_on_when_the_worker_changes(env: Env) -> Result<()> {
    let exec = env.engine.start(input(3, "retryable")).await?;
    let mut workers = 0;
    while env.world.notes().len() < 2 {
        let worker = env.serve(registry())?;
        let seen = env.world.notes().len();
        env.world.more_notes_than(seen).await;
        worker.stop().await?;
        workers += 1;
    }
    let _worker = env.serve(registry())?;
    assert_eq!(exec.result().await?, "worked at attempt 3");
    assert!(workers > 0 && env.world.notes().len() == 3, "{:?}", env.world.notes());
    Ok(())
}

async fn a_panic_of_an_activity_is_a_failed_attempt(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(2, "panic")).await?;
    assert_eq!(exec.result().await?, "worked at attempt 2");

    let history = exec.history().await?;
    let failed = history.iter().find(|event| event.kind == "activity_attempt_failed");
    let error = failed.and_then(|event| event.error.as_ref()).expect("an error");
    assert!(error.is_panic());
    assert!(error.message().ends_with(": the gateway is on fire"), "{error}");
    Ok(())
}

async fn all_attempts_share_one_idempotency_key(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(3, "retryable")).await?;
    exec.result().await?;
    let key = format!("{}-0", exec.run_id());
    let expected = [1, 2, 3].map(|attempt| format!("attempt {attempt} {key}"));
    assert_eq!(env.world.notes(), expected);
    Ok(())
}
