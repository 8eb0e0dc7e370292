//! A run's journal as people read it.

use std::borrow::Cow;
use std::time::SystemTime;

use super::export::{self, rows_of};
use crate::error::{Error, Result};
use crate::journal::{EventFields, Recorded};
use crate::payload::Payload;
use crate::store::{HistoryRow, RunView};

/// One event of a run.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct HistoryEvent {
    /// Its number in the history, from 0: [`fork`](super::Tenant::fork) takes it.
    pub index: usize,
    /// Its journal row, from 0; events of one row were committed together. A run that completed in its
    /// first turn may have no journal row: its events have position 0.
    pub position: i32,
    /// When it happened, by the database's clock.
    pub at: SystemTime,
    /// What happened: `activity_completed`, `timer_fired`, `signal_received`, …
    pub kind: &'static str,
    /// The operation's number within the run.
    pub operation: Option<u32>,
    /// The activity's, signal's, update's or child's name; the id of a patch; the id of an update that is answered;
    /// the run that this one was forked from.
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
    let events = events.into_iter().enumerate();
    Ok(events.map(|(index, entry)| event(index, entry.row, entry.recorded)).collect())
}

fn event(index: usize, position: i32, Recorded { at, event }: Recorded) -> HistoryEvent {
    let kind = event.name();
    let fields = EventFields::from(event);
    HistoryEvent {
        index,
        position,
        at: at.into(),
        kind,
        operation: fields.operation,
        name: fields
            .name
            .map(Cow::into_owned)
            .or(fields.reason)
            .or(fields.fork.map(|fork| fork.from.to_string())),
        attempt: fields.attempt,
        value: fields.value,
        error: fields.error.as_ref().map(Error::from),
    }
}
