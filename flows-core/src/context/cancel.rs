//! Cancellation as workflow code sees it: waiting for it, and shielding from it.

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::op::OpHandle;
use super::workflow::WorkflowContext;
use crate::durable::{Durable, sealed::Sealed};
use crate::payload::Payload;
use crate::replay::{Shared, What};

/// Resolves when the run is cancelled; for `select!`.
#[must_use = "without `.await` nothing is waited for: write `.await` behind it, or put it into `select!`"]
pub struct Cancelled {
    handle: OpHandle,
}

impl Cancelled {
    pub(super) fn new(ctx: &WorkflowContext, site: &'static Location<'static>) -> Self {
        let mut handle = OpHandle::new(ctx.shared(), site, || "`ctx.cancelled()`".to_owned());
        handle.open(|state, op| {
            state.issue(op, What::Cancelled, site);
            if state.cancelled.is_some()
                && let Some(entry) = state.ops.get_mut(&op)
            {
                entry.complete(Payload::json(&()));
            }
        });
        Self { handle }
    }
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.handle.poll(cx).map(|_| ())
    }
}

impl Sealed for Cancelled {}

/// A durable future that cancellation does not reach: for clean-up.
#[must_use = "without `.await` nothing under the shield is done: write `.await` behind it"]
pub struct Shield<F> {
    future: Pin<Box<F>>,
    shared: Arc<Shared>,
}

impl<F: Durable> Shield<F> {
    pub(super) fn new(ctx: &WorkflowContext, future: F) -> Self {
        future.is_awaited();
        Self { future: Box::pin(future), shared: Arc::clone(ctx.shared()) }
    }
}

impl<F> Shield<F> {
    /// Around what this crate makes.
    pub(super) fn around(shared: &Arc<Shared>, future: F) -> Self {
        Self { future: Box::pin(future), shared: Arc::clone(shared) }
    }
}

/// A raised shield: lowered when this is dropped, also when the poll panics.
pub(crate) struct Raised<'a>(&'a Shared);

impl<'a> Raised<'a> {
    pub(crate) fn over(shared: &'a Shared) -> Self {
        shared.lock().shields += 1;
        Self(shared)
    }
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.lock().shields -= 1;
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let shared = Arc::clone(&self.shared);
        let _raised = Raised::over(&shared);
        self.future.as_mut().poll(cx)
    }
}

impl<F: Future> Sealed for Shield<F> {}
