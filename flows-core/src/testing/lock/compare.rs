//! One lock with another: what is gone, what is new, what changed inside.

use super::report::{Findings, Level, LockReport};
use super::shapes;
use super::snapshot::{Key, Lock, LockEntry};
use super::steps::{self, Renames};
use crate::outline::Line;

const UPDATE: &str = "`FLOWS_LOCK=update cargo test`";

impl Lock {
    /// What changed from this lock to `new`, and whether open runs would bear it.
    pub fn compare(&self, new: &Self) -> LockReport {
        let renames = self.renames(new);
        let mut findings = Vec::new();
        for (key, old) in &self.entries {
            let now = new.entries.get(key);
            let same = renames.of(key).and_then(|other| new.entries.get(other));
            let mut found = Findings::of(key, now.or(same).and_then(|entry| entry.source));
            match now {
                Some(now) => changed(key, old, now, &renames, &mut found),
                None => self.gone(key, new, &renames, &mut found),
            }
            findings.extend(found.finish());
        }
        for (key, entry) in new.entries.iter().filter(|(key, _)| !self.entries.contains_key(key)) {
            let mut found = Findings::of(key, entry.source);
            if !renames.lead_to(key) {
                found.add(Level::Note, "it is new", "no open run knows it");
            }
            findings.extend(found.finish());
        }
        LockReport { findings, outdated: self.to_text() != new.to_text() }
    }

    /// Definitions that are gone, and one of the same kind that is new and looks the same.
    fn renames(&self, new: &Self) -> Renames {
        let mut renames = Renames::default();
        for (key, old) in self.entries.iter().filter(|(key, _)| !new.entries.contains_key(key)) {
            let same = |(other, entry): &(&Key, &LockEntry)| {
                !self.entries.contains_key(other)
                    && key.is_renamed(other)
                    && old.looks_like(entry)
                    && !renames.lead_to(other)
            };
            let found = new.entries.iter().find(same).map(|(other, _)| other.clone());
            if let Some(other) = found {
                renames.add(key.clone(), other);
            }
        }
        renames
    }

    fn gone(&self, key: &Key, new: &Self, renames: &Renames, findings: &mut Findings) {
        let same = renames.of(key).map(Key::name);
        match (key, same) {
            (_, Some(same)) => findings.add(
                Level::Error,
                format!(
                    "`{0}` is gone, and `{same}` looks the same; open runs know `{0}`",
                    key.name()
                ),
                format!(
                    "if it was renamed, keep the recorded name: `#[{}(name = \"{}\")]`; else keep \
                     the old one for open runs",
                    key.attribute(),
                    key.name()
                ),
            ),
            (Key::Activity(_), None) => findings.add(
                Level::Error,
                "it is gone: open runs that wait for it would be stuck",
                format!("keep it until no open run calls it; then accept that with {UPDATE}"),
            ),
            (Key::Signal(_), None) => findings.add(
                Level::Warning,
                "no workflow receives it any more by its type",
                "what is sent to open runs under its name stays in their queues",
            ),
            (Key::Update(_), None) => findings.add(
                Level::Warning,
                "no workflow receives it any more",
                "who sends it to an open run waits until that ends",
            ),
            (Key::Workflow(name, version), None) => {
                let others = new.entries.keys().any(|other| other.is_version_of(name));
                let what = if others { "this version is gone" } else { "it is gone" };
                findings.add(
                    Level::Error,
                    format!("{what}: no worker could take up its open runs"),
                    format!(
                        "keep its function, as `#[workflow(name = \"{name}\", version = \
                         {version})]`, until `engine.list().workflow(\"{name}\")\
                         .version({version})` shows no open run; then accept that with {UPDATE}"
                    ),
                );
            }
        }
    }
}

/// A definition that is there before and after.
fn changed(
    key: &Key,
    old: &LockEntry,
    new: &LockEntry,
    renames: &Renames,
    findings: &mut Findings,
) {
    if old.postcard.is_some() && old.postcard != new.postcard {
        postcard(old, new, findings);
    } else {
        json(key, old, new, findings);
    }
    queue(old, new, findings);
    steps::compare(&renames.apply(&old.steps), &new.steps, findings);
}

/// Where an activity runs is no part of its results; but somebody has to serve the queue.
fn queue(old: &LockEntry, new: &LockEntry, findings: &mut Findings) {
    if old.queue == new.queue {
        return;
    }
    let what = match (&old.queue, &new.queue) {
        (None, None) => return,
        (None, Some(is)) => {
            format!("it runs on queue `{is}` now, and ran in the worker of its run")
        }
        (Some(was), None) => {
            format!("it runs in the worker of its run now, and ran on queue `{was}`")
        }
        (Some(was), Some(is)) => format!("it runs on queue `{is}` now, and ran on `{was}`"),
    };
    findings.add(Level::Warning, what, steps::QUEUES);
}

/// Bytes without names: nothing may change.
fn postcard(old: &LockEntry, new: &LockEntry, findings: &mut Findings) {
    let prints = |entry: &LockEntry, at: usize| {
        let prints = entry.postcard.as_deref().unwrap_or_default();
        prints.split(' ').nth(at).unwrap_or_default().to_owned()
    };
    if new.postcard.is_none() {
        findings.add(
            Level::Warning,
            "its codec is JSON now, and was postcard",
            "what is recorded is still read as postcard, as long as the types stay as they are",
        );
    } else if prints(old, 1) != prints(new, 1) {
        findings.add(
            Level::Error,
            "the output has another shape, and `codec = \"postcard\"` reads no other than was written",
            "give the new type to a new activity, and keep this one until no open run calls it",
        );
    } else {
        findings.add(Level::Warning, "the input has another shape", INPUT_OF_ACTIVITY);
    }
}

const INPUT_OF_ACTIVITY: &str = "a replay makes it again, so nothing is read wrongly; but runs \
                                 that have called it report another input than they recorded";

fn json(key: &Key, old: &LockEntry, new: &LockEntry, findings: &mut Findings) {
    let name = |line: &Line| line.text.split(':').next().unwrap_or_default().to_owned();
    for old in &old.shapes {
        let Some(new) = new.shapes.iter().find(|new| name(new) == name(old)) else { continue };
        match key {
            Key::Activity(_) if name(old) == "input" && !same(old, new) => {
                findings.add(Level::Warning, "the input has another shape", INPUT_OF_ACTIVITY);
            }
            Key::Activity(_) if name(old) == "input" => {}
            _ => shapes::compare(old, new, otherwise(key), findings),
        }
    }
}

fn same(old: &Line, new: &Line) -> bool {
    let text = |line: &Line| {
        let mut out = String::new();
        line.write(&mut out, 0);
        out
    };
    text(old) == text(new)
}

/// What to do if no attribute of serde helps.
fn otherwise(key: &Key) -> &'static str {
    match key {
        Key::Workflow(..) => {
            "give the workflow a new `version`, and keep this one for its open runs"
        }
        Key::Activity(_) => "give the new type to a new activity, and keep this one for open runs",
        Key::Signal(_) => "give the new type to a signal of another name",
        Key::Update(_) => "give the new type to an update of another name",
    }
}

impl LockEntry {
    /// Whether it could be the same definition under another name.
    fn looks_like(&self, other: &Self) -> bool {
        let text = |entry: &Self| {
            let lines = entry.shapes.iter().cloned().chain(crate::graph::write(&entry.steps));
            lines.fold(String::new(), |mut out, line| {
                line.write(&mut out, 0);
                out
            })
        };
        self.postcard == other.postcard && text(self) == text(other)
    }
}

impl Key {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Activity(name)
            | Self::Signal(name)
            | Self::Update(name)
            | Self::Workflow(name, _) => name,
        }
    }

    fn attribute(&self) -> &'static str {
        match self {
            Self::Activity(_) => "activity",
            Self::Signal(_) => "signal",
            Self::Update(_) => "update",
            Self::Workflow(..) => "workflow",
        }
    }

    fn is_version_of(&self, name: &str) -> bool {
        matches!(self, Self::Workflow(other, _) if other == name)
    }

    /// Whether `other` may be this under another name: a workflow keeps its version.
    fn is_renamed(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Workflow(one, version), Self::Workflow(two, other)) => {
                one != two && version == other
            }
            _ => self.attribute() == other.attribute(),
        }
    }
}
