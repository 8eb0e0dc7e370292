//! Scans: runs in the order of their keys. Nothing here changes anything.

use std::ops::Bound;

use uuid::Uuid;

use super::run::StoredRun;
use super::state::MemoryState;
use crate::ids::{RunKey, SHARDS};
use crate::store::{Scan, ScanKind, Scanned};

impl MemoryState {
    /// [`Inspect::scan`](crate::store::Inspect::scan).
    pub(super) fn scan(&self, scan: &Scan) -> Scanned {
        let from = scan.from;
        let (page, end) = match scan.runs {
            ScanKind::Open => {
                let end = RunKey { shard: from.shard + 1, tenant: Uuid::nil(), run: Uuid::nil() };
                let range = self.runs.range((Bound::Excluded(from), Bound::Excluded(end)));
                let open = range.map(|(_, run)| run).filter(|run| run.is_open());
                (open.take(scan.limit).collect(), Some(end).filter(|end| end.shard < SHARDS))
            }
            ScanKind::Closed => {
                let least = RunKey { tenant: Uuid::nil(), run: Uuid::nil(), ..from };
                let range = self.runs.range((Bound::Included(least), Bound::Excluded(from)));
                let closed = range.rev().map(|(_, run)| run).filter(|run| !run.is_open());
                (closed.take(scan.limit).collect::<Vec<_>>(), None)
            }
        };
        let next = if page.len() < scan.limit { end } else { page.last().map(|run| run.key) };
        let wanted =
            |run: &&StoredRun| scan.workflow.as_deref().is_none_or(|w| w == &*run.spec.workflow);
        let runs = page.into_iter().filter(wanted);
        Scanned { runs: runs.map(|run| (run.activation(), run.status())).collect(), next }
    }
}
