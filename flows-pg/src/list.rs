//! `list` and `count`: runs of a tenant, newest first, in pages of few statements, each of few pages of the database.
//!
//! Runs lie in groups, the versions of workflows, newest first in each: a page reads what it needs of each and
//! merges them. Workflow, version, creation and an exceptional end select by index. Whether a run is open or
//! completed, no index tells, because a run would pay for that at its end: it is looked at. Where few are open,
//! they are found by their placements instead, and runs that ended late by their ends. A page that has looked
//! at many runs in vain says where to go on.

mod by_attributes;
mod children;
mod gather;
mod groups;
mod merge;

use flows_core::error::Result;
use flows_core::store::{ListCursor, ListFilter, Listed, RunStatus, RunView};
use uuid::Uuid;

use self::merge::Merge;
use crate::store::Shared;

/// Runs that one statement looks at, at most: some 250 pages of the table, where runs are small.
const SCANNED: usize = 4_000;
/// The same of a count's first statement.
const FIRST: usize = 200;
/// Runs that a page of a list looks at, if it finds none of them.
const PAGE: usize = 4 * SCANNED;
/// The most runs of a page with payloads.
const WITH_PAYLOADS: usize = 100;

impl Shared {
    pub(crate) async fn list(&self, tenant: Uuid, filter: &ListFilter) -> Result<Listed> {
        if filter.is_impossible() {
            return Ok(Listed { runs: Vec::new(), next: None });
        }
        if let (Some(parent), true) = (filter.parent, filter.attributes.is_empty()) {
            return self.list_children(tenant, parent, filter).await;
        }
        let limit = if filter.payloads { filter.limit.min(WITH_PAYLOADS) } else { filter.limit };
        if !filter.attributes.is_empty() {
            let Listed { runs, next } = self.list_by_attributes(tenant, filter, limit).await?;
            return self.page(tenant, filter, runs, next).await;
        }
        let mut merge = self.merge(tenant, filter).await?;
        let (mut runs, mut scanned) = (Vec::new(), 0);
        merge.take(&mut runs, limit);
        while runs.len() < limit && !merge.is_done() {
            let has_moved = filter.behind != merge.reached();
            if scanned >= PAGE && has_moved {
                break;
            }
            let (need, is_first) = (limit - runs.len(), scanned == 0);
            let most = if merge.is_told || is_first { 2 * need } else { SCANNED };
            scanned += self.walk(tenant, filter, &mut merge, most, need).await?.scanned;
            merge.take(&mut runs, limit);
            if is_first
                && runs.len() < limit
                && !merge.is_done()
                && let Some(open) = self.open(tenant, filter).await?
            {
                let behind = runs.last().map(ListCursor::of);
                let older = |run: &RunView| behind.is_none_or(|at| ListCursor::of(run) < at);
                merge = Merge::of(open.into_iter().filter(older));
                merge.take(&mut runs, limit);
            }
        }
        let next = if runs.len() < limit { merge.reached() } else { merge.behind(runs.last()) };
        self.page(tenant, filter, runs, next).await
    }

    pub(crate) async fn count(&self, tenant: Uuid, filter: &ListFilter) -> Result<u64> {
        if filter.is_impossible() {
            return Ok(0);
        }
        if !filter.attributes.is_empty() {
            return self.count_by_attributes(tenant, filter).await;
        }
        if let Some(parent) = filter.parent {
            return self.count_children(tenant, parent, filter).await;
        }
        let mut merge = self.merge(tenant, filter).await?;
        let mut counted = merge.waiting();
        let mut most = FIRST;
        while merge.reached().is_some() {
            counted += self.walk(tenant, filter, &mut merge, most, 0).await?.found;
            if most == FIRST
                && merge.reached().is_some()
                && let Some(open) = self.open(tenant, filter).await?
            {
                return Ok(open.len() as u64);
            }
            most = SCANNED;
        }
        Ok(counted)
    }

    /// Where the runs of a filter are.
    async fn merge(&self, tenant: Uuid, filter: &ListFilter) -> Result<Merge> {
        let late = match filter.is_by_end() {
            true => self.late(tenant, filter).await?,
            false => None,
        };
        let mut merge = Merge::of(late.iter().flatten().cloned());
        merge.is_late_apart = late.is_some();
        merge.is_told = is_told(filter);
        self.groups(tenant, filter, &mut merge).await?;
        Ok(merge)
    }

    /// The page; with payloads, as many runs of it as fit.
    async fn page(
        &self,
        tenant: Uuid,
        filter: &ListFilter,
        page: Vec<RunView>,
        next: Option<ListCursor>,
    ) -> Result<Listed> {
        if !filter.payloads {
            return Ok(Listed { runs: page, next });
        }
        let keys = page.iter().map(|run| run.key).collect::<Vec<_>>();
        let mut runs = self.runs(tenant, &keys, true).await?;
        let next = if runs.len() < page.len() { runs.last().map(ListCursor::of) } else { next };
        for run in &mut runs {
            let known = page.iter().find(|known| known.key == run.key);
            run.attributes = known.map(|known| known.attributes.clone()).unwrap_or_default();
        }
        Ok(Listed { runs, next })
    }
}

/// Whether an index tells all that the filter asks, so that every run that is looked at passes.
fn is_told(filter: &ListFilter) -> bool {
    filter.status.is_none_or(is_exceptional) && !filter.is_by_end()
}

/// Whether the column `outcome` has it.
fn is_exceptional(status: RunStatus) -> bool {
    !matches!(status, RunStatus::Running | RunStatus::Completed)
}
