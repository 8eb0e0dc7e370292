//! Suspects: runs that were owned when the lease of their worker was over.
//!
//! One of them may be why: an activity that ends its process, or workflow code that does, or that
//! blocks its thread for longer than the lease. Which one shows in two steps. After one setback the
//! journal notes each attempt before it starts, so that the next worker knows which were under way; and its
//! end before the code goes on, so that what the code does is not put down to it.
//! After two in a row a run is tried alone: its worker owns no other such run meanwhile, so if that
//! worker ends too, it is this run. Only then an attempt that was under way may be the last of several;
//! without one, the run is stuck. Who allows one attempt wants no second invocation: that one has failed
//! for good after one setback. Code that holds a thread for very long, on a runtime that has others, is given up,
//! which is a setback as well. A run that gets further (an attempt ends, or the run only waits) is no suspect any
//! more. Runs without setbacks pay nothing for this.
//!
//! # Which attempts count
//!
//! An attempt that has not ended counts as failed if the journal notes its start and the run has had a setback
//! since; or if it is due, and starts were not noted yet. What an owner decides is a function of the journal and the
//! setbacks alone, so it does not matter how many owners end before one has written it down:
//!
//! - The first owner after a setback notes the attempts that may have started, as of a run without setbacks, and
//!   behind them that it is [suspected](Event::Suspected): in one row, before their failures. From there on an attempt
//!   without a note has not started.
//! - A note is durable before its attempt starts, and stands behind everything that led to it.
//! - It says how many setbacks the run had. Who hands a run back, or takes a setback back at once, leaves it with as
//!   many: the attempt is invoked again, and does not count.
//! - When the run has no setbacks any more, its next attempt is noted once more, as of none. That ends the notes.
//!
//! Two things hide a setback from this: a worker that was frozen takes its own back when another one has ended
//! meanwhile; or the run is handed back at its third. Then an attempt may be invoked once more than it counts.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Code, Phase, Run, RunStep};
use crate::error::Result;
use crate::journal::{Event, Recorded};
use crate::replay::ActivityStart;
use crate::store::{CONVICTED, SUSPECT};
use crate::time::Timestamp;

/// The longest pause before a stuck run is tried again, unless the worker's interval is longer.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// What is held against a run.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Suspicion {
    /// See [`Activation::setbacks`](crate::store::Activation::setbacks).
    setbacks: i16,
    /// Which attempts have failed by them was decided.
    is_judged: bool,
    /// It was not [convicted](Run::convict) in an earlier stay here, and gets on.
    is_admitted: bool,
    /// It ends workers, and goes no further by itself.
    is_convicted: bool,
    /// It was given up here, because its code does not give its thread back.
    blocks: bool,
}

impl Suspicion {
    pub(super) fn of(setbacks: i16) -> Option<Box<Self>> {
        (setbacks != 0).then(|| Box::new(Self { setbacks, ..Self::default() }))
    }
}

/// How long a run that is stuck again waits, after so many times: doubling, up to some hours.
fn pause(interval: Duration, before: i16) -> Duration {
    let doublings = u32::from(before.unsigned_abs()).min(30);
    interval.saturating_mul(1 << doublings).min(interval.max(LONGEST))
}

impl<M: Code> Run<M> {
    fn setbacks(&self) -> i16 {
        self.suspicion.as_ref().map_or(0, |suspicion| suspicion.setbacks)
    }

    /// Whether anything is held against it.
    pub(crate) fn has_setbacks(&self) -> bool {
        self.suspicion.is_some()
    }

    /// Whether it may be the run that ends workers.
    pub(super) fn is_suspect(&self) -> bool {
        self.setbacks() < 0
    }

    /// Why a run that is parked is a suspect still: an attempt of it is to be tried again.
    pub(super) fn still_suspect(&self, retries: bool) -> Option<(String, i16)> {
        let why =
            "it is suspected to end its workers; its next attempt is tried alone, when it is due";
        (retries && self.setbacks() <= SUSPECT).then(|| (why.to_owned(), SUSPECT))
    }

    /// Its setbacks now that it is stuck (again), and when it is tried again.
    pub(super) fn stuck_again(&self, interval: Duration) -> (i16, Option<Duration>) {
        match &self.suspicion {
            Some(suspicion) if suspicion.is_convicted => (suspicion.setbacks, None),
            Some(suspicion) if suspicion.blocks => (suspicion.setbacks, Some(interval)),
            _ => {
                let before = self.setbacks().max(0);
                (before.saturating_add(1), Some(pause(interval, before)))
            }
        }
    }

    /// Before anything of a run is run: one that was tried alone when its worker ended is stuck,
    /// unless it was an attempt of an activity that ended it.
    pub(super) fn convict(&mut self, journal: &[Recorded], most: u16) -> Result<(), String> {
        let Some(suspicion) = &mut self.suspicion else { return Ok(()) };
        let setbacks = suspicion.setbacks;
        let few = setbacks.unsigned_abs() < most;
        if setbacks > CONVICTED || few || suspicion.is_admitted || was_under_way(journal, setbacks)
        {
            return Ok(());
        }
        suspicion.is_convicted = true;
        Err(format!(
            "{} workers in a row have ended, or lost their lease or a thread, while they ran this run, the \
             last of them while it ran no other suspect: its workflow code ends its process or blocks its \
             thread. It is not tried again by itself, nor by a new build. Fix the workflow and deploy it; then \
             call `retry_stuck()` on its execution (the guide says how in SQL, under `Runs that end their \
             workers`), or terminate it",
            -i32::from(setbacks)
        ))
    }

    /// Its code has not given its thread back for very long, and may never do so. That is a setback as if its
    /// worker had ended, and there is no doubt whose it is.
    pub(super) fn give_up(&mut self, why: String, step: &mut RunStep<'_, M>) {
        if !matches!(self.phase, Phase::Polling(_)) {
            return;
        }
        let setbacks = self.setbacks().min(0).saturating_sub(1);
        let suspicion =
            Suspicion { setbacks, is_judged: true, blocks: true, ..Suspicion::default() };
        self.suspicion = Some(Box::new(suspicion));
        self.get_stuck(why, step);
    }

    /// It starts over, and was let go on before.
    pub(crate) fn admit(&mut self) {
        if let Some(suspicion) = &mut self.suspicion {
            suspicion.is_admitted = true;
        }
    }

    /// Its setbacks, if it is still to be decided which attempts have failed by them.
    fn unjudged_setbacks(&self) -> Option<i16> {
        let suspicion = self.suspicion.as_ref().filter(|suspicion| !suspicion.is_judged)?;
        (suspicion.setbacks < 0).then_some(suspicion.setbacks)
    }

    /// Its setbacks, if an attempt that is to start has failed by them.
    pub(crate) fn has_lost(&self, start: &ActivityStart, now: Timestamp) -> Option<i16> {
        let setbacks = self.unjudged_setbacks()?;
        let is_due = start.not_before.is_none_or(|due| due <= now);
        let may_have_run = match start.started {
            Some(then) => then > setbacks,
            None => is_due && !self.attempts.are_noted,
        };
        let is_here = start.task.queue().is_none() && !start.scheduled;
        (start.pending.is_none() && is_here && may_have_run).then_some(setbacks)
    }

    /// Writes down, of a suspect, that its attempts are noted from now on; before, those that have failed as they
    /// may have started. It stands behind the event of the turn, in the same record.
    pub(super) fn judge(&mut self, failed: &[Event], starts: bool, now: Timestamp) -> Result<()> {
        let setbacks = self.setbacks_of_attempts();
        if let Some(suspicion) = &mut self.suspicion {
            suspicion.is_judged = true;
        }
        if setbacks == 0 || self.attempts.are_noted || (!starts && failed.is_empty()) {
            return Ok(());
        }
        let may_have_started = failed.iter().filter_map(|event| match event {
            Event::ActivityAttemptFailed { step, attempt, .. }
            | Event::ActivityFailed { step, attempt, .. } => {
                let (step, attempt) = (step.clone(), *attempt);
                Some(Event::ActivityStarted { step, attempt, setbacks: 0 })
            }
            _ => None,
        });
        for event in may_have_started.chain([Event::Suspected { setbacks }]) {
            self.writes.pending.add(&Recorded { at: now, event })?;
        }
        self.attempts.are_noted = true;
        Ok(())
    }

    /// The setbacks that notes name: none if they are cleared with what is to be written, or on its way.
    fn setbacks_of_attempts(&self) -> i16 {
        if self.writes.are_clearing() { 0 } else { self.setbacks().min(0) }
    }

    /// Notes which of these attempts start at once, in the record of what led to them. Gives back the others.
    pub(super) fn note_starts(
        &mut self,
        launches: Vec<ActivityStart>,
        step: &mut RunStep<'_, M>,
    ) -> Vec<ActivityStart> {
        if !self.attempts.are_noted || step.rules.is_draining {
            return launches;
        }
        let is_due = |start: &ActivityStart| start.not_before.is_none_or(|due| due <= step.now);
        let (due, mut others): (Vec<_>, Vec<_>) = launches.into_iter().partition(is_due);
        others.extend(due.into_iter().filter_map(|start| self.note_start(start, step)));
        others
    }

    /// Gives back an attempt that may start. One of a suspect is noted in the journal first, and
    /// starts when that is durable.
    pub(super) fn note_start(
        &mut self,
        start: ActivityStart,
        step: &mut RunStep<'_, M>,
    ) -> Option<ActivityStart> {
        let setbacks = self.setbacks_of_attempts();
        let is_free = setbacks == 0 && !self.attempts.are_noted && start.started.is_none();
        if is_free || start.started == Some(setbacks) {
            return Some(start);
        }
        let (task, attempt) = (&start.task, start.attempt);
        let event = Event::ActivityStarted { step: task.step(), attempt, setbacks };
        let pending = &mut self.writes.pending;
        let noted = pending.mark(&Recorded { at: step.now, event }, None);
        pending.launch(vec![ActivityStart { started: Some(setbacks), ..start }]);
        self.attempts.are_noted &= setbacks < 0;
        if let Err(error) = noted {
            self.get_stuck(error.to_string(), step);
        }
        None
    }
}

/// Whether the journal notes each attempt from its end on.
pub(super) fn are_noted(journal: &[Recorded]) -> bool {
    let says = |recorded: &Recorded| match recorded.event {
        Event::Suspected { .. } => Some(true),
        Event::ActivityStarted { setbacks: 0, .. } => Some(false),
        _ => None,
    };
    journal.iter().rev().find_map(says).unwrap_or(false)
}

/// Whether an attempt was under way when the last setback came.
fn was_under_way(journal: &[Recorded], setbacks: i16) -> bool {
    let mut open = BTreeSet::new();
    for recorded in journal {
        match &recorded.event {
            Event::ActivityStarted { step, setbacks: then, .. } if *then == setbacks + 1 => {
                open.insert(step.op);
            }
            Event::ActivityCompleted { step, .. }
            | Event::ActivityFailed { step, .. }
            | Event::ActivityAttemptFailed { step, .. }
            | Event::ActivityPending { step, .. } => {
                open.remove(&step.op);
            }
            _ => {}
        }
    }
    !open.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::journal::{StepId, StoredError};

    #[test]
    fn a_stuck_run_is_tried_less_and_less_often() {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        let pauses = [0, 1, 2, 3, 7, 30, i16::MAX].map(|before| pause(minutes(5), before));
        let expected = [5, 10, 20, 40, 360, 360, 360].map(minutes);
        assert_eq!(pauses, expected);
        assert_eq!(pause(minutes(600), 4), minutes(600), "never more often than its interval");
    }

    #[test]
    fn only_an_attempt_of_the_last_owner_was_under_way() {
        let step = |op| StepId { op, name: "charge".into(), input: 0 };
        let at = Timestamp(0);
        let started = |op, setbacks| Recorded {
            at,
            event: Event::ActivityStarted { step: step(op), attempt: 1, setbacks },
        };
        let failed = |op| Recorded {
            at,
            event: Event::ActivityFailed {
                step: step(op),
                attempt: 1,
                error: StoredError::from(&Error::terminal("no")),
            },
        };
        assert!(was_under_way(&[started(0, -2)], -3));
        assert!(!was_under_way(&[started(0, -1)], -3), "an earlier owner's");
        assert!(!was_under_way(&[started(0, -2), failed(0)], -3), "it has ended");
        assert!(was_under_way(&[started(0, -2), started(1, -2), failed(0)], -3));
        assert!(!was_under_way(&[], -3));
    }
}
