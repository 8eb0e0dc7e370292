//! Workers: leases, takeover, and the look for work.

use uuid::Uuid;

use super::run::{PlacementRow, StoredRun};
use super::state::{Member, MemoryState};
use crate::ids::RunKey;
use crate::store::{Lease, Overdue, Park, Polled, SUSPECT, WorkerIdentity, setbacks_after};
use crate::time::Timestamp;

impl MemoryState {
    /// [`WorkerStore::register`](crate::store::WorkerStore::register).
    pub(super) fn register(&mut self, worker: &WorkerIdentity) -> Lease {
        self.hasten_stuck(&worker.lanes);
        self.extend(worker);
        Lease { now: self.now, lapsed: false }
    }

    /// [`WorkerStore::renew`](crate::store::WorkerStore::renew). A lease that has lapsed stays lapsed: else the
    /// runs that the worker forgets, and nobody has taken yet, would be nobody's.
    pub(super) fn renew(&mut self, worker: &WorkerIdentity) -> Lease {
        let lapsed = !self.is_live(worker.id);
        if !lapsed {
            self.extend(worker);
        }
        Lease { now: self.now, lapsed }
    }

    /// [`WorkerStore::retire`](crate::store::WorkerStore::retire).
    pub(super) fn retire(&mut self, worker: Uuid, innocent: &[RunKey]) {
        let over = !self.is_live(worker);
        self.workers.remove(&worker);
        self.release_tasks(worker, over);
        for key in self.owned_by(worker) {
            self.let_go(key, over);
        }
        if over {
            innocent.iter().for_each(|key| self.take_back(*key));
        }
    }

    /// A run whose worker is gone is ready, or waits to be tried alone.
    pub(super) fn let_go(&mut self, key: RunKey, over: bool) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        run.setbacks = setbacks_after(run.setbacks, over);
        self.wait_for_trial(key);
    }

    /// A run has a setback less, for its worker was alive.
    fn take_back(&mut self, key: RunKey) {
        let Some(run) = self.runs.get_mut(&key).filter(|run| run.setbacks < 0) else { return };
        run.setbacks += 1;
        if run.is_stuck() {
            self.wait_for_trial(key);
        }
    }

    /// A run that nobody owns is ready, or waits to be tried alone.
    fn wait_for_trial(&mut self, key: RunKey) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        if run.setbacks > SUSPECT {
            return self.make_ready(key);
        }
        let why = format!(
            "its workers have ended {} times in a row; it is to be tried alone",
            -run.setbacks
        );
        let waiting_for = "a worker that tries no other suspect".to_owned();
        let park = Park {
            wake_at: Some(self.now),
            waiting_for,
            stuck: Some(why),
            setbacks: run.setbacks,
            ..Park::default()
        };
        self.put(key, Some(PlacementRow::Parked { park, unborn: false }));
    }

    /// [`WorkerStore::poll`](crate::store::WorkerStore::poll).
    pub(super) fn poll(&mut self, worker: &WorkerIdentity) -> Polled {
        self.wake_due();
        self.take_over();
        Polled {
            ready: self.ready_shards(&worker.lanes),
            messages: self.has_messages(worker.id),
            tasks: self.has_tasks(&worker.task_lanes),
            next_due: self
                .first_due()
                .map(|(at, _)| at)
                .into_iter()
                .chain(self.schedule_due())
                .min(),
            schedules: self.schedule_due().is_some_and(|due| due <= self.now),
            pauses: self.pauses.stamp(),
            overdue: !self.overdue(1).is_empty(),
            suspects: self.stuck_runs().any(|(setbacks, due, _)| setbacks < 0 && due <= self.now),
        }
    }

    /// Whether a live worker serves a lane.
    pub(super) fn is_served(&self, lane: i64) -> bool {
        self.workers
            .iter()
            .any(|(id, member)| self.is_live(*id) && member.identity.lanes.contains(&lane))
    }

    pub(super) fn is_live(&self, worker: Uuid) -> bool {
        self.workers.get(&worker).is_some_and(|member| member.lease_ends >= self.now)
    }

    fn extend(&mut self, worker: &WorkerIdentity) {
        let member = Member { identity: worker.clone(), lease_ends: self.now.after(worker.lease) };
        self.workers.insert(worker.id, member);
    }

    fn wake_due(&mut self) {
        while let Some((at, key)) = self.first_due()
            && at <= self.now
        {
            self.make_ready(key);
        }
    }

    fn take_over(&mut self) {
        for worker in self.owners().into_iter().chain(self.task_owners()) {
            if !self.is_live(worker) {
                self.retire(worker, &[]);
            }
        }
    }

    fn has_messages(&self, worker: Uuid) -> bool {
        let mut runs = self.owned_by(worker).into_iter();
        runs.any(|key| self.runs.get(&key).is_some_and(StoredRun::has_message_flag))
    }

    /// [`WorkerStore::overdue`](crate::store::WorkerStore::overdue).
    pub(super) fn overdue(&self, limit: usize) -> Vec<Overdue> {
        let waits = move |run: &&StoredRun| match &run.placement {
            Some(PlacementRow::Parked { park, .. }) => park.stuck.is_some(),
            Some(PlacementRow::Ready(_)) => !self.is_served(run.lane),
            _ => false,
        };
        let overdue = |run: &StoredRun| {
            let limit =
                run.spec.timeout.filter(|limit| run.started_at.after(*limit) <= self.now)?;
            Some(Overdue { run: run.key, parent: run.spec.parent, limit })
        };
        self.runs.values().filter(waits).filter_map(overdue).take(limit).collect()
    }

    /// Stuck runs, each with its setbacks and when it is due.
    pub(super) fn stuck_runs(&self) -> impl Iterator<Item = (i16, Timestamp, RunKey)> {
        self.runs.values().filter_map(|run| match &run.placement {
            Some(PlacementRow::Parked { park, .. }) if park.stuck.is_some() => {
                Some((park.setbacks, park.wake_at?, run.key))
            }
            _ => None,
        })
    }

    /// [`ClientStore::retry_stuck`](crate::store::ClientStore::retry_stuck).
    pub(super) fn retry_stuck(&mut self, key: RunKey) -> bool {
        let Some(run) = self.runs.get_mut(&key) else { return false };
        match &mut run.placement {
            Some(PlacementRow::Parked { park, .. }) if park.stuck.is_some() => {
                park.setbacks = park.setbacks.max(SUSPECT);
                (run.setbacks, park.wake_at) = (park.setbacks, Some(self.now));
                true
            }
            _ => false,
        }
    }

    /// A build that may mend them has come.
    fn hasten_stuck(&mut self, lanes: &[i64]) {
        for run in self.runs.values_mut().filter(|run| lanes.contains(&run.lane)) {
            match &mut run.placement {
                Some(PlacementRow::Parked { park, .. })
                    if park.stuck.is_some() && park.setbacks > 0 =>
                {
                    park.wake_at = Some(self.now);
                }
                _ => {}
            }
        }
    }
}
