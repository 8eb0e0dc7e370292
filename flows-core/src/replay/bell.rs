//! Bells: how the workflow learns that it is worth being polled again.
//!
//! The machine has one bell for the whole workflow; `join_all` and its like have one for each of
//! their futures. An operation keeps the bell of the part that polled it, and keeps it weakly, as a
//! set keeps the bell above it. So nothing of ours ever holds a [`Waker`](std::task::Waker), and
//! one that is held is held by something foreign: `watch` counts them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Wake;

use super::watch;

/// The bell of the workflow, or of one future of a set.
#[derive(Default)]
pub(crate) struct Bell {
    rung: AtomicBool,
    rung_from_outside: AtomicBool,
    member: Option<(usize, Arc<Woken>)>,
}

impl Bell {
    /// The bell of one future of a set.
    pub(crate) fn of_member(index: usize, woken: &Arc<Woken>) -> Self {
        Self { member: Some((index, Arc::clone(woken))), ..Self::default() }
    }

    /// Whatever has this bell is to be polled again. Until that begins, it is rung once.
    pub(crate) fn ring(&self) {
        let was_rung = self.rung.swap(true, Ordering::AcqRel);
        if let (false, Some((index, woken))) = (was_rung, &self.member) {
            woken.ring(*index);
        }
    }

    /// Its part is polled now.
    pub(crate) fn quiet(&self) {
        self.rung.store(false, Ordering::Release);
    }

    pub(crate) fn is_rung(&self) -> bool {
        self.rung.load(Ordering::Relaxed)
    }

    /// Whether it was rung where no workflow is being polled.
    pub(crate) fn is_rung_from_outside(&self) -> bool {
        self.rung_from_outside.load(Ordering::Relaxed)
    }
}

impl Wake for Bell {
    /// Only what is foreign comes this way: ours ring the bell itself.
    fn wake(self: Arc<Self>) {
        if !watch::is_polling() {
            self.rung_from_outside.store(true, Ordering::Relaxed);
        }
        self.ring();
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
    above: Weak<Bell>,
}

impl Woken {
    fn ring(&self, index: usize) {
        let above = {
            let mut inner = self.lock();
            inner.indexes.push(index);
            std::mem::take(&mut inner.above)
        };
        if let Some(above) = above.upgrade() {
            above.ring();
        }
    }

    /// Takes the woken ones, and keeps the bell of the part that asks.
    pub(crate) fn take(&self) -> Vec<usize> {
        let mut inner = self.lock();
        watch::keep(&mut inner.above);
        std::mem::take(&mut inner.indexes)
    }

    fn lock(&self) -> MutexGuard<'_, WokenSet> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
