//! What is paused makes no progress, accepts everything, and goes on after the resume.

use flows::PauseScope;
use flows::prelude::*;

use crate::harness::{Env, Serving, events, until};
use crate::world::World;

on_every_store! {
    what_is_paused_before_it_starts_waits_for_the_resume,
    other_queues_and_versions_go_on,
    a_run_in_memory_is_let_go_when_what_runs_has_ended,
    an_attempt_that_is_to_be_retried_waits,
    timers_and_signals_are_delivered_after_the_resume,
    a_pause_outlives_the_worker_that_runs_what_is_paused,
    a_new_worker_knows_what_is_paused,
    a_pause_of_a_queue_holds_activities_that_others_send_to_it,
    a_pause_has_a_reason_and_an_author,
}

const SHORT: Duration = Duration::from_millis(50);

#[activity]
async fn pack(ctx: &ActivityContext, box_number: u64) -> Result<u64> {
    let world = ctx.state::<World>()?;
    world.note(format!("packing {box_number}"));
    world.pass(&format!("box {box_number}")).await;
    world.note(format!("packed {box_number}"));
    Ok(box_number)
}

#[workflow]
async fn parcel(ctx: &WorkflowContext, boxes: Vec<u64>) -> Result<u64> {
    let mut sum = 0;
    for number in boxes {
        sum += pack(ctx, number).await?;
    }
    Ok(sum)
}

#[activity(queue = "printers")]
async fn label(ctx: &ActivityContext) -> Result<()> {
    ctx.state::<World>()?.note("label");
    Ok(())
}

#[workflow]
async fn labelled(ctx: &WorkflowContext) -> Result<()> {
    label(ctx).await
}

#[activity(retry(max_attempts = 5, initial_interval = "1ms", jitter = 0.0))]
async fn ship(ctx: &ActivityContext) -> Result<()> {
    let world = ctx.state::<World>()?;
    world.note("shipping");
    world.pass("ship").await;
    if ctx.attempt() == 1 { Err(Error::retryable("the van is late")) } else { Ok(()) }
}

#[workflow]
async fn shipment(ctx: &WorkflowContext) -> Result<()> {
    ship(ctx).await
}

#[workflow]
async fn visit(ctx: &WorkflowContext) -> Result<String> {
    pack(ctx, 9).await?;
    ctx.sleep(Duration::from_millis(100)).await?;
    ctx.signal::<String>("bell").await
}

/// It only waits, in memory, so that it is let go as soon as its worker knows of a pause.
#[workflow]
async fn sentinel(ctx: &WorkflowContext) -> Result<()> {
    ctx.signal("relief").await
}

fn registry() -> Registry {
    register_all![sentinel, parcel, labelled, shipment, visit, pack, label, ship]
}

impl Env {
    fn quick(&self, registry: Registry) -> Result<Serving> {
        let worker = self.worker(registry).poll_interval(SHORT).lease(Duration::from_secs(20));
        Ok(Serving::begin(worker.resident_for(Duration::from_secs(3_600)).build()?))
    }

    /// Pauses everything, and waits until the worker knows that.
    async fn paused(&self) -> Result<()> {
        let sentinel = self.engine.start(sentinel::Input {}).await?;
        until(async || {
            let waiting_for = sentinel.describe().await?.waiting_for;
            Ok(waiting_for.is_some_and(|what| what.starts_with("worker ")))
        })
        .await?;
        self.engine.pause(PauseScope::Everything).await?;
        self.has_let_go(&sentinel).await
    }

    /// Waits until no worker has a run in memory.
    async fn has_let_go<W: Workflow>(&self, exec: &Execution<W>) -> Result<()> {
        until(async || {
            let description = exec.describe().await?;
            Ok(description.waiting_for.as_deref() == Some("the end of its pause")
                || description.waiting_for.is_some_and(|what| !what.starts_with("worker ")))
        })
        .await
    }
}

/// Of an open run, everything: it has not moved from where it was.
async fn stands_still<W: Workflow>(exec: &Execution<W>) -> Result<usize> {
    let before = exec.history().await?.len();
    for _ in 0..5 {
        tokio::time::sleep(SHORT).await;
        assert_eq!(exec.history().await?.len(), before, "it goes on");
    }
    Ok(before)
}

async fn what_is_paused_before_it_starts_waits_for_the_resume(env: Env) -> Result<()> {
    for scope in [
        PauseScope::Everything,
        PauseScope::queue("default"),
        PauseScope::workflow("parcel"),
        PauseScope::workflow_version("parcel", 1),
    ] {
        assert!(env.engine.pause(scope.clone()).await?);
        let worker = env.quick(registry())?;
        env.world.open("box 1");
        let exec = env.engine.start(parcel::Input { boxes: vec![1] }).await?;
        assert_eq!(stands_still(&exec).await?, 0, "{scope}");
        let description = exec.describe().await?;
        assert_eq!(description.waiting_for.as_deref(), Some("the end of its pause"), "{scope}");
        assert_eq!(description.paused.map(|pause| pause.scope), Some(scope.clone()));
        assert!(env.engine.resume(scope).await?);
        assert_eq!(exec.result().await?, 1);
        assert_eq!(exec.describe().await?.paused, None);
        worker.stop().await?;
    }
    Ok(())
}

async fn other_queues_and_versions_go_on(env: Env) -> Result<()> {
    let _worker = env.quick(registry())?;
    for scope in [
        PauseScope::queue("other"),
        PauseScope::workflow("visit"),
        PauseScope::workflow_version("parcel", 2),
    ] {
        env.engine.pause(scope).await?;
    }
    env.world.open("box 1");
    let exec = env.engine.start(parcel::Input { boxes: vec![1] }).await?;
    assert_eq!(exec.result().await?, 1);
    assert_eq!(env.engine.pauses().await?.len(), 3);
    Ok(())
}

/// The attempt that runs ends, and is recorded; the next one does not start.
async fn a_run_in_memory_is_let_go_when_what_runs_has_ended(env: Env) -> Result<()> {
    let _worker = env.quick(registry())?;
    let exec = env.engine.start(parcel::Input { boxes: vec![1, 2] }).await?;
    env.world.noted("packing 1", 1).await;
    env.paused().await?;
    assert!(exec.describe().await?.paused.is_some());
    env.world.open("box 1");
    env.world.open("box 2");
    env.world.noted("packed 1", 1).await;
    env.has_let_go(&exec).await?;
    stands_still(&exec).await?;
    assert_eq!(events(&exec, "activity_completed").await?.len(), 1);
    assert_eq!(env.world.notes(), ["packing 1", "packed 1"]);
    env.engine.resume(PauseScope::Everything).await?;
    assert_eq!(exec.result().await?, 3);
    assert_eq!(env.world.count("packing 1"), 1, "it is not invoked again");
    Ok(())
}

async fn an_attempt_that_is_to_be_retried_waits(env: Env) -> Result<()> {
    let _worker = env.quick(registry())?;
    let exec = env.engine.start(shipment::Input {}).await?;
    env.world.noted("shipping", 1).await;
    env.paused().await?;
    env.world.open("ship");
    env.has_let_go(&exec).await?;
    stands_still(&exec).await?;
    assert_eq!(events(&exec, "activity_attempt_failed").await?.len(), 1, "that is recorded");
    assert_eq!(env.world.count("shipping"), 1, "and not tried again");
    env.engine.resume(PauseScope::Everything).await?;
    exec.result().await?;
    assert_eq!(env.world.count("shipping"), 2);
    Ok(())
}

async fn timers_and_signals_are_delivered_after_the_resume(env: Env) -> Result<()> {
    let _worker = env.quick(registry())?;
    let exec = env.engine.start(visit::Input {}).await?;
    env.world.noted("packing 9", 1).await;
    env.paused().await?;
    env.world.open("box 9");
    env.has_let_go(&exec).await?;
    assert_eq!(events(&exec, "activity_completed").await?.len(), 1, "and its timer runs");
    exec.signal("bell", &"ding".to_owned()).await?;
    tokio::time::sleep(Duration::from_millis(200)).await; // until its timer is due
    stands_still(&exec).await?;
    assert!(events(&exec, "timer_fired").await?.is_empty());
    env.engine.resume(PauseScope::Everything).await?;
    assert_eq!(exec.result().await?, "ding");
    Ok(())
}

/// Its runs are another one's, who knows of the pause; the attempt is made again after the resume.
async fn a_pause_outlives_the_worker_that_runs_what_is_paused(env: Env) -> Result<()> {
    let worker = Serving::begin(env.worker(registry()).poll_interval(SHORT).build()?);
    let exec = env.engine.start(parcel::Input { boxes: vec![1] }).await?;
    env.world.noted("packing 1", 1).await;
    env.engine.pause(PauseScope::queue("default")).await?;
    worker.die().await;
    let _other = env.quick(registry())?;
    env.has_let_go(&exec).await?;
    stands_still(&exec).await?;
    assert_eq!(env.world.count("packing 1"), 1);
    env.world.open("box 1");
    env.engine.resume(PauseScope::queue("default")).await?;
    assert_eq!(exec.result().await?, 1);
    Ok(())
}

async fn a_new_worker_knows_what_is_paused(env: Env) -> Result<()> {
    let exec = env.engine.start(parcel::Input { boxes: vec![1] }).await?;
    env.engine.pause(PauseScope::queue("default")).await?;
    let _worker = env.quick(registry())?;
    let other = env.engine.start(parcel::Input { boxes: vec![2] }).await?; // not as its own
    stands_still(&exec).await?;
    stands_still(&other).await?;
    assert_eq!(env.world.notes(), [""; 0]);
    Ok(())
}

async fn a_pause_of_a_queue_holds_activities_that_others_send_to_it(env: Env) -> Result<()> {
    let _worker = env.quick(registry())?;
    let printers = env.worker(registry()).queues(["printers"]).poll_interval(SHORT);
    let _printers = Serving::begin(printers.build()?);
    env.engine.pause(PauseScope::queue("printers")).await?;
    let exec = env.engine.start(labelled::Input {}).await?;
    until(async || Ok(!events(&exec, "activity_scheduled").await?.is_empty())).await?;
    stands_still(&exec).await?;
    assert_eq!(env.world.notes(), [""; 0]);
    env.engine.resume(PauseScope::queue("printers")).await?;
    exec.result().await?;
    assert_eq!(env.world.notes(), ["label"]);
    Ok(())
}

async fn a_pause_has_a_reason_and_an_author(env: Env) -> Result<()> {
    let orders = PauseScope::queue("orders");
    assert!(!env.engine.resume(orders.clone()).await?, "it is not paused");
    assert!(env.engine.pause(orders.clone()).reason("flood").author("ann").await?);
    assert!(!env.engine.pause(orders.clone()).reason("fire").author("bob").await?);
    let pauses = env.engine.pauses().await?;
    let text = pauses.iter().map(ToString::to_string).collect::<String>();
    assert!(text.starts_with("queue `orders` is paused since 20"), "{text}");
    assert!(text.ends_with("Z by bob: fire"), "{text}");
    let unnamed = env.engine.pause(PauseScope::queue("")).await.expect_err("it has no name");
    assert_eq!(unnamed.kind(), ErrorKind::InvalidInput, "{unnamed}");
    assert!(unnamed.message().contains("`PauseScope::Everything`"), "{unnamed}");
    Ok(())
}
