//! Attempts of activities that run on workers of other queues.

use uuid::Uuid;

use super::message::OutgoingMessage;
use crate::ids::RunKey;

/// An attempt of an activity, for whichever worker serves its lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedTask {
    /// The run that waits for it.
    pub run: RunKey,
    /// The operation's number.
    pub op: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Where it is queued: a hash of queue and activity.
    pub lane: i64,
    /// What its worker needs, encoded.
    pub content: Vec<u8>,
}

/// A claim of attempts: up to `limit` become the worker's.
#[derive(Debug, Clone, Copy)]
pub struct ClaimTasks<'a> {
    /// The claiming worker.
    pub worker: Uuid,
    /// The lanes to claim from.
    pub lanes: &'a [i64],
    /// The most to claim.
    pub limit: usize,
}

/// An attempt that a worker has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedTask {
    /// The attempt.
    pub task: QueuedTask,
    /// The details of its last heartbeat on a worker that had claimed it before, as JSON.
    pub heartbeat: Option<Vec<u8>>,
    /// A worker that had claimed it before was lost: it may have been invoked.
    pub lost: bool,
    /// Its run is open. If not, nobody waits for it.
    pub is_open: bool,
}

/// An attempt that a worker has claimed and that goes on.
#[derive(Debug, Clone)]
pub struct TaskBeat {
    /// The run that waits for it.
    pub run: RunKey,
    /// The operation's number.
    pub op: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The details of its last heartbeat, as JSON; nothing, if the store has them.
    pub heartbeat: Option<Vec<u8>>,
}

/// The end of an attempt.
#[derive(Debug, Clone)]
pub struct TaskEnd {
    /// The run that waits for it.
    pub run: RunKey,
    /// The operation's number.
    pub op: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// It ends only if no worker has claimed it; otherwise only if this one has.
    pub queued: bool,
    /// What the run is told; nothing, if it has ended.
    pub message: Option<OutgoingMessage>,
}
