//! A call of a child without the types of its workflow: how it is issued, and what the child is told.

use std::fmt::{self, Display, Formatter};
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::context::{OpHandle, WorkflowContext};
use crate::definition::WorkflowOptions;
use crate::error::{Error, Result};
use crate::ids::{RunKey, fnv1a, shard_of, with_shard};
use crate::journal::{Event, StepId};
use crate::limits::{check_limit, check_name};
use crate::payload::{PAYLOAD_LIMIT, Payload, check_size};
use crate::replay::watch::Place;
use crate::replay::{CancellationType, ChildTask, Command, Shared, State, What};
use crate::retry::RetryPolicy;
use crate::store::{CloseChildren, ClosePolicy, ConflictPolicy};

/// The workflow that is called.
#[derive(Clone, Copy)]
pub(super) struct Called {
    pub(super) name: &'static str,
    pub(super) version: u32,
    pub(super) options: fn() -> WorkflowOptions,
}

/// A call of it, in words.
impl Display for Called {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "child workflow `{}`", self.name)
    }
}

/// What the call site asks for.
#[derive(Default)]
pub(super) struct ChildOptions {
    pub(super) id: Option<String>,
    pub(super) on_conflict: ConflictPolicy,
    pub(super) queue: Option<String>,
    pub(super) close_policy: Option<ClosePolicy>,
    pub(super) on_cancel: CancellationType,
}

/// A call without the types of its workflow: compiled once for all of them.
pub(super) struct UntypedChild {
    handle: OpHandle,
    workflow: Called,
    /// With its hash; until it is issued.
    input: Option<Result<(Payload, u64)>>,
    options: Option<Box<ChildOptions>>,
    refused: Option<Error>,
    abandoned: bool,
}

impl UntypedChild {
    pub(super) fn new(
        ctx: &WorkflowContext,
        site: Place,
        workflow: Called,
        input: Result<(Payload, u64)>,
    ) -> Self {
        let handle = OpHandle::new(ctx.shared(), site, || workflow.to_string());
        let input = Some(input);
        Self { handle, workflow, input, options: None, refused: None, abandoned: false }
    }

    pub(super) fn options(&mut self) -> &mut ChildOptions {
        self.options.get_or_insert_default()
    }

    pub(super) fn is_awaited(&self) {
        self.handle.is_awaited();
    }

    pub(super) fn abandon_on_drop(&mut self) {
        self.abandoned = true;
    }

    pub(super) fn poll<T: DeserializeOwned>(&mut self, cx: &Context<'_>) -> Poll<Result<T>> {
        match self.refused.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => self.handle.poll_output(cx, self.workflow.name),
        }
    }

    /// Asks for the child, once.
    pub(super) fn issue(&mut self) {
        let Some(input) = self.input.take() else { return };
        let shared = Arc::clone(self.handle.shared());
        let cancelled = {
            let mut state = shared.lock();
            state.is_cancelled().then(|| state.cancellation())
        };
        let options = (self.workflow.options)();
        let run = self.ids().run;
        match cancelled.map_or_else(|| self.accepted(&shared, &options, input), Err) {
            Err(error) => self.refused = Some(error),
            Ok((input, hash)) => {
                let (workflow, site) = (self.workflow, self.handle.site());
                shared.bounds.bytes(input.len(), || workflow.to_string(), site);
                let task = Arc::new(self.task(run, input, hash, options));
                let abandoned = self.abandoned;
                let on_cancel = self.options.as_ref().map(|asked| asked.on_cancel);
                self.handle.open(|state, op| {
                    issue_child(state, task, abandoned, site);
                    state.on_cancel(op, on_cancel.unwrap_or_default());
                });
            }
        }
    }

    /// The child's ids: by the journal, if it has its start.
    pub(super) fn ids(&self) -> ChildIds {
        let shared = self.handle.shared();
        let (key, op) = (shared.info.key, self.handle.op());
        let id = self.options.as_ref().and_then(|options| options.id.clone());
        let recorded = shared.lock().recorded_child(op);
        let run = recorded.unwrap_or_else(|| child_run(key, op, id.as_deref()));
        ChildIds { run, id }
    }

    /// Signals the child, unless it was never started.
    pub(super) fn signal(&self, run: Uuid, name: &str, payload: Result<Payload>) -> Result<()> {
        check_name("signal name", name)?;
        let payload = payload?.within(PAYLOAD_LIMIT, || format!("payload of signal `{name}`"))?;
        let (shared, site) = (self.handle.shared(), self.handle.site());
        shared.bounds.bytes(payload.len(), || self.workflow.to_string(), site);
        let op = self.handle.op();
        let record = Event::ChildSignalSent { op, name: name.to_owned() };
        self.tell(record, Command::SignalChild { run, name: name.to_owned(), payload });
        Ok(())
    }

    /// Asks the child to cancel, and goes on waiting for it.
    pub(super) fn cancel(&self, run: Uuid, reason: String) {
        self.is_awaited(); // or nobody needs to
        let record = Event::ChildCancelSent { op: self.handle.op(), reason: reason.clone() };
        self.tell(record, Command::CancelChild { run, reason });
    }

    fn tell(&self, record: Event, message: Command) {
        let shared = self.handle.shared();
        shared.bounds.call("a child", self.handle.site());
        if self.refused.is_none() {
            shared.lock().tell_child(self.handle.op(), record, message);
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
        let asked = self.options.as_deref();
        let queue = asked.and_then(|asked| asked.queue.as_deref()).or(options.queue.as_deref());
        queue.map_or(Ok(()), |queue| check_name(&of("queue"), queue))?;
        if let Some(asked) = asked {
            asked.id.as_deref().map_or(Ok(()), |id| check_name(&of("id of a child"), id))?;
            check_policy(asked, self.workflow)?;
        }
        check_limit(&of("timeout"), options.timeout)
    }

    fn task(
        &self,
        run: Uuid,
        input: Payload,
        input_hash: u64,
        options: WorkflowOptions,
    ) -> ChildTask {
        let asked = self.options.as_deref();
        let queue = asked.and_then(|asked| asked.queue.clone());
        let usual = if self.abandoned { ClosePolicy::Abandon } else { ClosePolicy::Cancel };
        ChildTask {
            op: self.handle.op(),
            run,
            workflow: self.workflow.name,
            version: self.workflow.version,
            input_hash,
            input,
            queue: queue.or_else(|| options.queue.map(Into::into)),
            timeout: options.timeout,
            retry: options.retry.map(RetryPolicy::by_name),
            id: asked.and_then(|it| Some((it.id.as_deref()?.into(), it.on_conflict))),
            on_close: asked.and_then(|asked| asked.close_policy).unwrap_or(usual),
        }
    }
}

/// A child cannot be a run that exists.
fn check_policy(asked: &ChildOptions, called: Called) -> Result<()> {
    use ConflictPolicy::{AllowIfClosed, AllowIfFailed, Reject};
    let policy = asked.on_conflict;
    let wrong = if !matches!(policy, Reject | AllowIfClosed | AllowIfFailed) {
        "is not for children: take `Reject`, `AllowIfFailed` or `AllowIfClosed`"
    } else if policy != Reject && asked.id.is_none() {
        "needs an id: say `.id(..)` as well"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!("{called}: the conflict policy `{policy:?}` {wrong}")))
}

/// Which run a child is.
pub(super) struct ChildIds {
    pub(super) run: Uuid,
    pub(super) id: Option<String>,
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
fn child_run(parent: RunKey, op: u32, id: Option<&str>) -> Uuid {
    let mut bytes = *parent.run.as_bytes();
    let op_bytes = op.to_le_bytes();
    let hash = fnv1a(bytes.iter().chain(&op_bytes).copied()).to_le_bytes();
    // The first six bytes are the parent's time and the next the version: they stay.
    bytes[7] = hash[0];
    bytes[9..16].copy_from_slice(&hash[1..8]);
    let run = Uuid::from_bytes(bytes);
    id.map_or(run, |id| with_shard(run, shard_of(parent.tenant, id)))
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
    let told = match (task.on_close, abandoned) {
        (ClosePolicy::Terminate, _) => CloseChildren::Terminated,
        (ClosePolicy::Cancel, true) => CloseChildren::All,
        _ => CloseChildren::None,
    };
    state.leaves_to_the_store(told);
    state.issue(op, What::Child { task, abandoned }, site);
}
