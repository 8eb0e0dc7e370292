//! Starting a run: its options, their limits, and the three ways to deal with an id that exists.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::execution::{Execution, Target, terminated};
use super::intakes::Begun;
use super::tenant::Tenant;
use super::waiters::FirstNews;
use crate::definition::Workflow;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RunKey;
use crate::limits::{check_duration, check_name, check_time};
use crate::payload::Payload;
use crate::retry::RetryPolicy;
use crate::store::{ConflictPolicy, InTransaction, NewRun, RunSpec, RunView, Started, Transaction};

/// Starts a run; await it to get the run's [`Execution`].
#[cfg_attr(not(doctest), doc = include_str!("docs/start.md"))]
#[must_use = "nothing is started unless this is awaited"]
pub struct Start<'t, W: Workflow> {
    tenant: Result<Tenant>,
    input: Result<Payload>,
    options: Options,
    tx: Option<Box<dyn Transaction + 't>>,
    workflow: PhantomData<fn() -> W>,
}

#[derive(Default)]
struct Options {
    id: Option<String>,
    on_conflict: ConflictPolicy,
    start_at: Option<SystemTime>,
    delay: Option<Duration>,
    timeout: Option<Duration>,
    queue: Option<String>,
    priority: i16,
    retry: Option<RetryPolicy>,
}

impl<'t, W: Workflow> Start<'t, W> {
    pub(super) fn new(tenant: Result<Tenant>, input: W::Input) -> Self {
        Self {
            tenant,
            input: Payload::column(&input).map_err(|e| e.context_of("input", W::NAME)),
            options: Options::default(),
            tx: None,
            workflow: PhantomData,
        }
    }

    /// A start whose input is encoded already.
    #[cfg(feature = "testing")]
    pub(crate) fn of_payload(tenant: &Tenant, input: Payload) -> Self {
        Self {
            tenant: Ok(tenant.clone()),
            input: Ok(input),
            options: Options::default(),
            tx: None,
            workflow: PhantomData,
        }
    }

    /// The application's id for the run, 1 to 255 bytes: an idempotency key within the tenant,
    /// for as long as the run is kept. Default: the run id.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options.id = Some(id.into());
        self
    }

    /// What to do when a run with this id exists. Default: [`ConflictPolicy::Reject`].
    pub fn on_conflict(mut self, policy: ConflictPolicy) -> Self {
        self.options.on_conflict = policy;
        self
    }

    /// Not before this time, by the database's clock; one in the past starts at once. Until the
    /// year 9999.
    pub fn start_at(mut self, time: SystemTime) -> Self {
        self.options.start_at = Some(time);
        self
    }

    /// Not before this has passed, by the database's clock; at most 100 years.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.options.delay = Some(delay);
        self
    }

    /// The longest the run may take, from its first turn; then it ends as timed out.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    /// The queue whose workers run it. Default: the workflow's, else `"default"`.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.options.queue = Some(queue.into());
        self
    }

    /// Lower numbers are claimed first. Default 0.
    pub fn priority(mut self, priority: i16) -> Self {
        self.options.priority = priority;
        self
    }

    /// Starts the run again when it fails with a retryable error. Default: the workflow's policy,
    /// else none.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry = Some(policy);
        self
    }

    /// Starts inside a transaction of the application's: the run exists if and when it commits.
    /// The transaction is neither committed nor rolled back here.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        let store = self.tenant.as_ref().ok().map(|tenant| &*tenant.inner.store);
        self.tx = Some(tx.verbs_of(store));
        self
    }

    async fn run(self) -> Result<Execution<W>> {
        let tenant = self.tenant?;
        let limit = tenant.inner.payload_limit();
        let new = self.options.into_run::<W>(&tenant, self.input?, limit)?;
        match self.tx {
            Some(tx) => start_within::<W>(&tenant, &*tx, new).await,
            None => start::<W>(&tenant, new).await,
        }
    }
}

impl<'t, W: Workflow> IntoFuture for Start<'t, W> {
    type Output = Result<Execution<W>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Options {
    fn into_run<W: Workflow>(
        self,
        tenant: &Tenant,
        input: Payload,
        limit: usize,
    ) -> Result<NewRun> {
        let defaults = W::options();
        let queue = self.queue.or_else(|| defaults.queue.map(Into::into));
        let queue: Arc<str> = queue.as_deref().unwrap_or("default").into();
        check_name("queue", &queue)?;
        if let Some(id) = &self.id {
            check_name("workflow id", id)?;
        }
        check_duration("delay", self.delay)?;
        check_time("time of start_at", self.start_at)?;
        let timeout = self.timeout.or(defaults.timeout);
        check_duration("timeout", timeout)?;
        let input = input.within(limit, || format!("input of workflow `{}`", W::NAME))?;
        let key = RunKey::new(tenant.id(), self.id.as_deref());
        let spec = RunSpec {
            workflow_id: self.id.map(Into::into),
            workflow: W::NAME.into(),
            version: W::VERSION,
            queue,
            priority: self.priority,
            input: input.as_json().unwrap_or("null").into(),
            attempt: 1,
            retry: self.retry.or(defaults.retry).map(RetryPolicy::by_name),
            timeout,
            parent: None,
            predecessor: None,
        };
        Ok(NewRun {
            on_conflict: self.on_conflict,
            start_at: self.start_at.map(Into::into),
            delay: self.delay,
            ..NewRun::new(key, spec)
        })
    }
}

/// How often a start that terminates the existing run tries again when another one comes between.
const TRIES: usize = 5;

async fn start<W: Workflow>(tenant: &Tenant, new: NewRun) -> Result<Execution<W>> {
    let inner = &tenant.inner;
    for _ in 0..TRIES {
        let Begun { started, news } = inner.start(&new).await?;
        match started {
            Started::Created => {
                if new.delay.is_none() && new.start_at.is_none() {
                    inner.hints.ready(vec![new.key.shard]);
                }
                return Ok(created(tenant, &new, true, news));
            }
            Started::Owned { .. } => return Ok(created(tenant, &new, true, news)),
            Started::Held => return Err(contended(&new)), // it has been waited for
            Started::Exists(key) if new.on_conflict == ConflictPolicy::TerminateExisting => {
                let (record, close) = terminated("a new run with the same id was started")?;
                inner.store.terminate(key, &record, &close, &[]).await?;
                inner.hints.terminated(key);
            }
            Started::Exists(key) => {
                let view = inner.store.describe(key).await?;
                return existing(tenant, &new, key, view, true);
            }
        }
    }
    Err(contended(&new))
}

async fn start_within<W: Workflow>(
    tenant: &Tenant,
    tx: &dyn Transaction,
    new: NewRun,
) -> Result<Execution<W>> {
    for _ in 0..TRIES {
        match tx.start(&new).await? {
            Started::Created | Started::Owned { .. } => {
                tenant.inner.hints.soon(new.key.shard);
                return Ok(created(tenant, &new, false, FirstNews::default()));
            }
            Started::Exists(key) if new.on_conflict == ConflictPolicy::TerminateExisting => {
                let (record, close) = terminated("a new run with the same id was started")?;
                tx.terminate(key, &record, &close, &[]).await?;
            }
            Started::Exists(key) => {
                let view = tx.describe(key).await?;
                return existing(tenant, &new, key, view, false);
            }
            Started::Held => return Err(contended(&new)), // a transaction waits by itself
        }
    }
    Err(contended(&new))
}

fn created<W: Workflow>(
    tenant: &Tenant,
    new: &NewRun,
    certain: bool,
    news: FirstNews,
) -> Execution<W> {
    let workflow_id = new.spec.workflow_id.as_deref().map(str::to_owned);
    Execution::new(tenant.clone(), Target::Run { key: new.key, workflow_id, certain, news })
}

/// The run that exists, if it is of the same workflow.
fn existing<W: Workflow>(
    tenant: &Tenant,
    new: &NewRun,
    key: RunKey,
    view: Option<RunView>,
    certain: bool,
) -> Result<Execution<W>> {
    let other =
        view.map(|view| Arc::clone(&view.spec.workflow)).filter(|name| *name != new.spec.workflow);
    if let Some(other) = other {
        let id = new.spec.workflow_id.as_deref().unwrap_or_default();
        return Err(Error::new(
            ErrorKind::AlreadyExists,
            format!(
                "workflow id `{id}` belongs to a run of workflow `{other}`, not `{}`; ids are \
                 shared by all workflows of a tenant",
                new.spec.workflow
            ),
        ));
    }
    let workflow_id = new.spec.workflow_id.as_deref().map(str::to_owned);
    let news = FirstNews::default();
    Ok(Execution::new(tenant.clone(), Target::Run { key, workflow_id, certain, news }))
}

fn contended(new: &NewRun) -> Error {
    let id = new.spec.workflow_id.as_deref().unwrap_or_default();
    Error::new(
        ErrorKind::AlreadyExists,
        format!("others keep starting runs with workflow id `{id}`; {TRIES} tries were not enough"),
    )
}
