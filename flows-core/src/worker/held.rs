//! Runs that somebody's open transaction holds: their records are kept here, and handed in again.
//!
//! A record that is held waits apart from the batches of others. The pause grows while something is
//! held, and the record stays as it was: what it launches waits, nothing is invoked again. A run that
//! could not be parked is looked at again, because the transaction may be rolled back: then no
//! message comes that would wake it.

use std::time::Duration;

use tokio::time::Instant;

use crate::ids::RunKey;

/// The pauses between two tries: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));
/// Every so often it is said that a record is still held: about once a minute.
pub(super) const SAID: u32 = 240;

/// What is tried again, and when.
#[derive(Default)]
pub(super) struct HeldRuns {
    runs: Vec<RunKey>,
    at: Option<Instant>,
    pause: Duration,
}

impl HeldRuns {
    /// When something is to be tried again.
    pub(super) fn next(&self) -> Option<Instant> {
        self.at
    }

    pub(super) fn add(&mut self, key: RunKey) {
        self.runs.push(key);
        if self.at.is_none() {
            self.pause = (self.pause * 2).clamp(PAUSES.0, PAUSES.1);
            self.at = Some(Instant::now() + self.pause);
        }
    }

    /// What is to be tried again now.
    pub(super) fn take_due(&mut self) -> Vec<RunKey> {
        if self.at.is_none_or(|at| at > Instant::now()) {
            return Vec::new();
        }
        self.at = None;
        std::mem::take(&mut self.runs)
    }

    /// Nothing is held any more, if nothing goes out again: the next pause is short.
    pub(super) fn rest(&mut self, is_quiet: bool) {
        if is_quiet && self.at.is_none() {
            self.pause = Duration::ZERO;
        }
    }
}
