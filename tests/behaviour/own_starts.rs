//! Runs that a worker of the same process owns from their start.

use std::any::Any;
use std::sync::Arc;

use flows::memory::MemoryStore;
use flows::prelude::*;
use flows_core::store::forward::names::*;
use tokio::sync::watch;

use crate::harness::{Serving, within};

#[workflow]
async fn receives(ctx: &WorkflowContext) -> Result<u32> {
    ctx.signal("go").await
}

/// A letter that is collected before its run's start is answered waits for the run.
#[tokio::test]
async fn mail_may_be_faster_than_the_start() -> Result<()> {
    let store = Arc::new(Held::default());
    let engine = flows_core::Engine::new(Arc::clone(&store) as Arc<dyn Store>);
    let worker = Worker::builder(&engine, register_all![receives]).build()?;
    let serving = Serving::begin(worker);
    let first = engine.start(receives::Input {}).await?;
    first.signal("go", &1).await?;
    assert_eq!(first.result().await?, 1, "the worker is there");

    store.hold.send_replace(true);
    let starting = tokio::spawn({
        let engine = engine.clone();
        async move { engine.start(receives::Input {}).id("second").await }
    });
    store.comes_true(|seen| seen.held).await;
    let collected = store.seen.borrow().collected;
    engine.execution::<receives::Workflow>("second").signal("go", &2).await?;
    store.comes_true(|seen| seen.collected > collected).await;
    store.hold.send_replace(false);
    let second = starting.await??;
    let received = async {
        assert_eq!(second.result().await?, 2);
        Ok(())
    };
    within(Duration::from_secs(20), received).await?;
    serving.stop().await
}

#[tokio::test]
async fn an_engine_in_memory_needs_no_database() -> Result<()> {
    let engine = Engine::in_memory();
    engine.migrate().await?;
    let serving = Serving::begin(Worker::builder(&engine, register_all![receives]).build()?);
    let exec = engine.start(receives::Input {}).id("here").await?;
    engine.signal("here", "go", &7).await?;
    assert_eq!(exec.result().await?, 7);
    assert_eq!(engine.list().await?.len(), 1);
    serving.stop().await
}

/// The store in memory, which can hold back the answers to starts.
#[derive(Default)]
struct Held {
    store: MemoryStore,
    hold: watch::Sender<bool>,
    seen: watch::Sender<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Whether a run is owned whose start is not answered.
    held: bool,
    /// Messages that were collected.
    collected: usize,
}

impl Held {
    fn inner(&self) -> &MemoryStore {
        &self.store
    }

    async fn comes_true(&self, is_so: impl FnMut(&Seen) -> bool) {
        let mut seen = self.seen.subscribe();
        seen.wait_for(is_so).await.expect("the sender is here");
    }

    async fn start_and_hold(&self, worker: Uuid, runs: &[NewRun]) -> Result<Vec<Result<Started>>> {
        let started = self.store.start_owned(worker, runs).await?;
        let owned = started.iter().all(|one| matches!(one, Ok(Started::Owned { .. })));
        assert!(owned, "{started:?}");
        let mut hold = self.hold.subscribe();
        if *hold.borrow() {
            self.seen.send_modify(|seen| seen.held = true);
        }
        drop(hold.wait_for(|hold| !hold).await);
        Ok(started)
    }

    async fn collected(&self, worker: Uuid) -> Result<Vec<Collected>> {
        let collected = self.store.collect(worker).await?;
        let messages: usize = collected.iter().map(|collected| collected.inbox.len()).sum();
        self.seen.send_modify(|seen| seen.collected += messages);
        Ok(collected)
    }
}

/// The verbs that it looks at.
macro_rules! held {
    ($store:ident start_owned($($given:ident),*)) => { Box::pin($store.start_and_hold($($given),*)) };
    ($store:ident collect($worker:ident)) => { Box::pin($store.collected($worker)) };
    ($store:ident $verb:ident($($given:ident),*)) => { $store.store.$verb($($given),*) };
}

forward_store!(ClientStore for Held);
forward_store!(WorkerStore for Held, held);
forward_store!(Inspect for Held);
forward_store!(Operate for Held);
forward_store!(Hub for Held);

impl Store for Held {
    fn as_any(&self) -> &dyn Any {
        self
    }
}
