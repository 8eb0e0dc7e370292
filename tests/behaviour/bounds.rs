//! Workflows that never wait: stopped, visible with the place, and nobody else's concern.

use flows::prelude::*;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    a_cancelled_run_that_ignores_its_errors_is_stopped,
    ten_thousand_activities_may_start_in_one_turn,
}

#[activity]
async fn count(ctx: &ActivityContext, number: u64) -> Result<u64> {
    ctx.state::<World>()?.note("counted");
    Ok(number)
}

const IGNORES: u32 = line!() + 5;
#[workflow]
async fn ignores(ctx: &WorkflowContext) -> Result<u64> {
    count(ctx, 1).await?;
    loop {
        let _ = ctx.sleep(Duration::from_secs(3_600)).await;
    }
}

#[workflow]
async fn other(ctx: &WorkflowContext, number: u64) -> Result<u64> {
    count(ctx, number).await
}

#[workflow]
async fn many(ctx: &WorkflowContext, times: u64) -> Result<u64> {
    let all = flows::try_join_all((0..times).map(|number| count(ctx, number))).await?;
    Ok(all.into_iter().sum())
}

async fn a_cancelled_run_that_ignores_its_errors_is_stopped(env: Env) -> Result<()> {
    let _worker = env.serve(register_all![ignores, other, count])?;
    let exec = env.engine.start(ignores::Input {}).await?;
    until(async || {
        Ok(exec.describe().await?.waiting_for.is_some_and(|what| what.contains("timer")))
    })
    .await?;
    exec.cancel().await?;
    until(async || Ok(exec.describe().await?.stuck.is_some())).await?;
    let why = exec.describe().await?.stuck.unwrap_or_default();
    assert!(why.contains(&format!("timer, called at {}:{}", file!(), IGNORES)), "{why}");
    assert_eq!(events(&exec, "activity_completed").await?.len(), 1);
    assert_eq!(env.engine.start(other::Input { number: 7 }).await?.result().await?, 7);
    exec.terminate("enough").await?;
    assert_eq!(exec.result().await.unwrap_err().kind(), ErrorKind::Terminated);
    Ok(())
}

async fn ten_thousand_activities_may_start_in_one_turn(env: Env) -> Result<()> {
    // A lease that no busy machine lets lapse: each activity is counted once.
    let worker = env.worker(register_all![many, count]).lease(Duration::from_secs(60)).build()?;
    let _worker = Serving::begin(worker);
    let exec = env.engine.start(many::Input { times: 10_000 }).await?;
    assert_eq!(exec.result().await?, 49_995_000);
    assert_eq!(env.world.count("counted"), 10_000);
    Ok(())
}
