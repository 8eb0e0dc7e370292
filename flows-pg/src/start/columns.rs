//! New runs as the columns of `start.sql` and `holders.sql`.

use flows_core::store::{NewRun, Parent};
use uuid::Uuid;

use crate::rows::columns;
use crate::types::{Time, micros};

columns! {
    /// New runs.
    NewRuns<'a> from (run: &'a NewRun), of run.key;
    workflow_ids: Option<&'a str> = run.spec.workflow_id.as_deref();
    workflows: &'a str = &run.spec.workflow;
    versions: i64 = run.spec.version.into();
    queues: &'a str = &run.spec.queue;
    lanes: i64 = run.spec.lane();
    priorities: i16 = run.spec.priority;
    attempts: i32 = i32::try_from(run.spec.attempt).unwrap_or(i32::MAX);
    inputs: &'a str = &run.spec.input;
    starts: Option<Time> = run.start_at.map(Time);
    delays: Option<i64> = run.delay.map(micros);
    timeouts: Option<i64> = run.spec.timeout.map(micros);
    options: Option<String> = run.spec.rare_options();
    predecessors: Option<Uuid> = run.spec.predecessor;
    parents: Option<Uuid> = run.spec.parent.map(|parent| parent.run);
    parent_ops: Option<i64> = run.spec.parent.map(packed);
}

/// The parent's operation, and above it the close policy: so a child has one column for both.
fn packed(parent: Parent) -> i64 {
    i64::from(parent.on_close.code()) << 32 | i64::from(parent.op)
}

columns! {
    /// The workflow ids that new runs want.
    WantedIds<'a> from (run: &'a NewRun), of run.key;
    workflow_ids: Option<&'a str> = run.spec.workflow_id.as_deref();
}

impl<'a> NewRuns<'a> {
    /// The runs in the order of their keys in the database, so that two batches cannot lock each
    /// other.
    pub(crate) fn sorted(runs: impl IntoIterator<Item = &'a NewRun>) -> Self {
        let mut runs = runs.into_iter().collect::<Vec<_>>();
        runs.sort_by_key(|run| (run.key.shard, run.key.tenant, &run.spec.workflow_id, run.key.run));
        let mut columns = Self::default();
        runs.into_iter().for_each(|run| columns.push(run));
        columns
    }
}
