//! One run, as the application holds it.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::access::Access;
use super::describe::Description;
use super::export::History;
use super::history::{self, HistoryEvent};
use super::layer::{ClientCall, ClientVerb, Layered, layered};
use super::send::{Cancel, SendSignal};
use super::stream::ProgressStream;
use super::tenant::Tenant;
use super::update::SendUpdate;
use super::waiters::FirstNews;
use super::{Inner, outcome};
use crate::clock;
use crate::context::{Signal, Update};
use crate::definition::Workflow;
use crate::ending::{closed, message_to_parent, termination};
use crate::error::{Error, ErrorKind, Result, storable};
use crate::ids::RunKey;
use crate::journal;
use crate::payload::{Payload, check_size};
use crate::store::{Close, Outcome, RunStatus, RunView, no_such_run};

/// What an [`Execution`] knows about its workflow's types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no workflow",
    label = "the type of a workflow is wanted",
    note = "the macro makes it: `order::Workflow` of a `#[workflow] async fn order`. `AnyWorkflow` stands for one \
            whose types are not known here"
)]
pub trait Typed: 'static {
    /// The type that `result()` gives.
    type Output: DeserializeOwned;
    /// The workflow's name, where it is known.
    const WORKFLOW: Option<&'static str>;
}

#[diagnostic::do_not_recommend]
impl<W: Workflow> Typed for W {
    type Output = W::Output;
    const WORKFLOW: Option<&'static str> = Some(W::NAME);
}

/// A workflow whose types are not known here: its output is a JSON value.
pub struct AnyWorkflow;

impl Typed for AnyWorkflow {
    type Output = serde_json::Value;
    const WORKFLOW: Option<&'static str> = None;
}

/// Which run is meant.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// The newest run of a workflow id; or a run id.
    Id(String),
    /// Exactly this run. It is not `certain` to exist if the transaction that starts it is the
    /// application's, which may still roll it back.
    Run { key: RunKey, workflow_id: Option<String>, certain: bool, news: FirstNews },
}

impl Target {
    /// The application's id; the run id, where the start gave none.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Id(id) => id.clone(),
            Self::Run { workflow_id: Some(id), .. } => id.clone(),
            Self::Run { key, workflow_id: None, .. } => key.run.to_string(),
        }
    }
}

/// A handle of a run: awaits, signals, inspects and ends it.
#[cfg_attr(not(doctest), doc = include_str!("docs/execution.md"))]
pub struct Execution<W = AnyWorkflow> {
    tenant: Tenant,
    target: Target,
    workflow: PhantomData<fn() -> W>,
}

impl<W: Typed> Clone for Execution<W> {
    fn clone(&self) -> Self {
        Self::new(self.tenant.clone(), self.target.clone())
    }
}

impl<W: Typed> std::fmt::Debug for Execution<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Execution").field("target", &self.target).finish_non_exhaustive()
    }
}

impl<W: Typed> Execution<W> {
    pub(super) fn new(tenant: Tenant, target: Target) -> Self {
        Self { tenant, target, workflow: PhantomData }
    }

    /// The application's id for the run; the run id, where the start gave none.
    pub fn id(&self) -> String {
        self.target.id()
    }

    /// The run id. Nil for a handle that was made from an id alone ([`Tenant::execution`]): it stands for
    /// the newest run of that id, and [`Execution::describe`] gives that run's id.
    pub fn run_id(&self) -> Uuid {
        match &self.target {
            Target::Id(_) => Uuid::nil(),
            Target::Run { key, .. } => key.run,
        }
    }

    /// The same run, with the types of its workflow.
    pub fn typed<V: Typed>(self) -> Execution<V> {
        Execution::new(self.tenant, self.target)
    }

    /// Waits for the end of the run and returns its output or its error. Follows retries, reruns and
    /// continued runs. Waits also while the run is stuck, until a build can continue it.
    ///
    /// # Errors
    /// The run's own error; `NotFound` when there is no such run.
    pub async fn result(&self) -> Result<W::Output> {
        let run = self.resolve().await?;
        if let Target::Id(_) = &self.target {
            self.view(run).await?; // else it would be waited for without end
        }
        let (certain, news) = match &self.target {
            Target::Id(_) => (true, None),
            Target::Run { certain, news, .. } => (*certain, news.take()),
        };
        let outcome = outcome::wait(self.inner(), run, certain, news).await?;
        self.output(outcome)?.decode()
    }

    /// The output if the run has ended, `None` while it is open.
    ///
    /// # Errors
    /// The run's own error; `NotFound` when there is no such run.
    pub async fn try_result(&self) -> Result<Option<W::Output>> {
        let mut run = self.resolve().await?;
        loop {
            let Some(outcome) = self.inner().outcome(run).await? else {
                self.view(run).await?; // it is open, or does not exist
                return Ok(None);
            };
            match outcome.successor {
                Some(next) => run = RunKey::of_run(run.tenant, next),
                None => return self.output(outcome)?.decode().map(Some),
            }
        }
    }

    fn output(&self, outcome: Outcome) -> Result<Payload> {
        let workflow = W::WORKFLOW.unwrap_or_default();
        outcome::output(outcome).map_err(|error| error.through_run(workflow, self.id()))
    }

    /// Status, version, attempts, error, and what it is waiting for.
    ///
    /// # Errors
    /// `NotFound` when there is no such run.
    pub async fn describe(&self) -> Result<Description> {
        let run = self.resolve().await?;
        Ok(Description::from(self.view(run).await?))
    }

    /// The value that the workflow has published last under this name
    /// ([`set_query`](crate::context::WorkflowContext::set_query)); `None` until it has. It is read from the database: no worker is
    /// asked, and none need be there. It stays after the end of the run.
    ///
    /// # Errors
    /// `NotFound` when there is no such run; `Decode` when the value is no `T`.
    pub async fn query<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let access = Access::new(self.tenant.clone());
        match layered(Query { access, exec: self, name }).await? {
            Some(json) => Payload::from_json(json)
                .decode()
                .map(Some)
                .map_err(|error| error.context_of("published value", name)),
            None => Ok(None),
        }
    }

    /// Follows the items that the run publishes
    /// ([`WorkflowContext::publish`](crate::context::WorkflowContext::publish),
    /// [`ActivityContext::publish`](crate::context::ActivityContext::publish)): those that are there, then those that
    /// come, until it has ended. It is read from the database, by as many readers as you like.
    pub fn stream<T: DeserializeOwned>(&self) -> ProgressStream<T> {
        ProgressStream::new(self.tenant.clone(), self.clone().typed())
    }

    /// Its run, which exists.
    pub(super) async fn existing(&self) -> Result<RunKey> {
        let run = self.resolve().await?;
        self.view(run).await.map(|view| view.key)
    }

    /// All events of the run, in order.
    ///
    /// # Errors
    /// `NotFound` when there is no such run; an error when its journal cannot be read.
    pub async fn history(&self) -> Result<Vec<HistoryEvent>> {
        let run = self.resolve().await?;
        let view = self.view(run).await?; // first: the journal of a run that has ended is complete
        history::decode(&view, &self.inner().store.history(run).await?)
    }

    /// Exports the run's history as a document, which can be kept in a file and replayed by other builds:
    /// `exec.export().await?.to_json()?`. Changes nothing.
    ///
    /// # Errors
    /// `NotFound` when there is no such run; an error when its journal cannot be read.
    pub async fn export(&self) -> Result<History> {
        let run = self.resolve().await?;
        let view = self.view(run).await?;
        History::of_rows(&view, &self.inner().store.history(run).await?)
    }

    /// Sends a signal; await it. It is delivered once, in the order of the commits, also when the
    /// run does not wait for it yet.
    pub fn signal<'t, T: Serialize>(&self, name: impl Into<String>, payload: &T) -> SendSignal<'t> {
        let to = Ok((self.tenant.clone(), self.target.clone()));
        SendSignal::new(to, name.into(), payload)
    }

    /// Sends a signal of a type that `#[signal]` named; await it.
    pub fn send<'t, S: Signal>(&self, signal: S) -> SendSignal<'t> {
        self.signal(S::NAME, &signal)
    }

    /// Sends an update of a type that has `#[update]`, and waits for the reply of the workflow; await it. The workflow
    /// receives it once, in the order of the commits.
    ///
    /// # Errors
    /// See [`PendingUpdate::reply`](super::PendingUpdate::reply) and [`SendUpdate::send`].
    pub fn update<'t, U: Update>(&self, update: U) -> SendUpdate<'t, U> {
        SendUpdate::new(Ok((self.tenant.clone(), self.target.clone())), &update)
    }

    /// Requests cancellation; await it. The workflow gets an error at its next durable operation
    /// and may clean up under `ctx.shield`. A run whose start is delayed ends at once. A run that is stuck,
    /// or that no worker serves, gets the request when it continues: until then `describe()` reports it, and
    /// [`terminate`](Self::terminate) does not wait.
    pub fn cancel<'t>(&self) -> Cancel<'t> {
        Cancel::new(self.tenant.clone(), self.target.clone())
    }

    /// Ends the run at once, whatever it is doing, without running its code. A run that has ended
    /// does not change. Its open children are asked to cancel, or terminated too, or go on, as their
    /// [close policy](crate::calls::ChildCall::close_policy) says.
    ///
    /// # Errors
    /// `NotFound` when there is no such run.
    pub async fn terminate(&self, why: impl AsRef<str>) -> Result<()> {
        let run = self.resolve().await?;
        let view = self.view(run).await?;
        let limit = self.inner().payload_limit();
        check_size(why.as_ref().len(), limit, || "reason of a termination".to_owned())?;
        let (record, close) = terminated(why.as_ref())?;
        let messages: Vec<_> =
            message_to_parent(run, view.spec.parent, &close).into_iter().collect();
        if self.inner().store.terminate(run, &record, &close, &messages).await? {
            self.inner().hints.terminated(run);
        }
        Ok(())
    }

    /// Retries a stuck run now, instead of after its pause. A run that ends its workers is retried once, by a
    /// worker that runs no other such run: deploy a build with a fix first. `false`: the run is not stuck.
    ///
    /// # Errors
    /// `NotFound` when there is no such run.
    pub async fn retry_stuck(&self) -> Result<bool> {
        let run = self.resolve().await?;
        self.view(run).await?;
        let again = self.inner().store.retry_stuck(run).await?;
        if again {
            self.inner().hints.unsure();
        }
        Ok(again)
    }

    fn inner(&self) -> &Inner {
        &self.tenant.inner
    }

    async fn resolve(&self) -> Result<RunKey> {
        Access::new(self.tenant.clone()).resolve(&self.target).await
    }

    /// The same run, by way of another engine.
    #[cfg(feature = "testing")]
    pub(crate) fn through(&self, tenant: &Tenant) -> Self {
        let target = match self.target.clone() {
            Target::Run { key, workflow_id, certain, .. } => {
                Target::Run { key, workflow_id, certain, news: FirstNews::default() }
            }
            id => id,
        };
        Self::new(tenant.clone(), target)
    }

    /// Everything the store knows of the run, for the testing kit.
    #[cfg(feature = "testing")]
    pub(crate) async fn look(&self) -> Result<(std::sync::Arc<dyn crate::store::Store>, RunView)> {
        let view = self.view(self.resolve().await?).await?;
        Ok((std::sync::Arc::clone(&self.inner().store), view))
    }

    async fn view(&self, run: RunKey) -> Result<RunView> {
        let view = self.inner().store.describe(run).await?;
        let view = view.ok_or_else(|| no_such_run(&format!("`{}`", self.id())))?;
        match W::WORKFLOW {
            Some(name) if name != &*view.spec.workflow => Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "run `{}` is of workflow `{}`, not `{name}`",
                    self.id(),
                    view.spec.workflow
                ),
            )),
            _ => Ok(view),
        }
    }
}

/// The journal row and the end of a run that is terminated.
pub(super) fn terminated(why: &str) -> Result<(Vec<u8>, Close)> {
    let why = storable(why.to_owned());
    let record = journal::terminated(clock::system_time().into(), &why)?;
    Ok((record, closed(RunStatus::Terminated, None, Some(&termination(&why)), None)))
}

/// A query of a value that the run has published.
struct Query<'e, W: Typed> {
    access: Access<'e>,
    exec: &'e Execution<W>,
    name: &'e str,
}

impl<W: Typed> Layered for Query<'_, W> {
    type Output = Option<String>;

    fn access(&self) -> Option<&Access<'_>> {
        Some(&self.access)
    }

    fn describe(&self) -> ClientCall {
        ClientCall::new(ClientVerb::Query, self.access()).to(&self.exec.target).named(self.name)
    }

    async fn call(self) -> Result<Option<String>> {
        let run = self.exec.resolve().await?;
        match self.exec.inner().store.query(run, self.name).await? {
            Some(json) => Ok(Some(json)),
            None => self.exec.view(run).await.map(|_| None),
        }
    }
}
