//! Descriptions of runs, for people.

use std::collections::BTreeMap;
use std::time::SystemTime;

use uuid::Uuid;

use super::outcome;
use super::pause::Pause;
use crate::error::Error;
use crate::headers::Headers;
use crate::payload::Payload;
use crate::store::{AttributeValue, Placement, RunStatus, RunView};
use crate::time::Timestamp;

/// A run at a glance.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct Description {
    /// The application's id for it; the run id, where the start gave none.
    pub workflow_id: String,
    /// The run id.
    pub run_id: Uuid,
    /// Workflow name.
    pub workflow: String,
    /// Workflow version.
    pub version: u32,
    /// Queue.
    pub queue: String,
    /// Status.
    pub status: RunStatus,
    /// Which attempt of the run this is, from 1.
    pub attempt: u32,
    /// Input as stored: its exact JSON text; [`decode`](Payload::decode) converts it to a type.
    /// `None` in lists without [payloads](super::List::payloads).
    pub input: Option<Payload>,
    /// Output, once the run has completed; `None` in lists without payloads.
    pub output: Option<Payload>,
    /// The error it ended with.
    pub error: Option<Error>,
    /// When it was created.
    pub created_at: SystemTime,
    /// When it ended.
    pub closed_at: Option<SystemTime>,
    /// What the run waits for, in words; `None` once it has ended.
    pub waiting_for: Option<String>,
    /// Why the running builds cannot continue it; a build with a fix does.
    pub stuck: Option<String>,
    /// The [pause](crate::Engine::pause) that holds for it, the longest of several; `None` in lists, and once it has
    /// ended. A worker that runs it may still be letting go of it: then [`waiting_for`](Self::waiting_for) names that.
    pub paused: Option<Pause>,
    /// Whether cancellation was requested and the run has not received the request yet: a run that is stuck,
    /// or that no worker serves, receives it when it continues.
    pub cancel_requested: bool,
    /// How many signals were acknowledged and came too late for a run that has ended: they are in no event of
    /// its history. 0 while it is open, and in lists.
    pub unread_signals: u32,
    /// The run it continues: a rerun's dead letter, a retry's failed attempt.
    pub predecessor: Option<Uuid>,
    /// The run that continues it.
    pub successor: Option<Uuid>,
    /// The run that it was [forked](super::Tenant::fork) from, and how many events of that run's history it was
    /// forked behind; `None` in lists.
    pub forked_from: Option<(Uuid, usize)>,
    /// The runs that were forked from it, the oldest first, at most 100; none in lists.
    pub forks: Vec<Uuid>,
    /// The parent run, of a child.
    pub parent: Option<Uuid>,
    /// Its search attributes. None in lists that ask for no attribute.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// Its headers.
    pub headers: Headers,
}

impl From<RunView> for Description {
    fn from(view: RunView) -> Self {
        let (waiting_for, stuck) = waiting(&view);
        let input = view.input().map(Payload::from_json);
        let spec = &*view.spec;
        Self {
            workflow_id: spec
                .workflow_id
                .as_deref()
                .map_or_else(|| view.key.run.to_string(), str::to_owned),
            run_id: view.key.run,
            workflow: spec.workflow.to_string(),
            version: spec.version,
            queue: spec.queue.to_string(),
            status: view.status,
            attempt: spec.attempt,
            input,
            output: view.output.map(Payload::from_json),
            error: outcome::error(view.error.as_deref()),
            created_at: view.created_at.into(),
            closed_at: view.closed_at.map(Into::into),
            waiting_for,
            stuck,
            paused: view.paused.map(Pause::from),
            cancel_requested: view.cancelling,
            unread_signals: if view.status.is_open() { 0 } else { view.inbox },
            predecessor: spec.predecessor,
            successor: view.successor,
            forked_from: view.origin.map(|from| (from.run, from.position as usize)),
            forks: view.forks,
            parent: spec.parent.map(|parent| parent.run),
            headers: spec.headers.clone(),
            attributes: view.attributes,
        }
    }
}

/// What an open run waits for, and why it is stuck.
fn waiting(view: &RunView) -> (Option<String>, Option<String>) {
    match &view.placement {
        None => (None, None),
        Some(Placement::Ready { .. }) if view.paused.is_some() => {
            (Some("the end of its pause".into()), None)
        }
        Some(Placement::Ready { served: true }) => (Some("a free worker".into()), None),
        Some(Placement::Ready { served: false }) => {
            let (name, version, queue) = (&view.spec.workflow, view.spec.version, &view.spec.queue);
            let what = format!(
                "a worker: none that is alive serves workflow `{name}` version {version} on queue \
                 `{queue}`"
            );
            (Some(what), None)
        }
        Some(Placement::Owned { name, .. }) => {
            (Some(format!("worker {name}, which runs it")), None)
        }
        Some(Placement::Parked { wake_at, waiting_for, stuck }) => {
            let what = if stuck.is_some() { "tried again" } else { "wakes" };
            let until = wake_at.map(|at| until(what, at)).unwrap_or_default();
            (Some(format!("{waiting_for}{until}")), stuck.clone())
        }
    }
}

fn until(what: &str, at: Timestamp) -> String {
    format!(" ({what} at {})", humantime::format_rfc3339_seconds(at.into()))
}
