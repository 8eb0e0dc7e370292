//! What people see of a run.

use std::time::Duration;

use uuid::Uuid;

use super::run::{Parent, RunStatus};
use crate::ids::RunKey;
use crate::time::Timestamp;

/// How a run ended, for whoever awaits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The terminal status.
    pub status: RunStatus,
    /// Output, JSON text.
    pub output: Option<String>,
    /// Error, JSON text.
    pub error: Option<String>,
    /// The run that goes on in its place: its outcome is the one to wait for.
    pub successor: Option<Uuid>,
}

/// Where an open run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Ready to be claimed; the flag says whether a live worker serves its lane.
    Ready {
        /// Whether any live worker serves it.
        served: bool,
    },
    /// Held by a worker.
    Owned {
        /// The worker's id.
        worker: Uuid,
        /// Its name.
        name: String,
    },
    /// Put down.
    Parked {
        /// When it wakes by itself.
        wake_at: Option<Timestamp>,
        /// What it waits for, in words.
        waiting_for: String,
        /// Why it cannot go on.
        stuck: Option<String>,
    },
}

/// Everything known about a run.
#[derive(Debug, Clone)]
pub struct RunView {
    /// Its key.
    pub key: RunKey,
    /// The application's id, if it has one.
    pub workflow_id: Option<String>,
    /// Workflow name.
    pub workflow: String,
    /// Workflow version.
    pub version: u32,
    /// Queue.
    pub queue: String,
    /// Priority.
    pub priority: i16,
    /// Status.
    pub status: RunStatus,
    /// Attempt, from 1.
    pub attempt: u32,
    /// Input, JSON text (`None` in lists that were not asked for payloads).
    pub input: Option<String>,
    /// Output, JSON text.
    pub output: Option<String>,
    /// Error, JSON text.
    pub error: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// Time limit.
    pub timeout: Option<Duration>,
    /// The run it continues.
    pub predecessor: Option<Uuid>,
    /// The run that continues it.
    pub successor: Option<Uuid>,
    /// Who awaits it.
    pub parent: Option<Parent>,
    /// Run-level retry policy.
    pub retry: Option<crate::retry::RetryPolicy>,
    /// Where it is, while it is open (`None` in lists).
    pub place: Option<Place>,
    /// Letters in its inbox.
    pub inbox: u32,
    /// Whether a request to cancel is among them (`false` in lists).
    pub cancelling: bool,
}

/// One journal row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// Position, from 0.
    pub position: i32,
    /// When it was written.
    pub written_at: Timestamp,
    /// The encoded events.
    pub events: Vec<u8>,
}

/// A failed run that can be rerun.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The failed run.
    pub key: RunKey,
    /// The application's id, if it has one.
    pub workflow_id: Option<String>,
    /// Workflow name.
    pub workflow: String,
    /// Workflow version.
    pub version: u32,
    /// Error, JSON text.
    pub error: Option<String>,
    /// When it failed.
    pub failed_at: Timestamp,
    /// Attempts made.
    pub attempt: u32,
}
