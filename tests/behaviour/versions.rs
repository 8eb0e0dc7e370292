//! Builds that know different versions, and changes within a version: open runs stay on theirs.

use flows::prelude::*;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    a_build_serves_what_it_knows_and_leaves_the_rest_alone,
    an_open_run_stays_on_its_version,
    a_version_that_nobody_knows_waits_and_says_so,
    a_child_has_a_version_of_its_own,
    a_run_goes_on_as_one_of_a_newer_version,
    a_patch_is_for_runs_that_have_not_come_there,
    a_patch_is_retired,
    a_patch_that_is_retired_too_early_stops_the_run,
}

#[activity]
async fn pay(ctx: &ActivityContext, gate: String) -> Result<String> {
    let world = ctx.state::<World>()?;
    world.note(format!("at {gate}"));
    world.pass(&gate).await;
    Ok(format!("paid {gate}"))
}

#[activity]
async fn tax(ctx: &ActivityContext, what: String) -> Result<String> {
    ctx.state::<World>()?.note("tax");
    Ok(format!("{what} with tax"))
}

#[workflow(name = "bill")]
async fn bill_v1(ctx: &WorkflowContext, gate: String) -> Result<String> {
    let paid = pay(ctx, gate).await?;
    ctx.signal::<()>("seen").await?;
    Ok(format!("v1: {paid}"))
}

#[workflow(name = "bill", version = 2)]
async fn bill_v2(ctx: &WorkflowContext, gate: String) -> Result<String> {
    Ok(format!("v2: {}", pay(ctx, gate).await?))
}

#[workflow(name = "bill", version = 3)]
async fn bill_v3(ctx: &WorkflowContext, gate: String) -> Result<String> {
    Ok(format!("v3: {}", pay(ctx, gate).await?))
}

/// A parent that asks for the newer version.
#[workflow]
async fn household(ctx: &WorkflowContext) -> Result<String> {
    bill_v2(ctx, "child".into()).await
}

#[workflow(name = "meter")]
async fn meter_v1(ctx: &WorkflowContext, total: u64) -> Result<u64> {
    ctx.continue_as_new(meter_v2::Input { total: total + 1, rounds: 2 })
}

#[workflow(name = "meter", version = 2)]
async fn meter_v2(ctx: &WorkflowContext, total: u64, rounds: u64) -> Result<u64> {
    if rounds == 0 {
        return Ok(total);
    }
    ctx.continue_as_new(meter_v2::Input { total: total + 10, rounds: rounds - 1 })
}

fn old_build() -> Registry {
    register_all![bill_v1, household, meter_v1, pay]
}

fn new_build() -> Registry {
    register_all![bill_v1, bill_v2, household, meter_v1, meter_v2, pay]
}

impl Env {
    fn named(&self, name: &str, registry: Registry) -> Result<Serving> {
        Ok(Serving::begin(self.worker(registry).name(name).build()?))
    }
}

async fn waits_for<W: Workflow>(exec: &Execution<W>, what: &str) -> Result<()> {
    until(async || Ok(exec.describe().await?.waiting_for.as_deref() == Some(what))).await
}

const UNSERVED: &str =
    "a worker: none that is alive serves workflow `bill` version 2 on queue `default`";

async fn a_build_serves_what_it_knows_and_leaves_the_rest_alone(env: Env) -> Result<()> {
    let _old = env.named("old", old_build())?;
    let new = env.engine.start(bill_v2::Input { gate: "a".into() }).await?;
    let old = env.engine.start(bill_v1::Input { gate: "b".into() }).await?;
    env.world.open("b");
    old.signal("seen", &()).await?;
    assert_eq!(old.result().await?, "v1: paid b", "it serves its own beside what it cannot");
    waits_for(&new, UNSERVED).await?;

    let _new = env.named("new", new_build())?;
    env.world.noted("at a", 1).await;
    waits_for(&new, "worker new, which runs it").await?;
    for gate in ["c", "d", "e", "f"] {
        env.engine.start(bill_v2::Input { gate: gate.into() }).id(gate).await?;
        env.world.noted(&format!("at {gate}"), 1).await;
        let exec = env.engine.execution::<bill_v2::Workflow>(gate);
        waits_for(&exec, "worker new, which runs it").await?;
    }
    env.world.open("a");
    assert_eq!(new.result().await?, "v2: paid a");
    Ok(())
}

async fn an_open_run_stays_on_its_version(env: Env) -> Result<()> {
    let old = env.named("old", old_build())?;
    let exec = env.engine.start(bill_v1::Input { gate: "a".into() }).await?;
    env.world.open("a");
    until(async || Ok(!events(&exec, "activity_completed").await?.is_empty())).await?;
    old.stop().await?;

    let _new = env.named("new", new_build())?;
    exec.signal("seen", &()).await?;
    assert_eq!(exec.result().await?, "v1: paid a");
    assert_eq!(exec.describe().await?.version, 1);
    assert_eq!(env.world.count("at a"), 1);
    Ok(())
}

async fn a_version_that_nobody_knows_waits_and_says_so(env: Env) -> Result<()> {
    let _workers = (env.named("old", old_build())?, env.named("new", new_build())?);
    let exec = env.engine.start(bill_v3::Input { gate: "a".into() }).await?;
    let known = env.engine.start(bill_v2::Input { gate: "a".into() }).await?;
    env.world.open("a");
    assert_eq!(known.result().await?, "v2: paid a", "others go on");
    let info = exec.describe().await?;
    let text = "a worker: none that is alive serves workflow `bill` version 3 on queue `default`";
    assert_eq!((info.waiting_for.as_deref(), info.stuck), (Some(text), None));
    assert_eq!((info.version, info.status), (3, Status::Running));

    let _newest = env.named("newest", register_all![bill_v3, pay])?;
    assert_eq!(exec.result().await?, "v3: paid a");
    Ok(())
}

async fn a_child_has_a_version_of_its_own(env: Env) -> Result<()> {
    let _old = env.named("old", old_build())?;
    let parent = env.engine.start(household::Input {}).id("home").await?;
    until(async || Ok(!events(&parent, "child_started").await?.is_empty())).await?;
    let children = env.engine.list().workflow("bill").version(2).await?;
    let child = env.engine.execution::<bill_v2::Workflow>(children[0].run_id.to_string());
    waits_for(&child, UNSERVED).await?;
    assert_eq!(children[0].parent, Some(parent.run_id()));

    let _new = env.named("new", register_all![bill_v2, pay])?;
    env.world.open("child");
    assert_eq!(parent.result().await?, "v2: paid child");
    Ok(())
}

async fn a_run_goes_on_as_one_of_a_newer_version(env: Env) -> Result<()> {
    let _old = env.named("old", old_build())?;
    let exec = env.engine.start(meter_v1::Input { total: 0 }).id("m").await?;
    let newest = env.engine.execution::<meter_v2::Workflow>("m");
    let text = "a worker: none that is alive serves workflow `meter` version 2 on queue `default`";
    waits_for(&newest, text).await?;

    let _new = env.named("new", new_build())?;
    assert_eq!(exec.result().await?, 21);
    let versions = env.engine.list().workflow("meter").await?;
    let versions: Vec<_> = versions.iter().map(|run| run.version).collect();
    assert_eq!(versions, [2, 2, 2, 1], "newest first");
    Ok(())
}

/// One version, in three builds.
mod before {
    use super::*;

    #[workflow]
    pub(super) async fn invoice(ctx: &WorkflowContext, gate: String) -> Result<String> {
        ctx.signal::<()>("go").await?;
        let paid = pay(ctx, gate).await?;
        ctx.signal::<()>("sent").await?;
        Ok(paid)
    }
}

mod patched {
    use super::*;

    #[workflow]
    pub(super) async fn invoice(ctx: &WorkflowContext, gate: String) -> Result<String> {
        ctx.signal::<()>("go").await?;
        let gate = if ctx.patched("tax") { tax(ctx, gate).await? } else { gate };
        let paid = pay(ctx, gate).await?;
        ctx.signal::<()>("sent").await?;
        Ok(paid)
    }
}

mod retired {
    use super::*;

    #[workflow]
    pub(super) async fn invoice(ctx: &WorkflowContext, gate: String) -> Result<String> {
        ctx.signal::<()>("go").await?;
        let gate = tax(ctx, gate).await?;
        let paid = pay(ctx, gate).await?;
        ctx.signal::<()>("sent").await?;
        Ok(paid)
    }
}

async fn a_patch_is_for_runs_that_have_not_come_there(env: Env) -> Result<()> {
    let old = env.serve(register_all![before::invoice, pay])?;
    let past = env.engine.start(before::invoice::Input { gate: "a".into() }).await?;
    let short_of = env.engine.start(before::invoice::Input { gate: "b".into() }).await?;
    past.signal("go", &()).await?;
    env.world.noted("at a", 1).await;
    old.stop().await?;

    let _new = env.serve(register_all![patched::invoice, pay, tax])?;
    short_of.signal("go", &()).await?;
    env.world.open("a");
    env.world.open("b with tax");
    past.signal("sent", &()).await?;
    short_of.signal("sent", &()).await?;
    assert_eq!(past.result().await?, "paid a");
    assert_eq!(short_of.result().await?, "paid b with tax");
    assert!(events(&past, "patched").await?.is_empty());
    let marks = events(&short_of, "patched").await?;
    let marks: Vec<_> = marks.iter().map(|mark| mark.name.as_deref()).collect();
    assert_eq!(marks, [Some("tax")]);
    Ok(())
}

async fn a_patch_is_retired(env: Env) -> Result<()> {
    let new = env.serve(register_all![patched::invoice, pay, tax])?;
    let exec = env.engine.start(patched::invoice::Input { gate: "a".into() }).await?;
    exec.signal("go", &()).await?;
    env.world.noted("at a with tax", 1).await;
    new.stop().await?;

    let _newest = env.serve(register_all![retired::invoice, pay, tax])?;
    env.world.open("a with tax");
    exec.signal("sent", &()).await?;
    assert_eq!(exec.result().await?, "paid a with tax");
    assert_eq!(env.world.count("tax"), 1);
    Ok(())
}

async fn a_patch_that_is_retired_too_early_stops_the_run(env: Env) -> Result<()> {
    let old = env.serve(register_all![before::invoice, pay])?;
    let exec = env.engine.start(before::invoice::Input { gate: "a".into() }).await?;
    exec.signal("go", &()).await?;
    env.world.open("a");
    until(async || Ok(!events(&exec, "activity_completed").await?.is_empty())).await?;
    old.stop().await?;

    let newest = env.serve(register_all![retired::invoice, pay, tax])?;
    exec.signal("sent", &()).await?;
    until(async || Ok(exec.describe().await?.stuck.is_some())).await?;
    let why = exec.describe().await?.stuck.unwrap_or_default();
    assert!(why.contains("journal: activity `pay` (#1) completed"), "{why}");
    assert!(why.contains("code:    activity `tax` (#1), called at tests/behaviour/"), "{why}");
    assert!(why.contains("as the `else` of an `if ctx.patched(\"…\")`"), "{why}");
    newest.stop().await?;

    let _new = env.serve(register_all![patched::invoice, pay, tax])?;
    assert_eq!(exec.result().await?, "paid a");
    assert_eq!(env.world.count("tax"), 0);
    Ok(())
}
