//! Child workflows: called like activities, runs of their own.

use flows::prelude::*;

use crate::harness::{Env, Serving, until};
use crate::world::World;

on_every_store! {
    a_childs_output_reaches_its_parent,
    a_childs_error_reaches_its_parent,
    children_run_side_by_side_and_keep_their_order,
    children_have_children,
    cancellation_of_the_parent_reaches_the_child,
    a_terminated_child_is_an_error,
    a_parent_of_a_cancelled_child_has_failed,
    a_child_outlives_the_worker_of_its_parent,
    a_child_that_loses_is_cancelled,
    a_child_that_is_abandoned_goes_on,
    a_child_that_nobody_awaited_is_cancelled_with_its_parent,
    a_child_is_cancelled_when_its_parent_reaches_its_limit,
    a_child_that_goes_on_as_another_run_is_cancelled_there,
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
async fn hurries(ctx: &WorkflowContext, how: String) -> Result<String> {
    let child = waits(ctx);
    let child = if how == "abandon" { child.abandon_on_drop() } else { child };
    flows::select! {
        value = child => return value,
        value = ctx.signal::<()>("hurry") => value?,
    }
    if how == "go on" {
        ctx.signal::<()>("end").await?;
    }
    Ok("hurried".to_owned())
}

#[workflow]
async fn leaves(ctx: &WorkflowContext) -> Result<()> {
    let _waits = waits(ctx).start();
    ctx.sleep(Duration::from_millis(1)).await
}

/// Waits as the third run of its kind.
#[workflow]
async fn relay(ctx: &WorkflowContext, number: u32) -> Result<String> {
    run_up(ctx, number).await?;
    if number < 3 {
        return ctx.continue_as_new(relay::Input { number: number + 1 });
    }
    ctx.signal("go").await
}

#[activity]
async fn run_up(ctx: &ActivityContext, number: u32) -> Result<()> {
    ctx.state::<World>()?.note(format!("run up {number}"));
    Ok(())
}

#[workflow]
async fn relays(ctx: &WorkflowContext) -> Result<String> {
    flows::select! {
        value = relay(ctx, 1) => value,
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
        leaves,
        relay,
        relays,
        run_up,
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

async fn cancellation_of_the_parent_reaches_the_child(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(careful::Input {}).await?;
    let child = only(&env, "waits").await?;
    exec.cancel().await?;
    exec.signal("undo", &"undone").await?;
    assert_eq!(exec.result().await?, "undone");

    assert_cancelled(&child, "its parent was cancelled: cancelled by request").await
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
    let exec = env.engine.start(hurries::Input { how: String::new() }).await?;
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

/// The child has ended because it was asked to, and says why.
async fn assert_cancelled<W: Workflow>(child: &Execution<W>, why: &str) -> Result<()> {
    let error = child.result().await.err().expect("it was cancelled");
    assert_eq!(error.message(), format!("the run was cancelled: {why}"));
    assert_eq!(child.describe().await?.status, Status::Cancelled);
    Ok(())
}

const LEFT: &str = "its parent does not wait for it any more";

async fn a_child_that_loses_is_cancelled(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(hurries::Input { how: "go on".into() }).await?;
    let child = only(&env, "waits").await?;
    exec.signal("hurry", &()).await?;
    assert_cancelled(&child, LEFT).await?;
    assert_eq!(exec.describe().await?.status, Status::Running, "and its parent goes on");
    exec.signal("end", &()).await?;
    assert_eq!(exec.result().await?, "hurried");
    let kinds: Vec<_> = exec.history().await?.iter().map(|event| event.kind).collect();
    let asked = ["run_started", "child_started", "signal_received", "child_cancel_requested"];
    assert_eq!(kinds[..4], asked, "{kinds:?}");
    assert!(!kinds.contains(&"child_closed"), "nobody waits for its end: {kinds:?}");
    Ok(())
}

async fn a_child_that_nobody_awaited_is_cancelled_with_its_parent(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(leaves::Input {}).await?;
    exec.result().await?;
    assert_cancelled(&only(&env, "waits").await?, LEFT).await
}

async fn a_child_is_cancelled_when_its_parent_reaches_its_limit(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let limit = Duration::from_millis(300);
    let exec = env.engine.start(careful::Input {}).timeout(limit).await?;
    let child = only(&env, "waits").await?;
    assert!(exec.result().await.unwrap_err().is_timeout());
    assert_cancelled(&child, LEFT).await
}

async fn a_child_that_goes_on_as_another_run_is_cancelled_there(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(relays::Input {}).await?;
    until(async || Ok(env.world.notes().len() == 3)).await?;
    exec.signal("hurry", &()).await?;
    exec.result().await?;
    let runs = env.engine.list().workflow("relay").await?;
    assert_eq!(runs.len(), 3);
    let last = runs.iter().max_by_key(|run| run.run_id).expect("three");
    let last = env.engine.execution::<relay::Workflow>(last.run_id.to_string());
    assert_cancelled(&last, LEFT).await
}

async fn a_child_that_is_abandoned_goes_on(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(hurries::Input { how: "abandon".into() }).await?;
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
