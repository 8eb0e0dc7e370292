//! What reaches an executor.

use super::job::Done;
use crate::context::RecordRequest;
use crate::error::Error;
use crate::ids::RunKey;
use crate::payload::Payload;
use crate::store::{Activation, Collected, Page, TransactionOutcome};

use super::budget::Loaded;

pub(crate) enum Message {
    /// Runs were claimed.
    Claimed(Vec<Loaded>),
    /// Runs are about to be started as ours.
    Expect(Vec<RunKey>),
    /// They were started, and are owned.
    Started(Vec<Activation>),
    /// They were not, or are not ours.
    Refused(Vec<RunKey>),
    /// OutgoingMessage was collected.
    Collected(Vec<Collected>),
    /// A run's inbox was read on.
    Page {
        /// The run.
        key: RunKey,
        /// Which residency of it has asked.
        residency: u64,
        /// What was read.
        page: Page,
    },
    /// An attempt of an activity has ended.
    Attempted(Attempted),
    /// A transactional activity has its result and wants it recorded.
    ResultReady(ResultReady),
    /// Runs were read again; those missing are not ours any more.
    Reloaded {
        /// The runs that were asked for.
        asked: Vec<RunKey>,
        /// Those that are still ours.
        found: Vec<Loaded>,
    },
    /// User code that had blocked its thread has given it back.
    Done(Box<Done>),
    /// User code has held its thread for so long that nobody waits for it any more.
    Blocked {
        /// The run.
        key: RunKey,
        /// Which residency of it.
        residency: u64,
        /// The last durable call that it has made.
        after: Option<String>,
    },
    /// A run was ended from outside.
    Terminated(RunKey),
    /// Something else is paused than before: let go of what is.
    Paused,
    /// Park waiting runs, the longest waiting first, until so many slots are free.
    MakeRoom(usize),
    /// Start nothing more; let go of every run as soon as it can be.
    Drain,
    /// The session is over: look at the hand-off, which says so.
    Stop,
}

/// The end of an attempt.
pub(crate) struct Attempted {
    pub(crate) key: RunKey,
    /// Which residency of the run it belongs to.
    pub(crate) residency: u64,
    pub(crate) op: u32,
    pub(crate) attempt: u32,
    pub(crate) result: Result<Payload, Error>,
    /// Details of the last heartbeat.
    pub(crate) heartbeat: Option<Payload>,
    /// What became of its transaction, if it has one.
    pub(crate) transaction: TransactionOutcome,
}

/// A result that goes into the activity's own transaction.
pub(crate) struct ResultReady {
    pub(crate) key: RunKey,
    /// Which residency of the run it belongs to.
    pub(crate) residency: u64,
    pub(crate) op: u32,
    pub(crate) attempt: u32,
    pub(crate) request: RecordRequest,
}
