//! The children of a run: they lie in an index of their own, newest first. What else a filter asks is looked at.

use flows_core::error::Result;
use flows_core::store::{ListCursor, ListFilter, Listed, RunStatus, RunView};
use flows_core::time::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{PAGE, SCANNED, WITH_PAYLOADS};
use crate::describe::view;
use crate::sql::LIST_CHILDREN;
use crate::store::Shared;
use crate::types::{BEGINNING, Time};

/// In front of all runs.
const FIRST: ListCursor = ListCursor { created_at: Timestamp::MAX, run: Uuid::max() };

/// What one statement has found.
struct WalkedChildren {
    runs: Vec<RunView>,
    found: usize,
    /// Where to go on, if there may be more.
    rest: Option<ListCursor>,
}

impl Shared {
    pub(super) async fn list_children(
        &self,
        tenant: Uuid,
        parent: Uuid,
        filter: &ListFilter,
    ) -> Result<Listed> {
        let limit = if filter.payloads { filter.limit.min(WITH_PAYLOADS) } else { filter.limit };
        let (mut runs, mut next, mut scanned) = (Vec::new(), filter.behind, 0);
        while runs.len() < limit && scanned < PAGE {
            let need = limit - runs.len();
            let most = if is_told(filter) { need } else { SCANNED };
            let walked = self.walk_children(tenant, parent, filter, next, [most, need]).await?;
            let is_cut = walked.runs.len() < walked.found;
            runs.extend(walked.runs);
            scanned += most;
            next = if is_cut { runs.last().map(ListCursor::of) } else { walked.rest };
            if next.is_none() {
                break;
            }
        }
        self.page(tenant, filter, runs, next).await
    }

    pub(super) async fn count_children(
        &self,
        tenant: Uuid,
        parent: Uuid,
        filter: &ListFilter,
    ) -> Result<u64> {
        let (mut counted, mut at) = (0, filter.behind);
        loop {
            let walked = self.walk_children(tenant, parent, filter, at, [SCANNED, 0]).await?;
            counted += walked.found as u64;
            at = walked.rest;
            if at.is_none() {
                return Ok(counted);
            }
        }
    }

    /// Looks at `most` children, and reads `need` of those that pass.
    async fn walk_children(
        &self,
        tenant: Uuid,
        parent: Uuid,
        filter: &ListFilter,
        behind: Option<ListCursor>,
        [most, need]: [usize; 2],
    ) -> Result<WalkedChildren> {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let behind = behind.unwrap_or(FIRST);
        let params: crate::link::Params<'_> = &[
            &tenant,
            &parent,
            &Time(filter.created_after.unwrap_or(BEGINNING)),
            &Time(filter.created_before.unwrap_or(Timestamp::MAX)),
            &Time(behind.created_at),
            &behind.run,
            &number(most),
            &filter.workflow,
            &filter.version.map(i64::from),
            &filter.status.map(RunStatus::code),
            &Time(filter.closed_after.unwrap_or(BEGINNING)),
            &Time(filter.closed_before.unwrap_or(Timestamp::MAX)),
            &filter.is_by_end(),
            &number(need),
        ];
        let mut rows = self.in_tenant(tenant, LIST_CHILDREN, params).await?;
        let is_last = |row: &Row| row.get::<_, Option<i16>>("shard").is_none();
        let last = rows.iter().position(is_last).map(|at| rows.remove(at));
        let found = last.as_ref().map_or(0, |row| row.get::<_, i64>("found"));
        let runs = rows.iter().map(view).collect::<Result<Vec<_>>>()?;
        let rest = last.as_ref().and_then(cursor);
        Ok(WalkedChildren { runs, found: usize::try_from(found).unwrap_or(usize::MAX), rest })
    }
}

/// Whether the index tells all that the filter asks.
fn is_told(filter: &ListFilter) -> bool {
    filter.workflow.is_none()
        && filter.version.is_none()
        && filter.status.is_none()
        && !filter.is_by_end()
}

fn cursor(row: &Row) -> Option<ListCursor> {
    let created_at = row.get::<_, Option<Time>>("created_at")?.0;
    Some(ListCursor { created_at, run: row.get("run_id") })
}
