//! Turns on their way into the store, and runs on their way out of it.

use std::sync::Arc;

use super::LARGEST;
use super::message::{InboxMessage, OutgoingMessage};
use super::run::{NewRun, RunStatus};
use super::spec::RunSpec;
use super::stream::NewItem;
use super::task::QueuedTask;
use super::view::Outcome;
use crate::attribute::AttributeValue;
use crate::ids::{RunKey, fnv1a};
use crate::policy::CloseChildren;
use crate::time::Timestamp;

/// One run's share of a batch.
#[derive(Debug, Clone)]
pub struct Record {
    /// The run.
    pub key: RunKey,
    /// The position of its journal row: the fence. From 0, without gaps.
    pub position: i32,
    /// The journal row, an encoded list of events. Empty: no row (only parking, going stuck, or the
    /// end of a run in its only turn; see [`Activation::is_new`]).
    pub events: Vec<u8>,
    /// Messages these events contain: they leave the inbox in the same commit.
    pub consumed: Vec<i64>,
    /// Children and successors that start in the same commit. The successor of a run takes over its id. A child
    /// whose workflow id another run has, and keeps by the conflict policy, is not started: the run it is a child of
    /// gets a message that it has ended, with an error (`AlreadyExists`), in the same commit.
    pub starts: Vec<NewRun>,
    /// Messages to other runs of the same tenant, sent in the same commit. A message to a run that
    /// has ended is dropped; but signals and requests to cancel go to the run that has gone on in its place.
    pub messages: Vec<OutgoingMessage>,
    /// Values for queries, each name once: the last that the run has published.
    pub queries: Vec<QueryValue>,
    /// Items for the run's stream, in order, each with its number.
    pub items: Vec<NewItem>,
    /// Search attributes that the run has set, each name once: the last value.
    pub attributes: Vec<(String, AttributeValue)>,
    /// Answers to updates.
    pub answers: Vec<UpdateAnswer>,
    /// Attempts of activities for workers of other queues; the row says so, and is their fence.
    pub tasks: Vec<QueuedTask>,
    /// Operations whose attempts nobody waits for any more: they are gone with it, and a worker that runs one is told.
    pub withdrawn: Vec<u32>,
    /// What becomes of the run.
    pub next: Next,
    /// How often the store has answered [`Held`](Committed::Held) for it: from then on, it looks
    /// whether the way is free before it writes.
    pub held: u32,
    /// The [claim](Activation::claim) by which its worker owns the run, if it is known: what was claimed
    /// over the connection that writes it need not be looked at, see [`Committed::Lost`].
    pub claim: Option<i64>,
    /// Its owner has got further with it: its [setbacks](Activation::setbacks) are forgotten.
    pub clears: bool,
}

impl Record {
    /// How many journal rows the run has with it. A value for queries does not replace one that was published
    /// with more.
    pub fn rows(&self) -> i32 {
        self.position + i32::from(!self.events.is_empty())
    }

    /// How many bytes of values it has.
    pub fn size(&self) -> usize {
        self.sizes().sum()
    }

    /// Why it cannot be stored, if something in it is too large.
    pub fn too_large(&self) -> Option<String> {
        let largest = self.sizes().max().filter(|size| *size > LARGEST)?;
        Some(format!("the record has a part of {largest} bytes; the most is {LARGEST}"))
    }

    fn sizes(&self) -> impl Iterator<Item = usize> {
        let (output, error) = match &self.next {
            Next::Close(close) => (close.outcome.output.as_deref(), close.outcome.error.as_deref()),
            _ => (None, None),
        };
        let messages = self.messages.iter().map(|it| it.payload.len() + it.name.len());
        let starts = self.starts.iter().map(|run| run.spec.input.len());
        let queries = self.queries.iter().map(|query| query.value.len());
        let items = self.items.iter().map(|item| item.item.len());
        let answers = self.answers.iter().map(|answer| match &answer.reply {
            Ok(json) | Err(json) => json.len(),
        });
        let tasks = self.tasks.iter().map(|task| task.content.len());
        let ends = [output, error].map(|text| text.map_or(0, str::len));
        let all = messages.chain(starts).chain(queries).chain(items).chain(answers).chain(tasks);
        all.chain(ends).chain([self.events.len()])
    }
}

/// A value that a run has published for queries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryValue {
    /// Its name.
    pub name: String,
    /// JSON.
    pub value: String,
}

/// The answer to an update, as it is kept for its sender. The first answer to an update stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateAnswer {
    /// The update's id.
    pub update: String,
    /// The reply, or the error; JSON either way.
    pub reply: Result<String, String>,
    /// The message that is refused by it, without an event: it leaves the inbox with the answer, if it is still there
    /// and the worker owns the run by the record's [claim](Record::claim). Otherwise nothing is kept of the answer.
    pub refuses: Option<i64>,
}

/// What a sender of an update waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateState {
    /// There is no answer, and the run is open.
    Open,
    /// The answer: the reply or the error, as JSON.
    Answered(Result<String, String>),
    /// There is no answer, and the run has ended. The run that goes on in its place may answer.
    Ended(RunStatus, Option<uuid::Uuid>),
    /// There is no such run.
    Unknown,
}

/// Under which name waiters for an update's answer are woken: a [hint](super::Hint::Closed) names it.
pub fn update_token(id: &str) -> uuid::Uuid {
    let hash = |seed: &[u8]| fnv1a(seed.iter().copied().chain(id.bytes()));
    uuid::Uuid::from_u64_pair(hash(b"update"), hash(b"answer"))
}

/// What becomes of a run after a record.
#[derive(Debug, Clone)]
pub enum Next {
    /// It stays with its worker.
    Stay,
    /// It is parked, unless messages have come.
    Park(Park),
    /// It has ended.
    Close(Close),
}

/// How a run is parked.
#[derive(Debug, Clone, Default)]
pub struct Park {
    /// When to wake it; `None` waits for messages alone.
    pub wake_at: Option<Timestamp>,
    /// What it waits for, in words.
    pub waiting_for: String,
    /// How many messages the worker knows to have been sent to the owned run: what the last
    /// [`collect`](crate::store::WorkerStore::collect) said, 0 before. Parking is refused when there were more.
    pub sent: i64,
    /// The [claim](Activation::claim) that the count began with; of another one, parking is refused:
    /// a commit that comes late must not park a run that its worker has claimed again. `None`
    /// is whichever claim there is.
    pub claim: Option<i64>,
    /// Why it cannot go on in this build; a worker that registers tries again. Messages do not wake
    /// a stuck run, they wait with it. At `wake_at`, [`claim_stuck`](crate::store::WorkerStore::claim_stuck) finds it.
    pub stuck: Option<String>,
    /// Of a stuck run: its [setbacks](Activation::setbacks) from now on, not 0.
    pub setbacks: i16,
}

/// How a run ends.
#[derive(Debug, Clone)]
pub struct Close {
    /// Its outcome. The successor is among the record's `starts`. Signals and requests to cancel that are
    /// left in the inbox go over to it, after the messages that the record sends. Without one, the signals stay
    /// with the run, and everything else is dropped.
    pub outcome: Outcome,
    /// The [claim](Activation::claim) by which its worker owns the run; of another one, the record has
    /// lost it: a commit that comes late must not end a run that its worker has claimed again. `None`
    /// is whichever claim there is.
    pub claim: Option<i64>,
    /// Which of its open children are told of the end, in the same commit. Each gets the message of its
    /// [policy](super::ClosePolicy), by [`ChildAtEnd::message`](crate::ending::ChildAtEnd::message); whoever is to be
    /// terminated and is stuck is tried again at once, and is due.
    pub children: CloseChildren,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It is durable.
    Done,
    /// Durable, but not parked: messages have come; or somebody's open transaction holds the run, so messages
    /// may be coming.
    NotParked,
    /// Nothing of this record was kept, because somebody's open transaction holds a row of the run, or
    /// of one that the record sends messages to. Nobody has gone on with the run: the same record is to
    /// be handed in again, later and apart from others.
    Held,
    /// Somebody else has written at this position; nothing of this record was kept. Or the row before
    /// it is missing: the store has lost what it had acknowledged, as a standby does that lagged behind
    /// and has become the server.
    Lost,
    /// The store refused this record for what it contains; nothing of it was kept.
    Refused(String),
}

/// A claimed run, with what is needed to go on with it.
#[derive(Debug, Clone)]
pub struct Activation {
    /// Its key.
    pub key: RunKey,
    /// What it is.
    pub spec: Arc<RunSpec>,
    /// The earliest it could run: its creation, or the end of its delay. The time of its first
    /// turn, the same at every activation.
    pub started_at: Timestamp,
    /// Its journal rows, in order, from position 0.
    pub journal: Vec<Vec<u8>>,
    /// Its inbox, in order, or the first [`Page`](super::Page) of it.
    pub inbox: Vec<InboxMessage>,
    /// As of a [`Page`](super::Page).
    pub more: Option<i64>,
    /// Neither journal nor inbox was read, and maybe not the input: they were too large to be read together
    /// with others. To be [reloaded](crate::store::WorkerStore::reload) alone.
    pub unread: bool,
    /// The number of the claim by which its worker owns it; no other claim of that worker has it.
    pub claim: i64,
    /// No worker has owned it before. Nobody else can then be about to write to its journal, so it
    /// can end without a row: that the worker owns it, by this claim, is fence enough.
    pub is_new: bool,
    /// How often in a row it has got nowhere. Above 0: it was stuck. Below 0: the lease of its worker
    /// was over, so it may be the run that ends workers. See [`SUSPECT`] and [`CONVICTED`].
    pub setbacks: i16,
}

/// Setbacks of a run that is tried alone: no other such run is owned by its worker meanwhile.
pub const SUSPECT: i16 = -2;
/// Setbacks of a run that was tried alone when its worker's lease was over.
pub const CONVICTED: i16 = -3;

/// The setbacks of a run whose worker lets go of it: retired, or `over` its lease.
pub(crate) fn setbacks_after(setbacks: i16, over: bool) -> i16 {
    match (over, setbacks) {
        (false, setbacks) => setbacks.max(SUSPECT),
        (true, 0..) => -1,
        (true, setbacks) => setbacks.saturating_sub(1),
    }
}

impl Activation {
    /// How many bytes of it are kept until its journal is replayed and its messages are taken in.
    pub(crate) fn size(&self) -> usize {
        let messages = self.inbox.iter().map(|message| message.payload.len());
        self.spec.input.len()
            + self.journal.iter().map(Vec::len).sum::<usize>()
            + messages.sum::<usize>()
    }

    /// A run that was owned from its start.
    pub(crate) fn of_new(run: NewRun, started_at: Timestamp, claim: i64) -> Self {
        Self {
            key: run.key,
            spec: run.spec,
            started_at,
            journal: Vec::new(),
            inbox: Vec::new(),
            more: None,
            unread: false,
            claim,
            is_new: true,
            setbacks: 0,
        }
    }
}

/// What became of the transaction in which an activity commits its own result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionOutcome {
    /// Everything in it is durable.
    Committed,
    /// Nothing of it was kept.
    RolledBack,
    /// There was none; or it may be durable or not.
    Unknown,
}
