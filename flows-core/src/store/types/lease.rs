//! Workers and their leases, and how runs reach them.

use std::time::Duration;

use uuid::Uuid;

use super::spec::Parent;
use crate::ids::RunKey;
use crate::time::Timestamp;

/// A worker process, as the store knows it.
#[derive(Debug, Clone)]
pub struct WorkerIdentity {
    /// Its id, new for every start of a worker.
    pub id: Uuid,
    /// What people recognise it by: host and process.
    pub name: String,
    /// How long it may own runs without renewing.
    pub lease: Duration,
    /// The lanes it serves. (Ascending, they are not sorted again at each look.)
    pub lanes: Vec<i64>,
    /// The lanes of activities that it runs for other workers' runs.
    pub task_lanes: Vec<i64>,
}

/// A worker's lease, after a renewal.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// The store's time of the renewal.
    pub now: Timestamp,
    /// Whether the lease had lapsed, so that others may have taken the worker's runs: it must
    /// forget all of them.
    pub lapsed: bool,
}

/// What one look at the store found for a worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Polled {
    /// Shards with runs to claim in the worker's lanes (after due and orphaned runs were made ready).
    pub ready: Vec<i16>,
    /// whether messages have come to some run it owns.
    pub messages: bool,
    /// When the next parked run or schedule is due, if one is.
    pub next_due: Option<Timestamp>,
    /// Whether some run, of whichever lane, waits to be tried alone.
    pub suspects: bool,
    /// Whether the time limit of some open run, of whichever lane, has passed.
    pub overdue: bool,
    /// Whether attempts of activities wait in the worker's lanes.
    pub tasks: bool,
    /// Another number whenever [something else](crate::store::Operate::pauses) is paused; 0 where nothing is.
    pub pauses: i64,
    /// Whether a schedule is due.
    pub schedules: bool,
}

/// An open run whose time limit has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overdue {
    /// The run.
    pub run: RunKey,
    /// Who awaits it.
    pub parent: Option<Parent>,
    /// Its time limit.
    pub limit: Duration,
}

/// A claim: up to `limit` ready runs of one shard become owned by the worker.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The claiming worker.
    pub worker: Uuid,
    /// The shard to claim from.
    pub shard: i16,
    /// The lanes to claim from.
    pub lanes: &'a [i64],
    /// The most runs to claim.
    pub limit: usize,
    /// Runs that are expected among them, because they were [woken](super::Hint::Woken): what they have can
    /// be read along. What is not won need not be read.
    pub expected: &'a [RunKey],
}

/// A claim of runs that are stuck: they become owned by the worker.
#[derive(Debug, Clone, Copy)]
pub struct ClaimStuck<'a> {
    /// The claiming worker.
    pub worker: Uuid,
    /// The lanes to claim from.
    pub lanes: &'a [i64],
    /// The most runs whose code could not go on.
    pub limit: usize,
    /// Whether one [suspect](super::SUSPECT) may be among them: only while the worker owns no other.
    pub suspect: bool,
}
