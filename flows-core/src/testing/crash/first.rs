//! The first operation in which two runs differ: what it is, where it is called, and how it differs.

use std::collections::BTreeMap;

use super::run::CrashRun;
use crate::error::Error;
use crate::journal::{Event, StepId};
use crate::payload::Payload;
use crate::registry::Registry;
use crate::replay::Trail;
use crate::testing::difference::lines;
use crate::testing::replay::trail;

/// What a journal tells of an operation.
#[derive(Default, PartialEq)]
struct Told {
    /// `activity `charge``.
    what: String,
    input_hash: Option<u64>,
    result: Option<String>,
}

/// In lines: the first operation that differs, or that none does.
pub(super) fn difference(registry: &Registry, one: &CrashRun, other: &CrashRun) -> Vec<String> {
    let (told, retold) = (told(one), told(other));
    let trails = [trail(registry, &one.history), trail(registry, &other.history)];
    let first = told.keys().chain(retold.keys()).filter(|op| told.get(op) != retold.get(op)).min();
    let Some(op) = first else { return vec![nothing(&trails[1])] };
    let (told, retold) = (told.get(op), retold.get(op));
    let (name, at) = (in_words(told, *op, &trails[0]), in_words(retold, *op, &trails[1]));
    let mut differs = match (told, retold) {
        (Some(told), Some(retold)) if told.what != retold.what => {
            vec![format!("one time {name}, the other time {at}")]
        }
        (Some(told), Some(retold)) if told.input_hash != retold.input_hash => {
            vec![format!("{at}: its input")]
        }
        (Some(Told { what, .. }), Some(_)) if what.starts_with("activity") => vec![format!(
            "{at}: its input is the same, and the activity has given another result; mock it, if it must"
        )],
        (Some(_), Some(_)) => vec![format!("{at}: its result")],
        (Some(_), None) => vec![format!("{name}: it has no result in the other run")],
        (None, _) => vec![format!("{at}: it is not in the first run")],
    };
    differs[0].insert_str(0, "  the first operation that differs: ");
    let inputs = [one, other].map(|crash_run| input(crash_run, *op));
    if let [Some(recorded), Some(now)] = inputs
        && differs[0].ends_with("its input")
    {
        differs.extend(lines(&recorded, &now).lines().map(str::to_owned));
    }
    differs
}

fn nothing(trail: &Trail) -> String {
    let last = trail.last_key_value().map(|(op, (what, site))| {
        format!(", behind {what} (#{op}), called at {}:{}", site.file(), site.line())
    });
    let last = last.unwrap_or_default();
    format!("  no operation differs: the difference is made by the workflow's own code{last}")
}

fn in_words(told: Option<&Told>, op: u32, trail: &Trail) -> String {
    let what = told.map(|told| told.what.as_str()).filter(|what| !what.is_empty());
    let site = trail.get(&op).filter(|(asked, _)| what.is_none_or(|what| asked.starts_with(what)));
    let what = what.or(site.map(|(asked, _)| asked.as_str())).unwrap_or("operation");
    match site {
        Some((_, site)) => format!("{what} (#{op}), called at {}:{}", site.file(), site.line()),
        None => format!("{what} (#{op})"),
    }
}

/// The input of the last attempt of an operation of the run.
fn input(crash_run: &CrashRun, op: u32) -> Option<Payload> {
    let run = crash_run.history.run_id;
    let last = crash_run.calls.iter().rev().find(|call| (call.run, call.op) == (run, op));
    last.map(|call| call.input.clone())
}

fn told(crash_run: &CrashRun) -> BTreeMap<u32, Told> {
    let mut all = BTreeMap::<u32, Told>::new();
    for entry in &crash_run.history.events {
        let event = &entry.recorded.event;
        if let Some(op) = event.operation()
            && !matches!(event, Event::ActivityAttemptFailed { .. })
            && !event.is_noted()
        {
            tell(event, all.entry(op).or_default());
        }
    }
    all
}

fn tell(event: &Event, told: &mut Told) {
    let of_step = |told: &mut Told, kind: &str, step: &StepId| {
        told.what = format!("{kind} `{}`", step.name);
        told.input_hash = Some(step.input);
    };
    let said = |error| Error::from(error).message().to_owned();
    match event {
        Event::ActivityCompleted { step, output, .. } => {
            of_step(told, "activity", step);
            told.result = Some(format!("{output:?}"));
        }
        Event::ActivityFailed { step, error, .. } => {
            of_step(told, "activity", step);
            told.result = Some(said(error));
        }
        Event::ChildStarted { step, .. } => of_step(told, "child workflow", step),
        Event::ChildClosed { result, .. } => {
            told.result = Some(match result {
                Ok(output) => format!("{output:?}"),
                Err(error) => said(error),
            });
        }
        Event::SideEffect { value, .. } => {
            (told.what, told.result) = ("side effect".into(), Some(format!("{value:?}")));
        }
        Event::TimerFired { .. } => told.what = "timer".into(),
        _ => {}
    }
}
