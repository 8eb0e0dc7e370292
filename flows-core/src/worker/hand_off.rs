//! The hand-off: where an executor is while its driver runs user code.
//!
//! Nobody borrows it there. When the user code comes back in time, its driver takes the executor out
//! again. When it does not, the watchdog has it driven on by a thread of its own, and the old driver
//! finds the hand-off empty. User code never runs under the hand-off's lock.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use super::beside::Beside;
use super::driver;
use super::executor::Executor;
use super::job::Job;
use super::message::Message;
use crate::clock;
use crate::ids::RunKey;
use crate::replay::Probe;

/// One executor's hand-off.
pub(super) struct HandOff {
    inner: Mutex<HandOffState>,
    /// How long user code may hold its thread before it is reported.
    pub(super) budget: Duration,
    /// The way to its executor, for user code that comes back late.
    pub(super) inbox: UnboundedSender<Message>,
    pub(super) runtime: Handle,
    /// Whether others can go on while a thread is blocked: not on a runtime that has no other.
    pub(super) can_move: bool,
    /// Where user code of a test runs on such a runtime.
    pub(super) beside: Option<Arc<Beside>>,
    closed: AtomicBool,
    /// Where the session logs.
    logs: tracing::Dispatch,
}

#[derive(Default)]
struct HandOffState {
    deposit: Option<Deposit>,
    /// Numbers what runs while an executor is deposited.
    turn: u64,
    /// What was reported and still runs.
    reported: BTreeMap<u64, ReportedPoll>,
}

/// User code that was reported and still runs, here or on a thread that the executor has left.
struct ReportedPoll {
    key: RunKey,
    residency: u64,
    probe: Option<Probe>,
    /// Looks of the watchdog since then.
    looks: u32,
}

/// An executor that was deposited, and what its driver runs meanwhile.
struct Deposit {
    executor: Box<Executor>,
    key: RunKey,
    residency: u64,
    workflow: Arc<str>,
    since: Instant,
    probe: Option<Probe>,
}

/// What the driver of a deposited executor holds.
pub(super) struct Receipt<'a> {
    hand_off: &'a HandOff,
    turn: u64,
    key: RunKey,
    workflow: Arc<str>,
    since: Instant,
    is_reclaimed: bool,
}

impl HandOff {
    pub(super) fn new(
        budget: Duration,
        inbox: UnboundedSender<Message>,
        runtime: Handle,
        can_move: bool,
    ) -> Arc<Self> {
        let logs = tracing::dispatcher::get_default(Clone::clone);
        let (inner, closed) = (Mutex::default(), AtomicBool::new(false));
        let beside = (!can_move).then(Beside::of_this_thread);
        Arc::new(Self { inner, budget, inbox, runtime, can_move, beside, closed, logs })
    }

    /// Deposits the executor while this job runs. It is dropped if the session is over.
    pub(super) fn deposit(&self, executor: Box<Executor>, job: &Job) -> Option<Receipt<'_>> {
        let (key, workflow, since) = (job.key, Arc::clone(&job.workflow), clock::real_time());
        let (residency, probe) = (job.residency, job.probe());
        let deposit =
            Deposit { executor, key, residency, workflow: Arc::clone(&workflow), since, probe };
        let mut inner = self.lock();
        if self.is_closed() {
            drop(inner); // before the executor
            return None;
        }
        inner.turn += 1;
        inner.deposit = Some(deposit);
        Some(Receipt {
            hand_off: self,
            turn: inner.turn,
            key,
            workflow,
            since,
            is_reclaimed: false,
        })
    }

    /// Takes the executor, if it is still here since that turn.
    pub(super) fn take(&self, turn: u64) -> Option<Box<Executor>> {
        self.lock().take(turn)
    }

    /// What runs now, if something does.
    pub(super) fn turn(&self) -> Option<u64> {
        let inner = self.lock();
        inner.deposit.as_ref().map(|_| inner.turn)
    }

    /// The session is over: no user code is begun any more, and an executor that is here is driven to
    /// its end by somebody else.
    pub(super) fn close(self: &Arc<Self>) {
        let turn = {
            let inner = self.lock();
            self.closed.store(true, Ordering::Release);
            inner.deposit.as_ref().map(|_| inner.turn)
        };
        if let Some(turn) = turn
            && driver::take_over(self, turn).is_err()
        {
            drop(self.take(turn)); // there are no more threads: its values are dropped here
        }
        drop(self.inbox.send(Message::Stop)); // it has ended already
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// What runs since that turn has taken longer than the budget: it is said, once, and the
    /// executor goes on without it.
    pub(super) fn overdue(self: &Arc<Self>, turn: u64) {
        self.report(turn);
        if !self.can_move {
            return;
        }
        if let Err(error) = driver::take_over(self, turn) {
            let warn = || {
                tracing::warn!(%error, "cannot start a thread; runs wait for one that blocks theirs");
            };
            tracing::dispatcher::with_default(&self.logs, warn);
        }
    }

    /// The watchdog has come by: what has been overdue for long is looked at more closely, and what has
    /// been for very long is given up.
    pub(super) fn look_at_overdue(&self, looks_between: u32, looks_at_most: u32) {
        for overdue in self.lock().reported.values_mut() {
            overdue.looks = overdue.looks.saturating_add(1);
            if overdue.looks.is_multiple_of(looks_between) {
                // Under the lock: the turn cannot end before.
                overdue.probe.iter().for_each(Probe::look_again);
            }
            if overdue.looks == looks_at_most {
                let ReportedPoll { key, residency, .. } = *overdue;
                let after = overdue.probe.as_ref().and_then(Probe::whereabouts);
                drop(self.inbox.send(Message::Blocked { key, residency, after })); // its session ends
            }
        }
    }

    fn report(&self, turn: u64) {
        let Some((key, workflow, since, probe)) = self.lock().note(turn) else { return };
        let after = probe.and_then(|probe| probe.whereabouts());
        let after = after.as_deref().unwrap_or("its beginning");
        tracing::dispatcher::with_default(&self.logs, || {
            tracing::warn!(
                monotonic_counter.flows_blocked_polls = 1_u64,
                %workflow,
                run = %key.run,
                blocked_ms = millis(since),
                after,
                "workflow code blocks its thread: it has run for longer than the blocking threshold"
            );
        });
    }

    fn lock(&self) -> MutexGuard<'_, HandOffState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HandOffState {
    fn take(&mut self, turn: u64) -> Option<Box<Executor>> {
        let sits = self.turn == turn;
        self.deposit.take_if(|_| sits).map(|deposit| deposit.executor)
    }

    /// What is to be said of what runs since that turn; nothing, if it was said.
    fn note(&mut self, turn: u64) -> Option<(RunKey, Arc<str>, Instant, Option<Probe>)> {
        let deposit = self.deposit.as_ref().filter(|_| self.turn == turn)?;
        let Deposit { key, residency, workflow, since, probe, .. } = deposit;
        let found = (*key, Arc::clone(workflow), *since, probe.clone());
        let Entry::Vacant(unsaid) = self.reported.entry(turn) else { return None };
        let (key, residency, probe) = (*key, *residency, probe.clone());
        unsaid.insert(ReportedPoll { key, residency, probe, looks: 0 });
        Some(found)
    }
}

impl Receipt<'_> {
    /// There is a machine to look at now.
    pub(super) fn shows(&self, probe: Probe) {
        let mut inner = self.hand_off.lock();
        if let Some(overdue) = inner.reported.get_mut(&self.turn) {
            overdue.probe = Some(probe.clone());
        }
        let is_it = inner.turn == self.turn;
        if let Some(deposit) = inner.deposit.as_mut().filter(|_| is_it) {
            deposit.probe = Some(probe);
        }
    }

    /// The job is done: the executor gets up, unless somebody else drives it by now.
    pub(super) fn reclaim(mut self) -> Option<Box<Executor>> {
        self.is_reclaimed = true;
        let (executor, reported) = {
            let mut inner = self.hand_off.lock();
            (inner.take(self.turn), inner.reported.remove(&self.turn))
        };
        if reported.is_some() {
            self.report_end();
        }
        executor
    }

    fn report_end(&self) {
        tracing::dispatcher::with_default(&self.hand_off.logs, || {
            tracing::warn!(
                workflow = %self.workflow,
                run = %self.key.run,
                blocked_ms = millis(self.since),
                "workflow code that blocked its thread has given it back"
            );
        });
    }
}

impl Drop for Receipt<'_> {
    /// Unwound: an executor that nobody drives must not stay.
    fn drop(&mut self) {
        if !self.is_reclaimed {
            drop(self.hand_off.take(self.turn));
        }
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(clock::real_time().duration_since(since).as_millis()).unwrap_or(u64::MAX)
}
