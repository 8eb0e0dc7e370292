//! Every event is checked against what the code has asked for, before it is delivered.
//!
//! An operation's number, kind and name must agree, or the run stops before it does anything. An
//! input that differs is reported and nothing more: it changes no decision that was recorded.

use super::op::What;
use super::state::State;
use super::stuck::Stuck;
use super::task::ChildTask;
use super::turn::ChangedInput;
use super::watch::Place;
use crate::error::{Error, Result};
use crate::journal::{Event, Recorded, StepId, StoredError};
use crate::payload::Payload;

/// Stops the run when the event answers something that the code has not asked for.
pub(crate) fn against(state: &mut State, event: &Event) -> Result<(), Stuck> {
    if event.is_run_end() {
        return Err(Stuck::mismatch(
            &format!("{}: the run has ended here", event.name()),
            &format!("the workflow still waits for {}", state.waiting_for(MOST)),
        ));
    }
    let Some(op) = event.operation() else { return Ok(()) };
    let Some(entry) = state.ops.get(&op).filter(|entry| entry.result.is_none()) else {
        return Err(Stuck::mismatch(&in_words(event), &nothing_waits(state, op)));
    };
    match (event, &entry.what) {
        (Event::TimerFired { .. }, What::Timer { .. })
        | (Event::ChildClosed { .. }, What::Child { .. })
        | (Event::ActivityHeartbeat { .. }, What::Activity(_)) => Ok(()),
        (
            Event::ActivityCompleted { step, .. }
            | Event::ActivityFailed { step, .. }
            | Event::ActivityAttemptFailed { step, .. }
            | Event::ActivityPending { step, .. },
            What::Activity(task),
        ) if step.name == task.name => {
            if step.input != task.input_hash {
                let (name, site) = (task.name.to_owned(), entry.site);
                let (op, input) = (task.op, task.input.clone());
                let kind = "activity";
                state.warnings.push(ChangedInput { kind, name, op, child: None, input, site });
            }
            Ok(())
        }
        _ => Err(Stuck::mismatch(&in_words(event), &entry.describe(op))),
    }
}

/// An event answers an operation that is not open.
fn nothing_waits(state: &State, op: u32) -> String {
    if state.ops.contains_key(&op) {
        return format!("#{op} has its result already");
    }
    format!("nothing waits for #{op}; the workflow waits for {}", state.waiting_for(MOST))
}

/// So many operations are named where none fits.
const MOST: usize = 3;

impl State {
    /// Before a replay: the values that its polls will ask for.
    pub(crate) fn expect_marks(&mut self, marks: Vec<Recorded>) -> Result<(), Stuck> {
        for recorded in marks {
            let recorded = match recorded.event {
                Event::Patched { id } => {
                    self.patches.expect(id)?;
                    continue;
                }
                Event::UpdateReplied { id, result } => {
                    self.updates().expect(id, result)?;
                    continue;
                }
                event => Recorded { event, ..recorded },
            };
            let Some(op) = recorded.event.operation() else { continue };
            let is_second = match recorded.event {
                Event::ChildCancelRequested { .. } => !self.recorded_cancels.insert(op),
                Event::ChildSignalSent { .. } | Event::ChildCancelSent { .. } => {
                    *self.seldom().recorded_tells.entry(op).or_default() += 1;
                    false
                }
                event => self.recorded_marks.insert(op, event).is_some(),
            };
            if is_second {
                return Err(Stuck::new(format!("the journal has two records for operation #{op}")));
            }
        }
        Ok(())
    }

    /// The recorded value of a side effect; `None` when it is to be made now. An error where the
    /// journal has something else, or has nothing and goes on: then nothing may be made.
    pub(crate) fn recorded_side_effect(&mut self, op: u32, site: Place) -> Result<Option<Payload>> {
        self.note("side effect", op, site);
        match self.recorded_marks.remove(&op) {
            Some(Event::SideEffect { value, .. }) => Ok(Some(value)),
            Some(Event::ValueRefused { error, .. }) => Err(Error::from(&error)),
            None if self.events_ahead == 0 => Ok(None),
            found => Err(self.disagree(op, found.as_ref(), "side effect", site)),
        }
    }

    /// What the call of a child comes to by its input: in a replay what the journal says, otherwise
    /// `check`, whose refusal is recorded.
    pub(crate) fn refusal(&mut self, op: u32, check: Result<()>) -> Result<()> {
        match self.recorded_marks.get(&op) {
            Some(Event::ValueRefused { error, .. }) => {
                let error = Error::from(error);
                self.recorded_marks.remove(&op);
                return Err(error);
            }
            Some(_) => return Ok(()),
            None => {}
        }
        if let (0, Err(error)) = (self.events_ahead, &check) {
            self.mark(Event::ValueRefused { op, error: StoredError::from(error) });
        }
        check
    }

    /// The run of a child whose start the journal has.
    pub(crate) fn recorded_child(&self, op: u32) -> Option<uuid::Uuid> {
        match self.recorded_marks.get(&op)? {
            Event::ChildStarted { run, .. } => Some(*run),
            _ => None,
        }
    }

    /// Whether a child is to be started now; not when the journal has its start.
    pub(crate) fn is_new_child(&mut self, op: u32, task: &ChildTask, site: Place) -> bool {
        match self.recorded_marks.remove(&op) {
            Some(Event::ChildStarted { step, .. }) if step.name == task.workflow => {
                if step.input != task.input_hash {
                    let (name, child) = (task.workflow.to_owned(), Some(task.run));
                    let (kind, input) = ("child workflow", task.input.clone());
                    self.warnings.push(ChangedInput { kind, name, op, child, input, site });
                }
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
    pub(super) fn disagree(
        &mut self,
        op: u32,
        found: Option<&Event>,
        code: &str,
        site: Place,
    ) -> Error {
        let journal = found.map_or_else(|| format!("nothing recorded as #{op}"), in_words);
        let code = format!("{code} (#{op}), called at {}:{}", site.file(), site.line());
        let stuck = Stuck::mismatch(&journal, &code);
        let error = Error::terminal(stuck.to_string());
        if self.mismatch.is_none() {
            self.mismatch = Some(stuck);
            self.unrecorded = found.is_none().then_some((op, code));
        }
        error
    }
}

/// Names what the journal has in the place of a mark that it lacks, if that comes later in it.
pub(crate) fn with_what_is_there(stuck: Stuck, state: &State, ahead: &[Recorded]) -> Stuck {
    let Some((op, code)) = &state.unrecorded else { return stuck };
    let there = ahead.iter().find(|recorded| recorded.event.operation() == Some(*op));
    there.map_or(stuck, |there| Stuck::mismatch(&in_words(&there.event), code))
}

/// The code has ended and the journal goes on.
pub(crate) fn ended_too_soon(state: &State, event: &Event) -> Stuck {
    let code = format!("the workflow has returned before this; {}", state.last_await());
    Stuck::mismatch(&in_words(event), &code)
}

/// The journal has a value that no poll has asked for.
pub(crate) fn mark_not_asked_for(state: &State, op: u32, event: &Event) -> Stuck {
    let instead = state.ops.get(&op).map(|entry| entry.describe(op));
    let code = instead.unwrap_or_else(|| {
        format!("nothing asks for #{op}, up to the end of the journal; {}", state.last_await())
    });
    Stuck::mismatch(&in_words(event), &code)
}

fn in_words(event: &Event) -> String {
    match event {
        Event::ActivityCompleted { step, .. } => format!("activity {} completed", named(step)),
        Event::ActivityFailed { step, .. } => format!("activity {} failed", named(step)),
        Event::ActivityAttemptFailed { step, attempt, .. } => {
            format!("attempt {attempt} of activity {} failed", named(step))
        }
        Event::ActivityStarted { step, attempt, .. } => {
            format!("attempt {attempt} of activity {} started", named(step))
        }
        Event::ActivityScheduled { step, attempt } => {
            format!("attempt {attempt} of activity {} scheduled", named(step))
        }
        Event::ActivityPending { step, attempt, .. } => {
            format!("attempt {attempt} of activity {} ends outside of its worker", named(step))
        }
        Event::ActivityHeartbeat { op, attempt, .. } => {
            format!("attempt {attempt} of an activity (#{op}) goes on")
        }
        Event::ChildStarted { step, .. } => format!("child workflow {} started", named(step)),
        Event::TimerFired { op } => format!("timer (#{op}) fired"),
        Event::SideEffect { op, .. } => format!("side effect (#{op})"),
        Event::ValueRefused { op, .. } => format!("a value refused (#{op})"),
        Event::ChildClosed { op, .. } => format!("child workflow (#{op}) ended"),
        Event::ChildCancelRequested { op } => {
            format!("child workflow (#{op}) asked to cancel: the workflow had dropped its call")
        }
        Event::ChildSignalSent { op, name } => {
            format!("signal `{name}` sent to child workflow (#{op})")
        }
        Event::ChildCancelSent { op, .. } => format!("child workflow (#{op}) asked to cancel"),
        Event::SignalReceived { name, .. } => format!("signal `{name}` received"),
        Event::UpdateReceived { name, .. } => format!("update `{name}` received"),
        Event::UpdateTaken { op, name, .. } => format!("update `{name}` (#{op}) taken"),
        Event::UpdateReplied { id, .. } => format!("update with the id `{id}` answered"),
        other => other.name().to_owned(),
    }
}

fn named(step: &StepId) -> String {
    format!("`{}` (#{})", step.name, step.op)
}
