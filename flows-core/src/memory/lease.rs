//! Workers: leases, takeover, and the look for work.

use uuid::Uuid;

use super::run::{Run, Spot};
use super::state::{Member, State};
use crate::store::{Lease, Outlook, WorkerIdentity};
use crate::time::Timestamp;

impl State {
    /// [`Store::register`](crate::store::Store::register).
    pub(super) fn register(&mut self, worker: &WorkerIdentity, now: Timestamp) -> Lease {
        self.release_stuck(&worker.lanes);
        self.extend(worker, now);
        Lease { now, lapsed: false }
    }

    /// [`Store::renew`](crate::store::Store::renew). A lease that has lapsed stays lapsed: else the
    /// runs that the worker forgets, and nobody has taken yet, would be nobody's.
    pub(super) fn renew(&mut self, worker: &WorkerIdentity, now: Timestamp) -> Lease {
        let lapsed = !self.is_live(worker.id, now);
        if !lapsed {
            self.extend(worker, now);
        }
        Lease { now, lapsed }
    }

    /// [`Store::retire`](crate::store::Store::retire).
    pub(super) fn retire(&mut self, worker: Uuid) {
        self.workers.remove(&worker);
        for key in self.owned_by(worker) {
            self.make_ready(key);
        }
    }

    /// [`Store::look`](crate::store::Store::look).
    pub(super) fn look(&mut self, worker: &WorkerIdentity, now: Timestamp) -> Outlook {
        self.wake_due(now);
        self.take_over(now);
        Outlook {
            ready: self.ready_shards(&worker.lanes),
            mail: self.has_mail(worker.id),
            next_due: self.first_due().map(|(at, _)| at),
        }
    }

    /// Whether a live worker serves a lane.
    pub(super) fn is_served(&self, lane: i64, now: Timestamp) -> bool {
        self.workers
            .iter()
            .any(|(id, member)| self.is_live(*id, now) && member.identity.lanes.contains(&lane))
    }

    pub(super) fn is_live(&self, worker: Uuid, now: Timestamp) -> bool {
        self.workers.get(&worker).is_some_and(|member| member.lease_ends >= now)
    }

    fn extend(&mut self, worker: &WorkerIdentity, now: Timestamp) {
        let member = Member { identity: worker.clone(), lease_ends: now.after(worker.lease) };
        self.workers.insert(worker.id, member);
    }

    fn wake_due(&mut self, now: Timestamp) {
        while let Some((at, key)) = self.first_due()
            && at <= now
        {
            self.make_ready(key);
        }
    }

    fn take_over(&mut self, now: Timestamp) {
        for worker in self.owners() {
            if !self.is_live(worker, now) {
                self.retire(worker);
            }
        }
    }

    fn has_mail(&self, worker: Uuid) -> bool {
        let mut runs = self.owned_by(worker).into_iter();
        runs.any(|key| self.runs.get(&key).is_some_and(Run::has_mail_flag))
    }

    /// [`Store::retry_stuck`](crate::store::Store::retry_stuck).
    pub(super) fn release_stuck(&mut self, lanes: &[i64]) {
        let stuck = self.runs.values().filter(|run| is_stuck(run) && lanes.contains(&run.new.lane));
        for key in stuck.map(|run| run.new.key).collect::<Vec<_>>() {
            self.make_ready(key);
        }
    }
}

fn is_stuck(run: &Run) -> bool {
    matches!(&run.spot, Some(Spot::Parked { park, .. }) if park.stuck.is_some())
}
