//! A run in memory, and what belongs to it outside of its state: contexts of running attempts, answers
//! that activities wait for, its share of what limits the worker.

use rustc_hash::FxHashMap;
use tokio::sync::oneshot;
use tracing::Span;

use super::budget::Weight;
use super::message::Attempted;
use super::run::Run;
use super::suspect::Trial;
use crate::context::ActivityContext;
use crate::error::Result;
use crate::ids::RunKey;
use crate::replay::Machine;
use crate::store::Record;
use crate::time::Timestamp;

/// A run that this worker holds.
pub(super) struct Resident {
    pub(super) run: Run<Machine>,
    /// Its span, for as long as it is in memory.
    pub(super) span: Span,
    /// The time of its first turn, or before.
    pub(super) started_at: Timestamp,
    /// Distinguishes this residency from an earlier one of the same run.
    pub(super) residency: u64,
    /// The attempts that are running, by operation.
    pub(super) running: FxHashMap<u32, Running>,
    /// Who waits for a record of a transactional result, by ticket.
    pub(super) replies: Vec<(u64, oneshot::Sender<Result<Record>>)>,
    /// An attempt whose COMMIT nobody has answered: unless the journal has its result, it has failed.
    pub(super) unanswered: Option<Box<Attempted>>,
    /// Its share of the journals that wait to be replayed.
    pub(super) weight: Option<Weight>,
    /// It is tried alone.
    pub(super) trial: Option<Trial>,
}

/// An attempt of an activity that is running.
pub(super) struct Running {
    /// The batch after which it was started.
    pub(super) batch: u64,
    pub(super) context: ActivityContext,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.context.stop().abandon();
    }
}

impl Resident {
    /// Stops an attempt that nobody waits for any more.
    pub(super) fn stop(&mut self, op: u32) {
        if let Some(running) = self.running.remove(&op) {
            running.context.stop().cancel();
        }
    }

    /// Stops all attempts: the run ends here or goes on elsewhere.
    pub(super) fn stop_all(&mut self) {
        for (_, running) in self.running.drain() {
            running.context.stop().cancel();
        }
    }

    pub(super) fn take_reply(&mut self, receipt: u64) -> Option<oneshot::Sender<Result<Record>>> {
        let at = self.replies.iter().position(|(waiting, _)| *waiting == receipt)?;
        Some(self.replies.swap_remove(at).1)
    }

    /// Gives back what it holds of the worker's limits, if it does not need it any more.
    pub(super) fn release(&mut self) {
        self.weight.take_if(|_| !self.run.is_activating());
        self.trial.take_if(|_| !self.run.has_setbacks());
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        self.stop_all();
    }
}

/// The executor of a run: by its shard, so that runs that share a shard share a batch.
pub(super) fn executor_of(key: &RunKey, executors: usize) -> usize {
    usize::from(key.shard.unsigned_abs()) % executors.max(1)
}
