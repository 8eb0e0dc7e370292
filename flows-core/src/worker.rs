//! The bundled worker loop: claims runs, moves their machines, runs their activities, commits.
//!
//! ```text
//! poller ── claims ──► executor ── turns ──► store.commit ──► settled ──► activities start
//!   ▲  lease, look        │ ▲                                               │
//!   └───── free slots ────┘ └────────────── results ────────────────────────┘
//! ```
//!
//! There is one executor per writer connection. It owns its runs alone, so nothing in it is
//! locked, and while one batch is on its way to the store the next one gathers.

mod attempt;
mod attempted;
mod beside;
mod budget;
mod builder;
mod clock;
mod commit_delay;
mod complaints;
mod driver;
mod executor;
mod executors;
mod hand_off;
mod held;
mod holds;
#[cfg(feature = "testing")]
mod interceptor;
mod job;
mod layer;
mod lease;
mod local_start;
mod message;
mod outside;
mod overdue;
mod pages;
mod pauses;
mod poller;
mod pulse;
mod recover;
mod resident;
mod run;
mod schedules;
mod session;
mod settle;
mod shutdown;
mod stuck_log;
mod submit;
mod surroundings;
mod suspect;
mod tasks;
mod transactional_result;
mod watchdog;
mod work;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

#[cfg(feature = "testing")]
pub(crate) use builder::Config;
pub use builder::WorkerBuilder;
#[cfg(feature = "testing")]
pub(crate) use interceptor::Interceptor;
pub use layer::{ActivityLayer, NextActivity};
pub use shutdown::shutdown_signal;
#[cfg(feature = "testing")]
pub(crate) use surroundings::{Invocation, Process, TaskFuture};

use crate::context::StateMap;
use crate::engine::Engine;
use crate::error::Result;
use crate::registry::Registry;
use crate::telemetry::{lines, metrics};
#[cfg(not(feature = "testing"))]
use builder::Config;
use session::{Ended, Session};
use surroundings::Surroundings;

/// Claims runs, advances them, runs their activities and commits the results.
///
/// Any number of workers can share one database. Each owns the runs it has claimed for as long as
/// it renews its lease; other workers take over the runs of a worker that dies.
#[cfg_attr(not(doctest), doc = include_str!("worker/docs/worker.md"))]
#[derive(Clone)]
pub struct Worker {
    engine: Engine,
    registry: Arc<Registry>,
    state: Arc<StateMap>,
    config: Arc<Config>,
    surroundings: Surroundings,
}

impl Worker {
    /// Begins to build a worker for these definitions.
    pub fn builder(engine: impl Into<Engine>, registry: Registry) -> WorkerBuilder {
        WorkerBuilder::new(engine.into(), registry)
    }

    /// The same worker with other limits, on another engine, in a process of the testing kit.
    #[cfg(feature = "testing")]
    pub(crate) fn in_process(
        &self,
        engine: Engine,
        limits: impl FnOnce(&mut Config),
        process: Arc<dyn Process>,
    ) -> Self {
        let mut config = Config::clone(&self.config);
        limits(&mut config);
        Self {
            engine,
            registry: Arc::clone(&self.registry),
            state: Arc::clone(&self.state),
            config: Arc::new(config),
            surroundings: Surroundings::of(process),
        }
    }

    /// The definitions it serves.
    #[cfg(feature = "testing")]
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Runs until the program ends.
    ///
    /// # Errors
    /// When the database has no schema, or one of another build; see [`Worker::run_until`].
    pub async fn run(&self) -> Result<()> {
        self.run_until(std::future::pending::<()>()).await
    }

    /// Runs until `shutdown` resolves; then claims nothing more, lets running activities end (up
    /// to the builder's grace period) and hands everything back, so that other workers go on at
    /// once.
    ///
    /// # Errors
    /// Only what waiting cannot mend ends the loop early: a schema that is missing or of another
    /// build. A database that cannot be reached is waited for.
    pub async fn run_until<F: Future>(&self, shutdown: F) -> Result<()> {
        let (mut shutdown, mut left) = (pin!(shutdown), Vec::new());
        loop {
            let session = tokio::select! {
                biased;
                _ = shutdown.as_mut() => return Ok(()), // it may be long until there is a database
                begun = Session::begin(self) => begun?,
            };
            session.settle(&mut left).await;
            let (name, id) = (&self.config.name, session.id());
            lines::worker_started(name, id, &self.config.queues);
            let ended = session.serve(shutdown.as_mut()).await?;
            lines::worker_stopped(name, id);
            match ended {
                Ended::Shutdown => return Ok(()),
                Ended::LeaseLost(behind) => {
                    left.extend(behind);
                    metrics::lease_lost();
                    tracing::warn!(
                        "the worker's lease lapsed; it forgets its runs and begins anew"
                    );
                }
            }
        }
    }
}
