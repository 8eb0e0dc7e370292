//! Texts that PostgreSQL does not hold, or only shorter: an error can always be stored, and what is no
//! error is refused by its call.

use flows::prelude::*;
use serde_json::json;

use crate::harness::{Env, Serving, until};
use crate::world::World;

on_every_store! {
    an_error_with_a_nul_fails_the_run_once,
    an_error_without_end_fails_the_run_once,
    a_nul_in_an_error_reaches_the_parent,
    a_stuck_run_may_say_nul,
    reasons_may_have_a_nul,
    ids_with_a_nul_are_refused_by_their_call,
    signals_that_nobody_can_send_are_an_error_of_the_call,
}

/// Fails with all that an error has.
#[derive(Debug)]
struct Broken(usize);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&"a\0b".repeat(self.0))
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self) // without end
    }
}

#[activity(retry(max_attempts = 1))]
async fn fails(ctx: &ActivityContext, how: String) -> Result<u64> {
    ctx.state::<World>()?.note("invoked");
    let error = match &*how {
        "panic" => panic!("a\0b"),
        "long" => Error::terminal(Broken(450_000)),
        "large" => Error::terminal_with("a\0b".repeat(450_000)),
        _ => Error::terminal(Broken(1)),
    };
    Err(if how == "large" { error } else { error.with_details(json!({"k\0": ["a\0b"]})) })
}

#[workflow]
async fn run(ctx: &WorkflowContext, how: String) -> Result<u64> {
    fails(ctx, how).await
}

#[workflow]
async fn parent(ctx: &WorkflowContext, how: String) -> Result<String> {
    let error = run(ctx, how).await.unwrap_err();
    let cause = error.chain().next().unwrap_or_default();
    Ok(format!("{}: {cause}", error.message()))
}

#[workflow]
async fn panics(_ctx: &WorkflowContext) -> Result<u64> {
    panic!("a\0b")
}

#[workflow]
async fn waits(ctx: &WorkflowContext, name: String) -> Result<String> {
    let refused = ctx.signal::<u64>(&name).await.unwrap_err();
    let tried = ctx.try_signal::<u64>(&name).unwrap_err();
    assert_eq!(refused.message(), tried.message());
    Ok(refused.message().to_owned())
}

#[workflow]
async fn listens(ctx: &WorkflowContext) -> Result<u64> {
    ctx.signal::<u64>("go").await
}

fn registry() -> Registry {
    register_all![listens, run, parent, panics, waits, fails]
}

/// Failed after one invocation, with one dead letter; gives its error.
async fn failed_once(env: &Env, how: &str) -> Result<Error> {
    let before = env.world.count("invoked");
    let exec = env.engine.start(run::Input { how: how.into() }).id(how).await?;
    let error = exec.result().await.unwrap_err();
    assert_eq!(exec.describe().await?.status, Status::Failed);
    assert_eq!(env.world.count("invoked"), before + 1);
    let letters = env.engine.dead_letters().list().await?;
    let of_it = letters.iter().filter(|letter| letter.run_id == exec.run_id()).count();
    assert_eq!(of_it, 1);
    exec.history().await?;
    Ok(error)
}

async fn an_error_with_a_nul_fails_the_run_once(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let error = failed_once(&env, "nul").await?;
    assert_eq!(error.message(), "a␀b");
    assert_eq!(error.chain().next(), Some("a␀b"));
    assert_eq!(error.details(), Some(json!({"k␀": ["a␀b"]})));
    let error = failed_once(&env, "panic").await?;
    assert!(error.is_panic() && error.message().ends_with(": a␀b"), "{error}");
    Ok(())
}

async fn an_error_without_end_fails_the_run_once(env: Env) -> Result<()> {
    // What is long takes long: no lease lapses meanwhile.
    let worker = env.worker(registry()).lease(Duration::from_secs(60)).build()?;
    let _worker = Serving::begin(worker);
    let error = failed_once(&env, "long").await?;
    assert!(error.message().starts_with("a␀ba␀b"), "{} bytes", error.message().len());
    assert!(error.message().ends_with("the rest of it is left out)"));
    assert!(error.message().len() < 5_000);
    let error = failed_once(&env, "large").await?;
    assert!(error.message().ends_with("the rest of it is left out)"));
    assert!(error.details::<String>().is_none());
    Ok(())
}

async fn a_nul_in_an_error_reaches_the_parent(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(parent::Input { how: "nul".into() }).await?;
    assert_eq!(exec.result().await?, "a␀b: a␀b");
    Ok(())
}

async fn a_stuck_run_may_say_nul(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(panics::Input {}).await?;
    until(async || Ok(exec.describe().await?.stuck.is_some())).await?;
    let why = exec.describe().await?.stuck.unwrap_or_default();
    assert!(why.ends_with(": a␀b"), "{why}");
    Ok(())
}

async fn reasons_may_have_a_nul(env: Env) -> Result<()> {
    let ended = env.engine.start(run::Input { how: "nul".into() }).await?;
    ended.terminate("a\0b").await?;
    let error = ended.result().await.unwrap_err();
    assert_eq!(error.message(), "the run was terminated: a␀b");
    ended.history().await?;

    let cancelled = env.engine.start(listens::Input {}).await?;
    cancelled.cancel().reason("a\0b").await?;
    let _worker = env.serve(registry())?;
    until(async || Ok(cancelled.describe().await?.status != Status::Running)).await?;
    let result = cancelled.result().await;
    assert_eq!(result.unwrap_err().message(), "the run was cancelled: a␀b");
    Ok(())
}

async fn ids_with_a_nul_are_refused_by_their_call(env: Env) -> Result<()> {
    let start = env.engine.start(run::Input { how: "nul".into() }).id("a\0b").await;
    let gone: Execution = env.engine.execution("a\0b");
    let refused = [
        start.map(drop),
        gone.describe().await.map(drop),
        gone.result().await.map(drop),
        gone.signal("go", &1).await,
        gone.cancel().await,
        gone.terminate("enough").await,
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
        assert!(error.message().contains("workflow id contains a NUL character"), "{error}");
    }
    Ok(())
}

async fn signals_that_nobody_can_send_are_an_error_of_the_call(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    for name in ["", &"x".repeat(256)] {
        let exec = env.engine.start(waits::Input { name: name.to_owned() }).await?;
        let refused = exec.result().await?;
        let sent = exec.signal(name, &1).await.unwrap_err();
        assert_eq!(refused, sent.message(), "both sides say the same");
    }
    Ok(())
}
