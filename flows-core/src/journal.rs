//! The journal: what happened to a run, in order, and how it is written.
//!
//! Only what cannot be computed again is an [`Event`]. One row holds the events of one turn or of
//! several, behind a version byte. Decoding never panics, whatever the bytes.

mod event;
mod fields;
mod fork;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::payload::envelope::unread;
use crate::time::Timestamp;

pub use event::{Event, StepId, StoredError};
pub(crate) use fields::EventFields;
pub use fork::ForkPoint;

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
#[derive(Debug, Default, Clone)]
pub struct RowBuilder {
    count: usize,
    /// The version, room for a short count, and the events; or nothing.
    bytes: Vec<u8>,
}

/// The version byte, and the number of events where it takes one byte.
const HEAD: usize = 2;
/// What most rows take: they grow once.
const USUAL: usize = 128;

impl RowBuilder {
    /// Adds an event.
    pub fn push(&mut self, event: &Recorded) -> Result<()> {
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.is_empty() {
            bytes.reserve_exact(USUAL);
            bytes.extend([VERSION, 0]);
        }
        let count = std::mem::take(&mut self.count); // a row that cannot be written is none
        self.bytes =
            postcard::serialize_with_flavor(event, Growing(bytes)).map_err(|e| unwritable(&e))?;
        self.count = count + 1;
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
    pub fn append(&mut self, row: Self) {
        if self.is_empty() {
            *self = row;
        } else {
            self.bytes.extend_from_slice(row.bytes.get(HEAD..).unwrap_or_default());
            self.count += row.count;
        }
    }

    /// Its size in bytes, as far as it has events.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has no events.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The row's bytes; none when it has no events.
    pub fn into_bytes(mut self) -> Vec<u8> {
        // A sequence in postcard is its length as a varint, and then its elements.
        let (mut length, mut count) = (self.count, Vec::new());
        while length >= 0x80 {
            count.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        match (count.is_empty(), self.bytes.get_mut(1)) {
            (true, Some(place)) => *place = length as u8,
            (true, None) => {}
            (false, _) => {
                count.push(length as u8);
                self.bytes.splice(1..HEAD, count);
            }
        }
        self.bytes
    }
}

/// The bytes of a row as postcard adds to them: byte strings as a whole.
struct Growing(Vec<u8>);

impl postcard::ser_flavors::Flavor for Growing {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
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
        Some((&version, _)) => Err(unreadable(match unread(row) {
            Some(encoded) => encoded.message().to_string(),
            None => format!(
                "it has format {version} and this build knows up to {VERSION}; \
                 deploy a build at least as new as the one that wrote it"
            ),
        })),
    }
}

/// The events of a completed run without a journal: it ended in its first turn, and its row says
/// everything else.
pub(crate) fn elided(started_at: Timestamp, closed_at: Timestamp) -> [Recorded; 2] {
    [
        Recorded { at: started_at, event: Event::RunStarted },
        Recorded { at: closed_at, event: Event::RunCompleted },
    ]
}

/// The row that [`ClientStore::terminate`](crate::store::ClientStore::terminate) appends.
pub fn terminated(at: Timestamp, reason: &str) -> Result<Vec<u8>> {
    encode(&[Recorded { at, event: Event::RunTerminated { reason: reason.into() } }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(op: u32) -> Recorded {
        Recorded { at: Timestamp(7), event: Event::TimerFired { op } }
    }

    #[test]
    fn a_row_is_a_version_and_a_list() {
        for count in [1, 2, 127, 128, 129, 20_000] {
            let events = (0..count).map(fired).collect::<Vec<_>>();
            let row = encode(&events).unwrap();
            assert_eq!(row[0], VERSION);
            assert_eq!(row[1..], postcard::to_allocvec(&events).unwrap(), "{count} events");
            assert_eq!(decode(0, &row).unwrap(), events);
        }
        assert!(encode(&[]).unwrap().is_empty());
    }

    #[test]
    fn rows_are_put_together_in_order() {
        let row_of = |ops: &[u32]| {
            let mut row = RowBuilder::default();
            ops.iter().for_each(|op| row.push(&fired(*op)).unwrap());
            row
        };
        let mut row = row_of(&[]);
        row.append(row_of(&[1, 2]));
        row.append(row_of(&[]));
        row.append(row_of(&[3]));
        row.put_first(&fired(0)).unwrap();
        let read = decode(0, &row.into_bytes()).unwrap();
        assert_eq!(read, [fired(0), fired(1), fired(2), fired(3)]);
    }
}
