//! Looking at runs. Nothing here changes anything.

use std::cmp::Reverse;
use std::sync::Arc;

use uuid::Uuid;

use super::run::{End, PlacementRow, StoredRun};
use super::state::MemoryState;
use crate::ids::RunKey;
use crate::store::{
    DeadLetterRow, HistoryRow, ListCursor, ListFilter, Listed, MessageKind, Outcome, PAGE_BYTES,
    PauseRow, Placement, RunSpec, RunView, UpdateState,
};

impl MemoryState {
    /// [`ClientStore::find`](crate::store::ClientStore::find).
    pub(super) fn find(&self, tenant: Uuid, workflow_id: &str) -> Option<RunKey> {
        self.ids.get(&(tenant, workflow_id.into())).copied()
    }

    /// [`Inspect::outcomes`](crate::store::Inspect::outcomes).
    pub(super) fn outcomes(&self, runs: &[RunKey]) -> Vec<(RunKey, Outcome)> {
        runs.iter().filter_map(|key| Some((*key, self.runs.get(key)?.outcome()?))).collect()
    }

    /// [`ClientStore::describe`](crate::store::ClientStore::describe).
    pub(super) fn describe(&self, run: RunKey) -> Option<RunView> {
        let run = self.runs.get(&run)?;
        let ends = |kind| matches!(kind, MessageKind::Cancel | MessageKind::Terminate);
        let cancelling = run.inbox.iter().any(|message| ends(message.kind));
        let forks = self.of_tenant(run.key.tenant).filter(|other| is_from(other, run));
        let mut forks: Vec<_> = forks.map(|fork| (fork.created_at, fork.key.run)).collect();
        forks.sort_unstable();
        let forks = forks.into_iter().take(100).map(|(_, run)| run).collect();
        let (placement, origin) = (self.placement(run), run.origin);
        let paused = PauseRow::first_of(self.pauses.rows(), &run.spec).filter(|_| run.is_open());
        let paused = paused.cloned();
        Some(RunView { placement, cancelling, origin, forks, paused, ..view(run) })
    }

    /// [`Inspect::query`](crate::store::Inspect::query).
    pub(super) fn query(&self, run: RunKey, name: &str) -> Option<String> {
        self.runs.get(&run)?.queries.get(name).map(|(_, value)| value.clone())
    }

    /// [`Inspect::updates`](crate::store::Inspect::updates).
    pub(super) fn updates(&self, asked: &[(RunKey, String)]) -> Vec<UpdateState> {
        let state = |(run, id): &(RunKey, String)| {
            self.runs.get(run).map_or(UpdateState::Unknown, |run| run.update(id))
        };
        asked.iter().map(state).collect()
    }

    /// [`Inspect::history`](crate::store::Inspect::history).
    pub(super) fn history(&self, run: RunKey) -> Vec<HistoryRow> {
        self.runs.get(&run).map(|run| run.journal.clone()).unwrap_or_default()
    }

    /// [`Inspect::list`](crate::store::Inspect::list).
    pub(super) fn list(&self, tenant: Uuid, filter: &ListFilter) -> Listed {
        let mut found: Vec<_> = self.of_tenant(tenant).filter(|run| passes(run, filter)).collect();
        found.sort_by_key(|run| Reverse(cursor(run)));
        let mut bytes = 0;
        let fits = |run: &&StoredRun| {
            let before = bytes;
            bytes += if filter.payloads { payload(run) } else { 0 };
            before < PAGE_BYTES
        };
        let page: Vec<_> = found.iter().copied().take(filter.limit).take_while(fits).collect();
        let next = page.last().filter(|_| page.len() < found.len()).map(|run| cursor(run));
        let view = |run| if filter.payloads { view(run) } else { glance(run) };
        let mut runs = page.into_iter().map(view).collect::<Vec<_>>();
        if filter.attributes.is_empty() {
            runs.iter_mut().for_each(|run| run.attributes.clear());
        }
        Listed { runs, next }
    }

    /// [`Inspect::count`](crate::store::Inspect::count).
    pub(super) fn count(&self, tenant: Uuid, filter: &ListFilter) -> u64 {
        self.of_tenant(tenant).filter(|run| passes(run, filter)).count() as u64
    }

    /// [`Inspect::dead_letters`](crate::store::Inspect::dead_letters).
    pub(super) fn dead_letters(
        &self,
        tenant: Uuid,
        limit: usize,
        dismissed: bool,
    ) -> Vec<DeadLetterRow> {
        let dead = self.of_tenant(tenant).filter_map(dead_letter);
        let mut dead: Vec<_> =
            dead.filter(|dead| dead.dismissed_at.is_some() == dismissed).collect();
        dead.sort_by_key(|message| Reverse((message.failed_at, message.key.run)));
        dead.truncate(limit);
        dead
    }

    /// [`Inspect::stuck`](crate::store::Inspect::stuck).
    pub(super) fn stuck(&self, tenant: Uuid, limit: usize) -> Vec<RunView> {
        let mut stuck: Vec<_> = self.of_tenant(tenant).filter(|run| run.is_stuck()).collect();
        stuck.sort_by_key(|run| (run.setbacks >= 0, Reverse(cursor(run))));
        stuck.truncate(limit);
        stuck
            .into_iter()
            .map(|run| RunView { placement: self.placement(run), ..glance(run) })
            .collect()
    }

    fn of_tenant(&self, tenant: Uuid) -> impl Iterator<Item = &StoredRun> {
        self.runs.values().filter(move |run| run.key.tenant == tenant)
    }

    fn placement(&self, run: &StoredRun) -> Option<Placement> {
        Some(match run.placement.as_ref()? {
            PlacementRow::Ready(_) => Placement::Ready { served: self.is_served(run.lane) },
            PlacementRow::Owned { worker, .. } => {
                let member = self.workers.get(worker);
                let name = member.map(|member| member.identity.name.clone()).unwrap_or_default();
                Placement::Owned { worker: *worker, name }
            }
            PlacementRow::Parked { park, .. } => Placement::Parked {
                wake_at: park.wake_at,
                waiting_for: park.waiting_for.clone(),
                stuck: park.stuck.clone(),
            },
        })
    }
}

fn is_from(fork: &StoredRun, run: &StoredRun) -> bool {
    fork.origin.is_some_and(|origin| origin.run == run.key.run)
}

fn passes(run: &StoredRun, filter: &ListFilter) -> bool {
    let run = glance(run);
    filter.passes(&run) && filter.has_attributes(&run)
}

fn cursor(run: &StoredRun) -> ListCursor {
    ListCursor { created_at: run.created_at, run: run.key.run }
}

/// Bytes of its input and output.
fn payload(run: &StoredRun) -> usize {
    let output = run.end.as_ref().and_then(|end| end.outcome.output.as_ref());
    run.spec.input.len() + output.map_or(0, String::len)
}

fn dead_letter(run: &StoredRun) -> Option<DeadLetterRow> {
    let end = run.end.as_ref().filter(|end| end.dead)?;
    Some(DeadLetterRow {
        key: run.key,
        workflow_id: run.spec.workflow_id.as_deref().map(str::to_owned),
        workflow: run.spec.workflow.to_string(),
        version: run.spec.version,
        error: end.outcome.error.clone(),
        failed_at: end.at,
        dismissed_at: end.dismissed.as_ref().map(|(at, _)| *at),
        reason: end.dismissed.as_ref().map(|(_, reason)| reason.clone()),
        attempt: run.spec.attempt,
    })
}

/// The view of a run, without its placement and its payloads.
fn glance(run: &StoredRun) -> RunView {
    let spec = RunSpec { input: "".into(), ..RunSpec::clone(&run.spec) };
    RunView { spec: Arc::new(spec), output: None, ..view(run) }
}

/// The view of a run, without its placement.
fn view(run: &StoredRun) -> RunView {
    let outcome = run.end.as_ref().map(|End { outcome, .. }| outcome);
    let attributes = run.attributes.iter();
    RunView {
        key: run.key,
        spec: Arc::clone(&run.spec),
        status: run.status(),
        output: outcome.and_then(|outcome| outcome.output.clone()),
        error: outcome.and_then(|outcome| outcome.error.clone()),
        created_at: run.created_at,
        closed_at: run.end.as_ref().map(|end| end.at),
        successor: outcome.and_then(|outcome| outcome.successor),
        origin: None,
        forks: Vec::new(),
        placement: None,
        inbox: u32::try_from(run.inbox.len()).unwrap_or(u32::MAX),
        cancelling: false,
        paused: None,
        attributes: attributes.map(|(name, (_, value))| (name.clone(), value.clone())).collect(),
    }
}
