//! A store that tells the kit what is committed; everything else it passes on.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use uuid::Uuid;

use super::crash::Doom;
use crate::error::Result;
use crate::ids::RunKey;
use crate::store::{
    Activation, Claim, ClaimStuck, Close, Collected, Committed, Counted, DeadLetter, Hint,
    HistoryRow, Lease, ListFilter, Listed, NewRun, Next, Outcome, OutgoingMessage, Overdue, Page,
    Polled, Record, RunView, Scan, Scanned, Sent, Started, Store, StoreFuture, WorkerIdentity,
};

/// What the store has told.
#[derive(Default)]
pub(crate) struct Watch {
    /// Moves when a run ends or gets stuck, and when a test has failed by itself.
    news: watch::Sender<()>,
    stuck: Mutex<BTreeMap<RunKey, String>>,
    /// How often a worker has registered.
    registered: AtomicUsize,
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

    fn committed(&self, record: &Record) {
        let mut stuck = self.stuck.lock().unwrap_or_else(PoisonError::into_inner);
        let news = match &record.next {
            Next::Park(park) if park.stuck.is_some() => {
                stuck.insert(record.key, park.stuck.clone().unwrap_or_default());
                true
            }
            Next::Close(_) => true,
            Next::Park(_) | Next::Stay => false,
        };
        let news = news || stuck.remove(&record.key).is_some();
        drop(stuck);
        if news {
            self.tell();
        }
    }
}

/// A store that is watched.
pub(crate) struct Watched {
    store: Arc<dyn Store>,
    watch: Arc<Watch>,
    doom: Option<Arc<Doom>>,
    /// Whether workers look at long intervals only.
    on_virtual_time: bool,
}

impl Watched {
    /// For workers on virtual time; some of them are to die.
    pub(crate) fn new(store: Arc<dyn Store>, watch: Arc<Watch>, doom: Option<Arc<Doom>>) -> Self {
        Self { store, watch, doom, on_virtual_time: true }
    }

    /// For workers on real time.
    pub(crate) fn in_real_time(store: Arc<dyn Store>, watch: Arc<Watch>) -> Self {
        Self { store, watch, doom: None, on_virtual_time: false }
    }

    /// A run is due later: workers look when that is, since they look at long intervals only.
    fn due_later(&self) {
        if self.on_virtual_time {
            self.store.publish(Hint::Unsure);
        }
    }

    async fn commit_watched(
        &self,
        writer: usize,
        worker: Uuid,
        records: &[Record],
    ) -> Result<Vec<Committed>> {
        let number = match &self.doom {
            Some(doom) => doom.before_commit(worker).await,
            None => 0,
        };
        let answers = self.store.commit(writer, worker, records).await?;
        let done = records.iter().zip(&answers).filter(|(_, answer)| **answer == Committed::Done);
        for (record, _) in done {
            self.watch.committed(record);
            if let Some(doom) = &self.doom {
                doom.note(record);
            }
            if waits_for_time(record) {
                self.due_later();
            }
        }
        if let Some(doom) = &self.doom {
            doom.after_commit(number).await;
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

impl Store for Watched {
    fn start<'a>(&'a self, runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>> {
        Box::pin(async move {
            let started = self.store.start(runs).await;
            if runs.iter().any(starts_later) {
                self.due_later();
            }
            started
        })
    }

    fn send<'a>(&'a self, mail: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>> {
        self.store.send(mail)
    }

    fn start_held<'a>(&'a self, run: &'a NewRun, limit: Duration) -> StoreFuture<'a, Started> {
        Box::pin(async move {
            let started = self.store.start_held(run, limit).await;
            if starts_later(run) {
                self.due_later();
            }
            started
        })
    }

    fn send_held<'a>(
        &'a self,
        mail: &'a OutgoingMessage,
        limit: Duration,
    ) -> StoreFuture<'a, Sent> {
        self.store.send_held(mail, limit)
    }

    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        mail: &'a [OutgoingMessage],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let ended = self.store.terminate(run, record, close, mail).await;
            self.watch.stuck.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
            self.watch.tell();
            ended
        })
    }

    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started> {
        self.store.rerun(dead, run)
    }

    fn register<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease> {
        if let Some(doom) = &self.doom {
            doom.registered(worker.id);
        }
        Box::pin(async move {
            let lease = self.store.register(worker).await?;
            self.watch.registered.fetch_add(1, Ordering::Relaxed);
            Ok(lease)
        })
    }

    fn renew<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease> {
        self.store.renew(worker)
    }

    fn retry_stuck(&self, run: RunKey) -> StoreFuture<'_, bool> {
        self.store.retry_stuck(run)
    }

    fn retire<'a>(&'a self, worker: Uuid, innocent: &'a [RunKey]) -> StoreFuture<'a, ()> {
        self.store.retire(worker, innocent)
    }

    fn overdue(&self, limit: usize) -> StoreFuture<'_, Vec<Overdue>> {
        self.store.overdue(limit)
    }

    fn claim_stuck<'a>(&'a self, claim: ClaimStuck<'a>) -> StoreFuture<'a, Vec<Activation>> {
        self.store.claim_stuck(claim)
    }

    fn poll<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Polled> {
        self.store.poll(worker)
    }

    fn claim<'a>(&'a self, claim: Claim<'a>) -> StoreFuture<'a, Vec<Activation>> {
        self.store.claim(claim)
    }

    fn reload<'a>(&'a self, worker: Uuid, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<Activation>> {
        self.store.reload(worker, runs)
    }

    fn collect(&self, worker: Uuid) -> StoreFuture<'_, Vec<Collected>> {
        self.store.collect(worker)
    }

    fn read_inboxes<'a>(&'a self, asked: &'a [(RunKey, i64)]) -> StoreFuture<'a, Vec<Page>> {
        self.store.read_inboxes(asked)
    }

    fn commit<'a>(
        &'a self,
        writer: usize,
        worker: Uuid,
        records: &'a [Record],
    ) -> StoreFuture<'a, Vec<Committed>> {
        Box::pin(self.commit_watched(writer, worker, records))
    }

    fn writers(&self) -> usize {
        self.store.writers()
    }

    fn outcomes<'a>(&'a self, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<(RunKey, Outcome)>> {
        self.store.outcomes(runs)
    }

    fn publish(&self, hint: Hint) {
        self.store.publish(hint);
    }

    fn subscribe(&self) -> Option<UnboundedReceiver<Hint>> {
        self.store.subscribe()
    }

    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>> {
        self.store.find(tenant, workflow_id)
    }

    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>> {
        self.store.describe(run)
    }

    /// The store itself, so that transactional activities find their database.
    fn as_any(&self) -> &dyn Any {
        self.store.as_any()
    }

    fn history(&self, run: RunKey) -> StoreFuture<'_, Vec<HistoryRow>> {
        self.store.history(run)
    }

    fn list<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Listed> {
        self.store.list(tenant, filter)
    }

    fn count<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Counted> {
        self.store.count(tenant, filter)
    }

    fn scan<'a>(&'a self, scan: &'a Scan) -> StoreFuture<'a, Scanned> {
        self.store.scan(scan)
    }

    fn stuck(&self, tenant: Uuid, limit: usize) -> StoreFuture<'_, Vec<RunView>> {
        self.store.stuck(tenant, limit)
    }

    fn dead_letters(&self, tenant: Uuid, limit: usize) -> StoreFuture<'_, Vec<DeadLetter>> {
        self.store.dead_letters(tenant, limit)
    }
}
