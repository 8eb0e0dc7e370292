//! The environment of a test: an engine, a worker that serves every definition, virtual time.

use std::any::Any;
use std::future::{Future, IntoFuture};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use uuid::Uuid;

use super::interceptor::TestInterceptor;
use super::kit::Kit;
use super::mock;
use super::time::Still;
use crate::clock;
use crate::context::ActivityContext;
use crate::definition::{Activity, Workflow};
use crate::engine::{Engine, Execution, Tenant, Typed};
use crate::error::{Error, Result};
use crate::memory::MemoryStore;
use crate::registry::Registry;
use crate::store::{ListFilter, Placement, RunStatus, list_all};

/// How often a test in real time checks whether everything is quiet.
const LOOK: Duration = Duration::from_millis(5);
/// The maximum number of open runs that it checks.
const RUNS: usize = 10_000;

#[cfg_attr(not(doctest), doc = include_str!("docs/env.md"))]
pub struct TestEnv {
    engine: Engine,
    kit: Arc<Kit>,
    registry: Registry,
    memory: Option<MemoryStore>,
    workers: Mutex<Vec<JoinHandle<Result<()>>>>,
    /// What must outlive the workers: the database.
    _keep: Option<Box<dyn Any + Send>>,
    /// Dropped last: without it time is not virtual any more.
    _still: Option<Still>,
}

impl Default for TestEnv {
    fn default() -> Self {
        Self::new()
    }
}

impl TestEnv {
    /// Creates an environment with an empty in-memory store, virtual time, and a worker that serves
    /// everything annotated in the program.
    ///
    /// # Panics
    /// Outside a runtime, or in one with several threads; when two definitions of the program have
    /// the same name: then give the test its own registry, with [`TestEnv::with`].
    #[track_caller]
    pub fn new() -> Self {
        Self::with(Registry::all())
    }

    /// As [`TestEnv::new`], with a worker that serves these definitions:
    /// `TestEnv::with(flows::register_all![order, charge_payment])`.
    ///
    /// # Panics
    /// As [`TestEnv::new`].
    #[track_caller]
    pub fn with(registry: Registry) -> Self {
        let still = Still::begin();
        let memory = MemoryStore::new();
        let (engine, kit) =
            Kit::on_virtual_time(Arc::new(memory.clone()), TestInterceptor::default(), &still);
        let env = Self {
            engine,
            kit,
            registry,
            memory: Some(memory),
            workers: Mutex::default(),
            _keep: None,
            _still: Some(still),
        };
        env.work(&[]);
        env
    }

    /// On the store of another engine, in real time; `keep` is dropped after the workers.
    #[doc(hidden)]
    #[track_caller]
    pub fn in_real_time(
        engine: impl Into<Engine>,
        registry: Registry,
        keep: Box<dyn Any + Send>,
    ) -> Self {
        let (engine, kit) = Kit::in_real_time(engine.into().store());
        let env = Self {
            engine,
            kit,
            registry,
            memory: None,
            workers: Mutex::default(),
            _keep: Some(keep),
            _still: None,
        };
        env.work(&[]);
        env
    }

    /// Serves additional queues, which only a start or a call names. Queues that definitions name
    /// are always served.
    pub fn queues<Q: AsRef<str>>(&self, queues: impl IntoIterator<Item = Q>) -> &Self {
        let queues: Vec<_> = queues.into_iter().map(|queue| queue.as_ref().to_owned()).collect();
        self.work(&queues);
        self
    }

    /// Starts a worker: for these queues, or for those of the definitions.
    #[track_caller]
    fn work(&self, queues: &[String]) {
        // Waiting runs leave memory at once: what is inspected is what is stored, and a run that
        // is woken is replayed.
        let worker = self.kit.worker(&self.engine, &self.registry).resident_for(Duration::ZERO);
        let worker = if queues.is_empty() { worker } else { worker.queues(queues) };
        let worker = worker.build().unwrap_or_else(|error| {
            panic!(
                "{error}; or name the definitions of this test: `TestEnv::with(register_all![…])`"
            )
        });
        let watch = Arc::clone(&self.kit.watch);
        let working = tokio::spawn(async move {
            let ended = worker.run().await;
            watch.serves(); // nobody need wait for it
            ended
        });
        self.workers.lock().unwrap_or_else(PoisonError::into_inner).push(working);
    }

    /// Gives activities a shared dependency, as `Worker::builder(..).state(value)` does. An
    /// activity that is not mocked and lacks its state fails and says so.
    pub fn state<T: Send + Sync + 'static>(&self, value: T) -> &Self {
        self.kit.interceptor.insert_state(value);
        self
    }

    // ---- the engine ------------------------------------------------------------------------

    /// The engine of this test.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    crate::default_tenant_methods!(|env| env.engine);

    /// The engine for one tenant: its runs, and no others.
    pub fn tenant(&self, id: impl Into<Uuid>) -> Tenant {
        self.engine.tenant(id)
    }

    // ---- mocks -----------------------------------------------------------------------------

    /// From now on, attempts of this activity call the closure instead of its body. Everything
    /// else is real: retries, limits, the codec, the journal.
    pub fn mock<A: Activity>(
        &self,
        activity: A,
        mock: impl FnMut(A::Input) -> Result<A::Output> + Send + 'static,
    ) -> &Self {
        self.kit.interceptor.mocks().activities.extend([mock::closure(activity, mock)]);
        self
    }

    /// Like [`TestEnv::mock`], with an async closure that also gets the attempt's context: it may
    /// use virtual time (`tokio::time::sleep`), send heartbeats and read `attempt()`.
    pub fn mock_async<A: Activity, R>(
        &self,
        activity: A,
        mock: impl Fn(ActivityContext, A::Input) -> R + Send + Sync + 'static,
    ) -> &Self
    where
        R: Future<Output = Result<A::Output>> + Send + 'static,
    {
        self.kit.interceptor.mocks().activities.extend([mock::asynchronous(activity, mock)]);
        self
    }

    /// From now on, every attempt of this activity returns this value.
    pub fn mock_value<A: Activity>(&self, activity: A, value: A::Output) -> &Self {
        self.kit.interceptor.mocks().activities.extend([mock::result(activity, Ok(value))]);
        self
    }

    /// From now on, every attempt of this activity fails with this error.
    pub fn mock_error<A: Activity>(&self, activity: A, error: impl Into<Error>) -> &Self {
        self.kit.interceptor.mocks().activities.extend([mock::result(activity, Err(error.into()))]);
        self
    }

    /// From now on, attempts of this activity return these results, one after the other. An attempt
    /// after the last one fails with an error that is not retried and says so.
    pub fn mock_sequence<A: Activity>(
        &self,
        activity: A,
        results: impl IntoIterator<Item = Result<A::Output>>,
    ) -> &Self {
        self.kit.interceptor.mocks().activities.extend([mock::sequence(activity, results)]);
        self
    }

    /// From now on, new runs of this workflow, children included, end at once with the closure's
    /// result. Do not mock runs that have begun: they would get stuck.
    pub fn mock_workflow<W: Workflow>(
        &self,
        workflow: W,
        mock: impl FnMut(W::Input) -> Result<W::Output> + Send + 'static,
    ) -> &Self {
        self.kit.interceptor.mocks().workflows.extend([mock::workflow(workflow, mock)]);
        self
    }

    /// The inputs of all attempts of this activity so far, in all runs, mocked or not, in the order
    /// in which they began.
    ///
    /// # Panics
    /// When an input does not decode as its own type.
    #[track_caller]
    pub fn calls<A: Activity>(&self, activity: A) -> Vec<A::Input> {
        self.kit.interceptor.calls.decoded(activity).expect("the input of an attempt decodes")
    }

    /// Fails the test unless there were exactly this many attempts of this activity so far.
    ///
    /// # Panics
    /// If there were not; the message has the inputs of the attempts.
    #[track_caller]
    pub fn assert_called<A: Activity>(&self, activity: A, times: usize) {
        let inputs = self.kit.interceptor.calls.inputs(activity);
        let (name, count) = (A::NAME, inputs.len());
        let list: String = inputs.iter().map(|input| format!("\n  {input:?}")).collect();
        assert!(count == times, "activity `{name}` was invoked {count} times, not {times}:{list}");
    }

    // ---- time ------------------------------------------------------------------------------

    /// The virtual time of the store. In `#[flows::test]` it begins at 2030-01-01 00:00 UTC.
    pub fn now(&self) -> SystemTime {
        match &self.memory {
            Some(memory) => memory.now().into(),
            None => clock::system_time(),
        }
    }

    /// Advances time by this duration; whatever is due until then happens.
    pub async fn sleep(&self, duration: Duration) {
        let _moving = self.kit.let_time_move();
        tokio::time::sleep(duration).await;
    }

    /// Runs everything that can run without advancing time. (The clock moves by a millisecond: this
    /// is how the kit detects it.) On PostgreSQL it waits until every open run of the default tenant
    /// waits.
    ///
    /// # Errors
    /// On PostgreSQL, when the database cannot be read.
    pub async fn settle(&self) -> Result<()> {
        if self.kit.is_virtual() {
            self.sleep(Duration::from_millis(1)).await;
            return Ok(());
        }
        while !self.is_quiet().await? {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Whether every worker of this test that lives has registered: before that, nothing is served.
    fn is_served(&self) -> bool {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = workers.iter().filter(|worker| !worker.is_finished()).count();
        self.kit.watch.registered() >= alive
    }

    async fn is_quiet(&self) -> Result<bool> {
        if !self.is_served() {
            return Ok(false);
        }
        let store = self.engine.store();
        let status = Some(RunStatus::Running);
        let open = ListFilter { status, limit: RUNS, ..ListFilter::default() };
        for view in list_all(&*store, Uuid::nil(), &open).await?.runs {
            let view = store.describe(view.key).await?;
            let place = view.and_then(|view| view.placement);
            let runs =
                matches!(place, Some(Placement::Owned { .. } | Placement::Ready { served: true }));
            if runs && self.kit.interceptor.calls.running().is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Does something after this much virtual time, while the test waits:
    /// `env.after(hour, exec.signal("ready", &yes))`. If it fails, the next `exec.result()` does.
    pub fn after<F>(&self, delay: Duration, action: F)
    where
        F: IntoFuture<Output = Result<()>>,
        F::IntoFuture: Send + 'static,
    {
        let (kit, action) = (Arc::clone(&self.kit), action.into_future());
        kit.scheduled.fetch_add(1, Ordering::Relaxed);
        let at = tokio::time::Instant::now() + delay;
        tokio::spawn(async move {
            tokio::time::sleep_until(at).await;
            kit.acted(action.await);
        });
    }

    /// Settles, and returns what the run waits for: ``signal `ready` (#1), called at
    /// src/order.rs:12``.
    ///
    /// # Errors
    /// `NotFound` when there is no such run; its reason when it is stuck.
    pub async fn waits_for<W: Typed>(&self, exec: &Execution<W>) -> Result<String> {
        self.settle().await?;
        let (store, view) = exec.look().await?;
        self.kit.waits_for(&*store, view).await
    }
}

impl From<&TestEnv> for Engine {
    fn from(env: &TestEnv) -> Self {
        env.engine.clone()
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        for worker in self.workers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            worker.abort();
        }
    }
}
