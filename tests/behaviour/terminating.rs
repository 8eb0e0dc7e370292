//! Termination: the run ends at once, and its code gets no say.

use flows::prelude::*;

use crate::harness::{Env, Serving, until};
use crate::world::World;

on_every_store! {
    a_terminated_run_ends_at_once,
    its_activities_are_told_to_stop,
    a_run_that_nobody_has_begun_is_terminated,
    a_run_that_left_memory_is_terminated,
    a_run_that_ended_stays_as_it_is,
    its_history_says_why,
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

#[workflow]
async fn job(ctx: &WorkflowContext, waits: bool) -> Result<String> {
    if waits {
        return ctx.signal("go").await;
    }
    ctx.shield(works(ctx)).await?;
    works(ctx).await?;
    Ok("done".into())
}

fn registry() -> Registry {
    register_all![job, works]
}

async fn terminated(exec: &Execution<job::Workflow>) -> Result<()> {
    let error = exec.result().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Terminated);
    assert_eq!(error.message(), "the run was terminated: enough");
    let info = exec.describe().await?;
    assert_eq!((info.status, info.waiting_for), (Status::Terminated, None));
    assert!(info.closed_at.is_some());
    assert_eq!(exec.signal("go", &"late").await.unwrap_err().kind(), ErrorKind::Closed);
    Ok(())
}

async fn a_terminated_run_ends_at_once(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(job::Input { waits: false }).await?;
    env.world.noted("works", 1).await;
    exec.terminate("enough").await?;
    terminated(&exec).await
}

async fn its_activities_are_told_to_stop(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(job::Input { waits: false }).await?;
    env.world.noted("works", 1).await;
    exec.terminate("enough").await?;
    env.world.noted("told to stop", 1).await;
    terminated(&exec).await?;
    assert_eq!(env.world.notes(), ["works", "told to stop"], "the workflow had no say");
    Ok(())
}

async fn a_run_that_nobody_has_begun_is_terminated(env: Env) -> Result<()> {
    let exec = env.engine.start(job::Input { waits: false }).await?;
    exec.terminate("enough").await?;
    let _worker = env.serve(registry())?;
    let other = env.engine.start(job::Input { waits: true }).await?;
    other.signal("go", &"went").await?;
    assert_eq!(other.result().await?, "went");
    terminated(&exec).await?;
    assert!(env.world.notes().is_empty());
    Ok(())
}

async fn a_run_that_left_memory_is_terminated(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).resident_for(Duration::ZERO).build()?);
    let exec = env.engine.start(job::Input { waits: true }).await?;
    until(async || Ok(exec.describe().await?.waiting_for.is_some_and(|w| w.contains("`go`"))))
        .await?;
    let (ended, terminated_it) = tokio::join!(exec.result(), exec.terminate("enough"));
    terminated_it?;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Terminated, "who waits is woken");
    terminated(&exec).await
}

async fn a_run_that_ended_stays_as_it_is(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(job::Input { waits: true }).await?;
    exec.signal("go", &"went").await?;
    exec.result().await?;
    exec.terminate("enough").await?;
    assert_eq!(exec.result().await?, "went");
    assert_eq!(exec.describe().await?.status, Status::Completed);
    let nobody = env.engine.execution::<job::Workflow>("nobody").terminate("enough").await;
    assert_eq!(nobody.unwrap_err().kind(), ErrorKind::NotFound);
    Ok(())
}

async fn its_history_says_why(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(job::Input { waits: false }).await?;
    env.world.noted("works", 1).await;
    exec.terminate("enough").await?;
    let history = exec.history().await?;
    let last = history.last().expect("an event");
    assert_eq!((last.kind, last.name.as_deref()), ("run_terminated", Some("enough")));
    Ok(())
}
