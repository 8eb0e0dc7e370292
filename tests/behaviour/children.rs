//! Child workflows: called like activities, runs of their own.

use flows::prelude::*;

use crate::harness::{Env, Serving, until};
use crate::world::World;

on_every_store! {
    a_childs_output_reaches_its_parent,
    a_childs_error_reaches_its_parent,
    children_run_side_by_side_and_keep_their_order,
    children_have_children,
    cancellation_of_the_parent_ends_the_waiting_and_not_the_child,
    a_terminated_child_is_an_error,
    a_parent_of_a_cancelled_child_has_failed,
    a_child_outlives_the_worker_of_its_parent,
    a_child_that_nobody_waits_for_goes_on,
    a_child_runs_on_another_queue,
    a_child_that_is_retried_gives_its_last_result,
}

#[activity]
async fn bake(ctx: &ActivityContext, layers: u32) -> Result<u32> {
    let world = ctx.state::<World>()?;
    world.note(format!("bake {layers}"));
    if layers > 90 {
        world.pass("oven").await;
    }
    if layers == 0 { Err(Error::terminal_with("no layers")) } else { Ok(layers * 10) }
}

#[workflow]
async fn cake(ctx: &WorkflowContext, layers: u32) -> Result<u32> {
    bake(ctx, layers).await
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<String> {
    ctx.signal("go").await
}

#[workflow]
async fn party(ctx: &WorkflowContext, cakes: Vec<u32>) -> Result<Vec<u32>> {
    flows::try_join_all(cakes.into_iter().map(|layers| cake(ctx, layers))).await
}

/// As many levels of children as its number says.
#[workflow]
async fn tower(ctx: &WorkflowContext, levels: u32) -> Result<u32> {
    if levels == 0 { Ok(0) } else { Ok(tower(ctx, levels - 1).await? + 1) }
}

#[workflow]
async fn careful(ctx: &WorkflowContext) -> Result<String> {
    match waits(ctx).await {
        Ok(value) => Ok(value),
        Err(error) if error.is_cancelled() => ctx.shield(ctx.signal("undo")).await,
        Err(error) => Ok(format!("{:?}: {error}", error.kind())),
    }
}

#[workflow]
async fn hurries(ctx: &WorkflowContext) -> Result<String> {
    flows::select! {
        value = waits(ctx) => value,
        value = ctx.signal::<()>("hurry") => value.map(|()| "hurried".to_owned()),
    }
}

#[workflow]
async fn elsewhere(ctx: &WorkflowContext) -> Result<u32> {
    cake(ctx, 3).queue("ovens").await
}

#[workflow(retry(max_attempts = 3, initial_interval = "5ms"))]
async fn third_time_lucky(ctx: &WorkflowContext) -> Result<u32> {
    let attempt = ctx.attempt();
    if attempt < 3 { Err(Error::retryable("unlucky")) } else { Ok(attempt) }
}

#[workflow]
async fn gambles(ctx: &WorkflowContext) -> Result<u32> {
    third_time_lucky(ctx).await
}

fn registry() -> Registry {
    register_all![
        party,
        cake,
        waits,
        tower,
        careful,
        hurries,
        elsewhere,
        gambles,
        third_time_lucky,
        bake
    ]
}

fn input(cakes: &[u32]) -> party::Input {
    party::Input { cakes: cakes.to_vec() }
}

/// The only run of a workflow.
async fn only(env: &Env, workflow: &str) -> Result<Execution<waits::Workflow>> {
    until(async || Ok(env.engine.list().workflow(workflow).await?.len() == 1)).await?;
    let run = env.engine.list().workflow(workflow).await?.remove(0).run_id;
    Ok(env.engine.execution(run.to_string()))
}

async fn a_childs_output_reaches_its_parent(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&[4])).id("party").await?;
    assert_eq!(exec.result().await?, [40]);
    let [child] = &env.engine.list().workflow("cake").await?[..] else { panic!("one child") };
    assert_eq!((child.parent, child.status), (Some(exec.run_id()), Status::Completed));
    let kinds: Vec<_> = exec.history().await?.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["run_started", "child_started", "child_closed", "run_completed"]);
    Ok(())
}

async fn a_childs_error_reaches_its_parent(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(input(&[0])).await?;
    let error = exec.result().await.unwrap_err();
    assert_eq!(error.details::<String>().as_deref(), Some("no layers"));
    assert!(error.is_terminal());
    Ok(())
}

async fn children_run_side_by_side_and_keep_their_order(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let cakes: Vec<_> = (1..=20).chain([91]).collect();
    let exec = env.engine.start(input(&cakes)).await?;
    until(async || Ok(env.world.notes().len() == cakes.len())).await?;
    env.world.open("oven");
    let baked: Vec<_> = cakes.iter().map(|layers| layers * 10).collect();
    assert_eq!(exec.result().await?, baked);
    Ok(())
}

async fn children_have_children(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    assert_eq!(env.engine.start(tower::Input { levels: 12 }).await?.result().await?, 12);
    assert_eq!(env.engine.list().workflow("tower").await?.len(), 13);
    Ok(())
}

async fn cancellation_of_the_parent_ends_the_waiting_and_not_the_child(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(careful::Input {}).await?;
    let child = only(&env, "waits").await?;
    exec.cancel().await?;
    exec.signal("undo", &"undone").await?;
    assert_eq!(exec.result().await?, "undone");

    assert_eq!(child.describe().await?.status, Status::Running);
    child.signal("go", &"went").await?;
    assert_eq!(child.result().await?, "went");
    Ok(())
}

async fn a_terminated_child_is_an_error(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(careful::Input {}).await?;
    only(&env, "waits").await?.terminate("enough").await?;
    assert_eq!(exec.result().await?, "Terminated: the run was terminated: enough");
    Ok(())
}

async fn a_parent_of_a_cancelled_child_has_failed(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(hurries::Input {}).await?;
    only(&env, "waits").await?.cancel().await?;
    let error = exec.result().await.unwrap_err();
    assert!(error.is_cancelled(), "{error:?}");
    assert_eq!(exec.describe().await?.status, Status::Failed, "nobody cancelled the parent");
    assert_eq!(env.engine.dead_letters().list().await?.len(), 1);
    Ok(())
}

async fn a_child_outlives_the_worker_of_its_parent(env: Env) -> Result<()> {
    let worker = env.serve(registry())?;
    let exec = env.engine.start(input(&[1, 91])).await?;
    env.world.noted("bake 91", 1).await;
    worker.die().await;
    let _worker = env.serve(registry())?;
    env.world.noted("bake 91", 2).await;
    env.world.open("oven");
    assert_eq!(exec.result().await?, [10, 910]);
    assert_eq!(env.engine.list().workflow("cake").await?.len(), 2, "no child was started twice");
    Ok(())
}

async fn a_child_that_nobody_waits_for_goes_on(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(hurries::Input {}).await?;
    let child = only(&env, "waits").await?;
    exec.signal("hurry", &()).await?;
    assert_eq!(exec.result().await?, "hurried");
    child.signal("go", &"went").await?;
    assert_eq!(child.result().await?, "went", "though its parent has ended");
    Ok(())
}

async fn a_child_runs_on_another_queue(env: Env) -> Result<()> {
    let _here = env.serve(registry())?;
    let exec = env.engine.start(elsewhere::Input {}).await?;
    let child = only(&env, "cake").await?;
    let waiting_for = child.typed::<cake::Workflow>().describe().await?.waiting_for;
    let text = "a worker: none that is alive serves workflow `cake` version 1 on queue `ovens`";
    assert_eq!(waiting_for.as_deref(), Some(text));
    let _there = Serving::begin(env.worker(registry()).queues(["ovens"]).build()?);
    assert_eq!(exec.result().await?, 30);
    Ok(())
}

async fn a_child_that_is_retried_gives_its_last_result(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    assert_eq!(env.engine.start(gambles::Input {}).await?.result().await?, 3);
    Ok(())
}
