//! The handle by which a durable future holds its operation: polls it, and lets go when dropped.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::payload::Payload;
use crate::replay::watch::{self, Place};
use crate::replay::{Shared, State, Stuck};

/// One operation of a run, held by the future that waits for it.
pub(crate) struct OpHandle {
    shared: Arc<Shared>,
    op: u32,
    open: bool,
    site: Place,
    awaited: AtomicBool,
    /// In which turn it was opened.
    turn: u32,
}

impl OpHandle {
    /// Takes an identity, without asking for anything yet.
    pub(crate) fn new(shared: &Arc<Shared>, site: Place, what: impl FnOnce() -> String) -> Self {
        shared.bounds.operation(what, site);
        let op = shared.lock().next_op();
        let awaited = AtomicBool::new(false);
        Self { shared: Arc::clone(shared), op, open: false, site, awaited, turn: 0 }
    }

    /// See [`Sealed`](crate::durable::sealed::Sealed).
    pub(crate) fn is_awaited(&self) {
        self.awaited.store(true, Relaxed);
    }

    /// Whether it was opened in this very turn, so that nothing can have come of it yet.
    pub(crate) fn is_new(&self) -> bool {
        self.turn == self.shared.bounds.turn()
    }

    /// Its call is dropped. If nobody has awaited it, somebody has forgotten to.
    pub(crate) fn is_dropped(&self, call: impl FnOnce() -> String, started: bool) {
        if self.awaited.load(Relaxed) {
            return;
        }
        watch::forgets(&self.shared, || {
            let (op, file, line) = (self.op, self.site.file(), self.site.line());
            let what = if started {
                "was started and dropped, and never awaited: dropping it cancels it, so it may not be \
                 done. Keep the call, and await it later"
            } else {
                "was dropped, and neither awaited nor started: it is never done. Await it; or begin it \
                 with `.start()`, keep it, and await it later"
            };
            format!(
                "{} (#{op}), called at {file}:{line}, {what}; if it is to be given up, write `.cancel()`",
                call()
            )
        });
    }

    pub(crate) fn op(&self) -> u32 {
        self.op
    }

    /// Where it was called.
    pub(crate) fn site(&self) -> Place {
        self.site
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Asks for it, once; `issue` puts it into the state.
    pub(crate) fn open(&mut self, issue: impl FnOnce(&mut State, u32)) {
        if !self.open {
            self.open = true;
            self.turn = self.shared.bounds.turn();
            issue(&mut self.shared.lock(), self.op);
        }
    }

    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<Payload>> {
        self.is_awaited();
        let polled = self.shared.lock().poll_op(self.op);
        match polled {
            Poll::Ready(_) => self.open = false,
            Poll::Pending => watch::answers(&self.shared, cx, self.site, || self.describe()),
        }
        polled
    }

    fn describe(&self) -> String {
        let state = self.shared.lock();
        state.ops.get(&self.op).map_or_else(String::new, |entry| entry.describe_short(self.op))
    }

    /// The output of an activity or a child. One that does not decode is not the workflow's error
    /// to handle: the run stops here and waits for a build that can read it.
    pub(crate) fn poll_output<T: DeserializeOwned>(
        &mut self,
        cx: &Context<'_>,
        name: &str,
    ) -> Poll<Result<T>> {
        match std::task::ready!(self.poll(cx)) {
            Ok(output) => self.decode_output(&output, name),
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// The same of an output that it has.
    pub(crate) fn decode_output<T: DeserializeOwned>(
        &self,
        output: &Payload,
        name: &str,
    ) -> Poll<Result<T>> {
        match output.decode() {
            Ok(value) => Poll::Ready(Ok(value)),
            Err(error) => {
                self.cannot_read(error, name);
                Poll::Pending
            }
        }
    }

    fn cannot_read(&self, error: Error, name: &str) {
        let error = error.context_of("output", name);
        let stuck = Stuck::new(format!("{error}; deploy a build that can read it"));
        self.shared.lock().mismatch.get_or_insert(stuck);
    }
}

impl Drop for OpHandle {
    fn drop(&mut self) {
        if self.open {
            self.shared.lock().abandon(self.op);
            watch::goes_on();
        }
    }
}
