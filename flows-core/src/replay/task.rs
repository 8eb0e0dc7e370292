//! What a workflow has called: activities and child workflows, as plain data.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::journal::StepId;
use crate::payload::Payload;
use crate::policy::{ClosePolicy, ConflictPolicy};
use crate::retry::RetryPolicy;
use crate::time::Timestamp;

/// An activity as a workflow called it.
#[derive(Debug)]
pub struct ActivityTask {
    /// The operation's number within the run.
    pub op: u32,
    /// The activity's name.
    pub name: &'static str,
    /// The encoded input.
    pub input: Payload,
    /// Hash of the encoded input.
    pub input_hash: u64,
    /// What the call site overrides.
    pub overrides: Option<Box<Overrides>>,
    /// When it was first asked for.
    pub scheduled_at: Timestamp,
    /// The run whose call this is, where its own run was forked from that one.
    pub called_by: Option<Box<Uuid>>,
}

impl ActivityTask {
    /// What its events say of it.
    pub(crate) fn step(&self) -> StepId {
        StepId { op: self.op, name: self.name.into(), input: self.input_hash }
    }

    /// The queue whose workers run it; `None`: the worker of its run does.
    pub(crate) fn queue(&self) -> Option<&str> {
        self.overridden(|overrides| overrides.queue.as_ref()).map(String::as_str)
    }

    /// Whether workers of its run's queue may run it as well.
    pub(crate) fn spills(&self) -> bool {
        self.overrides.as_deref().is_some_and(|overrides| overrides.spills)
    }

    /// Whether an attempt may end in another worker.
    pub(crate) fn may_go_elsewhere(&self) -> bool {
        self.queue().is_some() || self.spills()
    }

    /// An option that the call site may have set.
    pub(crate) fn overridden<T>(
        &self,
        option: impl FnOnce(&Overrides) -> Option<&T>,
    ) -> Option<&T> {
        self.overrides.as_deref().and_then(option)
    }
}

/// An attempt of an activity that ends outside of its worker.
#[derive(Debug, Clone, Copy)]
pub struct PendingAttempt {
    /// When it has failed, if it has not ended by then.
    pub until: Timestamp,
    /// The longest pause between two heartbeats.
    pub silence: Option<Duration>,
    /// When it was last known to go on.
    pub beat_at: Timestamp,
}

impl PendingAttempt {
    /// When it has failed, unless there is a message of it before.
    pub(crate) fn due(&self) -> Timestamp {
        let beat = self.silence.map(|silence| self.beat_at.after(silence));
        beat.map_or(self.until, |beat| beat.min(self.until))
    }
}

/// Options that a call site sets instead of the definition.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Retry policy.
    pub retry: Option<RetryPolicy>,
    /// Limit of one attempt.
    pub start_to_close: Option<Duration>,
    /// Limit of the wait for a slot.
    pub schedule_to_start: Option<Duration>,
    /// Limit of all attempts together.
    pub schedule_to_close: Option<Duration>,
    /// Queue.
    pub queue: Option<String>,
    /// See [`Activity::SPILLS`](crate::definition::Activity::SPILLS).
    pub spills: bool,
}

/// A child workflow as a workflow called it.
#[derive(Debug)]
pub struct ChildTask {
    /// The operation's number within the run.
    pub op: u32,
    /// The child's run id.
    pub run: Uuid,
    /// Workflow name.
    pub workflow: &'static str,
    /// Workflow version.
    pub version: u32,
    /// The encoded input.
    pub input: Payload,
    /// Hash of the encoded input.
    pub input_hash: u64,
    /// Queue, if not the parent's.
    pub queue: Option<String>,
    /// Time limit.
    pub timeout: Option<Duration>,
    /// Run-level retry policy.
    pub retry: Option<RetryPolicy>,
    /// Its workflow id, and what to do when another run has that.
    pub id: Option<(Arc<str>, ConflictPolicy)>,
    /// What becomes of it when its parent ends.
    pub on_close: ClosePolicy,
}

impl ChildTask {
    /// Its workflow id; its run id, where the call gave none.
    pub(crate) fn workflow_id(&self) -> String {
        self.id.as_ref().map_or_else(|| self.run.to_string(), |(id, _)| id.to_string())
    }
}
