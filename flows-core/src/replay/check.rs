//! Every event is checked against what the code has asked for, before it is delivered.
//!
//! An operation's number, kind and name must agree, or the run stops before it does anything. An
//! input that differs is reported and nothing more: it changes no decision that was recorded.

use super::op::{ChildTask, Op, What};
use super::state::State;
use super::stuck::Stuck;
use super::watch::Place;
use crate::error::{Error, Result};
use crate::journal::{Event, Recorded, StepId};
use crate::payload::Payload;

/// The operation an event answers, if it answers one.
pub(crate) fn target(event: &Event) -> Option<u32> {
    match event {
        Event::ActivityCompleted { step, .. }
        | Event::ActivityFailed { step, .. }
        | Event::ActivityAttemptFailed { step, .. }
        | Event::ChildStarted { step, .. } => Some(step.op),
        Event::TimerFired { op } | Event::SideEffect { op, .. } | Event::ChildClosed { op, .. } => {
            Some(*op)
        }
        Event::SignalReceived { .. }
        | Event::CancelRequested { .. }
        | Event::RunCompleted
        | Event::RunFailed { .. }
        | Event::RunTerminated { .. }
        | Event::RunStarted => None,
    }
}

/// Stops the run when the event answers something that the code has not asked for.
pub(crate) fn against(state: &mut State, event: &Event) -> Result<(), Stuck> {
    if matches!(event, Event::RunCompleted | Event::RunFailed { .. } | Event::RunTerminated { .. })
    {
        return Err(Stuck::mismatch(
            &format!("{}: the run has ended here", event.name()),
            "the workflow is still waiting",
        ));
    }
    let Some(op) = target(event) else { return Ok(()) };
    let Some(entry) = state.ops.get(&op).filter(|entry| entry.result.is_none()) else {
        return Err(Stuck::mismatch(&in_words(event), &format!("nothing waits for #{op}")));
    };
    match (event, &entry.what) {
        (Event::TimerFired { .. }, What::Timer { .. })
        | (Event::ChildClosed { .. }, What::Child { .. }) => Ok(()),
        (
            Event::ActivityCompleted { step, .. }
            | Event::ActivityFailed { step, .. }
            | Event::ActivityAttemptFailed { step, .. },
            What::Activity(task),
        ) if step.name == task.name => {
            let warning = changed_input("activity", step, task.input_hash);
            state.warnings.extend(warning);
            Ok(())
        }
        _ => Err(Stuck::mismatch(&in_words(event), &entry.describe(op))),
    }
}

fn changed_input(kind: &str, step: &StepId, input_hash: u64) -> Option<String> {
    (step.input != input_hash).then(|| {
        format!(
            "{kind} `{}` (#{}) is called with another input than the journal has for it; \
             its recorded result is used",
            step.name, step.op
        )
    })
}

impl State {
    /// Before a replay: the values that its polls will ask for.
    pub(crate) fn expect_marks(&mut self, marks: Vec<Recorded>) -> Result<(), Stuck> {
        for recorded in marks {
            let Some(op) = target(&recorded.event) else { continue };
            if self.recorded_marks.insert(op, recorded.event).is_some() {
                return Err(Stuck::new(format!("the journal has two records for operation #{op}")));
            }
        }
        Ok(())
    }

    /// The recorded value of a side effect; `None` when it is to be made now. An error where the
    /// journal has something else, or has nothing and goes on: then nothing may be made.
    pub(crate) fn recorded_side_effect(&mut self, op: u32, site: Place) -> Result<Option<Payload>> {
        match self.recorded_marks.remove(&op) {
            Some(Event::SideEffect { value, .. }) => Ok(Some(value)),
            None if self.events_ahead == 0 => Ok(None),
            found => Err(self.disagree(op, found.as_ref(), "side effect", site)),
        }
    }

    /// Whether a child is to be started now; not when the journal has its start.
    pub(crate) fn is_new_child(&mut self, op: u32, task: &ChildTask, site: Place) -> bool {
        match self.recorded_marks.remove(&op) {
            Some(Event::ChildStarted { step, .. }) if step.name == task.workflow => {
                self.warnings.extend(changed_input("child workflow", &step, task.input_hash));
                false
            }
            None if self.events_ahead == 0 => true,
            found => {
                let code = format!("child workflow `{}`", task.workflow);
                drop(self.disagree(op, found.as_ref(), &code, site));
                false
            }
        }
    }

    /// The poll that is being made does not match the journal; it counts for nothing.
    fn disagree(&mut self, op: u32, found: Option<&Event>, code: &str, site: Place) -> Error {
        let journal = found.map_or_else(|| format!("nothing recorded as #{op}"), in_words);
        let code = format!("{code} (#{op}), called at {}:{}", site.file(), site.line());
        let stuck = Stuck::mismatch(&journal, &code);
        let error = Error::terminal(stuck.to_string());
        self.mismatch.get_or_insert(stuck);
        error
    }
}

/// The code has ended and the journal goes on.
pub(crate) fn ended_too_soon(event: &Event) -> Stuck {
    Stuck::mismatch(&in_words(event), "the workflow has returned before this")
}

/// The journal has a value that no poll has asked for.
pub(crate) fn mark_not_asked_for(op: u32, event: &Event, instead: Option<&Op>) -> Stuck {
    let code = instead.map(|entry| entry.describe(op));
    let code = code.unwrap_or_else(|| format!("nothing is recorded as #{op}"));
    Stuck::mismatch(&in_words(event), &code)
}

fn in_words(event: &Event) -> String {
    match event {
        Event::ActivityCompleted { step, .. } => format!("activity {} completed", named(step)),
        Event::ActivityFailed { step, .. } => format!("activity {} failed", named(step)),
        Event::ActivityAttemptFailed { step, attempt, .. } => {
            format!("attempt {attempt} of activity {} failed", named(step))
        }
        Event::ChildStarted { step, .. } => format!("child workflow {} started", named(step)),
        Event::TimerFired { op } => format!("timer (#{op}) fired"),
        Event::SideEffect { op, .. } => format!("side effect (#{op})"),
        Event::ChildClosed { op, .. } => format!("child workflow (#{op}) ended"),
        other => other.name().to_owned(),
    }
}

fn named(step: &StepId) -> String {
    format!("`{}` (#{})", step.name, step.op)
}
