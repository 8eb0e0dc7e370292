//! What a store is given, and what it answers: plain data. Nothing here reads, writes or waits, so that
//! pure code may use it.

mod fork;
mod hint;
mod lease;
mod listing;
mod message;
mod pause;
mod record;
mod run;
mod scan;
mod schedule;
mod spec;
mod stream;
mod task;
mod view;

pub use crate::attribute::{AttributeFilter, AttributeValue, Attributes};
pub use crate::policy::{CloseChildren, ClosePolicy, ConflictPolicy};
pub use fork::{ForkedRun, Origin, Takes};
pub use hint::Hint;
pub use lease::{Claim, ClaimStuck, Lease, Overdue, Polled, WorkerIdentity};
pub use listing::{ListCursor, ListFilter, Listed, PAGE_BYTES};
pub use message::{
    Collected, INBOX_BYTES, InboxMessage, MessageKind, OutgoingMessage, PAGE_MESSAGES, Page, Sent,
};
pub use pause::{NewPause, PauseRow, PauseScope};
pub(crate) use record::setbacks_after;
pub use record::{
    Activation, CONVICTED, Close, Committed, Next, Park, QueryValue, Record, SUSPECT,
    TransactionOutcome, UpdateAnswer, UpdateState, update_token,
};
pub use run::{NewRun, RunStatus, Started};
pub use scan::{Scan, ScanKind, Scanned};
pub use schedule::{ScheduleChange, ScheduleRow, schedule_template};
pub use spec::{Parent, RareOptions, RunSpec};
pub use stream::{ItemPage, NewItem, STREAM_BYTES, STREAM_ITEMS, STREAM_PAGE, StoredItem};
pub use task::{ClaimTasks, ClaimedTask, QueuedTask, TaskBeat, TaskEnd};
pub use view::{DeadLetterRow, HistoryRow, Outcome, Placement, RunView};

/// The most bytes of one journal row, one message, one input or one output: a store refuses a record
/// with something larger.
pub const LARGEST: usize = 128 << 20;

/// How long a schedule that is due belongs to the worker that has claimed it.
pub const CLAIMED_FOR: std::time::Duration = std::time::Duration::from_secs(10);

/// The most bytes of journals and inboxes that are read together.
pub const READ_BYTES: usize = 32 << 20;
