//! What goes into a run and comes out of it.

use std::time::Duration;

use uuid::Uuid;

use crate::completion::AttemptEnd;
use crate::error::Error;
use crate::journal::{Event, Recorded};
use crate::payload::Payload;
use crate::replay::{ActivityStart, Turn};
use crate::store::{Activation, Outcome, Page, Record, TaskEnd, TransactionOutcome};
use crate::time::Timestamp;

/// What reaches a run.
pub(crate) enum Input<M> {
    /// Messages were collected; so many were sent to it since its worker owns it.
    Collected { sent: i64, page: Page },
    /// The next page of its inbox was read.
    Page(Page),
    /// Its code has been run.
    Returned(CodeReturned<M>),
    /// An attempt of an activity has ended: what the run takes in, if it waits for that still, and what
    /// became of the attempt's transaction.
    AttemptEnded { op: u32, event: Option<Event>, transaction: TransactionOutcome },
    /// What follows, by the policy of the activity, from the message that ended an attempt outside.
    Settled { event: Event, message: i64 },
    /// A transactional activity has its result and wants it recorded.
    ResultReady(ResultRequest),
    /// The activity was stopped before it could use the record that it was granted.
    GrantUnused,
    /// A timer is due.
    TimerDue(u32),
    /// Its record is durable. `parked`: what was to be parked is.
    Committed { parked: bool },
    /// Its record was not kept: somebody's open transaction holds the run, or one that it sends a message to.
    Held(Box<Record>),
    /// The store does not take what its record contains.
    Refused(String),
    /// It is unknown whether its record is durable.
    Unsure(Box<Record>),
    /// Somebody else has gone on with it, or has ended it.
    Lost,
    /// It was read again: this is stored.
    Reloaded(Box<Activation>),
    /// What was held, or not parked, is tried again.
    TryAgain,
    /// It has waited in memory for long enough, since [`Effect::Idle`] said this number.
    Overstayed(u32),
    /// Its code does not give its thread back.
    GivenUp(String),
    /// It cannot go on in this build.
    Stuck(String),
    /// The run is paused: the worker lets go of it when what already runs of it has ended.
    LetGo,
    /// The worker lets go of every run as soon as it can be ([`Rules::is_draining`]).
    Drain,
    /// It is not this worker's any more.
    Gone,
}

/// What came of a call.
pub(crate) struct CodeReturned<M> {
    /// None when the run is stuck.
    pub(crate) machine: Option<M>,
    /// What the code wants; or why it is stuck.
    pub(crate) turn: Result<Turn, String>,
    /// Why the worker does not accept this turn, if it does not.
    pub(crate) refusal: Option<String>,
    /// Failures of attempts that may have been under way when the last worker ended.
    pub(crate) failed: Vec<Event>,
    /// For the run that goes on in place of one that has failed.
    pub(crate) fresh: Option<Fresh>,
}

/// What a successor needs of chance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fresh {
    /// Its run id.
    pub(crate) run: Uuid,
    /// Between 0 and 1: its share of the jitter.
    pub(crate) share: f64,
}

/// A result that an activity commits in its own transaction.
#[cfg_attr(test, derive(Clone, Debug))]
pub(crate) struct ResultRequest {
    /// Tells it from others.
    pub(crate) ticket: u64,
    pub(crate) op: u32,
    pub(crate) attempt: u32,
    pub(crate) output: Payload,
}

/// What is to be done for a run.
#[derive(Debug)]
pub(crate) enum Effect<M> {
    /// It has something to take in: ask for [`next_call`](super::Run::next_call).
    Work,
    /// It has something to write: ask for [`next_record`](super::Run::next_record).
    Commit,
    /// The same, apart from the records of others: it was held.
    CommitApart,
    /// Its inbox is to be read on, behind this message.
    ReadOn(i64),
    /// It only waits. After a while, [`Input::Overstayed`] is to say this number.
    Idle(u32),
    /// An attempt starts.
    Launch(ActivityStart),
    /// An attempt has ended outside of its worker, with this result, by this message: [`Input::Settled`] is to
    /// come.
    Settle { start: Box<ActivityStart>, end: AttemptEnd, message: i64 },
    /// An attempt for a worker of another queue ends, if none has claimed it.
    EndQueued(Box<TaskEnd>),
    /// An attempt is to stop.
    Stop(u32),
    /// All attempts are to stop, and no result is granted any more.
    StopAll,
    /// At that time, [`Input::TimerDue`] is to come.
    SetTimer(u32, Timestamp),
    /// It is not to come any more.
    ClearTimer(u32, Timestamp),
    /// A result may be committed, with this record.
    Grant { ticket: u64, record: Box<Record> },
    /// A result may not be committed; without an error, nobody waits for it.
    Deny { ticket: u64, error: Option<Error> },
    /// Code that goes no further. It has user values, whose destructors are user code.
    Discard(M),
    /// It cannot go on in this build; this is why.
    Stuck(String),
    /// It has ended, durably.
    Ended(Box<Outcome>),
    /// Somebody else has gone on with it, so it was dropped here.
    Lost,
    /// It is to be read again.
    Reload,
    /// It starts over from what is stored.
    Replace(Box<Activation>),
    /// Parking was refused: messages are to be collected.
    Collect,
    /// [`Input::TryAgain`] is to come after a pause.
    TryLater,
    /// It is out of memory.
    Evicted,
}

/// What the code is called with.
pub(crate) enum CodeCall<M> {
    /// The code is begun, and replays this journal.
    Begin { run: Box<Activation>, journal: Vec<Recorded>, started_at: Timestamp },
    /// An event moves it.
    Apply(M, Recorded),
}

/// What a worker lays down for its runs.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// The largest payload in bytes.
    pub(crate) payload_limit: usize,
    /// How long a waiting run stays in memory.
    pub(crate) resident_for: Duration,
    /// After how long a stuck run is tried again.
    pub(crate) retry_stuck: Duration,
    /// After how many setbacks in a row a run is not tried any more.
    pub(crate) max_setbacks: u16,
    /// Whether the worker lets go of its runs.
    pub(crate) is_draining: bool,
    /// How many attempts could begin at once, as far as is known.
    pub(crate) free_slots: usize,
}

/// One step of a run: when, under which rules, and what comes of it.
pub(crate) struct RunStep<'a, M> {
    pub(crate) now: Timestamp,
    pub(crate) rules: &'a Rules,
    pub(crate) effects: &'a mut Vec<Effect<M>>,
    /// How many attempts it has launched.
    pub(crate) launched: usize,
}

impl<M> RunStep<'_, M> {
    pub(super) fn push(&mut self, effect: Effect<M>) {
        self.effects.push(effect);
    }
}
