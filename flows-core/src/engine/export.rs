//! A run's history as a document: exported from a live system, kept, and replayed by other builds.
//!
//! Reads and nothing else. The document's JSON is in [`document`], its events are in [`event`]; the
//! format is described at [`History::to_json`].

mod document;
mod event;
#[cfg(test)]
mod tests;

use std::time::SystemTime;

use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::ids::RunKey;
use crate::journal::{self, Event, Recorded};
use crate::payload::Payload;
use crate::store::{HistoryRow, RunSpec, RunStatus, RunView};
use crate::time::Timestamp;

/// Everything that the replay of a run needs: its input and its journal.
///
/// [`Execution::export`](super::Execution::export) gives it, [`to_json`](Self::to_json) and
/// [`from_json`](Self::from_json) keep it in a file, and `flows::testing::replay` checks a build
/// against it.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// Workflow name.
    pub workflow: String,
    /// Workflow version.
    pub version: u32,
    /// The run id.
    pub run_id: Uuid,
    /// The tenant; nil is the default tenant.
    pub tenant_id: Uuid,
    /// The application's id for it, where the start gave one.
    pub workflow_id: Option<String>,
    /// Queue.
    pub queue: String,
    /// Which attempt of the run this is, from 1.
    pub attempt: u32,
    /// The status of the run when it was exported.
    pub status: RunStatus,
    /// The time of its first turn; before that, the earliest possible one.
    pub started_at: SystemTime,
    /// Headers.
    pub headers: Headers,
    /// Input.
    pub input: Payload,
    pub(crate) events: Vec<Entry>,
}

/// An event, and the journal row it stands in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) row: i32,
    pub(crate) recorded: Recorded,
}

impl History {
    /// How many events it has.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether the run still has to make its first turn.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The kinds of its events, in order: `run_started`, `activity_completed`, …
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.events.iter().map(|entry| entry.recorded.event.name())
    }

    /// The document as JSON text, with a line break behind it.
    ///
    /// ```json
    /// {
    ///   "format": 1,
    ///   "workflow": "order",
    ///   "version": 1,
    ///   "run_id": "0197…",
    ///   "tenant_id": "00000000-0000-0000-0000-000000000000",
    ///   "workflow_id": "order-42",
    ///   "queue": "default",
    ///   "attempt": 1,
    ///   "status": "completed",
    ///   "started_at": "2030-01-01T00:00:00.000000Z",
    ///   "input": { "customer": "Ada" },
    ///   "events": [
    ///     { "row": 0, "at": "2030-01-01T00:00:00.000000Z", "kind": "run_started" },
    ///     { "row": 0, "at": "…", "kind": "activity_completed", "operation": 0, "name": "charge",
    ///       "input_hash": "9ac0…", "attempt": 1, "value": { "json": { "receipt": 7 } } }
    ///   ]
    /// }
    /// ```
    ///
    /// The kinds are those of [`history()`](super::Execution::history). Values stand under their
    /// codec: `json` as they are, `postcard` as base64. Times are RFC 3339 with microseconds; one
    /// that has no such form is a number of microseconds since 1970. Nothing is lost on the way to
    /// the document and back.
    ///
    /// # Errors
    /// When the input is not JSON, which no store gives.
    pub fn to_json(&self) -> Result<String> {
        document::write(self)
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    /// When the text is no such document, or has a format or a kind of event that is newer than
    /// this build.
    pub fn from_json(json: &str) -> Result<Self> {
        document::read(json)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn key(&self) -> RunKey {
        RunKey::of_run(self.tenant_id, self.run_id)
    }

    /// From what describes a run, and its journal.
    pub(super) fn of_rows(view: &RunView, rows: &[HistoryRow]) -> Result<Self> {
        let events = decode(rows_of(rows), view.status, view.created_at, view.closed_at)?;
        Ok(Self::new(view.key, &view.spec, view.status, view.created_at, events))
    }

    /// From a run as a worker would activate it.
    #[cfg(feature = "testing")]
    pub(crate) fn of_activation(run: &crate::store::Activation, status: RunStatus) -> Result<Self> {
        let rows = (0..).zip(run.journal.iter().map(Vec::as_slice));
        let events = decode(rows, status, run.started_at, None)?;
        Ok(Self::new(run.key, &run.spec, status, run.started_at, events))
    }

    /// `earliest`: when its first turn could be made.
    fn new(
        key: RunKey,
        spec: &RunSpec,
        status: RunStatus,
        earliest: Timestamp,
        events: Vec<Entry>,
    ) -> Self {
        Self {
            workflow: spec.workflow.to_string(),
            version: spec.version,
            run_id: key.run,
            tenant_id: key.tenant,
            workflow_id: spec.workflow_id.as_deref().map(str::to_owned),
            queue: spec.queue.to_string(),
            attempt: spec.attempt,
            status,
            started_at: first_turn(&events).unwrap_or(earliest).into(),
            headers: spec.headers.clone(),
            input: Payload::from_json(spec.input.as_bytes()),
            events,
        }
    }
}

/// Rows of a journal with their positions.
pub(super) fn rows_of(rows: &[HistoryRow]) -> impl Iterator<Item = (i32, &[u8])> {
    rows.iter().map(|row| (row.position, row.events.as_slice()))
}

/// The journal's events, or those that a completed run without journal stands for.
pub(super) fn decode<'a>(
    rows: impl Iterator<Item = (i32, &'a [u8])>,
    status: RunStatus,
    started_at: Timestamp,
    closed_at: Option<Timestamp>,
) -> Result<Vec<Entry>> {
    let mut events = Vec::new();
    for (row, bytes) in rows {
        let recorded = journal::decode(usize::try_from(row).unwrap_or(0), bytes)?;
        events.extend(recorded.into_iter().map(|recorded| Entry { row, recorded }));
    }
    if events.is_empty() && status == RunStatus::Completed {
        let elided = journal::elided(started_at, closed_at.unwrap_or(started_at));
        events.extend(elided.map(|recorded| Entry { row: 0, recorded }));
    }
    Ok(events)
}

fn first_turn(events: &[Entry]) -> Option<Timestamp> {
    let is_fork = |entry: &&Entry| matches!(entry.recorded.event, Event::Forked(_));
    let first = &events.iter().find(|entry| !is_fork(entry))?.recorded;
    matches!(first.event, Event::RunStarted).then_some(first.at)
}

/// What is wrong with a document.
fn unreadable(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Codec, format!("this is no history that this build can read: {why}"))
}
