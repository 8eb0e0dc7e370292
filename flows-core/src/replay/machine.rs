//! The machine itself: one run's future, and the events that move it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use super::bounds::Bounds;
use super::check;
use super::code::Code;
use super::op::{Op, Retry, What};
use super::probe::Probe;
use super::sagas::Sagas;
use super::signals::channel;
use super::state::State;
use super::stuck::Stuck;
use super::task::PendingAttempt;
use super::turn::{ActivityStart, Command, Turn};
use super::wake_flag::WakeFlag;
use super::watch::{self, Place};
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::ids::RunKey;
use crate::journal::{Event, Recorded, StoredError};
use crate::panics::{Caught, catch};
use crate::payload::{Payload, PayloadFuture};
use crate::policy::CloseChildren;
use crate::source::SourceLocation;
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
    /// Headers.
    pub headers: Headers,
    /// The largest payload in bytes that the run may make.
    pub payload_limit: usize,
}

/// What a machine runs: a workflow's definition.
#[expect(unnameable_types, reason = "nobody else implements or names it")]
pub trait Body {
    /// Where it stands.
    fn source(&self) -> SourceLocation;

    /// Decodes the input and makes the run's future, with a context over this state.
    fn begin(&self, shared: &Arc<Shared>, input: &Payload) -> Result<PayloadFuture>;
}

/// The machine's state, shared with the context that user code holds.
#[expect(unnameable_types, reason = "user code holds it inside a context")]
pub struct Shared {
    pub(crate) info: RunInfo,
    pub(crate) bounds: Bounds,
    /// What the run can undo.
    pub(crate) sagas: Sagas,
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
    /// Nothing wakes a workflow but its machine, and itself: a poll may complete what an earlier
    /// part of it waits for (a signal that is handed on), and then there is a second look in the
    /// same turn.
    wake_flag: Arc<WakeFlag>,
    /// See [`watch::entering`].
    entered: Option<Place>,
    source: SourceLocation,
}

/// The most often a turn looks again.
const LOOKS: usize = 10_000;

impl Machine {
    /// Makes the run's future, without polling it. Stuck when the input does not decode.
    pub fn new(info: RunInfo, body: &impl Body, input: &Payload) -> Result<Self, Stuck> {
        if let Some(error) = info.headers.unread() {
            return Err(Stuck::new(format!("the headers of the run cannot be read: {error}")));
        }
        let state = Mutex::new(State::new(info.started_at, info.key.run));
        let shared =
            Arc::new(Shared { info, bounds: Bounds::default(), sagas: Sagas::default(), state });
        let future = catch(|| body.begin(&shared, input))
            .map_err(|panic| panicked("the workflow's input", &panic))?
            .map_err(|error| Stuck::new(error.to_string()))?;
        let (future, source) = (Some(future), body.source());
        Ok(Self { shared, future, wake_flag: Arc::default(), entered: None, source })
    }

    /// The workflow, for messages.
    fn who(&self) -> String {
        format!("`{}`, {}", self.shared.info.workflow, self.source)
    }

    /// Drops user values; a panic of theirs ends nothing else.
    fn drop_future(&mut self) {
        let future = self.future.take();
        self.shared.bounds.begin_turn();
        if let Err(panic) = catch(|| drop(future)) {
            tracing::error!(run = %self.shared.info.key.run, "a value of a workflow, when dropped, {panic}");
        }
    }

    /// A way to look at it while it is polled.
    pub(crate) fn probe(&self) -> Probe {
        Probe::new(&self.shared)
    }

    /// Whether dropping it runs user code.
    pub(crate) fn holds_user_values(&self) -> bool {
        self.future.is_some()
    }

    /// What never changes about the run.
    pub fn info(&self) -> &RunInfo {
        &self.shared.info
    }

    /// Polls for the first time, then once for each event of the journal. The turn holds the
    /// commands of everything that is still open.
    pub fn replay(&mut self, journal: Vec<Recorded>) -> Result<Turn, Stuck> {
        self.replay_seen(journal, |_, _| {})
    }

    /// The same, for who follows.
    pub(crate) fn replay_seen(
        &mut self,
        mut journal: Vec<Recorded>,
        mut seen: impl FnMut(&Self, ReplayStep<'_>),
    ) -> Result<Turn, Stuck> {
        self.shared.lock().replaying = !journal.is_empty();
        self.shared.lock().begin_forked(&mut journal);
        if let Some(Recorded { at, event: Event::RunStarted }) = journal.first() {
            self.shared.lock().now = *at;
            journal.remove(0);
        }
        let started = take_starts(&mut journal);
        let (marks, events): (Vec<_>, Vec<_>) =
            journal.into_iter().partition(|recorded| recorded.event.is_mark());
        self.shared.lock().expect_marks(marks)?;
        self.shared.lock().events_ahead = events.len();
        let mut events = events.into_iter();
        let sharper = |machine: &Self, stuck, ahead: &[_]| {
            check::with_what_is_there(stuck, &machine.shared.lock(), ahead)
        };
        seen(self, ReplayStep::Before(None));
        let mut turn = self.poll().map_err(|stuck| sharper(self, stuck, events.as_slice()))?;
        seen(self, ReplayStep::After);
        while let Some(recorded) = events.next() {
            if turn.outcome.is_some() {
                return Err(check::ended_too_soon(&self.shared.lock(), &recorded.event));
            }
            seen(self, ReplayStep::Before(Some(&recorded)));
            self.shared.lock().events_ahead -= 1;
            let warnings = std::mem::take(&mut turn.warnings);
            turn = self.apply(recorded).map_err(|stuck| sharper(self, stuck, events.as_slice()))?;
            turn.warnings.splice(0..0, warnings);
            seen(self, ReplayStep::After);
        }
        self.end_replay(turn, &started)
    }

    fn end_replay(&mut self, mut turn: Turn, started: &[Event]) -> Result<Turn, Stuck> {
        let mut state = self.shared.lock();
        started.iter().for_each(|start| state.note_start(start));
        state.replaying = false;
        if let Some((op, mark)) = state.recorded_marks.first_key_value() {
            return Err(check::mark_not_asked_for(&state, *op, mark));
        }
        if let Some(&op) = state.recorded_cancels.first() {
            let mark = Event::ChildCancelRequested { op };
            return Err(check::mark_not_asked_for(&state, op, &mark));
        }
        if let Some(stuck) = state.reply_not_given() {
            return Err(stuck);
        }
        // Of the last poll, what goes with its marks, and what it publishes: everything else is asked for again
        // while it is open, and what was asked of another worker is not cancelled here.
        turn.commands.retain(|command| command.goes_with_a_mark() || command.publishes());
        if turn.outcome.is_none() {
            let marked = std::mem::replace(&mut turn.commands, state.open_commands());
            turn.commands.extend(marked);
        }
        turn.commands.extend(state.take_published());
        Ok(turn)
    }

    /// From now on, every operation leaves a trace.
    #[cfg(feature = "testing")]
    pub(crate) fn keep_trail(&self) {
        self.shared.lock().trail = Some(super::state::Trail::new());
    }

    /// The operations that were asked for.
    #[cfg(feature = "testing")]
    pub(crate) fn take_trail(&self) -> super::state::Trail {
        self.shared.lock().trail.take().unwrap_or_default()
    }

    /// Where a replay that got stuck had come to.
    #[cfg(feature = "testing")]
    pub(crate) fn halt(&self) -> Halt {
        let state = self.shared.lock();
        match state.recorded_marks.first_key_value() {
            Some((op, _)) if !state.replaying => Halt::AtMark(*op),
            None if !state.replaying
                && let Some(op) = state.recorded_cancels.first() =>
            {
                Halt::AtCancel(*op)
            }
            _ => Halt::Before(state.events_ahead),
        }
    }

    /// Applies one event and polls once.
    pub fn apply(&mut self, recorded: Recorded) -> Result<Turn, Stuck> {
        let before = {
            let mut state = self.shared.lock();
            let before = state.now;
            state.now = state.now.max(recorded.at);
            state.next_turn();
            check::against(&mut state, &recorded.event)?;
            deliver(&mut state, recorded.event);
            before
        };
        let mut turn = self.poll()?;
        self.shared.lock().end_delivery(before, &mut turn)?;
        Ok(turn)
    }

    /// Polls the workflow's future once, and again only if that woke itself.
    fn poll(&mut self) -> Result<Turn, Stuck> {
        if self.future.is_none() {
            return Err(Stuck::new("the workflow has ended and its journal goes on"));
        }
        let replaying = self.shared.lock().replaying;
        self.shared.bounds.begin_turn();
        let mut poll = || self.poll_until_quiet();
        let polled = catch(|| if replaying { silently(poll) } else { poll() });
        if let Some(stuck) = self.shared.lock().mismatch.take() {
            return Err(stuck);
        }
        if let Some(broken) = self.shared.bounds.take_broken() {
            return Err(Stuck::out_of_bounds(&broken, &self.who()));
        }
        let outcome = polled.map_err(|panic| panicked("the workflow", &panic))??;
        if outcome.is_some() {
            self.drop_future();
        }
        self.take_turn(outcome)
    }

    fn poll_until_quiet(&mut self) -> Result<Option<Result<Payload>>, Stuck> {
        for _ in 0..LOOKS {
            let Some(future) = &mut self.future else { return Ok(None) };
            let looked = watch::look(&self.shared, &self.wake_flag, &mut self.entered, |cx| {
                future.as_mut().poll(cx)
            });
            let polled = looked.map_err(|foreign| Stuck::foreign(foreign, &self.who()))?;
            if let Poll::Ready(outcome) = polled {
                return Ok(Some(outcome));
            }
            if !self.wake_flag.is_set() {
                return Ok(None);
            }
        }
        Err(Stuck::new("the workflow wakes itself again and again instead of waiting"))
    }

    fn take_turn(&mut self, outcome: Option<Result<Payload>>) -> Result<Turn, Stuck> {
        let mut state = self.shared.lock();
        if outcome.is_none() && !state.waits_on_something() {
            return Err(Stuck::waits_on_nothing(&self.who()));
        }
        state.settle_left_children(outcome.is_some());
        let (forgotten, told_error) = (std::mem::take(&mut state.forgotten), state.told_error);
        state.told_error = false;
        let left_behind = told_error
            || state.replaying
            || state.cancelled.is_some()
            || matches!(&outcome, Some(Err(error)) if error.kind() != ErrorKind::ContinueAsNew);
        Ok(Turn {
            forgotten: if left_behind { Vec::new() } else { forgotten },
            commands: state.take_commands(),
            marks: std::mem::take(&mut state.new_marks),
            outcome,
            warnings: std::mem::take(&mut state.warnings),
            refused: None,
        })
    }
}

impl Code for Machine {
    fn wants(&self, event: &Event) -> bool {
        event.operation().is_none_or(|op| {
            self.shared.lock().ops.get(&op).is_some_and(|entry| entry.result.is_none())
        })
    }

    fn now(&self) -> Timestamp {
        self.shared.lock().now
    }

    fn has_read_clock(&self) -> bool {
        self.shared.lock().read_clock
    }

    fn was_cancelled(&self) -> bool {
        self.shared.lock().cancelled.is_some()
    }

    fn unnoticed_cancellation(&self) -> Option<String> {
        let state = self.shared.lock();
        state.cancelled.clone().filter(|_| !state.told_cancelled)
    }

    fn unreceived_signals(&self) -> Vec<(String, Payload)> {
        self.shared.lock().signals.drain()
    }

    fn unreceived_bytes(&self) -> usize {
        self.shared.lock().unreceived_bytes()
    }

    fn awaits_update(&self, name: &str) -> bool {
        self.shared.lock().signals.is_awaited(&channel(name))
    }

    fn offer(&self, seq: i64, name: String, payload: Payload) {
        self.shared.lock().updates().offer(seq, name, payload);
    }

    fn awaited_signals(&self) -> Vec<String> {
        self.shared.lock().signals.awaited()
    }

    fn open_attempt(&self, op: u32) -> Option<ActivityStart> {
        self.shared.lock().open_attempt(op)
    }

    fn scheduled(&self, op: u32) {
        self.shared.lock().scheduled(op);
    }

    fn expects_messages(&self) -> bool {
        self.shared.lock().ops.values().any(|entry| {
            let hears = matches!(
                entry.what,
                What::Signal { .. } | What::Update { .. } | What::Child { .. } | What::Cancelled
            );
            (hears || entry.ends_elsewhere()) && entry.result.is_none()
        })
    }

    fn waiting_for(&self) -> String {
        self.shared.lock().waiting_for(10)
    }

    fn called_before_failure(&self) -> u32 {
        self.shared.lock().called_before_failure
    }

    fn close_children(&self) -> CloseChildren {
        self.shared.lock().close_children()
    }

    fn cancel_children(&self) -> Turn {
        let mut state = self.shared.lock();
        state.abandon_children();
        state.settle_left_children(true);
        let marks = std::mem::take(&mut state.new_marks);
        let mut commands = std::mem::take(&mut state.commands);
        commands.retain(Command::goes_with_a_mark);
        Turn { commands, marks, ..Turn::default() }
    }
}

/// What a replay is about to do, or has done.
pub(crate) enum ReplayStep<'a> {
    /// It delivers this event; the start, where there is none.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "for the testing kit"))]
    Before(Option<&'a Recorded>),
    /// The code has been polled.
    After,
}

/// Where a replay has stopped.
#[cfg(feature = "testing")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halt {
    /// This many events that cause turns were still to come.
    Before(usize),
    /// All were applied, and no turn had asked for the mark of this operation.
    AtMark(u32),
    /// The same, for the mark that this child was asked to cancel.
    AtCancel(u32),
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.drop_future();
    }
}

fn panicked(who: &str, panic: &Caught) -> Stuck {
    Stuck::new(format!("{who} {}", panic.of_workflow()))
}

/// Starts of attempts: they move nothing, and are noted when everything else is replayed.
fn take_starts(journal: &mut Vec<Recorded>) -> Vec<Event> {
    let is_noted = |recorded: &mut Recorded| recorded.event.is_noted();
    journal.extract_if(.., is_noted).map(|recorded| recorded.event).collect()
}

/// Runs without logging: what a replay says has been said before.
fn silently<T>(run: impl FnOnce() -> T) -> T {
    tracing::dispatcher::with_default(&tracing::Dispatch::none(), run)
}

/// An attempt ends outside of its worker: the world is asked to wait for that.
fn goes_on_outside(state: &mut State, op: u32, change: impl FnOnce(&mut Op)) {
    if let Some(entry) = state.ops.get_mut(&op) {
        change(entry);
        state.issued.push(op);
    }
}

/// Gives the event to the operation that waits for it.
fn deliver(state: &mut State, event: Event) {
    if event.is_failure() {
        state.note_failure();
    }
    match event {
        Event::ActivityCompleted { step, output, .. } => complete(state, step.op, Ok(output)),
        Event::ActivityFailed { step, attempt, error } => {
            let error = Error::from(&error).through_activity(&step.name, step.op, attempt);
            complete(state, step.op, Err(error));
        }
        Event::ActivityAttemptFailed { step, attempt, retry_at, heartbeat, .. } => {
            let (attempt, not_before, pending) = (attempt + 1, retry_at, None);
            let retry = Retry { attempt, not_before, heartbeat, pending };
            if let Some(entry) = state.ops.get_mut(&step.op) {
                entry.retry = Some(Box::new(retry));
                (entry.asked, entry.started, entry.scheduled) = (false, None, false);
                state.issued.push(step.op);
            }
        }
        Event::ActivityPending { step, attempt, until, silence, heartbeat } => {
            let (silence, beat_at) = (silence.map(Duration::from_micros), state.now);
            let pending = Some(PendingAttempt { until, silence, beat_at });
            let retry = Retry { attempt, not_before: beat_at, heartbeat, pending };
            goes_on_outside(state, step.op, |entry| entry.retry = Some(Box::new(retry)));
        }
        Event::ActivityHeartbeat { op, details, .. } => {
            let now = state.now;
            goes_on_outside(state, op, |entry| {
                let Some(retry) = &mut entry.retry else { return };
                retry.heartbeat = Some(details);
                retry.pending.iter_mut().for_each(|pending| pending.beat_at = now);
            });
        }
        Event::TimerFired { op } => complete(state, op, Payload::json(&())),
        Event::ChildClosed { op, result } => {
            let result = result.map_err(|error| child_error(state, op, &error));
            complete(state, op, result);
        }
        Event::SignalReceived { name, payload } => {
            let delivered = state.signals.arrive(&name, payload);
            state.hand_over(delivered);
        }
        Event::UpdateReceived { name, payload } => {
            let delivered = state.signals.arrive(&channel(&name), payload);
            state.updates().delivered = delivered.as_ref().map(|(op, _)| *op);
            state.hand_over(delivered);
        }
        Event::CancelRequested { reason } => cancel(state, reason),
        Event::SideEffect { .. }
        | Event::ChildStarted { .. }
        | Event::ChildCancelRequested { .. }
        | Event::ChildSignalSent { .. }
        | Event::ChildCancelSent { .. }
        | Event::Patched { .. }
        | Event::ValueRefused { .. }
        | Event::UpdateTaken { .. }
        | Event::UpdateReplied { .. }
        | Event::ActivityStarted { .. }
        | Event::Suspected { .. }
        | Event::ActivityScheduled { .. }
        | Event::RunCompleted
        | Event::RunFailed { .. }
        | Event::RunTerminated { .. }
        | Event::RunStarted
        | Event::Forked(_) => {}
    }
}

fn child_error(state: &State, op: u32, error: &StoredError) -> Error {
    let error = Error::from(error);
    match state.ops.get(&op).map(|entry| &entry.what) {
        Some(What::Child { task, .. }) => error.through_child(task.workflow, task.workflow_id()),
        _ => error,
    }
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
