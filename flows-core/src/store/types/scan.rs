//! Scans: runs read shard by shard, for checks of whole databases.

use super::record::Activation;
use super::run::RunStatus;
use crate::ids::RunKey;

/// A page of a scan.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Which runs.
    pub runs: ScanKind,
    /// The key to go on from, which is not read itself.
    pub from: RunKey,
    /// Only runs of this workflow; others count for the limit and are not given.
    pub workflow: Option<String>,
    /// The most runs to look at.
    pub limit: usize,
}

/// Which runs a scan reads, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanKind {
    /// Those that are open, from one shard to the next, within one in an order of the store's.
    Open,
    /// Those that have ended, by falling key, of the shard of `from` alone.
    Closed,
}

/// What a scan has read.
#[derive(Debug, Clone, Default)]
pub struct Scanned {
    /// The runs, as a worker would be given them, and their status.
    pub runs: Vec<(Activation, RunStatus)>,
    /// Where the next page goes on; `None` when there is none. A page may be empty and have one.
    pub next: Option<RunKey>,
}
