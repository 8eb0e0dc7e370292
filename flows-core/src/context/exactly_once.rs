//! How a transactional activity gets its record into its own transaction.
//!
//! The activity asks the executor to seal its result: from then on nothing else is written to the
//! run until the activity has said what became of its transaction. The record and the activity's
//! own writes are then one commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::payload::Payload;
use crate::store::{Record, Store};

/// What became of the transaction that holds a sealed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// No record was sealed.
    Unsealed,
    /// Sealed, and nobody has said more: it may be durable or not.
    Unknown,
    /// Durable.
    Committed,
    /// Nothing of it was kept.
    RolledBack,
}

/// A result that wants to be sealed.
pub(crate) struct SealRequest {
    pub(crate) output: Payload,
    pub(crate) reply: oneshot::Sender<Result<Record>>,
}

/// An attempt's way to ask its executor for a record.
pub(crate) trait Sealer: Send + Sync {
    /// The request is dropped, and so refused, when the run does not wait for this attempt any more.
    fn ask(&self, request: SealRequest);
}

/// One attempt's way to its executor and its store.
pub struct ExactlyOnce {
    store: Arc<dyn Store>,
    sealer: Box<dyn Sealer>,
    worker: Uuid,
    limit: Duration,
    fate: AtomicU8,
}

impl ExactlyOnce {
    /// For an attempt of a worker's, which may take so long; its requests go to the sealer.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        sealer: Box<dyn Sealer>,
        worker: Uuid,
        limit: Duration,
    ) -> Self {
        Self { store, sealer, worker, limit, fate: AtomicU8::default() }
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
    pub async fn seal(&self, output: Payload) -> Result<Record> {
        let (reply, answer) = oneshot::channel();
        self.set(Fate::Unknown); // also if this is dropped before the answer is read
        self.sealer.ask(SealRequest { output, reply });
        let sealed = answer.await.unwrap_or_else(|_| Err(gone()));
        if sealed.is_err() {
            self.set(Fate::Unsealed);
        }
        sealed
    }

    /// Says what became of the transaction.
    pub fn set(&self, fate: Fate) {
        let code = FATES.iter().position(|known| *known == fate).unwrap_or(1);
        self.fate.store(u8::try_from(code).unwrap_or(1), Ordering::Release);
    }

    /// What was last said.
    pub fn fate(&self) -> Fate {
        FATES[usize::from(self.fate.load(Ordering::Acquire)) % FATES.len()]
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Cancelled, "the run does not wait for this activity any more")
}

const FATES: [Fate; 4] = [Fate::Unsealed, Fate::Unknown, Fate::Committed, Fate::RolledBack];
