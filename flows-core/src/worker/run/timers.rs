//! What is due when: timers, attempts that wait for their retry, the run's time limit.

use rustc_hash::FxHashMap;

use super::{Code, Effect, Incoming, Run, RunStep};
use crate::journal::Event;
use crate::replay::ActivityStart;
use crate::time::Timestamp;

/// The operation number under which a run's own time limit stands.
pub(super) const DEADLINE: u32 = u32::MAX;

/// What happens at a time.
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) enum Timer {
    /// A timer of the workflow fires.
    Fire,
    /// An activity's next attempt starts.
    Launch(Box<ActivityStart>),
    /// An attempt that ends outside of its worker has not.
    Expire(Box<ActivityStart>),
    /// An attempt for a worker of another queue has waited, or taken, for too long.
    Queued(Box<ActivityStart>),
    /// The run has taken too long.
    Deadline,
}

/// A run's timers, by operation.
#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Timers(FxHashMap<u32, (Timestamp, Timer)>);

impl Timers {
    pub(super) fn set<M>(
        &mut self,
        op: u32,
        due: Timestamp,
        timer: Timer,
        step: &mut RunStep<'_, M>,
    ) {
        if let Some((earlier, _)) = self.0.insert(op, (due, timer)) {
            step.push(Effect::ClearTimer(op, earlier));
        }
        step.push(Effect::SetTimer(op, due));
    }

    /// Gives the timer back that is cleared.
    pub(super) fn clear<M>(&mut self, op: u32, step: &mut RunStep<'_, M>) -> Option<Timer> {
        let (due, timer) = self.0.remove(&op)?;
        step.push(Effect::ClearTimer(op, due));
        Some(timer)
    }

    pub(super) fn clear_all<M>(&mut self, step: &mut RunStep<'_, M>) {
        for (op, (due, _)) in std::mem::take(&mut self.0) {
            step.push(Effect::ClearTimer(op, due));
        }
    }

    /// When the run must be awake again, by itself.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.values().map(|(due, _)| *due).min()
    }

    /// Whether an activity waits for its next attempt.
    pub(super) fn has_launch(&self) -> bool {
        self.0.values().any(|(_, timer)| matches!(timer, Timer::Launch(_)))
    }

    fn take_due(&mut self, op: u32, now: Timestamp) -> Option<Timer> {
        self.0.get(&op).filter(|(due, _)| *due <= now)?;
        self.0.remove(&op).map(|(_, timer)| timer)
    }
}

impl<M: Code> Run<M> {
    pub(super) fn timer_due(&mut self, op: u32, step: &mut RunStep<'_, M>) {
        match self.timers.take_due(op, step.now) {
            Some(Timer::Fire) => self.take_in(Incoming::Event(Event::TimerFired { op })),
            Some(Timer::Launch(start)) => self.launch(*start, step),
            Some(Timer::Expire(start)) => self.expire(&start, step.now),
            Some(Timer::Queued(start)) => self.queued_too_long(*start, step),
            Some(Timer::Deadline) => self.time_out(step),
            None => {}
        }
    }
}
