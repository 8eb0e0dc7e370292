//! The store in this process: for tests, the testing kit and simulation.
//!
//! It keeps every invariant of [`store`](crate::store) except durability: one mutex is its
//! transaction, so each verb happens at once or not at all. Its clock follows
//! [`tokio::time::Instant`], so a paused runtime moves it. It must never decide anything that the
//! contract does not say, for what works here must work on PostgreSQL.

mod claim;
mod clock;
mod commit;
mod fork;
mod hints;
mod lease;
mod pause;
mod run;
mod scan;
mod schedules;
mod send;
#[cfg(feature = "testing")]
mod simulated;
mod start;
mod state;
mod stream;
mod tasks;
#[cfg(test)]
mod tests;
mod view;

use std::sync::{Arc, Mutex, PoisonError};

use self::clock::Clock;
use self::hints::HintSubscribers;
#[cfg(feature = "testing")]
pub(crate) use self::simulated::{Lost, Stir};
use self::state::MemoryState;
use crate::forward_store;
use crate::store::forward::names::*;
use crate::time::Timestamp;

/// A store in memory. Clones share it, as workers share a database.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<MemoryShared>);

#[derive(Default)]
struct MemoryShared {
    clock: Clock,
    state: Mutex<MemoryState>,
    hints: HintSubscribers,
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
        verb: impl FnOnce(&mut MemoryState) -> Result<T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            tokio::task::coop::consume_budget().await;
            let (result, hints) =
                self.locked(|state| (verb(state), std::mem::take(&mut state.hints)));
            hints.into_iter().for_each(|hint| self.0.hints.send(&hint));
            result
        })
    }

    fn locked<T>(&self, look: impl FnOnce(&mut MemoryState) -> T) -> T {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = self.now();
        look(&mut state)
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

/// A verb is the state's function of its name, as a transaction; those on lists are one by one.
macro_rules! transaction {
    ($store:ident start($runs:ident)) => {
        $store.transact(|state| Ok($runs.iter().map(|run| state.start(run)).collect()))
    };
    ($store:ident start_held($run:ident, $limit:ident)) => {{
        let _ = $limit;
        $store.transact(|state| state.start($run))
    }};
    ($store:ident start_owned($worker:ident, $runs:ident)) => {
        $store.transact(move |state| {
            Ok($runs.iter().map(|run| state.start_owned($worker, run)).collect())
        })
    };
    ($store:ident send($messages:ident)) => {
        $store.transact(|state| Ok($messages.iter().map(|message| state.send(message)).collect()))
    };
    ($store:ident send_held($message:ident, $limit:ident)) => {{
        let _ = $limit;
        $store.transact(|state| state.send($message))
    }};
    ($store:ident signal_with_start($run:ident, $signal:ident)) => {
        $store.transact(|state| state.signal_with_start($run, $signal))
    };
    ($store:ident terminate($($given:ident),*)) => {
        $store.transact(move |state| state.terminate($($given),*))
    };
    ($store:ident rerun($dead:ident, $run:ident)) => {
        $store.transact(move |state| state.rerun($dead, $run))
    };
    ($store:ident dismiss($($given:ident),*)) => {
        $store.transact(move |state| state.dismiss($($given),*))
    };
    ($store:ident fork($forks:ident)) => {
        $store.transact(move |state| state.fork($forks))
    };
    ($store:ident commit($writer:ident, $worker:ident, $records:ident)) => {{
        let _ = $writer;
        $store.transact(move |state| Ok(state.commit($worker, $records)))
    }};
    ($store:ident writers()) => { 2 };
    ($store:ident publish($hint:ident)) => { $store.0.hints.send(&$hint) };
    ($store:ident subscribe()) => { Some($store.0.hints.subscribe()) };
    ($store:ident $verb:ident($($given:ident),*)) => {
        $store.transact(move |state| Ok(state.$verb($($given),*)))
    };
}

forward_store!(ClientStore for MemoryStore, transaction);
forward_store!(WorkerStore for MemoryStore, transaction);
forward_store!(Inspect for MemoryStore, transaction);
forward_store!(Operate for MemoryStore, transaction);
forward_store!(Hub for MemoryStore, transaction);

impl Store for MemoryStore {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
