//! How the end of an attempt becomes an event: its result, a retry, or its failure.

use std::time::Duration;

use super::executor::Executor;
use super::message::Attempted;
use super::outside::Outside;
use super::resident::Resident;
use super::run::Input;
use crate::clock;
use crate::completion::AttemptEnd;
use crate::definition::ActivityDef;
use crate::error::{Error, ErrorKind, TimeoutKind};
use crate::journal::{Event, StoredError};
use crate::payload::Payload;
use crate::replay::{ActivityStart, ActivityTask, Command, Turn};
use crate::retry::RetryPolicy;
use crate::store::TransactionOutcome;
use crate::telemetry::lines;
use crate::time::Timestamp;

impl Executor {
    /// An attempt has ended.
    pub(super) fn attempted(&mut self, attempted: Attempted) {
        let Attempted { key, residency, op, transaction, .. } = attempted;
        let resident = self.runs.get_mut(&key);
        let Some(resident) = resident.filter(|it| it.residency == residency) else { return };
        if let Some(running) = resident.running.remove(&op) {
            self.outside.commit_delay.end(running.batch);
        }
        let event = if transaction == TransactionOutcome::Unknown && resident.run.has_granted(op) {
            resident.unanswered = Some(Box::new(attempted));
            None
        } else {
            resident.run.task(op).map(|task| self.outside.event_of(task, attempted))
        };
        if let Some(event) = &event {
            lines::attempt_failed(&resident.span, key, resident.run.spec(), event);
        }
        let input = Input::AttemptEnded { op, event, transaction };
        let after = self.outside.handle(key, resident, input);
        self.follow(key, after);
    }
}

impl Outside {
    /// Of the attempts that are to start: one whose COMMIT nobody has answered, and whose result is not in the
    /// journal, has failed. It counts as any other, and is taken out of the turn. Should its transaction be
    /// committed later after all, the row of its failure is in the way of its record.
    pub(super) fn failed_unanswered(
        &self,
        resident: &mut Resident,
        turn: &mut Turn,
    ) -> Option<Event> {
        let attempted = resident.unanswered.take().filter(|it| it.result.is_err())?;
        let is_it = |command: &mut Command| match command {
            Command::RunActivity(start) => {
                start.task.op == attempted.op && start.attempt == attempted.attempt
            }
            _ => false,
        };
        let again = turn.commands.extract_if(.., is_it).next()?;
        let Command::RunActivity(start) = again else { return None };
        Some(self.event_of(&start.task, *attempted))
    }

    fn event_of(&self, task: &ActivityTask, attempted: Attempted) -> Event {
        let Attempted { attempt, result, heartbeat, .. } = attempted;
        let step = task.step();
        match result {
            Ok(output) => Event::ActivityCompleted { step, attempt, output },
            Err(error) if error.kind() == ErrorKind::Pending => {
                let until = error.details().map_or(self.now, Timestamp);
                let def = self.session.registry.activity(task.name);
                let silence = def.and_then(|def| def.options.heartbeat).map(micros);
                Event::ActivityPending { step, attempt, until, silence, heartbeat }
            }
            Err(error) => self.failure_of(task, attempt, error, heartbeat),
        }
    }

    /// What an attempt has come to that has ended outside. Who ended it may have given any value.
    pub(super) fn settled(&self, start: &ActivityStart, end: AttemptEnd) -> Event {
        let AttemptEnd { result, heartbeat } = end;
        let (task, attempt) = (&start.task, start.attempt);
        let def = self.session.registry.activity(task.name);
        let read = |output| match def.map_or(Ok(()), |def| (def.check_output)(&output)) {
            Ok(()) => Ok(output),
            Err(error) => Err(error.context_of("the value that completed an attempt", task.name)),
        };
        match result.and_then(read) {
            Ok(output) => Event::ActivityCompleted { step: task.step(), attempt, output },
            Err(error) => {
                let heartbeat = heartbeat.or_else(|| start.heartbeat.clone());
                self.failure_of(task, attempt, error, heartbeat)
            }
        }
    }

    fn failure_of(
        &self,
        task: &ActivityTask,
        attempt: u32,
        error: Error,
        heartbeat: Option<Payload>,
    ) -> Event {
        let (step, def) = (task.step(), self.session.registry.activity(task.name));
        let policy = policy_of(task, def.map(|def| &**def));
        let error = match policy {
            Some(policy) => policy.settle(error),
            None => error,
        };
        let error = error.within(self.session.payload_limit);
        let closes = schedule_to_close(task, def.map(|def| &**def));
        match policy.and_then(|policy| self.retry_by(policy, closes, task, attempt, &error)) {
            Some(retry_at) => {
                let error = StoredError::from(&error);
                Event::ActivityAttemptFailed { step, attempt, error, retry_at, heartbeat }
            }
            None => Event::ActivityFailed { step, attempt, error: StoredError::from(&error) },
        }
    }

    /// When the next attempt starts, if there is one.
    pub(super) fn retry_at(
        &self,
        task: &ActivityTask,
        def: &ActivityDef,
        attempt: u32,
        error: &Error,
    ) -> Option<Timestamp> {
        let policy = policy_of(task, Some(def))?;
        self.retry_by(policy, schedule_to_close(task, Some(def)), task, attempt, error)
    }

    fn retry_by(
        &self,
        policy: &RetryPolicy,
        closes: Option<Duration>,
        task: &ActivityTask,
        attempt: u32,
        error: &Error,
    ) -> Option<Timestamp> {
        // Who has waited in vain for a worker of its queue would wait again.
        let in_vain =
            task.may_go_elsewhere() && error.timeout_kind() == Some(TimeoutKind::ScheduleToStart);
        if in_vain || !policy.retries(attempt, error) {
            return None;
        }
        let delay = policy.delay_after(attempt, clock::random_share());
        let retry_at = self.now.after(delay);
        let within = closes.is_none_or(|limit| retry_at < task.scheduled_at.after(limit));
        within.then_some(retry_at)
    }
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// By which policy an activity is tried again. One that only other workers run has it from its call.
fn policy_of<'a>(task: &'a ActivityTask, def: Option<&'a ActivityDef>) -> Option<&'a RetryPolicy> {
    task.overridden(|o| o.retry.as_ref()).or_else(|| def.map(|def| &def.options.retry))
}

/// How long all its attempts together may take.
fn schedule_to_close(task: &ActivityTask, def: Option<&ActivityDef>) -> Option<Duration> {
    let limit = task.overridden(|o| o.schedule_to_close.as_ref()).copied();
    limit.or_else(|| def.and_then(|def| def.options.schedule_to_close))
}

/// Whether it must not be invoked a second time where it is unknown what the first has done.
pub(super) fn is_only_once(task: &ActivityTask, def: &ActivityDef) -> bool {
    policy_of(task, Some(def)).is_some_and(RetryPolicy::is_single) && !def.transactional
}
