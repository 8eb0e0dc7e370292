//! Operations: what a workflow has asked for and not yet received.

use std::sync::{Arc, Weak};

use super::place::Place;
use super::task::{ActivityTask, ChildTask, PendingAttempt};
use super::wake_flag::WakeFlag;
use crate::error::Result;
use crate::payload::Payload;
use crate::time::Timestamp;

/// What kind of operation, and what it needs to be asked for again.
#[derive(Debug)]
pub(crate) enum What {
    Activity(Arc<ActivityTask>),
    Timer {
        due: Timestamp,
    },
    /// `abandoned`: it goes on when its call is dropped.
    Child {
        task: Arc<ChildTask>,
        abandoned: bool,
    },
    Signal {
        name: String,
    },
    Update {
        name: String,
    },
    Cancelled,
}

impl What {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Activity(_) => "activity",
            Self::Timer { .. } => "timer",
            Self::Child { .. } => "child workflow",
            Self::Signal { .. } => "signal",
            Self::Update { .. } => "update",
            Self::Cancelled => "cancellation",
        }
    }

    /// Activity `charge`.
    pub(crate) fn in_words(&self) -> String {
        let name = self.name().map(|name| format!(" `{name}`")).unwrap_or_default();
        format!("{}{name}", self.kind())
    }

    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Activity(task) => Some(task.name),
            Self::Child { task, .. } => Some(task.workflow),
            Self::Signal { name } | Self::Update { name } => Some(name),
            Self::Timer { .. } | Self::Cancelled => None,
        }
    }
}

/// What becomes of a call of an activity or a child when its run is cancelled, or a scope that it is awaited in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CancellationType {
    /// It is asked to cancel, and the call is an error at once. The default.
    #[default]
    Try,
    /// It is asked to cancel, and the call goes on waiting for its result or error. A call that is dropped cannot
    /// wait.
    Wait,
    /// It goes on, and the call is an error at once. So it is when the call is dropped. An activity goes on with its
    /// attempt, at most as long as the run is open.
    Abandon,
}

/// An open operation.
pub(crate) struct Op {
    pub(crate) what: What,
    pub(crate) site: Place,
    /// Of the part of the workflow that waits for it.
    pub(crate) wake_flag: Weak<WakeFlag>,
    pub(crate) result: Option<Result<Payload>>,
    /// Whether the world was asked for it, and has not answered: then dropping it is a command.
    pub(crate) asked: bool,
    pub(crate) on_cancel: CancellationType,
    /// It was asked to cancel, and is waited for.
    pub(crate) is_stopping: bool,
    pub(crate) retry: Option<Box<Retry>>,
    /// The setbacks of the run when the journal noted the start of the attempt that is open.
    pub(crate) started: Option<i16>,
    /// The attempt that is open waits for a worker of a queue, or runs there.
    pub(crate) scheduled: bool,
}

/// An operation that was let go of before it had its result.
pub(crate) struct DroppedOp {
    pub(crate) is_timer: bool,
    /// The same in every build: activity `charge`.
    pub(crate) name: String,
    /// With its place in this build: activity `charge` (#3), called at src/order.rs:12.
    pub(crate) described: String,
}

impl DroppedOp {
    pub(super) fn of(op: u32, entry: &Op) -> Self {
        let is_timer = matches!(entry.what, What::Timer { .. });
        Self { is_timer, name: entry.what.in_words(), described: entry.describe(op) }
    }
}

/// What a failed attempt leaves for the next one; and how far an attempt is that ends outside of its worker.
#[derive(Debug, Clone)]
pub(crate) struct Retry {
    pub(crate) attempt: u32,
    pub(crate) not_before: Timestamp,
    pub(crate) heartbeat: Option<Payload>,
    /// The attempt has begun, and ends outside of its worker.
    pub(crate) pending: Option<PendingAttempt>,
}

impl Op {
    /// The attempt of an activity that is open, from 1.
    pub(crate) fn attempt(&self) -> u32 {
        self.retry.as_ref().map_or(1, |retry| retry.attempt)
    }

    pub(crate) fn new(what: What, site: Place) -> Self {
        let (wake_flag, result, retry, started) = (Weak::new(), None, None, None);
        let (asked, on_cancel, is_stopping, scheduled) =
            (false, CancellationType::Try, false, false);
        Self {
            what,
            site,
            wake_flag,
            result,
            asked,
            on_cancel,
            is_stopping,
            retry,
            started,
            scheduled,
        }
    }

    /// Whether it is an activity whose attempt does not end in the worker of its run.
    pub(crate) fn ends_elsewhere(&self) -> bool {
        self.is_pending() || self.is_for_others()
    }

    /// Whether it is an activity whose attempt is given to the workers of a queue.
    fn is_for_others(&self) -> bool {
        let is_routed = matches!(&self.what, What::Activity(task) if task.queue().is_some());
        is_routed || self.scheduled
    }

    /// Whether it is an activity whose attempt ends outside of its worker.
    pub(crate) fn is_pending(&self) -> bool {
        self.retry.as_ref().is_some_and(|retry| retry.pending.is_some())
    }

    /// In words: activity `charge` (#3), called at src/order.rs:12.
    pub(crate) fn describe(&self, op: u32) -> String {
        let (what, site) = (self.describe_short(op), self.site);
        format!("{what}, called at {}:{}", site.file(), site.line())
    }

    /// The same, without the place.
    pub(crate) fn describe_short(&self, op: u32) -> String {
        let where_it_ends = match &self.what {
            _ if self.is_pending() => ", which is completed from outside".to_owned(),
            What::Activity(task) => match task.queue() {
                Some(queue) => format!(", of a worker of queue `{queue}`"),
                None if self.scheduled => ", of any worker of the run's queue".to_owned(),
                None => String::new(),
            },
            _ => String::new(),
        };
        format!("{} (#{op}){where_it_ends}", self.what.in_words())
    }

    pub(crate) fn complete(&mut self, result: Result<Payload>) {
        self.result = Some(result);
        self.wake();
    }

    pub(crate) fn wake(&mut self) {
        if let Some(wake_flag) = std::mem::take(&mut self.wake_flag).upgrade() {
            wake_flag.set();
        }
    }
}
