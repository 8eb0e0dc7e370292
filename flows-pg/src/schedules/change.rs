//! `change_schedule`: a schedule as it is now, and the runs that it starts, in one transaction.

use flows_core::error::Result;
use flows_core::ids::shard_of;
use flows_core::store::{ScheduleChange, ScheduleRow, held};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::error::Fault;
use crate::held::Verb;
use crate::scope::Scope;
use crate::sql::{ADD_SCHEDULE, CHANGE_SCHEDULE, DROP_SCHEDULE};
use crate::start::create_within;
use crate::store::Shared;
use crate::types::Time;

impl Shared {
    pub(crate) async fn change_schedule(&self, change: &ScheduleChange) -> Result<bool> {
        let done = self.patient(change.tenant, change.limit, Change(change)).await?;
        done.ok_or_else(|| held(&format!("schedule `{}` (or a run of it)", change.id)))
    }
}

struct Change<'a>(&'a ScheduleChange);

impl Verb for Change<'_> {
    type Done = bool;

    async fn run(&self, scope: Scope<'_>) -> Result<bool, Fault> {
        change_schedule(scope, self.0).await
    }
}

/// Changes a schedule inside a transaction, if it is as expected.
pub(crate) async fn change_schedule(
    scope: Scope<'_>,
    change: &ScheduleChange,
) -> Result<bool, Fault> {
    let is_done = match (&change.row, change.expected) {
        (Some(row), expected) => put(scope, row, expected).await?,
        (None, Some((run, revision))) => {
            let shard = shard_of(change.tenant, &change.id);
            let id: &str = &change.id;
            let params: crate::link::Params<'_> = &[&shard, &change.tenant, &id, &run, &revision];
            !scope.query(DROP_SCHEDULE, params).await?.is_empty()
        }
        (None, None) => true,
    };
    if is_done && !change.starts.is_empty() {
        create_within(scope, &change.starts).await?;
    }
    Ok(is_done)
}

async fn put(
    scope: Scope<'_>,
    row: &ScheduleRow,
    expected: Option<(Uuid, i64)>,
) -> Result<bool, Fault> {
    let (shard, tenant, run) = (row.shard(), row.tenant(), row.template.key.run);
    let spec = &row.template.spec;
    let (id, workflow, input): (&str, &str, &str) = (&row.id, &spec.workflow, &spec.input);
    let version = i64::from(spec.version);
    let (options, policy, progress) = (row.options()?, json(&row.policy)?, json(&row.progress)?);
    let due_at = row.due_at.map(Time);
    let last_id = row.last_id.as_deref();
    let last_shard = last_id.map(|id| shard_of(tenant, id));
    let mut params: Vec<&(dyn ToSql + Sync)> = vec![
        &shard,
        &tenant,
        &id,
        &run,
        &workflow,
        &version,
        &input,
        &options,
        &policy,
        &progress,
        &due_at,
        &row.revision,
        &last_shard,
        &last_id,
    ];
    let statement = match &expected {
        None => ADD_SCHEDULE,
        Some((before, revision)) => {
            params.push(before);
            params.push(revision);
            CHANGE_SCHEDULE
        }
    };
    let rows = scope.query(statement, &params).await?;
    Ok(!rows.is_empty())
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(flows_core::error::Error::terminal)
}
