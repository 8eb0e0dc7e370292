//! New runs as the columns of `start.sql`.

use flows_core::store::NewRun;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::rows::Keys;
use crate::types::{Time, micros};

/// One vector per parameter of the statement.
#[derive(Default)]
pub(crate) struct Columns {
    keys: Keys,
    workflow_ids: Vec<Option<String>>,
    workflows: Vec<String>,
    versions: Vec<i64>,
    queues: Vec<String>,
    lanes: Vec<i64>,
    priorities: Vec<i16>,
    attempts: Vec<i32>,
    inputs: Vec<String>,
    starts: Vec<Option<Time>>,
    delays: Vec<Option<i64>>,
    timeouts: Vec<Option<i64>>,
    retries: Vec<Option<String>>,
    predecessors: Vec<Option<Uuid>>,
    parents: Vec<Option<Uuid>>,
    parent_ops: Vec<Option<i64>>,
}

impl Columns {
    /// The runs in the order of their keys in the database, so that two batches cannot lock each
    /// other.
    pub(crate) fn sorted<'a>(runs: impl IntoIterator<Item = &'a NewRun>) -> Self {
        let mut runs = runs.into_iter().collect::<Vec<_>>();
        runs.sort_by_key(|run| (run.key.shard, run.key.tenant, &run.spec.workflow_id, run.key.run));
        let mut columns = Self::default();
        runs.into_iter().for_each(|run| columns.push(run));
        columns
    }

    fn push(&mut self, run: &NewRun) {
        let spec = &run.spec;
        self.keys.push(run.key);
        self.workflow_ids.push(spec.workflow_id.as_deref().map(str::to_owned));
        self.workflows.push(spec.workflow.as_ref().to_owned());
        self.versions.push(spec.version.into());
        self.queues.push(spec.queue.as_ref().to_owned());
        self.lanes.push(spec.lane());
        self.priorities.push(spec.priority);
        self.attempts.push(i32::try_from(spec.attempt).unwrap_or(i32::MAX));
        self.inputs.push(spec.input.as_ref().to_owned());
        self.starts.push(run.start_at.map(Time));
        self.delays.push(run.delay.map(micros));
        self.timeouts.push(spec.timeout.map(micros));
        self.retries.push(spec.retry.as_ref().and_then(|retry| serde_json::to_string(retry).ok()));
        self.predecessors.push(spec.predecessor);
        self.parents.push(spec.parent.map(|parent| parent.run));
        self.parent_ops.push(spec.parent.map(|parent| parent.op.into()));
    }

    pub(crate) fn params(&self) -> [&(dyn ToSql + Sync); 18] {
        [
            &self.keys.shards,
            &self.keys.tenants,
            &self.keys.runs,
            &self.workflow_ids,
            &self.workflows,
            &self.versions,
            &self.queues,
            &self.lanes,
            &self.priorities,
            &self.attempts,
            &self.inputs,
            &self.starts,
            &self.delays,
            &self.timeouts,
            &self.retries,
            &self.predecessors,
            &self.parents,
            &self.parent_ops,
        ]
    }
}
