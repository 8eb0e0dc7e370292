//! Claims and reloads: runs on their way into a worker's memory.

use uuid::Uuid;

use super::run::{PlacementRow, StoredRun};
use super::state::MemoryState;
use crate::ids::RunKey;
use crate::store::{Activation, Claim, ClaimStuck, READ_BYTES};

impl MemoryState {
    /// [`WorkerStore::claim`](crate::store::WorkerStore::claim). Without a lease, it claims nothing.
    pub(super) fn claim(&mut self, claim: Claim<'_>) -> Vec<Activation> {
        if !self.is_live(claim.worker) {
            return Vec::new();
        }
        let won: Vec<_> = self.ready_in(claim.shard, claim.lanes).take(claim.limit).collect();
        self.give(claim.worker, &won);
        let mut runs = self.read(claim.worker, &won, false);
        for run in &mut runs {
            run.is_new = self.runs.get(&run.key).is_some_and(|run| !run.moved);
        }
        runs
    }

    /// [`WorkerStore::claim_stuck`](crate::store::WorkerStore::claim_stuck).
    pub(super) fn claim_stuck(&mut self, claim: ClaimStuck<'_>) -> Vec<Activation> {
        if !self.is_live(claim.worker) {
            return Vec::new();
        }
        let served =
            |key: &RunKey| self.runs.get(key).is_some_and(|run| claim.lanes.contains(&run.lane));
        let mut due: Vec<_> =
            self.stuck_runs().filter(|(_, at, key)| *at <= self.now && served(key)).collect();
        due.sort_by_key(|(_, at, key)| (*at, *key));
        let (suspects, stuck): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|(setbacks, ..)| *setbacks < 0);
        let stuck = stuck.into_iter().take(claim.limit);
        let suspects = suspects.into_iter().take(usize::from(claim.suspect));
        let won: Vec<_> = stuck.chain(suspects).map(|(.., key)| key).collect();
        self.give(claim.worker, &won);
        self.read(claim.worker, &won, false)
    }

    fn give(&mut self, worker: Uuid, won: &[RunKey]) {
        self.claims += 1;
        for key in won {
            let claim = self.claims;
            self.put(*key, Some(PlacementRow::Owned { worker, messages: false, sent: 0, claim }));
        }
    }

    /// [`WorkerStore::reload`](crate::store::WorkerStore::reload).
    pub(super) fn reload(&self, worker: Uuid, runs: &[RunKey]) -> Vec<Activation> {
        self.read(worker, runs, runs.len() == 1)
    }

    fn read(&self, worker: Uuid, runs: &[RunKey], alone: bool) -> Vec<Activation> {
        let share = READ_BYTES / runs.len().max(1);
        let known = runs.iter().filter_map(|key| self.runs.get(key));
        let mine = known.filter(|run| run.owner() == Some(worker));
        let mut inputs = 0;
        let read = |run: &StoredRun| {
            inputs += run.spec.input.len();
            run.read(share, inputs <= READ_BYTES, alone)
        };
        mine.map(read).collect()
    }
}
