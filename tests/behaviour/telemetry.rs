//! What workers say about themselves and their runs, with stable names; see `docs/src/telemetry.md`.

use flows::prelude::*;

use crate::harness::Env;
use crate::logs::{Line, Logs};
use crate::world::World;

on_every_store! {
    workers_and_runs_say_how_they_get_on,
    a_worker_says_that_it_takes_over,
}

#[activity(retry(max_attempts = 2, initial_interval = "1ms"))]
async fn charge(cents: u64) -> Result<u64> {
    match cents {
        0 => Err(Error::terminal("nothing to charge")),
        _ => Err(Error::retryable("busy")),
    }
}

#[workflow(version = 3)]
async fn order(ctx: &WorkflowContext, cents: u64) -> Result<u64> {
    match cents {
        7 => Ok(7),
        _ => charge(ctx, cents).await,
    }
}

#[activity]
async fn pass(ctx: &ActivityContext) -> Result<()> {
    let world = ctx.state::<World>()?;
    world.note("waits");
    world.pass("gate").await;
    Ok(())
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<()> {
    pass(ctx).await
}

/// A line with those of its fields that are the same in each test.
fn shown(line: &Line) -> String {
    let field = |name: &&str| Some(format!(" {name}={}", line.fields.get(*name)?));
    let names = [
        "workflow", "version", "queue", "queues", "status", "activity", "attempt", "error", "runs",
    ];
    let fields: String = names.iter().filter_map(field).collect();
    let again = if line.fields.contains_key("next_attempt") { ", and again" } else { "" };
    format!("{} {}:{fields}{again}\n", line.level, line.fields["message"])
}

fn said(logs: &Logs, field: &str) -> String {
    logs.with(field).iter().map(shown).collect()
}

async fn workers_and_runs_say_how_they_get_on(env: Env) -> Result<()> {
    let (logs, _kept) = Logs::keep();
    let worker = env.serve(register_all![order, charge])?;
    for cents in [7, 0, 5] {
        let exec = env.engine.start(order::Input { cents }).await?;
        assert_eq!(exec.result().await.is_ok(), cents == 7);
    }
    worker.stop().await?;
    expect_test::expect![[r#"
        INFO run started: workflow="order" version=3 queue="default"
        INFO run completed: workflow="order" version=3 queue="default" status=completed
        INFO run started: workflow="order" version=3 queue="default"
        WARN attempt failed: workflow="order" queue="default" activity="charge" attempt=1 error=nothing to charge
        INFO run failed: workflow="order" version=3 queue="default" status=failed error="nothing to charge"
        INFO run started: workflow="order" version=3 queue="default"
        WARN attempt failed: workflow="order" queue="default" activity="charge" attempt=1 error=busy, and again
        WARN attempt failed: workflow="order" queue="default" activity="charge" attempt=2 error=busy
        INFO run failed: workflow="order" version=3 queue="default" status=failed error="busy"
    "#]].assert_eq(&said(&logs, "tenant"));
    expect_test::expect![[r#"
        INFO worker started: queues="default"
        INFO worker stopped:
    "#]]
    .assert_eq(&said(&logs, "worker_id"));
    Ok(())
}

async fn a_worker_says_that_it_takes_over(env: Env) -> Result<()> {
    let first = env.serve(register_all![waits, pass])?;
    let exec = env.engine.start(waits::Input {}).await?;
    env.world.noted("waits", 1).await;
    first.die().await;
    env.world.open("gate");
    let (logs, _kept) = Logs::keep();
    let _second = env.serve(register_all![waits, pass])?;
    exec.result().await?;
    expect_test::expect![[r#"
        INFO worker took over runs of a lost worker: runs=1
    "#]]
    .assert_eq(&said(&logs, "runs"));
    Ok(())
}
