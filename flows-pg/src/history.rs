//! `history`: a run's journal, as people read it.

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::HistoryRow;
use tokio_postgres::Row;

use crate::sql::HISTORY;
use crate::store::Shared;
use crate::types::Time;

impl Shared {
    pub(crate) async fn history(&self, run: RunKey) -> Result<Vec<HistoryRow>> {
        let params: crate::link::Params<'_> = &[&run.shard, &run.tenant, &run.run];
        let rows = self.in_tenant(run.tenant, HISTORY, params).await?;
        Ok(rows.iter().map(history_row).collect())
    }
}

fn history_row(row: &Row) -> HistoryRow {
    HistoryRow {
        position: row.get("position"),
        written_at: row.get::<_, Time>("written_at").0,
        events: row.get("events"),
    }
}
