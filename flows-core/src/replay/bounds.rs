//! Bounds of a turn: how much a workflow may ask for before it waits.
//!
//! A loop that never waits never gives its thread back. But it calls the library, mostly, so it is
//! counted there. What exceeds a bound is unwound from that very call with a private payload:
//! destructors run, the machine catches it and makes the run stuck with the place of the call.
//! Nothing here reads a clock: whether a turn takes too long is decided outside
//! ([`Bounds::looked_at`]).

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::watch::Place;

/// The most operations of one turn: calls of activities and children, timers, waits for signals and
/// for cancellation, side effects. A signal that had arrived before it was asked for is free.
pub(crate) const OPERATIONS: u32 = 100_000;
/// The most calls of one turn: of the context's other methods, awaits, and polls by hand.
pub(crate) const CALLS: u32 = 1_000_000;
/// The most bytes that one turn may ask to be stored: inputs, and values of side effects.
pub(crate) const BYTES: usize = 1 << 30;
/// Who makes so many calls between two looks from outside is in a loop.
const BUSY: u32 = 64;

/// What one turn has asked for. The counters may lose a call that another thread makes at the same
/// time; that is worth nothing here.
#[derive(Default)]
pub(crate) struct Bounds {
    turn: AtomicU32,
    operations: AtomicU32,
    calls: AtomicU32,
    bytes: AtomicUsize,
    late: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// What the last look from outside has found: which turn, and how many calls.
    turn: u32,
    calls: u32,
    /// What was exceeded first.
    broken: Option<Box<Broken>>,
}

/// A bound that was exceeded, and by which call.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) bound: Bound,
    pub(crate) call: String,
    pub(crate) site: Place,
}

/// What was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Operations,
    Calls,
    Bytes,
    /// The turn has called again and again for too long.
    Time,
    /// The workflow has polled a durable future by itself, and would wait for it for ever.
    Blocked,
}

/// What unwinds a turn that has exceeded a bound.
struct Unwound;

impl Bounds {
    // ---- for the machine -------------------------------------------------------------------

    /// A poll begins, or the last that is done with the workflow's values.
    pub(crate) fn begin_turn(&self) {
        self.turn.store(self.turn.load(Relaxed).wrapping_add(1), Relaxed);
        self.operations.store(0, Relaxed);
        self.calls.store(0, Relaxed);
        self.bytes.store(0, Relaxed);
        self.late.store(false, Relaxed);
    }

    /// The number of this turn.
    pub(crate) fn turn(&self) -> u32 {
        self.turn.load(Relaxed)
    }

    /// The bound that was exceeded, if one was; also where user code has caught the panic.
    pub(crate) fn take_broken(&self) -> Option<Box<Broken>> {
        self.seen().broken.take()
    }

    /// How many operations count in this turn.
    #[cfg(test)]
    pub(crate) fn operations(&self) -> u32 {
        self.operations.load(Relaxed)
    }

    // ---- from outside ----------------------------------------------------------------------

    /// A look at a turn that lasts too long: if it has gone on calling since the last look, it is
    /// unwound at its next call. One that computes, or blocks, is not.
    pub(crate) fn looked_at(&self) {
        let (turn, calls) = (self.turn.load(Relaxed), self.made());
        let mut seen = self.seen();
        if seen.turn == turn && calls.saturating_sub(seen.calls) >= BUSY {
            self.late.store(true, Relaxed);
        }
        (seen.turn, seen.calls) = (turn, calls);
    }

    fn made(&self) -> u32 {
        self.calls.load(Relaxed).saturating_add(self.operations.load(Relaxed))
    }

    // ---- for the context -------------------------------------------------------------------

    /// A call that takes no operation.
    #[inline]
    pub(crate) fn call(&self, call: &'static str, site: Place) {
        let calls = self.calls.load(Relaxed) + 1;
        self.calls.store(calls, Relaxed);
        if calls > CALLS {
            self.exceed(Bound::Calls, call.to_owned(), site);
        } else if self.late.load(Relaxed) {
            self.exceed(Bound::Time, call.to_owned(), site);
        }
    }

    /// An operation is called.
    pub(crate) fn operation(&self, call: impl FnOnce() -> String, site: Place) {
        let operations = self.operations.load(Relaxed) + 1;
        self.operations.store(operations, Relaxed);
        if operations > OPERATIONS {
            self.exceed(Bound::Operations, call(), site);
        } else if self.late.load(Relaxed) {
            self.exceed(Bound::Time, call(), site);
        }
    }

    /// The last operation has used up what was there: it does not count.
    pub(crate) fn refund(&self) {
        self.operations.store(self.operations.load(Relaxed).saturating_sub(1), Relaxed);
    }

    /// So many bytes are to be stored.
    pub(crate) fn bytes(&self, bytes: usize, call: impl FnOnce() -> String, site: Place) {
        let bytes = self.bytes.load(Relaxed).saturating_add(bytes);
        self.bytes.store(bytes, Relaxed);
        if bytes > BYTES {
            self.exceed(Bound::Bytes, call(), site);
        }
    }

    /// Unwinds the turn, unless its thread unwinds already or cannot: then the call goes on.
    pub(crate) fn exceed(&self, bound: Bound, call: String, site: Place) {
        self.seen().broken.get_or_insert_with(|| Box::new(Broken { bound, call, site }));
        if !crate::panics::is_unwinding() && cfg!(panic = "unwind") {
            resume_unwind(Box::new(Unwound));
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
