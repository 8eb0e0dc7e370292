//! What is due when: timers, activities that wait for their retry, time limits of runs.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::executor::Executor;
use super::work::Work;
use crate::ids::RunKey;
use crate::journal::Event;
use crate::replay::ActivityStart;
use crate::time::Timestamp;

/// The operation number under which a run's own time limit stands.
pub(super) const DEADLINE: u32 = u32::MAX;

/// What an alarm does.
pub(super) enum Alarm {
    /// A timer of the workflow fires.
    Timer,
    /// An activity's next attempt starts.
    Launch(ActivityStart),
    /// The run has taken too long.
    Deadline,
}

/// All alarms of an executor, by time.
#[derive(Default)]
pub(super) struct Alarms {
    due: BTreeMap<(Timestamp, RunKey, u32), Alarm>,
}

impl Alarms {
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|((due, ..), _)| *due)
    }

    pub(super) fn remove<'a>(
        &mut self,
        key: RunKey,
        alarms: impl Iterator<Item = (&'a u32, &'a Timestamp)>,
    ) {
        for (op, due) in alarms {
            self.due.remove(&(*due, key, *op));
        }
    }

    /// Whether one of these alarms starts an attempt.
    pub(super) fn launch_among(&self, key: RunKey, alarms: &FxHashMap<u32, Timestamp>) -> bool {
        alarms
            .iter()
            .any(|(op, due)| matches!(self.due.get(&(*due, key, *op)), Some(Alarm::Launch(_))))
    }

    fn pop_due(&mut self, now: Timestamp) -> Option<(RunKey, u32, Alarm)> {
        let first = self.due.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let ((_, key, op), alarm) = first.remove_entry();
        Some((key, op, alarm))
    }
}

impl Executor {
    pub(super) fn set_alarm(&mut self, key: RunKey, op: u32, due: Timestamp, alarm: Alarm) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        if let Some(earlier) = run.alarms.insert(op, due) {
            self.alarms.due.remove(&(earlier, key, op));
        }
        self.alarms.due.insert((due, key, op), alarm);
    }

    pub(super) fn clear_alarm(&mut self, key: RunKey, op: u32) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        if let Some(due) = run.alarms.remove(&op) {
            self.alarms.due.remove(&(due, key, op));
        }
    }

    pub(super) fn clear_alarms(&mut self, key: RunKey) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        let alarms = std::mem::take(&mut run.alarms);
        self.alarms.remove(key, alarms.iter());
    }

    /// Whether an activity of the run waits for its next attempt.
    pub(super) fn waits_for_retry(&self, key: RunKey) -> bool {
        self.runs.get(&key).is_some_and(|run| self.alarms.launch_among(key, &run.alarms))
    }

    pub(super) fn ring_alarms(&mut self) {
        let now = self.session.clock.now();
        while let Some((key, op, alarm)) = self.alarms.pop_due(now) {
            if let Some(run) = self.runs.get_mut(&key) {
                run.alarms.remove(&op);
            }
            match alarm {
                Alarm::Timer => self.take_in(key, Work::Event(Event::TimerFired { op })),
                Alarm::Launch(start) => self.launch(key, start),
                Alarm::Deadline => self.time_out(key),
            }
        }
    }
}
