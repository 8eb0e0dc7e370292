//! Attempts of activities: when one starts, and what follows from its end.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::timers::Timer;
use super::{Code, Effect, Incoming, Phase, Run, RunStep};
use crate::error::{Error, ErrorKind};
use crate::journal::{Event, StoredError};
use crate::replay::{ActivityStart, ActivityTask};
use crate::store::TransactionOutcome;

/// The attempts of a run that are running, by operation.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Attempts {
    pub(super) running: FxHashMap<u32, RunningAttempt>,
    /// One should start at once, in another worker: this one drains.
    pub(super) are_handed_back: bool,
    /// In the journal, each is noted before it starts: the run is [suspected](super::suspicion), or was.
    pub(super) are_noted: bool,
}

#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct RunningAttempt {
    pub(super) task: Arc<ActivityTask>,
    pub(super) number: u32,
    /// It was asked to stop, and is waited for: no other attempt follows.
    pub(super) is_last: bool,
}

impl Attempts {
    pub(super) fn stop_all<M>(&mut self, step: &mut RunStep<'_, M>) {
        if !self.running.is_empty() {
            self.running.clear();
            step.push(Effect::StopAll);
        }
    }
}

impl<M: Code> Run<M> {
    /// Starts an attempt, now or when it is due.
    pub(super) fn launch(&mut self, start: ActivityStart, step: &mut RunStep<'_, M>) {
        let op = start.task.op;
        if !self.is_live() {
            return;
        }
        if let Some(due) = start.not_before.filter(|due| *due > step.now) {
            return self.timers.set(op, due, Timer::Launch(Box::new(start)), step);
        }
        if step.rules.is_draining || self.is_letting_go() {
            self.attempts.are_handed_back = true;
            return;
        }
        if self.is_for_others(&start, step.launched, step.rules) {
            return self.schedule(start, step);
        }
        if let Some(flight) = self.writes.flight.as_mut().filter(|flight| flight.parks.is_some()) {
            return flight.launches.push(start); // the run may be somebody else's by now
        }
        let Some(start) = self.note_start(start, step) else { return };
        let attempt =
            RunningAttempt { task: Arc::clone(&start.task), number: start.attempt, is_last: false };
        self.attempts.running.insert(op, attempt);
        step.launched += 1;
        step.push(Effect::Launch(start));
    }

    /// The workflow does not wait for an activity any more.
    pub(super) fn cancel_activity(&mut self, op: u32, step: &mut RunStep<'_, M>) {
        if let Some(Timer::Expire(start)) = self.stop_activity(op, step) {
            self.refuse_completion(&start);
        }
    }

    /// Whatever there is of an activity here ends. Gives its timer back.
    pub(super) fn stop_activity(&mut self, op: u32, step: &mut RunStep<'_, M>) -> Option<Timer> {
        let timer = self.timers.clear(op, step);
        self.writes.retain_launches(|start| start.task.op != op);
        if self.attempts.running.remove(&op).is_some() {
            step.push(Effect::Stop(op));
        }
        timer
    }

    /// An activity is to end, and the workflow waits for that. Without an attempt that is running, it has failed.
    pub(super) fn end_activity(
        &mut self,
        task: &ActivityTask,
        attempt: u32,
        step: &mut RunStep<'_, M>,
    ) {
        if let Some(running) = self.attempts.running.get_mut(&task.op) {
            running.is_last = true;
            return step.push(Effect::Stop(task.op));
        }
        match task.may_go_elsewhere() {
            true => self.withdraw(task.op, step),
            false => self.cancel_activity(task.op, step),
        }
        let error = Error::new(ErrorKind::Cancelled, "the activity was cancelled");
        let error = StoredError::from(&error);
        let failed = Event::ActivityFailed { step: task.step(), attempt, error };
        self.take_in(Incoming::Event(failed));
    }

    /// An attempt has ended: its result, a retry, or its failure goes into the journal.
    pub(super) fn attempt_ended(
        &mut self,
        op: u32,
        event: Option<Event>,
        transaction: TransactionOutcome,
        step: &mut RunStep<'_, M>,
    ) {
        let ended = self.attempts.running.remove(&op);
        if self.results.granted_op() == Some(op) {
            match transaction {
                TransactionOutcome::Committed => {
                    self.gets_further();
                    return self.granted_committed();
                }
                TransactionOutcome::RolledBack => self.results.granted = None,
                TransactionOutcome::Unknown => return self.lost(step), // only the store knows
            }
        }
        let event = ended.and_then(|ended| if ended.is_last { event.map(last) } else { event });
        match event {
            Some(event) if self.suspicion.is_none() => self.take_in(Incoming::Event(event)),
            Some(event) if self.is_live() => self.take_in(Incoming::Ended(event)),
            _ => self.gets_further(), // whoever wants to hear of that
        }
    }

    /// A suspect is none any more when the last of its attempts has ended.
    pub(super) fn gets_further(&mut self) {
        let is_here = !matches!(self.phase, Phase::Lost);
        if is_here && self.suspicion.is_some() && self.attempts.running.is_empty() {
            self.writes.pending.clears = true;
        }
    }
}

/// The end of an attempt that no other follows.
fn last(event: Event) -> Event {
    match event {
        Event::ActivityAttemptFailed { step, attempt, error, .. } => {
            Event::ActivityFailed { step, attempt, error }
        }
        other => other,
    }
}
