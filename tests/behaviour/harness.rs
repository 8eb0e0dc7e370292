//! The stores that behaviours run on, and workers that live as long as a behaviour needs them.
//!
//! On the memory store the clock is virtual: it jumps ahead when nothing else can run. On PostgreSQL
//! it is the real one, so behaviours use short times.

use std::sync::Arc;

use flows::HistoryEvent;
use flows::memory::MemoryStore;
use flows::pg::dev::{Database, fresh_database};
use flows::prelude::*;
use flows_core::worker::WorkerBuilder;

pub(crate) use crate::waiting::{Serving, until};
use crate::world::World;

/// Two tests of each behaviour: `name::memory` and `name::postgres`.
macro_rules! on_every_store {
    ($($behaviour:ident,)*) => {$(
        mod $behaviour {
            #[tokio::test(start_paused = true)]
            async fn memory() -> flows::Result<()> {
                crate::harness::on_memory(super::$behaviour).await
            }

            #[tokio::test]
            async fn postgres() -> flows::Result<()> {
                crate::harness::on_postgres(super::$behaviour).await
            }
        }
    )*};
}

/// What a behaviour is given: an engine on an empty store, and the world its activities act on.
pub(crate) struct Env {
    pub(crate) engine: flows_core::Engine,
    /// What the engine stands on.
    pub(crate) store: Arc<dyn flows_core::store::Store>,
    pub(crate) world: World,
    /// Dropped with its handle.
    _database: Option<Database>,
}

pub(crate) async fn on_memory<F>(behaviour: impl FnOnce(Env) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    within(Duration::from_secs(6 * 3_600), behaviour(Env::on_memory())).await
}

/// For what threads do: the clock is the real one, here too.
pub(crate) async fn on_memory_in_real_time<F>(behaviour: impl FnOnce(Env) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    within(Duration::from_secs(60), behaviour(Env::on_memory())).await
}

pub(crate) async fn on_postgres<F>(behaviour: impl FnOnce(Env) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let database = fresh_database().await?;
    let engine = Engine::connect(database.url()).await?;
    engine.migrate().await?;
    let store = Arc::new(engine.store().expect("a database").clone());
    let (engine, world) = (engine.into(), World::default());
    let env = Env { engine, store, world, _database: Some(database) };
    within(Duration::from_secs(60), behaviour(env)).await
}

/// What never ends is a failure that says so.
pub(crate) async fn within<F: Future<Output = Result<()>>>(
    limit: Duration,
    behaviour: F,
) -> Result<()> {
    let ended = tokio::time::timeout(limit, behaviour).await;
    ended.unwrap_or_else(|_| panic!("the behaviour has not ended after {limit:?}"))
}

impl Env {
    pub(crate) fn on_memory() -> Self {
        let store = Arc::new(MemoryStore::new());
        let engine = flows_core::Engine::new(Arc::clone(&store) as _);
        Self { engine, store, world: World::default(), _database: None }
    }

    /// A worker to be, whose activities find the world.
    pub(crate) fn worker(&self, registry: Registry) -> WorkerBuilder {
        Worker::builder(&self.engine, registry)
            .state(self.world.clone())
            .lease(Duration::from_secs(1))
            .any_activity_may_record()
    }

    /// Runs a worker with these definitions.
    pub(crate) fn serve(&self, registry: Registry) -> Result<Serving> {
        Ok(Serving::begin(self.worker(registry).build()?))
    }
}

/// The events of a kind in a run's history.
pub(crate) async fn events<W: Workflow>(
    exec: &Execution<W>,
    kind: &str,
) -> Result<Vec<HistoryEvent>> {
    let history = exec.history().await?;
    Ok(history.into_iter().filter(|event| event.kind == kind).collect())
}

/// Workflow ids whose runs share an executor.
pub(crate) fn same_shard<const COUNT: usize>() -> [String; COUNT] {
    let shard = |id: &str| flows_core::ids::shard_of(uuid::Uuid::nil(), id);
    let mut alike = (0..).map(|number| format!("run {number}")).filter(|id| shard(id) == 0);
    std::array::from_fn(|_| alike.next().expect("there are 16 shards"))
}
