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
    let mut row = Vec::with_capacity(64 * events.len() + 2);
    row.push(VERSION);
    postcard::to_extend(events, row)
        .map_err(|e| Error::new(ErrorKind::Codec, format!("cannot encode a journal row: {e}")))
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

/// The row that [`Store::terminate`](crate::store::Store::terminate) appends.
pub fn terminated(at: Timestamp, reason: &str) -> Result<Vec<u8>> {
    encode(&[Recorded { at, event: Event::RunTerminated { reason: reason.into() } }])
}
