//! Starting a run: its options, their limits, and what happens when the id exists.

use std::borrow::Cow;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use super::access::Access;
use super::execution::{AnyWorkflow, Execution, Target, Typed, terminated};
use super::layer::{ClientCall, ClientVerb, Layered, layered};
use super::local_workers::Begun;
use super::tenant::Tenant;
use super::waiters::FirstNews;
use crate::attribute::check_count;
use crate::definition::{Workflow, WorkflowOptions};
use crate::ending::message_to_parent;
use crate::error::{Error, ErrorKind, Result};
use crate::headers::Headers;
use crate::ids::RunKey;
use crate::limits::{check_duration, check_limit, check_name, check_time};
use crate::payload::Payload;
use crate::registry::Registry;
use crate::retry::RetryPolicy;
use crate::store::{
    AttributeValue, Attributes, ConflictPolicy, InTransaction, NewRun, RunSpec, Started,
    check_workflow,
};

/// Starts a run; await it to get the run's [`Execution`].
#[cfg_attr(not(doctest), doc = include_str!("docs/start.md"))]
#[must_use = "nothing is started unless this is awaited"]
pub struct Start<'t, W: Typed> {
    access: Result<Access<'t>>,
    called: StartOf,
    input: Result<Payload>,
    options: Options,
    workflow: PhantomData<fn() -> W>,
}

/// The workflow that is started.
struct StartOf {
    name: Cow<'static, str>,
    version: u32,
    options: WorkflowOptions,
}

impl StartOf {
    fn of<W: Workflow>() -> Self {
        Self { name: W::NAME.into(), version: W::VERSION, options: W::options() }
    }
}

/// The definitions of this program.
static KNOWN: LazyLock<Registry> = LazyLock::new(Registry::all);

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
    attributes: Attributes,
    headers: Headers,
}

impl<'t, W: Workflow> Start<'t, W> {
    pub(super) fn new(tenant: Result<Tenant>, input: W::Input) -> Self {
        Self {
            access: tenant.map(Access::new),
            called: StartOf::of::<W>(),
            input: Payload::column(&input).map_err(|e| e.context_of("input", W::NAME)),
            options: Options::default(),
            workflow: PhantomData,
        }
    }

    /// A start whose input is encoded already.
    #[cfg(feature = "testing")]
    pub(crate) fn of_payload(tenant: &Tenant, input: Payload) -> Self {
        Self {
            access: Ok(Access::new(tenant.clone())),
            called: StartOf::of::<W>(),
            input: Ok(input),
            options: Options::default(),
            workflow: PhantomData,
        }
    }
}

impl<'t> Start<'t, AnyWorkflow> {
    /// Of a workflow by its name. Where the program has its definition, the input is read and written again as
    /// its own, and the start has its options.
    pub(super) fn untyped(
        tenant: Tenant,
        name: String,
        version: impl Into<Option<u32>>,
        input: &serde_json::Value,
    ) -> Self {
        let version = version.into();
        let newest =
            || KNOWN.workflows().filter(|def| def.name == name).map(|def| def.version).max();
        let known = version.or_else(newest).ok_or_else(|| unknown_version(&name));
        let version = *known.as_ref().unwrap_or(&0);
        let def = KNOWN.workflow(&name, version);
        let input = known.and_then(|_| Payload::column(input)).and_then(|input| match def {
            Some(def) => (def.restate)(&input),
            None => Ok(input),
        });
        let options = def.map(|def| def.options.clone()).unwrap_or_default();
        let called = StartOf { name: name.into(), version, options };
        let access = check_name("workflow name", &called.name).map(|()| Access::new(tenant));
        Self { access, called, input, options: Options::default(), workflow: PhantomData }
    }
}

impl<'t, W: Typed> Start<'t, W> {
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

    /// The earliest start, by the database's clock; a time in the past starts the run at once. At most
    /// the year 9999.
    pub fn start_at(mut self, time: SystemTime) -> Self {
        self.options.start_at = Some(time);
        self
    }

    /// The delay before the start, by the database's clock; at most 100 years.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.options.delay = Some(delay);
        self
    }

    /// The time limit of the run, counted from its first turn; after it the run ends as timed out.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    /// The queue whose workers run it. Default: the workflow's, else `"default"`.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.options.queue = Some(queue.into());
        self
    }

    /// The priority: runs with lower numbers are claimed first. Default 0.
    pub fn priority(mut self, priority: i16) -> Self {
        self.options.priority = priority;
        self
    }

    /// The retry policy of the run as a whole, for retryable errors. Default: the workflow's policy,
    /// else none.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry = Some(policy);
        self
    }

    /// A search attribute of the run: text, an integer, a time or a truth value, by which
    /// [lists](crate::engine::List::attribute) find it. At most 32; the last value of a name counts.
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        self.options.attributes.insert(name.into(), value.into());
        self
    }

    /// A header of the run: a trace context, the id of a user. The run's code, its activities and its children read it,
    /// and so do the runs that go on in its place; signals that the run sends carry it. See [`Headers`].
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.headers.insert(name, value);
        self
    }

    /// Starts the run inside a transaction of the application: the run exists if and when that commits.
    /// The engine neither commits nor rolls back the transaction.
    pub fn with_tx<S, T: InTransaction<S>>(mut self, tx: &'t T) -> Self {
        self.access = self.access.map(|access| access.within(tx));
        self
    }

    /// The call, as layers see it.
    pub(super) fn as_call(&self, verb: ClientVerb) -> ClientCall {
        ClientCall {
            workflow: Some(self.called.name.to_string()),
            id: self.options.id.clone(),
            headers: self.options.headers.clone(),
            ..ClientCall::new(verb, self.access())
        }
    }

    pub(super) fn headers(&mut self) -> &mut Headers {
        &mut self.options.headers
    }

    /// Whether what it does exists at once: no transaction of the application's has to be committed.
    pub(super) fn is_certain(&self) -> bool {
        self.access.as_ref().map_or(true, Access::is_certain)
    }

    /// The run to start, and where.
    pub(super) fn checked(self) -> Result<(Access<'t>, NewRun)> {
        let access = self.access?;
        let limit = access.tenant.inner.payload_limit();
        let new = self.options.into_run(self.called, &access.tenant, self.input?, limit)?;
        Ok((access, new))
    }
}

impl<'t, W: Typed> IntoFuture for Start<'t, W> {
    type Output = Result<Execution<W>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 't>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(layered(self))
    }
}

impl<W: Typed> Layered for Start<'_, W> {
    type Output = Execution<W>;

    fn access(&self) -> Option<&Access<'_>> {
        self.access.as_ref().ok()
    }

    fn describe(&self) -> ClientCall {
        self.as_call(ClientVerb::Start)
    }

    fn set_headers(&mut self, headers: Headers) {
        self.options.headers = headers;
    }

    async fn call(self) -> Result<Execution<W>> {
        let (access, new) = self.checked()?;
        start(&access, new).await
    }
}

impl Options {
    fn into_run(
        self,
        called: StartOf,
        tenant: &Tenant,
        input: Payload,
        limit: usize,
    ) -> Result<NewRun> {
        let StartOf { name, version, options: defaults } = called;
        let queue = self.queue.or_else(|| defaults.queue.map(Into::into));
        let queue: Arc<str> = queue.as_deref().unwrap_or("default").into();
        check_name("queue", &queue)?;
        if let Some(id) = &self.id {
            check_name("workflow id", id)?;
        }
        check_duration("delay", self.delay)?;
        check_time("time of start_at", self.start_at)?;
        let timeout = self.timeout.or(defaults.timeout);
        check_limit("timeout", timeout)?;
        let retry = self.retry.or(defaults.retry).map(RetryPolicy::by_name);
        let of = || format!("workflow `{name}`");
        retry.as_ref().map_or(Ok(()), |policy| policy.check(&of()))?;
        let input = input.within(limit, || format!("input of workflow `{name}`"))?;
        check_count("the start", self.attributes.len())?;
        self.attributes.iter().try_for_each(|(name, value)| value.check(name))?;
        self.headers.check("the start")?;
        let attributes = Some(self.attributes).filter(|given| !given.is_empty()).map(Box::new);
        let key = RunKey::new(tenant.id(), self.id.as_deref());
        let spec = RunSpec {
            workflow_id: self.id.map(Into::into),
            workflow: name.as_ref().into(),
            version,
            queue,
            priority: self.priority,
            input: input.as_json().unwrap_or("null").into(),
            attempt: 1,
            retry,
            timeout,
            parent: None,
            predecessor: None,
            headers: self.headers,
        };
        Ok(NewRun {
            on_conflict: self.on_conflict,
            start_at: self.start_at.map(Into::into),
            delay: self.delay,
            attributes,
            ..NewRun::new(key, spec)
        })
    }
}

/// How often a start that terminates the existing run tries again when another one comes between.
const TRIES: usize = 5;

pub(super) async fn start<W: Typed>(access: &Access<'_>, new: NewRun) -> Result<Execution<W>> {
    for _ in 0..TRIES {
        let Begun { started, news } = access.start(&new).await?;
        match started {
            Started::Created => {
                access.tell_of_start(&new);
                return Ok(execution(access, &new, new.key, news));
            }
            Started::Owned { .. } => return Ok(execution(access, &new, new.key, news)),
            Started::Held => return Err(contended(&new)), // it has been waited for
            Started::Exists(key) if new.on_conflict == ConflictPolicy::TerminateExisting => {
                let (record, close) = terminated("a new run with the same id was started")?;
                let existing = access.store().describe(key).await?;
                let parent = existing.and_then(|view| view.spec.parent);
                let messages: Vec<_> = message_to_parent(key, parent, &close).into_iter().collect();
                access.store().terminate(key, &record, &close, &messages).await?;
                access.tell_of_end(key);
            }
            Started::Exists(key) => {
                let existing = access.store().describe(key).await?;
                let workflow = existing.as_ref().map(|view| &*view.spec.workflow);
                check_workflow(&new, workflow)?;
                return Ok(execution(access, &new, key, FirstNews::default()));
            }
        }
    }
    Err(contended(&new))
}

pub(super) fn execution<W: Typed>(
    access: &Access<'_>,
    new: &NewRun,
    key: RunKey,
    news: FirstNews,
) -> Execution<W> {
    let workflow_id = new.spec.workflow_id.as_deref().map(str::to_owned);
    let target = Target::Run { key, workflow_id, certain: access.is_certain(), news };
    Execution::new(access.tenant.clone(), target)
}

fn contended(new: &NewRun) -> Error {
    let id = new.spec.workflow_id.as_deref().unwrap_or_default();
    Error::new(
        ErrorKind::AlreadyExists,
        format!("others keep starting runs with workflow id `{id}`; {TRIES} tries were not enough"),
    )
}

fn unknown_version(name: &str) -> Error {
    Error::invalid(format!(
        "this program has no workflow `{name}`, so it does not know its newest version: say which to start"
    ))
}
