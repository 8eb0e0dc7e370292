//! The machine itself: one run's future, and the events that move it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::check;
use super::op::{Retry, What};
use super::state::State;
use super::stuck::Stuck;
use super::turn::{Command, Turn};
use crate::context::WorkflowContext;
use crate::definition::{PayloadFuture, WorkflowDef};
use crate::error::{Error, Result, panic_message};
use crate::ids::RunKey;
use crate::journal::{Event, Recorded, StoredError};
use crate::payload::Payload;
use crate::time::Timestamp;

/// What never changes about a run.
#[derive(Debug, Clone)]
pub struct RunInfo {
    /// Its key.
    pub key: RunKey,
    /// The application's id for it.
    pub workflow_id: Option<Arc<str>>,
    /// Workflow name.
    pub workflow: Arc<str>,
    /// Workflow version.
    pub version: u32,
    /// Queue.
    pub queue: Arc<str>,
    /// Attempt, from 1.
    pub attempt: u32,
    /// The time of the first turn, unless the journal begins with it.
    pub started_at: Timestamp,
    /// The largest payload in bytes that the run may make.
    pub payload_limit: usize,
}

/// The machine's state, shared with the context that user code holds.
pub(crate) struct Shared {
    pub(crate) info: RunInfo,
    state: Mutex<State>,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // User code never runs under this lock, so a poisoned one cannot be half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One run's workflow future with everything it has asked for.
pub struct Machine {
    shared: Arc<Shared>,
    future: Option<PayloadFuture>,
    bell: Arc<Bell>,
    started_at: Timestamp,
}

/// Nothing wakes a workflow but its machine, and itself: a poll may complete what an earlier part
/// of it waits for (a signal that is handed on), and then there is a second look in the same turn.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The most often a turn looks again.
const LOOKS: usize = 10_000;

impl Machine {
    /// Makes the run's future, without polling it. Stuck when the input does not decode.
    pub fn new(info: RunInfo, def: &WorkflowDef, input: &Payload) -> Result<Self, Stuck> {
        let started_at = info.started_at;
        let state = Mutex::new(State::new(started_at, info.key.run));
        let shared = Arc::new(Shared { info, state });
        let context = WorkflowContext::new(Arc::clone(&shared));
        let begin = AssertUnwindSafe(|| (def.begin)(context, input));
        let future = catch_unwind(begin)
            .map_err(|panic| panicked("the workflow's input", &*panic))?
            .map_err(|error| Stuck::new(error.to_string()))?;
        Ok(Self { shared, future: Some(future), bell: Arc::default(), started_at })
    }

    /// Drops user values; a panic of theirs ends nothing else.
    fn drop_future(&mut self) {
        let future = self.future.take();
        if catch_unwind(AssertUnwindSafe(|| drop(future))).is_err() {
            tracing::error!(run = %self.shared.info.key.run, "a value of a workflow panicked when dropped");
        }
    }

    /// The time of the last event.
    pub fn now(&self) -> Timestamp {
        self.shared.lock().now
    }

    /// The time of the first turn.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Whether the run was asked to cancel.
    pub fn was_cancelled(&self) -> bool {
        self.shared.lock().cancelled.is_some()
    }

    /// What never changes about the run.
    pub fn info(&self) -> &RunInfo {
        &self.shared.info
    }

    /// Polls for the first time, then once for each event of the journal. The turn holds the
    /// commands of everything that is still open.
    pub fn replay(&mut self, mut journal: Vec<Recorded>) -> Result<Turn, Stuck> {
        if let Some(Recorded { at, event: Event::RunStarted }) = journal.first() {
            self.started_at = *at;
            self.shared.lock().now = *at;
            journal.remove(0);
        }
        let (marks, events): (Vec<_>, Vec<_>) =
            journal.into_iter().partition(|recorded| recorded.event.is_mark());
        let fresh = events.is_empty() && marks.is_empty();
        self.shared.lock().expect_marks(marks)?;
        self.shared.lock().replaying = !fresh;
        self.shared.lock().events_ahead = events.len();
        let mut turn = self.poll()?;
        for recorded in events {
            if turn.outcome.is_some() {
                return Err(check::ended_too_soon(&recorded.event));
            }
            self.shared.lock().events_ahead -= 1;
            let warnings = std::mem::take(&mut turn.warnings);
            turn = self.apply(recorded)?;
            turn.warnings.splice(0..0, warnings);
        }
        self.end_replay(turn)
    }

    fn end_replay(&mut self, mut turn: Turn) -> Result<Turn, Stuck> {
        let mut state = self.shared.lock();
        state.replaying = false;
        if let Some((op, mark)) = state.recorded_marks.first_key_value() {
            return Err(check::mark_not_asked_for(*op, mark, state.ops.get(op)));
        }
        if turn.outcome.is_none() {
            // Of the last poll, the children: everything else is asked for again while it is open.
            turn.commands.retain(|command| matches!(command, Command::StartChild(_)));
            let children = std::mem::replace(&mut turn.commands, state.open_commands());
            turn.commands.extend(children);
        }
        Ok(turn)
    }

    /// Where a replay that got stuck had come to.
    #[cfg(feature = "testing")]
    pub(crate) fn halt(&self) -> Halt {
        let state = self.shared.lock();
        match state.recorded_marks.first_key_value() {
            Some((op, _)) if !state.replaying => Halt::AtMark(*op),
            _ => Halt::Before(state.events_ahead),
        }
    }

    /// Whether an event is for something the workflow still waits for. A live event that is not
    /// wanted (the result of an activity that lost a `select!`) is dropped, not recorded.
    pub fn wants(&self, event: &Event) -> bool {
        check::target(event).is_none_or(|op| {
            self.shared.lock().ops.get(&op).is_some_and(|entry| entry.result.is_none())
        })
    }

    /// Applies one event and polls once.
    pub fn apply(&mut self, recorded: Recorded) -> Result<Turn, Stuck> {
        {
            let mut state = self.shared.lock();
            state.now = state.now.max(recorded.at);
            check::against(&mut state, &recorded.event)?;
            deliver(&mut state, recorded.event);
        }
        self.poll()
    }

    /// Polls the workflow's future once, and again only if that woke itself.
    fn poll(&mut self) -> Result<Turn, Stuck> {
        if self.future.is_none() {
            return Err(Stuck::new("the workflow has ended and its journal goes on"));
        }
        let replaying = self.shared.lock().replaying;
        let poll = AssertUnwindSafe(|| self.poll_until_quiet());
        let polled = catch_unwind(|| if replaying { silently(poll) } else { poll() })
            .map_err(|panic| panicked("the workflow", &*panic))?;
        if let Some(stuck) = self.shared.lock().mismatch.take() {
            return Err(stuck);
        }
        let outcome = polled?;
        if outcome.is_some() {
            self.drop_future();
        }
        self.take_turn(outcome)
    }

    fn poll_until_quiet(&mut self) -> Result<Option<Result<Payload>>, Stuck> {
        let waker = Waker::from(Arc::clone(&self.bell));
        let mut context = Context::from_waker(&waker);
        for _ in 0..LOOKS {
            let Some(future) = &mut self.future else { return Ok(None) };
            self.bell.0.store(false, Ordering::Relaxed);
            if let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
                return Ok(Some(outcome));
            }
            if !self.bell.0.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
        Err(Stuck::new("the workflow wakes itself again and again instead of waiting"))
    }

    fn take_turn(&mut self, outcome: Option<Result<Payload>>) -> Result<Turn, Stuck> {
        let mut state = self.shared.lock();
        if outcome.is_none() && !state.waits_on_something() {
            return Err(Stuck::new(
                "the workflow waits, but on nothing durable, so no event could ever wake it; \
                 await activities, children, signals or timers of its context",
            ));
        }
        Ok(Turn {
            commands: state.take_commands(),
            marks: std::mem::take(&mut state.new_marks),
            outcome,
            warnings: std::mem::take(&mut state.warnings),
        })
    }

    /// Whether mail could move the run: it waits for a signal, a child or its cancellation.
    pub fn expects_mail(&self) -> bool {
        self.shared.lock().ops.values().any(|entry| {
            let mailed =
                matches!(entry.what, What::Signal { .. } | What::Child { .. } | What::Cancelled);
            mailed && entry.result.is_none()
        })
    }

    /// Takes the signals that have arrived and were never received; for a run that ends.
    pub fn unreceived_signals(&self) -> Vec<(String, Payload)> {
        self.shared.lock().signals.drain()
    }

    /// What the run waits for, in words.
    pub fn waiting_for(&self) -> String {
        let state = self.shared.lock();
        let waits: Vec<_> = state
            .ops
            .iter()
            .filter(|(_, entry)| entry.result.is_none())
            .take(10)
            .map(|(op, entry)| entry.describe(*op))
            .collect();
        waits.join("; ")
    }
}

/// Where a replay has stopped.
#[cfg(feature = "testing")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halt {
    /// This many events that cause turns were still to come.
    Before(usize),
    /// All were applied, and no turn had asked for the mark of this operation.
    AtMark(u32),
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.drop_future();
    }
}

fn panicked(who: &str, panic: &(dyn std::any::Any + Send)) -> Stuck {
    Stuck::new(format!("{who} panicked: {}", panic_message(panic)))
}

/// Runs without logging: what a replay says has been said before.
fn silently<T>(run: impl FnOnce() -> T) -> T {
    tracing::dispatcher::with_default(&tracing::Dispatch::none(), run)
}

/// Gives the event to the operation that waits for it.
fn deliver(state: &mut State, event: Event) {
    match event {
        Event::ActivityCompleted { step, output, .. } => complete(state, step.op, Ok(output)),
        Event::ActivityFailed { step, error, .. } => complete(state, step.op, Err((&error).into())),
        Event::ActivityAttemptFailed { step, attempt, retry_at, heartbeat, .. } => {
            let retry = Retry { attempt: attempt + 1, not_before: retry_at, heartbeat };
            if let Some(entry) = state.ops.get_mut(&step.op) {
                entry.retry = Some(Box::new(retry));
                state.issued.push(step.op);
            }
        }
        Event::TimerFired { op } => complete(state, op, Payload::json(&())),
        Event::ChildClosed { op, result } => complete(state, op, child_result(result)),
        Event::SignalReceived { name, payload } => {
            let delivered = state.signals.arrive(&name, payload);
            state.hand_over(delivered);
        }
        Event::CancelRequested { reason } => cancel(state, reason),
        Event::SideEffect { .. }
        | Event::ChildStarted { .. }
        | Event::RunCompleted
        | Event::RunFailed { .. }
        | Event::RunTerminated { .. }
        | Event::RunStarted => {}
    }
}

fn child_result(result: Result<Payload, StoredError>) -> Result<Payload> {
    result.map_err(|error| Error::from(&error))
}

fn complete(state: &mut State, op: u32, result: Result<Payload>) {
    if let Some(entry) = state.ops.get_mut(&op) {
        entry.complete(result);
    }
}

fn cancel(state: &mut State, reason: String) {
    state.cancelled.get_or_insert(reason);
    for entry in state.ops.values_mut() {
        if matches!(entry.what, What::Cancelled) {
            entry.result = Some(Payload::json(&()));
        }
        entry.wake();
    }
}
