//! What becomes of children that are open when their parent ends, however it ends.

use std::collections::BTreeMap;

use flows::prelude::*;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    each_end_of_a_parent_treats_children_by_their_policies,
    termination_goes_down_the_tree,
    a_terminated_parent_asks_its_children_to_cancel,
    a_parent_that_nobody_holds_tells_its_children,
    a_stuck_child_is_terminated,
    a_child_that_lost_is_cancelled_whatever_its_policy,
    a_child_that_has_ended_stays_as_it_is,
    an_abandoned_child_is_told_nothing,
    a_policy_goes_on_with_a_child_that_goes_on,
    who_replaces_a_child_tells_its_parent,
    the_children_of_a_run_are_one_tenants,
    children_are_listed_by_their_parent,
}

/// Waits, and notes how it is told to stop.
#[workflow]
async fn child(ctx: &WorkflowContext, name: String) -> Result<String> {
    notes(ctx, format!("{name} began")).await?;
    match ctx.signal::<String>("go").await {
        Ok(went) => Ok(went),
        Err(error) => {
            ctx.shield(notes(ctx, format!("{name}: {}", error.message()))).await?;
            Err(error)
        }
    }
}

#[activity]
async fn notes(ctx: &ActivityContext, what: String) -> Result<()> {
    ctx.state::<World>()?.note(what);
    Ok(())
}

const POLICIES: [ClosePolicy; 3] =
    [ClosePolicy::Cancel, ClosePolicy::Terminate, ClosePolicy::Abandon];

#[workflow]
async fn parent(ctx: &WorkflowContext, of: String) -> Result<u32> {
    let children: Vec<_> = POLICIES
        .into_iter()
        .map(|policy| {
            let id = format!("{of} {policy:?}");
            child(ctx, id.clone()).id(id).close_policy(policy).start()
        })
        .collect();
    let how: String = ctx.signal("end").await?;
    let ended = match &*how {
        "completes" => Ok(1),
        "continues" => ctx.continue_as_new(next::Input {}),
        how => Err(Error::terminal(how.to_owned())),
    };
    drop(children);
    ended
}

#[workflow]
async fn next(ctx: &WorkflowContext) -> Result<u32> {
    ctx.signal("end").await
}

#[workflow]
async fn tree(ctx: &WorkflowContext, levels: u32, policy: String) -> Result<String> {
    let name = format!("level {levels}");
    if levels == 0 {
        return child(ctx, name.clone()).id(name).close_policy(close_policy(&policy)).await;
    }
    let below = tree(ctx, levels - 1, policy.clone());
    below.id(name).close_policy(close_policy(&policy)).await
}

fn close_policy(name: &str) -> ClosePolicy {
    let found = POLICIES.into_iter().find(|policy| format!("{policy:?}") == name);
    found.expect("a policy")
}

/// Gets stuck as soon as it begins.
#[workflow]
async fn stuck(ctx: &WorkflowContext) -> Result<()> {
    ctx.sleep(Duration::from_millis(1)).await?;
    panic!("it cannot go on")
}

#[workflow]
async fn has_a_stuck_child(ctx: &WorkflowContext) -> Result<()> {
    stuck(ctx).id("stuck").close_policy(ClosePolicy::Terminate).await
}

#[workflow]
async fn races(ctx: &WorkflowContext) -> Result<String> {
    let [a, b, c] = POLICIES.map(|policy| {
        let id = format!("race {policy:?}");
        child(ctx, id.clone()).id(id).close_policy(policy)
    });
    flows::select! {
        went = a => went,
        went = b => went,
        went = c => went,
        end = ctx.signal::<()>("hurry") => {
            end?;
            ctx.signal("end").await
        }
    }
}

#[workflow]
async fn relays(ctx: &WorkflowContext, round: u32) -> Result<()> {
    if round == 0 {
        return ctx.continue_as_new(relays::Input { round: 1 });
    }
    notes(ctx, "relayed".into()).await?;
    ctx.signal("go").await
}

#[workflow]
async fn has_a_relay(ctx: &WorkflowContext) -> Result<()> {
    relays(ctx, 0).id("relay").close_policy(ClosePolicy::Terminate).await
}

#[workflow]
async fn detaches(ctx: &WorkflowContext, count: u32) -> Result<()> {
    for number in 0..count {
        child(ctx, format!("detached {number}")).id(format!("detached {number}")).detach();
    }
    ctx.signal("end").await
}

fn registry() -> Registry {
    register_all![
        child,
        notes,
        parent,
        next,
        tree,
        stuck,
        has_a_stuck_child,
        races,
        relays,
        has_a_relay,
        detaches
    ]
}

fn run(env: &Env, id: &str) -> Execution {
    env.engine.execution(id)
}

async fn status(env: &Env, id: &str) -> Result<Status> {
    Ok(run(env, id).describe().await?.status)
}

async fn is(env: &Env, id: &str, wanted: Status) -> Result<()> {
    until(async || Ok(status(env, id).await? == wanted)).await
}

/// Ends a parent in some way and checks its three children.
async fn ends(env: &Env, how: &str, reason: &str) -> Result<()> {
    let input = parent::Input { of: how.to_owned() };
    let start = env.engine.start(input).id(how);
    let limit = Duration::from_millis(1500);
    let exec = if how == "times out" { start.timeout(limit).await? } else { start.await? };
    for policy in POLICIES {
        env.world.noted(&format!("{how} {policy:?} began"), 1).await;
    }
    match how {
        "is terminated" => exec.terminate("enough").await?,
        "is cancelled" => exec.cancel().reason("the customer left").await?,
        "times out" => {}
        how => exec.signal("end", &how).await?,
    }
    is(env, &format!("{how} Cancel"), Status::Cancelled).await?;
    is(env, &format!("{how} Terminate"), Status::Terminated).await?;
    let told = run(env, &format!("{how} Cancel")).describe().await?.error.expect("an error");
    assert_eq!(told.message(), format!("the run was cancelled: {reason}"), "{how}");
    env.world.noted(&format!("{how} Cancel: {}", told.message()), 1).await;
    let terminated = run(env, &format!("{how} Terminate"));
    let why = terminated.describe().await?.error.expect("an error");
    assert!(why.message().starts_with("the run was terminated: its parent "), "{how}: {why}");
    let kinds: Vec<_> = terminated.history().await?.iter().map(|event| event.kind).collect();
    assert_eq!(kinds.last(), Some(&"run_terminated"), "{how}: {kinds:?}");
    let abandoned = run(env, &format!("{how} Abandon"));
    assert_eq!(abandoned.describe().await?.status, Status::Running, "{how}");
    abandoned.signal("go", &"went").await?;
    assert_eq!(abandoned.result().await?, "went", "{how}");
    Ok(())
}

async fn each_end_of_a_parent_treats_children_by_their_policies(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let left = "its parent does not wait for it any more";
    let reasons = BTreeMap::from([
        ("completes", left),
        ("fails", left),
        ("continues", left),
        ("is cancelled", "its parent was cancelled: the customer left"),
        ("is terminated", "its parent was terminated: enough"),
        ("times out", left),
    ]);
    for (how, reason) in reasons {
        ends(&env, how, reason).await?;
    }
    let notes = env.world.notes();
    let cleaned = notes.iter().filter(|note| note.contains("Terminate:")).count();
    assert_eq!(cleaned, 0, "who is terminated runs no code: {notes:?}");
    Ok(())
}

async fn grow(env: &Env, policy: ClosePolicy) -> Result<Execution<tree::Workflow>> {
    let input = tree::Input { levels: 2, policy: format!("{policy:?}") };
    let exec = env.engine.start(input).id("root").await?;
    env.world.noted("level 0 began", 1).await;
    Ok(exec)
}

async fn termination_goes_down_the_tree(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    grow(&env, ClosePolicy::Terminate).await?.terminate("enough").await?;
    for level in ["level 2", "level 1", "level 0"] {
        is(&env, level, Status::Terminated).await?;
    }
    assert_eq!(env.world.notes(), ["level 0 began"], "nobody had a say");
    Ok(())
}

async fn a_terminated_parent_asks_its_children_to_cancel(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    grow(&env, ClosePolicy::Cancel).await?.terminate("enough").await?;
    for level in ["level 2", "level 1", "level 0"] {
        is(&env, level, Status::Cancelled).await?;
    }
    let told = "level 0: the run was cancelled: its parent was cancelled: its parent was cancelled: its parent was \
                terminated: enough";
    env.world.noted(told, 1).await;
    Ok(())
}

async fn a_parent_that_nobody_holds_tells_its_children(env: Env) -> Result<()> {
    let worker = Serving::begin(env.worker(registry()).resident_for(Duration::ZERO).build()?);
    let exec = env.engine.start(parent::Input { of: "alone".into() }).id("alone").await?;
    for policy in POLICIES {
        let child = run(&env, &format!("alone {policy:?}"));
        until(async || {
            let waits = child.describe().await.ok().and_then(|it| it.waiting_for);
            Ok(waits.is_some_and(|what| what.contains("`go`")))
        })
        .await?;
    }
    until(async || {
        Ok(exec.describe().await?.waiting_for.is_some_and(|what| what.contains("`end`")))
    })
    .await?;
    worker.die().await;
    exec.terminate("enough").await?;
    for policy in [ClosePolicy::Cancel, ClosePolicy::Terminate] {
        let told = run(&env, &format!("alone {policy:?}")).describe().await?;
        assert!(told.cancel_requested, "{policy:?}: it is told in the same commit");
    }
    assert!(!run(&env, "alone Abandon").describe().await?.cancel_requested);
    let _worker = env.serve(registry())?;
    is(&env, "alone Terminate", Status::Terminated).await?;
    is(&env, "alone Cancel", Status::Cancelled).await
}

async fn a_stuck_child_is_terminated(env: Env) -> Result<()> {
    let hour = Duration::from_secs(3600);
    let _worker = Serving::begin(env.worker(registry()).retry_stuck(hour).build()?);
    let exec = env.engine.start(has_a_stuck_child::Input {}).await?;
    let child = run(&env, "stuck");
    until(async || Ok(child.describe().await.is_ok_and(|it| it.stuck.is_some()))).await?;
    exec.terminate("enough").await?;
    is(&env, "stuck", Status::Terminated).await
}

async fn a_child_that_lost_is_cancelled_whatever_its_policy(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(races::Input {}).await?;
    for policy in POLICIES {
        env.world.noted(&format!("race {policy:?} began"), 1).await;
    }
    exec.signal("hurry", &()).await?;
    for policy in POLICIES {
        is(&env, &format!("race {policy:?}"), Status::Cancelled).await?;
    }
    assert_eq!(exec.describe().await?.status, Status::Running);
    assert_eq!(events(&exec, "child_cancel_requested").await?.len(), 3);
    exec.signal("end", &"ended").await?;
    assert_eq!(exec.result().await?, "ended");
    Ok(())
}

async fn a_child_that_has_ended_stays_as_it_is(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(parent::Input { of: "late".into() }).await?;
    for policy in POLICIES {
        let id = format!("late {policy:?}");
        env.world.noted(&format!("{id} began"), 1).await;
        run(&env, &id).signal("go", &"went").await?;
        run(&env, &id).result().await?;
    }
    exec.terminate("enough").await?;
    for policy in POLICIES {
        let child = run(&env, &format!("late {policy:?}")).describe().await?;
        assert_eq!((child.status, child.cancel_requested), (Status::Completed, false));
    }
    Ok(())
}

async fn an_abandoned_child_is_told_nothing(env: Env) -> Result<()> {
    const COUNT: u32 = 40;
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(detaches::Input { count: COUNT }).await?;
    for number in 0..COUNT {
        env.world.noted(&format!("detached {number} began"), 1).await;
    }
    exec.terminate("enough").await?;
    for number in 0..COUNT {
        let child = run(&env, &format!("detached {number}"));
        assert!(!child.describe().await?.cancel_requested);
        child.signal("go", &"went").await?;
        assert_eq!(child.result().await?, "went");
    }
    Ok(())
}

async fn a_policy_goes_on_with_a_child_that_goes_on(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(has_a_relay::Input {}).await?;
    env.world.noted("relayed", 1).await;
    exec.terminate("enough").await?;
    is(&env, "relay", Status::Terminated).await
}

async fn who_replaces_a_child_tells_its_parent(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(has_a_relay::Input {}).await?;
    env.world.noted("relayed", 1).await;
    let replaces = ConflictPolicy::TerminateExisting;
    let other = child::Input { name: "other".into() };
    env.engine.start(other).id("relay").on_conflict(replaces).await?;
    let error = exec.result().await.expect_err("its child was terminated");
    assert_eq!(error.kind(), ErrorKind::Terminated);
    Ok(())
}

async fn the_children_of_a_run_are_one_tenants(env: Env) -> Result<()> {
    let _worker = env.serve(registry())?;
    let tenant = env.engine.tenant(uuid::Uuid::from_u128(7));
    let theirs = tenant.start(parent::Input { of: "same".into() }).id("same").await?;
    for policy in POLICIES {
        env.world.noted(&format!("same {policy:?} began"), 1).await;
    }
    let ours = env.engine.start(parent::Input { of: "same".into() }).id("same").await?;
    for policy in POLICIES {
        env.world.noted(&format!("same {policy:?} began"), 2).await;
    }
    ours.terminate("enough").await?;
    is(&env, "same Terminate", Status::Terminated).await?;
    is(&env, "same Cancel", Status::Cancelled).await?;
    for policy in POLICIES {
        let child: Execution = tenant.execution(format!("same {policy:?}"));
        let child = child.describe().await?;
        assert_eq!((child.status, child.cancel_requested), (Status::Running, false));
    }
    theirs.terminate("enough").await
}

async fn children_are_listed_by_their_parent(env: Env) -> Result<()> {
    const COUNT: u32 = 12;
    let _worker = env.serve(registry())?;
    let exec = env.engine.start(detaches::Input { count: COUNT }).await?;
    let other = env.engine.start(parent::Input { of: "other".into() }).await?;
    for number in 0..COUNT {
        env.world.noted(&format!("detached {number} began"), 1).await;
    }
    run(&env, "detached 3").signal("go", &"went").await?;
    run(&env, "detached 3").result().await?;
    let list = || env.engine.list().parent(exec.run_id());
    let all = list().await?;
    assert_eq!(all.len(), COUNT as usize);
    assert!(all.iter().all(|child| child.parent == Some(exec.run_id())));
    assert!(all.is_sorted_by_key(|child| std::cmp::Reverse(child.created_at)), "newest first");
    assert_eq!(list().count().await?, u64::from(COUNT));
    assert_eq!(list().status(Status::Completed).count().await?, 1);
    assert_eq!(list().workflow("parent").await?.len(), 0);
    let [ended] = &list().status(Status::Completed).payloads().await?[..] else { panic!("one") };
    assert_eq!(ended.workflow_id, "detached 3");
    let (mut paged, mut next) = (Vec::new(), None);
    loop {
        let page = list().limit(5);
        let page = if let Some(token) = next { page.behind(token) } else { page };
        let page = page.page().await?;
        paged.extend(page.runs.into_iter().map(|child| child.run_id));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(paged, all.iter().map(|child| child.run_id).collect::<Vec<_>>());
    let tenant = env.engine.tenant(uuid::Uuid::from_u128(7));
    assert_eq!(tenant.list().parent(exec.run_id()).count().await?, 0, "of another tenant");
    assert_eq!(env.engine.list().parent(other.run_id()).count().await?, 3);
    Ok(())
}
