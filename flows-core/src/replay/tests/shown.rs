//! Turns and events as lines of a table.

use std::time::Duration;

use super::stage::{Beats, Cancel, Child, Fails, Fires, Happens, Pends, START, Stumbles};
use crate::error::Result;
use crate::journal::{Event, Recorded};
use crate::payload::Payload;
use crate::replay::{ActivityStart, Command, Turn};
use crate::time::Timestamp;

/// What a turn asks for, records and gives.
pub(super) fn turn(turn: &Turn) -> String {
    let commands = turn.commands.iter().map(command);
    let marks = turn.marks.iter().map(mark);
    let outcome = turn.outcome.iter().map(outcome);
    let refused = turn.refused.iter().map(|refused| format!("refuses {}", refused.id));
    let parts: Vec<_> = commands.chain(marks).chain(outcome).chain(refused).collect();
    if parts.is_empty() { "waits".to_owned() } else { parts.join(", ") }
}

/// The kinds of what a turn asks for, records and gives.
pub(super) fn news(turn: &Turn) -> Vec<&'static str> {
    let commands = turn.commands.iter().map(|command| match command {
        Command::RunActivity(start) if start.pending.is_some() => "an activity ends outside",
        Command::RunActivity(start) if start.attempt > 1 => "an activity is tried again",
        Command::RunActivity(_) => "an activity is asked for",
        Command::CancelActivity(_) => "an activity is cancelled",
        Command::StopActivity { .. } => "an activity is to end",
        Command::WithdrawActivity(_) => "an activity of other workers is cancelled",
        Command::StartTimer { .. } => "a timer is asked for",
        Command::CancelTimer(_) => "a timer is taken back",
        Command::StartChild(_) => "a child starts",
        Command::CancelChild { .. } => "a child is asked to cancel",
        Command::SignalChild { .. } => "a child is signalled",
        Command::SetQuery { .. } => "a value for queries is published",
        Command::Publish { .. } => "an item is published",
        Command::SetAttribute { .. } => "a search attribute is set",
        Command::Consume(_) => "a message is consumed",
        Command::Refuse { .. } => "an update is refused",
    });
    let marks = turn.marks.iter().map(|mark| match mark.event {
        Event::SideEffect { .. } => "a side effect is recorded",
        Event::Patched { .. } => "a patch is recorded",
        Event::ValueRefused { .. } => "a refusal is recorded",
        Event::ChildCancelRequested { .. } => "a child's cancellation is recorded",
        Event::UpdateTaken { .. } => "an update is taken",
        Event::UpdateReplied { .. } => "an update is answered",
        Event::ChildSignalSent { .. } | Event::ChildCancelSent { .. } => {
            "a message to a child is recorded"
        }
        _ => "a start is recorded",
    });
    let outcome = turn.outcome.iter().map(|outcome| match outcome {
        Ok(_) => "a run gives a value",
        Err(error) if error.is_cancelled() => "a run ends as cancelled",
        Err(error) if error.is_timeout() => "a run ends by a timeout",
        Err(_) => "a run fails",
    });
    commands.chain(marks).chain(outcome).collect()
}

pub(super) fn outcome(outcome: &Result<Payload>) -> String {
    match outcome {
        Ok(output) => format!("gives {output:?}"),
        Err(error) => format!("gives error {}: {error}", error.kind().name()),
    }
}

pub(super) fn commands(commands: &[Command]) -> Vec<String> {
    commands.iter().map(command).collect()
}

fn command(command: &Command) -> String {
    match command {
        Command::RunActivity(start) => activity(start),
        Command::CancelActivity(op) => format!("cancel activity #{op}"),
        Command::StopActivity { task, .. } => format!("stop activity #{}", task.op),
        Command::WithdrawActivity(op) => format!("withdraw activity #{op}"),
        Command::StartTimer { op, due } => format!("timer #{op} at {}", at(*due)),
        Command::CancelTimer(op) => format!("cancel timer #{op}"),
        Command::StartChild(child) => {
            format!("start {}({:?}) #{}", child.workflow, child.input, child.op)
        }
        Command::CancelChild { reason, .. } => format!("tell a child: {reason}"),
        Command::SignalChild { name, payload, .. } => format!("signal a child {name} {payload:?}"),
        Command::SetQuery { name, value } => format!("publish {name} = {value}"),
        Command::Publish { number, item } => {
            format!("add item {}.{}: {item}", number >> 20, number & 0xf_ffff)
        }
        Command::SetAttribute { name, value } => format!("attribute {name} = {value:?}"),
        Command::Consume(seq) => format!("consume {seq}"),
        Command::Refuse { seq, refused } => format!("refuse {seq}: {}", refused.id),
    }
}

fn activity(start: &ActivityStart) -> String {
    let task = &start.task;
    let attempt = match start.attempt {
        1 => String::new(),
        attempt => format!(" attempt {attempt}"),
    };
    let wait = start.not_before.map(|time| format!(" from {}", at(time))).unwrap_or_default();
    let beat = start.heartbeat.as_ref().map(|beat| format!(" after {beat:?}")).unwrap_or_default();
    if let Some(pending) = &start.pending {
        return format!(
            "await {} #{}{attempt} until {}{beat}",
            task.name,
            task.op,
            at(pending.due())
        );
    }
    format!("run {}({:?}) #{}{attempt}{wait}{beat}", task.name, task.input, task.op)
}

fn mark(mark: &Recorded) -> String {
    match &mark.event {
        Event::SideEffect { op, value } => format!("record #{op} = {value:?}"),
        Event::ChildStarted { step, .. } => format!("record start of {} #{}", step.name, step.op),
        Event::ChildCancelRequested { op } => format!("record cancellation of #{op}"),
        Event::ChildSignalSent { op, name } => format!("record signal {name} to #{op}"),
        Event::ChildCancelSent { op, reason } => format!("record request to #{op}: {reason}"),
        Event::Patched { id } => format!("record patch {id}"),
        Event::UpdateTaken { op, .. } => format!("take an update #{op}"),
        Event::UpdateReplied { id, result: Ok(reply) } => format!("answer {id} with {reply:?}"),
        Event::UpdateReplied { id, result: Err(error) } => {
            let error = crate::Error::from(error);
            format!("answer {id} with error {}", error.kind().name())
        }
        other => format!("record {}", other.name()),
    }
}

/// A time as a distance from the start.
fn at(time: Timestamp) -> String {
    match time.since(START) {
        Duration::ZERO => "the start".to_owned(),
        since => format!("{since:?}"),
    }
}

pub(super) fn happens(happens: &Happens) -> String {
    match happens {
        Happens::Completes(op, output) => format!("#{op} completes with {output}"),
        Fails(op, error) => format!("#{op} fails: {error}"),
        Stumbles(op, error) => format!("#{op} stumbles: {error}"),
        Pends(op) => format!("#{op} ends outside"),
        Beats(op) => format!("#{op} goes on outside"),
        Fires(op) => format!("#{op} fires"),
        Happens::Signal(name, value) => format!("signal {name} {value}"),
        Happens::Update(name, id, request) => format!("update {name} {id}: {request}"),
        Cancel(reason) => format!("cancel: {reason}"),
        Child(op, Ok(output)) => format!("child #{op} gives {output}"),
        Child(op, Err(error)) => format!("child #{op} fails: {error}"),
    }
}

/// Leaves out line numbers, which change with every edit: `mismatch.rs:12` becomes `mismatch.rs`.
pub(super) fn without_lines(text: &str) -> String {
    let mut parts = text.split(".rs:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + ".rs" + part.trim_start_matches(char::is_numeric))
}
