//! Lists of runs, page by page. A page looks at a bounded number of runs, so it may be short, or empty,
//! and yet not the last.

use uuid::Uuid;

use super::{AttributeFilter, RunStatus, RunView};
use crate::time::Timestamp;

/// The most bytes of inputs and outputs in one page, but for its first run.
pub const PAGE_BYTES: usize = 16 << 20;

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// Only children of this run.
    pub parent: Option<Uuid>,
    /// Only this workflow.
    pub workflow: Option<String>,
    /// Only this version.
    pub version: Option<u32>,
    /// Only this status.
    pub status: Option<RunStatus>,
    /// Only runs created at or after.
    pub created_after: Option<Timestamp>,
    /// Only runs created before.
    pub created_before: Option<Timestamp>,
    /// Only runs that ended at or after.
    pub closed_after: Option<Timestamp>,
    /// Only runs that ended before.
    pub closed_before: Option<Timestamp>,
    /// Only runs that pass all of these.
    pub attributes: Vec<AttributeFilter>,
    /// Only what comes behind this.
    pub behind: Option<ListCursor>,
    /// Whether inputs and outputs are read.
    pub payloads: bool,
    /// Maximum number of runs.
    pub limit: usize,
}

impl ListFilter {
    /// Whether it asks when runs ended.
    pub fn is_by_end(&self) -> bool {
        self.closed_after.is_some() || self.closed_before.is_some()
    }

    /// Nothing that is open has ended.
    pub fn is_impossible(&self) -> bool {
        self.status == Some(RunStatus::Running) && self.is_by_end()
    }

    /// Whether the run's attributes are what is asked for.
    pub fn has_attributes(&self, run: &RunView) -> bool {
        self.attributes.iter().all(|attribute| attribute.passes(&run.attributes))
    }

    /// Whether the run is one of those that are asked for, its attributes aside.
    pub fn passes(&self, run: &RunView) -> bool {
        fn is<T: PartialEq>(wanted: &Option<T>, found: T) -> bool {
            wanted.as_ref().is_none_or(|wanted| *wanted == found)
        }
        let within =
            |at: Option<Timestamp>, after: Option<Timestamp>, before: Option<Timestamp>| {
                after.is_none_or(|after| at.is_some_and(|at| at >= after))
                    && before.is_none_or(|before| at.is_some_and(|at| at < before))
            };
        let parent = run.spec.parent.map(|parent| parent.run);
        self.parent.is_none_or(|wanted| parent == Some(wanted))
            && self.workflow.as_deref().is_none_or(|workflow| *workflow == *run.spec.workflow)
            && is(&self.version, run.spec.version)
            && is(&self.status, run.status)
            && within(Some(run.created_at), self.created_after, self.created_before)
            && within(run.closed_at, self.closed_after, self.closed_before)
            && self.behind.is_none_or(|behind| ListCursor::of(run) < behind)
    }
}

/// A position in a list: behind the run of this id and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListCursor {
    /// When the run was created.
    pub created_at: Timestamp,
    /// The run.
    pub run: Uuid,
}

impl ListCursor {
    /// The position of a run.
    pub fn of(run: &RunView) -> Self {
        Self { created_at: run.created_at, run: run.key.run }
    }
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Newest first, by the store's time; runs of one moment by their ids.
    pub runs: Vec<RunView>,
    /// Where the next page begins; `None` behind the last.
    pub next: Option<ListCursor>,
}
