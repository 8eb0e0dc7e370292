//! The spans of a worker: a run while it is in memory, each of its turns, and each attempt of its activities. What user
//! code logs inside of them has their fields.

use tracing::{Span, debug_span, field, info_span};

use super::propagation::{Propagator, with_parent};
use super::target;
use crate::error::Error;
use crate::headers::Headers;
use crate::ids::RunKey;
use crate::store::RunSpec;

/// A run, from its activation in a worker until it leaves memory.
pub(crate) fn run(key: RunKey, spec: &RunSpec, propagator: &Propagator) -> Span {
    let span = info_span!(
        target: target!(),
        parent: None,
        "run",
        run = %key.run,
        workflow = &*spec.workflow,
        version = spec.version,
        tenant = %key.tenant,
        queue = &*spec.queue,
        workflow_id = spec.workflow_id.as_deref(),
        run_attempt = spec.attempt,
    );
    with_parent(span, propagator, &spec.headers)
}

/// One call of a workflow's code, because of this event; `replay` where it comes to where it was.
pub(crate) fn turn(run: &Span, cause: &'static str) -> Span {
    debug_span!(target: target!(), parent: run, "turn", cause)
}

/// An attempt of an activity. One of another worker's run has no span to be inside of, but the headers of its run.
pub(crate) fn attempt(run: &Span, of: &AttemptOf<'_>, propagator: &Propagator) -> Span {
    let AttemptOf { key, activity, operation, attempt, headers } = of;
    let span = info_span!(
        target: target!(),
        parent: run,
        "activity",
        activity,
        attempt,
        operation,
        run = %key.run,
        tenant = %key.tenant,
        error = field::Empty,
        otel.status_code = field::Empty,
    );
    match run.is_disabled() {
        true => with_parent(span, propagator, headers),
        false => span,
    }
}

/// Which attempt a span is of.
pub(crate) struct AttemptOf<'a> {
    pub(crate) key: RunKey,
    pub(crate) activity: &'static str,
    pub(crate) operation: u32,
    pub(crate) attempt: u32,
    pub(crate) headers: &'a Headers,
}

/// The attempt has failed.
pub(crate) fn failed(attempt: &Span, error: &Error) {
    if !attempt.is_disabled() {
        attempt.record("error", field::display(error));
        attempt.record("otel.status_code", "ERROR");
    }
}
