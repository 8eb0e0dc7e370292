//! A workflow called from a workflow: its child.

mod handle;
mod untyped;

use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use handle::ChildHandle;
use untyped::{Called, UntypedChild};

use crate::context::WorkflowContext;
use crate::definition::Workflow;
use crate::durable::sealed::Sealed;
use crate::error::Result;
use crate::payload::Payload;
use crate::replay::CancellationType;
use crate::store::{ClosePolicy, ConflictPolicy};

/// A call of a workflow as a child: lazy, typed, durable. Await it, or [start](Self::start) it.
///
/// The child starts in the same commit as the parent's turn and runs on any worker. Dropping a call
/// that has started and has no result yet asks the child to cancel, whether the call was awaited or
/// not: it lost a `select!`, its [`timeout`](WorkflowContext::timeout) passed, the workflow returned. What
/// must go on is [abandoned on drop](Self::abandon_on_drop), or [detached](Self::detach).
#[must_use = "without `.await` the child workflow is not started: write `.await` behind the call; or `.start()`, \
              keep what it gives, and `.await` that later; or `.detach()`"]
pub struct ChildCall<W: Workflow> {
    call: UntypedChild,
    workflow: PhantomData<fn() -> W>,
}

impl<W: Workflow> ChildCall<W> {
    #[doc(hidden)]
    #[track_caller]
    pub fn new(ctx: &WorkflowContext, input: W::Input) -> Self {
        let workflow = Called { name: W::NAME, version: W::VERSION, options: W::options };
        let site = Location::caller();
        let call = UntypedChild::new(ctx, site, workflow, Payload::child_input(&input));
        Self { call, workflow: PhantomData }
    }

    /// Another queue for this child.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.call.options().queue = Some(queue.into());
        self
    }

    /// The child's workflow id, 1 to 255 bytes, by which clients and others find it. Default: its run id. If
    /// another run of the tenant has this id, the call's result is an error (`AlreadyExists`), unless
    /// [`on_conflict`](Self::on_conflict) says otherwise; the parent goes on.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.call.options().id = Some(id.into());
        self
    }

    /// What to do when a run with this child's [id](Self::id) exists: `Reject` (the default),
    /// `AllowIfFailed` or `AllowIfClosed`. A child is a run of its own, so the call is an error with a policy that
    /// would use the existing run or terminate it.
    pub fn on_conflict(mut self, policy: ConflictPolicy) -> Self {
        self.call.options().on_conflict = policy;
        self
    }

    /// Starts the child now, and gives a handle: to signal it, to cancel it, to await it later.
    pub fn start(mut self) -> ChildHandle<W> {
        let ids = self.call.ids();
        self.call.issue();
        ChildHandle::new(ids, self.call)
    }

    /// What becomes of the child when the run is cancelled, or a scope in which the call is awaited. Default:
    /// [`Try`](CancellationType::Try). With [`Abandon`](CancellationType::Abandon) it is as
    /// [abandoned on drop](Self::abandon_on_drop).
    pub fn cancellation(mut self, on_cancel: CancellationType) -> Self {
        match on_cancel {
            CancellationType::Abandon => self.call.abandon_on_drop(),
            other => self.call.options().on_cancel = other,
        }
        self
    }

    /// What becomes of the child if it is still open when its parent ends: completes, fails, is cancelled, times out,
    /// is terminated, continues as a new run or is tried again. Default: it is asked to cancel.
    pub fn close_policy(mut self, policy: ClosePolicy) -> Self {
        self.call.options().close_policy = Some(policy);
        self
    }

    /// The child goes on when this call is dropped, instead of being asked to cancel; and also behind the end of its
    /// parent, unless its [close policy](Self::close_policy) says otherwise.
    pub fn abandon_on_drop(mut self) -> Self {
        self.call.abandon_on_drop();
        self
    }

    /// Starts the child, and lets it go on by itself: nobody waits for it.
    pub fn detach(self) {
        drop(self.abandon_on_drop().start());
    }

    /// Gives it up, on purpose: it is never started.
    pub fn cancel(self) {
        self.call.is_awaited();
    }
}

impl<W: Workflow> Unpin for ChildCall<W> {}

impl<W: Workflow> Future for ChildCall<W> {
    type Output = Result<W::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.issue();
        self.call.poll(cx)
    }
}

impl<W: Workflow> Sealed for ChildCall<W> {
    fn is_awaited(&self) {
        self.call.is_awaited();
    }
}
