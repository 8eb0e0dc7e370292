//! `find_schedule`, `schedules` and `claim_schedules`: schedules as they are read.

pub(crate) mod change;

use std::sync::Arc;

use flows_core::error::{Error, Result};
use flows_core::ids::{RunKey, shard_of};
use flows_core::store::{CLAIMED_FOR, ScheduleRow, schedule_template};
use flows_core::time::Timestamp;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::error::Fault;
use crate::rows::{key, shards};
use crate::scope::Scope;
use crate::sql::{CLAIM_SCHEDULES, FIND_SCHEDULE, LIST_SCHEDULES};
use crate::store::Shared;
use crate::types::{Time, micros, unsigned};

impl Scope<'_> {
    pub(crate) async fn find_schedule(
        self,
        tenant: Uuid,
        id: &str,
    ) -> Result<(Timestamp, Option<ScheduleRow>), Fault> {
        let shard = shard_of(tenant, id);
        let rows = self.query(FIND_SCHEDULE, &[&shard, &tenant, &id]).await?;
        let row = rows.first().ok_or_else(|| unreadable("has no time"))?;
        let exists = row.get::<_, Option<Uuid>>("run_id").is_some();
        Ok((row.get::<_, Time>("now").0, exists.then(|| schedule(row)).transpose()?))
    }
}

impl Shared {
    pub(crate) async fn schedules(
        &self,
        tenant: Uuid,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ScheduleRow>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows =
            self.in_tenant(tenant, LIST_SCHEDULES, &[&shards(), &tenant, &after, &limit]).await?;
        rows.iter().map(schedule).collect()
    }

    pub(crate) async fn claim_schedules(&self, limit: usize) -> Result<Vec<ScheduleRow>> {
        let lent = self.claimer().await?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = lent.link().query(CLAIM_SCHEDULES, &[&limit, &micros(CLAIMED_FOR)]).await?;
        lent.give_back();
        // One that another build has written must not keep the others from firing.
        let readable = rows.iter().map(schedule).filter_map(|row| {
            row.inspect_err(
                |error| tracing::warn!(%error, "a schedule cannot be read; skipping it"),
            )
            .ok()
        });
        Ok(readable.collect())
    }
}

fn schedule(row: &Row) -> Result<ScheduleRow> {
    let key = key(row);
    let workflow = (text(row, "workflow"), unsigned(row.get("version")));
    let template = schedule_template(
        template_key(key, row),
        workflow,
        text(row, "input"),
        row.get("options"),
    )?;
    let last_id = row.get::<_, Option<&str>>("last_id").map(Arc::from);
    let open = row.get::<_, Option<Uuid>>("open_run").map(|run| RunKey::of_run(key.tenant, run));
    Ok(ScheduleRow {
        id: text(row, "schedule_id"),
        template,
        policy: parsed(row, "policy")?,
        progress: parsed(row, "progress")?,
        due_at: row.get::<_, Option<Time>>("due_at").map(|due| due.0),
        revision: row.get("revision"),
        last_id,
        open,
        now: row.get::<_, Time>("now").0,
    })
}

/// The key says its shard itself.
fn template_key(key: RunKey, row: &Row) -> RunKey {
    RunKey::of_run(key.tenant, row.get("run_id"))
}

fn text(row: &Row, column: &str) -> Arc<str> {
    row.get::<_, &str>(column).into()
}

fn parsed<T: DeserializeOwned>(row: &Row, column: &str) -> Result<T> {
    serde_json::from_str(row.get(column)).map_err(|error| {
        let id: &str = row.get("schedule_id");
        unreadable(&format!("`{id}` cannot be read ({column}): {error}"))
    })
}

fn unreadable(what: &str) -> Error {
    Error::terminal(format!("a schedule {what}"))
}
