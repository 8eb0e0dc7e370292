//! A store that tells the kit what is committed; everything else it passes on.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::crash::CrashPlan;
use crate::store::forward::names::*;

/// What the store has told.
#[derive(Default)]
pub(crate) struct Watch {
    /// Moves when a run ends, gets stuck or answers an update, and when a test has failed by itself.
    news: watch::Sender<()>,
    stuck: Mutex<BTreeMap<RunKey, String>>,
    /// How often a worker has registered.
    registered: AtomicUsize,
    /// Whether a worker has polled, so that it takes starts; or has ended.
    served: watch::Sender<bool>,
}

impl Watch {
    /// From now on, what waits should look.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    pub(crate) fn tell(&self) {
        self.news.send_replace(());
    }

    /// The runs that are stuck, and why.
    pub(crate) fn stuck(&self) -> BTreeMap<RunKey, String> {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often a worker has registered.
    pub(crate) fn registered(&self) -> usize {
        self.registered.load(Ordering::Relaxed)
    }

    pub(crate) fn is_served(&self) -> bool {
        *self.served.borrow()
    }

    /// Waits until a worker takes starts.
    pub(crate) async fn until_served(&self) {
        drop(self.served.subscribe().wait_for(|served| *served).await);
    }

    /// A worker takes starts, or none ever will.
    pub(crate) fn serves(&self) {
        self.served.send_if_modified(|served| !std::mem::replace(served, true));
    }

    /// A run was ended from outside.
    fn ended(&self, run: RunKey) {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
        self.tell();
    }

    fn committed(&self, record: &Record) {
        let mut stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        let news = match &record.next {
            Next::Park(park) if park.stuck.is_some() => {
                stuck.insert(record.key, park.stuck.clone().unwrap_or_default());
                true
            }
            Next::Close(_) => true,
            Next::Park(_) | Next::Stay => !record.answers.is_empty(),
        };
        let news = news || stuck.remove(&record.key).is_some();
        drop(stuck);
        if news {
            self.tell();
        }
    }
}

/// A store that is watched.
pub(crate) struct ObservedStore {
    store: Arc<dyn Store>,
    watch: Arc<Watch>,
    crash_plan: Option<Arc<CrashPlan>>,
    /// Whether workers look at long intervals only.
    on_virtual_time: bool,
}

impl ObservedStore {
    /// For workers on virtual time; some of them are to die.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        watch: Arc<Watch>,
        crash_plan: Option<Arc<CrashPlan>>,
    ) -> Self {
        Self { store, watch, crash_plan, on_virtual_time: true }
    }

    /// For workers on real time.
    pub(crate) fn in_real_time(store: Arc<dyn Store>, watch: Arc<Watch>) -> Self {
        Self { store, watch, crash_plan: None, on_virtual_time: false }
    }

    /// A run is due later: workers look when that is, since they look at long intervals only.
    fn due_later(&self) {
        if self.on_virtual_time {
            self.store.publish(Hint::Unsure);
        }
    }

    async fn start_observed(&self, runs: &[NewRun]) -> Result<Vec<Result<Started>>> {
        let started = self.store.start(runs).await;
        if runs.iter().any(starts_later) {
            self.due_later();
        }
        started
    }

    async fn start_held_observed(&self, run: &NewRun, limit: Duration) -> Result<Started> {
        let started = self.store.start_held(run, limit).await;
        if starts_later(run) {
            self.due_later();
        }
        started
    }

    async fn signal_with_start_observed(
        &self,
        run: &NewRun,
        signal: &OutgoingMessage,
    ) -> Result<(Started, Sent)> {
        let done = self.store.signal_with_start(run, signal).await;
        if starts_later(run) {
            self.due_later();
        }
        done
    }

    async fn terminate_observed(
        &self,
        run: RunKey,
        record: &[u8],
        close: &Close,
        messages: &[OutgoingMessage],
    ) -> Result<bool> {
        let ended = self.store.terminate(run, record, close, messages).await;
        self.watch.ended(run);
        ended
    }

    async fn fork_observed(&self, forks: &[ForkedRun]) -> Result<Started> {
        let forked = self.store.fork(forks).await;
        let taken = forks.iter().filter(|fork| fork.takes.place());
        taken.for_each(|fork| self.watch.ended(fork.from));
        forked
    }

    async fn poll_observed(&self, worker: &WorkerIdentity) -> Result<Polled> {
        let polled = self.store.poll(worker).await;
        self.watch.serves();
        polled
    }

    async fn register_observed(&self, worker: &WorkerIdentity) -> Result<Lease> {
        if let Some(crash_plan) = &self.crash_plan {
            crash_plan.registered(worker.id);
        }
        let lease = self.store.register(worker).await?;
        self.watch.registered.fetch_add(1, Ordering::Relaxed);
        Ok(lease)
    }

    async fn commit_observed(
        &self,
        writer: usize,
        worker: Uuid,
        records: &[Record],
    ) -> Result<Vec<Committed>> {
        let number = match &self.crash_plan {
            Some(crash_plan) => crash_plan.before_commit(worker).await,
            None => 0,
        };
        let answers = self.store.commit(writer, worker, records).await?;
        let done = records.iter().zip(&answers).filter(|(_, answer)| **answer == Committed::Done);
        for (record, _) in done {
            self.watch.committed(record);
            if let Some(crash_plan) = &self.crash_plan {
                crash_plan.note(record);
            }
            if waits_for_time(record) {
                self.due_later();
            }
        }
        if let Some(crash_plan) = &self.crash_plan {
            crash_plan.after_commit(number).await;
        }
        Ok(answers)
    }
}

/// Whether it parks a run until a time, or starts one later.
fn waits_for_time(record: &Record) -> bool {
    let parks = matches!(&record.next, Next::Park(park) if park.wake_at.is_some());
    parks || record.starts.iter().any(starts_later)
}

fn starts_later(run: &NewRun) -> bool {
    run.delay.is_some() || run.start_at.is_some()
}

/// The verbs that it looks at.
macro_rules! observed {
    ($store:ident start($runs:ident)) => { Box::pin($store.start_observed($runs)) };
    ($store:ident start_held($run:ident, $limit:ident)) => {
        Box::pin($store.start_held_observed($run, $limit))
    };
    ($store:ident signal_with_start($run:ident, $signal:ident)) => {
        Box::pin($store.signal_with_start_observed($run, $signal))
    };
    ($store:ident terminate($($given:ident),*)) => {
        Box::pin($store.terminate_observed($($given),*))
    };
    ($store:ident fork($forks:ident)) => { Box::pin($store.fork_observed($forks)) };
    ($store:ident poll($worker:ident)) => { Box::pin($store.poll_observed($worker)) };
    ($store:ident register($worker:ident)) => { Box::pin($store.register_observed($worker)) };
    ($store:ident commit($($given:ident),*)) => { Box::pin($store.commit_observed($($given),*)) };
    ($store:ident $verb:ident($($given:ident),*)) => { $store.store.$verb($($given),*) };
}

forward_store!(ClientStore for ObservedStore, observed);
forward_store!(WorkerStore for ObservedStore, observed);
forward_store!(Inspect for ObservedStore, observed);
forward_store!(Operate for ObservedStore, observed);
forward_store!(Hub for ObservedStore, observed);

impl Store for ObservedStore {
    /// The store itself, so that transactional activities find their database.
    fn as_any(&self) -> &dyn Any {
        self.store.as_any()
    }
}
