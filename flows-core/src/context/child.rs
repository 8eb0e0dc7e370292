//! A workflow called from a workflow: its child.

use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use uuid::Uuid;

use super::op::OpHandle;
use super::workflow::WorkflowContext;
use crate::definition::Workflow;
use crate::durable::sealed::Sealed;
use crate::error::{Error, Result};
use crate::ids::{RunKey, fnv1a};
use crate::journal::{Event, StepId};
use crate::limits::{check_duration, check_name};
use crate::payload::{Payload, check_size};
use crate::replay::{ChildTask, Command, Shared, State, What};
use crate::retry::RetryPolicy;

/// A call of a workflow as a child: lazy, typed, durable.
///
/// The child starts in the same commit as the parent's turn and runs on any worker. Dropping a call
/// that has started and has no result yet asks the child to cancel, whether the call was awaited or
/// not: it lost a `select!`, its [`timeout`](WorkflowContext::timeout) passed, the workflow returned. What
/// must go on is [abandoned on drop](Self::abandon_on_drop), or [detached](Self::detach).
#[must_use = "without `.await` the child workflow is not started: write `.await` behind the call; or `.start()`, \
              keep what it gives, and `.await` that later; or `.detach()`"]
pub struct ChildCall<W: Workflow> {
    handle: OpHandle,
    input: Option<W::Input>,
    queue: Option<String>,
    site: &'static Location<'static>,
    refused: Option<Error>,
    abandoned: bool,
}

impl<W: Workflow> ChildCall<W> {
    #[doc(hidden)]
    #[track_caller]
    pub fn new(ctx: &WorkflowContext, input: W::Input) -> Self {
        let site = Location::caller();
        Self {
            handle: OpHandle::new(ctx.shared(), site, called::<W>),
            input: Some(input),
            queue: None,
            site,
            refused: None,
            abandoned: false,
        }
    }

    /// Another queue for this child.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// Starts the child now; await the call later for its result.
    pub fn start(mut self) -> Self {
        self.issue();
        self
    }

    /// The child goes on when this call is dropped, instead of being asked to cancel.
    pub fn abandon_on_drop(mut self) -> Self {
        self.abandoned = true;
        self.handle.shared().lock().abandon_on_drop(self.handle.op());
        self
    }

    /// Starts the child, and lets it go on by itself: nobody waits for it.
    pub fn detach(self) {
        drop(self.abandon_on_drop().start());
    }

    /// Gives it up, on purpose: if it has started, the child is asked to cancel.
    pub fn cancel(self) {
        self.handle.is_awaited();
    }

    fn issue(&mut self) {
        let Some(input) = self.input.take() else { return };
        let shared = Arc::clone(self.handle.shared());
        let cancelled = {
            let mut state = shared.lock();
            state.is_cancelled().then(|| state.cancellation())
        };
        match cancelled.map_or_else(|| self.encoded(&shared, &input), Err) {
            Err(error) => self.refused = Some(error),
            Ok((input, hash)) => {
                shared.bounds.bytes(input.len(), called::<W>, self.site);
                let task = Arc::new(self.task(input, hash));
                let (abandoned, site) = (self.abandoned, self.site);
                self.handle.open(|state, _| issue_child(state, task, abandoned, site));
            }
        }
    }

    /// The input and its hash, unless it is refused, or was when the run was here before.
    fn encoded(&self, shared: &Shared, input: &W::Input) -> Result<(Payload, u64)> {
        let what = || format!("input of workflow `{}`", W::NAME);
        self.checked()?; // which says the same in a replay
        let encoded = Payload::child_input(input);
        let fits = match &encoded {
            Ok((input, _)) => check_size(input.len(), shared.info.payload_limit, what),
            Err(error) => Err(error.clone()),
        };
        shared.lock().refusal(self.handle.op(), fits)?;
        encoded
    }

    /// Refuses what no start could ask for.
    fn checked(&self) -> Result<()> {
        let of = |what: &str| format!("{what} of workflow `{}`", W::NAME);
        let options = W::options();
        let queue = self.queue.as_deref().or(options.queue.as_deref());
        queue.map_or(Ok(()), |queue| check_name(&of("queue"), queue))?;
        check_duration(&of("timeout"), options.timeout)
    }

    fn task(&mut self, input: Payload, input_hash: u64) -> ChildTask {
        let options = W::options();
        let op = self.handle.op();
        ChildTask {
            op,
            run: child_run(self.handle.shared().info.key, op),
            workflow: W::NAME,
            version: W::VERSION,
            input_hash,
            input,
            queue: self.queue.take().or_else(|| options.queue.map(Into::into)),
            timeout: options.timeout,
            retry: options.retry.map(RetryPolicy::by_name),
        }
    }
}

/// A call of it, in words.
fn called<W: Workflow>() -> String {
    format!("child workflow `{}`", W::NAME)
}

/// The child's run id follows from the parent's, so that a turn that is run again starts no second
/// one.
fn child_run(parent: RunKey, op: u32) -> Uuid {
    let mut bytes = *parent.run.as_bytes();
    let op_bytes = op.to_le_bytes();
    let hash = fnv1a(bytes.iter().chain(&op_bytes).copied()).to_le_bytes();
    // The first six bytes are the parent's time and the next the version: they stay.
    bytes[7] = hash[0];
    bytes[9..16].copy_from_slice(&hash[1..8]);
    Uuid::from_bytes(bytes)
}

fn issue_child(
    state: &mut State,
    task: Arc<ChildTask>,
    abandoned: bool,
    site: &'static Location<'static>,
) {
    let op = task.op;
    if state.is_new_child(op, &task, site) {
        let step = StepId { op, name: task.workflow.into(), input: task.input_hash };
        state.mark(Event::ChildStarted { step, run: task.run });
        // It is recorded, so it starts, also if the call is dropped at once.
        state.child_starts.push(Command::StartChild(Arc::clone(&task)));
    }
    state.issue(op, What::Child { task, abandoned }, site);
}

impl<W: Workflow> Unpin for ChildCall<W> {}

impl<W: Workflow> Future for ChildCall<W> {
    type Output = Result<W::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.handle.is_awaited();
        self.issue();
        if let Some(error) = self.refused.take() {
            return Poll::Ready(Err(error));
        }
        self.handle.poll_output(cx, W::NAME)
    }
}

/// A child that has run for a while may end with the workflow, or at the end of a block; one that is
/// dropped as soon as it was called was meant to be awaited.
impl<W: Workflow> Drop for ChildCall<W> {
    fn drop(&mut self) {
        let started = self.input.is_none();
        if !started || self.handle.is_new() && !self.abandoned {
            self.handle.is_dropped(called::<W>, started);
        }
    }
}

impl<W: Workflow> Sealed for ChildCall<W> {
    fn is_awaited(&self) {
        self.handle.is_awaited();
    }
}
