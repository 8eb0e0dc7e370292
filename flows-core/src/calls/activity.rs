//! An activity called from a workflow.

use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::context::{OpHandle, WorkflowContext};
use crate::definition::{Activity, ActivityDef, ActivityOptions};
use crate::durable::sealed::Sealed;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::{check_duration, check_limit, check_name};
use crate::payload::Payload;
use crate::replay::watch::Place;
use crate::replay::{ActivityTask, CancellationType, Overrides, What};
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
    call: UntypedCall,
    activity: PhantomData<fn() -> A>,
}

impl<A: Activity> Call<A> {
    #[doc(hidden)]
    #[track_caller]
    pub fn new(ctx: &WorkflowContext, input: A::Input) -> Self {
        let site = Location::caller();
        let call = UntypedCall::new(ctx, site, A::NAME, ActivityDef::encode_input::<A>(&input));
        Self { call, activity: PhantomData }
    }

    /// Another retry policy for this call.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.call.overrides().retry = Some(policy);
        self
    }

    /// Another limit for each attempt of this call.
    pub fn start_to_close(mut self, limit: Duration) -> Self {
        self.call.overrides().start_to_close = Some(limit);
        self
    }

    /// Another limit for this call's wait for a free slot.
    pub fn schedule_to_start(mut self, limit: Duration) -> Self {
        self.call.overrides().schedule_to_start = Some(limit);
        self
    }

    /// Another limit for all attempts of this call together.
    pub fn schedule_to_close(mut self, limit: Duration) -> Self {
        self.call.overrides().schedule_to_close = Some(limit);
        self
    }

    /// The queue whose workers run this call. They need the activity, and not the workflow.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.call.overrides().queue = Some(queue.into());
        self
    }

    /// What becomes of the activity when the run is cancelled, or a scope in which it is awaited. Default:
    /// [`Try`](CancellationType::Try).
    pub fn cancellation(mut self, on_cancel: CancellationType) -> Self {
        self.call.on_cancel = on_cancel;
        self
    }

    /// Starts the activity now; await the call later for its result.
    pub fn start(mut self) -> Self {
        self.issue();
        self
    }

    /// Asks for it. What other workers run, and the retries of that, needs all options of the definition: the
    /// workers of the run may not have it.
    pub(super) fn issue(&mut self) {
        if const { !A::QUEUE.is_empty() } || self.call.has_queue() {
            self.call.resolve(Some(A::QUEUE), A::options, A::TRANSACTIONAL);
        } else if const { A::SPILLS } {
            self.call.resolve(None, A::options, A::TRANSACTIONAL);
        }
        self.call.issue();
    }

    /// Gives it up, on purpose: if it has started, it is cancelled.
    pub fn cancel(self) {
        self.call.handle.is_awaited();
    }

    pub(super) fn untyped(&self) -> &UntypedCall {
        &self.call
    }

    pub(super) fn untyped_mut(&mut self) -> &mut UntypedCall {
        &mut self.call
    }
}

fn activity(name: &str) -> String {
    format!("activity `{name}`")
}

impl<A: Activity> Unpin for Call<A> {}

impl<A: Activity> Future for Call<A> {
    type Output = Result<A::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.issue();
        let call = &mut self.call;
        match call.refused.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => call.handle.poll_output(cx, call.name),
        }
    }
}

impl<A: Activity> Sealed for Call<A> {
    fn is_awaited(&self) {
        self.call.handle.is_awaited();
    }
}

/// A call without the types of its activity: compiled once for all of them.
pub(super) struct UntypedCall {
    handle: OpHandle,
    name: &'static str,
    /// With its hash; until it is issued.
    input: Option<Result<(Payload, u64)>>,
    overrides: Option<Box<Overrides>>,
    refused: Option<Error>,
    on_cancel: CancellationType,
}

impl UntypedCall {
    fn new(
        ctx: &WorkflowContext,
        site: Place,
        name: &'static str,
        input: Result<(Payload, u64)>,
    ) -> Self {
        let handle = OpHandle::new(ctx.shared(), site, || activity(name));
        let on_cancel = CancellationType::Try;
        Self { handle, name, input: Some(input), overrides: None, refused: None, on_cancel }
    }

    fn has_queue(&self) -> bool {
        self.overrides.as_ref().is_some_and(|overrides| overrides.queue.is_some())
    }

    /// Without a queue, it goes to others where the worker of its run has no free slot.
    fn resolve(
        &mut self,
        queue: Option<&str>,
        options: fn() -> ActivityOptions,
        transactional: bool,
    ) {
        if self.input.is_none() {
            return; // it was issued before
        }
        if transactional {
            let message = format!(
                "activity `{}` is transactional, so it runs in the worker of its run: give it no queue, and do not let it spill",
                self.name
            );
            self.input = Some(Err(Error::new(ErrorKind::Configuration, message)));
            return;
        }
        let (options, overrides) = (options(), self.overrides());
        match queue {
            Some(queue) => drop(overrides.queue.get_or_insert_with(|| queue.to_owned())),
            None => overrides.spills = true,
        }
        overrides.retry.get_or_insert(options.retry);
        overrides.start_to_close.get_or_insert(options.start_to_close);
        overrides.schedule_to_start = overrides.schedule_to_start.or(options.schedule_to_start);
        overrides.schedule_to_close = overrides.schedule_to_close.or(options.schedule_to_close);
    }

    fn overrides(&mut self) -> &mut Overrides {
        self.overrides.get_or_insert_default()
    }

    /// Its input, unless that cannot be encoded.
    pub(super) fn payload(&self) -> Option<Payload> {
        match &self.input {
            Some(input) => input.as_ref().ok().map(|(input, _)| input.clone()),
            None => self.handle.shared().lock().input_of(self.handle.op()),
        }
    }

    /// Why it was not called.
    pub(super) fn take_refused(&mut self) -> Option<Error> {
        self.refused.take()
    }

    pub(super) fn poll_payload(&mut self, cx: &Context<'_>) -> Poll<Result<Payload>> {
        self.handle.poll(cx)
    }

    pub(super) fn decode<T: DeserializeOwned>(&self, output: &Payload) -> Poll<Result<T>> {
        self.handle.decode_output(output, self.name)
    }

    pub(super) fn issue(&mut self) {
        let Some(input) = self.input.take() else { return };
        let mut state = self.handle.shared().lock();
        let (now, cancelled) = (state.now, state.is_cancelled().then(|| state.cancellation()));
        drop(state);
        let task = match (cancelled, self.checked().and(input)) {
            (Some(error), _) | (None, Err(error)) => {
                self.refused = Some(error);
                return;
            }
            (None, Ok((input, hash))) => self.task(input, hash, now),
        };
        let (what, site) = (What::Activity(Arc::new(task)), self.handle.site());
        let on_cancel = self.on_cancel;
        self.handle.open(|state, op| {
            state.issue(op, what, site);
            state.on_cancel(op, on_cancel);
        });
    }

    /// Refuses what the call site asks for and nobody could do.
    fn checked(&self) -> Result<()> {
        let Some(overrides) = self.overrides.as_deref() else { return Ok(()) };
        let Overrides {
            retry, start_to_close, schedule_to_start, schedule_to_close, queue, ..
        } = overrides;
        retry.as_ref().map_or(Ok(()), |policy| policy.check(&activity(self.name)))?;
        let of = |limit: &str| format!("`{limit}` of {}", activity(self.name));
        check_limit(&of("start_to_close"), *start_to_close)?;
        check_duration(&of("schedule_to_start"), *schedule_to_start)?;
        check_limit(&of("schedule_to_close"), *schedule_to_close)?;
        queue.as_deref().map_or(Ok(()), |queue| check_name(&of("queue"), queue))
    }

    fn task(&mut self, input: Payload, input_hash: u64, now: Timestamp) -> ActivityTask {
        let call = || activity(self.name);
        let op = self.handle.op();
        let called_by = self.handle.shared().lock().called_by(op, self.name, input_hash);
        self.handle.shared().bounds.bytes(input.len(), call, self.handle.site());
        ActivityTask {
            op,
            name: self.name,
            input_hash,
            input,
            overrides: self.overrides.take(),
            scheduled_at: now,
            called_by,
        }
    }
}

impl Drop for UntypedCall {
    fn drop(&mut self) {
        self.handle.is_dropped(|| activity(self.name), self.input.is_none());
    }
}
