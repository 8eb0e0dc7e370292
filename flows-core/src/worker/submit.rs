//! From pending turns to a batch on its way to the store.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::executor::Executor;
use crate::clock;
use crate::error::Result;
use crate::store::{Committed, Record};
use crate::telemetry::metrics;

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
    /// Sends everything that has gathered, if nothing is on its way and nothing more comes at once.
    pub(super) fn submit(&mut self) {
        if self.batch.is_some() || self.commits.until().is_some() {
            return;
        }
        let records = self.take_records();
        if records.is_empty() {
            return;
        }
        let (session, writer) = (Arc::clone(self.session()), self.index);
        self.batch = Some(Box::pin(async move {
            let begun = clock::real_time();
            let outcome = session.store.commit(writer, session.id(), &records).await;
            metrics::committed(records.len(), clock::real_time() - begun, outcome.is_ok());
            Landed { records, outcome }
        }));
    }

    /// The records of the next batch: those that were held, or others.
    fn take_records(&mut self) -> Vec<Record> {
        let held = !self.outside.again.is_empty();
        if !held && self.gathering_until().is_some() {
            return Vec::new();
        }
        let Self { runs, outside, .. } = self;
        let waiting = if held { &mut outside.again } else { &mut outside.dirty };
        let mut records = Vec::with_capacity(waiting.len().min(BATCH));
        let mut bytes = 0;
        while records.len() < BATCH && bytes < BYTES {
            let Some(key) = waiting.pop_front() else { break };
            let record = runs.get_mut(&key).and_then(|resident| resident.run.next_record());
            bytes += record.as_ref().map_or(0, Record::size);
            records.extend(record);
        }
        records
    }
}
