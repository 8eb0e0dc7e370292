//! The definitions a worker can serve.
//!
//! `register_all!()` fills one with everything annotated in the program, which the macros submit
//! as [`Registration`]s at link time; `register_all![a, b]` with exactly these.

use std::any::TypeId;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::definition::{ActivityDef, SourceLocation, WorkflowDef, WorkflowLayer};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{check_limit, check_name};

/// A definition of either kind: what `register_all![order, charge_payment]` accepts.
pub trait Definition {
    /// Adds the definition to a registry.
    fn register(registry: &mut Registry);
}

/// One definition of the program, submitted by its macro.
pub struct Registration {
    /// Adds it to a registry.
    pub register: fn(&mut Registry),
}

inventory::collect!(Registration);

/// Definitions by name.
///
/// Two definitions with the same name (and version) are an error of the worker's `build`, which names
/// both places.
#[derive(Clone, Default)]
pub struct Registry {
    workflows: BTreeMap<(&'static str, u32), WorkflowDef>,
    activities: BTreeMap<&'static str, Arc<ActivityDef>>,
    duplicates: Vec<String>,
    refused: Vec<String>,
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
        self.note_limits(
            "workflow name",
            def.name,
            [("timeout", def.options.timeout)],
            &def.options.queue,
        );
        let second = (def.id, def.source);
        if let Some(first) = self.workflows.insert((def.name, def.version), def) {
            self.note_duplicate(&what, (first.id, first.source), second);
        }
    }

    /// Adds an activity.
    pub fn add_activity(&mut self, def: ActivityDef) {
        let what = format!("activity `{}`", def.name);
        let options = &def.options;
        let limits = [
            ("start_to_close", Some(options.start_to_close)),
            ("schedule_to_close", options.schedule_to_close),
            ("heartbeat", options.heartbeat),
        ];
        self.note_limits("activity name", def.name, limits, &options.queue);
        let second = (def.id, def.source);
        if let Some(first) = self.activities.insert(def.name, Arc::new(def)) {
            self.note_duplicate(&what, (first.id, first.source), second);
        }
    }

    fn note_duplicate(
        &mut self,
        what: &str,
        (first, at): (TypeId, SourceLocation),
        (second, again): (TypeId, SourceLocation),
    ) {
        if first == second {
            return; // the same definition, listed twice
        }
        let (at, again) = (at.min(again), at.max(again));
        let by = if at == again { ", by a macro" } else { "" };
        self.duplicates.push(format!("{what} is defined twice: at {at} and at {again}{by}"));
    }

    /// What no start or call could use.
    fn note_limits<const COUNT: usize>(
        &mut self,
        what: &str,
        name: &str,
        limits: [(&str, Option<Duration>); COUNT],
        queue: &Option<Cow<'static, str>>,
    ) {
        let of = |what: &str| format!("`{what}` of `{name}`");
        let limits = limits.map(|(limit, value)| check_limit(&of(limit), value));
        let queue = queue.as_deref().map(|queue| check_name(&of("queue"), queue));
        let checks = [check_name(what, name)].into_iter().chain(limits).chain(queue);
        self.refused.extend(checks.filter_map(|check| Some(check.err()?.message().to_owned())));
    }

    /// An error that lists every duplicate, and every name and limit that cannot be, if there is one.
    pub fn check(&self) -> Result<()> {
        let mut wrong = self.refused.clone();
        if !self.duplicates.is_empty() {
            let mut duplicates = self.duplicates.clone();
            duplicates.sort();
            wrong.push(format!(
                "{}; rename one (`name = \"…\"`) or give the workflow another `version`",
                duplicates.join("; ")
            ));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Configuration, wrong.join("; ")))
    }

    /// A workflow by name and version.
    pub fn workflow(&self, name: &str, version: u32) -> Option<&WorkflowDef> {
        self.workflows.iter().find(|((n, v), _)| *n == name && *v == version).map(|(_, def)| def)
    }

    /// An activity by name.
    pub fn activity(&self, name: &str) -> Option<&Arc<ActivityDef>> {
        self.activities.get(name)
    }

    /// Puts a [layer](WorkflowLayer) around the code of these workflows, outside of those that stand around it. It goes
    /// wherever the registry goes: to workers, and into the testing kit.
    #[must_use]
    pub fn workflow_layer(self, layer: impl WorkflowLayer) -> Self {
        let layer: Arc<dyn WorkflowLayer> = Arc::new(layer);
        self.map_workflows(|def| def.within(&layer))
    }

    /// The same definitions, with other bodies of workflows.
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
