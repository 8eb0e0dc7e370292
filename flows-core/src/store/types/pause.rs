//! What is paused, by whom and why.

use super::spec::RunSpec;
use crate::time::Timestamp;

/// What a pause holds for.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PauseScope {
    /// Every run of every tenant.
    Everything,
    /// The runs of a queue, and attempts of activities that other queues send to it.
    Queue(String),
    /// The runs of a workflow: of all its versions, or of one.
    Workflow {
        /// Its name.
        name: String,
        /// Its version; `None` is all of them.
        version: Option<u32>,
    },
}

impl PauseScope {
    /// The runs of a queue, and attempts of activities that other queues send to it.
    pub fn queue(name: impl Into<String>) -> Self {
        Self::Queue(name.into())
    }

    /// The runs of all versions of a workflow.
    pub fn workflow(name: impl Into<String>) -> Self {
        Self::Workflow { name: name.into(), version: None }
    }

    /// The runs of one version of a workflow.
    pub fn workflow_version(name: impl Into<String>, version: u32) -> Self {
        Self::Workflow { name: name.into(), version: Some(version) }
    }

    /// Whether it holds for runs of this queue, workflow and version.
    pub fn covers(&self, queue: &str, workflow: &str, version: u32) -> bool {
        match self {
            Self::Everything => true,
            Self::Queue(name) => name == queue,
            Self::Workflow { name, version: one } => {
                name == workflow && one.is_none_or(|one| one == version)
            }
        }
    }

    /// Whether it holds for attempts of activities that workers of this queue run for others.
    pub fn covers_tasks_of(&self, queue: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Queue(name) => name == queue,
            Self::Workflow { .. } => false,
        }
    }

    /// Its queue, workflow and version, where they are limited.
    pub fn parts(&self) -> (Option<&str>, Option<&str>, Option<i64>) {
        match self {
            Self::Everything => (None, None, None),
            Self::Queue(name) => (Some(name), None, None),
            Self::Workflow { name, version } => (None, Some(name), version.map(i64::from)),
        }
    }

    /// The scope of these [parts](Self::parts).
    pub fn of_parts(queue: Option<String>, workflow: Option<String>, version: Option<i64>) -> Self {
        let version = version.and_then(|version| u32::try_from(version).ok());
        match (queue, workflow) {
            (Some(queue), _) => Self::Queue(queue),
            (None, Some(name)) => Self::Workflow { name, version },
            (None, None) => Self::Everything,
        }
    }
}

impl std::fmt::Display for PauseScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Queue(name) => write!(f, "queue `{name}`"),
            Self::Workflow { name, version: None } => write!(f, "workflow `{name}`"),
            Self::Workflow { name, version: Some(version) } => {
                write!(f, "workflow `{name}` version {version}")
            }
        }
    }
}

/// Something to pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPause {
    /// What is to be paused.
    pub scope: PauseScope,
    /// Why, for people.
    pub reason: Option<String>,
    /// Who says so.
    pub author: Option<String>,
}

/// Something that is paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseRow {
    /// What is paused.
    pub scope: PauseScope,
    /// Why, for people.
    pub reason: Option<String>,
    /// Who said so.
    pub author: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

impl PauseRow {
    /// The one of them that has held the longest for a run of this kind.
    pub fn first_of<'p>(
        all: impl IntoIterator<Item = &'p Self>,
        spec: &RunSpec,
    ) -> Option<&'p Self> {
        let holds = |row: &&Self| row.scope.covers(&spec.queue, &spec.workflow, spec.version);
        all.into_iter().filter(holds).min_by_key(|row| row.since)
    }
}
