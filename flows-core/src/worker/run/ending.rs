//! The end of a run: how it is closed, what goes on in its place, who is told.

use std::sync::Arc;
use std::time::Duration;

use super::{Code, Fresh, Phase, Run, RunStep};
use crate::ending::{ContinueAs, closed, message_to_parent, termination};
use crate::error::{Error, ErrorKind, Result, TimeoutKind};
use crate::ids::RunKey;
use crate::journal::{Event, Recorded, StoredError};
use crate::payload::{Payload, check_size};
use crate::policy::CloseChildren;
use crate::replay::{ChildTask, update_of};
use crate::store::{Close, InboxMessage, MessageKind, NewRun};
use crate::store::{OutgoingMessage, Parent, RunSpec, RunStatus};
use crate::time::Timestamp;

/// Why a run ends.
enum Why {
    /// Its time limit has passed.
    Limit,
    /// Its code has come to its end; it may have been asked to cancel.
    Code { cancelled: bool },
    /// It was asked to end at once, for this reason.
    Terminated(String),
}

impl<M: Code> Run<M> {
    /// The workflow has its result.
    pub(super) fn end(
        &mut self,
        outcome: Result<Payload>,
        fresh: Option<Fresh>,
        step: &mut RunStep<'_, M>,
    ) {
        let limit = step.rules.payload_limit;
        let outcome = match outcome {
            Ok(output) => {
                output.within(limit, || format!("output of workflow `{}`", self.spec.workflow))
            }
            Err(error) => Err(fitting(error, limit)),
        };
        let cancelled = matches!(&self.phase, Phase::Live(machine) if machine.was_cancelled());
        self.close(outcome, Why::Code { cancelled }, fresh, step);
    }

    /// The run has taken longer than its limit.
    pub(super) fn time_out(&mut self, step: &mut RunStep<'_, M>) {
        if !self.is_live() {
            return;
        }
        if let Phase::Live(machine) = &self.phase {
            let turn = machine.cancel_children();
            if let Err(why) = self.absorb(turn.commands, &turn.marks, Vec::new(), step) {
                return self.get_stuck(why, step);
            }
        }
        let error = timed_out(self.spec.timeout.unwrap_or_default());
        self.close(Err(error.within(step.rules.payload_limit)), Why::Limit, None, step);
    }

    /// The run is to end at once, because its parent has: also where it is stuck, or its code is away.
    pub(super) fn be_terminated(&mut self, request: &InboxMessage, step: &mut RunStep<'_, M>) {
        if !self.is_live() && !matches!(self.phase, Phase::Stuck(_)) {
            return;
        }
        let why: String = request.payload.decode().unwrap_or_default();
        self.writes.pending.park = None;
        self.close(Err(termination(&why)), Why::Terminated(why), None, step);
    }

    fn close(
        &mut self,
        outcome: Result<Payload>,
        why: Why,
        fresh: Option<Fresh>,
        step: &mut RunStep<'_, M>,
    ) {
        self.writes.drop_launches();
        if let Err(error) = self.tell(&outcome, &why, step.now) {
            return self.get_stuck(error.to_string(), step);
        }
        let children = match (&self.phase, &why) {
            (_, Why::Terminated(_)) => CloseChildren::All,
            (Phase::Live(machine), _) => machine.close_children(),
            _ => CloseChildren::All, // its code is not here to tell them
        };
        let (close, successor) = closing(self.key, &self.spec, outcome, why, fresh);
        let messages: Vec<_> = match &successor {
            Some(successor) => self.bequest(successor.key),
            None => message_to_parent(self.key, self.spec.parent, &close).into_iter().collect(),
        };
        let pending = &mut self.writes.pending;
        pending.last_messages = messages; // those to itself find nobody any more
        successor.into_iter().for_each(|new| pending.start(new));
        pending.close = Some(Box::new(Close { claim: Some(self.claim), children, ..close }));
        self.stop_living(step);
    }

    /// What has not been taken in stays in the inbox, for who goes on. The code is kept until the end is
    /// durable: dropping it may take its time.
    fn stop_living(&mut self, step: &mut RunStep<'_, M>) {
        self.timers.clear_all(step);
        self.inbox.clear();
        self.results.deny_all(step);
        self.attempts.stop_all(step);
        self.phase = match std::mem::replace(&mut self.phase, Phase::Lost) {
            Phase::Live(machine) => Phase::Ending(Some(machine)),
            _ => Phase::Ending(None),
        };
    }

    /// Puts the end into the journal, unless the run's row says it all.
    fn tell(&mut self, outcome: &Result<Payload>, why: &Why, at: Timestamp) -> Result<()> {
        let event = match outcome {
            Err(_) if let Why::Terminated(reason) = why => {
                Event::RunTerminated { reason: reason.clone() }
            }
            Ok(_) if self.is_elided() => {
                self.writes.first = None;
                return Ok(());
            }
            Ok(_) => Event::RunCompleted,
            Err(error) => {
                let called = match &self.phase {
                    Phase::Live(machine) => machine.called_before_failure(),
                    _ => 0,
                };
                Event::RunFailed { error: StoredError::of_run(error, called) }
            }
        };
        self.writes.pending.mark(&Recorded { at, event }, None)
    }

    /// Whether all that its end would add to the journal follows from its row: it ends in its first
    /// turn, which recorded nothing and did not ask for the time. Only of a run that nobody else has
    /// owned; of others, the journal row is the fence.
    fn is_elided(&self) -> bool {
        let pending = &self.writes.pending;
        let has_news = !pending.has_no_row() || pending.consumes();
        let read_clock = !matches!(&self.phase, Phase::Live(machine) if !machine.has_read_clock());
        self.is_new && self.writes.first.is_some() && !has_news && !read_clock
    }

    /// What was acknowledged and has not reached the code: the run that goes on gets it. Signals that were
    /// never received, and a request to cancel that the code was never told of.
    fn bequest(&self, to: RunKey) -> Vec<OutgoingMessage> {
        let Phase::Live(machine) = &self.phase else { return Vec::new() };
        let message =
            |kind, name, payload| OutgoingMessage { to, kind, name, payload, dedup: None };
        let cancelled = machine.unnoticed_cancellation();
        let cancelled = cancelled.and_then(|reason| Payload::json(&reason).ok());
        let unreceived = machine.unreceived_signals().into_iter();
        let signals = unreceived.map(|(queue, it)| match update_of(&queue) {
            Some(name) => message(MessageKind::Update, name.to_owned(), it),
            None => message(MessageKind::Signal, queue, it),
        });
        signals.chain(cancelled.map(|it| message(MessageKind::Cancel, String::new(), it))).collect()
    }

    /// The run of a child, which starts in the same commit as the mark that says so.
    pub(super) fn child_run(&self, task: &ChildTask) -> NewRun {
        let input = task.input.as_json().unwrap_or("null").into();
        let by = Parent { run: self.key.run, op: task.op, on_close: task.on_close };
        let child = self.spec.child(by, task.workflow.into(), task.version, input);
        let queue = task.queue.as_deref().map_or_else(|| Arc::clone(&child.queue), Arc::from);
        let (workflow_id, on_conflict) = task.id.clone().unzip();
        let (timeout, retry) = (task.timeout, task.retry.clone());
        let child = RunSpec { workflow_id, queue, timeout, retry, ..child };
        let new = NewRun::new(RunKey::of_run(self.key.tenant, task.run), child);
        NewRun { on_conflict: on_conflict.unwrap_or_default(), ..new }
    }
}

/// The error of a run that has taken longer than its limit.
pub(crate) fn timed_out(limit: Duration) -> Error {
    let message = format!("the run took longer than its limit of {limit:?}");
    Error::timeout(TimeoutKind::Run, message)
}

/// What the run ends with. An input of the next run that is too large is only found here: the code
/// cannot be told, or a replay under another limit would be told something else.
fn fitting(error: Error, limit: usize) -> Error {
    let Some(ContinueAs { workflow, input, .. }) = next_of(&error) else {
        return error.within(limit);
    };
    let fits = check_size(input.len(), limit, || format!("input of workflow `{workflow}`"));
    fits.err().unwrap_or(error)
}

/// How a run ends, and what goes on in its place. It counts as cancelled only if it was asked to
/// cancel, and as timed out only by its own limit: the error of a child is a failure like others.
fn closing(
    key: RunKey,
    spec: &RunSpec,
    outcome: Result<Payload>,
    why: Why,
    fresh: Option<Fresh>,
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
        (_, Why::Terminated(_)) => (RunStatus::Terminated, None),
        (ErrorKind::ContinueAsNew, _) => {
            (RunStatus::Continued, fresh.and_then(|fresh| continued(key, spec, &error, fresh)))
        }
        (ErrorKind::Cancelled, Why::Code { cancelled: true }) => (RunStatus::Cancelled, None),
        _ => (RunStatus::Failed, fresh.and_then(|fresh| retried(key, spec, &error, fresh))),
    };
    let id = successor.as_ref().map(|new| new.key.run);
    (closed(status, None, Some(&error.of_attempt(spec.attempt)), id), successor)
}

/// The next attempt of a failed run, if its policy has one.
fn retried(key: RunKey, spec: &RunSpec, error: &Error, fresh: Fresh) -> Option<NewRun> {
    let policy = spec.retry.as_ref().filter(|policy| policy.retries(spec.attempt, error))?;
    let delay = policy.delay_after(spec.attempt, fresh.share);
    let next = RunSpec { attempt: spec.attempt + 1, ..spec.successor(key.run) };
    Some(NewRun { delay: Some(delay), ..NewRun::new(RunKey { run: fresh.run, ..key }, next) })
}

fn next_of(error: &Error) -> Option<ContinueAs> {
    (error.kind() == ErrorKind::ContinueAsNew).then(|| error.details()).flatten()
}

fn continued(key: RunKey, spec: &RunSpec, error: &Error, fresh: Fresh) -> Option<NewRun> {
    let ContinueAs { workflow, version, input, .. } = next_of(error)?;
    let (workflow, input) = (workflow.into(), input.into());
    let next = RunSpec { workflow, version, input, ..spec.successor(key.run) };
    Some(NewRun::new(RunKey { run: fresh.run, ..key }, next))
}
