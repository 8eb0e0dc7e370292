//! Few runs among many, which are read whole: those that are open, by their placements, and those that
//! ended late, by their ends.

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::{ListFilter, PAGE_BYTES, RunStatus, RunView};
use flows_core::time::Timestamp;
use uuid::Uuid;

use crate::describe::view;
use crate::rows::shards;
use crate::sql::{LIST_LATE, LIST_OPEN, LIST_RUNS};
use crate::store::Shared;
use crate::types::{BEGINNING, Time};

/// The most runs that are gathered.
const FEW: usize = 1_000;
/// Those that one statement reads: by their keys, and from one page of the table each.
const BY_KEY: usize = 100;
const BY_END: usize = 400;

impl Shared {
    /// The open runs of a filter that asks for such; `None` if they are not few.
    pub(super) async fn open(
        &self,
        tenant: Uuid,
        filter: &ListFilter,
    ) -> Result<Option<Vec<RunView>>> {
        if filter.status != Some(RunStatus::Running) {
            return Ok(None);
        }
        let most = i64::try_from(FEW + 1).unwrap_or(i64::MAX);
        let rows = self.in_tenant(tenant, LIST_OPEN, &[&tenant, &shards(), &most]).await?;
        let key = |row: &tokio_postgres::Row| {
            let (shard, run) = (row.get::<_, Option<i16>>("shard")?, row.get("run_id"));
            Some(RunKey { shard, tenant, run })
        };
        let keys = rows.iter().filter_map(key).collect::<Vec<_>>();
        if rows.is_empty() || keys.len() > FEW {
            return Ok(None);
        }
        let mut open = Vec::new();
        for keys in keys.chunks(BY_KEY) {
            open.extend(self.runs(tenant, keys, false).await?);
        }
        open.retain(|run| filter.passes(run));
        Ok(Some(open))
    }

    /// The runs of a filter that ended late; `None` if they are not few.
    pub(super) async fn late(
        &self,
        tenant: Uuid,
        filter: &ListFilter,
    ) -> Result<Option<Vec<RunView>>> {
        let mut from = (filter.closed_after.unwrap_or(BEGINNING), Uuid::nil());
        let until = filter.closed_before.unwrap_or(Timestamp::MAX);
        let most = i64::try_from(BY_END).unwrap_or(i64::MAX);
        let (mut late, mut read) = (Vec::new(), 0);
        while read <= FEW {
            let params: crate::link::Params<'_> =
                &[&tenant, &Time(from.0), &Time(until), &from.1, &most];
            let rows = self.in_tenant(tenant, LIST_LATE, params).await?;
            let runs = rows.iter().map(view).collect::<Result<Vec<_>>>()?;
            let last = runs.last().and_then(|run| Some((run.closed_at?, run.key.run)));
            read += runs.len();
            late.extend(runs.into_iter().filter(|run| filter.passes(run)));
            match last {
                Some(last) if rows.len() == BY_END => from = last,
                _ => return Ok(Some(late)),
            }
        }
        Ok(None)
    }

    /// Runs by their keys, in this order; with payloads, as many as fit.
    pub(super) async fn runs(
        &self,
        tenant: Uuid,
        keys: &[RunKey],
        payloads: bool,
    ) -> Result<Vec<RunView>> {
        let shards = keys.iter().map(|key| key.shard).collect::<Vec<_>>();
        let runs = keys.iter().map(|key| key.run).collect::<Vec<_>>();
        let most = i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX);
        let params: crate::link::Params<'_> = &[&tenant, &shards, &runs, &payloads, &most];
        let rows = self.in_tenant(tenant, LIST_RUNS, params).await?;
        rows.iter().map(view).collect()
    }
}
