//! What is read of runs, by who awaits them and by people. Nothing here changes anything.

use uuid::Uuid;

use super::StoreFuture;
use super::types::{
    DeadLetterRow, HistoryRow, ItemPage, ListFilter, Listed, Outcome, RunView, Scan, Scanned,
    ScheduleRow, UpdateState,
};
use crate::error::Result;
use crate::ids::RunKey;

/// What is read of runs.
pub trait Inspect: Send + Sync {
    /// The outcomes of those of the runs that have ended.
    fn outcomes<'a>(&'a self, runs: &'a [RunKey]) -> StoreFuture<'a, Vec<(RunKey, Outcome)>>;

    /// The value that a run has published under a name, as JSON.
    fn query<'a>(&'a self, run: RunKey, name: &'a str) -> StoreFuture<'a, Option<String>>;

    /// The items of a run's stream from this position on, as many as are read at once; `None` where there is no such
    /// run.
    fn read_items(&self, run: RunKey, from: i64) -> StoreFuture<'_, Option<ItemPage>>;

    /// What has become of updates, by the run that each was sent to and its id. The answer may come from a run that
    /// goes on in the place of that one.
    fn updates<'a>(&'a self, asked: &'a [(RunKey, String)]) -> StoreFuture<'a, Vec<UpdateState>>;

    /// A run's journal, in order.
    fn history(&self, run: RunKey) -> StoreFuture<'_, Vec<HistoryRow>>;

    /// A page of a tenant's runs, newest first by the store's time. It looks at a bounded number of
    /// runs: where few of them pass the filter, the page is short and says where to go on.
    fn list<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, Listed>;

    /// Counts the runs that pass a filter, whatever its limit. It reads as a list does, bit by bit.
    fn count<'a>(&'a self, tenant: Uuid, filter: &'a ListFilter) -> StoreFuture<'a, u64>;

    /// Reads a page of runs of *all* tenants, shard by shard, as a claim would give them,
    /// and touches nothing: no place, no flag, no lease. Whoever follows the pages has met every run
    /// that was open all the time, once. A store that knows roles reads as its workers do.
    fn scan<'a>(&'a self, scan: &'a Scan) -> StoreFuture<'a, Scanned>;

    /// Stuck runs of a tenant, each with its place and without payloads: first those that end workers, then
    /// the newest.
    fn stuck(&self, tenant: Uuid, limit: usize) -> StoreFuture<'_, Vec<RunView>>;

    /// Schedules of a tenant whose ids come behind this one, by id.
    fn schedules<'a>(
        &'a self,
        tenant: Uuid,
        after: &'a str,
        limit: usize,
    ) -> StoreFuture<'a, Vec<ScheduleRow>>;

    /// Dead letters of a tenant, newest first: those that were dismissed, or the others.
    fn dead_letters(
        &self,
        tenant: Uuid,
        limit: usize,
        dismissed: bool,
    ) -> StoreFuture<'_, Vec<DeadLetterRow>>;
}

/// Follows the pages until there are as many runs as the filter's limit, or no more.
pub async fn list_all(store: &dyn Inspect, tenant: Uuid, filter: &ListFilter) -> Result<Listed> {
    let mut filter = filter.clone();
    let mut runs = Vec::new();
    loop {
        let page = store.list(tenant, &filter).await?;
        filter.limit -= page.runs.len().min(filter.limit);
        filter.behind = page.next;
        runs.extend(page.runs);
        if page.next.is_none() || filter.limit == 0 {
            return Ok(Listed { runs, next: page.next });
        }
    }
}
