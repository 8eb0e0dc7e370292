//! Who awaits which run in this process.
//!
//! A run that a worker of this process ends is handed over directly; for others the waiter is
//! woken to look. The last completed runs are remembered, so that who asks just after the end need not
//! ask the database.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::ids::RunKey;
use crate::store::{Outcome, RunStatus};

/// How many completed runs are remembered.
const REMEMBERED: usize = 4096;
/// Larger outputs are read from the store instead.
const LARGEST: usize = 4096;
/// How many waiters come and go before the map is cleared of those that have gone.
const SWEEP: usize = 1024;

/// What a waiter is told: the outcome, or that it should look.
pub(crate) type News = Option<Outcome>;

#[derive(Default)]
pub(crate) struct Waiters {
    inner: Mutex<WaiterState>,
}

#[derive(Default)]
struct WaiterState {
    waiting: FxHashMap<Uuid, Vec<oneshot::Sender<News>>>,
    recent: FxHashMap<Uuid, Outcome>,
    order: VecDeque<Uuid>,
    asked: usize,
}

/// Where the first news of a run will come; the first who waits for the run takes it.
#[derive(Debug, Clone, Default)]
pub(crate) struct FirstNews(Option<Arc<Mutex<Option<oneshot::Receiver<News>>>>>);

impl FirstNews {
    pub(super) fn take(&self) -> Option<oneshot::Receiver<News>> {
        self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The answer to asking for a run.
pub(crate) enum Asked {
    /// It ended a moment ago.
    Ended(Outcome),
    /// News will come here.
    Wait(oneshot::Receiver<News>),
}

impl Waiters {
    pub(crate) fn ask(&self, run: Uuid) -> Asked {
        let mut inner = self.lock();
        if let Some(outcome) = inner.recent.get(&run) {
            return Asked::Ended(outcome.clone());
        }
        inner.sweep();
        let (sender, receiver) = oneshot::channel();
        inner.waiting.entry(run).or_default().push(sender);
        Asked::Wait(receiver)
    }

    /// For who has just started a run, before anybody can have ended it.
    pub(super) fn first_news(&self, run: Uuid) -> FirstNews {
        let (sender, receiver) = oneshot::channel();
        let mut inner = self.lock();
        inner.sweep();
        inner.waiting.entry(run).or_default().push(sender);
        FirstNews(Some(Arc::new(Mutex::new(Some(receiver)))))
    }

    pub(crate) fn ended(&self, ended: Vec<(RunKey, Outcome)>) {
        let mut inner = self.lock();
        for (key, outcome) in ended {
            for sender in inner.waiting.remove(&key.run).into_iter().flatten() {
                drop(sender.send(Some(outcome.clone())));
            }
            let small = outcome.output.as_ref().is_none_or(|output| output.len() <= LARGEST);
            if outcome.status == RunStatus::Completed && small {
                inner.remember(key.run, outcome); // of others, a rerun may change the outcome
            }
        }
    }

    pub(crate) fn wake(&self, runs: &[Uuid]) {
        let mut inner = self.lock();
        if inner.waiting.is_empty() {
            return;
        }
        for run in runs {
            for sender in inner.waiting.remove(run).into_iter().flatten() {
                drop(sender.send(None));
            }
        }
    }

    pub(crate) fn wake_all(&self) {
        for sender in self.lock().waiting.drain().flat_map(|(_, senders)| senders) {
            drop(sender.send(None));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, WaiterState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaiterState {
    /// Now and then, forgets waiters that have gone: the cost of each is shared by those before.
    fn sweep(&mut self) {
        self.asked += 1;
        if self.asked >= SWEEP.max(self.waiting.len()) {
            self.asked = 0;
            self.waiting.retain(|_, senders| {
                senders.retain(|sender| !sender.is_closed());
                !senders.is_empty()
            });
        }
    }

    fn remember(&mut self, run: Uuid, outcome: Outcome) {
        if self.recent.insert(run, outcome).is_none() {
            self.order.push_back(run);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
    }
}
