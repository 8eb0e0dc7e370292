//! How a run ends in the store: its last journal row, what is kept of its outcome, and what its parent is
//! told. Of runs that a worker holds, and of those that are ended from outside.

use crate::error::{Error, ErrorRecord, Result};
use crate::ids::RunKey;
use crate::journal::{Event, Recorded, StoredError};
use crate::payload::Payload;
use crate::store::{Close, MessageKind, Outcome, OutgoingMessage, Parent, RunStatus};
use crate::time::Timestamp;

/// How a run ends that nobody holds, and its last journal row.
pub(crate) fn ended_from_outside(
    status: RunStatus,
    error: &Error,
    at: Timestamp,
) -> Result<(Vec<u8>, Close)> {
    let event = Event::RunFailed { error: StoredError::from(error) };
    let record = crate::journal::encode(&[Recorded { at, event }])?;
    Ok((record, closed(status, None, Some(error), None)))
}

/// What is kept of a run's end.
pub(crate) fn closed(
    status: RunStatus,
    output: Option<String>,
    error: Option<&Error>,
    successor: Option<uuid::Uuid>,
) -> Close {
    let error = error.and_then(|error| serde_json::to_string(&ErrorRecord::from(error)).ok());
    Close { outcome: Outcome { status, output, error, successor }, claim: None }
}

/// What a run's parent is told, if it has one.
pub(crate) fn message_to_parent(
    key: RunKey,
    parent: Option<Parent>,
    close: &Close,
) -> Option<OutgoingMessage> {
    let parent = parent?;
    let raw = |json: &str| serde_json::value::RawValue::from_string(json.to_owned()).ok();
    let outcome = match (&close.outcome.output, &close.outcome.error) {
        (Some(output), _) => ChildOutcome::Output(raw(output)?),
        (None, error) => ChildOutcome::Error(raw(error.as_deref().unwrap_or("null"))?),
    };
    Some(OutgoingMessage {
        to: RunKey::of_run(key.tenant, parent.run),
        kind: MessageKind::ChildClosed,
        name: parent.op.to_string(),
        payload: Payload::json(&outcome).ok()?,
        dedup: None,
    })
}

/// What a child's last message says.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ChildOutcome {
    /// It completed.
    Output(Box<serde_json::value::RawValue>),
    /// It did not.
    Error(Box<serde_json::value::RawValue>),
}

/// What `continue_as_new` carries to the worker.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct ContinueAs {
    pub(crate) workflow: String,
    pub(crate) version: u32,
    /// As JSON text, which keeps numbers that `serde_json::Value` cannot.
    pub(crate) input: String,
}
