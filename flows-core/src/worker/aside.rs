//! Runs that somebody's open transaction holds: their records are kept here, and handed in again.
//!
//! A record that is held waits apart from the batches of others. The pause grows while something is
//! held, and the record stays as it was: what it launches waits, nothing is invoked again. A run that
//! could not be parked is looked at again, because the transaction may be rolled back: then no
//! message comes that would wake it.

use std::time::Duration;

use tokio::time::Instant;

use super::executor::Executor;
use crate::ids::RunKey;
use crate::store::Record;

/// The pauses between two tries: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));
/// Every so often it is said that a record is still held: about once a minute.
const SAID: u32 = 240;

/// What is tried again, and when.
#[derive(Default)]
pub(super) struct Aside {
    runs: Vec<RunKey>,
    at: Option<Instant>,
    pause: Duration,
}

impl Aside {
    /// When something is to be tried again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.at
    }

    fn add(&mut self, key: RunKey) {
        self.runs.push(key);
        if self.at.is_none() {
            self.pause = (self.pause * 2).clamp(PAUSES.0, PAUSES.1);
            self.at = Some(Instant::now() + self.pause);
        }
    }

    /// What is to be tried again now.
    fn take_due(&mut self) -> Vec<RunKey> {
        if self.at.is_none_or(|at| at > Instant::now()) {
            return Vec::new();
        }
        self.at = None;
        std::mem::take(&mut self.runs)
    }
}

impl Executor {
    /// A record was not kept because somebody holds its run, or one that it sends a message to.
    pub(super) fn held(&mut self, mut record: Record) {
        let key = record.key;
        let run = self.runs.get_mut(&key);
        let Some(run) = run.filter(|run| run.flying.is_some()) else { return };
        record.held += 1;
        if record.held % SAID == 1 {
            tracing::warn!(
                run = %key.run,
                "an open transaction holds the run, or one that it sends a message to; what it has \
                 done is kept and written when that transaction has ended"
            );
        }
        run.queued = true; // it waits here, not for what is stored
        if let Some(flying) = &mut run.flying {
            flying.record = Some(Box::new(record));
        }
        self.aside.add(key);
    }

    /// A run was not parked: its message is on its way, or somebody's transaction that may still be
    /// rolled back.
    pub(super) fn not_parked(&mut self, key: RunKey) {
        if self.runs.contains_key(&key) {
            self.aside.add(key);
        }
    }

    /// Hands in again what was held, and looks again at what was not parked.
    pub(super) fn try_again(&mut self) {
        for key in self.aside.take_due() {
            let Some(run) = self.runs.get(&key) else { continue };
            match (&run.flying, &run.stuck) {
                (Some(flying), _) if flying.record.is_some() && run.queued => {
                    self.again.push_back(key);
                }
                (None, Some(_)) => self.park_stuck(key),
                _ => self.consider(key),
            }
        }
        if self.again.is_empty() && self.aside.at.is_none() {
            self.aside.pause = Duration::ZERO;
        }
    }
}
