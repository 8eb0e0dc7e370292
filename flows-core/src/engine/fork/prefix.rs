//! What a fork keeps of another run's journal: its first events, some of them edited. Pure.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::engine::export::Entry;
use crate::error::{Error, Result};
use crate::journal::{self, Event, ForkPoint, Recorded, StepId};
use crate::payload::Payload;
use crate::time::Timestamp;

/// The events of a history that a fork keeps.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// For people: how many events there were in front of the fork.
    pub(super) position: usize,
    /// Which events, by their index.
    events: Vec<usize>,
}

impl Kept {
    /// The events in front of a position.
    pub(super) fn first(history: &[Entry], position: usize) -> Self {
        Self { position, events: (0..position.min(history.len())).collect() }
    }

    /// Everything in front of the failure that a run has ended with, and what had been called before and has
    /// ended behind it. A run that has ended with an error of its own keeps everything.
    pub(super) fn before_failure(history: &[Entry]) -> Result<Self> {
        let Some(failed) = history.iter().rposition(|entry| event(entry).is_failure()) else {
            return Ok(Self::first(history, history.len()));
        };
        let op = event(&history[failed]).operation();
        let (before, after) = (&history[..failed], &history[failed + 1..]);
        let called = called_before(history, failed);
        let tail = after.iter().take_while(|entry| answers(event(entry), called)).count();
        if let Some(done) = after[tail..].iter().find(|entry| is_work(event(entry))) {
            return Err(went_on(&history[failed], done, failed));
        }
        let is_attempt = |index: &usize| {
            let tried = event(&history[*index]);
            matches!(tried, Event::ActivityAttemptFailed { .. }) && tried.operation() == op
        };
        let events = (0..before.len()).filter(|index| !is_attempt(index));
        Ok(Self { position: failed, events: events.chain(failed + 1..=failed + tail).collect() })
    }

    /// Everything in front of a request to cancel.
    pub(super) fn uncancelled(history: &[Entry]) -> Self {
        let is_request = |entry: &Entry| matches!(event(entry), Event::CancelRequested { .. });
        Self::first(history, history.iter().position(is_request).unwrap_or(history.len()))
    }
}

fn event(entry: &Entry) -> &Event {
    &entry.recorded.event
}

/// How many operations had been called when one failed: the run's end says so. A run that was ended by another build,
/// or from outside, does not; but operations are numbered as they are called.
fn called_before(history: &[Entry], failed: usize) -> u32 {
    let said = match history.last().map(event) {
        Some(Event::RunFailed { error }) => error.called(),
        _ => None,
    };
    let mentioned = || {
        let mentioned = history[..=failed].iter().filter_map(|entry| event(entry).operation());
        mentioned.max().map_or(0, |op| op.saturating_add(1))
    };
    said.unwrap_or_else(mentioned)
}

/// A signal, a note, or the answer to one of the first operations.
fn answers(event: &Event, called: u32) -> bool {
    let is_answer = matches!(
        event,
        Event::ActivityCompleted { .. }
            | Event::ActivityAttemptFailed { .. }
            | Event::ActivityStarted { .. }
            | Event::ActivityPending { .. }
            | Event::ActivityHeartbeat { .. }
            | Event::ChildClosed { .. }
            | Event::TimerFired { .. }
    );
    let is_answer = is_answer && event.operation().is_some_and(|op| op < called);
    is_answer || matches!(event, Event::SignalReceived { .. } | Event::Suspected { .. })
}

/// Something has been done in the world.
fn is_work(event: &Event) -> bool {
    matches!(
        event,
        Event::ActivityCompleted { .. } | Event::ChildStarted { .. } | Event::ChildClosed { .. }
    )
}

fn went_on(failed: &Entry, done: &Entry, position: usize) -> Error {
    let named = |entry: &Entry| {
        let event = event(entry);
        let name = event.step().map(|step| format!(" `{}`", step.name)).unwrap_or_default();
        let op = event.operation().map(|op| format!(" (#{op})")).unwrap_or_default();
        format!("{}{name}{op}", event.name())
    };
    Error::invalid(format!(
        "the run did not end with its failure ({}): behind that it has gone on, see {}. A rerun from the failure \
         would forget what it has done there, which may have undone what is kept. Rerun it from its beginning, or \
         say with `fork` or `reset` what to keep: the failure is event {position} of its history",
        named(failed),
        named(done),
    ))
}

/// What is edited.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// The input is another one.
    pub(super) input: bool,
    /// Results of activities, by the index of the event.
    pub(super) results: Vec<(usize, Result<Payload>)>,
}

/// The journal of a fork.
#[derive(Debug, Default)]
pub(super) struct Prefix {
    pub(super) copied: i32,
    pub(super) rewritten: Vec<(i32, Vec<u8>)>,
    /// Signals that the other run has received behind the fork.
    pub(super) later_signals: Vec<(String, Payload)>,
    /// Children that the fork waits for: the operation, and the run.
    pub(super) children: Vec<(u32, Uuid)>,
    entries: Vec<Entry>,
}

impl Prefix {
    /// Of the run `from`, forked at a time.
    pub(super) fn new(
        history: &[Entry],
        kept: &Kept,
        edits: Edits,
        from: Uuid,
        at: Timestamp,
    ) -> Result<Self> {
        let edited = edits.input || !edits.results.is_empty();
        let mut events = history.to_vec();
        for (index, value) in edits.results {
            edit(&mut events, kept, index, value?)?;
        }
        let (mut forks, mut entries, mut later) = (Vec::new(), Vec::new(), Vec::new());
        for (index, entry) in events.into_iter().enumerate() {
            match &entry.recorded.event {
                Event::Forked(_) => forks.push(entry.recorded),
                _ if kept.events.binary_search(&index).is_ok() => entries.push(entry),
                _ => later.push(entry),
            }
        }
        let mut calls = calls(entries.iter().chain(&later));
        for ended in entries.iter().filter_map(|entry| event(entry).ended_activity()) {
            calls.remove(&ended); // it is not made again
        }
        entries.retain(|entry| is_repeated(event(entry)));
        let turns = turns(&entries);
        cut_older(&mut forks, turns, &later);
        let begins = entries.first().is_some_and(|entry| *event(entry) == Event::RunStarted);
        let calls = calls.into_values().collect();
        let position = u32::try_from(kept.position).unwrap_or(u32::MAX);
        let point = ForkPoint { from, position, turns, edited: edited || !begins, calls };
        forks.push(Recorded { at, event: Event::Forked(Box::new(point)) });
        let later_signals = later.into_iter().filter_map(signal).collect();
        let children = open_children(&entries);
        let mut prefix = Self { later_signals, children, entries, ..Self::default() };
        prefix.number(history, forks);
        Ok(prefix)
    }

    /// The children go on as other runs.
    pub(super) fn rename(&mut self, renamed: &[(Uuid, Uuid)]) -> Result<()> {
        for Entry { row, recorded } in &mut self.entries {
            if let Event::ChildStarted { run, .. } = &mut recorded.event
                && let Some((_, new)) = renamed.iter().find(|(old, _)| old == run)
            {
                *run = *new;
                self.rewritten.push((*row, Vec::new()));
            }
        }
        self.encode()
    }

    /// Gives the entries their rows, without gaps, and notes which rows are not what they were.
    fn number(&mut self, history: &[Entry], forks: Vec<Recorded>) {
        let before = by_row(history);
        let mut entries: Vec<_> =
            forks.into_iter().map(|recorded| Entry { row: 0, recorded }).collect();
        self.rewritten.push((0, Vec::new()));
        for (row, (old, events)) in (0..).zip(by_row(&self.entries)) {
            if old != row || before.get(&old) != Some(&events) {
                self.rewritten.push((row, Vec::new()));
            } else {
                self.copied = row + 1;
            }
            let events = events.into_iter().cloned();
            entries.extend(events.map(|recorded| Entry { row, recorded }));
        }
        self.entries = entries;
    }

    /// Encodes the rows that are written.
    fn encode(&mut self) -> Result<()> {
        self.rewritten.sort_unstable();
        self.rewritten.dedup_by_key(|(row, _)| *row);
        let rows = by_row(&self.entries);
        for (row, bytes) in &mut self.rewritten {
            let events = rows.get(row).into_iter().flatten();
            *bytes =
                journal::encode(&events.map(|recorded| (*recorded).clone()).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

fn by_row(entries: &[Entry]) -> BTreeMap<i32, Vec<&Recorded>> {
    let mut rows = BTreeMap::<i32, Vec<&Recorded>>::new();
    for entry in entries {
        rows.entry(entry.row).or_default().push(&entry.recorded);
    }
    rows
}

/// Puts a result in the place of another one, or of a failure.
fn edit(events: &mut [Entry], kept: &Kept, index: usize, value: Payload) -> Result<()> {
    let wrong = |what: &str| {
        Error::invalid(format!("the result of event {index} cannot be edited: {what}"))
    };
    if kept.events.binary_search(&index).is_err() {
        return Err(wrong("the fork does not keep that event"));
    }
    let edited = &mut events[index].recorded.event;
    match edited {
        Event::ActivityCompleted { step, attempt, .. }
        | Event::ActivityFailed { step, attempt, .. } => {
            let (step, attempt) = (step.clone(), *attempt);
            *edited = Event::ActivityCompleted { step, attempt, output: value };
            Ok(())
        }
        other => {
            Err(wrong(&format!("it is `{}`, and no activity has ended with it", other.name())))
        }
    }
}

/// Whether a fork repeats an event of the run that it is forked from. Not its end; nor what was noted of attempts
/// that were under way, which begin anew.
fn is_repeated(event: &Event) -> bool {
    let is_of_an_attempt = matches!(
        event,
        Event::ActivityStarted { .. }
            | Event::Suspected { .. }
            | Event::ActivityPending { .. }
            | Event::ActivityHeartbeat { .. }
    );
    !event.is_run_end() && !is_of_an_attempt
}

/// The activities that events tell of.
fn calls<'a>(events: impl Iterator<Item = &'a Entry>) -> BTreeMap<u32, StepId> {
    let is_child = |event: &&Event| matches!(event, Event::ChildStarted { .. });
    let steps = events.map(event).filter(|event| !is_child(event)).filter_map(Event::step);
    steps.map(|step| (step.op, step.clone())).collect()
}

fn is_turn(event: &Event) -> bool {
    is_repeated(event) && !event.is_mark() && !matches!(event, Event::RunStarted)
}

fn turns(entries: &[Entry]) -> u32 {
    let turns = entries.iter().filter(|entry| is_turn(event(entry))).count();
    u32::try_from(turns).unwrap_or(u32::MAX)
}

/// Where the other run was forked itself, behind what is kept now: of the rest it knows what was called.
fn cut_older(forks: &mut [Recorded], turns: u32, later: &[Entry]) {
    for fork in forks {
        let Event::Forked(point) = &mut fork.event else { continue };
        if point.turns <= turns {
            continue;
        }
        let rest = usize::try_from(point.turns - turns).unwrap_or(usize::MAX);
        let repeated = later.iter().filter(|entry| is_turn(event(entry))).take(rest);
        let mut known: BTreeMap<_, _> = point.calls.drain(..).map(|step| (step.op, step)).collect();
        known.extend(calls(repeated));
        point.calls = known.into_values().collect();
        point.turns = turns;
    }
}

fn signal(entry: Entry) -> Option<(String, Payload)> {
    match entry.recorded.event {
        Event::SignalReceived { name, payload } => Some((name, payload)),
        _ => None,
    }
}

fn open_children(entries: &[Entry]) -> Vec<(u32, Uuid)> {
    let mut open = BTreeMap::new();
    for entry in entries {
        match event(entry) {
            Event::ChildStarted { step, run } => drop(open.insert(step.op, *run)),
            Event::ChildClosed { op, .. } | Event::ChildCancelRequested { op } => {
                open.remove(op);
            }
            _ => {}
        }
    }
    open.into_iter().collect()
}
