//! Replays recorded histories against this build, before it is deployed.
//!
//! On the replay machine alone: no store, no runtime, no activity. What a worker would do with the
//! run in production, but for one thing: an input that differs from the journal's is an error here,
//! and a warning there.

mod all;
mod error;
mod report;

use super::difference::shown;
use crate::engine::{History, PAYLOAD_LIMIT};
use crate::error::{Error, ErrorKind};
use crate::journal::{Event, Recorded};
use crate::registry::Registry;
use crate::replay::{Code, Command, Halt, Machine, RunInfo, Stuck, Trail, Turn};

pub use all::{ReplayAll, replay_all};
pub use error::ReplayError;
pub use report::{FailedRun, Failure, Report};

/// Replays a history against the workflows of this program.
///
/// Takes the JSON text of an export, or a [`History`].
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// flows_core::testing::replay(std::fs::read_to_string("tests/histories/order.json")?.as_str())?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the run would get stuck: says at which event, and why. If an activity or a child is called with
/// another input than the journal has. If a run that had ended continues, or ends differently, which
/// harms no open run. Also if this build cannot read the text as a history.
pub fn replay<H>(history: H) -> Result<(), ReplayError>
where
    H: TryInto<History>,
    H::Error: Into<Error>,
{
    replay_with(&Registry::all(), history)
}

/// [`replay`] against the workflows of a registry.
///
/// # Errors
/// See [`replay`].
pub fn replay_with<H>(registry: &Registry, history: H) -> Result<(), ReplayError>
where
    H: TryInto<History>,
    H::Error: Into<Error>,
{
    let history = history.try_into().map_err(|error| ReplayError::unreadable(&error.into()))?;
    check(registry, &history, WhenEnded::Same)
}

impl TryFrom<&str> for History {
    type Error = Error;

    fn try_from(json: &str) -> Result<Self, Error> {
        Self::from_json(json)
    }
}

impl TryFrom<String> for History {
    type Error = Error;

    fn try_from(json: String) -> Result<Self, Error> {
        Self::from_json(&json)
    }
}

impl From<&Self> for History {
    fn from(history: &Self) -> Self {
        history.clone()
    }
}

/// What is asked of a run that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenEnded {
    /// It must end there again, in the same way.
    Same,
    /// Only that it comes so far.
    Any,
}

/// Whether a worker of this build could continue the run.
pub(crate) fn check(
    registry: &Registry,
    history: &History,
    end: WhenEnded,
) -> Result<(), ReplayError> {
    let (mut machine, journal) = prepare(registry, history)?;
    let outcome = machine.replay(journal);
    judge(registry, history, end, &machine, outcome)
}

/// What replays a history, and the events that it replays.
pub(super) fn prepare(
    registry: &Registry,
    history: &History,
) -> Result<(Machine, Vec<Recorded>), ReplayError> {
    let refused = |why: &str| ReplayError::new(history, None, why);
    let (name, version) = (&history.workflow, history.version);
    let def = registry.workflow(name, version).ok_or_else(|| {
        refused(&format!("workflow `{name}` version {version} is not registered here"))
    })?;
    let machine = Machine::new(info(history), def, &history.input);
    Ok((machine.map_err(|stuck| refused(&stuck.to_string()))?, split(history).0))
}

/// What the outcome of its replay says of a history.
pub(super) fn judge(
    registry: &Registry,
    history: &History,
    end: WhenEnded,
    machine: &Machine,
    outcome: Result<Turn, Stuck>,
) -> Result<(), ReplayError> {
    let (journal, recorded) = split(history);
    let events = journal.len();
    match outcome {
        Err(stuck) => {
            let event = halted(history, events, machine.halt());
            Err(ReplayError::new(history, event, &stuck.to_string()))
        }
        Ok(turn) => {
            same_inputs(history, &turn)?;
            known_activities(registry, history, &turn)?;
            let recorded = recorded.filter(|_| end == WhenEnded::Same);
            recorded.map_or(Ok(()), |recorded| same_end(history, &recorded, &turn, machine))
        }
    }
}

/// What a run asks for where its history ends.
pub(crate) fn turn_of(registry: &Registry, history: &History) -> Result<Turn, Stuck> {
    let (name, version) = (&history.workflow, history.version);
    let def = registry.workflow(name, version).ok_or_else(|| {
        Stuck::new(format!("workflow `{name}` version {version} is not registered here"))
    })?;
    let mut machine = Machine::new(info(history), def, &history.input)?;
    machine.replay(split(history).0)
}

/// What the code asks for on the way through a history, as far as it comes.
pub(crate) fn trail(registry: &Registry, history: &History) -> Trail {
    let def = registry.workflow(&history.workflow, history.version);
    let machine = def.and_then(|def| Machine::new(info(history), def, &history.input).ok());
    let Some(mut machine) = machine else { return Trail::new() };
    machine.keep_trail();
    drop(machine.replay(split(history).0)); // where it gets stuck, the trail ends
    machine.take_trail()
}

fn info(history: &History) -> RunInfo {
    RunInfo {
        key: history.key(),
        workflow_id: history.workflow_id.as_deref().map(Into::into),
        workflow: history.workflow.as_str().into(),
        version: history.version,
        queue: history.queue.as_str().into(),
        attempt: history.attempt,
        started_at: history.started_at.into(),
        headers: history.headers.clone(),
        payload_limit: PAYLOAD_LIMIT,
    }
}

/// The events that a worker would replay; and the end of the run, which no worker takes up again.
fn split(history: &History) -> (Vec<Recorded>, Option<Event>) {
    let mut journal: Vec<_> = history.events.iter().map(|entry| entry.recorded.clone()).collect();
    let end = journal.pop_if(|last| last.event.is_run_end()).map(|last| last.event);
    (journal, end)
}

/// The place, in the journal, of the event at which a replay stopped.
fn halted(history: &History, journal: usize, halt: Halt) -> Option<usize> {
    let mut events = history.events[..journal].iter().map(|entry| &entry.recorded.event);
    match halt {
        Halt::AtCancel(op) => events.position(|event| *event == Event::ChildCancelRequested { op }),
        Halt::AtMark(op) => {
            events.position(|event| event.is_mark() && event.operation() == Some(op))
        }
        Halt::Before(ahead) => {
            let is_turn = |event: &Event| !event.is_mark() && !event.is_noted();
            let turns = events.enumerate().filter(|(_, event)| is_turn(event));
            turns.map(|(at, _)| at).rev().nth(ahead)
        }
    }
}

/// What a worker only warns of.
fn same_inputs(history: &History, turn: &Turn) -> Result<(), ReplayError> {
    let Some(changed) = turn.warnings.first() else { return Ok(()) };
    let names_it = |event: &Event| {
        let starts = event.is_noted();
        !starts && event.step().is_some_and(|step| step.op == changed.op)
    };
    let at = history.events.iter().position(|entry| names_it(&entry.recorded.event));
    let recorded = match changed.child {
        Some(child) => format!("in the child's own run {child}; here, only a hash of it"),
        None => "only as a hash, so it cannot be shown".to_owned(),
    };
    let now = shown(&changed.input);
    let why = format!("{changed}\n  journal: {recorded}\n  code:    {now}");
    Err(ReplayError::new(history, at, &why))
}

/// A run that asks for an activity that nobody has is stuck as soon as it is taken up.
fn known_activities(
    registry: &Registry,
    history: &History,
    turn: &Turn,
) -> Result<(), ReplayError> {
    let unknown = turn.commands.iter().find_map(|command| match command {
        Command::RunActivity(start) => {
            Some(start.task.name).filter(|name| registry.activity(name).is_none())
        }
        _ => None,
    });
    let Some(name) = unknown.filter(|_| turn.outcome.is_none()) else { return Ok(()) };
    let why = format!("it goes on with activity `{name}`, which is not registered here");
    Err(ReplayError::new(history, history.len().checked_sub(1), &why))
}

/// Whether the code ends where the journal does.
fn same_end(
    history: &History,
    end: &Event,
    turn: &Turn,
    machine: &Machine,
) -> Result<(), ReplayError> {
    let code = match (end, &turn.outcome) {
        (Event::RunTerminated { .. }, _) | (Event::RunCompleted, Some(Ok(_))) => return Ok(()),
        (Event::RunFailed { error }, outcome) => {
            let recorded = Error::from(error).kind();
            match outcome {
                // ended by its time limit, or with an output that was too large
                None if recorded == ErrorKind::Timeout => return Ok(()),
                Some(Ok(_)) if recorded == ErrorKind::InvalidInput => return Ok(()),
                Some(Err(error)) if error.kind() == recorded => return Ok(()),
                other => outcome_in_words(other.as_ref(), machine),
            }
        }
        (_, outcome) => outcome_in_words(outcome.as_ref(), machine),
    };
    let why =
        format!("the run has ended otherwise\n  journal: {}\n  code:    {code}", end_in_words(end));
    Err(ReplayError::new(history, history.len().checked_sub(1), &why))
}

fn end_in_words(end: &Event) -> String {
    match end {
        Event::RunFailed { error } => {
            let error = Error::from(error);
            format!("{} ({:?}: {error})", end.name(), error.kind())
        }
        other => other.name().to_owned(),
    }
}

fn outcome_in_words(
    outcome: Option<&crate::error::Result<crate::payload::Payload>>,
    machine: &Machine,
) -> String {
    match outcome {
        None => format!("still waits for {}", machine.waiting_for()),
        Some(Ok(_)) => "returns its output".to_owned(),
        Some(Err(error)) => format!("returns an error ({:?}: {error})", error.kind()),
    }
}
