//! Starts and reruns: who may have a workflow id.

use std::sync::Arc;

use uuid::Uuid;

use super::run::{PlacementRow, StoredRun};
use super::state::MemoryState;
use crate::ending::refusal_to_parent;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunKey;
use crate::store::{
    NewRun, OutgoingMessage, Park, Sent, Started, check_workflow, no_such_dead_letter,
    undismissable,
};
use crate::time::Timestamp;

impl MemoryState {
    /// [`ClientStore::start`](crate::store::ClientStore::start) of one run.
    pub(super) fn start(&mut self, run: &NewRun) -> Result<Started> {
        match self.holder(run) {
            None => Ok(self.begin(run)),
            Some(existing) => self.conflict(run, existing),
        }
    }

    /// [`WorkerStore::start_owned`](crate::store::WorkerStore::start_owned) of one run.
    pub(super) fn start_owned(&mut self, worker: Uuid, run: &NewRun) -> Result<Started> {
        let started = self.start(run)?;
        let is_ready = self.runs.get(&run.key).is_some_and(StoredRun::is_ready);
        if started != Started::Created || !is_ready || !self.is_live(worker) {
            return Ok(started);
        }
        self.claims += 1;
        let claim = self.claims;
        self.put(run.key, Some(PlacementRow::Owned { worker, messages: false, sent: 0, claim }));
        Ok(Started::Owned { started_at: self.now, claim })
    }

    /// [`ClientStore::rerun`](crate::store::ClientStore::rerun): the new run takes the place of the dead one,
    /// under its id too, unless that has gone to yet another run.
    pub(super) fn rerun(&mut self, dead: RunKey, run: &NewRun) -> Result<Started> {
        let message = self.runs.get(&dead).and_then(|run| run.end.as_ref());
        if !message.is_some_and(|end| end.dead) {
            return Err(no_such_dead_letter(dead));
        }
        let started = match self.holder(run) {
            Some(other) if other != dead => self.conflict(run, other)?,
            _ => self.begin(run),
        };
        if started == Started::Created {
            self.take_dead_letter(dead, run);
        }
        Ok(started)
    }

    /// [`ClientStore::dismiss`](crate::store::ClientStore::dismiss).
    pub(super) fn dismiss(&mut self, dead: RunKey, reason: &str) -> Result<()> {
        let end = self.runs.get_mut(&dead).and_then(|run| run.end.as_mut());
        let end = end.filter(|end| end.dead && end.dismissed.is_none());
        let end = end.ok_or_else(|| undismissable(dead))?;
        end.dismissed = Some((self.now, reason.to_owned()));
        Ok(())
    }

    /// [`ClientStore::signal_with_start`](crate::store::ClientStore::signal_with_start).
    pub(super) fn signal_with_start(
        &mut self,
        run: &NewRun,
        signal: &OutgoingMessage,
    ) -> Result<(Started, Sent)> {
        let Some(existing) = self.holder(run) else {
            return self.begin_with(run, signal);
        };
        if existing == run.key {
            return Ok((Started::Created, Sent::Duplicate)); // by this start, whose answer was lost
        }
        let found = self.runs.get(&existing);
        let (status, workflow) =
            found.map(|run| (run.status(), Arc::clone(&run.spec.workflow))).unzip();
        check_workflow(run, workflow.as_deref())?;
        let sent = self.send(&OutgoingMessage { to: existing, ..signal.clone() });
        match sent {
            Err(_) if status.is_some_and(|status| run.on_conflict.replaces(status)) => {
                self.begin_with(run, signal)
            }
            sent => Ok((Started::Exists(existing), sent?)),
        }
    }

    fn begin_with(&mut self, run: &NewRun, signal: &OutgoingMessage) -> Result<(Started, Sent)> {
        let started = self.begin(run);
        Ok((started, self.send(&OutgoingMessage { to: run.key, ..signal.clone() })?))
    }

    /// A start inside a record of `by`. What another run's workflow id refuses is told to the parent that waits
    /// for it.
    pub(super) fn start_within(&mut self, by: RunKey, run: &NewRun) -> Option<OutgoingMessage> {
        let successor = run.spec.predecessor == Some(by.run);
        let gives_way = |holder: RunKey| {
            let other = self.runs.get(&holder);
            successor && holder == by
                || other.is_some_and(|other| run.on_conflict.replaces(other.status()))
        };
        if !self.holder(run).is_none_or(gives_way) {
            return refusal_to_parent(run);
        }
        self.begin(run);
        None
    }

    /// The run that stands in the way of a new one: it has its workflow id or its key.
    pub(super) fn holder(&self, run: &NewRun) -> Option<RunKey> {
        let by_id = run.spec.workflow_id.as_ref().and_then(|id| self.find(run.key.tenant, id));
        by_id.or_else(|| self.runs.contains_key(&run.key).then_some(run.key))
    }

    pub(super) fn conflict(&mut self, run: &NewRun, existing: RunKey) -> Result<Started> {
        let other = self.runs.get(&existing).filter(|_| existing != run.key);
        if other.is_some_and(|other| run.on_conflict.replaces(other.status())) {
            Ok(self.begin(run))
        } else if run.on_conflict.refuses() {
            Err(already_exists(run, existing))
        } else {
            Ok(Started::Exists(existing))
        }
    }

    pub(super) fn begin(&mut self, run: &NewRun) -> Started {
        let first_turn = first_turn(run, self.now);
        let placement = match first_turn {
            Some(at) => asleep_until(at),
            None => self.next_ready(),
        };
        self.insert(StoredRun {
            started_at: first_turn.unwrap_or(self.now),
            ..StoredRun::new(run, self.now, placement)
        });
        Started::Created
    }

    /// Makes a dead letter disappear, for `by` goes on in its place.
    pub(super) fn take_dead_letter(&mut self, dead: RunKey, by: &NewRun) {
        if let Some(end) = self.runs.get_mut(&dead).and_then(|run| run.end.as_mut()) {
            end.dead = false;
            end.outcome.successor = Some(by.key.run);
        }
    }
}

/// When the first turn may happen, if that is later than now.
fn first_turn(run: &NewRun, now: Timestamp) -> Option<Timestamp> {
    run.start_at.max(run.delay.map(|delay| now.after(delay))).filter(|at| *at > now)
}

fn asleep_until(at: Timestamp) -> PlacementRow {
    let waiting_for = "its start time".to_owned();
    PlacementRow::Parked {
        park: Park { wake_at: Some(at), waiting_for, ..Park::default() },
        unborn: true,
    }
}

fn already_exists(run: &NewRun, existing: RunKey) -> Error {
    let id = run.spec.workflow_id.as_deref().unwrap_or("without an id");
    let message = format!(
        "a run of workflow id `{id}` exists: {}; use another id, or say what to do with \
         `.on_conflict(..)`",
        existing.run
    );
    Error::new(ErrorKind::AlreadyExists, message)
}
