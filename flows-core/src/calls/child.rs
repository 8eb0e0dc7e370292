//! A workflow called from a workflow: its child.

use std::fmt::{self, Display, Formatter};
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use uuid::Uuid;

use crate::context::{OpHandle, WorkflowContext};
use crate::definition::{Workflow, WorkflowOptions};
use crate::durable::sealed::Sealed;
use crate::error::{Error, Result};
use crate::ids::{RunKey, fnv1a};
use crate::journal::{Event, StepId};
use crate::limits::{check_limit, check_name};
use crate::payload::{Payload, check_size};
use crate::replay::watch::Place;
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
        self.call.queue = Some(queue.into());
        self
    }

    /// Starts the child now; await the call later for its result.
    pub fn start(mut self) -> Self {
        self.call.issue();
        self
    }

    /// The child goes on when this call is dropped, instead of being asked to cancel.
    pub fn abandon_on_drop(mut self) -> Self {
        self.call.abandon_on_drop();
        self
    }

    /// Starts the child, and lets it go on by itself: nobody waits for it.
    pub fn detach(self) {
        drop(self.abandon_on_drop().start());
    }

    /// Gives it up, on purpose: if it has started, the child is asked to cancel.
    pub fn cancel(self) {
        self.call.handle.is_awaited();
    }
}

impl<W: Workflow> Unpin for ChildCall<W> {}

impl<W: Workflow> Future for ChildCall<W> {
    type Output = Result<W::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let call = &mut self.call;
        call.issue();
        match call.refused.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => call.handle.poll_output(cx, call.workflow.name),
        }
    }
}

impl<W: Workflow> Sealed for ChildCall<W> {
    fn is_awaited(&self) {
        self.call.handle.is_awaited();
    }
}

/// The workflow that is called.
#[derive(Clone, Copy)]
struct Called {
    name: &'static str,
    version: u32,
    options: fn() -> WorkflowOptions,
}

/// A call of it, in words.
impl Display for Called {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "child workflow `{}`", self.name)
    }
}

/// A call without the types of its workflow: compiled once for all of them.
struct UntypedChild {
    handle: OpHandle,
    workflow: Called,
    /// With its hash; until it is issued.
    input: Option<Result<(Payload, u64)>>,
    queue: Option<String>,
    refused: Option<Error>,
    abandoned: bool,
}

impl UntypedChild {
    fn new(
        ctx: &WorkflowContext,
        site: Place,
        workflow: Called,
        input: Result<(Payload, u64)>,
    ) -> Self {
        let handle = OpHandle::new(ctx.shared(), site, || workflow.to_string());
        let input = Some(input);
        Self { handle, workflow, input, queue: None, refused: None, abandoned: false }
    }

    fn abandon_on_drop(&mut self) {
        self.abandoned = true;
        self.handle.shared().lock().abandon_on_drop(self.handle.op());
    }

    fn issue(&mut self) {
        let Some(input) = self.input.take() else { return };
        let shared = Arc::clone(self.handle.shared());
        let cancelled = {
            let mut state = shared.lock();
            state.is_cancelled().then(|| state.cancellation())
        };
        let options = (self.workflow.options)();
        match cancelled.map_or_else(|| self.accepted(&shared, &options, input), Err) {
            Err(error) => self.refused = Some(error),
            Ok((input, hash)) => {
                let (workflow, site) = (self.workflow, self.handle.site());
                shared.bounds.bytes(input.len(), || workflow.to_string(), site);
                let task = self.task(input, hash, options);
                let abandoned = self.abandoned;
                self.handle.open(|state, _| issue_child(state, task, abandoned, site));
            }
        }
    }

    /// The input and its hash, unless it is refused, or was when the run was here before.
    fn accepted(
        &self,
        shared: &Shared,
        options: &WorkflowOptions,
        encoded: Result<(Payload, u64)>,
    ) -> Result<(Payload, u64)> {
        let what = || format!("input of workflow `{}`", self.workflow.name);
        self.checked(options)?; // which says the same in a replay
        let fits = match &encoded {
            Ok((input, _)) => check_size(input.len(), shared.info.payload_limit, what),
            Err(error) => Err(error.clone()),
        };
        shared.lock().refusal(self.handle.op(), fits)?;
        encoded
    }

    /// Refuses what no start could ask for.
    fn checked(&self, options: &WorkflowOptions) -> Result<()> {
        let of = |what: &str| format!("{what} of workflow `{}`", self.workflow.name);
        let queue = self.queue.as_deref().or(options.queue.as_deref());
        queue.map_or(Ok(()), |queue| check_name(&of("queue"), queue))?;
        check_limit(&of("timeout"), options.timeout)
    }

    fn task(&mut self, input: Payload, input_hash: u64, options: WorkflowOptions) -> ChildTask {
        let op = self.handle.op();
        ChildTask {
            op,
            run: child_run(self.handle.shared().info.key, op),
            workflow: self.workflow.name,
            version: self.workflow.version,
            input_hash,
            input,
            queue: self.queue.take().or_else(|| options.queue.map(Into::into)),
            timeout: options.timeout,
            retry: options.retry.map(RetryPolicy::by_name),
        }
    }
}

/// A child that has run for a while may end with the workflow, or at the end of a block; one that is
/// dropped as soon as it was called was meant to be awaited.
impl Drop for UntypedChild {
    fn drop(&mut self) {
        let started = self.input.is_none();
        if !started || self.handle.is_new() && !self.abandoned {
            self.handle.is_dropped(|| self.workflow.to_string(), started);
        }
    }
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
    mut task: ChildTask,
    abandoned: bool,
    site: &'static Location<'static>,
) {
    let is_new = state.is_new_child(&mut task, site);
    let (op, task) = (task.op, Arc::new(task));
    if is_new {
        let step = StepId { op, name: task.workflow.into(), input: task.input_hash };
        state.mark(Event::ChildStarted { step, run: task.run });
        // It is recorded, so it starts, also if the call is dropped at once.
        state.child_starts.push(Command::StartChild(Arc::clone(&task)));
    }
    state.issue(op, What::Child { task, abandoned }, site);
}
