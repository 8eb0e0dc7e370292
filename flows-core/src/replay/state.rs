//! What a workflow's context and its machine share: time, operations, signals, randomness.
//!
//! The context asks and issues, the machine answers; both only under the lock of `Shared`, which is
//! never held while user code runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::Poll;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use uuid::Uuid;

use super::forks::Forks;
use super::op::{CancellationType, DroppedOp, Op, What};
use super::patches::Patches;
use super::scopes::Scopes;
use super::signals::{Signals, channel};
use super::stuck::Stuck;
use super::task::{ActivityTask, ChildTask};
use super::turn::{ActivityStart, ChangedInput, Command};
use super::updates::Updates;
use super::watch::{self, Place};
use crate::attribute::AttributeValue;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::{Event, Recorded};
use crate::payload::Payload;
use crate::policy::CloseChildren;
use crate::time::Timestamp;

pub(crate) struct State {
    pub(crate) now: Timestamp,
    /// The code has asked for the time.
    pub(crate) read_clock: bool,
    pub(crate) replaying: bool,
    /// How many events of the journal follow the poll that is being made.
    pub(crate) events_ahead: usize,
    pub(crate) cancelled: Option<String>,
    /// The code has been told of it.
    pub(crate) told_cancelled: bool,
    pub(crate) shields: u32,
    next_op: u32,
    /// The operations that had been called when the last one failed.
    pub(crate) called_before_failure: u32,
    seed: u64,
    /// Of a run that was forked.
    pub(crate) forks: Option<Box<Forks>>,
    rng: Option<Box<ChaCha8Rng>>,
    pub(crate) ops: BTreeMap<u32, Op>,
    pub(crate) signals: Signals,
    pub(super) updates: Option<Box<Updates>>,
    /// The operation that was asked for last, and where.
    pub(crate) last_asked: Option<(u32, Place)>,
    /// Operations to ask the world for, since the last poll began.
    pub(crate) issued: Vec<u32>,
    pub(crate) commands: Vec<Command>,
    /// The last value for queries of each name that the world has not been told of.
    pub(crate) queries: BTreeMap<String, String>,
    /// The last poll's items for the run's stream.
    items: Option<Box<PollItems>>,
    /// How many events that cause turns the code has been given.
    turns: u32,
    /// The search attributes that were set, and whether the world has been told.
    pub(crate) attributes: BTreeMap<String, (AttributeValue, bool)>,
    /// What few runs have.
    pub(super) seldom: Option<Box<Seldom>>,
    /// Children that this poll has recorded as started: they start even if they are dropped.
    pub(crate) child_starts: Vec<Command>,
    /// Marks of the journal that the replay has not asked for yet.
    pub(crate) recorded_marks: BTreeMap<u32, Event>,
    /// Children that were asked to cancel, by the journal, in a poll that the replay has not made yet.
    pub(crate) recorded_cancels: BTreeSet<u32>,
    pub(crate) new_marks: Vec<Recorded>,
    pub(crate) patches: Patches,
    /// Where the last operation was called whose result the code has.
    passed: Option<Place>,
    pub(crate) warnings: Vec<ChangedInput>,
    /// Every operation that was asked for, where somebody wants to know.
    pub(crate) trail: Option<Trail>,
    /// What the code lets go of before it has its result, while somebody wants to know.
    dropped: Option<Vec<DroppedOp>>,
    /// See [`Turn::forgotten`](super::turn::Turn::forgotten).
    pub(crate) forgotten: Vec<String>,
    /// This poll was told of an error: what it drops is left behind because of that.
    pub(crate) told_error: bool,
    /// The first disagreement between this poll and the journal.
    pub(crate) mismatch: Option<Stuck>,
    /// What that was, where the code asked for a mark that the journal does not have.
    pub(crate) unrecorded: Option<(u32, String)>,
}

/// What few runs have: a run without it pays for one pointer.
#[derive(Default)]
pub(crate) struct Seldom {
    /// How many messages of the code's each child was sent, by the journal, that the replay has not come past.
    pub(crate) recorded_tells: BTreeMap<u32, u32>,
    /// Children whose calls this poll has dropped, and that are not asked to cancel if the run ends with it.
    pub(super) left_children: Vec<Arc<ChildTask>>,
    /// Which children the store tells of the run's end.
    pub(super) close_children: CloseChildren,
    pub(crate) scopes: Scopes,
}

/// Operations by number: what each is, and where it is called.
pub(crate) type Trail = BTreeMap<u32, (String, Place)>;

/// Items for the run's stream.
#[derive(Default)]
struct PollItems {
    made: i64,
    commands: Vec<Command>,
}

/// Bits of an item's number that count within its turn: a turn has no more calls.
const ITEMS_OF_A_TURN: u32 = 20;

impl State {
    pub(crate) fn new(now: Timestamp, run: Uuid) -> Self {
        Self {
            now,
            read_clock: false,
            replaying: false,
            events_ahead: 0,
            cancelled: None,
            told_cancelled: false,
            shields: 0,
            next_op: 0,
            called_before_failure: 0,
            seed: seed_of(run),
            forks: None,
            rng: None,
            ops: BTreeMap::new(),
            signals: Signals::default(),
            updates: None,
            last_asked: None,
            issued: Vec::new(),
            commands: Vec::new(),
            queries: BTreeMap::new(),
            items: None,
            turns: 0,
            attributes: BTreeMap::new(),
            child_starts: Vec::new(),
            recorded_marks: BTreeMap::new(),
            recorded_cancels: BTreeSet::new(),
            seldom: None,
            new_marks: Vec::new(),
            patches: Patches::default(),
            passed: None,
            warnings: Vec::new(),
            trail: None,
            dropped: None,
            forgotten: Vec::new(),
            told_error: false,
            mismatch: None,
            unrecorded: None,
        }
    }

    // ---- for the context -------------------------------------------------------------------

    /// The time, for the code.
    pub(crate) fn read_clock(&mut self) -> Timestamp {
        self.read_clock = true;
        self.now
    }

    /// The identity of an operation, taken where it is called.
    pub(crate) fn next_op(&mut self) -> u32 {
        self.next_op += 1;
        self.next_op - 1
    }

    /// The code is told that an operation has failed.
    pub(crate) fn note_failure(&mut self) {
        self.called_before_failure = self.next_op;
    }

    /// The run's own random numbers: the same at every replay.
    pub(crate) fn rng(&mut self) -> &mut ChaCha8Rng {
        let seed = self.seed;
        self.rng.get_or_insert_with(|| Box::new(ChaCha8Rng::seed_from_u64(seed)))
    }

    /// Of the journal of a run that was forked, takes what says so. Its random numbers go on as those of the run
    /// that it began as.
    pub(crate) fn begin_forked(&mut self, journal: &mut Vec<Recorded>) {
        if let Some(forks) = Forks::take(journal) {
            self.seed = seed_of(forks.first());
            self.forks = Some(forks);
        }
    }

    /// The run whose call an activity is, if that is another run: it has the same key.
    pub(crate) fn called_by(&self, op: u32, name: &str, input: u64) -> Option<Box<Uuid>> {
        self.forks.as_ref()?.called_by(self.turns, op, name, input).map(Box::new)
    }

    /// How many operations have taken an identity.
    pub(super) fn ops_begun(&self) -> u32 {
        self.next_op
    }

    /// How many of the run's random numbers were used.
    pub(super) fn random_position(&self) -> Option<u128> {
        self.rng.as_ref().map(|rng| rng.get_word_pos())
    }

    /// Leaves a trace of an operation, for who follows.
    pub(super) fn note(&mut self, what: &str, op: u32, site: Place) {
        if let Some(trail) = &mut self.trail {
            trail.insert(op, (what.to_owned(), site));
        }
    }

    /// Asks the world for an operation.
    pub(crate) fn issue(&mut self, op: u32, what: What, site: Place) {
        if self.trail.is_some() {
            self.note(&what.in_words(), op, site);
        }
        self.ops.insert(op, Op::new(what, site));
        self.issued.push(op);
        self.last_asked = Some((op, site));
    }

    /// The attempt of an activity that is open.
    pub(crate) fn open_attempt(&self, op: u32) -> Option<ActivityStart> {
        let entry = self.ops.get(&op).filter(|entry| entry.result.is_none())?;
        match &entry.what {
            What::Activity(task) => Some(start(task, entry)),
            _ => None,
        }
    }

    /// The open attempt of an activity was given to the workers of a queue.
    pub(crate) fn scheduled(&mut self, op: u32) {
        if let Some(entry) = self.ops.get_mut(&op) {
            entry.scheduled = true;
        }
    }

    /// What becomes of an operation when it is cancelled.
    pub(crate) fn on_cancel(&mut self, op: u32, on_cancel: CancellationType) {
        if let Some(entry) = self.ops.get_mut(&op) {
            entry.on_cancel = on_cancel;
        }
    }

    /// The input of an activity that was asked for and has not ended.
    pub(crate) fn input_of(&self, op: u32) -> Option<Payload> {
        match &self.ops.get(&op)?.what {
            What::Activity(task) => Some(task.input.clone()),
            _ => None,
        }
    }

    /// Waits for a signal, from the moment of the call. Says whether it had arrived.
    pub(crate) fn wait_signal(&mut self, op: u32, name: &str, site: Place) -> bool {
        let mut entry = Op::new(What::Signal { name: name.to_owned() }, site);
        self.note("signal", op, site);
        entry.result = self.signals.wait(name, op).map(Ok);
        let arrived = entry.result.is_some();
        self.ops.insert(op, entry);
        self.last_asked = Some((op, site));
        arrived
    }

    /// Records an event of this poll's own making.
    pub(crate) fn mark(&mut self, event: Event) {
        self.new_marks.push(Recorded { at: self.now, event });
    }

    pub(crate) fn seldom(&mut self) -> &mut Seldom {
        self.seldom.get_or_insert_default()
    }

    /// The innermost cancelled scope that what is polled now is in, if no shield is between them.
    fn cancelled_scope(&self) -> Option<&str> {
        self.seldom.as_ref()?.scopes.cancelled(self.shields)
    }

    /// Whether a cancellation, the run's or a scope's, applies to what is polled now.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.is_some() && self.shields == 0 || self.cancelled_scope().is_some()
    }

    pub(crate) fn cancellation(&mut self) -> Error {
        let message = match self.cancelled_scope() {
            Some(reason) => format!("the scope was cancelled: {reason}"),
            None => {
                self.told_cancelled = true;
                let reason = self.cancelled.as_deref().unwrap_or_default();
                format!("the run was cancelled: {reason}")
            }
        };
        Error::new(ErrorKind::Cancelled, message)
    }

    /// Cancels a scope, once, and wakes whoever may wait in it.
    pub(crate) fn cancel_scope(&mut self, scope: u32, reason: String) {
        if self.seldom().scopes.cancel(scope, reason) {
            self.ops.values_mut().for_each(Op::wake);
        }
    }

    /// The result of an operation, once it has one; the operation is then gone.
    pub(crate) fn poll_op(&mut self, op: u32) -> Poll<Result<Payload>> {
        let cancelled = self.is_cancelled();
        let Some(entry) = self.ops.get_mut(&op) else {
            let message = "a durable future was polled again after it had given its result";
            return Poll::Ready(Err(Error::terminal(message)));
        };
        if let Some(result) = entry.result.take() {
            self.told_cancelled |= matches!(entry.what, What::Cancelled);
            self.told_error |= result.is_err();
            self.passed = Some(entry.site);
            watch::passed(entry.site);
            self.ops.remove(&op);
            return Poll::Ready(result);
        }
        if cancelled && entry.on_cancel != CancellationType::Wait {
            self.passed = Some(entry.site);
            watch::passed(entry.site);
            self.abandon(op);
            self.cancel_left_children();
            return Poll::Ready(Err(self.cancellation()));
        }
        let stops = cancelled && !std::mem::replace(&mut entry.is_stopping, cancelled);
        if !watch::keep(&mut entry.wake_flag) {
            let moved = Stuck::moved_out(&entry.describe(op));
            self.mismatch.get_or_insert(moved);
        }
        watch::waits();
        if stops {
            self.stop(op);
        }
        Poll::Pending
    }

    /// Asks an activity or a child to cancel, and goes on waiting for it.
    fn stop(&mut self, op: u32) {
        let reason = self.reason_here().unwrap_or_default();
        match self.ops.get(&op).map(|entry| &entry.what) {
            Some(What::Child { task, .. }) => {
                let run = task.run;
                let record = Event::ChildCancelSent { op, reason: reason.clone() };
                self.tell_child(op, record, Command::CancelChild { run, reason });
            }
            Some(What::Activity(_)) => {
                let stop = self.ops.get(&op).and_then(stop_of);
                self.commands.extend(stop);
            }
            _ => {}
        }
    }

    /// Why what is polled now is cancelled, for a child.
    pub(super) fn reason_here(&self) -> Option<String> {
        match (self.cancelled_scope(), &self.cancelled) {
            (Some(reason), _) => Some(format!("its scope in its parent was cancelled: {reason}")),
            (None, Some(reason)) => Some(format!("its parent was cancelled: {reason}")),
            (None, None) => None,
        }
    }

    /// The workflow dropped the future of an operation.
    pub(crate) fn abandon(&mut self, op: u32) {
        let Some(entry) = self.ops.remove(&op) else { return };
        if let (Some(dropped), None) = (&mut self.dropped, &entry.result) {
            dropped.push(DroppedOp::of(op, &entry));
        }
        match (entry.what, entry.result) {
            (What::Activity(_), None) if entry.on_cancel == CancellationType::Abandon => {}
            (What::Activity(task), None) if entry.asked && task.may_go_elsewhere() => {
                self.commands.push(Command::WithdrawActivity(op));
            }
            (What::Activity(_), None) if entry.asked => {
                self.commands.push(Command::CancelActivity(op));
            }
            (What::Timer { .. }, None) if entry.asked => {
                self.commands.push(Command::CancelTimer(op));
            }
            (What::Child { task, abandoned: false }, None) => self.leave_child(task),
            (What::Signal { name }, None) => self.signals.forget(&name, op),
            (What::Update { name }, None) => self.signals.forget(&channel(&name), op),
            (What::Update { name }, Some(Ok(payload))) => {
                let next = self.signals.give_back(&channel(&name), payload);
                self.hand_over(next);
            }
            (What::Signal { name }, Some(Ok(payload))) => {
                let next = self.signals.give_back(&name, payload);
                self.hand_over(next);
            }
            _ => {}
        }
    }

    /// From now on, what is let go of is noted.
    pub(crate) fn note_drops(&mut self) {
        self.dropped = Some(Vec::new());
    }

    /// What was let go of meanwhile.
    pub(crate) fn take_drops(&mut self) -> Vec<DroppedOp> {
        self.dropped.take().unwrap_or_default()
    }

    // ---- for the machine -------------------------------------------------------------------

    /// A signal has found its operation.
    pub(crate) fn hand_over(&mut self, signal: Option<(u32, Payload)>) {
        let Some((op, payload)) = signal else { return };
        if let Some(entry) = self.ops.get_mut(&op) {
            entry.complete(Ok(payload));
        }
    }

    /// The commands of the poll that just ended.
    pub(crate) fn take_commands(&mut self) -> Vec<Command> {
        let mut commands = std::mem::take(&mut self.commands);
        for op in std::mem::take(&mut self.issued) {
            commands.extend(self.ops.get_mut(&op).and_then(|entry| ask(op, entry)));
        }
        commands.append(&mut self.child_starts);
        if !self.replaying {
            commands.extend(self.take_published());
        }
        commands
    }

    /// The code is given another event: what it published before is durable if that event is, and goes with
    /// it or before it if it is not.
    pub(crate) fn next_turn(&mut self) {
        self.turns += 1;
        self.items = None;
    }

    /// An item for the run's stream. Its number is the same at each replay, and also in a build that publishes
    /// more or less before this turn.
    pub(crate) fn publish_item(&mut self, item: String) {
        let items = self.items.get_or_insert_default();
        let number = (i64::from(self.turns) << ITEMS_OF_A_TURN) + items.made;
        items.made += 1;
        items.commands.push(Command::Publish { number, item });
    }

    /// How many items the code has published since it was given an event.
    pub(crate) fn items_made(&self) -> i64 {
        self.items.as_ref().map_or(0, |items| items.made)
    }

    /// What has been published in the last poll, and all values for queries that the world was not told of.
    pub(crate) fn take_published(&mut self) -> Vec<Command> {
        let items = self.items.as_mut().map(|items| std::mem::take(&mut items.commands));
        let mut published = items.unwrap_or_default();
        published.extend(self.take_queries());
        published.extend(self.take_attributes());
        published
    }

    /// The search attributes that have changed; after a replay, all of them.
    pub(crate) fn take_attributes(&mut self) -> Vec<Command> {
        let untold = self.attributes.iter_mut().filter_map(|(name, (value, is_told))| {
            let is_new = !std::mem::replace(is_told, true);
            is_new.then(|| Command::SetAttribute { name: name.clone(), value: value.clone() })
        });
        untold.collect()
    }

    /// The values for queries that have changed; after a replay, all of them.
    fn take_queries(&mut self) -> impl Iterator<Item = Command> + use<> {
        let queries = std::mem::take(&mut self.queries).into_iter();
        queries.map(|(name, value)| Command::SetQuery { name, value })
    }

    /// The commands of everything that is still open, after a replay.
    pub(crate) fn open_commands(&mut self) -> Vec<Command> {
        self.issued.clear();
        self.commands.clear();
        self.ops.iter_mut().filter_map(|(op, entry)| ask(*op, entry)).collect()
    }

    /// The journal says that an attempt was about to start.
    pub(crate) fn note_start(&mut self, start: &Event) {
        let (Event::ActivityStarted { step, attempt, .. }
        | Event::ActivityScheduled { step, attempt }) = start
        else {
            return;
        };
        let entry = self.ops.get_mut(&step.op).filter(|entry| entry.attempt() == *attempt);
        match (entry, start) {
            (Some(entry), Event::ActivityStarted { setbacks, .. }) => {
                entry.started = Some(*setbacks)
            }
            (Some(entry), _) => entry.scheduled = true,
            (None, _) => {}
        }
    }

    /// Whether some event could still move the workflow.
    pub(crate) fn waits_on_something(&self) -> bool {
        self.ops.values().any(|entry| entry.result.is_none())
    }

    /// What it waits for, in words.
    pub(crate) fn waiting_for(&self, most: usize) -> String {
        let open = self.ops.iter().filter(|(_, entry)| entry.result.is_none());
        let waits: Vec<_> = open.take(most).map(|(op, entry)| entry.describe(*op)).collect();
        waits.join("; ")
    }

    /// The last await that was passed, in words.
    pub(crate) fn last_await(&self) -> String {
        let at = |site: Place| format!("its last await was at {}:{}", site.file(), site.line());
        self.passed.map_or_else(|| "it has awaited nothing".to_owned(), at)
    }
}

/// The attempt of an activity that is open.
fn start(task: &Arc<ActivityTask>, entry: &Op) -> ActivityStart {
    let retry = entry.retry.as_deref();
    ActivityStart {
        task: Arc::clone(task),
        attempt: entry.attempt(),
        not_before: retry.map(|r| r.not_before),
        heartbeat: retry.and_then(|r| r.heartbeat.clone()),
        started: entry.started,
        pending: retry.and_then(|r| r.pending.map(Box::new)),
        scheduled: entry.scheduled,
    }
}

fn seed_of(run: Uuid) -> u64 {
    let (high, low) = run.as_u64_pair();
    high ^ low.rotate_left(32)
}

/// Asks the world for what an open operation needs of it.
fn ask(op: u32, entry: &mut Op) -> Option<Command> {
    let command = command(op, entry);
    entry.asked = command.is_some();
    command
}

fn command(op: u32, entry: &Op) -> Option<Command> {
    if entry.result.is_some() {
        return None;
    }
    match &entry.what {
        What::Activity(_) if entry.is_stopping => stop_of(entry),
        What::Activity(task) => Some(Command::RunActivity(start(task, entry))),
        What::Timer { due } => Some(Command::StartTimer { op, due: *due }),
        What::Child { .. } | What::Signal { .. } | What::Update { .. } | What::Cancelled => None,
    }
}

/// Asks for the end of an activity that is waited for.
fn stop_of(entry: &Op) -> Option<Command> {
    let What::Activity(task) = &entry.what else { return None };
    Some(Command::StopActivity { task: Arc::clone(task), attempt: entry.attempt() })
}
