//! What people see of a run.

use std::sync::Arc;

use uuid::Uuid;

use super::fork::Origin;
use super::pause::PauseRow;
use super::run::RunStatus;
use super::spec::RunSpec;
use crate::attribute::Attributes;
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

impl Outcome {
    /// Whether this end makes a dead letter.
    pub fn is_dead_letter(&self) -> bool {
        matches!(self.status, RunStatus::Failed | RunStatus::TimedOut) && self.successor.is_none()
    }
}

/// Where an open run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
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
    /// It only waits, in no worker's memory.
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
    /// What it is. (Its input is empty in lists that were not asked for payloads.)
    pub spec: Arc<RunSpec>,
    /// Status.
    pub status: RunStatus,
    /// Output, JSON text.
    pub output: Option<String>,
    /// Error, JSON text.
    pub error: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// The run that continues it.
    pub successor: Option<Uuid>,
    /// Where it was forked from (`None` in lists).
    pub origin: Option<Origin>,
    /// The runs that were forked from it, the oldest first, at most 100 (none in lists).
    pub forks: Vec<Uuid>,
    /// Where it is, while it is open (`None` in lists).
    pub placement: Option<Placement>,
    /// Messages in its inbox; of a run that has ended, signals that came too late for it.
    pub inbox: u32,
    /// Whether a request to cancel is among them (`false` in lists).
    pub cancelling: bool,
    /// The pause that holds for it, the longest of several (`None` in lists, and once it has ended).
    pub paused: Option<PauseRow>,
    /// Its search attributes (none in lists that do not ask for some).
    pub attributes: Attributes,
}

impl RunView {
    /// Its input, JSON text, if it was read.
    pub fn input(&self) -> Option<&str> {
        Some(&*self.spec.input).filter(|input| !input.is_empty())
    }
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
pub struct DeadLetterRow {
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
    /// When it was dismissed.
    pub dismissed_at: Option<Timestamp>,
    /// Why it was dismissed.
    pub reason: Option<String>,
    /// Attempts made.
    pub attempt: u32,
}
