//! The definitions a worker can serve.
//!
//! `register_all!()` fills one with everything annotated in the program, which the macros submit
//! as [`Registration`]s at link time; `register_all![a, b]` with exactly these.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::{ActivityDef, Definition, SourceLocation, WorkflowDef};
use crate::error::{Error, ErrorKind, Result};

/// One definition of the program, submitted by its macro.
pub struct Registration {
    /// Adds it to a registry.
    pub register: fn(&mut Registry),
}

inventory::collect!(Registration);

/// Definitions by name.
///
/// Two definitions with one name (and version) are an error, which names both places when the
/// worker is built.
#[derive(Clone, Default)]
pub struct Registry {
    workflows: BTreeMap<(&'static str, u32), WorkflowDef>,
    activities: BTreeMap<&'static str, Arc<ActivityDef>>,
    duplicates: Vec<String>,
}

impl Registry {
    /// A registry without definitions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything annotated in the program; `register_all!()` calls it.
    pub fn all() -> Self {
        let mut registry = Self::new();
        for registration in inventory::iter::<Registration> {
            (registration.register)(&mut registry);
        }
        registry
    }

    /// Adds one definition.
    #[must_use]
    pub fn with<D: Definition>(mut self) -> Self {
        D::register(&mut self);
        self
    }

    /// Adds a workflow.
    pub fn add_workflow(&mut self, def: WorkflowDef) {
        let what = format!("workflow `{}` version {}", def.name, def.version);
        let source = def.source;
        if let Some(first) = self.workflows.insert((def.name, def.version), def) {
            self.note_duplicate(&what, first.source, source);
        }
    }

    /// Adds an activity.
    pub fn add_activity(&mut self, def: ActivityDef) {
        let what = format!("activity `{}`", def.name);
        let source = def.source;
        if let Some(first) = self.activities.insert(def.name, Arc::new(def)) {
            self.note_duplicate(&what, first.source, source);
        }
    }

    fn note_duplicate(&mut self, what: &str, first: SourceLocation, second: SourceLocation) {
        if first == second {
            return; // the same definition, listed twice
        }
        let (first, second) = (first.min(second), first.max(second));
        self.duplicates.push(format!("{what} is defined twice: at {first} and at {second}"));
    }

    /// An error that lists every duplicate, if there is one.
    pub fn check(&self) -> Result<()> {
        if self.duplicates.is_empty() {
            return Ok(());
        }
        let mut duplicates = self.duplicates.clone();
        duplicates.sort();
        let message = format!(
            "{}; rename one (`name = \"…\"`) or give the workflow another `version`",
            duplicates.join("; ")
        );
        Err(Error::new(ErrorKind::Configuration, message))
    }

    /// A workflow by name and version.
    pub fn workflow(&self, name: &str, version: u32) -> Option<&WorkflowDef> {
        self.workflows.iter().find(|((n, v), _)| *n == name && *v == version).map(|(_, def)| def)
    }

    /// An activity by name.
    pub fn activity(&self, name: &str) -> Option<&Arc<ActivityDef>> {
        self.activities.get(name)
    }

    /// The same definitions, with other bodies of workflows.
    #[cfg(feature = "testing")]
    #[must_use]
    pub(crate) fn map_workflows(mut self, map: impl Fn(&mut WorkflowDef)) -> Self {
        self.workflows.values_mut().for_each(map);
        self
    }

    /// All workflows, by name and version.
    pub fn workflows(&self) -> impl Iterator<Item = &WorkflowDef> {
        self.workflows.values()
    }

    /// All activities, by name.
    pub fn activities(&self) -> impl Iterator<Item = &ActivityDef> {
        self.activities.values().map(|def| &**def)
    }
}
