//! What the events have, as fields of one kind for all of them.

use std::borrow::Cow;

use uuid::Uuid;

use super::{Event, ForkPoint, StepId, StoredError};
use crate::payload::Payload;
use crate::time::Timestamp;

/// What an event has; its kind says which.
#[derive(Debug, Default)]
pub(crate) struct EventFields {
    pub(crate) operation: Option<u32>,
    /// The activity's, signal's, update's or child's name; the id of a patch; the id of an update that is answered.
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) input_hash: Option<u64>,
    pub(crate) attempt: Option<u32>,
    pub(crate) child: Option<Uuid>,
    pub(crate) value: Option<Payload>,
    pub(crate) error: Option<StoredError>,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) heartbeat: Option<Payload>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) silence: Option<u64>,
    pub(crate) reason: Option<String>,
    pub(crate) setbacks: Option<i16>,
    pub(crate) fork: Option<Box<ForkPoint>>,
}

impl From<Event> for EventFields {
    fn from(event: Event) -> Self {
        let none = Self::default();
        match event {
            Event::ActivityCompleted { step, attempt, output } => {
                Self { attempt: Some(attempt), value: Some(output), ..step.into() }
            }
            Event::ActivityFailed { step, attempt, error } => {
                Self { attempt: Some(attempt), error: Some(error), ..step.into() }
            }
            Event::ActivityAttemptFailed { step, attempt, error, retry_at, heartbeat } => {
                let (attempt, error, retry_at) = (Some(attempt), Some(error), Some(retry_at));
                Self { attempt, error, retry_at, heartbeat, ..step.into() }
            }
            Event::ActivityStarted { step, attempt, setbacks } => {
                Self { attempt: Some(attempt), setbacks: Some(setbacks), ..step.into() }
            }
            Event::Suspected { setbacks } => Self { setbacks: Some(setbacks), ..none },
            Event::ActivityPending { step, attempt, until, silence, heartbeat } => {
                let (attempt, until) = (Some(attempt), Some(until));
                Self { attempt, until, silence, heartbeat, ..step.into() }
            }
            Event::ActivityScheduled { step, attempt } => {
                Self { attempt: Some(attempt), ..step.into() }
            }
            Event::ActivityHeartbeat { op, attempt, details } => {
                let (operation, attempt) = (Some(op), Some(attempt));
                Self { operation, attempt, value: Some(details), ..none }
            }
            Event::ChildStarted { step, run } => Self { child: Some(run), ..step.into() },
            Event::TimerFired { op } | Event::ChildCancelRequested { op } => {
                Self { operation: Some(op), ..none }
            }
            Event::SideEffect { op, value } | Event::ChildClosed { op, result: Ok(value) } => {
                Self { operation: Some(op), value: Some(value), ..none }
            }
            Event::ValueRefused { op, error } | Event::ChildClosed { op, result: Err(error) } => {
                Self { operation: Some(op), error: Some(error), ..none }
            }
            Event::SignalReceived { name, payload } | Event::UpdateReceived { name, payload } => {
                Self { name: Some(name.into()), value: Some(payload), ..none }
            }
            Event::UpdateTaken { op, name, payload } => {
                let (operation, name) = (Some(op), Some(name.into()));
                Self { operation, name, value: Some(payload), ..none }
            }
            Event::UpdateReplied { id, result } => {
                let (value, error) = match result {
                    Ok(value) => (Some(value), None),
                    Err(error) => (None, Some(error)),
                };
                Self { name: Some(id.into()), value, error, ..none }
            }
            Event::ChildSignalSent { op, name } => {
                Self { operation: Some(op), name: Some(name.into()), ..none }
            }
            Event::ChildCancelSent { op, reason } => {
                Self { operation: Some(op), reason: Some(reason), ..none }
            }
            Event::RunFailed { error } => Self { error: Some(error), ..none },
            Event::CancelRequested { reason } | Event::RunTerminated { reason } => {
                Self { reason: Some(reason), ..none }
            }
            Event::Patched { id } => Self { name: Some(id.into()), ..none },
            Event::Forked(fork) => Self { fork: Some(fork), ..none },
            Event::RunCompleted | Event::RunStarted => none,
        }
    }
}

impl From<StepId> for EventFields {
    fn from(StepId { op, name, input }: StepId) -> Self {
        let (operation, name, input_hash) = (Some(op), Some(name), Some(input));
        Self { operation, name, input_hash, ..Self::default() }
    }
}
