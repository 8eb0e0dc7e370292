//! The journal: what happened to a run, in order, and how it is written.
//!
//! Only what cannot be computed again is an [`Event`]. One row holds the events of one turn or of
//! several, behind a version byte. Decoding never panics, whatever the bytes.

mod event;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

pub use event::{Event, StepId, StoredError};

/// An event and when it happened, by the store's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// When it happened; never before the event in front of it.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// The version of the envelope this build writes. It reads this one and all before it.
const VERSION: u8 = 1;

/// Writes one row.
pub fn encode(events: &[Recorded]) -> Result<Vec<u8>> {
    let mut row = RowBuilder::default();
    for event in events {
        row.push(event)?;
    }
    Ok(row.into_bytes())
}

/// A row that grows event by event, so that the events themselves can go on to the machine.
#[derive(Debug, Default)]
pub struct RowBuilder {
    count: usize,
    events: Vec<u8>,
}

impl RowBuilder {
    /// Adds an event.
    pub fn push(&mut self, event: &Recorded) -> Result<()> {
        self.events = postcard::to_extend(event, std::mem::take(&mut self.events))
            .map_err(|e| unwritable(&e))?;
        self.count += 1;
        Ok(())
    }

    /// Puts an event in front of all others.
    pub fn put_first(&mut self, event: &Recorded) -> Result<()> {
        let mut row = Self::default();
        row.push(event)?;
        row.append(std::mem::take(self));
        *self = row;
        Ok(())
    }

    /// Adds the events of another row behind its own.
    pub fn append(&mut self, mut row: Self) {
        if self.is_empty() {
            *self = row;
        } else {
            self.events.append(&mut row.events);
            self.count += row.count;
        }
    }

    /// Whether it has no events.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The row's bytes; none when it has no events.
    pub fn into_bytes(self) -> Vec<u8> {
        if self.count == 0 {
            return Vec::new();
        }
        // A sequence in postcard is its length as a varint, and then its elements.
        let mut row = Vec::with_capacity(self.events.len() + 4);
        row.push(VERSION);
        let mut length = self.count;
        while length >= 0x80 {
            row.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        row.push(length as u8);
        row.extend_from_slice(&self.events);
        row
    }
}

fn unwritable(cause: &postcard::Error) -> Error {
    Error::new(ErrorKind::Codec, format!("cannot encode a journal row: {cause}"))
}

/// Reads one row; `position` is for the message.
pub fn decode(position: usize, row: &[u8]) -> Result<Vec<Recorded>> {
    let unreadable = |why: String| {
        Error::new(ErrorKind::Codec, format!("journal row {position} cannot be read: {why}"))
    };
    match row.split_first() {
        None => Err(unreadable("it is empty".into())),
        Some((&VERSION, events)) => {
            postcard::from_bytes(events).map_err(|e| unreadable(e.to_string()))
        }
        Some((&version, _)) => Err(unreadable(format!(
            "it has format {version} and this build knows up to {VERSION}; \
             deploy a build at least as new as the one that wrote it"
        ))),
    }
}

/// The events of a completed run without a journal: it ended in its first turn, and its row says
/// everything else.
pub(crate) fn untold(started_at: Timestamp, closed_at: Timestamp) -> [Recorded; 2] {
    [
        Recorded { at: started_at, event: Event::RunStarted },
        Recorded { at: closed_at, event: Event::RunCompleted },
    ]
}

/// The row that [`Store::terminate`](crate::store::Store::terminate) appends.
pub fn terminated(at: Timestamp, reason: &str) -> Result<Vec<u8>> {
    encode(&[Recorded { at, event: Event::RunTerminated { reason: reason.into() } }])
}
