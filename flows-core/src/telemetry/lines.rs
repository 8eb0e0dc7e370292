//! The lines of the log that say how workers, runs and attempts get on. What goes wrong with a worker is said where it
//! is noticed.

use std::sync::Arc;
use std::time::SystemTime;

use tracing::{Span, enabled, info};
use uuid::Uuid;

use super::target;
use crate::error::{Error, ErrorKind};
use crate::ids::RunKey;
use crate::journal::{Event, StoredError};
use crate::store::{Outcome, RunSpec, RunStatus};
use crate::time::Timestamp;

/// A worker has its lease.
pub(crate) fn worker_started(worker: &str, id: Uuid, queues: &[Arc<str>]) {
    info!(target: target!(), worker, worker_id = %id, queues = queues.join(","), "worker started");
}

/// A worker has handed back what it had.
pub(crate) fn worker_stopped(worker: &str, id: Uuid) {
    info!(target: target!(), worker, worker_id = %id, "worker stopped");
}

/// A worker goes on with runs whose worker was lost.
pub(crate) fn taken_over(worker: &str, id: Uuid, runs: usize) {
    info!(target: target!(), worker, worker_id = %id, runs, "worker took over runs of a lost worker");
}

/// The code of a run begins for the first time.
pub(crate) fn run_started(span: &Span, key: RunKey, spec: &RunSpec) {
    info!(
        target: target!(),
        parent: span,
        run = %key.run,
        workflow = &*spec.workflow,
        version = spec.version,
        tenant = %key.tenant,
        queue = &*spec.queue,
        "run started"
    );
}

/// A run has ended, durably.
pub(crate) fn run_ended(span: &Span, key: RunKey, spec: &RunSpec, outcome: &Outcome) {
    if !enabled!(target: target!(), tracing::Level::INFO) {
        return;
    }
    let error = outcome.error.clone().map(|error| Error::from(&StoredError(error)).to_string());
    let successor = outcome.successor.map(tracing::field::display);
    macro_rules! say {
        ($text:literal) => {
            info!(
                target: target!(),
                parent: span,
                run = %key.run,
                workflow = &*spec.workflow,
                version = spec.version,
                tenant = %key.tenant,
                queue = &*spec.queue,
                status = %outcome.status,
                error,
                successor,
                $text
            )
        };
    }
    match outcome.status {
        RunStatus::Completed => say!("run completed"),
        RunStatus::Failed | RunStatus::TimedOut => say!("run failed"),
        _ => say!("run ended"),
    }
}

/// If it is the failure of an attempt: it has failed, and is tried again at that time, or not.
pub(crate) fn attempt_failed(span: &Span, key: RunKey, spec: &RunSpec, event: &Event) {
    let (step, attempt, error, retry_at) = match event {
        Event::ActivityAttemptFailed { step, attempt, error, retry_at, .. } => {
            (step, attempt, error, Some(*retry_at))
        }
        Event::ActivityFailed { step, attempt, error } => (step, attempt, error, None),
        _ => return,
    };
    if !enabled!(target: target!(), tracing::Level::WARN) {
        return;
    }
    let error = Error::from(error);
    if error.kind() == ErrorKind::Cancelled {
        return; // somebody wanted it
    }
    tracing::warn!(
        target: target!(),
        parent: span,
        run = %key.run,
        workflow = &*spec.workflow,
        tenant = %key.tenant,
        queue = &*spec.queue,
        activity = &*step.name,
        attempt,
        %error,
        next_attempt = retry_at.map(in_words),
        "attempt failed"
    );
}

fn in_words(at: Timestamp) -> String {
    humantime::format_rfc3339_millis(SystemTime::from(at)).to_string()
}
