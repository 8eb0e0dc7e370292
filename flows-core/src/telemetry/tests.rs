//! Where nobody subscribes, telemetry allocates nothing.

use std::sync::Arc;

use allocation_counter::measure;
use tracing::Span;
use uuid::Uuid;

use super::spans::AttemptOf;
use super::{lines, spans};
use crate::error::Error;
use crate::headers::Headers;
use crate::ids::RunKey;
use crate::journal::{Event, StepId, StoredError};
use crate::store::{Outcome, RunSpec, RunStatus};
use crate::time::Timestamp;

fn all(key: RunKey, spec: &RunSpec, outcome: &Outcome, event: &Event, error: &Error) {
    let run = spans::run(key, spec, &None);
    let of = AttemptOf { key, activity: "a", operation: 1, attempt: 1, headers: &spec.headers };
    let attempt = spans::attempt(&run, &of, &None);
    spans::failed(&attempt, error);
    lines::worker_started("w", key.run, &[]);
    lines::taken_over("w", key.run, 1);
    lines::worker_stopped("w", key.run);
    spans::turn(&run, "start").in_scope(|| lines::run_started(&run, key, spec));
    lines::attempt_failed(&run, key, spec, event);
    lines::run_ended(&run, key, spec, outcome);
}

#[test]
fn without_a_subscriber_nothing_is_allocated() {
    let key = RunKey::of_run(Uuid::nil(), Uuid::nil());
    let spec = RunSpec {
        workflow_id: Some("order-1".into()),
        workflow: "order".into(),
        version: 1,
        queue: "default".into(),
        priority: 0,
        input: "{}".into(),
        attempt: 1,
        retry: None,
        timeout: None,
        parent: None,
        predecessor: None,
        headers: Headers::default(),
    };
    let error = Error::terminal("no");
    let stored = StoredError::from(&error);
    let outcome = Outcome {
        status: RunStatus::Failed,
        output: None,
        error: Some(stored.0.clone()),
        successor: None,
    };
    let event = Event::ActivityAttemptFailed {
        step: StepId { op: 0, name: "a".into(), input: 0 },
        attempt: 1,
        error: stored,
        retry_at: Timestamp(0),
        heartbeat: None,
    };
    let count = measure(|| all(key, &spec, &outcome, &event, &error)).count_total;
    assert_eq!(count, 0);
    let counted = measure(|| drop(Arc::new(Span::none()))).count_total;
    assert_eq!(counted, 1, "allocations are counted");
}
