//! What a schedule does while a run of it is open.

use serde::{Deserialize, Serialize};

/// What happens at a time of a schedule while the run that it started last is open. A run is open until it ends,
/// with its retries and what it continues as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Overlap {
    /// No run is started for that time.
    #[default]
    Skip,
    /// The time waits until the open run has ended; while one waits, later ones are skipped.
    BufferOne,
    /// Every time waits its turn, up to 1,000; then times are skipped.
    BufferAll,
    /// The open run is asked to cancel, and the new one starts when it has ended. Of times that wait, the last one
    /// counts.
    CancelOther,
    /// The open run is terminated, and the new one starts.
    TerminateOther,
    /// The new run starts too.
    AllowAll,
}
