//! A child that has started, as its parent holds it.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::Serialize;
use uuid::Uuid;

use super::untyped::{ChildIds, UntypedChild};
use crate::context::Signal;
use crate::definition::Workflow;
use crate::durable::sealed::Sealed;
use crate::error::Result;
use crate::payload::Payload;

/// A child workflow that was [started](super::ChildCall::start): signals it, cancels it, knows its ids. Await it
/// for its result.
///
/// Dropping it before the child has ended asks the child to cancel, as dropping the call does.
#[cfg_attr(not(doctest), doc = include_str!("../docs/child.md"))]
#[must_use = "dropping it cancels the child: keep it and `.await` it later, or call the child with `.detach()`"]
pub struct ChildHandle<W: Workflow> {
    call: UntypedChild,
    ids: ChildIds,
    workflow: PhantomData<fn() -> W>,
}

impl<W: Workflow> ChildHandle<W> {
    pub(super) fn new(ids: ChildIds, call: UntypedChild) -> Self {
        Self { call, ids, workflow: PhantomData }
    }

    /// The child's workflow id; its run id, where the call gave none.
    pub fn id(&self) -> String {
        self.ids.id.clone().unwrap_or_else(|| self.ids.run.to_string())
    }

    /// The child's run id. A child that goes on as another run has another one then; what is sent to it by
    /// this handle follows.
    pub fn run_id(&self) -> Uuid {
        self.ids.run
    }

    /// Signals the child, in the commit of this turn, once. A child that has ended does not receive it.
    ///
    /// # Errors
    /// When no signal can have this name, or the payload cannot be encoded or has more than 2 MiB.
    pub fn signal<T: Serialize>(&self, name: &str, payload: &T) -> Result<()> {
        self.call.signal(self.ids.run, name, Payload::json(payload))
    }

    /// Signals the child with a type that has `#[signal]`; see [`signal`](Self::signal).
    ///
    /// # Errors
    /// When the signal cannot be encoded or has more than 2 MiB.
    pub fn send<S: Signal>(&self, signal: S) -> Result<()> {
        self.signal(S::NAME, &signal)
    }

    /// Asks the child to cancel, in the commit of this turn; await the handle for what comes of it. The child's
    /// error contains the reason.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.call.cancel(self.ids.run, reason.into());
    }
}

impl<W: Workflow> Unpin for ChildHandle<W> {}

impl<W: Workflow> Future for ChildHandle<W> {
    type Output = Result<W::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.poll(cx)
    }
}

impl<W: Workflow> Sealed for ChildHandle<W> {
    fn is_awaited(&self) {
        self.call.is_awaited();
    }
}
