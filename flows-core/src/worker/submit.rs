//! From pending turns to a batch on its way to the store.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::executor::Executor;
use super::pending::{Pending, Portion};
use super::resident::{Flying, Resident};
use crate::error::Result;
use crate::ids::RunKey;
use crate::store::{Committed, Next, Record};

/// The most runs of one batch.
const BATCH: usize = 1000;
/// A batch of so many bytes takes no further record.
const BYTES: usize = 64 << 20;

/// What came back for a batch.
pub(super) struct Landed {
    pub(super) records: Vec<Record>,
    pub(super) outcome: Result<Vec<Committed>>,
}

pub(super) type Batch = Pin<Box<dyn Future<Output = Landed> + Send>>;

impl Executor {
    /// Notes that a run has something to commit.
    pub(super) fn mark_dirty(&mut self, key: RunKey) {
        let Some(run) = self.runs.get_mut(&key) else { return };
        if !run.queued && run.flying.is_none() && run.sealed.is_none() && !run.pending.is_empty() {
            run.queued = true;
            self.dirty.push_back(key);
        }
    }

    /// Sends everything that has gathered, if nothing is on its way and nothing more comes at once.
    pub(super) fn submit(&mut self) {
        if self.batch.is_some() || self.commits.until().is_some() {
            return;
        }
        let records = self.take_records();
        if records.is_empty() {
            return;
        }
        let (session, writer) = (Arc::clone(&self.session), self.index);
        self.batch = Some(Box::pin(async move {
            let outcome = session.store.commit(writer, session.id(), &records).await;
            Landed { records, outcome }
        }));
    }

    /// The records of the next batch: those that were held, or others.
    fn take_records(&mut self) -> Vec<Record> {
        let held = !self.again.is_empty();
        if !held && self.gathering_until().is_some() {
            return Vec::new();
        }
        let waiting = if held { self.again.len() } else { self.dirty.len() };
        let mut records = Vec::with_capacity(waiting.min(BATCH));
        let mut bytes = 0;
        while records.len() < BATCH && bytes < BYTES {
            let next = if held { self.again.pop_front() } else { self.dirty.pop_front() };
            let Some(key) = next else { break };
            let record = self.take_record(key);
            bytes += record.as_ref().map_or(0, Record::size);
            records.extend(record);
        }
        records
    }

    fn take_record(&mut self, key: RunKey) -> Option<Record> {
        let run = self.runs.get_mut(&key)?;
        run.queued = false;
        if let Some(flying) = &mut run.flying {
            return flying.record.take().map(|record| *record); // one that must go out again
        }
        if run.pending.is_empty() || run.sealed.is_some() {
            return None;
        }
        let (flying, record) = seal(key, run);
        run.flying = Some(flying);
        Some(record)
    }
}

/// Makes a record of what is pending, or of its first portion; the activities it launches wait for its
/// commit.
fn seal(key: RunKey, run: &mut Resident) -> (Flying, Record) {
    let Pending { open, mail: last, park, close, clears, .. } = run.pending.take_next();
    let Portion { mut row, consumed, starts, mail: mut messages, launches, .. } = open;
    messages.extend(last);
    if let Some(first) = run.take_first()
        && let Err(error) = row.put_first(&first)
    {
        tracing::error!(%error, run = %key.run, "the time of a first turn is not recorded");
    }
    let wrote_row = !row.is_empty();
    let flying = Flying {
        launches,
        wrote_row,
        closes: close.as_deref().map(|close| Box::new(close.outcome.clone())),
        parks: park.as_ref().map(|park| park.sent),
        clears,
        record: None,
    };
    let next = match (close, park) {
        (Some(close), _) => Next::Close(*close),
        (None, Some(park)) => Next::Park(*park),
        (None, None) => Next::Stay,
    };
    let events = row.into_bytes();
    let (position, claim) = (run.position, Some(run.claim));
    let held = 0;
    (
        flying,
        Record { key, position, events, consumed, starts, messages, next, claim, clears, held },
    )
}
