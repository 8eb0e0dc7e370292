//! `dead_letters`: failed runs that can be rerun, newest first.

use flows_core::error::Result;
use flows_core::store::DeadLetterRow;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::rows::{key, shards};
use crate::sql::DEAD_LETTERS;
use crate::store::Shared;
use crate::types::{Time, unsigned};

impl Shared {
    pub(crate) async fn dead_letters(
        &self,
        tenant: Uuid,
        limit: usize,
        dismissed: bool,
    ) -> Result<Vec<DeadLetterRow>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let params: crate::link::Params<'_> = &[&tenant, &shards(), &limit, &dismissed];
        let rows = self.in_tenant(tenant, DEAD_LETTERS, params).await?;
        Ok(rows.iter().map(dead_letter).collect())
    }
}

fn dead_letter(row: &Row) -> DeadLetterRow {
    DeadLetterRow {
        key: key(row),
        workflow_id: row.get("workflow_id"),
        workflow: row.get("workflow"),
        version: unsigned(row.get("version")),
        error: row.get("error"),
        failed_at: row.get::<_, Time>("failed_at").0,
        dismissed_at: row.get::<_, Option<Time>>("dismissed_at").map(|time| time.0),
        reason: row.get("reason"),
        attempt: unsigned(row.get::<_, i32>("attempt").into()),
    }
}
