//! Lists of runs, page by page. A page looks at a bounded number of runs, so it may be short, or empty,
//! and yet not the last.

use uuid::Uuid;

use super::{RunStatus, RunView};
use crate::time::Timestamp;

/// The most bytes of inputs and outputs in one page, but for its first run.
pub const PAGE_BYTES: usize = 16 << 20;

/// Which runs to list.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
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
    /// Only what comes behind this.
    pub behind: Option<ListCursor>,
    /// Whether inputs and outputs are read.
    pub payloads: bool,
    /// Maximum number of runs.
    pub limit: usize,
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
    /// In front of all runs.
    pub const START: Self = Self { created_at: Timestamp::MAX, run: Uuid::max() };
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Newest first, by the store's time; runs of one moment by their ids.
    pub runs: Vec<RunView>,
    /// Where the next page begins; `None` behind the last.
    pub next: Option<ListCursor>,
}

/// A page of a count.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// Runs that pass the filter.
    pub runs: u64,
    /// Where the count goes on; `None` at its end.
    pub next: Option<ListCursor>,
}
