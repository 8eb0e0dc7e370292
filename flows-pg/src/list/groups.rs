//! Groups of runs, and walks through them.

use flows_core::error::Result;
use flows_core::store::{ListCursor, ListFilter};
use flows_core::time::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::is_exceptional;
use super::merge::{Merge, RunSource, Stream};
use crate::describe::view;
use crate::sql::{LIST_GROUPS, LIST_WALK};
use crate::store::Shared;
use crate::types::{BEGINNING, Time};

/// Groups that one statement finds.
const FOUND: usize = 100;
/// Groups that one statement walks through, and the fewest runs that it looks at in each.
const WALKED: usize = 24;
const FEWEST: usize = 8;
/// Runs that end within this time are found by their creation, as `ended_late` in the schema has it.
const SOON: std::time::Duration = std::time::Duration::from_secs(60);
/// Behind the names of all workflows.
const LAST: &str = "\u{10FFFF}";

/// What a walk has seen.
pub(super) struct Walked {
    pub(super) scanned: usize,
    pub(super) found: u64,
}

impl Shared {
    /// Adds a stream for each group that may have runs of the filter.
    pub(super) async fn groups(
        &self,
        tenant: Uuid,
        filter: &ListFilter,
        merge: &mut Merge,
    ) -> Result<()> {
        let (since, until) = span(filter, merge);
        let start = ListCursor { created_at: until, run: Uuid::nil() };
        let start = filter.behind.map_or(start, |behind| behind.min(start));
        if let (Some(workflow), Some(version)) = (&filter.workflow, filter.version) {
            merge
                .streams
                .push(Stream::new(RunSource::Group(workflow.clone(), version.into()), start));
            return Ok(());
        }
        let outcome = filter.status.filter(|status| is_exceptional(*status)).map(|s| s.code());
        let first = filter.workflow.clone().unwrap_or_default();
        let (mut workflow, mut version) =
            (filter.workflow.clone().unwrap_or_else(|| LAST.to_owned()), i64::MAX);
        let most = i64::try_from(FOUND).unwrap_or(i64::MAX);
        loop {
            let params: crate::link::Params<'_> =
                &[&tenant, &workflow, &version, &first, &most, &outcome];
            let rows = self.in_tenant(tenant, LIST_GROUPS, params).await?;
            for row in &rows {
                (workflow, version) = (row.get("workflow"), row.get("version"));
                let newest = row.get::<_, Time>("newest").0;
                let is_asked = filter.version.is_none_or(|asked| i64::from(asked) == version);
                if is_asked && newest >= since {
                    let head = ListCursor { created_at: newest, run: Uuid::max() };
                    let group = RunSource::Group(workflow.clone(), version);
                    merge.streams.push(Stream::new(group, head.min(start)));
                }
            }
            if rows.len() < FOUND {
                return Ok(());
            }
        }
    }

    /// Reads on in the streams that are waited for: looks at so many runs, and reads what passes. Reading none,
    /// it counts.
    pub(super) async fn walk(
        &self,
        tenant: Uuid,
        filter: &ListFilter,
        merge: &mut Merge,
        most: usize,
        read: usize,
    ) -> Result<Walked> {
        let walked = merge.next(WALKED);
        let each = (most.min(super::SCANNED) / walked.len().max(1)).max(FEWEST);
        let each = if walked.len() == 1 && merge.is_told && read > 0 {
            read.min(super::SCANNED)
        } else {
            each
        };
        let rows = self.walk_rows(tenant, filter, merge, &walked, [each, read]).await?;
        let (mut found, mut runs, mut last) = (0_i64, 0_i64, None);
        walked.iter().for_each(|n| merge.streams[*n].is_done = true);
        for row in &rows {
            let nth = usize::try_from(row.get::<_, i32>("stream")).unwrap_or(0);
            let stream = nth.checked_sub(1).map(|nth| &mut merge.streams[walked[nth]]);
            match (stream, row.get::<_, Option<i16>>("shard")) {
                (Some(stream), Some(_)) => {
                    let run = view(row)?;
                    (runs, last) = (runs + 1, Some(ListCursor::of(&run)));
                    stream.push(run);
                }
                (Some(stream), None) => (stream.at, stream.is_done) = (cursor(row), false),
                (None, _) => found = row.get("found"),
            }
        }
        // What has passed and was not read, is older than the last run that was.
        if let Some(last) = last.filter(|_| found > runs) {
            for n in &walked {
                let stream = &mut merge.streams[*n];
                let at = if stream.is_done { last } else { stream.at.max(last) };
                (stream.at, stream.is_done) = (at, false);
            }
        }
        let scanned = each * walked.len();
        Ok(Walked { scanned, found: u64::try_from(found).unwrap_or(0) })
    }

    async fn walk_rows(
        &self,
        tenant: Uuid,
        filter: &ListFilter,
        merge: &Merge,
        walked: &[usize],
        [each, read]: [usize; 2],
    ) -> Result<Vec<Row>> {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let streams = || walked.iter().map(|n| &merge.streams[*n]);
        let (since, until) = span(filter, merge);
        let status = filter.status.filter(|status| !is_exceptional(*status)).map(|s| s.code());
        let outcome = filter.status.filter(|status| is_exceptional(*status)).map(|s| s.code());
        let params: crate::link::Params<'_> = &[
            &tenant,
            &streams().map(|s| group(s).0).collect::<Vec<_>>(),
            &streams().map(|s| group(s).1).collect::<Vec<_>>(),
            &streams().map(|s| Time(s.at.created_at)).collect::<Vec<_>>(),
            &streams().map(|s| s.at.run).collect::<Vec<_>>(),
            &number(each),
            &Time(since),
            &Time(until),
            &outcome,
            &status,
            &Time(filter.closed_after.unwrap_or(BEGINNING)),
            &Time(filter.closed_before.unwrap_or(Timestamp::MAX)),
            &filter.is_by_end(),
            &merge.is_late_apart,
            &number(read),
        ];
        Ok(self.in_tenant(tenant, LIST_WALK, params).await?)
    }
}

fn group(stream: &Stream) -> (&str, i64) {
    match &stream.source {
        RunSource::Group(workflow, version) => (workflow, *version),
        RunSource::Value(_) => ("", 0),
    }
}

/// When the runs of the streams were created: at or after, and before.
fn span(filter: &ListFilter, merge: &Merge) -> (Timestamp, Timestamp) {
    let since = filter.created_after.unwrap_or(BEGINNING);
    let until = filter.created_before.unwrap_or(Timestamp::MAX);
    if !merge.is_late_apart {
        return (since, until);
    }
    let (after, before) = (filter.closed_after, filter.closed_before);
    let soon = after.map_or(BEGINNING, |after| after.before(SOON));
    (since.max(soon), until.min(before.unwrap_or(Timestamp::MAX)))
}

pub(super) fn cursor(row: &Row) -> ListCursor {
    ListCursor { created_at: row.get::<_, Time>("created_at").0, run: row.get("run_id") }
}
