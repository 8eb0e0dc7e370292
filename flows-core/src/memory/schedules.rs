//! Schedules: kept by tenant and id, changed by who knows their revision.

use uuid::Uuid;

use super::state::MemoryState;
use crate::store::{CLAIMED_FOR, ScheduleChange, ScheduleRow};
use crate::time::Timestamp;

impl MemoryState {
    /// [`ClientStore::find_schedule`](crate::store::ClientStore::find_schedule).
    pub(super) fn find_schedule(&self, tenant: Uuid, id: &str) -> (Timestamp, Option<ScheduleRow>) {
        let row = self.schedules.get(&(tenant, id.into()));
        (self.now, row.map(|row| self.answered(row)))
    }

    /// [`ClientStore::change_schedule`](crate::store::ClientStore::change_schedule).
    pub(super) fn change_schedule(&mut self, change: &ScheduleChange) -> bool {
        let key = (change.tenant, change.id.clone());
        if self.schedules.get(&key).map(ScheduleRow::version) != change.expected {
            return false;
        }
        match &change.row {
            Some(row) => drop(self.schedules.insert(key, row.clone())),
            None => drop(self.schedules.remove(&key)),
        }
        for run in &change.starts {
            if self.holder(run).is_none() {
                self.begin(run);
            }
        }
        true
    }

    /// [`WorkerStore::claim_schedules`](crate::store::WorkerStore::claim_schedules).
    pub(super) fn claim_schedules(&mut self, limit: usize) -> Vec<ScheduleRow> {
        let now = self.now;
        let mut due: Vec<_> =
            self.schedules.values().filter(|row| row.due_at.is_some_and(|at| at <= now)).collect();
        due.sort_by_key(|row| row.due_at);
        let due: Vec<_> = due.into_iter().take(limit).map(|row| self.answered(row)).collect();
        for row in &due {
            if let Some(kept) = self.schedules.get_mut(&(row.tenant(), row.id.clone())) {
                kept.due_at = Some(now.after(CLAIMED_FOR));
            }
        }
        due
    }

    /// [`Inspect::schedules`](crate::store::Inspect::schedules).
    pub(super) fn schedules(&self, tenant: Uuid, after: &str, limit: usize) -> Vec<ScheduleRow> {
        let rows = self.schedules.range((tenant, after.into())..);
        let rows = rows.filter(|((_, id), _)| &**id != after || after.is_empty());
        let rows = rows.take_while(|((of, _), _)| *of == tenant).take(limit);
        rows.map(|(_, row)| self.answered(row)).collect()
    }

    /// When the first one is due.
    pub(super) fn schedule_due(&self) -> Option<Timestamp> {
        self.schedules.values().filter_map(|row| row.due_at).min()
    }

    fn answered(&self, row: &ScheduleRow) -> ScheduleRow {
        let last = row.last_id.as_deref().and_then(|id| self.find(row.tenant(), id));
        let is_open =
            |key: &crate::ids::RunKey| self.runs.get(key).is_some_and(|run| run.end.is_none());
        ScheduleRow { open: last.filter(is_open), now: self.now, ..row.clone() }
    }
}
