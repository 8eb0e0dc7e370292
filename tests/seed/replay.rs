//! Deterministic values, and workers that stop in the middle.

use std::time::SystemTime;

use flows::prelude::*;
use uuid::Uuid;

use crate::scene::{Calls, Scene};

#[activity]
async fn tick(ctx: &ActivityContext) -> Result<u32> {
    Ok(ctx.state::<Calls>()?.count())
}

type Values = (Uuid, u64, SystemTime);

fn draw(ctx: &WorkflowContext) -> Values {
    (ctx.uuid(), ctx.random::<u64>(), ctx.now())
}

#[workflow]
async fn witness(ctx: &WorkflowContext) -> Result<(Values, Values, Uuid)> {
    let first = draw(ctx);
    tick(ctx).await?;
    let second = draw(ctx);
    let recorded = ctx.side_effect(Uuid::new_v4).await?;
    ctx.side_effect(|| ()).await?;
    let again: u32 = ctx.signal("again").await?;
    tick(ctx).await?;
    assert_eq!(again, 1);
    Ok((first, second, recorded))
}

#[tokio::test]
async fn uuid_random_now_and_side_effects_are_the_same_at_every_replay() -> Result<()> {
    let scene = Scene::new().await?;
    let exec = scene.engine.start(witness::Input {}).await?;
    let waiting = |exec: Execution<witness::Workflow>| async move {
        while exec.history().await?.iter().filter(|event| event.kind == "side_effect").count() < 2 {
            tokio::task::yield_now().await;
        }
        Ok(())
    };
    scene.with_worker(waiting(exec.clone())).await?; // and then the worker is gone
    let history = exec.history().await?;
    exec.signal("again", &1).await?;
    let (first, second, recorded) = scene.with_worker(exec.result()).await?;

    assert!(first.2 <= second.2 && first.0 != second.0 && first.1 != second.1);
    let value = history.iter().find(|event| event.kind == "side_effect");
    let value = value.and_then(|event| event.value.as_ref()).map(|value| value.decode::<Uuid>());
    assert_eq!(value.transpose()?, Some(recorded), "the closure ran once");
    assert_eq!(scene.calls.seen(), 2, "the recorded activity was not invoked again");
    Ok(())
}

#[workflow]
async fn long(ctx: &WorkflowContext) -> Result<u32> {
    let mut last = 0;
    for _ in 0..30 {
        last = tick(ctx).await?;
    }
    Ok(last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stops_loses_no_task_and_repeats_none() -> Result<()> {
    let scene = Scene::new().await?;
    let mut execs = Vec::new();
    for _ in 0..50 {
        execs.push(scene.engine.start(long::Input {}).await?);
    }
    let mut stops = 0;
    loop {
        let before = scene.calls.seen();
        let some_work = async {
            while scene.calls.seen() < (before + 300).min(1_500) {
                tokio::task::yield_now().await;
            }
            Ok(())
        };
        scene.with_worker(some_work).await?;
        stops += 1;
        assert_eq!(scene.rows("owned").await?, 0, "everything was handed back");
        if scene.calls.seen() >= 1_500 {
            break;
        }
    }
    assert!(stops > 2, "the worker was stopped in the middle {stops} times");
    scene
        .with_worker(async {
            for exec in &execs {
                exec.result().await?;
            }
            Ok(())
        })
        .await?;
    assert_eq!(scene.calls.seen(), 50 * 30, "each activity was invoked once");
    Ok(())
}

#[workflow]
async fn naps(ctx: &WorkflowContext) -> Result<Duration> {
    let before = ctx.now();
    ctx.sleep(Duration::from_millis(300)).await?;
    Ok(ctx.now().duration_since(before)?)
}

#[tokio::test]
async fn time_that_a_run_waited_for_a_worker_does_not_count_g7() -> Result<()> {
    let scene = Scene::new().await?;
    let exec = scene.engine.start(naps::Input {}).await?;
    tokio::time::sleep(Duration::from_millis(600)).await; // no worker runs; time is under test
    let began = std::time::Instant::now();
    let slept = scene.with_worker(exec.result()).await?;
    assert!(slept >= Duration::from_millis(300), "{slept:?}");
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(exec.history().await?[0].kind, "run_started");
    Ok(())
}

#[activity]
async fn clean_up(ctx: &ActivityContext) -> Result<u32> {
    Ok(ctx.state::<Calls>()?.count())
}

#[workflow]
async fn sleeper(ctx: &WorkflowContext) -> Result<()> {
    if let Err(cancelled) = ctx.sleep(Duration::from_secs(86_400)).await {
        ctx.shield(clean_up(ctx)).await?;
        return Err(cancelled);
    }
    Ok(())
}

#[tokio::test]
async fn a_parked_sleeper_that_is_cancelled_cleans_up_at_once() -> Result<()> {
    let scene = Scene::new().await?;
    let exec = scene.engine.start(sleeper::Input {}).await?;
    scene
        .with_worker(async {
            while scene.rows("parked").await? == 0 {
                tokio::task::yield_now().await;
            }
            exec.cancel().await?;
            assert!(exec.result().await.unwrap_err().is_cancelled());
            assert_eq!(scene.calls.seen(), 1);
            assert_eq!(exec.describe().await?.status, Status::Cancelled);
            Ok(())
        })
        .await
}
