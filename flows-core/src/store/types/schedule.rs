//! Schedules, as a store keeps them: it looks at the key, the revision and when one is due, and into nothing else.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::run::NewRun;
use super::spec::{RareOptions, RunSpec};
use crate::attribute::Attributes;
use crate::error::{Error, Result};
use crate::ids::{RunKey, fnv1a, shard_of};
use crate::schedule::{Firing, SchedulePolicy, ScheduleProgress};
use crate::time::Timestamp;

/// A schedule.
#[derive(Debug, Clone)]
pub struct ScheduleRow {
    /// Its id, of its tenant.
    pub id: Arc<str>,
    /// The run that it starts, without a workflow id. Its key belongs to the schedule alone.
    pub template: NewRun,
    /// What its owner has said.
    pub policy: SchedulePolicy,
    /// How far it is.
    pub progress: ScheduleProgress,
    /// When it is to be looked at, if ever.
    pub due_at: Option<Timestamp>,
    /// Higher with each change.
    pub revision: i64,
    /// The workflow id of the run that it started last.
    pub last_id: Option<Arc<str>>,
    /// That run, if it is open. The store answers it.
    pub open: Option<RunKey>,
    /// The time of the store when it answered.
    pub now: Timestamp,
}

/// A change of a schedule, and the runs that it starts: all of it, or nothing.
#[derive(Debug, Clone)]
pub struct ScheduleChange {
    /// The tenant.
    pub tenant: Uuid,
    /// The schedule's id.
    pub id: Arc<str>,
    /// What it must be: its template's run and its revision; `None`: there must be none.
    pub expected: Option<(Uuid, i64)>,
    /// What it is then; `None`: it is gone.
    pub row: Option<ScheduleRow>,
    /// Runs that are started with it, except those whose workflow id is taken.
    pub starts: Vec<NewRun>,
    /// How long somebody's open transaction is waited for.
    pub limit: Duration,
}

/// What of a template is kept as one JSON text.
#[derive(Serialize, Deserialize)]
struct TemplateOptions {
    queue: String,
    priority: i16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Duration>,
    #[serde(flatten)]
    rare: RareOptions,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attributes: Option<Box<Attributes>>,
}

impl ScheduleRow {
    /// Its tenant.
    pub fn tenant(&self) -> Uuid {
        self.template.key.tenant
    }

    /// The shard it is in.
    pub fn shard(&self) -> i16 {
        shard_of(self.tenant(), &self.id)
    }

    /// What a change of it expects.
    pub fn version(&self) -> (Uuid, i64) {
        (self.template.key.run, self.revision)
    }

    /// Decides what is to be done now.
    ///
    /// # Errors
    /// When its specification means nothing to this build.
    pub fn fire(&mut self) -> Result<Firing> {
        let (seed, is_open) = (self.seed(), self.open.is_some());
        self.policy.fire(&mut self.progress, seed, self.now, is_open)
    }

    /// When it is to be looked at, after a change by hand; `None` if never.
    ///
    /// # Errors
    /// When its specification means nothing to this build.
    pub fn due(&self) -> Result<Option<Timestamp>> {
        if self.progress.paused.is_some() {
            return Ok(None);
        }
        let waits = Some(self.now).filter(|_| !self.progress.waiting.is_empty());
        let next = self.policy.spec.next_after(self.progress.decided)?;
        Ok(next.map(|at| self.policy.delayed(at, self.seed())).into_iter().chain(waits).min())
    }

    fn seed(&self) -> u64 {
        fnv1a(self.tenant().as_bytes().iter().chain(self.id.as_bytes()).copied())
    }

    /// The change to this row, of what it was when it was read.
    pub fn change(mut self, starts: Vec<NewRun>, limit: Duration) -> ScheduleChange {
        let expected = Some(self.version());
        self.revision += 1;
        if let Some(last) = starts.last() {
            self.last_id.clone_from(&last.spec.workflow_id);
        }
        let (tenant, id) = (self.tenant(), Arc::clone(&self.id));
        ScheduleChange { tenant, id, expected, row: Some(self), starts, limit }
    }

    /// What of its template is kept as JSON text.
    pub fn options(&self) -> Result<String> {
        let spec = &self.template.spec;
        let options = TemplateOptions {
            queue: spec.queue.to_string(),
            priority: spec.priority,
            timeout: spec.timeout,
            rare: RareOptions { retry: spec.retry.clone(), headers: spec.headers.clone() },
            attributes: self.template.attributes.clone(),
        };
        serde_json::to_string(&options).map_err(Error::terminal)
    }
}

/// The template of that text.
///
/// # Errors
/// When it is none.
pub fn schedule_template(
    key: RunKey,
    (workflow, version): (Arc<str>, u32),
    input: Arc<str>,
    options: &str,
) -> Result<NewRun> {
    let TemplateOptions { queue, priority, timeout, rare, attributes } =
        serde_json::from_str(options).map_err(Error::terminal)?;
    let RareOptions { retry, headers } = rare;
    let spec = RunSpec {
        workflow_id: None,
        workflow,
        version,
        queue: queue.into(),
        priority,
        input,
        attempt: 1,
        retry,
        timeout,
        parent: None,
        predecessor: None,
        headers,
    };
    Ok(NewRun { attributes, ..NewRun::new(key, spec) })
}
