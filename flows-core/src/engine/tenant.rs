//! One tenant: its starts, its runs, its dead letters.

use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::complete::Complete;
use super::dead_letters::{DeadLetter, DeadLetters, Rerun};
use super::execution::{AnyWorkflow, Execution, Target, Typed};
use super::fork::Fork;
use super::list::List;
use super::send::SendSignal;
use super::stuck_runs::StuckRuns;
use super::update::SendUpdate;
use super::{Inner, SignalWithStart, Start, StartMany, StartWithUpdate};
use crate::completion::CompletionToken;
use crate::context::Update;
use crate::definition::WorkflowInput;
use crate::error::Error;

/// The engine for one tenant. None of its statements reads or writes a row of another tenant.
#[cfg_attr(not(doctest), doc = include_str!("docs/tenant.md"))]
#[derive(Clone)]
pub struct Tenant {
    pub(crate) inner: Arc<Inner>,
    id: Uuid,
}

impl Tenant {
    pub(crate) fn new(inner: Arc<Inner>, id: Uuid) -> Self {
        Self { inner, id }
    }

    /// The tenant's id; nil for the default tenant.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Starts a run of the workflow that this is the input of.
    ///
    /// Await it; or set options first: `.id("order-42")`, `.delay(…)`, `.with_tx(&tx)`.
    pub fn start<'t, I: WorkflowInput>(&self, input: I) -> Start<'t, I::Workflow> {
        Start::new(Ok(self.clone()), input)
    }

    /// Starts a run of a workflow by its name, with JSON as its input: for gateways, which do not know its type. Await
    /// it; it has the options of [`start`](Self::start). The version is a number, or `None` for the newest that this
    /// program has.
    ///
    /// Where the program has the definition, the input must fit it, and the start has its defaults (queue, time
    /// limit, retry policy); otherwise nothing is checked, and a run whose input does not fit is stuck.
    pub fn start_untyped<'t>(
        &self,
        workflow: impl Into<String>,
        version: impl Into<Option<u32>>,
        input: serde_json::Value,
    ) -> Start<'t, AnyWorkflow> {
        Start::untyped(self.clone(), workflow.into(), version, &input)
    }

    /// Starts many runs of one workflow in few statements. Each start has an answer of its own, and one that
    /// is refused does not harm the others.
    pub fn start_many<'t, W: Typed>(
        &self,
        starts: impl IntoIterator<Item = Start<'t, W>>,
    ) -> StartMany<'t, W> {
        StartMany::new(self.clone(), starts)
    }

    /// A handle of the newest run of a workflow id, or of a run by its run id. Making it reads nothing.
    pub fn execution<W: Typed>(&self, id: impl Into<String>) -> Execution<W> {
        Execution::new(self.clone(), Target::Id(id.into()))
    }

    /// Sends a signal to the newest run of a workflow id.
    pub fn signal<'t, T: Serialize>(
        &self,
        id: impl Into<String>,
        name: impl Into<String>,
        payload: &T,
    ) -> SendSignal<'t> {
        SendSignal::new(Ok((self.clone(), Target::Id(id.into()))), name.into(), payload)
    }

    /// Sends an update to the newest run of a workflow id, and waits for the reply; see
    /// [`Execution::update`].
    pub fn update<'t, U: Update>(&self, id: impl Into<String>, update: U) -> SendUpdate<'t, U> {
        SendUpdate::new(Ok((self.clone(), Target::Id(id.into()))), &update)
    }

    /// Sends a signal to the run of a workflow id, and starts that run if there is none: both are one
    /// transaction.
    ///
    /// Say `.id("cart-42")`, then await it; also with the options of [`start`](Self::start), `.dedup(key)`
    /// and `.with_tx(&tx)`.
    pub fn signal_with_start<'t, I: WorkflowInput, T: Serialize>(
        &self,
        input: I,
        name: impl Into<String>,
        payload: &T,
    ) -> SignalWithStart<'t, I::Workflow> {
        SignalWithStart::new(self.start(input), name.into(), payload)
    }

    /// Completes an attempt of an activity with its output. `token` is what
    /// [`ctx.completion_token()`](crate::ActivityContext::completion_token) has given to its body.
    ///
    /// An attempt ends once: an error of kind [`Closed`](crate::ErrorKind::Closed) says that it has ended, or its run.
    /// A value that is not of the activity's output type fails the attempt for good.
    pub fn complete<'t, T: Serialize>(&self, token: impl AsRef<str>, output: &T) -> Complete<'t> {
        Complete::with(self.clone(), token.as_ref(), output)
    }

    /// Fails an attempt of an activity. Whether there is another attempt, with a token of its own, is for the error
    /// and the activity's retry policy to say, as for an error of its body.
    pub fn fail<'t>(&self, token: impl AsRef<str>, error: impl Into<Error>) -> Complete<'t> {
        Complete::with_error(self.clone(), token.as_ref(), error.into())
    }

    /// Says that an attempt goes on whose body has returned [`ctx.pending()`](crate::ActivityContext::pending), so
    /// that its `heartbeat` limit begins anew; the next attempt gets the details. Each is an event of the run.
    pub fn heartbeat<'t, T: Serialize>(&self, token: impl AsRef<str>, details: &T) -> Complete<'t> {
        Complete::heartbeat(self.clone(), token.as_ref(), details)
    }

    /// The tenant of a completion token.
    #[doc(hidden)]
    pub fn of_token(&self, token: &str) -> Self {
        let id = token.parse::<CompletionToken>().map_or(self.id, |token| token.run.tenant);
        Self::new(Arc::clone(&self.inner), id)
    }

    /// Sends an update to the run of a workflow id, starts that run if there is none, and waits for the reply. Sending
    /// and starting are one transaction.
    ///
    /// Say `.id("cart-42")`, then await it; also with the options of [`start`](Self::start), `.dedup(key)`,
    /// `.reply_within(limit)` and `.with_tx(&tx)`.
    pub fn start_with_update<'t, I: WorkflowInput, U: Update>(
        &self,
        input: I,
        update: U,
    ) -> StartWithUpdate<'t, I::Workflow, U> {
        StartWithUpdate::new(self.start(input), &update)
    }

    /// Lists runs, newest first: await it, or filter first. `.count()` counts them.
    pub fn list(&self) -> List {
        List::new(self.clone())
    }

    /// Lists the runs that failed and can be rerun.
    pub fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(self.clone())
    }

    /// Lists the runs that cannot continue, with the reason; [`Execution::retry_stuck`] retries one.
    pub fn stuck_runs(&self) -> StuckRuns {
        StuckRuns::new(self.clone())
    }

    /// Forks a run: a new run begins with this many events of that run's [`history`](Execution::history), and goes
    /// on from there by itself. The other run stays what it is.
    ///
    /// Await it; or set options first: `.id("order-42-again")`, `.input(&input)`, `.activity_result(3, &receipt)`,
    /// `.keep_signals()`, `.with_tx(&tx)`.
    pub fn fork<'t>(&self, run: impl Into<RerunOf>, position: usize) -> Fork<'t> {
        Fork::beside(Ok(self.clone()), run.into().run(), position)
    }

    /// Resets a run: as [`fork`](Self::fork), and the new run goes on in place of the other one, under its workflow
    /// id. A run that is open ends.
    pub fn reset<'t>(&self, run: impl Into<RerunOf>, position: usize) -> Fork<'t> {
        Fork::in_place(Ok(self.clone()), run.into().run(), position)
    }

    /// Starts a dead letter again as a new run with the same input and id, which records its predecessor.
    pub fn rerun<'t>(&self, dead_letter: impl Into<RerunOf>) -> Rerun<'t> {
        Rerun::new(Ok(self.clone()), dead_letter.into().run())
    }
}

/// What an engine does for its default tenant, as methods of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! default_tenant_methods {
    (|$engine:ident| $tenant:expr) => {
        /// Starts a run of the workflow that this is the input of; see
        /// [`Tenant::start`]($crate::Tenant::start).
        pub fn start<'t, I: $crate::WorkflowInput>(
            &self,
            input: I,
        ) -> $crate::engine::Start<'t, I::Workflow> {
            let $engine = self;
            $tenant.start(input)
        }

        /// Starts a run of a workflow by its name; see [`Tenant::start_untyped`]($crate::Tenant::start_untyped).
        pub fn start_untyped<'t>(
            &self,
            workflow: impl Into<String>,
            version: impl Into<Option<u32>>,
            input: $crate::engine::Json,
        ) -> $crate::engine::Start<'t, $crate::engine::AnyWorkflow> {
            let $engine = self;
            $tenant.start_untyped(workflow, version, input)
        }

        /// Starts many runs of one workflow in few statements; see
        /// [`Tenant::start_many`]($crate::Tenant::start_many).
        pub fn start_many<'t, W: $crate::engine::Typed>(
            &self,
            starts: impl IntoIterator<Item = $crate::engine::Start<'t, W>>,
        ) -> $crate::engine::StartMany<'t, W> {
            let $engine = self;
            $tenant.start_many(starts)
        }

        /// The newest run of a workflow id, or a run by its run id; see
        /// [`Tenant::execution`]($crate::Tenant::execution).
        pub fn execution<W: $crate::engine::Typed>(
            &self,
            id: impl Into<String>,
        ) -> $crate::Execution<W> {
            let $engine = self;
            $tenant.execution(id)
        }

        /// Sends a signal to the newest run of a workflow id; see
        /// [`Tenant::signal`]($crate::Tenant::signal).
        pub fn signal<'t, T: $crate::engine::Serialize>(
            &self,
            id: impl Into<String>,
            name: impl Into<String>,
            payload: &T,
        ) -> $crate::engine::SendSignal<'t> {
            let $engine = self;
            $tenant.signal(id, name, payload)
        }

        /// Sends an update to the newest run of a workflow id, and waits for the reply; see
        /// [`Tenant::update`]($crate::Tenant::update).
        pub fn update<'t, U: $crate::Update>(
            &self,
            id: impl Into<String>,
            update: U,
        ) -> $crate::engine::SendUpdate<'t, U> {
            let $engine = self;
            $tenant.update(id, update)
        }

        /// Sends a signal to the run of a workflow id, and starts that run if there is none; see
        /// [`Tenant::signal_with_start`]($crate::Tenant::signal_with_start).
        pub fn signal_with_start<'t, I: $crate::WorkflowInput, T: $crate::engine::Serialize>(
            &self,
            input: I,
            name: impl Into<String>,
            payload: &T,
        ) -> $crate::engine::SignalWithStart<'t, I::Workflow> {
            let $engine = self;
            $tenant.signal_with_start(input, name, payload)
        }

        /// Completes an attempt of an activity, of whichever tenant; see
        /// [`Tenant::complete`]($crate::Tenant::complete).
        pub fn complete<'t, T: $crate::engine::Serialize>(
            &self,
            token: impl AsRef<str>,
            output: &T,
        ) -> $crate::engine::Complete<'t> {
            let $engine = self;
            $tenant.of_token(token.as_ref()).complete(token, output)
        }

        /// Fails an attempt of an activity, of whichever tenant; see [`Tenant::fail`]($crate::Tenant::fail).
        pub fn fail<'t>(
            &self,
            token: impl AsRef<str>,
            error: impl Into<$crate::Error>,
        ) -> $crate::engine::Complete<'t> {
            let $engine = self;
            $tenant.of_token(token.as_ref()).fail(token, error)
        }

        /// Says that an attempt of an activity goes on, of whichever tenant; see
        /// [`Tenant::heartbeat`]($crate::Tenant::heartbeat).
        pub fn heartbeat<'t, T: $crate::engine::Serialize>(
            &self,
            token: impl AsRef<str>,
            details: &T,
        ) -> $crate::engine::Complete<'t> {
            let $engine = self;
            $tenant.of_token(token.as_ref()).heartbeat(token, details)
        }

        /// Sends an update to the run of a workflow id, and starts that run if there is none; see
        /// [`Tenant::start_with_update`]($crate::Tenant::start_with_update).
        pub fn start_with_update<'t, I: $crate::WorkflowInput, U: $crate::Update>(
            &self,
            input: I,
            update: U,
        ) -> $crate::engine::StartWithUpdate<'t, I::Workflow, U> {
            let $engine = self;
            $tenant.start_with_update(input, update)
        }

        /// Runs, newest first; see [`Tenant::list`]($crate::Tenant::list).
        pub fn list(&self) -> $crate::engine::List {
            let $engine = self;
            $tenant.list()
        }

        /// Runs that ended in failure and can be rerun; see
        /// [`Tenant::dead_letters`]($crate::Tenant::dead_letters).
        pub fn dead_letters(&self) -> $crate::engine::DeadLetters {
            let $engine = self;
            $tenant.dead_letters()
        }

        /// Creates or updates a schedule; see [`Tenant::schedule`]($crate::Tenant::schedule).
        pub fn schedule<'t, I: $crate::WorkflowInput>(
            &self,
            id: impl Into<String>,
            spec: impl Into<$crate::schedule::ScheduleSpec>,
            input: I,
        ) -> $crate::engine::SetSchedule<'t, I::Workflow> {
            let $engine = self;
            $tenant.schedule(id, spec, input)
        }

        /// Schedules; see [`Tenant::schedules`]($crate::Tenant::schedules).
        pub fn schedules(&self) -> $crate::engine::Schedules {
            let $engine = self;
            $tenant.schedules()
        }

        /// Runs that cannot go on, with the reason; see
        /// [`Tenant::stuck_runs`]($crate::Tenant::stuck_runs).
        pub fn stuck_runs(&self) -> $crate::engine::StuckRuns {
            let $engine = self;
            $tenant.stuck_runs()
        }

        /// Forks a run; see [`Tenant::fork`]($crate::Tenant::fork).
        pub fn fork<'t>(
            &self,
            run: impl Into<$crate::engine::RerunOf>,
            position: usize,
        ) -> $crate::engine::Fork<'t> {
            let $engine = self;
            $tenant.fork(run, position)
        }

        /// Resets a run; see [`Tenant::reset`]($crate::Tenant::reset).
        pub fn reset<'t>(
            &self,
            run: impl Into<$crate::engine::RerunOf>,
            position: usize,
        ) -> $crate::engine::Fork<'t> {
            let $engine = self;
            $tenant.reset(run, position)
        }

        /// Starts a dead letter again as a new run; see [`Tenant::rerun`]($crate::Tenant::rerun).
        pub fn rerun<'t>(
            &self,
            dead_letter: impl Into<$crate::engine::RerunOf>,
        ) -> $crate::engine::Rerun<'t> {
            let $engine = self;
            $tenant.rerun(dead_letter)
        }
    };
}

/// What can be rerun or forked: a dead letter, or a run id.
pub struct RerunOf(Uuid);

impl RerunOf {
    pub(super) fn run(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for RerunOf {
    fn from(run: Uuid) -> Self {
        Self(run)
    }
}

impl From<DeadLetter> for RerunOf {
    fn from(dead_letter: DeadLetter) -> Self {
        Self(dead_letter.run_id)
    }
}

impl From<&DeadLetter> for RerunOf {
    fn from(dead_letter: &DeadLetter) -> Self {
        Self(dead_letter.run_id)
    }
}
