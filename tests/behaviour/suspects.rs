//! Runs whose workers die one after the other, and which of their attempts count.

use std::sync::Arc;

use flows::memory::MemoryStore;
use flows::prelude::*;
use flows_core::store::Store;

use crate::harness::{Env, events};
use crate::meddler::Meddler;
use crate::waiting::Serving;
use crate::world::World;

/// None of its attempts ends before its worker does.
#[activity(retry(max_attempts = 5, initial_interval = "1m", backoff = 1.0, jitter = 0.0))]
async fn lasts(ctx: &ActivityContext) -> Result<u32> {
    let world = ctx.state::<World>()?;
    world.note(format!("attempt {}", ctx.attempt()));
    world.pass("end").await;
    Ok(ctx.attempt())
}

#[workflow]
async fn lasting(ctx: &WorkflowContext) -> Result<u32> {
    lasts(ctx).await
}

/// An environment, and what may be said to its store.
fn scene() -> (Env, Arc<Meddler>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut env = Env::on_memory();
    let meddler = Meddler::new(store, &env.world);
    env.engine = flows_core::Engine::new(Arc::clone(&meddler) as Arc<dyn Store>);
    (env, meddler)
}

async fn is_suspected<W: Workflow>(exec: &Execution<W>) -> Result<bool> {
    Ok(!events(exec, "suspected").await?.is_empty())
}

/// The second worker ends before it has written down what the first one's end comes to.
#[tokio::test(start_paused = true)]
async fn a_lost_attempt_counts_though_the_next_worker_dies_before_it_says_so() -> Result<()> {
    let (env, meddler) = scene();
    let first = env.serve(register_all![lasting, lasts])?;
    let exec = env.engine.start(lasting::Input {}).await?;
    env.world.noted("attempt 1", 1).await;
    first.die().await;
    meddler.fails("commit", usize::MAX);
    let second = env.serve(register_all![lasting, lasts])?;
    tokio::time::sleep(Duration::from_secs(30)).await; // virtual: it has the run by then
    second.die().await;
    assert!(!is_suspected(&exec).await?, "it has written something");
    meddler.fails("commit", 0);
    let third = env.serve(register_all![lasting, lasts])?;
    env.world.more_notes_than(1).await;
    assert_eq!(env.world.notes(), ["attempt 1", "attempt 2"]);
    third.die().await;
    let _fourth = env.serve(register_all![lasting, lasts])?;
    env.world.open("end");
    assert_eq!(exec.result().await?, 3);
    Ok(())
}

/// The second worker has written it down, and ends before the next attempt is due.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_not_due_when_its_worker_died_does_not_count() -> Result<()> {
    let (env, _) = scene();
    let first = env.serve(register_all![lasting, lasts])?;
    let exec = env.engine.start(lasting::Input {}).await?;
    env.world.noted("attempt 1", 1).await;
    first.die().await;
    let worker = env.worker(register_all![lasting, lasts]).resident_for(Duration::from_secs(600));
    let second = Serving::begin(worker.build()?);
    while !is_suspected(&exec).await? {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    second.die().await;
    tokio::time::sleep(Duration::from_secs(600)).await; // it is due by now
    let _third = env.serve(register_all![lasting, lasts])?;
    env.world.more_notes_than(1).await;
    assert_eq!(env.world.notes(), ["attempt 1", "attempt 2"]);
    env.world.open("end");
    assert_eq!(exec.result().await?, 2);
    Ok(())
}
