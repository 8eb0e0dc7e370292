//! Workflows on the memory store, with the real worker loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use flows::memory::MemoryStore;
use flows::prelude::*;
use flows_core::Engine as CoreEngine;
use uuid::Uuid;

#[derive(Default, Clone)]
struct Calls(Arc<AtomicU32>);

#[activity(retry(max_attempts = 5, initial_interval = "10ms"))]
async fn add(ctx: &ActivityContext, a: u64, b: u64) -> Result<u64> {
    ctx.state::<Calls>()?.0.fetch_add(1, Ordering::SeqCst);
    Ok(a + b)
}

#[workflow]
async fn sum(ctx: &WorkflowContext, upto: u64) -> Result<u64> {
    let mut total = 0;
    for i in 1..=upto {
        total = add(ctx, total, i).await?;
    }
    Ok(total)
}

#[workflow]
async fn gather(ctx: &WorkflowContext) -> Result<(Uuid, String, u64)> {
    let id = ctx.uuid();
    let name: String = ctx.signal("name").await?;
    ctx.sleep(Duration::from_secs(3600)).await?;
    let (a, b) = flows::try_join!(add(ctx, 1, 2), add(ctx, 3, 4))?;
    let child = sum(ctx, 4).await?;
    Ok((id, name, a + b + child))
}

fn engine() -> CoreEngine {
    CoreEngine::new(Arc::new(MemoryStore::new()))
}

async fn with_worker<T>(engine: &CoreEngine, calls: Calls, test: impl Future<Output = T>) -> T {
    let worker = Worker::builder(engine, register_all!()).state(calls).build().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let run = worker.run_until(stopped);
    let (ran, value) = tokio::join!(run, async move {
        let value = test.await;
        drop(stop);
        value
    });
    ran.unwrap();
    value
}

#[tokio::test(start_paused = true)]
async fn sequential_activities_run_once_each() {
    let (engine, calls) = (engine(), Calls::default());
    let total = with_worker(&engine, calls.clone(), async {
        let exec = engine.start(sum::Input { upto: 10 }).id("sum").await.unwrap();
        exec.result().await
    })
    .await;
    assert_eq!(total.unwrap(), 55);
    assert_eq!(calls.0.load(Ordering::SeqCst), 10);
}

#[tokio::test(start_paused = true)]
async fn signals_timers_joins_and_children() {
    let (engine, calls) = (engine(), Calls::default());
    let (_, name, total) = with_worker(&engine, calls, async {
        let exec = engine.start(gather::Input {}).id("g").await.unwrap();
        exec.signal("name", &"Ada").await.unwrap();
        exec.result().await.unwrap()
    })
    .await;
    assert_eq!((name.as_str(), total), ("Ada", 20));
}
