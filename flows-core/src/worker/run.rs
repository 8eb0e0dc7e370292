//! One run in a worker, as a state machine: an input goes in, effects come out.
//!
//! It is pure: no runtime, channel, clock, log or store is in here. Time comes in as a timestamp; the
//! run's code (a replay machine) is a value that goes out with a [`CodeCall`] and comes back with
//! [`Returned`](Input::Returned). An executor keeps many runs, gives each what reaches it, and carries out the
//! [effects](Effect).
//!
//! # Phases
//!
//! ```text
//! Activating ──► Polling ◄──► Live        its code goes on here
//!                   │          │
//!                   ├──────────┴──► Ending   it has its outcome, which is not durable yet
//!                   ├─────────────► Stuck    this build cannot go on with it: it is parked with the reason
//!                   └─────────────► Lost     somebody else has gone on with it: what is stored decides
//! ```
//!
//! # Parts
//!
//! | part | what it holds |
//! |---|---|
//! | [`Inbox`] | what the run has still to take in, and how far its inbox is read |
//! | [`Writes`] | what it has decided and not written, what is on its way to the store, where the journal ends |
//! | [`Results`] | results that activities commit in their own transactions |
//! | [`Attempts`] | attempts of activities that are running |
//! | [`Timers`] | when timers fire, retries start, and the run's time is over |
//! | [`Suspicion`] | what is held against the run |
//!
//! # Order
//!
//! [`Run::handle`] changes these parts by one input; what follows is decided by [`Run::reconcile`] alone,
//! always in this order:
//!
//! 1. *List*: it has something to take in, and its code is here.
//! 2. *Grant*: a transactional result gets the next journal row, when all that came before it is durable.
//! 3. *Read on*: it has taken in what it had read of its inbox, and there is more.
//! 4. *Rest*: it only waits. It stays in memory for a while, or is parked.
//! 5. *Commit*: it has something to write, and nothing of it is on its way.

mod attempts;
mod backlog;
mod completions;
mod ending;
mod inbox;
mod let_go;
mod pending;
mod protocol;
mod queries;
mod recovery;
mod rest;
mod results;
mod suspicion;
mod tasks;
mod timers;
mod turn;
mod writes;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use attempts::Attempts;
pub(crate) use ending::timed_out;
use inbox::{Inbox, Incoming};
use let_go::LettingGo;
pub(crate) use protocol::{
    CodeCall, CodeReturned, Effect, Fresh, Input, ResultRequest, Rules, RunStep,
};
use results::Results;
use suspicion::Suspicion;
use timers::Timers;
use writes::Writes;

use crate::error::storable_reason;
use crate::ids::RunKey;
use crate::journal::RowBuilder;
use crate::replay::ActivityTask;
pub(crate) use crate::replay::Code;
use crate::store::{Activation, Record, RunSpec};

/// A run that a worker holds. `M` is its code.
#[cfg_attr(test, derive(Clone, Debug))]
pub(crate) struct Run<M> {
    key: RunKey,
    /// What it was started with, as far as its end needs it.
    spec: Arc<RunSpec>,
    /// The claim by which it is owned.
    claim: i64,
    /// No worker has owned it before.
    is_new: bool,
    phase: Phase<M>,
    inbox: Inbox,
    writes: Writes,
    results: Results,
    attempts: Attempts,
    timers: Timers,
    wait: Wait,
    /// Numbers its waits.
    waits: u32,
    /// Whether it is paused.
    letting_go: LettingGo,
    /// What is held against it. Most runs have none.
    suspicion: Option<Box<Suspicion>>,
}

/// How far a run has come in this worker.
#[cfg_attr(test, derive(Clone, Debug))]
enum Phase<M> {
    /// It was claimed, and its journal is still to be replayed.
    Activating(Box<Activation>),
    /// Its code is here.
    Live(M),
    /// Its code is being run, and comes back.
    Polling(Taken),
    /// It has its outcome, which is not durable yet.
    Ending(Option<M>),
    /// Why it cannot go on in this build.
    Stuck(String),
    /// Somebody else has gone on with it, or it was let go.
    Lost,
}

/// What the code was given that is being run: it is kept with what comes of it, or not at all.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
struct Taken {
    /// The event, as it is written.
    row: RowBuilder,
    /// The message that the event came with.
    message: Option<i64>,
    /// Whether the run is begun, and not moved.
    begins: bool,
    /// Whether the event counts only if the code takes it: an update.
    on_trial: bool,
}

/// Whether the run only waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    No,
    /// It waits in memory; the number tells this wait from others.
    Since(u32),
    /// It has waited for long enough.
    Over,
}

/// An input of so many bytes is kept whether it is needed again or not.
const SMALL: usize = 1024;

/// Of a large input, only what is needed again is kept: a run that is not retried has it in its code.
fn kept(spec: &Arc<RunSpec>) -> Arc<RunSpec> {
    if spec.retry.is_some() || spec.input.len() <= SMALL {
        return Arc::clone(spec);
    }
    Arc::new(RunSpec { input: "".into(), ..RunSpec::clone(spec) })
}

impl<M: Code> Run<M> {
    /// A run that is activated. `sent` messages are known to have been sent to it since its worker owns it.
    pub(crate) fn new(run: Box<Activation>, sent: i64) -> Self {
        Self {
            key: run.key,
            spec: kept(&run.spec),
            claim: run.claim,
            is_new: run.is_new,
            inbox: Inbox::new(sent),
            writes: Writes::new(run.journal.len()),
            results: Results::default(),
            attempts: Attempts::default(),
            timers: Timers::default(),
            wait: Wait::No,
            waits: 0,
            letting_go: LettingGo::No,
            suspicion: Suspicion::of(run.setbacks),
            phase: Phase::Activating(run),
        }
    }

    /// Changes the run by what has reached it, and says what is to be done.
    pub(crate) fn handle(&mut self, input: Input<M>, step: &mut RunStep<'_, M>) {
        self.apply(input, step);
        self.reconcile(step);
    }

    fn apply(&mut self, input: Input<M>, step: &mut RunStep<'_, M>) {
        match input {
            Input::Collected { sent, page } => self.collected(sent, page, step),
            Input::Page(page) => self.read_page(page, step),
            Input::Returned(polled) => self.polled(polled, step),
            Input::AttemptEnded { op, event, transaction } => {
                self.attempt_ended(op, event, transaction, step);
            }
            Input::Settled { event, message } => self.settled_outside(event, message),
            Input::ResultReady(request) => self.result_ready(request, step),
            Input::GrantUnused => self.results.granted = None,
            Input::TimerDue(op) => self.timer_due(op, step),
            Input::Committed { parked } => self.committed(parked, step),
            Input::Held(record) => self.held(record, step),
            Input::Refused(why) => self.refused(&why, step),
            Input::Unsure(record) => self.unsure(record, step),
            Input::Lost => self.lost(step),
            Input::Reloaded(stored) => self.reloaded(stored, step),
            Input::TryAgain => self.try_again(step),
            Input::Overstayed(wait) if self.wait == Wait::Since(wait) => self.wait = Wait::Over,
            Input::Overstayed(_) => {}
            Input::GivenUp(why) => self.give_up(why, step),
            Input::Stuck(why) if self.is_live() => self.get_stuck(why, step),
            Input::Stuck(_) => {}
            Input::LetGo => self.let_go(),
            Input::Drain => self.drain(step),
            Input::Gone => self.evict(step),
        }
    }

    /// Decides what follows from the state of the run. Nothing else does.
    fn reconcile(&mut self, step: &mut RunStep<'_, M>) {
        self.list(step);
        self.grant(step);
        self.read_on(step);
        self.rest(step);
        self.commit(step);
    }

    /// What the code is called with next, after [`Effect::Work`].
    pub(crate) fn next_call(&mut self, step: &mut RunStep<'_, M>) -> Option<CodeCall<M>> {
        self.inbox.is_listed = false;
        let call = self.take_call(step);
        if call.is_none() {
            self.reconcile(step);
        }
        call
    }

    /// What is to be written next, after [`Effect::Commit`].
    pub(crate) fn next_record(&mut self) -> Option<Record> {
        let has_grant = self.results.granted.is_some();
        self.writes.next_record(self.key, self.claim, has_grant)
    }

    /// Whether its code goes on here.
    fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Activating(_) | Phase::Polling(_) | Phase::Live(_))
    }

    /// Whether everything that it has decided is durable.
    fn is_durable(&self) -> bool {
        self.writes.are_durable() && self.results.granted.is_none()
    }

    /// Whether everything that has reached it is taken in, and durable.
    fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Live(_)) && self.inbox.todo.is_empty() && self.is_durable()
    }

    /// This build cannot go on with the run: it is parked with the reason, and nothing else of it is touched.
    fn get_stuck(&mut self, why: String, step: &mut RunStep<'_, M>) {
        self.writes.drop_launches();
        let reason = storable_reason(why.clone());
        step.push(Effect::Stuck(why));
        self.leave(Phase::Stuck(reason), step);
    }

    /// Its code goes no further here. What it has not taken in, and what comes back of a call, is dropped.
    fn leave(&mut self, next: Phase<M>, step: &mut RunStep<'_, M>) {
        self.timers.clear_all(step);
        self.inbox.clear();
        self.results.deny_all(step);
        self.attempts.stop_all(step);
        let machine = match std::mem::replace(&mut self.phase, next) {
            Phase::Live(machine) | Phase::Ending(Some(machine)) => Some(machine),
            _ => None,
        };
        step.effects.extend(machine.map(Effect::Discard));
    }

    /// Lets the run go from memory.
    fn evict(&mut self, step: &mut RunStep<'_, M>) {
        self.leave(Phase::Lost, step);
        self.writes.clear();
        self.results.granted = None;
        step.push(Effect::Evicted);
    }

    /// Nobody reads runs again while the worker drains: what waits for that is handed back as it is.
    fn drain(&mut self, step: &mut RunStep<'_, M>) {
        self.inbox.was_refused = false;
        if self.awaits_reading() {
            self.evict(step);
        }
    }
}

/// What an executor asks about a run.
impl<M: Code> Run<M> {
    pub(crate) fn spec(&self) -> &RunSpec {
        &self.spec
    }

    /// How many messages are known to have been sent to it.
    pub(crate) fn sent(&self) -> i64 {
        self.inbox.sent
    }

    /// Whether its code is being run.
    pub(crate) fn is_polling(&self) -> bool {
        matches!(self.phase, Phase::Polling(_))
    }

    /// Whether its journal is still to be replayed.
    pub(crate) fn is_activating(&self) -> bool {
        matches!(self.phase, Phase::Activating(_))
    }

    /// The activity of an attempt that is running.
    pub(crate) fn task(&self, op: u32) -> Option<&Arc<ActivityTask>> {
        self.attempts.running.get(&op).map(|attempt| &attempt.task)
    }

    /// The activities of all attempts that are running.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &ActivityTask> {
        self.attempts.running.values().map(|attempt| &*attempt.task)
    }

    /// Whether the attempt's own transaction is committing its result.
    pub(crate) fn has_granted(&self, op: u32) -> bool {
        self.results.granted_op() == Some(op)
    }

    /// Whether it has waited in memory since then.
    pub(crate) fn waits_since(&self, wait: u32) -> bool {
        self.wait == Wait::Since(wait)
    }
}
