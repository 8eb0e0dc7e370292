//! Starting runs: what a store is given, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use super::spec::RunSpec;
use crate::attribute::Attributes;
use crate::ids::RunKey;
use crate::policy::ConflictPolicy;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

impl ConflictPolicy {
    /// Whether a run in this state gives its workflow id to a new one.
    pub fn replaces(self, existing: RunStatus) -> bool {
        use RunStatus::{Cancelled, Failed, Terminated, TimedOut};
        match self {
            Self::Reject | Self::UseExisting => false,
            Self::TerminateExisting | Self::AllowIfClosed => !existing.is_open(),
            Self::AllowIfFailed => matches!(existing, Cancelled | Failed | Terminated | TimedOut),
        }
    }

    /// Whether a start is refused because of a run that keeps its workflow id.
    pub fn refuses(self) -> bool {
        matches!(self, Self::Reject | Self::AllowIfFailed | Self::AllowIfClosed)
    }
}

/// The state of a run, as stored.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Open: ready, owned or parked.
    Running,
    /// Ended with its output.
    Completed,
    /// Ended with an error: a dead letter.
    Failed,
    /// Ended by cancellation.
    Cancelled,
    /// Ended from outside.
    Terminated,
    /// Ended by its time limit.
    TimedOut,
    /// Continued as a new run.
    Continued,
}

impl RunStatus {
    const ALL: [(Self, i16, &'static str); 7] = [
        (Self::Running, 0, "running"),
        (Self::Completed, 1, "completed"),
        (Self::Failed, 2, "failed"),
        (Self::Cancelled, 3, "cancelled"),
        (Self::Terminated, 4, "terminated"),
        (Self::TimedOut, 5, "timed_out"),
        (Self::Continued, 6, "continued"),
    ];

    /// The number it is stored as.
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(status, ..)| *status == self).map_or(0, |(_, code, _)| *code)
    }

    /// The status stored as a number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(_, c, _)| *c == code).map(|(status, ..)| *status)
    }

    /// Its name: `running`, `completed`, …
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(status, ..)| *status == self).map_or("?", |(.., name)| name)
    }

    /// Whether the run has not ended.
    pub fn is_open(self) -> bool {
        self == Self::Running
    }
}

impl std::fmt::Display for RunStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A run to start.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its key, made by the caller.
    pub key: RunKey,
    /// What it is.
    pub spec: Arc<RunSpec>,
    /// What to do when the workflow id exists.
    pub on_conflict: ConflictPolicy,
    /// Earliest start; `None` is now.
    pub start_at: Option<Timestamp>,
    /// Wait this long from now, by the store's clock; added to nothing else.
    pub delay: Option<Duration>,
    /// Its search attributes. A successor has those of the run it continues besides.
    pub attributes: Option<Box<Attributes>>,
}

impl NewRun {
    /// A run that starts at once, if nobody has its workflow id.
    pub fn new(key: RunKey, spec: impl Into<Arc<RunSpec>>) -> Self {
        let on_conflict = ConflictPolicy::Reject;
        let spec = spec.into();
        Self { key, spec, on_conflict, start_at: None, delay: None, attributes: None }
    }

    /// The same run with other attributes.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut RunSpec)) -> Self {
        change(Arc::make_mut(&mut self.spec));
        self
    }
}

/// The answer to one start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// The run was created.
    Created,
    /// The run was created and is owned by the worker for which it was started.
    Owned {
        /// The earliest it could run: its creation.
        started_at: Timestamp,
        /// The number of the claim by which it is owned.
        claim: i64,
    },
    /// A run with this workflow id exists, and the policy is to use it; or it is open and the
    /// policy is to terminate it, which is then the caller's next step before starting again. (A
    /// run that has ended gives its id to the new one under that policy.)
    Exists(RunKey),
    /// Nothing was written: somebody's open transaction holds the workflow id. Whether it is free is
    /// known when that transaction has ended; [`start_held`](crate::store::ClientStore::start_held) waits for it.
    Held,
}
