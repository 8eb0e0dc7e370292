//! Options of children, and what a parent does with one that has started.

use flows::prelude::*;

use crate::harness::{Env, Serving, events};
use crate::world::World;

on_every_store! {
    a_child_is_found_by_its_id,
    an_id_that_another_run_has_is_an_error_of_the_call,
    a_child_of_another_parent_keeps_its_id,
    a_parent_that_is_parked_learns_that_the_id_is_taken,
    an_id_is_given_again_as_the_policy_says,
    an_id_is_one_tenants,
    a_policy_that_no_child_can_have_is_an_error,
    a_child_is_signalled_in_order,
    a_signal_to_a_child_is_sent_once_though_its_parent_is_replayed,
    a_signal_follows_a_child_to_where_it_goes_on,
    a_child_is_cancelled_with_a_reason,
    a_child_that_has_ended_cannot_be_cancelled_any_more,
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<String> {
    ctx.signal("go").await
}

#[workflow]
async fn calls(ctx: &WorkflowContext, id: String, policy: String) -> Result<String> {
    let policy = match &*policy {
        "failed" => ConflictPolicy::AllowIfFailed,
        "closed" => ConflictPolicy::AllowIfClosed,
        "use" => ConflictPolicy::UseExisting,
        _ => ConflictPolicy::Reject,
    };
    match waits(ctx).id(id).on_conflict(policy).await {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            ctx.sleep(Duration::from_millis(1)).await?;
            Ok(error.message().to_owned())
        }
        other => other,
    }
}

/// Gives the first of what it is signalled, as often as it is told.
#[workflow]
async fn gathers(ctx: &WorkflowContext, count: u32) -> Result<Vec<u32>> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(ctx.signal("number").await?);
    }
    Ok(all)
}

#[workflow]
async fn feeds(ctx: &WorkflowContext, count: u32) -> Result<Vec<u32>> {
    let child = gathers(ctx, count).id("gathers").start();
    for number in 0..count {
        child.signal("number", &number)?;
        ctx.signal::<()>("next").await?;
    }
    child.await
}

#[workflow]
async fn relays(ctx: &WorkflowContext, round: u32) -> Result<u32> {
    if round < 2 {
        return ctx.continue_as_new(relays::Input { round: round + 1 });
    }
    arrives(ctx).await?;
    ctx.signal("number").await
}

#[activity]
async fn arrives(ctx: &ActivityContext) -> Result<()> {
    ctx.state::<World>()?.note("arrives");
    Ok(())
}

#[workflow]
async fn follows(ctx: &WorkflowContext) -> Result<u32> {
    let child = relays(ctx, 0).start();
    ctx.signal::<()>("next").await?;
    child.signal("number", &42)?;
    child.await
}

#[workflow]
async fn stops(ctx: &WorkflowContext) -> Result<(String, String)> {
    let child = waits(ctx).id("child").start();
    let ids = (child.id(), child.run_id().to_string());
    ctx.signal::<()>("next").await?;
    child.cancel("too slow");
    match child.await {
        Ok(value) => Ok((value, ids.1)),
        Err(error) => Ok((error.message().to_owned(), ids.1)),
    }
}

fn registry() -> Registry {
    register_all![waits, calls, gathers, feeds, relays, arrives, follows, stops]
}

fn calling(id: &str, policy: &str) -> calls::Input {
    calls::Input { id: id.to_owned(), policy: policy.to_owned() }
}

const TAKEN: &str = "a run of workflow id `child` exists, so the child was not started; use another id, or say what \
                     to do with `.on_conflict(..)`";

async fn a_child_is_found_by_its_id(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(calling("child", "")).await?;
    let child = env.engine.execution::<waits::Workflow>("child");
    crate::harness::until(async || Ok(child.describe().await.is_ok())).await?;
    child.signal("go", &"went").await?;
    assert_eq!(exec.result().await?, "went");
    assert_eq!(child.describe().await?.parent, Some(exec.run_id()));
    Ok(())
}

async fn an_id_that_another_run_has_is_an_error_of_the_call(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let other = env.engine.start(waits::Input {}).id("child").await?;
    let exec = env.engine.start(calling("child", "closed")).await?;
    assert_eq!(exec.result().await?, TAKEN, "and its parent goes on");
    other.signal("go", &"went").await?;
    assert_eq!(other.result().await?, "went", "the other run is as it was");
    let again = env.engine.start(calling("child", "")).await?;
    assert_eq!(again.result().await?, TAKEN, "an id is kept as long as its run");
    Ok(())
}

async fn a_child_of_another_parent_keeps_its_id(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let first = env.engine.start(calling("child", "")).await?;
    let child = env.engine.execution::<waits::Workflow>("child");
    crate::harness::until(async || Ok(child.describe().await.is_ok())).await?;
    let second = env.engine.start(calling("child", "")).await?;
    assert_eq!(second.result().await?, TAKEN);
    child.signal("go", &"went").await?;
    assert_eq!(first.result().await?, "went");
    Ok(())
}

async fn a_parent_that_is_parked_learns_that_the_id_is_taken(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).resident_for(Duration::ZERO).build()?);
    env.engine.start(waits::Input {}).id("child").await?;
    let parents = (0..5).map(|_| env.engine.start(calling("child", "")));
    for parent in parents.collect::<Vec<_>>() {
        assert_eq!(parent.await?.result().await?, TAKEN);
    }
    Ok(())
}

async fn an_id_is_given_again_as_the_policy_says(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let other = env.engine.start(waits::Input {}).id("child").await?;
    other.signal("go", &"went").await?;
    other.result().await?;
    let refused = env.engine.start(calling("child", "failed")).await?;
    assert_eq!(refused.result().await?, TAKEN, "the other run has not failed");
    let exec = env.engine.start(calling("child", "closed")).await?;
    let child = env.engine.execution::<waits::Workflow>("child");
    crate::harness::until(async || Ok(child.describe().await?.parent.is_some())).await?;
    child.terminate("enough").await?;
    exec.result().await.expect_err("it was terminated");
    let exec = env.engine.start(calling("child", "failed")).await?;
    crate::harness::until(async || Ok(child.describe().await?.parent == Some(exec.run_id())))
        .await?;
    child.signal("go", &"again").await?;
    assert_eq!(exec.result().await?, "again");
    Ok(())
}

async fn an_id_is_one_tenants(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    env.engine.start(waits::Input {}).id("child").await?;
    let tenant = env.engine.tenant(uuid::Uuid::from_u128(7));
    let exec = tenant.start(calling("child", "")).await?;
    let child = tenant.execution::<waits::Workflow>("child");
    crate::harness::until(async || Ok(child.describe().await.is_ok())).await?;
    child.signal("go", &"went").await?;
    assert_eq!(exec.result().await?, "went");
    Ok(())
}

async fn a_policy_that_no_child_can_have_is_an_error(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let error = env.engine.start(calling("child", "use")).await?.result().await.unwrap_err();
    let text = "child workflow `waits`: the conflict policy `UseExisting` is not for children: take `Reject`, \
                `AllowIfFailed` or `AllowIfClosed`";
    assert_eq!(error.message(), text);
    let error = env.engine.start(calling("", "")).await?.result().await.unwrap_err();
    assert!(error.message().contains("id of a child of workflow `waits` is empty"), "{error}");
    Ok(())
}

async fn a_child_is_signalled_in_order(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(feeds::Input { count: 5 }).await?;
    for _ in 0..5 {
        exec.signal("next", &()).await?;
    }
    assert_eq!(exec.result().await?, [0, 1, 2, 3, 4]);
    assert_eq!(events(&exec, "child_signal_sent").await?.len(), 5);
    Ok(())
}

async fn a_signal_to_a_child_is_sent_once_though_its_parent_is_replayed(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).resident_for(Duration::ZERO).build()?);
    let exec = env.engine.start(feeds::Input { count: 3 }).await?;
    let child = env.engine.execution::<gathers::Workflow>("gathers");
    for received in 1..=3 {
        crate::harness::until(async || {
            let described = child.describe().await;
            Ok(described.is_ok() && events(&child, "signal_received").await?.len() == received)
        })
        .await?;
        exec.signal("next", &()).await?;
    }
    assert_eq!(exec.result().await?, [0, 1, 2]);
    assert_eq!(events(&child, "signal_received").await?.len(), 3);
    assert_eq!(child.describe().await?.unread_signals, 0);
    Ok(())
}

async fn a_signal_follows_a_child_to_where_it_goes_on(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(follows::Input {}).await?;
    env.world.noted("arrives", 1).await;
    exec.signal("next", &()).await?;
    assert_eq!(exec.result().await?, 42);
    Ok(())
}

async fn a_child_is_cancelled_with_a_reason(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(stops::Input {}).await?;
    exec.signal("next", &()).await?;
    let (said, run) = exec.result().await?;
    assert_eq!(said, "the run was cancelled: too slow");
    let child = env.engine.execution::<waits::Workflow>("child").describe().await?;
    assert_eq!((child.run_id.to_string(), child.status), (run, Status::Cancelled));
    assert_eq!(child.error.expect("an error").message(), said);
    let sent = events(&exec, "child_cancel_sent").await?;
    assert_eq!(sent[0].name.as_deref(), Some("too slow"));
    assert!(
        events(&exec, "child_cancel_requested").await?.is_empty(),
        "its handle was not dropped"
    );
    Ok(())
}

async fn a_child_that_has_ended_cannot_be_cancelled_any_more(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(stops::Input {}).await?;
    let child = env.engine.execution::<waits::Workflow>("child");
    crate::harness::until(async || Ok(child.describe().await.is_ok())).await?;
    child.signal("go", &"went").await?;
    child.result().await?;
    exec.signal("next", &()).await?;
    assert_eq!(exec.result().await?.0, "went", "what it came to is not lost");
    Ok(())
}
