//! An activity called from a workflow.

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::op::OpHandle;
use super::workflow::WorkflowContext;
use crate::definition::Activity;
use crate::durable::sealed::Sealed;
use crate::error::{Error, Result};
use crate::limits::{check_duration, check_limit, check_name};
use crate::payload::Payload;
use crate::replay::{ActivityTask, Overrides, What};
use crate::retry::RetryPolicy;
use crate::time::Timestamp;

/// A call of an activity: lazy, typed, durable.
///
/// It starts when it is first awaited, or at [`start`](Call::start). It takes its position in the
/// journal where it is called, whatever the order in which calls are awaited. Dropping it cancels
/// the activity.
#[cfg_attr(not(doctest), doc = include_str!("docs/call.md"))]
#[must_use = "without `.await` the activity is not called: write `.await` behind the call, or `.start()`, keep what \
              it gives, and `.await` that later"]
pub struct Call<A: Activity> {
    handle: OpHandle,
    input: Option<A::Input>,
    overrides: Option<Box<Overrides>>,
    site: &'static Location<'static>,
    refused: Option<Error>,
}

impl<A: Activity> Call<A> {
    #[doc(hidden)]
    #[track_caller]
    pub fn new(ctx: &WorkflowContext, input: A::Input) -> Self {
        let site = Location::caller();
        Self {
            handle: OpHandle::new(ctx.shared(), site, || format!("activity `{}`", A::NAME)),
            input: Some(input),
            overrides: None,
            site,
            refused: None,
        }
    }

    /// Another retry policy for this call.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.overrides().retry = Some(policy);
        self
    }

    /// Another limit for each attempt of this call.
    pub fn start_to_close(mut self, limit: Duration) -> Self {
        self.overrides().start_to_close = Some(limit);
        self
    }

    /// Another limit for this call's wait for a free slot.
    pub fn schedule_to_start(mut self, limit: Duration) -> Self {
        self.overrides().schedule_to_start = Some(limit);
        self
    }

    /// Another limit for all attempts of this call together.
    pub fn schedule_to_close(mut self, limit: Duration) -> Self {
        self.overrides().schedule_to_close = Some(limit);
        self
    }

    /// A queue that the worker of this run must serve for this call; see
    /// [`ActivityOptions::queue`](crate::definition::ActivityOptions::queue).
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.overrides().queue = Some(queue.into());
        self
    }

    /// Starts the activity now; await the call later for its result.
    pub fn start(mut self) -> Self {
        self.issue();
        self
    }

    /// Gives it up, on purpose: if it has started, it is cancelled.
    pub fn cancel(self) {
        self.handle.is_awaited();
    }

    fn overrides(&mut self) -> &mut Overrides {
        self.overrides.get_or_insert_default()
    }

    fn issue(&mut self) {
        let Some(input) = self.input.take() else { return };
        let mut state = self.handle.shared().lock();
        let (now, cancelled) = (state.now, state.is_cancelled().then(|| state.cancellation()));
        drop(state);
        let input = self.checked().and_then(|()| Payload::input(A::CODEC, &input));
        let task = match (cancelled, input) {
            (Some(error), _) | (None, Err(error)) => {
                self.refused = Some(error);
                return;
            }
            (None, Ok((input, hash))) => self.task(input, hash, now),
        };
        let what = What::Activity(Arc::new(task));
        self.handle.open(|state, op| state.issue(op, what, self.site));
    }

    /// Refuses what the call site asks for and nobody could do.
    fn checked(&self) -> Result<()> {
        let Some(overrides) = self.overrides.as_deref() else { return Ok(()) };
        let Overrides { start_to_close, schedule_to_start, schedule_to_close, queue, .. } =
            overrides;
        let of = |limit: &str| format!("`{limit}` of activity `{}`", A::NAME);
        check_limit(&of("start_to_close"), *start_to_close)?;
        check_duration(&of("schedule_to_start"), *schedule_to_start)?;
        check_limit(&of("schedule_to_close"), *schedule_to_close)?;
        queue.as_deref().map_or(Ok(()), |queue| check_name(&of("queue"), queue))
    }

    fn task(&mut self, input: Payload, input_hash: u64, now: Timestamp) -> ActivityTask {
        let call = || format!("activity `{}`", A::NAME);
        self.handle.shared().bounds.bytes(input.len(), call, self.site);
        ActivityTask {
            op: self.handle.op(),
            name: A::NAME,
            input_hash,
            input,
            overrides: self.overrides.take(),
            scheduled_at: now,
        }
    }
}

impl<A: Activity> Unpin for Call<A> {}

impl<A: Activity> Future for Call<A> {
    type Output = Result<A::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.handle.is_awaited();
        self.issue();
        if let Some(error) = self.refused.take() {
            return Poll::Ready(Err(error));
        }
        self.handle.poll_output(cx, A::NAME)
    }
}

impl<A: Activity> Drop for Call<A> {
    fn drop(&mut self) {
        self.handle.is_dropped(|| format!("activity `{}`", A::NAME), self.input.is_none());
    }
}

impl<A: Activity> Sealed for Call<A> {
    fn is_awaited(&self) {
        self.handle.is_awaited();
    }
}
