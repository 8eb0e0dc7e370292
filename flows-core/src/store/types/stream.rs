//! Progress streams: items that runs publish, in the order in which they were written.

use uuid::Uuid;

use super::run::RunStatus;

/// How many items of a run are kept, the newest.
pub const STREAM_ITEMS: i64 = 10_000;
/// How many bytes of JSON of a run's items are kept, of the newest.
pub const STREAM_BYTES: i64 = 16 << 20;
/// How many items are read at once.
pub const STREAM_PAGE: usize = 128;

/// An item that a run's stream gets, behind those that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// Of the workflow's own items: a number that grows, the same whenever the run is replayed. One that is
    /// not above the last that was written has been written before, and is not written again. Activities
    /// have no numbers: whatever they publish is written, while the run is open.
    pub number: Option<i64>,
    /// JSON.
    pub item: String,
}

/// An item of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem {
    /// Its position: it grows within the run, and may have gaps.
    pub position: i64,
    /// JSON.
    pub item: String,
}

/// Items of a run, and how the run was when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPage {
    /// At most [`STREAM_PAGE`], in order.
    pub items: Vec<StoredItem>,
    /// Its status. Of a run that has ended, everything that its workflow has published was there.
    pub status: RunStatus,
    /// The run that goes on in its place.
    pub successor: Option<Uuid>,
}
