//! `list` and `count`: runs of a tenant, newest first, in pages.
//!
//! A page is read in parts. The first is small, and mostly all. More are read where that was not enough:
//! where a filter asks what no index tells (whether a run is open or completed, its version, a workflow
//! together with something else), or where many workflows share the newest runs unevenly.

use std::time::Duration;

use flows_core::error::Result;
use flows_core::store::{Counted, ListCursor, ListFilter, Listed, PAGE_BYTES, RunStatus};
use flows_core::time::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::describe::view;
use crate::error::Fault;
use crate::rows::shards;
use crate::sql::LIST;
use crate::store::Shared;
use crate::types::{BEGINNING, Time};

/// The most runs that a page of a list looks at: some 250 pages of the table, where they are small.
const SCANNED: usize = 4_000;
/// The same of a count.
const COUNTED: usize = 20_000;
/// The most parts of one page.
const PARTS: usize = 4;
/// Runs that end within this time are found by their creation, as `ended_late` in the schema has it.
const SOON: Duration = Duration::from_secs(60);

/// A part of a page.
struct Part {
    rows: Vec<Row>,
    found: usize,
    /// Where to go on, if there may be more than it has looked at.
    rest: Option<ListCursor>,
}

/// How far a part goes.
#[derive(Clone, Copy)]
struct Reach {
    /// Runs that are looked at.
    scanned: usize,
    /// None to count.
    limit: Option<usize>,
    /// Whether open runs are looked for where they wait and run, if there are few of them.
    by_places: bool,
}

impl Shared {
    pub(crate) async fn list(&self, tenant: Uuid, filter: &ListFilter) -> Result<Listed> {
        let mut filter = filter.clone();
        let mut listed = Listed { runs: Vec::new(), next: None };
        if is_impossible(&filter) {
            return Ok(listed);
        }
        for nth in 0..PARTS {
            let part = self.part(tenant, &filter, reach(&filter, nth)).await?;
            let runs = part.rows.iter().map(view).collect::<Result<Vec<_>>>()?;
            // Full, or cut short by its payloads: then it goes on behind its last run.
            let is_full =
                !runs.is_empty() && (runs.len() < part.found || part.found >= filter.limit);
            filter.limit -= runs.len().min(filter.limit);
            listed.next = if is_full { part.rows.last().and_then(cursor) } else { part.rest };
            let ends = is_full || listed.next.is_none() || (filter.payloads && !runs.is_empty());
            listed.runs.extend(runs);
            if ends || (nth > 0 && !is_told(&filter)) {
                break;
            }
            filter.behind = listed.next;
        }
        Ok(listed)
    }

    pub(crate) async fn count(&self, tenant: Uuid, filter: &ListFilter) -> Result<Counted> {
        let mut filter = filter.clone();
        let mut counted = Counted { runs: 0, next: None };
        if is_impossible(&filter) {
            return Ok(counted);
        }
        for (scanned, by_places) in [(200, false), (COUNTED, true)] {
            let part =
                self.part(tenant, &filter, Reach { scanned, limit: None, by_places }).await?;
            counted = Counted { runs: counted.runs + part.found as u64, next: part.rest };
            filter.behind = part.rest;
            if part.rest.is_none() {
                break;
            }
        }
        Ok(counted)
    }

    async fn part(&self, tenant: Uuid, filter: &ListFilter, reach: Reach) -> Result<Part, Fault> {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let behind = filter.behind.unwrap_or(ListCursor::START);
        let (after, before) = (filter.closed_after, filter.closed_before);
        let closed_after = after.unwrap_or(BEGINNING);
        let soon = i64::try_from(SOON.as_micros()).unwrap_or(i64::MAX);
        let in_places = reach.by_places && filter.status == Some(RunStatus::Running);
        let params: crate::link::Params<'_> = &[
            &tenant,
            &filter.workflow,
            &filter.version.map(i64::from),
            &filter.status.map(RunStatus::code),
            &filter.status.is_some_and(has_outcome),
            &Time(closed_after),
            &Time(before.unwrap_or(Timestamp::MAX)),
            &(after.is_some() || before.is_some()),
            &Time(filter.created_after.unwrap_or(BEGINNING)),
            &Time(filter.created_before.unwrap_or(Timestamp::MAX)),
            &Time(behind.created_at),
            &behind.run,
            &number(reach.scanned),
            &reach.limit.map(number),
            &filter.payloads,
            &number(PAGE_BYTES),
            &in_places.then(shards),
            &Time(Timestamp(closed_after.0.saturating_sub(soon))),
        ];
        let mut rows = self.in_tenant(tenant, LIST, params).await?;
        let is_last = |row: &Row| row.get::<_, Option<i16>>("shard").is_none();
        let last = rows.iter().position(is_last).map(|at| rows.remove(at));
        let found = last.as_ref().map_or(0, |row| row.get::<_, i64>("found"));
        let rest = last.as_ref().and_then(cursor);
        Ok(Part { rows, found: usize::try_from(found).unwrap_or(usize::MAX), rest })
    }
}

/// Nothing that is open has ended.
fn is_impossible(filter: &ListFilter) -> bool {
    filter.status == Some(RunStatus::Running)
        && (filter.closed_after.is_some() || filter.closed_before.is_some())
}

/// Whether the column `outcome` has it.
fn has_outcome(status: RunStatus) -> bool {
    !matches!(status, RunStatus::Running | RunStatus::Completed)
}

/// Whether an index tells all that the filter asks, so that every run that is looked at passes.
fn is_told(filter: &ListFilter) -> bool {
    let by_status =
        filter.status.is_none_or(|status| has_outcome(status) && filter.workflow.is_none());
    by_status
        && filter.version.is_none()
        && filter.closed_after.is_none()
        && filter.closed_before.is_none()
}

/// How far the n-th part of a page goes.
fn reach(filter: &ListFilter, nth: usize) -> Reach {
    let scanned = match (is_told(filter), nth) {
        (true, _) => filter.limit,
        (false, 0) => 2 * filter.limit,
        (false, _) => SCANNED.max(filter.limit),
    };
    Reach { scanned, limit: Some(filter.limit), by_places: nth > 0 }
}

fn cursor(row: &Row) -> Option<ListCursor> {
    let created_at = row.get::<_, Option<Time>>("created_at")?.0;
    Some(ListCursor { created_at, run: row.get("run_id") })
}
