//! Hints inside this process: from clients to workers, and from other processes through the store.
//!
//! A hint carries no work: it only says that there may be some.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

use super::gathered::Gathered;
use super::local_workers::LocalWorkers;
use super::waiters::Waiters;
use crate::ids::RunKey;
use crate::store::{Hint, Outcome, Store};

/// Passes hints on to this process's workers and waiters, and to the other processes.
pub(crate) struct Hints {
    store: Arc<dyn Store>,
    workers: Mutex<Vec<(Uuid, Arc<Gathered>)>>,
    pub(crate) waiters: Waiters,
    /// Who reads the streams of which runs.
    pub(super) readers: Waiters,
    /// The workers of this process, for starts.
    pub(crate) local_workers: LocalWorkers,
}

impl Hints {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            workers: Mutex::default(),
            waiters: Waiters::default(),
            readers: Waiters::default(),
            local_workers: LocalWorkers::default(),
        }
    }

    /// Registers a worker of this process.
    pub(crate) fn join(&self, worker: Uuid) -> Arc<Gathered> {
        let gathered = Arc::new(Gathered::new(worker));
        self.workers().push((worker, Arc::clone(&gathered)));
        gathered
    }

    /// Unregisters a worker of this process.
    pub(crate) fn leave(&self, worker: Uuid) {
        self.workers().retain(|(id, _)| *id != worker);
    }

    /// Runs became ready: tell everybody.
    pub(crate) fn ready(&self, shards: Vec<i16>) {
        self.tell_workers(&Hint::Ready(shards.clone()));
        self.store.publish(Hint::Ready(shards));
    }

    /// A run has got a message and nobody owns it, so it probably became ready: tell everybody.
    pub(crate) fn woken(&self, run: RunKey) {
        self.tell_workers(&Hint::Woken(vec![run]));
        self.store.publish(Hint::Woken(vec![run]));
    }

    /// A transaction of the application's will soon make a run of this shard ready: nobody knows
    /// when it commits, so workers are told to look a few times.
    pub(crate) fn soon(self: &Arc<Self>, shard: i16) {
        let hints = Arc::clone(self);
        tokio::spawn(async move {
            for pause in [1, 4, 15, 80, 300] {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                hints.ready(vec![shard]);
            }
        });
    }

    /// Messages have come to a worker's run: tell it, wherever it is.
    pub(crate) fn messages(&self, worker: Uuid) {
        let local = self.workers().iter().find(|(id, _)| *id == worker).map(|(_, g)| Arc::clone(g));
        match local {
            Some(gathered) => gathered.tell(&Hint::Messages(worker)),
            None => self.store.publish(Hint::Messages(worker)),
        }
    }

    /// Runs of this process's workers ended, durably.
    pub(crate) fn closed(&self, ended: Vec<(RunKey, Outcome)>) {
        let runs: Vec<_> = ended.iter().map(|(key, _)| key.run).collect();
        self.waiters.ended(ended);
        self.readers.wake(&runs);
        self.store.publish(Hint::Closed(runs));
    }

    /// Runs have published items, durably.
    pub(crate) fn published(&self, runs: Vec<Uuid>) {
        self.readers.wake(&runs);
        self.store.publish(Hint::Published(runs));
    }

    /// A run was ended from this process by a client: its waiters should look, and the worker that
    /// holds it should stop its activities.
    pub(crate) fn terminated(&self, run: RunKey) {
        let hint = Hint::Terminated(vec![run]);
        self.heard(&hint);
        self.store.publish(hint);
    }

    /// Something is to be looked for that has no hint of its own: tell everybody.
    pub(crate) fn unsure(&self) {
        self.tell_workers(&Hint::Unsure);
        self.store.publish(Hint::Unsure);
    }

    /// A hint from another process.
    pub(crate) fn heard(&self, hint: &Hint) {
        match hint {
            Hint::Closed(runs) => {
                self.waiters.wake(runs);
                self.readers.wake(runs);
            }
            Hint::Published(runs) if runs.is_empty() => self.readers.wake_all(),
            Hint::Published(runs) => self.readers.wake(runs),
            Hint::Ready(_)
            | Hint::Woken(_)
            | Hint::Messages(_)
            | Hint::Tasks(_)
            | Hint::Withdrawn(_) => {
                self.tell_workers(hint);
            }
            Hint::Terminated(runs) => {
                let ended: Vec<_> = runs.iter().map(|key| key.run).collect();
                self.waiters.wake(&ended);
                self.readers.wake(&ended);
                self.tell_workers(hint);
            }
            Hint::Unsure => {
                self.waiters.wake_all();
                self.readers.wake_all();
                self.tell_workers(hint);
            }
        }
    }

    fn tell_workers(&self, hint: &Hint) {
        self.workers().iter().for_each(|(_, gathered)| gathered.tell(hint));
    }

    fn workers(&self) -> std::sync::MutexGuard<'_, Vec<(Uuid, Arc<Gathered>)>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forwards the store's hints for as long as the engine lives.
pub(crate) async fn listen(hints: std::sync::Weak<Hints>, mut from: UnboundedReceiver<Hint>) {
    while let Some(hint) = from.recv().await {
        let Some(hints) = hints.upgrade() else { return };
        hints.heard(&hint);
    }
}
