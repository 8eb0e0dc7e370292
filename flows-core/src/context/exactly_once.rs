//! How a transactional activity gets its record into its own transaction.
//!
//! The activity asks the executor for the record of its result: from then on nothing else is written to
//! the run until the activity has reported what became of its transaction. The record and the activity's
//! own writes are then one commit.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::codec::Codecs;
use crate::error::{Error, ErrorKind, Result};
use crate::payload::Payload;
use crate::store::{Record, Store, TransactionOutcome};

/// A request for the record of a result.
pub(crate) struct RecordRequest {
    pub(crate) output: Payload,
    pub(crate) reply: oneshot::Sender<Result<Record>>,
}

/// An attempt's way to ask its executor for a record.
pub(crate) trait RecordSource: Send + Sync {
    /// The request is dropped, and so refused, when the run does not wait for this attempt any more.
    fn ask(&self, request: RecordRequest);
}

/// One attempt's way to its executor and its store.
pub struct ExactlyOnce {
    store: Arc<dyn Store>,
    /// Of the engine: the record does not go through its store.
    codecs: Option<Codecs>,
    records: Box<dyn RecordSource>,
    worker: Uuid,
    limit: Duration,
    outcome: Mutex<TransactionOutcome>,
}

impl ExactlyOnce {
    /// For an attempt of a worker's, which may take `limit`; its requests go to `records`.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        codecs: Option<Codecs>,
        records: Box<dyn RecordSource>,
        worker: Uuid,
        limit: Duration,
    ) -> Self {
        let outcome = Mutex::new(TransactionOutcome::Unknown);
        Self { store, codecs, records, worker, limit, outcome }
    }

    /// The worker that runs the attempt.
    pub fn worker(&self) -> Uuid {
        self.worker
    }

    /// How long the attempt may take from its start: `start_to_close`.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The store that the run lives in.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Asks for the record of this result, to be written in the caller's transaction, which must
    /// then end at once. Refused when the run does not wait for the activity any more.
    pub async fn record(&self, output: Payload) -> Result<Record> {
        let (reply, answer) = oneshot::channel();
        self.set(TransactionOutcome::Unknown);
        self.records.ask(RecordRequest { output, reply });
        let record = answer.await.unwrap_or_else(|_| Err(gone()))?;
        let Some(codecs) = &self.codecs else { return Ok(record) };
        let encoded = codecs.encoded(|to| to.record(&record)).await;
        if encoded.is_err() {
            self.set(TransactionOutcome::RolledBack); // nothing of it is written
        }
        encoded
    }

    /// Reports what became of the transaction.
    pub fn set(&self, outcome: TransactionOutcome) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    }

    /// What was last reported.
    pub fn outcome(&self) -> TransactionOutcome {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Cancelled, "the run does not wait for this activity any more")
}
