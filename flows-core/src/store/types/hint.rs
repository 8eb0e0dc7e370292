//! What processes tell each other.

use uuid::Uuid;

use crate::ids::RunKey;

/// A hint that something changed; hints may be lost, late or doubled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Runs became ready in these shards.
    Ready(Vec<i16>),
    /// Messages were sent to these runs, which nobody owns: unless they are stuck or not due yet, they
    /// became ready. Other processes hear of their shards.
    Woken(Vec<RunKey>),
    /// Messages have come to a worker's runs.
    Messages(Uuid),
    /// These runs ended, or updates with these [tokens](super::update_token) were answered.
    Closed(Vec<Uuid>),
    /// These runs have published items; without a run, any may have.
    Published(Vec<Uuid>),
    /// These runs were ended from outside: whoever holds them lets go.
    Terminated(Vec<RunKey>),
    /// Attempts of activities wait in these lanes.
    Tasks(Vec<i64>),
    /// Nobody waits any more for an attempt that this worker runs for another one's run.
    Withdrawn(Uuid),
    /// Hints may have been lost: look.
    Unsure,
}
