//! Events of the journal as flat objects of a history's document, and back.
//!
//! A kind of event that this build does not know is an error: a replay without it would be one of
//! another history.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::document::{PayloadDocument, Time};
use super::{Entry, unreadable};
use crate::error::{Error, Result};
use crate::journal::{Event, EventFields, ForkPoint, Recorded, StepId, StoredError};
use crate::payload::Payload;
use crate::time::Timestamp;

/// An event: its kind says which of the other fields it has.
#[derive(Serialize, Deserialize)]
pub(super) struct EventDocument {
    row: i32,
    at: Time,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Sixteen hexadecimal digits: as a number, other tools would round it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input_hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    child: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<PayloadDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<PayloadDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heartbeat: Option<PayloadDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Time>,
    /// In microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    silence: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    setbacks: Option<i16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fork: Option<Box<ForkPoint>>,
}

pub(super) fn write_event(entry: &Entry) -> EventDocument {
    let Entry { row, recorded: Recorded { at, event } } = entry;
    let fields = EventFields::from(event.clone());
    EventDocument {
        row: *row,
        at: (*at).into(),
        kind: event.name().to_owned(),
        operation: fields.operation,
        name: fields.name.map(Cow::into_owned),
        input_hash: fields.input_hash.map(|hash| format!("{hash:016x}")),
        attempt: fields.attempt,
        child: fields.child,
        value: fields.value.as_ref().map(PayloadDocument::from),
        // Errors are JSON text.
        error: fields
            .error
            .map(|error| PayloadDocument::from(&Payload::from_json(error.0.as_bytes()))),
        retry_at: fields.retry_at.map(Time::from),
        heartbeat: fields.heartbeat.as_ref().map(PayloadDocument::from),
        until: fields.until.map(Time::from),
        silence: fields.silence,
        reason: fields.reason,
        setbacks: fields.setbacks,
        fork: fields.fork,
    }
}

/// `number` is the event's place in the document, from 0, for the message.
pub(super) fn read_event(number: usize, document: EventDocument) -> Result<Entry> {
    let (row, kind) = (document.row, document.kind.clone());
    read(document)
        .map(|recorded| Entry { row, recorded })
        .map_err(|why| unreadable(format!("event {} (`{kind}`): {}", number + 1, why.message())))
}

fn read(document: EventDocument) -> Result<Recorded> {
    let at = document.at.timestamp()?;
    let event = match document.kind.as_str() {
        "activity_completed" => Event::ActivityCompleted {
            step: document.step()?,
            attempt: document.attempt()?,
            output: document.value()?,
        },
        "activity_failed" => Event::ActivityFailed {
            step: document.step()?,
            attempt: document.attempt()?,
            error: document.error()?,
        },
        "activity_attempt_failed" => Event::ActivityAttemptFailed {
            step: document.step()?,
            attempt: document.attempt()?,
            error: document.error()?,
            retry_at: document.retry_at()?,
            heartbeat: document.heartbeat()?,
        },
        "activity_pending" => Event::ActivityPending {
            step: document.step()?,
            attempt: document.attempt()?,
            until: document.until.as_ref().ok_or_else(|| lacks("until"))?.timestamp()?,
            silence: document.silence,
            heartbeat: document.heartbeat()?,
        },
        "activity_heartbeat" => Event::ActivityHeartbeat {
            op: document.operation()?,
            attempt: document.attempt()?,
            details: document.value()?,
        },
        "activity_started" => Event::ActivityStarted {
            step: document.step()?,
            attempt: document.attempt()?,
            setbacks: document.setbacks()?,
        },
        "suspected" => Event::Suspected { setbacks: document.setbacks()? },
        "timer_fired" => Event::TimerFired { op: document.operation()? },
        "signal_received" => {
            Event::SignalReceived { name: document.name()?, payload: document.value()? }
        }
        "side_effect" => Event::SideEffect { op: document.operation()?, value: document.value()? },
        "value_refused" => {
            Event::ValueRefused { op: document.operation()?, error: document.error()? }
        }
        "cancel_requested" => Event::CancelRequested { reason: document.reason()? },
        "child_started" => Event::ChildStarted {
            step: document.step()?,
            run: document.child.ok_or_else(|| lacks("child"))?,
        },
        "child_cancel_requested" => Event::ChildCancelRequested { op: document.operation()? },
        "child_signal_sent" | "child_cancel_sent" => document.tells_a_child()?,
        "child_closed" if document.error.is_some() => {
            Event::ChildClosed { op: document.operation()?, result: Err(document.error()?) }
        }
        "child_closed" => {
            Event::ChildClosed { op: document.operation()?, result: Ok(document.value()?) }
        }
        "patched" => Event::Patched { id: document.name()? },
        "run_completed" => Event::RunCompleted,
        "run_failed" => Event::RunFailed { error: document.error()? },
        "run_terminated" => Event::RunTerminated { reason: document.reason()? },
        "run_started" => Event::RunStarted,
        "forked" => Event::Forked(document.fork.ok_or_else(|| lacks("fork"))?),
        other => document.scheduled_or_update(other)?,
    };
    Ok(Recorded { at, event })
}

impl EventDocument {
    /// An attempt that was queued; or an event of this kind about an update.
    fn scheduled_or_update(&self, kind: &str) -> Result<Event> {
        match kind {
            "activity_scheduled" => {
                Ok(Event::ActivityScheduled { step: self.step()?, attempt: self.attempt()? })
            }
            update => self.update(update),
        }
    }

    /// An event of this kind about an update.
    fn update(&self, kind: &str) -> Result<Event> {
        Ok(match kind {
            "update_received" => {
                Event::UpdateReceived { name: self.name()?, payload: self.value()? }
            }
            "update_taken" => {
                let (op, name, payload) = (self.operation()?, self.name()?, self.value()?);
                Event::UpdateTaken { op, name, payload }
            }
            "update_replied" if self.error.is_some() => {
                Event::UpdateReplied { id: self.name()?, result: Err(self.error()?) }
            }
            "update_replied" => {
                Event::UpdateReplied { id: self.name()?, result: Ok(self.value()?) }
            }
            _ => return Err(unknown_kind()),
        })
    }

    /// What a child was sent: a signal, or a request to cancel with its reason.
    fn tells_a_child(&self) -> Result<Event> {
        let op = self.operation()?;
        match &self.name {
            Some(name) => Ok(Event::ChildSignalSent { op, name: name.clone() }),
            None => Ok(Event::ChildCancelSent { op, reason: self.reason()? }),
        }
    }

    fn step(&self) -> Result<StepId> {
        let digits = self.input_hash.as_deref().ok_or_else(|| lacks("input_hash"))?;
        let input = u64::from_str_radix(digits, 16).map_err(Error::terminal)?;
        Ok(StepId { op: self.operation()?, name: self.name()?.into(), input })
    }

    fn operation(&self) -> Result<u32> {
        self.operation.ok_or_else(|| lacks("operation"))
    }

    fn setbacks(&self) -> Result<i16> {
        self.setbacks.ok_or_else(|| lacks("setbacks"))
    }

    fn name(&self) -> Result<String> {
        self.name.clone().ok_or_else(|| lacks("name"))
    }

    fn attempt(&self) -> Result<u32> {
        self.attempt.ok_or_else(|| lacks("attempt"))
    }

    fn reason(&self) -> Result<String> {
        self.reason.clone().ok_or_else(|| lacks("reason"))
    }

    fn retry_at(&self) -> Result<Timestamp> {
        self.retry_at.as_ref().ok_or_else(|| lacks("retry_at"))?.timestamp()
    }

    fn heartbeat(&self) -> Result<Option<Payload>> {
        self.heartbeat.as_ref().map(PayloadDocument::payload).transpose()
    }

    fn value(&self) -> Result<Payload> {
        self.value.as_ref().ok_or_else(|| lacks("value"))?.payload()
    }

    fn error(&self) -> Result<StoredError> {
        let payload = self.error.as_ref().ok_or_else(|| lacks("error"))?.payload()?;
        let text = String::from_utf8(payload.bytes().to_vec()).map_err(Error::terminal)?;
        Ok(StoredError(text))
    }
}

fn lacks(field: &str) -> Error {
    Error::terminal(format!("it has no `{field}`"))
}

fn unknown_kind() -> Error {
    Error::terminal(
        "this build does not know such an event; use a build at least as new as the one that \
         exported it",
    )
}
