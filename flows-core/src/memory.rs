//! The store in this process: for tests, the testing kit and simulation.
//!
//! It keeps every invariant of [`store`](crate::store) except durability: one mutex is its
//! transaction, so each verb happens at once or not at all. Its clock follows
//! [`tokio::time::Instant`], so a paused runtime moves it. It must never decide anything that the
//! contract does not say, for what works here must work on PostgreSQL.

mod claim;
mod clock;
mod commit;
mod hints;
mod lease;
mod run;
mod scan;
mod send;
#[cfg(feature = "testing")]
mod simulated;
mod start;
mod state;
#[cfg(test)]
mod tests;
mod view;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

#[cfg(feature = "testing")]
pub(crate) use self::simulated::{Lost, Stir};

use self::clock::Clock;
use self::hints::Hints;
use self::state::State;
use crate::error::Result;
use crate::ids::RunKey;
use crate::store::StoreFuture;
use crate::store::traits::*;
use crate::store::types::*;
use crate::time::Timestamp;

/// A store in memory. Clones share it, as workers share a database.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Shared>);

#[derive(Default)]
struct Shared {
    clock: Clock,
    state: Mutex<State>,
    hints: Hints,
}

impl MemoryStore {
    /// An empty store, whose clock starts at the machine's time.
    pub fn new() -> Self {
        Self::default()
    }

    /// The store's time.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Runs `verb` as a transaction when the future is polled. It spends the task's budget, so
    /// that a loop over an ever-ready store lets others run.
    fn transact<'a, T: Send + 'a>(
        &'a self,
        verb: impl FnOnce(&mut State, Timestamp) -> Result<T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            tokio::task::coop::consume_budget().await;
            let (result, hints) = self.0.locked(verb);
            hints.into_iter().for_each(|hint| self.0.hints.send(&hint));
            result
        })
    }
}

impl Shared {
    fn locked<T>(
        &self,
        verb: impl FnOnce(&mut State, Timestamp) -> Result<T>,
    ) -> (Result<T>, Vec<Hint>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = verb(&mut state, self.clock.now());
        (result, std::mem::take(&mut state.hints))
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl ClientStore for MemoryStore {
    fn start<'a>(&'a self, runs: &'a [NewRun]) -> StoreFuture<'a, Vec<Result<Started>>> {
        self.transact(|state, now| Ok(runs.iter().map(|run| state.start(run, now)).collect()))
    }

    fn start_held<'a>(&'a self, run: &'a NewRun, _limit: Duration) -> StoreFuture<'a, Started> {
        self.transact(|state, now| state.start(run, now))
    }

    fn send<'a>(&'a self, mail: &'a [OutgoingMessage]) -> StoreFuture<'a, Vec<Result<Sent>>> {
        self.transact(|state, _| Ok(mail.iter().map(|message| state.send(message)).collect()))
    }

    fn send_held<'a>(
        &'a self,
        mail: &'a OutgoingMessage,
        _limit: Duration,
    ) -> StoreFuture<'a, Sent> {
        self.transact(|state, _| state.send(mail))
    }

    fn signal_with_start<'a>(
        &'a self,
        run: &'a NewRun,
        signal: &'a OutgoingMessage,
    ) -> StoreFuture<'a, (Started, Sent)> {
        self.transact(|state, now| state.signal_with_start(run, signal, now))
    }

    fn terminate<'a>(
        &'a self,
        run: RunKey,
        record: &'a [u8],
        close: &'a Close,
        mail: &'a [OutgoingMessage],
    ) -> StoreFuture<'a, bool> {
        self.transact(move |state, now| state.terminate(run, record, close, mail, now))
    }

    fn rerun<'a>(&'a self, dead: RunKey, run: &'a NewRun) -> StoreFuture<'a, Started> {
        self.transact(move |state, now| state.rerun(dead, run, now))
    }

    fn retry_stuck(&self, run: RunKey) -> StoreFuture<'_, bool> {
        self.transact(move |state, now| Ok(state.retry_stuck(run, now)))
    }

    fn find<'a>(&'a self, tenant: Uuid, workflow_id: &'a str) -> StoreFuture<'a, Option<RunKey>> {
        self.transact(move |state, _| Ok(state.find(tenant, workflow_id)))
    }

    fn describe(&self, run: RunKey) -> StoreFuture<'_, Option<RunView>> {
        self.transact(move |state, now| Ok(state.describe(run, now)))
    }
}

impl WorkerStore for MemoryStore {
    fn register<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease> {
        self.transact(|state, now| Ok(state.register(worker, now)))
    }

    fn renew<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Lease> {
        self.transact(|state, now| Ok(state.renew(worker, now)))
    }

    fn retire<'a>(&'a self, worker: Uuid, innocent: &'a [RunKey]) -> StoreFuture<'a, ()> {
        self.transact(move |state, now| {
            state.retire(worker, innocent, now);
            Ok(())
        })
    }

    fn poll<'a>(&'a self, worker: &'a WorkerIdentity) -> StoreFuture<'a, Polled> {
        self.transact(|state, now| Ok(state.poll(worker, now)))
    }

    fn overdue(&self, limit: usize) -> StoreFuture<'_, Vec<Overdue>> {
        self.transact(move |state, now| Ok(state.overdue(now).take(limit).collect()))
    }

    fn start_owned<'a>(
        &'a self,
        worker: Uuid,
        runs: &'a [NewRun],
    ) -> StoreFuture<'a, Vec<Result<Started>>> {
        self.transact(move |state, now| {
            Ok(runs.iter().map(|run| state.start_owned(worker, run, now)).collect())
        })
    }

    fn claim<'a>(&'a self, claim: Claim<'a>) -> StoreFuture<'a, Vec<Activation>> {
        self.transact(move |state, now| Ok(state.claim(claim, now)))
    }

    fn claim_stuck<'a>(&'a self, claim: ClaimStuck<'a>) -> StoreFuture<'a, Vec<Activation>> {
        self.transact(move |state, now| Ok(state.claim_stuck(claim, now)))
    }

    fn reload<'a>(&'a self, worker: Uuid, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<Activation>> {
        self.transact(move |state, _| Ok(state.reload(worker, runs)))
    }

    fn collect(&self, worker: Uuid) -> StoreFuture<'_, Vec<Collected>> {
        self.transact(move |state, _| Ok(state.collect(worker)))
    }

    fn read_inboxes<'a>(&'a self, asked: &'a [(RunKey, i64)]) -> StoreFuture<'a, Vec<Page>> {
        self.transact(move |state, _| Ok(state.read_inboxes(asked)))
    }

    fn commit<'a>(
        &'a self,
        _writer: usize,
        worker: Uuid,
        records: &'a [Record],
    ) -> StoreFuture<'a, Vec<Committed>> {
        self.transact(move |state, now| Ok(state.commit_all(worker, records, now)))
    }

    fn writers(&self) -> usize {
        2
    }
}

impl Inspect for MemoryStore {
    fn outcomes<'a>(&'a self, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<(RunKey, Outcome)>> {
        self.transact(|state, _| Ok(state.outcomes(runs)))
    }

    fn query<'a>(&'a self, run: RunKey, name: &'a str) -> StoreFuture<'a, Option<String>> {
        self.transact(move |state, _| Ok(state.query(run, name)))
    }

    fn history(&self, run: RunKey) -> StoreFuture<'_, Vec<HistoryRow>> {
        self.transact(move |state, _| Ok(state.history(run)))
    }

    fn list<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Listed> {
        self.transact(move |state, _| Ok(state.list(tenant, filter)))
    }

    fn count<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Counted> {
        self.transact(move |state, _| Ok(state.count(tenant, filter)))
    }

    fn scan<'a>(&'a self, scan: &'a Scan) -> StoreFuture<'a, Scanned> {
        self.transact(|state, _| Ok(state.scan(scan)))
    }

    fn stuck(&self, tenant: Uuid, limit: usize) -> StoreFuture<'_, Vec<RunView>> {
        self.transact(move |state, now| Ok(state.stuck_of(tenant, limit, now)))
    }

    fn dead_letters(&self, tenant: Uuid, limit: usize) -> StoreFuture<'_, Vec<DeadLetterRow>> {
        self.transact(move |state, _| Ok(state.dead_letters(tenant, limit)))
    }
}

impl Hub for MemoryStore {
    fn publish(&self, hint: Hint) {
        self.0.hints.send(&hint);
    }

    fn subscribe(&self) -> Option<tokio::sync::mpsc::UnboundedReceiver<Hint>> {
        Some(self.0.hints.subscribe())
    }
}

impl Store for MemoryStore {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
