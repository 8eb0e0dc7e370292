//! What a registry says now.

use std::collections::BTreeMap;

use crate::definition::{ActivityDef, Shapes, SourceLocation, WorkflowDef};
use crate::graph::{self, Item};
use crate::outline::Line;
use crate::payload::Codec;
use crate::registry::Registry;
use crate::shape::Shape;

/// What open runs depend on: the content of a `flows.lock`.
#[derive(Debug, Clone, Default)]
pub struct Lock {
    /// Entries by kind, name and version.
    pub(super) entries: BTreeMap<Key, LockEntry>,
}

/// What an entry is about. The order is that of the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Activity(String),
    Signal(String),
    Update(String),
    Workflow(String, u32),
}

#[derive(Debug, Clone, Default)]
pub(super) struct LockEntry {
    /// Where the definition stands; unknown to a file.
    pub(super) source: Option<SourceLocation>,
    /// Fingerprints of input and output, where they are written with postcard.
    pub(super) postcard: Option<String>,
    /// The queue whose workers run it, where the attribute says so.
    pub(super) queue: Option<String>,
    /// `input`, `output`, `payload`, `request` and `response`, with what is inside them.
    pub(super) shapes: Vec<Line>,
    pub(super) steps: Vec<Item>,
}

impl Lock {
    /// What the definitions of `registry` say now, and the typed signals and updates that they receive.
    pub fn of(registry: &Registry) -> Self {
        let mut entries = BTreeMap::new();
        for def in registry.activities() {
            entries.insert(Key::Activity(def.name.to_owned()), activity(def));
        }
        for def in registry.workflows() {
            let resolved = def.graph.resolved(registry);
            for (name, shape) in &resolved.signals {
                let shapes = vec![named("payload", shape().json)];
                let entry = LockEntry { shapes, ..LockEntry::default() };
                entries.insert(Key::Signal((*name).to_owned()), entry);
            }
            for update in &resolved.updates {
                let (request, response) = ((update.request)(), (update.response)());
                let shapes = vec![named("request", request.json), named("response", response.json)];
                let entry = LockEntry { shapes, ..LockEntry::default() };
                entries.insert(Key::Update(update.name.to_owned()), entry);
            }
            let key = Key::Workflow(def.name.to_owned(), def.version);
            entries.insert(key, workflow(def, graph::flat(&resolved)));
        }
        Self { entries }
    }
}

fn activity(def: &ActivityDef) -> LockEntry {
    let (input, output) = ((def.shapes.input)(), (def.shapes.output)());
    let prints = || format!("{:016x} {:016x}", input.fingerprint, output.fingerprint);
    let postcard = (def.codec == Codec::Postcard).then(prints);
    let shapes = vec![named("input", input.json), named("output", output.json)];
    let queue = def.options.queue.as_deref().map(str::to_owned);
    LockEntry { source: Some(def.source), postcard, queue, shapes, steps: Vec::new() }
}

fn workflow(def: &WorkflowDef, steps: Vec<Item>) -> LockEntry {
    let Shapes { input, output } = def.shapes;
    let shapes = [("input", input), ("output", output)];
    let shapes = shapes.map(|(name, shape): (_, fn() -> Shape)| named(name, shape().json));
    LockEntry { source: Some(def.source), shapes: shapes.into(), steps, ..LockEntry::default() }
}

fn named(name: &str, shape: Line) -> Line {
    Line::new(format!("{name}: {}", shape.text), shape.inside)
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Activity(name) => write!(f, "activity {name}"),
            Self::Signal(name) => write!(f, "signal {name}"),
            Self::Update(name) => write!(f, "update {name}"),
            Self::Workflow(name, version) => write!(f, "workflow {name} {version}"),
        }
    }
}
