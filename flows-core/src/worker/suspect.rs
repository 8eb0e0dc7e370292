//! What is done about suspects outside of their runs: one is tried at a time, code that does not give its
//! thread back is given up, and attempts fail with their worker.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::attempted::is_only_once;
use super::beside::LIMIT;
use super::executor::Executor;
use super::outside::Outside;
use super::resident::Resident;
use super::run::{Input, Run};
use super::session::Session;
use super::watchdog::HOPELESS;
use crate::error::{Error, ErrorKind};
use crate::ids::RunKey;
use crate::journal::{Event, StoredError};
use crate::replay::{ActivityStart, ActivityTask, Command, Machine, Turn};
use crate::store::{CONVICTED, SUSPECT};

/// The one suspect that a worker tries; the next may come when this is dropped.
pub(super) struct Trial(Arc<Session>);

impl Trial {
    /// Of a run with so many setbacks, if it is tried alone.
    pub(super) fn of(session: &Arc<Session>, setbacks: i16) -> Option<Self> {
        (setbacks <= SUSPECT).then(|| {
            session.trial.store(true, Ordering::Relaxed);
            Self(Arc::clone(session))
        })
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.0.trial.store(false, Ordering::Relaxed);
        self.0.wanted.notify_one();
    }
}

impl Executor {
    /// Its code has not given its thread back for very long, and may never do so.
    pub(super) fn give_up(&mut self, key: RunKey, residency: u64, after: Option<String>) {
        let budgets = self.session().config.blocking_threshold * HOPELESS;
        let after = after.as_deref().unwrap_or("its beginning");
        let why = format!(
            "its code has held a thread for more than {} s since {after}, and cannot be stopped: the thread \
             is lost until the process ends. It is tried again alone, and not for ever",
            budgets.as_secs()
        );
        self.step_of(key, residency, Input::GivenUp(why));
    }

    /// In a test, its code has not given its thread back.
    pub(super) fn blocks(&mut self, key: RunKey, residency: u64, after: Option<String>) {
        let Some(Resident { run, .. }) = self.runs.get(&key) else { return };
        if !run.is_polling() {
            return;
        }
        let def = self.session().registry.workflow(&run.spec().workflow, run.spec().version);
        let source = def.map(|def| format!(" at {}", def.source)).unwrap_or_default();
        let after = after.unwrap_or_else(|| format!("its beginning{source}"));
        let why = format!(
            "its code blocks its thread: it has not come back for {} s, since {after}. What sleeps, waits or \
             computes for long goes into an `#[activity]`; to wait for a time, write \
             `ctx.sleep(duration).await?`; a loop has to await something",
            LIMIT.as_secs()
        );
        self.step_of(key, residency, Input::Stuck(why));
    }
}

impl Resident {
    /// Whether it may be why the worker has lost its lease: a poll of an activity holds its thread for long.
    /// Or it has an activity that must not be invoked a second time: its setback tells its next owner.
    pub(super) fn may_block(&self, session: &Session) -> bool {
        let is_only = |task: &ActivityTask| {
            let def = session.registry.activity(task.name);
            def.is_some_and(|def| is_only_once(task, def))
        };
        let mut polled = self.running.values().filter_map(|running| running.context.polled());
        polled.any(|since| session.holds.is_long(since)) || self.run.tasks().any(is_only)
    }
}

impl Outside {
    /// Of the attempts that are to start: those that were under way when the last worker ended have
    /// failed. They are taken out of the turn.
    pub(super) fn failed_with_worker(&self, run: &Run<Machine>, turn: &mut Turn) -> Vec<Event> {
        if !run.has_setbacks() {
            return Vec::new();
        }
        let is_cancelled = |op: u32, commands: &[Command]| {
            commands.iter().any(|it| matches!(it, Command::CancelActivity(lost) if *lost == op))
        };
        let (mut failed, mut left) = (Vec::new(), Vec::new());
        let commands = std::mem::take(&mut turn.commands);
        for command in &commands {
            let event = match command {
                Command::RunActivity(start) if !is_cancelled(start.task.op, &commands) => {
                    let setbacks = run.has_lost(start, self.now);
                    setbacks.and_then(|setbacks| self.failure_with_worker(start, setbacks))
                }
                _ => None,
            };
            match event {
                Some(event) => failed.push(event),
                None => left.push(command.clone()),
            }
        }
        turn.commands = left;
        failed
    }

    /// The failure of an attempt that may have been under way when its worker ended. Others were under
    /// way beside it, unless its run was tried alone: so long, it is not the last of several.
    fn failure_with_worker(&self, start: &ActivityStart, setbacks: i16) -> Option<Event> {
        let (task, attempt) = (&start.task, start.attempt);
        let alone = (setbacks <= CONVICTED).then(|| u32::from(setbacks.unsigned_abs()));
        let step = task.step();
        let def = self.session.registry.activity(task.name)?;
        let is_only = is_only_once(task, def);
        let error = worker_lost(task.name, attempt, is_only, alone);
        let is_last = alone.is_some() || is_only;
        let retry_at = self.retry_at(task, def, attempt, &error);
        let retry_at = retry_at.or((!is_last).then_some(self.now));
        let (error, heartbeat) = (StoredError::from(&error), start.heartbeat.clone());
        Some(match retry_at {
            Some(retry_at) => {
                Event::ActivityAttemptFailed { step, attempt, error, retry_at, heartbeat }
            }
            None => Event::ActivityFailed { step, attempt, error },
        })
    }
}

fn worker_lost(activity: &str, attempt: u32, is_only: bool, alone: Option<u32>) -> Error {
    let message = format!(
        "the process of the worker ended during attempt {attempt} of activity `{activity}`"
    );
    let message = match alone {
        Some(workers) => format!(
            "{message}; it ran no other suspect, and is worker number {workers} in a row to end"
        ),
        None if is_only => format!(
            "{message}, or lost its lease: whether the activity was done is unknown, and with \
             `max_attempts = 1` it is not invoked again"
        ),
        None => message,
    };
    Error::new(ErrorKind::WorkerLost, message)
}
