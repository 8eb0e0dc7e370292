//! Queries: what a workflow has published, read without any worker.

use std::collections::BTreeMap;

use flows::ErrorKind;
use flows::prelude::*;
use flows::testing::crash_everywhere;
use serde::{Deserialize, Serialize};

use crate::harness::{Env, until};
use crate::world::World;

on_every_store! {
    a_value_is_read_while_the_run_waits,
    values_are_read_without_a_worker_and_after_the_end,
    a_value_that_cannot_be_published_is_an_error_of_the_call,
    a_query_of_nobody_or_of_another_type_says_so,
    a_run_that_goes_on_as_a_new_one_begins_without_values,
    a_run_that_left_memory_publishes_what_changes,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Stage {
    Charging,
    Waiting { left: u32 },
    Done(f64),
}

#[activity]
async fn charge(ctx: &ActivityContext) -> Result<u32> {
    let world = ctx.state::<World>()?;
    world.note("charging");
    world.pass("charge").await;
    Ok(1)
}

#[workflow]
async fn staged(ctx: &WorkflowContext, signals: u32) -> Result<u32> {
    ctx.set_query("stage", &Stage::Charging)?;
    let mut sum = charge(ctx).await?;
    for left in (0..signals).rev() {
        ctx.set_query("stage", &Stage::Waiting { left })?;
        ctx.set_query("sum", &sum)?;
        sum += ctx.signal::<u32>("more").await?;
    }
    ctx.set_query("stage", &Stage::Done(f64::from(sum) / 3.0))?;
    Ok(sum)
}

#[workflow]
async fn again(ctx: &WorkflowContext, round: u32) -> Result<u32> {
    if round == 0 {
        ctx.set_query("round", &round)?;
        return ctx.continue_as_new(again::Input { round: 1 });
    }
    let () = ctx.signal("end").await?;
    Ok(round)
}

#[workflow]
async fn refused(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let deep = (0..200).fold(serde_json::Value::Null, |inner, _| serde_json::json!([inner]));
    let errors = [
        ctx.set_query("", &1),
        ctx.set_query("a\0b", &1),
        ctx.set_query(&"n".repeat(256), &1),
        ctx.set_query("large", &"x".repeat(300 << 10)),
        ctx.set_query("number", &f64::NAN),
        ctx.set_query("deep", &deep),
    ];
    let said = errors.map(|error| error.map_or_else(|error| error.to_string(), |()| "ok".into()));
    ctx.set_query(
        "named",
        &BTreeMap::from([("b", 1), ("a", 2)]).into_keys().collect::<Vec<_>>().join(","),
    )?;
    Ok(said.to_vec())
}

fn registry() -> Registry {
    register_all![staged, again, refused, charge]
}

type Staged = Execution<staged::Workflow>;

async fn until_stage(exec: &Staged, stage: Stage) -> Result<()> {
    until(async || Ok(exec.query::<Stage>("stage").await?.as_ref() == Some(&stage))).await
}

async fn a_value_is_read_while_the_run_waits(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(staged::Input { signals: 2 }).await?;
    env.world.noted("charging", 1).await;
    until_stage(&exec, Stage::Charging).await?; // the run commits nothing while it charges
    env.world.open("charge");
    until_stage(&exec, Stage::Waiting { left: 1 }).await?;
    exec.signal("more", &1_u32).await?;
    until_stage(&exec, Stage::Waiting { left: 0 }).await?;
    exec.signal("more", &2_u32).await?;
    assert_eq!(exec.result().await?, 4);
    assert_eq!(exec.query("stage").await?, Some(Stage::Done(4.0 / 3.0)));
    assert_eq!(exec.query("sum").await?, Some(2_u32));
    assert_eq!(exec.query::<u32>("unheard of").await?, None);
    Ok(())
}

async fn values_are_read_without_a_worker_and_after_the_end(env: Env) -> Result<()> {
    env.world.open("charge");
    let worker = env.serve(registry())?;
    let exec = env.engine.start(staged::Input { signals: 1 }).id("order-1").await?;
    until_stage(&exec, Stage::Waiting { left: 0 }).await?;
    worker.stop().await?;
    let by_id = env.engine.execution::<staged::Workflow>("order-1");
    assert_eq!(by_id.query("sum").await?, Some(1_u32));
    exec.terminate("no more").await?;
    assert_eq!(by_id.query("stage").await?, Some(Stage::Waiting { left: 0 }));
    Ok(())
}

async fn a_value_that_cannot_be_published_is_an_error_of_the_call(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(refused::Input {}).await?;
    let said = exec.result().await?;
    let expected = ["is empty", "NUL", "256 bytes", "307202 bytes", "NaN", "nested"];
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert_eq!(exec.query("named").await?, Some("a,b".to_owned()));
    Ok(())
}

async fn a_query_of_nobody_or_of_another_type_says_so(env: Env) -> Result<()> {
    env.world.open("charge");
    let _worker = env.serve(registry())?;
    let nobody = env.engine.execution::<staged::Workflow>("nobody");
    let error = nobody.query::<Stage>("stage").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let exec = env.engine.start(staged::Input { signals: 0 }).await?;
    exec.result().await?;
    let error = exec.query::<u64>("stage").await.unwrap_err();
    assert!(error.message().contains("published value of `stage`"), "{error}");
    Ok(())
}

async fn a_run_that_goes_on_as_a_new_one_begins_without_values(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(again::Input { round: 0 }).id("again").await?;
    let newest = env.engine.execution::<again::Workflow>("again");
    until(async || Ok(newest.describe().await?.run_id != exec.run_id())).await?;
    assert_eq!(newest.query::<u32>("round").await?, None);
    assert_eq!(exec.query("round").await?, Some(0_u32), "the run that has gone on");
    newest.signal("end", &()).await?;
    assert_eq!(exec.result().await?, 1);
    Ok(())
}

async fn a_run_that_left_memory_publishes_what_changes(env: Env) -> Result<()> {
    env.world.open("charge");
    let worker = env.worker(registry()).resident_for(Duration::ZERO).build()?;
    let _worker = crate::harness::Serving::begin(worker);
    let exec = env.engine.start(staged::Input { signals: 3 }).await?;
    for left in [2, 1, 0] {
        until_stage(&exec, Stage::Waiting { left }).await?;
        exec.signal("more", &1_u32).await?;
    }
    assert_eq!(exec.result().await?, 4);
    assert_eq!(exec.query("stage").await?, Some(Stage::Done(4.0 / 3.0)));
    Ok(())
}

#[tokio::test]
async fn publishing_replays() -> Result<()> {
    let sum = crash_everywhere(staged::Input { signals: 2 })
        .registry(registry())
        .signal("more", &1_u32)
        .signal("more", &1_u32)
        .mock_value(charge::Activity, 1)
        .await?;
    assert_eq!(sum, 3);
    Ok(())
}
