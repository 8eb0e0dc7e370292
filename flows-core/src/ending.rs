//! How a run ends in the store: its last journal row, what is kept of its outcome, and what its parent is
//! told. Of runs that a worker holds, and of those that are ended from outside.

use crate::error::{Error, ErrorKind, ErrorRecord, Result};
use crate::ids::RunKey;
use crate::journal::{Event, Recorded, StoredError};
use crate::payload::Payload;
use crate::policy::{CloseChildren, ClosePolicy};
use crate::store::{Close, MessageKind, NewRun, Outcome, OutgoingMessage, Parent, RunStatus};
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

/// The error of a run that is terminated.
pub(crate) fn termination(why: &str) -> Error {
    Error::new(ErrorKind::Terminated, format!("the run was terminated: {why}"))
}

/// An open child of a run that ends.
#[derive(Debug, Clone, Copy)]
pub struct ChildAtEnd {
    /// The child.
    pub key: RunKey,
    /// What becomes of it.
    pub policy: ClosePolicy,
}

impl ChildAtEnd {
    /// What it is told of how its parent has ended; nothing, if it goes on.
    pub fn message(self, parent: &Outcome) -> Option<OutgoingMessage> {
        let kind = match self.policy {
            ClosePolicy::Cancel => MessageKind::Cancel,
            ClosePolicy::Terminate => MessageKind::Terminate,
            ClosePolicy::Abandon => return None,
        };
        let (name, payload) = (String::new(), Payload::json(&how_it_ended(parent)).ok()?);
        Some(OutgoingMessage { to: self.key, kind, name, payload, dedup: None })
    }
}

/// The reason that children of a run are given.
fn how_it_ended(parent: &Outcome) -> String {
    let error = || {
        let record = serde_json::from_str::<ErrorRecord>(parent.error.as_deref()?).ok()?;
        let message = Error::from(record).message().to_owned();
        message.strip_prefix("the run ").map(str::to_owned)
    };
    let how = match parent.status {
        RunStatus::Completed => "has completed".to_owned(),
        RunStatus::Continued => "has continued as a new run".to_owned(),
        RunStatus::Running | RunStatus::Failed => "has failed".to_owned(),
        status => error().unwrap_or_else(|| format!("has ended ({status})")),
    };
    format!("its parent {how}")
}

/// What is kept of a run's end.
pub(crate) fn closed(
    status: RunStatus,
    output: Option<String>,
    error: Option<&Error>,
    successor: Option<uuid::Uuid>,
) -> Close {
    let error = error.and_then(|error| serde_json::to_string(&ErrorRecord::from(error)).ok());
    let outcome = Outcome { status, output, error, successor };
    Close { outcome, claim: None, children: CloseChildren::All }
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

/// What the parent of a child is told that was not started, because another run has its workflow id.
pub fn refusal_to_parent(child: &NewRun) -> Option<OutgoingMessage> {
    let id = child.spec.workflow_id.as_deref().filter(|_| child.spec.predecessor.is_none())?;
    let message = format!(
        "a run of workflow id `{id}` exists, so the child was not started; use another id, or say what to do \
         with `.on_conflict(..)`"
    );
    let error = Error::new(ErrorKind::AlreadyExists, message);
    let close = closed(RunStatus::Failed, None, Some(&error), None);
    message_to_parent(child.key, child.spec.parent, &close)
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
