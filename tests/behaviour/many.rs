//! Many things at once: in parallel, in sequence, one against the other.

use flows::prelude::*;

use crate::harness::{Env, events};
use crate::world::World;

on_every_store! {
    a_hundred_activities_in_parallel_give_their_results_in_order,
    identical_activities_in_sequence_keep_their_order,
    a_first_result_cancels_the_rest,
    an_error_in_parallel_cancels_the_rest,
    a_call_that_was_started_early_is_awaited_late,
    a_hundred_runs_at_once,
}

#[activity]
async fn square(number: u64) -> Result<u64> {
    if number.is_multiple_of(3) {
        tokio::task::yield_now().await;
    }
    Ok(number * number)
}

/// Counts its invocations, whatever it is given.
#[activity]
async fn draw(ctx: &ActivityContext) -> Result<usize> {
    let world = ctx.state::<World>()?;
    world.note("drawn");
    Ok(world.count("drawn"))
}

#[activity]
async fn runner(ctx: &ActivityContext, name: String) -> Result<String> {
    let world = ctx.state::<World>()?;
    world.note(format!("{name} runs"));
    tokio::select! {
        () = world.pass(&name) => Ok(name),
        () = ctx.cancelled() => {
            world.note(format!("{name} is stopped"));
            Err(Error::terminal("stopped"))
        }
    }
}

#[workflow]
async fn squares(ctx: &WorkflowContext, upto: u64) -> Result<Vec<u64>> {
    flows::try_join_all((0..upto).map(|number| square(ctx, number))).await
}

#[workflow]
async fn draws(ctx: &WorkflowContext, times: u32) -> Result<Vec<usize>> {
    let mut drawn = Vec::new();
    for _ in 0..times {
        drawn.push(draw(ctx).await?);
    }
    Ok(drawn)
}

#[workflow]
async fn race(ctx: &WorkflowContext) -> Result<String> {
    let winner = flows::select! {
        name = runner(ctx, "hare".into()) => name?,
        name = runner(ctx, "tortoise".into()) => name?,
    };
    ctx.signal::<()>("applause").await?;
    Ok(winner)
}

#[workflow]
async fn relay(ctx: &WorkflowContext) -> Result<(String, String)> {
    let failed = flows::try_join!(runner(ctx, "hare".into()), async {
        ctx.signal::<()>("rain").await?;
        Err::<(), _>(Error::terminal("rain"))
    });
    let early = runner(ctx, "tortoise".into()).start();
    let why = failed.unwrap_err().to_string();
    ctx.signal::<()>("sun").await?;
    Ok((why, early.await?))
}

fn registry() -> Registry {
    register_all![squares, draws, race, relay, square, draw, runner]
}

async fn a_hundred_activities_in_parallel_give_their_results_in_order(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(squares::Input { upto: 100 }).await?;
    assert_eq!(exec.result().await?, (0..100).map(|n| n * n).collect::<Vec<u64>>());
    assert_eq!(events(&exec, "activity_completed").await?.len(), 100);
    Ok(())
}

async fn identical_activities_in_sequence_keep_their_order(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(draws::Input { times: 25 }).await?;
    assert_eq!(exec.result().await?, (1..=25).collect::<Vec<_>>());
    Ok(())
}

async fn a_first_result_cancels_the_rest(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(race::Input {}).await?;
    env.world.noted("hare runs", 1).await;
    env.world.noted("tortoise runs", 1).await;
    env.world.open("tortoise");
    env.world.noted("hare is stopped", 1).await;
    exec.signal("applause", &()).await?;
    assert_eq!(exec.result().await?, "tortoise");
    let history = exec.history().await?;
    let named = history.iter().filter_map(|event| event.operation).collect::<Vec<_>>();
    assert_eq!(named, [1], "what lost is not recorded");
    Ok(())
}

async fn an_error_in_parallel_cancels_the_rest(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(relay::Input {}).await?;
    env.world.noted("hare runs", 1).await;
    exec.signal("rain", &()).await?;
    env.world.noted("hare is stopped", 1).await;
    env.world.open("tortoise");
    exec.signal("sun", &()).await?;
    assert_eq!(exec.result().await?, ("rain".into(), "tortoise".into()));
    Ok(())
}

async fn a_call_that_was_started_early_is_awaited_late(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(relay::Input {}).await?;
    exec.signal("rain", &()).await?;
    env.world.noted("tortoise runs", 1).await; // though nobody awaits it yet
    env.world.open("tortoise");
    exec.signal("sun", &()).await?;
    assert_eq!(exec.result().await?.1, "tortoise");
    Ok(())
}

async fn a_hundred_runs_at_once(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let mut execs = Vec::new();
    for upto in 0..100 {
        execs.push(env.engine.start(squares::Input { upto: upto % 7 }).await?);
    }
    for (upto, exec) in (0..100).zip(&execs) {
        assert_eq!(exec.result().await?.len(), upto % 7);
    }
    Ok(())
}
