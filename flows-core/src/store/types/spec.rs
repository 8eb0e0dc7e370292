//! What a run is: given at its start, and the same until its end. A new attribute of runs is a field here,
//! an option of [`Start`](crate::engine::Start), and a column of the store.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::headers::Headers;
use crate::ids::lane_of;
use crate::policy::ClosePolicy;
use crate::retry::RetryPolicy;

/// The attributes of a run. Everything that holds a run shares them.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSpec {
    /// The application's id for it; without one, the run id serves.
    pub workflow_id: Option<Arc<str>>,
    /// Workflow name.
    pub workflow: Arc<str>,
    /// Workflow version.
    pub version: u32,
    /// Queue.
    pub queue: Arc<str>,
    /// Lower runs first; default 0.
    pub priority: i16,
    /// Input, JSON text. Empty where it was not read.
    pub input: Arc<str>,
    /// Which attempt of the run this is, from 1.
    pub attempt: u32,
    /// Run-level retry policy.
    pub retry: Option<RetryPolicy>,
    /// The longest the run may take, from its start.
    pub timeout: Option<Duration>,
    /// The run that awaits this one as its child.
    pub parent: Option<Parent>,
    /// The run this one continues: rerun of a dead letter, retry of a failed run, continue-as-new. A worker
    /// does not need it, and may not be told.
    pub predecessor: Option<Uuid>,
    /// What its start said about who causes it, for everything that it causes.
    pub headers: Headers,
}

/// What few runs have: a store keeps it as one JSON text, and none of it as nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RareOptions {
    /// See [`RunSpec::retry`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// See [`RunSpec::headers`].
    #[serde(default, skip_serializing_if = "Headers::is_empty")]
    pub headers: Headers,
}

/// The parent of a child run: where its outcome is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// The parent run (of the same tenant).
    pub run: Uuid,
    /// The parent's operation that waits.
    pub op: u32,
    /// What becomes of the child if it is open when the parent ends.
    pub on_close: ClosePolicy,
}

impl RunSpec {
    /// The [lane](lane_of) in which it waits for a worker.
    pub fn lane(&self) -> i64 {
        lane_of(&self.queue, &self.workflow, self.version)
    }

    /// Of the run that goes on in its place: the same, as a first attempt.
    #[must_use]
    pub fn successor(&self, predecessor: Uuid) -> Self {
        Self { attempt: 1, predecessor: Some(predecessor), ..self.clone() }
    }

    /// Of a child: what it has from its parent, unless the call says otherwise.
    #[must_use]
    pub fn child(&self, parent: Parent, workflow: Arc<str>, version: u32, input: Arc<str>) -> Self {
        Self {
            workflow_id: None,
            workflow,
            version,
            queue: Arc::clone(&self.queue),
            priority: self.priority,
            input,
            attempt: 1,
            retry: None,
            timeout: None,
            parent: Some(parent),
            predecessor: None,
            headers: self.headers.clone(),
        }
    }

    /// Its [`RareOptions`] as JSON text, if it has any.
    pub fn rare_options(&self) -> Option<String> {
        if self.retry.is_none() && self.headers.is_empty() {
            return None;
        }
        let options = RareOptions { retry: self.retry.clone(), headers: self.headers.clone() };
        serde_json::to_string(&options).ok()
    }
}
