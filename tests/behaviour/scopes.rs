//! Scopes that are cancelled by themselves, and calls that wait for their cancellation, or ignore it.

use flows::prelude::*;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    a_scope_is_cancelled_by_itself,
    a_scope_is_cancelled_with_its_run,
    what_begins_in_a_cancelled_scope_is_refused,
    a_scope_does_not_reach_through_a_shield,
    scopes_are_nested,
    a_child_in_a_scope_is_told_why,
    clean_up_in_a_scope_survives_its_worker,
    a_call_may_wait_for_its_cancellation,
    a_call_that_waits_takes_a_result_that_comes_all_the_same,
    a_call_that_waits_and_has_no_attempt_ends_at_once,
    a_call_that_waits_does_not_wait_for_a_dead_worker,
    a_child_may_be_waited_for,
    an_abandoned_activity_goes_on,
}

#[activity]
async fn works(ctx: &ActivityContext, name: String) -> Result<String> {
    let world = ctx.state::<World>()?;
    world.note(format!("{name} works"));
    tokio::select! {
        () = ctx.cancelled() => {
            world.note(format!("{name} is told to stop"));
            if name == "stubborn" {
                return Ok("done all the same".into());
            }
            Err(Error::retryable(format!("{name} has cleaned up")))
        }
        () = world.pass("finish") => Ok(format!("{name} finished")),
    }
}

#[activity(retry(initial_interval = "1h"))]
async fn fails(ctx: &ActivityContext) -> Result<String> {
    ctx.state::<World>()?.note(format!("attempt {}", ctx.attempt()));
    Err(Error::retryable("no"))
}

#[activity]
async fn cleans(ctx: &ActivityContext, name: String) -> Result<()> {
    let world = ctx.state::<World>()?;
    world.note(format!("cleans {name}"));
    world.pass("clean").await;
    world.note(format!("cleaned {name}"));
    Ok(())
}

fn told(ended: Result<String>) -> String {
    ended.unwrap_or_else(|error| {
        let kind = if error.is_cancelled() { "cancelled" } else { "failed" };
        format!("{kind}: {}", error.message())
    })
}

/// The end of a part, which has errors as its workflow has.
fn ok<T>(value: T) -> Result<T> {
    Ok(value)
}

/// One activity in a scope that a signal cancels, and one beside it.
#[workflow]
async fn half(ctx: &WorkflowContext) -> Result<(String, String, String)> {
    let scope = ctx.scope();
    let inside = scope.run(async { ok(told(works(ctx, "inside".into()).await)) });
    let beside = async { ok(told(works(ctx, "beside".into()).await)) };
    let stops = async {
        let why: String = ctx.signal("stop").await?;
        scope.cancel(why);
        scope.cancel("once more");
        ok(scope.cancelled().unwrap_or_default())
    };
    flows::try_join!(inside, beside, stops)
}

#[workflow]
async fn late(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let scope = ctx.scope();
    scope.cancel("before it began");
    let inside = async {
        let first = told(works(ctx, "late".into()).await);
        let second = told(ctx.sleep(Duration::from_secs(3600)).await.map(|()| "slept".into()));
        ctx.cancelled().await;
        ok(vec![first, second])
    };
    let told = scope.run(inside).await;
    ctx.sleep(Duration::from_millis(1)).await?; // the run itself is not cancelled
    told
}

#[workflow]
async fn shields(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let (outer, inner) = (ctx.scope(), ctx.scope());
    let work = outer.run(async {
        let shielded = ctx.shield(ctx.signal::<String>("go")).await;
        let in_scope = ctx.shield(inner.run(ctx.signal::<String>("never"))).await;
        let outside = ctx.signal::<String>("never").await;
        ok([shielded, in_scope, outside].map(told).to_vec())
    });
    let stops = async {
        let () = ctx.shield(ctx.signal("stop")).await?;
        outer.cancel("outer");
        let () = ctx.shield(ctx.signal("stop")).await?;
        inner.cancel("inner");
        ok(())
    };
    Ok(flows::try_join!(work, stops)?.0)
}

#[workflow]
async fn nested(ctx: &WorkflowContext) -> Result<Vec<String>> {
    let (outer, inner) = (ctx.scope(), ctx.scope());
    let work = outer.run(async {
        let deep = inner.run(async { ok(told(ctx.signal("never").await)) });
        let flat = async { ok(told(ctx.signal("never").await)) };
        let (deep, flat): (String, String) = flows::try_join!(deep, flat)?;
        ok(vec![deep, flat])
    });
    let stops = async {
        let () = ctx.signal("stop").await?;
        inner.cancel("inner");
        let () = ctx.signal("stop").await?;
        outer.cancel("outer");
        ok(())
    };
    Ok(flows::try_join!(work, stops)?.0)
}

#[workflow]
async fn waits(ctx: &WorkflowContext) -> Result<String> {
    match ctx.signal::<String>("go").await {
        Err(error) if error.is_cancelled() => {
            ctx.shield(cleans(ctx, "child".into())).await?;
            Err(error)
        }
        other => other,
    }
}

#[workflow]
async fn has_child(ctx: &WorkflowContext, how: String) -> Result<String> {
    let scope = ctx.scope();
    let on_cancel = if how == "wait" { CancellationType::Wait } else { CancellationType::Try };
    let child = scope.run(waits(ctx).id("child").cancellation(on_cancel));
    let stops = async {
        let why: String = ctx.signal("stop").await?;
        scope.cancel(why);
        ok(())
    };
    let child = async { ok(told(child.await)) };
    Ok(flows::try_join!(child, stops)?.0)
}

#[workflow]
async fn tidies(ctx: &WorkflowContext) -> Result<String> {
    let scope = ctx.scope();
    let work = scope.run(async {
        let ended = told(ctx.signal("never").await);
        ctx.shield(async {
            cleans(ctx, "first".into()).await?;
            cleans(ctx, "second".into()).await
        })
        .await?;
        ok(ended)
    });
    let stops = async {
        let () = ctx.signal("stop").await?;
        scope.cancel("enough");
        ok(())
    };
    Ok(flows::try_join!(work, stops)?.0)
}

#[workflow]
async fn patient(ctx: &WorkflowContext, name: String) -> Result<String> {
    let wait = CancellationType::Wait;
    let ended = match &*name {
        "fails" => fails(ctx).cancellation(wait).await,
        name => works(ctx, name.to_owned()).cancellation(wait).await,
    };
    Ok(told(ended))
}

#[workflow]
async fn careless(ctx: &WorkflowContext) -> Result<String> {
    let ended = works(ctx, "abandoned".into()).cancellation(CancellationType::Abandon).await;
    ctx.shield(ctx.signal::<()>("end")).await?;
    Ok(told(ended))
}

fn registry() -> Registry {
    register_all![
        works, fails, cleans, half, late, shields, nested, waits, has_child, tidies, patient,
        careless
    ]
}

async fn a_scope_is_cancelled_by_itself(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(half::Input {}).await?;
    env.world.noted("inside works", 1).await;
    env.world.noted("beside works", 1).await;
    exec.signal("stop", &"too slow").await?;
    env.world.noted("inside is told to stop", 1).await;
    env.world.open("finish");
    let (inside, beside, why) = exec.result().await?;
    assert_eq!(inside, "cancelled: the scope was cancelled: too slow");
    assert_eq!((&*beside, &*why), ("beside finished", "too slow"));
    assert_eq!(exec.describe().await?.status, Status::Completed);
    Ok(())
}

async fn a_scope_is_cancelled_with_its_run(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(half::Input {}).await?;
    env.world.noted("inside works", 1).await;
    exec.cancel().reason("the customer left").await?;
    let error = exec.result().await.unwrap_err();
    assert_eq!(error.message(), "the run was cancelled: the customer left");
    Ok(())
}

async fn what_begins_in_a_cancelled_scope_is_refused(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let told = env.engine.start(late::Input {}).await?.result().await?;
    assert_eq!(told, vec!["cancelled: the scope was cancelled: before it began"; 2]);
    assert!(env.world.notes().is_empty());
    Ok(())
}

async fn a_scope_does_not_reach_through_a_shield(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(shields::Input {}).await?;
    exec.signal("stop", &()).await?;
    exec.signal("go", &"went").await?;
    exec.signal("stop", &()).await?;
    let outer = "cancelled: the scope was cancelled: outer";
    assert_eq!(exec.result().await?, ["went", "cancelled: the scope was cancelled: inner", outer]);
    Ok(())
}

async fn scopes_are_nested(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).resident_for(Duration::ZERO).build()?);
    let exec = env.engine.start(nested::Input {}).await?;
    exec.signal("stop", &()).await?;
    until(async || Ok(events(&exec, "signal_received").await?.len() == 1)).await?;
    exec.signal("stop", &()).await?;
    let each = ["inner", "outer"].map(|it| format!("cancelled: the scope was cancelled: {it}"));
    assert_eq!(exec.result().await?, each);
    Ok(())
}

async fn a_child_in_a_scope_is_told_why(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    env.world.open("clean");
    let exec = env.engine.start(has_child::Input { how: "try".into() }).await?;
    let child: Execution = env.engine.execution("child");
    until(async || Ok(child.describe().await.is_ok())).await?;
    exec.signal("stop", &"too slow").await?;
    assert_eq!(exec.result().await?, "cancelled: the scope was cancelled: too slow");
    let why = "the run was cancelled: its scope in its parent was cancelled: too slow";
    assert_eq!(child.result().await.unwrap_err().message(), why);
    assert_eq!(child.describe().await?.error.expect("an error").message(), why);
    Ok(())
}

async fn clean_up_in_a_scope_survives_its_worker(env: Env) -> Result<()> {
    let worker = env.serve(registry())?;
    let exec = env.engine.start(tidies::Input {}).await?;
    exec.signal("stop", &()).await?;
    env.world.noted("cleans first", 1).await;
    worker.die().await;
    env.world.open("clean");
    let _worker = Serving::begin(env.worker(registry()).resident_for(Duration::ZERO).build()?);
    assert_eq!(exec.result().await?, "cancelled: the scope was cancelled: enough");
    let (first, second) = (env.world.count("cleaned first"), env.world.count("cleaned second"));
    assert!(
        first >= 1 && second == 1,
        "the first was under way when its worker died: {first}, {second}"
    );
    Ok(())
}

async fn begun(env: &Env, name: &str) -> Result<Execution<patient::Workflow>> {
    let exec = env.engine.start(patient::Input { name: name.to_owned() }).await?;
    let note = if name == "fails" { "attempt 1".to_owned() } else { format!("{name} works") };
    env.world.noted(&note, 1).await;
    Ok(exec)
}

async fn a_call_may_wait_for_its_cancellation(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = begun(&env, "patient").await?;
    exec.cancel().reason("enough").await?;
    assert_eq!(exec.result().await?, "failed: patient has cleaned up", "and is not tried again");
    assert_eq!(env.world.count("patient works"), 1);
    Ok(())
}

async fn a_call_that_waits_takes_a_result_that_comes_all_the_same(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = begun(&env, "stubborn").await?;
    exec.cancel().await?;
    assert_eq!(exec.result().await?, "done all the same");
    Ok(())
}

async fn a_call_that_waits_and_has_no_attempt_ends_at_once(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).resident_for(Duration::ZERO).build()?);
    let exec = begun(&env, "fails").await?;
    until(async || Ok(events(&exec, "activity_attempt_failed").await?.len() == 1)).await?;
    exec.cancel().await?;
    assert_eq!(exec.result().await?, "cancelled: the activity was cancelled");
    assert_eq!(env.world.notes(), ["attempt 1"]);
    Ok(())
}

async fn a_call_that_waits_does_not_wait_for_a_dead_worker(env: Env) -> Result<()> {
    let worker = env.serve(registry())?;
    let exec = begun(&env, "lost").await?;
    worker.die().await;
    exec.cancel().await?;
    let _worker = env.serve(registry())?;
    let ended = exec.result().await?;
    assert!(
        ["cancelled: the activity was cancelled", "failed: lost has cleaned up"].contains(&&*ended),
        "it is told, or never begun again: {ended}"
    );
    Ok(())
}

async fn a_child_may_be_waited_for(env: Env) -> Result<()> {
    let _worker = Serving::begin(env.worker(registry()).resident_for(Duration::ZERO).build()?);
    let exec = env.engine.start(has_child::Input { how: "wait".into() }).await?;
    let child: Execution = env.engine.execution("child");
    until(async || Ok(child.describe().await.is_ok())).await?;
    exec.signal("stop", &"too slow").await?;
    env.world.noted("cleans child", 1).await;
    assert_eq!(exec.describe().await?.status, Status::Running, "it waits for the clean-up");
    env.world.open("clean");
    let why = "its scope in its parent was cancelled: too slow";
    assert_eq!(exec.result().await?, format!("cancelled: the run was cancelled: {why}"));
    assert_eq!(events(&exec, "child_closed").await?.len(), 1);
    assert_eq!(events(&exec, "child_cancel_sent").await?.len(), 1);
    Ok(())
}

async fn an_abandoned_activity_goes_on(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(careless::Input {}).await?;
    env.world.noted("abandoned works", 1).await;
    exec.cancel().reason("enough").await?;
    until(async || Ok(!events(&exec, "cancel_requested").await?.is_empty())).await?;
    env.world.open("finish");
    exec.signal("end", &()).await?;
    assert_eq!(exec.result().await?, "cancelled: the run was cancelled: enough");
    assert_eq!(env.world.count("abandoned is told to stop"), 0);
    Ok(())
}
