//! Wake flags: how the workflow learns that it is worth being polled again.
//!
//! The machine has one wake flag for the whole workflow; `join_all` and its like have one for each of
//! their futures. An operation keeps the wake flag of the part that polled it, and keeps it weakly, as a
//! set keeps the wake flag above it. So nothing of ours ever holds a [`Waker`](std::task::Waker), and
//! one that is held is held by something foreign: `watch` counts them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Wake;

use super::watch;

/// The wake flag of the workflow, or of one future of a set.
#[derive(Default)]
pub(crate) struct WakeFlag {
    flag: AtomicBool,
    outside: AtomicBool,
    member: Option<(usize, Arc<Woken>)>,
}

impl WakeFlag {
    /// The wake flag of one future of a set.
    pub(crate) fn of_member(index: usize, woken: &Arc<Woken>) -> Self {
        Self { member: Some((index, Arc::clone(woken))), ..Self::default() }
    }

    /// Whatever has this wake flag is to be polled again. Until that begins, it is set once.
    pub(crate) fn set(&self) {
        let was_set = self.flag.swap(true, Ordering::AcqRel);
        if let (false, Some((index, woken))) = (was_set, &self.member) {
            woken.set(*index);
        }
    }

    /// Its part is polled now.
    pub(crate) fn quiet(&self) {
        self.flag.store(false, Ordering::Release);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Whether it was set where no workflow is being polled.
    pub(crate) fn is_set_from_outside(&self) -> bool {
        self.outside.load(Ordering::Relaxed)
    }
}

impl Wake for WakeFlag {
    /// Only what is foreign comes this way: ours set the flag itself.
    fn wake(self: Arc<Self>) {
        if !watch::is_polling() {
            self.outside.store(true, Ordering::Relaxed);
        }
        self.set();
    }
}

/// Which futures of a set were woken, and whom to tell.
#[derive(Default)]
pub(crate) struct Woken {
    inner: Mutex<WokenSet>,
}

#[derive(Default)]
struct WokenSet {
    /// In the order in which they were.
    indexes: Vec<usize>,
    above: Weak<WakeFlag>,
}

impl Woken {
    fn set(&self, index: usize) {
        let above = {
            let mut inner = self.lock();
            inner.indexes.push(index);
            std::mem::take(&mut inner.above)
        };
        if let Some(above) = above.upgrade() {
            above.set();
        }
    }

    /// Takes the woken ones, and keeps the wake flag of the part that asks.
    pub(crate) fn take(&self) -> Vec<usize> {
        let mut inner = self.lock();
        watch::keep(&mut inner.above);
        std::mem::take(&mut inner.indexes)
    }

    fn lock(&self) -> MutexGuard<'_, WokenSet> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
