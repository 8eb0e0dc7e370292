//! What one poll of a workflow asks for.

use std::fmt;
use std::sync::Arc;

use super::place::Place;
use super::task::{ActivityTask, ChildTask, PendingAttempt};
use crate::attribute::AttributeValue;
use crate::error::Result;
use crate::journal::{Recorded, StoredError};
use crate::payload::Payload;
use crate::time::Timestamp;

/// The result of one poll, or of a whole replay.
#[derive(Debug, Default)]
pub struct Turn {
    /// What to do, in the order the workflow asked for it.
    pub commands: Vec<Command>,
    /// Events this poll made: they belong into the journal behind the event that caused it.
    pub marks: Vec<Recorded>,
    /// The workflow's own result, once it has one.
    pub outcome: Option<Result<Payload>>,
    /// Differences from the journal that do not stop the run.
    pub warnings: Vec<ChangedInput>,
    /// Calls that the code has made and dropped, and that nobody has awaited: mistakes, mostly.
    pub forgotten: Vec<String>,
    /// The event was an update, and the workflow has refused it: it counts as if it had never come.
    pub refused: Option<Box<RefusedUpdate>>,
}

/// An update that a workflow has refused to accept.
#[derive(Debug, Clone)]
pub struct RefusedUpdate {
    /// The update's id.
    pub id: String,
    /// What its sender is told.
    pub error: StoredError,
}

/// An operation whose input is another one than the journal has for it. `Display` says it in one line.
#[derive(Debug, Clone)]
pub struct ChangedInput {
    /// Activity or child workflow.
    pub kind: &'static str,
    /// The definition's name.
    pub name: String,
    /// The operation's number.
    pub op: u32,
    /// The child's run id.
    pub child: Option<uuid::Uuid>,
    /// What the code calls it with now; of the journal's there is only a hash.
    pub input: Payload,
    /// Where it is called.
    pub(crate) site: Place,
}

impl fmt::Display for ChangedInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, op, site, .. } = self;
        write!(
            f,
            "{kind} `{name}` (#{op}) at {}:{} is called with another input than the journal has for it; \
             its recorded result is used",
            site.file(),
            site.line()
        )
    }
}

/// Something the workflow wants from the world.
#[derive(Debug, Clone)]
pub enum Command {
    /// Run an attempt of an activity, once everything before it is durable.
    RunActivity(ActivityStart),
    /// The workflow does not wait for this activity any more.
    CancelActivity(u32),
    /// Nor for this one, which may be at the workers of a queue.
    WithdrawActivity(u32),
    /// The activity is to end, by itself or as cancelled: the workflow waits for that.
    StopActivity {
        /// Which.
        task: Arc<ActivityTask>,
        /// The attempt that is open, from 1.
        attempt: u32,
    },
    /// Report when it is `due`.
    StartTimer {
        /// The operation.
        op: u32,
        /// When it fires, at the earliest.
        due: Timestamp,
    },
    /// The workflow does not wait for this timer any more.
    CancelTimer(u32),
    /// Start a child in the same commit.
    StartChild(Arc<ChildTask>),
    /// Ask a child to cancel, in the same commit: the workflow does not wait for it any more.
    CancelChild {
        /// The child's run id.
        run: uuid::Uuid,
        /// What the child is told.
        reason: String,
    },
    /// Signal a child, in the same commit.
    SignalChild {
        /// The child's run id.
        run: uuid::Uuid,
        /// The signal's name.
        name: String,
        /// Its content.
        payload: Payload,
    },
    /// Publish a value for queries, with what is written next.
    SetQuery {
        /// Its name.
        name: String,
        /// JSON.
        value: String,
    },
    /// Add an item to the run's stream, in the commit of the event that this turn was caused by, or the next one.
    Publish {
        /// See [`NewItem::number`](crate::store::NewItem::number).
        number: i64,
        /// JSON.
        item: String,
    },
    /// Set a search attribute, with what is written next.
    SetAttribute {
        /// Its name.
        name: String,
        /// Its value.
        value: AttributeValue,
    },
    /// A message that was [offered](super::Code::offer) leaves the inbox, in the same commit as the mark of it.
    Consume(i64),
    /// A message that was offered is refused: it leaves the inbox, and its sender is told why.
    Refuse {
        /// The message.
        seq: i64,
        /// The update.
        refused: Box<RefusedUpdate>,
    },
}

impl Command {
    /// Whether it is for others to read.
    pub(crate) fn publishes(&self) -> bool {
        matches!(self, Self::SetQuery { .. } | Self::SetAttribute { .. } | Self::Publish { .. })
    }

    /// Whether it is obeyed once, in the commit of the mark that says so.
    pub(crate) fn goes_with_a_mark(&self) -> bool {
        matches!(
            self,
            Self::StartChild(_)
                | Self::CancelChild { .. }
                | Self::SignalChild { .. }
                | Self::Consume(_)
        )
    }
}

/// One attempt of an activity.
#[derive(Debug, Clone)]
pub struct ActivityStart {
    /// Which activity, with what.
    pub task: Arc<ActivityTask>,
    /// Attempt, from 1.
    pub attempt: u32,
    /// Not before this.
    pub not_before: Option<Timestamp>,
    /// Details of the previous attempt's last heartbeat.
    pub heartbeat: Option<Payload>,
    /// The run's setbacks when the journal noted its start, if it has.
    pub started: Option<i16>,
    /// It has begun, and ends outside of its worker.
    pub pending: Option<Box<PendingAttempt>>,
    /// It waits for a worker of its queue already.
    pub scheduled: bool,
}
