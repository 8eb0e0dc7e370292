//! Suspects: runs that were owned when the lease of their worker was over.
//!
//! One of them may be why: an activity that ends its process, or workflow code that does, or that
//! blocks its thread for longer than the lease. Which one shows in two steps. After one setback each
//! activity that is open and due may have been invoked, so its attempt has failed; from then on the
//! journal notes each attempt before it starts, so that the next worker knows which were under way.
//! After two in a row a run is tried alone: its worker owns no other such run meanwhile, so if that
//! worker ends too, it is this run. Only then an attempt that was under way may be the last of several;
//! without one, the run is stuck. Who allows one attempt wants no second invocation: that one has failed
//! for good after one setback. Code that holds a thread for very long, on a runtime that has others, is given up,
//! which is a setback as well. A run that gets further (an attempt ends, or the run only waits) is no suspect any
//! more. Runs without setbacks pay nothing for this.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::beside::LIMIT;
use super::executor::Executor;
use super::resident::Resident;
use super::session::Session;
use super::turns::is_only_once;
use super::watchdog::HOPELESS;
use super::work::Work;
use crate::error::{Error, ErrorKind};
use crate::ids::RunKey;
use crate::journal::{Event, Recorded, StepId, StoredError};
use crate::replay::{ActivityStart, Stuck};
use crate::store::{CONVICTED, SUSPECT};

/// The longest pause before a stuck run is tried again, unless the worker's interval is longer.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// What is held against a run.
pub(crate) struct Suspicion {
    /// See [`Activation::setbacks`](crate::store::Activation::setbacks).
    pub(super) setbacks: i16,
    /// What follows from its setbacks was decided before.
    pub(super) judged: bool,
    /// It ends workers, and goes no further by itself.
    convicted: bool,
    /// It was given up here, because its code does not give its thread back.
    blocks: bool,
    /// It is tried alone.
    _trial: Option<Trial>,
}

/// The one suspect that a worker tries; the next may come when this is dropped.
struct Trial(Arc<Session>);

impl Trial {
    fn begin(session: &Arc<Session>) -> Self {
        session.trial.store(true, Ordering::Relaxed);
        Self(Arc::clone(session))
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.0.trial.store(false, Ordering::Relaxed);
        self.0.wanted.notify_one();
    }
}

impl Suspicion {
    pub(super) fn of(session: &Arc<Session>, setbacks: i16) -> Option<Box<Self>> {
        let trial = (setbacks <= SUSPECT).then(|| Trial::begin(session));
        let suspicion =
            Self { setbacks, judged: false, convicted: false, blocks: false, _trial: trial };
        (setbacks != 0).then(|| Box::new(suspicion))
    }
}

impl Resident {
    fn setbacks(&self) -> i16 {
        self.suspicion.as_ref().map_or(0, |suspicion| suspicion.setbacks)
    }

    /// Whether it may be the run that ends workers.
    pub(super) fn is_suspect(&self) -> bool {
        self.setbacks() < 0
    }

    /// Why a run that is put down is a suspect still: an attempt of it is to be tried again.
    pub(super) fn still_suspect(&self, retries: bool) -> Option<(String, i16)> {
        let why =
            "it is suspected to end its workers; its next attempt is tried alone, when it is due";
        (retries && self.setbacks() <= SUSPECT).then(|| (why.to_owned(), SUSPECT))
    }

    /// Its setbacks now that it is stuck (again), and when it is tried again.
    pub(super) fn stuck_again(&self, interval: Duration) -> (i16, Option<Duration>) {
        match &self.suspicion {
            Some(suspicion) if suspicion.convicted => (suspicion.setbacks, None),
            Some(suspicion) if suspicion.blocks => (suspicion.setbacks, Some(interval)),
            _ => {
                let before = self.setbacks().max(0);
                (before.saturating_add(1), Some(pause(interval, before)))
            }
        }
    }
}

/// How long a run that is stuck again waits, after so many times: doubling, up to some hours.
fn pause(interval: Duration, before: i16) -> Duration {
    let doublings = u32::from(before.unsigned_abs()).min(30);
    interval.saturating_mul(1 << doublings).min(interval.max(LONGEST))
}

impl Executor {
    /// Before anything of a run is run: one that was tried alone when its worker ended is stuck,
    /// unless it was an attempt of an activity that ended it.
    pub(super) fn convict(&mut self, key: RunKey, journal: &[Recorded]) -> Result<(), Stuck> {
        let Some(run) = self.runs.get_mut(&key) else { return Ok(()) };
        let Some(suspicion) = &mut run.suspicion else { return Ok(()) };
        let setbacks = suspicion.setbacks;
        let few = setbacks.unsigned_abs() < self.session.config.max_setbacks;
        if setbacks > CONVICTED || few || suspicion.judged || was_under_way(journal, setbacks) {
            return Ok(());
        }
        suspicion.convicted = true;
        Err(Stuck::new(format!(
            "{} workers in a row have ended, or lost their lease or a thread, while they ran this run, the \
             last of them while it ran no other suspect: its workflow code ends its process or blocks its \
             thread. It is not tried again by itself, nor by a new build. Fix the workflow and deploy it; then \
             call `retry_stuck()` on its execution (the guide says how in SQL, under `Runs that end their \
             workers`), or terminate it",
            -i32::from(setbacks)
        )))
    }

    /// Its code has not given its thread back for very long, and may never do so. That is a setback as if its
    /// worker had ended, and there is no doubt whose it is.
    pub(super) fn give_up(&mut self, key: RunKey, residency: u64, after: Option<String>) {
        let budgets = self.session.config.poll_budget * HOPELESS;
        let run = self.runs.get_mut(&key);
        let run = run.filter(|run| run.away && run.residency == residency && run.is_live());
        let Some(run) = run else { return };
        let setbacks = run.setbacks().min(0).saturating_sub(1);
        let _trial = run.suspicion.take().and_then(|suspicion| suspicion._trial);
        let suspicion =
            Suspicion { setbacks, judged: true, convicted: false, blocks: true, _trial };
        run.suspicion = Some(Box::new(suspicion));
        let after = after.as_deref().unwrap_or("its beginning");
        let why = format!(
            "its code has held a thread for more than {} s since {after}, and cannot be stopped: the thread \
             is lost until the process ends. It is tried again alone, and not for ever",
            budgets.as_secs()
        );
        self.get_stuck(key, &why);
    }

    /// In a test, its code has not given its thread back.
    pub(super) fn blocks(&mut self, key: RunKey, residency: u64, after: Option<String>) {
        let Some(run) = self.runs.get(&key) else { return };
        if !run.away || run.residency != residency || !run.is_live() {
            return;
        }
        let def = self.session.registry.workflow(&run.spec.workflow, run.spec.version);
        let source = def.map(|def| format!(" at {}", def.source)).unwrap_or_default();
        let after = after.unwrap_or_else(|| format!("its beginning{source}"));
        let why = format!(
            "its code blocks its thread: it has not come back for {} s, since {after}. What sleeps, waits or \
             computes for long goes into an `#[activity]`; to wait for a time, write \
             `ctx.sleep(duration).await?`; a loop has to await something",
            LIMIT.as_secs()
        );
        self.get_stuck(key, &why);
    }

    /// Of the attempts that are to start: those that were under way when the last worker ended have
    /// failed.
    pub(super) fn judge(&mut self, key: RunKey, starts: Vec<ActivityStart>) -> Vec<ActivityStart> {
        let Some(run) = self.runs.get_mut(&key) else { return starts };
        let Some(suspicion) = run.suspicion.as_mut() else { return starts };
        if std::mem::replace(&mut suspicion.judged, true) || suspicion.setbacks >= 0 {
            return starts;
        }
        let (setbacks, now, mut left) = (suspicion.setbacks, self.session.clock.now(), Vec::new());
        for start in starts {
            let is_due = start.not_before.is_none_or(|due| due <= now);
            let unnoted = setbacks == -1 && is_due; // the first of these workers noted nothing
            let may_have_run = unnoted || start.started == Some(setbacks + 1);
            match may_have_run.then(|| self.failed_with_worker(&start, setbacks)).flatten() {
                Some(event) => self.take_in(key, Work::Event(event)),
                None => left.push(start),
            }
        }
        left
    }

    /// The failure of an attempt that may have been under way when its worker ended. Others were under
    /// way beside it, unless its run was tried alone: so long, it is not the last of several.
    fn failed_with_worker(&self, start: &ActivityStart, setbacks: i16) -> Option<Event> {
        let (task, attempt) = (&start.task, start.attempt);
        let alone = (setbacks <= CONVICTED).then(|| u32::from(setbacks.unsigned_abs()));
        let step = StepId { op: task.op, name: task.name.into(), input: task.input_hash };
        let def = self.session.registry.activity(task.name)?;
        let is_only = is_only_once(task, def);
        let error = worker_lost(task.name, attempt, is_only, alone);
        let is_last = alone.is_some() || is_only;
        let retry_at = self.retry_at(task, def, attempt, &error);
        let retry_at = retry_at.or((!is_last).then(|| self.session.clock.now()));
        let (error, heartbeat) = (StoredError::from(&error), start.heartbeat.clone());
        Some(match retry_at {
            Some(retry_at) => {
                Event::ActivityAttemptFailed { step, attempt, error, retry_at, heartbeat }
            }
            None => Event::ActivityFailed { step, attempt, error },
        })
    }

    /// Gives back an attempt that may start. One of a suspect is noted in the journal first, and
    /// starts when that is durable.
    pub(super) fn note_start(
        &mut self,
        key: RunKey,
        start: ActivityStart,
    ) -> Option<ActivityStart> {
        let run = self.runs.get_mut(&key)?;
        let setbacks = run.setbacks();
        if setbacks >= 0 || run.pending.clears || start.started == Some(setbacks) {
            return Some(start);
        }
        let (task, attempt) = (&start.task, start.attempt);
        let step = StepId { op: task.op, name: task.name.into(), input: task.input_hash };
        let event = Event::ActivityStarted { step, attempt, setbacks };
        let at = self.session.clock.now();
        let noted = run.pending.mark(&Recorded { at, event }, None);
        run.pending.launch(vec![ActivityStart { started: Some(setbacks), ..start }]);
        (run.idle_since, run.pending.park) = (None, None);
        match noted {
            Ok(()) => self.mark_dirty(key),
            Err(error) => self.get_stuck(key, &error.to_string()),
        }
        None
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
            | Event::ActivityAttemptFailed { step, .. } => {
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
        let at = crate::time::Timestamp(0);
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
