//! Lists by search attributes.
//!
//! One attribute leads: its index has the runs of a value newest first, and so the runs of few values are streams. The
//! runs of a range of values lie by value: they are gathered, if they are few. If they are not, the other filters lead.
//! Whichever leads, the attributes of the runs that it finds are read, and the runs that do not pass are left out.

use flows_core::error::Result;
use flows_core::ids::RunKey;
use flows_core::store::{AttributeFilter, ListCursor, ListFilter, Listed, RunView};
use flows_core::time::Timestamp;
use uuid::Uuid;

use super::groups::cursor;
use super::merge::{Merge, RunSource, Stream};
use crate::describe::view;
use crate::sql::{LIST_RANGE, LIST_VALUES};
use crate::store::Shared;
use crate::types::{BEGINNING, Time};

/// Runs that are found by their keys in one statement, some five pages each.
const TOGETHER: usize = 80;
/// The most statements that find runs, in one page of a list.
const STEPS: usize = 10;
/// Values that one statement walks through, and the fewest runs of each.
const WALKED: usize = 24;
const FEWEST: usize = 4;
/// The most runs of a range that are gathered, and how many one statement reads.
const FEW: usize = 1_000;
const BY_VALUE: usize = 400;

/// What leads a list.
enum Lead<'a> {
    /// The values of an attribute.
    Values(&'a AttributeFilter, Merge),
    /// Runs in a range of values, the newest last.
    Gathered(Vec<(ListCursor, RunKey)>),
    /// All other filters, and how far they are.
    Others(Box<ListFilter>),
}

/// Runs that may pass, newest first, and how far they go.
struct Candidates {
    runs: Vec<RunView>,
    reached: Option<ListCursor>,
}

impl Shared {
    pub(super) async fn list_by_attributes(
        &self,
        tenant: Uuid,
        filter: &ListFilter,
        limit: usize,
    ) -> Result<Listed> {
        let mut lead = self.lead(tenant, filter).await?;
        let mut listed = Listed { runs: Vec::new(), next: None };
        for _ in 0..STEPS {
            let Candidates { mut runs, reached } =
                self.find_more(tenant, filter, &mut lead).await?;
            self.read_attributes(tenant, &mut runs).await?;
            listed.runs.extend(runs.into_iter().filter(|run| filter.has_attributes(run)));
            listed.next = reached;
            if listed.runs.len() >= limit || reached.is_none() {
                break;
            }
        }
        if listed.runs.len() > limit {
            listed.runs.truncate(limit);
            listed.next = listed.runs.last().map(ListCursor::of);
        }
        Ok(listed)
    }

    pub(super) async fn count_by_attributes(
        &self,
        tenant: Uuid,
        filter: &ListFilter,
    ) -> Result<u64> {
        let (mut filter, mut counted) = (filter.clone(), 0);
        loop {
            let page = self.list_by_attributes(tenant, &filter, FEW).await?;
            counted += page.runs.len() as u64;
            filter.behind = page.next;
            if page.next.is_none() {
                return Ok(counted);
            }
        }
    }

    async fn lead<'a>(&self, tenant: Uuid, filter: &'a ListFilter) -> Result<Lead<'a>> {
        let single = filter.attributes.iter().find_map(|it| Some((it, it.values()?)));
        if filter.parent.is_some() {
            return Ok(others(filter)); // the children of one run are few beside the runs of a value
        }
        if let Some((attribute, values)) = single {
            let mut merge = Merge::of([].into_iter());
            let streams =
                values.into_iter().map(|value| Stream::new(RunSource::Value(value), start(filter)));
            merge.streams.extend(streams);
            return Ok(Lead::Values(attribute, merge));
        }
        for attribute in &filter.attributes {
            if let Some(gathered) = self.gather(tenant, filter, attribute).await? {
                return Ok(Lead::Gathered(gathered));
            }
        }
        Ok(others(filter))
    }

    async fn find_more(
        &self,
        tenant: Uuid,
        filter: &ListFilter,
        lead: &mut Lead<'_>,
    ) -> Result<Candidates> {
        match lead {
            Lead::Values(attribute, merge) => {
                self.walk_values(tenant, filter, &attribute.name, merge).await?;
                let mut runs = Vec::new();
                merge.take(&mut runs, TOGETHER);
                let reached =
                    if runs.len() < TOGETHER { merge.reached() } else { merge.behind(runs.last()) };
                Ok(Candidates { runs, reached })
            }
            Lead::Gathered(left) => {
                let taken = left.split_off(left.len().saturating_sub(TOGETHER));
                let keys = taken.iter().rev().map(|(_, key)| *key).collect::<Vec<_>>();
                let mut runs = self.runs(tenant, &keys, false).await?;
                runs.retain(|run| filter.passes(run));
                let reached = taken.first().filter(|_| !left.is_empty()).map(|(at, _)| *at);
                Ok(Candidates { runs, reached })
            }
            Lead::Others(others) => {
                let Listed { runs, next } = Box::pin(self.list(tenant, others)).await?;
                others.behind = next;
                Ok(Candidates { runs, reached: next })
            }
        }
    }

    /// Reads on in the values that are waited for.
    async fn walk_values(
        &self,
        tenant: Uuid,
        filter: &ListFilter,
        name: &str,
        merge: &mut Merge,
    ) -> Result<()> {
        let walked = merge.next(WALKED);
        if walked.is_empty() {
            return Ok(());
        }
        let each = (TOGETHER / walked.len()).max(FEWEST);
        let each = i64::try_from(each).unwrap_or(i64::MAX);
        let streams = || walked.iter().map(|n| &merge.streams[*n]);
        let value = |stream: &Stream| match &stream.source {
            RunSource::Value(value) => value.clone(),
            RunSource::Group(..) => Vec::new(),
        };
        let params: crate::link::Params<'_> = &[
            &tenant,
            &name,
            &streams().map(value).collect::<Vec<_>>(),
            &streams().map(|s| Time(s.at.created_at)).collect::<Vec<_>>(),
            &streams().map(|s| s.at.run).collect::<Vec<_>>(),
            &each,
            &Time(filter.created_after.unwrap_or(BEGINNING)),
        ];
        let rows = self.in_tenant(tenant, LIST_VALUES, params).await?;
        walked.iter().for_each(|n| merge.streams[*n].is_done = true);
        for row in &rows {
            let nth = usize::try_from(row.get::<_, i32>("stream")).unwrap_or(1);
            let stream = &mut merge.streams[walked[nth - 1]];
            if row.get::<_, Option<i16>>("shard").is_none() {
                (stream.at, stream.is_done) = (cursor(row), false);
                continue;
            }
            let run = view(row)?;
            if filter.passes(&run) {
                stream.push(run);
            }
        }
        Ok(())
    }

    /// The runs that have a value of these ranges, the newest last; `None` if they are not few.
    async fn gather(
        &self,
        tenant: Uuid,
        filter: &ListFilter,
        attribute: &AttributeFilter,
    ) -> Result<Option<Vec<(ListCursor, RunKey)>>> {
        let most = i64::try_from(BY_VALUE).unwrap_or(i64::MAX);
        let (mut found, mut read) = (Vec::new(), 0);
        for range in &attribute.ranges {
            let mut from = (range.start.clone(), BEGINNING, Uuid::nil());
            loop {
                let params: crate::link::Params<'_> =
                    &[&tenant, &attribute.name, &from.0, &range.end, &Time(from.1), &from.2, &most];
                let rows = self.in_tenant(tenant, LIST_RANGE, params).await?;
                for row in &rows {
                    let at = cursor(row);
                    from = (row.get("encoded"), at.created_at, at.run);
                    let key = RunKey { shard: row.get("shard"), tenant, run: at.run };
                    found.push((at, key));
                }
                read += rows.len();
                if read > FEW {
                    return Ok(None);
                }
                if rows.len() < BY_VALUE {
                    break;
                }
            }
        }
        let start = start(filter);
        let since = filter.created_after.unwrap_or(BEGINNING);
        found.retain(|(at, _)| *at < start && at.created_at >= since);
        found.sort_unstable();
        Ok(Some(found))
    }
}

/// Where a list begins.
fn start(filter: &ListFilter) -> ListCursor {
    let until = filter.created_before.unwrap_or(Timestamp::MAX);
    let start = ListCursor { created_at: until, run: Uuid::nil() };
    filter.behind.map_or(start, |behind| behind.min(start))
}

/// All filters but attributes lead.
fn others(filter: &ListFilter) -> Lead<'_> {
    let (attributes, payloads, limit) = (Vec::new(), false, TOGETHER);
    let others = ListFilter { attributes, payloads, limit, ..filter.clone() };
    Lead::Others(Box::new(others))
}
