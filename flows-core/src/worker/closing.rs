//! The end of a run: how it is closed, what goes on in its place, who is told.

use std::sync::Arc;
use std::time::Duration;

use super::executor::Executor;
use super::resident::{Origin, Resident};
use crate::clock;
use crate::context::ContinueAs;
use crate::ending::{closed, letter_to_parent};
use crate::error::{Error, ErrorKind, Result, TimeoutKind};
use crate::ids::{RunKey, lane_of};
use crate::journal::{Event, Recorded, StoredError};
use crate::payload::{Payload, check_size};
use crate::replay::{ChildTask, Machine};
use crate::store::{Close, ConflictPolicy, Lineage, Mail, MailKind, NewRun, Parent, RunStatus};
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
        let (close, successor) = close(key, &run.origin, outcome, why);
        match &successor {
            Some(successor) => {
                let bequest = bequest(successor.key, run);
                run.pending.mail.extend(bequest);
            }
            None => run.pending.mail.extend(letter_to_parent(key, run.origin.parent, &close)),
        }
        successor.into_iter().for_each(|new| run.pending.start(new));
        run.pending.close = Some(Box::new(Close { claim: Some(run.claim), ..close }));
    }

    fn fitting(&self, key: RunKey, output: Payload) -> Result<Payload> {
        output.within(self.session.payload_limit, || {
            let name = self.runs.get(&key).map(|run| Arc::clone(&run.origin.workflow));
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
        let limit = run.origin.timeout.unwrap_or_default();
        if let Some(turn) = run.machine.as_ref().map(Machine::cancel_children) {
            self.absorb(key, turn);
        }
        self.end_as(key, Err(timed_out(limit)), true);
        self.mark_dirty(key);
    }

    /// The run of a child, which starts in the same commit as the mark that says so.
    pub(super) fn child_run(&self, key: RunKey, child: &ChildTask) -> Option<NewRun> {
        self.runs.get(&key).map(|run| child_run(key, run, child))
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
fn bequest(to: RunKey, run: &Resident) -> Vec<Mail> {
    let letter = |kind, name, payload| Mail { to, kind, name, payload, dedup: None };
    let cancelled = run.machine.as_ref().and_then(Machine::unnoticed_cancellation);
    let cancelled = cancelled.and_then(|reason| Payload::json(&reason).ok());
    let unreceived = run.machine.as_ref().map(Machine::unreceived_signals).unwrap_or_default();
    let signals = unreceived.into_iter().map(|(name, it)| letter(MailKind::Signal, name, it));
    signals.chain(cancelled.map(|it| letter(MailKind::Cancel, String::new(), it))).collect()
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
    origin: &Origin,
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
        (ErrorKind::ContinueAsNew, _) => (RunStatus::Continued, continued(key, origin, &error)),
        (ErrorKind::Cancelled, Why::Code { cancelled: true }) => (RunStatus::Cancelled, None),
        _ => (RunStatus::Failed, retried(key, origin, &error)),
    };
    let id = successor.as_ref().map(|new| new.key.run);
    (closed(status, None, Some(&error), id), successor)
}

/// The next attempt of a failed run, if its policy has one.
fn retried(key: RunKey, origin: &Origin, error: &Error) -> Option<NewRun> {
    let policy = origin.retry.as_ref().filter(|policy| policy.retries(origin.attempt, error))?;
    let delay = policy.delay_after(origin.attempt, clock::random_share());
    let mut new = successor(key, origin, Arc::clone(origin.input.as_ref()?));
    (new.attempt, new.delay) = (origin.attempt + 1, Some(delay));
    Some(new)
}

fn next_of(error: &Error) -> Option<ContinueAs> {
    (error.kind() == ErrorKind::ContinueAsNew).then(|| error.details()).flatten()
}

fn continued(key: RunKey, origin: &Origin, error: &Error) -> Option<NewRun> {
    let next = next_of(error)?;
    let mut new = successor(key, origin, next.input.into());
    new.lane = lane_of(&origin.queue, &next.workflow, next.version);
    (new.workflow, new.version) = (next.workflow.into(), next.version);
    Some(new)
}

fn successor(key: RunKey, origin: &Origin, input: Arc<str>) -> NewRun {
    NewRun {
        key: key.successor(),
        workflow_id: origin.workflow_id.clone(),
        workflow: Arc::clone(&origin.workflow),
        version: origin.version,
        queue: Arc::clone(&origin.queue),
        lane: lane_of(&origin.queue, &origin.workflow, origin.version),
        priority: origin.priority,
        input,
        on_conflict: ConflictPolicy::Reject,
        start_at: None,
        delay: None::<Duration>,
        timeout: origin.timeout,
        attempt: 1,
        retry: origin.retry.clone(),
        lineage: Lineage { predecessor: Some(key.run), parent: origin.parent },
    }
}

fn child_run(parent: RunKey, run: &Resident, task: &ChildTask) -> NewRun {
    let queue: Arc<str> =
        task.queue.as_deref().map_or_else(|| Arc::clone(&run.origin.queue), Arc::from);
    NewRun {
        key: RunKey::of_run(parent.tenant, task.run),
        workflow_id: None,
        workflow: task.workflow.into(),
        version: task.version,
        lane: lane_of(&queue, task.workflow, task.version),
        queue,
        priority: run.origin.priority,
        input: task.input.as_json().unwrap_or("null").into(),
        on_conflict: ConflictPolicy::Reject,
        start_at: None,
        delay: None,
        timeout: task.timeout,
        attempt: 1,
        retry: task.retry.clone(),
        lineage: Lineage {
            predecessor: None,
            parent: Some(Parent { run: parent.run, op: task.op }),
        },
    }
}
