//! The end of a run: how it is closed, what goes on in its place, who is told.

use std::sync::Arc;
use std::time::Duration;

use super::executor::Executor;
use super::resident::Resident;
use crate::clock;
use crate::context::ContinueAs;
use crate::ending::{closed, message_to_parent};
use crate::error::{Error, ErrorKind, Result, TimeoutKind};
use crate::ids::RunKey;
use crate::journal::{Event, Recorded, StoredError};
use crate::payload::{Payload, check_size};
use crate::replay::{ChildTask, Machine};
use crate::store::{Close, MessageKind, NewRun, OutgoingMessage, Parent, RunSpec, RunStatus};
use crate::time::Timestamp;

impl Executor {
    /// The workflow has its result.
    pub(super) fn end(&mut self, key: RunKey, outcome: Result<Payload>) {
        self.end_as(key, outcome, false);
    }

    /// `is_over`: its time limit has passed.
    fn end_as(&mut self, key: RunKey, outcome: Result<Payload>, is_over: bool) {
        let outcome = match outcome {
            Ok(output) => self.fitting(key, output),
            Err(error) => Err(self.fitting_error(error)),
        };
        self.clear_alarms(key);
        let at = self.session.clock.now();
        let Some(run) = self.runs.get_mut(&key) else { return };
        run.stop();
        run.todo.clear(); // letters among it stay in the inbox, for who goes on
        run.ending = true;
        run.drop_launches();
        if let Err(error) = tell(run, &outcome, at) {
            return self.get_stuck(key, &error.to_string());
        }
        let cancelled = run.machine.as_ref().is_some_and(Machine::was_cancelled);
        let why = if is_over { Why::Limit } else { Why::Code { cancelled } };
        let (close, successor) = close(key, &run.spec, outcome, why);
        match &successor {
            Some(successor) => {
                let bequest = bequest(successor.key, run);
                run.pending.mail.extend(bequest);
            }
            None => run.pending.mail.extend(message_to_parent(key, run.spec.parent, &close)),
        }
        successor.into_iter().for_each(|new| run.pending.start(new));
        run.pending.close = Some(Box::new(Close { claim: Some(run.claim), ..close }));
    }

    fn fitting(&self, key: RunKey, output: Payload) -> Result<Payload> {
        output.within(self.session.payload_limit, || {
            let name = self.runs.get(&key).map(|run| Arc::clone(&run.spec.workflow));
            format!("output of workflow `{}`", name.unwrap_or_default())
        })
    }

    /// What the run ends with. An input of the next run that is too large is only found here: the code
    /// cannot be told, or a replay under another limit would be told something else.
    fn fitting_error(&self, error: Error) -> Error {
        let limit = self.session.payload_limit;
        let Some(ContinueAs { workflow, input, .. }) = next_of(&error) else {
            return error.within(limit);
        };
        let fits = check_size(input.len(), limit, || format!("input of workflow `{workflow}`"));
        fits.err().unwrap_or(error)
    }

    /// The run has taken longer than its limit.
    pub(super) fn time_out(&mut self, key: RunKey) {
        let Some(run) = self.runs.get(&key).filter(|run| !run.ending) else { return };
        let limit = run.spec.timeout.unwrap_or_default();
        if let Some(turn) = run.machine.as_ref().map(Machine::cancel_children) {
            self.absorb(key, turn);
        }
        self.end_as(key, Err(timed_out(limit)), true);
        self.mark_dirty(key);
    }

    /// The run of a child, which starts in the same commit as the mark that says so.
    pub(super) fn child_run(&self, key: RunKey, child: &ChildTask) -> Option<NewRun> {
        self.runs.get(&key).map(|run| child_run(key, &run.spec, child))
    }
}

/// The error of a run that has taken longer than its limit.
pub(super) fn timed_out(limit: Duration) -> Error {
    let message = format!("the run took longer than its limit of {limit:?}");
    Error::timeout(TimeoutKind::Run, message)
}

/// Puts the end into the journal, unless the run's row says it all.
fn tell(run: &mut Resident, outcome: &Result<Payload>, at: Timestamp) -> Result<()> {
    let event = match outcome {
        Ok(_) if run.ends_untold() => {
            run.first = None;
            return Ok(());
        }
        Ok(_) => Event::RunCompleted,
        Err(error) => Event::RunFailed { error: StoredError::from(error) },
    };
    run.pending.mark(&Recorded { at, event }, None)
}

/// What was acknowledged and has not reached the code: the run that goes on gets it. Signals that were
/// never received, and a request to cancel that the code was never told of.
fn bequest(to: RunKey, run: &Resident) -> Vec<OutgoingMessage> {
    let letter = |kind, name, payload| OutgoingMessage { to, kind, name, payload, dedup: None };
    let cancelled = run.machine.as_ref().and_then(Machine::unnoticed_cancellation);
    let cancelled = cancelled.and_then(|reason| Payload::json(&reason).ok());
    let unreceived = run.machine.as_ref().map(Machine::unreceived_signals).unwrap_or_default();
    let signals = unreceived.into_iter().map(|(name, it)| letter(MessageKind::Signal, name, it));
    signals.chain(cancelled.map(|it| letter(MessageKind::Cancel, String::new(), it))).collect()
}

/// Why a run ends.
enum Why {
    /// Its time limit has passed.
    Limit,
    /// Its code has come to its end; it may have been asked to cancel.
    Code { cancelled: bool },
}

/// How a run ends, and what goes on in its place. It counts as cancelled only if it was asked to
/// cancel, and as timed out only by its own limit: the error of a child is a failure like others.
fn close(
    key: RunKey,
    spec: &RunSpec,
    outcome: Result<Payload>,
    why: Why,
) -> (Close, Option<NewRun>) {
    let error = match outcome {
        Ok(output) => {
            let output = output.as_json().map(str::to_owned);
            return (closed(RunStatus::Completed, output, None, None), None);
        }
        Err(error) => error,
    };
    let (status, successor) = match (error.kind(), why) {
        (_, Why::Limit) => (RunStatus::TimedOut, None),
        (ErrorKind::ContinueAsNew, _) => (RunStatus::Continued, continued(key, spec, &error)),
        (ErrorKind::Cancelled, Why::Code { cancelled: true }) => (RunStatus::Cancelled, None),
        _ => (RunStatus::Failed, retried(key, spec, &error)),
    };
    let id = successor.as_ref().map(|new| new.key.run);
    (closed(status, None, Some(&error), id), successor)
}

/// The next attempt of a failed run, if its policy has one.
fn retried(key: RunKey, spec: &RunSpec, error: &Error) -> Option<NewRun> {
    let policy = spec.retry.as_ref().filter(|policy| policy.retries(spec.attempt, error))?;
    let delay = policy.delay_after(spec.attempt, clock::random_share());
    let next = RunSpec { attempt: spec.attempt + 1, ..spec.successor(key.run) };
    Some(NewRun { delay: Some(delay), ..NewRun::new(key.successor(), next) })
}

fn next_of(error: &Error) -> Option<ContinueAs> {
    (error.kind() == ErrorKind::ContinueAsNew).then(|| error.details()).flatten()
}

fn continued(key: RunKey, spec: &RunSpec, error: &Error) -> Option<NewRun> {
    let ContinueAs { workflow, version, input, .. } = next_of(error)?;
    let (workflow, input) = (workflow.into(), input.into());
    let next = RunSpec { workflow, version, input, ..spec.successor(key.run) };
    Some(NewRun::new(key.successor(), next))
}

fn child_run(parent: RunKey, spec: &RunSpec, task: &ChildTask) -> NewRun {
    let input = task.input.as_json().unwrap_or("null").into();
    let by = Parent { run: parent.run, op: task.op };
    let child = spec.child(by, task.workflow.into(), task.version, input);
    let queue = task.queue.as_deref().map_or_else(|| Arc::clone(&child.queue), Arc::from);
    let child = RunSpec { queue, timeout: task.timeout, retry: task.retry.clone(), ..child };
    NewRun::new(RunKey::of_run(parent.tenant, task.run), child)
}
