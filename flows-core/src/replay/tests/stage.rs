//! The stage: plays a run as a worker would, keeps its journal, and replays it for comparison.
//!
//! What is still open is worked out from the commands alone, so that the machine's own account of
//! it is checked and not believed.

use crate::replay::Code;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::shown;
use crate::definition::WorkflowDef;
use crate::error::Error;
use crate::ids::RunKey;
use crate::journal::{Event, Recorded, StepId, StoredError};
use crate::payload::Payload;
use crate::replay::{ActivityTask, Command, Machine, RunInfo, Stuck, Turn};
use crate::time::Timestamp;

/// When every run of these tests starts.
pub(super) const START: Timestamp = Timestamp(1_700_000_000_000_000);

/// Something that happens to a run; the numbers are operations.
#[derive(Debug, Clone)]
pub(super) enum Happens {
    Completes(u32, Value),
    Fails(u32, &'static str),
    /// An attempt fails; the next one is due a minute later.
    Stumbles(u32, &'static str),
    /// An attempt ends outside of its worker, within an hour.
    Pends(u32),
    /// Such an attempt goes on.
    Beats(u32),
    Fires(u32),
    Signal(String, Value),
    /// An update arrives, with its id.
    Update(&'static str, &'static str, Value),
    Cancel(&'static str),
    Child(u32, Result<Value, &'static str>),
}

pub(super) use Happens::{Beats, Cancel, Child, Fails, Fires, Pends, Stumbles};

pub(super) fn completes(op: u32, output: u64) -> Happens {
    Happens::Completes(op, output.into())
}

pub(super) fn signal(name: &str, value: impl Into<Value>) -> Happens {
    Happens::Signal(name.to_owned(), value.into())
}

/// What the message of an update holds.
pub(super) fn envelope(id: &str, request: &Value) -> Payload {
    Payload::json(&serde_json::json!({ "id": id, "request": request })).expect("a payload")
}

/// A run that is played live, event by event.
pub(super) struct Stage {
    def: WorkflowDef,
    input: Payload,
    pub(super) machine: Machine,
    pub(super) journal: Vec<Recorded>,
    /// How long the journal was after each turn: what a crash may lose ends at one of them.
    turns: Vec<usize>,
    now: Timestamp,
    /// What was asked for and has not been given, by operation.
    pub(super) open: BTreeMap<u32, Command>,
    /// Children that have been started and have not ended.
    pub(super) children: BTreeSet<u32>,
    /// Children that were asked to cancel.
    cancelled: BTreeSet<u32>,
    /// Every activity that was ever asked for.
    tasks: BTreeMap<u32, Arc<ActivityTask>>,
    pub(super) outcome: Option<String>,
    /// Whether a journal begins with the event that a worker writes before the first turn.
    records_start: bool,
    /// What has come about, for those who ask how much a test tests.
    pub(super) seen: BTreeSet<&'static str>,
}

impl Stage {
    pub(super) fn begin(def: WorkflowDef, input: &impl Serialize) -> (Self, Turn) {
        let input = Payload::json(input).expect("an input");
        let (machine, turn) = replay(&def, &input, &[]).expect("a first turn");
        let mut stage = Self {
            def,
            input,
            machine,
            journal: Vec::new(),
            turns: Vec::new(),
            now: START,
            open: BTreeMap::new(),
            children: BTreeSet::new(),
            cancelled: BTreeSet::new(),
            tasks: BTreeMap::new(),
            outcome: None,
            records_start: false,
            seen: BTreeSet::new(),
        };
        stage.note(&turn);
        (stage, turn)
    }

    /// Begins as a worker does: the first turn is in the journal too.
    pub(super) fn begin_recorded(def: WorkflowDef, input: &impl Serialize) -> Self {
        let (mut stage, turn) = Self::begin(def, input);
        (stage.records_start, stage.journal, stage.turns) = (true, Vec::new(), Vec::new());
        stage.children.clear();
        stage.cancelled.clear();
        stage.note(&turn);
        stage
    }

    /// Gives the run an event; `None` when it does not wait for it.
    pub(super) fn happen(&mut self, happens: &Happens) -> Result<Option<Turn>, Stuck> {
        self.now = self.now.after(Duration::from_secs(1));
        if let Happens::Update(name, id, request) = happens
            && !self.machine.awaits_update(name)
        {
            let seq = i64::try_from(self.now.since(START).as_secs()).expect("a number");
            self.machine.offer(seq, (*name).to_owned(), envelope(id, request));
            return Ok(None);
        }
        let event = self.event(happens);
        if self.outcome.is_some() || !self.machine.wants(&event) {
            return Ok(None);
        }
        if let Some(op) = event.operation() {
            self.open.remove(&op);
            self.children.remove(&op);
        }
        let recorded = Recorded { at: self.now, event };
        self.journal.push(recorded.clone());
        let turn = self.machine.apply(recorded)?;
        if turn.refused.is_some() {
            self.journal.pop(); // it leaves no trace
            return Ok(Some(turn));
        }
        self.note(&turn);
        Ok(Some(turn))
    }

    fn event(&mut self, happens: &Happens) -> Event {
        match happens {
            Happens::Completes(op, output) => {
                let output = Payload::json(output).expect("an output");
                Event::ActivityCompleted { step: self.step(*op), attempt: 1, output }
            }
            Fails(op, error) => {
                Event::ActivityFailed { step: self.step(*op), attempt: 1, error: stored(error) }
            }
            Stumbles(op, error) => self.stumble(*op, error),
            Pends(op) => self.pend(*op),
            Beats(op) => {
                let (attempt, details) = (self.attempt(*op), Payload::from_json("\"alive\""));
                Event::ActivityHeartbeat { op: *op, attempt, details }
            }
            Fires(op) => {
                if let Some(Command::StartTimer { due, .. }) = self.open.get(op) {
                    self.now = self.now.max(*due);
                }
                Event::TimerFired { op: *op }
            }
            Happens::Signal(name, value) => {
                let payload = Payload::json(value).expect("a payload");
                Event::SignalReceived { name: name.clone(), payload }
            }
            Happens::Update(name, id, request) => {
                Event::UpdateReceived { name: (*name).to_owned(), payload: envelope(id, request) }
            }
            Cancel(reason) => Event::CancelRequested { reason: (*reason).to_owned() },
            Child(op, result) => Event::ChildClosed { op: *op, result: child_result(result) },
        }
    }

    fn attempt(&self, op: u32) -> u32 {
        match self.open.get(&op) {
            Some(Command::RunActivity(start)) => start.attempt,
            _ => 1,
        }
    }

    fn pend(&self, op: u32) -> Event {
        let (step, attempt) = (self.step(op), self.attempt(op));
        let until = self.now.after(Duration::from_secs(3_600));
        Event::ActivityPending { step, attempt, until, silence: Some(9_000_000), heartbeat: None }
    }

    fn stumble(&self, op: u32, error: &str) -> Event {
        let attempt = self.attempt(op);
        Event::ActivityAttemptFailed {
            step: self.step(op),
            attempt,
            error: stored(error),
            retry_at: self.now.after(Duration::from_secs(60)),
            heartbeat: Some(Payload::from_json(format!("\"beat {attempt}\""))),
        }
    }

    fn step(&self, op: u32) -> StepId {
        let task = self.tasks.get(&op);
        StepId {
            op,
            name: task.map_or("nobody", |task| task.name).into(),
            input: task.map_or(0, |task| task.input_hash),
        }
    }

    /// Keeps what a turn made and asked for, as a worker does.
    fn note(&mut self, turn: &Turn) {
        assert!(turn.warnings.is_empty(), "{:?}", turn.warnings);
        if self.records_start && self.journal.is_empty() {
            self.journal.push(Recorded { at: START, event: Event::RunStarted });
        }
        self.journal.extend(turn.marks.iter().cloned());
        self.seen.extend(shown::news(turn));
        assert_eq!(starts_recorded(turn), starts_asked_for(turn), "children that start");
        let tells = |command: &&Command| {
            matches!(command, Command::CancelChild { .. } | Command::SignalChild { .. })
        };
        let sent = turn.commands.iter().filter(tells).count();
        let recorded = turn.marks.iter().filter(|mark| mark.event.tells_a_child()).count();
        assert_eq!(recorded, sent, "children that are told something");
        for op in cancels_recorded(&turn.marks) {
            assert!(self.cancelled.insert(op), "#{op} is asked to cancel once");
        }
        for command in &turn.commands {
            match command {
                Command::RunActivity(start) => {
                    self.tasks.insert(start.task.op, Arc::clone(&start.task));
                    self.open.insert(start.task.op, command.clone());
                }
                Command::StartTimer { op, .. } => drop(self.open.insert(*op, command.clone())),
                Command::CancelActivity(op) | Command::WithdrawActivity(op) => {
                    let lost = self.open.remove(op);
                    assert!(matches!(lost, Some(Command::RunActivity(_))), "#{op}: {lost:?}");
                }
                Command::CancelTimer(op) => {
                    let lost = self.open.remove(op);
                    assert!(matches!(lost, Some(Command::StartTimer { .. })), "#{op}: {lost:?}");
                }
                // Its start is in the journal from here on.
                Command::StartChild(child) => {
                    assert!(self.children.insert(child.op), "a child is started once");
                }
                Command::StopActivity { .. }
                | Command::CancelChild { .. }
                | Command::SignalChild { .. }
                | Command::SetQuery { .. }
                | Command::Publish { .. }
                | Command::SetAttribute { .. }
                | Command::Consume(_)
                | Command::Refuse { .. } => {}
            }
        }
        self.outcome = turn.outcome.as_ref().map(shown::outcome);
        let forgotten = self.outcome.is_some() && !self.open.is_empty();
        assert!(!forgotten, "still runs after the end: {:?}", self.open);
        if self.outcome.is_some() {
            let left: BTreeSet<_> = self.children.difference(&self.cancelled).copied().collect();
            let detached = detached(&self.journal);
            assert!(left.is_subset(&detached), "it goes on though nobody waits for it: {left:?}");
            assert!(self.cancelled.is_disjoint(&detached), "it goes on by itself");
        }
        self.turns.push(self.journal.len());
    }

    /// Every activity that was ever asked for.
    pub(super) fn asked(&self) -> impl Iterator<Item = u32> {
        self.tasks.keys().copied()
    }

    /// The run from its journal alone.
    pub(super) fn replayed(&self) -> (Machine, Turn) {
        replay(&self.def, &self.input, &self.journal).expect("the journal of this very script")
    }

    /// A replay decides what the live run has decided.
    #[track_caller]
    pub(super) fn assert_replays(&self) {
        let (machine, turn) = self.replayed();
        assert_eq!(turn.outcome.as_ref().map(shown::outcome), self.outcome, "the outcome");
        assert!(turn.marks.is_empty(), "recorded again: {:?}", turn.marks);
        assert!(turn.warnings.is_empty(), "{:?}", turn.warnings);
        if self.outcome.is_none() {
            let live: Vec<_> = self.open.values().cloned().collect();
            assert_eq!(shown::commands(&turn.commands), shown::commands(&live), "open commands");
            assert_eq!(machine.waiting_for(), self.machine.waiting_for());
            assert_eq!(machine.expects_messages(), self.machine.expects_messages());
        }
    }

    /// Another worker takes over: it has nothing but the journal.
    pub(super) fn take_over(&mut self) {
        self.machine = self.replayed().0;
    }

    /// Another worker takes over, with another build.
    pub(super) fn deploy(&mut self, def: WorkflowDef) -> Result<Turn, Stuck> {
        self.def = def;
        self.restart()
    }

    /// The worker dies, and with it what the last turns have made and never committed.
    pub(super) fn crash(&mut self, lost: usize) {
        let left = self.turns.len().saturating_sub(lost);
        self.seen.insert(if left == 0 { "a crash loses all" } else { "a crash loses turns" });
        self.turns.truncate(left);
        self.journal.truncate(self.turns.last().copied().unwrap_or_default());
        self.restart().expect("the journal of this very script");
    }

    /// The worker dies when the result of a transactional activity is committed, by its own
    /// transaction, and what the turn behind it has made is not.
    pub(super) fn crash_behind_seal(&mut self) {
        let [.., before, last] = &mut *self.turns else { return };
        if matches!(self.journal[*before].event, Event::ActivityCompleted { .. }) {
            let lost = *last > *before + 1;
            self.seen.insert(if lost { "a crash loses marks" } else { "a crash loses no mark" });
            *last = *before + 1;
            self.journal.truncate(*last);
            self.restart().expect("the journal of this very script");
        }
    }

    fn restart(&mut self) -> Result<Turn, Stuck> {
        let (machine, turn) = replay(&self.def, &self.input, &self.journal)?;
        self.machine = machine;
        self.turns.pop();
        self.open.clear();
        self.tasks.clear(); // what the dead worker ran reaches nobody
        self.children = open_children(&self.journal);
        self.cancelled = cancels_recorded(&self.journal).collect();
        self.note(&turn);
        Ok(turn)
    }
}

fn open_children(journal: &[Recorded]) -> BTreeSet<u32> {
    let mut open = BTreeSet::new();
    for recorded in journal {
        match &recorded.event {
            Event::ChildStarted { step, .. } => drop(open.insert(step.op)),
            Event::ChildClosed { op, .. } => drop(open.remove(op)),
            _ => {}
        }
    }
    open
}

/// Children that go on by themselves.
fn detached(journal: &[Recorded]) -> BTreeSet<u32> {
    let starts = journal.iter().filter_map(|recorded| match &recorded.event {
        Event::ChildStarted { step, .. } => Some(step),
        _ => None,
    });
    starts.filter(|step| step.name == super::children::LONER).map(|step| step.op).collect()
}

fn cancels_recorded(journal: &[Recorded]) -> impl Iterator<Item = u32> {
    journal.iter().filter_map(|recorded| match recorded.event {
        Event::ChildCancelRequested { op } => Some(op),
        _ => None,
    })
}

fn starts_recorded(turn: &Turn) -> BTreeSet<u32> {
    let starts = turn.marks.iter().filter_map(|mark| match &mark.event {
        Event::ChildStarted { step, .. } => Some(step.op),
        _ => None,
    });
    starts.collect()
}

fn starts_asked_for(turn: &Turn) -> BTreeSet<u32> {
    let starts = turn.commands.iter().filter_map(|command| match command {
        Command::StartChild(child) => Some(child.op),
        _ => None,
    });
    starts.collect()
}

fn stored(message: &str) -> StoredError {
    StoredError::from(&Error::terminal(message))
}

fn child_result(result: &Result<Value, &'static str>) -> Result<Payload, StoredError> {
    match result {
        Ok(value) => Ok(Payload::json(value).expect("an output")),
        Err(error) => Err(stored(error)),
    }
}

fn replay(
    def: &WorkflowDef,
    input: &Payload,
    journal: &[Recorded],
) -> Result<(Machine, Turn), Stuck> {
    let info = RunInfo {
        key: RunKey::of_run(
            Uuid::nil(),
            Uuid::from_u128(0x018b_cfe5_6800_7000_8000_0000_0000_0003),
        ),
        workflow_id: Some("w-1".into()),
        workflow: def.name.into(),
        version: def.version,
        queue: "default".into(),
        attempt: 1,
        started_at: START,
        headers: crate::Headers::default(),
        payload_limit: crate::engine::PAYLOAD_LIMIT,
    };
    let mut machine = Machine::new(info, def, input)?;
    let turn = machine.replay(journal.to_vec())?;
    Ok((machine, turn))
}

/// Replays these events, one second apart.
pub(super) fn replay_events(def: &WorkflowDef, journal: &[Event]) -> Result<Turn, Stuck> {
    let journal: Vec<_> = (1..)
        .zip(journal)
        .map(|(second, event)| Recorded {
            at: START.after(Duration::from_secs(second)),
            event: event.clone(),
        })
        .collect();
    replay(def, &Payload::from_json("{}"), &journal).map(|(_, turn)| turn)
}

/// The journal's account of an activity that was called with this input.
pub(super) fn completed(op: u32, name: &str, input: u64, output: u64) -> Event {
    Event::ActivityCompleted {
        step: step(op, name, &input),
        attempt: 1,
        output: Payload::from_json(output.to_string()),
    }
}

pub(super) fn step(op: u32, name: &str, input: &impl Serialize) -> StepId {
    let input = Payload::json(input).expect("an input");
    let input = crate::ids::fnv1a(input.bytes().iter().copied());
    StepId { op, name: name.to_owned().into(), input }
}
