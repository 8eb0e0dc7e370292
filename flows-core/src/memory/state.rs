//! What the memory store holds behind its mutex, and the one way to move a run.
//!
//! The indexes mirror the three small tables of a database: ready runs in claim order, owned runs
//! by worker, parked runs by when they are due. They are ordered, so that what the store does never
//! depends on chance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::pause::Pauses;
use super::run::{PlacementRow, StoredRun};
use super::tasks::StoredTask;
use crate::ids::RunKey;
use crate::store::{Hint, ScheduleRow, WorkerIdentity};
use crate::time::Timestamp;

#[derive(Default)]
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct MemoryState {
    /// The time of the transaction.
    pub(super) now: Timestamp,
    pub(super) runs: BTreeMap<RunKey, StoredRun>,
    /// The newest run of each workflow id.
    pub(super) ids: BTreeMap<(Uuid, Arc<str>), RunKey>,
    /// The children of each run, in the order of their starts.
    pub(super) children: BTreeMap<RunKey, Vec<RunKey>>,
    pub(super) workers: BTreeMap<Uuid, Member>,
    /// Hints to pass on when the transaction is over.
    pub(super) hints: Vec<Hint>,
    /// Attempts for workers of other queues, by run, operation and number.
    pub(super) tasks: BTreeMap<(RunKey, u32, u32), StoredTask>,
    /// Schedules, by tenant and id.
    pub(super) schedules: BTreeMap<(Uuid, Arc<str>), ScheduleRow>,
    /// By shard: priority, then number.
    ready: BTreeMap<i16, BTreeMap<(i16, u64), RunKey>>,
    owned: BTreeMap<Uuid, BTreeSet<RunKey>>,
    due: BTreeSet<(Timestamp, RunKey)>,
    readied: u64,
    pub(super) pauses: Pauses,
    /// Numbers claims.
    pub(super) claims: i64,
}

/// A worker that is known.
#[cfg_attr(test, derive(Clone, Debug))]
pub(super) struct Member {
    pub(super) identity: WorkerIdentity,
    pub(super) lease_ends: Timestamp,
}

impl MemoryState {
    /// Adds a run that nobody knows yet.
    pub(super) fn insert(&mut self, mut run: StoredRun) {
        let key = run.key;
        let before = run.spec.predecessor.map(|run| RunKey { run, ..key });
        if let Some(before) = before.and_then(|before| self.runs.get(&before)) {
            run.dedup = Arc::clone(&before.dedup);
            run.answers = Arc::clone(&before.answers);
        }
        if let Some(id) = &run.spec.workflow_id {
            self.ids.insert((key.tenant, id.clone()), key);
        }
        if let Some(parent) = run.spec.parent {
            let parent = RunKey::of_run(key.tenant, parent.run);
            self.children.entry(parent).or_default().push(key);
        }
        self.runs.insert(key, run);
        self.index(key);
    }

    /// Moves a run to a place, or (`None`) out of the world of open runs.
    pub(super) fn put(&mut self, key: RunKey, placement: Option<PlacementRow>) {
        self.unindex(key);
        if let Some(run) = self.runs.get_mut(&key) {
            run.moved |= !run.is_ready();
            run.placement = placement;
            self.index(key);
        }
    }

    /// Makes a run ready, behind those that are.
    pub(super) fn make_ready(&mut self, key: RunKey) {
        let placement = self.next_ready();
        self.put(key, Some(placement));
    }

    pub(super) fn next_ready(&mut self) -> PlacementRow {
        self.readied += 1;
        PlacementRow::Ready(self.readied)
    }

    /// The ready runs of a shard that are in some of the lanes, in claim order.
    pub(super) fn ready_in(&self, shard: i16, lanes: &[i64]) -> impl Iterator<Item = RunKey> {
        let queue = self.ready.get(&shard).into_iter().flat_map(BTreeMap::values).copied();
        queue.filter(move |key| self.runs.get(key).is_some_and(|r| lanes.contains(&r.lane)))
    }

    /// The shards with such runs.
    pub(super) fn ready_shards(&self, lanes: &[i64]) -> Vec<i16> {
        let shards = self.ready.keys().copied();
        shards.filter(|shard| self.ready_in(*shard, lanes).next().is_some()).collect()
    }

    pub(super) fn owned_by(&self, worker: Uuid) -> Vec<RunKey> {
        self.owned.get(&worker).into_iter().flatten().copied().collect()
    }

    pub(super) fn owners(&self) -> Vec<Uuid> {
        self.owned.keys().copied().collect()
    }

    /// When the first of the parked runs is due, and which it is.
    pub(super) fn first_due(&self) -> Option<(Timestamp, RunKey)> {
        self.due.first().copied()
    }

    fn index(&mut self, key: RunKey) {
        let Some(run) = self.runs.get(&key) else { return };
        match &run.placement {
            Some(PlacementRow::Ready(number)) => {
                let queue = self.ready.entry(key.shard).or_default();
                queue.insert((run.spec.priority, *number), key);
            }
            Some(PlacementRow::Owned { worker, .. }) => {
                self.owned.entry(*worker).or_default().insert(key);
            }
            Some(PlacementRow::Parked { park, .. }) if park.stuck.is_some() => {} // it does not wake by itself
            Some(PlacementRow::Parked { park, .. }) => {
                self.due.extend(park.wake_at.map(|at| (at, key)))
            }
            None => {}
        }
    }

    fn unindex(&mut self, key: RunKey) {
        let Some(run) = self.runs.get(&key) else { return };
        match &run.placement {
            Some(PlacementRow::Ready(number)) => {
                let queue = self.ready.entry(key.shard).or_default();
                queue.remove(&(run.spec.priority, *number));
            }
            Some(PlacementRow::Owned { worker, .. }) => self.disown(*worker, key),
            Some(PlacementRow::Parked {
                park: crate::store::Park { wake_at: Some(at), .. },
                ..
            }) => {
                self.due.remove(&(*at, key));
            }
            Some(PlacementRow::Parked { .. }) | None => {}
        }
    }

    fn disown(&mut self, worker: Uuid, key: RunKey) {
        if let Some(runs) = self.owned.get_mut(&worker) {
            runs.remove(&key);
            if runs.is_empty() {
                self.owned.remove(&worker);
            }
        }
    }
}
