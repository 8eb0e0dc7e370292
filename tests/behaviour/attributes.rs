//! Search attributes: given at the start, set by the workflow, and asked for by lists.

use std::time::SystemTime;

use flows::prelude::*;
use flows::testing::crash_everywhere;
use flows::{AttributeValue, ErrorKind};

use crate::harness::{Env, until};
use crate::world::World;

on_every_store! {
    lists_find_runs_by_what_their_starts_gave,
    a_workflow_sets_attributes_while_it_waits,
    attributes_go_on_with_runs_that_take_over,
    what_is_too_large_or_too_many_is_refused,
    a_run_that_left_memory_sets_what_changes,
}

#[activity]
async fn charge(ctx: &ActivityContext) -> Result<u32> {
    let world = ctx.state::<World>()?;
    world.note("charging");
    world.pass("charge").await;
    Ok(1)
}

#[workflow]
async fn order(ctx: &WorkflowContext, signals: u32) -> Result<u32> {
    ctx.set_attribute("stage", "charging")?;
    let mut sum = charge(ctx).await?;
    for left in (0..signals).rev() {
        ctx.set_attribute("stage", "waiting")?;
        ctx.set_attribute("left", left)?;
        sum += ctx.signal::<u32>("more").await?;
    }
    ctx.set_attribute("stage", "done")?;
    ctx.set_attribute("paid", true)?;
    Ok(sum)
}

#[workflow]
async fn rounds(ctx: &WorkflowContext, round: u32) -> Result<u32> {
    if round == 0 {
        ctx.set_attribute("round", "first")?;
        return ctx.continue_as_new(rounds::Input { round: 1 });
    }
    let () = ctx.signal("end").await?;
    Err(Error::terminal("it never works"))
}

#[workflow]
async fn refused(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let errors = [
        ctx.set_attribute("", 1),
        ctx.set_attribute("a\0b", 1),
        ctx.set_attribute("text", "a\0b"),
        ctx.set_attribute("text", "x".repeat(1_001)),
    ];
    let many = (0..40).map(|n| ctx.set_attribute(&format!("attribute {n}"), n));
    let many = many.filter_map(Result::err).map(|error| error.to_string()).collect::<Vec<_>>();
    ctx.set_attribute("attribute 0", "again")?;
    let said = errors.map(|error| error.map_or_else(|error| error.to_string(), |()| "ok".into()));
    Ok(said.into_iter().chain([many.len().to_string(), many[0].clone()]).collect())
}

fn registry() -> Registry {
    register_all![order, rounds, refused, charge]
}

async fn ids(list: impl IntoFuture<Output = Result<Vec<Description>>>) -> Result<Vec<String>> {
    Ok(list.await?.into_iter().map(|run| run.workflow_id).collect())
}

async fn lists_find_runs_by_what_their_starts_gave(env: Env) -> Result<()> {
    let due = SystemTime::now();
    let acme = &env.engine;
    let start = |id: &str| acme.start(order::Input { signals: 0 }).id(id);
    start("a").attribute("customer", "c-7").attribute("cents", 100).await?;
    start("b").attribute("customer", "c-7").attribute("cents", 250).attribute("vip", true).await?;
    let many = [start("c").attribute("customer", "c-8"), start("d").attribute("due", due)];
    for started in acme.start_many(many).await? {
        started?;
    }
    acme.signal_with_start(order::Input { signals: 1 }, "more", &1_u32)
        .id("e")
        .attribute("customer", "c-9")
        .await?;
    let found = acme.execution::<order::Workflow>("b").describe().await?.attributes;
    let given = [("cents", 250.into()), ("customer", "c-7".into()), ("vip", true.into())];
    assert_eq!(found, given.map(|(name, value)| (name.to_owned(), value)).into());
    assert_eq!(ids(acme.list().attribute("customer", "c-7")).await?, ["b", "a"]);
    assert_eq!(ids(acme.list().attribute("customer", 7)).await?, [""; 0], "of another type");
    assert_eq!(ids(acme.list().attribute_in("customer", ["c-9", "c-8"])).await?, ["e", "c"]);
    assert_eq!(ids(acme.list().attribute_range("cents", 100..250)).await?, ["a"]);
    assert_eq!(ids(acme.list().attribute_range("cents", 101..)).await?, ["b"]);
    assert_eq!(ids(acme.list().attribute_range("due", ..=due)).await?, ["d"]);
    assert_eq!(ids(acme.list().attribute_range::<bool>("vip", ..)).await?, ["b"]);
    let both = acme.list().attribute("customer", "c-7").attribute_range("cents", ..200);
    assert_eq!(ids(both).await?, ["a"]);
    assert_eq!(acme.list().attribute("customer", "c-7").count().await?, 2);
    let all = ids(acme.list()).await?;
    assert_eq!(all.len(), 5);
    Ok(())
}

async fn a_workflow_sets_attributes_while_it_waits(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(order::Input { signals: 1 }).attribute("stage", "new").await?;
    let is_at = async |stage: &str| {
        let found = env.engine.list().workflow("order").attribute("stage", stage).await?;
        Ok(found.iter().any(|run| run.run_id == exec.run_id()))
    };
    env.world.noted("charging", 1).await;
    until(async || is_at("charging").await).await?; // the run commits nothing while it charges
    env.world.open("charge");
    until(async || is_at("waiting").await).await?;
    assert!(!is_at("charging").await?);
    exec.signal("more", &1_u32).await?;
    exec.result().await?;
    assert!(is_at("done").await?);
    let found = exec.describe().await?.attributes;
    let expected: [(&str, AttributeValue); 3] =
        [("left", 0.into()), ("paid", true.into()), ("stage", "done".into())];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)).into());
    let done = env.engine.list().attribute("stage", "done").status(Status::Completed);
    assert_eq!(done.await?[0].attributes, found);
    Ok(())
}

async fn attributes_go_on_with_runs_that_take_over(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let input = rounds::Input { round: 0 };
    let exec = env.engine.start(input).id("r").attribute("customer", "c-7").await?;
    let newest = env.engine.execution::<rounds::Workflow>("r");
    until(async || Ok(newest.describe().await?.run_id != exec.run_id())).await?;
    newest.signal("end", &()).await?;
    exec.result().await.unwrap_err();
    let failed = newest.describe().await?;
    assert_eq!(failed.attributes["customer"], "c-7".into());
    assert_eq!(failed.attributes["round"], "first".into());
    let again = env.engine.rerun(failed.run_id).await?.describe().await?;
    assert_eq!(again.attributes, failed.attributes);
    let forked = env.engine.fork(failed.run_id, 1).id("forked").await?.describe().await?;
    assert_eq!(forked.attributes, failed.attributes);
    let reset = env.engine.reset(forked.run_id, 1).await?.describe().await?;
    assert_eq!(reset.attributes, failed.attributes);
    let found = env.engine.list().attribute("customer", "c-7").await?;
    assert_eq!(found.len(), 5, "{found:?}");
    let failed = env.engine.list().attribute("customer", "c-7").status(Status::Failed).await?;
    assert_eq!(failed.len(), 1);
    Ok(())
}

async fn what_is_too_large_or_too_many_is_refused(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(refused::Input {}).await?;
    let said = exec.result().await?;
    let expected = ["is empty", "NUL", "NUL", "1001 bytes", "8", "33 attributes"];
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let found = exec.describe().await?.attributes;
    assert_eq!((found.len(), &found["attribute 0"]), (32, &"again".into()));
    let start = || env.engine.start(refused::Input {});
    let many = (0..33).fold(start(), |start, n| start.attribute(format!("attribute {n}"), n));
    for (start, expected) in [
        (many, "33 attributes"),
        (start().attribute("n".repeat(256), 1), "256 bytes"),
        (start().attribute("text", "x".repeat(1_001)), "1001 bytes"),
    ] {
        let error = start.await.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains(expected), "{error}");
    }
    let error = env.engine.list().attribute_in("n", 0..33).await.unwrap_err();
    assert!(error.message().contains("33 values"), "{error}");
    Ok(())
}

async fn a_run_that_left_memory_sets_what_changes(env: Env) -> Result<()> {
    env.world.open("charge");
    let worker = env.worker(registry()).resident_for(Duration::ZERO).build()?;
    let _worker = crate::harness::Serving::begin(worker);
    let exec = env.engine.start(order::Input { signals: 3 }).attribute("customer", "c-7").await?;
    for left in [2, 1, 0] {
        let waits = || env.engine.list().attribute("left", left).attribute("customer", "c-7");
        until(async || Ok(waits().count().await? == 1)).await?;
        exec.signal("more", &1_u32).await?;
    }
    assert_eq!(exec.result().await?, 4);
    assert_eq!(exec.describe().await?.attributes["stage"], "done".into());
    Ok(())
}

#[tokio::test]
async fn setting_attributes_replays() -> Result<()> {
    let sum = crash_everywhere(order::Input { signals: 2 })
        .registry(registry())
        .signal("more", &1_u32)
        .signal("more", &1_u32)
        .mock_value(charge::Activity, 1)
        .await?;
    assert_eq!(sum, 3);
    Ok(())
}
