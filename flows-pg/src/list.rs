//! `list` and `count`: runs of a tenant, newest first, in pages.

use flows_core::error::Result;
use flows_core::store::{Counted, ListCursor, ListFilter, Listed, PAGE_BYTES};
use flows_core::time::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::describe::view;
use crate::error::Fault;
use crate::sql::{COUNT, LIST, Sql};
use crate::store::Shared;
use crate::types::{BEGINNING, Time};

/// The most runs that a page of a list looks at: some 250 pages of the table, where they are small.
const SCANNED: i64 = 4_000;
/// The most runs that a page of a count looks at.
const COUNTED: i64 = 20_000;

impl Shared {
    pub(crate) async fn list(&self, tenant: Uuid, filter: &ListFilter) -> Result<Listed> {
        let rows = self.page(LIST, tenant, filter, SCANNED).await?;
        let is_run = |row: &&Row| row.get::<_, Option<i16>>("shard").is_some();
        let (found, seen): (Vec<_>, Vec<_>) = rows.iter().partition(is_run);
        let runs = found.iter().map(|row| view(row)).collect::<Result<Vec<_>>>()?;
        let all = found.first().map_or(0, |row| row.get::<_, i64>("found"));
        let all = usize::try_from(all).unwrap_or(usize::MAX);
        // Full, or cut short by its payloads: then it goes on behind its last run.
        let is_full = all > 0 && (runs.len() < all || all >= filter.limit);
        let last = if is_full { found.last() } else { seen.last() };
        Ok(Listed { runs, next: last.and_then(|row| cursor(row)) })
    }

    pub(crate) async fn count(&self, tenant: Uuid, filter: &ListFilter) -> Result<Counted> {
        let rows = self.page(COUNT, tenant, filter, COUNTED).await?;
        let runs = rows.first().map_or(0, |row| row.get::<_, i64>("runs"));
        let next = rows.first().and_then(cursor);
        Ok(Counted { runs: u64::try_from(runs).unwrap_or(0), next })
    }

    async fn page(
        &self,
        sql: Sql,
        tenant: Uuid,
        filter: &ListFilter,
        scanned: i64,
    ) -> Result<Vec<Row>, Fault> {
        let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
        let bytes = i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX);
        let behind = filter.behind.unwrap_or(ListCursor::START);
        let (after, before) = (filter.created_after, filter.created_before);
        let params: crate::link::Params<'_> = &[
            &tenant,
            &filter.workflow,
            &filter.version.map(i64::from),
            &filter.status.map(|status| status.code()),
            &filter.closed_after.map(Time),
            &filter.closed_before.map(Time),
            &Time(after.unwrap_or(BEGINNING)),
            &Time(before.unwrap_or(Timestamp::MAX)),
            &Time(behind.created_at),
            &behind.run,
            &scanned,
            &limit,
            &filter.payloads,
            &bytes,
        ];
        // A count has no limit and no payloads.
        let params = if sql.name == COUNT.name { &params[..11] } else { params };
        self.in_tenant(tenant, sql, params).await
    }
}

fn cursor(row: &Row) -> Option<ListCursor> {
    let created_at = row.get::<_, Option<Time>>("created_at")?.0;
    Some(ListCursor { created_at, run: row.get("run_id") })
}
