//! Runs that ended in failure are listed, and started again with their lineage.

use flows::prelude::*;

use crate::harness::Env;
use crate::world::World;

on_every_store! {
    a_failed_run_is_listed_and_rerun_with_its_lineage,
    a_dead_letter_is_rerun_once,
    a_rerun_that_fails_is_a_dead_letter_again,
    only_failures_are_dead_letters,
    the_list_is_newest_first_and_limited,
}

/// Fails for as long as the ledger has no note that it is mended.
#[activity(retry(max_attempts = 2, initial_interval = "5ms"))]
async fn fragile(ctx: &ActivityContext, number: u32) -> Result<u32> {
    let world = ctx.state::<World>()?;
    world.note(format!("attempt {}", ctx.attempt()));
    if world.count("mended") == 0 { Err(Error::retryable("broken")) } else { Ok(number) }
}

#[workflow]
async fn job(ctx: &WorkflowContext, number: u32) -> Result<u32> {
    fragile(ctx, number).await
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<()> {
    ctx.signal("go").await
}

fn registry() -> Registry {
    register_all![job, waits, fragile]
}

async fn failed(env: &Env, number: u32) -> Result<Execution<job::Workflow>> {
    let exec = env.engine.start(job::Input { number }).id(format!("job-{number}")).await?;
    assert_eq!(exec.result().await.unwrap_err().message(), "broken");
    Ok(exec)
}

async fn a_failed_run_is_listed_and_rerun_with_its_lineage(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = failed(&env, 7).await?;
    assert_eq!(env.world.notes(), ["attempt 1", "attempt 2"]);

    let dead = env.engine.dead_letters().list().await?;
    let [letter] = &dead[..] else { panic!("one dead letter: {dead:?}") };
    assert_eq!((&*letter.workflow_id, letter.run_id), ("job-7", exec.run_id()));
    assert_eq!((&*letter.workflow, letter.version, letter.attempt), ("job", 1, 1));
    assert_eq!(letter.error.as_ref().map(Error::message), Some("broken"));

    env.world.note("mended");
    let again = env.engine.rerun(letter).await?;
    assert_eq!(again.typed::<job::Workflow>().result().await?, 7, "it has the same input");
    assert!(env.engine.dead_letters().list().await?.is_empty());

    let newest = env.engine.execution::<job::Workflow>("job-7").describe().await?;
    assert_eq!(newest.predecessor, Some(exec.run_id()));
    let old = exec.describe().await?;
    assert_eq!((old.status, old.successor), (Status::Failed, Some(newest.run_id)));
    assert_eq!(exec.result().await?, 7, "who awaits the old run gets the rerun's result");
    Ok(())
}

async fn a_dead_letter_is_rerun_once(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = failed(&env, 1).await?;
    env.world.note("mended");
    env.engine.rerun(exec.run_id()).await?;
    let twice = env.engine.rerun(exec.run_id()).await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::NotFound, "{twice}");
    assert!(twice.message().contains("is no dead letter of this tenant"), "{twice}");
    Ok(())
}

async fn a_rerun_that_fails_is_a_dead_letter_again(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = failed(&env, 1).await?;
    let again = env.engine.rerun(exec.run_id()).await?;
    assert_eq!(again.result().await.unwrap_err().message(), "broken");
    let dead = env.engine.dead_letters().list().await?;
    assert_eq!(dead.iter().map(|letter| letter.run_id).collect::<Vec<_>>(), [again.run_id()]);
    Ok(())
}

async fn only_failures_are_dead_letters(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    env.world.note("mended");
    env.engine.start(job::Input { number: 1 }).await?.result().await?;
    let cancelled = env.engine.start(waits::Input {}).await?;
    cancelled.cancel().await?;
    cancelled.result().await.unwrap_err();
    let terminated = env.engine.start(waits::Input {}).await?;
    terminated.terminate("enough").await?;
    assert!(env.engine.dead_letters().list().await?.is_empty());

    for run in [cancelled.run_id(), terminated.run_id()] {
        let refused = env.engine.rerun(run).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
    }
    Ok(())
}

async fn the_list_is_newest_first_and_limited(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    for number in 1..=3 {
        failed(&env, number).await?;
    }
    let dead = env.engine.dead_letters().limit(2).list().await?;
    let ids: Vec<_> = dead.iter().map(|letter| &*letter.workflow_id).collect();
    assert_eq!(ids, ["job-3", "job-2"]);
    let refused = env.engine.dead_letters().limit(0).list().await.unwrap_err();
    assert_eq!(refused.message(), "a list's limit is 0; allowed are 1 to 10000");
    Ok(())
}
