//! Looking at runs. Nothing here changes anything.

use std::cmp::Reverse;

use uuid::Uuid;

use super::run::{End, Run, Spot};
use super::state::State;
use crate::ids::RunKey;
use crate::store::{
    Counted, DeadLetter, HistoryRow, ListCursor, ListFilter, Listed, MailKind, Outcome, PAGE_BYTES,
    Place, RunView,
};
use crate::time::Timestamp;

impl State {
    /// [`Store::find`](crate::store::Store::find).
    pub(super) fn find(&self, tenant: Uuid, workflow_id: &str) -> Option<RunKey> {
        self.ids.get(&(tenant, workflow_id.into())).copied()
    }

    /// [`Store::outcomes`](crate::store::Store::outcomes).
    pub(super) fn outcomes(&self, runs: &[RunKey]) -> Vec<(RunKey, Outcome)> {
        runs.iter().filter_map(|key| Some((*key, self.runs.get(key)?.outcome()?))).collect()
    }

    /// [`Store::describe`](crate::store::Store::describe).
    pub(super) fn describe(&self, run: RunKey, now: Timestamp) -> Option<RunView> {
        let run = self.runs.get(&run)?;
        let cancelling = run.inbox.iter().any(|letter| letter.kind == MailKind::Cancel);
        Some(RunView { place: self.place(run, now), cancelling, ..view(run) })
    }

    /// [`Store::history`](crate::store::Store::history).
    pub(super) fn history(&self, run: RunKey) -> Vec<HistoryRow> {
        self.runs.get(&run).map(|run| run.journal.clone()).unwrap_or_default()
    }

    /// [`Store::list`](crate::store::Store::list).
    pub(super) fn list(&self, tenant: Uuid, filter: &ListFilter) -> Listed {
        let mut found: Vec<_> = self.of_tenant(tenant).filter(|run| passes(run, filter)).collect();
        found.sort_by_key(|run| Reverse(cursor(run)));
        let mut bytes = 0;
        let fits = |run: &&Run| {
            let before = bytes;
            bytes += if filter.payloads { payload(run) } else { 0 };
            before < PAGE_BYTES
        };
        let page: Vec<_> = found.iter().copied().take(filter.limit).take_while(fits).collect();
        let next = page.last().filter(|_| page.len() < found.len()).map(|run| cursor(run));
        let view = |run| if filter.payloads { view(run) } else { glance(run) };
        Listed { runs: page.into_iter().map(view).collect(), next }
    }

    /// [`Store::count`](crate::store::Store::count).
    pub(super) fn count(&self, tenant: Uuid, filter: &ListFilter) -> Counted {
        let found = self.of_tenant(tenant).filter(|run| passes(run, filter)).count();
        Counted { runs: found as u64, next: None }
    }

    /// [`Store::dead_letters`](crate::store::Store::dead_letters).
    pub(super) fn dead_letters(&self, tenant: Uuid, limit: usize) -> Vec<DeadLetter> {
        let mut dead: Vec<_> = self.of_tenant(tenant).filter_map(dead_letter).collect();
        dead.sort_by_key(|letter| Reverse((letter.failed_at, letter.key.run)));
        dead.truncate(limit);
        dead
    }

    /// [`Store::stuck`](crate::store::Store::stuck).
    pub(super) fn stuck_of(&self, tenant: Uuid, limit: usize, now: Timestamp) -> Vec<RunView> {
        let mut stuck: Vec<_> = self.of_tenant(tenant).filter(|run| run.is_stuck()).collect();
        stuck.sort_by_key(|run| (run.setbacks >= 0, Reverse(cursor(run))));
        stuck.truncate(limit);
        stuck
            .into_iter()
            .map(|run| RunView { place: self.place(run, now), ..glance(run) })
            .collect()
    }

    fn of_tenant(&self, tenant: Uuid) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(move |run| run.new.key.tenant == tenant)
    }

    fn place(&self, run: &Run, now: Timestamp) -> Option<Place> {
        Some(match run.spot.as_ref()? {
            Spot::Ready(_) => Place::Ready { served: self.is_served(run.new.lane, now) },
            Spot::Owned { worker, .. } => {
                let member = self.workers.get(worker);
                let name = member.map(|member| member.identity.name.clone()).unwrap_or_default();
                Place::Owned { worker: *worker, name }
            }
            Spot::Parked { park, .. } => Place::Parked {
                wake_at: park.wake_at,
                waiting_for: park.waiting_for.clone(),
                stuck: park.stuck.clone(),
            },
        })
    }
}

fn passes(run: &Run, filter: &ListFilter) -> bool {
    fn is<T: PartialEq>(wanted: &Option<T>, found: &T) -> bool {
        wanted.as_ref().is_none_or(|wanted| wanted == found)
    }
    is(&filter.workflow.as_deref(), &&*run.new.workflow)
        && is(&filter.version, &run.new.version)
        && is(&filter.status, &run.status())
        && filter.created_after.is_none_or(|after| run.created_at >= after)
        && filter.created_before.is_none_or(|before| run.created_at < before)
        && filter.closed_after.is_none_or(|after| closed_at(run).is_some_and(|at| at >= after))
        && filter.closed_before.is_none_or(|before| closed_at(run).is_some_and(|at| at < before))
        && filter.behind.is_none_or(|behind| cursor(run) < behind)
}

fn closed_at(run: &Run) -> Option<Timestamp> {
    run.end.as_ref().map(|end| end.at)
}

fn cursor(run: &Run) -> ListCursor {
    ListCursor { created_at: run.created_at, run: run.new.key.run }
}

/// Bytes of its input and output.
fn payload(run: &Run) -> usize {
    let output = run.end.as_ref().and_then(|end| end.close.output.as_ref());
    run.new.input.len() + output.map_or(0, String::len)
}

fn dead_letter(run: &Run) -> Option<DeadLetter> {
    let end = run.end.as_ref().filter(|end| end.dead)?;
    Some(DeadLetter {
        key: run.new.key,
        workflow_id: run.new.workflow_id.as_deref().map(str::to_owned),
        workflow: run.new.workflow.to_string(),
        version: run.new.version,
        error: end.close.error.clone(),
        failed_at: end.at,
        attempt: run.new.attempt,
    })
}

/// The view of a run, without its place and its payloads.
fn glance(run: &Run) -> RunView {
    RunView { input: None, output: None, ..view(run) }
}

/// The view of a run, without its place.
fn view(run: &Run) -> RunView {
    let new = &run.new;
    let close = run.end.as_ref().map(|End { close, .. }| close);
    RunView {
        key: new.key,
        workflow_id: new.workflow_id.as_deref().map(str::to_owned),
        workflow: new.workflow.to_string(),
        version: new.version,
        queue: new.queue.to_string(),
        priority: new.priority,
        status: run.status(),
        attempt: new.attempt,
        input: Some(new.input.to_string()),
        output: close.and_then(|close| close.output.clone()),
        error: close.and_then(|close| close.error.clone()),
        created_at: run.created_at,
        closed_at: run.end.as_ref().map(|end| end.at),
        timeout: new.timeout,
        predecessor: new.lineage.predecessor,
        successor: close.and_then(|close| close.successor),
        parent: new.lineage.parent,
        retry: new.retry.clone(),
        place: None,
        inbox: u32::try_from(run.inbox.len()).unwrap_or(u32::MAX),
        cancelling: false,
    }
}
