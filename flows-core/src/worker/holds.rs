//! Whose code has held its thread for so long that the worker may have lost its lease by it.
//!
//! A worker that finds its lease over is alive, so most of its runs are innocent: it was frozen, or the
//! database was away. Guilty may be a turn of a workflow on a runtime with one thread, and a poll of an
//! activity, that took a good part of the lease. For how long the process itself stood still does not
//! count.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pulse;
use crate::clock;
use crate::ids::RunKey;

/// The least that counts. The pulse is no finer than half of it.
const LEAST: Duration = Duration::from_millis(500);

/// Runs that have held a thread for long since the lease was last renewed.
pub(crate) struct Holds {
    /// None where nothing may depend on the machine's clock.
    least: Option<Duration>,
    long: Mutex<BTreeSet<RunKey>>,
}

impl Holds {
    /// What a lease allows.
    pub(crate) fn within(lease: Duration, counts: bool) -> Self {
        let least = (lease / 4).max(LEAST);
        Self { least: counts.then_some(least), long: Mutex::default() }
    }

    /// Code of a run has given its thread back.
    pub(crate) fn ended(&self, key: RunKey, since: Instant) {
        if self.is_long(since) {
            self.lock().insert(key);
        }
    }

    /// The lease was renewed all the same.
    pub(crate) fn renewed(&self) {
        self.lock().clear();
    }

    pub(crate) fn has_held(&self, key: &RunKey) -> bool {
        self.lock().contains(key)
    }

    /// Whether who holds his thread since then, does so for too long.
    pub(crate) fn is_long(&self, since: Instant) -> bool {
        let now = clock::real_time();
        let held = now.saturating_duration_since(since);
        self.least.is_some_and(|least| {
            held >= least && held.saturating_sub(pulse::stalled(since, now)) >= least
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<RunKey>> {
        self.long.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
