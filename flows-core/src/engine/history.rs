//! A run's journal as people read it.

use std::time::SystemTime;

use super::export::{self, rows_of};
use crate::error::{Error, Result};
use crate::journal::{Event, Recorded, StepId};
use crate::payload::Payload;
use crate::store::{HistoryRow, RunView};

/// One event of a run.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct HistoryEvent {
    /// The journal row it stands in, from 0; events of one row were committed together. A run that
    /// has completed in its first turn may have no row: what its own row tells then stands at 0.
    pub position: i32,
    /// When it happened, by the database's clock.
    pub at: SystemTime,
    /// What happened: `activity_completed`, `timer_fired`, `signal_received`, …
    pub kind: &'static str,
    /// The operation's number within the run.
    pub operation: Option<u32>,
    /// The activity's, signal's or child's name; the id of a patch.
    pub name: Option<String>,
    /// The attempt of an activity, from 1.
    pub attempt: Option<u32>,
    /// The value it carries, as JSON where it was written as JSON.
    pub value: Option<Payload>,
    /// The error it carries.
    pub error: Option<Error>,
}

pub(super) fn decode(view: &RunView, rows: &[HistoryRow]) -> Result<Vec<HistoryEvent>> {
    let events = export::decode(rows_of(rows), view.status, view.created_at, view.closed_at)?;
    Ok(events.into_iter().map(|entry| event(entry.row, entry.recorded)).collect())
}

fn event(position: i32, recorded: Recorded) -> HistoryEvent {
    let blank = HistoryEvent {
        position,
        at: recorded.at.into(),
        kind: recorded.event.name(),
        operation: None,
        name: None,
        attempt: None,
        value: None,
        error: None,
    };
    match recorded.event {
        Event::ActivityCompleted { step, attempt, output } => {
            HistoryEvent { attempt: Some(attempt), value: Some(output), ..of_step(blank, step) }
        }
        Event::ActivityFailed { step, attempt, error }
        | Event::ActivityAttemptFailed { step, attempt, error, .. } => HistoryEvent {
            attempt: Some(attempt),
            error: Some((&error).into()),
            ..of_step(blank, step)
        },
        Event::ActivityStarted { step, attempt, .. } => {
            HistoryEvent { attempt: Some(attempt), ..of_step(blank, step) }
        }
        Event::ChildStarted { step, .. } => of_step(blank, step),
        Event::TimerFired { op } | Event::ChildCancelRequested { op } => {
            HistoryEvent { operation: Some(op), ..blank }
        }
        Event::SideEffect { op, value } => {
            HistoryEvent { operation: Some(op), value: Some(value), ..blank }
        }
        Event::SignalReceived { name, payload } => {
            HistoryEvent { name: Some(name), value: Some(payload), ..blank }
        }
        Event::ChildClosed { op, result: Ok(output) } => {
            HistoryEvent { operation: Some(op), value: Some(output), ..blank }
        }
        Event::ValueRefused { op, error } | Event::ChildClosed { op, result: Err(error) } => {
            HistoryEvent { operation: Some(op), error: Some((&error).into()), ..blank }
        }
        Event::RunFailed { error } => HistoryEvent { error: Some((&error).into()), ..blank },
        Event::CancelRequested { reason } | Event::RunTerminated { reason } => {
            HistoryEvent { name: Some(reason), ..blank }
        }
        Event::Patched { id } => HistoryEvent { name: Some(id), ..blank },
        Event::RunCompleted | Event::RunStarted => blank,
    }
}

fn of_step(event: HistoryEvent, step: StepId) -> HistoryEvent {
    HistoryEvent { operation: Some(step.op), name: Some(step.name.into_owned()), ..event }
}
