//! What the parts of one test share: time, the store's news, the interceptor of its activities.
//!
//! The engine of a test has it, and waits as it says.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::interceptor::TestInterceptor;
use super::observed_store::{ObservedStore, Watch};
use super::time::{Gate, Moving, Still};
use crate::engine::Engine;
use crate::error::Result;
use crate::registry::Registry;
use crate::store::Store;
use crate::worker::{Worker, WorkerBuilder};

/// The lease, and the longest pause between looks, of a worker on virtual time, and between trials of
/// stuck runs of any. Long, so that time can jump; a year, because the worker's estimate of the store's clock reaches no further.
const YEAR: Duration = Duration::from_secs(365 * 86_400);
/// The longest pause between looks of a worker in real time.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) struct Kit {
    pub(crate) watch: Arc<Watch>,
    pub(crate) interceptor: Arc<TestInterceptor>,
    /// None in real time.
    gate: Option<Arc<Gate>>,
    /// Actions that a test has scheduled and that are still to come.
    pub(crate) scheduled: AtomicUsize,
    failure: Mutex<Option<crate::error::Error>>,
}

impl Kit {
    /// An engine on virtual time.
    pub(crate) fn on_virtual_time(
        store: Arc<dyn Store>,
        interceptor: TestInterceptor,
        still: &Still,
    ) -> (Engine, Arc<Self>) {
        let kit = Arc::new(Self::new(interceptor, Some(Arc::clone(still.gate()))));
        let observed =
            ObservedStore::new(store, Arc::clone(&kit.watch), kit.interceptor.crash_plan.clone());
        (Engine::under_test(Arc::new(observed), Arc::clone(&kit) as _), kit)
    }

    /// An engine in real time.
    pub(crate) fn in_real_time(store: Arc<dyn Store>) -> (Engine, Arc<Self>) {
        let kit = Arc::new(Self::new(TestInterceptor::default(), None));
        let observed = ObservedStore::in_real_time(store, Arc::clone(&kit.watch));
        (Engine::under_test(Arc::new(observed), Arc::clone(&kit) as _), kit)
    }

    fn new(interceptor: TestInterceptor, gate: Option<Arc<Gate>>) -> Self {
        Self {
            watch: Arc::default(),
            interceptor: Arc::new(interceptor),
            gate,
            scheduled: AtomicUsize::new(0),
            failure: Mutex::default(),
        }
    }

    /// A worker of the test: strict, its activities at the interceptor.
    pub(crate) fn worker(&self, engine: &Engine, registry: &Registry) -> WorkerBuilder {
        let definitions = registry.clone().map_workflows(|def| self.interceptor.take_charge(def));
        let worker = Worker::builder(engine, definitions)
            .interceptor(Arc::clone(&self.interceptor) as _)
            .queues(queues_of(registry))
            .retry_stuck(YEAR)
            .name("the test's worker");
        match self.gate {
            Some(_) => worker.lease(YEAR).poll_interval(YEAR),
            None => worker.poll_interval(PAUSE),
        }
    }

    /// Lets virtual time move until the answer is dropped.
    pub(crate) fn let_time_move(&self) -> Option<Moving> {
        self.gate.as_ref().map(Gate::open)
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.gate.is_some()
    }

    /// A scheduled action is over.
    pub(crate) fn acted(&self, result: Result<()>) {
        if let Err(error) = result {
            let message = format!("an action that was scheduled with `env.after` failed: {error}");
            let failure = error.with_message(message);
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
            self.watch.tell();
        }
        self.scheduled.fetch_sub(1, Ordering::Relaxed);
    }

    /// What has failed beside the test; told once.
    pub(crate) fn take_failure(&self) -> Option<crate::error::Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Every queue that a definition names, and the default one.
pub(super) fn queues_of(registry: &Registry) -> BTreeSet<String> {
    let workflows = registry.workflows().filter_map(|def| def.options.queue.as_deref());
    let activities = registry.activities().filter_map(|def| def.options.queue.as_deref());
    workflows.chain(activities).chain(["default"]).map(str::to_owned).collect()
}
