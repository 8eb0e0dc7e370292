//! Durable time: `ctx.sleep`, `ctx.sleep_until`, `ctx.timeout`.

use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::op::OpHandle;
use super::workflow::WorkflowContext;
use crate::durable::{Durable, sealed::Sealed};
use crate::error::{Error, Result, TimeoutKind};
use crate::limits::check_duration;
use crate::replay::{DroppedOp, What};
use crate::time::Timestamp;

/// A durable timer. It never fires early; dropping it cancels it.
#[must_use = "without `.await` nobody waits for the time: write `.await` behind it"]
pub struct Sleep {
    handle: OpHandle,
    refused: Option<Error>,
}

impl Sleep {
    /// `what` names it, in the error about a wait that nobody could live to see.
    pub(super) fn until(
        ctx: &WorkflowContext,
        what: &str,
        due: Timestamp,
        site: &'static Location<'static>,
    ) -> Self {
        let mut handle = OpHandle::new(ctx.shared(), site, || "timer".to_owned());
        let wait = due.since(ctx.shared().lock().now);
        let refused = check_duration(what, Some(wait)).err();
        if refused.is_none() {
            handle.open(|state, op| state.issue(op, What::Timer { due }, site));
        }
        Self { handle, refused }
    }
}

impl Future for Sleep {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let Some(error) = self.refused.take() {
            return Poll::Ready(Err(error));
        }
        self.handle.poll(cx).map_ok(|_| ())
    }
}

impl Sealed for Sleep {}

/// A durable future with a time limit.
#[must_use = "without `.await` nothing is waited for: write `.await` behind it"]
pub struct Timeout<F> {
    future: Option<Pin<Box<F>>>,
    timer: Sleep,
    limit: std::time::Duration,
}

impl<F: Durable> Timeout<F> {
    pub(super) fn new(future: F, timer: Sleep, limit: std::time::Duration) -> Self {
        future.is_awaited();
        Self { future: Some(Box::pin(future)), timer, limit }
    }
}

impl<T, F: Future<Output = Result<T>>> Future for Timeout<F> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if let Some(future) = &mut self.future
            && let Poll::Ready(result) = future.as_mut().poll(cx)
        {
            self.future = None;
            return Poll::Ready(result);
        }
        let fired = std::task::ready!(Pin::new(&mut self.timer).poll(cx));
        self.timer.handle.shared().lock().note_drops();
        self.future = None; // cancels what it was waiting for
        let dropped = self.timer.handle.shared().lock().take_drops();
        Poll::Ready(fired.and_then(|()| Err(self.passed(dropped))))
    }
}

/// The most operations that the error of a time limit names.
const NAMED: usize = 3;

impl<F> Timeout<F> {
    /// The error: what was waited for, for code as it is in every build, and for people where that is.
    fn passed(&self, mut dropped: Vec<DroppedOp>) -> Error {
        if dropped.iter().any(|op| !op.is_timer) {
            dropped.retain(|op| !op.is_timer); // those of limits within this one
        }
        let names: Vec<_> = dropped.iter().take(NAMED).map(|op| &*op.name).collect();
        let more = match dropped.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let waited = match names[..] {
            [] => String::new(),
            _ => format!(", waiting for {}{more}", names.join(", ")),
        };
        let places = dropped.iter().take(NAMED).map(|op| op.described.clone());
        let site = self.timer.handle.site();
        let own = format!("`ctx.timeout` at {}:{}", site.file(), site.line());
        Error::timeout(TimeoutKind::CtxTimeout, format!("timed out after {:?}{waited}", self.limit))
            .with_chain(places.chain([own]))
    }
}

impl<T, F: Future<Output = Result<T>>> Sealed for Timeout<F> {}
