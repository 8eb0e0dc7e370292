//! What is read and waits in memory: bounded by bytes, whatever was claimed.
//!
//! Journals wait until their run has its turn. While many bytes of them wait, nothing more is claimed and no
//! large journal is read; those are read one at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::store::{Activation, READ_BYTES};

/// Bytes that wait.
#[derive(Default)]
pub(crate) struct Budget {
    waiting: AtomicUsize,
}

/// A run that was read, and its share of what waits.
pub(crate) struct Loaded {
    pub(crate) run: Activation,
    pub(crate) weight: Option<Weight>,
}

/// Given back when the journal is about to be replayed, or is dropped. (User code that never comes back
/// must not keep anything from being read.)
pub(crate) struct Weight {
    budget: Arc<Budget>,
    bytes: usize,
    wanted: Arc<Notify>,
}

impl Budget {
    /// Whether something more may be read.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < READ_BYTES
    }

    /// Counts a run that was read.
    pub(crate) fn load(self: &Arc<Self>, run: Activation, wanted: &Arc<Notify>) -> Loaded {
        let bytes = run.size();
        let weight = (bytes > 0).then(|| {
            self.waiting.fetch_add(bytes, Ordering::Relaxed);
            Weight { budget: Arc::clone(self), bytes, wanted: Arc::clone(wanted) }
        });
        Loaded { run, weight }
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        let before = self.budget.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
        if before >= READ_BYTES && before - self.bytes < READ_BYTES {
            self.wanted.notify_one();
        }
    }
}
