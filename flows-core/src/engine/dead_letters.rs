//! Runs that failed: listing them, and starting them again.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::SystemTime;

use uuid::Uuid;

use super::access::Access;
use super::execution::{AnyWorkflow, Execution, Target};
use super::fork::from_failure;
use super::list::check_limit;
use super::outcome;
use super::tenant::{RerunOf, Tenant};
use super::waiters::FirstNews;
use crate::error::{Error, Result, storable};
use crate::ids::RunKey;
use crate::payload::check_size;
use crate::store::{self, InTransaction, NewRun, RunView, no_such_run};

/// A run that failed and can be rerun.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The application's id for it; the run id, where the start gave none.
    pub workflow_id: String,
    /// The run id.
    pub run_id: Uuid,
    /// Workflow name.
    pub workflow: String,
    /// Workflow version.
    pub version: u32,
    /// The error it ended with.
    pub error: Option<Error>,
    /// When it failed.
    pub failed_at: SystemTime,
    /// The attempt that failed, from 1.
    pub attempt: u32,
    /// When it was [dismissed](DeadLetters::dismiss), and why.
    pub dismissed: Option<(SystemTime, String)>,
}

impl From<store::DeadLetterRow> for DeadLetter {
    fn from(dead: store::DeadLetterRow) -> Self {
        Self {
            workflow_id: dead.workflow_id.unwrap_or_else(|| dead.key.run.to_string()),
            run_id: dead.key.run,
            workflow: dead.workflow,
            version: dead.version,
            error: outcome::error(dead.error.as_deref()),
            failed_at: dead.failed_at.into(),
            attempt: dead.attempt,
            dismissed: dead.dismissed_at.map(|at| (at.into(), dead.reason.unwrap_or_default())),
        }
    }
}

/// The dead letters of a tenant.
pub struct DeadLetters {
    tenant: Tenant,
    limit: usize,
    dismissed: bool,
}

impl DeadLetters {
    pub(super) fn new(tenant: Tenant) -> Self {
        Self { tenant, limit: 100, dismissed: false }
    }

    /// Maximum number of runs, from 1 to 10,000. Default 100.
    #[must_use]
    pub fn limit(mut self, letters: usize) -> Self {
        self.limit = letters;
        self
    }

    /// Lists the dead letters that were dismissed, instead of the others.
    #[must_use]
    pub fn dismissed(mut self) -> Self {
        self.dismissed = true;
        self
    }

    /// Dismisses a dead letter: nobody is going to rerun it. Await it. The dead letter is no longer listed, unless
    /// [asked for](Self::dismissed); it stays, with the reason, and can still be rerun.
    pub fn dismiss<'t>(
        &self,
        dead_letter: impl Into<RerunOf>,
        reason: impl Into<String>,
    ) -> Dismiss<'t> {
        let access = Access::new(self.tenant.clone());
        Dismiss { access, run: dead_letter.into().run(), reason: reason.into() }
    }

    /// The dead letters, newest first.
    ///
    /// # Errors
    /// When the limit is out of range, or the database cannot be reached.
    pub async fn list(&self) -> Result<Vec<DeadLetter>> {
        check_limit(self.limit)?;
        let store = &self.tenant.inner.store;
        let dead = store.dead_letters(self.tenant.id(), self.limit, self.dismissed).await?;
        Ok(dead.into_iter().map(DeadLetter::from).collect())
    }
}

/// Dismisses a dead letter when awaited.
#[must_use = "nothing is dismissed unless this is awaited"]
pub struct Dismiss<'t> {
    access: Access<'t>,
    run: Uuid,
    reason: String,
}

impl<'t> Dismiss<'t> {
    /// Dismisses it inside a transaction of the application.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.access = self.access.within(tx);
        self
    }

    async fn run(self) -> Result<()> {
        let limit = self.access.tenant.inner.payload_limit();
        check_size(self.reason.len(), limit, || "reason of a dismissal".to_owned())?;
        let dead = RunKey::of_run(self.access.tenant.id(), self.run);
        self.access.store().dismiss(dead, &storable(self.reason)).await
    }
}

impl<'t> IntoFuture for Dismiss<'t> {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Starts a dead letter again when awaited.
#[must_use = "nothing is started unless this is awaited"]
pub struct Rerun<'t> {
    access: Result<Access<'t>>,
    run: Uuid,
    from_failure: bool,
}

impl<'t> Rerun<'t> {
    pub(super) fn new(tenant: Result<Tenant>, run: Uuid) -> Self {
        Self { access: tenant.map(Access::new), run, from_failure: false }
    }

    /// Goes on from the failure, instead of from the beginning: the finished steps of the failed run keep their
    /// results, and are not done again; the step that failed is tried again, under the same idempotency key, with
    /// all its attempts; so are steps that had not finished. Signals that the run has received or not read are
    /// kept. A run that failed by an error of its own, or by its time limit, decides its last turn again.
    ///
    /// It is refused where the run has done something behind its failure, such as undoing steps: those would be
    /// taken for done. Then rerun it from the beginning, or say with [`fork`](Tenant::fork) or
    /// [`reset`](Tenant::reset) what to keep.
    pub fn from_failure(mut self) -> Self {
        self.from_failure = true;
        self
    }

    /// Starts the run inside a transaction of the application.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.access = self.access.map(|access| access.within(tx));
        self
    }

    async fn run(self) -> Result<Execution<AnyWorkflow>> {
        let access = self.access?;
        if self.from_failure {
            return from_failure(&access, self.run).await;
        }
        let dead = RunKey::of_run(access.tenant.id(), self.run);
        let view = access.store().describe(dead).await?;
        let new = again(&view.ok_or_else(|| no_such_run(&dead.run.to_string()))?);
        access.store().rerun(dead, &new).await?;
        access.tell_of_start(&new);
        let workflow_id = new.spec.workflow_id.as_deref().map(str::to_owned);
        let (certain, news) = (access.is_certain(), FirstNews::default());
        let target = Target::Run { key: new.key, workflow_id, certain, news };
        Ok(Execution::new(access.tenant, target))
    }
}

impl<'t> IntoFuture for Rerun<'t> {
    type Output = Result<Execution<AnyWorkflow>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The same run from its beginning.
fn again(dead: &RunView) -> NewRun {
    let attributes = Some(&dead.attributes).filter(|it| !it.is_empty()).cloned().map(Box::new);
    let run = NewRun::new(dead.key.successor(), dead.spec.successor(dead.key.run));
    NewRun { attributes, ..run }
}
