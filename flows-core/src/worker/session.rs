//! One lease of a worker, from its registration to its end.
//!
//! A worker that loses its lease forgets everything it held and begins a new session under a new
//! id, so nothing of the old one can be mistaken for its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

use super::Worker;
use super::budget::Budget;
use super::builder::Config;
use super::clock::StoreClock;
use super::complaints::Complaints;
use super::executors::Executors;
use super::holds::Holds;
use super::local_start::LocalStarts;
use super::pages::PageRequest;
use super::pauses::Served;
use super::stuck_log::StuckLog;
use super::surroundings::Surroundings;
use super::tasks::Tasks;
use super::{lease, poller};
use crate::clock;
use crate::codec::Codecs;
use crate::context::StateMap;
use crate::engine::hints::Hints;
use crate::error::Result;
use crate::ids::RunKey;
use crate::registry::Registry;
use crate::replay::ChangedInput;
use crate::store::{Store, WorkerIdentity};
use crate::telemetry::Propagator;

/// How long handing back may take; and where the store has not answered of late.
const RETIRE: Duration = Duration::from_secs(5);
const RETIRE_AWAY: Duration = Duration::from_secs(1);
/// How often it is looked whether a worker that ends waits for anything, and how often in vain.
const GLANCE: Duration = Duration::from_millis(100);
const HOPELESS: usize = 10;

/// Why a session ended.
pub(crate) enum Ended {
    Shutdown,
    /// With what is still to be handed back, if it could not be.
    LeaseLost(Option<Left>),
}

/// What a session has left behind: its store could not be reached.
pub(crate) struct Left {
    worker: Uuid,
    innocent: Vec<RunKey>,
}

/// What all parts of a worker share.
pub(crate) struct Session {
    pub(crate) identity: WorkerIdentity,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hints: Arc<Hints>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) state: Arc<StateMap>,
    pub(crate) config: Arc<Config>,
    pub(crate) payload_limit: usize,
    /// Of the engine, for records that do not go through its store.
    pub(crate) codecs: Option<Codecs>,
    /// Of the engine: from headers to spans.
    pub(crate) propagator: Propagator,
    pub(crate) clock: StoreClock,
    /// Slots for activities.
    pub(crate) permits: Arc<Semaphore>,
    /// Runs in memory or on their way into it.
    pub(crate) residents: AtomicUsize,
    /// Rung when slots for runs become free, or messages must be collected.
    pub(crate) wanted: Arc<Notify>,
    /// What was read and is not replayed.
    pub(crate) budget: Arc<Budget>,
    /// When the lease was last asked for, successfully.
    pub(crate) renewed: Mutex<Instant>,
    /// What was said of late.
    pub(super) complaints: Complaints,
    /// Whether the store did not answer when it was last asked for that.
    pub(crate) unreachable: AtomicBool,
    pub(crate) collect: AtomicBool,
    /// Whether runs are ready for which there may be no slots.
    pub(crate) backlog: AtomicBool,
    /// Whether nothing more is claimed, because the lease is lost.
    is_over: AtomicBool,
    /// Whether a suspect is tried alone.
    pub(crate) trial: AtomicBool,
    /// Runs that could not go on.
    pub(crate) stuck: StuckLog,
    /// Runs that executors want to read again.
    pub(crate) reloads: Mutex<Vec<RunKey>>,
    /// Whose code has held its thread for long.
    pub(crate) holds: Holds,
    /// Runs that it held to its end, and that did not block it.
    innocent: Mutex<Vec<RunKey>>,
    /// Inboxes that executors want to read on.
    pub(crate) pages: Mutex<Vec<PageRequest>>,
    /// Where its tasks run.
    pub(crate) surroundings: Surroundings,
    /// Attempts that it runs for other workers' runs.
    pub(super) tasks: Tasks,
    /// What of its lanes is not paused.
    served: RwLock<Arc<Served>>,
}

impl Session {
    /// Registers the worker; waits for a database that cannot be reached.
    pub(crate) async fn begin(worker: &Worker) -> Result<Arc<Self>> {
        let identity = WorkerIdentity {
            id: clock::uuid_v7(),
            name: worker.config.name.clone(),
            lease: worker.config.lease,
            lanes: worker.config.lanes.clone(),
            task_lanes: worker.config.task_lanes.clone(),
        };
        worker.engine.listen();
        let store = worker.engine.store();
        let (asked, lease) = lease::register(&*store, &identity).await?;
        Ok(Arc::new(Self {
            hints: worker.engine.hints(),
            registry: Arc::clone(&worker.registry),
            state: Arc::clone(&worker.state),
            payload_limit: worker.engine.payload_limit(),
            codecs: worker.engine.codecs(),
            propagator: worker.engine.propagator(),
            clock: StoreClock::new(lease.now),
            permits: Arc::new(Semaphore::new(worker.config.max_activities)),
            residents: AtomicUsize::new(0),
            wanted: Arc::default(),
            budget: Arc::default(),
            renewed: Mutex::new(asked),
            complaints: Complaints::default(),
            unreachable: AtomicBool::new(false),
            collect: AtomicBool::new(false),
            backlog: AtomicBool::new(true), // until it has looked
            is_over: AtomicBool::new(false),
            trial: AtomicBool::new(false),
            stuck: StuckLog::default(),
            reloads: Mutex::default(),
            pages: Mutex::default(),
            holds: Holds::within(worker.config.lease, !worker.surroundings.are_simulated()),
            innocent: Mutex::default(),
            config: Arc::clone(&worker.config),
            surroundings: worker.surroundings.clone(),
            tasks: Tasks::default(),
            served: RwLock::new(Arc::new(Served::all(&identity))),
            identity,
            store,
        }))
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Whether the lease is surely held: nobody else has taken the worker's runs.
    pub(crate) fn holds_lease(&self) -> bool {
        self.renewed().elapsed() < self.config.lease
    }

    pub(crate) fn renewed(&self) -> Instant {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_renewed(&self, asked: Instant) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }

    pub(crate) fn id(&self) -> Uuid {
        self.identity.id
    }

    /// Why a run may not go on with these warnings: it may, unless the worker is strict.
    pub(crate) fn refusal(&self, run: RunKey, warnings: &[ChangedInput]) -> Option<String> {
        let first = warnings.first().filter(|_| self.config.strict)?;
        #[cfg(feature = "testing")]
        if let Some(interceptor) = &self.config.interceptor {
            return Some(interceptor.explain(run.run, first));
        }
        let _ = run;
        Some(first.to_string())
    }

    /// What of its lanes is not paused, as far as it knows.
    pub(super) fn served(&self) -> Arc<Served> {
        Arc::clone(&self.served.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_served(&self, served: Arc<Served>) {
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = served;
    }

    /// Slots for runs that are free.
    pub(crate) fn free_slots(&self) -> usize {
        self.config.max_resident_runs.saturating_sub(self.residents.load(Ordering::Relaxed))
    }

    /// Runs have left memory.
    pub(crate) fn release_slots(&self, count: usize) {
        self.residents.fetch_sub(count, Ordering::Relaxed);
        self.wanted.notify_one();
    }

    /// Asks the poller to collect messages.
    pub(crate) fn request_collect(&self) {
        self.collect.store(true, Ordering::Relaxed);
        self.wanted.notify_one();
    }

    /// Asks the poller to read runs again. It is the poller who does it, because it also collects
    /// messages: what it reads then reaches an executor in the order in which it was read.
    pub(crate) fn request_reload(&self, runs: Vec<RunKey>) {
        self.reloads.lock().unwrap_or_else(PoisonError::into_inner).extend(runs);
        self.wanted.notify_one();
    }

    /// Asks the poller to read on in an inbox.
    pub(crate) fn request_page(&self, asked: PageRequest) {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        self.wanted.notify_one();
    }

    /// The inboxes to read on.
    pub(crate) fn take_pages(&self) -> Vec<PageRequest> {
        std::mem::take(&mut self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The runs to read again.
    pub(crate) fn take_reloads(&self) -> Vec<RunKey> {
        std::mem::take(&mut self.reloads.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves until shutdown or until the lease is lost.
    pub(crate) async fn serve<F: Future>(self: Arc<Self>, shutdown: Pin<&mut F>) -> Result<Ended> {
        let heard = self.hints.join(self.id());
        let mut executors = Executors::start(&self);
        let inboxes = executors.inboxes();
        let opened = self.hints.local_workers.open(LocalStarts::new(&self, &inboxes));
        let mut polling = Box::pin(poller::run(&self, &heard, &inboxes));
        let ended = tokio::select! {
            biased;
            () = lease::hold(&self) => Ended::LeaseLost(None),
            () = &mut polling => Ended::LeaseLost(None),
            () = executors.one_ended() => Ended::LeaseLost(None), // an executor has panicked
            _ = shutdown => Ended::Shutdown,
        };
        drop(opened);
        if matches!(ended, Ended::Shutdown) {
            drop(polling);
            self.drain(&mut executors).await;
            executors.end().await;
            self.keep_heartbeats().await;
        } else {
            executors.end().await;
            self.hear_last_answer(polling).await;
        }
        self.tasks.stop_all();
        self.hints.leave(self.id());
        let left = self.retire().await;
        Ok(if let Ended::LeaseLost(_) = ended { Ended::LeaseLost(left) } else { ended })
    }

    /// The answer to a claim may be on its way still: a worker that was frozen finds both its lease over and
    /// the answer there. The runs that it names are innocent too.
    async fn hear_last_answer(&self, polling: impl Future<Output = ()>) {
        self.is_over.store(true, Ordering::Relaxed);
        self.wanted.notify_one();
        let _ = tokio::time::timeout(self.longest_farewell(), polling).await; // it is as if it were lost
    }

    /// How long the store may take for what is said when the session is over.
    fn longest_farewell(&self) -> Duration {
        if self.unreachable.load(Ordering::Relaxed) { RETIRE_AWAY } else { RETIRE }
    }

    /// A run that it holds is none that blocks it.
    pub(super) fn acquit(&self, runs: impl Iterator<Item = RunKey>) {
        self.innocent.lock().unwrap_or_else(PoisonError::into_inner).extend(runs);
    }

    /// Hands back what earlier sessions of the worker could not, for as long as there is time.
    pub(crate) async fn settle(&self, left: &mut Vec<Left>) {
        let before = std::mem::take(left);
        for Left { worker, innocent } in before {
            let retired = self.store.retire(worker, &innocent);
            let retired = tokio::time::timeout(self.config.lease / 6, retired).await;
            if !matches!(retired, Ok(Ok(()))) {
                left.push(Left { worker, innocent });
            }
        }
    }

    /// Lets running activities end, within the grace period, while the lease is still held.
    async fn drain(&self, executors: &mut Executors) {
        executors.drain();
        tokio::select! {
            biased;
            ((), ()) = futures_util::future::join(executors.all_ended(), self.end_all_tasks()) => {}
            () = lease::hold_closely(self) => {}
            () = self.hopeless() => {}
            () = tokio::time::sleep(self.config.grace) => {
                tracing::warn!(
                    "activities, or workflow code that blocks, still ran after the grace period; \
                     they are handed back"
                );
            }
        }
    }

    /// Resolves when waiting leads to nothing: the store is away, so that nothing can be recorded, and
    /// no activity runs that would do something yet.
    async fn hopeless(&self) {
        let mut times = 0;
        while times < HOPELESS {
            tokio::time::sleep(GLANCE).await;
            let runs_none = self.permits.available_permits() == self.config.max_activities;
            let is_so = runs_none && self.unreachable.load(Ordering::Relaxed);
            times = if is_so { times + 1 } else { 0 };
        }
    }

    /// Hands back what is left. If the store cannot be reached, the lease runs out instead, and what is to
    /// be handed back is given.
    async fn retire(&self) -> Option<Left> {
        let innocent =
            std::mem::take(&mut *self.innocent.lock().unwrap_or_else(PoisonError::into_inner));
        let retired = self.store.retire(self.id(), &innocent);
        match tokio::time::timeout(self.longest_farewell(), retired).await {
            Ok(Ok(())) => {
                self.hints.ready((0..crate::ids::SHARDS).collect());
                return None;
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "could not hand runs back; the lease runs out")
            }
            Err(_) => tracing::warn!("handing runs back took too long; the lease runs out"),
        }
        Some(Left { worker: self.id(), innocent })
    }
}
