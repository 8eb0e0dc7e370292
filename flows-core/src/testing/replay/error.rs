//! Where and why a history does not replay.

use std::fmt;

use uuid::Uuid;

use crate::engine::History;
use crate::error::Error;

/// A history that this build cannot go on with: where, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayError {
    run: Option<RunName>,
    event: Option<EventName>,
    why: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct RunName {
    workflow: String,
    version: u32,
    run_id: Uuid,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct EventName {
    /// From 1.
    number: usize,
    of: usize,
    kind: &'static str,
    row: i32,
}

impl ReplayError {
    /// `at` is the event's place in the history, from 0.
    pub(super) fn new(history: &History, at: Option<usize>, why: &str) -> Self {
        let run = RunName {
            workflow: history.workflow.clone(),
            version: history.version,
            run_id: history.run_id,
        };
        let event = at.and_then(|at| {
            let entry = history.events.get(at)?;
            let kind = entry.recorded.event.name();
            Some(EventName { number: at + 1, of: history.len(), kind, row: entry.row })
        });
        Self { run: Some(run), event, why: why.to_owned() }
    }

    pub(crate) fn unreadable(error: &Error) -> Self {
        Self { run: None, event: None, why: error.message().to_owned() }
    }

    /// The event at which it stops, counted from 1; `None` where it cannot even begin.
    pub fn event(&self) -> Option<usize> {
        self.event.as_ref().map(|event| event.number)
    }

    /// The kind of that event.
    pub fn kind(&self) -> Option<&'static str> {
        self.event.as_ref().map(|event| event.kind)
    }

    /// Why: what the journal has, what the code asks for, and where.
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(RunName { workflow, version, run_id }) = &self.run {
            write!(f, "run {run_id} of workflow `{workflow}` version {version} does not replay")?;
            if let Some(EventName { number, of, kind, row }) = &self.event {
                write!(f, ", at event {number} of {of} (`{kind}`, journal row {row})")?;
            }
            f.write_str(":\n")?;
        }
        f.write_str(&self.why)
    }
}

impl std::error::Error for ReplayError {}
