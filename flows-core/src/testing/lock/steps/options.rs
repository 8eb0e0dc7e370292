//! What a call is told besides its arguments: where it runs, under which name, what becomes of it. No event says it,
//! so no run is stuck when it changes; but it may be what a deployment has to provide for.

use super::super::report::{Findings, Level};
use super::changes::head;
use crate::graph::{CallOption, Item, Kind};

/// What a change of a queue asks of who deploys it.
pub(in super::super) const QUEUES: &str = "no result depends on it, and calls that were made stay where they were \
    queued: serve the old queue until it is empty, and the new one from now on";

/// Says which options of a step changed.
pub(super) fn compare(old: &Item, new: &Item, findings: &mut Findings) {
    let named = |options: &[CallOption], name: &str| {
        options.iter().find(|option| option.name == name).map(|option| option.given.clone())
    };
    let mut names: Vec<&str> = Vec::new();
    for option in old.options.iter().chain(&new.options) {
        if !names.contains(&option.name.as_str()) {
            names.push(&option.name);
        }
    }
    for name in names {
        let (was, is) = (named(&old.options, name), named(&new.options, name));
        let of = head(new);
        let what = match (&was, &is) {
            (Some(was), Some(is)) if was != is => {
                format!("`.{name}({was})` of `{of}` became `.{name}({is})`")
            }
            (None, Some(is)) => format!("{} of `{of}` is new", shown(name, is)),
            (Some(was), None) => format!("{} of `{of}` is gone", shown(name, was)),
            _ => continue,
        };
        let (level, help) = meaning(name);
        findings.add_at(level, new.line, what, help);
    }
}

fn shown(name: &str, given: &str) -> String {
    match name {
        SCOPE => "the scope".to_owned(),
        _ => format!("`.{name}({given})`"),
    }
}

/// How bad another option is, and why.
fn meaning(name: &str) -> (Level, &'static str) {
    match name {
        "queue" => (Level::Warning, QUEUES),
        "id" | "on_conflict" | "close_policy" => {
            (Level::Note, "children that have started keep what they were given")
        }
        _ => (
            Level::Warning,
            "runs in which the call was cancelled or dropped may go on otherwise; others do not differ",
        ),
    }
}

/// The option that stands for a scope around a step.
const SCOPE: &str = "scope";

/// Items without their scopes: a call is the same in a scope and without, until that is cancelled.
pub(super) fn of_scopes(items: &[Item]) -> Vec<Item> {
    let mut flat = Vec::new();
    for item in items {
        let mut item = item.clone();
        for lane in &mut item.lanes {
            lane.items = of_scopes(&lane.items);
        }
        if item.kind != Kind::Scope {
            flat.push(item);
            continue;
        }
        for mut inner in item.lanes.into_iter().flat_map(|lane| lane.items) {
            if inner.options.iter().all(|option| option.name != SCOPE) {
                inner.options.push(CallOption { name: SCOPE.to_owned(), given: String::new() });
            }
            flat.push(inner);
        }
    }
    flat
}
