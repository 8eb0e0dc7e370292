//! Attempts of activities for workers of other queues.

use uuid::Uuid;

use super::state::MemoryState;
use crate::store::{ClaimTasks, ClaimedTask, Hint, QueuedTask, Record, TaskBeat, TaskEnd};

/// An attempt, and whose it is.
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct StoredTask {
    task: QueuedTask,
    pub(super) worker: Option<Uuid>,
    heartbeat: Option<Vec<u8>>,
    lost: bool,
}

impl MemoryState {
    /// What a record adds and takes back.
    pub(super) fn queue_tasks(&mut self, record: &Record) {
        for task in &record.tasks {
            let stored =
                StoredTask { task: task.clone(), worker: None, heartbeat: None, lost: false };
            self.tasks.insert((task.run, task.op, task.attempt), stored);
        }
        for op in &record.withdrawn {
            self.tasks.retain(|(run, of, _), stored| {
                let is_it = (*run, *of) == (record.key, *op);
                self.hints.extend(stored.worker.filter(|_| is_it).map(Hint::Withdrawn));
                !is_it
            });
        }
        if !record.tasks.is_empty() {
            self.hints.push(Hint::Tasks(record.tasks.iter().map(|task| task.lane).collect()));
        }
    }

    /// [`WorkerStore::claim_tasks`](crate::store::WorkerStore::claim_tasks). Without a lease, it claims nothing.
    pub(super) fn claim_tasks(&mut self, claim: ClaimTasks<'_>) -> Vec<ClaimedTask> {
        if !self.is_live(claim.worker) {
            return Vec::new();
        }
        let is_free = |stored: &&mut StoredTask| {
            stored.worker.is_none() && claim.lanes.contains(&stored.task.lane)
        };
        let free = self.tasks.values_mut().filter(is_free).take(claim.limit);
        let runs = &self.runs;
        free.map(|stored| {
            stored.worker = Some(claim.worker);
            let task = stored.task.clone();
            let is_open = runs.get(&task.run).is_some_and(|run| run.is_open());
            ClaimedTask { task, heartbeat: stored.heartbeat.clone(), lost: stored.lost, is_open }
        })
        .collect()
    }

    /// [`WorkerStore::check_tasks`](crate::store::WorkerStore::check_tasks).
    pub(super) fn check_tasks(&mut self, worker: Uuid, beats: &[TaskBeat]) -> Vec<bool> {
        let mut wanted = Vec::with_capacity(beats.len());
        for TaskBeat { run, op, attempt, heartbeat } in beats {
            let stored = self.tasks.get_mut(&(*run, *op, *attempt));
            let mine = stored.filter(|stored| stored.worker == Some(worker));
            let is_open = self.runs.get(run).is_some_and(|run| run.is_open());
            wanted.push(mine.is_some() && is_open);
            if let (Some(stored), Some(_)) = (mine, heartbeat) {
                stored.heartbeat.clone_from(heartbeat);
            }
        }
        wanted
    }

    /// [`WorkerStore::end_tasks`](crate::store::WorkerStore::end_tasks).
    pub(super) fn end_tasks(&mut self, worker: Uuid, ends: &[TaskEnd]) -> Vec<bool> {
        for TaskEnd { run, op, attempt, queued, message } in ends {
            let (name, owner) = ((*run, *op, *attempt), (!queued).then_some(worker));
            let is_mine = self.tasks.get(&name).is_some_and(|stored| stored.worker == owner);
            if is_mine {
                self.tasks.remove(&name);
                self.send_within(message.as_slice());
            }
        }
        vec![true; ends.len()]
    }

    /// What a worker has not ended is ready for others.
    pub(super) fn release_tasks(&mut self, worker: Uuid, over: bool) {
        let mut lanes = Vec::new();
        for stored in self.tasks.values_mut().filter(|stored| stored.worker == Some(worker)) {
            (stored.worker, stored.lost) = (None, stored.lost || over);
            lanes.push(stored.task.lane);
        }
        if !lanes.is_empty() {
            self.hints.push(Hint::Tasks(lanes));
        }
    }

    /// Workers that have claimed attempts.
    pub(super) fn task_owners(&self) -> Vec<Uuid> {
        self.tasks.values().filter_map(|stored| stored.worker).collect()
    }

    /// Whether attempts wait in some of the lanes.
    pub(super) fn has_tasks(&self, lanes: &[i64]) -> bool {
        let mut queued = self.tasks.values().filter(|stored| stored.worker.is_none());
        queued.any(|stored| lanes.contains(&stored.task.lane))
    }
}
