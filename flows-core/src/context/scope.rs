//! Scopes: parts of a workflow that can be cancelled by themselves.

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::workflow::WorkflowContext;
use crate::durable::{Durable, sealed::Sealed};
use crate::replay::Shared;

/// A part of a workflow that can be cancelled by itself: begun by [`ctx.scope()`](WorkflowContext::scope).
#[cfg_attr(not(doctest), doc = include_str!("docs/scope.md"))]
#[derive(Clone)]
pub struct CancellationScope {
    shared: Arc<Shared>,
    number: u32,
}

impl CancellationScope {
    #[track_caller]
    pub(super) fn new(ctx: &WorkflowContext) -> Self {
        ctx.calls("`ctx.scope()`", Location::caller());
        let shared = Arc::clone(ctx.shared());
        let number = shared.lock().seldom().scopes.begin();
        Self { shared, number }
    }

    /// Runs a durable future in the scope. When the scope is cancelled, what the future awaits returns an error
    /// with `is_cancelled()`, as it does when the run is cancelled; the future goes on with that, and may clean up under
    /// [`ctx.shield`](WorkflowContext::shield).
    pub fn run<F: Durable>(&self, future: F) -> Scoped<F> {
        future.is_awaited();
        Scoped { future: Box::pin(future), scope: self.clone() }
    }

    /// Cancels what runs in the scope, and what will. The reason is in the errors; the first one stays.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.shared.lock().cancel_scope(self.number, reason.into());
    }

    /// Why the scope was cancelled, if it was.
    pub fn cancelled(&self) -> Option<String> {
        self.shared.lock().seldom().scopes.reason(self.number).map(str::to_owned)
    }
}

/// The future of [`CancellationScope::run`].
#[must_use = "without `.await` nothing in the scope is done: write `.await` behind it"]
pub struct Scoped<F> {
    future: Pin<Box<F>>,
    scope: CancellationScope,
}

/// An entered scope: left when this is dropped, also when the poll panics.
struct Inside<'a>(&'a Shared);

impl<'a> Inside<'a> {
    fn of(scope: &'a CancellationScope) -> Self {
        let mut state = scope.shared.lock();
        let shields = state.shields;
        state.seldom().scopes.enter(scope.number, shields);
        drop(state);
        Self(&scope.shared)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.lock().seldom().scopes.leave();
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, scope } = self.get_mut();
        let _entered = Inside::of(scope);
        future.as_mut().poll(cx)
    }
}

impl<F: Future> Sealed for Scoped<F> {}
